"""save_model, load_model and the weights alone: what of a model goes into its file, and how it comes back.

Arrays of the file: weights/<path>, states/<path> (dropout counters), optimizer/<number>.
"""
import json
import os
import re
import warnings

import numpy as np

from pydl import optimizers, registry
from pydl.errors import FormatError, ShapeError, boolean, show
from pydl.layers.contents import budget_of, matched
from pydl.models.functional import Functional
from pydl.models.model import Model
from pydl.models.model_file import plain, read_model_file, write_model_file
from pydl.models.progress import optimizer_state, restore_optimizer
from pydl.models.sequential import Sequential
from pydl.registry import custom_object_scope, get_custom_objects, register_serializable  # noqa: F401   pydl.saving shows them
from pydl.registry import deserialize as deserialize_keras_object  # noqa: F401
from pydl.registry import register_serializable as register_keras_serializable  # noqa: F401
from pydl.registry import registered_name as get_registered_name  # noqa: F401
from pydl.registry import registered_object as get_registered_object  # noqa: F401
from pydl.registry import serialize as serialize_keras_object  # noqa: F401

CustomObjectScope = custom_object_scope
registry.register("models", Sequential, Functional)


def save_model(model, filepath, overwrite=True):
    """Write a model, its weights, its optimizer and the state of its training to one file, whole or not at all.

    `copy.deepcopy(model)` and pickle make without a file what `load_model` makes of one.

    Args:      model: a built Model.
               filepath: the file; ".pydl" by custom.
               overwrite: False refuses to replace a file.
    Raises:    ValueError if the model is not built or holds something that cannot be saved; OSError from the system.
    Example:
        >>> import os, tempfile, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((2,)), pydl.layers.Dense(1)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.pydl")
        >>> model.save(path); pydl.models.load_model(path).count_params()
        3
    """
    _check(model, filepath, overwrite, "save")
    config, arrays = model._contents()
    write_model_file(filepath, {"model": registry.serialize(model), **config}, arrays)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """Read a model written by `save_model`: the same class, weights, optimizer and training state.

    Args:      filepath: the file; it need not be trusted: it can only build registered classes, and every byte is checked.
               custom_objects: {"MyLayer": MyLayer} for classes of yours that are not registered.
               compile: False leaves the model without optimizer and loss.
               safe_mode: taken for Keras's sake and checked; nothing in a file is ever run.
    Raises:    FormatError, a ValueError, if the file is damaged or names unknown classes; OSError if it cannot be read.
    """
    custom_objects = registry.checked_custom_objects("load_model", custom_objects)
    compile = boolean("load_model", "compile", compile)
    boolean("load_model", "safe_mode", safe_mode)
    shown = _checked_path("load_model", filepath)
    config, arrays = read_model_file(filepath)
    try:
        with registry.custom_object_scope(custom_objects), budget_of(arrays):
            model = registry.deserialize(config["model"], kind=Model)
            model._put_contents(config if compile else {**config, "compile": None}, arrays, shown)
    except ValueError as error:
        raise FormatError(str(error) if str(error).startswith(shown) else f"{shown}: {error}") from error
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, ZeroDivisionError, RecursionError) as error:
        raise FormatError(f"{shown}: the config does not describe a model: {error!r}") from error
    return model


def training_contents(model):
    """(config, arrays) of what a Model holds beside its layers: what `compile` was told, the optimizer, and how far training is."""
    config = {"compile": _compile_config(model), "training": {"epochs_trained": model.epochs_trained, "shuffle_seed": int(model.shuffle_seed)}}
    if model.optimizer is None or not model.optimizer.built:
        return config, {}
    remembered, state = optimizer_state(model)
    return {**config, "optimizer_weights": remembered}, {f"optimizer/{i}": values for i, values in enumerate(state)}


def put_training_contents(model, config, arrays):
    """Be what `training_contents` told of."""
    training = config["training"]
    model.epochs_trained, model.shuffle_seed = int(training["epochs_trained"]), int(training["shuffle_seed"])
    if config["compile"] is not None:
        _compile_from(model, config["compile"], arrays, config.get("optimizer_weights"))


def save_weights(model, filepath, overwrite=True):
    """Write the weights of a model alone."""
    _check(model, filepath, overwrite, "save_weights")
    write_model_file(filepath, {"weights": True}, {f"weights/{name}": np.asarray(p.array) for name, p in model.named_weights()})


