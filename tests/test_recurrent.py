"""SimpleRNN, GRU, LSTM beyond the lines of cases.py: laws of masks and states, options, published numbers, errors."""
import numpy as np
import pytest
from shared_data import cases_by_id, drawn, needs_shared

import pydl
from pydl import layers, ops
from pydl.gradcheck import gradcheck
from pydl.layers.recurrent import connect, gru, lstm, simple_rnn, simplified_gru, stepwise
from pydl.tensor import as_tensor
from reference import recurrent as reference

CELLS = [("tanh", simple_rnn, 1, {}), ("lstm", lstm, 4, {}), ("gru", gru, 3, {}), ("gru_before", gru, 3, {"reset_after": False}),
         ("gru_simple", simplified_gru, 2, {})]
every_cell = pytest.mark.parametrize(("cell", "function", "gates", "options"), CELLS, ids=[c[0] for c in CELLS])
LAYERS = [layers.SimpleRNN, layers.GRU, layers.SimplifiedGRU, layers.LSTM]
every_layer = pytest.mark.parametrize("cls", LAYERS)


def weights(cell, gates, d, units, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((d, gates * units)) * 0.5, rng.standard_normal((units, gates * units)) * 0.4,
            rng.standard_normal((2, gates * units) if cell == "gru" else gates * units)]


def values(results):
    return [np.array(t.numpy()) for t in results]


def close(got, want, tolerance=1e-12):
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)


def gradients(function, arrays, seeds):
    """Gradients of sum(seed * result) by all arrays."""
    def loss(*tensors):
        return sum((ops.sum(out * v) for out, v in zip(function(*tensors), seeds)), pydl.Tensor(0.0, dtype="float64"))
    return values(pydl.grad(loss, wrt=tuple(range(len(arrays))))(*arrays))


# ---- laws

@every_cell
def test_the_gradient_of_the_bias_does_not_depend_on_what_else_is_wanted(cell, function, gates, options):
    rng = np.random.default_rng(7)
    arrays = [rng.standard_normal((7, 150, 5)), *weights(cell, gates, 5, 37)]

    def loss(*tensors):
        return ops.sum(function(*tensors, **options)[0] ** 2.0)
    with_all, alone = (pydl.grad(loss, wrt=wrt)(*arrays)[-1].numpy() for wrt in ((0, 1, 2, 3), (3,)))
    assert with_all.any()
    np.testing.assert_array_equal(with_all, alone)
    np.testing.assert_array_equal(pydl.grad(loss, wrt=(1, 3))(*arrays)[-1].numpy(), alone)


@every_cell
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_a_sequence_is_its_beginning_and_then_its_end(cell, function, gates, options, cut):
    x, given = np.random.default_rng(1).standard_normal((3, 7, 4)), weights(cell, gates, 4, 6)
    whole = values(function(x, *given, **options))
    first = function(x[:, :cut], *given, **options)
    second = function(x[:, cut:], *given, initial_state=list(first[1:]), **options)
    np.testing.assert_array_equal(np.concatenate([first[0].numpy(), second[0].numpy()], 1), whole[0])
    for a, b in zip(second[1:], whole[1:]):
        np.testing.assert_array_equal(a.numpy(), b)


@every_cell
@pytest.mark.parametrize("back", [False, True])
def test_padding_changes_no_output_and_no_gradient(cell, function, gates, options, back):
    """Sequences of 0 to 5 steps, padded with noise: each is what it is alone, and the noise has no gradient."""
    rng, given = np.random.default_rng(2), weights(cell, gates, 3, 5)
    lengths, states = [5, 2, 0, 4], 2 if cell == "lstm" else 1
    x = rng.standard_normal((4, 5, 3))
    mask = np.arange(5) < np.array(lengths)[:, None]
    h = [rng.standard_normal((4, 5)) for _ in range(states)]
    seeds = [rng.standard_normal((4, 5)) for _ in range(states)]

    def last(x, w, u, b, *h, mask=mask):
        return function(x, w, u, b, initial_state=list(h), mask=mask, go_backwards=back, **options)[1:]
    got, found = values(last(x, *given, *h)), gradients(last, [x, *given, *h], seeds)
    noisy = np.where(mask[..., None], x, 1e3)
    close(values(last(noisy, *given, *h)), got, 0)
    close(gradients(last, [noisy, *given, *h], seeds), found, 0)
    assert not found[0][~mask].any()
    total = [np.zeros_like(w) for w in given]
    for i, length in enumerate(lengths):
        if length:
            alone = [x[i:i + 1, :length], *given, *[s[i:i + 1] for s in h]]

            def short(*a):
                return last(*a, mask=None)
            close(values(short(*alone)), [g[i:i + 1] for g in got])
            dx, *dw = gradients(short, alone, [v[i:i + 1] for v in seeds])
            close([dx], [found[0][i:i + 1, :length]])
            close(dw[3:], [g[i:i + 1] for g in found[4:]])
            total = [t + g for t, g in zip(total, dw)]
        else:
            close([g[i] for g in got], [s[i] for s in h], 0)
            close([g[i] for g in found[4:]], [v[i] for v in seeds], 0)
    close(found[1:4], total, 1e-11)


