"""Layer: what every layer and model is.  Build, call, parameters, trainable, config."""
import functools
import inspect
import re
import weakref
from contextvars import ContextVar

import numpy as np

from pydl import config, registry, regularizers
from pydl.data.arrays import as_array
from pydl.errors import ShapeError, one_of, refuse_unknown, show, string
from pydl.layers.added import AddsLosses, added_losses
from pydl.layers.contents import Copied
from pydl.layers.masks import Masks, hand_on
from pydl.layers.owner import Owner, init_names
from pydl.layers.symbol import Node, NotDrawnError, Symbol, map_structure, symbols_in
from pydl.ops import cast
from pydl.tensor import Tensor, as_tensor, no_grad

watching = ContextVar("pydl_watching", default=None)            # called with (layer, output) of each layer that runs, by who looks inside
_names = {}
ELSEWHERE = dict.fromkeys(("input_shape", "batch_input_shape", "input_dim"), "; declare the input before it, by layers.Input(shape)")


def snake_case(name):
    """Conv2D -> conv2d, BatchNormalization -> batch_normalization: as Keras names layers."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(base):
    """dense, dense_1, dense_2, ...: counted per process, until `clear_session`."""
    count = _names[base] = _names.get(base, -1) + 1
    return f"{base}_{count}" if count else base


def clear_session():
    """Start the counting of automatic layer names anew."""
    _names.clear()


class InputSpec:
    """What a layer takes once it is built: ndim, min_ndim, and sizes by axis, such as axes={-1: 3}."""

    def __init__(self, ndim=None, min_ndim=None, axes=None):
        self.ndim, self.min_ndim, self.axes = ndim, min_ndim, axes or {}


class Layer(AddsLosses, Copied, Masks, Owner):
    """A function with parameters.  Subclasses define `build(input_shape)` if they have any, and `call(x)`.  A copy has weights of its own.

    Args:      name: unique by default; it leads every error message.
               trainable: False freezes the layer's parameters.
               dtype: "float32" or "float64"; `pydl.config.floatx()` by default.
               activity_regularizer: a penalty on the output, divided by the rows of the batch and added to the loss.
               lr_multiplier: a factor >= 0 for the learning rate of this layer's weights; it may be set at any time.
    Example:
        >>> import numpy as np, pydl
        >>> class Scale(pydl.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
        ...     def call(self, x):
        ...         return x * self.factor
        >>> Scale()(np.ones((2, 3))).shape
        (2, 3)
    """
    input_spec = None
    takes_several = True                # a list of inputs is handed on to `call`; layers of one input refuse it
    takes_integers = False              # layers on ids and labels take integers as they are; others cast to their dtype

    def __init__(self, *, name=None, trainable=True, dtype=None, activity_regularizer=None, lr_multiplier=1.0, **unknown):
        from_name = type(self).__name__
        refuse_unknown(from_name, unknown, [*init_names(type(self)), *init_names(Layer)], ELSEWHERE)
        self.name = unique_name(snake_case(from_name)) if name is None else string(from_name, "name", name)
        if dtype is not None:
            dtype = np.dtype(dtype).name if isinstance(dtype, (type, np.dtype)) else dtype
            one_of(self.who, "dtype", dtype, ("float32", "float64"))
        self.dtype = dtype or config.floatx()
        self.activity_regularizer = regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer")
        self.trainable = trainable
        self.lr_multiplier = lr_multiplier

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marks_built(cls.__dict__["build"])

    @property
    def who(self):
        """How messages call this layer: Conv2D 'stem'."""
        return f"{type(self).__name__} '{self.__dict__.get('name', '?')}'"

    # ---- build and call

    def build(self, input_shape):
        """Create the parameters, now that the shape of the input is known: (None, ...), or a list of such."""

    def call(self, x):
        raise TypeError(f"{self.who}: define call(self, x)")

    def compute_output_shape(self, input_shape):
        """Return the shape of the output: found by running the layer on zeros, unless a subclass knows better."""
        def zeros(shape):
            if None in shape[1:]:
                raise ShapeError(f"{self.who}: the output shape for input {shape} is not known; define compute_output_shape")
            return np.zeros((1, *shape[1:]), self.dtype)
        shapes = [zeros(s) for s in input_shape] if isinstance(input_shape, list) else zeros(tuple(input_shape))
        with no_grad():
            out = self._run((map_structure(as_tensor, shapes),), {})
        for t in out.values() if isinstance(out, dict) else out if isinstance(out, (list, tuple)) else [out]:
            if not isinstance(t, Tensor):
                raise TypeError(f"{self.who}: call must return Tensors, got {show(t)}")
        return map_structure(lambda t: (None, *t.shape[1:]), out)

    def ensure_built(self, input_shape):
        """Build the layer for this shape, unless it is built."""
        if not self.built:
            self.build(input_shape)
            _built(self, input_shape)

    def check_input(self, shape):
        """Raise unless an input of this shape is what the layer was built for."""
        spec = self.input_spec
        if spec is None:
            return
        wrong = (spec.ndim is not None and len(shape) != spec.ndim) or (spec.min_ndim is not None and len(shape) < spec.min_ndim)
        wrong = wrong or any(not -len(shape) <= axis < len(shape) or (shape[axis] is not None and shape[axis] != size)
                             for axis, size in spec.axes.items())
        if wrong:
            raise ShapeError(f"{self.who}: built for inputs {self._expected(spec)}, got {tuple(shape)}{self.shape_hint(shape)}")

    def _expected(self, spec):
        ndim = spec.ndim or spec.min_ndim or max(-min(spec.axes, default=-1), max(spec.axes, default=0) + 1)
        names = {2: ["N", "D"], 3: ["N", "T", "D"], 4: ["N", "H", "W", "C"]}.get(ndim, ["N"] + ["..."] * (ndim - 1))
        for axis, size in spec.axes.items():
            names[axis] = str(size)
        return f"({', '.join(names)})" if spec.ndim else f"(..., {names[-1]})" if spec.axes else f"with at least {ndim} axes"

    def shape_hint(self, shape):
        """What a wrong shape looks like, for the error message: subclasses know."""
        return ""

    def __call__(self, *args, **kwargs):
        """Run the layer: on arrays or Tensors eagerly, on Symbols by drawing a node of a functional model."""
        if "name" not in self.__dict__:
            raise TypeError(f"{type(self).__name__}: call super().__init__() first, in __init__")
        if not args:
            raise TypeError(f"{self.who}: expected an input, got none")
        if symbols_in(args):
            return self._draw(args, kwargs)
        args = tuple([self._tensors(a) for a in args])
        if isinstance(args[0], list) and not self.takes_several:
            raise TypeError(f"{self.who}: expected one input, got a list of {len(args[0])}")
        shapes = _shapes(args[0])
        self.ensure_built(_without_batch(shapes))
        for shape in shapes if isinstance(shapes, list) else [shapes]:
            self.check_input(shape)
        return self._run(args, kwargs) if added_losses.get() is not None else self.collecting(self._run, args, kwargs)

    def _run(self, args, kwargs):
        if "training" in kwargs and not _takes_training(type(self)):
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        mask = getattr(args[0], "mask", None)
        if mask is not None and kwargs.get("mask") is None and _takes_mask(type(self)):
            kwargs = {**kwargs, "mask": mask}
        out = self.call(*args, **kwargs)
        if mask is not None or self.supports_masking:
            hand_on(self, args[0], mask, out, _takes_mask(type(self)))
        if self.activity_regularizer is not None:
            self.add_activity_penalty(out)
        watch = watching.get()
        if watch is not None:
            watch(self, out)
        return out

    def _draw(self, args, kwargs):
        shapes = map_structure(lambda s: s.shape if isinstance(s, Symbol) else np.shape(s), args[0])
        if isinstance(args[0], list) and not self.takes_several:
            raise TypeError(f"{self.who}: expected one input, got a list of {len(args[0])}")
        self.ensure_built(shapes)
        for shape in shapes if isinstance(shapes, list) else [shapes]:
            self.check_input(shape)
        node = Node(self, args, kwargs)
        out = self.compute_output_shape(shapes)
        several = isinstance(out, list) or (isinstance(out, tuple) and bool(out) and isinstance(out[0], (tuple, list)))
        if several:
            node.results = len(out)
        made = [Symbol(shape, self.dtype, node, i) for i, shape in enumerate(out)] if several else Symbol(out, self.dtype, node)
        drawn = [seen for seen in self.__dict__.get("_drawn", ()) if seen() is not None]
        object.__setattr__(self, "_drawn", [*drawn, weakref.ref(node)])         # the graph holds the layer, not the other way round
        node.keep(made)
        return made

    @property
    def output(self):
        """What the layer returned where it was drawn, a Symbol: `Model(model.input, model.get_layer("h").output)` is a part of a model."""
        return self._only_node("output").output

    @property
    def input(self):
        """What the layer was drawn on: a Symbol, or a list of them."""
        return self._only_node("input").args[0]

    def _only_node(self, what):
        nodes = [node for node in (seen() for seen in self.__dict__.get("_drawn", ())) if node is not None]
        if len(nodes) != 1:
            told = "was not called on a Symbol yet" if not nodes else f"was drawn {len(nodes)} times, so it has several"
            raise NotDrawnError(f"{self.who}: {what}: the layer {told}; use what its call returned")
        return nodes[0]

    def _tensors(self, value):
        """Inputs as Tensors of the layer's dtype; integers too, unless the layer takes them as they are."""
        if isinstance(value, (list, tuple)) and value and any(isinstance(v, (Tensor, np.ndarray, list, tuple)) for v in value) \
                and any(isinstance(v, (Tensor, np.ndarray)) for v in value):
            return [self._tensors(np.asarray(v) if isinstance(v, str) else v) for v in value]
        if value is None or isinstance(value, (bool, str)):
            return value
        if not isinstance(value, Tensor):
            if hasattr(value, "to_numpy"):                      # a frame: its columns may be of several types
                value = as_array(self.who, "the input", value)
            try:
                value = np.asarray(value) if not hasattr(value, "dtype") else value
                if value.dtype.kind in "OSUcmMV":
                    raise TypeError
                value = as_tensor(value, self._wanted(value.dtype))
            except (TypeError, ValueError):
                raise TypeError(f"{self.who}: expected an array of numbers, got {show(value)}") from None
            return value
        wanted = self._wanted(value.dtype)
        return value if wanted is None or value.dtype == wanted else cast(value, wanted)

    def _wanted(self, dtype):
        """What an input of this dtype is cast to; None leaves it."""
        return None if self.takes_integers and dtype.kind != "f" else self.dtype

    # ---- config

    def get_config(self):
        """Return the constructor's arguments, by name: attributes of those names where there are, else what was given."""
        given, options = self._given
        names = init_names(type(self))
        values = dict(zip(names, given), **options)
        found = {n: getattr(self, n) if hasattr(self, n) else values[n] for n in names if hasattr(self, n) or n in values}
        found = {n: registry.serialize(v) if hasattr(v, "get_config") or inspect.isfunction(v) else v for n, v in found.items()}
        if self.activity_regularizer is not None:       # which a layer may pass on to us among **kwargs
            found["activity_regularizer"] = registry.serialize(self.activity_regularizer)
        found.pop("lr_multiplier", None)
        if self._lr_multiplier != 1.0:
            found["lr_multiplier"] = self._lr_multiplier
        return {**found, "name": self.name, "trainable": self._trainable, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        """Build a layer from its `get_config()`."""
        multiplier = config.get("lr_multiplier", 1.0)       # set later: a layer of yours may not take it
        layer = cls(**{n: registry.deserialize(v) if isinstance(v, dict) and ("class_name" in v or "function" in v) else v
                       for n, v in config.items() if n != "lr_multiplier"})
        layer.lr_multiplier = multiplier
        return layer

    def __repr__(self):
        return f"<{self.who}{', built' if self.built else ''}>"


def _built(layer, input_shape):
    object.__setattr__(layer, "built", True)
    object.__setattr__(layer, "built_shape", input_shape)


def _marks_built(build):
    """A layer built by hand is built: calling it later must not make its weights anew."""
    @functools.wraps(build)
    def marking(self, input_shape):
        build(self, input_shape)
        _built(self, input_shape)
    return marking


def _shapes(value):
    return [_shapes(v) for v in value] if isinstance(value, (list, tuple)) else tuple(getattr(value, "shape", ()))


def _without_batch(shapes):
    return [_without_batch(s) for s in shapes] if isinstance(shapes, list) else (None, *shapes[1:])


@functools.cache
def _takes_mask(cls):
    return "mask" in inspect.signature(cls.call).parameters


@functools.cache
def _takes_training(cls):
    parameters = inspect.signature(cls.call).parameters
    return "training" in parameters or any(p.kind == p.VAR_KEYWORD for p in parameters.values())
