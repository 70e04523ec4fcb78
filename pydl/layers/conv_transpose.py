"""Transposed convolution: every pixel is spread over a window, which makes images larger."""
from pydl import activations, config, constraints, initializers, regularizers
from pydl.autodiff import Op
from pydl.errors import DTypeError, ShapeError, int_tuple, is_int, one_of, positive_int
from pydl.layers.conv import _Convolution, channels_first_hint, window
from pydl.layers.pool import channels_first, channels_last, checked_data_format
from pydl.ops.operands import floating
from pydl.shapes import conv_transpose_output_size, same_padding


class Conv2DTransposeOp(Op):
    """The adjoint of a convolution from images of `size` to x.   geometry: strides, dilation, (top, left) padding, groups."""

    def __init__(self, size, geometry): self.size, self.geometry, self.winograd = size, geometry, config.winograd()

    def forward(self, B, x, weight):
        y = B.empty((x.shape[0], *self.size, weight.shape[2]), x.dtype)
        B.conv2d_backward_input(x, None, weight, *self.geometry, self.winograd, y)
        self.x, self.weight = x, weight
        return y

    def backward(self, B, dy):
        dx = dweight = None
        if self.needs[0]:
            dx = B.empty(self.x.shape, dy.dtype)
            B.conv2d_forward(dy, self.weight, None, *self.geometry, False, self.winograd, dx)
        if self.needs[1]:
            dweight = B.empty(self.weight.shape, dy.dtype)
            B.conv2d_backward_weight(dy, self.x, None, *self.geometry, self.winograd, dweight, None)
        return dx, dweight


def conv2d_transpose(x, weight, bias=None, strides=1, padding="valid", output_padding=None, dilation_rate=1, activation=None, data_format=None):
    """Spread every pixel over a window: the adjoint of a convolution, which makes images larger by the strides.

    y[b, i * stride + p * dilation - top, j * stride + q * dilation - left, o] += x[b, i, j, c] * weight[p, q, o, c], then + bias[o].

    Args:      padding: "valid" or "same", of the convolution that this is the adjoint of: "same" makes images of size * stride.
               output_padding: rows and columns more than the smallest image, less than the strides; the others as in `conv2d`.
    Shapes:    x (N, H, W, C), weight (kh, kw, F, C), bias (F,) -> (N, H', W', F); same: H' = H * stride, valid: H' = H * stride + max(reach - stride, 0).
    Gradients: x, weight, bias.    Saves: x.
    Raises:    ShapeError if the shapes do not fit together.
    Source:    Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks, 2010.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv_transpose import conv2d_transpose
        >>> conv2d_transpose(np.ones((1, 5, 5, 3)), np.ones((3, 3, 8, 3)), strides=2, padding="same").shape
        (1, 10, 10, 8)
    """
    who = "conv2d_transpose"
    x, weight = floating(who, x), floating(who, weight)
    bias = None if bias is None else floating(who, bias)
    if x.ndim != 4 or weight.ndim != 4:
        raise ShapeError(f"{who}: expected images (N, H, W, C) and a weight (kh, kw, F, C), got shapes {x.shape} and {weight.shape}")
    strides, dilation = window(who, "strides", strides, 2), window(who, "dilation_rate", dilation_rate, 2)
    padding, output_padding = one_of(who, "padding", padding, ("valid", "same")), checked_output_padding(who, output_padding)
    first = checked_data_format(who, data_format) == "channels_first"
    if first:
        x = channels_last(x)
    if 0 in weight.shape or weight.shape[3] != x.shape[3]:
        raise ShapeError(f"{who}: weight {weight.shape} does not fit x {x.shape}: it is for {weight.shape[3]} channels, x has {x.shape[3]}"
                         f"{channels_first_hint(x.shape, weight.shape[3])}")
    if bias is not None and bias.shape != (weight.shape[2],):
        raise ShapeError(f"{who}: bias must have shape {(weight.shape[2],)}, got {bias.shape}")
    if any(t is not None and t.dtype != x.dtype for t in (weight, bias)):
        raise DTypeError(f"{who}: x is {x.dtype.name}, weight {weight.dtype.name}; cast them to one dtype with pydl.ops.cast")
    y = spread(who, x, weight, bias, strides, padding, output_padding, dilation, activations.get(activation))
    return channels_first(y) if first else y


def spread(who, x, weight, bias, strides, padding, output_padding, dilation, activation):
    """Apply the transposed op to checked arguments, channels last."""
    axes = list(zip(x.shape[1:3], weight.shape[:2], strides, (padding,) * 2, dilation, output_padding))
    size = tuple(conv_transpose_output_size(*axis, who) for axis in axes)
    before = tuple(_transpose_padding(n, *axis) for n, axis in zip(size, axes))
    y = Conv2DTransposeOp(size, (strides, dilation, before, 1))(x, weight)
    return activation(y if bias is None else y + bias)


def _transpose_padding(result, size, window, stride, padding, dilation, output_padding):
    """The zeros before an axis of the image, for the convolution that this is the adjoint of."""
    if padding == "valid":
        return 0
    return same_padding(result, window, stride, dilation)[0] if output_padding is None else ((window - 1) * dilation + 1) // 2


def checked_output_padding(who, value):
    """None, or an integer >= 0 for each axis."""
    if value is None:
        return None, None
    return int_tuple(who, "output_padding", (value,) * 2 if is_int(value) else value, length=2, low=0)


class Conv2DTranspose(_Convolution):
    """Spread every pixel over a window, which makes images larger by the strides: `conv2d_transpose` as a layer.

    Args:      output_padding: as in `conv2d_transpose`; the others as in `Conv2D`, padding "valid" or "same".
    Shapes:    (N, H, W, C) -> (N, H', W', filters).    Weights: kernel (kh, kw, filters, C), bias (filters,).
    Gradients: x, kernel, bias.    Saves: x.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 8, 8, 5))).shape
        (2, 16, 16, 4)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None, data_format=None, dilation_rate=(1, 1), activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, bias_regularizer,
                         activity_regularizer, bias_constraint, **kwargs)
        one_of(self.who, "padding", padding, ("valid", "same"))
        self.filters = positive_int(self.who, "filters", filters)
        self.output_padding = None if output_padding is None else checked_output_padding(self.who, output_padding)
        if self.output_padding is not None and any(p >= s for p, s in zip(self.output_padding, self.strides)):
            raise ValueError(f"{self.who}: output_padding must be smaller than the strides {self.strides}, got {self.output_padding}")
        self.kernel_initializer = initializers.get(kernel_initializer, f"{self.who}: kernel_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{self.who}: kernel_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{self.who}: kernel_constraint")

    def build(self, input_shape):
        self.add_weights((*self.kernel_size, self.filters, self.channels(input_shape)), self.filters,
                         self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint)

    def call(self, x):
        first = self.data_format == "channels_first"
        y = spread(self.who, channels_last(x) if first else x, self.kernel, self.bias, self.strides, self.padding, self.output_padding or (None, None),
                   self.dilation_rate, self.activation)
        return channels_first(y) if first else y

    def _output_size(self, size, axis):
        return conv_transpose_output_size(size, self.kernel_size[axis], self.strides[axis], self.padding, self.dilation_rate[axis],
                                          self.output_padding and self.output_padding[axis], self.who)


Convolution2DTranspose = Conv2DTranspose
