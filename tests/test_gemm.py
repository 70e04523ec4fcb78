"""Matrix products: every remainder of the tiles at every CPU level, the epilogue, the laws, and what wrong arguments are told."""
import numpy as np
import pytest
from contract import assert_same_bits

import pydl
from pydl import ops
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.errors import ShapeError
from pydl.tensor import Tensor

rng = np.random.default_rng(11)
EPSILON = {"float32": 1.2e-7, "float64": 2.3e-16}


@pytest.fixture
def threads():
    before = pydl.get_num_threads()
    yield pydl.set_num_threads
    pydl.set_num_threads(before)


def normal(*shape, dtype="float32"):
    return rng.standard_normal(shape).astype(dtype)


def product(m, n, k, dtype="float32", transpose_a=False, transpose_b=False, bias=False, accumulate=False, relu=False):
    """c of our kernel, c of the formula in float64, and the bound of the rounding error, element by element."""
    a, b = normal(*((k, m) if transpose_a else (m, k)), dtype=dtype), normal(*((n, k) if transpose_b else (k, n)), dtype=dtype)
    before, row = normal(m, n, dtype=dtype), normal(n, dtype=dtype)
    c = B.from_numpy(before)
    B.gemm(B.from_numpy(a), B.from_numpy(b), B.from_numpy(row) if bias else None, c, transpose_a, transpose_b, accumulate, relu)
    x, y = (v.astype("float64") for v in (a.T if transpose_a else a, b.T if transpose_b else b))
    want = x @ y + bias * row.astype("float64") + accumulate * before.astype("float64")
    size = np.abs(x) @ np.abs(y) + bias * np.abs(row) + accumulate * np.abs(before)
    return np.asarray(c), np.maximum(want, 0) if relu else want, EPSILON[dtype] * (k + 3) * size


def check(*sizes, **options):
    got, want, bound = product(*sizes, **options)
    assert np.all(np.abs(got - want) <= bound), f"{sizes} {options}: worst {np.max(np.abs(got - want) - bound)} over the bound"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_remainder(dtype, level):
    """Rows and columns below, at and above every tile there is: 6, 12 and 14 rows; 2 vectors of 2 to 16 lanes, and halves of them."""
    for m in range(16):
        for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 23, 24, 25, 31, 32, 33, 48, 63, 64, 65):
            check(m, n, 5 + (m + n) % 3, dtype=dtype, transpose_a=bool(m & 1), transpose_b=bool(n & 1),
                  bias=bool(m & 2), accumulate=bool(n & 2), relu=bool(m & 4))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_past_every_block(dtype, transposed, level):
    options = {"dtype": dtype, "transpose_a": transposed[0], "transpose_b": transposed[1], "bias": True, "relu": True}
    for m, n, k in [(29, 9, 1600), (9, 600, 1100), (5, 1030, 3), (60, 70, 512), (1, 1100, 33), (1100, 1, 33), (3, 40, 300), (40, 3, 300),
                    (7, 130, 257), (6, 6, 0)]:
        check(m, n, k, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_that_are_copied(dtype, level):
    """A multiple of 2 KB apart: strips of tiles side by side, a few lines of A at a time; and on more pages than a TLB holds."""
    for m, n, k in [(512, 70, 37), (1024, 90, 16), (1024, 70, 531), (700, 70, 127), (1100, 70, 60)]:
        check(m, n, k, dtype=dtype, transpose_a=True, bias=True)


@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False)])
def test_any_number_of_threads_gives_the_same_bits(threads, level, transposed):
    """By rows, by columns, by blocks of both; B from where it lies or packed by all, or by each its own part; more than one block of k and of n."""
    for m, n, k in [(133, 122, 91), (1, 1100, 1000), (1100, 1, 1000), (400, 120, 64), (9, 600, 1100), (20, 2000, 40), (1, 2100, 500), (40, 1000, 512),
                    (150, 1100, 1100), (512, 100, 70)]:
        for dtype in ("float32", "float64"):
            a, b = normal(*((k, m) if transposed[0] else (m, k)), dtype=dtype), normal(*((n, k) if transposed[1] else (k, n)), dtype=dtype)
            results = []
            for count in (1, 2, 3, 4, 32):
                threads(count)
                c = B.empty((m, n), dtype)
                B.gemm(B.from_numpy(a), B.from_numpy(b), None, c, *transposed)
                results.append(np.array(c))
            for other in results[1:]:
                assert_same_bits([other], [results[0]], f"({m}, {n}, {k})")


def test_rows_do_not_depend_on_their_neighbours(level):
    """From two rows on (one row and few columns have kernels of their own), an element is one chain over k, whatever the tile.

    BLAS promises nothing of the kind; sizes are below those it serves.
    """
    a, b = normal(23, 30), normal(30, 27)
    whole = B.empty((23, 27), "float32")
    B.gemm(B.from_numpy(a), B.from_numpy(b), None, whole)
    for first, last in ((0, 2), (3, 17), (10, 23)):
        part = B.empty((last - first, 27), "float32")
        B.gemm(B.from_numpy(a[first:last].copy()), B.from_numpy(b), None, part)
        assert_same_bits([np.asarray(part)], [np.asarray(whole)[first:last]])


def test_not_a_number_and_infinity_come_through(level):
    for m, n in ((1, 5), (5, 1), (20, 40)):
        a, b = normal(m, 9), normal(9, n)
        a[0, 3] = np.nan
        c = B.empty((m, n), "float32")
        B.gemm(B.from_numpy(a), B.from_numpy(b), None, c, relu=True)
        c = np.asarray(c)
        assert np.all(np.isnan(c[0]))
        assert np.all(np.isfinite(c[1:]))


