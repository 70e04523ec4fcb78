"""Learning rates by layer, weight decay with exceptions, rates changed while training runs, and averages of a series: against NumPy loops in float64."""
import threading
import time

import numpy as np
import pytest
from test_optim import METHODS, gradients, make, parameters

import pydl
from pydl import callbacks, layers, optimizers, utils
from reference import optim as reference

RNG = np.random.default_rng(6)
X, Y = RNG.standard_normal((40, 3)), RNG.standard_normal((40, 2))


def network(optimizer, first=1.0, **options):
    pydl.utils.set_random_seed(1)
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh", lr_multiplier=first, dtype="float64", **options),
                             layers.Dense(2, dtype="float64")])
    model.compile(optimizer, "mse")
    return model


# ---- a factor a layer

@pytest.mark.parametrize("name", METHODS)
def test_a_factor_is_another_rate(name):
    """Each parameter goes as it would alone, under its own learning rate; with decay, clipping, running means and accumulation."""
    _, method, options = METHODS[name]
    factors = (0.1, 2.0, 0.0)
    ws, gs = parameters(shapes=[(7,), (3, 5), (4,)]), gradients(shapes=[(7,), (3, 5), (4,)], steps=4)
    start, optimizer = [w.numpy().copy() for w in ws], make(name, learning_rate=0.05, weight_decay=0.2, clipvalue=0.7, gradient_accumulation_steps=2)
    for w, factor in zip(ws, factors):
        w.lr_multiplier = factor
    for g in gs:
        optimizer.apply(g, ws)
    rounds = [[np.clip((a + b) / 2, -0.7, 0.7) for a, b in zip(gs[k], gs[k + 1])] for k in (0, 2)]
    for i, (w, factor) in enumerate(zip(ws, factors)):
        want = reference.steps(method, start[i], [g[i] for g in rounds], learning_rate=0.05 * factor, **{**options, "weight_decay": 0.2})[-1]
        np.testing.assert_allclose(w.numpy(), want, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(ws[2].numpy(), start[2])


def test_a_layers_factor_reaches_its_weights_and_those_inside_it():
    dense = layers.Dense(4, lr_multiplier=0.5)
    dense.build((None, 3))
    assert [p.lr_multiplier for p in dense.weights] == [0.5, 0.5]
    model = pydl.Sequential([layers.Input((5, 3)), layers.Bidirectional(layers.LSTM(2)), layers.Dense(1)])
    model.layers[0].lr_multiplier = 0.25
    assert {p.lr_multiplier for p in model.layers[0].weights} == {0.25} and {p.lr_multiplier for p in model.layers[1].weights} == {1.0}
    model.lr_multiplier = 2.0
    assert {p.lr_multiplier for p in model.weights} == {2.0}


def test_a_factor_of_a_layer_against_a_loop():
    """Gradient descent of two layers, the first a tenth as fast, by hand."""
    model = network(optimizers.SGD(0.1), first=0.1)
    w1, b1, w2, b2 = model.get_weights()
    for _ in range(6):
        model.train_on_batch(X, Y)
        h = np.tanh(X @ w1 + b1)
        d = 2 * (h @ w2 + b2 - Y) / Y.size
        dh = d @ w2.T * (1 - h * h)
        w1, b1, w2, b2 = w1 - 0.01 * X.T @ dh, b1 - 0.01 * dh.sum(0), w2 - 0.1 * h.T @ d, b2 - 0.1 * d.sum(0)
    for got, want in zip(model.get_weights(), (w1, b1, w2, b2)):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_factor_is_saved_and_may_be_set_while_steps_replay(tmp_path):
    model, eager = network("adam", first=0.1), network("adam", first=0.1)
    eager.run_eagerly = True
    for m in (model, eager):
        for factor in (0.1, 0.0, 3.0):
            m.layers[0].lr_multiplier = factor
            for _ in range(4):
                m.train_on_batch(X, Y)
    assert model.recorded_steps() and all(a.tobytes() == b.tobytes() for a, b in zip(model.get_weights(), eager.get_weights()))
    model.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    assert loaded.layers[0].lr_multiplier == 3.0 and [p.lr_multiplier for p in loaded.weights] == [3.0, 3.0, 1.0, 1.0]
    assert loaded.train_on_batch(X, Y) == model.train_on_batch(X, Y)
    assert "lr_multiplier" not in layers.Dense(2).get_config()


# ---- weight decay

def test_decay_with_exceptions(tmp_path):
    """One step of AdamW with decay for kernels only: kernels go as with decay, biases as without; saved, and in recorded steps."""
    def run(decay, without=None):
        optimizer = optimizers.AdamW(0.01, weight_decay=decay)
        optimizer.exclude_from_weight_decay(var_names=without)
        model = network(optimizer)
        for w in model.weights:
            if w.name == "bias":
                w.assign(np.ones(w.shape))
        start = model.get_weights()
        model.train_on_batch(X, Y)
        return model, start
    (plain, start), (some, _), (every, _) = run(0.0), run(0.3, ["bias"]), run(0.3)
    for p, s, e, w in zip(plain.weights, some.weights, every.weights, start):
        np.testing.assert_allclose(e.numpy() - p.numpy(), -0.3 * 0.01 * w, rtol=1e-9)
        np.testing.assert_array_equal(s.numpy(), p.numpy() if s.name == "bias" else e.numpy())
    some.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    assert loaded.train_on_batch(X, Y) == some.train_on_batch(X, Y)
    for _ in range(3):
        some.train_on_batch(X, Y)
        loaded.train_on_batch(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(some.get_weights(), loaded.get_weights()))
    some.optimizer.exclude_from_weight_decay([some.weights[2]])                     # a recorded step follows
    some.train_on_batch(X, Y)
    loaded.train_on_batch(X, Y)
    assert [np.array_equal(a, b) for a, b in zip(some.get_weights(), loaded.get_weights())] == [True, True, False, True]


def test_decay_in_the_loss_is_averaged_and_decay_beside_it_is_not():
    """Both forms of Adam by hand: l2 adds 2 l2 w to the gradient, weight_decay takes its share before the step."""
    for l2, decay in ((0.05, None), (None, 0.05)):
        model = network(optimizers.Adam(0.01, weight_decay=decay), kernel_regularizer=None if l2 is None else pydl.regularizers.L2(l2))
        w1, b1, w2, b2 = model.get_weights()
        params, m, v = [w1, b1, w2, b2], [0.0] * 4, [0.0] * 4
        for t in range(1, 6):
            model.train_on_batch(X, Y)
            w1, b1, w2, b2 = params
            h = np.tanh(X @ w1 + b1)
            d = 2 * (h @ w2 + b2 - Y) / Y.size
            dh = d @ w2.T * (1 - h * h)
            grads = [X.T @ dh + (0 if l2 is None else 2 * l2 * w1), dh.sum(0), h.T @ d, d.sum(0)]
            params = [p if decay is None else p - p * decay * 0.01 for p in params]
            m, v = [0.9 * a + 0.1 * g for a, g in zip(m, grads)], [0.999 * a + 0.001 * g * g for a, g in zip(v, grads)]
            rate = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            params = [p - rate * a / (np.sqrt(b) + 1e-7) for p, a, b in zip(params, m, v)]
        for got, want in zip(model.get_weights(), params):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-14)


