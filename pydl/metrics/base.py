"""Metric: a number gathered over many batches; Mean, Sum and the mean of a function's values."""
import copy
import inspect

import numpy as np

from pydl import config
from pydl.backends import cpu as B
from pydl.errors import ShapeError, in_range, one_of, show, string
from pydl.ops import add, broadcast_to, cast, ones, reshape
from pydl.targets import aligned_weights, floating
from pydl.tensor import Parameter, Tensor, as_tensor, no_grad


class State(Parameter):
    """A number a metric of yours keeps: `assign` and `assign_add` take Tensors and are recorded with the step."""
    __slots__ = ()

    def assign(self, value):
        if not isinstance(value, Tensor):
            super().assign(value)
            return
        if value.shape != self.shape:
            raise ShapeError(f"State '{self.name}': expected shape {self.shape}, got {value.shape}")
        B.cast(value.array, self.array)

    def assign_add(self, value):
        """Add a value to it."""
        value = as_tensor(value)
        with no_grad():
            self.assign(add(self, value if value.dtype == self.dtype else cast(value, self.dtype)))


class Metric:
    """A number gathered over batches.  Subclasses define `update_state(y_true, y_pred, sample_weight=None)` and `result()`.

    Inside a training step `update_state` is part of what is recorded and replayed: write it with `pydl.ops` and with states
    from `add_weight`.

    Args:      name: its key in the log.    dtype: of the states, float32 by default.
    Example:
        >>> import pydl
        >>> class Positives(pydl.metrics.Metric):
        ...     def __init__(self, name="positives"):
        ...         super().__init__(name=name)
        ...         self.count = self.add_weight(name="count")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.count.assign_add(pydl.ops.sum(pydl.ops.cast(y_pred > 0, "float32")))
        ...     def result(self):
        ...         return self.count.item()
        >>> metric = Positives()
        >>> metric.update_state(None, pydl.Tensor([1.0, -1.0, 2.0])); metric.result()
        2.0
    """

    def __init__(self, dtype=None, name=None):
        who = type(self).__name__
        self.name = who if name is None else string(who, "name", name)
        self.dtype = config.floatx() if dtype is None else one_of(who, "dtype", getattr(dtype, "__name__", dtype), ("float32", "float64"))

    @property
    def states(self):
        """The states made by `add_weight`, in order."""
        return self.__dict__.setdefault("_states", [])

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None):
        """Make a state: zeros, or the values of an initializer (a function of shape and dtype); `reset_state` returns to them."""
        dtype = dtype or self.dtype
        start = None if initializer is None or initializer == "zeros" else ones(shape, dtype) if initializer == "ones" else initializer
        values = np.zeros(shape, dtype) if start is None else np.asarray(start(shape, dtype) if callable(start) else start)
        state = State(values, name=name or f"state_{len(self.states)}", trainable=False, dtype=dtype)
        self.states.append((state, np.array(values)))
        return state

    @property
    def variables(self):
        """The arrays of its state."""
        return [state for state, _ in self.states]

    def update_state(self, *args, **kwargs):
        """Take a batch into account."""
        raise TypeError(f"{type(self).__name__}: define update_state(self, y_true, y_pred, sample_weight=None)")

    def result(self):
        """The number so far, as a float."""
        raise TypeError(f"{type(self).__name__}: define result(self)")

    def reset_state(self):
        """Forget every batch."""
        for state, start in self.states:
            state.assign(start)

    def __call__(self, *args, **kwargs):
        """Take in a batch and return the number so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __copy__(self):
        return copy.deepcopy(self)              # one that shared the arrays would count for both

    def get_config(self):
        """Return the constructor's arguments by name."""
        parameters = inspect.signature(type(self).__init__).parameters
        names = [n for n in parameters if n != "self" and hasattr(self, n)]
        if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
            names += ["name", "dtype"]
        return {n: getattr(self, n) for n in dict.fromkeys(names)}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} '{self.name}'>"


class Mean(Metric):
    """The weighted mean of values, summed in float64 by kernels: the ground of most metrics.

    Example:
        >>> import pydl
        >>> mean = pydl.metrics.Mean()
        >>> mean.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0]); mean.result()
        2.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(dtype, name)
        self.total = B.owned((2,), "float64")           # sum of weight * value, sum of weights

    def update_state(self, values, sample_weight=None):
        """Take in values; sample_weight is a number, or an array of the values' leading axes."""
        values = floating(values)
        with no_grad():
            if isinstance(sample_weight, (int, float)) and not isinstance(sample_weight, bool):
                self.add(values, None, in_range(type(self).__name__, "sample_weight", sample_weight))
            else:
                self.add(values, sample_weight)

    def add(self, values, sample_weight, scale=1.0):
        """Add values, weighted, to the sums."""
        weights = None if sample_weight is None else aligned_weights(type(self).__name__, sample_weight, values.shape, values.dtype)
        B.add_mean(values.array, None if weights is None else weights.array, scale, self.total)

    def result(self):
        """The mean so far; 0.0 before the first value."""
        total, count = B.number(self.total, 0), B.number(self.total, 1)
        return total / count if count else 0.0

    def reset_state(self):
        B.assign(self.total, np.zeros(2))

    @property
    def variables(self):
        return [self.total]


class Sum(Mean):
    """The weighted sum of values."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(name, dtype)

    def result(self):
        return B.number(self.total, 0)


class MeanMetricWrapper(Mean):
    """The mean of a function (y_true, y_pred, **options) -> values.

    Example:
        >>> import pydl
        >>> def gap(y_true, y_pred):
        ...     return pydl.ops.absolute(y_true - y_pred)
        >>> metric = pydl.metrics.MeanMetricWrapper(gap)
        >>> metric([1.0, 2.0], [2.0, 4.0])
        1.5
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        if not callable(fn):
            raise TypeError(f"MeanMetricWrapper: fn must be a function (y_true, y_pred) -> values, got {show(fn)}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), dtype)
        self.fn, self.options = fn, kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = floating(y_pred)
        y_true = as_tensor(y_true)
        if y_true.dtype != y_pred.dtype:
            y_true = cast(y_true, y_pred.dtype)
        if y_true.shape + (1,) == y_pred.shape or y_true.shape == y_pred.shape + (1,):
            y_true = reshape(y_true, y_pred.shape)
        with no_grad():
            values = self.fn(y_true, y_pred, **self.options)
            if not isinstance(values, Tensor):
                raise TypeError(f"metric {self.name}: expected its function to return a Tensor, got {show(values)}; use pydl.ops inside")
            self.add(floating(values), sample_weight)

    def get_config(self):
        return {"fn": self.fn, "name": self.name, "dtype": self.dtype, **self.options}


def row_weights(who, sample_weight, shape, dtype):
    """One weight for each of the values of `shape`, as an Array; None for ones."""
    if sample_weight is None:
        return None
    weights = aligned_weights(who, sample_weight, shape, dtype)
    if weights.shape != shape:
        weights = broadcast_to(reshape(weights, weights.shape + (1,) * (len(shape) - len(weights.shape))), shape)
    return weights.array
