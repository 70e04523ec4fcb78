"""Ops that put tensors together, take them apart and look rows up."""
import operator

import numpy as np

from pydl.autodiff import Op
from pydl.errors import ShapeError, is_int, one_of, positive_int, show
from pydl.ops.move import ViewOp, expand_dims, moveaxis, ravel, reshape, strides_of
from pydl.ops.operands import cast, floating, tensor, tensors
from pydl.ops.reduce import argmax
from pydl.shapes import checked_size, concatenated, normalize_axis
from pydl.tensor import Tensor, as_tensor


class ConcatenateOp(Op):
    def __init__(self, axis, shape): self.axis, self.shape = axis, shape

    def forward(self, B, *xs):
        y = B.empty(self.shape, xs[0].dtype)
        strides, offset, self.shapes = strides_of(self.shape), 0, [x.shape for x in xs]
        for x in xs:
            B.strided_copy(x, 0, strides_of(x.shape), y, offset, strides, x.shape)
            offset += x.shape[self.axis] * strides[self.axis]
        return y

    def backward(self, B, dy):
        strides, offset, dxs = strides_of(self.shape), 0, []
        for need, shape in zip(self.needs, self.shapes, strict=True):
            dx = None
            if need:
                dx = B.empty(shape, dy.dtype)
                B.strided_copy(dy, offset, strides, dx, 0, strides_of(shape), shape)
            dxs.append(dx)
            offset += shape[self.axis] * strides[self.axis]
        return tuple(dxs)


def concatenate(xs, axis=-1):
    """Join tensors along an axis.

    Args:      xs: a list of tensors; their sizes agree except along axis.    axis: -1, the last, by default.
    Shapes:    (..., a, ...), (..., b, ...) -> (..., a + b, ...)
    Dtypes:    the widest of them.
    Gradients: each.    Saves: the shapes.
    Raises:    ShapeError naming the shapes that do not fit.
    Example:
        >>> from pydl import ops
        >>> ops.concatenate([[1, 2], [3]]).numpy().tolist()
        [1, 2, 3]
    """
    xs = tensors("concatenate", xs)
    shape = concatenated([x.shape for x in xs], axis, "concatenate")
    return xs[0] if len(xs) == 1 else ConcatenateOp(normalize_axis(axis, len(shape)), shape)(*xs)


def stack(x, axis=0):
    """Join tensors of one shape along a new axis.

    Gradients: each.    Raises: ShapeError if the shapes differ.
    Example:
        >>> from pydl import ops
        >>> ops.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
        [[1, 3], [2, 4]]
    """
    x = tensors("stack", x)
    for other in x[1:]:
        if other.shape != x[0].shape:
            raise ShapeError(f"stack: shapes {x[0].shape} and {other.shape} differ")
    axis = normalize_axis(axis, x[0].ndim + 1, "stack")
    return concatenate([expand_dims(t, axis) for t in x], axis)


