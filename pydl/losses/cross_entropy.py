"""Cross-entropy: of classes by label or by probabilities, and of yes-or-no answers."""
import numpy as np

from pydl.autodiff import Op
from pydl.errors import boolean, in_range, integer
from pydl.kernels._common import KernelError
from pydl.losses.base import Loss
from pydl.losses.element import ElementLossOp
from pydl.ops import cast, not_equal, reshape
from pydl.targets import check_alike, check_axis, check_class_shape, check_label_shape, check_numbers, floating, label_error, pair, samples
from pydl.tensor import as_tensor

# ---- integer labels

class SparseCrossEntropyOp(Op):
    """-log p[label] of each row.  Saves: the predictions, the labels and, from logits, log(sum exp x), one number a row."""

    def __init__(self, who, from_logits, ignore_class):
        self.who, self.from_logits, self.ignore = who, from_logits, ignore_class

    def forward(self, B, labels, pred):
        loss = B.empty(pred.shape[:-1], pred.dtype)
        try:
            if self.from_logits:
                self.lse = B.empty(pred.shape[:-1], pred.dtype)
                B.sparse_cross_entropy_logits_forward(pred, labels, self.ignore, loss, self.lse)
            else:
                B.sparse_cross_entropy_probs_forward(pred, labels, self.ignore, loss)
        except KernelError as error:
            raise label_error(self.who, labels.numpy().reshape(loss.shape), error.where, pred.shape[-1]) from None
        self.labels, self.pred = labels, pred
        return loss

    def backward(self, B, dloss):
        dpred = B.empty(self.pred.shape, dloss.dtype)
        if self.from_logits:
            B.sparse_cross_entropy_logits_backward(dloss, self.pred, self.labels, self.ignore, self.lse, dpred)
        else:
            B.sparse_cross_entropy_probs_backward(dloss, self.pred, self.labels, self.ignore, dpred)
        return None, dpred


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """Return -log(probability of the label) for each row.

    From logits it is log(sum exp x) - x[label], in one pass and stable; else rows of y_pred are divided by their sum
    and clipped to [1e-7, 1 - 1e-7], and what is clipped has no gradient.  Where the label is ignore_class the value is 0.

    Args:      y_true: labels 0 <= label < classes, of any integer (or whole-numbered float) dtype.
    Shapes:    y_true (...) or (..., 1), y_pred (..., classes) -> (...)
    Gradients: y_pred.    Saves: one number a row.
    Raises:    ValueError naming the first label out of range, its row and the number of classes.
    Example:
        >>> import pydl
        >>> pydl.losses.sparse_categorical_crossentropy([1], [[0.0, 0.0]], from_logits=True).item()
        0.6931471824645996
    """
    who = "sparse_categorical_crossentropy"
    y_true, y_pred = as_tensor(y_true), floating(y_pred)
    check_axis(who, axis, y_pred.ndim)
    check_label_shape(who, y_true.shape, y_pred.shape)
    return SparseCrossEntropyOp(who, boolean(who, "from_logits", from_logits), _class(who, ignore_class))(y_true, y_pred)


