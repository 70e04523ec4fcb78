"""Recurrent layers: SimpleRNN, GRU, SimplifiedGRU, LSTM.  A whole sequence is one op, forward and back.

A cell is named as its kernel: "tanh", "lstm", "gru" (reset after the product), "gru_before", "gru_simple".  Other activations than tanh and sigmoid
run step by step, as ordinary ops: the same results for any function, at the cost of T times as many calls.
"""
from pydl import activations, constraints, initializers, random, regularizers
from pydl.autodiff import Op
from pydl.errors import LARGEST_INT, DTypeError, ShapeError, boolean, in_range, integer, one_of, positive_int
from pydl.layers.base import InputSpec, Layer
from pydl.layers.carry import Carry, copied, copy
from pydl.layers.dense import dense
from pydl.layers.dropout import DropoutNoiseOp
from pydl.layers.masks import MasksOfSteps
from pydl.layers.stepwise import stepwise
from pydl.ops import get_item, multiply, not_equal, sigmoid, tanh
from pydl.ops.elementwise import floating
from pydl.ops.operands import numbers

GATES = {"tanh": 1, "lstm": 4, "gru": 3, "gru_before": 3, "gru_simple": 2}
WITH_CELLS = "lstm", "gru"               # of these backward wants something besides the gates
OPTIONAL = "kernel", "bias", "peephole", "h0", "c0"      # inputs of the op that may be left out, in this order


class RecurrentOp(Op):
    """Inputs x and recurrent, then of OPTIONAL those that `given` names; mask, drop and ids are Arrays or None.  Results y, h (and c).

    ids: what the steps are rows of: x is (vocab, gates * units) then, the products of each row with the kernel, and no kernel is given.
    recompute: keep no gates for backward but run forward again there: y and the states are all that lives in between.
    """

    def __init__(self, cell, backwards, given, mask, drop, recompute, ids=None):
        self.cell, self.backwards, self.given, self.mask, self.drop, self.recompute, self.ids = cell, backwards, given, mask, drop, recompute, ids

    def _split(self, rest):
        """The inputs after the second, or anything in their order, as OPTIONAL; None where there is none."""
        by_name = dict(zip(self.given, rest))
        return tuple([by_name.get(name) for name in OPTIONAL])

    def _space(self, B, x, units, count):
        """Room for `count` gates of every step, as the kernels arrange them."""
        return B.empty((*self.steps, count * B.recurrent_width(units, x)), x.dtype)

    def _run(self, B, x, recurrent, given, keep):
        """Run forward; the results, and (gates, cells) for backward, None where they are not kept."""
        (n, t), units, (kernel, *others) = self.steps, recurrent.shape[0], given
        y, h = B.empty((n, t, units), x.dtype), B.empty((n, units), x.dtype)
        c = B.empty((n, units), x.dtype) if self.cell == "lstm" else None
        gates, cells = (self._space(B, x, units, GATES[self.cell]) if keep and self.cell != "tanh" else None,
                        self._space(B, x, units, 1) if keep and self.cell in WITH_CELLS else None)
        weights = [a for a in (kernel, recurrent, *others[:2]) if a is not None]
        constant = True not in self.needs and all(a.weight for a in weights)      # weights that nobody is training are packed once
        B.recurrent_forward(self.cell, self.backwards, self.ids, x, kernel, recurrent, *others, self.drop, self.mask, gates, cells, y, h, c, constant)
        return ((y, h) if c is None else (y, h, c)), (gates, cells)

    def forward(self, B, x, recurrent, *rest):
        self.steps = (x if self.ids is None else self.ids).shape[:2]
        given = self._split(rest)
        results, kept = self._run(B, x, recurrent, given, True in self.needs and not self.recompute)
        if True in self.needs:
            self.kept = x, recurrent, given, results[0], kept
        return results

    def backward(self, B, dy, dh, dc=None):
        x, recurrent, given, y, (gates, cells) = self.kept
        self.kept = None
        if self.recompute and self.cell != "tanh":
            _, (gates, cells) = self._run(B, x, recurrent, given, True)
        if gates is None:
            gates = self._space(B, x, recurrent.shape[0], 1)         # y says all; backward wants the space
        kernel, _, peephole, h0, c0 = given
        needs = [*self.needs[:2], *self._split(self.needs[2:])]
        dx, drecurrent, dkernel, *wanted = [B.empty(a.shape, x.dtype) if need else None for need, a in zip(needs, (x, recurrent, *given))]
        B.recurrent_backward(self.cell, self.backwards, self.ids, x, kernel, recurrent, peephole, h0, c0, self.drop, self.mask, y, dy, dh, dc, gates, cells,
                             dx, dkernel, drecurrent, *wanted)
        by_name = dict(zip(OPTIONAL, (dkernel, *wanted)))
        return (dx, drecurrent, *[by_name[name] for name in self.given])


