"""Transpositions, joins and look-ups against NumPy.   python benchmarks/bench_move.py [threads]"""

import numpy as np
from turns import beside_numpy, threads_from_command_line

from pydl.backends import cpu as B
from pydl.ops.move import strides_of

rng = np.random.default_rng(0)


def transpose(shape, axes, dtype="float32"):
    x = rng.standard_normal(shape).astype(dtype)
    turned, steps = tuple(shape[k] for k in axes), strides_of(shape)
    a, y, z = B.from_numpy(x), B.empty(turned, dtype), np.empty(turned, dtype)
    strides, out = tuple(steps[k] for k in axes), strides_of(turned)
    beside_numpy(f"transpose {shape} {axes} {dtype}", lambda: B.strided_copy(a, 0, strides, y, 0, out, turned) or y,
            lambda: np.copyto(z, x.transpose(axes)) or z)


def look_up(rows, width, n):
    x, index = rng.standard_normal((rows, width), np.float32), rng.integers(0, rows, n)
    a, i, y, dx = B.from_numpy(x), B.from_numpy(index), B.empty((n, width), "float32"), B.empty((rows, width), "float32")
    beside_numpy(f"take {n} rows of ({rows}, {width})", lambda: B.take_rows(a, i, y) or y, lambda: x[index])
    dy, dense = x[index], np.zeros_like(x)

    def add_at():
        dense[:] = 0
        np.add.at(dense, index, dy)
        return dense
    beside_numpy("   its adjoint", lambda: B.scatter_rows(y, i, dx) or dx, add_at)


if __name__ == "__main__":
    threads_from_command_line()
    for shape, axes in (((1024, 1024), (1, 0)), ((64, 32, 32, 16), (0, 3, 1, 2)), ((64, 16, 32, 32), (0, 2, 3, 1)), ((64, 3, 56, 56), (0, 2, 3, 1)),
                        ((64, 56, 56, 3), (0, 3, 1, 2)), ((8, 64, 12, 32), (0, 2, 1, 3))):
        transpose(shape, axes)
    transpose((1024, 1024), (1, 0), "float64")
    look_up(50000, 100, 20000)
