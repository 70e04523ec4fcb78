"""Which class is taken for which: the confusion matrix, and the error that counts some mistakes more than others."""
import numpy as np

from pydl.errors import in_range, is_int, one_of, show
from pydl.metrics.accuracy import form_of
from pydl.metrics.base import Mean, row_weights
from pydl.metrics.counts import IoU, ratio
from pydl.ops import add, argmax, cast, equal, greater, multiply, not_equal, reshape
from pydl.targets import check_label_shape, class_pair, floating, pair
from pydl.tensor import as_tensor, no_grad

NORMS = ("true", "pred", "all", None)


def labels_and_claims(who, y_true, y_pred, threshold):
    """The true and the claimed class of each row, int64: of one number a row, of labels and scores, of one-hot rows and scores."""
    y_true, y_pred = as_tensor(y_true), floating(y_pred)
    form = form_of(y_true.shape, y_pred.shape)
    if form == "binary":
        y_true, y_pred = pair(who, y_true, y_pred)
        return [reshape(cast(greater(t, limit), "int64"), (t.size,)) for t, limit in ((y_true, 0.5), (y_pred, threshold))]
    if form == "sparse_categorical":
        check_label_shape(who, y_true.shape, y_pred.shape)
        truth = reshape(cast(y_true, "int64"), y_pred.shape[:-1])
    else:
        y_true, y_pred = class_pair(who, y_true, y_pred)
        truth = cast(argmax(y_true, axis=-1), "int64")
    return truth, cast(argmax(y_pred, axis=-1), "int64")


def normalized(matrix, normalize):
    """Shares of the rows ("true"), of the columns ("pred"), of all; None for the counts."""
    if normalize is None:
        return np.array(matrix)
    total = {"true": lambda m: m.sum(1, keepdims=True), "pred": lambda m: m.sum(0, keepdims=True), "all": np.sum}[normalize](matrix)
    return ratio(matrix, total)


class ConfusionMatrix(IoU):
    """How often class i was taken for class j: row i, column j, counted over batches; an ndarray (classes, classes).

    Targets and predictions as "accuracy" takes them: labels or one-hot rows against scores, or one number a row against `threshold`
    (two classes).

    Args:      num_classes.    normalize: "true" for shares of each row, "pred" of each column, "all" of everything; None for counts.
    Raises:    ValueError naming a label that is no class.
    Example:
        >>> import pydl
        >>> pydl.metrics.ConfusionMatrix(2)([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]).tolist()
        [[1.0, 1.0], [0.0, 1.0]]
    """

    def __init__(self, num_classes, normalize=None, threshold=0.5, name="confusion_matrix", dtype=None):
        super().__init__(num_classes, [0], name, dtype)
        self.normalize = one_of("ConfusionMatrix", "normalize", normalize, NORMS)
        self.threshold = in_range("ConfusionMatrix", "threshold", threshold)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in targets and predictions; weights count rows."""
        with no_grad():
            self.add(*labels_and_claims("ConfusionMatrix", y_true, y_pred, self.threshold), sample_weight)

    def result(self):
        """The matrix so far."""
        return normalized(np.asarray(self.counts), self.normalize)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "target_class_ids"}


class MisclassificationError(Mean):
    """The weighted share of wrong predictions: sum w [claim != truth] / sum w.

    A mistake in a class of weight 10 counts ten times: the course's error of a cat classifier that must not let the wrong pictures through.

    Args:      class_weight: a dict from class to weight >= 0; 1 for a class not named.
               threshold: of predictions that are one number a row.
    Example:
        >>> import pydl
        >>> pydl.metrics.MisclassificationError({1: 3.0})([0, 0, 1], [0.1, 0.9, 0.2])
        0.8
    """

    def __init__(self, class_weight=None, threshold=0.5, name="misclassification_error", dtype=None):
        who = "MisclassificationError"
        super().__init__(name, dtype)
        if class_weight is not None and not isinstance(class_weight, dict):
            raise TypeError(f"{who}: class_weight must be a dict from class number to weight, got {show(class_weight)}")
        self.class_weight = None
        if class_weight is not None:
            self.class_weight = {}
            for label, weight in class_weight.items():
                number = int(label) if isinstance(label, str) and label.isdecimal() else label          # of a file: JSON's keys are text
                if not is_int(number) or number < 0:
                    raise ValueError(f"{who}: class_weight must have class numbers >= 0 as keys, got {show(label)}")
                self.class_weight[int(number)] = in_range(who, f"class_weight[{number}]", weight, 0)
        self.threshold = in_range(who, "threshold", threshold)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in targets and predictions; weights count rows, times those of their classes."""
        who = "MisclassificationError"
        with no_grad():
            truth, claim = labels_and_claims(who, y_true, y_pred, self.threshold)
            weights = None if sample_weight is None else as_tensor(row_weights(who, sample_weight, truth.shape, np.dtype(self.dtype)))
            if self.class_weight:
                factor = np.ones(truth.shape, self.dtype)
                for label, weight in self.class_weight.items():
                    factor = add(factor, multiply(cast(equal(truth, label), self.dtype), weight - 1))
                weights = factor if weights is None else multiply(weights, factor)
            self.add(cast(not_equal(truth, claim), self.dtype), weights)

    def get_config(self):
        config = super().get_config()
        return config if self.class_weight is None else {**config, "class_weight": {str(k): v for k, v in self.class_weight.items()}}


def confusion_matrix(y_true, y_pred, num_classes=None, sample_weight=None, normalize=None):
    """Return how often class i was taken for class j: row i, column j, a float64 ndarray (classes, classes).

    Args:      y_true: labels (n,).    y_pred: labels (n,), or scores (n, classes), of which the largest is taken.
               num_classes: by default one more than the largest label.    sample_weight: one weight a row.
               normalize: "true", "pred", "all" or None, as in `ConfusionMatrix`.
    Raises:    ValueError naming a label that is no class.
    Example:
        >>> import pydl
        >>> pydl.metrics.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2]).tolist()
        [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    who = "confusion_matrix"
    one_of(who, "normalize", normalize, NORMS)
    with no_grad():
        truth, claim = as_tensor(y_true), as_tensor(y_pred)
        if claim.ndim == truth.ndim + 1:
            num_classes = claim.shape[-1] if num_classes is None else num_classes
            claim = argmax(floating(claim), axis=-1)
        if num_classes is None:
            num_classes = int(max([np.max(t.numpy()) for t in (truth, claim) if t.size], default=0)) + 1
        counted = ConfusionMatrix(num_classes, dtype="float64")
        counted.add(truth, claim, sample_weight)
    return normalized(np.asarray(counted.counts), normalize)
