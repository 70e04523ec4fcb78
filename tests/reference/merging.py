"""Layers of several inputs, element by element; fewer axes are filled up after the batch."""
import functools

import numpy as np

from reference import elementwise, move


def aligned(xs):
    ndim = max(x.ndim for x in xs)
    return [x.reshape(x.shape[:1] + (1,) * (ndim - x.ndim) + x.shape[1:]) for x in xs]


def add(*xs): return functools.reduce(elementwise.add, aligned(xs))
def subtract(*xs): return elementwise.subtract(*aligned(xs))
def multiply(*xs): return functools.reduce(elementwise.multiply, aligned(xs))
def average(*xs): return add(*xs) / len(xs)
def maximum(*xs): return functools.reduce(elementwise.maximum, aligned(xs))
def minimum(*xs): return functools.reduce(elementwise.minimum, aligned(xs))
def concatenate(*xs, axis=-1): return move.concatenate(*xs, axis=axis)


def dot(x, y, axes, normalize=False):
    a, b = (axes, axes) if isinstance(axes, int) else axes
    x, y = np.moveaxis(x, a, -1), np.moveaxis(y, b, -1)
    if normalize:
        x, y = (t / np.sqrt(np.sum(t * t, -1, keepdims=True)) for t in (x, y))
    z = np.empty((len(x), *x.shape[1:-1], *y.shape[1:-1]))
    for i in np.ndindex(*z.shape):
        z[i] = sum(x[i[:x.ndim - 1]] * y[i[:1] + i[x.ndim - 1:]])
    return z if z.ndim > 1 else z[:, None]
