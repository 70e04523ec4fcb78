"""Batch and layer normalisation, forward and backward: pydl, plain NumPy, and PyTorch (channels last) if it is installed, in turn.

    python benchmarks/bench_norm.py [--threads 1] [--rounds 15] [--large]

Values and gradients are compared first.  "small" stays in the L2 cache, "large" (with --large) is bound by memory.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

SHAPES = {"small": (8, 28, 28, 32), "few channels": (64, 28, 28, 6), "dense": (128, 512)}
LARGE = {"large": (32, 56, 56, 64)}


def numpy_norm(x, gamma, beta, dy, axes, sums):
    """(y, dx, dgamma, dbeta): statistics over `axes`, gradients of gamma and beta summed over `sums`."""
    import numpy as np

    mean = x.mean(axes, keepdims=True)
    centred = x - mean
    rstd = 1 / np.sqrt((centred * centred).mean(axes, keepdims=True) + np.float32(1e-3))
    xhat = centred * rstd
    y = xhat * gamma + beta
    if dy is None:
        return y
    h = dy * gamma
    dx = rstd * (h - h.mean(axes, keepdims=True) - xhat * (h * xhat).mean(axes, keepdims=True))
    return y, dx, (dy * xhat).sum(sums), dy.sum(sums)


def compare(title, shape, layer, torch, rounds):
    import numpy as np

    from pydl.backends import cpu as B

    rng = np.random.default_rng(1)
    c = shape[-1]
    x, dy = rng.standard_normal(shape).astype("float32"), rng.standard_normal(shape).astype("float32")
    gamma, beta = rng.uniform(0.5, 1.5, c).astype("float32"), rng.standard_normal(c).astype("float32")
    a, da, g, b = (B.from_numpy(v) for v in (x, dy, gamma, beta))
    rows = x.size // c
    y, dx, dgamma, dbeta = B.empty(shape), B.empty(shape), B.empty((c,)), B.empty((c,))
    kept = (rows,) if layer else (c,)
    mean, rstd, moving_mean, moving_variance = B.empty(kept), B.empty(kept), B.zeros((c,)), B.zeros((c,))

    def forward():
        if layer:
            B.layer_norm_forward(a, g, b, 1e-3, c, y, mean, rstd)
        else:
            B.batch_norm_forward(a, g, b, 1e-3, 0.99, False, y, mean, rstd, moving_mean, moving_variance)

    def both():
        forward()
        if layer:
            B.layer_norm_backward(da, a, g, mean, rstd, c, dx, dgamma, dbeta)
        else:
            B.batch_norm_backward(da, a, g, b, mean, rstd, False, dx, dgamma, dbeta)
    both()
    others = tuple(range(len(shape) - 1))
    axes = (-1,) if layer else others
    want = numpy_norm(x.astype(float), gamma, beta, dy, axes, others)
    for got, exact in zip((y, dx, dgamma, dbeta), want):
        assert np.allclose(np.asarray(got), exact, rtol=1e-4, atol=1e-3)
    forwards = [("pydl", forward), ("NumPy", lambda: numpy_norm(x, gamma, beta, None, axes, others))]
    boths = [("pydl", both), ("NumPy", lambda: numpy_norm(x, gamma, beta, dy, axes, others))]
    if torch:
        if layer:
            norm, plain, slope = torch.nn.LayerNorm(c, eps=1e-3), torch.from_numpy(x), torch.from_numpy(dy)
        else:
            norm = (torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d)(c, eps=1e-3)
            turned = (0, 3, 1, 2) if len(shape) == 4 else (0, 1)
            plain, slope = torch.from_numpy(x).permute(turned), torch.from_numpy(dy).permute(turned)
        leaf = plain.clone().requires_grad_()
        with torch.no_grad():
            norm.weight.copy_(torch.from_numpy(gamma))
            norm.bias.copy_(torch.from_numpy(beta))

        def torch_forward():
            with torch.no_grad():
                return norm(plain)

        def torch_both():
            leaf.grad = None
            norm.zero_grad()
            norm(leaf).backward(slope)
        torch_both()
        assert np.allclose(norm.weight.grad.numpy(), np.asarray(dgamma), rtol=1e-3, atol=1e-2)
        forwards.append((f"PyTorch {torch.__version__.split('+')[0]}", torch_forward))
        boths.append((f"PyTorch {torch.__version__.split('+')[0]}", torch_both))
    name = "layer norm" if layer else "batch norm"
    race(f"{title} {shape}, {name}, forward", forwards, rounds)
    race(f"{title} {shape}, {name}, forward and backward", boths, rounds)


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
        compare(title, shape, False, torch, options.rounds)
    compare("rows", (256, 768), True, torch, options.rounds)


if __name__ == "__main__":
    main()
