"""SimpleRNN, GRU and LSTM over whole sequences, forward and forward with backward, and a character model's training step: pydl and its peers.

    python benchmarks/bench_recurrent.py [--threads 1] [--rounds 7] [--cells tanh gru lstm train] [--shapes 0 1 2] [--peers torch keras jax onnxruntime]

Every library runs in a process of its own (recurrent_peers.py) with so many threads, bound to so many CPUs.  The outputs and all gradients are
compared first; then they take turns, and the medians are printed as a Markdown table: milliseconds, and how many times faster than the best
of the others pydl is: the median over the rounds of a peer's time by pydl's in the same round, of the peer for which it is least.  With one thread
it is the processor's time of the whole process.  A library that is not installed is left out.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from turns import gain, with_threads

SHAPES = [(1, 100, 27, 100), (32, 100, 128, 128), (64, 50, 256, 512)]          # batch, steps, inputs, units
TRAINED = (64, 64, 256)                                                        # batch, steps, units
TITLES = {"tanh": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}


class Peer:
    """A library in its own process."""

    def __init__(self, name, threads):
        self.name = name
        folder = Path(__file__).resolve().parent
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder.parent), os.environ.get("PYTHONPATH", "")])}
        cpus = set(sorted(os.sched_getaffinity(0))[:threads])
        self.process = subprocess.Popen([sys.executable, folder / "recurrent_peers.py", name, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        self.there = self.answer() == "ready"

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended")
        return json.loads(line)

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def check(ours, theirs, title):
    """Outputs and gradients agree, to what float32 sums of these lengths allow."""
    import numpy as np

    for k, want in enumerate(theirs):
        got = ours[k]
        error = np.abs(got - want).max() / np.abs(want).max()
        assert got.shape == want.shape and error < 3e-4, f"{title}: result {k} differs by {error:.1e} of its largest"


def race(peers, what, rounds):
    """{name: seconds a call in each round} of those that can do `what`, in turns."""
    times = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            times[peer.name].append(peer.ask(time=what, milliseconds=20))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cells", nargs="+", choices=("tanh", "gru", "lstm", "train"), default=["tanh", "gru", "lstm", "train"])
    parser.add_argument("--shapes", nargs="+", type=int, choices=range(len(SHAPES)), default=list(range(len(SHAPES))))
    parser.add_argument("--peers", nargs="*", choices=("torch", "keras", "jax", "onnxruntime"), default=["torch", "keras", "jax", "onnxruntime"])
    args = parser.parse_args()
    with_threads(args.threads)
    import numpy as np

    peers = [peer for peer in (Peer(name, args.threads) for name in ["pydl", *args.peers]) if peer.there]
    names = [peer.name for peer in peers]
    rows, ratios = [], []

    def add(title, what, able):
        times = race(able, what, args.rounds)
        ratios.append(min((gain(times["pydl"], found) for name, found in times.items() if name != "pydl"), default=math.nan))
        cells = [f"{statistics.median(times[n]) * 1e3:.3g}" if n in times else "" for n in names]
        rows.append(f"| {title} | {' | '.join(cells)} | {ratios[-1]:.2f} |")
        print(rows[-1], flush=True)
    print(f"{args.threads} thread(s), load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs; milliseconds\n")
    print(f"| layer (batch, steps, in, units) | {' | '.join(names)} | times the best |\n|---{'|---:' * (len(names) + 1)}|")
    with tempfile.TemporaryDirectory() as folder:
        for cell in (c for c in args.cells if c != "train"):
            for shape in (SHAPES[k] for k in args.shapes):
                title, able, found = f"{TITLES[cell]} {shape}", {}, {}
                for peer in peers:
                    able[peer.name] = peer.ask(layer=[cell, *shape], file=f"{folder}/{peer.name}.npz")
                    found[peer.name] = list(np.load(f"{folder}/{peer.name}.npz").values())
                    check(found["pydl"], found[peer.name], f"{title}: {peer.name}")
                for what, name in (("forward", "forward"), ("both", "forward + backward")):
                    add(f"{title} {name}", what, [peer for peer in peers if what in able[peer.name]])
    if "train" in args.cells:
        able = [peer for peer in peers if "train" in peer.ask(train=TRAINED)]
        add("character LSTM, one training step (batch 64, 64 steps, 256 units)", "train", able)
    for peer in peers:
        peer.end()
    print(f"\ngeometric mean {math.exp(statistics.fmean(map(math.log, ratios))):.2f}, smallest {min(ratios):.2f}")


if __name__ == "__main__":
    main()
