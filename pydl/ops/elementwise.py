"""Arithmetic element by element: of one tensor, and of two that are broadcast against each other."""
import math
import numbers

import numpy as np

from pydl.autodiff import Op
from pydl.errors import show
from pydl.kernels._common import Array
from pydl.ops.move import broadcast_to, cast, summed_to, tensor
from pydl.shapes import broadcast_shapes
from pydl.tensor import Tensor, as_tensor


def floating(who, x):
    """x as a Tensor of floats: integers and booleans become float32."""
    x = tensor(who, x)
    return x if x.dtype.kind == "f" else cast(x, "float32")


def operands(who, x, y):
    """Two inputs as Tensors of one dtype.

    Numbers, lists and arrays take the dtype of a Tensor of floats they meet; of two Tensors the wider dtype wins, floats before integers.
    """
    for given in (x, y):
        if given is None or isinstance(given, str):
            raise TypeError(f"{who}: expected tensors or numbers, got {show(given)}")
    x_is_tensor, y_is_tensor = isinstance(x, Tensor), isinstance(y, Tensor)
    if x_is_tensor and not y_is_tensor and x.dtype.kind == "f":
        y = like(who, y, x)
    elif y_is_tensor and not x_is_tensor and y.dtype.kind == "f":
        x = like(who, x, y)
    x, y = tensor(who, x), tensor(who, y)
    if x.dtype == y.dtype:
        return x, y
    if "f" in (x.dtype.kind, y.dtype.kind):
        floats = [t.dtype for t in (x, y) if t.dtype.kind == "f"]
        dtype = max(floats, key=lambda d: d.itemsize)
    else:
        dtype = np.result_type(x.dtype, y.dtype)
    return cast(x, dtype), cast(y, dtype)


def like(who, x, other):
    """What is no Tensor, as one of the other's dtype; Arrays, which have a dtype for good, as they are."""
    try:
        return tensor(who, x) if isinstance(x, Array) else as_tensor(x, other.dtype)
    except TypeError as error:
        raise TypeError(f"{who}: {error}") from None


def in_double(function, *xs):
    """Apply a function of floats to integers: exact up to 2^53, and cast back."""
    dtype = xs[0].dtype if xs[0].dtype.kind != "b" else np.dtype("int32")
    return cast(function(*[cast(x, "float64") for x in xs]), dtype)


# ---- one tensor

class PointwiseOp(Op):
    """y = f(x) by the kernel of that name; its gradient by `<name>_backward` from x or from y, whichever the kernel takes."""

    def __init__(self, name, keep): self.name, self.keep = name, keep

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        getattr(B, self.name)(x, y)
        self.kept = x if self.keep == "x" else y
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        getattr(B, f"{self.name}_backward")(dy, self.kept, dx)
        return dx


class FlatOp(Op):
    """y = f(x) for an f made of steps: its slope is 0 wherever it has one."""

    def __init__(self, name): self.name = name

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        getattr(B, self.name)(x, y)
        return y

    def backward(self, B, dy):
        return None


class NegativeOp(Op):
    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.negative(x, y)
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.negative(dy, dx)
        return dx


class ExpOp(Op):
    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.exp(x, y)
        self.y = y                               # exp' = exp
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.multiply(dy, self.y, dx)
        return dx


class LogOp(Op):
    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.log(x, y)
        self.x = x
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.divide(dy, self.x, dx)
        return dx



def exp(x):
    """Return e to the power of every element.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy * y.    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.exp([0.0]).item()
        1.0
    """
    return ExpOp()(floating("exp", x))


def expm1(x):
    """Return exp(x) - 1, exact where x is small.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy * (y + 1).    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.expm1([0.0]).item()
        0.0
    """
    return PointwiseOp("expm1", "y")(floating("expm1", x))


def log(x):
    """Return the natural logarithm of every element; -inf for 0, NaN below.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy / x.    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.log([1.0]).item()
        0.0
    """
    return LogOp()(floating("log", x))


def log1p(x):
    """Return log(1 + x), exact where x is small.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy / (1 + x).    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.log1p([0.0]).item()
        0.0
    """
    return PointwiseOp("log1p", "x")(floating("log1p", x))


def sqrt(x):
    """Return the square root of every element; NaN below 0.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy / (2 * y), infinite at 0.    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.sqrt([4.0]).item()
        2.0
    """
    return PointwiseOp("sqrt", "y")(floating("sqrt", x))


