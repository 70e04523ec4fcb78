"""Dropout and noise beyond the lines of cases.py: rates, streams, resuming, the published case, arguments."""
import numpy as np
import pytest
from course import agrees, drawn, published

import pydl
from pydl import Tensor, layers, ops
from pydl.backends import cpu as B
from pydl.layers.dropout import dropout

ALL = [lambda **k: layers.Dropout(0.4, **k), lambda **k: layers.SpatialDropout1D(0.4, **k), lambda **k: layers.GaussianNoise(0.4, **k),
       lambda **k: layers.GaussianDropout(0.4, **k), lambda **k: layers.AlphaDropout(0.4, **k)]
every_layer = pytest.mark.parametrize("made", ALL, ids=["Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"])
X = np.random.default_rng(0).standard_normal((8, 5, 6)).astype(np.float32)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.5, 0.9, 0.999])
def test_the_rate_is_kept_and_so_is_the_mean(rate):
    n = 400_000
    y = layers.Dropout(rate, seed=3)(np.ones(n, np.float32), training=True).numpy()
    dropped = np.count_nonzero(y == 0)
    assert abs(dropped - rate * n) < 5 * np.sqrt(n * rate * (1 - rate)) + 1
    assert np.all((y == 0) | (y == np.float32(1 / (1 - rate))))
    assert abs(y.mean() - 1) < 5 * np.sqrt(rate / (1 - rate) / n) + 1e-5


@every_layer
def test_nothing_happens_outside_training(made):
    layer = made()
    assert np.array_equal(layer(X).numpy(), X)
    assert np.array_equal(layer(X, training=False).numpy(), X)


@every_layer
def test_each_use_draws_anew_and_a_seed_repeats(made):
    a, b = made(seed=7), made(seed=7)
    first, second = a(X, training=True).numpy(), a(X, training=True).numpy()
    assert not np.array_equal(first, second)
    assert np.array_equal(b(X, training=True).numpy(), first) and np.array_equal(b(X, training=True).numpy(), second)
    assert not np.array_equal(made(seed=8)(X, training=True).numpy(), first)
    assert not np.array_equal(made()(X, training=True).numpy(), made()(X, training=True).numpy())


@every_layer
def test_the_global_seed_repeats(made):
    found = []
    for _ in range(2):
        pydl.random.set_random_seed(9)
        found.append(made()(X, training=True).numpy())
    assert np.array_equal(*found)


@every_layer
def test_threads_do_not_enter(made):
    x, found = np.ones((100, 50, 30), np.float32), []
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            found.append(made(seed=1)(x, training=True).numpy().tobytes())
    finally:
        pydl.set_num_threads(2)
    assert len(set(found)) == 1


def test_the_gradient_passes_where_the_value_passed():
    layer = layers.Dropout(0.5, seed=2)
    value, dx = pydl.value_and_grad(lambda t: ops.sum(layer(t, training=True)))(Tensor(np.ones((50, 50))))
    y = layers.Dropout(0.5, seed=2)(np.ones((50, 50), np.float32), training=True).numpy()
    assert np.array_equal(dx.numpy(), y)


def test_a_layer_used_twice_remembers_both_masks():
    layer = layers.Dropout(0.5, seed=2)
    dx = pydl.grad(lambda t: ops.sum(layer(layer(t, training=True), training=True)))(Tensor(np.ones((50, 50)))).numpy()
    again = layers.Dropout(0.5, seed=2)
    assert np.array_equal(dx, again(again(np.ones((50, 50), np.float32), training=True), training=True).numpy())
    assert set(np.unique(dx)) == {0, 4} and 0.2 < (dx > 0).mean() < 0.3


@pytest.mark.parametrize("shape, axes", [((None, 1, None), 1), ((None, 5, 1), 2), ((1, None, None), 0), ((8, 1, 1), (1, 2))])
def test_noise_shape_drops_whole_axes_together(shape, axes):
    y = layers.Dropout(0.5, noise_shape=shape, seed=1)(np.ones((8, 5, 6), np.float32), training=True).numpy()
    assert np.array_equal(y.min(axes), y.max(axes)) and 0 < (y == 0).mean() < 1


def test_spatial_dropout_drops_whole_channels():
    x = np.ones((8, 3, 4, 6), np.float32)
    y = layers.SpatialDropout2D(0.5, seed=1)(x, training=True).numpy()
    assert np.array_equal(y.min((1, 2)), y.max((1, 2))) and 0 < (y == 0).mean() < 1
    y = layers.SpatialDropout2D(0.5, data_format="channels_first", seed=1)(x, training=True).numpy()
    assert np.array_equal(y.min((2, 3)), y.max((2, 3)))
    x = np.ones((8, 3, 2, 4, 6), np.float32)
    for data_format, places in (("channels_last", (1, 2, 3)), ("channels_first", (2, 3, 4))):
        y = layers.SpatialDropout3D(0.5, data_format=data_format, seed=1)(x, training=True).numpy()
        assert np.array_equal(y.min(places), y.max(places)) and 0 < (y == 0).mean() < 1


def test_noise_has_its_deviation():
    n = 400_000
    x = np.full(n, 3, np.float32)
    noisy = layers.GaussianNoise(0.5, seed=1)(x, training=True).numpy()
    assert abs(noisy.mean() - 3) < 0.005 and abs(noisy.std() - 0.5) < 0.005
    noisy = layers.GaussianDropout(0.2, seed=1)(x, training=True).numpy()
    assert abs(noisy.mean() - 3) < 0.02 and abs(noisy.std() - 1.5) < 0.02


