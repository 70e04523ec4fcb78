"""RNN: any cell, step by step; the cells of the recurrent layers, stacks of cells, and cells of one's own.

A cell is a layer with `state_size` (an integer, or a list of them) whose call(x, states) takes one step (N, D) and a list of states
(N, size) and returns (output, new states); with a method get_initial_state(batch_size) it says what the states are before the first step, else
they are zeros.  The layers SimpleRNN, GRU and LSTM run a whole sequence in one call and are much faster.
"""
from pydl import registry
from pydl.errors import ShapeError, boolean, is_int, show
from pydl.layers.base import InputSpec, Layer
from pydl.layers.carry import Carry, copied, copy
from pydl.layers.masks import MasksOfSteps
from pydl.layers.recurrent import GRU, LSTM, SimpleRNN, check_steps, checked_mask
from pydl.ops import get_item, reshape, stack, where, zeros
from pydl.ops.operands import numbers
from pydl.tensor import Tensor, no_grad


class _Cell(Layer):
    """One step of a recurrent layer, `of`, made with the same arguments."""
    of = None
    states = 1

    def __init__(self, units, *args, name=None, trainable=True, dtype=None, **kwargs):
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        for unknown in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "use_cudnn", "recompute"):
            if unknown in kwargs:
                raise TypeError(f"{self.who}: {unknown} is an argument of RNN, not of a cell")
        self.layer = self.of(units, *args, return_state=True, name=f"{self.name}_step", dtype=self.dtype, **kwargs)
        self.units = self.layer.units
        self.state_size = self.units if self.states == 1 else [self.units] * self.states

    def build(self, input_shape):
        self.layer.ensure_built((None, None, input_shape[-1]))

    def call(self, x, states, training=False, noise=None):
        """Take a step.  noise: of the dropout, the same at every step of a sequence, as `draw_noise` returns it; drawn anew by default."""
        if x.ndim != 2:
            raise ShapeError(f"{self.who}: a step must be (N, D), got {x.shape}")
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        out, *new = self.layer(reshape(x, (x.shape[0], 1, x.shape[1])), initial_state=states, training=training, noise=noise)
        return out, new

    def draw_noise(self, n, dtype):
        """Return the noise of the dropout for the steps of n sequences."""
        return self.layer.noise(n, self.layer.kernel.shape[0], dtype)

    def get_initial_state(self, batch_size):
        """Return the states before the first step: zeros."""
        return [zeros((batch_size, self.units), self.dtype) for _ in range(self.states)]

    def get_config(self):
        """Return the settings of the step."""
        config = {n: v for n, v in self.layer.get_config().items()
                  if n not in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "use_cudnn", "recompute",
                              "activity_regularizer")}
        return {**config, "name": self.name, "trainable": self._trainable, "dtype": self.dtype}


class SimpleRNNCell(_Cell):
    """One step of SimpleRNN.  Arguments as there, but those about sequences."""
    of = SimpleRNN


class GRUCell(_Cell):
    """One step of GRU.  Arguments as there, but those about sequences."""
    of = GRU


class LSTMCell(_Cell):
    """One step of LSTM; the states are [h, c].  Arguments as there, but those about sequences."""
    of = LSTM
    states = 2


def sizes_of(who, cell):
    """The sizes of a cell's states, as a list."""
    sizes = getattr(cell, "state_size", None)
    sizes = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
    if not isinstance(cell, Layer) or not sizes or not all(is_int(size) and size > 0 for size in sizes):
        raise TypeError(f"{who}: a cell must be a layer with state_size, a positive integer or a list of them, got {show(cell)}")
    return sizes


def first_states(who, cell, n, dtype):
    """The states of a cell before the first step of n sequences."""
    wanted = [(n, size) for size in sizes_of(who, cell)]
    if not hasattr(cell, "get_initial_state"):
        return [zeros(shape, dtype) for shape in wanted]
    return checked_start(who, "the cell's get_initial_state", cell.get_initial_state(batch_size=n), wanted, dtype)


