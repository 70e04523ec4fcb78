"""Activations against NumPy formulas, forward and backward.   python benchmarks/bench_activation.py [threads]"""

import numpy as np
from turns import beside_numpy, threads_from_command_line

from pydl.backends import cpu as B

rng = np.random.default_rng(0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


FORMULAS = {
    "relu": (lambda x: np.maximum(x, 0), lambda dy, y: dy * (y > 0)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), lambda dy, y: dy * y * (1 - y)),
    "tanh": (np.tanh, lambda dy, y: dy * (1 - y * y)),
    "softplus": (lambda x: np.logaddexp(0, x), lambda dy, y: -dy * np.expm1(-y)),
    "selu": (lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
             lambda dy, y: dy * np.where(y > 0, np.float32(1.0507009873554805), y + np.float32(1.7580993408473766))),
}


def pointwise(name, n):
    x, dy = rng.standard_normal((2, n), np.float32)
    y = FORMULAS[name][0](x).astype(np.float32)
    a, d, k, out = B.from_numpy(x), B.from_numpy(dy), B.from_numpy(y), B.empty((n,), "float32")
    forward, backward = getattr(B, f"{name}_forward"), getattr(B, f"{name}_backward")
    beside_numpy(f"{name} {n}", lambda: forward(a, out) or out, lambda: FORMULAS[name][0](x))
    beside_numpy(f"{name} backward {n}", lambda: backward(d, k, out) or out, lambda: FORMULAS[name][1](dy, y))


def rows(n, c):
    x, dy = rng.standard_normal((2, n, c), np.float32)
    y = softmax(x)
    a, d, k, out = B.from_numpy(x), B.from_numpy(dy), B.from_numpy(y), B.empty((n, c), "float32")
    beside_numpy(f"softmax ({n}, {c})", lambda: B.softmax_forward(a, out) or out, lambda: softmax(x))
    beside_numpy(f"softmax backward ({n}, {c})", lambda: B.softmax_backward(d, k, out) or out, lambda: y * (dy - (dy * y).sum(-1, keepdims=True)))


if __name__ == "__main__":
    threads_from_command_line()
    for name in FORMULAS:
        pointwise(name, 1 << 20)
    for n, c in ((64, 10), (4096, 10), (1000, 100), (256, 1000), (64, 30000)):
        rows(n, c)