@every_cell
def test_backwards_is_forwards_over_the_reversed_sequence(cell, function, gates, options):
    x, given = np.random.default_rng(3).standard_normal((2, 6, 4)), weights(cell, gates, 4, 5)
    mask = np.random.default_rng(4).random((2, 6)) < 0.7
    close(values(function(x, *given, go_backwards=True, mask=mask, **options)), values(function(x[:, ::-1], *given, mask=mask[:, ::-1], **options)), 0)


@every_cell
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_gradients_of_every_combination(cell, function, gates, options, masked, dropped, back, use_bias):
    """The op and the step by step composition: against finite differences, and each other."""
    rng = np.random.default_rng(5)
    n, t, d, units = 3, 4, 2, 3
    x, given = rng.standard_normal((n, t, d)), weights(cell, gates, d, units)[:3 if use_bias else 2]
    states = [rng.standard_normal((n, units)) for _ in range(2 if cell == "lstm" else 1)]
    mask = pydl.Tensor(rng.random((n, t)) < 0.6) if masked else None
    drop = pydl.Tensor((rng.random((n, units)) < 0.5) * 2.0) if dropped else None
    seeds = [rng.standard_normal((n, t, units))] + [rng.standard_normal((n, units)) for _ in states]

    def run(how, extra):
        def f(x, w, u, *rest):
            bias, h = (rest[0], rest[1:]) if use_bias else (None, rest)
            return how(cell, x, w, u, bias, list(h), mask, back, drop, *extra)
        return f
    whole, steps = run(connect, ()), run(stepwise, (ops.tanh, ops.sigmoid))
    arrays = [x, *given, *states]
    close(values(whole(*map(pydl.Tensor, arrays))), values(steps(*map(pydl.Tensor, arrays))))
    close(gradients(whole, arrays, seeds), gradients(steps, arrays, seeds), 1e-11)
    report = gradcheck(lambda *a: sum((ops.sum(o * v) for o, v in zip(whole(*a), seeds)), pydl.Tensor(0.0, dtype="float64")), arrays)
    assert report, f"\n{report}"
    assert report.error < 1e-6


@every_cell
@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_steps_that_are_looked_up(cell, function, gates, options, n, masked, back, recompute):
    """Products by id are products of the rows: values and gradients of both ways, the row of no id included; and each gradient alone."""
    rng = np.random.default_rng(11)
    t, vocab, units = 9, 4, 37
    ids = rng.integers(0, vocab - 1, (n, t))
    products, (_, recurrent, bias) = rng.standard_normal((vocab, gates * units)), weights(cell, gates, 1, units)
    states = [rng.standard_normal((n, units)) for _ in range(2 if cell == "lstm" else 1)]
    mask = pydl.Tensor(rng.random((n, t)) < 0.6) if masked else None
    drop = pydl.Tensor((rng.random((n, units)) < 0.5) * 2.0)
    of_state = [bias[1]] if cell == "gru" else []
    peephole = [rng.standard_normal((3, units))] if cell == "lstm" else []
    seeds = [rng.standard_normal((n, t, units)), *[rng.standard_normal((n, units)) for _ in states]]

    def split(rest):
        rest = list(rest)
        return rest.pop(0) if of_state else None, rest.pop(0) if peephole else None, rest

    def looked_up(p, u, *rest):
        b, peeps, h = split(rest)
        return connect(cell, p, None, u, b, h, mask, back, drop, peeps, recompute, pydl.Tensor(ids, dtype="int32" if back else "int64"))

    def apart(p, u, *rest):
        b, peeps, h = split(rest)
        zeros = pydl.Tensor(np.zeros((1, gates * units)))
        if b is not None:
            b = ops.concatenate([zeros, ops.expand_dims(b, 0)], 0)
        identity = pydl.Tensor(np.eye(gates * units))
        return stepwise(cell, ops.take(p, ids, 0), identity, u, b, h, mask, back, drop, ops.tanh, ops.sigmoid, peeps)
    arrays = [products, recurrent, *of_state, *peephole, *states]
    close(values(looked_up(*map(pydl.Tensor, arrays))), values(apart(*map(pydl.Tensor, arrays))))
    found = gradients(looked_up, arrays, seeds)
    close(found, gradients(apart, arrays, seeds), 1e-11)
    assert not found[0][vocab - 1].any() and found[0][:vocab - 1].any(1).all()
    for k, whole in enumerate(found):
        def loss(*tensors):
            return sum((ops.sum(out * v) for out, v in zip(looked_up(*map(as_tensor, tensors)), seeds)), pydl.Tensor(0.0, dtype="float64"))
        np.testing.assert_array_equal(pydl.grad(loss, wrt=(k,))(*arrays)[0].numpy(), whole)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("n", [1, 7])