# ---- rates changed by hand

def test_a_rate_set_by_another_thread_reaches_the_running_fit():
    """From some step on the weights stand still: the rate is 0."""
    model, seen, go = network("sgd"), [], threading.Event()

    def watch(batch, logs):
        seen.append(model.get_weights()[0].tobytes())
        if len(seen) == 20:
            go.set()
        time.sleep(0.001)

    def turn_off():
        go.wait(10)
        model.optimizer.learning_rate = 0.0
    other = threading.Thread(target=turn_off)
    other.start()
    model.fit(X, Y, batch_size=4, epochs=12, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=watch)])
    other.join()
    assert model.recorded_steps()
    assert len(set(seen[:20])) == 20 and len(set(seen[60:])) == 1


def test_schedules_of_the_course_by_epoch():
    """Three steps an epoch: rate / (1 + decay epoch), 0.95^epoch rate, k / sqrt(epoch) with epochs from 1, by the rates `fit` used."""
    schedules = {
        optimizers.schedules.InverseTimeDecay(0.2, 3, 1.0, staircase=True): lambda epoch: 0.2 / (1 + epoch),
        optimizers.schedules.ExponentialDecay(0.2, 3, 0.95, staircase=True): lambda epoch: 0.2 * 0.95**epoch,
        optimizers.schedules.InverseRootDecay(0.2, 3, staircase=True): lambda epoch: 0.2 / np.sqrt(epoch + 1),
    }
    for schedule, formula in schedules.items():
        rates, model = [], network(optimizers.SGD(schedule))
        note = callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs, rates=rates, model=model: rates.append(model.optimizer.learning_rate))
        model.fit(X[:36], Y[:36], batch_size=12, epochs=5, callbacks=[note], verbose=0)
        np.testing.assert_allclose(rates, np.repeat([formula(epoch) for epoch in range(5)], 3), rtol=1e-12)


# ---- averages of a series

@pytest.mark.parametrize("correct", [False, True])
def test_exponentially_weighted_average(correct):
    series, v, want = RNG.standard_normal((30, 2)), np.zeros(2), []
    for t, x in enumerate(series, 1):
        v = 0.9 * v + 0.1 * x
        want.append(v / (1 - 0.9**t) if correct else v)
    np.testing.assert_allclose(utils.exponentially_weighted_average(series, 0.9, correct), want, rtol=1e-13)
    assert utils.exponentially_weighted_average([]).shape == (0,)
    assert utils.ExponentialAverage().average == 0.0
    constant = utils.exponentially_weighted_average(np.full(20, 3.0), 0.98)
    np.testing.assert_allclose(constant, 3.0)                                       # bias correction makes a constant itself
    np.testing.assert_array_equal(utils.exponentially_weighted_average([1, 2, 3], beta=0.0), [1, 2, 3])


@pytest.mark.parametrize("call, error, words", [
    (lambda: layers.Dense(2, lr_multiplier=-1), ValueError, "Dense.*lr_multiplier"),
    (lambda: layers.Dense(2, lr_multiplier="fast"), TypeError, "lr_multiplier"),
    (lambda: setattr(layers.Dense(2), "lr_multiplier", float("nan")), ValueError, "lr_multiplier"),
    (lambda: setattr(pydl.Parameter([1.0]), "lr_multiplier", float("inf")), ValueError, "lr_multiplier"),
    (lambda: optimizers.Adam().exclude_from_weight_decay(var_names="bias"), TypeError, "var_names"),
    (lambda: optimizers.Adam().exclude_from_weight_decay([np.ones(2)]), TypeError, "var_list"),
    (lambda: optimizers.Adam().swap_averages([]), ValueError, "use_ema"),
    (lambda: optimizers.Adam().set_number("beta_3", 1), ValueError, "did you mean 'beta_1'|did you mean 'beta_2'"),
    (lambda: utils.exponentially_weighted_average([1.0], beta=1.0), ValueError, "beta"),
    (lambda: utils.exponentially_weighted_average(3.0), ValueError, "values"),
    (lambda: utils.ExponentialAverage(bias_correction=1), TypeError, "bias_correction"),
])
def test_bad_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
