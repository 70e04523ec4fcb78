"""Layers that run as one: which neighbours of a graph have a common kernel.

Patterns stand in `PATTERNS` by the layer they begin with; a pattern is followed as far as each result has one consumer and is no output
of the model, so nobody misses what is never written.  Layers run apart if one of them is of a class of the user's, has an activity
regularizer, or was called with arguments of its own.

    inference   (nothing is differentiated)  ZeroPadding2D?, Conv2D, BatchNormalization?, Add?, relu?: padding, weights and epilogue of one
                convolution.  The normalisation is folded into the weights: other roundings than apart, a few units in the last place.
                The sum is written over its other term where nobody reads that any more.
                ZeroPadding2D, MaxPooling2D behind a relu: zeros are no maximum there that a pixel is not.
    training    Conv2D, relu?, MaxPooling2D: the result of the convolution is never whole in memory, and nothing of it is kept for the gradient
                but where the maxima were.  The same values bit for bit, and the same terms in every gradient.
    always      BatchNormalization, Add?, relu: one pass over the data for all.  The same bits as apart.
                Embedding, SimpleRNN, GRU, SimplifiedGRU or LSTM: the kernel meets the rows of the table instead of the steps, where the batch has
                at least twice as many of these.  Other roundings than apart.
"""
import math

from pydl import ops
from pydl.layers.activation import Activation, ReLU
from pydl.layers.base import watching
from pydl.layers.conv import Conv2D
from pydl.layers.embedding import Embedding
from pydl.layers.merging import Add
from pydl.layers.norm import BatchNormalization
from pydl.layers.pool import BYTE, MaxPooling2D
from pydl.layers.recurrent import GRU, LSTM, SimpleRNN, SimplifiedGRU
from pydl.layers.reshaping import ZeroPadding2D
from pydl.layers.symbol import InputLayer
from pydl.tensor import structure_version


def key(symbol):
    """What the value of a symbol is kept under."""
    return (id(symbol.node), symbol.index)


class Fused:
    """Nodes that run as one, where the last of them stands: `layer(x, **options)`, and the values of `extra` symbols by name."""

    def __init__(self, nodes, layer, x, options, extra):
        self.nodes, self.layer, self.x, self.options, self.extra = nodes, layer, x, options, extra

    def run(self, values, training):
        """The Tensor of the last node, from the values by key."""
        return self.layer(values[key(self.x)], training=training, **self.options, **{name: values[key(s)] for name, s in self.extra.items()})


class Plan:
    """How the nodes of a graph run: [(node, Fused or None, dead)], made anew when a layer's settings change.

    dead: the keys of the values that no later step reads, so that their memory serves again.
    """

    def __init__(self, nodes, outputs):
        self.nodes, self.outputs, self.made = nodes, outputs, {}

    def steps(self, inference):
        """The steps, in order, for a pass of this kind; while somebody watches the layers, each by itself."""
        kind = inference, watching.get() is None
        version, steps = self.made.get(kind, (None, None))
        if version != structure_version():
            steps = self._steps(inference, PATTERNS if kind[1] else {})
            self.made[kind] = structure_version(), steps
        return steps

    def _steps(self, inference, patterns):
        consumers = {}
        for node in self.nodes:
            for symbol in node.inputs:
                consumers.setdefault(key(symbol), []).append(node)
        for symbol in self.outputs:
            consumers.setdefault(key(symbol), []).append(None)
        graph, at, taken = Graph(consumers), {}, set()
        for node in self.nodes:
            if id(node) not in taken and type(node.layer) in patterns:
                fused = patterns[type(node.layer)](graph, node, inference, taken)
                if fused is not None and len(fused.nodes) > 1:
                    taken.update(id(n) for n in fused.nodes)
                    at[id(fused.nodes[-1])] = fused
        steps = [(node, at.get(id(node)), []) for node in self.nodes
                 if not isinstance(node.layer, InputLayer) and (id(node) not in taken or id(node) in at)]
        seen, makers = {key(symbol) for symbol in self.outputs}, {id(node): fused for node, fused, _ in steps}
        for node, fused, dead in reversed(steps):
            for symbol in node.inputs if fused is None else [fused.x, *fused.extra.values()]:
                if key(symbol) not in seen:
                    seen.add(key(symbol))
                    dead.append(key(symbol))
            if fused is not None and type(fused.layer) is Conv2D and "skip" in fused.extra:
                skip = fused.extra["skip"]
                fused.options["in_place"] = key(skip) in dead and graph.belongs_to(makers.get(id(skip.node)), skip, fused)
        return steps


class Graph:
    """Who consumes what."""

    def __init__(self, consumers):
        self.consumers = consumers

    def after(self, node, taken, *classes):
        """The only consumer of a node's result, if it is a plain layer of one of these classes and not taken yet; else None."""
        found = self.consumers.get((id(node), 0), [])
        if len(found) != 1 or found[0] is None or id(found[0]) in taken or type(found[0].layer) not in classes:
            return None
        return found[0] if plain(found[0]) and found[0].layer.dtype == node.layer.dtype else None

    def relu_after(self, node, taken):
        """The relu behind a node, if there is one."""
        found = self.after(node, taken, Activation, ReLU)
        return found if found is not None and is_relu(found.layer) else None

    def sum_after(self, node, taken):
        """(the Add behind a node, its other input) if that is of the same known shape; else (None, None)."""
        found = self.after(node, taken, Add)
        if found is not None:
            others = [s for s in found.inputs if s.node is not node]
            if len(found.inputs) == 2 and len(others) == 1 and same_shape(*found.inputs) and others[0].dtype == node.layer.dtype:
                return found, others[0]
        return None, None


    def belongs_to(self, maker, symbol, user):
        """Whether the memory of a symbol is that of its value alone: `maker` (Fused or None) made it new, and others than `user`, which adds it, were
        convolutions, whose results are new too.  (A Dropout or a Reshape gives its input on.)"""
        if maker is None or type(maker.layer) is not Conv2D or maker.layer.activation not in (ops.linear, ops.relu):
            return False
        others = [node for node in self.consumers[key(symbol)] if node not in user.nodes[1:]]
        return all(type(node.layer) is Conv2D and plain(node) and node is not user.nodes[0] for node in others)