def test_no_inner_axis_means_zeros_bias_and_relu(level):
    got, want, _ = product(5, 6, 0, bias=True, relu=True)
    assert np.array_equal(got, want)
    got, want, _ = product(5, 6, 0, accumulate=True)
    assert np.array_equal(got, want)


def test_boundary_refuses_what_does_not_fit():
    a, b, c = (B.from_numpy(normal(*shape)) for shape in ((3, 4), (4, 5), (3, 5)))
    bias = B.from_numpy(normal(5))
    for bad in (lambda: B.gemm(a, a, None, c), lambda: B.gemm(a, b, None, a), lambda: B.gemm(a, b, b, c), lambda: B.gemm(a, b, bias, c, transpose_a=True),
                lambda: B.gemm(bias, b, None, c), lambda: B.matmul(a, b, bias), lambda: B.matmul(a, b, a)):
        with pytest.raises(ValueError, match="gemm|matmul"):
            bad()
    with pytest.raises(TypeError, match="b must be float32"):
        B.gemm(a, B.from_numpy(normal(4, 5, dtype="float64")), None, c)


# ---- matmul

@pytest.mark.parametrize(("x", "y"), [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((7, 2, 3, 4), (7, 2, 4, 3)),
                                      ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 3)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)), ((0, 3, 4), (4, 5)), ((3, 0), (0, 5)),
                                      ((2, 3, 0), (2, 0, 5)), ((1, 3, 1, 2, 3, 4), (2, 1, 2, 1, 4, 3))])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matmul_is_numpys(x, y, dtype):
    a, b = normal(*x, dtype=dtype), normal(*y, dtype=dtype)
    got = (Tensor(a) @ Tensor(b)).numpy()
    want = np.matmul(a, b)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5 if dtype == "float32" else 1e-13)


def test_gradients_are_the_adjoint():
    """<A x, y> = <x, A' y>: for every way the stacks broadcast."""
    for shapes in [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((1, 3, 4), (6, 4, 2)), ((5, 3, 4), (5, 4, 3))]:
        a, b = (Tensor(normal(*shape, dtype="float64"), needs_gradient=True) for shape in shapes)
        z = ops.matmul(a, b)
        dz = normal(*z.shape, dtype="float64")
        da, db = backward(z, [a, b], seed=Tensor(dz).array)
        inner = np.sum(z.numpy() * dz)
        assert np.isclose(np.sum(np.asarray(da) * a.numpy()), inner)
        assert np.isclose(np.sum(np.asarray(db) * b.numpy()), inner)


def test_integers_are_exact():
    a, b = rng.integers(-1000, 1000, (7, 9)), rng.integers(-1000, 1000, (9, 5))
    got = ops.matmul(a, b)
    assert got.dtype == np.int64
    assert np.array_equal(got.numpy(), a @ b)


def test_wrong_shapes_are_named():
    for x, y in [((3, 4), (3, 4)), ((), (3,)), ((2, 3, 4), (3, 4, 5))]:
        with pytest.raises(ShapeError, match="matmul"):
            ops.matmul(np.ones(x), np.ones(y))
    with pytest.raises(ShapeError, match="tensordot"):
        ops.tensordot(np.ones((2, 3)), np.ones((2, 3)), 1)
    with pytest.raises(ShapeError, match="tensordot"):
        ops.tensordot(np.ones((2, 3)), np.ones((2, 3)), ([0, 0], [0, 0]))
    with pytest.raises(TypeError, match="axes"):
        ops.tensordot(np.ones((2, 3)), np.ones((2, 3)), "ij")
    with pytest.raises(TypeError, match="matmul"):
        ops.matmul(None, np.ones(3))


@pytest.mark.parametrize("axes", [0, 1, 2, ([0], [1]), ([0, 1], [1, 0]), (1, 0), (-1, -2)])
def test_tensordot_is_numpys(axes):
    a, b = normal(3, 3, dtype="float64"), normal(3, 3, dtype="float64")
    np.testing.assert_allclose(ops.tensordot(a, b, axes).numpy(), np.tensordot(a, b, axes), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("x", "y"), [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 3, 4), (4,)), ((2, 3, 4), (5, 4, 2))])
def test_dot_is_numpys(x, y):
    a, b = normal(*x, dtype="float64"), normal(*y, dtype="float64")
    np.testing.assert_allclose(ops.dot(a, b).numpy(), np.dot(a, b), rtol=1e-12, atol=1e-13)


def test_a_program_with_a_small_product_runs_on_fewer_threads_than_it_was_recorded_for():
    """Two threads share a product that is too small for four: there is room for both."""
    x, dy = (np.random.default_rng(3).standard_normal(shape).astype(np.float32) for shape in ((150, 28), (150, 70)))
    before, room = pydl.get_num_threads(), []

    def results(a, b):
        c = B.empty((28, 70))
        B.gemm(a, b, None, c, True)
        return [c]
    try:
        for recorded in (1, 2, 3, 4):
            pydl.set_num_threads(recorded)
            step = Step(results, [B.from_numpy(x), B.from_numpy(dy)], "test", strict=True)
            for threads in range(recorded, 0, -1):
                pydl.set_num_threads(threads)
                for _ in range(3):
                    np.testing.assert_allclose(np.array(step.run()[0]), x.T @ dy, rtol=0, atol=1e-4)
            room.append(step.arena.peak)
        assert room[0] < room[1] < room[2] < room[3]
    finally:
        pydl.set_num_threads(before)
