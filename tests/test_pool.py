"""Pooling beyond the lines of cases.py: laws, ties and NaN, recorded and published values, arguments."""
import gzip
import json

import numpy as np
import pytest
from course import SHARED, agrees, drawn, published

import pydl
from pydl import Tensor, layers
from pydl.layers.pool import average_pool, max_pool
from reference import pool as reference

FILE = SHARED / "data" / "keras_layer_cases" / "keras_layer_cases.json.gz"
KERAS = json.loads(gzip.open(FILE).read())["cases"] if FILE.exists() else {}
rng = np.random.default_rng(3)

GEOMETRIES = [dict(pool_size=2), dict(pool_size=2, padding="same"), dict(pool_size=3, strides=2, padding="same"), dict(pool_size=3, strides=1),
              dict(pool_size=(2, 3), strides=(3, 1)), dict(pool_size=1, strides=2), dict(pool_size=5, strides=1, padding="same"), dict(pool_size=3)]


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("c", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48])
def test_every_channel_count_is_like_one_channel_at_a_time(c, geometry):
    x = rng.standard_normal((2, 7, 8, c)).astype(np.float32)
    for function in (max_pool, average_pool):
        alone = np.concatenate([function(x[..., i:i + 1], **geometry).numpy() for i in range(c)], -1)
        assert np.array_equal(function(x, **geometry).numpy(), alone)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_max_is_monotone_and_commutes_with_rising_functions(geometry):
    x = rng.standard_normal((2, 7, 8, 6)).astype(np.float32)
    y = max_pool(x, **geometry).numpy()
    assert np.array_equal(max_pool(2 * x + 1, **geometry).numpy(), 2 * y + 1)
    assert np.all(max_pool(x + rng.uniform(0, 1, x.shape).astype(np.float32), **geometry).numpy() >= y)
    assert np.all(y >= average_pool(x, **geometry).numpy() - 1e-6)
    assert np.array_equal(-max_pool(-x, **geometry).numpy() <= y, np.ones(y.shape, bool))


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_the_average_of_a_constant_is_the_constant_padding_or_not(geometry):
    assert np.allclose(average_pool(np.full((1, 7, 8, 3), 2.5, np.float32), **geometry).numpy(), 2.5, rtol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_average_and_its_gradient_are_adjoint(geometry):
    x, v = Tensor(rng.standard_normal((2, 7, 8, 6))), rng.standard_normal((2, 7, 8, 6))
    w = rng.standard_normal(average_pool(x, **geometry).shape)
    dx = pydl.grad(lambda t: pydl.ops.sum(average_pool(t, **geometry) * Tensor(w)))(x).numpy()
    assert np.isclose((dx * v).sum(), (average_pool(v, **geometry).numpy() * w).sum(), rtol=1e-12)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("c", [1, 6, 16, 33])
def test_the_whole_gradient_of_a_maximum_goes_to_one_pixel_of_its_window(c, geometry):
    x = rng.integers(0, 3, (2, 7, 8, c)).astype(np.float64)           # many ties
    w = np.round(rng.standard_normal(max_pool(x, **geometry).shape) * 8)
    dx = pydl.grad(lambda t: pydl.ops.sum(max_pool(t, **geometry) * Tensor(w)))(Tensor(x)).numpy()
    assert dx.sum() == w.sum()
    bumped = x - 1e-3 * np.arange(7 * 8).reshape(7, 8, 1)             # of a tie, the first pixel is now the largest
    want = pydl.grad(lambda t: pydl.ops.sum(max_pool(t, **geometry) * Tensor(w)))(Tensor(bumped)).numpy()
    assert np.array_equal(dx, want)


def test_nan_wins_and_keeps_its_gradient():
    x = np.array([[1.0, np.nan], [5.0, np.nan]], np.float32).reshape(1, 2, 2, 1)
    assert np.isnan(max_pool(x, 2).item())
    dx = pydl.grad(lambda t: pydl.ops.sum(max_pool(t, 2)))(Tensor(x)).numpy()
    assert dx.ravel().tolist() == [0, 1, 0, 0]
    y = layers.GlobalMaxPooling2D()(x)
    assert np.isnan(y.item())
    assert max_pool(np.full((1, 2, 2, 1), -np.inf, np.float32), 2).item() == -np.inf


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("c", [1, 5, 8, 17, 32])
def test_maxima_are_the_same_whether_positions_are_kept_or_not(c, geometry):
    """Also of NaN, infinities, zeros of both signs, and ties: for a gradient the positions are kept, and pixels compared otherwise."""
    x = rng.choice(np.array([0.0, -0.0, 1, 1, -2, np.inf, -np.inf, np.nan], np.float32), (3, 7, 8, c), p=[.2, .2, .2, .1, .2, .02, .06, .02])
    x[0, 0, 0] = np.nan
    plain = max_pool(x, **geometry).numpy()
    kept = max_pool(Tensor(x, needs_gradient=True), **geometry).numpy()
    assert np.array_equal(plain, kept, equal_nan=True) and np.isnan(plain).any() and not np.isnan(plain).all()
    assert np.array_equal(np.signbit(plain[plain == 0]), np.signbit(kept[kept == 0]))


def test_a_window_beyond_a_byte_keeps_its_positions():
    x = rng.permutation(19 * 20 * 3).reshape(1, 19, 20, 3).astype(np.float32)
    dx = pydl.grad(lambda t: pydl.ops.sum(max_pool(t, (18, 17), strides=1)))(Tensor(x)).numpy()
    y = max_pool(x, (18, 17), strides=1).numpy()
    assert np.array_equal(y, reference.max_pool(x, (18, 17), (1, 1)))
    assert dx.sum() == y.size and np.all((dx > 0) <= np.isin(x, y))


def test_global_pooling_is_one_large_window():
    x = rng.standard_normal((3, 5, 7, 6)).astype(np.float32)
    assert np.allclose(layers.GlobalAveragePooling2D(keepdims=True)(x).numpy(), average_pool(x, (5, 7)).numpy(), atol=1e-6)
    assert np.array_equal(layers.GlobalMaxPooling2D(keepdims=True)(x).numpy(), max_pool(x, (5, 7)).numpy())


def test_the_global_average_of_many_pixels_is_exact():
    x = np.full((1, 300, 300, 2), 16777217 / 2**24, np.float32)
    x[..., 1] = rng.uniform(1000, 1001, (1, 300, 300)).astype(np.float32)
    got = layers.GlobalAveragePooling2D()(x).numpy()
    assert np.allclose(got, x.astype(np.float64).mean((1, 2)), rtol=1e-7)


@pytest.mark.parametrize("name", [n for n in KERAS if n.startswith("pooling.") and "3D" not in n] or [
    pytest.param("", marks=pytest.mark.skip(f"the recorded Keras cases are not here: no {FILE}"))])
def test_recorded_keras_layers(name):
    case = KERAS[name]
    spec = case["layer"][0]
    x = np.array(case["input"]["data"], np.float32).reshape(1, *case["input"]["shape"])
    layer = getattr(layers, spec["class"])(*spec["args"], **spec["kwargs"])
    want = np.array(case["expected"]["data"]).reshape(case["expected"]["shape"])
    y = layer(x).numpy()[0]
    assert y.shape == layer.compute_output_shape(x.shape)[1:] == want.shape
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-6)


