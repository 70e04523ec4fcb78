"""Normalisation: of a feature over the batch, of a sample over its features."""
import math

from pydl import config, constraints, initializers, ops, regularizers
from pydl.autodiff import Op
from pydl.errors import ShapeError, boolean, in_range, int_tuple, is_int
from pydl.layers.base import InputSpec, Layer
from pydl.layers.carry import copy
from pydl.ops import cast, moveaxis, transpose
from pydl.ops.operands import floating
from pydl.shapes import normalize_axes, normalize_axis
from pydl.tensor import as_tensor, no_grad


def _split(scale, center, values):
    """(gamma, beta) out of what is there; None for what is not."""
    values = list(values)
    gamma = values.pop(0) if scale else None
    return gamma, values.pop(0) if center else None


class _NormOp(Op):
    """Inputs x, then gamma if there is one, then beta if there is one."""

    def kept(self, B, x, values):
        """gamma, beta; keep what backward needs of them (beta only where a fused relu has to be found again)."""
        gamma, beta = _split(self.scale, self.center, values)
        self.x, self.gamma, self.beta = x, gamma, beta if self.relu else None
        return gamma, beta

    def wanted(self, B):
        """Room for dx, dgamma, dbeta where they are wanted."""
        needs = list(self.needs[1:])
        of_gamma = needs.pop(0) if self.scale else False
        of_beta = needs.pop(0) if self.center else False
        c = self.x.shape[-1:]
        return (B.empty(self.x.shape, self.x.dtype) if self.needs[0] else None,
                B.empty(c, self.x.dtype) if of_gamma else None, B.empty(c, self.x.dtype) if of_beta else None)

    def gathered(self, dx, dgamma, dbeta):
        return (dx, *([dgamma] if self.scale else []), *([dbeta] if self.center else []))


class BatchNormOp(_NormOp):
    """By the statistics of the batch; moves the moving ones, two Arrays, in place."""

    def __init__(self, scale, center, epsilon, momentum, moving, relu=False):
        self.scale, self.center, self.epsilon, self.momentum, self.moving, self.relu = scale, center, epsilon, momentum, moving, relu

    def forward(self, B, x, *values, skip=None):
        gamma, beta = self.kept(B, x, values)
        y = B.empty(x.shape, x.dtype)
        self.mean, self.rstd = B.empty(x.shape[-1:], x.dtype), B.empty(x.shape[-1:], x.dtype)
        B.batch_norm_forward(x, gamma, beta, self.epsilon, self.momentum, self.relu, y, self.mean, self.rstd, *self.moving, skip)
        return y

    def backward(self, B, dy, y=None, dskip=None):
        dx, dgamma, dbeta = self.wanted(B)
        B.batch_norm_backward(dy, self.x, self.gamma, self.beta, self.mean, self.rstd, self.relu, dx, dgamma, dbeta, y, dskip)
        return self.gathered(dx, dgamma, dbeta)


class BatchNormAddReluOp(BatchNormOp):
    """max(normalised x + skip, 0): the end of a residual block.  skip is the last input."""

    def __init__(self, scale, center, epsilon, momentum, moving): super().__init__(scale, center, epsilon, momentum, moving, True)

    def forward(self, B, x, *values):
        self.y = super().forward(B, x, *values[:-1], skip=values[-1])
        return self.y

    def backward(self, B, dy):
        dskip = B.empty(dy.shape, dy.dtype)                  # dy where relu let it through: what x gets too
        *needs, needs_skip = self.needs
        self.needs = tuple(needs)
        if True not in needs:
            B.relu_backward(dy, self.y, dskip)
            return (*[None] * len(needs), dskip)
        return (*super().backward(B, dy, self.y, dskip), dskip if needs_skip else None)


class BatchNormInferenceOp(_NormOp):
    """By given statistics, two Arrays."""

    def __init__(self, scale, center, epsilon, statistics, relu=False):
        self.scale, self.center, self.epsilon, self.statistics, self.relu = scale, center, epsilon, statistics, relu

    def forward(self, B, x, *values):
        gamma, beta = self.kept(B, x, values)
        y = B.empty(x.shape, x.dtype)
        B.batch_norm_inference_forward(x, gamma, beta, *self.statistics, self.epsilon, self.relu, y)
        return y

    def backward(self, B, dy):
        dx, dgamma, dbeta = self.wanted(B)
        B.batch_norm_inference_backward(dy, self.x, self.gamma, self.beta, *self.statistics, self.epsilon, self.relu, dx, dgamma, dbeta)
        return self.gathered(dx, dgamma, dbeta)


