"""Normalisation beyond the lines of cases.py: laws, moving averages, hard data, recorded Keras layers, arguments."""
import gzip
import json

import numpy as np
import pytest
from course import SHARED

import pydl
from pydl import Tensor, layers
from pydl.backends import cpu as B
from pydl.layers.norm import BatchNormInferenceOp, BatchNormOp, batch_normalization

FILE = SHARED / "data" / "keras_layer_cases" / "keras_layer_cases.json.gz"
KERAS = json.loads(gzip.open(FILE).read())["cases"] if FILE.exists() else {}
rng = np.random.default_rng(3)
SHAPES = [(1, 1), (2, 3), (7, 5), (63, 64), (64, 64), (65, 64), (300, 6), (513, 7), (64, 84), (129, 33), (5000, 16), (70, 300), (4200, 3), (5, 130), (3, 1000)]


@pytest.mark.parametrize("rows, c", SHAPES)
def test_each_feature_comes_out_with_mean_0_and_variance_1(rows, c):
    x = (rng.standard_normal((rows, c)) * rng.uniform(0.5, 20, c) + rng.standard_normal(c) * 10).astype(np.float64)
    y = layers.BatchNormalization(epsilon=1e-12, dtype="float64")(x, training=True).numpy()
    assert np.allclose(y.mean(0), 0, atol=1e-11)
    assert np.allclose(y.var(0), 0 if rows == 1 else 1, atol=1e-9)


@pytest.mark.parametrize("rows, c", SHAPES)
def test_a_scaled_and_shifted_feature_normalises_to_the_same(rows, c):
    x = rng.standard_normal((rows, c))
    layer = layers.BatchNormalization(epsilon=1e-14, dtype="float64")
    assert np.allclose(layer(x, training=True).numpy(), layer(x * 3 + 5, training=True).numpy(), atol=1e-9 if rows > 1 else 1e-6)


@pytest.mark.parametrize("offset", [0, 1e2, 1e4])
def test_statistics_survive_a_large_mean(offset):
    x = (rng.standard_normal((10000, 5)) + offset).astype(np.float32)
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True)
    exact = x.astype(np.float64)
    assert np.allclose(layer.moving_mean.numpy(), exact.mean(0), rtol=1e-7, atol=1e-7)
    assert np.allclose(layer.moving_variance.numpy(), exact.var(0), rtol=1e-6)


def test_statistics_survive_an_outlier_in_the_first_row():
    x = rng.standard_normal((4096, 64)).astype(np.float32)
    x[0] = 1000
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True)
    assert np.allclose(layer.moving_variance.numpy(), x.astype(np.float64).var(0), rtol=2e-6)


def test_moving_averages_are_exponential_and_biased_as_in_keras():
    layer = layers.BatchNormalization(momentum=0.9, dtype="float64")
    mean, variance = np.zeros(4), np.ones(4)
    for _ in range(7):
        x = rng.standard_normal((6, 3, 4))
        layer(x, training=True)
        mean = 0.9 * mean + 0.1 * x.mean((0, 1))
        variance = 0.9 * variance + 0.1 * x.var((0, 1))
    assert np.allclose(layer.moving_mean.numpy(), mean) and np.allclose(layer.moving_variance.numpy(), variance)
    x = rng.standard_normal((2, 3, 4))
    assert np.allclose(layer(x).numpy(), (x - mean) / np.sqrt(variance + 1e-3))


def test_inference_and_a_frozen_layer_leave_the_averages_alone():
    layer = layers.BatchNormalization()
    x = rng.standard_normal((8, 4)).astype(np.float32)
    layer(x)
    layer.trainable = False
    y = layer(x, training=True)
    assert np.array_equal(layer.moving_mean.numpy(), np.zeros(4)) and np.array_equal(layer.moving_variance.numpy(), np.ones(4))
    assert np.array_equal(y.numpy(), layer(x, training=False).numpy())
    layer.trainable = True
    layer(x, training=True)
    assert not np.array_equal(layer.moving_mean.numpy(), np.zeros(4))


