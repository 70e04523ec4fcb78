"""What pydl costs beside the arithmetic: import, one prediction, a replayed step of LeNet-5 at batch 1, memory over 100,000 steps.

    python benchmarks/bench_overhead.py [--steps 100000]
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import pydl
from pydl import layers
from pydl.demo import lenet


def compiled_lenet():
    model = lenet()
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def import_times(repeats):
    """Median seconds of `import numpy`, and of `import pydl` after it, each in a fresh process: (wall, processor) each."""
    code = ("import time; t = [(time.perf_counter(), time.process_time())]; import numpy; t.append((time.perf_counter(), time.process_time())); "
            "import pydl; t.append((time.perf_counter(), time.process_time())); "
            "print(*[after[i] - before[i] for before, after in zip(t, t[1:]) for i in (0, 1)])")
    runs = [tuple(map(float, subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()))
            for _ in range(repeats)]
    return tuple(1e3 * statistics.median(column) for column in zip(*runs))


def prediction(repeats):
    """Microseconds of `predict` on one 8x8 digit, end to end: (median, 90th percentile)."""
    model = pydl.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
                             layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)])
    x = np.random.default_rng(0).random((1, 8, 8, 1), dtype=np.float32)
    times = []
    for _ in range(repeats + 100):
        start = time.perf_counter()
        model.predict(x)
        times.append(time.perf_counter() - start)
    times = sorted(1e6 * t for t in times[100:])
    return statistics.median(times), times[int(0.9 * len(times))]


class Clock(pydl.callbacks.Callback):
    """Notes when each batch of a fit ends."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())


def step_outside_kernels(steps, turns=20):
    """(kernels, wall clock in fit, their difference) in microseconds a step: LeNet-5, batch 1.

    Kernels and wall clock in turn, a twentieth of the steps each: a machine whose clock changes under it shows both at both speeds.  Medians over single
    steps in a turn, then of the turns; the difference is that of each turn.
    """
    rng = np.random.default_rng(0)
    each = steps // turns
    x, y = rng.random((each, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, each)
    model = compiled_lenet()
    model.fit(x[:100], y[:100], batch_size=1, verbose=0)                       # recorded and warm
    found = []
    for _ in range(turns):
        inside = [sum(row["seconds"] for row in model.profile(x[:1], y[:1], repeats=1, print_fn=lambda line: None)) for _ in range(each // 4)]
        clock = Clock()
        model.fit(x, y, batch_size=1, verbose=0, callbacks=[clock])
        inside, wall = 1e6 * statistics.median(inside), 1e6 * statistics.median(np.diff(clock.ends))
        found.append((inside, wall, wall - inside))
    return tuple(statistics.median(column) for column in zip(*found))


def resident_growth(steps):
    """KiB by which the process grows over that many replayed steps."""
    rng = np.random.default_rng(0)
    x, y = rng.random((1000, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 1000)
    model = compiled_lenet()
    model.fit(x, y, batch_size=1, verbose=0)
    before = resident()
    for _ in range(steps // len(x)):
        model.fit(x, y, batch_size=1, verbose=0)
    return resident() - before


def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000, help="steps over which memory is watched")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    pydl.set_num_threads(options.threads)
    config = pydl.show_config(mode="dicts")
    print(f"pydl {pydl.__version__}, load {os.getloadavg()[0]:.1f}, {config['cpu']['model']}, {config['cpu']['in use']}, {options.threads} threads")
    print("import: numpy {:.0f} ms (processor {:.0f}), pydl {:.0f} ms (processor {:.0f}) over that; medians of 11".format(*import_times(11)))
    print("predict, one 8x8 digit: median {:.1f} us, 90th percentile {:.1f} us".format(*prediction(5000)))
    print("LeNet-5, batch 1, a step of fit: kernels {:.1f} us, wall clock {:.1f} us, outside kernels {:.1f} us".format(*step_outside_kernels(10_000)))
    print(f"resident memory over {options.steps:,} steps: {resident_growth(options.steps):+d} KiB")


if __name__ == "__main__":
    main()