def test_gradients_of_peepholes(masked, back, n):
    rng, units = np.random.default_rng(8), 3
    x, given, peephole = rng.standard_normal((n, 4, 2)), weights("lstm", 4, 2, units), rng.standard_normal((3, units))
    states = [rng.standard_normal((n, units)) for _ in range(2)]
    mask = pydl.Tensor(rng.random((n, 4)) < 0.6) if masked else None
    seeds = [rng.standard_normal((n, 4, units)), *[rng.standard_normal((n, units)) for _ in states]]

    def whole(x, w, u, b, p, *h, recompute=False):
        return connect("lstm", x, w, u, b, list(h), mask, back, None, p, recompute)

    def steps(x, w, u, b, p, *h):
        return stepwise("lstm", x, w, u, b, list(h), mask, back, None, ops.tanh, ops.sigmoid, p)
    arrays = [x, *given, peephole, *states]
    want = reference.lstm(x, *given, *states, peephole=peephole, mask=None if mask is None else mask.numpy(), go_backwards=back)
    close(values(whole(*map(pydl.Tensor, arrays))), want)
    close(gradients(whole, arrays, seeds), gradients(steps, arrays, seeds), 1e-11)
    assert gradcheck(lambda *a: sum((ops.sum(o * v) for o, v in zip(whole(*a), seeds)), pydl.Tensor(0.0, dtype="float64")), arrays).error < 1e-6
    close(gradients(lambda *a: whole(*a, recompute=True), arrays, seeds), gradients(whole, arrays, seeds), 0)


@every_cell
@pytest.mark.parametrize("back", [False, True])
def test_recomputed_gates_give_the_same_bits(cell, function, gates, options, back):
    rng, n, units = np.random.default_rng(9), 7, 33
    x, given = rng.standard_normal((n, 5, 4)), weights(cell, gates, 4, units)
    mask, drop = pydl.Tensor(rng.random((n, 5)) < 0.7), pydl.Tensor((rng.random((n, units)) < 0.5) * 2.0)
    states = [rng.standard_normal((n, units)) for _ in range(2 if cell == "lstm" else 1)]
    seeds = [rng.standard_normal((n, 5, units)), *[rng.standard_normal((n, units)) for _ in states]]

    def run(recompute):
        return lambda x, w, u, b, *h: connect(cell, x, w, u, b, list(h), mask, back, drop, recompute=recompute)
    arrays = [x, *given, *states]
    close(gradients(run(True), arrays, seeds), gradients(run(False), arrays, seeds), 0)


@every_cell
def test_many_rows_give_what_each_gives_in_any_company(cell, function, gates, options):
    """Groups of rows, shared products and rows that end early: no row knows of the others."""
    rng, n, t, units = np.random.default_rng(10), 150, 4, 5
    x, given = rng.standard_normal((n, t, 3)), weights(cell, gates, 3, units)
    mask = np.arange(t) < rng.integers(0, t + 1, n)[:, None]
    whole = values(function(x, *given, mask=mask, **options))
    for rows in (slice(0, 10), slice(60, 70), slice(100, 150)):
        close(values(function(x[rows], *given, mask=mask[rows], **options)), [v[rows] for v in whole], 0)
    threads = pydl.get_num_threads()
    try:
        for count in (1, 2, 4):
            pydl.set_num_threads(count)
            close(values(function(x, *given, mask=mask, **options)), whole, 0)
    finally:
        pydl.set_num_threads(threads)


