"""What a layer holds beside its config: weights, states and flags, for files and for copies, and how they come back."""
import contextlib

import numpy as np

from pydl import random, registry
from pydl.errors import LARGEST_INT, FormatError, is_int, show, suggestion
from pydl.layers.owner import WeightBudget, weight_budget
from pydl.tensor import no_grad


def arrays_of(layer):
    """{"weights/<path>", "states/<path>": ndarray} of a layer and those inside it: views, not copies."""
    arrays = {f"weights/{name}": np.asarray(p.array) for name, p in layer.named_weights()}
    arrays.update({f"states/{name}": np.asarray(a) for name, a in layer.named_states()})
    return arrays


def matched(mine, part, arrays, lead, error=FormatError, wrong_shape=FormatError):
    """[(mine, its array)] for what is named in a part of the arrays: by name, or by position where only the automatic names differ.

    Args:      mine: what `named_weights` or `named_states` returned.    lead: begins the message.
    Raises:    error, listing the differences; wrong_shape for an array of another shape.
    """
    theirs = {name[len(part) + 1:]: values for name, values in arrays.items() if name.startswith(part + "/")}
    names = [name for name, _ in mine]
    if sorted(names) != sorted(theirs) and [t.shape for _, t in mine] == [v.shape for v in theirs.values()]:
        theirs = dict(zip(names, theirs.values()))
    missing, extra = [n for n in names if n not in theirs], [n for n in theirs if n not in names]
    if missing or extra:
        near = suggestion(missing[0], extra) if missing else ""
        raise error(f"{lead}: {part} differ: the model has {show(missing)} that the file lacks, the file has {show(extra)} that the model lacks{near}")
    for name, target in mine:
        if theirs[name].shape != target.shape:
            raise wrong_shape(f"{lead}: {name} has shape {target.shape} in the model, {theirs[name].shape} in the file")
    return [(target, theirs[name]) for name, target in mine]


def put_arrays(layer, arrays, lead):
    """Overwrite weights and states by what `arrays_of` returned: all of them, or an error that lists the differences."""
    weights = matched(layer.named_weights(), "weights", arrays, lead)
    for array, values in matched(layer.named_states(), "states", arrays, lead):
        np.asarray(array)[...] = values
    for parameter, values in weights:
        parameter.assign(values)


@contextlib.contextmanager
def budget_of(arrays):
    """Let layers that are built in the block have as many weights as there are in arrays, and no values: those come from there."""
    token = weight_budget.set(WeightBudget(sum(a.size for name, a in arrays.items() if name.startswith("weights/"))))
    try:
        yield
    finally:
        weight_budget.reset(token)


# ---- what learns

def flags_of(layer):
    """Which layers and which single weights may learn: lists of bools in the order of `layers_inside` and `named_weights`."""
    return {"layers": [one._trainable for one in layer.layers_inside], "weights": [p.trainable for _, p in layer.named_weights()]}


def checked_flags(layer, flags, lead):
    """Flags of a file, of which nothing is trusted; raises FormatError unless they fit."""
    for what, mine in (("layers", layer.layers_inside), ("weights", layer.named_weights())):
        theirs = flags.get(what) if isinstance(flags, dict) else None
        if not isinstance(theirs, list) or not all(isinstance(flag, bool) for flag in theirs):
            raise FormatError(f"{lead}: trainable must hold a list of True and False for {what}, got {show(theirs)}")
        if len(theirs) != len(mine) and not all(theirs):
            raise FormatError(f"{lead}: trainable is of {len(theirs)} {what}, the model has {len(mine)}")
    return flags


def put_flags(layer, flags):
    """Let learn what learnt when `flags_of` was asked."""
    for (_, parameter), flag in zip(layer.named_weights(), flags["weights"]):
        parameter.trainable = flag
    for one, flag in zip(layer.layers_inside, flags["layers"]):
        one._set_trainable(flag)


# ---- built shapes

def shapes_of(layer):
    """What each of `layers_inside` was built for, as lists: True for "no shape", None for one that is not built, or is built by its constructor."""
    return [_written_shape(one.built_shape) if hasattr(one, "built_shape") else None for one in layer.layers_inside]


def build_like(layer, shapes, lead):
    """Build the layers inside as `shapes_of` found them; building one may make more, which then stand behind it."""
    if not isinstance(shapes, list):
        raise FormatError(f"{lead}: built_shapes must be a list, got {show(shapes)}")
    inside = layer.layers_inside
    for i, shape in enumerate(shapes):
        if i >= len(inside):                    # a model of the user's that makes its layers in its first call
            return build_by_call(layer, shapes[0], lead)
        if shape is not None:
            shape = None if shape is True else _checked_shape(shape, lead)
            if not inside[i].built:
                inside[i].ensure_built(shape)
                inside = layer.layers_inside


def build_by_call(layer, shape, lead):
    """Build a layer, and what is inside it, by calling it on zeros."""
    def zeros(shape):
        return [zeros(s) for s in shape] if isinstance(shape, list) else np.zeros((1, *[1 if s is None else s for s in shape[1:]]), layer.dtype)
    if shape is not None:
        with no_grad():
            layer(zeros(_checked_shape(shape, lead)))


def _written_shape(shape):
    return True if shape is None else [_written_shape(s) if isinstance(s, (list, tuple)) else s for s in shape]


def _checked_shape(shape, lead):
    """A shape, or a list of shapes, of which nothing is trusted."""
    if isinstance(shape, list) and shape and all(isinstance(s, list) for s in shape):
        return [_checked_shape(s, lead) for s in shape]
    if not isinstance(shape, list) or not all(s is None or (is_int(s) and 0 <= s <= LARGEST_INT) for s in shape):
        raise FormatError(f"{lead}: built_shapes must hold shapes, got {show(shape)}")
    return tuple(shape)


# ---- copies

def remade(made, contents, custom_objects):
    """What `Copied.__reduce__` told of, made again."""
    with registry.custom_object_scope(custom_objects), budget_of(contents[1]), random.undisturbed():
        thing = registry.deserialize(made)
        thing._put_contents(*contents, f"copy of {thing.who}")
    return thing


class Copied:
    """The part of a layer that is copied: by `copy.copy`, `copy.deepcopy` and pickle, all of which make a layer with weights of its own.

    A copy is what `load_model` makes of what `save` wrote: of the config and the arrays, nothing else.  A class or a function that is not registered
    need not be: a copy in this process is given it, pickle names it as it names any class.
    """

    def _contents(self):
        """(config, arrays) of what this holds, for `_put_contents` of another of the same config."""
        return {"built_shapes": shapes_of(self), "trainable": flags_of(self)}, arrays_of(self)

    def _put_contents(self, config, arrays, lead):
        """Be what `_contents` told of."""
        if "built_shapes" in config:
            build_like(self, config["built_shapes"], lead)
        elif not self.built:                    # version 1 of the model file told of the outermost shape only, and of no flags
            build_by_call(self, config["built_shape"], lead)
        put_arrays(self, arrays, lead)
        if "trainable" in config:
            put_flags(self, checked_flags(self, config["trainable"], lead))

    def __reduce__(self):
        with registry.gathered() as own:
            return remade, (registry.serialize(self), self._contents(), own)
