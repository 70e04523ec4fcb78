"""Published values of the Deep Learning Specialization and of Keras's tests, from shared/data/course: the tests that need them skip where it is absent."""
import json
import os
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(os.environ.get("PYDL_SHARED") or Path(__file__).resolve().parent.parent.parent / "shared")


def published(case, file="course_values.json"):
    """The case of that id: {inputs, expected, ...}."""
    path = SHARED / "data" / "course" / file
    if not path.exists():
        pytest.skip(f"published values are not here: {path}")
    return {c["id"]: c for c in json.loads(path.read_text())["cases"]}[case]


def keras(case):
    return published(case, "framework_values.json")


def drawn(recipe):
    """The arrays of an input recipe, by name: one RandomState, normal numbers in the order given."""
    rng = np.random.RandomState(recipe["seed"])
    return {d["name"]: rng.standard_normal(d["shape"]) * d.get("times", 1) for d in recipe["draws_in_order"]}


def agrees(got, expected, tolerance):
    """Equal to the printed digits: relative, with 1e-2 added to the denominator."""
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    assert got.shape == expected.shape
    assert np.all(abs(got - expected) <= tolerance * (abs(expected) + 1e-2)), f"{got} against the published {expected}"
