import math

import numpy as np
import pytest

import pydl
from pydl import errors


def test_our_errors_are_the_standard_ones():
    assert issubclass(errors.ShapeError, ValueError)
    assert issubclass(errors.DTypeError, TypeError)
    assert issubclass(errors.FormatError, ValueError)


@pytest.mark.parametrize("value", [1, 7, np.int8(3), np.uint64(9), np.array(4), 2**63 - 1])
def test_positive_int_takes_python_and_numpy_integers(value):
    got = errors.positive_int("Dense", "units", value)
    assert type(got) is int and got == value


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "3", None, [3], np.array([3]), np.float32(2), 1 + 0j])
def test_positive_int_refuses_other_types(value):
    with pytest.raises(TypeError, match=r"^Dense 'top': units must be a positive integer, got "):
        errors.positive_int("Dense 'top'", "units", value)


@pytest.mark.parametrize("value", [0, -1, np.int64(-5), 2**63, 10**400])
def test_positive_int_refuses_values_out_of_range(value):
    with pytest.raises(ValueError, match=r"^Dense: units must be a positive integer, got "):
        errors.positive_int("Dense", "units", value)


def test_non_negative_int_takes_zero_only_as_lowest():
    assert errors.non_negative_int("fit", "epochs", 0) == 0
    with pytest.raises(ValueError, match="an integer >= 0, got -1"):
        errors.non_negative_int("fit", "epochs", -1)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.array(0.75), np.int64(0)])
def test_in_range_takes_numbers(value):
    got = errors.in_range("Dropout", "rate", value, 0, 1, high_open=True)
    assert type(got) is float and got == value


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, math.nan, math.inf, -math.inf, np.float32("nan"), 10**400])
def test_in_range_refuses_values_outside(value):
    with pytest.raises(ValueError, match=r"^Dropout: rate must be a finite number in \[0, 1\), got "):
        errors.in_range("Dropout", "rate", value, 0, 1, high_open=True)


@pytest.mark.parametrize("value", [True, "0.5", None, [0.5], 1j, np.complex64(1), np.array([0.5]), np.array("a")])
def test_in_range_refuses_other_types(value):
    with pytest.raises(TypeError, match=r"^Dropout: rate must be a finite number"):
        errors.in_range("Dropout", "rate", value, 0, 1)


def test_in_range_bounds_open_closed_and_absent():
    assert errors.in_range("SGD", "x", 0.0, 0) == 0
    with pytest.raises(ValueError, match="> 0, got 0.0"):
        errors.in_range("SGD", "x", 0.0, 0, low_open=True)
    with pytest.raises(ValueError, match="<= 2, got 3"):
        errors.in_range("SGD", "x", 3, None, 2)
    assert errors.in_range("SGD", "x", -1e300, -math.inf, math.inf) == -1e300
    with pytest.raises(ValueError, match="a finite number, got inf"):
        errors.in_range("SGD", "x", math.inf, -math.inf, math.inf)


def test_one_of_suggests_the_nearest_name():
    assert errors.one_of("Conv2D", "padding", "same", ("valid", "same")) == "same"
    with pytest.raises(ValueError, match=r"^Conv2D: padding must be one of 'valid', 'same', got 'sme'; did you mean 'same'\?$"):
        errors.one_of("Conv2D", "padding", "sme", ("valid", "same"))
    with pytest.raises(ValueError, match=r"did you mean 'ReLU'\?"):
        errors.one_of("Activation", "activation", "rleu", ("ReLU", "tanh"))
    with pytest.raises(ValueError, match=r"got 'zzzzz'$"):
        errors.one_of("Conv2D", "padding", "zzzzz", ("valid", "same"))


@pytest.mark.parametrize("value", [3, None, [], np.zeros(3), {}, b"same"])
def test_one_of_refuses_other_types(value):
    with pytest.raises(TypeError, match="must be one of 'valid', 'same'"):
        errors.one_of("Conv2D", "padding", value, ("valid", "same"))


