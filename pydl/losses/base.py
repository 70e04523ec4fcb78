"""Loss: a value for each sample, weighted and averaged to one number; and what all losses share."""
import inspect

from pydl.autodiff import Op
from pydl.errors import ShapeError, one_of, show, string
from pydl.ops import cast, multiply, reshape
from pydl.ops.operands import numbers
from pydl.targets import aligned_weights, floating
from pydl.tensor import Tensor, as_tensor

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)
DIVISORS = {"sum": 0, "sum_over_batch_size": 1, "mean": 1, "mean_with_sample_weight": 2}


class Loss:
    """What training descends.  Subclasses define `call(y_true, y_pred)`, which returns one value for each sample.

    loss(y_true, y_pred, sample_weight) is  sum(w * values) / number of values  by default: weights make samples count
    more, they do not change the divisor ("mean_with_sample_weight" divides by their sum).

    Args:      name: how the loss is called in messages.
               reduction: "sum_over_batch_size" or "mean" (the same), "sum", "mean_with_sample_weight", or "none" for the values themselves.
               dtype: what to compute in; the dtype of the predictions by default.
    Raises:    ShapeError naming both shapes, where y_true does not fit y_pred: nothing is broadcast but (n,) against (n, 1).
    Example:
        >>> import pydl
        >>> class Quartic(pydl.losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return pydl.ops.mean((y_true - y_pred) ** 4, axis=-1)
        >>> Quartic()([[0.0], [1.0]], [[2.0], [1.0]]).item()
        8.0
    """
    casts_targets = True                # y_true comes to `call` in the dtype of y_pred; losses of labels take it as it is
    takes_mask = True                   # it has a value for each step of a sequence, and padded steps do not count

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        who = type(self).__name__
        self.name = who if name is None else string(who, "name", name)
        self.reduction = one_of(who, "reduction", reduction, REDUCTIONS)
        self.dtype = None if dtype is None else one_of(who, "dtype", getattr(dtype, "__name__", dtype), ("float32", "float64"))

    def call(self, y_true, y_pred):
        raise TypeError(f"{type(self).__name__}: define call(self, y_true, y_pred)")

    def call_mask(self, y_true, y_pred):
        """A tensor of 0 and 1 a value for those that count, or None if all do."""
        return None

    def check_targets(self, who, y_true, shape):
        """Raise if an ndarray cannot be the targets of predictions of `shape` (n, ...): before the first step of `fit`."""

    def __call__(self, y_true, y_pred, sample_weight=None, mask=None):
        who = type(self).__name__
        y_pred = floating(numbers(who, "y_pred", y_pred), self.dtype)
        y_true = numbers(who, "y_true", y_true)
        if self.casts_targets and y_true.dtype != y_pred.dtype:
            y_true = cast(y_true, y_pred.dtype)
        values = as_tensor(self.call(y_true, y_pred))
        own = self.call_mask(y_true, y_pred)
        if mask is not None:
            mask = cast(as_tensor(mask), values.dtype)
            if mask.shape != values.shape:
                raise ShapeError(f"{who}: mask has shape {mask.shape}, the loss has one value for each of {values.shape}")
            own = mask if own is None else multiply(own, mask)
        return reduced(who, values, sample_weight, own, self.reduction)

    def get_config(self):
        """Return the constructor's arguments by name."""
        parameters = inspect.signature(type(self).__init__).parameters
        names = [n for n in parameters if n != "self" and hasattr(self, n)]
        if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
            names += ["name", "reduction", "dtype"]
        return {n: getattr(self, n) for n in dict.fromkeys(names)}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} '{self.name}'>"


class FunctionLoss(Loss):
    """A Loss made of a function (y_true, y_pred) -> values, of any shape, or one number."""

    def __init__(self, function, name=None, reduction="sum_over_batch_size", dtype=None):
        if not callable(function):
            raise TypeError(f"FunctionLoss: function must be callable, got {show(function)}")
        super().__init__(name or getattr(function, "__name__", type(function).__name__), reduction, dtype)
        self.function = function

    def call(self, y_true, y_pred):
        if y_true.shape + (1,) == y_pred.shape or y_true.shape == y_pred.shape + (1,):
            y_true = reshape(y_true, y_pred.shape)
        values = self.function(y_true, y_pred)
        if not isinstance(values, Tensor):
            raise TypeError(f"loss function {self.name}: expected it to return a Tensor made of y_pred, got {show(values)}; use pydl.ops inside")
        return values


# ---- the mean

class WeightedMeanOp(Op):
    """sum(values * weights * mask) / divisor, summed in float64.  Saves: 1 / divisor."""

    def __init__(self, by, weights, mask):
        self.by, self.weights, self.mask = by, weights, mask

    def forward(self, B, values):
        result, self.share = B.empty((), values.dtype), B.empty((), "float64")
        B.weighted_mean_forward(values, self.weights, self.mask, self.by, result, self.share)
        self.shape = values.shape
        return result

    def backward(self, B, dresult):
        dvalues = B.empty(self.shape, dresult.dtype)
        B.weighted_mean_backward(dresult, self.share, self.weights, self.mask, dvalues)
        return dvalues


def reduced(who, values, sample_weight, mask, reduction):
    """The values weighted and brought to one number, as `Loss` says."""
    weights = None if sample_weight is None else aligned_weights(who, sample_weight, values.shape, values.dtype)
    if reduction in (None, "none"):
        if weights is not None:
            values = multiply(values, reshape(weights, weights.shape + (1,) * (values.ndim - weights.ndim)))
        return values if mask is None else multiply(values, mask)
    return WeightedMeanOp(DIVISORS[reduction], None if weights is None else weights.array, None if mask is None else mask.array)(values)
