"""What Keras computed: the recorded cases of activations, merges and reshaping layers (beside the checkout; skipped where they are not)."""
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from pydl import layers, ops

ROOT = Path(__file__).resolve().parent.parent
FILE = Path(os.environ.get("PYDL_SHARED") or ROOT.parent / "shared") / "data" / "keras_layer_cases" / "keras_layer_cases.json.gz"
CASES = json.loads(gzip.open(FILE).read())["cases"] if FILE.exists() else {}
ACTIVATIONS = [n for n in CASES if n.startswith("activations.") and "hard_sigmoid" not in n]      # Keras 2's had another slope
MERGES = [n for n in CASES if n.startswith("merge.")]
RESHAPING = [n for n in CASES if n.split(".")[1].rstrip("0123456789.D") in ("ZeroPadding", "Cropping", "Flatten", "Permute", "RepeatVector", "Reshape")
             and "3D" not in n]
ADVANCED = [n for n in CASES if n.startswith("advanced_activations.")]
pytestmark = pytest.mark.skipif(not CASES, reason=f"the recorded Keras cases are not here: no {FILE} (set PYDL_SHARED)")


def array(entry):
    return np.array(entry["data"], np.float32).reshape(entry["shape"])


def check(y, case):
    np.testing.assert_allclose(y.numpy()[0], array(case["expected"]), rtol=2e-5, atol=2e-5)


def made(spec, **changed):
    return getattr(layers, spec["class"])(*spec["args"], **{changed.get(k, k): v for k, v in spec["kwargs"].items()})


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    leaky = name == "activations.relu.4"                          # recorded with alpha 0.3: its expected values say so
    layer = layers.ReLU(negative_slope=0.3) if leaky else layers.Activation(name.split(".")[1])
    check(layer(array(CASES[name]["input"])[None]), CASES[name])


@pytest.mark.parametrize("name", [n for n in CASES if "hard_sigmoid" in n])
def test_the_hard_sigmoid_of_keras_2_in_a_line_of_ours(name):
    check(layers.Activation(lambda x: ops.clip(x * 0.2 + 0.5, 0, 1))(array(CASES[name]["input"])[None]), CASES[name])


@pytest.mark.parametrize("name", ADVANCED)
def test_advanced_activations(name):
    case = CASES[name]
    spec, x = case["layer"][0], array(case["input"])[None]
    if spec["class"] == "ThresholdedReLU":                        # gone from Keras 3; ours in a line
        check(ops.threshold(x, spec["kwargs"]["theta"], 0.0), case)
        return
    layer = made(spec, **({"alpha": "negative_slope"} if spec["class"] == "LeakyReLU" else {}))
    layer(x)
    layer.set_weights([array(w) for w in case.get("weights") or []])
    check(layer(x), case)


@pytest.mark.parametrize("name", RESHAPING)
def test_reshaping(name):
    case = CASES[name]
    spec = (case["layer"] or [{"class": "Flatten", "args": [], "kwargs": {}}])[0]
    check(made(spec)(array(case["input"])[None]), case)


@pytest.mark.parametrize("name", MERGES)
def test_merges(name):
    """Dense branches on one input, some repeated, then the merge."""
    case = CASES[name]
    x, weights = array(case["input"])[None], [array(w) for w in case["weights"]]
    branches = []
    for spec in case["layer"][:-1]:
        if spec["class"] == "Dense":
            kernel, bias = weights[:2]
            weights = weights[2:]
            branches.append(x @ kernel + bias)
        else:
            branches[-1] = made(spec)(branches[-1]).numpy()
    check(made(case["layer"][-1])(branches), case)
