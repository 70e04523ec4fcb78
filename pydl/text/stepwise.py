"""Stepwise: a recurrent model run one step at a time, with the state it carries."""
import numpy as np

from pydl import registry
from pydl.data.arrays import as_array
from pydl.errors import DTypeError, ShapeError, positive_int, show
from pydl.layers import Embedding
from pydl.layers.owner import WeightBudget, weight_budget
from pydl.models import Model
from pydl.tensor import no_grad

PROBE = 3               # steps on which a new Stepwise is compared with the model run on all of them at once


def twin_of(who, model, stateful):
    """A model of the same layers and weights whose recurrent layers all carry their state, or none, and whose number of steps is open."""
    if not isinstance(model, Model):
        raise TypeError(f"{who}: expected a model, got {show(model)}")
    if not model.built:
        raise ValueError(f"{who}: the model is not built yet; call it on data, or give it an Input")
    config = _turned(who, model.get_config(), stateful)
    budget = weight_budget.set(WeightBudget(model.count_params()))         # its weights come from the model: none are drawn
    try:
        with registry.custom_object_scope({type(layer).__name__: type(layer) for layer in model.layers_inside}):
            twin = type(model).from_config(config)
        if not twin.built:
            twin.build_from([np.zeros((1, 1, *model.built_shape[2:]), model.dtype)])
    except ShapeError as error:
        raise ValueError(f"{who}: the model needs sequences of one length, it cannot be run step by step: {error}") from error
    finally:
        weight_budget.reset(budget)
    twin.set_weights(model.get_weights())
    return twin


def _turned(who, config, stateful):
    """The config with `stateful` everywhere and open lengths of the inputs."""
    if isinstance(config, (list, tuple)):
        return [_turned(who, entry, stateful) for entry in config]
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    if isinstance(inner, dict) and (inner.get("go_backwards") or str(config.get("class_name")).endswith("Bidirectional")):
        raise ValueError(f"{who}: layer '{inner.get('name')}' reads the sequence backwards: it needs the end before it can take the first step")
    turned = {key: _turned(who, value, stateful) for key, value in config.items()}
    if "stateful" in turned:
        turned["stateful"] = stateful
    declared = turned.get("input")
    if isinstance(declared, dict) and declared.get("shape"):
        turned["input"] = {**declared, "shape": [None, *declared["shape"][1:]]}
    return turned


class Stepwise:
    """A recurrent model that is fed step by step: each step costs the same, however many came before.

    It is a copy of the model with the same weights in which every SimpleRNN, GRU, LSTM and RNN carries its state from step to step.  When it is made, it is
    compared with the model run on a few steps at once, so a model that cannot be run this way (a convolution over time, attention, a layer that
    looks ahead) is refused.

    Args:      model: a built Sequential or functional Model with one input: (N, T) numbers of tokens or (N, T, D) vectors.
               rows: how many sequences run side by side.
    Raises:    ValueError if the model's output step by step is not its output on the whole sequence.
    Example:
        >>> import numpy as np, pydl
        >>> from pydl import layers
        >>> model = pydl.Sequential([layers.Input((None, 3)), layers.LSTM(4, return_sequences=True), layers.Dense(2)])
        >>> x, runner = np.ones((1, 5, 3), "float32"), pydl.text.Stepwise(model)
        >>> steps = [runner.step(x[:, t]) for t in range(5)]
        >>> bool(np.allclose(steps[-1], model.predict(x)[:, -1]))
        True
    """

    def __init__(self, model, rows=1):
        self.rows = positive_int("Stepwise", "rows", rows)
        self.source, self.model = model, twin_of("Stepwise", model, True)
        shape = self.model.input_shape
        if not isinstance(shape, tuple) or len(shape) not in (2, 3):
            raise ShapeError(f"Stepwise: the model must have one input, (N, T) numbers or (N, T, D) vectors, got {show(shape)}")
        self.takes_ids, self.width = len(shape) == 2, shape[-1] if len(shape) == 3 else None
        self._compare()
        self.reset()

    def _compare(self):
        """Step by step and at once must be the same."""
        if self.takes_ids:
            limit = min([layer.input_dim for layer in self.model.layers_inside if isinstance(layer, Embedding)], default=2)
            x = np.tile((np.arange(PROBE) + 1) % min(limit, 2 * PROBE), (self.rows, 1)).astype(np.int32)
        else:
            x = np.tile(np.sin(np.arange(PROBE * self.width) + 1.0).reshape(1, PROBE, self.width), (self.rows, 1, 1)).astype(self.model.dtype)
        try:
            self.reset()
            whole = self._run(x)
            self.reset()
            steps = [self._run(x[:, t:t + 1]) for t in range(PROBE)]
        except ShapeError as error:
            raise ValueError(f"Stepwise: the model cannot be run step by step: {error}") from error
        self.returns_sequences = whole.shape[1:2] == (PROBE,) and steps[0].shape[1:2] == (1,)
        found = np.concatenate(steps, axis=1) if self.returns_sequences else steps[-1]
        if found.shape != whole.shape or not np.allclose(found, whole, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(whole).max(initial=0)))):
            raise ValueError("Stepwise: the model's output step by step is not its output on the whole sequence: one of its layers looks at more than "
                             "the step and the carried state (a convolution over time, attention)")

    def _run(self, x):
        with no_grad():
            return np.array(self.model(x, training=False))

    def reset(self):
        """Begin new sequences: all states are zeros."""
        for layer in self.model.layers_inside:
            if getattr(layer, "stateful", False):
                layer.reset_states()

    def refresh(self):
        """Take over the weights that the model has now."""
        self.model.set_weights(self.source.get_weights())

    def _checked(self, x, steps):
        x = as_array("Stepwise", "x", x)
        wanted = (self.rows,) + ("T",) * steps + (() if self.takes_ids else (self.width,))
        if x.ndim != len(wanted) or any(w != "T" and w != g for w, g in zip(wanted, x.shape)) or 0 in x.shape:
            raise ShapeError(f"Stepwise: expected x of shape {wanted}, got {x.shape}".replace("'T'", "T"))
        if self.takes_ids:
            if x.dtype.kind not in "iu":
                raise DTypeError(f"Stepwise: x must hold the numbers of tokens, got {x.dtype}")
            return x.astype(np.int32)
        return x.astype(self.model.dtype)

    def step(self, x):
        """Take one step; return the model's output for it.  x: (rows,) numbers or (rows, D) vectors -> (rows, ...)."""
        y = self.model.predict_on_rows([self._checked(x, False)[:, None]])[0]
        return y[:, 0] if self.returns_sequences else y

    def feed(self, x):
        """Take several steps at once, the beginning of a text; return the output for the last.  x: (rows, T) or (rows, T, D) -> (rows, ...)."""
        y = self._run(self._checked(x, True))
        return y[:, -1] if self.returns_sequences else y