# ---- functions

def simple_rnn(x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, go_backwards=False):
    """Run h' = tanh(x kernel + h recurrent_kernel + bias) over a sequence; return (y, h): every state, and the last.

    Args:      initial_state: h before the first step; zeros by default.
               mask: False where a step is padding: it keeps the state, repeats it as output and has no gradient.
               go_backwards: take the steps from the last to the first; y stands in the order in which they are taken.
    Shapes:    x (N, T, D), kernel (D, units), recurrent_kernel (units, units), bias (units,), initial_state (N, units), mask (N, T) ->
               y (N, T, units), h (N, units)
    Dtypes:    float32, float64, all the same.
    Gradients: x, kernel, recurrent_kernel, bias, initial_state.    Saves: x, y and the gates.
    Raises:    ShapeError if the shapes do not fit together or there is no step.
    Source:    Deep Learning Specialization, course 5, week 1.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.recurrent import simple_rnn
        >>> y, h = simple_rnn(np.ones((2, 3, 4)), np.ones((4, 5)), np.ones((5, 5)))
        >>> y.shape, h.shape
        ((2, 3, 5), (2, 5))
    """
    return _sequence("simple_rnn", "tanh", x, kernel, recurrent_kernel, bias, initial_state, mask, go_backwards)


def gru(x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, go_backwards=False, reset_after=True):
    """Run a gated recurrent unit over a sequence; return (y, h): every state, and the last.

    z, r = sigmoid(x W + h U + b); g = tanh(x W + r * (h U + b)), or tanh(x W + (r * h) U + b) without reset_after; h' = z * h + (1 - z) * g.

    Args:      initial_state, mask, go_backwards: as in `simple_rnn`.
               reset_after: where the reset gate stands; with it, bias has a row for x and one for h.
    Shapes:    x (N, T, D), kernel (D, 3 units), recurrent_kernel (units, 3 units), gates in the order z, r, g; bias (2, 3 units), or (3 units,)
               without reset_after
    Dtypes:    float32, float64, all the same.
    Gradients: x, kernel, recurrent_kernel, bias, initial_state.    Saves: x, y, the gates and one number more a unit.
    Raises:    ShapeError if the shapes do not fit together or there is no step.
    Source:    Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.recurrent import gru
        >>> y, h = gru(np.ones((2, 3, 4)), np.ones((4, 15)), np.ones((5, 15)))
        >>> y.shape, h.shape
        ((2, 3, 5), (2, 5))
    """
    cell = "gru" if boolean("gru", "reset_after", reset_after) else "gru_before"
    return _sequence("gru", cell, x, kernel, recurrent_kernel, bias, initial_state, mask, go_backwards)