class LayerNormOp(Op):
    """Each row of the last `axes` axes by its own statistics."""

    def __init__(self, scale, center, epsilon, size): self.scale, self.center, self.epsilon, self.size = scale, center, epsilon, size

    def forward(self, B, x, *values):
        gamma, beta = _split(self.scale, self.center, values)
        flat = None if gamma is None else gamma.reshape((self.size,))
        y, rows = B.empty(x.shape, x.dtype), x.size // self.size
        self.x, self.gamma, self.shapes = x, flat, [v.shape for v in values]
        self.mean, self.rstd = B.empty((rows,), x.dtype), B.empty((rows,), x.dtype)
        B.layer_norm_forward(x, flat, None if beta is None else beta.reshape((self.size,)), self.epsilon, self.size, y, self.mean, self.rstd)
        return y

    def backward(self, B, dy):
        dx = B.empty(self.x.shape, dy.dtype) if self.needs[0] else None
        dvalues = [B.empty((self.size,), dy.dtype) if need else None for need in self.needs[1:]]
        dgamma, dbeta = _split(self.scale, self.center, dvalues)
        B.layer_norm_backward(dy, self.x, self.gamma, self.mean, self.rstd, self.size, dx, dgamma, dbeta)
        return (dx, *[None if d is None else d.reshape(shape) for d, shape in zip(dvalues, self.shapes)])


class _Normalization(Layer):
    """Holds gamma and beta."""
    takes_several = False
    supports_masking = True

    def _settings(self, axis, epsilon, center, scale, beta_initializer, gamma_initializer,
                  beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint):
        self.axis = axis
        self.epsilon = in_range(self.who, "epsilon", epsilon, 0, low_open=True)
        self.center, self.scale = boolean(self.who, "center", center), boolean(self.who, "scale", scale)
        self.beta_initializer = initializers.get(beta_initializer, f"{self.who}: beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, f"{self.who}: gamma_initializer")
        self.beta_regularizer = regularizers.get(beta_regularizer, f"{self.who}: beta_regularizer")
        self.gamma_regularizer = regularizers.get(gamma_regularizer, f"{self.who}: gamma_regularizer")
        self.beta_constraint = constraints.get(beta_constraint, f"{self.who}: beta_constraint")
        self.gamma_constraint = constraints.get(gamma_constraint, f"{self.who}: gamma_constraint")

    def _add_gamma_and_beta(self, shape):
        if self.scale:
            self.gamma = self.add_weight(shape, self.gamma_initializer, "gamma", regularizer=self.gamma_regularizer, constraint=self.gamma_constraint)
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, "beta", regularizer=self.beta_regularizer, constraint=self.beta_constraint)

    def _values(self):
        return [*([self.gamma] if self.scale else []), *([self.beta] if self.center else [])]

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return tuple(input_shape)


