"""Convolution, forward and forward with all gradients: pydl, NumPy (im2col and a product), and PyTorch in both of its layouts if it is installed, in turn.

    python benchmarks/bench_conv.py [--threads 1] [--rounds 15] [--only lenet rn3x3_b1 ...] [--large] [--direct]

Values and gradients are compared first.  `--direct` forbids Winograd's form, whose rounding error is up to 5 times the direct sum's.  The first layer of
a network is timed without the gradient by its input, which nobody wants, in pydl and in PyTorch alike.  GF/s counts the direct sum's operations.
im2col and col2im are raced against NumPy's too.  With one thread its processor time is taken, with several the time that passes.
"""
import argparse
import time

from turns import race, setting, torch_or_none, with_threads

# name: images (n, h, w, c), window, filters, stride, padding, whether it is a first layer
SHAPES = {
    "lenet_a": ((64, 28, 28, 1), 5, 6, 1, "same", True), "lenet_b": ((64, 14, 14, 6), 5, 16, 1, "valid", False),
    "lenet_a_b1": ((1, 28, 28, 1), 5, 6, 1, "same", True), "lenet_b_b1": ((1, 14, 14, 6), 5, 16, 1, "valid", False),
    "lenet1": ((64, 32, 32, 3), 5, 8, 1, "valid", False), "lenet2": ((64, 14, 14, 8), 5, 16, 1, "valid", False),
    "rn3x3_b1": ((1, 28, 28, 128), 3, 128, 1, "same", False), "rn1x1_b1": ((1, 56, 56, 64), 1, 256, 1, "same", False),
    "rn7x7s2_b1": ((1, 224, 224, 3), 7, 64, 2, "same", True), "first_224": ((1, 224, 224, 3), 3, 64, 1, "same", True),
    "cifar16": ((128, 32, 32, 16), 3, 16, 1, "same", False), "cifar64": ((128, 8, 8, 64), 3, 64, 1, "same", False),
}
LARGE = {
    "rn3x3_b16": ((16, 28, 28, 128), 3, 128, 1, "same", False), "rn1x1_b16": ((16, 56, 56, 64), 1, 256, 1, "same", False),
    "rn7x7s2_b16": ((16, 224, 224, 3), 7, 64, 2, "same", True), "vgg56": ((8, 56, 56, 128), 3, 128, 1, "same", False),
    "vgg14": ((8, 14, 14, 512), 3, 512, 1, "same", False), "first_224_b8": ((8, 224, 224, 3), 3, 64, 1, "same", True),
}


def same_padding(size, window, stride):
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