def test_frozen_inside_a_model_nothing_moves():
    norm = layers.BatchNormalization(trainable=False)
    model = pydl.Sequential([layers.Input((4,)), layers.Dense(4), norm, layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    before = norm.get_weights()
    model.fit(rng.standard_normal((32, 4)), rng.standard_normal((32, 1)), epochs=2, verbose=0)
    for a, b in zip(before, norm.get_weights()):
        assert np.array_equal(a, b)


def test_the_order_of_weights_is_that_of_keras():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    assert [w.name for w in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]
    assert [w.name for w in layers.BatchNormalization(center=False, scale=False).weights] == []


@pytest.mark.parametrize("rows, c", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_the_fused_relu_is_a_relu_after(rows, c, training):
    x, gamma, beta = rng.standard_normal((rows, c)), rng.standard_normal(c) + 0.5, rng.standard_normal(c)
    w = rng.standard_normal((rows, c))
    mean, variance = B.from_numpy(rng.standard_normal(c)), B.from_numpy(rng.uniform(0.5, 2, c))
    kept = [np.array(mean), np.array(variance)]

    def made(relu):
        return BatchNormOp(True, True, 1e-3, 0.9, (mean, variance), relu) if training else BatchNormInferenceOp(True, True, 1e-3, (mean, variance), relu)

    def fused(*t): return pydl.ops.sum(made(True)(*t) * Tensor(w))
    def apart(*t): return pydl.ops.sum(pydl.ops.relu(made(False)(*t)) * Tensor(w))
    found = []
    for f in (fused, apart):
        B.assign(mean, kept[0])
        B.assign(variance, kept[1])
        value, grads = pydl.value_and_grad(f, wrt=(0, 1, 2))(x, gamma, beta)
        found.append([value.numpy(), *(g.numpy() for g in grads)])
    for a, b in zip(*found):
        assert np.allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("c", [16, 130, 192])
@pytest.mark.parametrize("relu", [False, True])
def test_a_result_too_large_for_the_caches_is_that_of_its_parts(c, relu):
    """More than 3 M numbers are stored past the caches where rows of them allow it; two halves are not."""
    rows = (1 << 22) // c // 2 + 77
    x, dy = (B.from_numpy(rng.standard_normal((2 * rows, c), dtype=np.float32)) for _ in range(2))
    gamma, beta, mean, variance = (B.from_numpy(rng.uniform(0.5, 2, c).astype(np.float32)) for _ in range(4))
    y, dx, rstd = B.empty((2 * rows, c)), B.empty((2 * rows, c)), B.empty((c,))
    B.batch_norm_inference_forward(x, gamma, beta, mean, variance, 1e-3, relu, y)
    B.batch_norm_inference_backward(dy, x, gamma, beta, mean, variance, 1e-3, relu, dx, None, None)
    for half in (slice(rows), slice(rows, None)):
        part, part_dy = B.from_numpy(np.asarray(x)[half]), B.from_numpy(np.asarray(dy)[half])
        part_y, part_dx = B.empty((rows, c)), B.empty((rows, c))
        B.batch_norm_inference_forward(part, gamma, beta, mean, variance, 1e-3, relu, part_y)
        B.batch_norm_inference_backward(part_dy, part, gamma, beta, mean, variance, 1e-3, relu, part_dx, None, None)
        assert np.array_equal(np.asarray(y)[half], np.asarray(part_y)) and np.array_equal(np.asarray(dx)[half], np.asarray(part_dx))
    B.batch_norm_forward(x, gamma, beta, 1e-3, 0.9, relu, y, mean, rstd)
    B.batch_norm_backward(dy, x, gamma, beta, mean, rstd, relu, dx, None, None)
    normal = (np.asarray(x) - np.asarray(mean)) * np.asarray(rstd)
    want = normal * np.asarray(gamma) + np.asarray(beta)
    g = np.where(want > 0, dy, 0) if relu else np.asarray(dy)
    assert np.allclose(y, np.maximum(want, 0) if relu else want, atol=1e-5)
    scale = np.asarray(gamma) * np.asarray(rstd)
    flips = np.abs(want) < 1e-5                                               # rounding decides whether these pass the relu
    assert np.allclose(np.where(flips, 0, dx), np.where(flips, 0, scale * (g - g.mean(0) - normal * (g * normal).mean(0))), atol=2e-5)


def test_nan_stays_in_its_feature():
    x = rng.standard_normal((70, 5)).astype(np.float32)
    x[3, 2] = np.nan
    y = layers.BatchNormalization()(x, training=True).numpy()
    assert np.isnan(y[:, 2]).all() and np.isfinite(np.delete(y, 2, 1)).all()


def test_a_batch_without_rows_leaves_the_averages_alone():
    layer = layers.BatchNormalization()
    assert layer(np.zeros((0, 3)), training=True).shape == (0, 3)
    assert np.array_equal(layer.moving_variance.numpy(), np.ones(3))


@pytest.mark.parametrize("c", [1, 5, 16, 513, 3000])
def test_layer_normalisation_of_each_row(c):
    x = rng.standard_normal((9, c)) * 5 + 100
    y = layers.LayerNormalization(epsilon=1e-12, dtype="float64")(x).numpy()
    assert np.allclose(y.mean(1), 0, atol=1e-9) and np.allclose(y.var(1), 0 if c == 1 else 1, atol=1e-6)
    one = layers.LayerNormalization(epsilon=1e-12, dtype="float64")(x[4:5]).numpy()
    assert np.array_equal(one, y[4:5])


def test_weights_set_after_building_by_hand_stay():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    layer.set_weights([np.full(3, 2.0), np.zeros(3), np.zeros(3), np.ones(3)])
    assert np.allclose(layer(np.ones((1, 3))).numpy(), 2, rtol=1e-3)


def test_the_function_is_the_layer_in_inference():
    x = rng.standard_normal((4, 3, 5))
    layer = layers.BatchNormalization(axis=1, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal(3), rng.uniform(1, 2, 3)])
    gamma, beta, mean, variance = layer.get_weights()
    assert np.array_equal(layer(x).numpy(), batch_normalization(x, mean, variance, 1, offset=beta, scale=gamma).numpy())


@pytest.mark.parametrize("name", [n for n in KERAS if n.startswith("normalization.")] or [
    pytest.param("", marks=pytest.mark.skip(f"the recorded Keras cases are not here: no {FILE}"))])
def test_recorded_keras_layers(name):
    case = KERAS[name]
    x = np.array(case["input"]["data"], np.float32).reshape(1, *case["input"]["shape"])
    layer = layers.BatchNormalization(**case["layer"][0]["kwargs"])
    layer(x)
    layer.set_weights([np.array(w["data"], np.float32).reshape(w["shape"]) for w in case["weights"]])
    np.testing.assert_allclose(layer(x).numpy()[0].ravel(), case["expected"]["data"], rtol=2e-5, atol=2e-5)


BAD = [
    (lambda: layers.BatchNormalization(axis=1.5), "axis"), (lambda: layers.BatchNormalization(axis=None), "axis"),
    (lambda: layers.BatchNormalization(momentum=1.5), "momentum"),
    (lambda: layers.BatchNormalization(momentum=float("nan")), "momentum"), (lambda: layers.BatchNormalization(epsilon=0), "epsilon"),
    (lambda: layers.BatchNormalization(epsilon=-1e-3), "epsilon"), (lambda: layers.BatchNormalization(center="yes"), "center"),
    (lambda: layers.BatchNormalization(scale=1), "scale"), (lambda: layers.BatchNormalization(gamma_initializer="oness"), "did you mean 'ones'"),
    (lambda: layers.BatchNormalization(axis=0)(np.zeros((3, 4))), "axis"), (lambda: layers.BatchNormalization(axis=4)(np.zeros((3, 4))), "axis"),
    (lambda: layers.BatchNormalization()(np.zeros(4)), "BatchNormalization"), (lambda: layers.LayerNormalization(axis=()).build((None, 3)), "axis"),
    (lambda: layers.LayerNormalization(axis=[1, 1]).build((None, 3)), "axis"), (lambda: layers.LayerNormalization(axis=0).build((None, 3)), "axis"),
    (lambda: layers.LayerNormalization(axis="last"), "axis"), (lambda: layers.LayerNormalization(epsilon="small"), "epsilon"),
    (lambda: layers.LayerNormalization()(np.zeros((2, 0))), "axis"), (lambda: layers.BatchNormalization(gamma_regularizer="l3"), "l3"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)


def test_an_input_of_other_width_is_refused_by_name():
    layer = layers.BatchNormalization(name="stem")
    layer(np.zeros((2, 3)))
    with pytest.raises(pydl.ShapeError, match="BatchNormalization 'stem': built for inputs .*3.*, got"):
        layer(np.zeros((2, 4)))


def test_the_boundary_refuses_what_does_not_fit():
    x, c, wrong = B.zeros((4, 3)), B.zeros((3,)), B.zeros((4,))
    y = B.zeros((4, 3))
    for arguments in [(x, wrong, c, 1e-3, 0.9, False, y, c, c), (x, c, c, 1e-3, 0.9, False, y, wrong, c), (x, c, c, 1e-3, 0.9, False, B.zeros((4, 4)), c, c),
                      (x, c, c, 1e-3, 0.9, False, y, c, c, c, None), (B.zeros((3,)), c, c, 1e-3, 0.9, False, y, c, c)]:
        with pytest.raises(ValueError, match="batch_norm_forward"):
            B.batch_norm_forward(*arguments)
    with pytest.raises(TypeError):
        B.batch_norm_forward(x, B.zeros((3,), "float64"), c, 1e-3, 0.9, False, y, c, c)
    with pytest.raises(ValueError, match="layer_norm_forward"):
        B.layer_norm_forward(x, None, None, 1e-3, 5, y, B.zeros((2,)), B.zeros((2,)))


# ---- masked steps of sequences

def masked_sequences():
    rng = np.random.default_rng(3)
    x, length = rng.standard_normal((6, 5, 3)), np.array([5, 3, 1, 5, 4, 2])
    kept = np.arange(5) < length[:, None]
    return np.where(kept[..., None], x, 0.0), kept


def test_masked_steps_do_not_count_in_the_statistics():
    """As in Keras: mean and variance are those of the steps that are not masked, all are normalised by them, and the moving averages take them in."""
    x, kept = masked_sequences()
    masking, norm = layers.Masking(dtype="float64"), layers.BatchNormalization(momentum=0.8, dtype="float64")
    norm.build((None, 5, 3))
    norm.set_weights([[1.5, 0.5, 1.0], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0], [0.5, 1.0, 2.0]])
    y = norm(masking(x), training=True)
    rows = x[kept]
    mean, variance = rows.sum(0) / (len(rows) + 1e-7), ((rows - rows.sum(0) / (len(rows) + 1e-7)) ** 2).sum(0) / (len(rows) + 1e-7)
    gamma, beta, moving_mean, moving_variance = norm.get_weights()
    np.testing.assert_allclose(y.numpy(), (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(moving_mean, 0.8 * np.array([1.0, 2.0, 3.0]) + 0.2 * mean, rtol=1e-12)
    np.testing.assert_allclose(moving_variance, 0.8 * np.array([0.5, 1.0, 2.0]) + 0.2 * variance, rtol=1e-12)
    np.testing.assert_array_equal(y.mask.numpy(), kept)
    before = norm.get_weights()
    inference = norm(masking(x), training=False).numpy()
    np.testing.assert_allclose(inference, (x - moving_mean) / np.sqrt(moving_variance + 1e-3) * gamma + beta, rtol=1e-12, atol=1e-14)
    assert all(np.array_equal(a, b) for a, b in zip(before, norm.get_weights()))


def test_masked_normalisation_with_a_sum_and_relu_in_the_same_call():
    x, kept = masked_sequences()
    norm = layers.BatchNormalization(dtype="float64")
    plain = norm(x, training=True, mask=pydl.Tensor(kept)).numpy()
    np.testing.assert_array_equal(norm(x, training=True, mask=pydl.Tensor(kept), relu=True).numpy(), np.maximum(plain, 0))
    np.testing.assert_array_equal(norm(x, training=True, mask=pydl.Tensor(kept), relu=True, skip=pydl.Tensor(x)).numpy(), np.maximum(x + plain, 0))


def test_gradients_and_steps_of_masked_normalisation():
    x, kept = masked_sequences()
    norm, up = layers.BatchNormalization(dtype="float64"), np.random.default_rng(4).standard_normal(x.shape)
    norm.build(x.shape)
    assert pydl.gradcheck(lambda x: norm(x, training=True, mask=pydl.Tensor(kept)) * up, [x], parameters=norm.trainable_weights, raises=True)
    bits = []
    for eagerly in (False, True):
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([layers.Input((5, 3)), layers.Masking(), layers.BatchNormalization(), layers.Activation("relu"), layers.LSTM(4),
                                 layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=eagerly)
        model.fit(x, x[:, 0, :1], batch_size=3, epochs=4, verbose=0)
        assert bool(model.recorded_steps()) is not eagerly
        bits.append([w.tobytes() for w in model.get_weights()])
    assert bits[0] == bits[1]
