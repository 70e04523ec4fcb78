"""Sums, means and extremes over axes."""
import numpy as np

from pydl.autodiff import Op
from pydl.errors import ShapeError, boolean
from pydl.ops.arithmetic import add, divide, multiply, subtract
from pydl.ops.compare import isfinite, where
from pydl.ops.elementwise import exp, log, sqrt, square
from pydl.ops.move import broadcast_to, ravel, reshape, strides_of
from pydl.ops.operands import cast, floating, in_double, stop_gradient, tensor
from pydl.shapes import checked_size, normalize_axes, normalize_axis, reduced_shape


class SumOp(Op):
    def __init__(self, axes, shape, scale): self.axes, self.shape, self.scale = axes, shape, scale

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        B.reduce_sum(x, self.axes, self.scale, y)
        self.x_shape = x.shape
        return y

    def backward(self, B, dy):
        dy = dy.reshape(reduced_shape(self.x_shape, self.axes, keepdims=True))
        if self.scale != 1.0:
            share = B.empty(dy.shape, dy.dtype)
            B.scale(dy, self.scale, share)
            dy = share
        return repeated(B, dy, self.x_shape)


def repeated(B, x, shape):
    """x broadcast to `shape`, as a new array."""
    y = B.empty(shape, x.dtype)
    strides = tuple([0 if size == 1 else step for size, step in zip(x.shape, strides_of(x.shape), strict=True)])
    B.strided_copy(x, 0, strides, y, 0, strides_of(shape), shape)
    return y


class ExtremumOp(Op):
    def __init__(self, name, axes, shape): self.name, self.axes, self.shape = name, axes, shape

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        getattr(B, f"reduce_{self.name}")(x, self.axes, y)
        self.x, self.y = x, y
        return y

    def backward(self, B, dy):
        shape = reduced_shape(self.x.shape, self.axes, keepdims=True)
        mask = B.empty(self.x.shape, "bool")
        B.equal(self.x, self.y.reshape(shape), mask)
        share = B.empty(self.x.shape, dy.dtype)
        B.cast(mask, share)
        count = B.empty(shape, dy.dtype)
        B.reduce_sum(share, self.axes, 1.0, count)
        each = B.empty(shape, dy.dtype)
        B.divide(dy.reshape(shape), count, each)             # equals share the gradient
        B.multiply(share, each, share)
        return share


class ProductOp(Op):
    """The product; its gradient by an element is the product of the others, also where some are 0."""

    def __init__(self, axes, shape): self.axes, self.shape = axes, shape

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        B.reduce_product(x, self.axes, y)
        self.x = x
        return y

    def backward(self, B, dy):
        x, shape = self.x, reduced_shape(self.x.shape, self.axes, keepdims=True)

        def fresh(like):
            return B.empty(like, x.dtype)
        flags, zero = B.empty(x.shape, "bool"), fresh(x.shape)
        B.equal(x, B.zeros((), x.dtype), flags)
        B.cast(flags, zero)                             # 1 where x is 0
        others = fresh(x.shape)
        B.add(x, zero, others)                          # 1 in place of 0
        product, count = fresh(shape), fresh(shape)
        B.reduce_product(others, self.axes, product)
        B.reduce_sum(zero, self.axes, 1.0, count)
        B.multiply(product, dy.reshape(shape), product)
        B.divide(product, others, others)               # dy times the product of the others, were no zero among them
        B.subtract(count, zero, zero)                   # how many of the others are 0
        B.equal(zero, B.zeros((), x.dtype), flags)
        B.cast(flags, zero)
        B.multiply(others, zero, others)
        return others


def _axes(who, x, axis, keepdims):
    keepdims = boolean(who, "keepdims", keepdims)
    axes = normalize_axes(axis, x.ndim, who)
    return axes, reduced_shape(x.shape, axes, keepdims, who)


