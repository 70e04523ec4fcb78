"""Progress: all that a training which was interrupted needs to go on bit for bit, in one file, and back.

Weights, counters of dropout, the optimizer with its settings, the epoch and batch, running means inside an epoch, trainable
flags, the random state, and what callbacks remember.  The network itself is not in it: the program that goes on builds it again.
Arrays of the file: weights/<path>, states/<path>, optimizer/<number>, means/<number>, values/<number> (of callbacks).
"""
import contextlib
import math
import os

import numpy as np

from pydl import random
from pydl.errors import FormatError, ShapeError, show
from pydl.layers.contents import arrays_of, checked_flags, flags_of, matched, put_flags
from pydl.models.model_file import read_model_file, write_model_file

KIND = "pydl progress"


def optimizer_state(model):
    """(places among the weights of those that the optimizer remembers something of, its arrays), for a file.

    They need not be those that are trainable now: layers are frozen, thawed, added and taken off between two fits.
    """
    places = {id(p): i for i, (_, p) in enumerate(model.named_weights())}
    known = [p for p in model.optimizer.parameters if id(p) in places]
    with _of(model.optimizer, known):
        return [places[id(p)] for p in known], model.optimizer.get_state()


def restore_optimizer(model, places, state):
    """Give an optimizer back what `optimizer_state` found; places None: the file is of before they were written down.

    Raises:    FormatError if places or arrays do not fit this model; the optimizer is unchanged then.
    """
    parameters = model.trainable_weights
    if places is not None:
        mine = [p for _, p in model.named_weights()]
        if not isinstance(places, list) or not all(type(i) is int and 0 <= i < len(mine) for i in places) or len(set(places)) < len(places):
            raise FormatError(f"the optimizer's state is of the weights {show(places)}, the model has {len(mine)}")
        parameters = [mine[i] for i in places]
    model.optimizer.build(parameters)
    with _of(model.optimizer, parameters):
        model.optimizer.set_state(state)


@contextlib.contextmanager
def _of(optimizer, parameters):
    """Let an optimizer's state be that of these parameters."""
    everything, optimizer.parameters = optimizer.parameters, parameters
    try:
        yield
    finally:
        optimizer.parameters = everything


def save_progress(model, path, callbacks=None):
    """Write where the training of a model is, whole or not at all.

    Args:      model: a Model inside `fit`, or between two of them.
               path: the file.
               callbacks: a CallbackList whose states are kept too.
    """
    arrays = arrays_of(model)
    remembered, state = optimizer_state(model)
    arrays.update({f"optimizer/{i}": values for i, values in enumerate(state)})
    if model._place.batch:                            # inside an epoch
        arrays.update({f"means/{i}": values for i, values in enumerate(model.objective.kept())})
    config = {
        "kind": KIND, "epoch": model._place.epoch, "batch": model._place.batch, "stopped": bool(model.stop_training),
        "epochs_trained": model.epochs_trained, "shuffle_seed": int(model.shuffle_seed), "random": random.get_state(),
        "used": 0 if model._feed is None else model._feed.used, "data": None if model._feed is None else model._feed.describe(),
        "optimizer_weights": remembered, "settings": packed(model.optimizer.numbers(), arrays),
        "trainable": flags_of(model),
        "callbacks": packed([] if callbacks is None else callbacks.get_state(), arrays),
    }
    write_model_file(path, config, arrays)


def load_progress(model, path, callbacks=None):
    """Put a model, its optimizer and callbacks where `save_progress` found them; `fit` goes on from there.

    Raises:    FormatError if the file is damaged, ValueError if it is of another network or another optimizer; the model is unchanged then.
    """
    shown = os.fsdecode(os.fspath(path))
    config, arrays = read_model_file(path)
    if config.get("kind") != KIND:
        raise FormatError(f"{shown}: holds no progress of a training; models are read by load_model")
    try:
        numbers = {name: _count(config, name) for name in ("epoch", "batch", "epochs_trained", "shuffle_seed", "used")}
        states, settings = unpacked(config["callbacks"], arrays), unpacked(config["settings"], arrays)
        generator = list(config["random"])
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise FormatError(f"{shown}: the config does not describe the progress of a training: {error!r}") from error
    feed = model._feed
    if feed is not None and numbers["batch"] and config["data"] != feed.describe():
        raise ValueError(f"{model.who}: {shown} was written inside an epoch of {config['data']}, but now there are {feed.describe()}; "
                         "go on with the same data, or delete the file")
    lead = f"{model.who}: {shown} is of another network"
    weights = matched(model.named_weights(), "weights", arrays, lead, ValueError, ShapeError)
    inner = matched(model.named_states(), "states", arrays, lead, ValueError, ShapeError)
    flags = config.get("trainable")
    if isinstance(flags, list):                 # version 1 of the file told of layers only
        flags = {**flags_of(model), "layers": flags}
    checked_flags(model, flags, lead)
    restore_optimizer(model, config.get("optimizer_weights"), _numbered(arrays, "optimizer"))
    for name, value in settings.items():
        model.optimizer.set_number(name, value)
    for parameter, values in weights:
        parameter.assign(values)
    for array, values in inner:
        np.asarray(array)[...] = values
    put_flags(model, flags)
    if numbers["batch"] and model.objective is not None:
        means = _numbered(arrays, "means")
        if len(model.objective.kept()) != len(means) and feed is not None:
            feed.look()                         # some metrics make their sums when they see the first batch
        if [a.shape for a in model.objective.kept()] != [a.shape for a in means]:
            raise ValueError(f"{model.who}: {shown} was written with other metrics; compile with the same ones, or delete the file")
        model.objective.put_back(means)
    random.set_state(generator)
    model.epochs_trained, model.shuffle_seed = numbers["epochs_trained"], numbers["shuffle_seed"]
    model._place.epoch, model._place.batch, model.stop_training = numbers["epoch"], numbers["batch"], bool(config["stopped"])
    if feed is not None:
        feed.skip(numbers["used"])
    if callbacks is not None:
        callbacks.set_state(states)


def _count(config, name):
    value = config[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{name} must be an integer >= 0, got {show(value)}")
    return value


def _numbered(arrays, part):
    return [arrays[f"{part}/{i}"] for i in range(sum(name.startswith(part + "/") for name in arrays))]


# ---- what callbacks remember, as JSON and arrays

def packed(value, arrays):
    """A value of dicts, lists, strings, numbers (NaN too) and arrays, for a config; the arrays go into `arrays`."""
    if isinstance(value, dict):
        return {"dict": [[packed(k, arrays), packed(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [packed(v, arrays) for v in value]
    if isinstance(value, np.ndarray) and value.ndim:
        name = f"values/{sum(n.startswith('values/') for n in arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, (float, np.floating)) and not math.isfinite(value):
        return {"float": str(float(value))}
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def unpacked(value, arrays):
    """The other way round; tuples have become lists."""
    if isinstance(value, list):
        return [unpacked(v, arrays) for v in value]
    if isinstance(value, dict):
        if "dict" in value:
            return {unpacked(k, arrays): unpacked(v, arrays) for k, v in value["dict"]}
        if "array" in value:
            return np.array(arrays[value["array"]])
        return float(value["float"])
    return value
