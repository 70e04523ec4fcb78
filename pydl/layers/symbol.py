"""Symbol: a tensor that has a shape but no value yet, from which functional models are drawn."""
import itertools
import weakref

import numpy as np

from pydl.errors import LARGEST_INT, DTypeError, ShapeError, is_int, show, string

_creation = itertools.count()


class NotDrawnError(ValueError, AttributeError):
    """Raised where a layer has no input or output of its own yet, or several: a wrong value, and to `hasattr` a missing one."""


class Symbol:
    """What `Input()` returns and layers pass on: a shape whose first axis, the batch, is None, and a dtype."""

    def __init__(self, shape, dtype, node=None, index=0, name=None):
        self.shape, self.dtype, self.node, self.index, self.name = tuple(shape), np.dtype(dtype), node, index, name

    ndim = property(lambda self: len(self.shape))

    def __repr__(self):
        made = f", made by {self.node.layer.name}" if self.node else ""
        return f"Symbol(shape={self.shape}, dtype={self.dtype.name}{made})"

    def __bool__(self):
        raise TypeError("a Symbol has no value: a functional model cannot branch on one; write a Layer with a call() of your own")

    def __array__(self, *_, **__):
        raise TypeError("a Symbol has no value; pass it to layers, and the data to the finished model")

    def _no_arithmetic(self, *_):
        raise TypeError("a Symbol has no arithmetic of its own; use a layer such as Add, Subtract, Multiply or Concatenate")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__ = __neg__ = _no_arithmetic
    __getitem__ = _no_arithmetic


class Node:
    """One call of a layer on symbols: an arrow of the graph."""

    def __init__(self, layer, args, kwargs):
        self.layer, self.args, self.kwargs, self.results = layer, args, kwargs, 1
        self.order = next(_creation)

    @property
    def inputs(self):
        return symbols_in((self.args, self.kwargs))

    def keep(self, made):
        """Remember what the call returned, a Symbol or a list, without holding it: who uses it holds it."""
        self._made, self._several = [weakref.ref(s) for s in symbols_in(made)], isinstance(made, list)

    @property
    def output(self):
        """What the call returned; None if nobody uses it any more."""
        made = [seen() for seen in self._made]
        return made if self._several else made[0]


def symbols_in(value):
    """All Symbols in nested tuples, lists and dicts, in order."""
    if isinstance(value, Symbol):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [s for item in value for s in symbols_in(item)]
    return []


def map_structure(function, value):
    """Apply a function to every leaf of nested tuples, lists and dicts."""
    if isinstance(value, dict):
        return {k: map_structure(function, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([map_structure(function, v) for v in value])
    return function(value)


def checked_shape(who, shape):
    """Return the shape of one sample as a tuple of positive ints or Nones."""
    if is_int(shape):
        raise TypeError(f"{who}: shape must be a tuple such as ({shape},), got the integer {shape}")
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"{who}: shape must be a tuple of integers, got {show(shape)}")
    for size in shape:
        if size is not None and not is_int(size):
            raise TypeError(f"{who}: shape must hold integers or None, got {show(shape)}")
        if size is not None and not 1 <= size <= LARGEST_INT:
            raise ShapeError(f"{who}: shape must hold sizes of at least 1 that fit in memory, got {show(shape)}")
    return tuple(None if size is None else int(size) for size in shape)


_input_names = itertools.count()


class InputLayer:
    """Where data enters a model: the first of a Sequential's layers, or by its `output` the root of a functional model.  `Input()` makes one.

    Args:      shape, batch_size, dtype, batch_shape, name: as for `Input`.
    Raises:    TypeError or ValueError naming the argument.
    Example:
        >>> import pydl
        >>> pydl.Sequential([pydl.layers.InputLayer((4,)), pydl.layers.Dense(2)]).output_shape
        (None, 2)
    """
    built, weights, trainable = True, (), True

    def __init__(self, shape=None, batch_size=None, dtype=None, *, batch_shape=None, name=None):
        who = "Input"
        if batch_shape is not None:
            if shape is not None or batch_size is not None:
                raise ValueError(f"{who}: give shape (and batch_size), or batch_shape, not both")
            if not isinstance(batch_shape, (tuple, list)) or not batch_shape:
                raise TypeError(f"{who}: batch_shape must be a tuple such as (None, 28, 28, 1), got {show(batch_shape)}")
            batch_size, *shape = batch_shape
        if shape is None:
            raise TypeError(f"{who}: shape is required: the shape of one sample, such as (28, 28, 1)")
        self.shape = checked_shape(who, shape)
        if batch_size is not None and (not is_int(batch_size) or batch_size < 1):
            raise ValueError(f"{who}: batch_size must be a positive integer or None, got {show(batch_size)}")
        try:
            kind = np.dtype("float32" if dtype is None else dtype)
        except TypeError:
            raise DTypeError(f"{who}: dtype {show(dtype)} is not a dtype") from None
        if kind.name not in ("float32", "float64", "int32", "int64", "uint8", "bool"):
            raise DTypeError(f"{who}: dtype must be float32, float64, int32, int64, uint8 or bool, got {kind.name}")
        self.dtype, self.name, self._symbol = kind.name, f"input_{next(_input_names)}" if name is None else string(who, "name", name), None

    @property
    def batch_shape(self):
        """The shape with the batch in front, which is None: every model takes any."""
        return (None, *self.shape)

    @property
    def output(self):
        """The Symbol that stands for the data; the same one as long as somebody uses it."""
        symbol = None if self._symbol is None else self._symbol()
        if symbol is None:
            symbol = Symbol(self.batch_shape, self.dtype, Node(self, (), {}), 0, self.name)
            self._symbol = weakref.ref(symbol)      # the symbol holds the layer, not the other way round
        return symbol

    def __getstate__(self):
        return {**self.__dict__, "_symbol": None}           # pickle takes no weak references

    def get_config(self):
        """Return the constructor's arguments by name."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} '{self.name}', shape {self.batch_shape}>"


def Input(shape=None, batch_size=None, dtype=None, *, batch_shape=None, name=None):
    """Declare what one sample looks like; the first line of a Sequential, or the root of a functional model.

    Args:      shape: the shape of one sample, without the batch: (28, 28, 1).
               batch_size: taken for Keras's sake and checked; every model takes any batch.
               dtype: "float32" by default; "int64" for ids.
               batch_shape: batch_size and shape in one: (None, 28, 28, 1).
    Shapes:    a Symbol of shape (None, *shape)
    Raises:    TypeError or ValueError naming shape.
    Example:
        >>> from pydl import layers
        >>> layers.Input((28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    return InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name).output
