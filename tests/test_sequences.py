"""Training over time: padding counts nowhere, perplexity, back-propagation through time in windows, clipping with the course's numbers."""
import numpy as np
import pytest
from course import agrees, drawn, published

import pydl
from pydl import layers, losses, metrics, ops, text
from pydl.models.objective import Objective
from pydl.tensor import Tensor

rng = np.random.default_rng(31)


# ---- padding

RECURRENT = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM, "both ways": lambda units, **o: layers.Bidirectional(layers.GRU(units, **o))}
LOSSES = {
    "labels": (losses.SparseCategoricalCrossentropy(from_logits=True), lambda n, t: rng.integers(0, 4, (n, t))),
    "labels, by weight": (losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight"), lambda n, t: rng.integers(0, 4, (n, t))),
    "labels, sum": (losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"), lambda n, t: rng.integers(0, 4, (n, t))),
    "one-hot": (losses.CategoricalCrossentropy(from_logits=True), lambda n, t: np.eye(4)[rng.integers(0, 4, (n, t))]),
    "binary": (losses.BinaryCrossentropy(from_logits=True), lambda n, t: rng.integers(0, 2, (n, t, 4)).astype(float)),
    "squares": (losses.MeanSquaredError(), lambda n, t: rng.standard_normal((n, t, 4))),
    "huber": (losses.Huber(), lambda n, t: rng.standard_normal((n, t, 4))),
}
N, STEPS = 5, 6


def masked_model(cell, mask_zero=True, dtype="float64"):
    pydl.utils.set_random_seed(2)
    model = pydl.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(9, 3, mask_zero=mask_zero, dtype=dtype),
                             RECURRENT[cell](4, return_sequences=True, dtype=dtype), layers.Dense(4, dtype=dtype)])
    return model


def loss_and_gradients(model, loss, x, y, weights=None):
    """What one training step descends, and its gradients."""
    objective = Objective("test", ["output"], loss, None, [metrics.Perplexity(from_logits=True)] if y.ndim == 2 else None, None)

    def value():
        prediction = model(x)
        total = objective.loss([Tensor(y)], [prediction], [None if weights is None else Tensor(weights)])
        objective.update([Tensor(y)], [prediction], [None], total)
        return total
    total, gradients = pydl.value_and_grad(value, wrt=model.trainable_weights)()
    return total.item(), [g.numpy() for g in gradients], objective.results()


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("name", LOSSES)
def test_more_padding_changes_nothing(cell, name):
    """Loss, gradients and metrics of sequences of unequal lengths, padded to 6, 7 and 12 steps, with anything as targets of the padding."""
    loss, targets = LOSSES[name]
    lengths, x, y = rng.integers(1, STEPS + 1, N), rng.integers(1, 9, (N, STEPS)).astype(np.int32), targets(N, STEPS)
    x[np.arange(STEPS) >= lengths[:, None]] = 0
    model = masked_model(cell)
    weights = rng.random(N)
    wanted = loss_and_gradients(model, loss, x, y, weights)
    for more in (1, 6):
        longer = np.concatenate([y, targets(N, more)], axis=1)
        longer[:, :STEPS][np.arange(STEPS) >= lengths[:, None]] = targets(N, STEPS)[np.arange(STEPS) >= lengths[:, None]]
        got = loss_and_gradients(model, loss, np.pad(x, ((0, 0), (0, more))), longer, weights)
        assert got[0] == pytest.approx(wanted[0], rel=1e-12)
        for g, w in zip(got[1], wanted[1]):
            np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-13)
        assert {k: v for k, v in got[2].items() if k != "loss"} == pytest.approx({k: v for k, v in wanted[2].items() if k != "loss"}, rel=1e-6)


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_padded_batch_is_the_sum_of_its_sequences(cell):
    """Each sequence by itself, unpadded: their losses and gradients add up to the batch's."""
    loss, lengths = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"), [1, 6, 3]
    x, y, model = rng.integers(1, 9, (3, 6)).astype(np.int32), rng.integers(0, 4, (3, 6)), masked_model(cell)
    alone = [loss_and_gradients(model, loss, x[i:i + 1, :k], y[i:i + 1, :k]) for i, k in enumerate(lengths)]
    x[np.arange(6) >= np.array(lengths)[:, None]] = 0
    total, gradients, results = loss_and_gradients(model, loss, x, y)
    assert total == pytest.approx(sum(a[0] for a in alone), rel=1e-12)
    for i, g in enumerate(gradients):
        np.testing.assert_allclose(g, sum(a[1][i] for a in alone), rtol=1e-9, atol=1e-12)
    assert results["perplexity"] == pytest.approx(np.exp(sum(a[0] for a in alone) / sum(lengths)), rel=1e-6)


