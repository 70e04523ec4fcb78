"""Reductions in float64: every result from the list of the elements behind it."""
import math

import numpy as np


def over(f, x, axis, keepdims):
    """f of the list of elements behind every result."""
    axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, (tuple, list)) else [axis])]
    kept = [a for a in range(x.ndim) if a not in axes]
    moved = np.transpose(x, [*kept, *axes])
    moved = moved.reshape(*[x.shape[a] for a in kept], math.prod(x.shape[a] for a in axes))
    y = np.array([f(moved[i].tolist()) for i in np.ndindex(*moved.shape[:-1])], dtype=object)
    shape = [1 if a in axes else n for a, n in enumerate(x.shape)] if keepdims else [x.shape[a] for a in kept]
    return y.reshape(shape).astype(np.float64)


def mean_of(values): return math.fsum(values) / len(values)
def var_of(values): return mean_of([(v - mean_of(values)) ** 2 for v in values])
def log_sum_exp(values): return max(values) + math.log(math.fsum(math.exp(v - max(values)) for v in values))


def sum_(x, axis=None, keepdims=False): return over(math.fsum, x, axis, keepdims)
def mean(x, axis=None, keepdims=False): return over(mean_of, x, axis, keepdims)
def prod(x, axis=None, keepdims=False): return over(math.prod, x, axis, keepdims)
def max_(x, axis=None, keepdims=False): return over(max, x, axis, keepdims)
def min_(x, axis=None, keepdims=False): return over(min, x, axis, keepdims)
def argmax(x, axis=None, keepdims=False): return over(lambda v: v.index(max(v)), x, axis, keepdims).astype(np.int32)
def argmin(x, axis=None, keepdims=False): return over(lambda v: v.index(min(v)), x, axis, keepdims).astype(np.int32)
def var(x, axis=None, keepdims=False): return over(var_of, x, axis, keepdims)
def std(x, axis=None, keepdims=False): return over(lambda v: math.sqrt(var_of(v)), x, axis, keepdims)
def logsumexp(x, axis=None, keepdims=False): return over(log_sum_exp, x, axis, keepdims)
def norm(x, axis=None, keepdims=False): return over(lambda v: math.sqrt(math.fsum(a * a for a in v)), x, axis, keepdims)
def any_(x, axis=None, keepdims=False): return over(any, x, axis, keepdims).astype(bool)
def all_(x, axis=None, keepdims=False): return over(all, x, axis, keepdims).astype(bool)


def average(x, weights, axis):
    w = np.broadcast_to(weights.reshape([-1 if a == axis else 1 for a in range(x.ndim)]), x.shape)
    return sum_(x * w, axis) / sum_(w, axis)
