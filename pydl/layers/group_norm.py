"""Normalisation of a sample by parts of its features: groups, root mean square, unit length."""
import math

from pydl.errors import ShapeError, in_range, int_tuple, integer, is_int
from pydl.layers.base import InputSpec, Layer
from pydl.layers.norm import LayerNormOp, _Normalization
from pydl.ops import add, maximum, mean, moveaxis, multiply, reshape, rsqrt, square, sum, transpose
from pydl.shapes import normalize_axes, normalize_axis


class GroupNormalization(_Normalization):
    """Normalise each group of a sample's channels: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and (biased) variance are taken over a group's channels and all places; the same in training and inference.

    Args:      groups: how many; they divide the channels. -1 is a group a channel (instance normalisation), 1 all channels together.
               axis: the channels.    epsilon: positive.
               center, scale: whether there is a beta, a gamma.    *_initializer, *_regularizer, *_constraint: of them.
    Shapes:    any (N, ..., C) -> the same.  Weights in order: gamma, beta, (C,).
    Dtypes:    float32, float64.    Gradients: x, gamma, beta.    Saves: x in the order of groups, a mean and a root a group.
    Raises:    ShapeError if the groups do not divide the channels.
    Source:    Wu and He, Group Normalization, 2018.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.GroupNormalization(groups=2)(np.array([[1.0, 3.0, 10.0, 30.0]])).numpy().astype(float).round(2).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(self, groups=32, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.groups = integer(self.who, "groups", groups, -1)
        if self.groups == 0:
            raise ValueError(f"{self.who}: groups must be a positive integer, or -1 for a group a channel, got 0")
        self._settings(integer(self.who, "axis", axis), epsilon, center, scale, beta_initializer, gamma_initializer,
                       beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint)

    def build(self, input_shape):
        if len(input_shape) < 2:
            raise ShapeError(f"{self.who}: expected an input of at least two axes, got {tuple(input_shape)}")
        axis = normalize_axis(self.axis, len(input_shape), self.who)
        c = input_shape[axis]
        if axis == 0 or not c:
            raise ShapeError(f"{self.who}: axis {self.axis} of {tuple(input_shape)} must be channels of a known size")
        if c % self._groups_of(c):
            raise ShapeError(f"{self.who}: groups={self.groups} does not divide the {c} channels of {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: c})
        self._add_gamma_and_beta((c,))

    def _groups_of(self, c):
        return c if self.groups == -1 else self.groups

    def call(self, x):
        moved = self.axis % x.ndim != x.ndim - 1
        if moved:
            x = moveaxis(x, self.axis, -1)
        n, c, places = x.shape[0], x.shape[-1], math.prod(x.shape[1:-1])
        groups = self._groups_of(c)
        size = places * (c // groups)
        op = LayerNormOp(False, False, self.epsilon, size)
        if groups == 1 or places == 1:                  # a group lies together in memory
            y = reshape(op(reshape(x, (n * groups, size))), x.shape)
        else:
            parts = transpose(reshape(x, (n, places, groups, c // groups)), (0, 2, 1, 3))
            normal = reshape(op(reshape(parts, (n, groups, size))), (n, groups, places, c // groups))
            y = reshape(transpose(normal, (0, 2, 1, 3)), x.shape)
        if self.scale:
            y = multiply(y, self.gamma)
        if self.center:
            y = add(y, self.beta)
        return moveaxis(y, -1, self.axis) if moved else y


class RMSNormalization(Layer):
    """Divide by the root mean square of the features: y = scale * x / sqrt(mean(x^2) + epsilon).

    Args:      axis: an axis or several; scale has their sizes.    epsilon: positive; 1e-6 as in Keras.
    Shapes:    any (N, ...) -> the same.  Weights: scale.
    Dtypes:    float32, float64.    Gradients: x, scale.
    Source:    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
    Example:
        >>> from pydl import layers
        >>> layers.RMSNormalization()([[3.0, 3.0]]).numpy().astype(float).round(4).tolist()
        [[1.0, 1.0]]
    """
    takes_several = False
    supports_masking = True

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = _axis(self.who, axis)
        self.epsilon = in_range(self.who, "epsilon", epsilon, 0, low_open=True)

    def build(self, input_shape):
        axes = _axes(self, len(input_shape))
        sizes = tuple(input_shape[axis] for axis in axes)
        if 0 in axes or not all(sizes):
            raise ShapeError(f"{self.who}: axis {self.axis} must name axes of known size, without the batch, of {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(axes, sizes)))
        self.scale = self.add_weight(sizes, "ones", "scale")

    def call(self, x):
        axes = _axes(self, x.ndim)
        scale = reshape(self.scale, tuple(size if axis in axes else 1 for axis, size in enumerate(x.shape)))
        return multiply(multiply(x, rsqrt(add(mean(square(x), axes, keepdims=True), self.epsilon))), scale)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class UnitNormalization(Layer):
    """Divide each sample by its length: y = x / max(|x|, 1e-12), lengths over `axis`.

    Args:      axis: an axis or several.
    Shapes:    any (N, ...) -> the same.    Gradients: x.
    Example:
        >>> from pydl import layers
        >>> layers.UnitNormalization()([[3.0, 4.0]]).numpy().astype(float).round(4).tolist()
        [[0.6, 0.8]]
    """
    takes_several = False
    supports_masking = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = _axis(self.who, axis)

    def build(self, input_shape):
        _axes(self, len(input_shape))

    def call(self, x):
        return multiply(x, rsqrt(maximum(sum(square(x), _axes(self, x.ndim), keepdims=True), 1e-24)))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def _axis(who, axis):
    return int(axis) if is_int(axis) else list(int_tuple(who, "axis", axis))


def _axes(layer, ndim):
    return normalize_axes(layer.axis if is_int(layer.axis) else tuple(layer.axis), ndim, layer.who)
