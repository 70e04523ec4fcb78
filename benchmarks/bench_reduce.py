"""Reductions against NumPy (which adds float32 up in float32, ours in float64).   python benchmarks/bench_reduce.py [threads]"""

import numpy as np
from turns import beside_numpy, threads_from_command_line

from pydl.backends import cpu as B

rng = np.random.default_rng(0)


def over(shape, axes):
    x = rng.standard_normal(shape, np.float32)
    a, y = B.from_numpy(x), B.empty(x.sum(axis=axes).shape, "float32")
    beside_numpy(f"sum {shape} over {axes}", lambda: B.reduce_sum(a, axes, 1.0, y) or y, lambda: x.sum(axis=axes), tolerance=2e-2)
    beside_numpy(f"max {shape} over {axes}", lambda: B.reduce_max(a, axes, y) or y, lambda: x.max(axis=axes))


def extreme(n, c):
    x = rng.standard_normal((n, c), np.float32)
    a, y = B.from_numpy(x), B.empty((n,), "int32")
    beside_numpy(f"argmax ({n}, {c})", lambda: B.argmax(a, 1, y) or y, lambda: x.argmax(1))


if __name__ == "__main__":
    threads_from_command_line()
    for shape, axes in (((1 << 20,), (0,)), ((1024, 1024), (0,)), ((1024, 1024), (1,)), ((64, 32, 32, 16), (0, 1, 2)), ((64, 56, 56, 3), (0, 1, 2)),
                        ((100000, 10), (0,)), ((100000, 10), (1,)), ((64, 28, 28, 64), (1, 2))):
        over(shape, axes)
    for n, c in ((4096, 10), (1000, 100), (256, 1000)):
        extreme(n, c)
