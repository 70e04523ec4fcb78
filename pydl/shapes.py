"""Every size formula, once.

A size is an int; None stands for a size not known yet (the batch), and goes through as None.
All errors are ShapeErrors; `who` names the layer or function they are raised for.
"""

import operator

from pydl.errors import LARGEST_INT, ShapeError, is_int, show


def checked_size(shape, itemsize=1, who="shape"):
    """Return the number of elements of `shape`; refuse what is no shape, and bytes beyond a 64-bit integer.

    A size of zero does not excuse the others: their product has to fit too.
    """
    product = 1
    empty = False
    for size in shape:
        if not is_int(size):
            raise ShapeError(f"{who}: sizes must be integers, got {show(tuple(shape))}")
        size = operator.index(size)
        if size < 0:
            raise ShapeError(f"{who}: sizes must not be negative, got {show(tuple(shape))}")
        if size == 0:
            empty = True
        else:
            product *= size
            if product * itemsize > LARGEST_INT:
                raise ShapeError(f"{who}: an array of shape {show(tuple(shape))} does not fit in memory")
    return 0 if empty else product


def normalize_axis(axis, ndim, who="axis"):
    """Return `axis` counted from the front: -1 is ndim - 1."""
    if not is_int(axis):
        raise TypeError(f"{who}: axis must be an integer, got {show(axis)}")
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{who}: axis {axis} is out of range for {ndim} axes")
    return axis + ndim if axis < 0 else axis


def normalize_axes(axes, ndim, who="axis"):
    """Return `axes` (None for all of them, an int, or several) as a rising tuple, counted from the front."""
    if axes is None:
        return tuple(range(ndim))
    if not isinstance(axes, (list, tuple)):
        axes = (axes,)
    found = sorted(normalize_axis(axis, ndim, who) for axis in axes)
    if len(set(found)) < len(found):
        raise ShapeError(f"{who}: an axis is named twice in {show(tuple(axes))}")
    return tuple(found)


def dilated_size(window, dilation):
    """Return the reach of a window with dilation - 1 gaps between its elements: (window - 1) * dilation + 1."""
    return (window - 1) * dilation + 1