def sum(x, axis=None, keepdims=False):
    """Return the sum over axes.

    Args:      axis: an integer, several, or None for all.    keepdims: whether the axes stay, with size 1.
    Shapes:    x (...) -> y without axis
    Dtypes:    float32, float64, integers (booleans are counted as int32); float sums are added up in float64.
    Gradients: x.    Saves: the shape.
    Raises:    ShapeError if an axis is out of range or named twice.
    Example:
        >>> from pydl import ops
        >>> ops.sum([[1, 2], [3, 4]], axis=0).numpy().tolist()
        [4, 6]
    """
    x = tensor("sum", x)
    if x.dtype.kind != "f":
        return in_double(lambda t: sum(t, axis, keepdims), x)
    axes, shape = _axes("sum", x, axis, keepdims)
    return SumOp(axes, shape, 1.0)(x)


def mean(x, axis=None, keepdims=False):
    """Return the mean over axes; integers become float32.  Arguments as in `sum`.

    Dtypes:    float32, float64; added up in float64.
    Gradients: x.    Saves: the shape.
    Raises:    ShapeError for an axis out of range, and for the mean of nothing.
    Example:
        >>> from pydl import ops
        >>> ops.mean([[1, 2], [3, 4]]).item()
        2.5
    """
    x = floating("mean", x)
    axes, shape = _axes("mean", x, axis, keepdims)
    count = checked_size([x.shape[k] for k in axes])
    if count == 0 and checked_size(shape):
        raise ShapeError(f"mean: shape {x.shape} has nothing along axes {axes}")
    return SumOp(axes, shape, 1.0 / (count or 1))(x)


def _extremum(name, x, axis, keepdims):
    x = tensor(name, x)
    if x.dtype.kind != "f":
        return in_double(lambda t: _extremum(name, t, axis, keepdims), x)
    axes, shape = _axes(name, x, axis, keepdims)
    if checked_size([x.shape[k] for k in axes]) == 0 and checked_size(shape):
        raise ShapeError(f"{name}: shape {x.shape} has nothing along axes {axes}")
    return ExtremumOp(name, axes, shape)(x)


def max(x, axis=None, keepdims=False):
    """Return the largest element over axes; a NaN wins.  Arguments as in `sum`.

    Gradients: x; equals share it.    Saves: x and the result.
    Raises:    ShapeError for an axis out of range, and for the largest of nothing.
    Example:
        >>> from pydl import ops
        >>> ops.max([[1, 2], [3, 4]], axis=1).numpy().tolist()
        [2, 4]
    """
    return _extremum("max", x, axis, keepdims)


def min(x, axis=None, keepdims=False):
    """Return the smallest element over axes; a NaN wins.  Arguments as in `sum`.

    Gradients: x; equals share it.    Saves: x and the result.
    Raises:    ShapeError for an axis out of range, and for the smallest of nothing.
    Example:
        >>> from pydl import ops
        >>> ops.min([[1, 2], [3, 4]], axis=1).numpy().tolist()
        [1, 3]
    """
    return _extremum("min", x, axis, keepdims)


class ArgOp(Op):
    def __init__(self, name, axis, shape): self.name, self.axis, self.shape = name, axis, shape

    def forward(self, B, x):
        index = B.empty(self.shape, "int32")
        getattr(B, self.name)(x, self.axis, index)
        return index


def _arg(name, x, axis, keepdims):
    x = tensor(name, x)
    if x.dtype.kind != "f":
        x = cast(x, "float64")
    keepdims = boolean(name, "keepdims", keepdims)
    ndim = x.ndim
    if axis is None:
        x, axis = ravel(x), 0
    else:
        axis = normalize_axis(axis, ndim, name)
        ndim = None
    if x.shape[axis] == 0:
        raise ShapeError(f"{name}: shape {x.shape} has nothing along axis {axis}")
    y = ArgOp(name, axis, reduced_shape(x.shape, axis, keepdims))(x)
    return reshape(y, (1,) * ndim) if keepdims and ndim is not None else y