@every_cell
def test_masked_steps_at_the_beginning_put_out_zeros(cell, function, gates, options):
    """As Keras does, though the state before them is another."""
    x, given = np.random.default_rng(11).standard_normal((2, 4, 3)), weights(cell, gates, 3, 5)
    h = [np.full((2, 5), 0.5) for _ in range(2 if cell == "lstm" else 1)]
    y, *last = values(function(x, *given, initial_state=h, mask=[[0, 1, 0, 1], [0, 0, 0, 0]], **options))
    assert not y[0, 0].any() and not y[1].any() and y[0, 1:].any()
    np.testing.assert_array_equal(y[0, 2], y[0, 1])
    for got, given_state in zip(last, h):
        np.testing.assert_array_equal(got[1], given_state[1])


@every_cell
@pytest.mark.parametrize("used", [0, 1])
def test_a_result_that_is_not_used_has_no_gradient_to_bring(cell, function, gates, options, used):
    x, given = np.random.default_rng(6).standard_normal((2, 3, 4)), weights(cell, gates, 4, 5)
    report = gradcheck(lambda *a: ops.sum(ops.square(function(*a, **options)[used])), [x, *given])
    assert report, f"\n{report}"


def test_only_what_is_wanted_is_computed():
    """A frozen layer passes the gradient on, an input that wants none gets none."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for cls in LAYERS:
        layer = cls(5, dtype="float64")
        layer(x)
        full = values(pydl.grad(lambda layer=layer: ops.sum(layer(x)), wrt=layer.trainable_weights)())
        one = values(pydl.grad(lambda layer=layer: ops.sum(layer(x)), wrt=[layer.recurrent_kernel])())
        np.testing.assert_array_equal(one[0], full[1])
        dx = pydl.grad(lambda x, layer=layer: ops.sum(layer(x)))(x).numpy()
        layer.trainable = False
        np.testing.assert_array_equal(pydl.grad(lambda x, layer=layer: ops.sum(layer(x)))(x).numpy(), dx)


# ---- layers

@every_layer
def test_state_comes_back_and_goes_in(cls):
    x = np.random.default_rng(1).standard_normal((3, 6, 4)).astype("float32")
    layer = cls(5, return_sequences=True, return_state=True)
    y, *last = layer(x)
    for whole in (layer(x[:, 2:], initial_state=layer(x[:, :2])[1:]), layer([x[:, 2:], *layer(x[:, :2])[1:]])):
        np.testing.assert_array_equal(whole[0].numpy(), y.numpy()[:, 2:])
        for a, b in zip(whole[1:], last, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@every_layer
def test_stateful(cls):
    """Pieces of a sequence one after the other, recorded and replayed or not, are the sequence."""
    x = np.random.default_rng(1).standard_normal((3, 12, 4)).astype("float32")
    plain = cls(5, return_sequences=True)
    want = plain(x).numpy()
    layer = cls(5, return_sequences=True, stateful=True)
    layer(x)
    layer.set_weights(plain.get_weights())
    model = pydl.Sequential([layers.Input((3, 4)), layer])
    for call in (layer, model.predict):
        layer.reset_states()
        got = [np.asarray(call(x[:, s:s + 3])) for s in range(0, 12, 3)]
        np.testing.assert_array_equal(np.concatenate(got, 1), want)
    with pytest.raises(ValueError, match=r"carries the state of 3 sequences, got 2; call reset_states"):
        layer(x[:2])
    layer.reset_states()
    np.testing.assert_array_equal(layer(x[:2]).numpy(), plain(x[:2]).numpy())


def test_stateful_gradients_see_the_state_before_the_call():
    x = np.random.default_rng(1).standard_normal((2, 4, 3))
    layer = layers.LSTM(3, stateful=True, return_state=True, dtype="float64")
    _, *state = layer(x)
    kept = values(state)
    got = values(pydl.grad(lambda: ops.sum(layer(x)[0]), wrt=layer.trainable_weights)())
    other = layers.LSTM(3, dtype="float64")
    other(x)
    other.set_weights(layer.get_weights())
    close(got, values(pydl.grad(lambda: ops.sum(other(x, initial_state=kept)), wrt=other.trainable_weights)()), 0)


@every_layer
def test_dropout_is_by_sequence_and_only_in_training(cls):
    x = np.ones((50, 4, 6), "float32")
    layer = cls(8, dropout=0.5, recurrent_dropout=0.5, seed=1, return_sequences=True)
    rest = layer(x).numpy()
    np.testing.assert_array_equal(layer(x).numpy(), rest)
    first, second = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert np.abs(first - second).max() > 1e-3
    assert len(np.unique(first[:, 0], axis=0)) > 20                                      # rows drop other features


def test_forget_gate_starts_open():
    layer = layers.LSTM(3, bias_initializer="zeros")
    layer(np.ones((1, 2, 2)))
    np.testing.assert_array_equal(layer.bias.numpy(), [0] * 3 + [1] * 3 + [0] * 6)
    layer = layers.LSTM(3, unit_forget_bias=False)
    layer(np.ones((1, 2, 2)))
    assert not layer.bias.numpy().any()


def test_encoder_and_decoder_as_a_functional_model():
    source, target = layers.Input((5, 3)), layers.Input((4, 2))
    _, h, c = layers.LSTM(6, return_state=True)(source)
    y = layers.LSTM(6, return_sequences=True)(target, initial_state=[h, c])
    model = pydl.Model([source, target], layers.Dense(2)(y))
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((16, 5, 3)), rng.standard_normal((16, 4, 2))
    losses = [model.train_on_batch([a, b], b) for _ in range(30)]
    assert losses[-1] < losses[0]
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict([a, b]), model.predict([a, b]))


def test_learns_to_remember_the_first_step():
    """The sign of the first number of 8: an LSTM keeps it."""
    pydl.random.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((512, 8, 1)).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    model = pydl.Sequential([layers.Input((8, 1)), layers.LSTM(16), layers.Dense(1, activation="sigmoid")])
    model.compile(pydl.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=40, batch_size=32, verbose=0)
    assert history.history["accuracy"][-1] > 0.95


# ---- published numbers

COURSE, FRAMEWORK = cases_by_id("course_values.json"), cases_by_id("framework_values.json")


def agrees(got, case, name):
    want, tolerance = np.asarray(case["expected"][name]), case["printed_digits_tolerance"]
    np.testing.assert_array_less(np.abs(np.asarray(got) - want), tolerance * (np.abs(want) + 1e-2) + 1e-300)


def softmax_of(y, given):
    """The course's prediction (features last) from states (..., units)."""
    return ops.softmax(layers.dense.dense(y, given["Wya" if "Wya" in given else "Wy"].T, given["by"].reshape(-1))).numpy()


