"""Normalization adapted to data, Lambda, and what the new layers refuse."""
import numpy as np
import pytest

import pydl
from pydl import layers, ops

RNG = np.random.default_rng(4)
TRAIN = RNG.standard_normal((100, 3)) * [1.0, 5.0, 0.2] + [3.0, -1.0, 100.0]
TEST = RNG.standard_normal((20, 3)) * [1.0, 5.0, 0.2] + [3.5, -1.0, 101.0]


class Parts(pydl.utils.PyDataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return TRAIN[i * 15:(i + 1) * 15], np.zeros(15)


def test_test_data_is_scaled_by_the_numbers_of_the_training_data():
    layer = layers.Normalization(dtype="float64")
    layer.adapt(TRAIN)
    np.testing.assert_allclose(layer(TRAIN).numpy().mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(layer(TRAIN).numpy().std(0), 1, rtol=1e-12)
    np.testing.assert_allclose(layer(TEST).numpy(), (TEST - TRAIN.mean(0)) / TRAIN.std(0), rtol=1e-12)
    back = layers.Normalization(mean=TRAIN.mean(0), variance=TRAIN.var(0), invert=True, dtype="float64")
    np.testing.assert_allclose(back(layer(TEST)).numpy(), TEST, rtol=1e-12)


@pytest.mark.parametrize("data", [lambda: Parts(), lambda: (TRAIN[i:i + 9] for i in range(0, 100, 9)), lambda: [*TRAIN]], ids=["dataset", "generator", "list"])
def test_measured_in_parts_as_in_one(data):
    whole, parts = layers.Normalization(dtype="float64"), layers.Normalization(dtype="float64")
    whole.adapt(TRAIN)
    parts.adapt(RNG.standard_normal((5, 3)))                # what was measured before is forgotten
    parts.adapt(data())
    for a, b in zip(whole.get_weights(), parts.get_weights()):
        np.testing.assert_allclose(b, a, rtol=1e-12)


def test_axes():
    images = RNG.standard_normal((10, 4, 5, 3)) + [1.0, 2.0, 3.0]
    for axis, others in ((-1, (0, 1, 2)), (None, (0, 1, 2, 3)), ([1, -1], (0, 2))):
        layer = layers.Normalization(axis, dtype="float64")
        layer.adapt(images)
        np.testing.assert_allclose(layer(images).numpy(), (images - images.mean(others, keepdims=True)) / images.std(others, keepdims=True), rtol=1e-11)
    constant = layers.Normalization()
    constant.adapt(np.full((4, 2), 7.0))
    assert np.all(constant(np.full((1, 2), 7.0)).numpy() == 0) and np.all(np.isfinite(constant(np.ones((1, 2))).numpy()))


def test_inside_a_model_saved_and_replayed(tmp_path):
    model = pydl.Sequential([layers.Input((3,)), layers.Normalization(), layers.Dense(1)])
    model.layers[0].adapt(TRAIN)
    model.compile("sgd", "mse")
    before = [w.copy() for w in model.layers[0].get_weights()]
    model.fit(TRAIN, TRAIN[:, 0], epochs=2, verbose=0)
    assert model.recorded_steps() and len(model.trainable_weights) == 2
    model.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    assert np.array_equal(loaded.predict(TEST), model.predict(TEST))
    for layer in (model.layers[0], loaded.layers[0]):
        assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights()))
    moved = model.predict(TEST)
    model.layers[0].adapt(TEST)                             # a replayed step follows
    assert not np.array_equal(model.predict(TEST), moved)


def test_the_product_of_the_others_where_some_are_zero():
    x = np.array([[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0], [1e200, 1e-200, 2.0]])
    got = pydl.grad(lambda t: ops.sum(ops.prod(t, axis=1)))(pydl.Tensor(x, needs_gradient=True)).numpy()
    np.testing.assert_allclose(got, [[12, 8, 6], [12, 0, 0], [0, 0, 0], [2e-200, 2e200, 1]])
    assert ops.prod(np.zeros((2, 0))).item() == 1.0 and ops.prod(np.array([[2, 3]], "int32")).dtype == np.int32


@pydl.saving.register_serializable("scaling_tests")
def doubled(x, by=2.0):
    return ops.multiply(x, by)