def argmax(x, axis=None, keepdims=False):
    """Return the position of the largest element along an axis, the first of equals; a NaN wins.

    Args:      axis: an integer; None counts through all of x.
    Dtypes:    the result is int32.
    Gradients: none.
    Raises:    ShapeError for an axis out of range or without elements.
    Example:
        >>> from pydl import ops
        >>> ops.argmax([[1, 5], [7, 3]], axis=1).numpy().tolist()
        [1, 0]
    """
    return _arg("argmax", x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    """Return the position of the smallest element along an axis, the first of equals; a NaN wins.

    Arguments, dtypes and errors as in `argmax`.  Gradients: none.
    Example:
        >>> from pydl import ops
        >>> ops.argmin([[1, 5], [7, 3]], axis=1).numpy().tolist()
        [0, 1]
    """
    return _arg("argmin", x, axis, keepdims)


def prod(x, axis=None, keepdims=False):
    """Return the product over axes; 1 for nothing.  Arguments as in `sum`.

    Dtypes:    float32, float64, integers; multiplied up in float64.
    Gradients: x, also where elements are 0.    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.prod([[1, 2], [3, 4]], axis=1).numpy().tolist()
        [2, 12]
    """
    x = tensor("prod", x)
    if x.dtype.kind != "f":
        return in_double(lambda t: prod(t, axis, keepdims), x)
    return ProductOp(*_axes("prod", x, axis, keepdims))(x)


def var(x, axis=None, keepdims=False):
    """Return the variance over axes: the mean of (x - mean)^2, the biased one.  Arguments as in `sum`.

    Gradients: x.    Raises: as `mean`.
    Example:
        >>> from pydl import ops
        >>> ops.var([1.0, 3.0]).item()
        1.0
    """
    x = floating("var", x)
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """Return the standard deviation over axes: the root of `var`.  Gradients: x, infinite where it is 0."""
    return sqrt(var(x, axis, keepdims))


def logsumexp(x, axis=None, keepdims=False):
    """Return log(sum(exp(x))) over axes without overflow: the largest element is taken off first.

    Arguments as in `sum`.  Gradients: x.
    Example:
        >>> from pydl import ops
        >>> ops.logsumexp([1000.0, -1000.0]).item()
        1000.0
    """
    x = floating("logsumexp", x)
    largest = stop_gradient(max(x, axis, keepdims=True))
    largest = where(isfinite(largest), largest, 0.0)
    total = log(sum(exp(subtract(x, largest)), axis, keepdims))
    return add(total, reshape(largest, total.shape))


def any(x, axis=None, keepdims=False):
    """Tell whether any element over axes is true, that is, not 0; False for nothing.  Arguments as in `sum`."""
    return cast(sum(cast(cast(x, "bool"), "float32"), axis, keepdims), "bool")


def all(x, axis=None, keepdims=False):
    """Tell whether every element over axes is true, that is, not 0; True for nothing.  Arguments as in `sum`."""
    missing = cast(subtract(1.0, cast(cast(x, "bool"), "float32")), "bool")
    return cast(subtract(1.0, cast(any(missing, axis, keepdims), "float32")), "bool")


def norm(x, ord=None, axis=None, keepdims=False):
    """Return the Euclidean length over axes: the root of the sum of squares.

    Args:      ord: None or 2.    axis, keepdims: as in `sum`.
    Gradients: x, NaN where the length is 0.
    Example:
        >>> from pydl import ops
        >>> ops.norm([3.0, 4.0]).item()
        5.0
    """
    if ord not in (None, 2):
        raise ValueError(f"norm: ord must be None or 2, got {ord!r}")
    return sqrt(sum(square(floating("norm", x)), axis, keepdims))


def average(x, axis=None, weights=None):
    """Return the mean over axes, weighted by `weights` (of the shape of x, or of the axis) if they are given.  Gradients: x, weights."""
    if weights is None:
        return mean(x, axis)
    x, weights = floating("average", x), floating("average", weights)
    if weights.shape != x.shape:
        if not isinstance(axis, (int, np.integer)) or weights.ndim != 1 or weights.shape[0] != x.shape[normalize_axis(axis, x.ndim, "average")]:
            raise ShapeError(f"average: weights of shape {weights.shape} fit neither x {x.shape} nor axis {axis}")
        k = normalize_axis(axis, x.ndim)
        weights = reshape(weights, (1,) * k + weights.shape + (1,) * (x.ndim - k - 1))
    weights = broadcast_to(weights, x.shape)
    return divide(sum(multiply(x, weights), axis), sum(weights, axis))
