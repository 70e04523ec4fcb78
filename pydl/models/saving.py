"""save_model, load_model and the weights alone: what of a model goes into its file, and how it comes back.

Arrays of the file: weights/<path>, states/<path> (dropout counters), optimizer/<number>.
"""
import json
import os

import numpy as np

from pydl import optimizers, registry
from pydl.errors import FormatError, ShapeError, show, suggestion
from pydl.layers.owner import WeightBudget, weight_budget
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


def save_model(model, path, overwrite=True):
    """Write a model, its weights, its optimizer and the state of its training to one file, whole or not at all.

    Args:      model: a built Model.
               path: the file; ".pydl" by custom.
               overwrite: False refuses to replace a file.
    Raises:    ValueError if the model is not built or holds something that cannot be saved; OSError from the system.
    Example:
        >>> import os, tempfile, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((2,)), pydl.layers.Dense(1)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.pydl")
        >>> model.save(path); pydl.models.load_model(path).count_params()
        3
    """
    _check(model, path, overwrite, "save")
    config = {"model": registry.serialize(model), "built_shape": _listed(getattr(model, "built_shape", None)),
              "compile": _compile_config(model), "training": {"epochs_trained": model.epochs_trained, "shuffle_seed": int(model.shuffle_seed)}}
    arrays = {f"weights/{name}": np.asarray(p.array) for name, p in model.named_weights()}
    arrays.update({f"states/{name}": np.asarray(a) for name, a in model.named_states()})
    if model.optimizer is not None and model.optimizer.built:
        config["optimizer_weights"], state = optimizer_state(model)
        arrays.update({f"optimizer/{i}": values for i, values in enumerate(state)})
    write_model_file(path, config, arrays)


def load_model(path, custom_objects=None, compile=True):
    """Read a model written by `save_model`: the same class, weights, optimizer and training state.

    Args:      path: the file; it need not be trusted: it can only build registered classes, and every byte is checked.
               custom_objects: {"MyLayer": MyLayer} for classes of yours that are not registered.
               compile: False leaves the model without optimizer and loss.
    Raises:    FormatError, a ValueError, if the file is damaged or names unknown classes; OSError if it cannot be read.
    """
    custom_objects = registry.checked_custom_objects("load_model", custom_objects)
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"load_model: path must be a string or a path, got {show(path)}")
    config, arrays = read_model_file(path)
    shown = os.fsdecode(os.fspath(path))
    budget = weight_budget.set(WeightBudget(sum(a.size for name, a in arrays.items() if name.startswith("weights/"))))
    try:
        with registry.custom_object_scope(custom_objects):
            model = registry.deserialize(config["model"], kind=Model)
            shape = config["built_shape"]
            if not model.built and shape is not None:
                model.build_from([np.broadcast_to(np.zeros((), model.dtype), (1, *s[1:])) for s in (shape if isinstance(shape[0], list) else [shape])])
            _restore(model.named_weights(), "weights", arrays, lambda p, values: p.assign(values), shown)
            _restore(model.named_states(), "states", arrays, _assign_state, shown)
            training = config["training"]
            model.epochs_trained, model.shuffle_seed = int(training["epochs_trained"]), int(training["shuffle_seed"])
            if compile and config["compile"] is not None:
                _compile_from(model, config["compile"], arrays, config.get("optimizer_weights"))
    except ValueError as error:
        raise FormatError(str(error) if str(error).startswith(shown) else f"{shown}: {error}") from error
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, ZeroDivisionError, RecursionError) as error:
        raise FormatError(f"{shown}: the config does not describe a model: {error!r}") from error
    finally:
        weight_budget.reset(budget)
    return model


def save_weights(model, path, overwrite=True):
    """Write the weights of a model alone."""
    _check(model, path, overwrite, "save_weights")
    write_model_file(path, {"weights": True}, {f"weights/{name}": np.asarray(p.array) for name, p in model.named_weights()})


def load_weights(model, path):
    """Overwrite the weights of a model with those in a file; every name and shape must agree, or nothing is changed."""
    if not model.built:
        raise ValueError(f"{model.who}: load_weights: the model is not built yet; call it on data, or build(input_shape)")
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{model.who}: load_weights: path must be a string or a path, got {show(path)}")
    _, arrays = read_model_file(path)
    _restore(model.named_weights(), "weights", arrays, lambda p, values: p.assign(values), os.fsdecode(os.fspath(path)), model.who)


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
    return registry.deserialize(plain(registry.serialize(model)), kind=Model)


def _restore(mine, part, arrays, assign, shown, who=None):
    """Hand each array of a part of the file to what bears its name: all of them, or an error that lists the differences."""
    lead = f"{who}: load_weights from {shown}" if who else shown
    theirs = {name[len(part) + 1:]: values for name, values in arrays.items() if name.startswith(part + "/")}
    names = [name for name, _ in mine]
    if who is not None and sorted(names) != sorted(theirs) and [t.shape for _, t in mine] == [v.shape for v in theirs.values()]:
        theirs = dict(zip(names, theirs.values()))      # the same network under other automatic names
    missing, extra = [n for n in names if n not in theirs], [n for n in theirs if n not in names]
    if missing or extra:
        near = suggestion(missing[0], extra) if missing else ""
        raise (ValueError if who else FormatError)(f"{lead}: {part} differ: the model has {show(missing)} that the file lacks, "
                                                   f"the file has {show(extra)} that the model lacks{near}")
    for name, target in mine:
        if theirs[name].shape != target.shape:
            raise (ShapeError if who else FormatError)(f"{lead}: {name} has shape {target.shape} in the model, {theirs[name].shape} in the file")
    for name, target in mine:
        assign(target, theirs[name])


def _assign_state(array, values):
    np.asarray(array)[...] = values


def _check(model, path, overwrite, who):
    if not isinstance(model, Model):
        raise TypeError(f"{who}: expected a model, got {show(model)}")
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{model.who}: {who}: path must be a string or a path, got {show(path)}")
    if not model.built:
        raise ValueError(f"{model.who}: {who}: the model is not built yet; call it on data, or build(input_shape)")
    if overwrite is not True and os.path.exists(path):
        raise FileExistsError(f"{model.who}: {who}: {os.fsdecode(os.fspath(path))} exists; pass overwrite=True to replace it")


def _listed(shape):
    if shape is None:
        return None
    return [_listed(s) if isinstance(s, (list, tuple)) else s for s in shape]


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
