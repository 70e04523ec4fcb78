"""Layers of several inputs."""
from functools import reduce

from pydl import ops
from pydl.errors import ShapeError, is_int, show
from pydl.layers.base import Layer
from pydl.shapes import broadcast_shapes, concatenated, normalize_axis


class Merge(Layer):
    """Inputs combined element by element.  Inputs with fewer axes get axes of size 1 after the batch; sizes of 1 stretch."""
    exactly = None                      # how many inputs, where only one number will do

    def check_inputs(self, shapes):
        """The shapes, as a list of tuples; one of them alone is an error."""
        if not isinstance(shapes, list) or not all(isinstance(shape, (tuple, list)) for shape in shapes):
            raise TypeError(f"{self.who}: expected a list of inputs, got one")
        if len(shapes) < 1 or (self.exactly and len(shapes) != self.exactly):
            raise ValueError(f"{self.who}: expected a list of {self.exactly or 'at least one'} inputs, got {len(shapes)}")
        return [tuple(shape) for shape in shapes]

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, xs):
        shapes = self.check_inputs([x.shape for x in xs] if isinstance(xs, list) else xs.shape)
        self.compute_output_shape(shapes)
        ndim = max(len(shape) for shape in shapes)
        return self.merge([ops.expand_dims(x, tuple(range(1, 1 + ndim - x.ndim))) if x.ndim < ndim else x for x in xs])

    def compute_output_shape(self, input_shape):
        shapes = self.check_inputs(input_shape)
        ndim = max(len(shape) for shape in shapes)
        return reduce(lambda a, b: broadcast_shapes(a, b, self.who), [shape[:1] + (1,) * (ndim - len(shape)) + shape[1:] for shape in shapes])

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
        self.compute_output_shape([x.shape for x in xs] if isinstance(xs, list) else xs.shape)
        return ops.concatenate(xs, self.axis)

    def compute_output_shape(self, input_shape):
        shapes = self.check_inputs(input_shape)
        if normalize_axis(self.axis, len(shapes[0]), self.who) == 0:
            raise ShapeError(f"{self.who}: axis {self.axis} of {shapes[0]} is the batch; its size must stay")
        return concatenated(shapes, self.axis, self.who)
