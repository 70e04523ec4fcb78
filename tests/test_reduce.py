"""Reductions beyond the contract: exact sums, every choice of axes, NaN, nothing, ties."""
import itertools
import math

import numpy as np
import pytest

from pydl import ops
from pydl.autodiff import grad

SHAPES = [(5,), (3, 4), (2, 3, 4, 5), (1, 6, 1, 2), (70, 9, 3), (2, 1000, 130)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_choice_of_axes(shape, level):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)            # sums are exact
    for count in range(len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            for keepdims in (False, True):
                for name in ("sum", "max", "min"):
                    got = getattr(ops, name)(x, axis=axes, keepdims=keepdims).numpy()
                    np.testing.assert_array_equal(got, getattr(np, name)(x, axis=axes, keepdims=keepdims), err_msg=f"{name} {axes}", strict=True)


def test_sums_are_added_up_in_double():
    x = np.full(10_000_001, 0.1, np.float32)
    assert abs(ops.sum(x).item() - 1_000_000.1 - 0.1 * (float(np.float32(0.1)) - 0.1) * 1e8) < 0.1
    assert ops.sum(x).item() == np.float32(math.fsum([float(np.float32(0.1))] * 10_000_001))
    big = np.array([1e8, 1, -1e8, 1] * 5000, np.float32).reshape(2, -1)
    np.testing.assert_array_equal(ops.sum(big, axis=1).numpy(), [5000, 5000])
    np.testing.assert_array_equal(ops.sum(np.ascontiguousarray(big.T), axis=0).numpy(), [5000, 5000])


def test_nan_and_infinity():
    x = np.array([[1, np.nan, 3], [np.inf, 2, -np.inf]], np.float32)
    np.testing.assert_array_equal(ops.max(x, axis=1).numpy(), [np.nan, np.inf])
    np.testing.assert_array_equal(ops.min(x, axis=0).numpy(), [1, np.nan, -np.inf])
    np.testing.assert_array_equal(ops.argmax(x, axis=1).numpy(), [1, 0])
    np.testing.assert_array_equal(ops.argmin(x, axis=1).numpy(), [1, 2])
    assert math.isnan(ops.sum(x).item())
    assert ops.logsumexp([-math.inf, -math.inf]).item() == -math.inf
    assert ops.logsumexp([math.inf, 0.0]).item() == math.inf


def test_nothing():
    assert ops.sum(np.zeros((0, 3))).item() == 0
    assert ops.sum(np.zeros((0, 3)), axis=0).numpy().tolist() == [0, 0, 0]
    assert ops.sum(np.zeros((3, 0)), axis=0).shape == (0,)
    assert ops.max(np.zeros((3, 0)), axis=0).shape == (0,)
    assert ops.any(np.zeros(0)).item() is False
    assert ops.all(np.zeros(0)).item() is True
    for name in ("mean", "max", "min", "argmax", "argmin", "var"):
        with pytest.raises(ValueError, match="nothing along"):
            getattr(ops, name)(np.zeros((0, 3)), axis=0)


def test_equals_share_the_gradient():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(grad(lambda t: ops.sum(ops.max(t, axis=1)))(x).numpy(), [[0, 0.5, 0.5], [1 / 3] * 3])


def test_integers_and_flags():
    x = np.array([[3, 1], [2, 5]], np.int32)
    for name in ("sum", "max", "min"):
        got = getattr(ops, name)(x, axis=0)
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got.numpy(), getattr(np, name)(x, axis=0))
    assert ops.sum([True, True, False]).item() == 2
    assert ops.mean([1, 2]).item() == 1.5
    np.testing.assert_array_equal(ops.argmax(x, axis=0).numpy(), [0, 1])
    assert ops.argmax(x).item() == 3
    assert ops.argmax(x, keepdims=True).shape == (1, 1)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "argmax", "var", "logsumexp"])
def test_bad_axes(name):
    f = getattr(ops, name)
    with pytest.raises(ValueError, match=name if name not in ("var", "logsumexp") else "mean|max"):
        f(np.ones((2, 3)), axis=2)
    with pytest.raises(TypeError, match="axis"):
        f(np.ones((2, 3)), axis="rows")
    with pytest.raises(TypeError, match="keepdims"):
        f(np.ones((2, 3)), axis=1, keepdims="yes")
