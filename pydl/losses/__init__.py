"""Losses: what training descends.  A class each, and the function of the same formula, under Keras's names."""
import inspect

from pydl import registry
from pydl.errors import show, suggestion
from pydl.losses.base import FunctionLoss, Loss
from pydl.losses.composed import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Tversky,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    dice,
    tversky,
)
from pydl.losses.cross_entropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from pydl.losses.ctc import CTC, ctc
from pydl.losses.element import (
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    squared_hinge,
)

CLASSES = [thing for thing in list(globals().values()) if isinstance(thing, type) and issubclass(thing, Loss) and thing not in (Loss, FunctionLoss)]
registry.register("losses", *CLASSES)

_BY_NAME = {cls.__name__: cls for cls in CLASSES}
_BY_NAME.update({cls().name: cls for cls in CLASSES})
_BY_NAME.update({alias: cls for names, cls in {
    "mse MSE": MeanSquaredError, "mae MAE": MeanAbsoluteError, "mape MAPE": MeanAbsolutePercentageError, "msle MSLE": MeanSquaredLogarithmicError,
    "bce BCE": BinaryCrossentropy, "kld KLD": KLDivergence, "huber": Huber, "logcosh": LogCosh}.items() for alias in names.split()})

FUNCTIONS = {f.__name__: f for f in (
    binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy, hinge, huber, kl_divergence, log_cosh, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, poisson, squared_hinge, categorical_hinge, cosine_similarity,
    binary_focal_crossentropy, categorical_focal_crossentropy, dice, tversky, ctc)}
_BY_FUNCTION = {f: _BY_NAME[name] for name, f in FUNCTIONS.items()}


def get(identifier):
    """Return the Loss that a name, a class, a config or a function (y_true, y_pred) -> values stands for.

    Example:
        >>> import pydl
        >>> pydl.losses.get("mse")
        <MeanSquaredError 'mean_squared_error'>
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        if identifier in _BY_NAME:
            return _BY_NAME[identifier]()
        found = registry.registered_object(identifier)
        if found is None:
            raise ValueError(f"loss: unknown name {show(identifier)}{suggestion(identifier, _BY_NAME)}; known are {', '.join(sorted(FUNCTIONS))}")
        return get(found)
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier) and not inspect.isclass(identifier):
        return _BY_FUNCTION[identifier]() if inspect.isfunction(identifier) and identifier in _BY_FUNCTION else FunctionLoss(identifier)
    raise TypeError(f"loss: expected a Loss, its name, or a function (y_true, y_pred) -> values, got {show(identifier)}")


def serialize(loss):
    """Return the config of a Loss: {"class_name", "config"}."""
    return registry.serialize(loss.function if isinstance(loss, FunctionLoss) else loss)


def deserialize(config, custom_objects=None):
    """Build a Loss from what `serialize` returned."""
    return get(registry.deserialize(config, custom_objects))
