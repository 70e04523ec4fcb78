"""A step of Adam: pydl, plain NumPy, and PyTorch (fused) if it is installed, in turn; and the copy of as many bytes, the machine's limit.

    python benchmarks/bench_optim.py [--threads 1] [--rounds 15]

A step reads weight, gradient and both means and writes all but the gradient: 28 bytes a number.  The copy moves as many, half read, half written, by
memcpy (np.copyto), each thread its own part.  What a whole step takes beyond it is the cost of arithmetic.

The weights after three steps are compared first.  LeNet's parameters are ten arrays, 62,000 numbers in all.
"""
import argparse

from turns import race, setting, torch_or_none, with_threads

CASES = {"100,000 in one array": [(100_000,)],
         "LeNet-5, 10 arrays": [(5, 5, 1, 6), (6,), (5, 5, 6, 16), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,)],
         "10 million in 20 arrays": [(500_000,)] * 20}


def copy_of(nbytes, threads):
    """A function that moves so many bytes, half of them read and half written, on that many threads."""
    import concurrent.futures

    import numpy as np

    from pydl.backends import cpu as B

    source, target = (np.asarray(B.owned((threads, nbytes // 2 // threads), "uint8")) for _ in range(2))      # in large pages, like the weights
    source[...] = 1
    if threads == 1:
        return lambda: np.copyto(target, source)
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    return lambda: list(pool.map(np.copyto, target, source))


class NumpyAdam:
    def __init__(self, ws):
        import numpy as np

        self.np, self.ws, self.m, self.v, self.t = np, ws, [np.zeros_like(w) for w in ws], [np.zeros_like(w) for w in ws], 0

    def step(self, gs):
        np = self.np
        self.t += 1
        alpha = np.float32(1e-3 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t))
        for w, g, m, v in zip(self.ws, gs, self.m, self.v):
            m += (g - m) * np.float32(0.1)
            v += (g * g - v) * np.float32(0.001)
            w -= alpha * m / (np.sqrt(v) + np.float32(1e-7))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with_threads(options.threads)
    import numpy as np

    import pydl
    from pydl.backends import cpu as B
    from pydl.capture import Step
    from pydl.tensor import Parameter

    torch = torch_or_none(options.threads)
    rng = np.random.default_rng(1)
    print(setting(options.threads))
    for title, shapes in CASES.items():
        start, gs = ([rng.standard_normal(s).astype("float32") for s in shapes] for _ in range(2))
        ws, adam = [Parameter(w) for w in start], pydl.optimizers.Adam()
        adam.build(ws)
        slots = [B.owned(s) for s in shapes]
        for slot, g in zip(slots, gs):
            B.assign(slot, g)
        recorded = Step(lambda *grads: [adam.apply(list(grads)) or grads[0]], slots, "adam", strict=True)    # noqa: B023
        numpy_adam = NumpyAdam([w.copy() for w in start])
        for _ in range(3):
            recorded.run()
            numpy_adam.step(gs)
        assert all(np.allclose(w.numpy(), v, atol=1e-6) for w, v in zip(ws, numpy_adam.ws))
        opponents = [("pydl, replayed", recorded.program.run), ("NumPy", lambda: numpy_adam.step(gs))]       # noqa: B023
        if torch:
            parameters = [torch.nn.Parameter(torch.tensor(w)) for w in start]
            for p, g in zip(parameters, gs):
                p.grad = torch.tensor(g)
            fused = torch.optim.Adam(parameters, lr=1e-3, eps=1e-7, fused=True)
            for _ in range(3):
                fused.step()
            for p, v in zip(parameters, numpy_adam.ws):         # PyTorch adds epsilon inside the correction: tiny gradients move otherwise
                assert np.abs(p.detach().numpy() - v).mean() < 1e-6
            opponents.append((f"PyTorch {torch.__version__.split('+')[0]} fused", fused.step))
        opponents.append(("copy of as many bytes", copy_of(28 * sum(w.size for w in start), options.threads)))
        race(title, opponents, options.rounds)


if __name__ == "__main__":
    main()
