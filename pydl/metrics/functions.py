"""What metrics score, sample by sample: functions (y_true, y_pred) -> values.  The classes of the same names average them by kernels."""
from pydl.errors import in_range, positive_int
from pydl.ops import any, arange, argmax, cast, equal, greater, less, logical_and, max, mean, reshape, sum, where
from pydl.targets import check_label_shape, class_pair, floating, pair
from pydl.tensor import as_tensor


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """Return the share of elements with y_true == (y_pred > threshold), over the last axis.

    Example:
        >>> import pydl
        >>> pydl.metrics.binary_accuracy([[1, 0]], [[0.9, 0.7]]).numpy().tolist()
        [0.5]
    """
    threshold = in_range("binary_accuracy", "threshold", threshold)
    y_true, y_pred = pair("binary_accuracy", y_true, y_pred)
    return mean(cast(equal(y_true, cast(greater(y_pred, threshold), y_pred.dtype)), y_pred.dtype), axis=-1)


def categorical_accuracy(y_true, y_pred):
    """Return 1 for each row whose largest prediction is where the largest target is, else 0."""
    y_true, y_pred = class_pair("categorical_accuracy", y_true, y_pred)
    return cast(equal(argmax(y_true, axis=-1), argmax(y_pred, axis=-1)), y_pred.dtype)


def _labels(who, y_true, y_pred):
    y_true, y_pred = as_tensor(y_true), floating(y_pred)
    check_label_shape(who, y_true.shape, y_pred.shape)
    return reshape(cast(y_true, "int64"), y_pred.shape[:-1]), y_pred


def sparse_categorical_accuracy(y_true, y_pred):
    """Return 1 for each row whose largest prediction is at its label, else 0."""
    labels, y_pred = _labels("sparse_categorical_accuracy", y_true, y_pred)
    return cast(equal(labels, cast(argmax(y_pred, axis=-1), "int64")), y_pred.dtype)


def _in_top_k(labels, y_pred, k):
    """Whether fewer than k predictions of each row exceed the label's, which is a number; a label that is no class is not in."""
    marked = equal(arange(y_pred.shape[-1], dtype="int64"), reshape(labels, labels.shape + (1,)))
    own = sum(where(marked, y_pred, 0.0), axis=-1, keepdims=True)
    rank = sum(cast(greater(y_pred, own), y_pred.dtype), axis=-1)
    known = logical_and(any(marked, axis=-1), equal(reshape(own, rank.shape), reshape(own, rank.shape)))
    return cast(logical_and(less(rank, float(k)), known), y_pred.dtype)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """Return 1 for each row in which fewer than k predictions exceed the label's, else 0.

    from_sorted_ids: y_pred holds class numbers, best first.
    """
    who = "sparse_top_k_categorical_accuracy"
    k = positive_int(who, "k", k)
    labels, y_pred = _labels(who, y_true, y_pred)
    if from_sorted_ids:
        return max(cast(equal(y_pred[..., :k], cast(reshape(labels, labels.shape + (1,)), y_pred.dtype)), y_pred.dtype), axis=-1)
    return _in_top_k(labels, y_pred, k)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """Return 1 for each row in which fewer than k predictions exceed the one where the target is largest, else 0."""
    k = positive_int("top_k_categorical_accuracy", "k", k)
    y_true, y_pred = class_pair("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(cast(argmax(y_true, axis=-1), "int64"), y_pred, k)
