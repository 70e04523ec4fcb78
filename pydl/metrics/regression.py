"""How much of the targets' spread the predictions explain: R2Score."""
import numpy as np

from pydl.backends import cpu as B
from pydl.errors import ShapeError, non_negative_int, one_of
from pydl.metrics.base import Metric
from pydl.ops import cast, multiply, reshape, square, subtract, sum
from pydl.targets import aligned_weights, pair, samples
from pydl.tensor import as_tensor, no_grad


class R2Score(Metric):
    """The coefficient of determination: 1 - sum w (y - prediction)^2 / sum w (y - mean of y)^2, for each output, in float64.

    1 is perfect, 0 as good as the mean of the targets; an output whose targets do not differ counts 0.

    Args:      class_aggregation: "uniform_average" of the outputs, "variance_weighted_average", or None for a number an output.
               num_regressors: the number of features, for the adjusted score 1 - (1 - r2) (n - 1) / (n - features - 1), n targets; 0 for the plain one.
    Shapes:    y_true, y_pred (n, outputs) or (n,)
    Example:
        >>> import pydl
        >>> round(pydl.metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
        0.5714
    """

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(dtype, name)
        self.class_aggregation = one_of("R2Score", "class_aggregation", class_aggregation, ("uniform_average", "variance_weighted_average", None))
        self.num_regressors = non_negative_int("R2Score", "num_regressors", num_regressors)
        self.outputs = None

    def _make(self, outputs):
        if self.outputs is None:
            self.outputs = outputs
            self.numbers = B.owned((), "float64")               # owned arrays are zero, and made in a step without spoiling its recording
            self.weight, self.total, self.squares, self.errors = (B.owned((outputs,), "float64") for _ in range(4))
        elif outputs != self.outputs:
            raise ShapeError(f"R2Score: y_pred had {self.outputs} outputs in the batches before, now {outputs}")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in targets and predictions; weights count rows."""
        with no_grad():
            y_true, y_pred = pair("R2Score", y_true, y_pred)
            y_true, y_pred = samples(y_true), samples(y_pred)
            if y_pred.ndim != 2:
                raise ShapeError(f"R2Score: y_pred must be (n, outputs) or (n,), got {y_pred.shape}")
            n, outputs = y_pred.shape
            self._make(outputs)
            y_true, y_pred = cast(y_true, "float64"), cast(y_pred, "float64")
            if sample_weight is None:
                w = np.ones((n, 1))
            else:
                w = aligned_weights("R2Score", sample_weight, (n,), np.dtype("float64"))
                w = reshape(w, (n, 1)) if w.ndim else multiply(w, np.ones((n, 1)))
            ones = np.ones((1, outputs))
            weighted, errors = multiply(y_true, w), multiply(square(subtract(y_true, y_pred)), w)
            for state, values in ((self.weight, multiply(w, ones)), (self.total, weighted), (self.squares, multiply(weighted, y_true)), (self.errors, errors)):
                B.add(state, sum(values, axis=0).array, state)
            B.add(self.numbers, as_tensor(np.array(float(n * outputs))).array, self.numbers)            # so Keras counts them

    def reset_state(self):
        for state in self.variables:
            B.assign(state, np.zeros(state.shape))

    @property
    def variables(self):
        return [] if self.outputs is None else [self.weight, self.total, self.squares, self.errors, self.numbers]

    def result(self):
        """The score so far: a float, or an ndarray of one an output; 0.0 before the first batch."""
        if self.outputs is None:
            return 0.0
        weight, total, squares, errors = (np.array(s) for s in (self.weight, self.total, self.squares, self.errors))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = squares - total * total / weight
            scores = 1 - errors / spread
        scores = np.where(np.isfinite(scores), scores, 0.0)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation is not None:
            scores = (scores * spread).sum() / spread.sum() if spread.sum() else 0.0
        if self.num_regressors:
            numbers = float(np.asarray(self.numbers))
            if numbers - self.num_regressors - 1 <= 0:
                raise ValueError(f"R2Score: num_regressors={self.num_regressors} needs more than {self.num_regressors + 1} targets, got {numbers:.0f}")
            scores = 1 - (1 - scores) * (numbers - 1) / (numbers - self.num_regressors - 1)
        return scores if np.ndim(scores) else float(scores)
