"""Moves beyond the contract: adjoint pairs, indexing as NumPy's, look-ups out of range, casts, the layers' settings."""
import numpy as np
import pytest

from pydl import layers, ops
from pydl.autodiff import value_and_grad
from pydl.backends import cpu as B
from pydl.tensor import Tensor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5, 6))


@pytest.mark.parametrize("f", [
    lambda x: ops.transpose(x, (2, 0, 1)), lambda x: ops.get_item(x, (slice(1, None), slice(None, None, -2), 3)),
    lambda x: ops.pad(x, ((1, 0), (0, 2), (3, 1))),
    lambda x: ops.flip(x, (0, 2)), lambda x: ops.broadcast_to(x, (3, 4, 5, 6)), lambda x: ops.take(x, [3, 0, 3], axis=1), lambda x: ops.tile(x, (2, 1, 3)),
    lambda x: ops.repeat(x, 3, axis=1), lambda x: ops.roll(x, -2, axis=2), lambda x: ops.concatenate([x, x], axis=1), lambda x: ops.stack([x, x], axis=3),
    lambda x: ops.reshape(x, (3, 40)), lambda x: ops.moveaxis(x, 0, -1), lambda x: ops.split(x, [2, 3], axis=2)[1],
], ids=range(14))
def test_adjoint_pairs(f):
    """inner(f(x), y) = inner(x, f'(y)): a move is linear, and its gradient is its adjoint."""
    y = RNG.standard_normal(f(X).shape)
    value, g = value_and_grad(lambda x: ops.sum(ops.multiply(f(x), y)))(X)
    np.testing.assert_allclose(value.item(), np.sum(g.numpy() * X), rtol=1e-12)


@pytest.mark.parametrize("index", [
    0, -1, (1, 2), (1, 2, 3), slice(None), slice(1, 3), slice(None, None, -1), slice(3, 0, -2), slice(5, 9), slice(2, 2), Ellipsis, None,
    (None, 1), (Ellipsis, 1),
    (1, Ellipsis, 2), (slice(None), None, 2), (slice(None), slice(None), slice(-2, None)), (Ellipsis, None), np.int64(2), (slice(None), 0, slice(4, None, -3)),
], ids=str)
def test_indexing_is_numpys(index):
    np.testing.assert_array_equal(Tensor(X)[index].numpy(), X[index], strict=True)


def test_indexing_by_an_array_takes_rows():
    for index in ([2, 0, 2], np.array([[1], [3]]), np.array([-1, 0])):
        np.testing.assert_array_equal(Tensor(X)[index].numpy(), X[index])
    np.testing.assert_array_equal([t.numpy() for t in Tensor(X)], list(X))


@pytest.mark.parametrize(("index", "error"), [
    (4, IndexError), (-5, IndexError), ((0, 0, 0, 0), IndexError), ((Ellipsis, Ellipsis), IndexError), ("a", TypeError), (1.5, TypeError),
    ((0, [1]), TypeError), ([0, 4], ValueError), (np.array([True, False, True, True]), TypeError),
], ids=str)
def test_bad_indices(index, error):
    with pytest.raises(error):
        Tensor(X)[index]
    with pytest.raises((ValueError, TypeError)):
        Tensor(X)[index]


def test_look_ups_out_of_range_name_the_number():
    rows = Tensor(X)
    with pytest.raises(ValueError, match=r"value 4 at position 1.*0 <= value < 4"):
        ops.take(rows, Tensor([0, 4, 9]), axis=0)
    with pytest.raises(ValueError, match="-1"):
        ops.take(rows, Tensor([-1]), axis=0)
    with pytest.raises(ValueError, match="value 3 at position 0"):
        ops.one_hot([3], 3)


def test_look_ups_add_up_in_order():
    dy, index = RNG.standard_normal((1000, 33)).astype(np.float32), RNG.integers(0, 7, 1000)
    want = np.zeros((7, 33), np.float32)
    for i, row in enumerate(index):
        want[row] += dy[i]
    dx = B.empty((7, 33), "float32")
    B.scatter_rows(B.from_numpy(dy), B.from_numpy(index), dx)
    np.testing.assert_array_equal(np.asarray(dx), want)


def test_casts():
    x = np.array([0, 1.9, -1.9, 3e9, -1e30, np.nan, 300], np.float32)
    assert ops.cast(x, "int32").numpy().tolist() == [0, 1, -1, 2**31 - 1, -2**31, 0, 300]
    assert ops.cast(x, "uint8").numpy().tolist() == [0, 1, 0, 255, 0, 0, 255]
    assert ops.cast(x, bool).numpy().tolist() == [False, True, True, True, True, True, True]
    for name in ("float32", "float64", "int32", "int64", "uint8", "bool"):
        for other in ("float32", "float64", "int32", "int64", "uint8", "bool"):
            a = np.arange(100).astype(name)
            np.testing.assert_array_equal(ops.cast(a, other).numpy(), a.astype(other), strict=True)
    y = Tensor([1.0])
    assert ops.cast(y, "float32") is y


