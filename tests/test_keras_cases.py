"""Inputs, weights and outputs recorded from Keras 2.0 (by the keras-js project), for every layer there is here.

A layer that Keras 2.0 has and pydl does not have yet is not collected; `test_every_layer_here_is_covered` counts what is.
"""
import numpy as np
import pytest
from shared_data import array_of, needs_shared, shared_json

import pydl
from pydl import layers, ops

pytestmark = [pytest.mark.shared, needs_shared]
CASES = (shared_json("keras_layer_cases", "keras_layer_cases.json.gz") or {"cases": {}})["cases"]
RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}
# cases whose record leaves the layer out
ACTIVATION = {"core.Activation.0": "softmax", "core.Activation.2": "selu", "core.Activation.4": "softsign", "core.Activation.6": "tanh",
              "core.Activation.8": "hard_sigmoid"}
# what Keras 3, which pydl follows, has no more, in a line of ours
OLD = {"hard_sigmoid": lambda x: ops.clip(x * 0.2 + 0.5, 0, 1), "ThresholdedReLU": lambda x: ops.threshold(x, 0.9, 0.0)}
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")


def made(spec):
    """A layer from its recorded class and arguments."""
    if spec["class"] in OLD:
        return layers.Activation(OLD[spec["class"]], dtype="float64")
    renamed = RENAMED.get(spec["class"], {})
    options = {renamed.get(k, k): tuple_of(v) for k, v in spec["kwargs"].items()}
    if options.get("recurrent_activation") == "hard_sigmoid":
        options["recurrent_activation"] = OLD["hard_sigmoid"]
    if spec["class"] == "GRU":
        options["reset_after"] = False
    return getattr(layers, spec["class"])(*map(tuple_of, spec["args"]), dtype="float64", **options)


def tuple_of(value):
    return tuple(map(tuple_of, value)) if isinstance(value, list) else value


def specs(case):
    return [spec for spec in case["layer"] or () if spec["class"] != "L"]


def available(name, case):
    if name.startswith("activations."):
        return hasattr(pydl.activations, name.split(".")[1])
    if name.startswith(("wrappers.", "embeddings.")):
        return False                                                        # with their layers
    return all(hasattr(layers, spec["class"]) or spec["class"] in OLD for spec in specs(case))


HERE = {name: case for name, case in CASES.items() if available(name, case)}


def expect(got, case):
    want = array_of(case["expected"])
    got = np.asarray(got)
    assert got.shape == (1, *want.shape)
    np.testing.assert_allclose(got[0], want, rtol=2e-5, atol=3e-6)


def model_of(name, case, x):
    """The functional model that was recorded: a chain, or branches from the input that meet in the last layer."""
    entry = layers.Input(x.shape[1:], dtype="float64")
    if name.startswith("core.Activation"):
        return pydl.Model(entry, layers.Activation(OLD.get(ACTIVATION[name], ACTIVATION[name]), dtype="float64")(layers.Dense(2, dtype="float64")(entry)))
    chain = specs(case) or [{"class": "Flatten", "args": [], "kwargs": {}}]
    if chain[-1]["class"] in MERGES:
        branches, at = [], None
        for spec in chain[:-1]:
            if spec["class"] == "Dense":
                if at is not None:
                    branches.append(at)
                at = entry
            at = made(spec)(at)
        return pydl.Model(entry, made(chain[-1])([*branches, at]))
    at = entry
    for spec in chain:
        at = made(spec)(at)
    return pydl.Model(entry, at)


@pytest.mark.parametrize("name", sorted(HERE))
def test_keras_case(name):
    case = CASES[name]
    x = array_of(case["input"])[None]
    if name.startswith("activations."):
        _, function, number = name.split(".")
        options = {"negative_slope": 0.3} if (function, number) == ("relu", "4") else {}
        expect(OLD.get(function, getattr(pydl.activations, function))(x, **options).numpy(), case)
        return
    model = model_of(name, case, x)
    model.set_weights([array_of(w) for w in case.get("weights") or []])
    stateful = [layer for layer in model.layers if getattr(layer, "stateful", False)]
    for _ in range(3):                                                      # recorded twice, then replayed
        for layer in stateful:                                              # recorded with the second call: the state of the first goes in
            layer.reset_states()
            model.predict(x)
        expect(model.predict(x), case)


def test_every_layer_here_is_covered():
    assert len(HERE) >= 127
    for layer in ("Dense", "Conv2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "BatchNormalization", "Add", "Concatenate", "Reshape",
                  "SimpleRNN", "GRU", "LSTM"):
        assert any(f".{layer}." in name for name in HERE), layer
