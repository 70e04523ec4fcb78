import itertools
import math

import numpy as np
import pytest

from pydl import shapes
from pydl.errors import ShapeError

SIZES = [s for s in itertools.product(range(1, 12), (1, 2, 3, 5), (1, 2, 3), (1, 2))]   # size, window, stride, dilation


def positions(size, window, stride, dilation, before, after):
    """Count the window positions one by one."""
    reach = (window - 1) * dilation + 1
    return sum(1 for start in range(0, size + before + after, stride) if start + reach <= size + before + after)


@pytest.mark.parametrize("size, window, stride, dilation", SIZES)
def test_window_positions_counted_one_by_one(size, window, stride, dilation):
    before, after = shapes.same_padding(size, window, stride, dilation)
    assert 0 <= after - before <= 1
    expected = math.ceil(size / stride)
    assert positions(size, window, stride, dilation, before, after) == expected
    assert shapes.conv_output_size(size, window, stride, "same", dilation) == expected
    assert shapes.conv_output_size(size, window, stride, (before, after), dilation) == expected
    causal = shapes.conv_padding(size, window, stride, "causal", dilation)
    assert causal[1] == 0
    assert shapes.conv_output_size(size, window, stride, "causal", dilation) == positions(size, window, stride, dilation, *causal)
    valid = positions(size, window, stride, dilation, 0, 0)
    if valid:
        assert shapes.conv_output_size(size, window, stride, "valid", dilation) == valid
    else:
        with pytest.raises(ShapeError, match=f"^Conv2D 'a': a window of {window}.* does not fit in an axis of {size}"):
            shapes.conv_output_size(size, window, stride, "valid", dilation, who="Conv2D 'a'")


def test_same_padding_with_stride_two_pads_after():
    assert shapes.same_padding(8, 3, 2) == (0, 1)
    assert shapes.same_padding(7, 3, 2) == (1, 1)
    assert shapes.conv_padding(8, 3, 2, "same") == (0, 1)
    assert shapes.conv_padding(8, 3, 2, "valid") == (0, 0)
    assert shapes.conv_padding(8, 3, 2, (4, 5)) == (4, 5)


def test_pool_stride_is_the_window_by_default():
    assert shapes.pool_output_size(7, 2) == 3
    assert shapes.pool_output_size(7, 2, padding="same") == 4
    assert shapes.pool_output_size(7, 3, 1) == 5
    assert shapes.pool_output_size(None, 2) is None
    with pytest.raises(ShapeError, match="^MaxPooling2D: a window of 77"):
        shapes.pool_output_size(8, 77, who="MaxPooling2D")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (0, 5), (np.int32(4), 2)])
def test_checked_size(shape):
    assert shapes.checked_size(shape) == math.prod(shape)


@pytest.mark.parametrize("shape", [(2**32, 2**31), (0, 2**62, 2**62), (2**63,), (-1,), (3, -2), (1.5,), (None, 3), (True,), ("a",)])
def test_checked_size_refuses(shape):
    with pytest.raises(ShapeError, match="^Input: "):
        shapes.checked_size(shape, who="Input")


def test_checked_size_counts_bytes():
    assert shapes.checked_size((2**60,), 4) == 2**60
    with pytest.raises(ShapeError):
        shapes.checked_size((2**61,), 4)


BROADCASTS = [((), ()), ((3,), ()), ((4, 3), (3,)), ((4, 1), (3,)), ((1, 3), (4, 1)), ((2, 1, 5), (7, 1)), ((0, 3), (1,)), ((0,), (1, 1))]


@pytest.mark.parametrize("a, b", BROADCASTS + [(b, a) for a, b in BROADCASTS])
def test_broadcasting_equals_numpy_and_stretched_axes_undo_it(a, b):
    result = shapes.broadcast_shapes(a, b)
    assert result == np.broadcast_shapes(a, b)
    # the sum over the stretched axes of the derivative of a + b by a: each element of a is used that often
    used = np.ones(result).sum(axis=shapes.stretched_axes(a, result)).reshape(a)
    assert np.all(used == (np.prod(result) / np.prod(a) if np.prod(a) else 0))


@pytest.mark.parametrize("a, b", [((3,), (4,)), ((2, 3), (2,)), ((0,), (2,)), ((4, 3), (4, 1, 2))])
def test_broadcasting_refuses_what_numpy_refuses(a, b):
    with pytest.raises(ValueError):
        np.broadcast_shapes(a, b)
    with pytest.raises(ShapeError, match="^Add 'x': shapes .* do not broadcast"):
        shapes.broadcast_shapes(a, b, who="Add 'x'")


