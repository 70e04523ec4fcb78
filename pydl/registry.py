"""The allow-list of classes that a saved config may name.

A config is {"class_name": name, "config": {...}}.  A name is looked up in the caller's `custom_objects`, then among
the registered ones, and nowhere else: nothing is imported by name, so a file can only build what the program
already offers.  Our own classes are registered by their module as "losses.MeanSquaredError"; those of users by
`register_serializable`, as "Custom>MyLayer".
"""

import contextlib
import contextvars
import inspect
import types

from pydl.errors import FormatError, show, string, suggestion

_by_name = {}    # name in a file -> class or function of ours
_custom = {}     # the same of the user's
_name_of = {}    # class or function -> name in a file
_scope = contextvars.ContextVar("pydl_custom_objects", default=types.MappingProxyType({}))
_gathered = contextvars.ContextVar("pydl_gathered", default=None)       # while a copy is made: name -> what is not registered


def register(kind, *objects):
    """Allow `objects` (classes with get_config, or functions) in saved configs as "kind.Name"."""
    for thing in objects:
        _add(_by_name, f"{kind}.{thing.__name__}", thing)


def register_serializable(package="Custom", name=None):
    """Allow a class or function of yours in saved models: a decorator, as Keras's register_keras_serializable.

    Args:      package: a prefix that keeps your names apart from others'.
               name: the name in the file; the class's own by default.
    Raises:    ValueError if another class has that name already.
    Example:   @pydl.saving.register_serializable()
               class Scale(pydl.layers.Layer): ...
    """
    string("register_serializable", "package", package)
    if name is not None:
        string("register_serializable", "name", name)

    def decorate(thing):
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            raise TypeError(f"register_serializable: expected a class or a function, got {show(thing)}")
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"register_serializable: {thing.__name__} has no get_config(), so it cannot be saved")
        _add(_custom, f"{package}>{name or thing.__name__}", thing)
        return thing

    return decorate


def _add(table, name, thing):
    known = table.get(name)
    # the same class defined anew (a notebook cell run twice, a module reloaded) takes its own old place
    same = known is None or (known.__qualname__, known.__module__) == (thing.__qualname__, thing.__module__)
    if not same:
        raise ValueError(f"register: {name!r} is already {known.__module__}.{known.__qualname__}; choose another name")
    if known is not None:
        _name_of.pop(known, None)
    table[name] = thing
    _name_of[thing] = name


def get_custom_objects():
    """Return the table of your classes and functions by name, itself and no copy: what is put there may stand in saved models, and be called by its name.

    `register_serializable` enters "Custom>MyLayer"; `custom_object_scope` does not write here.

    Example:
        >>> import pydl
        >>> pydl.saving.get_custom_objects()["halved"] = lambda x: x * 0.5
        >>> pydl.layers.Activation("halved")([[3.0]]).item()
        1.5
        >>> del pydl.saving.get_custom_objects()["halved"]
    """
    return _custom


def registered_name(thing):
    """Return the name of a class or function in a file: the registered one, or its own."""
    return _name_of.get(thing, thing.__name__)


def registered_object(name, custom_objects=None):
    """Return the class or function of that name, or None if it is not allowed."""
    for table in (custom_objects or {}, _scope.get(), _custom, _by_name):
        if name in table:
            return table[name]
    bare = name.rsplit(">", 1)[-1].rsplit(".", 1)[-1]     # custom_objects={"MyLayer": MyLayer} serves "Custom>MyLayer" too
    for table in (custom_objects or {}, _scope.get(), _custom):
        if bare in table:
            return table[bare]
    return None


@contextlib.contextmanager
def gathered():
    """Collect what `serialize` names in the block and is not registered: custom_objects for `deserialize` in this process, or for pickle to find.

    Each thing has a name of its own there, a lambda too.
    """
    token = _gathered.set({})
    try:
        yield _gathered.get()
    finally:
        _gathered.reset(token)


def _written_name(thing):
    """The name of a class or function in a config."""
    found, name, count = _gathered.get(), registered_name(thing), 0
    if found is None or any(table.get(name) is thing for table in (_custom, _by_name)):
        return name
    while found.get(name, thing) is not thing or name in _custom or name in _by_name:
        count += 1
        name = f"{thing.__name__} {count}"
    found[name] = thing
    return name


