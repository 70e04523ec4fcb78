"""Weights that nobody is training are packed once, and again as soon as they change, whoever changes them."""
import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.backends import cpu as B

X = np.random.default_rng(0).standard_normal((3, 12, 12, 3)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 4, 3)


def network(**options):
    return pydl.Sequential([layers.Input((12, 12, 3)), layers.Conv2D(16, 3, padding="same", activation="relu", **options),
                            layers.Conv2D(24, 3, padding="same"), layers.BatchNormalization(), layers.Activation("relu"), layers.Conv2D(8, 1),
                            layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax")])


def ready(model):
    """The model, with its weights in use: predicted with, replayed."""
    for _ in range(3):
        model.predict(X)
    return model


def check(model):
    """What it predicts now is what a new model of these weights predicts, replayed and eagerly."""
    new = network()
    new.set_weights(model.get_weights())
    expected = new.predict(X)
    assert np.array_equal(model.predict(X), expected)
    with pydl.no_grad():
        assert np.array_equal(model(X).numpy(), expected)
    assert np.array_equal(model.predict(X), expected)
    return expected


def by_fit(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=4, verbose=0)


def by_averages(model):
    model.compile(pydl.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2), "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=3, verbose=0)


def by_hand(model):
    kernel = model.layers[0].kernel
    optimizer = pydl.optimizers.SGD(0.5)
    optimizer.build(model.trainable_weights)
    optimizer.apply([(np.full(kernel.shape, 0.1, np.float32), kernel)])


def by_replayed_training(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(5):
        model.train_on_batch(X, Y)
        check(model)


def by_loading(model, tmp_path):
    other = network()
    other.save_weights(tmp_path / "weights.pydl")
    model.load_weights(tmp_path / "weights.pydl")


CHANGES = {
    "assign": lambda model, _: model.layers[1].kernel.assign(model.layers[1].kernel.numpy() * 2),
    "bias": lambda model, _: model.layers[0].bias.assign(np.ones(16, np.float32)),
    "set_weights": lambda model, _: model.set_weights([w + 0.1 for w in model.get_weights()]),
    "load_weights": by_loading,
    "fit": lambda model, _: by_fit(model),
    "running means of weights": lambda model, _: by_averages(model),
    "optimizer": lambda model, _: by_hand(model),
    "train_on_batch": lambda model, _: by_replayed_training(model),
    "a view": lambda model, _: np.copyto(model.layers[0].kernel.numpy(), 0.25),
    "moving mean": lambda model, _: model.layers[2].moving_mean.assign(np.full(24, 0.3, np.float32)),
    "moving variance by training": lambda model, _: model(X, training=True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_prepared_weights_follow_a_change(change, tmp_path):
    model = ready(network())
    before = check(model)
    CHANGES[change](model, tmp_path)
    assert not np.array_equal(check(model), before)
    model.set_weights(model.get_weights())
    check(model)


@pytest.mark.parametrize("constraint", ["max_norm", "non_neg"])
def test_prepared_weights_follow_a_constraint(constraint):
    model = ready(network(kernel_constraint=constraint))
    by_fit(model)
    check(model)


def test_prepared_weights_follow_a_view_that_stays():
    model = ready(network())
    view = model.layers[1].kernel.numpy()
    for factor in (2, 0.5, 3):
        view *= factor
        check(model)
    del view
    check(model)


def test_prepared_weights_follow_a_slot_that_is_no_parameter():
    """The weights are an argument of a function here: other ones at each call."""
    apply = pydl.function(lambda x, w: layers.conv.conv2d(x, w))
    rng = np.random.default_rng(2)
    for _ in range(5):
        w = rng.standard_normal((3, 3, 3, 16)).astype(np.float32)
        assert np.array_equal(apply(X, w).numpy(), layers.conv.conv2d(X, w).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("c", [1, 3, 16, 33])
@pytest.mark.parametrize("winograd", [0, 2, 4])                 # 1 chooses, for prepared weights and for others
def test_prepared_weights_give_the_bits_of_others(c, dtype, winograd):
    rng = np.random.default_rng(c)
    x = B.from_numpy(rng.standard_normal((2, 9, 10, c)).astype(dtype))
    weight, bias = B.weight((3, 3, c, 19), dtype), B.weight((19,), dtype)
    B.assign(weight, rng.standard_normal((3, 3, c, 19)))
    B.assign(bias, rng.standard_normal(19))
    geometry = ((1, 1), (1, 1), (1, 1), 1, True, winograd)
    y, kept = B.empty((2, 9, 10, 19), dtype), B.empty((2, 9, 10, 19), dtype)
    B.conv2d_forward(x, weight, bias, *geometry, y)
    B.conv2d_forward(x, weight, bias, *geometry, kept, True)
    assert np.array_equal(np.asarray(y), np.asarray(kept))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 9, 200])
@pytest.mark.parametrize("size", [(3, 1), (40, 5), (300, 4), (300, 70), (512, 300), (1600, 170)])
def test_a_dense_weight_packed_once_gives_the_bits_of_itself(size, n, dtype):
    rng = np.random.default_rng(n)
    x, weight, bias = B.from_numpy(rng.standard_normal((n, size[0])).astype(dtype)), B.weight(size, dtype), B.from_numpy(np.arange(size[1], dtype=dtype))
    y, kept = B.empty((n, size[1]), dtype), B.empty((n, size[1]), dtype)
    for _ in range(2):
        B.assign(weight, rng.standard_normal(size))
        for keep, result in ((False, y), (True, kept)):
            B.dense_forward(x, weight, bias, True, result, keep)
        assert np.array_equal(np.asarray(y), np.asarray(kept))


def test_weights_of_no_parameter_are_not_kept():
    x, w, y = B.zeros((1, 4, 4, 2)), B.zeros((3, 3, 2, 2)), B.empty((1, 2, 2, 2))
    with pytest.raises(ValueError, match="Parameter"):
        B.conv2d_forward(x, w, None, (1, 1), (1, 1), (0, 0), 1, False, True, y, True)
    with pytest.raises(ValueError, match="kept"):
        B.conv2d_forward(x, w, None, (1, 1), (1, 1), (0, 0), 1, False, True, y, False, (None, None, w, w, 1e-3))
    with pytest.raises(ValueError, match="Parameter"):
        B.dense_forward(B.zeros((2, 3)), B.zeros((3, 4)), None, False, B.empty((2, 4)), True)


SEQUENCE = np.random.default_rng(3).standard_normal((9, 5, 7)).astype(np.float32)
RECURRENT = {
    "SimpleRNN": lambda: layers.SimpleRNN(40, return_sequences=True),
    "GRU": lambda: layers.GRU(40, return_sequences=True),
    "GRU, reset before": lambda: layers.GRU(40, return_sequences=True, reset_after=False),
    "SimplifiedGRU": lambda: layers.SimplifiedGRU(40, return_sequences=True, go_backwards=True),
    "LSTM": lambda: layers.LSTM(150, return_sequences=True, use_bias=False),
    "LSTM with peepholes": lambda: layers.LSTM(40, return_sequences=True, peephole=True),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_weights_are_packed_once_and_after_a_change(kind):
    """One row and many want different forms; where a gradient is wanted nothing is kept."""
    model = pydl.Sequential([layers.Input((5, 7)), RECURRENT[kind]()])

    def check():
        for n in (1, 9, 1, 9):
            x = SEQUENCE[:n]
            expected = model(x).numpy()
            assert np.array_equal(model.predict(x), expected)
            with pydl.no_grad():
                assert np.array_equal(model(x).numpy(), expected)
        return expected
    before = check()
    for weight in model.layers[0].weights:
        weight.assign(np.random.default_rng(4).standard_normal(weight.shape) / 4)
        after = check()
        assert not np.array_equal(after, before)
        before = after


def test_recurrent_weights_behind_a_table_are_packed_once_and_after_a_change():
    model = pydl.Sequential([layers.Embedding(4, 6), layers.LSTM(40)])
    ids = np.random.default_rng(5).integers(0, 4, (3, 8))
    for _ in range(2):
        expected = model(ids).numpy()
        for _ in range(3):
            assert np.array_equal(model.predict(ids), expected)
        model.layers[1].recurrent_kernel.assign(model.layers[1].recurrent_kernel.numpy() * 2)


def test_recurrent_weights_of_no_parameter_are_not_kept():
    x, w, r, y, h = B.zeros((1, 2, 3)), B.zeros((3, 4)), B.zeros((4, 4)), B.empty((1, 2, 4)), B.empty((1, 4))
    with pytest.raises(ValueError, match="kernel must be a Parameter's"):
        B.recurrent_forward("tanh", False, None, x, w, r, None, None, None, None, None, None, None, None, y, h, None, True)
