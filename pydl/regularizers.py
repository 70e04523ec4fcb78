"""Penalties on weights (and on activities), added to the loss.  A regularizer is a function of a tensor to a scalar Tensor."""
import numpy as np

from pydl import ops, registry
from pydl.autodiff import Op
from pydl.errors import ShapeError, in_range, one_of
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


class OrthogonalRegularizer(Regularizer):
    """factor * the mean |cosine| of the angles between the rows (or columns) of a weight (a, b): 0 where all are at right angles.

    Args:      factor: a number >= 0.    mode: "rows" or "columns".
    Gradients: x.
    Raises:    ShapeError for a weight that has not two axes.
    Example:
        >>> import pydl
        >>> round(pydl.regularizers.OrthogonalRegularizer(factor=1.0)(pydl.Tensor([[1.0, 0.0], [1.0, 1.0]])).item(), 4)
        0.7071
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = in_range("OrthogonalRegularizer", "factor", factor, 0)
        self.mode = one_of("OrthogonalRegularizer", "mode", mode, ("rows", "columns"))

    def __call__(self, x):
        x = as_tensor(x)
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer: expected a weight of two axes, got shape {x.shape}")
        if self.mode == "columns":
            x = ops.transpose(x)
        x = ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=1, keepdims=True), 1e-12)))
        size = x.shape[0]
        cosines = ops.multiply(ops.matmul(x, ops.transpose(x)), (1 - np.eye(size)).astype(x.dtype))
        return ops.multiply(ops.sum(ops.absolute(cosines)), self.factor / max(size * (size - 1), 1))

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
registry.register("regularizers", L1, L2, L1L2, OrthogonalRegularizer)
_by_name = {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer, "L1": L1, "L2": L2, "L1L2": L1L2,
            "OrthogonalRegularizer": OrthogonalRegularizer}
_names = ("l1", "l2", "L1L2", "OrthogonalRegularizer")


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
    return registry.named(who, "regularizer", identifier, _by_name, Regularizer, _names)


def serialize(regularizer):
    """Return the config of a regularizer."""
    return registry.serialize(regularizer)


def deserialize(config, custom_objects=None):
    """Build a regularizer from its config."""
    return registry.deserialize(config, custom_objects)
