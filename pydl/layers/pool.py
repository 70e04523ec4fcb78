"""Pooling: the largest or the mean value of each window, or of the whole image, sequence or volume."""
import math

from pydl import config
from pydl.autodiff import Op
from pydl.errors import ShapeError, boolean, int_tuple, is_int, one_of, show
from pydl.layers.base import InputSpec, Layer
from pydl.ops import any as any_of
from pydl.ops import cast, divide, expand_dims, maximum, reshape, transpose, where
from pydl.ops import sum as sum_of
from pydl.ops.operands import floating
from pydl.shapes import conv_padding, pool_output_size

BYTE = 256      # a window of up to as many pixels keeps the position of its maximum in one byte


class MaxPoolOp(Op):
    def __init__(self, size, window, strides, before): self.size, self.geometry = size, (window, strides, before)

    def forward(self, B, x):
        y = B.empty((x.shape[0], *self.size, x.shape[3]), x.dtype)
        kh, kw = self.geometry[0]
        # backward needs where the maxima were, not what they were
        self.argmax = B.empty(y.shape, "uint8" if kh * kw <= BYTE else "int32") if self.needs[0] else None
        B.max_pool2d_forward(x, *self.geometry, y, self.argmax)
        self.shape = x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.shape, dy.dtype)
        B.max_pool2d_backward(dy, self.argmax, *self.geometry, dx)
        return dx


class AveragePoolOp(Op):
    def __init__(self, size, window, strides, before): self.size, self.geometry = size, (window, strides, before)

    def forward(self, B, x):
        y = B.empty((x.shape[0], *self.size, x.shape[3]), x.dtype)
        B.avg_pool2d_forward(x, *self.geometry, y)
        self.shape = x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.shape, dy.dtype)
        B.avg_pool2d_backward(dy, *self.geometry, dx)
        return dx


class GlobalAveragePoolOp(Op):
    def forward(self, B, x):
        y = B.empty((x.shape[0], x.shape[-1]), x.dtype)
        B.global_avg_pool_forward(x, y)
        self.shape = x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.shape, dy.dtype)
        B.global_avg_pool_backward(dy, dx)
        return dx


class GlobalMaxPoolOp(Op):
    def forward(self, B, x):
        y = B.empty((x.shape[0], x.shape[-1]), x.dtype)
        self.argmax = B.empty(y.shape, "int32") if self.needs[0] else None
        B.global_max_pool_forward(x, y, self.argmax)
        self.shape = x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.shape, dy.dtype)
        B.global_max_pool_backward(dy, self.argmax, dx)
        return dx


# ---- functions

def max_pool(x, pool_size, strides=None, padding="valid", data_format=None):
    """Take the largest value of each window.

    Ties go to the first pixel of the window, row by row, and so does the gradient; NaN wins over every number.
    Padding ("same") never counts.

    Args:      pool_size: the window, an integer or one for each spatial axis.
               strides: the steps between windows; the window by default.
               padding: "valid" (whole windows only) or "same" (ceil(size / stride) windows).
               data_format: "channels_last" or "channels_first"; `pydl.config.image_data_format()` by default.
    Shapes:    x (N, H, W, C) -> (N, H', W', C), as well (N, T, C) and (N, D, H, W, C); valid: H' = (H - pool) // stride + 1.
    Gradients: x.    Saves: the position of each maximum, one byte (four for windows of more than 256 pixels).
    Raises:    ShapeError if no window fits.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.pool import max_pool
        >>> max_pool(np.arange(4.0).reshape(1, 2, 2, 1), 2).item()
        3.0
    """
    return _pool("max_pool", MaxPoolOp, x, pool_size, strides, padding, data_format)


def average_pool(x, pool_size, strides=None, padding="valid", data_format=None):
    """Take the mean of each window, over the pixels it really covers: padding does not count.

    Arguments and shapes as in `max_pool`.    Gradients: x.    Saves: nothing.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.pool import average_pool
        >>> average_pool(np.arange(4.0).reshape(1, 2, 2, 1), 2).item()
        1.5
    """
    return _pool("average_pool", AveragePoolOp, x, pool_size, strides, padding, data_format)


def _pool(who, op, x, pool_size, strides, padding, data_format):
    x = floating(who, x)
    spatial = x.ndim - 2
    if spatial not in (1, 2, 3):
        raise ShapeError(f"{who}: expected sequences (N, T, C), images (N, H, W, C) or volumes (N, D, H, W, C), got shape {x.shape}")
    window, strides = _window(who, "pool_size", pool_size, spatial), _strides(who, pool_size, strides, spatial)
    first = checked_data_format(who, data_format) == "channels_first"
    padding = one_of(who, "padding", padding, ("valid", "same"))
    if first:
        x = channels_last(x)
    y = _apply(who, op, x, window, strides, padding)
    return channels_first(y) if first else y


