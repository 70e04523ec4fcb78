"""Gradient checking of whole models: what it names, what it leaves alone, and that planted bugs are seen."""
import random

import numpy as np
import pytest
from test_random_models import drawn_model

import pydl
from pydl import layers, ops
from pydl.autodiff import Op


class Scaled(Op):
    """tanh whose gradient is off by 1 % in one component: the planted bug."""

    def __init__(self, at): self.at = at

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.tanh_forward(x, y)
        self.y = y
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.tanh_backward(dy, self.y, dx)
        np.asarray(dx)[..., self.at] *= 1.01
        return dx


class WrongTanh(layers.Layer):
    def __init__(self, at=2, **kwargs):
        super().__init__(**kwargs)
        self.at = at

    def call(self, x):
        return Scaled(self.at)(x)

    def compute_output_shape(self, shape):
        return shape


def convolutional(*extra):
    return pydl.Sequential([layers.Input((6, 6, 2)), layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2"), layers.BatchNormalization(),
                            layers.MaxPooling2D(), layers.Dropout(0.3), layers.Flatten(), *extra, layers.Dense(4, activation="softmax")])


def data(n=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 6, 6, 2)).astype(np.float32), rng.integers(0, 4, n)


def states(model):
    return [np.array(p.numpy()) for p in model.weights] + [np.array(a) for _, a in model.named_states()] + model.optimizer.get_state() + model.objective.kept()


def test_a_float32_model_passes_on_the_loss_it_is_compiled_with_and_stays_as_it_was():
    model, (x, y) = convolutional(), data()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=5, epochs=4, verbose=0)
    before, seeds = states(model), (pydl.random._State.seed, pydl.random._State.handed_out)
    report = pydl.gradcheck(model, x, y=y)
    assert report, f"\n{report}"
    assert [r["name"].split("/")[1] for r in report.rows] == ["kernel", "bias", "gamma", "beta", "kernel", "bias"]
    assert report.overall <= report.tolerance and "all as one vector" in str(report)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, states(model)))
    assert seeds == (pydl.random._State.seed, pydl.random._State.handed_out)


def test_training_after_a_check_is_training_without_it():
    def trained(check):
        pydl.utils.set_random_seed(3)
        model, (x, y) = convolutional(), data(12)
        model.compile("adam", "sparse_categorical_crossentropy")
        for _ in range(2):
            model.fit(x, y, batch_size=4, epochs=2, verbose=0)
            if check:
                pydl.gradcheck(model, x, y=y, components=3)
        return model.get_weights() + [pydl.random.uniform((2,)).numpy()]
    assert all(a.tobytes() == b.tobytes() for a, b in zip(trained(False), trained(True)))


def test_a_planted_bug_is_named_with_its_place_and_values():
    x, y = data()
    model = convolutional(layers.Dense(5), WrongTanh(at=2))
    model.compile("sgd", "sparse_categorical_crossentropy")
    report = pydl.gradcheck(model, x, y=y)
    failing = [r for r in report.rows if r["error"] > report.tolerance]
    hidden = model.layers[-3].name
    assert not report and {r["name"] for r in failing} >= {f"{hidden}/kernel", f"{hidden}/bias"}
    row = next(r for r in failing if r["name"] == f"{hidden}/bias")
    assert row["where"] == (2,) and row["analytic"] == pytest.approx(1.01 * row["numeric"], rel=1e-4)
    assert all(r["error"] <= report.tolerance for r in report.rows if model.layers[-1].name in r["name"])
    assert report.worst in failing and f"FAIL {hidden}/bias" in str(report) and "(2,)" in str(report)
    with pytest.raises(ValueError, match=f"{hidden}/bias"):
        pydl.gradcheck(model, x, y=y, raises=True)


def test_dropout_keeps_its_masks_in_training():
    model = pydl.Sequential([layers.Input((8,)), layers.Dense(16, activation="tanh"), layers.Dropout(0.5), layers.GaussianNoise(0.1), layers.Dense(3)])
    x = np.random.default_rng(1).standard_normal((4, 8))
    stream = [np.array(a) for _, a in model.named_states()]
    assert pydl.gradcheck(model, x, training=True)
    assert all(np.array_equal(a, b) for a, (_, b) in zip(stream, model.named_states()))


