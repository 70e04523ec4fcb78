"""Layers that move or repeat elements without computing."""
import math

from pydl import ops
from pydl.errors import ShapeError, int_tuple, is_int, one_of, positive_int, show
from pydl.layers.base import InputSpec, Layer
from pydl.shapes import reshaped


def known_product(sizes):
    """The product of sizes, None if one is not known."""
    return None if None in sizes else math.prod(sizes)


class Flatten(Layer):
    """Every sample as one row.

    Args:      data_format: "channels_last" (also by default) or "channels_first", which turns images so that both give the same rows.
    Shapes:    x (N, a, b, ...) -> y (N, a * b * ...);    x (N,) -> y (N, 1)
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Flatten()(np.zeros((2, 3, 4))).shape
        (2, 12)
    """
    takes_several = False

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = one_of(self.who, "data_format", data_format or "channels_last", ("channels_last", "channels_first"))
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x):
        if self.data_format == "channels_first" and x.ndim > 2:
            x = ops.moveaxis(x, 1, -1)
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], known_product(input_shape[1:]))


class Reshape(Layer):
    """Every sample in another shape.

    Args:      target_shape: the shape of one sample, without the batch; one size may be -1 and is worked out.
    Shapes:    x (N, ...) -> y (N, *target_shape)
    Raises:    ShapeError if the numbers of elements differ.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Reshape((2, -1))(np.zeros((5, 6))).shape
        (5, 2, 3)
    """
    takes_several = False

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        target_shape = (target_shape,) if is_int(target_shape) else target_shape
        self.target_shape = int_tuple(self.who, "target_shape", target_shape, low=-1)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"{self.who}: target_shape may hold one -1, got {self.target_shape}")

    def call(self, x):
        return ops.reshape(x, (x.shape[0], *reshaped(x.shape[1:], self.target_shape, self.who)))

    def compute_output_shape(self, input_shape):
        if None in input_shape[1:]:
            return (input_shape[0], *[None if size == -1 else size for size in self.target_shape])
        return (input_shape[0], *reshaped(input_shape[1:], self.target_shape, self.who))


class Permute(Layer):
    """The axes of every sample in another order.

    Args:      dims: a permutation of 1, 2, ...: axis k of a sample of the result is axis dims[k] of the input; the batch is axis 0 and stays.
    Shapes:    x (N, a, b, c), dims (3, 1, 2) -> y (N, c, a, b)
    Raises:    ValueError if dims is no permutation, ShapeError if the input has another number of axes.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Permute((2, 1))(np.zeros((5, 3, 4))).shape
        (5, 4, 3)
    """
    takes_several = False

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = int_tuple(self.who, "dims", dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"{self.who}: dims must be a permutation of 1 .. {len(self.dims)}, got {show(self.dims)}")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, x):
        return ops.transpose(x, (0, *self.dims))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *[input_shape[k] for k in self.dims])


class RepeatVector(Layer):
    """Every row n times, one below the other.

    Args:      n: how many times, >= 1.
    Shapes:    x (N, D) -> y (N, n, D)
    Example:
        >>> from pydl import layers
        >>> layers.RepeatVector(2)([[1.0, 2.0]]).numpy().tolist()
        [[[1.0, 2.0], [1.0, 2.0]]]
    """
    takes_several = False

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = positive_int(self.who, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, x):
        return ops.repeat(ops.expand_dims(x, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.n, input_shape[1])


def sides(who, name, value, axes):
    """An integer, one integer an axis, or a pair (before, after) an axis, as a tuple of pairs."""
    if is_int(value):
        value = (value,) * axes
    if isinstance(value, (list, tuple)) and axes == 1 and len(value) == 2 and all(is_int(v) for v in value):
        value = (value,)
    if not isinstance(value, (list, tuple)) or len(value) != axes:
        raise (TypeError if not isinstance(value, (list, tuple)) else ValueError)(
            f"{who}: {name} must be an integer, {axes} integers or {axes} pairs of integers, got {show(value)}")
    return tuple(int_tuple(who, name, (v, v) if is_int(v) else v, length=2, low=0) for v in value)


class Frame(Layer):
    """What padding and cropping share: pairs for the spatial axes, and where these are."""
    takes_several = False
    axes = 2

    def set_frame(self, name, value, data_format):
        pairs = sides(self.who, name, value, self.axes)
        setattr(self, name, pairs if self.axes > 1 else pairs[0])
        self.data_format = one_of(self.who, "data_format", data_format or "channels_last", ("channels_last", "channels_first"))
        self.input_spec = InputSpec(ndim=self.axes + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self.pairs = [(0, 0)] * (self.axes + 2)
        self.pairs[first:first + self.axes] = pairs


class ZeroPadding2D(Frame):
    """Images with a frame of zeros.

    Args:      padding: an integer, a pair (rows, columns), or ((top, bottom), (left, right)).
               data_format: "channels_last" (also by default) or "channels_first".
    Shapes:    x (N, H, W, C) -> y (N, top + H + bottom, left + W + right, C)
    Raises:    ValueError for a negative width.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.ZeroPadding2D(((0, 1), (2, 3)))(np.zeros((1, 4, 4, 3))).shape
        (1, 5, 9, 3)
    """

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.set_frame("padding", padding, data_format)

    def call(self, x):
        return ops.pad(x, self.pairs)

    def compute_output_shape(self, input_shape):
        return tuple(None if size is None else before + size + after for size, (before, after) in zip(input_shape, self.pairs, strict=True))


class ZeroPadding1D(ZeroPadding2D):
    """Sequences with zeros before and after.

    Args:      padding: an integer, or (before, after).    data_format: "channels_last" (also by default) or "channels_first".
    Shapes:    x (N, T, C) -> y (N, before + T + after, C)
    """
    axes = 1

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(padding, data_format, **kwargs)


class Cropping2D(Frame):
    """Images without their edges.

    Args:      cropping: an integer, a pair (rows, columns), or ((top, bottom), (left, right)).
               data_format: "channels_last" (also by default) or "channels_first".
    Shapes:    x (N, H, W, C) -> y (N, H - top - bottom, W - left - right, C)
    Raises:    ShapeError if nothing is left.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Cropping2D(1)(np.zeros((1, 4, 5, 3))).shape
        (1, 2, 3, 3)
    """

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.set_frame("cropping", cropping, data_format)

    def call(self, x):
        self.compute_output_shape(x.shape)
        return ops.get_item(x, tuple([slice(before, size - after) for size, (before, after) in zip(x.shape, self.pairs, strict=True)]))

    def compute_output_shape(self, input_shape):
        for axis, (size, (before, after)) in enumerate(zip(input_shape, self.pairs, strict=True)):
            if axis > 0 and size is not None and before + after >= size > 0:
                raise ShapeError(f"{self.who}: cropping ({before}, {after}) leaves nothing of axis {axis} of {tuple(input_shape)}")
        return tuple(None if size is None else size - before - after for size, (before, after) in zip(input_shape, self.pairs, strict=True))


class Cropping1D(Cropping2D):
    """Sequences without their ends.

    Args:      cropping: an integer, or (before, after).    data_format: "channels_last" (also by default) or "channels_first".
    Shapes:    x (N, T, C) -> y (N, T - before - after, C)
    """
    axes = 1

    def __init__(self, cropping=(1, 1), data_format=None, **kwargs):
        super().__init__(cropping, data_format, **kwargs)
