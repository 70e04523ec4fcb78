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


def upsampling(x, size=2, data_format=None, interpolation="nearest"):
    """Pixel by pixel: the pixels around a place, weighted by a hat or by Keys' cubic, weights summing to 1."""
    x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    factors = (size,) * (x.ndim - 2) if isinstance(size, int) else size
    for axis, factor in enumerate(factors, 1):
        lines = np.moveaxis(x, axis, 0)
        out = np.zeros((len(lines) * factor, *lines.shape[1:]))
        for i in range(len(out)):
            place = (i + 0.5) / factor - 0.5
            if interpolation == "nearest":
                out[i] = lines[i // factor]
                continue
            weights = [_hat(abs(place - k)) if interpolation == "bilinear" else _cubic(abs(place - k)) for k in range(len(lines))]
            for k, weight in enumerate(weights):
                out[i] += weight / sum(weights) * lines[k]
        x = np.moveaxis(out, 0, axis)
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def _hat(d): return max(0.0, 1 - d)
def _cubic(d): return 1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0
