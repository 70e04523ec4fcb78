"""Lesson: logistic regression is a network of one neuron.

A sigmoid of one weighted sum per picture, trained on 209 pictures of 64x64x3 numbers each by whole-batch gradient descent (rate 0.005,
weights from zero): the assignment of course 1, week 2.  It learns its pictures by heart (12,288 weights, 209 pictures) and knows 70 % of new ones:
the gap between the two is variance, which lessons on regularisation and more data are about.

Run:       python -m pydl.examples.logistic_cats FOLDER        (train_catvnoncat.h5, test_catvnoncat.h5; needs h5py)
Measured:  cost 0.693147, 0.584508 after 100 steps, 0.140872 after 1900; accuracy 99.04 % on the training, 70.00 % on the test set;
           2,000 steps take 12 s on two busy cores in float64.
"""
import sys

import pydl
from pydl import layers
from pydl.examples import lesson


def neuron(inputs):
    """One Dense unit with a sigmoid, all weights zero; in float64, so that costs agree with the textbook's to the last digit."""
    return pydl.Sequential([layers.Input((inputs,), dtype="float64"),
                            layers.Dense(1, activation="sigmoid", kernel_initializer="zeros", dtype="float64")])


def run(train, test, steps=2000):
    """Train and print; return (costs, training accuracy, test accuracy)."""
    model = neuron(train[0].shape[1])
    model.compile(pydl.optimizers.SGD(0.005), "binary_crossentropy", metrics=["accuracy"])
    costs = lesson.descend(model, *train, steps)
    lesson.print_costs(costs, max(1, steps // 10))
    known, new = lesson.accuracy(model, *train), lesson.accuracy(model, *test)
    print(f"  accuracy {known:.2%} on the training set, {new:.2%} on the test set")
    return costs, known, new


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("logistic_cats", arguments, data="the folder of train_catvnoncat.h5 and test_catvnoncat.h5", steps=2000)
    train, test, _ = lesson.cats(options.data)
    print(f"One neuron on {len(train[0])} pictures")
    run(train, test, options.steps)


if __name__ == "__main__":
    sys.exit(main())
