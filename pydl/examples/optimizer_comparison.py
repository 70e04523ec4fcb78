"""Lesson: the same network, the same batches, three ways down.

Two moons, 2-5-2-1, batches of 64, rate 0.0007: course 2, week 2.  At so small a rate plain descent and momentum have not yet found the bend in the
border after 10,000 epochs; Adam, which divides by the size of recent gradients, has after some hundreds.  (A rate of its own for
each method would be fairer: at 0.1 the first two reach 94.33 % in 1,000 epochs.)

Run:       python -m pydl.examples.optimizer_comparison [--epochs 10000]
Measured:  gradient descent 79.67 %, cost 0.4326; momentum 79.67 %, 0.4331; Adam 94.00 %, 0.1288; 4 s.
"""
import math
import sys

import pydl
from pydl import layers, optimizers
from pydl.examples import lesson

METHODS = {
    "gradient descent": lambda rate: optimizers.SGD(rate),
    "momentum": lambda rate: optimizers.SGD(rate, momentum=0.9, averaged=True),         # v = 0.9 v + 0.1 g, as the textbook has it
    "Adam": lambda rate: optimizers.Adam(rate, epsilon=1e-8),
}


def run(x, y, method, epochs=10000, rate=0.0007):
    """Train by one of METHODS; return (mean cost of each epoch, accuracy)."""
    pydl.utils.set_random_seed(10)                          # for the order of the batches
    model = pydl.Sequential([
        layers.Input((2,), dtype="float64"),
        layers.Dense(5, activation="relu", dtype="float64"),
        layers.Dense(2, activation="relu", dtype="float64"),
        layers.Dense(1, activation="sigmoid", dtype="float64")])
    lesson.draw_weights(model, 3, lambda inputs: math.sqrt(2 / inputs))
    model.compile(METHODS[method](rate), "binary_crossentropy", metrics=["accuracy"])
    costs = model.fit(x, y, batch_size=64, epochs=epochs, verbose=0).history["loss"]
    return costs, lesson.accuracy(model, x, y)


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("optimizer_comparison", arguments, epochs=10000)
    x, y = lesson.moons(300)
    print(f"Two moons, {len(x)} points, {options.epochs} epochs")
    for method in METHODS:
        costs, right = run(x, y, method, options.epochs)
        shown = "  ".join(f"{costs[epoch]:.4f}" for epoch in range(0, len(costs), max(1, len(costs) // 5)))
        print(f"  {method:16s}: costs {shown}  ...  {costs[-1]:.4f}; accuracy {right:.2%}")


if __name__ == "__main__":
    sys.exit(main())
