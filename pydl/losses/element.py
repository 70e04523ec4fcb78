"""Losses element by element: squared and absolute error and their kin, divergences, margins."""
from pydl.autodiff import Op
from pydl.errors import in_range
from pydl.losses.base import Loss
from pydl.targets import check_alike, check_numbers, pair, samples


class ElementLossOp(Op):
    """Mean (of kl_divergence the sum) over the last axis of l(target, prediction), by one kernel.  Saves: both.

    `even` says that l depends on the difference alone and not on its sign, or on a difference of one function of both:
    exchanging the two gives the gradient by the target.
    """

    def __init__(self, who, kernel, setting=0.0, even=False):
        self.who, self.kernel, self.setting, self.even = who, kernel, setting, even

    def forward(self, B, target, pred):
        if self.needs[0] and not self.even:
            raise TypeError(f"{self.who}: y_true is a constant here: no gradient flows into it (pydl.ops.stop_gradient says so aloud)")
        loss = B.empty(pred.shape[:-1], pred.dtype)
        getattr(B, self.kernel + "_forward")(pred, target, self.setting, loss)
        self.target, self.pred = target, pred
        return loss

    def backward(self, B, dloss):
        slope = getattr(B, self.kernel + "_backward")
        dtarget = dpred = None
        if self.needs[0]:
            dtarget = B.empty(self.pred.shape, dloss.dtype)
            slope(dloss, self.target, self.pred, self.setting, dtarget)
        if self.needs[1]:
            dpred = B.empty(self.pred.shape, dloss.dtype)
            slope(dloss, self.pred, self.target, self.setting, dpred)
        return dtarget, dpred


class ElementLoss(Loss):
    """A loss that is the mean over the last axis of a formula; flat arrays are samples of one number each."""
    kernel, even, setting = None, False, 0.0

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)

    def call(self, y_true, y_pred):
        y_true, y_pred = pair(type(self).__name__, y_true, y_pred)
        return ElementLossOp(type(self).__name__, self.kernel, self.setting, self.even)(samples(y_true), samples(y_pred))

    def check_targets(self, who, y_true, shape):
        check_alike(who, y_true.shape, tuple(shape))


# ---- errors

def mean_squared_error(y_true, y_pred):
    """Return the mean of (y_pred - y_true)^2 over the last axis.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    Example:
        >>> import pydl
        >>> pydl.losses.mean_squared_error([[1.0, 2.0]], [[3.0, 2.0]]).numpy().tolist()
        [2.0]
    """
    return ElementLossOp("mean_squared_error", "squared_error", even=True)(*pair("mean_squared_error", y_true, y_pred))


class MeanSquaredError(ElementLoss):
    """Mean of squared errors.

    Example:
        >>> import pydl
        >>> pydl.losses.MeanSquaredError()([[1.0], [2.0]], [[3.0], [2.0]]).item()
        2.0
    """
    kernel, even = "squared_error", True

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(reduction, name, dtype)


def mean_absolute_error(y_true, y_pred):
    """Return the mean of |y_pred - y_true| over the last axis; its gradient is 0 where they are equal.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    Example:
        >>> import pydl
        >>> pydl.losses.mean_absolute_error([[1.0, 2.0]], [[3.0, 2.0]]).numpy().tolist()
        [1.0]
    """
    return ElementLossOp("mean_absolute_error", "absolute_error", even=True)(*pair("mean_absolute_error", y_true, y_pred))


class MeanAbsoluteError(ElementLoss):
    """Mean of absolute errors.

    Example:
        >>> import pydl
        >>> pydl.losses.MeanAbsoluteError()([[1.0], [2.0]], [[3.0], [2.0]]).item()
        1.0
    """
    kernel, even = "absolute_error", True

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(reduction, name, dtype)


def mean_absolute_percentage_error(y_true, y_pred):
    """Return the mean of 100 |y_pred - y_true| / max(|y_true|, 1e-7) over the last axis.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: y_pred.
    """
    who = "mean_absolute_percentage_error"
    return ElementLossOp(who, "percentage_error")(*pair(who, y_true, y_pred))


