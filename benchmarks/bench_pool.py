"""Pooling, forward and backward, on images (N, H, W, C): pydl, plain NumPy, and PyTorch (channels last, its faster layout) if it is installed, in turn.

    python benchmarks/bench_pool.py [--threads 1] [--rounds 15] [--large]

Values and gradients are compared first.  "small" stays in the L2 cache, "LeNet" has few channels, "large" (with --large) is bound by memory.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

SHAPES = {"small": (8, 28, 28, 32), "LeNet": (64, 28, 28, 6)}
LARGE = {"large": (32, 56, 56, 64)}
WINDOWS = [("max", 2, 2), ("max", 3, 2), ("average", 2, 2), ("average", 3, 2)]


def numpy_parts(k, stride, oh, ow):
    """Where each position of the window lies, for all windows at once."""
    return [(slice(None), slice(i, i + stride * oh, stride), slice(j, j + stride * ow, stride)) for i in range(k) for j in range(k)]


def numpy_forward(kind, x, k, stride, oh, ow):
    """y by whole-array operations, one for each position of the window."""
    import numpy as np

    parts = numpy_parts(k, stride, oh, ow)
    y = x[parts[0]].copy()
    for part in parts[1:]:
        if kind == "max":
            np.maximum(y, x[part], out=y)
        else:
            y += x[part]
    if kind == "average":
        y /= np.float32(k * k)
    return y


def numpy_both(kind, x, dy, k, stride):
    """(y, dx) likewise."""
    import numpy as np

    parts = numpy_parts(k, stride, *dy.shape[1:3])
    y, dx = numpy_forward(kind, x, k, stride, *dy.shape[1:3]), np.zeros_like(x)
    if kind == "max":
        left = dy.copy()
        for part in parts:                      # the first pixel that holds the maximum takes the gradient
            mine = x[part] == y
            dx[part] += np.where(mine, left, 0)
            left[mine] = 0
        return y, dx
    share = dy / np.float32(k * k)
    for part in parts:
        dx[part] += share
    return y, dx


def compare(title, shape, kind, k, stride, torch, rounds):
    import numpy as np

    from pydl.backends import cpu as B

    rng = np.random.default_rng(1)
    x = rng.standard_normal(shape).astype("float32")
    n, h, w, c = shape
    out = (n, (h - k) // stride + 1, (w - k) // stride + 1, c)
    dy = rng.standard_normal(out).astype("float32")
    geometry = (k, k), (stride, stride), (0, 0)
    a, da, y, dx, argmax = B.from_numpy(x), B.from_numpy(dy), B.empty(out), B.empty(shape), B.empty(out, "uint8")

    def forward():
        if kind == "max":
            B.max_pool2d_forward(a, *geometry, y, argmax)
        else:
            B.avg_pool2d_forward(a, *geometry, y)

    def both():
        forward()
        if kind == "max":
            B.max_pool2d_backward(da, argmax, *geometry, dx)
        else:
            B.avg_pool2d_backward(da, *geometry, dx)
    both()
    want = numpy_both(kind, x, dy, k, stride)
    assert np.allclose(np.asarray(y), want[0], atol=1e-6) and np.allclose(np.asarray(dx), want[1], atol=1e-5)
    forwards = [("pydl", forward), ("NumPy", lambda: numpy_forward(kind, x, k, stride, *out[1:3]))]
    boths = [("pydl", both), ("NumPy", lambda: numpy_both(kind, x, dy, k, stride))]
    if torch:
        pool = torch.nn.functional.max_pool2d if kind == "max" else torch.nn.functional.avg_pool2d
        plain = torch.from_numpy(x).permute(0, 3, 1, 2)             # a view: channels last
        leaf = plain.clone(memory_format=torch.channels_last).requires_grad_()
        slope = torch.from_numpy(dy).permute(0, 3, 1, 2)

        def torch_forward():
            with torch.no_grad():
                return pool(plain, k, stride)

        def torch_both():
            leaf.grad = None
            pool(leaf, k, stride).backward(slope)
        torch_both()
        assert np.allclose(leaf.grad.permute(0, 2, 3, 1).numpy(), np.asarray(dx), atol=1e-5)
        forwards.append((f"PyTorch {torch.__version__.split('+')[0]}", torch_forward))
        boths.append((f"PyTorch {torch.__version__.split('+')[0]}", torch_both))
    race(f"{title} {shape}, {kind} {k}x{k}/{stride}, forward", forwards, rounds)
    race(f"{title} {shape}, {kind} {k}x{k}/{stride}, forward and backward", boths, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with_threads(options.threads)
    import pydl

    pydl.set_num_threads(options.threads)
    torch = torch_or_none(options.threads)
    print(setting(options.threads))
    for title, shape in {**SHAPES, **(LARGE if options.large else {})}.items():
        for kind, k, stride in WINDOWS:
            compare(title, shape, kind, k, stride, torch, options.rounds)


if __name__ == "__main__":
    main()
