"""Tensor and Parameter: arrays that remember how they came to be."""
import itertools
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from pydl.backends import cpu as B
from pydl.errors import in_range
from pydl.kernels._common import Array

_gradients_wanted = ContextVar("pydl_gradients_wanted", default=True)


@contextmanager
def no_grad():
    """Compute without remembering how: nothing inside the block can be differentiated.

    Example:
        >>> import pydl
        >>> with pydl.no_grad():
        ...     y = pydl.ops.relu(pydl.Tensor([-1.0, 2.0]))
        >>> y.needs_gradient
        False
    """
    token = _gradients_wanted.set(False)
    try:
        yield
    finally:
        _gradients_wanted.reset(token)


def gradients_wanted():
    """False inside `no_grad()`."""
    return _gradients_wanted.get()


class Tensor:
    """A value in a computation: an array, and the op that made it.

    Args:
        value: ndarray, nested list, number, or anything with the buffer protocol, `__array__` or DLPack.
        dtype: "float32", "float64", "int32", "int64", "uint8" or "bool"; the value's own by default
            (Python floats become float32).
        needs_gradient: whether `pydl.grad` may be asked for the gradient by this tensor.

    `numpy()` is a view of the memory, `item()` the number in a tensor of one element.  A copy (`copy.copy`, `copy.deepcopy`, pickle) has the values
    in memory of its own, and not the op: gradients do not go through it.

    Example:
        >>> import pydl
        >>> (pydl.Tensor([1.0, 2.0]) * 3).numpy().tolist()
        [3.0, 6.0]
    """
    __slots__ = ("array", "op", "index", "needs_gradient", "mask", "__weakref__")     # mask: set on sequences with padding only
    __array_priority__ = 1000           # ndarray + Tensor is ours

    def __init__(self, value, dtype=None, needs_gradient=False):
        self.array = as_array(value, dtype)
        self.op, self.index, self.needs_gradient = None, 0, needs_gradient

    shape = property(lambda self: self.array.shape, doc="The shape, a tuple.")
    dtype = property(lambda self: self.array.dtype, doc="The NumPy dtype.")
    ndim = property(lambda self: self.array.ndim, doc="The number of axes.")
    size = property(lambda self: self.array.size, doc="The number of elements.")

    def numpy(self):
        """The values as an ndarray, without a copy."""
        return np.asarray(self.array)

    def item(self):
        """The value of a tensor of one element, as a Python number."""
        return self.array.item()

    def __array__(self, dtype=None, copy=None):
        values = np.asarray(self.array)
        return np.array(values, dtype=dtype, copy=copy) if dtype is not None or copy else values

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    def __len__(self):
        return len(self.array)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __reduce__(self):
        leaf = self.needs_gradient and self.op is None
        return _tensor, (type(self), np.array(self.numpy()), leaf, getattr(self, "mask", None)), getattr(self, "__dict__", None)

    def __repr__(self):
        values = np.array2string(self.numpy(), threshold=20, edgeitems=2, separator=", ")
        return f"{type(self).__name__}({values}, shape={self.shape}, dtype={self.dtype.name})"


