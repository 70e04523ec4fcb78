"""Targets, predictions and weights brought together: what losses and metrics check alike, and the formulas they share.

Nothing is broadcast but (n,) against (n, 1): an error names both shapes instead.
"""
import numpy as np

from pydl import config
from pydl.errors import ShapeError, is_int, show
from pydl.ops import cast, max, maximum, minimum, reshape, rsqrt, square, sum
from pydl.tensor import as_tensor


def floating(value, dtype=None):
    """A Tensor of a real dtype: predictions given as integers are computed with as floats."""
    tensor = as_tensor(value)
    wanted = dtype or (tensor.dtype.name if tensor.dtype.kind == "f" else config.floatx())
    return tensor if tensor.dtype.name == wanted else cast(tensor, wanted)


def pair(who, y_true, y_pred):
    """(y_true, y_pred) as Tensors of one real dtype and one shape; (n,) and (n, 1) are brought together, nothing else is."""
    y_pred = floating(y_pred)
    y_true = as_tensor(y_true)
    if y_true.dtype != y_pred.dtype:
        y_true = cast(y_true, y_pred.dtype)
    check_alike(who, y_true.shape, y_pred.shape)
    if y_true.shape != y_pred.shape:
        y_true = reshape(y_true, y_pred.shape)
    if y_pred.ndim == 0:
        raise ShapeError(f"{who}: expected predictions with at least one axis, got two numbers")
    return y_true, y_pred


def check_alike(who, true_shape, pred_shape, hint=""):
    """The two shapes are one, up to a last axis of 1."""
    if true_shape not in (pred_shape, pred_shape + (1,)) and true_shape + (1,) != pred_shape:
        raise ShapeError(f"{who}: y_true has shape {true_shape}, y_pred {pred_shape}; they must be equal (only (n,) and (n, 1) are taken for each other){hint}")


def samples(tensor):
    """A flat tensor as samples of one number each."""
    return reshape(tensor, (tensor.shape[0], 1)) if tensor.ndim == 1 else tensor


def aligned_weights(who, sample_weight, shape, dtype):
    """sample_weight, for values of `shape`, as a Tensor of one number or of their leading axes: (n,) weighs the rows of (n, t)."""
    weights = as_tensor(sample_weight)
    if weights.needs_gradient:
        raise TypeError(f"{who}: sample_weight is a constant: no gradient flows into it; multiply the values of reduction='none' instead")
    if weights.dtype != dtype:
        weights = cast(weights, dtype)
    given = weights.shape
    if weights.size == 1 and given != shape[:len(given)]:
        given = ()
    elif len(given) > 1 and given[-1] == 1 and given != shape[:len(given)]:
        given = given[:-1]
    if given != shape[:len(given)]:
        raise ShapeError(f"{who}: sample_weight has shape {weights.shape}, there is one value for each of {shape}")
    return weights if weights.shape == given else reshape(weights, given)


def check_numbers(who, y_true, low=None, high=None, meaning=""):
    """Raise where an ndarray of targets leaves low..high; NaN is left to the loss."""
    if y_true.size == 0 or y_true.dtype.kind == "b":
        return
    outside = np.zeros(y_true.shape, bool)
    if low is not None:
        outside |= y_true < low
    if high is not None:
        outside |= y_true > high
    if outside.any():
        where = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"{who}: y_true has {y_true[where]} at row {where[0]}, expected {meaning}")


def check_label_shape(who, true_shape, pred_shape):
    if not pred_shape:
        raise ShapeError(f"{who}: expected y_pred (..., classes), got one number")
    if true_shape not in (pred_shape[:-1], pred_shape[:-1] + (1,)):
        hint = "; for one-hot targets use CategoricalCrossentropy" if true_shape == pred_shape else ""
        raise ShapeError(f"{who}: y_pred {pred_shape} needs one label a row, y_true {pred_shape[:-1]}, got {true_shape}{hint}")


def label_error(who, labels, position, classes, ignorable=True):
    """The error for a label that is no class: its value, its row, the number of classes, and the usual reason."""
    where = tuple(int(i) for i in np.unravel_index(position, labels.shape))
    value = labels[where]
    row = f"row {where[0]}" if len(where) == 1 else f"position {where}" if where else "the only row"
    hint = ("; labels count from 0: subtract 1 if yours count from 1" if value == classes
            else "; ignore_class=-1 leaves such rows out" if value == -1 and ignorable
            else "; class labels are whole numbers" if value != np.floor(value) or not np.isfinite(value) else "")
    return ValueError(f"{who}: label {value} at {row} is outside 0 <= label < {classes}, the number of classes{hint}")


def check_axis(who, axis, ndim=None):
    """Classes are on the last axis: features last, everywhere."""
    if not is_int(axis):
        raise TypeError(f"{who}: axis must be -1, the classes on the last axis, got {show(axis)}")
    if axis != -1 and (ndim is None or axis != ndim - 1):
        raise ValueError(f"{who}: axis must be -1, the classes on the last axis, got {axis}; transpose the predictions")
    return -1


def check_class_shape(who, true_shape, pred_shape):
    if true_shape != pred_shape:
        labels = true_shape in (pred_shape[:-1], pred_shape[:-1] + (1,))
        hint = "; for integer labels use SparseCategoricalCrossentropy, or one-hot them" if labels else ""
        raise ShapeError(f"{who}: y_true has shape {true_shape}, y_pred {pred_shape}; both must be (..., classes){hint}")
    if not pred_shape:
        raise ShapeError(f"{who}: expected y_pred (..., classes), got one number")


def class_pair(who, y_true, y_pred):
    """Targets and predictions (..., classes) as Tensors of one dtype."""
    y_true, y_pred = as_tensor(y_true), floating(y_pred)
    check_class_shape(who, y_true.shape, y_pred.shape)
    return y_true if y_true.dtype == y_pred.dtype else cast(y_true, y_pred.dtype), y_pred


# ---- formulas

def cosine(y_true, y_pred, axis=-1):
    """The cosine of the angle between targets and predictions; 0 for a vector of zeros."""
    def unit(x):
        return x * minimum(rsqrt(sum(square(x), axis=axis, keepdims=True) + 1e-30), 1e7)
    return sum(unit(y_true) * unit(y_pred), axis=axis)


def class_margin(y_true, y_pred):
    """max(1 + max((1 - t) y) - sum(t y), 0) over the last axis."""
    return maximum(max((1.0 - y_true) * y_pred, axis=-1) - sum(y_true * y_pred, axis=-1) + 1.0, 0.0)
