"""Constraints: where weights are put back to after each step of an optimizer.

Ours work in place, in one kernel.  A function of your own, from a tensor to a tensor of the same shape, will do too.
"""

from pydl import registry
from pydl.backends import cpu as B
from pydl.errors import ShapeError, in_range, int_tuple, is_int
from pydl.shapes import normalize_axes
from pydl.tensor import as_tensor, made_by, no_grad


class Constraint:
    """What every constraint is.  Subclasses define `__call__(w)`, which returns the constrained values, and `get_config`."""

    def __init__(self):
        """Without settings, unless a subclass has some."""

    def __call__(self, w):
        """Return the constrained values of `w` as a new Tensor; for ours, `constrain` on a copy."""
        w = as_tensor(w)
        result = B.empty(w.shape, w.dtype)
        B.cast(w.array, result)
        self.constrain(result)
        return made_by(result, None, 0)

    def constrain(self, array):
        """Overwrite an Array by its constrained values."""
        raise TypeError(f"{type(self).__name__}: define __call__(self, w)")

    def get_config(self):
        """Return the constructor's arguments by name."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_config().items())})"


class _Norm(Constraint):
    """Draws norms over `axis` into low .. high."""
    low, high, rate = 0.0, float("inf"), 1.0

    def __init__(self, axis):
        who = type(self).__name__
        self.axis = int(axis) if is_int(axis) else list(int_tuple(who, "axis", axis))

    def constrain(self, array):
        who = type(self).__name__
        axes = normalize_axes(self.axis if is_int(self.axis) else tuple(self.axis), array.ndim, who)
        if not axes or axes != tuple(range(axes[0], axes[0] + len(axes))):
            raise ShapeError(f"{who}: axis must name neighbouring axes of a weight, got {self.axis} for shape {array.shape}")
        B.constrain_norm(array, axes[0], axes[-1] + 1, self.low, self.high, self.rate)


class MaxNorm(_Norm):
    """Scale down what has a norm above max_value: w * min(norm, max_value) / (norm + 1e-7).

    Args:      max_value: a number >= 0.
               axis: the axes the norm is taken over: 0 for a dense kernel (inputs, units), [0, 1, 2] for the kernel of Conv2D.
    Source:    Srivastava, Hinton et al. 2014.
    Example:
        >>> import pydl
        >>> pydl.constraints.MaxNorm(1.0)([[3.0], [4.0]]).numpy().astype(float).round(3).tolist()
        [[0.6], [0.8]]
    """

    def __init__(self, max_value=2, axis=0):
        super().__init__(axis)
        self.max_value = self.high = in_range("MaxNorm", "max_value", max_value, 0)

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(_Norm):
    """Scale to norm 1: w / (norm + 1e-7).  Arguments as in MaxNorm."""
    low = high = 1.0

    def __init__(self, axis=0):
        super().__init__(axis)

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(_Norm):
    """Draw the norm towards min_value .. max_value: the new norm is rate * clipped + (1 - rate) * old.

    Args:      min_value, max_value: numbers >= 0.
               rate: in [0, 1]; 1 enforces the bounds at once.
               axis: as in MaxNorm.
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        super().__init__(axis)
        self.min_value = self.low = in_range("MinMaxNorm", "min_value", min_value, 0)
        self.max_value = self.high = in_range("MinMaxNorm", "max_value", max_value, self.min_value)
        self.rate = in_range("MinMaxNorm", "rate", rate, 0, 1)

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class NonNeg(Constraint):
    """Set negative weights to 0."""

    def constrain(self, array):
        B.constrain_non_negative(array)


max_norm, unit_norm, min_max_norm, non_neg = MaxNorm, UnitNorm, MinMaxNorm, NonNeg
registry.register("constraints", MaxNorm, UnitNorm, MinMaxNorm, NonNeg)
_by_name = {"max_norm": MaxNorm, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg}
_names = tuple(_by_name)
_by_name.update({cls.__name__: cls for cls in list(_by_name.values())})


def constrain(weights):
    """Put every trained weight that has a constraint back where it belongs, in place."""
    for w in weights:
        if w.constraint is None or not w.needs_gradient:
            continue
        if isinstance(w.constraint, Constraint) and type(w.constraint).__call__ is Constraint.__call__:
            w.constraint.constrain(w.array)
            continue
        with no_grad():
            value = as_tensor(w.constraint(w), w.dtype)
        if value.shape != w.shape:
            raise ShapeError(f"constraint of '{w.name}': must keep the shape {w.shape}, returned {value.shape}")
        if value.array is not w.array:
            B.cast(value.array, w.array)


def get(identifier, who="constraints.get"):
    """Return the constraint an argument stands for: a name, a config, a class or a function of a tensor; None stays.  who: begins the message.

    Example:
        >>> import pydl
        >>> pydl.constraints.get("max_norm")
        MaxNorm(max_value=2.0, axis=0)
    """
    return registry.named(who, "constraint", identifier, _by_name, Constraint, _names)


def serialize(constraint):
    """Return the config of a constraint."""
    return registry.serialize(constraint)


def deserialize(config, custom_objects=None):
    """Build a constraint from its config."""
    return registry.deserialize(config, custom_objects)
