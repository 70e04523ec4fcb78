"""Arithmetic of two tensors that are broadcast against each other."""
import numbers

import numpy as np

from pydl.autodiff import Op
from pydl.errors import integer
from pydl.ops.elementwise import FlatOp, square
from pydl.ops.move import summed_to
from pydl.ops.operands import floating, in_double, operands, tensor
from pydl.shapes import broadcast_shapes
from pydl.tensor import Tensor


class AddOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "add"), x.dtype)
        B.add(x, y, z)
        self.shapes = x.shape, y.shape
        return z

    def backward(self, B, dz):
        return tuple([summed_to(B, dz, shape) if need else None for need, shape in zip(self.needs, self.shapes, strict=True)])


class SubtractOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "subtract"), x.dtype)
        B.subtract(x, y, z)
        self.shapes = x.shape, y.shape
        return z

    def backward(self, B, dz):
        dx = summed_to(B, dz, self.shapes[0]) if self.needs[0] else None
        dy = summed_to(B, dz, self.shapes[1], -1.0) if self.needs[1] else None
        return dx, dy


class MultiplyOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "multiply"), x.dtype)
        B.multiply(x, y, z)
        self.shapes = x.shape, y.shape
        self.x = x if self.needs[1] else None    # each factor is the other's slope
        self.y = y if self.needs[0] else None
        return z

    def backward(self, B, dz):
        gradients = []
        for need, shape, other in zip(self.needs, self.shapes, (self.y, self.x), strict=True):
            if need:
                product = B.empty(dz.shape, dz.dtype)
                B.multiply(dz, other, product)
                gradients.append(summed_to(B, product, shape))
            else:
                gradients.append(None)
        return tuple(gradients)


class DivideOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "divide"), x.dtype)
        B.divide(x, y, z)
        self.shapes, self.y = (x.shape, y.shape), y
        self.z = z if self.needs[1] else None
        return z

    def backward(self, B, dz):
        quotient = B.empty(dz.shape, dz.dtype)
        B.divide(dz, self.y, quotient)
        dx = summed_to(B, quotient, self.shapes[0]) if self.needs[0] else None
        if not self.needs[1]:
            return dx, None
        product = B.empty(dz.shape, dz.dtype)
        B.multiply(quotient, self.z, product)    # dz/dy = -z / y
        return dx, summed_to(B, product, self.shapes[1], -1.0)


class PowerOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "power"), x.dtype)
        B.power(x, y, z)
        self.x, self.y = x, y
        self.z = z if self.needs[1] else None
        return z

    def backward(self, B, dz):
        x, y = self.x, self.y
        dx = dy = None
        if self.needs[0]:                        # y x^(y - 1)
            less = B.empty(y.shape, y.dtype)
            B.subtract(y, B.from_numpy(np.ones((), y.dtype)), less)
            slope = B.empty(dz.shape, dz.dtype)
            B.power(x, less, slope)
            B.multiply(slope, y, slope)
            B.multiply(slope, dz, slope)
            dx = summed_to(B, slope, x.shape)
        if self.needs[1]:                        # z log x, and 0 where x <= 0 has no logarithm
            zero = B.from_numpy(np.zeros((), x.dtype))
            positive, logs = B.empty(x.shape, "bool"), B.empty(x.shape, x.dtype)
            B.greater(x, zero, positive)
            B.log(x, logs)
            B.where(positive, logs, zero, logs)
            slope = B.empty(dz.shape, dz.dtype)
            B.multiply(dz, self.z, slope)
            B.multiply(slope, logs, slope)
            dy = summed_to(B, slope, y.shape)
        return dx, dy


class PowerNumberOp(Op):
    def __init__(self, exponent): self.exponent = exponent

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.power_number(x, self.exponent, y)
        self.x = x
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.power_number_backward(dy, self.x, self.exponent, dx)
        return dx


class ExtremeOp(Op):
    """The larger or smaller of two; where they are equal the gradient goes to the first."""

    def __init__(self, name): self.name = name

    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, self.name), x.dtype)
        getattr(B, self.name)(x, y, z)
        self.shapes = x.shape, y.shape
        if True in self.needs:
            self.first = B.empty(z.shape, "bool")            # one byte an element
            B.greater_equal(*((x, y) if self.name == "maximum" else (y, x)), self.first)
        return z

    def backward(self, B, dz):
        zero = B.from_numpy(np.zeros((), dz.dtype))
        gradients = []
        for need, shape, pair in zip(self.needs, self.shapes, ((dz, zero), (zero, dz)), strict=True):
            if need:
                share = B.empty(dz.shape, dz.dtype)
                B.where(self.first, *pair, share)
                gradients.append(summed_to(B, share, shape))
            else:
                gradients.append(None)
        return tuple(gradients)


class FloorDivideOp(Op):
    def forward(self, B, x, y):
        z = B.empty(broadcast_shapes(x.shape, y.shape, "floor_divide"), x.dtype)
        B.floor_divide(x, y, z)
        return z

    def backward(self, B, dz):
        return None, None


def _binary(op, who, x1, x2):
    x1, x2 = operands(who, x1, x2)
    return op(x1, x2) if x1.dtype.kind == "f" else in_double(op, x1, x2)


