"""Arithmetic beyond the contract: dtypes, numbers, special values, vectorised functions over every exponent, errors."""
import math

import numpy as np
import pytest

from pydl import ops
from pydl.autodiff import grad
from pydl.tensor import Tensor

F32, F64 = np.float32, np.float64
F32_SMALLEST = np.finfo(F32).smallest_normal


@pytest.mark.parametrize(("x", "y", "dtype"), [
    (Tensor([1.0]), 2, F32), (Tensor([1.0]), np.array([2.0]), F32), (np.array([2.0]), Tensor([1.0]), F32),
    (Tensor([1.0], dtype="float64"), 2.5, F64), (Tensor([1.0]), Tensor([1.0], dtype="float64"), F64), (Tensor([1]), Tensor([1.0]), F32),
    (Tensor([1], dtype="int32"), Tensor([1], dtype="int64"), np.int64), ([1, 2], [3, 4], np.int64), (Tensor([True]), Tensor([2], dtype="int32"), np.int32),
    (np.array([1.0]), np.array([2.0]), F64), (Tensor([1]), 2.5, F32), (np.float32(1), Tensor([1.0], dtype="float64"), F64),
])
def test_dtypes_of_two(x, y, dtype):
    z = ops.add(x, y)
    assert z.dtype == dtype
    assert z.item() == np.asarray(x).reshape(-1)[0] + np.asarray(y).reshape(-1)[0] if z.size == 1 else True


def test_integers_keep_their_kind():
    a, b = np.array([7, -7, 0], np.int32), np.array([2, 2, 5], np.int32)
    for name in ("add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "mod"):
        z = getattr(ops, name)(a, b)
        assert z.dtype == np.int32
        np.testing.assert_array_equal(z.numpy(), getattr(np, name)(a, b), err_msg=name)
    assert ops.divide(a, b).dtype == F32
    assert ops.exp(a).dtype == F32
    np.testing.assert_array_equal(ops.negative(a).numpy(), -a)
    np.testing.assert_array_equal(ops.power(b, 2).numpy(), [4, 4, 25])
    big = np.array([2**40 + 1], np.int64)
    assert ops.add(big, 1).item() == 2**40 + 2


def test_signs_of_python():
    x = Tensor([1.0, -2.0, 4.0])
    v = x.numpy().copy()
    for ours, theirs in [(x + 1, v + 1), (1 - x, 1 - v), (x * v, v * v), (2 / x, 2 / v), (x ** 2, v ** 2), (2.0 ** x, 2.0 ** v), (-x, -v), (+x, v),
                         (abs(x), abs(v)), (x // 3, v // 3), (x % 3, v % 3), (v - x, v - v), (x > 0, v > 0), (x <= 1, v <= 1), (x == 4, v == 4),
                         (x != 4, v != 4), ((x > 0) & (x < 3), (v > 0) & (v < 3)), ((x > 3) | (x < 0), (v > 3) | (v < 0)), (~(x > 0), ~(v > 0))]:
        assert isinstance(ours, Tensor)
        np.testing.assert_array_equal(ours.numpy(), theirs)
    assert (x == None) is False  # noqa: E711   not an elementwise comparison
    assert x in [x]
    assert len({x, x}) == 1


@pytest.mark.parametrize(("name", "exact", "ulp"), [
    ("exp", np.exp, 2), ("expm1", np.expm1, 3), ("log", np.log, 2), ("log1p", np.log1p, 3), ("tanh", np.tanh, 3),
    ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), 3), ("softplus", lambda x: np.logaddexp(0, x), 3),
])
def test_float32_functions_over_all_exponents(name, exact, ulp, level):
    """Error in units in the last place over a million bit patterns, denormals, infinities and NaN among them.

    The rule of kernels: what is smaller than the smallest normal number counts as 0, as input and as result; up to twice that number a result may be 0, too.
    """
    x = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32).view(F32)
    x = np.concatenate([x, np.linspace(-110, 110, 200_001, dtype=F32), np.array([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-45, -1e-45], F32)])
    got = getattr(ops, name)(x).numpy()
    with np.errstate(all="ignore"):
        want = exact(np.where(np.abs(x) < F32_SMALLEST, x * F32(0), x).astype(np.longdouble))
        nearest = want.astype(F32)
        assert (np.abs(got)[np.abs(nearest) < F32_SMALLEST * 0.999] == 0).all()
        want = np.where((np.abs(nearest) <= 2 * F32_SMALLEST) & (got == 0), 0, want)
        unit = np.maximum(np.abs(np.nextafter(nearest, F32(np.inf)).astype(np.longdouble) - nearest), np.longdouble(2) ** -149)
        finite = np.isfinite(nearest) & np.isfinite(got)
        error = np.abs(got.astype(np.longdouble) - want)[finite] / unit[finite]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(nearest))
    odd = ~finite & ~np.isnan(got)
    np.testing.assert_array_equal(got[odd], nearest[odd])
    assert error.max() <= ulp, (error.max(), x[finite][error.argmax()])


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "gelu", "softplus", "mish"])
def test_an_element_has_the_same_bits_wherever_it_stands(name, level):
    x = np.abs(np.random.default_rng(0).standard_normal(67)).astype(F32)
    whole = getattr(ops, name)(x).numpy()
    for n in range(1, 67):
        np.testing.assert_array_equal(getattr(ops, name)(x[n:]).numpy(), whole[n:])
    np.testing.assert_array_equal([getattr(ops, name)(v).item() for v in x], whole)