def simplified_gru(x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, go_backwards=False):
    """Run the simplified gated recurrent unit, which has no reset gate, over a sequence; return (y, h): every state, and the last.

    u = sigmoid(x W + h U + b); g = tanh(x W + h U + b); h' = u * g + (1 - u) * h.  Mind that u is the share of the new, where the z of `gru`
    is that of the old.

    Args:      initial_state, mask, go_backwards: as in `simple_rnn`.
    Shapes:    x (N, T, D), kernel (D, 2 units), recurrent_kernel (units, 2 units), bias (2 units,), gates in the order u, g
    Dtypes:    float32, float64, all the same.
    Gradients: x, kernel, recurrent_kernel, bias, initial_state.    Saves: x, y and the gates.
    Raises:    ShapeError if the shapes do not fit together or there is no step.
    Source:    Deep Learning Specialization, course 5, week 1, Gated Recurrent Unit (simplified).
    Example:
        >>> import numpy as np
        >>> from pydl.layers.recurrent import simplified_gru
        >>> y, h = simplified_gru(np.ones((2, 3, 4)), np.ones((4, 10)), np.ones((5, 10)))
        >>> y.shape, h.shape
        ((2, 3, 5), (2, 5))
    """
    return _sequence("simplified_gru", "gru_simple", x, kernel, recurrent_kernel, bias, initial_state, mask, go_backwards)


def lstm(x, kernel, recurrent_kernel, bias=None, initial_state=None, mask=None, go_backwards=False, peephole=None):
    """Run a long short-term memory over a sequence; return (y, h, c): every output, and the last state.

    i, f, o = sigmoid(x W + h U + b), g = tanh(x W + h U + b); c' = f * c + i * g; h' = o * tanh(c').
    With peephole, p0 * c and p1 * c are added in i's and f's sigmoid, and p2 * c' in o's.

    Args:      initial_state: [h, c] before the first step; zeros by default.
               mask, go_backwards: as in `simple_rnn`.
               peephole: weights (3, units) by which the gates see the cell; none by default.
    Shapes:    x (N, T, D), kernel (D, 4 units), recurrent_kernel (units, 4 units), bias (4 units,), gates in the order i, f, g, o
    Dtypes:    float32, float64, all the same.
    Gradients: x, kernel, recurrent_kernel, bias, initial_state, peephole.    Saves: x, y, c and the gates.
    Raises:    ShapeError if the shapes do not fit together or there is no step.
    Source:    Hochreiter, Schmidhuber 1997, with the forget gate of Gers et al. 2000 and the peepholes of Gers, Schmidhuber 2000.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.recurrent import lstm
        >>> y, h, c = lstm(np.ones((2, 3, 4)), np.ones((4, 20)), np.ones((5, 20)))
        >>> y.shape, h.shape, c.shape
        ((2, 3, 5), (2, 5), (2, 5))
    """
    return _sequence("lstm", "lstm", x, kernel, recurrent_kernel, bias, initial_state, mask, go_backwards, peephole)


def _sequence(who, cell, x, kernel, recurrent, bias, initial_state, mask, go_backwards, peephole=None):
    """Check the arguments of a function and connect them."""
    x, kernel, recurrent = floating(who, x), floating(who, kernel), floating(who, recurrent)
    bias = None if bias is None else floating(who, bias)
    peephole = None if peephole is None else floating(who, peephole)
    if x.ndim != 3:
        raise ShapeError(f"{who}: x must be (N, T, D), got {x.shape}")
    units, gates = recurrent.shape[0] if recurrent.ndim == 2 else 0, GATES[cell]
    if units < 1 or recurrent.shape != (units, gates * units) or kernel.shape != (x.shape[2], gates * units):
        several = "units" if gates == 1 else f"{gates} * units"
        raise ShapeError(f"{who}: kernel must be ({x.shape[2]}, {several}) and recurrent_kernel (units, {several}), got {kernel.shape} and {recurrent.shape}")
    wanted = (2, gates * units) if cell == "gru" else (gates * units,)
    if bias is not None and bias.shape != wanted:
        raise ShapeError(f"{who}: bias must have shape {wanted}, got {bias.shape}")
    states = checked_states(who, cell, initial_state, x.shape[0], units, x.dtype)
    for name, t in (("kernel", kernel), ("recurrent_kernel", recurrent), ("bias", bias), ("peephole", peephole)):
        if t is not None and t.dtype != x.dtype:
            raise DTypeError(f"{who}: x is {x.dtype.name}, {name} {t.dtype.name}; cast them to one with pydl.ops.cast")
    check_steps(who, x.shape)
    return connect(cell, x, kernel, recurrent, bias, states, checked_mask(who, mask, x.shape), boolean(who, "go_backwards", go_backwards), peephole=peephole)


