"""Lesson: where a network starts decides whether it learns.

Zeros: all units of a layer stay the same for ever, and the answer is a coin's.  Large numbers: the network is sure, and wrong, so the cost starts a thousand
times too high and the steps go into undoing it.  He's sqrt(2 / inputs) keeps the size of the signal from layer to layer under ReLU: course 2, week 1, two
circles in a plane, 2-10-5-1, rate 0.01.

Run:       python -m pydl.examples.initialization [--steps 15000]
Measured:  zeros 50 % and 50 %; large 83.00 % and 86.00 %, its cost 1774 at first; He 99.33 % and 96.00 %, 0.8831 at first; 2 s.
"""
import math
import sys

import pydl
from pydl import layers, losses, metrics
from pydl.examples import lesson

STARTS = {"zeros": lambda inputs: 0.0, "large": lambda inputs: 10.0, "He": lambda inputs: math.sqrt(2 / inputs)}


def run(train, test, start, steps=15000):
    """Train from one of STARTS; return (costs, training accuracy, test accuracy)."""
    model = pydl.Sequential([
        layers.Input((2,), dtype="float64"),
        layers.Dense(10, activation="relu", dtype="float64"),
        layers.Dense(5, activation="relu", dtype="float64"),
        layers.Dense(1, dtype="float64")])
    lesson.draw_weights(model, 3, STARTS[start])            # the loss takes the sigmoid: from logits it is exact however sure the network is
    model.compile(pydl.optimizers.SGD(0.01), losses.BinaryCrossentropy(from_logits=True), metrics=[metrics.BinaryAccuracy("accuracy", threshold=0.0)])
    costs = lesson.descend(model, *train, steps)
    return costs, lesson.accuracy(model, *train), lesson.accuracy(model, *test)


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("initialization", arguments, steps=15000)
    train, test = lesson.circles(300, seed=1), lesson.circles(100, seed=2)
    print(f"Two circles, {len(train[0])} points, {options.steps} steps")
    for start in STARTS:
        costs, known, new = run(train, test, start, options.steps)
        print(f"  {start:5s}: cost {costs[0]:.4f} at first, {costs[-1]:.4f} at last; accuracy {known:.2%} on the training set, {new:.2%} on the test set")


if __name__ == "__main__":
    sys.exit(main())
