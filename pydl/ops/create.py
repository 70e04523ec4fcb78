"""Tensors of known content, and the way in and out of Tensors.

While a step is recorded, what these make is a constant of the program.
"""
import numpy as np

from pydl.errors import DTypeError, boolean, in_range, integer, is_int, non_negative_int, show
from pydl.shapes import checked_size
from pydl.tensor import Tensor, as_tensor


def _shape(who, shape):
    shape = (shape,) if is_int(shape) else shape
    if not isinstance(shape, (list, tuple)):
        raise TypeError(f"{who}: shape must be a tuple of integers, got {show(shape)}")
    checked_size(shape, 8, who)
    return tuple(shape)


def _dtype(who, dtype):
    try:
        return np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"{who}: dtype {show(dtype)} is not a dtype") from None


def _number(who, name, value):
    """A finite number, an integer where it is one."""
    value = value.item() if isinstance(value, Tensor) and value.size == 1 else value
    return integer(who, name, value) if is_int(value) else in_range(who, name, value)


def convert_to_tensor(x, dtype=None):
    """Return x as a Tensor; a Tensor is returned as it is."""
    return as_tensor(x, dtype)


def convert_to_numpy(x):
    """Return x as an ndarray of its own."""
    return np.array(as_tensor(x).numpy())


def shape(x):
    """Return the shape of x, a tuple."""
    return as_tensor(x).shape


def ndim(x):
    """Return the number of axes of x."""
    return as_tensor(x).ndim


def size(x):
    """Return the number of elements of x."""
    return as_tensor(x).size


def zeros(shape, dtype="float32"):
    """Return a Tensor of zeros.

    Example:
        >>> from pydl import ops
        >>> ops.zeros((2,)).numpy().tolist()
        [0.0, 0.0]
    """
    return Tensor(np.zeros(_shape("zeros", shape), _dtype("zeros", dtype)))


def ones(shape, dtype="float32"):
    """Return a Tensor of ones."""
    return Tensor(np.ones(_shape("ones", shape), _dtype("ones", dtype)))


def full(shape, fill_value, dtype=None):
    """Return a Tensor that holds one number everywhere; float32, or int64 for an integer, if no dtype is given."""
    return Tensor(np.full(_shape("full", shape), as_tensor(fill_value, dtype).item(), as_tensor(fill_value, dtype).dtype))


def zeros_like(x, dtype=None):
    """Return zeros of the shape of x, and of its dtype unless one is given."""
    x = as_tensor(x)
    return zeros(x.shape, x.dtype if dtype is None else dtype)


def ones_like(x, dtype=None):
    """Return ones of the shape of x, and of its dtype unless one is given."""
    x = as_tensor(x)
    return ones(x.shape, x.dtype if dtype is None else dtype)


def full_like(x, fill_value, dtype=None):
    """Return one number everywhere in the shape of x, and of its dtype unless one is given."""
    x = as_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype)


def eye(N, M=None, k=0, dtype="float32"):
    """Return N rows and M (by default N) columns of zeros with ones on diagonal k."""
    rows = non_negative_int("eye", "N", N)
    columns = rows if M is None else non_negative_int("eye", "M", M)
    checked_size((rows, columns), 8, "eye")
    return Tensor(np.eye(rows, columns, integer("eye", "k", k), _dtype("eye", dtype)))


def arange(start, stop=None, step=1, dtype=None):
    """Return start, start + step, ... below stop; from 0 if only one number is given.

    Dtypes:    int64 for integers, float32 otherwise, if none is given.
    Example:
        >>> from pydl import ops
        >>> ops.arange(3).numpy().tolist()
        [0, 1, 2]
    """
    start, stop = (0, start) if stop is None else (start, stop)
    start, stop, step = (_number("arange", name, value) for name, value in (("start", start), ("stop", stop), ("step", step)))
    if step == 0:
        raise ValueError("arange: step must not be 0")
    checked_size((max(0, int((stop - start) / step) + 1),), 8, "arange")
    values = np.arange(start, stop, step)
    return Tensor(values, _dtype("arange", dtype or ("float32" if values.dtype.kind == "f" else "int64")))


def linspace(start, stop, num=50, endpoint=True, dtype="float32"):
    """Return `num` evenly spaced numbers from start to stop, which is left out if not `endpoint`."""
    start, stop = _number("linspace", "start", start), _number("linspace", "stop", stop)
    num = non_negative_int("linspace", "num", num)
    checked_size((num,), 8, "linspace")
    return Tensor(np.linspace(start, stop, num, boolean("linspace", "endpoint", endpoint)), _dtype("linspace", dtype))
