"""Owner: what holds parameters and other owners: tracking, weights in and out, trainable."""
import inspect
from contextvars import ContextVar

import numpy as np

from pydl import initializers
from pydl.backends import cpu as B
from pydl.errors import DTypeError, FormatError, ShapeError, in_range, show
from pydl.shapes import checked_size
from pydl.tensor import Parameter, structure_changed

weight_budget = ContextVar("pydl_weight_budget", default=None)    # while a model is read from a file


class WeightBudget:
    """The numbers that a file brings: weights come from there, so a config that asks for more is refused before it gets them."""

    def __init__(self, numbers):
        self.left = numbers

    def take(self, who, shape):
        """Take what a weight of this shape needs, or raise FormatError."""
        self.left -= checked_size(shape, 8, who)
        if self.left < 0:
            raise FormatError(f"{who} of shape {tuple(shape)} is more than the weights in the file")


class Owner:
    """Attributes that are Parameters or Owners (alone, or in lists, tuples and dicts) are found by themselves."""

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        set_ = object.__setattr__
        set_(self, "_parameters", {})       # name -> Parameter
        set_(self, "_states", {})           # name -> Array
        set_(self, "_owners", {})           # attribute -> Owner, or the list, tuple or dict it was given in
        set_(self, "_given", (args, kwargs))
        set_(self, "built", False)
        set_(self, "_trainable", True)
        set_(self, "_lr_multiplier", 1.0)
        return self

    def __setattr__(self, key, value):
        self._owners.pop(key, None)
        if isinstance(value, Parameter):
            if not any(value is p for p in self._parameters.values()):
                self._parameters[key] = value
        elif isinstance(value, (Owner, list, tuple, dict)):
            self._owners[key] = value
        if self.__dict__.get("built") and key in init_names(type(self)):
            structure_changed()         # a setting of a layer in use: what was recorded with the old one must not run
        object.__setattr__(self, key, value)

    def add_weight(self, shape=(), initializer="glorot_uniform", name="weight", *, trainable=True, dtype=None,
                   regularizer=None, constraint=None):
        """Create a Parameter of this layer; assign it to an attribute to have it tracked under that name."""
        if not hasattr(self, "name"):
            raise TypeError(f"{type(self).__name__}: call super().__init__() before adding weights")
        dtype = self.dtype if dtype is None else dtype
        initializer, budget = initializers.get(initializer), weight_budget.get()
        if budget is None:
            try:
                values = initializer(tuple(shape), dtype=dtype)
            except ShapeError as error:
                raise ShapeError(f"{self.who}: {name}: {error}") from error
        else:
            budget.take(f"{self.who}: {name}", shape)
            values = np.zeros(tuple(shape), dtype)
        parameter = Parameter(np.asarray(values), name=name, trainable=trainable, regularizer=regularizer,
                              constraint=constraint, dtype=dtype)
        parameter.frozen = not self._trainable
        if self._lr_multiplier != 1.0:
            parameter.lr_multiplier = self._lr_multiplier
        key, count = name, 0
        while key in self._parameters:
            count += 1
            key = f"{name}_{count}"
        self._parameters[key] = parameter
        return parameter

    def add_state(self, shape, dtype, name):
        """Create an Array of zeros that is saved with the model but is no weight: a counter, a position."""
        self._states[name] = B.owned(shape, dtype)
        return self._states[name]

    @property
    def sublayers(self):
        """The layers directly below this one."""
        found = []
        for value in self._owners.values():
            values = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
            found.extend(v for v in values if isinstance(v, Owner))
        return found

    @property
    def layers_inside(self):
        """This layer and every layer below it, each once."""
        seen, stack = {}, [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen[id(layer)] = layer
                stack.extend(reversed(layer.sublayers))
        return list(seen.values())

    @property
    def weights(self):
        """All Parameters, in the order of creation, layer by layer; each once."""
        found = {}
        for layer in self.layers_inside:
            for parameter in layer._parameters.values():
                found[id(parameter)] = parameter
        return list(found.values())

    @property
    def trainable_weights(self):
        return [p for p in self.weights if p.needs_gradient]

    @property
    def non_trainable_weights(self):
        return [p for p in self.weights if not p.needs_gradient]

    variables = property(lambda self: self.weights, doc="All Parameters: `weights` under Keras's other name.")
    trainable_variables = property(lambda self: self.trainable_weights, doc="The Parameters that learn: `trainable_weights`.")
    non_trainable_variables = property(lambda self: self.non_trainable_weights, doc="The others: `non_trainable_weights`.")

    def named_weights(self):
        """[(path, Parameter)] with paths such as "conv2d/kernel", unique within this layer."""
        return _unique_paths((layer, p.name, p) for layer in self.layers_inside for p in layer._parameters.values())

    def named_states(self):
        """[(path, Array)] of what is saved with the model beside its weights."""
        return _unique_paths((layer, name, a) for layer in self.layers_inside for name, a in layer._states.items())

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{self.who}: trainable must be True or False, got {show(value)}")
        for layer in self.layers_inside:
            layer._set_trainable(bool(value))

    def _set_trainable(self, value):
        """Freeze or thaw this layer alone, and not those inside it."""
        if self._trainable != value:
            structure_changed()                 # of layers without parameters too: a frozen normalisation runs otherwise
        object.__setattr__(self, "_trainable", value)
        for parameter in self._parameters.values():
            parameter.frozen = not value

    @property
    def lr_multiplier(self):
        """What optimizers multiply the learning rate by for the weights of this layer and of those inside it: 1.0; saved with the layer."""
        return self._lr_multiplier

    @lr_multiplier.setter
    def lr_multiplier(self, value):
        value = in_range(self.who, "lr_multiplier", value, 0)
        for layer in self.layers_inside:
            object.__setattr__(layer, "_lr_multiplier", value)
            for parameter in layer._parameters.values():
                parameter.lr_multiplier = value

    def count_params(self):
        """Return the number of numbers in the weights."""
        return sum(p.size for p in self.weights)

    def get_weights(self):
        """Return copies of all weights, as a list of ndarrays."""
        return [np.array(p.numpy()) for p in self.weights]

    def set_weights(self, weights):
        """Overwrite all weights; as many arrays, of the same shapes, as `get_weights` returns."""
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"{self.who}: set_weights expects a list of arrays, got {show(weights)}")
        mine = self.named_weights()
        if len(weights) != len(mine):
            hint = "" if self.built else " (the layer is not built yet: call it once, or build(input_shape))"
            raise ValueError(f"{self.who}: set_weights expects {len(mine)} arrays, got {len(weights)}{hint}")
        values = [np.asarray(w) for w in weights]
        for (path, parameter), value in zip(mine, values):
            if value.shape != parameter.shape:
                raise ShapeError(f"{self.who}: set_weights: {path} has shape {parameter.shape}, got {value.shape}")
            if value.dtype.kind not in "fiub":
                raise DTypeError(f"{self.who}: set_weights: {path} expects numbers, got dtype {value.dtype}")
        for (_, parameter), value in zip(mine, values):
            parameter.assign(value)


def _unique_paths(found):
    """[(path, thing)], each thing once, paths made unique by a count."""
    counts, seen, paths = {}, set(), []
    for layer, name, thing in found:
        if id(thing) not in seen:
            seen.add(id(thing))
            path = f"{layer.name}/{name}"
            count = counts[path] = counts.get(path, -1) + 1
            paths.append((f"{path}_{count}" if count else path, thing))
    return paths


_signatures = {}


def init_names(cls):
    """The names of a class's own constructor arguments."""
    names = _signatures.get(cls)
    if names is None:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        names = _signatures[cls] = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return names
