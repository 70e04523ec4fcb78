"""Metrics made of counts: true and false positives at thresholds, precision, recall, F, areas under curves, overlap of classes."""
import numpy as np

from pydl.backends import cpu as B
from pydl.errors import ShapeError, boolean, in_range, int_tuple, integer, one_of, positive_int, show
from pydl.kernels._common import KernelError
from pydl.metrics.base import Metric, row_weights
from pydl.ops import argmax, greater_equal, reshape, sigmoid
from pydl.targets import check_axis, class_pair, floating, label_error, pair, samples
from pydl.tensor import as_tensor, no_grad


def ratio(a, b):
    """a / b, 0 where b is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0)


def plain(values):
    """A float for one value, an ndarray for several."""
    return float(values[0]) if len(values) == 1 else np.array(values)


class Counts(Metric):
    """Counts kept in float64: an array `counts`, back to zero at reset."""

    def __init__(self, shape, name, dtype):
        super().__init__(dtype, name)
        self.counts = B.owned(shape, "float64")

    def reset_state(self):
        B.assign(self.counts, np.zeros(self.counts.shape))

    @property
    def variables(self):
        return [self.counts]


# ---- at thresholds

class AtThresholds(Counts):
    """True positives, false positives, true negatives and false negatives of y_pred > threshold, for one threshold or several."""

    def __init__(self, thresholds, name, dtype, top_k=None, class_id=None):
        who = type(self).__name__
        given = [0.5 if top_k is None else -np.inf] if thresholds is None else thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
        if len(given) == 0:
            raise ValueError(f"{who}: thresholds must not be empty")
        if thresholds is not None:
            given = [in_range(who, "thresholds", t, 0, 1) for t in given]
        self.thresholds = thresholds
        self.top_k = None if top_k is None else positive_int(who, "top_k", top_k)
        self.class_id = None if class_id is None else integer(who, "class_id", class_id, low=0)
        self._set_levels(given, name, dtype)

    def _set_levels(self, levels, name, dtype):
        self._order = np.argsort(levels, kind="stable")         # the kernel wants them rising
        Counts.__init__(self, (len(levels), 4), name, dtype)
        self._levels = B.owned((len(levels),), "float64")
        B.assign(self._levels, np.asarray(levels, float)[self._order])

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in targets of 0 and 1 (or False and True) and predictions 0 .. 1; weights count rows, or elements."""
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = pair(who, y_true, y_pred)
            y_true, y_pred = samples(y_true), samples(self.scores(y_pred))
            weights = row_weights(who, sample_weight, y_pred.shape[:-1], y_pred.dtype)
            if self.top_k is not None:
                y_pred = self._only_top(who, y_pred)
            if self.class_id is not None:
                if self.class_id >= y_pred.shape[-1]:
                    raise ShapeError(f"{who}: class_id is {self.class_id}, y_pred has {y_pred.shape[-1]} classes")
                y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
            B.add_confusion(y_pred.array, y_true.array, weights, self._levels, self.counts)

    def scores(self, y_pred):
        """The predictions as numbers between 0 and 1, which thresholds cut."""
        return y_pred

    def _only_top(self, who, y_pred):
        """The predictions outside the best k of their row put below every threshold."""
        if self.top_k > y_pred.shape[-1]:
            raise ShapeError(f"{who}: top_k is {self.top_k}, y_pred has {y_pred.shape[-1]} classes")
        kept = B.empty(y_pred.shape, y_pred.dtype)
        B.keep_top_k(y_pred.array, self.top_k, kept)
        return as_tensor(kept)

    def table(self):
        """(tp, fp, tn, fn), each an array over the thresholds in their given order."""
        rows = np.empty((len(self._order), 4))
        rows[self._order] = np.asarray(self.counts)
        return rows.T


class OneCount(AtThresholds):
    """One of the four counts."""
    column = 0

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(thresholds, name or self.default_name, dtype)

    def result(self):
        return plain(self.table()[self.column])