def test_broadcasting_unknown_sizes():
    assert shapes.broadcast_shapes((None, 3), (None, 1)) == (None, 3)
    assert shapes.broadcast_shapes((None, 3), (3,)) == (None, 3)
    assert shapes.broadcast_shapes((None, 3), (1, 3)) == (None, 3)
    assert shapes.broadcast_shapes((None, 3), (8, 3)) == (8, 3)
    assert shapes.broadcast_shapes((8, 1), (None, 3)) == (8, 3)


def test_axes():
    assert shapes.normalize_axis(-1, 3) == 2
    assert shapes.normalize_axis(np.int64(0), 1) == 0
    assert shapes.normalize_axes(None, 3) == (0, 1, 2)
    assert shapes.normalize_axes((-1, 0), 3) == (0, 2)
    assert shapes.normalize_axes(1, 3) == (1,)
    assert shapes.normalize_axes((), 3) == ()
    for axis, ndim in ((3, 3), (-4, 3), (0, 0)):
        with pytest.raises(ShapeError, match="^sum: axis"):
            shapes.normalize_axis(axis, ndim, who="sum")
    for axis in (1.0, "0", None, True):
        with pytest.raises(TypeError, match="^sum: axis must be an integer"):
            shapes.normalize_axis(axis, 3, who="sum")
    with pytest.raises(ShapeError, match="named twice"):
        shapes.normalize_axes((0, -3), 3)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 2), (), (2, 1, 0)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_reduced_shape_equals_numpy(axes, keepdims):
    assert shapes.reduced_shape((2, 3, 4), axes, keepdims) == np.zeros((2, 3, 4)).sum(axis=axes, keepdims=keepdims).shape


@pytest.mark.parametrize("shape, target", [((6,), (2, 3)), ((2, 3), (-1,)), ((4, 6), (2, -1, 3)), ((), (1, 1)),
                                           ((0, 3), (3, 0)), ((0, 3), (-1, 3))])
def test_reshaped_equals_numpy(shape, target):
    assert shapes.reshaped(shape, target) == np.zeros(shape).reshape(target).shape


@pytest.mark.parametrize("shape, target", [((6,), (4,)), ((6,), (-1, 4)), ((6,), (-1, -1)), ((6,), (-2, 3)),
                                           ((0,), (0, -1)), ((6,), (2.0, 3))])
def test_reshaped_refuses(shape, target):
    with pytest.raises(ShapeError, match="^Reshape: "):
        shapes.reshaped(shape, target, who="Reshape")


def test_transposed():
    assert shapes.transposed((2, 3, 4)) == ((4, 3, 2), (2, 1, 0))
    assert shapes.transposed((2, 3, 4), (0, -1, 1)) == ((2, 4, 3), (0, 2, 1))
    for axes in ((0, 1), (0, 0, 1), (0, 1, 3)):
        with pytest.raises(ShapeError):
            shapes.transposed((2, 3, 4), axes)


def test_concatenated():
    assert shapes.concatenated([(2, 3), (2, 5)]) == (2, 8)
    assert shapes.concatenated([(None, 3), (4, 5)]) == (4, 8)
    assert shapes.concatenated([(None, 3), (2, 3)], axis=0) == (None, 3)
    for wrong in ([], [(2, 3), (3, 3)], [(2, 3), (2, 3, 1)]):
        with pytest.raises(ShapeError):
            shapes.concatenated(wrong)


@pytest.mark.parametrize("a, b", [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (3, 4)),
                                  ((5, 1, 2, 3), (6, 3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((0, 3), (3, 0)), ((2, 0), (0, 2))])
def test_matmul_shape_equals_numpy(a, b):
    assert shapes.matmul_shape(a, b) == np.matmul(np.zeros(a), np.zeros(b)).shape


@pytest.mark.parametrize("a, b", [((), (3,)), ((3,), ()), ((2, 3), (4, 3)), ((3,), (4,)), ((2, 1, 3), (3, 2, 3)), ((2, 1, 3), (4, 3, 5))])
def test_matmul_shape_refuses_what_numpy_refuses(a, b):
    with pytest.raises(ValueError):
        np.matmul(np.zeros(a), np.zeros(b))
    with pytest.raises(ShapeError, match="^matmul: "):
        shapes.matmul_shape(a, b)
