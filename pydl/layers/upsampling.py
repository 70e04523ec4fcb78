"""Enlarged images and sequences: repeated, or interpolated by products with small matrices."""
import numpy as np

from pydl import ops
from pydl.errors import one_of, pair, positive_int
from pydl.layers.base import InputSpec, Layer
from pydl.layers.pool import checked_data_format

INTERPOLATIONS = {"bilinear": lambda d: np.maximum(0.0, 1.0 - d),                       # the weight of a pixel at a distance
                  "bicubic": lambda d: np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((-0.5 * d + 2.5) * d - 4) * d + 2, 0.0))}


def interpolation_matrix(size, factor, interpolation):
    """The weights (size * factor, size) of the pixels of a line in those of the line `factor` times as long.

    Pixels are squares: the centre of pixel i lies at i + 1/2.  Weights sum to 1, also at the edges.
    """
    centre = (np.arange(size * factor) + 0.5) / factor - 0.5
    matrix = INTERPOLATIONS[interpolation](np.abs(centre[:, None] - np.arange(size)))
    return matrix / matrix.sum(1, keepdims=True)


class UpSampling2D(Layer):
    """Images enlarged by whole factors.

    Args:      size: a factor, or a pair (rows, columns).
               data_format: "channels_last" (also by default) or "channels_first".
               interpolation: "nearest" repeats pixels; "bilinear" and "bicubic" (Keys, a = -1/2) mix neighbours, with pixel centres at 1/2.
    Shapes:    x (N, H, W, C) -> y (N, H * rows, W * columns, C)
    Dtypes:    float32, float64.    Gradients: x.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.UpSampling2D((1, 2))(np.array([1.0, 3.0]).reshape(1, 1, 2, 1)).numpy().ravel().tolist()
        [1.0, 1.0, 3.0, 3.0]
        >>> layers.UpSampling2D((1, 2), interpolation="bilinear")(np.array([1.0, 3.0]).reshape(1, 1, 2, 1)).numpy().ravel().tolist()
        [1.0, 1.5, 2.5, 3.0]
    """
    takes_several = False

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = pair(self.who, "size", size)
        self.data_format = checked_data_format(self.who, data_format)
        self.interpolation = one_of(self.who, "interpolation", interpolation, ("nearest", *INTERPOLATIONS))
        self.input_spec = InputSpec(ndim=4)

    def call(self, x):
        first = self.data_format == "channels_first"
        if first:
            x = ops.moveaxis(x, 1, -1)
        for axis, factor in ((1, self.size[0]), (2, self.size[1])):
            if factor > 1:
                x = ops.repeat(x, factor, axis=axis) if self.interpolation == "nearest" else self._interpolated(x, axis, factor)
        return ops.moveaxis(x, -1, 1) if first else x

    def _interpolated(self, x, axis, factor):
        n, h, w, c = x.shape
        matrix = interpolation_matrix(x.shape[axis], factor, self.interpolation).astype(x.dtype)
        if axis == 1:
            return ops.reshape(ops.matmul(matrix, ops.reshape(x, (n, h, w * c))), (n, h * factor, w, c))
        return ops.reshape(ops.matmul(matrix, ops.reshape(x, (n * h, w, c))), (n, h, w * factor, c))

    def compute_output_shape(self, input_shape):
        sizes, first = list(input_shape), 2 if self.data_format == "channels_first" else 1
        for axis, factor in ((first, self.size[0]), (first + 1, self.size[1])):
            sizes[axis] = None if sizes[axis] is None else sizes[axis] * factor
        return tuple(sizes)


class UpSampling1D(Layer):
    """Sequences with every step repeated.

    Args:      size: how many times.
    Shapes:    x (N, T, C) -> y (N, T * size, C)
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.UpSampling1D(2)(np.array([[[1.0], [3.0]]])).numpy().ravel().tolist()
        [1.0, 1.0, 3.0, 3.0]
    """
    takes_several = False

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = positive_int(self.who, "size", size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, x):
        return ops.repeat(x, self.size, axis=1)

    def compute_output_shape(self, input_shape):
        n, t, c = input_shape
        return (n, None if t is None else t * self.size, c)
