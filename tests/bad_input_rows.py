"""Bad calls by the patterns P01 ... P20 (zero sizes, overflow, empty, axis, unequal lengths, rank, windows, NaN, labels, files, options, ...).

Each row names a bad call, its good twin (the same call without the fault), and what the message must name.  `values` makes
a row for each bad value of an argument; `call` makes one row of two functions.  test_bad_input.py runs them.
"""

import tempfile

import numpy as np
from bad_input_runner import Row

NAN, INF = float("nan"), float("inf")
IMAGE = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype("float32")
VECTOR = np.random.default_rng(1).standard_normal((6, 4)).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2])
SCRATCH = tempfile.mkdtemp(prefix="pydl-bad-input-")
ROWS = []


def rows():
    return ROWS


def call(pattern, name, bad, good, *mentions, memory=False):
    ROWS.append(Row(pattern, name, bad, good, mentions, memory))


def shown(value):
    text = f"array{value.shape}" if isinstance(value, np.ndarray) else getattr(value, "__name__", None) or repr(value)
    return text if len(text) < 40 else text[:37] + "..."


def values(make, good, *bad, on=None, memory=False, says=(), name=None):
    """A row for each (pattern, argument, value): make(**good) with that argument changed, called on `on` if given.

    The message must name the argument, or say one of `says`.
    """

    def run(**options):
        made = make(**options)
        return made if on is None else made(on)

    for pattern, argument, *wrong in bad:
        for value in wrong:
            call(
                pattern,
                f"{name or make.__name__} {argument}={shown(value)}",
                lambda a=argument, v=value: run(**{**good, a: v}),
                lambda: run(**good),
                rf"\b{argument}\b",
                *says,
                memory=memory,
            )
