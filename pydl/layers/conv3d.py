"""Convolution of volumes: a box of weights that slides along three axes, such as the frames of a film or the slices of a scan."""
from pydl.autodiff import Op
from pydl.layers.conv import Conv2D, applied
from pydl.layers.pool import channels_first, channels_last
from pydl.ops import relu
from pydl.shapes import conv_output_size, conv_padding


class Conv3DOp(Op):
    """size: (D', H', W'); geometry: strides, dilation, padding before each axis, groups."""

    def __init__(self, size, geometry, relu): self.size, self.geometry, self.relu = size, geometry, relu

    def forward(self, B, x, weight, bias=None):
        y = B.empty((x.shape[0], *self.size, weight.shape[4]), x.dtype)
        B.conv3d_forward(x, weight, bias, *self.geometry, self.relu, y)
        self.x, self.weight, self.y = x, weight, y if self.relu else None       # y > 0 is where relu let the gradient through
        return y

    def backward(self, B, dy):
        dx = dweight = dbias = None
        if self.relu:
            masked = B.empty(dy.shape, dy.dtype)
            B.relu_backward(dy, self.y, masked)
            dy = masked
        if self.needs[0]:
            dx = B.empty(self.x.shape, dy.dtype)
            B.conv3d_backward_input(dy, self.weight, *self.geometry, dx)
        if True in self.needs[1:]:
            dweight = B.empty(self.weight.shape, dy.dtype)
            dbias = B.empty(self.weight.shape[4:], dy.dtype) if self.needs[2:] == (True,) else None
            B.conv3d_backward_weight(self.x, dy, *self.geometry, dweight, dbias)
        return (dx, dweight, dbias)[:len(self.needs)]


def conv3d(x, weight, bias=None, strides=1, padding="valid", dilation_rate=1, groups=1, activation=None, data_format=None):
    """Slide a box of weights over volumes.  The formula and the arguments are those of `conv2d`, with an axis more.

    Args:      strides, dilation_rate: an integer, or one for depth, rows and columns; padding: a mode, an integer, three of them or of pairs.
    Shapes:    x (N, D, H, W, C), weight (kd, kh, kw, C / groups, F), bias (F,) -> (N, D', H', W', F).
    Dtypes:    float32, float64, all the same; the gradient by bias is summed in float64.
    Gradients: x, weight, bias.    Saves: x; with relu also y.
    Raises:    ShapeError if the shapes do not fit together.
    Source:    Ji, Xu, Yang, Yu: 3D convolutional neural networks for human action recognition, 2013.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv3d import conv3d
        >>> conv3d(np.ones((1, 6, 5, 5, 3)), np.ones((2, 3, 3, 3, 8)), strides=(2, 1, 1), padding="same").shape
        (1, 3, 5, 5, 8)
    """
    return applied("conv3d", 3, x, weight, bias, strides, padding, dilation_rate, groups, activation, data_format, convolve)


def convolve(who, x, weight, bias, strides, padding, dilation, groups, activation):
    """Apply the op to checked arguments, channels last."""
    axes = list(zip(x.shape[1:4], weight.shape[:3], strides, (padding,) * 3 if isinstance(padding, str) else padding, dilation))
    before = tuple(conv_padding(*axis)[0] for axis in axes)
    fused = activation is relu
    op = Conv3DOp(tuple(conv_output_size(*axis, who) for axis in axes), (strides, dilation, before, groups), fused)
    y = op(x, weight) if bias is None else op(x, weight, bias)
    return y if fused else activation(y)


class Conv3D(Conv2D):
    """Slide boxes of weights over volumes: `conv3d` as a layer.  Arguments as in `Conv2D`, sizes with three numbers.

    Shapes:    (N, D, H, W, C) -> (N, D', H', W', filters).    Weights: kernel (kd, kh, kw, C / groups, filters), bias (filters,).
    Gradients: x, kernel, bias.    Saves: x; with relu also y.
    Raises:    ShapeError if the channels differ from the built ones, or no window fits.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Conv3D(4, (2, 3, 3), padding="same", activation="relu")(np.ones((2, 6, 8, 8, 1))).shape
        (2, 6, 8, 8, 4)
    """
    spatial = 3

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1), groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)

    def call(self, x):
        first = self.data_format == "channels_first"
        y = convolve(self.who, channels_last(x) if first else x, self.kernel, self.bias, self.strides, self.padding, self.dilation_rate, self.groups,
                     self.activation)
        return channels_first(y) if first else y


Convolution3D = Conv3D
