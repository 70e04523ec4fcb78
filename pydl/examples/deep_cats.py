"""Lesson: the same cats with deeper networks.

12288-7-1 and 12288-20-7-5-1 with ReLU, a sigmoid at the end, rate 0.0075, 2,500 steps on the whole set: the assignments of course 1, week 4.
Depth buys ten points on new pictures.  The shallow net starts from small weights (0.01); the deep one would not learn from those, so its weights are
scaled by 1 / sqrt(inputs): the lesson `initialization` is about why.

Run:       python -m pydl.examples.deep_cats FOLDER        (train_catvnoncat.h5, test_catvnoncat.h5; needs h5py)
Measured:  two layers: cost 0.693050, 0.646432 after 100 steps, 0.048555 after 2400; 100 % and 72 %.
           four layers: 0.771749, 0.672053, 0.092878; 98.56 % and 80 %.  45 s in all on two busy cores in float64.
"""
import math
import sys

import numpy as np

import pydl
from pydl import layers
from pydl.examples import lesson

NETWORKS = {"two layers": ((7, 1), lambda inputs: 0.01), "four layers": ((20, 7, 5, 1), lambda inputs: 1 / math.sqrt(inputs))}


def network(inputs, units):
    """Dense layers with ReLU, the last with a sigmoid, in float64."""
    hidden = [layers.Dense(n, activation="relu", dtype="float64") for n in units[:-1]]
    return pydl.Sequential([layers.Input((inputs,), dtype="float64"), *hidden, layers.Dense(units[-1], activation="sigmoid", dtype="float64")])


def run(train, test, name, steps=2500):
    """Train one of NETWORKS and print; return (model, costs)."""
    units, scale = NETWORKS[name]
    model = network(train[0].shape[1], units)
    lesson.draw_weights(model, 1, scale)
    model.compile(pydl.optimizers.SGD(0.0075), "binary_crossentropy", metrics=["accuracy"])
    costs = lesson.descend(model, *train, steps)
    lesson.print_costs(costs, max(1, steps // 25 * 4))
    print(f"  accuracy {lesson.accuracy(model, *train):.2%} on the training set, {lesson.accuracy(model, *test):.2%} on the test set")
    return model, costs


def surest_mistakes(model, x, y, names, count=3):
    """Print the pictures of which the network is most sure, and wrong."""
    p = model.predict(x, batch_size=len(x), verbose=0).reshape(-1)
    for i in np.argsort(-abs(p - y))[:count]:
        print(f"  picture {i}, a {names[y[i]]}: the network gives {p[i]:.2f} for a cat")


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("deep_cats", arguments, data="the folder of train_catvnoncat.h5 and test_catvnoncat.h5", steps=2500)
    train, test, names = lesson.cats(options.data)
    for name in NETWORKS:
        print(f"A network of {name} on {len(train[0])} pictures")
        model, _ = run(train, test, name, options.steps)
    print("Its worst mistakes on the test set")
    surest_mistakes(model, *test, names)


if __name__ == "__main__":
    sys.exit(main())
