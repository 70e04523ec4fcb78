"""Lesson: one hidden layer bends the line between two classes.

The points lie on the petals of a flower, so no straight line parts them: logistic regression gets 47 % of them.  A hidden layer of tanh units turns
the plane; more units, finer turns, and from some number on nothing is gained but the noise learned by heart: course 1, week 3.

Run:       python -m pydl.examples.planar [--steps 10000]
Measured:  accuracy 47.00 % (no hidden unit), 67.50 (1), 67.25 (2), 91.00 (3), 90.50 (4; cost 0.693048, then 0.217820), 91.50 (5), 93.00 (20),
           92.25 (50); 5 s for all eight.
"""
import sys

import pydl
from pydl import layers
from pydl.examples import lesson


def network(hidden):
    """2 inputs, `hidden` tanh units (0 of them is logistic regression), one sigmoid."""
    middle = [layers.Dense(hidden, activation="tanh", dtype="float64")] if hidden else []
    return pydl.Sequential([layers.Input((2,), dtype="float64"), *middle, layers.Dense(1, activation="sigmoid", dtype="float64")])


def run(x, y, hidden, steps=10000):
    """Train by whole-batch gradient descent at rate 1.2; return (costs, accuracy)."""
    model = network(hidden)
    lesson.draw_weights(model, 2, lambda inputs: 0.01)
    model.compile(pydl.optimizers.SGD(1.2), "binary_crossentropy", metrics=["accuracy"])
    return lesson.descend(model, x, y, steps), lesson.accuracy(model, x, y)


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("planar", arguments, steps=10000)
    x, y = lesson.flower()
    print(f"{len(x)} points of a flower in two colours")
    for hidden in (0, 1, 2, 3, 4, 5, 20, 50):
        costs, right = run(x, y, hidden, options.steps)
        print(f"  {hidden:2d} hidden units: cost {costs[0]:.6f} at first, {costs[-1]:.6f} at last; accuracy {right:.2%}")


if __name__ == "__main__":
    sys.exit(main())
