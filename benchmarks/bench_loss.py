"""Softmax cross-entropy from logits, value and gradient: pydl, plain NumPy, and PyTorch eager if it is installed, in turn.

    python benchmarks/bench_loss.py [--threads 1] [--rounds 15]

Values and gradients are compared first.  "replayed" is how it runs inside `fit`; "eager" is pydl.value_and_grad.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

SHAPES = [(128, 10), (128, 1000), (4096, 64)]


def numpy_loss(x, y):
    import numpy as np

    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - shifted[rows, y]))
    e /= total
    e[rows, y] -= 1
    e /= np.float32(len(x))
    return loss, e


def compare(n, classes, torch, rounds):
    """One shape: the same value and gradient from all, then the race."""
    import numpy as np

    import pydl
    from pydl.autodiff import backward
    from pydl.backends import cpu as B
    from pydl.capture import Step
    from pydl.tensor import Tensor, made_by

    rng = np.random.default_rng(1)
    entropy = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y = rng.standard_normal((n, classes)).astype("float32"), rng.integers(0, classes, n)

    def step(xs, ys):
        given = made_by(xs, None, 0)
        given.needs_gradient = True
        value = entropy(made_by(ys, None, 0), given)
        return [value.array, backward(value, [given])[0]]
    recorded = Step(step, [B.owned(x.shape), B.owned(y.shape, "int64")], "loss", strict=True)
    for slot, values in zip(recorded.inputs, (x, y)):
        B.assign(slot, values)
    for _ in range(3):
        value, slope = recorded.run()
    want, want_slope = numpy_loss(x, y)
    assert abs(value.item() - want) < 1e-5 and abs(np.asarray(slope) - want_slope).max() < 1e-6
    xt = Tensor(x)
    eager = pydl.value_and_grad(lambda given: entropy(y, given))
    opponents = [("pydl, replayed", recorded.program.run), ("pydl, eager", lambda: eager(xt)), ("NumPy", lambda: numpy_loss(x, y))]
    if torch:
        logits, labels = torch.tensor(x, requires_grad=True), torch.from_numpy(y)

        def by_torch():
            logits.grad = None
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            return loss
        assert abs(by_torch().item() - want) < 1e-5
        opponents.append((f"PyTorch {torch.__version__.split('+')[0]} eager", by_torch))
    race(f"({n}, {classes})", opponents, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with_threads(options.threads)
    print(setting(options.threads))
    for n, classes in SHAPES:
        compare(n, classes, torch_or_none(options.threads), options.rounds)


if __name__ == "__main__":
    main()