class BatchNormalization(_Normalization):
    """Normalise each feature over the batch: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    In training the mean and the (biased) variance are those of the batch, over every axis but `axis`; moving averages of
    both are kept, moving = moving * momentum + batch * (1 - momentum), and used otherwise.  `trainable = False` freezes the
    averages too: the layer then runs in inference mode, even with training=True.  Steps of sequences that a mask calls padding
    count in no statistics.

    Args:      axis: the axis of the features; 1 for images with channels first.
               momentum: of the moving averages, in [0, 1].    epsilon: positive, under the root.
               center, scale: whether there is a beta, a gamma.
               *_initializer, *_regularizer, *_constraint: of gamma, beta and the moving averages.
    Shapes:    any (N, ..., C) -> the same.  Weights in order: gamma, beta, moving_mean, moving_variance, each (C,).
    Dtypes:    float32, float64; statistics are summed in float64.
    Gradients: x, gamma, beta.    Saves: x, mean and 1 / sqrt(variance + epsilon).
    Raises:    TypeError for Keras's renorm and synchronized, which it has not: one process trains a model here.
    Source:    Ioffe and Szegedy, Batch Normalization, 2015.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> y = layers.BatchNormalization()(np.random.rand(100, 3) * 5 + 2, training=True).numpy()
        >>> bool(abs(y.mean()) < 1e-5), bool(abs(y.std() - 1) < 1e-2)
        (True, True)
    """

    def __init__(self, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 moving_mean_initializer="zeros", moving_variance_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, **kwargs):
        super().__init__(**kwargs)
        if not is_int(axis):
            raise TypeError(f"{self.who}: axis must be an integer, got {axis!r}")
        self._settings(int(axis), epsilon, center, scale, beta_initializer, gamma_initializer,
                       beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint)
        self.momentum = in_range(self.who, "momentum", momentum, 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, f"{self.who}: moving_mean_initializer")
        self.moving_variance_initializer = initializers.get(moving_variance_initializer, f"{self.who}: moving_variance_initializer")

    def build(self, input_shape):
        if len(input_shape) < 2:
            raise ShapeError(f"{self.who}: expected an input of at least two axes, got {tuple(input_shape)}")
        axis = normalize_axis(self.axis, len(input_shape), self.who)
        c = input_shape[axis]
        if axis == 0 or c is None:
            raise ShapeError(f"{self.who}: axis {self.axis} of {tuple(input_shape)} has no size yet; features need a known size")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: c})
        self._add_gamma_and_beta((c,))
        self.moving_mean = self.add_weight((c,), self.moving_mean_initializer, "moving_mean", trainable=False)
        self.moving_variance = self.add_weight((c,), self.moving_variance_initializer, "moving_variance", trainable=False)

    def folded(self):
        """(gamma, beta, mean, variance, epsilon), Arrays and a number: what a convolution needs to do this layer's work when nothing is trained."""
        gamma, beta = _split(self.scale, self.center, [p.array for p in self._values()])
        return gamma, beta, self.moving_mean.array, self.moving_variance.array, self.epsilon

    def call(self, x, training=False, relu=False, skip=None, mask=None):
        """Normalise.

        relu, skip: what a model found behind the layer and wants done in the same pass; for features along the last axis.
        mask: False where a position does not count, over the first axes of x, as many as it has; (N, T) for the steps of sequences.
        """
        if mask is not None and training and self.trainable:
            return self._by_live_positions(x, mask, relu, skip)
        moved = self.axis % x.ndim != x.ndim - 1
        if moved:
            x = moveaxis(x, self.axis, -1)
        settings, moving = (self.scale, self.center, self.epsilon), (self.moving_mean.array, self.moving_variance.array)
        if training and self.trainable:
            if relu and skip is not None:
                return BatchNormAddReluOp(*settings, self.momentum, moving)(x, *self._values(), skip)
            op = BatchNormOp(*settings, self.momentum, moving, relu and skip is None)
        else:
            op = BatchNormInferenceOp(*settings, moving, relu and skip is None)
        y = op(x, *self._values())
        if skip is not None:
            y = skip + y
            y = ops.relu(y) if relu else y
        return moveaxis(y, -1, self.axis) if moved else y


    def _by_live_positions(self, x, mask, relu, skip):
        """As in training, the statistics being those of the positions where the mask is True; made of ordinary ops."""
        if mask.shape != x.shape[:mask.ndim] or self.axis % x.ndim < mask.ndim:
            raise ShapeError(f"{self.who}: mask must have shape {x.shape[:2]}, one value for each step, and not reach the features, got {mask.shape}")
        axes = tuple([axis for axis in range(x.ndim) if axis != self.axis % x.ndim])
        features = tuple([size if axis not in axes else 1 for axis, size in enumerate(x.shape)])
        live = ops.reshape(mask, (*mask.shape, *[1] * (x.ndim - mask.ndim)))
        each = x.size // mask.size // x.shape[self.axis] if x.size else 1                      # positions that one value of the mask speaks for
        count = ops.add(ops.multiply(ops.sum(cast(mask, x.dtype)), float(each)), config.epsilon())     # as in Keras: of no position at all, both are 0
        mean = ops.divide(ops.sum(ops.where(live, x, 0.0), axes, keepdims=True), count)
        centred = ops.subtract(x, mean)
        variance = ops.divide(ops.sum(ops.where(live, ops.square(centred), 0.0), axes, keepdims=True), count)
        y = ops.multiply(centred, ops.rsqrt(ops.add(variance, self.epsilon)))
        gamma, beta = _split(self.scale, self.center, self._values())
        y = y if gamma is None else ops.multiply(y, ops.reshape(gamma, features))
        y = y if beta is None else ops.add(y, ops.reshape(beta, features))
        with no_grad():
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moved = ops.add(ops.multiply(moving, self.momentum), ops.multiply(ops.reshape(batch, moving.shape), 1 - self.momentum))
                copy(moved.array, moving.array)
        y = y if skip is None else skip + y
        return ops.relu(y) if relu else y


