"""Products of matrices, of stacks of them, and of tensors along chosen axes."""
import math

from pydl.autodiff import Op
from pydl.errors import ShapeError, is_int, show
from pydl.ops.move import reshape, transpose
from pydl.ops.operands import in_double, operands
from pydl.shapes import broadcast_shapes, matmul_shape, normalize_axis


class MatMulOp(Op):
    """z = x y, or with either transposed in its last two axes; the axes before them broadcast."""

    def __init__(self, transpose_x=False, transpose_y=False): self.transpose_x, self.transpose_y = transpose_x, transpose_y

    def forward(self, B, x, y):
        rows, columns = x.shape[-1 if self.transpose_x else -2], y.shape[-2 if self.transpose_y else -1]
        batch = broadcast_shapes(x.shape[:-2], y.shape[:-2], "matmul")
        z = B.empty((*batch, rows, columns), x.dtype)
        product(B, x, y, z, self.transpose_x, self.transpose_y)
        self.x, self.y = x if self.needs[1] else None, y if self.needs[0] else None
        self.shapes = x.shape, y.shape
        return z

    def backward(self, B, dz):
        dx = dy = None
        if self.needs[0]:                                   # dx = dz y^T; of x^T: dx = y dz^T
            dx = B.empty(self.shapes[0], dz.dtype)
            if self.transpose_x:
                product(B, self.y, dz, dx, self.transpose_y, True)
            else:
                product(B, dz, self.y, dx, False, not self.transpose_y)
        if self.needs[1]:                                   # dy = x^T dz; of y^T: dy = dz^T x
            dy = B.empty(self.shapes[1], dz.dtype)
            if self.transpose_y:
                product(B, dz, self.x, dy, True, self.transpose_x)
            else:
                product(B, self.x, dz, dy, not self.transpose_x, False)
        return dx, dy


def product(B, a, b, c, transpose_a, transpose_b):
    """c = a b by one kernel; a stack times one matrix is one large product."""
    if a.ndim > 2 and math.prod(b.shape[:-2]) == 1 and not transpose_a and c.shape[:-2] == a.shape[:-2]:
        rows = math.prod(a.shape[:-1])
        a, b, c = a.reshape((rows, a.shape[-1])), b.reshape(b.shape[-2:]), c.reshape((rows, c.shape[-1]))
    elif a.ndim > 2 and a.shape[:-2] == b.shape[:-2] and math.prod(c.shape[:-2]) == 1 and transpose_a and not transpose_b:
        a, b = (v.reshape((math.prod(v.shape[:-1]), v.shape[-1])) for v in (a, b))       # the sum over a stack is one product too
        c = c.reshape(c.shape[-2:])
    if c.size and 0 in (*a.shape, *b.shape):
        B.fill(c, 0.0)
        return
    B.matmul(a, b, c, transpose_a, transpose_b)


def matmul(x1, x2):
    """Return the matrix product x1 @ x2.

    A vector is a row on the left and a column on the right, and its axis is gone from the result.  Stacks of matrices broadcast.

    Shapes:    x1 (..., n, k), x2 (..., k, m) -> (..., n, m)
    Dtypes:    float32, float64; integers are multiplied in float64 (exact up to 2^53).
    Gradients: x1, x2.    Saves: x1, x2.
    Raises:    ShapeError if the columns of x1 are not as many as the rows of x2, or the stacks do not broadcast.
    Example:
        >>> from pydl import ops
        >>> ops.matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy().tolist()
        [3.0, 7.0]
    """
    x1, x2 = operands("matmul", x1, x2)
    shape = matmul_shape(x1.shape, x2.shape)
    if x1.dtype.kind != "f":
        return in_double(matmul, x1, x2)
    if x1.ndim == 1:
        x1 = reshape(x1, (1, x1.shape[0]))
    if x2.ndim == 1:
        x2 = reshape(x2, (x2.shape[0], 1))
    z = MatMulOp()(x1, x2)
    return z if z.shape == shape else reshape(z, shape)


def tensordot(x1, x2, axes=2):
    """Return the product of two tensors, summed over axes of the one against axes of the other.

    Args:      axes: an integer for the last axes of x1 against the first of x2, or a pair of axes or lists of axes.
    Shapes:    the axes of x1 that are left, then those of x2.
    Dtypes:    as in `matmul`.
    Gradients: x1, x2.    Saves: x1, x2.
    Raises:    ShapeError if the sizes of the axes differ.
    Example:
        >>> import numpy as np
        >>> from pydl import ops
        >>> ops.tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
        (2, 5)
    """
    x1, x2 = operands("tensordot", x1, x2)
    if is_int(axes):
        if not 0 <= axes <= min(x1.ndim, x2.ndim):
            raise ShapeError(f"tensordot: {axes} axes of shapes {x1.shape} and {x2.shape}")
        first, second = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    elif isinstance(axes, (list, tuple)) and len(axes) == 2:
        first, second = ([a] if is_int(a) else list(a) for a in axes)
        first = [normalize_axis(a, x1.ndim, "tensordot") for a in first]
        second = [normalize_axis(a, x2.ndim, "tensordot") for a in second]
    else:
        raise TypeError(f"tensordot: axes must be an integer or a pair of axes, got {show(axes)}")
    sizes = [x1.shape[a] for a in first]
    if len(set(first)) != len(first) or len(set(second)) != len(second) or sizes != [x2.shape[a] for a in second]:
        raise ShapeError(f"tensordot: axes {first} of shape {x1.shape} do not fit axes {second} of shape {x2.shape}")
    left, right = [a for a in range(x1.ndim) if a not in first], [a for a in range(x2.ndim) if a not in second]
    shape = [x1.shape[a] for a in left] + [x2.shape[a] for a in right]
    inner = math.prod(sizes)
    x1 = reshape(transpose(x1, left + first), (math.prod(x1.shape[a] for a in left), inner))
    x2 = reshape(transpose(x2, second + right), (inner, math.prod(x2.shape[a] for a in right)))
    return reshape(matmul(x1, x2), shape)


def dot(x1, x2):
    """Return the dot product as NumPy has it: the last axis of x1 against the last but one of x2; a number scales.

    Shapes:    x1 (..., k), x2 (..., k, m) -> (*x1 without k, *x2 without k);  (k,), (k,) -> ()
    Dtypes:    as in `matmul`.
    Gradients: x1, x2.    Saves: x1, x2.
    Raises:    ShapeError if the sizes of those axes differ.
    Example:
        >>> from pydl import ops
        >>> ops.dot([1.0, 2.0], [3.0, 4.0]).item()
        11.0
    """
    x1, x2 = operands("dot", x1, x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return x1 * x2
    if x1.ndim <= 2 and x2.ndim <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, ([-1], [-2 if x2.ndim > 1 else -1]))


def outer(x1, x2):
    """Return every element of x1 times every element of x2.

    Shapes:    x1 (...), x2 (...) -> (x1.size, x2.size)
    Dtypes:    as in `matmul`.
    Gradients: x1, x2.    Saves: x1, x2.
    Example:
        >>> from pydl import ops
        >>> ops.outer([1.0, 2.0], [3.0, 4.0]).numpy().tolist()
        [[3.0, 4.0], [6.0, 8.0]]
    """
    x1, x2 = operands("outer", x1, x2)
    return matmul(reshape(x1, (x1.size, 1)), reshape(x2, (1, x2.size)))