def test_one_of_with_none_and_numbers_keeps_true_and_one_apart():
    assert errors.one_of("fit", "verbose", None, (None, 0, 1)) is None
    assert errors.one_of("fit", "verbose", 1, ("auto", 0, 1)) == 1
    with pytest.raises(ValueError):     # a bool is an int to Python, so this is a wrong value, not a wrong type
        errors.one_of("fit", "verbose", True, ("auto", 0, 1))


def test_boolean():
    assert errors.boolean("Dense", "use_bias", np.False_) is False
    for value in (0, 1, "True", None, np.array([True])):
        with pytest.raises(TypeError, match="use_bias must be True or False"):
            errors.boolean("Dense", "use_bias", value)


def test_string():
    assert errors.string("Layer", "name", "a") == "a"
    with pytest.raises(TypeError, match="name must be a string, got 3"):
        errors.string("Layer", "name", 3)
    with pytest.raises(ValueError, match="must not be empty"):
        errors.string("Layer", "name", "")


@pytest.mark.parametrize("value", [3, (3, 3), [3, np.int32(3)], np.array([3, 3]), np.int64(3)])
def test_pair(value):
    got = errors.pair("Conv2D", "kernel_size", value)
    assert got == (3, 3) and all(type(item) is int for item in got)


@pytest.mark.parametrize("value, error", [(0, ValueError), ((3, 0), ValueError), ((3,), ValueError), ((1, 2, 3), ValueError),
                                          ((), ValueError), (2**70, ValueError), (True, TypeError), (2.0, TypeError),
                                          ("33", TypeError), (None, TypeError), ((1, 2.0), TypeError), ((1, None), TypeError),
                                          (np.ones((2, 2), int), TypeError), ({1, 2}, TypeError)])
def test_pair_refuses(value, error):
    with pytest.raises(error, match="^Conv2D: strides must be "):
        errors.pair("Conv2D", "strides", value)


def test_pair_from_zero():
    assert errors.pair("ZeroPadding2D", "padding", 0, low=0) == (0, 0)
    with pytest.raises(ValueError, match=">= 0"):
        errors.pair("ZeroPadding2D", "padding", -1, low=0)


def test_int_tuple():
    assert errors.int_tuple("Input", "shape", [np.int8(2), 3]) == (2, 3)
    assert errors.int_tuple("Input", "shape", ()) == ()
    assert errors.int_tuple("Input", "shape", (-1, 4)) == (-1, 4)
    with pytest.raises(TypeError, match="a tuple of integers, got 'ab'"):
        errors.int_tuple("Input", "shape", "ab")
    with pytest.raises(ValueError, match="a tuple of 3 integers >= 0"):
        errors.int_tuple("Input", "shape", (1, 2), length=3, low=0)


def test_messages_stay_short_whatever_comes():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    for value in ("x" * 10**6, np.zeros((1000, 1000)), Broken(), list(range(10**5))):
        with pytest.raises((TypeError, ValueError)) as caught:
            errors.pair("Conv2D", "strides", value)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("call, words", [
    (lambda: pydl.layers.Dense(3, activatoin="relu"), "Dense: unknown option 'activatoin'; did you mean 'activation'"),
    (lambda: pydl.layers.Conv2D(3, 3, stride=2), "Conv2D: unknown option 'stride'; did you mean 'strides'"),
    (lambda: pydl.layers.ZeroPadding2D(3, input_shape=(64, 64, 3)),
     r"ZeroPadding2D: unknown option 'input_shape'; declare the input before it, by layers.Input\(shape\)"),
    (lambda: pydl.layers.Dropout(0.5, training=True), "Dropout: unknown option 'training'$"),
])
def test_an_option_that_a_layer_does_not_have(call, words):
    with pytest.raises(TypeError, match=words):
        call()


@pytest.mark.parametrize(("value", "text"), [
    ((np.zeros((200, 3), "float32"), 1), "(an array of shape (200, 3), dtype float32, 1)"), ([np.zeros(2)], "[an array of shape (2,), dtype float64]"),
    ([np.zeros(1)] * 9, ("[" + "an array of shape (1,), dtype float64, " * 8 + "...]")), ((1, "a"), "(1, 'a')"),
])
def test_arrays_are_shown_by_their_shapes(value, text):
    assert errors.show(value) == text
