"""Ops that move elements without computing: shapes, slices, broadcasts."""


from pydl.autodiff import Op
from pydl.errors import ShapeError, is_int, show
from pydl.ops.operands import tensor
from pydl.shapes import broadcast_shapes, checked_size, normalize_axes, normalize_axis, reshaped, stretched_axes, transposed


def strides_of(shape):
    """Strides in elements of a contiguous array."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))




# ---- new shapes for the same elements in the same order

class ReshapeOp(Op):
    def __init__(self, shape): self.shape = shape

    def forward(self, B, x):
        self.x_shape = x.shape
        return x.reshape(self.shape)             # shares memory

    def backward(self, B, dy):
        return dy.reshape(self.x_shape)


def reshape(x, newshape):
    """Return the elements of x, in order, in another shape; one size may be -1 and is worked out.

    Args:      newshape: a tuple of integers, or one integer.
    Shapes:    x of n elements -> newshape of n elements
    Gradients: x.    Saves: the shape.
    Raises:    ShapeError if the numbers of elements differ.
    Example:
        >>> from pydl import ops
        >>> ops.reshape([[1, 2, 3], [4, 5, 6]], (3, -1)).numpy().tolist()
        [[1, 2], [3, 4], [5, 6]]
    """
    x = tensor("reshape", x)
    if is_int(newshape):
        newshape = (newshape,)
    if not isinstance(newshape, (list, tuple)):
        raise TypeError(f"reshape: newshape must be a tuple of integers, got {show(newshape)}")
    shape = reshaped(x.shape, newshape, "reshape")
    return x if shape == x.shape else ReshapeOp(shape)(x)


def ravel(x):
    """Return the elements of x, in order, as a vector.  Gradients: x."""
    return reshape(x, (-1,) if tensor("ravel", x).size else (0,))


def expand_dims(x, axis):
    """Insert axes of size 1 where `axis` (an integer or several) says, counted in the result.

    Gradients: x.    Raises: ShapeError if an axis is out of range.
    Example:
        >>> from pydl import ops
        >>> ops.expand_dims([1, 2], -1).shape
        (2, 1)
    """
    x = tensor("expand_dims", x)
    several = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    ndim = x.ndim + len(several)
    new = normalize_axes(several, ndim, "expand_dims")
    rest = iter(x.shape)
    return reshape(x, tuple([1 if k in new else next(rest) for k in range(ndim)]))


def squeeze(x, axis=None):
    """Remove axes of size 1: all of them, or those that `axis` names.

    Gradients: x.    Raises: ShapeError if a named axis has another size.
    Example:
        >>> from pydl import ops
        >>> ops.squeeze([[[1, 2]]]).shape
        (2,)
    """
    x = tensor("squeeze", x)
    gone = [k for k, size in enumerate(x.shape) if size == 1] if axis is None else normalize_axes(axis, x.ndim, "squeeze")
    for k in gone:
        if x.shape[k] != 1:
            raise ShapeError(f"squeeze: axis {k} of shape {x.shape} has size {x.shape[k]}, not 1")
    return reshape(x, tuple([size for k, size in enumerate(x.shape) if k not in gone]))


# ---- views copied out

class ViewOp(Op):
    """y[i] = x[offset + i . strides], every element of x at most once; `covers`: every one."""

    def __init__(self, offset, strides, shape, covers):
        self.offset, self.strides, self.shape, self.covers = offset, strides, shape, covers

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        B.strided_copy(x, self.offset, self.strides, y, 0, strides_of(self.shape), self.shape)
        self.x_shape = x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.x_shape, dy.dtype)
        if not self.covers:
            B.fill(dx, 0)
        B.strided_copy(dy, 0, strides_of(self.shape), dx, self.offset, self.strides, self.shape)
        return dx


def transpose(x, axes=None):
    """Permute the axes; None reverses them.

    Args:      axes: where each axis of the result comes from: a permutation of 0 .. ndim - 1, negative ones counted from the end.
    Shapes:    y.shape[k] = x.shape[axes[k]]
    Gradients: x.    Saves: nothing.
    Raises:    ShapeError if axes is not a permutation.
    Example:
        >>> from pydl import ops
        >>> ops.transpose([[1, 2], [3, 4]]).numpy().tolist()
        [[1, 3], [2, 4]]
    """
    x = tensor("transpose", x)
    if axes is not None and not isinstance(axes, (list, tuple)):
        raise TypeError(f"transpose: axes must be a tuple of integers, got {show(axes)}")
    shape, order = transposed(x.shape, axes, "transpose")
    if order == tuple(range(x.ndim)):
        return x
    if [k for k in order if x.shape[k] != 1] == [k for k in range(x.ndim) if x.shape[k] != 1]:
        return reshape(x, shape)                 # only axes of size 1 change places
    strides = strides_of(x.shape)
    return ViewOp(0, tuple([strides[k] for k in order]), shape, covers=True)(x)


def swapaxes(x, axis1, axis2):
    """Exchange two axes.  Gradients: x."""
    x = tensor("swapaxes", x)
    a, b = (normalize_axis(axis, x.ndim, "swapaxes") for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x, source, destination):
    """Move axes to other places; the rest keep their order.  Gradients: x.

    Example:
        >>> import numpy as np
        >>> from pydl import ops
        >>> ops.moveaxis(np.zeros((2, 3, 4)), -1, 0).shape
        (4, 2, 3)
    """
    x = tensor("moveaxis", x)
    listed = [tuple(a) if isinstance(a, (list, tuple)) else (a,) for a in (source, destination)]
    if len(listed[0]) != len(listed[1]):
        raise ShapeError(f"moveaxis: {len(listed[0])} axes cannot go to {len(listed[1])} places")
    for axes in listed:
        normalize_axes(axes, x.ndim, "moveaxis")             # in range, none twice
    source, destination = ([normalize_axis(axis, x.ndim) for axis in axes] for axes in listed)
    order = [k for k in range(x.ndim) if k not in source]
    for place, axis in sorted(zip(destination, source, strict=True)):
        order.insert(place, axis)
    return transpose(x, order)


def flip(x, axis=None):
    """Reverse the order of the elements along `axis`: an integer, several, or None for all.  Gradients: x."""
    x = tensor("flip", x)
    axes = normalize_axes(axis, x.ndim, "flip")
    strides, offset = list(strides_of(x.shape)), 0
    if x.size == 0:
        return x
    for k in axes:
        offset += (x.shape[k] - 1) * strides[k]
        strides[k] = -strides[k]
    return ViewOp(offset, tuple(strides), x.shape, covers=True)(x)


# ---- broadcasting and repeating

class BroadcastOp(Op):
    def __init__(self, shape): self.shape = shape

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        lead = len(self.shape) - len(x.shape)
        strides = (0,) * lead + tuple([0 if size == 1 else step for size, step in zip(x.shape, strides_of(x.shape), strict=True)])
        B.strided_copy(x, 0, strides, y, 0, strides_of(self.shape), self.shape)
        self.x_shape = x.shape
        return y

    def backward(self, B, dy):
        return summed_to(B, dy, self.x_shape)


def summed_to(B, dy, shape, scale=1.0):
    """scale * dy summed over what broadcasting stretched: the gradient by an array of `shape`."""
    if dy.shape == shape and scale == 1.0:
        return dy
    dx = B.empty(shape, dy.dtype)
    if dy.shape == shape:
        B.scale(dy, scale, dx)
    else:
        B.reduce_sum(dy, stretched_axes(shape, dy.shape), scale, dx)
    return dx


def broadcast_to(x, shape):
    """Repeat x along axes of size 1, and along new leading axes, up to `shape`.

    Shapes:    x broadcastable to shape -> shape
    Gradients: x, the sum over the repetitions.    Saves: the shape.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.broadcast_to([1, 2], (2, 2)).numpy().tolist()
        [[1, 2], [1, 2]]
    """
    x = tensor("broadcast_to", x)
    shape = tuple(shape) if isinstance(shape, (list, tuple)) else (shape,)
    checked_size(shape, who="broadcast_to")
    if broadcast_shapes(x.shape, shape, "broadcast_to") != shape:
        raise ShapeError(f"broadcast_to: shape {x.shape} does not stretch to {shape}")
    return x if shape == x.shape else BroadcastOp(shape)(x)


def tile(x, repeats):
    """Repeat the whole of x `repeats` times: along the last axis, or along each for a tuple.

    Gradients: x.
    Example:
        >>> from pydl import ops
        >>> ops.tile([1, 2], 2).numpy().tolist()
        [1, 2, 1, 2]
    """
    x = tensor("tile", x)
    repeats = list(repeats) if isinstance(repeats, (list, tuple)) else [repeats]
    for count in repeats:
        if not is_int(count) or count < 0:
            raise ValueError(f"tile: repeats must be integers >= 0, got {show(repeats)}")
    shape = [1] * (len(repeats) - x.ndim) + list(x.shape)
    repeats = [1] * (len(shape) - len(repeats)) + repeats
    checked_size([size * count for size, count in zip(shape, repeats, strict=True)], x.dtype.itemsize, "tile")
    x = reshape(x, [part for size in shape for part in (1, size)])
    x = broadcast_to(x, [part for size, count in zip(shape, repeats, strict=True) for part in (count, size)])
    return reshape(x, [size * count for size, count in zip(shape, repeats, strict=True)])


def repeat(x, repeats, axis=None):
    """Repeat every element `repeats` times along `axis`; None: of x as a vector.

    Gradients: x.
    Example:
        >>> from pydl import ops
        >>> ops.repeat([1, 2], 2).numpy().tolist()
        [1, 1, 2, 2]
    """
    x = ravel(x) if axis is None else tensor("repeat", x)
    if not is_int(repeats) or repeats < 0:
        raise ValueError(f"repeat: repeats must be an integer >= 0, got {show(repeats)}")
    axis = normalize_axis(0 if axis is None else axis, x.ndim, "repeat")
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1:]
    checked_size((*before, size * repeats, *after), x.dtype.itemsize, "repeat")
    x = broadcast_to(reshape(x, (*before, size, 1, *after)), (*before, size, repeats, *after))
    return reshape(x, (*before, size * repeats, *after))
