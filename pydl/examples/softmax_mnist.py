"""Lesson: ten classes.

Softmax regression is one Dense layer of ten units: 7,850 weights, each picture of a digit against ten templates.  Hidden layers see what templates cannot.
The loss takes logits and class numbers (no one-hot vectors, no logarithm of a rounded zero); pixels go in as bytes / 255: course 2, week 3.
Nothing is carried from one picture to the next: "one to one" among the types of networks of course 5, week 1.

Run:       python -m pydl.examples.softmax_mnist [mnist.npz, or the folder of the four files] [--epochs 5]
           (without a path: pydl's cache, fetched once)
Measured:  softmax regression 92.14 % of the test digits, 784-512-512-10 98.22 %; 16 s on two busy cores.
"""
import sys

import numpy as np

import pydl
from pydl import layers, losses
from pydl.examples import lesson


def run(train, test, hidden, epochs=5):
    """Train 784-hidden-10 with Adam, batches of 128; return (model, test accuracy)."""
    pydl.utils.set_random_seed(1)
    model = pydl.Sequential([layers.Input((28, 28)), layers.Flatten(), *[layers.Dense(n, activation="relu") for n in hidden], layers.Dense(10)])
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(*train, batch_size=128, epochs=epochs, verbose=0)
    return model, model.evaluate(*test, batch_size=1000, verbose=0, return_dict=True)["accuracy"]


def confusions(model, x, y, count=3):
    """The pairs (digit, taken for, how often) that are most often confused."""
    predicted = model.predict(x, batch_size=1000, verbose=0).argmax(axis=1)
    table = np.zeros((10, 10), int)
    np.add.at(table, (y, predicted), 1)
    np.fill_diagonal(table, 0)
    return [(*map(int, np.unravel_index(i, table.shape)), int(table.flat[i])) for i in np.argsort(-table, axis=None, kind="stable")[:count]]


def main(arguments=None):
    """Run the lesson from the command line."""
    options = lesson.parse("softmax_mnist", arguments, optional="an mnist.npz, or the folder of MNIST's four files", epochs=5)
    (x, y), (x_test, y_test) = pydl.datasets.mnist.load_data(options.data)
    train, test = (x.astype(np.float32) / 255, y), (x_test.astype(np.float32) / 255, y_test)
    print(f"{len(x)} digits, {options.epochs} epochs")
    for name, hidden in (("softmax regression", ()), ("512-512", (512, 512))):
        model, right = run(train, test, hidden, options.epochs)
        print(f"  {name}: {model.count_params()} weights, test accuracy {right:.2%}; most often "
              + ", ".join(f"{a} taken for {b} ({n} times)" for a, b, n in confusions(model, *test)))


if __name__ == "__main__":
    sys.exit(main())