def check_steps(who, shape):
    if shape[1] < 1:
        raise ShapeError(f"{who}: needs at least one step, got x of shape {tuple(shape)}")


def checked_states(who, cell, states, n, units, dtype):
    """The initial state as a list of Tensors (n, units): h, and c of an LSTM; empty for None."""
    if states is None:
        return []
    states = list(states) if isinstance(states, (list, tuple)) else [states]
    names = ["h", "c"] if cell == "lstm" else ["h"]
    if len(states) != len(names):
        raise ValueError(f"{who}: initial_state must be {'[h, c]' if cell == 'lstm' else 'one array, h'}, got {len(states)} array(s)")
    states = [numbers(who, f"initial_state {name}", state, dtype) for name, state in zip(names, states)]
    for name, state in zip(names, states):
        if state.shape != (n, units):
            raise ShapeError(f"{who}: initial_state {name} must have shape {(n, units)}, got {state.shape}")
    return states


def checked_mask(who, mask, shape):
    """The mask as a Tensor of bools (N, T), or None."""
    if mask is None:
        return None
    mask = numbers(who, "mask", mask)
    if mask.shape != tuple(shape[:2]):
        raise ShapeError(f"{who}: mask must have shape {tuple(shape[:2])}, one value for each step, got {mask.shape}")
    return mask if mask.dtype.kind == "b" else not_equal(mask, 0)


def connect(cell, x, kernel, recurrent, bias, states, mask, backwards, drop=None, peephole=None, recompute=False, ids=None):
    """Apply the op to checked arguments.  ids: a Tensor, as in RecurrentOp."""
    values = zip(OPTIONAL, (kernel, bias, peephole, *(list(states) + [None, None])[:2]))
    named = {name: value for name, value in values if value is not None}
    mask, drop, ids = (None if t is None else t.array for t in (mask, drop, ids))
    return RecurrentOp(cell, backwards, tuple(named), mask, drop, recompute, ids)(x, recurrent, *named.values())


# ---- layers