def test_nan_goes_through():
    nan = math.nan
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        for pair in ((nan, 1.0), (1.0, nan)):
            assert math.isnan(getattr(ops, name)(*pair).item()), name
    for name in ("relu", "leaky_relu", "relu6", "sigmoid", "tanh", "elu", "selu", "softplus", "gelu", "hard_sigmoid", "hard_tanh", "sign", "square"):
        assert math.isnan(getattr(ops, name)(nan).item()), name
    assert math.isnan(ops.clip(nan, 0, 1).item())
    assert not ops.equal(nan, nan).item()
    assert ops.isnan([nan, 1.0]).numpy().tolist() == [True, False]
    assert ops.isinf([math.inf, nan, 1.0]).numpy().tolist() == [True, False, False]
    assert ops.isfinite([math.inf, nan, 1.0]).numpy().tolist() == [False, False, True]


def test_where_takes_the_gradient_of_its_branch_only():
    """The untaken branch may be infinite; its gradient is 0, not NaN, where it does not count."""
    x = Tensor([0.0, 4.0], needs_gradient=True)
    g = grad(lambda t: ops.sum(ops.where(ops.greater(t, 1.0), ops.sqrt(ops.maximum(t, 1.0)), 0.0)))(x)
    np.testing.assert_allclose(g.numpy(), [0, 0.25])


def test_eight_axes():
    shape = (2, 1, 2, 1, 2, 1, 2, 3)
    other = (1, 2, 1, 2, 1, 2, 1, 3)
    x, y = np.random.default_rng(0).standard_normal((2, 48)).astype(F32)
    x, y = x.reshape(shape), y[:24].reshape(other)
    np.testing.assert_array_equal(ops.add(x, y).numpy(), x + y)


@pytest.mark.parametrize("call", [
    lambda: ops.add(np.ones((2, 3)), np.ones((3, 2))), lambda: ops.where([True, False, True], np.ones(2), 0), lambda: ops.clip([1.0], 2, 1),
    lambda: ops.maximum(np.ones((4, 1, 3)), np.ones((2, 2))),
])
def test_shapes_and_values_that_do_not_fit(call):
    with pytest.raises(ValueError, match=r"\w+: "):
        call()


@pytest.mark.parametrize("bad", ["text", None, [None], np.array(["a"]), np.array([1j])])
def test_what_is_no_number(bad):
    for name in ("add", "exp", "sum", "softmax"):
        with pytest.raises(TypeError, match=name):
            getattr(ops, name)(bad, 1.0) if name == "add" else getattr(ops, name)(bad)