def _class(who, ignore_class):
    return None if ignore_class is None else integer(who, "ignore_class", ignore_class)


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of integer labels: see `sparse_categorical_crossentropy`.

    Args:      from_logits: y_pred holds logits, not probabilities.
               ignore_class: rows of this label count neither in the sum nor in the divisor.
    Example:
        >>> import pydl
        >>> loss = pydl.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> round(loss([0, 1, 2], [[8.0, 1, 1], [0, 9, 1], [2, 3, 5]]).item(), 4)
        0.0574
    """
    casts_targets = False

    def __init__(self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1, name="sparse_categorical_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        who = type(self).__name__
        self.from_logits, self.ignore_class, self.axis = boolean(who, "from_logits", from_logits), _class(who, ignore_class), check_axis(who, axis)

    def call(self, y_true, y_pred):
        check_label_shape(type(self).__name__, y_true.shape, y_pred.shape)
        return SparseCrossEntropyOp(type(self).__name__, self.from_logits, self.ignore_class)(y_true, y_pred)

    def call_mask(self, y_true, y_pred):
        if self.ignore_class is None:
            return None
        return cast(not_equal(reshape(y_true, y_pred.shape[:-1]), self.ignore_class), y_pred.dtype)

    def check_targets(self, who, y_true, shape):
        check_label_shape(who, y_true.shape, tuple(shape))
        classes = shape[-1]
        good = (y_true >= 0) & (y_true < classes)
        if y_true.dtype.kind == "f":
            good &= y_true == np.floor(y_true)
        if self.ignore_class is not None:
            good |= y_true == self.ignore_class
        if not good.all():
            raise label_error(who, y_true, int(np.argmin(good.reshape(-1))), classes)


# ---- probabilities of classes

class CrossEntropyOp(Op):
    """-sum t log p of each row.  Saves: predictions, targets and, from logits, log(sum exp x), one number a row."""

    def __init__(self, who, from_logits, smoothing):
        self.who, self.from_logits, self.smoothing = who, from_logits, smoothing

    def forward(self, B, target, pred):
        if self.needs[0]:
            raise TypeError(f"{self.who}: y_true is a constant here: no gradient flows into it (pydl.ops.stop_gradient says so aloud)")
        loss = B.empty(pred.shape[:-1], pred.dtype)
        if self.from_logits:
            self.lse = B.empty(pred.shape[:-1], pred.dtype)
            B.cross_entropy_logits_forward(pred, target, self.smoothing, loss, self.lse)
        else:
            B.cross_entropy_probs_forward(pred, target, self.smoothing, loss)
        self.target, self.pred = target, pred
        return loss

    def backward(self, B, dloss):
        dpred = B.empty(self.pred.shape, dloss.dtype)
        if self.from_logits:
            B.cross_entropy_logits_backward(dloss, self.pred, self.target, self.smoothing, self.lse, dpred)
        else:
            B.cross_entropy_probs_backward(dloss, self.pred, self.target, self.smoothing, dpred)
        return None, dpred


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Return -sum(t log p) for each row, against target probabilities t.

    t becomes t (1 - label_smoothing) + label_smoothing / classes.  Logits and probabilities as in `sparse_categorical_crossentropy`.

    Shapes:    y_true, y_pred (..., classes) -> (...)
    Gradients: y_pred.    Saves: one number a row.
    Example:
        >>> import pydl
        >>> round(pydl.losses.categorical_crossentropy([[0.0, 1.0]], [[0.5, 1.5]]).item(), 4)
        0.2877
    """
    who = "categorical_crossentropy"
    y_pred = floating(y_pred)
    y_true = as_tensor(y_true)
    check_axis(who, axis, y_pred.ndim)
    check_class_shape(who, y_true.shape, y_pred.shape)
    if y_true.dtype != y_pred.dtype:
        y_true = cast(y_true, y_pred.dtype)
    return CrossEntropyOp(who, boolean(who, "from_logits", from_logits), in_range(who, "label_smoothing", label_smoothing, 0, 1))(y_true, y_pred)


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot or probability targets: see `categorical_crossentropy`.

    Example:
        >>> import pydl
        >>> round(pydl.losses.CategoricalCrossentropy()([[0.0, 1.0, 0.0]], [[0.05, 0.9, 0.05]]).item(), 4)
        0.1054
    """

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size", name="categorical_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        who = type(self).__name__
        self.from_logits, self.axis = boolean(who, "from_logits", from_logits), check_axis(who, axis)
        self.label_smoothing = in_range(who, "label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true, y_pred):
        check_class_shape(type(self).__name__, y_true.shape, y_pred.shape)
        return CrossEntropyOp(type(self).__name__, self.from_logits, self.label_smoothing)(y_true, y_pred)

    def check_targets(self, who, y_true, shape):
        check_class_shape(who, y_true.shape, tuple(shape))
        check_numbers(who, y_true, low=0, meaning="probabilities (or one-hot rows)")


# ---- yes or no

def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Return the mean over the last axis of -t log p - (1 - t) log(1 - p).

    From logits it is softplus(x) - x t; else y_pred is clipped to [1e-7, 1 - 1e-7], and what is clipped has no gradient.
    t becomes t (1 - label_smoothing) + label_smoothing / 2.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: y_pred.
    Example:
        >>> import pydl
        >>> round(pydl.losses.binary_crossentropy([[1, 0]], [[0.9, 0.2]]).item(), 4)
        0.1643
    """
    who = "binary_crossentropy"
    check_axis(who, axis, floating(y_pred).ndim)
    kernel = "binary_cross_entropy_logits" if boolean(who, "from_logits", from_logits) else "binary_cross_entropy_probs"
    return ElementLossOp(who, kernel, in_range(who, "label_smoothing", label_smoothing, 0, 1))(*pair(who, y_true, y_pred))


class BinaryCrossentropy(Loss):
    """Cross-entropy of yes-or-no answers: see `binary_crossentropy`.

    Example:
        >>> import pydl
        >>> round(pydl.losses.BinaryCrossentropy()([[1], [0]], [[0.9], [0.2]]).item(), 4)
        0.1643
    """

    def __init__(self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size", name="binary_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        who = type(self).__name__
        self.from_logits, self.axis = boolean(who, "from_logits", from_logits), check_axis(who, axis)
        self.label_smoothing = in_range(who, "label_smoothing", label_smoothing, 0, 1)

    def call(self, y_true, y_pred):
        kernel = "binary_cross_entropy_logits" if self.from_logits else "binary_cross_entropy_probs"
        y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
        return ElementLossOp(type(self).__name__, kernel, self.label_smoothing)(samples(y_true), samples(y_pred))

    def check_targets(self, who, y_true, shape):
        check_alike(who, y_true.shape, tuple(shape))
        check_numbers(who, y_true, low=0, high=1, meaning="0, 1 or a probability between them")
