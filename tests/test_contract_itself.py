"""The contract notices what it is for: an op with a fault, taken through the checks, must fail the one that is meant for it."""
import numpy as np
import pytest
import test_contract as checks
from contract import N, layer, op

import pydl
from pydl.autodiff import Op
from pydl.tensor import as_tensor


class Faulty(Op):
    """y = 2 x, but for the fault."""

    def __init__(self, fault): self.fault = fault

    def forward(self, B, x):
        if self.fault == "modifies":
            B.add(x, x, x)
        y = B.empty(x.shape, x.dtype)
        B.add(x, x, y)
        if self.fault == "values":
            B.add(y, x, y)
        if self.fault == "threads" and pydl.get_num_threads() > 1 and x.size > 1000:
            B.add(y, x, y)
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.add(dy, dy, dx)
        if self.fault == "gradient" or (self.fault == "gradient32" and dy.dtype == np.float32):
            B.add(dx, dy, dx)
        return dx


def double(x, fault):
    return Faulty(fault)(as_tensor(x))


def case_of(fault):
    return op("faulty", double, (N, 3), lambda x, fault: 2 * x, fault=fault)


CHECKS = {"values": lambda c: checks.test_equals_the_reference(c, "float64", "base"), "gradient": checks.test_gradient_by_differences,
          "gradient32": lambda c: checks.test_float32_gradient_is_the_float64_one(c, "base"), "modifies": checks.test_inputs_are_not_modified,
          "threads": lambda c: checks.test_any_number_of_threads_gives_the_same_bits(c, "float32", pydl.set_num_threads)}


@pytest.mark.parametrize("fault", list(CHECKS))
def test_a_fault_is_noticed(fault):
    before = pydl.get_num_threads()
    try:
        CHECKS[fault](case_of("none"))
        with pytest.raises(AssertionError):
            CHECKS[fault](case_of(fault))
    finally:
        pydl.set_num_threads(before)


def test_a_step_that_cannot_be_replayed_is_noticed():
    counter = iter(range(1000))

    def drifting(x):
        return as_tensor(x) * float(next(counter))
    with pytest.raises((AssertionError, RuntimeError)):
        checks.test_replayed_values_are_the_eager_ones(op("faulty", drifting, (N, 3), None))


class Forgetful(pydl.layers.Layer):
    """A layer whose config loses an argument."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class Stubborn(pydl.layers.Layer):
    """A layer that changes its weight, frozen or not."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")

    def call(self, x):
        np.asarray(self.w.array)[...] += 1
        return x * self.w


class Wide(pydl.layers.Layer):
    """A layer that says it is wider than it is."""

    def call(self, x):
        return x * 2

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 99)


def test_a_layer_that_forgets_its_config_is_noticed():
    with pytest.raises(AssertionError):
        checks.test_config_makes_the_same_layer(layer("faulty", Forgetful, (3,), None, factor=2.0))


@pytest.mark.filterwarnings("ignore::pydl.CaptureWarning")
def test_a_frozen_layer_that_changes_is_noticed():
    with pytest.raises(AssertionError):
        checks.test_frozen(layer("faulty", Stubborn, (3,), None))


def test_an_output_shape_that_is_wrong_is_noticed():
    with pytest.raises(AssertionError):
        checks.test_output_shape_is_known_before_the_data(layer("faulty", Wide, (3,), None))
