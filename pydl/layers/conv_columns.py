"""The classic form of a convolution, for comparison and teaching: every window of an image as a row of a matrix."""
from pydl.autodiff import Op
from pydl.errors import ShapeError, int_tuple
from pydl.layers.conv import checked_padding, window
from pydl.ops.operands import floating
from pydl.shapes import conv_output_size, conv_padding


class Im2colOp(Op):
    """geometry: window, strides, dilation, (top, left) padding, (H', W')."""

    def __init__(self, geometry): self.geometry = geometry

    def forward(self, B, x):
        (kh, kw), _, _, _, (h_out, w_out) = self.geometry
        cols = B.empty((x.shape[0] * h_out * w_out, kh * kw * x.shape[3]), x.dtype)
        B.im2col(x, *self.geometry, cols)
        self.shape = x.shape
        return cols

    def backward(self, B, dcols):
        dx = B.empty(self.shape, dcols.dtype)
        B.col2im(dcols, *self.geometry, dx)
        return dx


class Col2imOp(Op):
    def __init__(self, geometry, shape): self.geometry, self.shape = geometry, shape

    def forward(self, B, cols):
        x = B.empty(self.shape, cols.dtype)
        B.col2im(cols, *self.geometry, x)
        return x

    def backward(self, B, dx):
        (kh, kw), _, _, _, (h_out, w_out) = self.geometry
        dcols = B.empty((self.shape[0] * h_out * w_out, kh * kw * self.shape[3]), dx.dtype)
        B.im2col(dx, *self.geometry, dcols)
        return dcols


def im2col(x, kernel_size, strides=1, padding="valid", dilation_rate=1):
    """Lay every window out as a row: then a convolution is `im2col(x) @ weight` with the weight as a matrix.

    The classic form, for comparison and teaching; conv2d never builds this matrix, kh * kw times the size of x.

    Args:      as in `conv2d`.
    Shapes:    x (N, H, W, C) -> (N * H' * W', kh * kw * C).
    Gradients: x, by col2im.    Saves: nothing.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv_columns import im2col
        >>> im2col(np.arange(6.0).reshape(1, 2, 3, 1), (2, 2)).numpy().tolist()
        [[0.0, 1.0, 3.0, 4.0], [1.0, 2.0, 4.0, 5.0]]
    """
    x = floating("im2col", x)
    return Im2colOp(_windows("im2col", x.shape, kernel_size, strides, padding, dilation_rate))(x)


def col2im(cols, shape, kernel_size, strides=1, padding="valid", dilation_rate=1):
    """Add every number of `cols` to the pixel it came from: the adjoint of `im2col`.

    Args:      shape: (N, H, W, C), of the images; the others as in `conv2d`.
    Shapes:    cols (N * H' * W', kh * kw * C) -> (N, H, W, C).
    Gradients: cols, by im2col.    Saves: nothing.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.conv_columns import col2im
        >>> col2im(np.ones((2, 4)), (1, 2, 3, 1), (2, 2)).numpy().reshape(2, 3).tolist()
        [[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]
    """
    cols, shape = floating("col2im", cols), int_tuple("col2im", "shape", shape, length=4, low=0)
    geometry = _windows("col2im", shape, kernel_size, strides, padding, dilation_rate)
    (kh, kw), _, _, _, (h_out, w_out) = geometry
    if cols.shape != (shape[0] * h_out * w_out, kh * kw * shape[3]):
        raise ShapeError(f"col2im: cols for images {shape} must have shape {(shape[0] * h_out * w_out, kh * kw * shape[3])}, got {cols.shape}")
    return Col2imOp(geometry, shape)(cols)


def _windows(who, shape, kernel_size, strides, padding, dilation_rate):
    """The geometry of the two ops above."""
    if len(shape) != 4:
        raise ShapeError(f"{who}: expected images (N, H, W, C), got shape {tuple(shape)}")
    size, strides, dilation = (window(who, name, value, 2) for name, value in
                               (("kernel_size", kernel_size), ("strides", strides), ("dilation_rate", dilation_rate)))
    padding = checked_padding(who, padding, 2)
    axes = list(zip(shape[1:3], size, strides, (padding,) * 2 if isinstance(padding, str) else padding, dilation))
    before = tuple(conv_padding(*axis)[0] for axis in axes)
    return size, strides, dilation, before, tuple(conv_output_size(*axis, who) for axis in axes)
