"""Batches: rows chosen and turned into reals, by kernels."""
import numpy as np
import pytest

import pydl
from pydl.backends import cpu as B
from pydl.kernels._common import KernelError

rng = np.random.default_rng(6)
DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool", "uint64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(50,), (50, 7), (50, 28, 28), (50, 0), (1, 5000)])
def test_gather_rows(dtype, shape):
    src = rng.integers(0, 200, shape).astype(dtype)
    for index in (np.arange(shape[0]), rng.integers(0, shape[0], 130), np.array([], int)):
        dst = B.empty((len(index), *shape[1:]), dtype)
        B.gather_rows(B.from_numpy(src), B.from_numpy(index), dst)
        np.testing.assert_array_equal(np.asarray(dst), src[index])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("real", ["float32", "float64"])
def test_gather_convert(dtype, real):
    src, index = rng.integers(0, 200, (40, 9)).astype(dtype), rng.integers(0, 40, 300)
    dst = B.empty((300, 9), real)
    B.gather_convert(B.from_numpy(src), B.from_numpy(index), 1 / 255, -0.5, dst)
    np.testing.assert_allclose(np.asarray(dst), src[index].astype("float64") / 255 - 0.5, rtol=1e-6, atol=1e-7)


def test_rows_that_are_not_there():
    src, dst = B.from_numpy(np.ones((4, 2), "float32")), B.owned((3, 2))
    for index, where in (([0, 4, 1], 1), ([-1, 0, 9], 0)):
        with pytest.raises(KernelError) as error:
            B.gather_rows(src, B.from_numpy(np.array(index)), dst)
        assert (error.value.where, error.value.value, error.value.limit) == (where, index[where], 4)
        with pytest.raises(KernelError):
            B.gather_convert(src, B.from_numpy(np.array(index)), 1.0, 0.0, dst)
    assert not np.asarray(dst).any()
    with pytest.raises(KernelError):
        B.gather_rows(B.from_numpy(np.ones((0, 2), "float32")), B.from_numpy(np.zeros(3, int)), dst)


def test_boundary_refuses_what_would_crash():
    src, index, dst = B.from_numpy(np.ones((4, 2), "float32")), B.from_numpy(np.arange(3)), B.owned((3, 2))
    for call in (lambda: B.gather_rows(src, index, B.owned((2, 2))), lambda: B.gather_rows(src, index, B.owned((3, 2), "float64")),
                 lambda: B.gather_rows(src, B.from_numpy(np.arange(3, dtype="int32")), dst), lambda: B.gather_rows(src, index.reshape((3, 1)), dst),
                 lambda: B.gather_rows(B.from_numpy(np.float32(1)), index, dst), lambda: B.gather_convert(src, index, 1.0, 0.0, B.owned((3, 2), "int32")),
                 lambda: B.gather_rows(None, index, dst)):
        with pytest.raises((ValueError, TypeError)):
            call()


def test_threads_change_no_bit():
    src, index, before, found = rng.standard_normal((500, 300)), rng.integers(0, 500, 700), pydl.get_num_threads(), []
    try:
        for threads in (1, 3):
            pydl.set_num_threads(threads)
            dst = B.empty((700, 300), "float32")
            B.gather_convert(B.from_numpy(src), B.from_numpy(index), 0.3, 0.1, dst)
            found.append(np.asarray(dst).tobytes())
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1]