def same_padding(size, window, stride=1, dilation=1):
    """Return (before, after), the zeros around an axis so that the output has ceil(size / stride) positions.

    total = max((ceil(size / stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0), the smaller half before.
    """
    total = max((-(-size // stride) - 1) * stride + dilated_size(window, dilation) - size, 0)
    return total // 2, total - total // 2


def conv_output_size(size, window, stride=1, padding="valid", dilation=1, who="convolution"):
    """Return the number of positions of a window along an axis.

    padding "same": ceil(size / stride); "valid": no padding; "causal": all of it before; or a pair (before, after).
    Otherwise (size + before + after - reach) // stride + 1 with reach = (window - 1) * dilation + 1.
    """
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    reach = dilated_size(window, dilation)
    if padding == "causal":
        return -(-size // stride)
    before, after = (0, 0) if padding == "valid" else padding
    padded = size + before + after
    if padded < reach:
        around = f" and padding ({before}, {after})" if before or after else ""
        dilated = f" (dilated to {reach})" if dilation > 1 else ""
        raise ShapeError(f"{who}: a window of {window}{dilated} does not fit in an axis of {size}{around}; "
                         f"use a smaller window or padding='same'")
    return (padded - reach) // stride + 1


def conv_padding(size, window, stride=1, padding="valid", dilation=1):
    """Return (before, after), the zeros that a padding mode puts around an axis."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        return same_padding(size, window, stride, dilation)
    if padding == "causal":
        return dilated_size(window, dilation) - 1, 0
    before, after = padding
    return before, after


def conv_transpose_output_size(size, window, stride=1, padding="valid", dilation=1, output_padding=None, who="transposed convolution"):
    """Return the size of the image that a convolution would turn into `size` positions: the widest without output_padding.

    padding "same": size * stride; "valid": size * stride + max(reach - stride, 0), reach = (window - 1) * dilation + 1;
    with output_padding (size - 1) * stride + reach + output_padding, less reach // 2 on both sides for "same".
    """
    if size is None:
        return None
    reach = dilated_size(window, dilation)
    if output_padding is None:
        return size * stride if padding == "same" else size * stride + max(reach - stride, 0)
    if output_padding >= stride:
        raise ShapeError(f"{who}: output_padding {output_padding} must be smaller than the stride {stride}")
    result = (size - 1) * stride + reach + output_padding - (2 * (reach // 2) if padding == "same" else 0)
    if result < 1:
        raise ShapeError(f"{who}: {size} positions of a window of {window} with stride {stride} and output_padding {output_padding} leave no image")
    return result


def pool_output_size(size, window, stride=None, padding="valid", who="pooling"):
    """Return the number of positions of a pooling window along an axis; the stride is the window by default."""
    return conv_output_size(size, window, window if stride is None else stride, padding, 1, who)


def broadcast_shapes(a, b, who="broadcast"):
    """Return the shape of a + b: axes are aligned at the end, and a 1 stretches.

    None against 1 or None stays None; against another size it is taken to be that size.
    """
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    lead = len(longer) - len(shorter)
    result = list(longer[:lead])
    for p, q in zip(longer[lead:], shorter, strict=True):
        if p == q or q == 1:
            result.append(p)
        elif p == 1 or p is None:
            result.append(q)
        elif q is None:
            result.append(p)
        else:
            raise ShapeError(f"{who}: shapes {tuple(a)} and {tuple(b)} do not broadcast: "
                             f"sizes {p} and {q} differ and neither is 1")
    return tuple(result)


def stretched_axes(shape, result):
    """Return the axes of `result` along which `shape` was stretched by broadcasting.

    The gradient by an array of `shape` is the sum over them, reshaped to `shape`.
    """
    lead = len(result) - len(shape)
    return tuple(axis for axis in range(len(result))
                 if axis < lead or (shape[axis - lead] == 1 and result[axis] != 1))


def reduced_shape(shape, axes, keepdims=False, who="reduction"):
    """Return the shape left after summing over `axes` (None: all)."""
    gone = normalize_axes(axes, len(shape), who)
    if keepdims:
        return tuple(1 if axis in gone else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def reshaped(shape, target, who="reshape"):
    """Return `target` with its -1, if any, worked out so that it has as many elements as `shape`."""
    target = tuple(target)
    if not all(is_int(size) and size >= -1 for size in target) or sum(size == -1 for size in target) > 1:
        raise ShapeError(f"{who}: the target shape must hold integers >= 0 and at most one -1, got {show(target)}")
    count = checked_size(shape, who=who)
    known = checked_size([size for size in target if size != -1], who=who)
    if -1 not in target:
        if known != count:
            raise ShapeError(f"{who}: shape {tuple(shape)} has {count} elements, target {target} has {known}")
        return tuple(operator.index(size) for size in target)
    if known == 0 or count % known:
        raise ShapeError(f"{who}: {count} elements of shape {tuple(shape)} do not divide into target {target}")
    return tuple(count // known if size == -1 else operator.index(size) for size in target)


def transposed(shape, axes=None, who="transpose"):
    """Return (shape, axes) after a permutation of the axes; None reverses them."""
    ndim = len(shape)
    axes = tuple(reversed(range(ndim))) if axes is None else tuple(axes)
    order = tuple(normalize_axis(axis, ndim, who) for axis in axes)
    if sorted(order) != list(range(ndim)):
        raise ShapeError(f"{who}: axes {show(axes)} are not a permutation of the {ndim} axes of {tuple(shape)}")
    return tuple(shape[axis] for axis in order), order


def concatenated(shapes, axis=-1, who="concatenate"):
    """Return the shape of arrays joined along `axis`; all their other sizes must agree."""
    if not shapes:
        raise ShapeError(f"{who}: needs at least one array")
    first = tuple(shapes[0])
    axis = normalize_axis(axis, len(first), who)
    total = 0
    result = list(first)
    for shape in shapes:
        if len(shape) != len(first):
            raise ShapeError(f"{who}: shapes {first} and {tuple(shape)} have different numbers of axes")
        for k, (known, size) in enumerate(zip(result, shape, strict=True)):
            if k == axis:
                continue
            if known is None:
                result[k] = size
            elif size is not None and size != known:
                raise ShapeError(f"{who}: shapes {first} and {tuple(shape)} differ outside axis {axis}")
        total = None if total is None or shape[axis] is None else total + shape[axis]
    result[axis] = total
    return tuple(result)


def matmul_shape(a, b, who="matmul"):
    """Return the shape of a @ b: (..., n, k) and (..., k, m) give (..., n, m), leading axes broadcast.

    A vector is a row on the left and a column on the right, and its axis is gone from the result.
    """
    if not a or not b:
        raise ShapeError(f"{who}: needs arrays with at least one axis, got shapes {tuple(a)} and {tuple(b)}")
    rows = a[:-1][-1:]
    columns = b[-1:] if len(b) > 1 else ()
    inner_a, inner_b = a[-1], b[-2] if len(b) > 1 else b[0]
    if inner_a != inner_b and inner_a is not None and inner_b is not None:
        raise ShapeError(f"{who}: shapes {tuple(a)} and {tuple(b)} do not fit: {inner_a} columns against {inner_b} rows")
    return broadcast_shapes(a[:-2], b[:-2], who) + tuple(rows) + tuple(columns)
