"""The dense layer and matrix products, by loops over their indices in float64."""
import numpy as np


def dense(x, weight, bias=None, activation=None):
    y = np.zeros((*x.shape[:-1], weight.shape[1]))
    for i in np.ndindex(x.shape[:-1]):
        for j in range(weight.shape[1]):
            y[i][j] = sum((x[i][p] * weight[p, j] for p in range(weight.shape[0])), 0.0 if bias is None else bias[j])
    return {None: lambda: y, "relu": lambda: np.maximum(y, 0), "tanh": lambda: np.tanh(y)}[activation]()


def layer(x, kernel, bias=None, units=None, use_bias=True, activation=None): return dense(x, kernel, bias, activation)


def matmul(x, y):
    a, b = x[None] if x.ndim == 1 else x, y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, batch + a.shape[-2:]), np.broadcast_to(b, batch + b.shape[-2:])
    z = np.zeros((*batch, a.shape[-2], b.shape[-1]))
    for i in np.ndindex(z.shape):
        z[i] = sum(a[(*i[:-1], p)] * b[(*i[:-2], p, i[-1])] for p in range(a.shape[-1]))
    if y.ndim == 1:
        z = z[..., 0]
    return z[0] if x.ndim == 1 and y.ndim == 1 else z[..., 0, :] if x.ndim == 1 else z


def tensordot(x, y, axes=2):
    if isinstance(axes, int):
        axes = range(x.ndim - axes, x.ndim), range(axes)
    first, second = ([a] if isinstance(a, int) else [b % v.ndim for b in a] for a, v in zip(axes, (x, y)))
    left, right = [a for a in range(x.ndim) if a not in first], [a for a in range(y.ndim) if a not in second]
    z = np.zeros([x.shape[a] for a in left] + [y.shape[a] for a in right])
    for i in np.ndindex(z.shape):
        for p in np.ndindex(*[x.shape[a] for a in first]):
            at_x, at_y = dict(zip(left + list(first), i[:len(left)] + p)), dict(zip(list(second) + right, p + i[len(left):]))
            z[i] += x[tuple(at_x[a] for a in range(x.ndim))] * y[tuple(at_y[a] for a in range(y.ndim))]
    return z


def dot(x, y):
    if x.ndim <= 2 and y.ndim <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)]))


def outer(x, y): return tensordot(x.ravel(), y.ravel(), 0)
