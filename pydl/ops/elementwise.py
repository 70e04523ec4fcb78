"""Functions of one tensor, element by element."""
import math

from pydl.autodiff import Op
from pydl.ops.operands import floating, in_double, tensor


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