def checked_start(who, name, states, wanted, dtype):
    """States as a list of Tensors of these shapes."""
    states = [numbers(who, name, state, dtype) for state in (states if isinstance(states, (list, tuple)) else [states])]
    if [state.shape for state in states] != wanted:
        raise ShapeError(f"{who}: {name} must have shapes {wanted}, got {[state.shape for state in states]}")
    return states


def starts_at_zeros(cell):
    """Whether the states of a cell are zeros before the first step."""
    if isinstance(cell, StackedRNNCells):
        return all(starts_at_zeros(inner) for inner in cell.cells)
    return getattr(type(cell), "get_initial_state", _Cell.get_initial_state) is _Cell.get_initial_state


class StackedRNNCells(Layer):
    """Cells one after the other as one cell: the output of each is the input of the next.

    Args:      cells: a list of them; the states are those of the first, then of the second, and so on.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> deep = layers.StackedRNNCells([layers.GRUCell(4), layers.LSTMCell(5)])
        >>> layers.RNN(deep)(np.ones((2, 3, 6))).shape
        (2, 5)
    """

    def __init__(self, cells, **kwargs):
        if not isinstance(cells, (list, tuple)) or not cells:
            raise TypeError(f"StackedRNNCells: cells must be a list of cells, got {show(cells)}")
        counts = tuple([len(sizes_of("StackedRNNCells", cell)) for cell in cells])
        super().__init__(**{"dtype": cells[0].dtype, **kwargs})
        self.cells, self.counts = list(cells), counts
        self.state_size = [size for cell in self.cells for size in sizes_of(self.who, cell)]

    def call(self, x, states, training=False, noise=None):
        new, states = [], list(states)
        for cell, count, of_cell in zip(self.cells, self.counts, noise or [None] * len(self.cells)):
            x, found = cell(x, states[:count], training=training) if of_cell is None else cell(x, states[:count], training=training, noise=of_cell)
            new += list(found)
            states = states[count:]
        return x, new

    def draw_noise(self, n, dtype):
        """Return the noise of each cell's dropout for the steps of n sequences; None for cells of one's own."""
        return [cell.draw_noise(n, dtype) if isinstance(cell, (_Cell, StackedRNNCells)) else None for cell in self.cells]

    def get_initial_state(self, batch_size):
        """Return the states of all cells before the first step."""
        return [state for cell in self.cells for state in first_states(self.who, cell, batch_size, self.dtype)]

    def get_config(self):
        from_base = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        return {"cells": [registry.serialize(cell) for cell in self.cells], **from_base}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls([registry.deserialize(cell, kind=Layer) for cell in config.pop("cells")], **config)


