"""Published values of the Deep Learning Specialization and of Keras's tests, from shared/data/course: the tests that need them skip where it is absent."""
import numpy as np
import pytest
from shared_data import SHARED as DATA
from shared_data import cases_by_id, drawn  # noqa: F401

SHARED = DATA.parent


def published(case, file="course_values.json"):
    """The case of that id: {inputs, expected, ...}."""
    found = cases_by_id(file)
    if not found:
        pytest.skip(f"published values are not here: {DATA / 'course'}")
    return found[case]


def keras(case):
    return published(case, "framework_values.json")


def agrees(got, expected, tolerance):
    """Equal to the printed digits: relative, with 1e-2 added to the denominator."""
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    assert got.shape == expected.shape
    assert np.all(abs(got - expected) <= tolerance * (abs(expected) + 1e-2)), f"{got} against the published {expected}"
