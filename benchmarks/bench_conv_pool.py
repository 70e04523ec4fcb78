"""A convolution with relu and the 2x2 maxima of its result: one kernel, and the kernels one after the other.

    python benchmarks/bench_conv_pool.py [threads]         one thread is timed by its processor time, which a loaded machine disturbs less

First the values are compared bit for bit and the gradients within rounding; then the two take turns: forward, backward by the weights,
backward by both.  The last column is how much slower the other is than one kernel.
"""
import time

import numpy as np
from turns import race, threads_from_command_line

import pydl
from pydl.backends import cpu as B

# images, height and width, channels, filters, window, whether padded
SHAPES = [(64, 28, 1, 6, 5, True), (64, 14, 6, 16, 5, False), (1, 28, 1, 6, 5, True), (1, 14, 6, 16, 5, False), (64, 8, 1, 16, 3, True),
          (32, 14, 32, 64, 5, True), (32, 32, 3, 32, 5, True), (32, 32, 3, 32, 3, True)]


def arrays(rng, *shapes):
    return [B.from_numpy(rng.standard_normal(shape).astype(np.float32)) for shape in shapes]


def compare(clock, n, size, channels, filters, window, padded):
    rng = np.random.default_rng(0)
    pad, out = (window // 2 if padded else 0), size if padded else size - window + 1
    half = out // 2
    x, w, b, dy, dx, dw, db, z, dz, y = arrays(rng, (n, size, size, channels), (window, window, channels, filters), (filters,), (n, half, half, filters),
                                               (n, size, size, channels), (window, window, channels, filters), (filters,), (n, out, out, filters),
                                               (n, out, out, filters), (n, half, half, filters))
    argmax = B.empty(y.shape, "uint8")
    conv, pool = ((1, 1), (1, 1), (pad, pad), 1), ((2, 2), (2, 2), (0, 0))

    def one():
        B.conv2d_max_pool_forward(x, w, b, *conv, (out, out), *pool, True, True, y, argmax)

    def two():
        B.conv2d_forward(x, w, b, *conv, True, True, z)
        B.max_pool2d_forward(z, *pool, y, argmax)

    def one_back(by_input):
        B.conv2d_max_pool_backward(x, dy, y, argmax, w, *conv, (out, out), *pool, True, dx if by_input else None, dw, db)

    def two_back(by_input):
        B.max_pool2d_backward(dy, argmax, *pool, dz)
        B.conv2d_backward_weight(x, dz, z, *conv, True, dw, db)
        if by_input:
            B.conv2d_backward_input(dz, z, w, *conv, True, dx)

    found = []
    for forward, backward in [(one, one_back), (two, two_back)]:
        forward()
        backward(True)
        found.append([np.array(a) for a in (y, argmax, dx, dw, db)])
    for i, (ours, theirs) in enumerate(zip(*found)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=0 if i < 2 else 1e-4 * np.abs(theirs).max())
    title = f"{n}x{size}x{size}x{channels} to {filters} by {window}x{window}, relu, 2x2 maxima"
    race(f"{title}: forward", [("one kernel", one), ("convolution, then pooling", two)], 9, 5, clock)
    race(f"{title}: gradients by weights", [("one kernel", lambda: one_back(False)), ("pooling, then convolution", lambda: two_back(False))], 9, 5, clock)
    race(f"{title}: all gradients", [("one kernel", lambda: one_back(True)), ("pooling, then convolution", lambda: two_back(True))], 9, 5, clock)


if __name__ == "__main__":
    threads_from_command_line()
    for shape in SHAPES:
        compare(time.thread_time if pydl.get_num_threads() == 1 else time.perf_counter, *shape)
