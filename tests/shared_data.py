"""Where the data beside the checkout is: $PYDL_SHARED, or ../shared; tests that need it are skipped, with the reason, without it."""
import functools
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PYDL_SHARED") or ROOT.parent / "shared") / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared data is not here: no {SHARED} (set PYDL_SHARED)")


def shared_json(*parts):
    """The content of a JSON file, gzipped or not; None where the shared data is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        return None
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
        return json.load(file)


@functools.cache
def cases_by_id(name):
    """The cases of course/<name> by id; empty without the data."""
    found = shared_json("course", name)
    return {case["id"]: case for case in found["cases"]} if found else {}


def drawn(recipe):
    """The arrays of a recipe {seed, draws_in_order}, by name: one RandomState, standard normal draws in order."""
    rng = np.random.RandomState(recipe["seed"])
    return {d["name"]: rng.standard_normal(tuple(d["shape"])) * d.get("times", 1) for d in recipe["draws_in_order"]}


def array_of(entry):
    """A {"data", "shape"} entry as an ndarray."""
    return np.array(entry["data"], dtype=np.float64).reshape(entry["shape"])
