"""Layers around a layer: TimeDistributed applies one to every step, Bidirectional reads a sequence from both ends."""
from pydl import registry
from pydl.errors import one_of, show
from pydl.layers.base import InputSpec, Layer
from pydl.layers.cells import RNN
from pydl.layers.norm import BatchNormalization
from pydl.layers.recurrent import _Recurrent
from pydl.ops import add, concatenate, expand_dims, flip, multiply, reshape, where
from pydl.ops.operands import numbers

MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class TimeDistributed(Layer):
    """Apply a layer to every step of a sequence by itself, with the same weights.

    Args:      layer: any layer; a step of the input is what it gets.
    Shapes:    (N, T, ...) -> (N, T, ...), the rest as the layer says.
    Gradients: as the layer's.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.TimeDistributed(layers.Conv2D(4, 3))(np.ones((2, 5, 8, 8, 3))).shape
        (2, 5, 6, 6, 4)
    """
    supports_masking = True

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise TypeError(f"TimeDistributed: layer must be a layer, got {show(layer)}")
        super().__init__(**{"dtype": layer.dtype, **kwargs})
        self.layer = layer
        self.takes_integers = layer.takes_integers
        self.input_spec = InputSpec(min_ndim=2 if layer.takes_integers else 3)

    def build(self, input_shape):
        self.check_input(input_shape)
        self.layer.ensure_built((None, *input_shape[2:]))

    def call(self, x, training=False, mask=None):
        n, steps = x.shape[:2]
        inside = {"mask": reshape(mask, (n * steps,))} if mask is not None and isinstance(self.layer, BatchNormalization) else {}
        y = self.layer(reshape(x, (n * steps, *x.shape[2:])), training=training, **inside)
        return reshape(y, (n, steps, *y.shape[1:]))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], *self.layer.compute_output_shape((None, *input_shape[2:]))[1:])


class Bidirectional(Layer):
    """Run a recurrent layer from the first step to the last and a twin of it from the last to the first, and join what they return.

    Args:      layer: a SimpleRNN, GRU, LSTM or RNN.
               merge_mode: "concat", "sum", "mul" or "ave" of the two outputs; None returns both.
               weights: the weights to start from, the first layer's, then the second's; by default what the layers' initializers say.
               backward_layer: the second layer, instead of a twin with the same settings (and new weights); it must go the other way.
    Call:      layer(x, initial_state=None, mask=None, training=False); initial_state holds the first layer's, then the second's.  With
               return_sequences masked steps put out zeros, as in Keras.
    Shapes:    (N, T, D) -> (N, 2 units), or (N, T, 2 units) with return_sequences, for "concat".  With return_state the states of both follow.
    Gradients: x, the states, the weights.
    Source:    Schuster, Paliwal, Bidirectional recurrent neural networks, 1997.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Bidirectional(layers.GRU(4, return_sequences=True))(np.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        for name, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(value, (_Recurrent, RNN)) and not (name == "backward_layer" and value is None):
                raise TypeError(f"Bidirectional: {name} must be a SimpleRNN, GRU, LSTM or RNN, got {show(value)}")
        super().__init__(**{"dtype": layer.dtype, **kwargs})
        self.merge_mode = one_of(self.who, "merge_mode", merge_mode, MERGE_MODES)
        self.forward_layer = layer
        if backward_layer is None:
            config = {**layer.get_config(), "name": f"backward_{layer.name}", "go_backwards": not layer.go_backwards}
            with registry.custom_object_scope({type(inner).__name__: type(inner) for inner in layer.layers_inside}):
                backward_layer = type(layer).from_config(config)
        for name in ("return_sequences", "return_state", "stateful", "units", "dtype"):
            if name == "units" and merge_mode in ("concat", None):
                continue
            both = [getattr(one, name, None) for one in (layer, backward_layer)]            # units: an RNN has none, its cell says what comes out
            if both[0] != both[1] and None not in both:
                raise ValueError(f"{self.who}: {name} of the two layers must agree, got {both[0]} and {both[1]}")
        if layer.go_backwards == backward_layer.go_backwards:
            raise ValueError(f"{self.who}: the two layers must go different ways, got go_backwards={layer.go_backwards} for both")
        self.backward_layer = backward_layer
        object.__setattr__(self, "_first_weights", weights)
        self.input_spec = InputSpec(ndim=3)

    @property
    def layer(self):
        """The first layer, as it was given."""
        return self.forward_layer

    def build(self, input_shape):
        self.check_input(input_shape)
        self.forward_layer.ensure_built(input_shape)
        self.backward_layer.ensure_built(input_shape)
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def call(self, x, initial_state=None, mask=None, training=False):
        layers, states = (self.forward_layer, self.backward_layer), (None, None)
        if initial_state is not None:
            initial_state = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
            half = len(initial_state) // 2
            if len(initial_state) % 2 or not half:
                raise ValueError(f"{self.who}: initial_state must hold as many arrays for each direction, got {len(initial_state)}")
            states = initial_state[:half], initial_state[half:]
        results, last = [], []
        for layer, state in zip(layers, states):
            out = layer(x, initial_state=state, mask=mask, training=training)
            y, *rest = out if layer.return_state else [out]
            results.append(flip(y, 1) if layer.go_backwards and layer.return_sequences else y)
            last += rest
        joined = self._merged(*results)
        if mask is not None and self.forward_layer.return_sequences:
            mask = numbers(self.who, "mask", mask)
            joined = [where(expand_dims(mask, 2), y, 0.0) for y in (joined if self.merge_mode is None else [joined])]
            for y in joined:
                y.mask = self.compute_mask(x, mask)
            joined = joined if self.merge_mode is None else joined[0]
        if not last:
            return joined
        return [*joined, *last] if self.merge_mode is None else [joined, *last]

    def compute_mask(self, inputs, previous_mask=None):
        """Return the mask of the output; None where it has no steps."""
        return previous_mask if self.forward_layer.return_sequences else None

    def _merged(self, forth, back):
        if self.merge_mode is None:
            return [forth, back]
        if self.merge_mode == "concat":
            return concatenate([forth, back], -1)
        if self.merge_mode == "mul":
            return multiply(forth, back)
        total = add(forth, back)
        return multiply(total, 0.5) if self.merge_mode == "ave" else total

    def compute_output_shape(self, input_shape):
        shapes = [layer.compute_output_shape(input_shape) for layer in (self.forward_layer, self.backward_layer)]
        if not self.forward_layer.return_state:
            shapes = [[s] for s in shapes]
        (forth, *first), (back, *second) = shapes
        joined = [forth, back] if self.merge_mode is None else [(*forth[:-1], forth[-1] + back[-1]) if self.merge_mode == "concat" else forth]
        out = [*joined, *first, *second]
        return out if len(out) > 1 else out[0]

    def reset_states(self):
        """Set the states that stateful layers carry to zeros."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states

    def get_config(self):
        """Return the settings; not the `weights` to start from, which are saved as weights."""
        config = {**super().get_config(), "layer": registry.serialize(self.forward_layer), "backward_layer": registry.serialize(self.backward_layer)}
        config.pop("weights", None)
        return config