def test_fit_and_evaluate_agree_on_padded_data():
    """Through the recorded steps too: the loss and the perplexity of the same sequences, with and without more padding."""
    x, y = rng.integers(1, 9, (8, 6)).astype(np.int32), rng.integers(0, 4, (8, 6))
    x[::2, 3:] = 0
    found = []
    for more in (0, 5):
        model = masked_model("lstm", dtype="float32")
        model.compile(pydl.optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True),
                      metrics=[metrics.Perplexity(from_logits=True), "accuracy"],
                      weighted_metrics=[metrics.Perplexity(name="weighted", from_logits=True)])
        wide = np.pad(x, ((0, 0), (0, more))), np.pad(y, ((0, 0), (0, more)), constant_values=3)
        model.fit(*wide, batch_size=8, epochs=6, shuffle=False, verbose=0)
        found.append([*model.evaluate(*wide, verbose=0), *[np.abs(w).sum() for w in model.get_weights()]])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    loss, perplexity, *_ = found[0]
    assert perplexity == pytest.approx(np.exp(loss), rel=1e-5)


# ---- perplexity

@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("ignored", [None, 0, -1])
def test_perplexity(from_logits, ignored):
    scores, labels, weights = rng.standard_normal((6, 5, 4)), rng.integers(0, 4, (6, 5)), rng.random((6, 5))
    if ignored == -1:
        labels[2, 3:] = -1
    p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    nats = -np.log(np.take_along_axis(p, np.maximum(labels, 0)[..., None], -1)[..., 0])
    counts = (labels != ignored) * 1.0
    for given in (None, weights, weights[:, 0]):
        metric = metrics.Perplexity(from_logits=from_logits, ignore_class=ignored)
        assert metric.result() == 0.0
        w = counts * (1 if given is None else given if given.ndim == 2 else given[:, None])
        for i in range(0, 6, 2):                                                           # gathered over batches: the mean of all, then exp
            metric.update_state(labels[i:i + 2], scores[i:i + 2] if from_logits else p[i:i + 2], None if given is None else given[i:i + 2])
        assert metric.result() == pytest.approx(np.exp((nats * w).sum() / w.sum()), rel=1e-10)
        metric.reset_state()
        assert metric.result() == 0.0
    uniform = metrics.Perplexity(from_logits=True)
    assert uniform(np.zeros((3, 2), int), np.zeros((3, 2, 17))) == pytest.approx(17)


def test_perplexity_by_name_config_and_limits():
    assert isinstance(metrics.get("perplexity"), metrics.Perplexity)
    again = metrics.deserialize(metrics.serialize(metrics.Perplexity(name="p", from_logits=True, ignore_class=3)))
    assert (again.name, again.from_logits, again.ignore_class) == ("p", True, 3)
    assert metrics.Perplexity(from_logits=True)([1], [[2000.0, 0.0]]) == np.inf
    with pytest.raises(ValueError, match="label 4"):
        metrics.Perplexity(from_logits=True)([[4]], np.zeros((1, 1, 4)))
    with pytest.raises(TypeError, match="Perplexity: ignore_class must be an integer"):
        metrics.Perplexity(ignore_class=2.5)
    with pytest.raises(ValueError, match="Perplexity: y_pred .* needs one label a row"):
        metrics.Perplexity(from_logits=True)([[1, 2]], np.zeros((1, 1, 4)))


# ---- back-propagation through time, in windows

CELLS = {"rnn": (layers.SimpleRNN, {}), "gru": (layers.GRU, {}), "gru before": (layers.GRU, {"reset_after": False}), "lstm": (layers.LSTM, {}),
         "relu": (layers.SimpleRNN, {"activation": "relu"})}