def add(x1, x2):
    """Return x1 + x2.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2.    Saves: the shapes.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.add([1, 2], [[10], [20]]).numpy().tolist()
        [[11, 12], [21, 22]]
    """
    return _binary(AddOp(), "add", x1, x2)


def subtract(x1, x2):
    """Return x1 - x2.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2.    Saves: the shapes.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.subtract([5, 7], 1).numpy().tolist()
        [4, 6]
    """
    return _binary(SubtractOp(), "subtract", x1, x2)


def multiply(x1, x2):
    """Return x1 * x2.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2.    Saves: x1 and x2, each if the other wants a gradient.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.multiply([5, 7], 2).numpy().tolist()
        [10, 14]
    """
    return _binary(MultiplyOp(), "multiply", x1, x2)


def divide(x1, x2):
    """Return x1 / x2; integers are divided as float32.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2.    Saves: x2, and the result if x2 wants a gradient.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.divide([1, 3], 2).numpy().tolist()
        [0.5, 1.5]
    """
    x1, x2 = operands("divide", x1, x2)
    return DivideOp()(floating("divide", x1), floating("divide", x2))


def power(x1, x2):
    """Return x1 to the power of x2.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2 (0 by an exponent where x1 <= 0).    Saves: x1 and x2, and the result if x2 wants a gradient.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.power([2, 3], 2).numpy().tolist()
        [4, 9]
    """
    if isinstance(x2, numbers.Real) and not isinstance(x2, (bool, np.bool_)) and isinstance(x1, Tensor) and x1.dtype.kind == "f":
        return square(x1) if x2 == 2 else PowerNumberOp(float(x2))(x1)
    return _binary(PowerOp(), "power", x1, x2)


def maximum(x1, x2):
    """Return the larger of x1 and x2; a NaN in either is a NaN.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2; where they are equal all of it to x1.    Saves: a mask, one byte an element.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.maximum([1, 5], 3).numpy().tolist()
        [3, 5]
    """
    return _binary(ExtremeOp("maximum"), "maximum", x1, x2)


def minimum(x1, x2):
    """Return the smaller of x1 and x2; a NaN in either is a NaN.

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: x1, x2; where they are equal all of it to x1.    Saves: a mask, one byte an element.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.minimum([1, 5], 3).numpy().tolist()
        [1, 3]
    """
    return _binary(ExtremeOp("minimum"), "minimum", x1, x2)


def floor_divide(x1, x2):
    """Return floor(x1 / x2).

    Shapes:    x1 and x2 broadcast against each other.
    Dtypes:    the wider of the two; a number or array takes the dtype of a Tensor of floats.
    Gradients: none: the slope is 0.    Saves: nothing.
    Raises:    ShapeError naming both shapes.
    Example:
        >>> from pydl import ops
        >>> ops.floor_divide([7, -7], 2).numpy().tolist()
        [3, -4]
    """
    return _binary(FloorDivideOp(), "floor_divide", x1, x2)


def mod(x1, x2):
    """Return x1 - x2 * floor(x1 / x2): the remainder, with the sign of x2.  Gradients: x1 and x2.

    Example:
        >>> from pydl import ops
        >>> ops.mod([7, -7], 4).numpy().tolist()
        [3, 1]
    """
    x1, x2 = operands("mod", x1, x2)
    return subtract(x1, multiply(x2, floor_divide(x1, x2)))


def round(x, decimals=0):
    """Return x rounded to so many decimals, halves to the even neighbour.

    Dtypes:    float32, float64, integers.
    Gradients: none: the slope is 0.    Saves: nothing.
    Example:
        >>> from pydl import ops
        >>> ops.round([0.5, 1.5, 2.26]).numpy().tolist()
        [0.0, 2.0, 2.0]
    """
    x = tensor("round", x)
    if integer("round", "decimals", decimals, -30, 30):
        return divide(round(multiply(x, 10.0 ** decimals)), 10.0 ** decimals)
    return FlatOp("round")(x) if x.dtype.kind == "f" else x


class ClipOp(Op):
    def __init__(self, low, high): self.low, self.high = low, high

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.clip(x, self.low, self.high, y)
        self.x = x
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.clip_backward(dy, self.x, self.low, self.high, dx)
        return dx


def clip(x, x_min, x_max):
    """Return min(max(x, x_min), x_max); a NaN stays a NaN.

    Args:      x_min, x_max: numbers, x_min <= x_max; or tensors, broadcast.
    Gradients: dy where x_min <= x <= x_max, else 0.    Saves: x.
    Raises:    ValueError if x_min > x_max.
    Example:
        >>> from pydl import ops
        >>> ops.clip([-1.0, 0.5, 2.0], 0, 1).numpy().tolist()
        [0.0, 0.5, 1.0]
    """
    x = tensor("clip", x)
    if not (isinstance(x_min, numbers.Real) and isinstance(x_max, numbers.Real)):
        return minimum(maximum(x, x_min), x_max)
    if not x_min <= x_max:
        raise ValueError(f"clip: x_min must not be above x_max, got {x_min} and {x_max}")
    if x.dtype.kind != "f":
        return in_double(lambda t: clip(t, x_min, x_max), x)
    return ClipOp(float(x_min), float(x_max))(x)
