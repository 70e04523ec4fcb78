"""Typed errors, and the checks that every constructor runs on its arguments.

A check takes who asks ("Conv2D 'stem'"), the argument's name and its value; it returns the value in its
plain Python form or raises an error that says who, what was expected and what came.
Wrong values raise ValueError, wrong types TypeError.  A bool is not an int here; a NumPy integer is.
"""

import difflib
import math
import numbers
import operator

import numpy as np

LARGEST_INT = 2**63 - 1   # the largest isize


class ShapeError(ValueError):
    """Raised when the shape of an array does not fit."""


class DTypeError(TypeError):
    """Raised when the element type of an array does not fit."""


class FormatError(ValueError):
    """Raised when a file is damaged or is not what its reader reads."""


def show(value, limit=80):
    """Return a short text for a value in an error message: arrays by shape and dtype, also in a tuple or list, the rest by a clipped repr."""
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return f"an array of shape {value.shape}, dtype {value.dtype}"
    if isinstance(value, (tuple, list)) and any(isinstance(item, np.ndarray) for item in value[:8]):
        items = ", ".join([show(item, limit) for item in value[:8]] + ["..."] * (len(value) > 8))
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    try:
        text = repr(value)
    except Exception:   # a broken __repr__ of the user's must not hide the message about the argument
        text = f"an object of {type(value).__name__}"
    return text if len(text) <= limit else f"{text[:limit - 3]}..."


def suggestion(value, known):
    """Return "; did you mean 'relu'?" for the known name nearest to `value`, or "" if none is near."""
    if not isinstance(value, str):
        return ""
    by_lower_case = {name.lower(): name for name in known if isinstance(name, str)}
    near = difflib.get_close_matches(value[:100].lower(), by_lower_case, n=1, cutoff=0.6)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""


def refuse_unknown(who, options, known, hints=None):
    """Raise TypeError for options that nobody takes, if there are any; the nearest known name is suggested, or what `hints` has for one."""
    for name in options:
        raise TypeError(f"{who}: unknown option {name!r}{(hints or {}).get(name) or suggestion(name, known)}")


def one_of(who, name, value, allowed):
    """Return `value` if it is one of `allowed`; the error lists them and suggests the nearest."""
    allowed = tuple(allowed)
    for choice in allowed:
        if type(choice) is type(value) and choice == value:
            return choice
    error = ValueError if any(isinstance(value, type(choice)) for choice in allowed) else TypeError
    choices = ", ".join(repr(choice) for choice in allowed)
    raise error(f"{who}: {name} must be one of {choices}, got {show(value)}{suggestion(value, allowed)}")


def boolean(who, name, value):
    """Return `value` as a bool; only True and False (Python's or NumPy's) will do."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{who}: {name} must be True or False, got {show(value)}")
    return bool(value)


def zero_or_one(who, name, value):
    """Return a `verbose` that is 0 or 1; False and True are the same."""
    return one_of(who, name, int(value) if isinstance(value, (bool, np.bool_)) else value, (0, 1))


def string(who, name, value):
    """Return `value` if it is a string that is not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{who}: {name} must be a string, got {show(value)}")
    if not value:
        raise ValueError(f"{who}: {name} must not be empty")
    return value


def is_int(value):
    """Tell whether `value` is an integer: Python's or NumPy's, also as an array without axes, but no bool."""
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iu"
    return isinstance(value, (int, np.integer))


def integer(who, name, value, low=None, high=None):
    """Return `value` as an int with low <= value <= high; a bound left out is that of a 64-bit integer."""
    expected = _int_text(low, high)
    if not is_int(value):
        raise TypeError(f"{who}: {name} must be {expected}, got {show(value)}")
    number = operator.index(value)
    if not (-LARGEST_INT if low is None else low) <= number <= (LARGEST_INT if high is None else high):
        raise ValueError(f"{who}: {name} must be {expected}, got {show(number)}")
    return number


def positive_int(who, name, value):
    """Return `value` as an int >= 1."""
    return integer(who, name, value, low=1)


def non_negative_int(who, name, value):
    """Return `value` as an int >= 0."""
    return integer(who, name, value, low=0)


def in_range(who, name, value, low=None, high=None, low_open=False, high_open=False):
    """Return `value` as a finite float within low..high; a bound is left out by None and excluded by `*_open`."""
    low = None if low is None or low == -math.inf else low
    high = None if high is None or high == math.inf else high
    expected = "a finite number" + _bounds_text(low, high, low_open, high_open)
    zero_d = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"
    if isinstance(value, (bool, np.bool_)) or not (zero_d or isinstance(value, (numbers.Real, np.number))):
        raise TypeError(f"{who}: {name} must be {expected}, got {show(value)}")
    if isinstance(value, np.complexfloating):
        raise TypeError(f"{who}: {name} must be {expected}, got {show(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    below = low is not None and (number <= low if low_open else number < low)
    above = high is not None and (number >= high if high_open else number > high)
    if not math.isfinite(number) or below or above:
        raise ValueError(f"{who}: {name} must be {expected}, got {show(value)}")
    return number


def int_tuple(who, name, value, length=None, low=None):
    """Return `value`, a list, tuple or flat array of integers, as a tuple of ints (of `length`, each >= low)."""
    count = "" if length is None else f"{length} "
    expected = f"a tuple of {count}integers" + ("" if low is None else f" >= {low}")
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = list(value)
    if not isinstance(value, (list, tuple)) or not all(is_int(item) for item in value):
        raise TypeError(f"{who}: {name} must be {expected}, got {show(value)}")
    numbers_given = tuple(operator.index(item) for item in value)
    wrong_length = length is not None and len(numbers_given) != length
    lowest = -LARGEST_INT if low is None else low
    if wrong_length or any(not lowest <= item <= LARGEST_INT for item in numbers_given):
        raise ValueError(f"{who}: {name} must be {expected}, got {show(value)}")
    return numbers_given


def pair(who, name, value, low=1):
    """Return an integer, or two of them, as a tuple of two ints >= low: 3 and (3, 3) are the same window."""
    if is_int(value):
        value = (value, value)
    elif not isinstance(value, (list, tuple, np.ndarray)):
        raise TypeError(f"{who}: {name} must be an integer or a pair of integers >= {low}, got {show(value)}")
    return int_tuple(who, name, value, length=2, low=low)


def _int_text(low, high):
    if low == 1 and high is None:
        return "a positive integer"
    return "an integer" + _bounds_text(low, high, False, False)


def _bounds_text(low, high, low_open, high_open):
    if low is not None and high is not None:
        return f" in {'(' if low_open else '['}{low}, {high}{')' if high_open else ']'}"
    if low is not None:
        return f" {'>' if low_open else '>='} {low}"
    if high is not None:
        return f" {'<' if high_open else '<='} {high}"
    return ""
