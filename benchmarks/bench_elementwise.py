"""Arithmetic against NumPy, both writing into arrays that are there already.   python benchmarks/bench_elementwise.py [threads]"""

import numpy as np
from turns import beside_numpy, threads_from_command_line

from pydl.backends import cpu as B

rng = np.random.default_rng(0)


def two(name, x_shape, y_shape):
    x, y = rng.standard_normal(x_shape, np.float32), rng.standard_normal(y_shape, np.float32)
    a, b, z = B.from_numpy(x), B.from_numpy(y), np.empty(np.broadcast_shapes(x_shape, y_shape), np.float32)
    c = B.empty(z.shape, "float32")
    kernel, ufunc = getattr(B, name), getattr(np, name)
    beside_numpy(f"{name} {x_shape} {y_shape}", lambda: kernel(a, b, c) or c, lambda: ufunc(x, y, out=z))


def one(name, n, positive=False):
    x = rng.standard_normal(n, np.float32)
    x = np.abs(x) if positive else x
    a, y, z = B.from_numpy(x), B.empty((n,), "float32"), np.empty_like(x)
    kernel, ufunc = getattr(B, name), getattr(np, name)
    beside_numpy(f"{name} {n}", lambda: kernel(a, y) or y, lambda: ufunc(x, out=z))


if __name__ == "__main__":
    threads_from_command_line()
    for shape in ((32,), (4096,), (1 << 20,)):
        two("add", shape, shape)
    two("multiply", (1 << 20,), ())
    two("add", (1024, 1024), (1024,))
    two("add", (1024, 1024), (1024, 1))
    two("add", (64, 56, 56, 3), (3,))
    two("multiply", (64, 1, 28, 16), (64, 28, 1, 16))
    two("maximum", (1 << 20,), (1 << 20,))
    for name in ("exp", "expm1", "square", "sin"):
        one(name, 1 << 20)
    for name in ("log", "log1p", "sqrt"):
        one(name, 1 << 20, positive=True)
