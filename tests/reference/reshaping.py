"""Layers that move elements: a sample at a time."""
import numpy as np

from reference import move


def flatten(x, data_format="channels_last"):
    if data_format == "channels_first" and x.ndim > 2:
        x = move.transpose(x, [0, *range(2, x.ndim), 1])
    return move.reshape(x, (x.shape[0], int(np.prod(x.shape[1:]))))


def reshape(x, target_shape):
    size, known = int(np.prod(x.shape[1:])), int(np.prod([n for n in target_shape if n != -1]))
    return move.reshape(x, (x.shape[0], *[size // known if n == -1 else n for n in target_shape]))


def permute(x, dims): return move.transpose(x, [0, *dims])
def repeat_vector(x, n): return move.repeat(x[:, None], n, 1)


def spatial(pairs, data_format, ndim):
    return [(0, 0), *pairs, (0, 0)] if data_format == "channels_last" else [(0, 0), (0, 0), *pairs]


def as_pairs(value, axes):
    value = (value,) * axes if isinstance(value, int) else value
    value = (value,) if axes == 1 and isinstance(value[0], int) and len(value) == 2 else value
    return [(v, v) if isinstance(v, int) else v for v in value]


def zero_padding(x, padding, data_format="channels_last"):
    return move.pad(x, spatial(as_pairs(padding, x.ndim - 2), data_format, x.ndim))


def cropping(x, cropping, data_format="channels_last"):
    frame = spatial(as_pairs(cropping, x.ndim - 2), data_format, x.ndim)
    shape = [n - b - a for n, (b, a) in zip(x.shape, frame, strict=True)]
    return move.pick(x, shape, lambda *i: tuple(k + b for k, (b, _) in zip(i, frame, strict=True)))
