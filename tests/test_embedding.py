"""Embedding, Masking, TimeDistributed, Bidirectional: what goes with recurrent layers."""
import numpy as np
import pytest
from shared_data import array_of, needs_shared, shared_json

import pydl
from pydl import layers, ops
from pydl.gradcheck import gradcheck
from pydl.layers.embedding import embedding

KERAS = (shared_json("keras_layer_cases", "keras_layer_cases.json.gz") or {"cases": {}})["cases"]
RNN = {"SimpleRNN(4, activation='tanh', return_sequences=False)": lambda: layers.SimpleRNN(4, dtype="float64"),
       "SimpleRNN(4, activation='tanh', return_sequences=True)": lambda: layers.SimpleRNN(4, return_sequences=True, dtype="float64"),
       "LSTM(4, activation='tanh', recurrent_activation='hard_sigmoid', return_sequences=True)":
           lambda: layers.LSTM(4, recurrent_activation=old_hard_sigmoid, return_sequences=True, dtype="float64"),
       "Dense(4)": lambda: layers.Dense(4, dtype="float64")}


def old_hard_sigmoid(x):
    """Keras 2's."""
    return ops.clip(x * 0.2 + 0.5, 0, 1)


pydl.registry.register_serializable("tests")(old_hard_sigmoid)


# ---- embedding

@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "uint8"])
def test_rows_of_the_table(dtype):
    layer = layers.Embedding(5, 3)
    ids = np.array([[0, 4, 1], [1, 1, 2]], dtype)
    np.testing.assert_array_equal(layer(ids).numpy(), layer.embeddings.numpy()[ids.astype(int)])
    assert layer.compute_output_shape((None, 7)) == (None, 7, 3)
    assert layer(ids[:0]).shape == (0, 3, 3)


@pytest.mark.parametrize("ids", [[[0, 3], [3, 3]], [1, 2], [[]]])
def test_embedding_gradient(ids):
    table = np.random.default_rng(0).standard_normal((4, 3))
    report = gradcheck(lambda t: ops.sum(ops.square(embedding(np.array(ids, np.int64), t))), [table])
    assert report, f"\n{report}"


def test_ids_outside_the_vocabulary_are_named():
    layer = layers.Embedding(5, 3, name="words")
    for ids, wrong, where in (([[0, 5]], 5, 1), ([[1, 2], [-1, 0]], -1, 2)):
        with pytest.raises(ValueError, match=rf"Embedding 'words': id {wrong} \(number {where} of ids .*outside the vocabulary, 0 <= id < 5"):
            layer(np.array(ids))
    model = pydl.Sequential([layers.Input((2,), dtype="int64"), layer])
    for _ in range(3):
        model.predict(np.array([[0, 1]]))
    with pytest.raises(ValueError, match="5"):                      # replayed
        model.predict(np.array([[0, 5]]))
    with pytest.raises(TypeError, match="integers"):
        layer(np.array([[True, False]]))


def test_table_given_and_saved(tmp_path):
    table = np.arange(12.0).reshape(4, 3)
    layer = layers.Embedding(4, 3, weights=[table])
    np.testing.assert_array_equal(layer(np.array([[3]])).numpy(), [[[9, 10, 11]]])
    again = layers.Embedding.from_config(layer.get_config())
    assert again.output_dim == 3
    with pytest.raises(ValueError, match=r"weights must have shape \(4, 3\)"):
        layers.Embedding(4, 3, weights=table.T)
    model = pydl.Sequential([layers.Input((2,), dtype="int64"), layer])
    model.save(tmp_path / "m.pydl")
    np.testing.assert_array_equal(pydl.models.load_model(tmp_path / "m.pydl").predict(np.array([[3, 0]])), model.predict(np.array([[3, 0]])))


@needs_shared
@pytest.mark.parametrize("name", sorted(n for n in KERAS if n.startswith("embeddings.")))
def test_keras_embedding(name):
    case = KERAS[name]
    table = array_of(case["weights"][0])
    layer = layers.Embedding(*table.shape, weights=[table], dtype="float64")
    np.testing.assert_allclose(layer(array_of(case["input"])[None]).numpy()[0], array_of(case["expected"]), rtol=1e-6)


# ---- masks