def plain(node):
    """Whether a call is what its class says and no more."""
    layer = node.layer
    return node.results == 1 and not node.kwargs and len(node.args) == 1 and layer.activity_regularizer is None and "call" not in layer.__dict__


def is_relu(layer):
    """Whether an activation layer is max(x, 0)."""
    if type(layer) is Activation:
        return layer.activation is ops.relu
    return layer.max_value is None and layer.negative_slope == 0 and layer.threshold == 0


def never_negative(layer):
    """Whether a layer's results are known to be 0 or more."""
    return type(layer) in (Activation, ReLU) and is_relu(layer) or type(layer) is Conv2D and layer.activation is ops.relu


def same_shape(a, b):
    """Whether two symbols have one shape, known but for the batch."""
    return a.shape == b.shape and None not in a.shape[1:]


def epilogue(graph, node, nodes, taken, extra):
    """Follow a sum and a relu behind `node`; whether there is a relu."""
    total, other = graph.sum_after(node, taken)
    if total is not None:
        nodes.append(total)
        extra["skip"] = other
        node = total
    relu = graph.relu_after(node, taken)
    if relu is not None:
        nodes.append(relu)
    return relu is not None


def from_padding(graph, node, inference, taken):
    """ZeroPadding2D before a convolution without padding of its own, or, behind a relu, before maxima."""
    after = graph.after(node, taken, Conv2D, MaxPooling2D) if inference and plain(node) and node.layer.data_format == "channels_last" else None
    if after is None or after.layer.padding != "valid":
        return None
    if type(after.layer) is Conv2D:
        return from_convolution(graph, after, inference, taken, node)
    pool, frame, before = after.layer, node.layer.padding, node.inputs[0].node
    if before is None or not never_negative(before.layer) or pool.data_format != "channels_last" or any(max(f) >= k for f, k in zip(frame, pool.pool_size)):
        return None
    return Fused([node, after], pool, node.inputs[0], {"frame": frame}, {})


def from_convolution(graph, node, inference, taken, padding=None):
    """A convolution with what follows it."""
    layer = node.layer
    channels = node.inputs[0].shape[-1] if len(node.inputs) == 1 else None
    if not plain(node) or layer.data_format != "channels_last":
        return None
    if not inference:
        return with_pooling(graph, node, taken)
    if layer.groups == channels and channels > 1:
        return None
    nodes, options, extra, last = [padding, node] if padding else [node], {}, {}, node
    if layer.activation is ops.linear:
        norm = graph.after(last, taken, BatchNormalization)
        if norm is not None and norm.layer.axis in (-1, 3):
            options["norm"] = norm.layer
            nodes.append(norm)
            last = norm
        options["relu"] = epilogue(graph, last, nodes, taken, extra)
    if padding:
        options["frame"] = padding.layer.padding
    return Fused(nodes, layer, nodes[0].inputs[0], options, extra)


def with_pooling(graph, node, taken):
    """A convolution, with relu or without an activation, and the maxima of windows of its result."""
    nodes, layer = [node], node.layer
    if layer.activation is ops.linear:
        relu = graph.relu_after(node, taken)
        if relu is not None:
            nodes.append(relu)
    elif layer.activation is not ops.relu:
        return None
    pool = graph.after(nodes[-1], taken, MaxPooling2D)
    if pool is None or pool.layer.data_format != "channels_last" or math.prod(pool.layer.pool_size) > BYTE:
        return None
    return Fused([*nodes, pool], layer, node.inputs[0], {"pool": pool.layer, "relu": len(nodes) > 1}, {})


def from_normalisation(graph, node, inference, taken):
    """A batch normalisation with a sum and a relu behind it."""
    ndim = node.inputs[0].ndim if len(node.inputs) == 1 else 0
    if not plain(node) or node.layer.axis not in (-1, ndim - 1) or ndim == 3:        # sequences may bring a mask, which each layer treats its own way
        return None
    nodes, extra = [node], {}
    relu = epilogue(graph, node, nodes, taken, extra)
    return Fused(nodes, node.layer, node.inputs[0], {"relu": True}, extra) if relu else None


def from_embedding(graph, node, inference, taken):
    """Vectors that a recurrent layer reads step by step."""
    after = graph.after(node, taken, SimpleRNN, GRU, SimplifiedGRU, LSTM) if plain(node) else None
    if after is None or not after.layer.one_kernel or not inference and (after.layer.dropout or node.layer.sparse):
        return None
    return Fused([node, after], node.layer, node.inputs[0], {"recurrent": after.layer}, {})


PATTERNS = {Embedding: from_embedding, ZeroPadding2D: from_padding, Conv2D: from_convolution, BatchNormalization: from_normalisation}