class MeanAbsolutePercentageError(ElementLoss):
    """Mean of absolute errors in percent of the target."""
    kernel = "percentage_error"

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(reduction, name, dtype)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Return the mean of (log(1 + y_pred) - log(1 + y_true))^2 over the last axis, both at least 1e-7.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    """
    who = "mean_squared_logarithmic_error"
    return ElementLossOp(who, "squared_log_error", even=True)(*pair(who, y_true, y_pred))


class MeanSquaredLogarithmicError(ElementLoss):
    """Mean of squared errors of log(1 + y)."""
    kernel, even = "squared_log_error", True

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(reduction, name, dtype)


def huber(y_true, y_pred, delta=1.0):
    """Return the mean over the last axis of d^2 / 2 where d = |y_pred - y_true| <= delta, of delta d - delta^2 / 2 beyond.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    """
    return ElementLossOp("huber", "huber", in_range("huber", "delta", delta, 0, low_open=True), even=True)(*pair("huber", y_true, y_pred))


class Huber(ElementLoss):
    """Squared error near the target, absolute error beyond delta: see `huber`."""
    kernel, even = "huber", True

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(reduction, name, dtype)
        self.delta = self.setting = in_range("Huber", "delta", delta, 0, low_open=True)


def log_cosh(y_true, y_pred):
    """Return the mean of log cosh(y_pred - y_true) over the last axis: a smooth absolute error.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: both.
    """
    return ElementLossOp("log_cosh", "log_cosh", even=True)(*pair("log_cosh", y_true, y_pred))


class LogCosh(ElementLoss):
    """Mean of log cosh of the error."""
    kernel, even = "log_cosh", True

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(reduction, name, dtype)


# ---- distributions

def poisson(y_true, y_pred):
    """Return the mean of y_pred - y_true log(y_pred + 1e-7) over the last axis.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: y_pred.
    """
    return ElementLossOp("poisson", "poisson")(*pair("poisson", y_true, y_pred))


class Poisson(ElementLoss):
    """Negative log-likelihood of counts, without its constant: see `poisson`."""
    kernel = "poisson"

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(reduction, name, dtype)

    def check_targets(self, who, y_true, shape):
        super().check_targets(who, y_true, shape)
        check_numbers(who, y_true, low=0, meaning="counts")


def kl_divergence(y_true, y_pred):
    """Return the sum of t log(t / p) over the last axis, both clipped to [1e-7, 1].

    Shapes:    y_true, y_pred (..., classes) -> (...)
    Gradients: y_pred.
    """
    return ElementLossOp("kl_divergence", "kl_divergence")(*pair("kl_divergence", y_true, y_pred))


class KLDivergence(ElementLoss):
    """How far predicted probabilities are from the target's: see `kl_divergence`."""
    kernel = "kl_divergence"

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(reduction, name, dtype)

    def check_targets(self, who, y_true, shape):
        super().check_targets(who, y_true, shape)
        check_numbers(who, y_true, low=0, meaning="probabilities")


# ---- margins

def hinge(y_true, y_pred):
    """Return the mean of max(1 - t y, 0) over the last axis; targets that are all 0 or 1 are read as -1 and 1.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: y_pred.
    """
    return ElementLossOp("hinge", "hinge")(*pair("hinge", y_true, y_pred))


class Hinge(ElementLoss):
    """The margin of a support vector machine: see `hinge`."""
    kernel = "hinge"

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(reduction, name, dtype)


def squared_hinge(y_true, y_pred):
    """Return the mean of max(1 - t y, 0)^2 over the last axis; targets as in `hinge`.

    Shapes:    y_true, y_pred (..., m) -> (...)
    Gradients: y_pred.
    """
    return ElementLossOp("squared_hinge", "squared_hinge")(*pair("squared_hinge", y_true, y_pred))


class SquaredHinge(ElementLoss):
    """The square of the hinge: see `squared_hinge`."""
    kernel = "squared_hinge"

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(reduction, name, dtype)