@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_a_mask_goes_from_the_ids_to_the_last_layer(cls):
    """Padding with id 0 changes nothing, in predict and in training, through layers that keep the steps."""
    def model_of(steps):
        pydl.random.set_random_seed(3)
        return pydl.Sequential([layers.Input((steps,), dtype="int64"), layers.Embedding(10, 4, mask_zero=True), layers.Dropout(0.1),
                                layers.Bidirectional(cls(5, return_sequences=True)), layers.LayerNormalization(), layers.Dense(3, activation="tanh"),
                                layers.TimeDistributed(layers.Dense(3)), layers.Activation("relu"), cls(4), layers.Dense(1)])
    ids = np.random.default_rng(0).integers(1, 10, (6, 4))
    padded = np.pad(ids, ((0, 0), (0, 3)))
    short, long = model_of(4), model_of(7)
    long.set_weights(short.get_weights())
    want = short.predict(ids)
    for _ in range(3):
        np.testing.assert_allclose(long.predict(padded), want, rtol=1e-6, atol=1e-7)
    assert np.abs(long.predict(np.pad(ids, ((0, 0), (0, 3)), constant_values=1)) - want).max() > 1e-4
    for model in (short, long):
        model.layers[1].rate = 0.0
        model.compile(pydl.optimizers.SGD(0.1), "mse")
    y = np.ones((6, 1), "float32")
    for _ in range(4):
        assert long.train_on_batch(padded, y) == pytest.approx(short.train_on_batch(ids, y), rel=1e-5)
    for a, b in zip(short.get_weights(), long.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("eagerly", [True, False])
def test_padded_steps_count_in_no_loss_and_no_metric(eagerly):
    """A tagger: the loss, the accuracies and every step of training are those of the real steps, whatever the labels of the padding."""
    def model_of(steps):
        model = pydl.Sequential([layers.Input((steps,), dtype="int64"), layers.Embedding(10, 4, mask_zero=True), layers.GRU(5, return_sequences=True),
                                 layers.TimeDistributed(layers.Dense(3, activation="softmax"))])
        model.compile(pydl.optimizers.SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"],
                      weighted_metrics=[pydl.metrics.SparseCategoricalAccuracy(name="weighted")], run_eagerly=eagerly)
        return model
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(1, 10, (6, 4)), rng.integers(0, 3, (6, 4))
    padded, noisy = np.pad(ids, ((0, 0), (0, 3))), np.pad(labels, ((0, 0), (0, 3)), constant_values=2)
    short, long = model_of(4), model_of(7)
    long.set_weights(short.get_weights())
    for _ in range(4):
        for kwargs in ({}, {"sample_weight": np.arange(1.0, 7.0)}):
            want, got = short.train_on_batch(ids, labels, return_dict=True, **kwargs), long.train_on_batch(padded, noisy, return_dict=True, **kwargs)
            assert got == pytest.approx(want, rel=1e-5)
    assert long.evaluate(padded, noisy, verbose=0, return_dict=True) == pytest.approx(short.evaluate(ids, labels, verbose=0, return_dict=True), rel=1e-5)
    for a, b in zip(short.get_weights(), long.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_masking_layer():
    x = np.random.default_rng(0).standard_normal((3, 5, 2)).astype("float32")
    x[0, 3:], x[1, 0] = -1, -1
    layer = layers.Masking(-1.0)
    y = layer(x)
    want = np.any(x != -1, -1)
    np.testing.assert_array_equal(y.mask.numpy(), want)
    np.testing.assert_array_equal(layer.compute_mask(x).numpy(), want)
    np.testing.assert_array_equal(y.numpy(), x * want[..., None])
    rnn = layers.GRU(4)
    np.testing.assert_array_equal(rnn(y).numpy(), rnn(x, mask=want).numpy())
    assert getattr(layers.Flatten()(y), "mask", None) is None
    dx = pydl.grad(lambda t: ops.sum(ops.square(layer(t))))(x).numpy()
    np.testing.assert_array_equal(dx, 2 * x * want[..., None])


# ---- wrappers

def numpy_of(out):
    return [np.array(t.numpy()) for t in (out if isinstance(out, list) else [out])]


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_bidirectional_is_two_layers(cls, sequences, mode):
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    mask = np.arange(4) < np.array([4, 2, 1])[:, None]
    both = layers.Bidirectional(cls(3, return_sequences=sequences, return_state=True, dtype="float64"), merge_mode=mode)
    results = numpy_of(both(x, mask=mask))
    assert [w.shape for w in both.get_weights()] == [w.shape for w in both.forward_layer.get_weights()] * 2
    f, *fs = numpy_of(both.forward_layer(x, mask=mask))
    b, *bs = numpy_of(both.backward_layer(x, mask=mask))
    f, b = (np.where(mask[..., None], y, 0) for y in (f, b[:, ::-1])) if sequences else (f, b)
    want = {"concat": [np.concatenate([f, b], -1)], "sum": [f + b], "mul": [f * b], "ave": [(f + b) / 2], None: [f, b]}[mode] + fs + bs
    for g, w in zip(results, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-14)
    told = both.compute_output_shape((None, 4, 2))
    assert [tuple(s)[1:] for s in told] == [r.shape[1:] for r in results]
    again = layers.Bidirectional.from_config(both.get_config())
    again(x)
    again.set_weights(both.get_weights())
    for g, w in zip(numpy_of(again(x, mask=mask)), results, strict=True):
        np.testing.assert_array_equal(g, w)
    half = len(fs)
    started = numpy_of(both(x, initial_state=[np.ones((3, 3))] * (2 * half)))
    assert np.abs(started[0] - numpy_of(both(x))[0]).max() > 1e-3
    report = gradcheck(lambda t: ops.sum(ops.square(both(t, mask=mask)[0])), [x], parameters=both.trainable_weights)
    assert report, f"\n{report}"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: layers.Bidirectional(layers.Dense(3)), "layer must be a SimpleRNN, GRU, LSTM or RNN"),
    (lambda: layers.Bidirectional(layers.GRU(3), merge_mode="cat"), "concat"),
    (lambda: layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3)), "must go different ways"),
    (lambda: layers.Bidirectional(layers.GRU(3), merge_mode="sum", backward_layer=layers.GRU(4, go_backwards=True)), "units of the two layers must agree"),
    (lambda: layers.Bidirectional(layers.GRU(3))(np.ones((2, 3, 4)), initial_state=np.ones((2, 3))), "as many arrays for each direction, got 1"),
    (lambda: layers.TimeDistributed(3), "layer must be a layer"),
    (lambda: layers.TimeDistributed(layers.Dense(3))(np.ones((2, 3))), "TimeDistributed"),
])
def test_wrapper_errors(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_time_distributed_is_the_layer_at_every_step(tmp_path):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 5, 2)).astype("float32")
    inner = layers.Conv2D(4, 3)
    layer = layers.TimeDistributed(inner)
    y = layer(x).numpy()
    for t in range(3):
        np.testing.assert_allclose(y[:, t], inner(x[:, t]).numpy(), rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, 3, 6, 5, 2)) == (None, *y.shape[1:])
    model = pydl.Sequential([layers.Input(x.shape[1:]), layer, layers.TimeDistributed(layers.BatchNormalization()), layers.TimeDistributed(layers.Flatten()),
                             layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.TimeDistributed(layers.Dense(2))])
    model.compile("adam", "mse")
    target = np.zeros((2, 3, 2), "float32")
    losses = [model.train_on_batch(x, target) for _ in range(20)]
    assert losses[-1] < losses[0]
    assert len(model.recorded_steps()) == 1
    model.save(tmp_path / "m.pydl")
    np.testing.assert_array_equal(pydl.models.load_model(tmp_path / "m.pydl").predict(x), model.predict(x))


@needs_shared
@pytest.mark.parametrize("name", sorted(n for n in KERAS if n.startswith("wrappers.")))
def test_keras_wrapper(name):
    case = KERAS[name]
    spec = case["layer"][0]
    layer = getattr(layers, spec["class"])(RNN[spec["args"][0]](), **spec["kwargs"])
    x = array_of(case["input"])[None]
    layer(x)
    layer.set_weights([array_of(w) for w in case["weights"]])
    np.testing.assert_allclose(layer(x).numpy()[0], array_of(case["expected"]), rtol=2e-5, atol=3e-6)
