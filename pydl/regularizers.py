"""Penalties on weights (and on activities), added to the loss.  A regularizer is a function of a tensor to a scalar Tensor."""
import inspect

from pydl import registry
from pydl.autodiff import Op
from pydl.errors import in_range, show, suggestion
from pydl.tensor import as_tensor


class PenaltyOp(Op):
    """l1 * sum |w| + l2 * sum w**2 in one pass."""

    def __init__(self, l1, l2):
        self.l1, self.l2 = l1, l2

    def forward(self, B, w):
        value = B.empty((), w.dtype)
        B.penalty_forward(w, self.l1, self.l2, value)
        self.w = w
        return value

    def backward(self, B, dvalue):
        dw = B.empty(self.w.shape, self.w.dtype)
        B.penalty_backward(dvalue, self.w, self.l1, self.l2, dw)
        return dw


class Regularizer:
    """What every regularizer is: subclasses define `__call__(x)`, which returns a scalar Tensor, and `get_config`."""

    def __call__(self, x):
        raise TypeError(f"{type(self).__name__}: define __call__(self, x)")

    def get_config(self):
        """Return the constructor's arguments by name."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_config().items())})"


class L1L2(Regularizer):
    """l1 * sum |x| + l2 * sum x**2.

    Dtypes:    float32, float64; the sums in float64.
    Gradients: l1 * sign(x) + 2 * l2 * x, sign(0) = 0.
    Example:
        >>> import pydl
        >>> pydl.regularizers.L1L2(l1=0.5, l2=0.25)(pydl.Tensor([1.0, -2.0])).item()
        2.75
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = 0.0 if l1 is None else in_range("L1L2", "l1", l1, 0)
        self.l2 = 0.0 if l2 is None else in_range("L1L2", "l2", l2, 0)

    def __call__(self, x):
        return PenaltyOp(self.l1, self.l2)(as_tensor(x))

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 * sum |x|."""

    def __init__(self, l1=0.01):
        self.l1 = in_range("L1", "l1", 0.01 if l1 is None else l1, 0)

    def __call__(self, x):
        return PenaltyOp(self.l1, 0.0)(as_tensor(x))

    def get_config(self):
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum x**2 (no half: the gradient is 2 * l2 * x, as in Keras)."""

    def __init__(self, l2=0.01):
        self.l2 = in_range("L2", "l2", 0.01 if l2 is None else l2, 0)

    def __call__(self, x):
        return PenaltyOp(0.0, self.l2)(as_tensor(x))

    def get_config(self):
        return {"l2": self.l2}


l1, l2, l1_l2 = L1, L2, L1L2
registry.register("regularizers", L1, L2, L1L2)
_by_name = {"l1": L1, "l2": L2, "L1": L1, "L2": L2, "L1L2": L1L2}
_names = ("l1", "l2", "L1L2")


def penalties(weights):
    """Return the penalty, a scalar Tensor, of every weight that is trained and has a regularizer."""
    return [w.regularizer(w) for w in weights if w.regularizer is not None and w.needs_gradient]


def get(identifier, who="regularizers.get"):
    """Return the regularizer an argument stands for: a name ("l1", "l2"), a config, a class or a function of a tensor; None stays.  who: begins the message.

    Example:
        >>> import pydl
        >>> pydl.regularizers.get("l2")
        L2(l2=0.01)
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = _by_name.get(identifier) or registry.registered_object(identifier)
        if found is None:
            raise ValueError(f"{who}: unknown regularizer {show(identifier)}{suggestion(identifier, _names)} "
                             f"(known: {', '.join(_names)})")
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, Regularizer):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"{who}: expected a name, a regularizer or a function of a tensor, got {show(identifier)}")


def serialize(regularizer):
    """Return the config of a regularizer."""
    return registry.serialize(regularizer)


def deserialize(config, custom_objects=None):
    """Build a regularizer from its config."""
    return registry.deserialize(config, custom_objects)