def _apply(who, op, x, window, strides, padding):
    batch, *space, channels = x.shape
    if len(space) == 2:
        return op(*geometry(who, space, window, strides, padding))(x)
    sizes, _, _, before = geometry(who, space, window, strides, padding)
    if len(space) == 1:                                  # an image one pixel wide
        y = op((*sizes, 1), (*window, 1), (*strides, 1), (*before, 0))(expand_dims(x, 2))
    else:                                                # a window is a box: each slice first, then the depth; ties and means come out the same
        slices = reshape(x, (batch * space[0], *space[1:], channels))
        slices = op(sizes[1:], window[1:], strides[1:], before[1:])(slices)
        slices = reshape(slices, (batch, space[0], 1, sizes[1] * sizes[2] * channels))
        y = op((sizes[0], 1), (window[0], 1), (strides[0], 1), (before[0], 0))(slices)
    return reshape(y, (batch, *sizes, channels))


def geometry(who, size, window, strides, padding):
    """The numbers of windows, window, strides and padding before each axis of `size`: what the ops take."""
    sizes = tuple(pool_output_size(n, k, s, padding, who) for n, k, s in zip(size, window, strides))
    return sizes, window, strides, tuple(conv_padding(n, k, s, padding)[0] for n, k, s in zip(size, window, strides))


def channels_last(x):
    """(N, C, ...) -> (N, ..., C)."""
    return transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x):
    """(N, ..., C) -> (N, C, ...)."""
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def checked_data_format(who, data_format):
    return one_of(who, "data_format", config.image_data_format() if data_format is None else data_format, ("channels_last", "channels_first"))


def _window(who, name, value, spatial):
    return int_tuple(who, name, (value,) * spatial if is_int(value) else value, length=spatial, low=1)


def _strides(who, pool_size, strides, spatial):
    return _window(who, "pool_size", pool_size, spatial) if strides is None else _window(who, "strides", strides, spatial)


# ---- layers

class _Pooling(Layer):
    """Windows over the spatial axes."""
    takes_several = False
    op = None
    spatial = 2

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = _window(self.who, "pool_size", pool_size, self.spatial)
        self.strides = _strides(self.who, pool_size, strides, self.spatial)
        self.padding = one_of(self.who, "padding", padding, ("valid", "same"))
        self.data_format = checked_data_format(self.who, data_format)
        self.input_spec = InputSpec(ndim=self.spatial + 2)

    def call(self, x):
        first = self.data_format == "channels_first"
        y = _apply(self.who, self.op, channels_last(x) if first else x, self.pool_size, self.strides, self.padding)
        return channels_first(y) if first else y

    def geometry(self, size):
        """(H', W'), window, strides and (top, left) padding for images of `size`."""
        return geometry(self.who, size, self.pool_size, self.strides, self.padding)

    def compute_output_shape(self, input_shape):
        """Return the batch, the numbers of windows and the channels, in the layer's data format."""
        if len(input_shape) != self.spatial + 2:
            raise ShapeError(f"{self.who}: expected {self.spatial + 2} axes, got shape {show(tuple(input_shape))}")
        last = self.data_format == "channels_last"
        sizes = input_shape[1:-1] if last else input_shape[2:]
        sizes = tuple(pool_output_size(n, k, s, self.padding, self.who) for n, k, s in zip(sizes, self.pool_size, self.strides))
        return (input_shape[0], *sizes, input_shape[-1]) if last else (*input_shape[:2], *sizes)


