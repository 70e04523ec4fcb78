"""Activations in float64, element by element (softmax: row by row), from the formulas."""
import math

import numpy as np

from reference.elementwise import each


def sigmoid_of(a): return 1 / (1 + math.exp(-a)) if a > 0 else math.exp(a) / (1 + math.exp(a))
def softplus_of(a): return max(a, 0) + math.log1p(math.exp(-abs(a)))
def normal_cdf(a): return math.erfc(-a / math.sqrt(2)) / 2


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    limit = math.inf if max_value is None else max_value
    return each(lambda a: limit if a >= limit else a if a >= threshold else negative_slope * (a - threshold), x)


def leaky_relu(x, negative_slope=0.2): return each(lambda a: a if a > 0 else negative_slope * a, x)
def relu6(x): return each(lambda a: min(max(a, 0), 6), x)
def sigmoid(x): return each(sigmoid_of, x)
def tanh(x): return each(math.tanh, x)
def elu(x, alpha=1.0): return each(lambda a: a if a > 0 else alpha * math.expm1(a), x)
def celu(x, alpha=1.0): return each(lambda a: a if a > 0 else alpha * math.expm1(a / alpha), x)
def selu(x): return each(lambda a: 1.0507009873554805 * (a if a > 0 else 1.6732632423543772 * math.expm1(a)), x)
def softplus(x): return each(softplus_of, x)
def log_sigmoid(x): return each(lambda a: -softplus_of(-a), x)
def softsign(x): return each(lambda a: a / (1 + abs(a)), x)
def hard_sigmoid(x): return each(lambda a: min(max(a + 3, 0), 6) / 6, x)
def hard_silu(x): return each(lambda a: a * min(max(a + 3, 0), 6) / 6, x)
def hard_tanh(x): return each(lambda a: min(max(a, -1), 1), x)
def silu(x): return each(lambda a: a * sigmoid_of(a), x)
def mish(x): return each(lambda a: a * math.tanh(softplus_of(a)), x)
def tanh_shrink(x): return each(lambda a: a - math.tanh(a), x)
def squareplus(x, b=4): return each(lambda a: (a + math.sqrt(a * a + b)) / 2, x)
def sparse_plus(x): return each(lambda a: 0 if a <= -1 else a if a > 1 else (a + 1) ** 2 / 4, x)
def sparse_sigmoid(x): return each(lambda a: min(max((a + 1) / 2, 0), 1), x)
def soft_shrink(x, threshold=0.5): return each(lambda a: math.copysign(max(abs(a) - threshold, 0), a), x)
def hard_shrink(x, threshold=0.5): return each(lambda a: a if abs(a) > threshold else 0, x)
def threshold(x, threshold, default_value): return each(lambda a: a if a > threshold else default_value, x)
def linear(x): return x
def exponential(x): return each(math.exp, x)


def gelu(x, approximate=False):
    if approximate:
        return each(lambda a: a / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))), x)
    return each(lambda a: a * normal_cdf(a), x)


def softmax(x, axis=-1):
    x = np.moveaxis(x, axis, -1)
    y = np.empty(x.shape)
    for i in np.ndindex(*x.shape[:-1]):
        e = [math.exp(a - max(x[i])) for a in x[i]]
        y[i] = [a / math.fsum(e) for a in e]
    return np.moveaxis(y, -1, axis)


def log_softmax(x, axis=-1):
    x = np.moveaxis(x, axis, -1)
    y = np.empty(x.shape)
    for i in np.ndindex(*x.shape[:-1]):
        log_sum = max(x[i]) + math.log(math.fsum(math.exp(a - max(x[i])) for a in x[i]))
        y[i] = [a - log_sum for a in x[i]]
    return np.moveaxis(y, -1, axis)


def glu(x, axis=-1):
    half = x.shape[axis] // 2
    a, b = np.take(x, range(half), axis), np.take(x, range(half, 2 * half), axis)
    return each(lambda p, q: p * sigmoid_of(q), a, b)


BY_NAME = {"relu": relu, "tanh": tanh, "softmax": softmax, "sigmoid": sigmoid, "gelu": gelu}


def activation(x, activation): return BY_NAME[activation](x)
def leaky_relu_layer(x, negative_slope=0.3): return leaky_relu(x, negative_slope)
def prelu(x, alpha, shared_axes=None): return each(lambda a, slope: a if a > 0 else slope * a, x, alpha)