@contextlib.contextmanager
def custom_object_scope(custom_objects):
    """Allow more names while the block runs: with custom_object_scope({"MyLayer": MyLayer}): load_model(...)."""
    token = _scope.set({**_scope.get(), **checked_custom_objects("custom_object_scope", custom_objects)})
    try:
        yield
    finally:
        _scope.reset(token)


def checked_custom_objects(who, custom_objects):
    """Return a dict from names to classes or functions; None is the empty one."""
    if custom_objects is None:
        return {}
    if not isinstance(custom_objects, dict):
        raise TypeError(f"{who}: custom_objects must be a dict from names to classes, got {show(custom_objects)}")
    for name, thing in custom_objects.items():
        if not isinstance(name, str) or not callable(thing):
            raise TypeError(f"{who}: custom_objects must map names to classes or functions, got {show(name)}: {show(thing)}")
    return dict(custom_objects)


def serialize(thing):
    """Return the config of an object: {"class_name", "config"}; of a function {"function"}; of None, None."""
    if thing is None:
        return None
    if inspect.isfunction(thing) or inspect.isbuiltin(thing):
        if thing.__name__ == "<lambda>" and _gathered.get() is None:
            raise ValueError("save: a lambda has no name to be found by again; use a named function and register_serializable")
        return {"function": _written_name(thing)}
    get_config = getattr(thing, "get_config", None)
    if get_config is None:
        raise TypeError(f"save: {type(thing).__name__} has no get_config(), so it cannot be saved")
    config = get_config()
    if not isinstance(config, dict):
        raise TypeError(f"save: {type(thing).__name__}.get_config() must return a dict, got {show(config)}")
    return {"class_name": _written_name(type(thing)), "config": config}


def deserialize(data, custom_objects=None, kind=None):
    """Build an object from its config; the other way round of `serialize`.

    Args:      data: what serialize returned, read from a file; it is not trusted.
               custom_objects: a dict from names to classes, for those not registered.
               kind: the class the result has to be an instance of, if any.
    Raises:    FormatError if the config is malformed, names a class not allowed, or does not fit its class.
    """
    custom_objects = checked_custom_objects("deserialize", custom_objects)
    if data is None:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("function", data.get("class_name")), str):
        raise FormatError(f"config: expected a class_name and a config, got {show(data)}")
    if "function" in data:
        if kind is not None:
            raise FormatError(f"config: expected a {kind.__name__}, got the function {show(data['function'])}")
        return _found(data["function"], custom_objects)
    name, config = data["class_name"], data.get("config")
    if not isinstance(config, dict):
        raise FormatError(f"config of {name!r}: expected a dict, got {show(config)}")
    cls = _found(name, custom_objects)
    if not inspect.isclass(cls):
        raise FormatError(f"config: {name!r} is not a class")
    if kind is not None and not issubclass(cls, kind):
        raise FormatError(f"config: expected a {kind.__name__}, got the {cls.__name__} {name!r}")
    try:
        with custom_object_scope(custom_objects):
            return cls.from_config(dict(config)) if hasattr(cls, "from_config") else cls(**config)
    except FormatError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise FormatError(f"config of {name!r} does not fit its class: {error}") from error


def named(who, what, identifier, by_name, base, shown, takes="a tensor"):
    """Return what an argument stands for: a name of `by_name` or a registered one, a config, a class of `base`, or a function; None stays.

    Args:      who: begins the message.    what: "constraint".    shown: the names a message lists.    takes: what a function takes.
    Raises:    ValueError for an unknown name, with the nearest known one; TypeError for what is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = by_name.get(identifier) or registered_object(identifier)
        if found is None:
            raise ValueError(f"{who}: unknown {what} {show(identifier)}{suggestion(identifier, shown)} (known: {', '.join(shown)})")
        return found() if inspect.isclass(found) else found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if inspect.isclass(identifier) and issubclass(identifier, base):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"{who}: expected a name, {'an' if what[0] in 'aeiou' else 'a'} {what} or a function of {takes}, got {show(identifier)}")


def _found(name, custom_objects):
    thing = registered_object(name, custom_objects)
    if thing is not None:
        return thing
    bare = name.rsplit(">", 1)[-1].rsplit(".", 1)[-1]
    near = suggestion(name, [*_by_name, *_custom])
    written = bare if bare.isidentifier() else "..."
    raise FormatError(f"config: unknown class or function {show(name)}{near}; if it is yours, pass custom_objects="
                      f"{{{bare[:40]!r}: {written[:40]}}} or decorate it with @pydl.saving.register_serializable()")
