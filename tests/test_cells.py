"""RNN and its cells: the layers' numbers a step at a time, stacks, and cells of one's own."""
import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.gradcheck import gradcheck

PAIRS = [(layers.SimpleRNN, layers.SimpleRNNCell), (layers.GRU, layers.GRUCell), (layers.LSTM, layers.LSTMCell)]
every_pair = pytest.mark.parametrize(("cls", "cell"), PAIRS, ids=[c.__name__ for c, _ in PAIRS])
X = np.random.default_rng(0).standard_normal((3, 4, 2))
MASK = np.arange(4) < np.array([4, 2, 1])[:, None]


@pydl.saving.register_serializable("tests")
class MinimalGRU(layers.Layer):
    """The course's simplified GRU: one gate, c' = g * tanh(x W + c U) + (1 - g) * c, g = sigmoid(x V + c Q)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1], self.units), name="w")
        self.u = self.add_weight((self.units, self.units), name="u")
        self.v = self.add_weight((input_shape[-1], self.units), name="v")
        self.q = self.add_weight((self.units, self.units), name="q")

    def call(self, x, states):
        c = states[0]
        gate = ops.sigmoid(ops.matmul(x, self.v) + ops.matmul(c, self.q))
        c = gate * ops.tanh(ops.matmul(x, self.w) + ops.matmul(c, self.u)) + (1 - gate) * c
        return c, [c]


def close(got, want):
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-12, atol=1e-13)


@every_pair
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_a_cell_in_rnn_is_the_layer(cls, cell, back, mask):
    options = {"return_sequences": True, "return_state": True, "go_backwards": back}
    layer, rnn = cls(3, dtype="float64", **options), layers.RNN(cell(3, dtype="float64"), **options)
    want = layer(X, mask=mask)
    rnn(X)
    rnn.set_weights(layer.get_weights())
    close(rnn(X, mask=mask), want)
    states = [np.ones((3, 3)) * (i + 1) for i in range(len(want) - 1)]
    close(rnn(X, initial_state=states), layer(X, initial_state=states))
    report = gradcheck(lambda t: ops.sum(ops.square(rnn(t, mask=mask)[0])), [X], parameters=rnn.trainable_weights)
    assert report, f"\n{report}"


@every_pair
def test_a_cell_drops_the_same_at_every_step_as_the_layer_does(cls, cell):
    options = {"dropout": 0.5, "recurrent_dropout": 0.5, "seed": 7, "dtype": "float64"}
    layer, rnn = cls(3, return_sequences=True, **options), layers.RNN(cell(3, **options), return_sequences=True)
    layer(X)
    rnn(X)
    rnn.set_weights(layer.get_weights())
    for _ in range(3):                                                                    # drawn anew for each call
        close([rnn(X, training=True)], [layer(X, training=True)])
    stacked = layers.RNN([cell(8, **options), cell(3, **options)], return_sequences=True)
    first, second = cls(8, return_sequences=True, **options), cls(3, return_sequences=True, **options)
    stacked(X)
    second(first(X))
    first.set_weights(stacked.get_weights()[:3])
    second.set_weights(stacked.get_weights()[3:])
    close([stacked(X, training=True)], [second(first(X, training=True), training=True)])


class FromOnes(MinimalGRU):
    """Begins with ones instead of zeros."""

    def get_initial_state(self, batch_size):
        return ops.ones((batch_size, self.units), self.dtype)


def test_a_cell_says_where_it_begins():
    rnn, plain = layers.RNN(FromOnes(3, dtype="float64")), layers.RNN(MinimalGRU(3, dtype="float64"))
    rnn(X)
    plain(X)
    plain.set_weights(rnn.get_weights())
    close([rnn(X)], [plain(X, initial_state=np.ones((3, 3)))])
    close([rnn(X, initial_state=np.zeros((3, 3)))], [plain(X)])
    stack = layers.StackedRNNCells([layers.GRUCell(2), FromOnes(3)])
    assert [state.numpy().tolist() for state in stack.get_initial_state(1)] == [[[0, 0]], [[1, 1, 1]]]
    assert [state.shape for state in layers.LSTMCell(4).get_initial_state(2)] == [(2, 4), (2, 4)]
    assert layers.RNN(layers.LSTMCell(3), stateful=True).stateful


def test_zeros_at_masked_steps():
    cell = layers.LSTMCell(3, dtype="float64")
    want = layers.RNN(cell, return_sequences=True)(X, mask=MASK).numpy() * MASK[..., None]
    rnn = layers.RNN(cell, return_sequences=True, zero_output_for_mask=True)
    np.testing.assert_array_equal(rnn(X, mask=MASK).numpy(), want)
    assert rnn.get_config()["zero_output_for_mask"]
    close([layers.RNN(cell, zero_output_for_mask=True)(X, mask=MASK)], [layers.RNN(cell)(X, mask=MASK)])      # the last output is that of the last live step


@pytest.mark.parametrize("mode", ["concat", "sum", None])
@pytest.mark.parametrize("cell", [lambda: layers.LSTMCell(3, dtype="float64"), lambda: MinimalGRU(3, dtype="float64")])
def test_cells_both_ways(cell, mode):
    both = layers.Bidirectional(layers.RNN(cell(), return_sequences=True, return_state=True), merge_mode=mode)
    got = both(X, mask=MASK)
    forth, back = both.forward_layer(X, mask=MASK), both.backward_layer(X, mask=MASK)
    y, z = (ops.where(MASK[..., None], out, 0.0) for out in (forth[0], ops.flip(back[0], 1)))
    joined = {"concat": lambda: [ops.concatenate([y, z], -1)], "sum": lambda: [y + z], None: lambda: [y, z]}[mode]()
    close(got, [*joined, *forth[1:], *back[1:]])
    assert both.backward_layer.go_backwards and both.backward_layer.cell is not both.forward_layer.cell
    again = layers.Bidirectional.from_config(both.get_config())
    again(X)
    again.set_weights(both.get_weights())
    close(again(X, mask=MASK), got)
    given = layers.Bidirectional(layers.RNN(cell(), return_sequences=True, return_state=True), mode, both.get_weights())
    close(given(X, mask=MASK), got)
    assert "weights" not in given.get_config()


def test_stacked_cells_are_layers_one_after_the_other():
    rnn = layers.RNN([layers.GRUCell(3, dtype="float64"), layers.LSTMCell(4, dtype="float64")], return_sequences=True, return_state=True)
    y, h1, h2, c2 = rnn(X, mask=MASK)
    first = layers.GRU(3, return_sequences=True, return_state=True, dtype="float64")
    second = layers.LSTM(4, return_sequences=True, return_state=True, dtype="float64")
    first(X)
    second(np.ones((1, 2, 3)))
    weights = rnn.get_weights()
    first.set_weights(weights[:3])
    second.set_weights(weights[3:])
    middle, h = first(X, mask=MASK)
    close([h1, y, h2, c2], [h, *second(middle, mask=MASK)])


def test_a_cell_of_ones_own_learns_and_is_saved(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 5, 3)).astype("float32")
    y = x[:, 0, :1] * 0.5
    model = pydl.Sequential([layers.Input((5, 3)), layers.RNN(MinimalGRU(8)), layers.Dense(1)])
    model.compile(pydl.optimizers.Adam(0.01), "mse")
    losses = [model.train_on_batch(x, y) for _ in range(150)]
    assert losses[-1] < 0.3 * losses[0]
    assert len(model.recorded_steps()) == 1
    model.save(tmp_path / "m.pydl")
    np.testing.assert_array_equal(pydl.models.load_model(tmp_path / "m.pydl").predict(x), model.predict(x))
    rnn = layers.RNN(MinimalGRU(2, dtype="float64"))
    rnn(X)
    report = gradcheck(lambda t: ops.sum(ops.square(rnn(t))), [X], parameters=rnn.trainable_weights)
    assert report, f"\n{report}"


@pytest.mark.parametrize("cell", [lambda: layers.LSTMCell(3, recurrent_activation="hard_sigmoid", use_bias=False), lambda: layers.GRUCell(3, reset_after=False),
                                  lambda: layers.StackedRNNCells([layers.GRUCell(3), layers.SimpleRNNCell(2)])])
def test_config_makes_the_same(cell):
    rnn = layers.RNN(cell(), return_sequences=True, go_backwards=True)
    want = rnn(X)
    again = layers.RNN.from_config(rnn.get_config())
    again(X)
    again.set_weights(rnn.get_weights())
    np.testing.assert_array_equal(again(X).numpy(), want.numpy())
    assert again.get_config() == rnn.get_config()


class OnlyOutput(MinimalGRU):
    def call(self, x, states):
        return super().call(x, states)[0]

    def __init__(self):
        super().__init__(3)


class WrongStart(MinimalGRU):
    def get_initial_state(self, batch_size):
        return [np.zeros((1, self.units))]


class Wrong(layers.Layer):
    state_size = 2

    def call(self, x, states):
        return x, [x]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: layers.RNN(layers.Dense(3)), "a cell must be a layer with state_size"),
    (lambda: layers.RNN([]), "cells must be a list of cells"),
    (lambda: layers.LSTMCell(3, return_sequences=True), "return_sequences is an argument of RNN"),
    (lambda: layers.RNN(Wrong())(np.ones((2, 3, 4))), r"states of shapes \[\(2, 2\)\], got \[\(2, 4\)\]"),
    (lambda: layers.RNN(layers.LSTMCell(3))(X, initial_state=[np.ones((3, 3))]), r"initial_state must have shapes \[\(3, 3\), \(3, 3\)\], got \[\(3, 3\)\]"),
    (lambda: layers.RNN(layers.LSTMCell(3))(X, mask=np.ones((3, 5))), "mask must have shape"),
    (lambda: layers.RNN(layers.LSTMCell(3))(np.ones((3, 0, 2))), "at least one step"),
    (lambda: layers.RNN(layers.GRUCell(3))(X, initial_state="h"), "RNN .*: initial_state must be an array of numbers, got 'h'"),
    (lambda: layers.RNN(OnlyOutput())(X), r"the cell must return \(output, states\), got"),
    (lambda: layers.RNN(WrongStart(3))(X), r"the cell's get_initial_state must have shapes \[\(3, 3\)\], got \[\(1, 3\)\]"),
    (lambda: layers.RNN(FromOnes(3), stateful=True), "stateful=True begins with zeros, which the cell's get_initial_state does not"),
    (lambda: layers.RNN([layers.GRUCell(2), FromOnes(3)], stateful=True), "stateful=True begins with zeros"),
    (lambda: layers.GRUCell(3, name="a")(X, [np.zeros((3, 3))]), r"GRUCell 'a': a step must be \(N, D\), got \(3, 4, 2\)"),
    (lambda: layers.Bidirectional(layers.RNN(layers.GRUCell(3)), "sum", backward_layer=layers.RNN(layers.GRUCell(4), go_backwards=True))(X), "add"),
])
def test_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("cell", [lambda: layers.LSTMCell(3, dtype="float64"), lambda: MinimalGRU(3, dtype="float64"),
                                  lambda: [layers.GRUCell(3, dtype="float64"), layers.LSTMCell(4, dtype="float64")]])
def test_rnn_carries_its_states(cell):
    """Windows one after the other are the whole sequence; reset_states begins anew; another batch needs it."""
    x = np.random.default_rng(4).standard_normal((2, 9, 5))
    rnn = layers.RNN(cell(), return_sequences=True, stateful=True)
    plain = layers.RNN(rnn.cell, return_sequences=True)
    whole = plain(x).numpy()
    for _ in range(2):
        got = np.concatenate([rnn(x[:, a:a + 3]).numpy() for a in (0, 3, 6)], axis=1)
        np.testing.assert_allclose(got, whole, rtol=1e-12)
        rnn.reset_states()
    rnn(x)
    with pytest.raises(ValueError, match="carries the state of 2 sequences, got 1; call reset_states"):
        rnn(x[:1])
    again = layers.RNN.from_config(rnn.get_config())
    assert again.stateful and not again.unroll


def test_rnn_of_open_length_in_a_model_step_by_step():
    model = pydl.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(6, 4),
                             layers.RNN([layers.GRUCell(5), layers.LSTMCell(4)], return_sequences=True),
                             layers.RNN(MinimalGRU(5), return_sequences=True), layers.Dense(6)])
    assert model.output_shape == (None, None, 6)
    x = np.random.default_rng(1).integers(0, 6, (2, 7)).astype("int32")
    runner = pydl.text.Stepwise(model, 2)
    np.testing.assert_allclose(np.stack([runner.step(x[:, t]) for t in range(7)], 1), model.predict(x), rtol=1e-4, atol=1e-6)
    runner.reset()
    for _ in range(12):                                                                   # recorded steps carry the state too
        runner.step(x[:, 0])
    np.testing.assert_allclose(runner.step(x[:, 0]), model.predict(np.repeat(x[:, :1], 13, axis=1))[:, -1], rtol=1e-4, atol=1e-5)
    shapes = layers.RNN(layers.LSTMCell(3), return_state=True).compute_output_shape((None, None, 5))
    assert shapes == [(None, 3), (None, 3), (None, 3)]