class Numpy:
    """A product over the matrix of windows, which NumPy's fastest way lays out first."""

    def __init__(self, x, weight, stride, pads):
        import numpy as np

        self.np, self.x, self.weight, self.stride, self.pads = np, x, weight, stride, pads
        self.k = weight.shape[0]

    def windows(self):
        np, (top, bottom, left, right) = self.np, self.pads
        padded = np.pad(self.x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        view = np.lib.stride_tricks.sliding_window_view(padded, (self.k, self.k), (1, 2))[:, ::self.stride, ::self.stride]
        return np.ascontiguousarray(view.transpose(0, 1, 2, 4, 5, 3)).reshape(-1, self.k * self.k * self.x.shape[3]), padded.shape

    def forward(self):
        self.cols, self.padded_shape = self.windows()
        return (self.cols @ self.weight.reshape(-1, self.weight.shape[3]))

    def back(self, dcols, out):
        """col2im."""
        np, (top, _, left, _), (n, h, w, c) = self.np, self.pads, self.x.shape
        dx = np.zeros(self.padded_shape, np.float32)
        dcols = dcols.reshape(n, *out, self.k, self.k, c)
        for p in range(self.k):
            for q in range(self.k):
                dx[:, p:p + out[0] * self.stride:self.stride, q:q + out[1] * self.stride:self.stride] += dcols[:, :, :, p, q]
        return dx[:, top:top + h, left:left + w]

    def both(self, dy, first):
        y = self.forward()
        rows = dy.reshape(-1, dy.shape[3])
        dx = None if first else self.back(rows @ self.weight.reshape(-1, dy.shape[3]).T, dy.shape[1:3])
        return y, dx, self.cols.T @ rows, rows.sum(0)


def torch_calls(torch, x, weight, bias, dy, stride, pads, first, layout):
    """(forward, both) of PyTorch, its tensors made beforehand in its own layout."""
    top, bottom, left, right = pads
    options = {"memory_format": torch.channels_last} if layout == "channels_last" else {}
    turned = [torch.tensor(a.transpose(order).copy()).contiguous(**options) for a, order in ((x, (0, 3, 1, 2)), (weight, (3, 2, 0, 1)), (dy, (0, 3, 1, 2)))]
    tx, tw, tdy = turned
    tb = torch.tensor(bias)
    for t in (tw, tb) if first else (tx, tw, tb):
        t.requires_grad_()
    even = top == bottom and left == right

    def conv():
        if even:
            return torch.nn.functional.conv2d(tx, tw, tb, stride, (top, left))
        return torch.nn.functional.conv2d(torch.nn.functional.pad(tx, (left, right, top, bottom)), tw, tb, stride)

    def forward():
        with torch.no_grad():
            return conv()

    def both():
        for t in (tx, tw, tb):
            t.grad = None
        y = conv()
        y.backward(tdy)
        return y, tx.grad, tw.grad, tb.grad
    return forward, both


def compare(name, spec, torch, rounds, winograd, clock):
    import numpy as np

    from pydl.backends import cpu as B

    shape, k, filters, stride, padding, first = spec
    rng = np.random.default_rng(1)
    pads = (*same_padding(shape[1], k, stride), *same_padding(shape[2], k, stride)) if padding == "same" else (0, 0, 0, 0)
    size = tuple((n + pads[2 * i] + pads[2 * i + 1] - k) // stride + 1 for i, n in enumerate(shape[1:3]))
    x, weight, bias = rng.standard_normal(shape), rng.standard_normal((k, k, shape[3], filters)) / np.sqrt(k * k * shape[3]), rng.standard_normal(filters)
    x, weight, bias, dy = (a.astype("float32") for a in (x, weight, bias, rng.standard_normal((shape[0], *size, filters))))
    a, w, b, d = map(B.from_numpy, (x, weight, bias, dy))
    y, dx, dw, db = (B.empty(v.shape) for v in (dy, x, weight, bias))
    geometry = (stride, stride), (1, 1), (pads[0], pads[2]), 1

    def forward():
        B.conv2d_forward(a, w, b, *geometry, False, winograd, y)

    def both():
        forward()
        if not first:
            B.conv2d_backward_input(d, None, w, *geometry, winograd, dx)
        B.conv2d_backward_weight(a, d, None, *geometry, winograd, dw, db)

    by_numpy = Numpy(x, weight, stride, pads)
    both()
    want = by_numpy.both(dy, first)
    for what, got, wanted in (("y", np.asarray(y).reshape(-1, filters) - bias, want[0]), ("dx", np.asarray(dx), want[1]),
                              ("dweight", np.asarray(dw).reshape(-1, filters), want[2]), ("dbias", np.asarray(db), want[3])):
        if wanted is not None:
            error = np.abs(got - wanted).max() / np.abs(wanted).max()
            assert error < 1e-4, f"{name}: {what} differs by {error} of the largest value"
    opponents = [[("pydl", forward), ("NumPy im2col", by_numpy.forward)], [("pydl", both), ("NumPy im2col", lambda: by_numpy.both(dy, first))]]
    if torch:
        for layout in ("channels_first", "channels_last"):
            for calls, call in zip(opponents, torch_calls(torch, x, weight, bias, dy, stride, pads, first, layout)):
                calls.append((f"PyTorch {layout}", call))
    work = 2e-9 * shape[0] * size[0] * size[1] * k * k * shape[3] * filters
    found = [race(f"{name} {what}, {x.shape} {k}x{k}/{stride} -> {filters}", calls, rounds, clock=clock)
             for what, calls in zip(("forward", "forward and gradients"), opponents)]
    best = [min((t for n, t in times.items() if n.startswith("PyTorch")), default=float("nan")) / times["pydl"] for times in found]
    print(f"  pydl: forward {work / found[0]['pydl']:.0f} GF/s, all {work * (2 if first else 3) / found[1]['pydl']:.0f} GF/s; "
          f"best PyTorch / pydl: forward {best[0]:.2f}, all {best[1]:.2f}\n", flush=True)


def compare_im2col(rounds, clock):
    import numpy as np

    from pydl.backends import cpu as B

    x = np.random.default_rng(1).standard_normal((16, 28, 28, 32)).astype("float32")
    by_numpy = Numpy(x, np.zeros((3, 3, 32, 1), "float32"), 1, (1, 1, 1, 1))
    cols, padded = by_numpy.windows()
    by_numpy.padded_shape = padded
    a, c, back = B.from_numpy(x), B.empty(cols.shape), B.empty(x.shape)
    geometry = (3, 3), (1, 1), (1, 1), (1, 1), (28, 28)
    B.im2col(a, *geometry, c)
    B.col2im(c, *geometry, back)
    np.testing.assert_array_equal(np.asarray(c), cols)
    np.testing.assert_allclose(np.asarray(back), by_numpy.back(cols, (28, 28)), rtol=1e-6)
    race("im2col (16, 28, 28, 32) 3x3", [("pydl", lambda: B.im2col(a, *geometry, c)), ("NumPy", by_numpy.windows)], rounds, clock=clock)
    race("col2im (16, 28, 28, 32) 3x3", [("pydl", lambda: B.col2im(c, *geometry, back)), ("NumPy", lambda: by_numpy.back(cols, (28, 28)))], rounds, clock=clock)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", choices=[*SHAPES, *LARGE])
    parser.add_argument("--large", action="store_true", help="shapes of 100 MB too")
    parser.add_argument("--direct", action="store_true", help="without Winograd's form")
    arguments = parser.parse_args()
    with_threads(arguments.threads)
    import pydl

    pydl.set_num_threads(arguments.threads)
    print(setting(arguments.threads), end="\n\n")
    timer = time.thread_time if arguments.threads == 1 else time.perf_counter
    chosen = {**SHAPES, **LARGE} if arguments.large or arguments.only else SHAPES
    for shape_name in arguments.only or chosen:
        compare(shape_name, chosen[shape_name], torch_or_none(arguments.threads), arguments.rounds, not arguments.direct, timer)
    if not arguments.only:
        compare_im2col(arguments.rounds, timer)
