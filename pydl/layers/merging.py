"""Layers of several inputs."""
import math
from functools import reduce

from pydl import ops
from pydl.errors import ShapeError, boolean, int_tuple, is_int, show
from pydl.layers.base import Layer
from pydl.shapes import broadcast_shapes, concatenated, normalize_axis
from pydl.tensor import Tensor


class Merge(Layer):
    """Inputs combined element by element.  Inputs with fewer axes get axes of size 1 after the batch; sizes of 1 stretch."""
    supports_masking = None
    exactly = None                      # how many inputs, where only one number will do

    def check_inputs(self, shapes):
        """The shapes, as a list of tuples; one of them alone is an error."""
        if not isinstance(shapes, list) or not all(isinstance(shape, (tuple, list)) for shape in shapes):
            raise TypeError(f"{self.who}: expected a list of inputs, got one")
        if len(shapes) < 1 or (self.exactly and len(shapes) != self.exactly):
            raise ValueError(f"{self.who}: expected a list of {self.exactly or 'at least one'} inputs, got {len(shapes)}")
        if () in [tuple(shape) for shape in shapes]:
            raise ShapeError(f"{self.who}: every input needs a batch axis, got shapes {shapes}")
        return [tuple(shape) for shape in shapes]

    def shapes_of(self, xs):
        """The shapes of the inputs; something else among them is an error."""
        for x in xs if isinstance(xs, list) else []:
            if not isinstance(x, Tensor):
                raise TypeError(f"{self.who}: expected a list of arrays, got {show(x)} among them")
        return [x.shape for x in xs] if isinstance(xs, list) else xs.shape

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, xs):
        shapes = self.check_inputs(self.shapes_of(xs))
        self.compute_output_shape(shapes)
        ndim = max(len(shape) for shape in shapes)
        return self.merge([ops.expand_dims(x, tuple(range(1, 1 + ndim - x.ndim))) if x.ndim < ndim else x for x in xs])

    def compute_output_shape(self, input_shape):
        shapes = self.check_inputs(input_shape)
        ndim = max(len(shape) for shape in shapes)
        return reduce(lambda a, b: broadcast_shapes(a, b, self.who), [shape[:1] + (1,) * (ndim - len(shape)) + shape[1:] for shape in shapes])

    def _run(self, args, kwargs):
        out, masks = super()._run(args, kwargs), [getattr(x, "mask", None) for x in args[0]]
        mask = self.compute_mask(args[0], masks)
        if mask is not None and mask.shape == out.shape[:2]:
            out.mask = mask
        return out

    def compute_mask(self, inputs, previous_mask=None):
        """Return the mask of the output, for a list of inputs with a list of masks."""
        masks = [None] * len(inputs) if previous_mask is None else list(previous_mask)
        return None if all(mask is None for mask in masks) else self.merged_mask(masks, inputs)

    def merged_mask(self, masks, xs):
        """The mask of the result, of inputs of which at least one has a mask: a step counts where it counts in any."""
        return None if None in masks else reduce(ops.logical_or, masks)

    def merge(self, xs):
        """Combine Tensors of the same number of axes."""
        raise TypeError(f"{self.who}: define merge(self, xs)")


class Add(Merge):
    """The sum of the inputs.

    Shapes:    [x (N, ...), y (N, ...), ...] -> (N, ...)
    Raises:    ShapeError naming the layer and both shapes.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy().tolist()
        [[4.0, 6.0]]
    """

    def merge(self, xs):
        return reduce(ops.add, xs)


class Subtract(Merge):
    """The first input minus the second.    Shapes: [x (N, ...), y (N, ...)] -> (N, ...)"""
    exactly = 2

    def merge(self, xs):
        return ops.subtract(*xs)


class Multiply(Merge):
    """The product of the inputs.    Shapes: [x (N, ...), y (N, ...), ...] -> (N, ...)"""

    def merge(self, xs):
        return reduce(ops.multiply, xs)


class Average(Merge):
    """The mean of the inputs.    Shapes: [x (N, ...), y (N, ...), ...] -> (N, ...)"""

    def merge(self, xs):
        return ops.multiply(reduce(ops.add, xs), 1.0 / len(xs))


class Maximum(Merge):
    """The largest of the inputs.    Shapes: [x (N, ...), y (N, ...), ...] -> (N, ...)"""

    def merge(self, xs):
        return reduce(ops.maximum, xs)


class Minimum(Merge):
    """The smallest of the inputs.    Shapes: [x (N, ...), y (N, ...), ...] -> (N, ...)"""

    def merge(self, xs):
        return reduce(ops.minimum, xs)


