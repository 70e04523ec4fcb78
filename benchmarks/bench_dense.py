"""A dense layer with bias and relu, forward and backward: pydl, NumPy, and PyTorch if it is installed, in turn.

    python benchmarks/bench_dense.py [--threads 1] [--rounds 15]

Values and gradients are compared first.  Sizes are batch x inputs x units: LeNet-5's three layers at batch 64 and 1, a wider one at 128.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

SIZES = [(64, 400, 120), (64, 120, 84), (64, 84, 10), (1, 400, 120), (1, 120, 84), (1, 84, 10), (128, 784, 512), (128, 512, 512)]


def compare(n, d, units, torch, rounds):
    import numpy as np

    from pydl.backends import cpu as B

    rng = np.random.default_rng(1)
    x, w, b, dy = (rng.standard_normal(s).astype("float32") for s in ((n, d), (d, units), (units,), (n, units)))
    ax, aw, ab, ady = (B.from_numpy(v) for v in (x, w, b, dy))
    y, dz, dx, dw, db = B.empty((n, units)), B.empty((n, units)), B.empty((n, d)), B.empty((d, units)), B.empty((units,))

    def forward():
        B.dense_forward(ax, aw, ab, True, y)

    def backward():
        B.relu_backward(ady, y, dz)
        B.dense_backward_weight(ax, dz, dw, db)
        B.dense_backward_input(dz, aw, dx)

    def numpy_forward():
        return np.maximum(x @ w + b, 0)

    numpy_y = numpy_forward()

    def numpy_backward():
        dz = dy * (numpy_y > 0)
        return dz @ w.T, x.T @ dz, dz.sum(0)

    forward()
    backward()
    for got, want in zip((y, dx, dw, db), (numpy_forward(), *numpy_backward()), strict=True):
        assert np.allclose(np.asarray(got), want, rtol=1e-4, atol=1e-5 * max(n, d, units) ** 0.5)
    forwards, both = [("pydl", forward), ("NumPy", numpy_forward)], [("pydl", lambda: (forward(), backward())),
                                                                    ("NumPy", lambda: (numpy_forward(), numpy_backward()))]
    if torch:
        tx, tdy = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
        layer = torch.nn.Linear(d, units)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(w.T.copy()))
            layer.bias.copy_(torch.from_numpy(b))
        name = f"PyTorch {torch.__version__.split('+')[0]}"

        def torch_forward():
            with torch.no_grad():
                return torch.relu(layer(tx))

        def torch_both():
            tx.grad = layer.weight.grad = layer.bias.grad = None
            torch.relu(layer(tx)).backward(tdy)

        torch_both()
        assert np.allclose(tx.grad.numpy(), np.asarray(dx), rtol=1e-4, atol=1e-5 * units**0.5)
        forwards.append((name, torch_forward))
        both.append((name, torch_both))
    race(f"{n}x{d}x{units} forward", forwards, rounds)
    race(f"{n}x{d}x{units} forward and backward", both, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with_threads(options.threads)
    import pydl

    pydl.set_num_threads(options.threads)
    torch = torch_or_none(options.threads)
    print(setting(options.threads))
    for size in SIZES:
        compare(*size, torch, options.rounds)


if __name__ == "__main__":
    main()
