"""A training step of an Embedding: does its cost follow the batch, or the vocabulary?

    python benchmarks/bench_embedding.py [--threads 1] [--rounds 15]

A batch of 64 sentences of 32 words, 64 numbers a word, tables of 10 thousand and of 1 million rows in turns; SGD as it is, Adam with sparse=True
and, for comparison, Adam of the whole table at 10 thousand rows.  One thread is timed by the processor time it takes.
"""
import argparse
import time

from turns import race, setting, with_threads


def step(rows, optimizer, sparse):
    """A training step of a model with so many rows, as `fit` runs it."""
    import numpy as np

    from pydl import Sequential, layers

    rng = np.random.default_rng(0)
    ids, y = rng.integers(0, rows, (64, 32)), rng.standard_normal((64, 1)).astype("float32")
    model = Sequential([layers.Embedding(rows, 64, sparse=sparse), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return lambda: model.train_on_batch(ids, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with_threads(args.threads)
    import pydl

    pydl.set_num_threads(args.threads)
    print(setting(args.threads))
    clock = time.thread_time if args.threads == 1 else time.perf_counter
    for title, make, sparse in (("SGD", lambda: pydl.optimizers.SGD(0.01), None), ("Adam, sparse=True", lambda: pydl.optimizers.Adam(), True)):
        medians = race(title, [(f"{rows:,} rows", step(rows, make(), sparse)) for rows in (10_000, 1_000_000)], args.rounds, clock=clock)
        small, large = medians.values()
        print(f"  1,000,000 rows take {large / small:.2f} times as long as 10,000")
    race("Adam, the whole table", [("10,000 rows", step(10_000, pydl.optimizers.Adam(), None))], args.rounds, clock=clock)


if __name__ == "__main__":
    main()
