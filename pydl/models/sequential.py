"""Sequential: layers one after the other."""
from pydl import registry
from pydl.errors import ShapeError, show
from pydl.layers.base import Layer
from pydl.layers.symbol import Input, InputLayer, Symbol, symbols_in
from pydl.models import fusion
from pydl.models.model import Model
from pydl.tensor import gradients_wanted


class Sequential(Model):
    """A stack of layers, each fed with what the one before returns.

    Args:      layers: a list of layers, the first of which may be `Input(shape)`; with it the model is built at once,
                   without it at its first data.
               trainable, name: as for every layer.
    Raises:    TypeError if something in the list is no layer, ValueError if two layers share a name.
    Example:
        >>> import numpy as np, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(3, activation="relu"), pydl.layers.Dense(1)])
        >>> model.predict(np.zeros((2, 4))).shape
        (2, 1)
    """

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(name=name)
        self._layers = []
        self._input = self._output_shape = self._outputs = self._plan = None
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise TypeError(f"{self.who}: layers must be a list of layers, got {show(layers)}")
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()
        if trainable is not True:
            self.trainable = trainable

    @property
    def layers(self):
        return list(self._layers)

    def add(self, layer):
        """Put one more layer on top."""
        self._append(layer)
        self._forget_steps()
        self._build_if_known()

    def pop(self):
        """Take the last layer off and return it."""
        if not self._layers:
            raise ValueError(f"{self.who}: there is no layer to take off")
        layer = self._layers.pop()
        self._plan = None
        self._forget_steps()
        self._build_if_known()
        return layer

    def _append(self, layer):
        if isinstance(layer, InputLayer):
            layer = layer.output
        if isinstance(layer, Symbol) and isinstance(getattr(layer.node, "layer", None), InputLayer):
            if self._layers or self._input is not None:
                raise ValueError(f"{self.who}: Input must come first, and only once")
            self._input = layer
            return
        if not isinstance(layer, Layer):
            hint = "; call the class: Dense(10), not Dense" if isinstance(layer, type) and issubclass(layer, Layer) else ""
            raise TypeError(f"{self.who}: expected a layer, got {show(layer)}{hint}")
        if self in layer.layers_inside:
            raise ValueError(f"{self.who}: '{layer.name}' holds this model itself; a model cannot be inside itself")
        if any(layer is mine for mine in self._layers):
            raise ValueError(f"{self.who}: the layer '{layer.name}' is in the stack already; for shared layers use Model(inputs, outputs)")
        if any(layer.name == mine.name for mine in self._layers):
            raise ValueError(f"{self.who}: two layers are named '{layer.name}'; names must be unique")
        self._layers.append(layer)
        self._plan = None

    def _build_if_known(self):
        if self._input is None and self._layers and isinstance(self._layers[0], Model) and self._layers[0].built:
            shapes = getattr(self._layers[0], "inputs", None)
            if shapes and len(shapes) == 1:
                self._input = shapes[0]
        if self._input is not None and self._layers:
            self.build(self._input.shape)
            object.__setattr__(self, "built", True)
            object.__setattr__(self, "built_shape", self._input.shape)

    def build(self, input_shape):
        if not self._layers:
            raise ValueError(f"{self.who}: the model has no layers; add one with model.add(layer)")
        if self._input is None:
            self._input = Input(tuple(input_shape)[1:])
        self.dtype = self._layers[0].dtype                      # what data is turned into for the model
        x, nodes = self._input if self._input.shape == tuple(input_shape) else Symbol(tuple(input_shape), self._input.dtype), []
        for layer in self._layers:
            if isinstance(x, list):
                raise ShapeError(f"{self.who}: layer '{layer.name}' would get {len(x)} inputs; use Model(inputs, outputs)")
            x = layer(x)
            nodes.append((x if isinstance(x, Symbol) else x[0]).node)
        self._outputs = [x] if isinstance(x, Symbol) else list(x)
        self._output_shape = x.shape if isinstance(x, Symbol) else [s.shape for s in x]
        self._plan = fusion.Plan(nodes, symbols_in(x))

    @property
    def output_shape(self):
        return self._output_shape

    @property
    def input_shape(self):
        return None if self._input is None else self._input.shape

    @property
    def input_names(self):
        """The name of the input, in a list."""
        return [self._input.name if self._input is not None and self._input.name else "input"]

    @property
    def inputs(self):
        """The declared input, a Symbol in a list; None without one."""
        return None if self._input is None else [self._input]

    @property
    def outputs(self):
        """What the last layer returns, Symbols in a list; None before the model is built."""
        return self._outputs

    def check_input(self, shape):
        """Raise unless the shape is what was declared."""
        if self._input is not None:
            self.check_declared(self.who, self.input_names[0], self._input.shape, tuple(shape))

    def call(self, x, training=False):
        if self._plan is None:
            for layer in self._layers:
                x = layer(x, training=training)
            return x
        for node, fused, _ in self._plan.steps(not training and not gradients_wanted()):
            x = node.layer(x, training=training) if fused is None else fused.run({fusion.key(fused.x): x}, training)
        return x

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        for layer in self._layers:
            layer.ensure_built(shape)
            shape = layer.compute_output_shape(shape)
        return shape

    def get_config(self):
        declared = None if self._input is None else {"shape": list(self._input.shape[1:]), "dtype": self._input.dtype.name, "name": self._input.name}
        return {"name": self.name, "trainable": self._trainable, "input": declared, "layers": [registry.serialize(layer) for layer in self._layers]}

    @classmethod
    def from_config(cls, config):
        layers = [registry.deserialize(layer, kind=Layer) for layer in config["layers"]]
        if config["input"] is not None:
            layers.insert(0, Input(tuple(config["input"]["shape"]), dtype=config["input"]["dtype"], name=config["input"]["name"]))
        return cls(layers, name=config["name"], trainable=config["trainable"])