@needs_shared
@pytest.mark.parametrize("name", ["c5w1_rnn_cell", "c5w1_rnn_forward"])
def test_course_rnn(name):
    """The course keeps (features, batch, time); a cell is a sequence of one step."""
    case = COURSE[name]
    given = drawn(case["inputs"])
    x = given["x"].reshape(3, 10, -1).transpose(1, 2, 0)
    start = given["a_prev" if "a_prev" in given else "a0"].T
    y, h = simple_rnn(x, given["Wax"].T, given["Waa"].T, given["ba"].reshape(-1), initial_state=start)
    a, p = y.numpy().transpose(2, 0, 1), softmax_of(y, given).transpose(2, 0, 1)
    if name.endswith("cell"):
        agrees(a[4, :, 0], case, "a_next[4]")
        agrees(p[1, :, 0], case, "y[1]")
    else:
        agrees(a[4, 1], case, "a[4][1]")
        agrees(p[1, 3], case, "y[1][3]")
    np.testing.assert_array_equal(h.numpy(), y.numpy()[:, -1])


@needs_shared
def test_course_lstm_cell():
    """The course stacks [a; x] and names the gates f, i, o and the candidate c."""
    case = COURSE["c5w1_lstm_cell"]
    given = drawn(case["inputs"])
    order = "ifco"
    kernel = np.concatenate([given[f"W{g}"][:, 5:].T for g in order], 1)
    recurrent = np.concatenate([given[f"W{g}"][:, :5].T for g in order], 1)
    bias = np.concatenate([given[f"b{g}"].reshape(-1) for g in order])
    y, h, c = lstm(given["x"].T[:, None], kernel, recurrent, bias, initial_state=[given["a_prev"].T, given["c_prev"].T])
    agrees(h.numpy().T[4], case, "a_next[4]")
    agrees(c.numpy().T[2], case, "c_next[2]")
    agrees(softmax_of(y[:, 0], given).T[1], case, "y[1]")