def test_alpha_dropout_keeps_mean_and_variance_of_normal_numbers():
    x = np.random.default_rng(1).standard_normal(400_000).astype(np.float32)
    y = layers.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.01
    kept = layers.Dropout(0.3, seed=1)(np.ones_like(x), training=True).numpy() > 0
    assert np.unique(y[~kept]).size == 1


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_interrupted_and_resumed_training_is_uninterrupted_training(run_eagerly, tmp_path):
    x, y = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32), np.arange(60) % 3

    def model():
        pydl.random.set_random_seed(5)
        m = pydl.Sequential([layers.Input((6,)), layers.Dense(16, activation="relu"), layers.Dropout(0.5), layers.GaussianNoise(0.1), layers.Dense(3)])
        m.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=run_eagerly)
        return m
    whole = model()
    whole.fit(x, y, batch_size=20, epochs=4, verbose=0)
    half = model()
    half.fit(x, y, batch_size=20, epochs=2, verbose=0)
    half.save(tmp_path / "half.pydl")
    pydl.random.set_random_seed(999)
    resumed = pydl.models.load_model(tmp_path / "half.pydl")
    resumed.fit(x, y, batch_size=20, epochs=2, verbose=0)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_replayed_and_eager_training_see_the_same_masks():
    x, y = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32), np.arange(60) % 3
    found = []
    for run_eagerly in (True, False):
        pydl.random.set_random_seed(5)
        m = pydl.Sequential([layers.Input((6,)), layers.Dense(16, activation="relu"), layers.Dropout(0.5), layers.GaussianDropout(0.2), layers.Dense(3)])
        m.compile(optimizer="sgd", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=run_eagerly)
        m.fit(x, y, batch_size=20, epochs=4, verbose=0)
        found.append(m.get_weights())
    for a, b in zip(*found, strict=True):
        assert np.array_equal(a, b)


def test_a_stream_is_no_weight():
    layer = layers.Dropout(0.5)
    layer(X)
    assert layer.weights == [] and layer.get_weights() == []
    assert [name for name, _ in layer.named_states()] == [f"{layer.name}/stream"]


def test_the_inverted_dropout_of_the_course():
    case = published("c2w1_inverted_dropout_forward")["inputs"]
    p = drawn(case["parameters"])
    a1 = dropout(ops.relu(p["W1"] @ p["X"] + p["b1"]), 1 - 0.7, mask=np.array(case["mask1"]))
    a2 = dropout(ops.relu(Tensor(p["W2"]) @ a1 + p["b2"]), 1 - 0.7, mask=np.array(case["mask2"]))
    agrees(ops.sigmoid(Tensor(p["W3"]) @ a2 + p["b3"]), published("c2w1_inverted_dropout_forward")["expected"]["A3"], 1e-6)


BAD = [
    (lambda: layers.Dropout(1.0), "rate"), (lambda: layers.Dropout(-0.1), "rate"), (lambda: layers.Dropout(float("nan")), "rate"),
    (lambda: layers.Dropout("half"), "rate"),
    (lambda: layers.Dropout(None), "rate"), (lambda: layers.Dropout(0.5, seed=-1), "seed"), (lambda: layers.Dropout(0.5, seed=1.5), "seed"),
    (lambda: layers.Dropout(0.5, noise_shape=3), "noise_shape"), (lambda: layers.Dropout(0.5, noise_shape=(None, 0)), "noise_shape"),
    (lambda: layers.Dropout(0.5, noise_shape=(None, 2))(X, training=True), "noise_shape"),
    (lambda: layers.Dropout(0.5, noise_shape=(3, 1, 1))(X, training=True), "noise_shape"),
    (lambda: layers.SpatialDropout2D(0.5)(X, training=True), "SpatialDropout2D"), (lambda: layers.SpatialDropout1D(1.5), "rate"),
    (lambda: layers.GaussianNoise(-1), "stddev"),
    (lambda: layers.GaussianNoise(float("inf")), "stddev"), (lambda: layers.GaussianDropout(1), "rate"), (lambda: layers.AlphaDropout(2), "rate"),
    (lambda: dropout(X, 1.0), "rate"), (lambda: dropout(X, 0.5, seed=1, mask=X), "mask"), (lambda: dropout(X, 0.5, seed="a"), "seed"),
    (lambda: layers.SpatialDropout2D(0.5, data_format="first"), "data_format"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)


def test_the_boundary_refuses_what_does_not_fit():
    stream, x, y, mask = B.from_numpy(np.array([1, 0], np.uint64)), B.zeros((3,)), B.zeros((3,)), B.zeros((3,), "uint8")
    with pytest.raises(ValueError, match="rate"):
        B.dropout_forward(stream, 1.0, x, y, mask)
    with pytest.raises(ValueError, match="mask"):
        B.dropout_forward(stream, 0.5, x, y, B.zeros((4,), "uint8"))
    with pytest.raises(ValueError, match="sizes differ"):
        B.dropout_backward(0.5, x, mask, B.zeros((4,)))
    with pytest.raises(TypeError, match="noise"):
        B.dropout_noise(stream, 0.5, mask)
