"""Activations.  Each keeps for its backward pass its result where the slope can be read off that, else its input."""
import numpy as np

from pydl.autodiff import Op
from pydl.errors import in_range, is_int, show
from pydl.ops.arithmetic import add, clip, maximum, multiply, subtract
from pydl.ops.compare import greater, less_equal, where
from pydl.ops.elementwise import PointwiseOp, absolute, exp, sign, sqrt, square
from pydl.ops.join import split
from pydl.ops.move import moveaxis
from pydl.ops.operands import floating
from pydl.shapes import normalize_axis


class ActivationOp(PointwiseOp):
    """y = f(x) by the kernel `<name>_forward`."""

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        getattr(B, f"{self.name}_forward")(x, y)
        self.kept = x if self.keep == "x" else y
        return y


class AlphaOp(Op):
    """y = f(x, alpha) by the kernel `<name>_forward`; its slope from y."""

    def __init__(self, name, alpha): self.name, self.alpha = name, alpha

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        getattr(B, f"{self.name}_forward")(x, self.alpha, y)
        self.y = y
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        getattr(B, f"{self.name}_backward")(dy, self.y, self.alpha, dx)
        return dx


class ClippedReluOp(Op):
    def __init__(self, slope, threshold, limit): self.slope, self.threshold, self.limit = slope, threshold, limit

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.clipped_relu_forward(x, self.slope, self.threshold, self.limit, y)
        self.x = x
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.clipped_relu_backward(dy, self.x, self.slope, self.threshold, self.limit, dx)
        return dx


class SoftmaxOp(Op):
    def __init__(self, name): self.name = name

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        getattr(B, f"{self.name}_forward")(x, y)
        self.y = y                               # both slopes are functions of the result
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        getattr(B, f"{self.name}_backward")(dy, self.y, dx)
        return dx


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """Return max(x, 0); with options, x between threshold and max_value, negative_slope * (x - threshold) below.

    Args:      negative_slope: slope below the threshold, >= 0.    max_value: the largest result, >= 0; None for no limit.
               threshold: where the line begins, >= 0.
    Gradients: x; 0 at the kink and at the limit.    Saves: y; x if there is a limit or a threshold.
    Raises:    ValueError for a negative option.
    Example:
        >>> from pydl import ops
        >>> ops.relu([-1.0, 2.0]).numpy().tolist()
        [0.0, 2.0]
    """
    slope = in_range("relu", "negative_slope", negative_slope, low=0)
    threshold = in_range("relu", "threshold", threshold, low=0)
    x = floating("relu", x)
    if max_value is None and threshold == 0:
        return AlphaOp("leaky_relu", slope)(x) if slope else ActivationOp("relu", "y")(x)
    limit = np.inf if max_value is None else in_range("relu", "max_value", max_value, low=0)
    return ClippedReluOp(slope, threshold, limit)(x)


def leaky_relu(x, negative_slope=0.2):
    """Return x where x > 0, else negative_slope * x.

    Args:      negative_slope: >= 0.
    Gradients: x.    Saves: y.
    Raises:    ValueError for a negative slope.
    Example:
        >>> from pydl import ops
        >>> ops.leaky_relu([-5.0, 2.0]).numpy().tolist()
        [-1.0, 2.0]
    """
    return AlphaOp("leaky_relu", in_range("leaky_relu", "negative_slope", negative_slope, low=0))(floating("leaky_relu", x))


def relu6(x):
    """Return min(max(x, 0), 6).  Gradients: x.  Saves: y."""
    return ActivationOp("relu6", "y")(floating("relu6", x))


def sigmoid(x):
    """Return 1 / (1 + exp(-x)), without overflow.

    Gradients: x.    Saves: y.
    Example:
        >>> from pydl import ops
        >>> ops.sigmoid([0.0]).item()
        0.5
    """
    return ActivationOp("sigmoid", "y")(floating("sigmoid", x))


def tanh(x):
    """Return the hyperbolic tangent.  Gradients: x.  Saves: y.

    Example:
        >>> from pydl import ops
        >>> ops.tanh([0.0]).item()
        0.0
    """
    return ActivationOp("tanh", "y")(floating("tanh", x))


def elu(x, alpha=1.0):
    """Return x where x > 0, else alpha * (exp(x) - 1).

    Args:      alpha: >= 0.
    Gradients: x.    Saves: y.
    Raises:    ValueError for a negative alpha.
    Source:    Clevert, Unterthiner, Hochreiter, Fast and Accurate Deep Network Learning by Exponential Linear Units, 2016.
    """
    return AlphaOp("elu", in_range("elu", "alpha", alpha, low=0))(floating("elu", x))


def celu(x, alpha=1.0):
    """Return x where x > 0, else alpha * (exp(x / alpha) - 1): elu with a continuous slope.

    Args:      alpha: > 0.
    Gradients: x.    Saves: y.
    Raises:    ValueError for an alpha that is not positive.
    """
    return AlphaOp("celu", in_range("celu", "alpha", alpha, low=0, low_open=True))(floating("celu", x))


def selu(x):
    """Return 1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 through dense layers.

    Gradients: x.    Saves: y.
    Source:    Klambauer et al., Self-Normalizing Neural Networks, 2017, equation 14.
    """
    return ActivationOp("selu", "y")(floating("selu", x))


def softplus(x):
    """Return log(1 + exp(x)), without overflow.  Gradients: x.  Saves: y."""
    return ActivationOp("softplus", "y")(floating("softplus", x))


