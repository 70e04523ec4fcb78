"""Layers of several inputs, element by element; fewer axes are filled up after the batch."""
import functools

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
