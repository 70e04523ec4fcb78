"""A training step of LeNet-5: pydl, plain NumPy, and PyTorch eager if it is installed, side by side.

    python benchmarks/bench_lenet.py [--threads N] [--batches 64 1] [--rounds 15]

First the losses of all are compared, from the same initial weights and over the same batches.  Then the opponents take turns, an epoch each,
and the median and the quartiles of the time per step are printed, and the median processor time, which a loaded machine disturbs less.
Each is used in its own natural way: pydl by fit, NumPy by its loop, PyTorch by its loop with fused Adam, its tensors made beforehand and its
loss read once an epoch.  All use the same number of threads.
"""

import argparse
import os
import statistics
import sys
import time

from turns import REST, THREAD_VARIABLES, with_threads


class Pydl:
    name = "pydl fit"

    def __init__(self, x, y, batch):
        import pydl
        from pydl.demo import lenet

        pydl.utils.set_random_seed(1)
        self.model = lenet()
        self.model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        self.weights = self.model.get_weights()
        self.x, self.y, self.batch = x, y, batch

    def losses(self, count):
        b = self.batch
        return [self.model.train_on_batch(self.x[i * b:(i + 1) * b], self.y[i * b:(i + 1) * b]) for i in range(count)]

    def epoch(self):
        self.model.fit(self.x, self.y, batch_size=self.batch, epochs=1, shuffle=False, verbose=0)


class Plain:
    name = "NumPy"

    def __init__(self, x, y, batch, weights):
        from pydl.examples.lenet_numpy import LeNet

        self.net = LeNet(weights)
        self.x, self.y, self.batch = x, y, batch

    def losses(self, count):
        b = self.batch
        return [self.net.train(self.x[i * b:(i + 1) * b], self.y[i * b:(i + 1) * b]) for i in range(count)]

    def epoch(self):
        self.losses(len(self.x) // self.batch)


class Torch:
    name = "PyTorch eager"

    def __init__(self, x, y, batch, weights, threads):
        import torch
        from torch import nn

        torch.set_num_threads(threads)
        self.name = f"PyTorch {torch.__version__.split('+')[0]} eager"
        self.net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                                 nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
        k1, b1, k2, b2, w3, *rest = weights
        # channels first: (kh, kw, in, out) -> (out, in, kh, kw), and the rows of the first dense layer in the order of (C, H, W)
        ours = [k1.transpose(3, 2, 0, 1), b1, k2.transpose(3, 2, 0, 1), b2, w3.reshape(5, 5, 16, 120).transpose(2, 0, 1, 3).reshape(400, 120), *rest]
        with torch.no_grad():
            for parameter, w in zip(self.net.parameters(), ours, strict=True):
                parameter.copy_(torch.from_numpy((w.T if w.ndim == 2 else w).copy()))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.loss = nn.CrossEntropyLoss()
        self.x, self.y, self.batch = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y), batch

    def step(self, i):
        b = self.batch
        self.optimizer.zero_grad()
        loss = self.loss(self.net(self.x[i * b:(i + 1) * b]), self.y[i * b:(i + 1) * b])
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def losses(self, count):
        """The losses of the first steps; for these with Keras's epsilon, which stands outside the bias-corrected root."""
        found = []
        for i in range(count):
            self.optimizer.param_groups[0]["eps"] = 1e-7 / (1 - 0.999 ** (i + 1)) ** 0.5
            found.append(float(self.step(i)))
        self.optimizer.param_groups[0]["eps"] = 1e-7
        return found

    def epoch(self):
        total = 0
        for i in range(len(self.x) // self.batch):
            total = total + self.step(i)
        float(total)


def opponents(x, y, batch, threads):
    ours = Pydl(x, y, batch)
    found = [ours, Plain(x, y, batch, ours.weights)]
    try:
        found.append(Torch(x, y, batch, ours.weights, threads))
    except ImportError:
        print("PyTorch is not installed here; compared with NumPy only")
    return found


def check_equal(runners, count=20):
    """Stop unless the losses of the first steps agree to 1e-4."""
    losses = [runner.losses(count) for runner in runners]
    for runner, theirs in zip(runners[1:], losses[1:], strict=True):
        gap = max(abs(a - b) for a, b in zip(losses[0], theirs, strict=True))
        print(f"  largest difference of the first {count} losses, pydl and {runner.name}: {gap:.1e}")
        if not gap <= 1e-4:
            sys.exit("the losses differ: this would compare different computations")


def measure(runners, steps, rounds):
    """Return {name: [(seconds, processor seconds) per step, an entry a round]}, the opponents taking turns."""
    times = {runner.name: [] for runner in runners}
    for runner in runners:
        runner.epoch()
    for turn in range(rounds):
        for runner in runners if turn % 2 == 0 else runners[::-1]:
            time.sleep(REST)
            start, processor = time.perf_counter(), time.process_time()
            runner.epoch()
            times[runner.name].append(((time.perf_counter() - start) / steps, (time.process_time() - processor) / steps))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each of them; by default all CPUs")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 1])
    parser.add_argument("--rounds", type=int, default=15, help="at least 2")
    options = parser.parse_args()
    with_threads(options.threads)

    import numpy as np

    import pydl
    from pydl.demo import enlarged

    pydl.set_num_threads(options.threads)
    pydl.show_config()
    print("environment: " + ", ".join(f"{name}={os.environ[name]}" for name in (*THREAD_VARIABLES, "PYDL_CPU") if name in os.environ))
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    (x, y), _ = pydl.datasets.digits.load_data()
    x = np.ascontiguousarray(enlarged(x))
    for batch in options.batches:
        steps = min(len(x) // batch, 200)
        rows = slice(0, max(steps, 20) * batch)
        runners = opponents(x[rows], y[rows], batch, options.threads)
        print(f"\nLeNet-5, batch {batch}, {options.threads} threads, {options.rounds} rounds of {steps} steps")
        check_equal(runners)
        times = measure(runners, steps, options.rounds)
        base = [statistics.median(column) for column in zip(*times[runners[0].name], strict=True)]
        for name, each in times.items():
            wall, processor = zip(*each, strict=True)
            low, middle, high = (each * 1e3 for each in statistics.quantiles(wall, n=4))
            processor = statistics.median(processor) * 1e3
            print(f"  {name:22s} {middle:9.4f} ms a step   quartiles {low:.4f} to {high:.4f}   {middle / 1e3 / base[0]:6.2f} x pydl"
                  f"   processor {processor:9.4f} ms   {processor / 1e3 / base[1]:6.2f} x pydl")


if __name__ == "__main__":
    main()