class Concatenate(Merge):
    """The inputs side by side along an axis.

    Args:      axis: the last by default; the batch (0) is refused.
    Shapes:    [x (N, ..., a), y (N, ..., b)] -> (N, ..., a + b)
    Raises:    ShapeError naming the shapes that do not fit.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).numpy().tolist()
        [[1.0, 2.0, 3.0]]
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not is_int(axis):
            raise TypeError(f"{self.who}: axis must be an integer, got {show(axis)}")
        if axis == 0:
            raise ValueError(f"{self.who}: axis 0 is the batch; its size must stay")
        self.axis = int(axis)

    def call(self, xs):
        self.compute_output_shape(self.shapes_of(xs))
        return ops.concatenate(xs, self.axis)

    def merged_mask(self, masks, xs):
        """Of features side by side: a step counts where it counts in all; of sequences one behind the other: their masks behind each other."""
        if self.axis % xs[0].ndim != 1:
            return reduce(ops.logical_and, [m for m in masks if m is not None])
        return ops.concatenate([ops.ones(x.shape[:2], "bool") if m is None else m for x, m in zip(xs, masks, strict=True)], 1)

    def compute_output_shape(self, input_shape):
        shapes = self.check_inputs(input_shape)
        if normalize_axis(self.axis, len(shapes[0]), self.who) == 0:
            raise ShapeError(f"{self.who}: axis {self.axis} of {shapes[0]} is the batch; its size must stay")
        return concatenated(shapes, self.axis, self.who)


class Dot(Merge):
    """Dot products of two inputs along an axis of each, sample by sample.

    Args:      axes: the axis of both inputs, or a pair of axes; the batch (0) is refused.
               normalize: divide by the lengths first, so that the result is the cosine of the angle.
    Shapes:    [x (N, ..., k), y (N, ..., k)], axes -1 -> (N, rest of x, rest of y); (N, 1) of two rows
    Raises:    ShapeError naming the shapes if the sizes along the axes differ.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy().tolist()
        [[11.0]]
    """
    exactly = 2

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        self.axes = int(axes) if is_int(axes) else list(int_tuple(self.who, "axes", axes, length=2))
        if 0 in self._pair():
            raise ValueError(f"{self.who}: axes must not name axis 0, the batch, got {show(axes)}")
        self.normalize = boolean(self.who, "normalize", normalize)

    def _pair(self):
        return (self.axes, self.axes) if is_int(self.axes) else tuple(self.axes)

    def _places(self, shapes):
        """The axes counted from the front; their sizes agree."""
        x, y = shapes
        a, b = (normalize_axis(axis, len(shape), self.who) for axis, shape in zip(self._pair(), shapes, strict=True))
        if 0 in (a, b):
            raise ShapeError(f"{self.who}: axes {self.axes} of {x} and {y} name the batch")
        if x[a] != y[b] and None not in (x[a], y[b]):
            raise ShapeError(f"{self.who}: axis {a} of {x} and axis {b} of {y} differ: {x[a]} and {y[b]}")
        return a, b

    def call(self, xs):
        shapes = self.check_inputs(self.shapes_of(xs))
        shape = self.compute_output_shape(shapes)
        x, y = (ops.moveaxis(x, axis, -1) for x, axis in zip(xs, self._places(shapes), strict=True))
        if self.normalize:
            x, y = (ops.multiply(t, ops.rsqrt(ops.maximum(ops.sum(ops.square(t), axis=-1, keepdims=True), 1e-12))) for t in (x, y))
        x, y = (ops.reshape(t, (t.shape[0], math.prod(t.shape[1:-1]), t.shape[-1])) for t in (x, y))
        return ops.reshape(ops.matmul(x, ops.swapaxes(y, 1, 2)), (x.shape[0], *shape[1:]))

    def compute_output_shape(self, input_shape):
        x, y = shapes = self.check_inputs(input_shape)
        a, b = self._places(shapes)
        if x[0] != y[0] and None not in (x[0], y[0]):
            raise ShapeError(f"{self.who}: batches of {x[0]} and {y[0]} samples do not go together")
        rest = [size for k, size in enumerate(x) if k not in (0, a)] + [size for k, size in enumerate(y) if k not in (0, b)]
        return (x[0] if x[0] is not None else y[0], *(rest or [1]))

    def merged_mask(self, masks, xs):
        return None


# ---- the layers as functions of a list of inputs

def add(inputs, **kwargs):
    """Return the sum of the inputs, arrays or Symbols: `Add()(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """Return the first input minus the second: `Subtract()(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """Return the product of the inputs: `Multiply()(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """Return the mean of the inputs: `Average()(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """Return the largest of the inputs: `Maximum()(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """Return the smallest of the inputs: `Minimum()(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """Return the inputs side by side along an axis: `Concatenate(axis)(inputs)`."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Return dot products of two inputs: `Dot(axes)(inputs)`."""
    return Dot(axes, **kwargs)(inputs)
