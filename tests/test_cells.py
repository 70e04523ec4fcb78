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
])
def test_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
