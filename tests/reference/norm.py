"""Normalisation, from its formula."""
import numpy as np


def _turned(values, ndim, axis):
    """A vector as an array that broadcasts along `axis`."""
    shape = [1] * ndim
    shape[axis] = -1
    return values.reshape(shape)


def _named(weights, center, scale):
    weights = list(weights)
    gamma = weights.pop(0) if scale else np.ones(1)
    beta = weights.pop(0) if center else np.zeros(1)
    return gamma, beta, weights


def batch_norm_training(x, *weights, axis=-1, epsilon=1e-3, center=True, scale=True, momentum=0.99):
    gamma, beta, _ = _named(weights, center, scale)
    others = tuple(a for a in range(x.ndim) if a != axis % x.ndim)
    mean = x.mean(others, keepdims=True)
    variance = ((x - mean) ** 2).mean(others, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * _turned(gamma, x.ndim, axis) + _turned(beta, x.ndim, axis)


def batch_norm_inference(x, *weights, axis=-1, epsilon=1e-3, center=True, scale=True, momentum=0.99):
    gamma, beta, (mean, variance) = _named(weights, center, scale)
    mean, variance, gamma, beta = (_turned(v, x.ndim, axis) for v in (mean, variance, gamma, beta))
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def layer_norm(x, *weights, axis=-1, epsilon=1e-3, center=True, scale=True):
    gamma, beta, _ = _named(weights, center, scale)
    axes = tuple(sorted(a % x.ndim for a in ([axis] if isinstance(axis, int) else axis)))
    shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
    mean = x.mean(axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axes, keepdims=True)
    gamma, beta = (v.reshape(shape) if v.size > 1 else v for v in (gamma, beta))
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def group_norm(x, *weights, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True):
    gamma, beta, _ = _named(weights, center, scale)
    y, c = np.zeros_like(x), x.shape[axis]
    size = c // (c if groups == -1 else groups)
    moved, out = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
    for n in range(x.shape[0]):
        for first in range(0, c, size):
            part = moved[n, ..., first:first + size]
            variance = ((part - part.mean()) ** 2).mean()
            out[n, ..., first:first + size] = (part - part.mean()) / np.sqrt(variance + epsilon)
    return y * _turned(gamma, x.ndim, axis) + _turned(beta, x.ndim, axis)


def rms_norm(x, scale, axis=-1, epsilon=1e-6):
    axes = tuple(a % x.ndim for a in ([axis] if isinstance(axis, int) else axis))
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + epsilon) * scale.reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])


def unit_norm(x, axis=-1):
    axes = tuple([axis] if isinstance(axis, int) else axis)
    return x / np.sqrt((x * x).sum(axes, keepdims=True))


def given_norm(x, axis=-1, mean=0.0, variance=1.0, invert=False):
    mean, width = (np.asarray(v) for v in (mean, np.sqrt(variance)))
    mean, width = (_turned(v, x.ndim, axis) if v.ndim else v for v in (mean, width))
    return x * width + mean if invert else (x - mean) / width


def rescaling(x, scale, offset=0.0):
    return x * np.asarray(scale) + np.asarray(offset)
