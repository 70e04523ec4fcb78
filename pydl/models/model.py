"""Model: a layer that can be compiled, trained, inspected and saved."""
import numpy as np

from pydl.errors import ShapeError, positive_int, show
from pydl.layers.base import Layer
from pydl.layers.symbol import symbols_in
from pydl.models import report
from pydl.models.training import Training


class Model(Training, Layer):
    """A network. Made from Symbols, `Model(inputs, outputs)`, or by a subclass with layers and a `call`.

    A copy, by `copy.deepcopy`, `copy.copy` or pickle, is what `load_model` makes of what `save` writes, with memory of its own.

    Args:      inputs: what `Input()` returned, or a list or dict of such.
               outputs: what the last layers returned, likewise.
               name, trainable: as for every layer.
    Raises:    TypeError if inputs or outputs are no Symbols, ValueError if the outputs need an input that is not named.
    Example:
        >>> from pydl import Model, layers
        >>> x = layers.Input((8,))
        >>> h = layers.Dense(8, activation="relu")(x)
        >>> model = Model(x, layers.Dense(2)(layers.Add()([x, h])))
        >>> model.output_shape
        (None, 2)
    """
    supports_masking = None

    def __new__(cls, *args, **kwargs):
        if cls is Model:
            from pydl.models.functional import Functional  # a sibling: Model(inputs, outputs) is one
            cls = Functional
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, name=None, trainable=True, dtype=None, **kwargs):
        if args or kwargs:
            given = [show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()]
            raise TypeError(f"{type(self).__name__}: takes name, trainable and dtype, got {', '.join(given)}; "
                            "a functional model is Model(inputs, outputs)")
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self._start_training_state()

    def _wanted(self, dtype):
        """Each layer of a model casts for itself; the model passes on what it can compute with."""
        return self.dtype if dtype.kind == "f" and dtype.itemsize not in (4, 8) else None

    @property
    def layers(self):
        """The layers of the model, in order."""
        return self.sublayers

    def get_layer(self, name=None, index=None):
        """Return a layer by its name or its position."""
        if (name is None) == (index is None):
            raise ValueError(f"{self.who}: get_layer takes a name or an index")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"{self.who}: layer {index} asked for, the model has {len(layers)}")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"{self.who}: no layer '{name}'; there are {', '.join(layer.name for layer in layers)}")

    @property
    def output_shape(self):
        """The shape of the output, with None for the batch; of several outputs, a list."""
        outputs = symbols_in(self._output_structure)
        return outputs[0].shape if len(outputs) == 1 else [s.shape for s in outputs]

    @property
    def input_shape(self):
        """The shape of the input, with None for the batch; of several inputs, a list."""
        return self.inputs[0].shape if len(self.inputs) == 1 else [s.shape for s in self.inputs]

    def declared_output_shapes(self):
        """The shapes of the outputs as a list, batch None; None where only running the model would tell."""
        if not getattr(self, "inputs", None):
            return None
        shape = self.output_shape
        return shape if isinstance(shape, list) else [shape]

    @staticmethod
    def check_declared(who, name, declared, got):
        """Refuse data that does not fit a declared input, with a guess at what went wrong."""
        if len(declared) == len(got) and all(d is None or d == g for d, g in zip(declared[1:], got[1:])):
            return
        hint = ""
        if len(declared) == len(got) == 4 and tuple(declared[1:]) == (got[2], got[3], got[1]):
            hint = "; this looks channels-first, transpose with x.transpose(0, 2, 3, 1)"
        elif len(got) == len(declared) - 1 and tuple(declared[1:]) == tuple(got):
            hint = "; a single sample needs a batch axis: x[None]"
        elif len(got) == len(declared) - 1 and declared[-1] == 1:
            hint = "; add the channel axis: x[..., None]"
        raise ShapeError(f"{who}: input '{name}' is declared {tuple(declared)}, got {tuple(got)}{hint}")

    def build_from(self, arrays):
        """Build the model on the shapes of data: a subclass by running it once on two rows of zeros."""
        if self.built:
            return
        shapes = [(None, *a.shape[1:]) for a in arrays]
        if type(self).build is not Layer.build:
            self.ensure_built(shapes[0] if len(shapes) == 1 else shapes)
            return
        rows = [np.zeros((1, *a.shape[1:]), a.dtype) for a in arrays]
        self.predict_on_rows(rows)
        self._steps.clear()                             # that step made the weights, so no later one of these shapes would be its twin
        if not self.built:
            raise ShapeError(f"{self.who}: could not be built for inputs {shapes}")

    def summary(self, line_length=None, print_fn=None):
        """Print the layers with their output shapes and numbers of parameters.

        Args:      line_length: characters a line; by default as wide as the longest row.
                   print_fn: takes each line; `print` by default.
        Raises:    ValueError if the model is not built yet, or no line is so long.
        """
        if line_length is not None:
            positive_int(f"{self.who}: summary", "line_length", line_length)
        lines = report.summary_lines(self, line_length)
        for line in lines:
            (print_fn or print)(line)

    def profile(self, x, y=None, repeats=100, print_fn=None):
        """Replay a step with timers and print a row per kernel; return the rows as dicts.

        Args:      x: a batch; y: its targets, to profile a training step (which does change the weights);
                   without it the prediction is profiled.
                   repeats: how often the step is replayed; times are means.
        Returns:   a list of dicts: kernel, shape, flops, bytes, seconds, share (of the machine's measured peak).
        """
        rows, header = report.profiled(self, x, y, repeats)
        for line in report.profile_lines(rows, header):
            (print_fn or print)(line)
        return rows

    @property
    def input(self):
        """The declared input, a Symbol; of several, a list.  With `output` it makes a part of another model."""
        if not getattr(self, "inputs", None):
            raise ValueError(f"{self.who}: has no declared input; begin it with Input(shape)")
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    @property
    def output(self):
        """The output, a Symbol; of several, a list."""
        if not getattr(self, "outputs", None):
            raise ValueError(f"{self.who}: has no drawn output; a Sequential or functional model with Input(shape) has")
        return self.outputs[0] if len(self.outputs) == 1 else list(self.outputs)

    def get_compile_config(self):
        """Return what `compile` was told, as a dict for `compile_from_config`; None before compile."""
        from pydl.models import saving
        return saving._compile_config(self)

    def compile_from_config(self, config):
        """Compile with what another model's `get_compile_config` returned."""
        from pydl.models import saving
        saving._compile_from(self, config, {})

    def _contents(self):
        """As a layer's, and with all that a file holds of a model's training."""
        from pydl.models import saving
        config, arrays = super()._contents()
        training, state = saving.training_contents(self)
        return {**config, **training}, {**arrays, **state}

    def _put_contents(self, config, arrays, lead):
        """Be what `_contents` told of."""
        from pydl.models import saving
        super()._put_contents(config, arrays, lead)
        saving.put_training_contents(self, config, arrays)

    def to_json(self):
        """Return the structure of the model, without weights, as a JSON text for `models.model_from_json`."""
        from pydl.models import saving
        return saving.model_to_json(self)

    def save(self, filepath, overwrite=True):
        """Write the model, its weights, optimizer and training state to one file, whole or not at all; see `load_model`."""
        from pydl.models import saving
        saving.save_model(self, filepath, overwrite)

    def save_progress(self, path, callbacks=None):
        """Write all that an interrupted training needs to go on bit for bit: see `callbacks.BackupAndRestore`, which does it."""
        from pydl.models import progress
        progress.save_progress(self, path, callbacks)

    def load_progress(self, path, callbacks=None):
        """Put this compiled model where `save_progress` found it; in a callback's `before_training`, `fit` goes on from there."""
        from pydl.models import progress
        progress.load_progress(self, path, callbacks)

    def save_weights(self, filepath, overwrite=True):
        """Write the weights alone."""
        from pydl.models import saving
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, skip_mismatch=False):
        """Read weights written by `save_weights` or `save`; names and shapes must all agree, unless skip_mismatch says to leave out those that do not."""
        from pydl.models import saving
        saving.load_weights(self, filepath, skip_mismatch)