def split(x, indices_or_sections, axis=0):
    """Cut x along an axis: into so many equal parts, or before each of a list of positions.

    Gradients: x.    Raises: ShapeError if the parts are not equal.
    Example:
        >>> from pydl import ops
        >>> [part.numpy().tolist() for part in ops.split([1, 2, 3, 4], 2)]
        [[1, 2], [3, 4]]
    """
    x = tensor("split", x)
    axis = normalize_axis(axis, x.ndim, "split")
    size = x.shape[axis]
    if is_int(indices_or_sections):
        parts = positive_int("split", "indices_or_sections", indices_or_sections)
        if size % parts:
            raise ShapeError(f"split: axis {axis} of shape {x.shape} does not divide into {parts} parts")
        cuts = list(range(0, size + 1, size // parts)) if size else [0] * (parts + 1)
    else:
        if not isinstance(indices_or_sections, (list, tuple)) or not all(is_int(i) for i in indices_or_sections):
            raise TypeError(f"split: indices_or_sections must be an integer or a list of integers, got {show(indices_or_sections)}")
        cuts = [0, *indices_or_sections, size]
    before = (slice(None),) * axis
    return [get_item(x, (*before, slice(start, stop))) for start, stop in zip(cuts, cuts[1:], strict=False)]


def unstack(x, axis=0):
    """Return the slices of x along an axis, as a list.  Gradients: x."""
    x = tensor("unstack", x)
    axis = normalize_axis(axis, x.ndim, "unstack")
    return [get_item(x, (*(slice(None),) * axis, k)) for k in range(x.shape[axis])]


class PadOp(Op):
    def __init__(self, before, shape, value): self.before, self.shape, self.value = before, shape, value

    def forward(self, B, x):
        y = B.empty(self.shape, x.dtype)
        strides = strides_of(self.shape)
        self.offset, self.x_shape = sum(b * s for b, s in zip(self.before, strides, strict=True)), x.shape
        B.fill(y, self.value)
        B.strided_copy(x, 0, strides_of(x.shape), y, self.offset, strides, x.shape)
        return y

    def backward(self, B, dy):
        dx = B.empty(self.x_shape, dy.dtype)
        B.strided_copy(dy, self.offset, strides_of(self.shape), dx, 0, strides_of(self.x_shape), self.x_shape)
        return dx


def pad(x, pad_width, mode="constant", constant_values=None):
    """Surround x with a constant.

    Args:      pad_width: (before, after) for every axis: a list of pairs, one pair for all axes, or one integer for all sides.
               mode: "constant".    constant_values: 0 by default.
    Shapes:    y.shape[k] = before + x.shape[k] + after
    Gradients: x.    Saves: the shapes.
    Raises:    ValueError for a negative width or another number of axes.
    Example:
        >>> from pydl import ops
        >>> ops.pad([1, 2], (1, 2)).numpy().tolist()
        [0, 1, 2, 0, 0]
    """
    x = tensor("pad", x)
    one_of("pad", "mode", mode, ("constant",))
    widths = pad_width
    if is_int(widths):
        widths = (widths, widths)
    if isinstance(widths, np.ndarray):
        widths = widths.tolist()
    if isinstance(widths, (list, tuple)) and len(widths) == 2 and all(is_int(w) for w in widths):
        widths = [widths] * x.ndim
    if not isinstance(widths, (list, tuple)) or not all(isinstance(p, (list, tuple)) and len(p) == 2 and all(is_int(w) for w in p) for p in widths):
        raise TypeError(f"pad: pad_width must be pairs of integers, got {show(pad_width)}")
    if len(widths) != x.ndim:
        raise ShapeError(f"pad: pad_width has {len(widths)} pairs, x has shape {x.shape}")
    if any(w < 0 for p in widths for w in p):
        raise ValueError(f"pad: widths must not be negative, got {show(pad_width)}")
    if constant_values is not None and (isinstance(constant_values, (list, tuple)) or np.ndim(constant_values)):
        raise TypeError(f"pad: constant_values must be a number, got {show(constant_values)}")
    shape = tuple([b + size + a for size, (b, a) in zip(x.shape, widths, strict=True)])
    checked_size(shape, x.dtype.itemsize, "pad")
    return x if shape == x.shape else PadOp(tuple([b for b, _ in widths]), shape, 0 if constant_values is None else constant_values)(x)


def roll(x, shift, axis=None):
    """Shift elements along an axis, those that fall out coming in at the other end; None: of x as a vector.  Gradients: x."""
    x = tensor("roll", x)
    if not is_int(shift):
        raise TypeError(f"roll: shift must be an integer, got {show(shift)}")
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axis = normalize_axis(axis, x.ndim, "roll")
    size = x.shape[axis]
    if size == 0 or shift % size == 0:
        return x
    first, second = split(x, [size - shift % size], axis)
    return concatenate([second, first], axis)


# ---- look-ups

class TakeRowsOp(Op):
    def forward(self, B, x, index):
        y = B.empty(index.shape + x.shape[1:], x.dtype)
        B.take_rows(x, index, y)
        self.index, self.x_shape = index, x.shape
        return y

    def backward(self, B, dy):
        dx = B.empty(self.x_shape, dy.dtype)
        B.scatter_rows(dy, self.index, dx)
        return dx, None


def take(x, indices, axis=None):
    """Look up slices of x along an axis by their positions; None: elements of x as a vector.

    Args:      indices: integers of any shape, 0 <= i < size; a list or array may count from the end with negative ones.
    Shapes:    axis 0: x (R, ...), indices (...i) -> (...i, ...)
    Gradients: x, the sum over the look-ups in their order.    Saves: the indices.
    Raises:    ValueError if an index is out of range, TypeError if it is no integer.
    Example:
        >>> from pydl import ops
        >>> ops.take([[1, 2], [3, 4]], [1, 1, 0], axis=0).numpy().tolist()
        [[3, 4], [3, 4], [1, 2]]
    """
    x = ravel(x) if axis is None else tensor("take", x)
    axis = normalize_axis(0 if axis is None else axis, x.ndim, "take")
    size = x.shape[axis]
    if not isinstance(indices, Tensor):
        given = np.asarray(indices)
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"take: indices must be integers, got {show(indices)}")
        if given.size and not (-size <= given.min() and given.max() < size):
            worst = given.min() if given.min() < -size else given.max()
            raise ValueError(f"take: index {worst} is out of range for axis {axis} of shape {x.shape}")
        indices = as_tensor(np.where(given < 0, given + size, given).astype(np.int64))
    if indices.dtype.kind not in "iu" or indices.dtype.itemsize < 4:
        raise TypeError(f"take: indices must be int32 or int64, got {indices.dtype.name}")
    if axis == 0:
        return TakeRowsOp()(x, indices)
    y = TakeRowsOp()(moveaxis(x, axis, 0), indices)
    k = indices.ndim
    return moveaxis(y, tuple(range(k)), tuple(range(axis, axis + k)))


class OneHotOp(Op):
    def __init__(self, classes, dtype): self.classes, self.dtype = classes, dtype

    def forward(self, B, index):
        y = B.empty((*index.shape, self.classes), self.dtype)
        B.one_hot(index, y)
        return y


def one_hot(x, num_classes, axis=-1, dtype="float32"):
    """Return 1 at the position that each integer of x names, else 0.

    Args:      x: integers, 0 <= x < num_classes.    axis: where the new axis goes.    dtype: "float32" or "float64".
    Shapes:    x (...) -> (..., num_classes)
    Raises:    ValueError if a number is out of range.
    Example:
        >>> from pydl import ops
        >>> ops.one_hot([2, 0], 3).numpy().tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    x = tensor("one_hot", x)
    num_classes = positive_int("one_hot", "num_classes", num_classes)
    dtype = one_of("one_hot", "dtype", "float32" if dtype is None else np.dtype(dtype).name, ("float32", "float64"))
    if x.dtype.kind not in "iub":
        raise TypeError(f"one_hot: expected integers, got {x.dtype.name}")
    y = OneHotOp(num_classes, dtype)(x if x.dtype.itemsize >= 4 else cast(x, "int32"))
    return y if axis == -1 else moveaxis(y, -1, normalize_axis(axis, y.ndim, "one_hot"))


def hardmax(x, axis=-1):
    """Return 1 at the largest element along an axis, the first of equals, else 0: softmax without the soft.

    Shapes:    x (...) -> the same.    Gradients: none: it is constant almost everywhere.
    Raises:    ShapeError for an axis out of range or without elements.
    Example:
        >>> from pydl import ops
        >>> ops.hardmax([[0.1, 0.7, 0.2]]).numpy().tolist()
        [[0.0, 1.0, 0.0]]
    """
    x = floating("hardmax", x)
    axis = normalize_axis(axis, x.ndim, "hardmax")
    return one_hot(argmax(x, axis), x.shape[axis], axis if axis < x.ndim - 1 else -1, x.dtype)


# ---- x[...]

class TensorIndexError(IndexError, ShapeError):
    """An index outside a tensor: an IndexError, as Python has it, and a ValueError, as all wrong values here."""


def get_item(x, index):
    """Return x[index]: integers, slices (any step), None, an ellipsis; or one array of integers, which takes rows.

    Shapes:    as NumPy's
    Gradients: x; elements left out get 0.    Saves: nothing (an array of integers: itself).
    Raises:    TensorIndexError (IndexError, ValueError) if an integer is out of range or there are too many; TypeError for an index of another kind.
    Example:
        >>> from pydl import ops
        >>> ops.get_item([[1, 2, 3], [4, 5, 6]], (slice(None), -1)).numpy().tolist()
        [3, 6]
    """
    x = tensor("get_item", x)
    if isinstance(index, (list, np.ndarray, Tensor)) and not (is_int(index) if isinstance(index, np.ndarray) else False):
        return take(x, index, axis=0)
    parts = list(index) if isinstance(index, tuple) else [index]
    for part in parts:
        if not (part is None or part is Ellipsis or isinstance(part, slice) or is_int(part)):
            raise TypeError(f"tensor[...]: an index must be integers, slices, None or an ellipsis (or one array of integers alone), got {show(part)}")
    named = sum(part is not None and part is not Ellipsis for part in parts)
    if named > x.ndim:
        raise TensorIndexError(f"tensor[...]: {named} indices for a tensor of shape {x.shape}")
    ellipses = sum(part is Ellipsis for part in parts)
    if ellipses > 1:
        raise TensorIndexError("tensor[...]: an index can only have one ellipsis")
    place = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[place:place + ellipses] = [slice(None)] * (x.ndim - named)
    steps, offset, shape, strides, axis = strides_of(x.shape), 0, [], [], 0
    for part in parts:
        if part is None:
            shape.append(1)
            strides.append(1)
            continue
        size = x.shape[axis]
        if isinstance(part, slice):
            chosen = range(size)[part]
            offset += (chosen.start if len(chosen) else 0) * steps[axis]
            shape.append(len(chosen))
            strides.append(chosen.step * steps[axis])
        else:
            k = operator.index(part)
            if not -size <= k < size:
                raise TensorIndexError(f"tensor[...]: index {k} is out of range for axis {axis} of shape {x.shape}")
            offset += (k % size) * steps[axis]
        axis += 1
    shape, strides = tuple(shape), tuple(strides)
    if shape == x.shape and strides == steps:
        return x
    return ViewOp(offset, strides, shape, covers=checked_size(shape) == x.size)(x)
