"""Losses composed of ops: categorical hinge, cosine similarity, focal cross-entropy, overlap of regions."""
from pydl.errors import boolean, in_range, int_tuple, is_int
from pydl.losses.base import Loss
from pydl.ops import clip, divide, log, mean, power, sigmoid, softmax, sum
from pydl.targets import check_alike, check_axis, check_class_shape, check_numbers, class_margin, cosine, pair, samples

SMALL = 1e-7


class PairLoss(Loss):
    """A Loss that is a function of targets and predictions of one shape, with the options named in `options`."""
    options, check_shape = (), staticmethod(check_alike)

    def call(self, y_true, y_pred):
        y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
        return type(self).function(samples(y_true), samples(y_pred), **{n: getattr(self, n) for n in self.options})

    def check_targets(self, who, y_true, shape):
        self.check_shape(who, y_true.shape, tuple(shape))


# ---- margins and angles

def categorical_hinge(y_true, y_pred):
    """Return max(1 + max((1 - t) y) - sum(t y), 0) for each row: the right class must win by 1.

    Shapes:    y_true, y_pred (..., classes) -> (...)
    Gradients: both.
    Example:
        >>> import pydl
        >>> pydl.losses.categorical_hinge([[0, 1]], [[0.75, 0.25]]).numpy().tolist()
        [1.5]
    """
    return class_margin(*pair("categorical_hinge", y_true, y_pred))


class CategoricalHinge(PairLoss):
    """The hinge of the right class against the best other: see `categorical_hinge`."""
    function, check_shape = staticmethod(categorical_hinge), staticmethod(check_class_shape)

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(name, reduction, dtype)


def cosine_similarity(y_true, y_pred, axis=-1):
    """Return minus the cosine of the angle between target and prediction: -1 for the same direction, 0 for a vector of zeros.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    Example:
        >>> import pydl
        >>> pydl.losses.cosine_similarity([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]).numpy().round(4).tolist()
        [-0.0, -1.0]
    """
    return -cosine(*pair("cosine_similarity", y_true, y_pred), axis)


class CosineSimilarity(PairLoss):
    """Minus the cosine of the angle between target and prediction: see `cosine_similarity`."""
    function, options = staticmethod(cosine_similarity), ("axis",)

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(name, reduction, dtype)
        if not is_int(axis):
            raise TypeError(f"CosineSimilarity: axis must be an integer, got {axis!r}")
        self.axis = int(axis)

    def call(self, y_true, y_pred):
        return cosine_similarity(y_true, y_pred, self.axis)


# ---- focal cross-entropy

def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    """Return the mean over the last axis of (1 - p_t)^gamma * cross-entropy: what is right already counts less.

    p_t is the probability given to the target; with apply_class_balancing positives are weighted alpha, negatives 1 - alpha.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    Source:    Lin et al., Focal loss for dense object detection, 2017, equation 5.
    """
    check_axis("binary_focal_crossentropy", axis)
    y_true, y_pred = pair("binary_focal_crossentropy", y_true, y_pred)
    t = y_true * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true
    x = sigmoid(y_pred) if from_logits else y_pred
    p = clip(x, SMALL, 1 - SMALL)
    entropy = -(t * log(p) + (1 - t) * log(1 - p))
    focal = power(1 - (t * x + (1 - t) * (1 - x)), gamma) * entropy
    if apply_class_balancing:
        focal = focal * (t * alpha + (1 - t) * (1 - alpha))
    return mean(focal, axis=-1)


