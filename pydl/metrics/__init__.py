"""Metrics: what is reported beside the loss.  Names and arguments as in Keras; results are floats."""
import inspect

from pydl import registry
from pydl.errors import show, suggestion
from pydl.metrics.accuracy import (
    Accuracy,
    AccuracyByShape,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from pydl.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from pydl.metrics.confusion import ConfusionMatrix, MisclassificationError, confusion_matrix
from pydl.metrics.counts import (
    AUC,
    BinaryIoU,
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    IoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from pydl.metrics.functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from pydl.metrics.regression import R2Score
from pydl.metrics.values import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Perplexity,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

CLASSES = [thing for thing in list(globals().values()) if isinstance(thing, type) and issubclass(thing, Metric)
           and thing not in (Metric, MeanMetricWrapper)]
registry.register("metrics", *CLASSES)

_NAMED = [cls for cls in CLASSES if cls is not AccuracyByShape and cls is not Accuracy]
_BY_NAME = {cls.__name__: cls for cls in [*_NAMED, Accuracy]}
_BY_NAME.update({inspect.signature(cls).parameters["name"].default or cls.default_name: cls for cls in _NAMED})
_BY_NAME.update({alias: cls for names, cls in {
    "accuracy acc": AccuracyByShape, "mse MSE": MeanSquaredError, "mae MAE": MeanAbsoluteError, "mape MAPE": MeanAbsolutePercentageError,
    "msle MSLE": MeanSquaredLogarithmicError, "bce BCE": BinaryCrossentropy, "rmse RMSE": RootMeanSquaredError, "kld KLD": KLDivergence,
    "log_cosh log_cosh_error": LogCoshError, "f_beta_score": FBetaScore}.items() for alias in names.split()})

_BY_FUNCTION = {f: _BY_NAME[f.__name__] for f in (binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, sparse_top_k_categorical_accuracy,
                                                  top_k_categorical_accuracy)}


def get(identifier):
    """Return the Metric that a name, a class, a config or a function (y_true, y_pred) -> values stands for.

    The key in the log is the name that was given; "accuracy" finds its form (binary, by label, by one-hot row) by the
    shapes of the first batch.

    Example:
        >>> import pydl
        >>> pydl.metrics.get("mae").name
        'mae'
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier in _BY_NAME:
            cls = _BY_NAME[identifier]
            return cls() if identifier == cls.__name__ else cls(name=identifier)
        found = registry.registered_object(identifier)
        if found is None:
            known = ", ".join(sorted(n for n in _BY_NAME if n.islower()))
            raise ValueError(f"metric: unknown name {show(identifier)}{suggestion(identifier, _BY_NAME)}; known are {known}")
        return get(found)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier) and not inspect.isclass(identifier):
        return _BY_FUNCTION[identifier]() if inspect.isfunction(identifier) and identifier in _BY_FUNCTION else MeanMetricWrapper(identifier)
    raise TypeError(f"metric: expected a Metric, its name, or a function (y_true, y_pred) -> values, got {show(identifier)}")


def serialize(metric):
    """Return the config of a Metric: {"class_name", "config"}; of one made of a function, the function's."""
    return registry.serialize(metric.fn if isinstance(metric, MeanMetricWrapper) else metric)


def deserialize(config, custom_objects=None):
    """Build a Metric from what `serialize` returned."""
    return get(registry.deserialize(config, custom_objects))
