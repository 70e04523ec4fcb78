"""Optimizers: how weights follow their gradients.  Names, arguments and formulas as in Keras."""
import inspect

from pydl import registry, schedules  # noqa: F401      optimizers.schedules, where Keras has them
from pydl.errors import show, suggestion
from pydl.optimizers.base import Optimizer
from pydl.optimizers.methods import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, RMSprop

CLASSES = (SGD, RMSprop, Adam, AdamW, Adagrad, Adadelta, Adamax, Nadam, Lion)
registry.register("optimizers", *CLASSES)
_BY_NAME = {name: cls for cls in CLASSES for name in (cls.__name__.lower(), cls.__name__)}


def get(identifier):
    """Return the Optimizer that a name, a class or a config stands for.

    Example:
        >>> import pydl
        >>> pydl.optimizers.get("adam")
        <Adam 'adam', learning rate 0.001, 0 steps>
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        found = _BY_NAME.get(identifier) or _BY_NAME.get(identifier.lower())
        if found is None:
            raise ValueError(f"optimizer: unknown name {show(identifier)}{suggestion(identifier, _BY_NAME)}; "
                             f"known are {', '.join(cls.__name__.lower() for cls in CLASSES)}")
        return found()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, Optimizer):
        return identifier()
    raise TypeError(f"optimizer: expected an Optimizer or its name, got {show(identifier)}")


def serialize(optimizer):
    """Return the config of an Optimizer: {"class_name", "config"}."""
    return registry.serialize(optimizer)


def deserialize(config, custom_objects=None):
    """Build an Optimizer from what `serialize` returned."""
    return registry.deserialize(config, custom_objects, kind=Optimizer)
