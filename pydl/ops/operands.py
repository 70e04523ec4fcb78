"""What an op is given, as Tensors of one dtype."""

import numpy as np

from pydl.autodiff import Op
from pydl.errors import DTypeError, ShapeError, show
from pydl.kernels._common import Array
from pydl.tensor import Tensor, as_tensor, made_by

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


def tensor(who, x):
    """x as a Tensor; what is none, and cannot become one, is an error of `who`."""
    try:
        return as_tensor(x)
    except TypeError as error:
        raise TypeError(f"{who}: {error}") from None


def numbers(who, name, value, dtype=None):
    """An argument as a Tensor, of the dtype if one is given; text, objects and ragged lists are refused by its name."""
    if isinstance(value, Tensor):
        return value if dtype is None else cast(value, dtype)
    try:
        return as_tensor(value, dtype)
    except (TypeError, ValueError):
        raise DTypeError(f"{who}: {name} must be an array of numbers, got {show(value)}") from None


def tensors(who, values):
    """Several inputs as Tensors of one dtype: the widest among them; a list of inputs it must be."""
    if isinstance(values, (Tensor, np.ndarray)) or not isinstance(values, (list, tuple)):
        raise TypeError(f"{who}: expected a list of tensors, got {show(values)}")
    if not values:
        raise ShapeError(f"{who}: needs at least one tensor")
    values = [tensor(who, v) for v in values]
    dtype = np.result_type(*[v.dtype for v in values])
    return [v if v.dtype == dtype else cast(v, dtype) for v in values]




class CastOp(Op):
    def __init__(self, dtype): self.dtype = dtype

    def forward(self, B, x):
        y = B.empty(x.shape, self.dtype)
        B.cast(x, y)
        self.x_dtype = x.dtype
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, self.x_dtype)
        B.cast(dy, dx)
        return dx


def cast(x, dtype):
    """Return x with another element type.

    Floats go to integers toward zero, what does not fit to the nearest that does, NaN to 0; anything but zero is true.  A mask of padding is kept.

    Args:      x: a tensor or array-like.    dtype: "float32", "float64", "int32", "int64", "uint8" or "bool".
    Shapes:    x (...) -> y (...)
    Gradients: x, between floats.    Saves: nothing.
    Raises:    TypeError for another dtype.
    Example:
        >>> from pydl import ops
        >>> ops.cast([1.7, -1.7], "int32").numpy().tolist()
        [1, -1]
    """
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = dtype
    if name not in DTYPES:
        raise TypeError(f"cast: dtype must be one of {', '.join(DTYPES)}, got {show(dtype)}")
    x = tensor("cast", x)
    if x.dtype.name == name:
        return x
    y, mask = CastOp(np.dtype(name))(x), getattr(x, "mask", None)
    if mask is not None:
        y.mask = mask                   # the same steps of the same sequences
    return y


def stop_gradient(x):
    """Return x as a constant: nothing flows back through it.

    Example:
        >>> from pydl import ops
        >>> ops.stop_gradient([1.0]).needs_gradient
        False
    """
    return made_by(as_tensor(x).array, None, 0)


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
