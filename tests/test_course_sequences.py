"""Course 5, week 1, of the Deep Learning Specialization: the backward passes, the LSTM over a sequence and the sampling, as the assignment prints them.

course_values.json has the cells' forward passes and the clipping (test_recurrent.py, test_sequences.py).  The course keeps (features, batch, time),
draws everything from one RandomState in the order of the assignment, and its LSTM's weights act on [a; x].
"""
import numpy as np

import pydl
from pydl import ops, text
from pydl.layers.recurrent import lstm, simple_rnn

HIDDEN, FEATURES, BATCH = 5, 3, 10
ORDER = "ifco"                                                  # our gates by the course's names


def drawn(seed, **shapes):
    state = np.random.RandomState(seed)
    return {name: state.standard_normal(shape) for name, shape in shapes.items()}


def gradients(function, arrays, seeds):
    """By each array, of the sum of the results times the gradients that come from above."""
    def loss(*tensors):
        return sum((ops.sum(out * s) for out, s in zip(function(*tensors), seeds)), pydl.Tensor(0.0, dtype="float64"))
    return [g.numpy() for g in pydl.grad(loss, wrt=tuple(range(len(arrays))))(*arrays)]


def printed(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=0.6e-8)


def rows(x):
    """(features, batch, time) -> (batch, time, features)."""
    return x.reshape(*x.shape[:2], -1).transpose(1, 2, 0)


def rnn_gradients(steps):
    time = () if steps == 1 else (steps,)
    v = drawn(1, x=(FEATURES, BATCH, *time), a=(HIDDEN, BATCH), Wax=(HIDDEN, FEATURES), Waa=(HIDDEN, HIDDEN), Wya=(2, HIDDEN), ba=(HIDDEN, 1), by=(2, 1),
              da=(HIDDEN, BATCH, *time))
    dx, dwax, dwaa, dba, da = gradients(lambda x, w, u, b, h: simple_rnn(x, w, u, b, initial_state=h)[:1],
                                        [rows(v["x"]), v["Wax"].T, v["Waa"].T, v["ba"][:, 0], v["a"].T], [rows(v["da"])])
    return dx.transpose(2, 0, 1)[1, 2], da.T[2, 3], dwax.T[3, 1], dwaa.T[1, 2], dba[4]


def test_rnn_cell_backward():
    for got, want in zip(rnn_gradients(1), ([-1.3872130506], -0.1523994938, 0.4107728249, 1.1503450668, 0.20023491), strict=True):
        printed(got, want)


def test_rnn_backward():
    for got, want in zip(rnn_gradients(4), ([-2.07101689, -0.59255627, 0.02466855, 0.01483317], -0.314942375127, 11.2641044965, 2.30333312658, -0.74747722),
                         strict=True):
        printed(got, want)


def lstm_values(order, **more):
    """Inputs, and the gates' weights in the course's order of drawing, with what else is drawn behind."""
    gates = {name: shape for g in order for name, shape in ((f"W{g}", (HIDDEN, HIDDEN + FEATURES)), (f"b{g}", (HIDDEN, 1)))}
    first = {name: more.pop(name) for name in ("x", "a", "c") if name in more}
    v = drawn(1, **first, **gates, **more)
    weights = [np.concatenate([v[f"W{g}"][:, HIDDEN:].T for g in ORDER], 1), np.concatenate([v[f"W{g}"][:, :HIDDEN].T for g in ORDER], 1),
               np.concatenate([v[f"b{g}"][:, 0] for g in ORDER])]
    return v, weights


def lstm_run(x, w, u, b, h, c):
    return lstm(x, w, u, b, initial_state=[h, c])


def by_gate(dw, du, db):
    """The printed numbers of each gate: one of dW, one of db."""
    where = {"f": (3, 1), "i": (1, 2), "c": (3, 1), "o": (1, 2)}
    part = {g: slice(HIDDEN * k, HIDDEN * (k + 1)) for k, g in enumerate(ORDER)}
    return {g: (np.concatenate([du[:, part[g]].T, dw[:, part[g]].T], 1)[where[g]], db[part[g]][4]) for g in ORDER}


