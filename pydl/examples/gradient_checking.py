"""Lesson: trust a gradient when differences confirm it.

A swish unit, y = x sigmoid(x), is written three times: with the right backward, with a factor forgotten (the slope of x counted, that of the sigmoid not),
and with twice the gradient.  All three nets learn, the wrong ones a little worse, so training shows nothing.  `pydl.gradcheck` compares every gradient
with (L(w + e) - L(w - e)) / 2e and names what disagrees: course 2, week 1.  What lies behind the unit stays right, what
lies before it turns wrong: the bug sits at the border.

The step e: too large, and the difference is no slope; too small, and it is rounding.  In float64 1e-5 to 1e-7 is good, in float32 nothing is.

Run:       python -m pydl.examples.gradient_checking
Measured:  relative error 3e-10 right, 0.079 with the factor forgotten, 0.33 with twice the gradient (|2g - g| / (|2g| + |g|));
           by the step: 8e-3 (1e-1), 8e-7 (1e-3), 8e-11 (1e-5), 2e-9 (1e-7), 2e-7 (1e-9), 4e-5 (1e-11).
"""
import sys

import numpy as np

import pydl
from pydl import layers
from pydl.examples import lesson


class Swish(pydl.Op):
    """y = x s, s = sigmoid(x).    dx = dy (s + y (1 - s))."""

    def forward(self, B, x):
        self.s, self.y = B.empty(x.shape, x.dtype), B.empty(x.shape, x.dtype)
        B.sigmoid_forward(x, self.s)
        B.multiply(x, self.s, self.y)
        return self.y

    def backward(self, B, dy):
        s, y = np.asarray(self.s), np.asarray(self.y)
        return B.from_numpy(np.asarray(dy) * self.slope(s, y))

    def slope(self, s, y):
        return s + y * (1 - s)


class Forgetful(Swish):
    """The slope of the sigmoid is forgotten."""

    def slope(self, s, y):
        return s


class Doubled(Swish):
    """Twice the gradient: a factor 2 left over from a square."""

    def slope(self, s, y):
        return 2 * (s + y * (1 - s))


class Activation(layers.Layer):
    """A layer of one of the ops above."""

    def __init__(self, op, **options):
        super().__init__(**options)
        self.op = op

    def call(self, x):
        return self.op()(x)


def network(op):
    """4-5-3-1 with tanh, then the unit under suspicion."""
    pydl.utils.set_random_seed(1)
    return pydl.Sequential([
        layers.Input((4,), dtype="float64"),
        layers.Dense(5, activation="tanh", name="first", dtype="float64"),
        layers.Dense(3, name="second", dtype="float64"),
        Activation(op, name="swish", dtype="float64"),
        layers.Dense(1, name="last", dtype="float64")])


def check(op, epsilon=1e-6):
    """The report of `gradcheck` on 3 samples."""
    return pydl.gradcheck(network(op), [np.random.RandomState(1).randn(3, 4)], epsilon=epsilon)


def main(arguments=None):
    """Run the lesson from the command line."""
    lesson.parse("gradient_checking", arguments)
    for op, what in ((Swish, "The right backward"), (Forgetful, "A factor forgotten"), (Doubled, "Twice the gradient")):
        report = check(op)
        print(f"{what}: {'agrees' if report else 'DISAGREES'}, relative error {report.error:.1e}\n{report}")
    print("The right backward, by the step of the differences")
    for exponent in range(1, 13, 2):
        print(f"  e = 1e-{exponent:02d}: relative error {check(Swish, 10.0 ** -exponent).error:.1e}")


if __name__ == "__main__":
    sys.exit(main())
