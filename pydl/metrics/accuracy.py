"""Accuracy in its forms: by label, by one-hot row, by threshold, among the first k, and "accuracy", which finds its form."""
from pydl.backends import cpu as B
from pydl.errors import ShapeError, boolean, in_range, one_of, positive_int
from pydl.metrics.base import Mean, row_weights
from pydl.ops import cast, equal, max, reshape
from pydl.targets import check_label_shape, class_pair, floating, pair, samples
from pydl.tensor import as_tensor, no_grad


class Accuracy(Mean):
    """How often predictions equal targets, element by element.

    Example:
        >>> import pydl
        >>> pydl.metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])
        0.75
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = pair(who, y_true, y_pred)
            y_true, y_pred = samples(y_true), samples(y_pred)
            B.add_equal_accuracy(y_pred.array, y_true.array, row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype), 1.0, self.total)


class BinaryAccuracy(Mean):
    """How often y_pred > threshold is right.

    Example:
        >>> import pydl
        >>> pydl.metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
        0.75
    """

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        super().__init__(name, dtype)
        self.threshold = in_range("BinaryAccuracy", "threshold", threshold)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = pair(who, y_true, y_pred)
            y_true, y_pred = samples(y_true), samples(y_pred)
            weights = row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype)
            B.add_binary_accuracy(y_pred.array, y_true.array, self.threshold, weights, 1.0, self.total)


class CategoricalAccuracy(Mean):
    """How often the largest prediction is where the largest target is; the first of equals counts.

    Example:
        >>> import pydl
        >>> pydl.metrics.CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        0.5
    """

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = class_pair(who, y_true, y_pred)
            weights = row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype)
            B.add_categorical_accuracy(y_pred.array, y_true.array, weights, 1.0, self.total)


class SparseCategoricalAccuracy(Mean):
    """How often the largest prediction is at the label; the first of equals counts.

    Example:
        >>> import pydl
        >>> pydl.metrics.SparseCategoricalAccuracy()([[2], [1]], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
        0.5
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = as_tensor(y_true), floating(y_pred)
            check_label_shape(who, y_true.shape, y_pred.shape)
            weights = row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype)
            B.add_sparse_accuracy(y_pred.array, y_true.array, weights, 1.0, self.total)


class TopKCategoricalAccuracy(Mean):
    """How often fewer than k predictions are larger than the one where the target is largest.

    Example:
        >>> import pydl
        >>> pydl.metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        0.5
    """

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(name, dtype)
        self.k = positive_int("TopKCategoricalAccuracy", "k", k)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = class_pair(who, y_true, y_pred)
            weights = row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype)
            B.add_categorical_top_k(y_pred.array, y_true.array, self.k, weights, 1.0, self.total)


class SparseTopKCategoricalAccuracy(Mean):
    """How often fewer than k predictions are larger than the label's.

    Args:      from_sorted_ids: y_pred holds class numbers, best first, instead of scores.
    Example:
        >>> import pydl
        >>> pydl.metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        0.5
    """

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(name, dtype)
        self.k = positive_int("SparseTopKCategoricalAccuracy", "k", k)
        self.from_sorted_ids = boolean("SparseTopKCategoricalAccuracy", "from_sorted_ids", from_sorted_ids)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = as_tensor(y_true), floating(y_pred)
            check_label_shape(who, y_true.shape, y_pred.shape)
            rows = y_pred.shape[:-1]
            if self.from_sorted_ids:
                hits = equal(y_pred[..., :self.k], reshape(cast(y_true, y_pred.dtype), rows + (1,)))
                self.add(max(cast(hits, y_pred.dtype), axis=-1), sample_weight)
            else:
                B.add_sparse_top_k(y_pred.array, y_true.array, self.k, row_weights(who, sample_weight, rows, y_pred.dtype), 1.0, self.total)


class AccuracyByShape(Mean):
    """What "accuracy" stands for, found by the shapes of the first batch and kept from then on.

    y_pred (..., 1), or as many numbers as targets and no last axis of classes: binary accuracy;  y_true without the last
    axis of y_pred, or with 1 there: sparse categorical accuracy;  else categorical accuracy.
    """
    FORMS = {"binary": BinaryAccuracy, "sparse_categorical": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}

    def __init__(self, name="accuracy", dtype=None, form=None):
        super().__init__(name, dtype)
        self.form = self.metric = None
        if form is not None:
            self.resolve(one_of("AccuracyByShape", "form", form, self.FORMS))

    def resolve(self, form):
        """Become the accuracy of that form."""
        self.form, self.metric = form, self.FORMS[form](name=self.name, dtype=self.dtype)
        self.metric.total = self.total

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.metric is None:
            self.resolve(form_of(as_tensor(y_true).shape, as_tensor(y_pred).shape))
        self.metric.update_state(y_true, y_pred, sample_weight)


def form_of(true_shape, pred_shape):
    """Keras's rule: which accuracy the shapes of targets and predictions ask for."""
    if not pred_shape:
        raise ShapeError("accuracy: expected predictions with at least one axis, got one number")
    if pred_shape[-1] == 1 or (len(pred_shape) == 1 and true_shape[:1] == pred_shape):
        return "binary"
    if len(true_shape) < len(pred_shape) or true_shape[-1] == 1:
        return "sparse_categorical"
    return "categorical"
