"""Comparisons, masks, and the choice between two tensors by one."""
import math

import numpy as np

from pydl.autodiff import Op
from pydl.ops.elementwise import absolute
from pydl.ops.move import broadcast_to, summed_to
from pydl.ops.operands import cast, in_double, operands, tensor
from pydl.shapes import broadcast_shapes


class CompareOp(Op):
    def __init__(self, name): self.name = name

    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, self.name), "bool")
        getattr(B, self.name)(x, y, z)
        return z


def _compare(kernel, who, x1, x2):
    x1, x2 = operands(who, x1, x2)
    if x1.dtype.kind != "f":
        x1, x2 = cast(x1, "float64"), cast(x2, "float64")
    return CompareOp(kernel)(x1, x2)


def equal(x1, x2):
    """Tell where x1 == x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.equal([1, 2, 3], 2).numpy().tolist()
        [False, True, False]
    """
    return _compare("equal", "equal", x1, x2)


def not_equal(x1, x2):
    """Tell where x1 != x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.not_equal([1, 2, 3], 2).numpy().tolist()
        [True, False, True]
    """
    return _compare("not_equal", "not_equal", x1, x2)


def greater(x1, x2):
    """Tell where x1 > x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.greater([1, 2, 3], 2).numpy().tolist()
        [False, False, True]
    """
    return _compare("greater", "greater", x1, x2)


def greater_equal(x1, x2):
    """Tell where x1 >= x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.greater_equal([1, 2, 3], 2).numpy().tolist()
        [False, True, True]
    """
    return _compare("greater_equal", "greater_equal", x1, x2)


def less(x1, x2):
    """Tell where x1 < x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.less([1, 2, 3], 2).numpy().tolist()
        [True, False, False]
    """
    return _compare("greater", "less", x2, x1)


def less_equal(x1, x2):
    """Tell where x1 <= x2, as booleans.

    Shapes:    x1 and x2 broadcast against each other.
    Gradients: none.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.less_equal([1, 2, 3], 2).numpy().tolist()
        [True, True, False]
    """
    return _compare("greater_equal", "less_equal", x2, x1)


class LogicalOp(Op):
    def __init__(self, name): self.name = name

    def forward(self, B, *xs):
        z = B.empty(xs[0].shape, "bool")
        getattr(B, self.name)(*xs, z)
        return z


def _masks(who, *xs):
    xs = [cast(x, "bool") for x in xs]
    shape = xs[0].shape
    for x in xs[1:]:
        shape = broadcast_shapes(shape, x.shape, who)
    return LogicalOp(who)(*[broadcast_to(x, shape) for x in xs])


def logical_and(x1, x2):
    """Tell where both x1 and x2 are true, that is, not 0."""
    return _masks("logical_and", x1, x2)


def logical_or(x1, x2):
    """Tell where x1 or x2 is true, that is, not 0."""
    return _masks("logical_or", x1, x2)


def logical_not(x):
    """Tell where x is false, that is, 0."""
    return _masks("logical_not", x)


def isnan(x):
    """Tell where x is a NaN."""
    x = tensor("isnan", x)
    return not_equal(x, x)


def isinf(x):
    """Tell where x is infinite."""
    return equal(absolute(x), math.inf)


def isfinite(x):
    """Tell where x is neither infinite nor a NaN."""
    return less(absolute(x), math.inf)


class WhereOp(Op):
    def forward(self, B, mask, x, y):
        z = B.empty(mask.shape, x.dtype)
        B.where(mask, x, y, z)
        self.mask, self.shapes = mask, (x.shape, y.shape)
        return z

    def backward(self, B, dz):
        zero = B.from_numpy(np.zeros((), dz.dtype))
        gradients = [None]
        for need, shape, pair in zip(self.needs[1:], self.shapes, ((dz, zero), (zero, dz)), strict=True):
            if need:
                share = B.empty(dz.shape, dz.dtype)
                B.where(self.mask, *pair, share)
                gradients.append(summed_to(B, share, shape))
            else:
                gradients.append(None)
        return tuple(gradients)


def where(condition, x1, x2):
    """Return x1 where the condition is true, that is, not 0, and x2 elsewhere.

    Shapes:    all three broadcast against each other.
    Dtypes:    the wider of x1 and x2.
    Gradients: x1, x2.    Saves: the condition, one byte an element.
    Raises:    ShapeError naming the shapes.
    Example:
        >>> from pydl import ops
        >>> ops.where([True, False], [1, 2], 0).numpy().tolist()
        [1, 0]
    """
    x1, x2 = operands("where", x1, x2)
    if x1.dtype.kind != "f":
        return in_double(lambda p, q: where(condition, p, q), x1, x2)
    condition = cast(condition, "bool")
    shape = broadcast_shapes(condition.shape, broadcast_shapes(x1.shape, x2.shape, "where"), "where")
    x1, x2 = (x if x.size == 1 and x.ndim <= len(shape) else broadcast_to(x, shape) for x in (x1, x2))
    return WhereOp()(broadcast_to(condition, shape), x1, x2)