def test_components_on_a_kink_are_left_out_and_counted():
    """Zero biases on blank inputs put relu exactly on its kink, where backward says 0 and differences say half."""
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(2)])
    model.compile("sgd", "mse")
    report = pydl.gradcheck(model, np.zeros((2, 3)), y=np.ones((2, 2)))
    hidden = next(r for r in report.rows if r["name"].endswith("/bias"))
    assert report and hidden["kinks"] == 4 and hidden["checked"] == 0 and "4 at a kink left out" in str(report)


def test_a_kink_nearby_is_told_from_a_bug():
    near = np.array([4e-7, -3e-7, 0.5])
    report = pydl.gradcheck(lambda t: ops.relu(t), [near])
    assert report and report.rows[0]["kinks"] == 0


def test_noise_is_no_kink():
    count = iter(range(10 ** 6))
    assert not pydl.gradcheck(lambda t: t * float(1 + 1e-3 * (next(count) % 7)), [np.ones(3)])


def test_several_inputs_outputs_and_penalties():
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    h = layers.Dense(4, activation="tanh", activity_regularizer="l2")(layers.Concatenate()([a, b]))
    model = pydl.Model([a, b], [layers.Dense(2, name="left")(h), layers.Dense(1, name="right", kernel_regularizer="l1")(h)])
    rng = np.random.default_rng(2)
    xs = [rng.standard_normal((4, 3)), rng.standard_normal((4, 2))]
    assert [r["name"] for r in pydl.gradcheck(model, xs).rows][:2] == ["input 0", "input 1"]
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.3])
    assert pydl.gradcheck(model, xs, y=[rng.standard_normal((4, 2)), rng.standard_normal((4, 1))])


def test_frozen_layers_are_not_checked():
    model, (x, y) = convolutional(), data()
    model.layers[0].trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert [r["name"].split("/")[0] for r in pydl.gradcheck(model, x, y=y, components=2).rows] == \
        [layer.name for layer in model.layers if layer.name.startswith(("batch", "dense")) for _ in range(2)]


@pytest.mark.parametrize("seed", [0, 3, 7, 11, 98, 101, 106])
def test_networks_drawn_at_random_pass(seed):
    """The last three have gradients so small that the last bits of the loss are all that differences show."""
    r, rng = random.Random(-1 - seed), np.random.default_rng(seed)
    shape = r.choice([(7,), (6, 5, 2), (9, 9, 1), (8, 8, 3), (5, 4)])
    x, y = rng.standard_normal((6, *shape)).astype("float32"), rng.integers(0, 3, 6)
    model = drawn_model(seed, shape)
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=3, epochs=2, verbose=0)
    before = states(model)
    report = pydl.gradcheck(model, x, y=y, components=8)
    assert report, f"\n{report}"
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, states(model)))


class Own(pydl.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first, self.last = layers.Dense(units, activation="tanh"), layers.Dense(1)

    def call(self, x):
        return self.last(self.first(x))


class Uncopied(Own):
    def get_config(self):
        raise TypeError("no config")


def test_models_of_ones_own():
    x, y = np.random.default_rng(0).standard_normal((4, 2)), np.zeros((4, 1))
    model = Own()
    model.compile("sgd", "mse")
    assert pydl.gradcheck(model, x, y=y) and pydl.gradcheck(model, x)
    other = Uncopied()
    other.compile("sgd", "mse")
    with pytest.raises(TypeError, match="cannot be copied in float64 .*no config.*set_floatx"):
        pydl.gradcheck(other, x, y=y)
    pydl.config.set_floatx("float64")
    try:
        other = Uncopied()
        other.compile("sgd", "mse", metrics=["mae"])
        other.test_on_batch(x, y)
        before = states(other)
        assert pydl.gradcheck(other, x, y=y)                    # in place: it is float64 itself
        assert all(a.tobytes() == b.tobytes() for a, b in zip(before, states(other)))
    finally:
        pydl.config.set_floatx("float32")


@pytest.mark.parametrize(("arguments", "error", "said"), [
    (dict(y=np.zeros(3)), TypeError, "y needs a compiled model"), (dict(training=1), TypeError, "training must be True or False"),
    (dict(seed=-1), ValueError, "seed"), (dict(components=0), ValueError, "components"), (dict(tolerance=float("nan")), ValueError, "tolerance")])
def test_bad_arguments_are_named(arguments, error, said):
    with pytest.raises(error, match=said):
        pydl.gradcheck(pydl.Sequential([layers.Input((2,)), layers.Dense(1)]), np.ones((3, 2)), **arguments)