class RNN(Carry, MasksOfSteps, Layer):
    """Run a cell over a sequence, step by step.

    Args:      cell: a cell, or a list of them (which are stacked).
               return_sequences: return the output of every step instead of the last.
               return_state: return a list, with the last states after the output.
               go_backwards: take the steps from the last to the first.
               stateful: start from the states the previous call ended with; `reset_states()` sets them to zeros.
               unroll: accepted for Keras's sake; there is no loop to unroll.
               zero_output_for_mask: with return_sequences, put out zeros at masked steps instead of repeating the output before them.
    Call:      layer(x, initial_state=None, mask=None, training=False); a masked step keeps the states and repeats the output before it
               (zeros before the first).
    Shapes:    (N, T, D) -> the cell's output, (N, size) or (N, T, size).
    Gradients: x, the initial states, the cell's weights.
    Example:
        >>> import numpy as np, pydl
        >>> class Sum(pydl.layers.Layer):
        ...     state_size = 2
        ...     def call(self, x, states):
        ...         return states[0] + x, [states[0] + x]
        >>> pydl.layers.RNN(Sum())(np.ones((1, 3, 2))).numpy().tolist()
        [[3.0, 3.0]]
    """

    def __init__(self, cell, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
                 zero_output_for_mask=False, **kwargs):
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        self.sizes = sizes_of("RNN", cell)
        super().__init__(**{"dtype": cell.dtype, **kwargs})
        self.cell = cell
        self.return_sequences = boolean(self.who, "return_sequences", return_sequences)
        self.return_state = boolean(self.who, "return_state", return_state)
        self.go_backwards = boolean(self.who, "go_backwards", go_backwards)
        self.stateful = boolean(self.who, "stateful", stateful)
        self.unroll = boolean(self.who, "unroll", unroll)
        self.zero_output_for_mask = boolean(self.who, "zero_output_for_mask", zero_output_for_mask)
        if self.stateful and not starts_at_zeros(cell):
            raise ValueError(f"{self.who}: stateful=True begins with zeros, which the cell's get_initial_state does not; "
                             "pass initial_state to the calls instead")
        self.input_spec = InputSpec(ndim=3)

    @property
    def carried_sizes(self):
        """The sizes of the cell's states."""
        return self.sizes

    def build(self, input_shape):
        self.check_input(input_shape)
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})
        cells, width = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell], input_shape[-1]
        for cell in cells:                                  # a cell before the last must put out its first state
            cell.ensure_built((None, width))
            width = sizes_of(self.who, cell)[0]

    def call(self, x, initial_state=None, mask=None, training=False):
        check_steps(self.who, x.shape)
        mask = checked_mask(self.who, mask, x.shape)
        n, steps = x.shape[:2]
        carried = self.carry(n) if self.stateful else []
        states = [copied(a) for a in carried] if carried and initial_state is None else self._start(initial_state, n, x.dtype)
        inside = {"noise": self.cell.draw_noise(n, x.dtype)} if training and isinstance(self.cell, (_Cell, StackedRNNCells)) else {}
        outputs, y, zeroed = [], None, self.zero_output_for_mask and self.return_sequences
        for s in range(steps):
            t = steps - 1 - s if self.go_backwards else s
            result = self.cell(get_item(x, (slice(None), t)), states, training=training, **inside)
            if not isinstance(result, (list, tuple)) or len(result) != 2 or not isinstance(result[0], Tensor):
                raise TypeError(f"{self.who}: the cell must return (output, states), got {show(result)}")
            out, new = result
            new = list(new) if isinstance(new, (list, tuple)) else [new]
            if len(new) != len(states) or any(not isinstance(v, Tensor) or v.shape != state.shape for v, state in zip(new, states)):
                raise ShapeError(f"{self.who}: the cell must return (output, states) with states of shapes {[v.shape for v in states]}, got "
                                 f"{[getattr(v, 'shape', v) for v in new]}")
            if mask is not None:
                live = get_item(mask, (slice(None), slice(t, t + 1)))
                out = where(live, out, zeros(out.shape, out.dtype) if y is None or zeroed else y)
                new = [where(live, a, b) for a, b in zip(new, states)]
            y, states = out, new
            outputs.append(y)
        for array, state in zip(carried, states):
            copy(state.array, array)
        if self.return_sequences:
            y = stack(outputs, 1)
            if mask is not None:
                y.mask = self.compute_mask(x, mask)
        return [y, *states] if self.return_state else y

    def compute_output_shape(self, input_shape):
        n, steps = input_shape[:2]
        with no_grad():                                     # one step on zeros tells what the cell puts out
            out, _ = self.cell(zeros((1, input_shape[-1]), self.dtype), [zeros((1, size), self.dtype) for size in self.sizes], training=False)
        y = (n, steps, *out.shape[1:]) if self.return_sequences else (n, *out.shape[1:])
        return [y, *[(n, size) for size in self.sizes]] if self.return_state else y

    def _start(self, given, n, dtype):
        if given is None:
            return first_states(self.who, self.cell, n, dtype)
        return checked_start(self.who, "initial_state", given, [(n, size) for size in self.sizes], dtype)
