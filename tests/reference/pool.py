"""Pooling: loops over outputs and the pixels of their windows."""
import itertools

import numpy as np


def _windows(size, window, stride, padding):
    """[(from, to)] along an axis, cut off at its ends."""
    if padding == "same":
        count = -(-size // stride)
        before = max((count - 1) * stride + window - size, 0) // 2
    else:
        count, before = (size - window) // stride + 1, 0
    return [(max(i * stride - before, 0), min(i * stride - before + window, size)) for i in range(count)]


def _pool(take, x, pool_size, strides, padding, data_format):
    if data_format == "channels_first":
        return np.moveaxis(_pool(take, np.moveaxis(x, 1, -1), pool_size, strides, padding, None), -1, 1)
    space = x.ndim - 2
    pool_size = (pool_size,) * space if isinstance(pool_size, int) else pool_size
    strides = pool_size if strides is None else (strides,) * space if isinstance(strides, int) else strides
    axes = [list(enumerate(_windows(n, k, s, padding))) for n, k, s in zip(x.shape[1:-1], pool_size, strides)]
    y = np.zeros((x.shape[0], *map(len, axes), x.shape[-1]))
    for window in itertools.product(*axes):
        at, spans = zip(*window)
        y[(slice(None), *at)] = take(x[(slice(None), *(slice(*span) for span in spans))], tuple(range(1, space + 1)))
    return y


def max_pool(x, pool_size=2, strides=None, padding="valid", data_format="channels_last"):
    return _pool(np.max, x, pool_size, strides, padding, data_format)


def average_pool(x, pool_size=2, strides=None, padding="valid", data_format="channels_last"):
    return _pool(np.mean, x, pool_size, strides, padding, data_format)


def _whole(take, x, data_format, keepdims):
    axes = tuple(range(1, x.ndim - 1)) if data_format == "channels_last" else tuple(range(2, x.ndim))
    return take(x, axes, keepdims=keepdims)


def global_average(x, data_format="channels_last", keepdims=False):
    return _whole(np.mean, x, data_format, keepdims)


def global_max(x, data_format="channels_last", keepdims=False):
    return _whole(np.max, x, data_format, keepdims)
