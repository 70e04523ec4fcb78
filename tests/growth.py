"""Growth of memory and open files over many replayed steps:  python tests/growth.py [rounds] [what ...]

Exits with an error if the resident set grows by 1 MiB or more, or a file stays open.
"""

import gc
import os
import sys

import numpy as np

import pydl
from pydl import layers

LIMIT = 1 << 20
WARM_UP = 200


def resident():
    """Bytes of the resident set."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files():
    return len(os.listdir("/proc/self/fd"))


def measure(name, work, rounds):
    """Do the work; fail if memory or open files grow."""
    for _ in range(min(WARM_UP, rounds)):
        work()
    gc.collect()
    files, before = open_files(), resident()
    for _ in range(rounds):
        work()
    gc.collect()
    grown = resident() - before
    print(f"{name}: {rounds} rounds, resident set {before / 2**20:.1f} MiB, grew by {grown / 1024:.0f} KiB", flush=True)
    if grown >= LIMIT:
        raise SystemExit(f"{name}: the resident set grew by {grown} bytes over {rounds} rounds, {grown / rounds:.0f} a round")
    if open_files() != files:
        raise SystemExit(f"{name}: {open_files() - files} files stayed open")


def network():
    pydl.utils.set_random_seed(1)
    model = pydl.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def steps():
    rng = np.random.default_rng(0)
    x, y, model = rng.standard_normal((8, 8, 8, 1)).astype("float32"), rng.integers(0, 10, 8), network()
    square = pydl.function(lambda t: pydl.ops.sum(t * t))
    return {
        "train_on_batch": lambda: model.train_on_batch(x, y),
        "predict": lambda: model.predict(x),
        "predict_one": lambda: model.predict(x[:1]),
        "test_on_batch": lambda: model.test_on_batch(x, y),
        "call": lambda: model(x),
        "function": lambda: square(x),
        "fit": lambda: model.fit(x, y, epochs=1, batch_size=4, verbose=0),
        "dataset": lambda: model.fit(Twice(x, y), verbose=0),
        "refused": lambda: refused(model, x, y),
        "new_model": lambda: network().train_on_batch(x, y),
    }


class Twice(pydl.utils.PyDataset):
    """The same batch twice, fetched by a thread."""

    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return self.batch


def refused(model, x, y):
    """A call that raises must not leak either."""
    for bad in (lambda: model.train_on_batch(x, y + 100), lambda: model.predict(x[:, :3]), lambda: layers.Conv2D(3, 0)):
        try:
            bad()
        except ValueError:
            continue
        raise SystemExit("a bad call was accepted")


# cost of a round in steps, roughly
WORK = {
    "train_on_batch": 1, "predict": 1, "predict_one": 1, "test_on_batch": 1, "call": 1, "function": 1, "fit": 10, "dataset": 10, "refused": 10, "new_model": 10,
}


def main(arguments):
    rounds = int(arguments[0]) if arguments else 100_000
    todo = steps()
    for name in arguments[1:] or WORK:
        measure(name, todo[name], rounds if len(arguments) > 1 else rounds // WORK[name])


if __name__ == "__main__":
    main(sys.argv[1:])