def test_boundary_refuses_views_outside_an_array():
    x, y = B.empty((4, 5), "float32"), B.empty((4, 5), "float32")
    for arguments in [
        (x, 1, (5, 1), y, 0, (5, 1), (4, 5)), (x, 0, (5, 1), y, 0, (6, 1), (4, 5)), (x, 0, (-5, 1), y, 0, (5, 1), (4, 5)),
        (x, -1, (1,), y, 0, (1,), (3,)), (x, 0, (0,), y, 0, (0,), (3,)), (x, 0, (2**62,), y, 0, (1,), (3,)), (x, 0, (1,), y, 0, (1,), (-3,)),
        (x, 0, (1, 1), y, 0, (1,), (3,)),
    ]:
        with pytest.raises((ValueError, OverflowError)):
            B.strided_copy(*arguments)
    with pytest.raises(TypeError):
        B.strided_copy(x, 0, (1,), B.empty((4,), "float64"), 0, (1,), (4,))
    B.strided_copy(x, 0, (2**62, 1), y, 0, (2**62, 1), (0, 5))          # an empty view may say anything


def test_flatten_gives_the_same_rows_for_both_formats():
    x = RNG.standard_normal((2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(layers.Flatten()(x).numpy(), layers.Flatten(data_format="channels_first")(x.transpose(0, 3, 1, 2)).numpy())
    assert layers.Flatten()(x[:, 0, 0, 0]).shape == (2, 1)
    assert layers.Flatten()(x[:0]).shape == (0, 60)
    assert layers.Flatten().compute_output_shape((None, None, 3)) == (None, None)


def test_padding_and_cropping_undo_each_other():
    x = RNG.standard_normal((2, 4, 5, 3)).astype(np.float32)
    for frame in (1, (1, 2), ((1, 2), (0, 3))):
        np.testing.assert_array_equal(layers.Cropping2D(frame)(layers.ZeroPadding2D(frame)(x)).numpy(), x)
    np.testing.assert_array_equal(layers.Cropping1D((2, 1))(layers.ZeroPadding1D((2, 1))(x[0])).numpy(), x[0])


@pytest.mark.parametrize("call", [
    lambda: layers.Reshape((2, -1, -1)), lambda: layers.Reshape((7,))(X), lambda: layers.Permute((0, 1)), lambda: layers.Permute((2, 1))(X[0]),
    lambda: layers.RepeatVector(0), lambda: layers.RepeatVector(2)(X), lambda: layers.ZeroPadding2D(-1), lambda: layers.ZeroPadding2D(((1, 1), (1, 1), (1, 1))),
    lambda: layers.ZeroPadding2D(1)(X), lambda: layers.Cropping2D(3)(X[None]), lambda: layers.Flatten(data_format="channels_lost"),
    lambda: layers.Add()([X, X[:, :2]]), lambda: layers.Subtract()([X, X, X]), lambda: layers.Concatenate(axis=0), lambda: layers.Concatenate()([X, X[:, :2]]),
    lambda: layers.Concatenate(axis=5)([X, X]), lambda: layers.Dot(0), lambda: layers.Dot((1, 2, 3)), lambda: layers.Dot(1)([X, X[:, :3]]),
    lambda: ops.reshape(X, (7, -1)), lambda: ops.squeeze(X, 1), lambda: ops.pad(X, -1),
    lambda: ops.stack([X, X[0]]), lambda: ops.split(X, 3, axis=1), lambda: ops.broadcast_to(X, (4, 5)), lambda: ops.expand_dims(X, 9),
])
def test_bad_settings(call):
    with pytest.raises(ValueError, match=r"\w+.*: "):
        call()


@pytest.mark.parametrize("call", [
    lambda: layers.Add()(X), lambda: layers.Reshape("4"), lambda: layers.RepeatVector(2.5), lambda: ops.concatenate(X),
    lambda: ops.pad(X, 1.5), lambda: ops.take(X, [0.5]),
    lambda: ops.transpose(X, 1), lambda: ops.one_hot([0.5], 2), lambda: ops.cast(X, "complex64"), lambda: ops.roll(X, 0.5),
])
def test_bad_types(call):
    with pytest.raises(TypeError, match=r"\w+.*: "):
        call()
