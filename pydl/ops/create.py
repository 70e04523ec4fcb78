"""Tensors of known content, and the way in and out of Tensors.

While a step is recorded, what these make is a constant of the program.
"""
import numpy as np

from pydl.errors import is_int, show
from pydl.shapes import checked_size
from pydl.tensor import Tensor, as_tensor


def _shape(who, shape):
    shape = (shape,) if is_int(shape) else shape
    if not isinstance(shape, (list, tuple)):
        raise TypeError(f"{who}: shape must be a tuple of integers, got {show(shape)}")
    checked_size(shape, 8, who)
    return tuple(shape)


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
    return Tensor(np.zeros(_shape("zeros", shape), np.dtype(dtype)))


def ones(shape, dtype="float32"):
    """Return a Tensor of ones."""
    return Tensor(np.ones(_shape("ones", shape), np.dtype(dtype)))


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
    return Tensor(np.eye(N, M, k, np.dtype(dtype)))


def arange(start, stop=None, step=1, dtype=None):
    """Return start, start + step, ... below stop; from 0 if only one number is given.

    Dtypes:    int64 for integers, float32 otherwise, if none is given.
    Example:
        >>> from pydl import ops
        >>> ops.arange(3).numpy().tolist()
        [0, 1, 2]
    """
    values = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return Tensor(values, dtype or ("float32" if values.dtype.kind == "f" else "int64"))


def linspace(start, stop, num=50, endpoint=True, dtype="float32"):
    """Return `num` evenly spaced numbers from start to stop, which is left out if not `endpoint`."""
    return Tensor(np.linspace(start, stop, num, endpoint), dtype)