class _Recurrent(Carry, MasksOfSteps, Layer):
    """What the layers share.  Subclasses say `cell`."""
    peephole_kernel = None

    def _settings(self, units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
                  recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
                  return_sequences, return_state, go_backwards, stateful, unroll, recompute):
        self.units = positive_int(self.who, "units", units)
        self.activation = activations.get(activation, f"{self.who}: activation")
        self.recurrent_activation = activations.get(recurrent_activation, f"{self.who}: recurrent_activation")
        self.use_bias = boolean(self.who, "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, f"{self.who}: kernel_initializer")
        self.recurrent_initializer = initializers.get(recurrent_initializer, f"{self.who}: recurrent_initializer")
        self.bias_initializer = initializers.get(bias_initializer, f"{self.who}: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{self.who}: kernel_regularizer")
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer, f"{self.who}: recurrent_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{self.who}: bias_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{self.who}: kernel_constraint")
        self.recurrent_constraint = constraints.get(recurrent_constraint, f"{self.who}: recurrent_constraint")
        self.bias_constraint = constraints.get(bias_constraint, f"{self.who}: bias_constraint")
        self.dropout = in_range(self.who, "dropout", dropout, 0, 1, high_open=True)
        self.recurrent_dropout = in_range(self.who, "recurrent_dropout", recurrent_dropout, 0, 1, high_open=True)
        self.seed = None if seed is None else integer(self.who, "seed", seed, 0)
        if self.dropout or self.recurrent_dropout:
            self.stream = random.new_stream(random.next_seed() if seed is None else self.seed, self.add_state((2,), "uint64", "stream"))
        self.return_sequences = boolean(self.who, "return_sequences", return_sequences)
        self.return_state = boolean(self.who, "return_state", return_state)
        self.go_backwards = boolean(self.who, "go_backwards", go_backwards)
        self.stateful = boolean(self.who, "stateful", stateful)
        self.unroll, self.recompute = boolean(self.who, "unroll", unroll), boolean(self.who, "recompute", recompute)
        self.input_spec = InputSpec(ndim=3)

    @property
    def cell(self):
        """The kernel's name of the cell."""
        raise TypeError(f"{self.who}: says no cell")

    def build(self, input_shape):
        self.check_input(input_shape)
        if not input_shape[-1]:
            raise ShapeError(f"{self.who}: the size of the last axis must be known and positive, got input shape {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=3, axes={-1: input_shape[-1]})
        width = GATES[self.cell] * self.units
        if width > LARGEST_INT:
            raise ShapeError(f"{self.who}: {self.units} units are more than fit in memory")
        self.kernel = self.add_weight((input_shape[-1], width), self.kernel_initializer, name="kernel",
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        self.recurrent_kernel = self.add_weight((self.units, width), self.recurrent_initializer, name="recurrent_kernel",
                                                regularizer=self.recurrent_regularizer, constraint=self.recurrent_constraint)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((2, width) if self.cell == "gru" else (width,), self.bias_initializer, name="bias",
                                        regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def noise(self, n, width, dtype):
        """What the inputs and the state are multiplied by in training, the same at every step: (n, 1, width) and (n, units); None where nothing is dropped."""
        return tuple([DropoutNoiseOp(rate, self.stream, shape, dtype)() if rate else None
                      for rate, shape in ((self.dropout, (n, 1, width)), (self.recurrent_dropout, (n, self.units)))])

    def call(self, x, initial_state=None, mask=None, training=False, noise=None):
        """Run the sequence.  noise: that of `noise`, where a cell takes one step after the other; drawn anew by default."""
        if isinstance(x, (list, tuple)):
            x, *given = x
            if initial_state is not None and given:
                raise ValueError(f"{self.who}: the initial state is given twice, beside x and as initial_state")
            initial_state, mask = given or initial_state, getattr(x, "mask", None) if mask is None else mask
        check_steps(self.who, x.shape)
        mask = checked_mask(self.who, mask, x.shape)
        states = self._first_states(initial_state, x.shape[0], x.dtype)
        of_x, drop = (noise or self.noise(x.shape[0], x.shape[2], x.dtype)) if training else (None, None)
        x = x if of_x is None else multiply(x, of_x)
        values = self.cell, x, self.kernel, self.recurrent_kernel, self.bias, states, mask, self.go_backwards, drop
        return self._finished(connect(*values, self.peephole_kernel, self.recompute) if self.one_kernel
                              else stepwise(*values, self.activation, self.recurrent_activation, self.peephole_kernel), mask)

    def look_up(self, ids, table, mask=None, training=False):
        """Run the sequence whose steps are the rows `ids` (N, T) of a table (vocab, D): each row meets the kernel once, however often it is looked up.

        For the cells that run as one kernel, without dropout of the inputs.  KernelError for an id that is no row.
        """
        bias, of_state = (self.bias[0], self.bias[1]) if self.cell == "gru" and self.use_bias else (self.bias, None)
        states = self._first_states(None, ids.shape[0], table.dtype)
        drop = self.noise(ids.shape[0], 0, table.dtype)[1] if training else None
        return self._finished(connect(self.cell, dense(table, self.kernel, bias), None, self.recurrent_kernel, of_state, states, mask, self.go_backwards,
                                      drop, self.peephole_kernel, self.recompute, ids), mask)

    @property
    def one_kernel(self):
        """Whether a sequence is one op: the activations are those of the kernels."""
        return self.activation is tanh and (self.recurrent_activation is sigmoid or self.cell == "tanh")

    def _first_states(self, given, n, dtype):
        """The state before the first step, as `checked_states`: what is given, else what was carried here."""
        states = checked_states(self.who, self.cell, given, n, self.units, dtype)
        carried = self.carry(n) if self.stateful else []
        return states or [copied(a) for a in carried]

    def _finished(self, results, mask):
        """What the call returns, from (y, h) or (y, h, c); a stateful layer keeps the last state."""
        y, *last = results
        if self.stateful:
            for array, state in zip(self.carry(y.shape[0]), last):
                copy(state.array, array)
        if mask is not None and self.return_sequences:
            y.mask = self.compute_mask(y, mask)
        out = y if self.return_sequences else last[0] if mask is None else get_item(y, (slice(None), -1))      # 0 where every step is masked
        return [out, *last] if self.return_state else out

    def check_input(self, shape):
        """Raise unless an input of this shape is what the layer was built for; of a list [x, states...] the first is looked at."""
        if self.input_spec.axes and len(shape) == 2 and shape[-1] == self.units:
            return                                          # a state in a list of inputs; `call` checks it
        super().check_input(shape)

    def ensure_built(self, input_shape):
        super().ensure_built(input_shape[0] if isinstance(input_shape, list) else input_shape)

    def compute_output_shape(self, input_shape):
        n, steps = (input_shape[0] if isinstance(input_shape, list) else input_shape)[:2]
        out = (n, steps, self.units) if self.return_sequences else (n, self.units)
        return [out] + [(n, self.units)] * (2 if self.cell == "lstm" else 1) if self.return_state else out

    @property
    def carried_sizes(self):
        """The sizes of the states: h, and c of an LSTM."""
        return [self.units] * (2 if self.cell == "lstm" else 1)

    def get_config(self):
        config = {**super().get_config(), "activation": activations.serialize(self.activation)}
        if "recurrent_activation" in config:
            config["recurrent_activation"] = activations.serialize(self.recurrent_activation)
        return config


class SimpleRNN(_Recurrent):
    """Recur with h' = activation(x kernel + h recurrent_kernel + bias).

    Args:      units: how many numbers the state has.
               activation: tanh runs as one kernel over the whole sequence; others step by step.
               use_bias: whether a bias is added.
               kernel_initializer, recurrent_initializer, bias_initializer: what the weights start from.
               kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties, added to the loss.
               kernel_constraint, recurrent_constraint, bias_constraint: applied after each update.
               dropout: fraction of the inputs dropped in training, the same features at every step.
               recurrent_dropout: fraction of the state dropped where it meets recurrent_kernel, the same units at every step.
               seed: of the dropout.
               return_sequences: return the state of every step instead of the last.
               return_state: return a list, with the last state after the output.
               go_backwards: take the steps from the last to the first; the output, and the mask that comes with it, stand in that order.
               stateful: start from the state the previous call ended with; `reset_states()` sets it to zeros.
               unroll: accepted for Keras's sake; there is no loop to unroll.
               recompute: keep the outputs only and compute the gates again for the gradients: less memory for one more forward pass.
    Call:      layer(x, initial_state=None, mask=None, training=False); a masked step keeps the state and repeats the output before it (as in
               Keras: zeros at the beginning of a sequence, also where the state is not zero).
    Shapes:    (N, T, D) -> (N, units), or (N, T, units) with return_sequences.
               Weights: kernel (D, units), recurrent_kernel (units, units), bias (units,).
    Dtypes:    float32, float64.
    Gradients: x, the initial state, the weights.
    Raises:    ShapeError for other shapes than the built one, of the state and of the mask, and for no steps.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.SimpleRNN(4)(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal",
                 bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, return_sequences=False,
                 return_state=False, go_backwards=False, stateful=False, unroll=False, seed=None, recompute=False, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self._settings(units, activation, "linear", use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
                       recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
                       seed, return_sequences, return_state, go_backwards, stateful, unroll, recompute)

    cell = property(lambda self: "tanh")


class GRU(_Recurrent):
    """Recur with a gated recurrent unit (Cho et al. 2014): `pydl.layers.recurrent.gru` as a layer.

    Args:      activation, recurrent_activation: of the candidate and of the gates; tanh and sigmoid run as one kernel over the whole
                   sequence, others step by step.
               reset_after: whether the reset gate multiplies after the product with recurrent_kernel, as in Keras 3 and cuDNN.
               use_cudnn: accepted for Keras's sake.
               The others as in SimpleRNN.
    Shapes:    (N, T, D) -> (N, units), or (N, T, units) with return_sequences.
               Weights: kernel (D, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units), or (3 units,) without reset_after; gates z, r, h.
    Dtypes:    float32, float64.
    Gradients: x, the initial state, the weights.
    Raises:    as SimpleRNN.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.GRU(4, return_sequences=True)(np.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 dropout=0.0, recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, reset_after=True, use_cudnn="auto", recompute=False, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self._settings(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
                       recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
                       seed, return_sequences, return_state, go_backwards, stateful, unroll, recompute)
        self.reset_after = boolean(self.who, "reset_after", reset_after)
        self.use_cudnn = one_of(self.who, "use_cudnn", use_cudnn, ("auto", True, False))

    cell = property(lambda self: "gru" if self.reset_after else "gru_before")


class SimplifiedGRU(_Recurrent):
    """Recur with the simplified gated recurrent unit, which has no reset gate: `pydl.layers.recurrent.simplified_gru` as a layer.

    Args:      as in GRU, without reset_after and use_cudnn.
    Shapes:    (N, T, D) -> (N, units), or (N, T, units) with return_sequences.
               Weights: kernel (D, 2 units), recurrent_kernel (units, 2 units), bias (2 units,); gates u (the share of the new state), g.
    Dtypes:    float32, float64.
    Gradients: x, the initial state, the weights.
    Raises:    as SimpleRNN.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.SimplifiedGRU(4)(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None, recurrent_regularizer=None,
                 bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None,
                 dropout=0.0, recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False,
                 unroll=False, recompute=False, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self._settings(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
                       recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
                       seed, return_sequences, return_state, go_backwards, stateful, unroll, recompute)

    cell = property(lambda self: "gru_simple")


class LSTM(_Recurrent):
    """Recur with a long short-term memory (Hochreiter, Schmidhuber 1997): `pydl.layers.recurrent.lstm` as a layer.

    Args:      activation, recurrent_activation: of candidate and output, and of the gates; tanh and sigmoid run as one kernel over the whole
                   sequence, others step by step.
               unit_forget_bias: start the forget gate's bias at 1 (Jozefowicz et al. 2015).
               use_cudnn: accepted for Keras's sake.
               peephole: let the gates see the cell (Gers, Schmidhuber 2000), by peephole_kernel; not in Keras.
               The others as in SimpleRNN.
    Shapes:    (N, T, D) -> (N, units), or (N, T, units) with return_sequences.  The state is [h, c].
               Weights: kernel (D, 4 units), recurrent_kernel (units, 4 units), bias (4 units,); gates i, f, c, o.  With peephole
               peephole_kernel (3, units), for i, f and o, starting at zeros.
    Dtypes:    float32, float64.
    Gradients: x, the initial state, the weights.
    Raises:    as SimpleRNN.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> y, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3)))
        >>> y.shape, h.shape, c.shape
        ((2, 5, 4), (2, 4), (2, 4))
    """

    def __init__(self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
                 recurrent_initializer="orthogonal", bias_initializer="zeros", unit_forget_bias=True, kernel_regularizer=None,
                 recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
                 bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False,
                 go_backwards=False, stateful=False, unroll=False, use_cudnn="auto", peephole=False, recompute=False, **kwargs):
        super().__init__(activity_regularizer=regularizers.get(activity_regularizer, f"{self.who}: activity_regularizer"), **kwargs)
        self._settings(units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
                       recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
                       seed, return_sequences, return_state, go_backwards, stateful, unroll, recompute)
        self.unit_forget_bias, self.peephole = boolean(self.who, "unit_forget_bias", unit_forget_bias), boolean(self.who, "peephole", peephole)
        self.use_cudnn = one_of(self.who, "use_cudnn", use_cudnn, ("auto", True, False))

    cell = property(lambda self: "lstm")

    def build(self, input_shape):
        super().build(input_shape)
        if self.use_bias and self.unit_forget_bias:
            values = self.bias.numpy().copy()
            values[self.units:2 * self.units] = 1
            self.bias.assign(values)
        if self.peephole:
            self.peephole_kernel = self.add_weight((3, self.units), "zeros", name="peephole_kernel")