class LayerNormalization(_Normalization):
    """Normalise each sample over its features: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and (biased) variance are taken over `axis`, for every other position apart; the same in training and inference.

    Args:      axis: an axis or several; gamma and beta have their sizes.    epsilon: positive; 1e-3 as in Keras (PyTorch: 1e-5).
               center, scale: whether there is a beta, a gamma.    *_initializer, *_regularizer, *_constraint: of them.
    Shapes:    any (N, ...) -> the same.  Weights in order: gamma, beta.
    Dtypes:    float32, float64.    Gradients: x, gamma, beta.    Saves: x, and mean and 1 / sqrt(variance + epsilon) of each row.
    Source:    Ba, Kiros, Hinton, Layer Normalization, 2016.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.LayerNormalization()(np.arange(6.0).reshape(2, 3)).numpy().astype(float).round(2).tolist()
        [[-1.22, 0.0, 1.22], [-1.22, 0.0, 1.22]]
    """

    def __init__(self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        super().__init__(**kwargs)
        axis = int(axis) if is_int(axis) else list(int_tuple(self.who, "axis", axis))
        self._settings(axis, epsilon, center, scale, beta_initializer, gamma_initializer,
                       beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint)

    def build(self, input_shape):
        axes = self._axes(len(input_shape))
        sizes = tuple(input_shape[axis] for axis in axes)
        if not axes or 0 in axes or None in sizes or 0 in sizes:
            raise ShapeError(f"{self.who}: axis {self.axis} must name axes of known size, without the batch, of {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(axes, sizes)))
        self._add_gamma_and_beta(sizes)

    def _axes(self, ndim):
        return normalize_axes(self.axis if is_int(self.axis) else tuple(self.axis), ndim, self.who)

    def call(self, x):
        axes = self._axes(x.ndim)
        order = tuple(axis for axis in range(x.ndim) if axis not in axes) + axes
        moved = order != tuple(range(x.ndim))
        if moved:
            x = transpose(x, order)
        y = LayerNormOp(self.scale, self.center, self.epsilon, math.prod(x.shape[x.ndim - len(axes):]))(x, *self._values())
        return transpose(y, tuple(order.index(axis) for axis in range(x.ndim))) if moved else y


# ---- functions

def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """Return scale * (x - mean) / sqrt(variance + epsilon) + offset, features along `axis`; mean and variance are constants.

    Gradients: x, scale, offset.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.norm import batch_normalization
        >>> batch_normalization(np.array([[1.0, 3.0]]), np.array([1.0, 1.0]), np.array([4.0, 4.0]), -1, epsilon=0.0).numpy().tolist()
        [[0.0, 1.0]]
    """
    x = floating("batch_normalization", x)
    values = [cast(as_tensor(v), x.dtype) for v in (scale, offset) if v is not None]
    statistics = cast(as_tensor(mean), x.dtype).array, cast(as_tensor(variance), x.dtype).array
    axis = normalize_axis(axis, x.ndim, "batch_normalization")
    epsilon = in_range("batch_normalization", "epsilon", epsilon, 0)
    op = BatchNormInferenceOp(scale is not None, offset is not None, epsilon, statistics)
    return moveaxis(op(moveaxis(x, axis, -1), *values), -1, axis) if axis != x.ndim - 1 else op(x, *values)
