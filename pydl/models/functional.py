"""Functional models: a graph of layer calls, drawn with Symbols and run in the order it was drawn."""
import numpy as np

from pydl import registry
from pydl.errors import FormatError, show
from pydl.layers.base import Layer
from pydl.layers.symbol import Input, InputLayer, Symbol, map_structure, symbols_in
from pydl.models import fusion
from pydl.models.model import Model
from pydl.tensor import gradients_wanted


class Functional(Model):
    """A model from `inputs` to `outputs`; what `Model(inputs, outputs)` makes.

    Layers may be shared (called several times) and the graph may branch and join.  Any tensor of another functional
    model will do as an input or output, so a part of a network is a model too.  Data comes as a list in the order of the inputs, or as a dict by their
    names: those that `Input()` was given, or the keys of a dict of inputs.
    """

    def __init__(self, inputs, outputs, name=None, trainable=True):
        who = f"Model '{name}'" if name else "Model"
        for label, value in (("inputs", inputs), ("outputs", outputs)):
            found = symbols_in(value)
            flat = list(value.values()) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
            if not found or len(found) != len(flat):
                raise TypeError(f"{who}: {label} must be Symbols, from Input() and from layers called on them, got {show(value)}")
        super().__init__(name=name)
        self.inputs, self.outputs = symbols_in(inputs), symbols_in(outputs)
        self._input_structure, self._output_structure = inputs, outputs
        self.nodes = self._nodes_between()
        self._plan = fusion.Plan(self.nodes, self.outputs)
        layers = []
        for node in self.nodes:
            if not isinstance(node.layer, InputLayer) and node.layer not in layers:
                layers.append(node.layer)
        names = [layer.name for layer in layers]
        for twice in {n for n in names if names.count(n) > 1}:
            raise ValueError(f"{self.who}: two layers are named '{twice}'; names must be unique")
        self._graph_layers = layers
        self.dtype = layers[0].dtype if layers else self.dtype  # what data is turned into for the model
        object.__setattr__(self, "built", True)
        self.input_names = list(inputs) if isinstance(inputs, dict) else [s.name or f"input_{i}" for i, s in enumerate(self.inputs)]
        self.output_names = [s.node.layer.name for s in self.outputs]
        if not trainable:
            self.trainable = False

    @property
    def layers(self):
        return list(self._graph_layers)

    def _nodes_between(self):
        """Every node the outputs need, in the order of creation: a depth-first walk with a stack of its own."""
        stops = {id(s) for s in self.inputs}
        found, stack = {}, [s for s in self.outputs if id(s) not in stops]
        for s in self.inputs:
            if s.node is not None and isinstance(s.node.layer, InputLayer):
                found[id(s.node)] = s.node
        while stack:
            node = stack.pop().node
            if id(node) in found:
                continue
            if isinstance(node.layer, InputLayer):
                raise ValueError(f"{self.who}: the outputs depend on input '{node.layer.name}', which is not among the inputs")
            found[id(node)] = node
            stack.extend(s for s in node.inputs if id(s) not in stops)
        return sorted(found.values(), key=lambda node: node.order)

    def call(self, inputs, training=False):
        values = self._match(inputs)
        for node, fused, dead in self._plan.steps(not training and not gradients_wanted()):
            if fused is not None:
                values[(id(node), 0)] = fused.run(values, training)
            else:
                args, kwargs = map_structure(lambda v: values[self._key(v)] if isinstance(v, Symbol) else v, (node.args, node.kwargs))
                out = node.layer(*args, **{**kwargs, "training": training})
                for i, tensor in enumerate(out if isinstance(out, (list, tuple)) else [out]):
                    values.setdefault((id(node), i), tensor)    # an input drawn from inside another model stays as given
                del args, kwargs, out
            for key in dead:
                values.pop(key, None)
        return map_structure(lambda s: values[self._key(s)], self._output_structure)

    _key = staticmethod(fusion.key)

    def __call__(self, inputs, *args, **kwargs):
        """Run the model on a list of inputs, or a dict of them by name; see `Layer`."""
        return super().__call__(self._in_order(inputs) if isinstance(inputs, dict) else inputs, *args, **kwargs)

    def _in_order(self, inputs):
        if isinstance(inputs, dict):
            if any(n not in inputs for n in self.input_names) or len(inputs) != len(self.inputs):
                raise ValueError(f"{self.who}: expected inputs named {self.input_names}, got {list(inputs)}")
            return [inputs[n] for n in self.input_names]
        return inputs if isinstance(inputs, (list, tuple)) else [inputs]

    def _match(self, inputs):
        """The given tensors by symbol; one for each input, in order or by name."""
        inputs = self._in_order(inputs)
        if len(inputs) != len(self.inputs):
            raise ValueError(f"{self.who}: expected {len(self.inputs)} inputs, got {len(inputs)}")
        for symbol, tensor in zip(self.inputs, inputs):
            self.check_declared(self.who, symbol.name or symbol.node.layer.name, symbol.shape, tensor.shape)
        return {self._key(s): t for s, t in zip(self.inputs, inputs)}

    def compute_output_shape(self, input_shape):
        return map_structure(lambda s: s.shape, self._output_structure)

    # ---- config

    def get_config(self):
        """Layers once; then the calls in order, the inputs first: an argument names a call and which of its results."""
        calls, number = [], {}

        def written(value):
            if isinstance(value, Symbol):
                return {"call": number[self._key(value)], "result": value.index}
            if isinstance(value, (list, tuple)):
                return [written(v) for v in value]
            if isinstance(value, np.ndarray):
                raise ValueError(f"{self.who}: a constant array inside a functional model cannot be saved; make it a layer")
            return value
        for symbol, name in zip(self.inputs, self.input_names):
            number[self._key(symbol)] = len(calls)
            calls.append({"input": {"shape": list(symbol.shape[1:]), "dtype": symbol.dtype.name, "name": name}})
        index = {id(layer): i for i, layer in enumerate(self._graph_layers)}
        for node in self.nodes:
            if not isinstance(node.layer, InputLayer):
                call = {"layer": index[id(node.layer)], "args": written(node.args), "kwargs": {k: written(v) for k, v in node.kwargs.items()}}
                for i in range(node.results):
                    number.setdefault((id(node), i), len(calls))
                calls.append(call)
        return {"name": self.name, "trainable": self._trainable, "layers": [registry.serialize(layer) for layer in self._graph_layers],
                "calls": calls, "inputs": [written(s) for s in self.inputs], "outputs": written(self._listed(self._output_structure))}

    @staticmethod
    def _listed(structure):
        return list(structure.values()) if isinstance(structure, dict) else structure

    @classmethod
    def from_config(cls, config):
        layers = [registry.deserialize(layer, kind=Layer) for layer in config["layers"]]
        made = []

        def read(value):
            if isinstance(value, dict) and set(value) == {"call", "result"}:
                if not 0 <= value["call"] < len(made) or not 0 <= value["result"] < len(made[value["call"]]):
                    raise FormatError("config of a functional model: a call refers to one that is not there yet")
                return made[value["call"]][value["result"]]
            return [read(v) for v in value] if isinstance(value, list) else value
        for call in config["calls"]:
            if "input" in call:
                made.append([Input(tuple(call["input"]["shape"]), dtype=call["input"]["dtype"], name=call["input"]["name"])])
            else:
                out = layers[call["layer"]](*read(call["args"]), **{k: read(v) for k, v in call["kwargs"].items()})
                made.append(out if isinstance(out, list) else [out])
        inputs = read(config["inputs"])
        return cls(inputs if len(inputs) > 1 else inputs[0], read(config["outputs"]), name=config["name"], trainable=config["trainable"])