@needs_shared
def test_keras_own_numbers():
    constant = {"kernel_initializer": pydl.initializers.Constant(0.01), "recurrent_initializer": pydl.initializers.Constant(0.02),
                "bias_initializer": pydl.initializers.Constant(0.03), "dtype": "float64"}
    x = np.arange(24.0).reshape(2, 3, 4)
    got = layers.SimpleRNN(4, **constant)(x).numpy()
    np.testing.assert_allclose(got, np.repeat(np.array(FRAMEWORK["simple_rnn"]["expected"]["rows (all units equal)"])[:, None], 4, 1), rtol=1e-6)
    x = np.arange(72.0).reshape(3, 6, 4)
    for back, name in ((False, "rows (all units equal)"), (True, "reversed input")):
        got = layers.LSTM(3, go_backwards=back, **constant)(x).numpy()
        np.testing.assert_allclose(got, np.repeat(np.array(FRAMEWORK["lstm"]["expected"][name])[:, None], 3, 1), rtol=1e-6)


# ---- errors

@pytest.mark.parametrize(("call", "message"), [
    (lambda: layers.LSTM(0), "units"),
    (lambda: layers.LSTM(3, dropout=1.0), "dropout"),
    (lambda: layers.LSTM(3, return_sequences=1), "return_sequences"),
    (lambda: layers.GRU(3, recurrent_activation="sigmod"), "sigmoid"),
    (lambda: layers.GRU(3, use_cudnn="yes"), "use_cudnn"),
    (lambda: layers.LSTM(3, name="a")(np.ones((2, 4))), r"LSTM 'a': built for inputs \(N, T, D\), got \(2, 4\)|LSTM 'a'"),
    (lambda: layers.LSTM(3, name="a")(np.ones((2, 0, 4))), r"LSTM 'a': needs at least one step, got x of shape \(2, 0, 4\)"),
    (lambda: layers.LSTM(3, name="a")(np.ones((2, 5, 4)), initial_state=np.ones((2, 3))), r"LSTM 'a': initial_state must be \[h, c\], got 1"),
    (lambda: layers.GRU(3, name="a")(np.ones((2, 5, 4)), initial_state=np.ones((1, 3))), r"GRU 'a': initial_state h must have shape \(2, 3\), got \(1, 3\)"),
    (lambda: layers.GRU(3, name="a")(np.ones((2, 5, 4)), mask=np.ones((2, 4))),
     r"GRU 'a': mask must have shape \(2, 5\), one value for each step, got \(2, 4\)"),
    (lambda: layers.GRU(3, name="a")([np.ones((2, 5, 4)), np.ones((2, 3))], initial_state=np.ones((2, 3))), "given twice"),
    (lambda: lstm(np.ones((2, 3, 4)), np.ones((4, 8)), np.ones((3, 12))), r"kernel must be \(4, 4 \* units\)"),
    (lambda: gru(np.ones((2, 3, 4)), np.ones((4, 9)), np.ones((3, 9)), np.ones(9)), r"bias must have shape \(2, 9\), got \(9,\)"),
    (lambda: simple_rnn(np.ones((2, 3)), np.ones((4, 3)), np.ones((3, 3))), r"x must be \(N, T, D\), got \(2, 3\)"),
    (lambda: simple_rnn(np.ones((2, 3, 4), "float32"), np.ones((4, 3)), np.ones((3, 3))), "x is float32, kernel float64"),
])
def test_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_reference_is_the_formula_for_one_step():
    """The loops that everything is compared with, against the LSTM of one unit by hand."""
    y, h, c = reference.lstm(np.array([[[2.0]]]), np.array([[0.1, 0.2, 0.3, 0.4]]), np.zeros((1, 4)), np.zeros(4), np.zeros((1, 1)), np.ones((1, 1)))
    i, f, g, o = 1 / (1 + np.exp(-0.2)), 1 / (1 + np.exp(-0.4)), np.tanh(0.6), 1 / (1 + np.exp(-0.8))
    np.testing.assert_allclose([y[0, 0, 0], h[0, 0], c[0, 0]], [o * np.tanh(f + i * g), o * np.tanh(f + i * g), f + i * g])