def rsqrt(x):
    """Return 1 / sqrt(x).

    Dtypes:    float32, float64; integers become float32.
    Gradients: -dy * y^3 / 2.    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.rsqrt([4.0]).item()
        0.5
    """
    return PointwiseOp("rsqrt", "y")(floating("rsqrt", x))


def reciprocal(x):
    """Return 1 / x.

    Dtypes:    float32, float64; integers become float32.
    Gradients: -dy * y^2.    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.reciprocal([4.0]).item()
        0.25
    """
    return PointwiseOp("reciprocal", "y")(floating("reciprocal", x))


def sin(x):
    """Return the sine of every element, in radians.

    Dtypes:    float32, float64; integers become float32.
    Gradients: dy * cos(x).    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.sin([0.0]).item()
        0.0
    """
    return PointwiseOp("sin", "x")(floating("sin", x))


def cos(x):
    """Return the cosine of every element, in radians.

    Dtypes:    float32, float64; integers become float32.
    Gradients: -dy * sin(x).    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.cos([0.0]).item()
        1.0
    """
    return PointwiseOp("cos", "x")(floating("cos", x))


def negative(x):
    """Return -x.

    Dtypes:    float32, float64, integers.
    Gradients: -dy.    Saves: nothing.
    Example:
        >>> from pydl import ops
        >>> ops.negative([1, -2]).numpy().tolist()
        [-1, 2]
    """
    x = tensor("negative", x)
    return NegativeOp()(x) if x.dtype.kind == "f" else in_double(negative, x)


def square(x):
    """Return x * x.

    Dtypes:    float32, float64, integers.
    Gradients: 2 * dy * x.    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.square([3, -2]).numpy().tolist()
        [9, 4]
    """
    x = tensor("square", x)
    return PointwiseOp("square", "x")(x) if x.dtype.kind == "f" else in_double(square, x)


def absolute(x):
    """Return |x|.

    Dtypes:    float32, float64, integers.
    Gradients: dy * sign(x), 0 at 0.    Saves: x.
    Example:
        >>> from pydl import ops
        >>> ops.absolute([3, -2]).numpy().tolist()
        [3, 2]
    """
    x = tensor("absolute", x)
    return PointwiseOp("absolute", "x")(x) if x.dtype.kind == "f" else in_double(absolute, x)


def sign(x):
    """Return -1, 0 or 1 by the sign of x.

    Dtypes:    float32, float64, integers.
    Gradients: none: the slope is 0.    Saves: nothing.
    Example:
        >>> from pydl import ops
        >>> ops.sign([3, 0, -2]).numpy().tolist()
        [1, 0, -1]
    """
    x = tensor("sign", x)
    return FlatOp("sign")(x) if x.dtype.kind == "f" else in_double(sign, x)


def floor(x):
    """Return the largest integer <= x, as a float.

    Dtypes:    float32, float64, integers.
    Gradients: none: the slope is 0.    Saves: nothing.
    Example:
        >>> from pydl import ops
        >>> ops.floor([1.5, -1.5]).numpy().tolist()
        [1.0, -2.0]
    """
    x = tensor("floor", x)
    return FlatOp("floor")(x) if x.dtype.kind == "f" else in_double(floor, x)


def ceil(x):
    """Return the smallest integer >= x, as a float.

    Dtypes:    float32, float64, integers.
    Gradients: none: the slope is 0.    Saves: nothing.
    Example:
        >>> from pydl import ops
        >>> ops.ceil([1.5, -1.5]).numpy().tolist()
        [2.0, -1.0]
    """
    x = tensor("ceil", x)
    return FlatOp("ceil")(x) if x.dtype.kind == "f" else in_double(ceil, x)


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
    if decimals:
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


class ScaleOp(Op):
    def __init__(self, alpha): self.alpha = alpha

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.scale(x, self.alpha, y)
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.scale(dy, self.alpha, dx)
        return dx


def log2(x):
    """Return the logarithm to base 2.  Gradients: x."""
    return ScaleOp(1 / math.log(2))(log(x))


def log10(x):
    """Return the logarithm to base 10.  Gradients: x."""
    return ScaleOp(1 / math.log(10))(log(x))


# ---- two tensors

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


# ---- comparisons and masks

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