def load_weights(model, filepath, skip_mismatch=False):
    """Overwrite the weights of a model with those in a file; every name and shape must agree, or nothing is changed.

    Args:      skip_mismatch: True takes those that agree in name and shape and leaves the others, which a warning names: a network with another head.
    """
    if not model.built:
        raise ValueError(f"{model.who}: load_weights: the model is not built yet; call it on data, or build(input_shape)")
    skip_mismatch = boolean(f"{model.who}: load_weights", "skip_mismatch", skip_mismatch)
    lead = f"{model.who}: load_weights from {_checked_path(f'{model.who}: load_weights', filepath)}"
    mine, (_, arrays) = model.named_weights(), read_model_file(filepath)
    if skip_mismatch:
        theirs = [name[len("weights/"):] for name in arrays if name.startswith("weights/")]
        if [_without_number(name) for name, _ in mine] == [_without_number(name) for name in theirs]:      # only the automatic names differ
            arrays = {f"weights/{name}": arrays[f"weights/{other}"] for (name, _), other in zip(mine, theirs)}
        fit = [name for name, p in mine if f"weights/{name}" in arrays and arrays[f"weights/{name}"].shape == p.shape]
        left = [name for name, _ in mine if name not in fit]
        if left:
            warnings.warn(f"{lead}: {show(left)} of the model stay as they are: the file has none of that name and shape", stacklevel=3)
        mine, arrays = [(name, p) for name, p in mine if name in fit], {f"weights/{name}": arrays[f"weights/{name}"] for name in fit}
    for parameter, values in matched(mine, "weights", arrays, lead, ValueError, ShapeError):
        parameter.assign(values)


def _without_number(name):
    """dense_3/kernel -> dense/kernel"""
    return re.sub(r"_\d+(?=/|$)", "", name)


def model_to_json(model):
    """Return the structure of a model, without weights and optimizer, as a JSON text."""
    if not isinstance(model, Model):
        raise TypeError(f"model_to_json: expected a model, got {show(model)}")
    return json.dumps(plain(registry.serialize(model)), allow_nan=False)


def model_from_json(json_string, custom_objects=None):
    """Build a model, with new weights, from what `Model.to_json` returned; it can only build registered classes.

    Args:      custom_objects: {"MyLayer": MyLayer} for classes of yours that are not registered.
    Raises:    FormatError if the text is no structure of a model.
    Example:
        >>> import pydl
        >>> model = pydl.Sequential([pydl.layers.Input((2,)), pydl.layers.Dense(1)])
        >>> pydl.models.model_from_json(model.to_json()).count_params()
        3
    """
    if not isinstance(json_string, str):
        raise TypeError(f"model_from_json: json_string must be a string, got {show(json_string)}")
    try:
        config = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"model_from_json: json_string is no JSON: {error}") from error
    try:
        return registry.deserialize(config, custom_objects, kind=Model)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise FormatError(f"model_from_json: json_string does not describe a model: {error!r}") from error


def clone_model(model):
    """Return a model of the same structure with new weights of its own, not compiled.

    Example:
        >>> import pydl
        >>> model = pydl.Sequential([pydl.layers.Input((2,)), pydl.layers.Dense(1)])
        >>> pydl.models.clone_model(model).layers[0] is model.layers[0]
        False
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: expected a model, got {show(model)}")
    with registry.gathered() as own:
        return registry.deserialize(plain(registry.serialize(model)), own, kind=Model)


def _checked_path(who, filepath):
    """A path as messages show it."""
    if not isinstance(filepath, (str, os.PathLike)):
        raise TypeError(f"{who}: filepath must be a string or a path, got {show(filepath)}")
    return os.fsdecode(os.fspath(filepath))


def _check(model, filepath, overwrite, who):
    if not isinstance(model, Model):
        raise TypeError(f"{who}: expected a model, got {show(model)}")
    shown = _checked_path(f"{model.who}: {who}", filepath)
    if not model.built:
        raise ValueError(f"{model.who}: {who}: the model is not built yet; call it on data, or build(input_shape)")
    if overwrite is not True and os.path.exists(filepath):
        raise FileExistsError(f"{model.who}: {who}: {shown} exists; pass overwrite=True to replace it")


def _compile_config(model):
    if model.compile_config is None:
        return None

    def written(value):
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        if isinstance(value, (list, tuple)):
            return [written(v) for v in value]
        if isinstance(value, dict):
            return {k: written(v) for k, v in value.items()}
        return registry.serialize(value)
    config = {k: written(v) for k, v in model.compile_config.items() if k != "optimizer"}
    return {**config, "optimizer": registry.serialize(model.optimizer), "run_eagerly": model.run_eagerly}


def _compile_from(model, config, arrays, remembered=None):
    def read(value):
        if isinstance(value, dict):
            return registry.deserialize(value) if "class_name" in value or "function" in value else {k: read(v) for k, v in value.items()}
        return [read(v) for v in value] if isinstance(value, list) else value
    options = {k: read(v) for k, v in config.items() if k != "optimizer"}
    model.compile(optimizer=registry.deserialize(config["optimizer"], kind=optimizers.Optimizer), **options)
    state = [arrays[f"optimizer/{i}"] for i in range(sum(name.startswith("optimizer/") for name in arrays))]
    if state:
        restore_optimizer(model, remembered, state)