class TruePositives(OneCount):
    """How many positives were claimed.

    Example:
        >>> import pydl
        >>> pydl.metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
        2.0
    """
    column, default_name = 0, "true_positives"


class FalsePositives(OneCount):
    """How many negatives were claimed."""
    column, default_name = 1, "false_positives"


class TrueNegatives(OneCount):
    """How many negatives were left."""
    column, default_name = 2, "true_negatives"


class FalseNegatives(OneCount):
    """How many positives were left."""
    column, default_name = 3, "false_negatives"


class Precision(AtThresholds):
    """Which share of what is claimed is right: tp / (tp + fp).

    Args:      thresholds: a number in [0, 1] or a list (then the result is an array); 0.5 by default.
               top_k: only the k largest predictions of a row are claims; then any of them, unless thresholds are given.
               class_id: look at this column only.
    Example:
        >>> import pydl
        >>> pydl.metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1], sample_weight=[0, 0, 1, 0])
        1.0
    """

    def __init__(self, thresholds=None, top_k=None, class_id=None, name="precision", dtype=None):
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self):
        tp, fp, _, _ = self.table()
        return plain(ratio(tp, tp + fp))


class Recall(AtThresholds):
    """Which share of the positives is claimed: tp / (tp + fn).  Arguments as Precision.

    Example:
        >>> import pydl
        >>> round(pydl.metrics.Recall()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
        0.6667
    """

    def __init__(self, thresholds=None, top_k=None, class_id=None, name="recall", dtype=None):
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self):
        tp, _, _, fn = self.table()
        return plain(ratio(tp, tp + fn))


# ---- curves

class Curve(AtThresholds):
    """Counts at many thresholds: what the curves are drawn from."""

    def _spread(self, num_thresholds, name, dtype, class_id=None, edge=0.0):
        who = type(self).__name__
        self.num_thresholds = integer(who, "num_thresholds", num_thresholds, low=1, high=1_000_000)
        inner = [(i + 1) / (self.num_thresholds - 1) for i in range(self.num_thresholds - 2)]
        self.top_k, self.class_id = None, None if class_id is None else integer(who, "class_id", class_id, low=0)
        self._set_levels([0.0 - edge, *inner, 1.0 + edge] if self.num_thresholds > 1 else [0.5], name, dtype)


