"""The dense layer: its laws, Keras's conventions, and what wrong arguments are told."""
import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.errors import DTypeError, ShapeError
from pydl.gradcheck import gradcheck
from pydl.layers.dense import dense
from pydl.tensor import Tensor

rng = np.random.default_rng(5)


def normal(*shape, dtype="float64"):
    return rng.standard_normal(shape).astype(dtype)


def test_linear_in_x_and_in_the_weights():
    x, y, w, v, b = normal(4, 6), normal(4, 6), normal(6, 3), normal(6, 3), normal(3)
    np.testing.assert_allclose(dense(x + y, w, b).numpy(), dense(x, w, b).numpy() + dense(y, w).numpy(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dense(x, w + v).numpy(), dense(x, w).numpy() + dense(x, v).numpy(), rtol=1e-12, atol=1e-13)


def test_fused_relu_is_relu_after():
    x, w, b = normal(9, 6), normal(6, 33), normal(33)
    tensors = [Tensor(v, needs_gradient=True) for v in (x, w, b)]
    fused, apart = dense(*tensors, activation="relu"), ops.relu(dense(*tensors))
    assert np.array_equal(fused.numpy(), apart.numpy())
    seed = Tensor(normal(9, 33)).array
    for a, c in zip(backward(fused, tensors, seed=seed), backward(apart, tensors, seed=seed), strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(c))


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (2, 1, 3, 4), (0, 4), (2, 0, 4), (4,)])
def test_every_axis_but_the_last_is_batch(shape):
    x, w, b = normal(*shape), normal(4, 6), normal(6)
    y = dense(x, w, b)
    assert y.shape == (*shape[:-1], 6)
    np.testing.assert_allclose(y.numpy(), x @ w + b, rtol=1e-12, atol=1e-13)


def test_only_wanted_gradients_are_computed():
    x, w, b = normal(5, 4), normal(4, 6), normal(6)
    seed = Tensor(normal(5, 6)).array
    want = None
    for wanted in [(0, 1, 2), (0,), (1,), (2,), (1, 2), (0, 2)]:
        tensors = [Tensor(v, needs_gradient=i in wanted) for i, v in enumerate((x, w, b))]
        got = backward(dense(*tensors, activation="relu"), [tensors[i] for i in wanted], seed=seed)
        want = want or [np.array(g) for g in got]
        for i, g in zip(wanted, got, strict=True):
            assert np.array_equal(np.asarray(g), want[i])


def test_gradient_by_differences():
    for activation in (None, "relu", "tanh", "softmax"):
        report = gradcheck(lambda x, w, b, activation=activation: dense(x, w, b, activation), [normal(3, 5), normal(5, 4), normal(4)])
        assert report, f"{activation}\n{report}"


def test_the_bias_gradient_is_summed_in_float64():
    """10^5 rows of 0.1 in float32: a running float32 sum would be off in the fourth digit."""
    dy = B.from_numpy(np.full((100_000, 3), 0.1, np.float32))
    x, dbias = B.from_numpy(np.ones((100_000, 2), np.float32)), B.empty((3,), "float32")
    B.dense_backward_weight(x, dy, None, dbias)
    np.testing.assert_allclose(np.asarray(dbias), np.float64(np.float32(0.1)) * 100_000, rtol=1e-7)


def test_weights_are_named_and_ordered_as_in_keras():
    layer = layers.Dense(3, name="out")
    layer(np.ones((2, 5)))
    assert [p.name for p in layer.weights] == ["kernel", "bias"]
    assert [p.shape for p in layer.weights] == [(5, 3), (3,)]
    limit = np.sqrt(6 / (5 + 3))
    kernel, bias = layer.get_weights()
    assert np.all(np.abs(kernel) <= limit)
    assert np.all(bias == 0)


def test_options_reach_the_parameters():
    layer = layers.Dense(3, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="non_neg", bias_initializer="ones", activity_regularizer="l2")
    layer.ensure_built((None, 4))
    kernel, bias = layer.weights
    assert kernel.regularizer is not None
    assert bias.regularizer is not None
    assert kernel.constraint is not None
    assert np.all(bias.numpy() == 1)
    assert layers.Dense.from_config(layer.get_config()).get_config() == layer.get_config()
    assert [p.name for p in _built(layers.Dense(3, use_bias=False)).weights] == ["kernel"]


def _built(layer):
    layer.ensure_built((None, 4))
    return layer


def test_wrong_arguments_are_named():
    for units in (0, -1, 2.5, "3", None, True):
        with pytest.raises((ValueError, TypeError), match="units"):
            layers.Dense(units)
    with pytest.raises(ValueError, match="relu"):
        layers.Dense(3, activation="rleu")
    with pytest.raises((ValueError, TypeError), match="use_bias"):
        layers.Dense(3, use_bias="yes")
    layer = _built(layers.Dense(3, name="out"))
    with pytest.raises(ShapeError, match=r"Dense 'out': built for inputs \(N, 4\)|Dense 'out': built for inputs \(\.\.\., 4\)|Dense 'out'.*4"):
        layer(np.ones((2, 5)))
    with pytest.raises(ShapeError, match="Flatten"):
        layer(np.ones((2, 2, 2)))
    with pytest.raises(ShapeError, match="Dense"):
        layer(np.ones(4))
    with pytest.raises(ShapeError, match="weight"):
        dense(np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(ShapeError, match="bias"):
        dense(np.ones((2, 3)), np.ones((3, 5)), np.ones(4))
    with pytest.raises(DTypeError, match="float64"):
        dense(np.ones((2, 3), np.float32), np.ones((3, 5)))


def test_boundary_refuses_what_does_not_fit():
    x, w, b, y = (B.from_numpy(normal(*s, dtype="float32")) for s in ((2, 3), (3, 4), (4,), (2, 4)))
    for bad in (lambda: B.dense_forward(x, x, b, False, y), lambda: B.dense_forward(x, w, x, False, y), lambda: B.dense_forward(x, w, b, False, x),
                lambda: B.dense_forward(b, w, b, False, y), lambda: B.dense_backward_weight(x, w, None, None), lambda: B.dense_backward_weight(x, y, x, None),
                lambda: B.dense_backward_weight(x, y, None, x), lambda: B.dense_backward_input(x, w, x), lambda: B.dense_backward_input(y, w, y)):
        with pytest.raises(ValueError, match="dense"):
            bad()
    with pytest.raises(TypeError, match="float32"):
        B.dense_forward(x, B.from_numpy(normal(3, 4)), b, False, y)


def test_learns_a_linear_map():
    x, w = normal(64, 6), normal(6, 2)
    layer = layers.Dense(2, dtype="float64")
    layer(x)
    for _ in range(400):
        _, grads = pydl.value_and_grad(lambda: ops.mean(ops.square(layer(x) - x @ w)), layer.trainable_weights)()
        for p, g in zip(layer.trainable_weights, grads, strict=True):
            p.assign(p.numpy() - 0.3 * g.numpy())
    np.testing.assert_allclose(layer.get_weights()[0], w, atol=1e-3)
