"""Activations as layers."""
from pydl import activations, constraints, initializers, ops, regularizers
from pydl.errors import in_range, int_tuple, is_int, show
from pydl.layers.base import Layer
from pydl.shapes import normalize_axis


class Activation(Layer):
    """An activation by name, or a function of yours, as a layer.

    Args:      activation: "relu", "softmax", ...: a name of `pydl.activations`, or a function of one tensor.
    Shapes:    x (...) -> y (...)
    Raises:    ValueError for an unknown name, with the nearest known one.
    Example:
        >>> from pydl import layers
        >>> layers.Activation("relu")([[-1.0, 2.0]]).numpy().tolist()
        [[0.0, 2.0]]
    """
    takes_several = False
    supports_masking = True

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self.who}: activation")

    def call(self, x):
        return self.activation(x)

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(input_shape) if self.activation is ops.glu else tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Pointwise(Layer):
    """A layer that leaves the shape as it is."""
    takes_several = False
    supports_masking = True

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class ReLU(Pointwise):
    """max(x, 0); with options, x between threshold and max_value, negative_slope * (x - threshold) below.

    Args:      max_value: the largest result, >= 0; None for no limit.    negative_slope: >= 0.    threshold: >= 0.
    Shapes:    x (...) -> y (...)
    Raises:    ValueError for a negative option.
    Example:
        >>> from pydl import layers
        >>> layers.ReLU(max_value=1.0)([[-1.0, 2.0]]).numpy().tolist()
        [[0.0, 1.0]]
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else in_range(self.who, "max_value", max_value, low=0)
        self.negative_slope = in_range(self.who, "negative_slope", negative_slope, low=0)
        self.threshold = in_range(self.who, "threshold", threshold, low=0)

    def call(self, x):
        return ops.relu(x, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Pointwise):
    """x where x > 0, else negative_slope * x.

    Args:      negative_slope: >= 0; 0.3 as in Keras (the function `leaky_relu` has 0.2).
    Shapes:    x (...) -> y (...)
    Raises:    ValueError for a negative slope.
    Example:
        >>> from pydl import layers
        >>> layers.LeakyReLU(0.5)([[-1.0, 2.0]]).numpy().tolist()
        [[-0.5, 2.0]]
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(**kwargs)
        self.negative_slope = in_range(self.who, "negative_slope", negative_slope, low=0)

    def call(self, x):
        return ops.leaky_relu(x, self.negative_slope)


class ELU(Pointwise):
    """x where x > 0, else alpha * (exp(x) - 1).

    Args:      alpha: >= 0.
    Shapes:    x (...) -> y (...)
    Raises:    ValueError for a negative alpha.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = in_range(self.who, "alpha", alpha, low=0)

    def call(self, x):
        return ops.elu(x, self.alpha)


class Softmax(Pointwise):
    """exp(x) / sum(exp(x)) along an axis.

    Args:      axis: the classes, the last axis by default; the batch (0) is refused.
    Shapes:    x (..., C) -> y (..., C)
    Raises:    ShapeError if the input has no such axis.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not is_int(axis):
            raise TypeError(f"{self.who}: axis must be an integer, got {show(axis)}")
        if axis == 0:
            raise ValueError(f"{self.who}: axis 0 is the batch; samples are independent of each other")
        self.axis = int(axis)

    def build(self, input_shape):
        normalize_axis(self.axis, len(input_shape), self.who)

    def call(self, x):
        return ops.softmax(x, self.axis)


class PReLU(Pointwise):
    """x where x > 0, else alpha * x with an alpha that is learned, one for each position of a sample.

    Args:      alpha_initializer, alpha_regularizer, alpha_constraint: for alpha, zeros by default.
               shared_axes: axes (counted with the batch, from 1) along which alpha is one number, such as (1, 2) for one a channel.
    Shapes:    x (N, ...) -> y (N, ...);    alpha: x without N, 1 along shared axes
    Raises:    ShapeError if a shared axis is out of range.
    Source:    He et al., Delving Deep into Rectifiers, 2015, equation 1.
    """

    def __init__(self, alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None, shared_axes=None, **kwargs):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer, f"{self.who}: alpha_initializer")
        self.alpha_regularizer = regularizers.get(alpha_regularizer, f"{self.who}: alpha_regularizer")
        self.alpha_constraint = constraints.get(alpha_constraint, f"{self.who}: alpha_constraint")
        shared_axes = (shared_axes,) if is_int(shared_axes) else shared_axes
        self.shared_axes = None if shared_axes is None else list(int_tuple(self.who, "shared_axes", shared_axes))
        if 0 in (self.shared_axes or ()):
            raise ValueError(f"{self.who}: shared_axes must be axes of a sample, counted from 1, got {show(shared_axes)}; samples share alpha anyway")

    def build(self, input_shape):
        shared = [normalize_axis(axis, len(input_shape), self.who) for axis in self.shared_axes or ()]
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(input_shape) if axis > 0)
        if None in shape:
            raise ValueError(f"{self.who}: input {input_shape} has an unknown size; share alpha along that axis with shared_axes")
        self.alpha = self.add_weight(shape, self.alpha_initializer, "alpha", regularizer=self.alpha_regularizer, constraint=self.alpha_constraint)

    def call(self, x):
        return ops.relu(x) - self.alpha * ops.relu(-x)

    def get_config(self):
        return {**super().get_config(), "alpha_initializer": initializers.serialize(self.alpha_initializer),
                "alpha_regularizer": regularizers.serialize(self.alpha_regularizer), "alpha_constraint": constraints.serialize(self.alpha_constraint)}
