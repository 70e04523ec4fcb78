"""Activations beyond the contract: extremes, names, and what Keras computed."""
import numpy as np
import pytest

from pydl import activations, layers, ops, registry
from pydl.autodiff import grad


def test_nothing_overflows():
    x = np.array([-1e30, -1000, -100, -1, 0, 1, 100, 1000, 1e30], np.float32)
    for f in activations.BY_NAME.values():
        if f.__name__ not in ("exponential", "glu", "threshold", "squareplus"):
            assert np.all(np.isfinite(f(x).numpy())), f.__name__
            assert np.all(np.isfinite(grad(lambda t, f=f: ops.sum(f(t)))(x).numpy())), f.__name__
    assert np.all(np.isfinite(grad(lambda t: ops.sum(ops.gelu(t, approximate=True)))(x).numpy()))
    np.testing.assert_array_equal(ops.softmax([1e4, -1e4, 1e4]).numpy(), [0.5, 0, 0.5])
    np.testing.assert_allclose(ops.log_softmax([0.0, -1e4]).numpy(), [0, -1e4])
    np.testing.assert_allclose(ops.sigmoid([-87.0]).numpy(), np.float32(np.exp(-87.0)), rtol=1e-6)         # almost the smallest normal number
    np.testing.assert_array_equal(ops.sigmoid([-100.0]).numpy(), 0)                                        # what is smaller is 0


def test_softmax_rows_sum_to_one():
    x = np.random.default_rng(0).standard_normal((40, 1000)) * 30
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-14)):
        y = ops.softmax(x.astype(dtype)).numpy()
        assert np.abs(y.sum(-1, dtype=np.float64) - 1).max() < tolerance
        assert np.all(y >= 0)
    y = ops.softmax(x.reshape(40, 10, 100), axis=1).numpy()
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-5)


def test_softmax_does_not_see_a_shift():
    x = np.random.default_rng(0).integers(-8, 8, (5, 9)).astype(np.float32)       # exactly shiftable
    np.testing.assert_array_equal(ops.softmax(x + 64).numpy(), ops.softmax(x).numpy())


def test_get_serialize_deserialize():
    for name, f in activations.BY_NAME.items():
        assert activations.get(name) is f
        assert activations.get(f) is f
        assert activations.deserialize(activations.serialize(f)) is f
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        activations.get("rleu")
    with pytest.raises(TypeError, match="activation"):
        activations.get(3)
    with pytest.raises(ValueError, match="lambda"):
        activations.serialize(lambda x: x)


def test_an_activation_of_the_users_own():
    @registry.register_serializable("ActivationTest")
    def doubled(x):
        return x * 2
    layer = layers.Activation(doubled)
    config = layer.get_config()
    assert config["activation"] == "ActivationTest>doubled"
    again = layers.Activation.from_config(config)
    np.testing.assert_array_equal(again(np.ones((1, 2), np.float32)).numpy(), [[2, 2]])


@pytest.mark.parametrize("call", [
    lambda: layers.ReLU(max_value=-1), lambda: layers.ReLU(negative_slope=-0.1), lambda: layers.LeakyReLU(float("nan")), lambda: layers.ELU(alpha=-1),
    lambda: layers.Softmax(axis=0), lambda: layers.Softmax(axis=3)(np.ones((2, 3))), lambda: layers.PReLU(shared_axes=[5])(np.ones((2, 3))),
    lambda: layers.Activation("sofmax"), lambda: ops.glu(np.ones((2, 3))), lambda: ops.celu([1.0], alpha=0), lambda: ops.softmax(1.0),
])
def test_bad_settings(call):
    with pytest.raises(ValueError, match=r"\w+.*: "):
        call()