def pair(cell, stateful):
    """The same two-layer network, carrying its state or not."""
    cls, options = CELLS[cell]
    pydl.utils.set_random_seed(4)
    model = pydl.Sequential([layers.Input((None, 3), dtype="float64"), cls(4, return_sequences=True, stateful=stateful, dtype="float64", **options),
                             cls(5, return_sequences=True, stateful=stateful, dtype="float64", **options), layers.Dense(2, dtype="float64")])
    return model


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("window", [1, 3, 4, 12])
def test_windows_with_carried_state_are_the_whole_sequence(cell, window):
    """Outputs: always.  Gradients: those of the whole where one window covers it; of shorter ones, those with the states at their edges held constant."""
    x, seed = rng.standard_normal((2, 12, 3)), rng.standard_normal((2, 12, 2))
    whole, carrying = pair(cell, False), pair(cell, True)
    wanted = whole(x).numpy()

    def total(model, a, b, states=None):
        h, found = Tensor(x[:, a:b]), []
        for i, layer in enumerate(model.layers[:-1]):
            h, *last = layer_states(layer, h, None if states is None else states[i])
            found.append([ops.stop_gradient(s) for s in last])
        return ops.sum(ops.multiply(model.layers[-1](h), seed[:, a:b])), found

    outputs, gradients, constant, states = [], 0, 0, None
    for a in range(0, 12, window):
        b = a + window

        def windowed(a=a, b=b):
            y = carrying(x[:, a:b])
            outputs.append(y.numpy().copy())
            return ops.sum(ops.multiply(y, seed[:, a:b]))
        _, g = pydl.value_and_grad(windowed, wrt=carrying.trainable_weights)()
        gradients = [p.numpy() + (q if a else 0) for p, q in zip(g, gradients if a else g)]
        kept = []

        def held(a=a, b=b, states=states, kept=kept):
            value, found = total(whole, a, b, states)
            kept.extend(found)
            return value
        _, g = pydl.value_and_grad(held, wrt=whole.trainable_weights)()
        constant = [p.numpy() + (q if a else 0) for p, q in zip(g, constant if a else g)]
        states = [[Tensor(s.numpy()) for s in layer] for layer in kept]
    np.testing.assert_allclose(np.concatenate(outputs, 1), wanted, rtol=1e-12, atol=1e-14)
    for g, w in zip(gradients, constant):
        np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-12)
    full = pydl.grad(lambda: ops.sum(ops.multiply(whole(x), seed)), wrt=whole.trainable_weights)()
    same = [np.allclose(g, f.numpy(), rtol=1e-10, atol=1e-12) for g, f in zip(gradients, full)]
    assert all(same) if window == 12 else not all(same)


def layer_states(layer, x, states):
    """[output, state, ...] of a layer started from given states."""
    twin = type(layer).from_config({**layer.get_config(), "return_state": True})
    twin.ensure_built(x.shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        setattr(twin, name, getattr(layer, name))                      # the same Parameters: gradients reach the layer's
    return twin(x, initial_state=states)


def test_truncated_training_replayed_is_eager():
    """fit over streams: the recorded steps carry the state as the eager ones do, and an epoch begins with zeros."""
    ids, found = rng.integers(0, 5, 400), []
    x, y = text.streams(ids, 4, 7)
    for eagerly in (True, False):
        pydl.utils.set_random_seed(9)
        model = pydl.Sequential([layers.Input((None,), dtype="int32"), layers.Embedding(5, 3), layers.LSTM(6, return_sequences=True, stateful=True),
                                 layers.Dense(5)])
        model.compile(pydl.optimizers.Adam(0.01, global_clipnorm=1.0), losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eagerly)
        history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, callbacks=[text.ResetStates()], validation_data=(x, y), verbose=0)
        found.append([history.history["val_loss"], [w.tobytes() for w in model.get_weights()]])
        again = pydl.Sequential([layers.Input((None,), dtype="int32"), *[type(layer).from_config({**layer.get_config(), "stateful": False}
                                 if hasattr(layer, "stateful") else layer.get_config()) for layer in model.layers]])
        again.set_weights(model.get_weights())
        streams = x.reshape(-1, 4, 7).swapaxes(0, 1).reshape(4, -1), y.reshape(-1, 4, 7).swapaxes(0, 1).reshape(4, -1)
        again.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
        assert again.evaluate(*streams, verbose=0) == pytest.approx(history.history["val_loss"][-1], rel=1e-5)      # validation began with zeros
    assert found[0] == found[1]


