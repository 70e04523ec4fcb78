"""Activations by name, as in keras.activations: `get("relu")` is `relu`."""
from pydl import registry
from pydl.errors import show, suggestion
from pydl.ops import ACTIVATIONS, hard_silu, linear, silu

registry.register("activations", *ACTIVATIONS.values())
BY_NAME = ACTIVATIONS | {"swish": silu, "hard_swish": hard_silu}
globals().update(BY_NAME)                   # activations.relu, activations.softmax, ...


def get(identifier, who="activation"):
    """Return the activation of that name; a function is returned as it is, and None is linear.  who: begins the message.

    Raises:    ValueError for an unknown name, with the nearest known one; TypeError for what is neither.
    Example:
        >>> from pydl import activations
        >>> activations.get("relu").__name__
        'relu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        if identifier in BY_NAME:
            return BY_NAME[identifier]
        found = registry.registered_object(identifier)
        if found is None:
            raise ValueError(f"{who}: {identifier!r} is unknown{suggestion(identifier, BY_NAME)}; known are {', '.join(sorted(BY_NAME))}")
        return found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise TypeError(f"{who}: expected a name or a function, got {show(identifier)}")


def serialize(activation):
    """Return what a config holds for an activation: the name of ours or of a registered function, the config of a layer or other object.

    Raises:    ValueError for a lambda, which no file can name.
    Example:
        >>> from pydl import activations
        >>> activations.serialize(activations.tanh)
        'tanh'
    """
    if BY_NAME.get(getattr(activation, "__name__", None)) is activation:
        return activation.__name__
    data = registry.serialize(activation)
    return data["function"] if data and "function" in data else data


def deserialize(config, custom_objects=None):
    """Return the activation that `serialize` wrote down.

    Args:      custom_objects: a dict from names to functions of yours.
    """
    if isinstance(config, dict):
        return registry.deserialize(config, custom_objects)
    with registry.custom_object_scope(custom_objects or {}):
        return get(config)
