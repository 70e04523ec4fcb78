"""Means of a loss: the metrics that are a loss's values, averaged over samples.  Computed by the losses' kernels."""
import math

from pydl.backends import cpu as B
from pydl.errors import boolean, in_range, integer
from pydl.kernels._common import KernelError
from pydl.metrics.base import Mean, row_weights
from pydl.ops import cast, not_equal, reshape
from pydl.targets import check_axis, check_class_shape, check_label_shape, class_margin, class_pair, cosine, floating, label_error, pair, samples
from pydl.tensor import as_tensor, no_grad


class ElementMean(Mean):
    """The mean over samples of a loss element by element."""
    kernel, setting = None, 0.0

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
            y_true, y_pred = samples(y_true), samples(y_pred)
            values = B.empty(y_pred.shape[:-1], y_pred.dtype)
            getattr(B, self.kernel + "_forward")(y_pred.array, y_true.array, self.setting, values)
            self.add(as_tensor(values), sample_weight)


class MeanSquaredError(ElementMean):
    """Mean of squared errors."""
    kernel = "squared_error"

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(name, dtype)


class RootMeanSquaredError(ElementMean):
    """Root of the mean of squared errors.

    Example:
        >>> import pydl
        >>> pydl.metrics.RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]])
        3.0
    """
    kernel = "squared_error"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def result(self):
        return math.sqrt(super().result())


class MeanAbsoluteError(ElementMean):
    """Mean of absolute errors."""
    kernel = "absolute_error"

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(name, dtype)


class MeanAbsolutePercentageError(ElementMean):
    """Mean of absolute errors in percent of the target."""
    kernel = "percentage_error"

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(name, dtype)


class MeanSquaredLogarithmicError(ElementMean):
    """Mean of squared errors of log(1 + y)."""
    kernel = "squared_log_error"

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(name, dtype)


class LogCoshError(ElementMean):
    """Mean of log cosh of the error."""
    kernel = "log_cosh"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(name, dtype)


class Poisson(ElementMean):
    """Mean of y_pred - y_true log y_pred."""
    kernel = "poisson"

    def __init__(self, name="poisson", dtype=None):
        super().__init__(name, dtype)


class KLDivergence(ElementMean):
    """Mean of the divergence of predicted from target probabilities."""
    kernel = "kl_divergence"

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(name, dtype)


class Hinge(ElementMean):
    """Mean of the hinge."""
    kernel = "hinge"

    def __init__(self, name="hinge", dtype=None):
        super().__init__(name, dtype)


class SquaredHinge(ElementMean):
    """Mean of the squared hinge."""
    kernel = "squared_hinge"

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(name, dtype)


class BinaryCrossentropy(ElementMean):
    """Mean of the cross-entropy of yes-or-no answers."""

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0.0):
        super().__init__(name, dtype)
        self.from_logits = boolean("BinaryCrossentropy", "from_logits", from_logits)
        self.label_smoothing = self.setting = in_range("BinaryCrossentropy", "label_smoothing", label_smoothing, 0, 1)
        self.kernel = "binary_cross_entropy_logits" if self.from_logits else "binary_cross_entropy_probs"


class CategoricalCrossentropy(Mean):
    """Mean of the cross-entropy of one-hot or probability targets."""

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0.0, axis=-1):
        super().__init__(name, dtype)
        check_axis("CategoricalCrossentropy", axis)
        self.from_logits, self.axis = boolean("CategoricalCrossentropy", "from_logits", from_logits), -1
        self.label_smoothing = in_range("CategoricalCrossentropy", "label_smoothing", label_smoothing, 0, 1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            y_true, y_pred = as_tensor(y_true), floating(y_pred)
            check_class_shape(type(self).__name__, y_true.shape, y_pred.shape)
            if y_true.dtype != y_pred.dtype:
                y_true = cast(y_true, y_pred.dtype)
            values = B.empty(y_pred.shape[:-1], y_pred.dtype)
            if self.from_logits:
                B.cross_entropy_logits_forward(y_pred.array, y_true.array, self.label_smoothing, values, B.empty(values.shape, values.dtype))
            else:
                B.cross_entropy_probs_forward(y_pred.array, y_true.array, self.label_smoothing, values)
            self.add(as_tensor(values), sample_weight)


class SparseCategoricalCrossentropy(Mean):
    """Mean of the cross-entropy of integer labels; rows of the label ignore_class do not count, as in the loss (in Keras's metric their zeros do)."""

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1):
        super().__init__(name, dtype)
        who = type(self).__name__
        check_axis(who, axis)
        self.from_logits, self.axis = boolean(who, "from_logits", from_logits), -1
        self.ignore_class = None if ignore_class is None else integer(who, "ignore_class", ignore_class)

    def update_state(self, y_true, y_pred, sample_weight=None):
        who = type(self).__name__
        with no_grad():
            y_true, y_pred = as_tensor(y_true), floating(y_pred)
            check_label_shape(who, y_true.shape, y_pred.shape)
            values = B.empty(y_pred.shape[:-1], y_pred.dtype)
            try:
                if self.from_logits:
                    B.sparse_cross_entropy_logits_forward(y_pred.array, y_true.array, self.ignore_class, values, B.empty(values.shape, values.dtype))
                else:
                    B.sparse_cross_entropy_probs_forward(y_pred.array, y_true.array, self.ignore_class, values)
            except KernelError as error:
                raise label_error(who, y_true.numpy().reshape(values.shape), error.where, y_pred.shape[-1]) from None
            if self.ignore_class is not None:
                counts = cast(not_equal(reshape(y_true, values.shape), self.ignore_class), values.dtype)
                sample_weight = counts if sample_weight is None else counts * row_tensor(who, sample_weight, values)
            self.add(as_tensor(values), sample_weight)


class Perplexity(SparseCategoricalCrossentropy):
    """exp of the mean cross-entropy of integer labels: between how many classes the model wavers.

    The mean is over all steps of all sequences: padding (the mask, or rows of the label ignore_class) does not count, sample weights do.

    Args:      from_logits: whether y_pred are logits.    ignore_class: a label that marks padding.
    Example:
        >>> import pydl
        >>> round(pydl.metrics.Perplexity()([[0, 1]], [[[0.25, 0.75], [0.25, 0.75]]]), 4)      # (1/4 * 3/4) ** (-1/2)
        2.3094
    """

    def __init__(self, name="perplexity", dtype=None, from_logits=False, ignore_class=None):
        super().__init__(name, dtype, from_logits, ignore_class)

    def result(self):
        """The perplexity so far; 0.0 before the first label, infinity beyond all numbers."""
        if not B.number(self.total, 1):
            return 0.0
        mean = super().result()
        return math.exp(mean) if mean < 709.0 else math.inf if mean == mean else mean


def row_tensor(who, sample_weight, values):
    return as_tensor(row_weights(who, sample_weight, values.shape, values.dtype))


class CosineSimilarity(Mean):
    """Mean of the cosine of the angle between target and prediction: 1 for the same direction.

    Example:
        >>> import pydl
        >>> round(pydl.metrics.CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]), 4)
        0.5
    """

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(name, dtype)
        self.axis = integer("CosineSimilarity", "axis", axis)

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
            self.add(cosine(samples(y_true), samples(y_pred), self.axis), sample_weight)


class CategoricalHinge(Mean):
    """Mean of the hinge of the right class against the best other."""

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        with no_grad():
            self.add(class_margin(*class_pair(type(self).__name__, y_true, y_pred)), sample_weight)