class AUC(Curve):
    """The area under the ROC curve, or under precision over recall, from counts at num_thresholds thresholds.

    Args:      num_thresholds: 200, spread evenly over [0, 1];  thresholds: inner ones of your own instead.
               curve: "ROC" or "PR".    summation_method: "interpolation", "minoring" or "majoring".
               from_logits: y_pred is put through a sigmoid first.
               multi_label: an area for each column of y_true and y_pred (n, labels), and their mean, weighted by label_weights;
                   num_labels: how many there are, to be told from the first batch by default.
    Source:    Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006 (the interpolation of PR).
    Example:
        >>> import pydl
        >>> pydl.metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        0.75
    """

    def __init__(self, num_thresholds=200, curve="ROC", summation_method="interpolation", name="auc", dtype=None, thresholds=None, multi_label=False,
                 num_labels=None, label_weights=None, from_logits=False):
        self.curve, self.summation_method = one_of("AUC", "curve", curve, ("ROC", "PR")), one_of(
            "AUC", "summation_method", summation_method, ("interpolation", "minoring", "majoring"))
        self.from_logits = boolean("AUC", "from_logits", from_logits)
        self.thresholds = thresholds
        if thresholds is None:
            self._spread(integer("AUC", "num_thresholds", num_thresholds, low=2, high=1_000_000), name, dtype, edge=1e-7)
        else:
            if not isinstance(thresholds, (list, tuple, np.ndarray)):
                raise TypeError(f"AUC: thresholds must be a list of numbers, got {show(thresholds)}")
            self.top_k = self.class_id = None
            inner = sorted(in_range("AUC", "thresholds", t, 0, 1) for t in thresholds)
            self.num_thresholds = len(inner) + 2
            self._set_levels([-1e-7, *inner, 1 + 1e-7], name, dtype)
        self.multi_label = boolean("AUC", "multi_label", multi_label)
        self.num_labels = None if num_labels is None else positive_int("AUC", "num_labels", num_labels)
        self.label_weights = None if label_weights is None else [in_range("AUC", "label_weights", w, 0) for w in np.ravel(label_weights).tolist()]
        if not self.multi_label and (num_labels is not None or label_weights is not None):
            raise ValueError("AUC: num_labels and label_weights belong to multi_label=True")
        self.labels = None                              # an AUC each
        if self.multi_label and self.num_labels is not None:
            self._make_labels(self.num_labels)

    def _make_labels(self, count):
        if self.label_weights is not None and len(self.label_weights) != count:
            raise ShapeError(f"AUC: label_weights must be one for each of {count} labels, got {len(self.label_weights)}")
        self.labels = [AUC(self.num_thresholds, self.curve, self.summation_method, self.name, self.dtype, self.thresholds, from_logits=self.from_logits)
                       for _ in range(count)]

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not self.multi_label:
            super().update_state(y_true, y_pred, sample_weight)
            return
        with no_grad():
            y_true, y_pred = pair("AUC", y_true, y_pred)
            if y_pred.ndim != 2 or (self.labels is not None and y_pred.shape[1] != len(self.labels)):
                raise ShapeError(f"AUC: multi_label needs y_pred (n, {'labels' if self.labels is None else len(self.labels)}), got {y_pred.shape}")
            if self.labels is None:
                self._make_labels(y_pred.shape[1])
            for k, label in enumerate(self.labels):
                label.update_state(y_true[:, k], y_pred[:, k], sample_weight)

    def reset_state(self):
        for metric in self.labels or ():
            metric.reset_state()
        super().reset_state()

    @property
    def variables(self):
        return super().variables if not self.multi_label else [v for metric in self.labels or () for v in metric.variables]

    def scores(self, y_pred):
        """The predictions as numbers between 0 and 1, which thresholds cut."""
        return sigmoid(y_pred) if self.from_logits else y_pred

    def result(self):
        if self.multi_label:
            areas, weights = [metric.result() for metric in self.labels or ()], self.label_weights or [1.0] * len(self.labels or ())
            return float(ratio(np.dot(areas, weights), sum(weights)))
        tp, fp, tn, fn = self.table()
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated_pr(tp, fp, fn)
        recall = ratio(tp, tp + fn)
        x, y = (ratio(fp, fp + tn), recall) if self.curve == "ROC" else (recall, ratio(tp, tp + fp))
        heights = {"interpolation": (y[:-1] + y[1:]) / 2, "minoring": np.minimum(y[:-1], y[1:]), "majoring": np.maximum(y[:-1], y[1:])}
        return float(((x[:-1] - x[1:]) * heights[self.summation_method]).sum())

    @staticmethod
    def _interpolated_pr(tp, fp, fn):
        p = tp + fp
        slope = ratio(tp[:-1] - tp[1:], np.maximum(p[:-1] - p[1:], 0))
        intercept = tp[1:] - slope * p[1:]
        both = (p[:-1] > 0) & (p[1:] > 0)
        share = np.where(both, ratio(p[:-1], p[1:]), 1.0)
        return float(ratio(slope * (tp[:-1] - tp[1:] + intercept * np.log(share)), tp[1:] + fn[1:]).sum())


class AtBest(Curve):
    """The best of one rate where another is at least `value`."""

    def __init__(self, value, what, num_thresholds, class_id, name, dtype):
        self.value = in_range(type(self).__name__, what, value, 0, 1)
        self._spread(num_thresholds, name, dtype, class_id)

    def result(self):
        constrained, wanted = self.rates(*self.table())
        allowed = wanted[constrained >= self.value]
        return float(allowed.max()) if len(allowed) else 0.0


