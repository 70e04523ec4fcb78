"""Arithmetic in float64, element by element, from the formulas."""
import math

import numpy as np


def each(f, *xs):
    """f of every element, the arrays broadcast against each other, one element at a time."""
    xs = np.broadcast_arrays(*xs)
    y = np.empty(xs[0].shape)
    for i in np.ndindex(*y.shape):
        y[i] = f(*[float(x[i]) for x in xs])
    return y


def negative(x): return each(lambda a: -a, x)
def reciprocal(x): return each(lambda a: 1 / a, x)
def exp(x): return each(math.exp, x)
def expm1(x): return each(math.expm1, x)
def log(x): return each(math.log, x)
def log1p(x): return each(math.log1p, x)
def log2(x): return each(math.log2, x)
def log10(x): return each(math.log10, x)
def sqrt(x): return each(math.sqrt, x)
def rsqrt(x): return each(lambda a: 1 / math.sqrt(a), x)
def square(x): return each(lambda a: a * a, x)
def absolute(x): return each(abs, x)
def sign(x): return each(lambda a: (a > 0) - (a < 0), x)
def sin(x): return each(math.sin, x)
def cos(x): return each(math.cos, x)
def floor(x): return each(math.floor, x)
def ceil(x): return each(math.ceil, x)
def round_(x, decimals=0): return each(lambda a: round(a * 10**decimals) / 10**decimals, x)     # Python rounds halves to even
def clip(x, x_min, x_max): return each(lambda a: min(max(a, x_min), x_max), x)
def add(x1, x2): return each(lambda a, b: a + b, x1, x2)
def subtract(x1, x2): return each(lambda a, b: a - b, x1, x2)
def multiply(x1, x2): return each(lambda a, b: a * b, x1, x2)
def divide(x1, x2): return each(lambda a, b: a / b, x1, x2)
def power(x1, x2): return each(lambda a, b: a**b, x1, x2)
def maximum(x1, x2): return each(max, x1, x2)
def minimum(x1, x2): return each(min, x1, x2)
def floor_divide(x1, x2): return each(lambda a, b: a // b, x1, x2)
def mod(x1, x2): return each(lambda a, b: a - b * math.floor(a / b), x1, x2)
def equal(x1, x2): return each(lambda a, b: a == b, x1, x2).astype(bool)
def not_equal(x1, x2): return each(lambda a, b: a != b, x1, x2).astype(bool)
def greater(x1, x2): return each(lambda a, b: a > b, x1, x2).astype(bool)
def greater_equal(x1, x2): return each(lambda a, b: a >= b, x1, x2).astype(bool)
def less(x1, x2): return each(lambda a, b: a < b, x1, x2).astype(bool)
def less_equal(x1, x2): return each(lambda a, b: a <= b, x1, x2).astype(bool)
def logical_and(x1, x2): return each(lambda a, b: bool(a) and bool(b), x1, x2).astype(bool)
def logical_or(x1, x2): return each(lambda a, b: bool(a) or bool(b), x1, x2).astype(bool)
def logical_not(x): return each(lambda a: not a, x).astype(bool)
def where(condition, x1, x2): return each(lambda c, a, b: a if c else b, condition, x1, x2)