class MaxPooling2D(_Pooling):
    """Take the largest value of each window of an image.

    Arguments, ties and NaN as in `max_pool`.
    Shapes:    (N, H, W, C) -> (N, H', W', C).
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.MaxPooling2D()(np.zeros((1, 5, 4, 3))).shape
        (1, 2, 2, 3)
    """
    op = MaxPoolOp

    def call(self, x, frame=None):
        """Pool.  frame: ((top, bottom), (left, right)), zeros that a model found around images without negative values: no maximum needs them."""
        if frame is None:
            return super().call(x)
        sizes = tuple(pool_output_size(n + sum(zeros), k, s, "valid", self.who) for n, zeros, k, s in zip(x.shape[1:3], frame, self.pool_size, self.strides))
        return self.op(sizes, self.pool_size, self.strides, tuple(before for before, _ in frame))(x)

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class MaxPooling1D(_Pooling):
    """Take the largest value of each window of a sequence.  Arguments as in `max_pool`.  (N, T, C) -> (N, T', C)."""
    op, spatial = MaxPoolOp, 1

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class MaxPooling3D(_Pooling):
    """Take the largest value of each box of a volume.  Arguments as in `max_pool`.

    Shapes:    (N, D, H, W, C) -> (N, D', H', W', C).
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.MaxPooling3D(2, padding="same")(np.zeros((1, 5, 4, 7, 3))).shape
        (1, 3, 2, 4, 3)
    """
    op, spatial = MaxPoolOp, 3

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling2D(_Pooling):
    """Take the mean of each window of an image; padding does not count.  Arguments as in `max_pool`.

    Shapes:    (N, H, W, C) -> (N, H', W', C).
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.AveragePooling2D(3, strides=2, padding="same")(np.ones((1, 5, 4, 3))).shape
        (1, 3, 2, 3)
    """
    op = AveragePoolOp

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling1D(_Pooling):
    """Take the mean of each window of a sequence; padding does not count.  (N, T, C) -> (N, T', C)."""
    op, spatial = AveragePoolOp, 1

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling3D(_Pooling):
    """Take the mean of each box of a volume; padding does not count.  Arguments as in `max_pool`.

    Shapes:    (N, D, H, W, C) -> (N, D', H', W', C).
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.AveragePooling3D((1, 2, 2))(np.zeros((1, 5, 4, 7, 3))).shape
        (1, 5, 2, 3, 3)
    """
    op, spatial = AveragePoolOp, 3

    def __init__(self, pool_size=(2, 2, 2), strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class _GlobalPooling(Layer):
    """The whole of the spatial axes."""
    takes_several = False
    op = None
    spatial = 2

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = checked_data_format(self.who, data_format)
        self.keepdims = boolean(self.who, "keepdims", keepdims)
        self.input_spec = InputSpec(ndim=self.spatial + 2)

    def call(self, x):
        first = self.data_format == "channels_first"
        if 0 in (x.shape[2:] if first else x.shape[1:-1]):
            raise ShapeError(f"{self.who}: needs at least one pixel or step, got shape {x.shape}")
        y = self.op()(channels_last(x) if first else x)
        return reshape(y, self.compute_output_shape(x.shape)) if self.keepdims else y

    def compute_output_shape(self, input_shape):
        """Return (N, C), or with ones for the spatial axes."""
        if len(input_shape) != self.spatial + 2:
            raise ShapeError(f"{self.who}: expected {self.spatial + 2} axes, got shape {show(tuple(input_shape))}")
        last = self.data_format == "channels_last"
        n, c, ones = input_shape[0], input_shape[-1 if last else 1], (1,) * self.spatial
        if not self.keepdims:
            return (n, c)
        return (n, *ones, c) if last else (n, c, *ones)


class GlobalAveragePooling2D(_GlobalPooling):
    """Take the mean over the whole image.

    Args:      data_format: as in `max_pool`.    keepdims: keep the spatial axes, with size 1.
    Shapes:    (N, H, W, C) -> (N, C), or (N, 1, 1, C).
    Dtypes:    float32, float64; sums of 64 pixels are added in float64.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.GlobalAveragePooling2D()(np.ones((2, 5, 4, 3))).shape
        (2, 3)
    """
    op = GlobalAveragePoolOp


class _GlobalPooling1D(_GlobalPooling):
    """Over all steps of a sequence but those that a mask calls padding."""
    spatial = 1

    def call(self, x, mask=None):
        if mask is None:
            return super().call(x)
        axis = 2 if self.data_format == "channels_first" else 1
        if mask.shape != (x.shape[0], x.shape[axis]):
            raise ShapeError(f"{self.who}: mask must have shape {(x.shape[0], x.shape[axis])}, one value for each step, got {mask.shape}")
        return self.of_live(x, expand_dims(mask, 3 - axis), axis)


class GlobalAveragePooling1D(_GlobalPooling1D):
    """Take the mean over the whole sequence.  (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Steps that a mask calls padding do not count; where all are, the mean is 0.
    """
    op = GlobalAveragePoolOp

    def of_live(self, x, live, axis):
        """The mean over the steps where live, (N, T, 1) or (N, 1, T), is True."""
        count = maximum(sum_of(cast(live, x.dtype), axis, self.keepdims), 1.0)
        return divide(sum_of(where(live, x, 0.0), axis, self.keepdims), count)


class GlobalMaxPooling2D(_GlobalPooling):
    """Take the largest value of the whole image.  (N, H, W, C) -> (N, C), or (N, 1, 1, C) with keepdims."""
    op = GlobalMaxPoolOp


class GlobalMaxPooling1D(_GlobalPooling1D):
    """Take the largest value of the whole sequence.  (N, T, C) -> (N, C), or (N, 1, C) with keepdims.

    Steps that a mask calls padding do not count (in Keras they do); where all are, the result is 0.
    """
    op = GlobalMaxPoolOp

    def of_live(self, x, live, axis):
        """The largest of the steps where live, (N, T, 1) or (N, 1, T), is True."""
        return where(any_of(live, axis, self.keepdims), _GlobalPooling.call(self, where(live, x, -math.inf)), 0.0)


class GlobalAveragePooling3D(_GlobalPooling):
    """Take the mean over the whole volume.  (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with keepdims."""
    op, spatial = GlobalAveragePoolOp, 3


class GlobalMaxPooling3D(_GlobalPooling):
    """Take the largest value of the whole volume.  (N, D, H, W, C) -> (N, C), or (N, 1, 1, 1, C) with keepdims."""
    op, spatial = GlobalMaxPoolOp, 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