class SensitivityAtSpecificity(AtBest):
    """The largest recall of positives where at least `specificity` of the negatives are left."""

    def __init__(self, specificity, num_thresholds=200, class_id=None, name="sensitivity_at_specificity", dtype=None):
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)
        self.specificity = self.value

    def rates(self, tp, fp, tn, fn):
        """(the rate that is bounded, the rate that is reported) at each threshold."""
        return ratio(tn, tn + fp), ratio(tp, tp + fn)


class SpecificityAtSensitivity(AtBest):
    """The largest share of negatives left where at least `sensitivity` of the positives are claimed."""

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name="specificity_at_sensitivity", dtype=None):
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)
        self.sensitivity = self.value

    def rates(self, tp, fp, tn, fn):
        """(the rate that is bounded, the rate that is reported) at each threshold."""
        return ratio(tp, tp + fn), ratio(tn, tn + fp)


class PrecisionAtRecall(AtBest):
    """The largest precision where recall is at least `recall`."""

    def __init__(self, recall, num_thresholds=200, class_id=None, name="precision_at_recall", dtype=None):
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)
        self.recall = self.value

    def rates(self, tp, fp, tn, fn):
        """(the rate that is bounded, the rate that is reported) at each threshold."""
        return ratio(tp, tp + fn), ratio(tp, tp + fp)


class RecallAtPrecision(AtBest):
    """The largest recall where precision is at least `precision`."""

    def __init__(self, precision, num_thresholds=200, class_id=None, name="recall_at_precision", dtype=None):
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)
        self.precision = self.value

    def rates(self, tp, fp, tn, fn):
        """(the rate that is bounded, the rate that is reported) at each threshold."""
        return ratio(tp, tp + fp), ratio(tp, tp + fn)


# ---- F