class Parameter(Tensor):
    """A tensor a model owns: it lives outside every arena, keeps its address, and is what optimizers change.

    Args:
        value: the initial values.
        name: unique within its layer.
        trainable: whether optimizers may change it; False for state such as moving averages.
        regularizer, constraint: callables of the parameter, used by training.

    `frozen` is said by the layer that owns it: one that is not trainable holds all of its parameters still, whatever each says of itself.
    """
    __slots__ = ("name", "_trainable", "_frozen", "regularizer", "constraint", "_lr_multiplier")

    def __init__(self, value, name="parameter", trainable=True, regularizer=None, constraint=None, dtype=None):
        values = np.asarray(value)
        if dtype is None:
            dtype = "float32" if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8) else values.dtype
        self.array = B.weight(values.shape, dtype)
        B.assign(self.array, values)
        self.op, self.index = None, 0
        self.name, self.regularizer, self.constraint, self._lr_multiplier = name, regularizer, constraint, 1.0
        self._frozen, self.needs_gradient = False, None
        self.trainable = trainable

    @property
    def trainable(self):
        """Whether optimizers may change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"Parameter '{self.name}': trainable must be True or False, got {value!r}")
        if getattr(self, "_trainable", value) != value:
            structure_changed()
        self._trainable = bool(value)
        self._settle()

    @property
    def frozen(self):
        """Whether the layer that owns it is frozen."""
        return self._frozen

    @frozen.setter
    def frozen(self, value):
        self._frozen = value
        self._settle()

    def _settle(self):
        learns = self._trainable and not self._frozen and self.dtype.kind == "f"
        if self.needs_gradient is (not learns):         # None: a new one, which no recorded step has seen
            structure_changed()
        self.needs_gradient = learns

    @property
    def lr_multiplier(self):
        """What optimizers multiply the learning rate by for this parameter; `Layer.lr_multiplier` sets it for a layer's."""
        return self._lr_multiplier

    @lr_multiplier.setter
    def lr_multiplier(self, value):
        value = in_range(f"Parameter '{self.name}'", "lr_multiplier", value, 0)
        if value != self._lr_multiplier:
            structure_changed()         # recorded steps hold the old one
        self._lr_multiplier = value

    def assign(self, value):
        """Overwrite the values; the shape must agree."""
        values = np.asarray(value)
        if values.shape != self.shape:
            raise ValueError(f"Parameter '{self.name}': expected values of shape {self.shape}, got {values.shape}")
        if values.dtype.kind not in "fiub":
            raise TypeError(f"Parameter '{self.name}': expected numbers, got dtype {values.dtype}")
        B.assign(self.array, values)

    def __reduce__(self):
        return _parameter, (type(self), np.array(self.numpy()), self.name, self.trainable, self.regularizer, self.constraint, self.lr_multiplier,
                            self.frozen), getattr(self, "__dict__", None)

    def __repr__(self):
        return f"Parameter('{self.name}', shape={self.shape}, dtype={self.dtype.name}, trainable={self.trainable})"


def _tensor(cls, values, needs_gradient, mask):
    """A copy of a Tensor."""
    tensor = cls.__new__(cls)
    Tensor.__init__(tensor, values, needs_gradient=needs_gradient)
    if mask is not None:
        tensor.mask = mask
    return tensor


def _parameter(cls, values, name, trainable, regularizer, constraint, lr_multiplier, frozen):
    """A copy of a Parameter."""
    parameter = cls.__new__(cls)
    Parameter.__init__(parameter, values, name, trainable, regularizer, constraint)
    parameter.lr_multiplier, parameter.frozen = lr_multiplier, frozen
    return parameter


_structure = itertools.count(1)
_structure_now = 0


def structure_changed():
    """Something that shapes recordings changed (trainable flags, a layer's settings): programs are keyed by this."""
    global _structure_now
    _structure_now = next(_structure)


def structure_version():
    return _structure_now


def as_array(value, dtype=None):
    """An Array of the value: unchanged if it is one already, else a copy."""
    if isinstance(value, Tensor):
        value = value.array
    if isinstance(value, Array):
        if dtype is None or value.dtype == np.dtype(dtype):
            return value
        raise TypeError(f"expected dtype {np.dtype(dtype).name}, got {value.dtype.name}; cast it with pydl.ops.cast")
    if not isinstance(value, np.ndarray):
        if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
            value = np.from_dlpack(value)
        values = np.asarray(value)
        if dtype is None and values.dtype == np.float64 and not hasattr(value, "dtype"):
            dtype = np.float32          # Python floats have no dtype of their own
        value = values
    if value.dtype.kind not in "fiub":
        raise TypeError(f"expected numbers, got dtype {value.dtype}")
    return B.from_numpy(value, dtype)


def as_tensor(value, dtype=None):
    """A Tensor of the value: unchanged if it is one already, else a constant."""
    if isinstance(value, Tensor):
        if dtype is None or value.dtype == np.dtype(dtype):
            return value
        raise TypeError(f"expected dtype {np.dtype(dtype).name}, got {value.dtype.name}; cast it with pydl.ops.cast")
    tensor = Tensor.__new__(Tensor)
    tensor.array = as_array(value, dtype)
    tensor.op, tensor.index, tensor.needs_gradient = None, 0, False
    return tensor


def made_by(array, op, index):
    """The Tensor of an op's result; op None for a result nobody can differentiate."""
    tensor = Tensor.__new__(Tensor)
    tensor.array, tensor.op, tensor.index = array, op, index
    tensor.needs_gradient = op is not None
    return tensor