def test_targets_of_an_open_length_are_checked():
    """A declared axis of open length is as long as the targets: labels out of range are still refused before the first step."""
    model = masked_model("gru", dtype="float32")
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"label 4 at position \(1, 2\)"):
        model.fit(np.ones((2, 3), int), [[0, 1, 2], [0, 1, 4]], verbose=0)
    with pytest.raises(ValueError, match="needs one label a row"):
        model.fit(np.ones((2, 3), int), np.zeros((2, 3, 4, 1), int), verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))


# ---- clipping

@pytest.mark.shared
def test_clipping_of_the_course():
    """A step of plain descent with rate 1 from 0, gradients clipped to [-10, 10], moves to minus the clipped gradients."""
    case = published("c5w1_clip_10")
    given = drawn(case["inputs"])
    held = {name: pydl.Parameter(np.zeros(g.shape), name=name) for name, g in given.items()}
    pydl.optimizers.SGD(1.0, clipvalue=10.0).apply_gradients([(Tensor(g), held[name]) for name, g in given.items()])
    for key, expected in case["expected"].items():
        name, *index = key.replace("]", "").split("[")
        clipped = -held[name].numpy()[tuple(int(i) for i in index)]
        agrees(clipped.reshape(-1), np.asarray(expected, float).reshape(-1), case["printed_digits_tolerance"])
    for name, g in given.items():
        np.testing.assert_array_equal(-held[name].numpy(), np.clip(g, -10, 10))


# ---- masks of layers with several inputs

def test_masks_of_merged_inputs():
    """As in Keras: sums count a step that any input counts, features side by side one that all count, sequences behind each other bring their own."""
    x, y, plain = layers.Embedding(5, 3, mask_zero=True), layers.Embedding(5, 3, mask_zero=True), layers.Embedding(5, 3)
    a, b = np.array([[1, 2, 0, 0]]), np.array([[0, 1, 1, 0]])

    def mask(layer, *inputs):
        found = getattr(layer(list(inputs)), "mask", None)
        return None if found is None else found.numpy()[0].astype(int).tolist()
    for layer in (layers.Add(), layers.Subtract(), layers.Multiply(), layers.Average(), layers.Maximum(), layers.Minimum()):
        assert mask(layer, x(a), y(b)) == [1, 1, 1, 0]
        assert mask(layer, x(a), plain(b)) is None and mask(layer, plain(a), plain(b)) is None
    assert mask(layers.Concatenate(), x(a), y(b)) == [0, 1, 0, 0]
    assert mask(layers.Concatenate(), x(a), plain(b)) == [1, 1, 0, 0]
    assert mask(layers.Concatenate(axis=1), x(a), plain(b), y(b)) == [1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0]
    assert mask(layers.Concatenate(axis=-2), x(a), y(b)) == [1, 1, 0, 0, 0, 1, 1, 0]
    assert mask(layers.Dot(axes=-1), x(a), y(b)) is None


def test_padding_of_two_inputs_changes_nothing():
    given = [layers.Input((None,), dtype="int32") for _ in range(2)]
    h = layers.Concatenate()([layers.Embedding(9, 3, mask_zero=True)(g) for g in given])
    model = pydl.Model(given, layers.Dense(4)(layers.Bidirectional(layers.LSTM(4, return_sequences=True))(h)))
    x, y = [rng.integers(1, 9, (5, 4)) for _ in range(2)], rng.integers(0, 4, (5, 4))
    model.compile(pydl.optimizers.SGD(0.0), losses.SparseCategoricalCrossentropy(from_logits=True))
    wanted = model.evaluate(x, y, verbose=0)
    longer = [np.pad(a, ((0, 0), (0, 3))) for a in x]
    assert model.evaluate(longer, np.pad(y, ((0, 0), (0, 3))), verbose=0) == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_allclose(model.predict(longer)[:, :4], model.predict(x), rtol=1e-5, atol=1e-6)