class BinaryFocalCrossentropy(PairLoss):
    """Cross-entropy of yes-or-no answers that looks at the hard ones: see `binary_focal_crossentropy`."""
    function, options = staticmethod(binary_focal_crossentropy), ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="binary_focal_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        who = type(self).__name__
        self.apply_class_balancing, self.from_logits = boolean(who, "apply_class_balancing", apply_class_balancing), boolean(who, "from_logits", from_logits)
        self.alpha, self.gamma = in_range(who, "alpha", alpha, 0, 1), in_range(who, "gamma", gamma, 0)
        self.label_smoothing, self.axis = in_range(who, "label_smoothing", label_smoothing, 0, 1), check_axis(who, axis)

    def check_targets(self, who, y_true, shape):
        super().check_targets(who, y_true, shape)
        check_numbers(who, y_true, low=0, high=1, meaning="0, 1 or a probability between them")


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    """Return the sum over classes of -alpha (1 - p)^gamma t log p for each row; p as in `categorical_crossentropy`.

    Shapes:    y_true, y_pred (..., classes) -> (...)
    Gradients: both.
    Source:    Lin et al., Focal loss for dense object detection, 2017.
    """
    check_axis("categorical_focal_crossentropy", axis)
    y_true, y_pred = pair("categorical_focal_crossentropy", y_true, y_pred)
    t = y_true * (1 - label_smoothing) + label_smoothing / y_pred.shape[-1] if label_smoothing else y_true
    p = softmax(y_pred) if from_logits else divide(y_pred, sum(y_pred, axis=-1, keepdims=True))
    p = clip(p, SMALL, 1 - SMALL)
    return sum(power(1 - p, gamma) * (alpha * t) * -log(p), axis=-1)


class CategoricalFocalCrossentropy(PairLoss):
    """Cross-entropy of classes that looks at the hard ones: see `categorical_focal_crossentropy`."""
    function, options = staticmethod(categorical_focal_crossentropy), ("alpha", "gamma", "from_logits", "label_smoothing", "axis")
    check_shape = staticmethod(check_class_shape)

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_focal_crossentropy", dtype=None):
        super().__init__(name, reduction, dtype)
        who = type(self).__name__
        self.alpha, self.gamma = in_range(who, "alpha", alpha, 0), in_range(who, "gamma", gamma, 0)
        self.from_logits, self.axis = boolean(who, "from_logits", from_logits), check_axis(who, axis)
        self.label_smoothing = in_range(who, "label_smoothing", label_smoothing, 0, 1)


# ---- overlap

def _axes(who, axis):
    return axis if axis is None or is_int(axis) else int_tuple(who, "axis", axis)


def dice(y_true, y_pred, axis=None):
    """Return 1 - 2 sum(t y) / (sum t + sum y + 1e-7) over `axis`, by default over the whole batch.

    Shapes:    y_true, y_pred (...) -> the axes that are left
    Gradients: both.
    """
    y_true, y_pred = pair("dice", y_true, y_pred)
    return 1 - 2 * sum(y_true * y_pred, axis=axis) / (sum(y_true, axis=axis) + sum(y_pred, axis=axis) + SMALL)


class Dice(PairLoss):
    """One minus the overlap of two regions: see `dice`."""
    function, options = staticmethod(dice), ("axis",)

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(name, reduction, dtype)
        self.axis = _axes("Dice", axis)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """Return 1 - s / (s + alpha sum(t (1 - y)) + beta sum((1 - t) y) + 1e-7) with s = sum(t y): alpha weighs what is missed, beta false alarms.

    Shapes:    y_true, y_pred (...) -> the axes that are left
    Gradients: both.
    Source:    Salehi et al., 2017.
    """
    y_true, y_pred = pair("tversky", y_true, y_pred)
    both, missed, false = (sum(v, axis=axis) for v in (y_true * y_pred, y_true * (1 - y_pred), (1 - y_true) * y_pred))
    return 1 - both / (both + alpha * missed + beta * false + SMALL)


class Tversky(PairLoss):
    """Dice with weights for the two kinds of mistake: see `tversky`."""
    function, options = staticmethod(tversky), ("alpha", "beta", "axis")

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        super().__init__(name, reduction, dtype)
        self.alpha, self.beta = in_range("Tversky", "alpha", alpha, 0), in_range("Tversky", "beta", beta, 0)
        self.axis = _axes("Tversky", axis)
