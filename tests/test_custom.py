"""Layers and losses written in Python with pydl.ops: differentiated, recorded and replayed like ours.  Optimizers in Python: eager."""
import warnings

import numpy as np
import pytest

import pydl
from pydl import layers, ops, optimizers
from pydl.tensor import Parameter, Tensor


class RootMeanSquareNorm(layers.Layer):
    """Slices, reductions, broadcasting and a parameter: y = x / rms(x) * scale, the first half doubled."""

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, x):
        y = x * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + 1e-6) * self.scale
        half = y.shape[-1] // 2
        return ops.concatenate([2 * y[:, :half], y[:, half:]], axis=-1)


def huber(y_true, y_pred):
    error = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(error < 1, 0.5 * error ** 2, error - 0.5), axis=-1)


def trained(run_eagerly):
    pydl.random.set_random_seed(1)
    model = pydl.Sequential([layers.Input((6,)), layers.Dense(8, activation="tanh"), RootMeanSquareNorm(), layers.Dense(2)])
    model.compile(optimizer=pydl.optimizers.Adam(0.02), loss=huber, run_eagerly=run_eagerly)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 6)).astype("float32")
    y = np.stack([x[:, 0] * x[:, 1], np.abs(x[:, 2])], axis=1)
    losses = [model.train_on_batch(x, y) for _ in range(60)]
    return model, losses


def test_custom_layer_and_loss_learn_and_are_replayed_bit_for_bit():
    eager, eager_losses = trained(True)
    replayed, losses = trained(False)
    assert len(replayed.recorded_steps()) == 1, "the step was not replayed"
    assert losses == eager_losses
    assert losses[-1] < 0.5 * losses[0]
    for a, b in zip(eager.get_weights(), replayed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_their_gradients_agree_with_differences():
    layer = RootMeanSquareNorm(dtype="float64")
    rng = np.random.default_rng(0)
    report = pydl.gradcheck(layer, [rng.standard_normal((5, 6))])
    assert report, report
    target = rng.standard_normal((5, 2)) * 3
    report = pydl.gradcheck(lambda p: huber(target, p), [rng.standard_normal((5, 2))])
    assert report, report


class ByHand(optimizers.Optimizer):
    """Gradient descent as somebody would write it for Keras."""

    def apply(self, grads, trainable_variables=None):
        for g, p in grads:
            self.assign_sub(p, self.learning_rate * np.asarray(g))


def test_an_optimizer_written_with_assign_trains_like_ours():
    chance = np.random.default_rng(0)
    x, y = chance.normal(size=(40, 3)).astype("float32"), chance.normal(size=(40, 1)).astype("float32")

    def trained(optimizer):
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
        model.compile(optimizer, "mse")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                      # that its steps are not replayed
            history = model.fit(x, y, batch_size=10, epochs=4, verbose=0).history["loss"]
        return history, model.get_weights()
    (mine, weights), (ours, expected) = trained(ByHand(0.1)), trained(optimizers.SGD(0.1))
    np.testing.assert_allclose(mine, ours, rtol=1e-5)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_assign_add_and_subtract():
    w, sgd = Parameter(np.ones((2, 3)), name="w"), optimizers.SGD()
    sgd.assign(w, np.arange(6).reshape(2, 3))
    sgd.assign_add(w, Tensor(np.ones((2, 3))))
    assert w.numpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    sgd.assign_sub(w, 1)
    assert w.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    sgd.assign(w, 2.5)
    assert (w.numpy() == 2.5).all()
    for call in (sgd.assign, sgd.assign_add, sgd.assign_sub):
        with pytest.raises(ValueError, match=rf"SGD: {call.__name__}: 'w' has shape \(2, 3\), value \(3,\)"):
            call(w, [1.0, 2.0, 3.0])
        with pytest.raises(TypeError, match=f"SGD: {call.__name__}: variable must be a Parameter"):
            call(np.ones((2, 3)), 1.0)
    assert (w.numpy() == 2.5).all()