class FBetaScore(Metric):
    """(1 + beta^2) P R / (beta^2 P + R) of each class, and their mean as `average` says.

    Exact ratios; Keras adds 1e-7 to every divisor, so its scores are smaller in the seventh digit.

    Args:      average: None for an array, "micro" (all classes counted together), "macro" (the mean), "weighted" (by targets).
               beta: how much recall counts;  threshold: what claims a class, by default being the row's maximum.
    Shapes:    y_true, y_pred (N, classes), y_true of 0 and 1
    """

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(dtype, name)
        who = type(self).__name__
        self.average = one_of(who, "average", average, (None, "micro", "macro", "weighted"))
        self.beta = in_range(who, "beta", beta, 0, low_open=True)
        self.threshold = None if threshold is None else in_range(who, "threshold", threshold, 0, 1, low_open=True)
        self.counts = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = class_pair(who, y_true, y_pred)
            if y_pred.ndim != 2:
                raise ShapeError(f"{who}: expected y_pred (N, classes), got {y_pred.shape}")
            if self.counts is None or self.counts.shape[0] != y_pred.shape[1]:
                if self.counts is not None:
                    raise ShapeError(f"{who}: the batches before had {self.counts.shape[0]} classes, this one has {y_pred.shape[1]}")
                self.counts = B.owned((y_pred.shape[1], 4), "float64")
            weights = row_weights(who, sample_weight, y_pred.shape[:1], y_pred.dtype)
            B.add_class_counts(y_pred.array, y_true.array, weights, self.threshold, self.counts)

    def result(self):
        if self.counts is None:
            return 0.0
        tp, fp, fn, targets = np.asarray(self.counts).T if self.average != "micro" else np.asarray(self.counts).sum(0)
        precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
        score = ratio((1 + self.beta**2) * precision * recall, self.beta**2 * precision + recall)
        if self.average == "weighted":
            return float((score * ratio(targets, targets.sum())).sum())
        return float(score.mean()) if self.average else score

    def reset_state(self):
        if self.counts is not None:
            B.assign(self.counts, np.zeros(self.counts.shape))

    @property
    def variables(self):
        return [] if self.counts is None else [self.counts]


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: FBetaScore with beta 1.

    Example:
        >>> import pydl
        >>> pydl.metrics.F1Score(average="macro")([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
        0.6666666666666666
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)


# ---- overlap of classes

class IoU(Counts):
    """Intersection over union of predicted and true regions, the mean over target_class_ids, from a confusion matrix.

    Classes that never occur, in targets nor predictions, do not count.  Weights count as they are (Keras's default dtype cuts them to integers).

    Args:      num_classes;  target_class_ids: which to look at;  ignore_class: a label whose elements are left out.
               sparse_y_true, sparse_y_pred: labels, or scores over the last axis, of which the largest is taken.
    Example:
        >>> import pydl
        >>> round(pydl.metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    def __init__(self, num_classes, target_class_ids, name="io_u", dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1):
        who = type(self).__name__
        self.num_classes = positive_int(who, "num_classes", num_classes)
        self.target_class_ids = list(int_tuple(who, "target_class_ids", target_class_ids, low=0))
        if not self.target_class_ids or any(c >= self.num_classes for c in self.target_class_ids):
            raise ValueError(f"{who}: target_class_ids must be classes 0 <= c < {self.num_classes}, got {show(target_class_ids)}")
        self.ignore_class = None if ignore_class is None else integer(who, "ignore_class", ignore_class)
        self.sparse_y_true, self.sparse_y_pred = boolean(who, "sparse_y_true", sparse_y_true), boolean(who, "sparse_y_pred", sparse_y_pred)
        check_axis(who, axis)
        self.axis = -1
        super().__init__((self.num_classes, self.num_classes), name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            truth = as_tensor(y_true) if self.sparse_y_true else argmax(floating(y_true), axis=-1)
            claim = as_tensor(y_pred) if self.sparse_y_pred else argmax(floating(y_pred), axis=-1)
            self.add(truth, claim, sample_weight)

    def add(self, truth, claim, sample_weight):
        """Count labels and predicted labels into the confusion matrix."""
        who = type(self).__name__
        if truth.shape != claim.shape:
            if truth.size != claim.size or truth.shape not in (claim.shape + (1,), claim.shape[:-1]):
                raise ShapeError(f"{who}: y_true has shape {truth.shape}, y_pred {claim.shape}; one label each is needed")
            truth = reshape(truth, claim.shape)
        weights = row_weights(who, sample_weight, claim.shape, np.dtype(self.dtype))
        try:
            B.add_confusion_matrix(truth.array, claim.array, self.ignore_class, weights, self.counts)
        except KernelError:
            for what, labels, ignored in (("y_true", truth, self.ignore_class), ("y_pred", claim, None)):
                values = labels.numpy()
                wrong = ~((values >= 0) & (values < self.num_classes) & (values == np.floor(values))) & (values != ignored if ignored is not None else True)
                if wrong.any():
                    raise label_error(f"{who}: {what}", values, int(np.argmax(wrong.reshape(-1))), self.num_classes) from None
            raise

    def result(self):
        matrix = np.asarray(self.counts)
        union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
        shares = ratio(matrix.diagonal(), union + 1e-7)[self.target_class_ids]
        return float(ratio(shares.sum(), np.count_nonzero(union[self.target_class_ids])))


class BinaryIoU(IoU):
    """IoU of yes and no: y_pred >= threshold claims class 1."""

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name="binary_io_u", dtype=None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = in_range("BinaryIoU", "threshold", threshold, 0, 1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
            self.add(y_true, greater_equal(y_pred, self.threshold), sample_weight)


class MeanIoU(IoU):
    """The mean of IoU over all classes.

    Example:
        >>> import pydl
        >>> round(pydl.metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    def __init__(self, num_classes, name="mean_io_u", dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1):
        super().__init__(num_classes, list(range(positive_int("MeanIoU", "num_classes", num_classes))), name, dtype, ignore_class, sparse_y_true,
                         sparse_y_pred, axis)


class OneHotIoU(IoU):
    """IoU of one-hot targets and scores."""

    def __init__(self, num_classes, target_class_ids, name="one_hot_io_u", dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The mean of IoU over all classes, of one-hot targets and scores."""

    def __init__(self, num_classes, name="one_hot_mean_io_u", dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