def test_the_pooling_of_the_course():
    case = published("c4w1_pool_a")
    x = drawn(case["inputs"])["A_prev"]
    agrees(max_pool(x, 3, strides=2), case["expected"]["max"], 1e-6)
    agrees(average_pool(x, 3, strides=2), case["expected"]["average"], 1e-6)


BAD = [
    (lambda: layers.MaxPooling2D(0), "pool_size"), (lambda: layers.MaxPooling2D((2, 2, 2)), "pool_size"), (lambda: layers.MaxPooling2D(2.5), "pool_size"),
    (lambda: layers.MaxPooling2D("2"), "pool_size"), (lambda: layers.MaxPooling2D(True), "pool_size"), (lambda: layers.MaxPooling2D(strides=-1), "strides"),
    (lambda: layers.MaxPooling2D(strides=(0, 1)), "strides"), (lambda: layers.MaxPooling2D(padding="full"), "padding"),
    (lambda: layers.MaxPooling2D(padding="Same"), "did you mean 'same'"), (lambda: layers.AveragePooling2D(data_format="NCHW"), "data_format"),
    (lambda: layers.GlobalAveragePooling2D(keepdims=1), "keepdims"), (lambda: layers.MaxPooling1D((2, 2)), "pool_size"),
    (lambda: layers.MaxPooling2D(77)(np.zeros((1, 8, 8, 3))), "77"), (lambda: layers.MaxPooling2D()(np.zeros((8, 8, 3))), "MaxPooling2D"),
    (lambda: layers.MaxPooling2D()(np.zeros((1, 0, 8, 3))), "MaxPooling2D"), (lambda: layers.MaxPooling1D()(np.zeros((1, 4, 4, 3))), "MaxPooling1D"),
    (lambda: layers.GlobalMaxPooling2D()(np.zeros((1, 0, 8, 3))), "at least one"),
    (lambda: layers.GlobalAveragePooling1D()(np.zeros((2, 0, 3))), "at least one"),
    (lambda: layers.GlobalAveragePooling2D()(np.zeros((2, 3))), "GlobalAveragePooling2D"), (lambda: max_pool(np.zeros((4, 4)), 2), "max_pool"),
    (lambda: max_pool(np.zeros((1, 4, 4, 1)), 2, padding="causal"), "padding"), (lambda: average_pool(np.zeros((1, 4, 4, 1)), [2]), "pool_size"),
    (lambda: layers.MaxPooling2D(2**40)(np.zeros((1, 4, 4, 1))), "MaxPooling2D"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)


def test_the_boundary_refuses_what_does_not_fit():
    from pydl.backends import cpu as B
    x, y, argmax = B.zeros((1, 4, 4, 2)), B.zeros((1, 2, 2, 2)), B.zeros((1, 2, 2, 2), "uint8")
    B.max_pool2d_forward(x, (2, 2), (2, 2), (0, 0), y, argmax)
    for window, strides, padding, out in [((2, 2), (3, 3), (0, 0), B.zeros((1, 3, 2, 2))), ((2, 2), (2, 2), (2, 0), y), ((0, 2), (2, 2), (0, 0), y),
                                          ((2, 2), (2, 2), (-1, 0), y), ((2, 2), (2, 2), (0, 0), B.zeros((2, 2, 2, 2)))]:
        with pytest.raises(ValueError, match="max_pool2d_forward"):
            B.max_pool2d_forward(x, window, strides, padding, out)
    with pytest.raises(ValueError, match="int32"):
        B.max_pool2d_forward(B.zeros((1, 17, 17, 2)), (17, 17), (1, 1), (0, 0), B.zeros((1, 1, 1, 2)), B.zeros((1, 1, 1, 2), "uint8"))
    with pytest.raises((ValueError, TypeError), match="argmax"):
        B.max_pool2d_backward(y, B.zeros((1, 2, 2, 1), "uint8"), (2, 2), (2, 2), (0, 0), x)
    with pytest.raises(TypeError, match="dtype"):
        B.max_pool2d_forward(x, (2, 2), (2, 2), (0, 0), B.zeros((1, 2, 2, 2), "float64"))