def log_sigmoid(x):
    """Return log(sigmoid(x)), without overflow.  Gradients: x.  Saves: y."""
    return ActivationOp("log_sigmoid", "y")(floating("log_sigmoid", x))


def softsign(x):
    """Return x / (1 + |x|).  Gradients: x.  Saves: x."""
    return ActivationOp("softsign", "x")(floating("softsign", x))


def hard_sigmoid(x):
    """Return min(max(x + 3, 0), 6) / 6: a sigmoid of three lines.  Gradients: x.  Saves: y."""
    return ActivationOp("hard_sigmoid", "y")(floating("hard_sigmoid", x))


def hard_silu(x):
    """Return x * hard_sigmoid(x).  Gradients: x.  Saves: x."""
    return ActivationOp("hard_silu", "x")(floating("hard_silu", x))


def hard_tanh(x):
    """Return min(max(x, -1), 1).  Gradients: x.  Saves: y."""
    return ActivationOp("hard_tanh", "y")(floating("hard_tanh", x))


def silu(x):
    """Return x * sigmoid(x), also called swish.  Gradients: x.  Saves: x."""
    return ActivationOp("silu", "x")(floating("silu", x))


def gelu(x, approximate=False):
    """Return x times the normal distribution function of x.

    Args:      approximate: by x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2, as older models have it.
    Gradients: x.    Saves: x.
    Source:    Hendrycks, Gimpel, Gaussian Error Linear Units, 2016.
    """
    return ActivationOp("gelu_tanh" if approximate else "gelu", "x")(floating("gelu", x))


def mish(x):
    """Return x * tanh(softplus(x)).  Gradients: x.  Saves: x."""
    return ActivationOp("mish", "x")(floating("mish", x))


def _along(name, x, axis):
    x = floating(name, x)
    if x.ndim == 0:
        raise ValueError(f"{name}: x must have at least one axis")
    if not is_int(axis):
        raise TypeError(f"{name}: axis must be an integer, got {show(axis)}")
    axis = normalize_axis(axis, x.ndim, name)
    if axis == x.ndim - 1:
        return SoftmaxOp(name)(x)
    return moveaxis(SoftmaxOp(name)(moveaxis(x, axis, -1)), -1, axis)


def softmax(x, axis=-1):
    """Return exp(x) / sum(exp(x)) along an axis: positive, of sum 1.  The largest is taken off first, so nothing overflows.

    Args:      axis: the classes, the last axis by default.
    Shapes:    x (..., C) -> y (..., C)
    Gradients: x.    Saves: y.
    Raises:    ShapeError if the axis is out of range.
    Example:
        >>> from pydl import ops
        >>> ops.softmax([1.0, 1.0]).numpy().tolist()
        [0.5, 0.5]
    """
    return _along("softmax", x, axis)


def log_softmax(x, axis=-1):
    """Return x - log(sum(exp(x))) along an axis: the logarithm of `softmax`, exact where that is tiny.

    Arguments, shapes and errors as in `softmax`.  Gradients: x.  Saves: y.
    """
    return _along("log_softmax", x, axis)


# ---- made of other ops

def glu(x, axis=-1):
    """Return a * sigmoid(b) for the halves a, b of x along an axis, whose size must be even.  Gradients: x."""
    a, b = split(floating("glu", x), 2, axis)
    return multiply(a, sigmoid(b))


def soft_shrink(x, threshold=0.5):
    """Return x moved toward 0 by threshold, and 0 within it.  Gradients: x."""
    x = floating("soft_shrink", x)
    threshold = in_range("soft_shrink", "threshold", threshold, low=0)
    return multiply(sign(x), maximum(subtract(absolute(x), threshold), 0.0))


def hard_shrink(x, threshold=0.5):
    """Return x where |x| > threshold, else 0.  Gradients: x."""
    x = floating("hard_shrink", x)
    return where(greater(absolute(x), in_range("hard_shrink", "threshold", threshold, low=0)), x, 0.0)


def tanh_shrink(x):
    """Return x - tanh(x).  Gradients: x."""
    x = floating("tanh_shrink", x)
    return subtract(x, tanh(x))


def threshold(x, threshold, default_value):
    """Return x where x > threshold, else default_value.  Gradients: x."""
    x = floating("threshold", x)
    return where(greater(x, in_range("threshold", "threshold", threshold)), x, in_range("threshold", "default_value", default_value))


def squareplus(x, b=4):
    """Return (x + sqrt(x^2 + b)) / 2: a relu with a round corner.  Gradients: x."""
    x = floating("squareplus", x)
    return multiply(add(x, sqrt(add(square(x), in_range("squareplus", "b", b, low=0)))), 0.5)


def sparse_plus(x):
    """Return 0 below -1, x above 1, and (x + 1)^2 / 4 between.  Gradients: x."""
    x = floating("sparse_plus", x)
    return where(less_equal(x, -1.0), 0.0, where(greater(x, 1.0), x, multiply(square(add(x, 1.0)), 0.25)))


def sparse_sigmoid(x):
    """Return min(max((x + 1) / 2, 0), 1).  Gradients: x."""
    return clip(multiply(add(floating("sparse_sigmoid", x), 1.0), 0.5), 0.0, 1.0)


def exponential(x):
    """Return e to the power of x: `exp` under its name as an activation.  Gradients: x."""
    return exp(x)


def linear(x):
    """Return x."""
    return floating("linear", x)


# what pydl.activations knows by name, and pydl.ops shows
ACTIVATIONS = {f.__name__: f for f in (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish,
    relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, tanh, tanh_shrink,
    threshold)}
