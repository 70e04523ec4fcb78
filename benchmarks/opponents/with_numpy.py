"""NumPy: whole-array operations and BLAS, the way the course's assignments are written when they are written well."""
import numpy as np

name = "NumPy"


def start(threads):
    return np.__version__


def gemm(a, b):
    y = np.empty((a.shape[0], b.shape[1]), np.float32)
    return {"forward": (lambda: np.matmul(a, b, out=y), lambda y: [y])}


def conv(x, weight, bias, dy, settings):
    from bench_conv import Numpy

    _, _, filters, stride, padding, first = settings
    by = Numpy(x, weight, stride, (padding,) * 4)

    def both():
        y, dx, dw, db = by.both(dy, first)
        return y, dx, dw, db
    return {"forward": (by.forward, lambda y: [y.reshape(dy.shape) + bias]),
            "both": (both, lambda found: [found[0].reshape(dy.shape) + bias, *(() if first else (found[1],)), found[2].reshape(weight.shape), found[3]])}


def pool(x, dy, settings):
    from bench_pool import numpy_both, numpy_forward

    _, kind, k = settings
    return {"forward": (lambda: numpy_forward(kind, x, k, 2, *dy.shape[1:3]), lambda y: [y]), "both": (lambda: numpy_both(kind, x, dy, k, 2), list)}


def batch_norm(x, gamma, beta, dy):
    from bench_norm import numpy_norm

    axes = (0, 1, 2)
    return {"forward": (lambda: numpy_norm(x, gamma, beta, None, axes, axes), lambda y: [y]),
            "both": (lambda: numpy_norm(x, gamma, beta, dy, axes, axes), list)}


def cross_entropy(logits, labels):
    from bench_loss import numpy_loss

    return {"both": (lambda: numpy_loss(logits, labels), lambda found: [np.asarray(a) for a in found])}


def adam(weight, gradient):
    from bench_optim import NumpyAdam

    method = NumpyAdam([weight.copy()])
    for _ in range(3):
        method.step([gradient])
    after = method.ws[0].copy()
    return {"step": (lambda: method.step([gradient]), lambda _: [after])}
