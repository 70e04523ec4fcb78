"""Convolution of volumes, beside what the lines in cases.py check."""
import itertools

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.errors import DTypeError, ShapeError
from pydl.layers.conv import conv2d
from pydl.layers.conv3d import conv3d
from tests.reference import conv as reference

X, W = np.zeros((2, 4, 5, 6, 3), np.float32), np.zeros((2, 3, 3, 3, 4), np.float32)
BAD = {
    "image": (lambda: conv3d(X[0], W), ShapeError, "volumes"),
    "weight": (lambda: conv3d(X, W[0]), ShapeError, "kd, kh, kw"),
    "channels": (lambda: conv3d(X, np.zeros((2, 3, 3, 2, 4), np.float32)), ShapeError, "2 channels, x has 3"),
    "groups": (lambda: conv3d(np.zeros((1, 4, 4, 4, 4)), np.zeros((1, 1, 1, 2, 3)), groups=2), ShapeError, "2 groups do not divide 3"),
    "bias": (lambda: conv3d(X, W, np.zeros(3, np.float32)), ShapeError, "bias"),
    "dtype": (lambda: conv3d(X, W.astype(np.float64)), DTypeError, "float64"),
    "causal": (lambda: conv3d(X, W, padding="causal"), ValueError, "padding"),
    "strides": (lambda: conv3d(X, W, strides=(1, 1)), ValueError, "strides"),
    "no window": (lambda: conv3d(X, np.zeros((5, 1, 1, 3, 4), np.float32)), ShapeError, "conv3d"),
    "layer": (lambda: layers.Conv3D(4, (2, 2)), ValueError, "kernel_size"),
    "built": (lambda: built()(np.zeros((1, 3, 3, 3, 5))), ShapeError, "Conv3D"),
    "pool": (lambda: layers.MaxPooling3D((2, 2)), ValueError, "pool_size"),
    "pool rank": (lambda: layers.AveragePooling3D()(np.zeros((1, 4, 4, 3))), ShapeError, "AveragePooling3D"),
}


def built():
    layer = layers.Conv3D(4, 2)
    layer(np.zeros((1, 3, 3, 3, 2)))
    return layer


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_named(name):
    call, error, words = BAD[name]
    with pytest.raises(error, match=words):
        call()


def test_one_plane_is_a_convolution_of_images():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 7, 9, 5)), rng.standard_normal((3, 2, 5, 6))
    np.testing.assert_allclose(conv3d(x[:, None], weight[None], padding="same", strides=(1, 2, 1)).numpy()[:, 0],
                               conv2d(x, weight, padding="same", strides=(2, 1)).numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("strides, dilation, groups", list(itertools.product([1, 2, (3, 1, 2)], [1, (2, 1, 1)], [1, 2])))
def test_every_geometry_equals_plain_sums_and_is_adjoint(strides, dilation, groups):
    """The gradient by x is the adjoint of the forward map: <conv(x), dy> = <x, dx>; that by the weight likewise."""
    rng = np.random.default_rng(1)
    x, weight = pydl.Parameter(rng.standard_normal((2, 4, 6, 17, 4))), pydl.Parameter(rng.standard_normal((2, 2, 3, 4 // groups, 34)))
    options = {"strides": strides, "dilation_rate": dilation, "groups": groups, "padding": "same"}
    y = conv3d(x, weight, **options)
    np.testing.assert_allclose(y.numpy(), reference.conv3d(x.numpy(), weight.numpy(), **options), rtol=1e-11, atol=1e-11)
    dy = rng.standard_normal(y.shape)
    dx, dweight = pydl.grad(lambda x, weight: pydl.ops.sum(conv3d(x, weight, **options) * dy), (0, 1))(x, weight)
    product = np.vdot(y.numpy(), dy)
    np.testing.assert_allclose([np.vdot(x.numpy(), np.asarray(dx)), np.vdot(weight.numpy(), np.asarray(dweight))], product, rtol=1e-10)


def test_a_network_of_volumes_learns():
    """Which of two halves of a film is brighter."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 64)
    x = rng.random((64, 6, 8, 8, 1), dtype=np.float32)
    x[np.arange(64), :, :, :, 0] += np.where(np.arange(6) < 3, 1, 0)[None, :, None, None] * (y[:, None, None, None] == 0)
    x[np.arange(64), :, :, :, 0] += np.where(np.arange(6) < 3, 0, 1)[None, :, None, None] * (y[:, None, None, None] == 1)
    pydl.random.set_random_seed(3)
    model = pydl.Sequential([layers.Input((6, 8, 8, 1)), layers.Conv3D(4, (3, 3, 3), padding="same", activation="relu"), layers.MaxPooling3D((3, 2, 2)),
                             layers.Conv3D(4, 2, activation="relu"), layers.Flatten(), layers.Dense(2)])
    model.compile(optimizer=pydl.optimizers.Adam(0.01), loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x, y, batch_size=16, epochs=15, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95