def test_lstm_cell_backward():
    v, weights = lstm_values("fioc", x=(FEATURES, BATCH), a=(HIDDEN, BATCH), c=(HIDDEN, BATCH), Wy=(2, HIDDEN), by=(2, 1), da=(HIDDEN, BATCH),
                             dc=(HIDDEN, BATCH))
    dx, *of_weights, da, dc = gradients(lstm_run, [rows(v["x"]), *weights, v["a"].T, v["c"].T], [rows(v["da"]), np.zeros((BATCH, HIDDEN)), v["dc"].T])
    printed([dx[2, 0, 1], da.T[2, 3], dc.T[2, 3]], [3.23055911511, -0.0639621419711, 0.797522038797])
    wanted = {"f": (-0.147954838164, 0.18864637), "i": (1.05749805523, -0.40142491), "c": (2.30456216369, 0.25587763), "o": (0.331311595289, 0.13893342)}
    for gate, got in by_gate(*of_weights).items():
        printed(got, wanted[gate])


def test_lstm_forward():
    v, weights = lstm_values("fioc", x=(FEATURES, BATCH, 7), a=(HIDDEN, BATCH), Wy=(2, HIDDEN), by=(2, 1))
    start = v["a"].T, np.zeros((BATCH, HIDDEN))
    y, _, _ = lstm_run(rows(v["x"]), *weights, *start)
    printed(y.numpy()[3, 6, 4], 0.172117767533)
    printed(ops.softmax(ops.matmul(y, v["Wy"].T) + v["by"][:, 0]).numpy()[4, 3, 1], 0.95087346185)
    printed(lstm_run(rows(v["x"])[:, :2], *weights, *start)[2].numpy()[2, 1], -0.855544916718)


def test_lstm_backward():
    """Over the first four of seven steps, as the assignment has it."""
    v, weights = lstm_values("fioc", x=(FEATURES, BATCH, 7), a=(HIDDEN, BATCH), da=(HIDDEN, BATCH, 4))
    dx, *of_weights, da, _ = gradients(lstm_run, [rows(v["x"])[:, :4], *weights, v["a"].T, np.zeros((BATCH, HIDDEN))], [rows(v["da"])])
    printed(dx.transpose(2, 0, 1)[1, 2], [0.00218254, 0.28205375, -0.48292508, -0.43281115])
    printed(da.T[2, 3], 0.312770310257)
    wanted = {"f": (-0.0809802310938, -0.15745657), "i": (0.40512433093, -0.50848333), "c": (-0.0793746735512, -0.42510818), "o": (0.038948775763, -0.17958196)}
    for gate, got in by_gate(*of_weights).items():
        printed(got, wanted[gate])


def test_sampling():
    """The assignment's indices, drawn by NumPy's generator from the probabilities of our model, step by step."""
    hidden, symbols = 100, 27
    v = drawn(2, Wax=(hidden, symbols), Waa=(hidden, hidden), Wya=(symbols, hidden), b=(hidden, 1), by=(symbols, 1))
    model = pydl.Sequential([pydl.layers.Input((None, symbols), dtype="float64"), pydl.layers.SimpleRNN(hidden, return_sequences=True, dtype="float64"),
                             pydl.layers.Dense(symbols, activation="softmax", dtype="float64")])
    model.set_weights([v["Wax"].T, v["Waa"].T, v["b"][:, 0], v["Wya"].T, v["by"][:, 0]])
    runner, x, indices = text.Stepwise(model), np.zeros((1, symbols)), []
    for k in range(20):
        p = runner.step(x)[0]
        indices.append(np.random.RandomState(2 * k).choice(symbols, p=p / p.sum()))
        x = np.eye(symbols)[indices[-1:]]
    assert indices == [12, 17, 24, 14, 13, 9, 10, 22, 24, 6, 13, 11, 12, 6, 21, 15, 21, 14, 3, 2]