def test_lambda(tmp_path):
    model = pydl.Sequential([layers.Input((3,)), layers.Lambda(doubled, arguments={"by": 3.0}), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(TRAIN, TRAIN[:, :2], verbose=0)
    model.save(tmp_path / "m.pydl")
    assert np.array_equal(pydl.models.load_model(tmp_path / "m.pydl").predict(TEST), model.predict(TEST))
    shaped = layers.Lambda(lambda x: ops.sum(x, axis=-1, keepdims=True), output_shape=(1,))
    assert shaped.compute_output_shape((None, 7)) == (None, 1) and shaped(TRAIN).shape == (100, 1)
    with pytest.raises(ValueError, match="a lambda has no name"):
        pydl.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x)]).save(tmp_path / "no.pydl")


def test_penalty_of_activities():
    model = pydl.Sequential([layers.Input((2,)), layers.ActivityRegularization(l1=0.5, l2=0.25)])
    model.compile("sgd", "mse")
    x = np.array([[1.0, -2.0]])
    assert model.evaluate(x, x, verbose=0) == pytest.approx(0.5 * 3 + 0.25 * 5)


def test_merging_functions_are_the_layers():
    a, b = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((2, 4, 3))
    for name in ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"):
        cls = getattr(layers, name.capitalize())
        np.testing.assert_array_equal(getattr(layers, name)([a, b]).numpy(), (cls(-1) if name == "dot" else cls())([a, b]).numpy())
    x, y = layers.Input((3,)), layers.Input((3,))
    assert pydl.Model([x, y], layers.concatenate([x, y], name="both")).get_layer("both").name == "both"


@pytest.mark.parametrize("call, error, words", [
    (lambda: layers.Normalization()(TRAIN), ValueError, "adapt"),
    (lambda: layers.Normalization(mean=1.0), ValueError, "variance"),
    (lambda: layers.Normalization(mean=1.0, variance=-1.0), ValueError, "variance"),
    (lambda: layers.Normalization(mean=[1.0, float("nan")], variance=[1.0, 1.0]), ValueError, "mean"),
    (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])(TRAIN), ValueError, "mean has shape"),
    (lambda: layers.Normalization(axis=0).adapt(TRAIN), ValueError, "axis"),
    (lambda: layers.Normalization(axis=5).adapt(TRAIN), ValueError, "axis"),
    (lambda: layers.Normalization(axis="x"), TypeError, "axis"),
    (lambda: layers.Normalization(invert=1), TypeError, "invert"),
    (lambda: layers.Normalization(mean=0, variance=1).adapt(TRAIN), ValueError, "given"),
    (lambda: layers.Normalization().adapt(TRAIN[:0]), ValueError, "empty"),
    (lambda: layers.Normalization().adapt(iter([])), ValueError, "no batch"),
    (lambda: layers.Normalization().adapt(np.array([[np.nan]])), ValueError, "finite"),
    (lambda: layers.Normalization().adapt(TRAIN, steps=0), ValueError, "steps"),
    (lambda: layers.GroupNormalization(groups=0), ValueError, "groups"),
    (lambda: layers.GroupNormalization(groups=-2), ValueError, "groups"),
    (lambda: layers.GroupNormalization(groups=2)(TRAIN), ValueError, "does not divide the 3 channels"),
    (lambda: layers.GroupNormalization(axis=0)(TRAIN), ValueError, "axis"),
    (lambda: layers.GroupNormalization(epsilon=0), ValueError, "epsilon"),
    (lambda: layers.RMSNormalization(epsilon=-1), ValueError, "epsilon"),
    (lambda: layers.RMSNormalization(axis=9)(TRAIN), ValueError, "axis"),
    (lambda: layers.UnitNormalization(axis=1.5), TypeError, "axis"),
    (lambda: layers.UnitNormalization(axis=4)(TRAIN), ValueError, "axis"),
    (lambda: layers.UpSampling2D(0), ValueError, "size"),
    (lambda: layers.UpSampling2D(interpolation="cubic"), ValueError, "bicubic"),
    (lambda: layers.UpSampling1D(1.5), TypeError, "size"),
    (lambda: layers.Rescaling("x"), TypeError, "scale"),
    (lambda: layers.Rescaling(float("nan")), ValueError, "scale"),
    (lambda: layers.ActivityRegularization(l1=-1), ValueError, "l1"),
    (lambda: layers.Lambda(3), TypeError, "function"),
    (lambda: layers.Lambda(abs, arguments=[1]), TypeError, "arguments"),
    (lambda: layers.Lambda(abs, output_shape=3), TypeError, "output_shape"),
    (lambda: ops.hardmax(np.ones((2, 0))), ValueError, "hardmax|argmax"),
    (lambda: ops.hardmax(TRAIN, axis=3), ValueError, "axis"),
    (lambda: ops.prod(TRAIN, axis=3), ValueError, "axis"),
])
def test_bad_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
