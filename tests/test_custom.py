"""Layers and losses written in Python with pydl.ops: differentiated, recorded and replayed like ours."""
import numpy as np

import pydl
from pydl import layers, ops


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
