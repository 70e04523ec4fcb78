"""Bad calls by the patterns P01 ... P20 (zero sizes, overflow, empty, axis, unequal lengths, rank, windows, NaN, labels, files, options, ...).

Each row names a bad call, its good twin (the same call without the fault), and what the message must name.  `values` makes
a row for each bad value of an argument; `call` makes one row of two functions.  test_bad_input.py runs them.
"""

import json
import os
import pickle
import shutil
import struct
import tempfile
import zipfile
import zlib

import numpy as np
from bad_input_runner import Row

import pydl
from pydl import layers as L
from pydl import losses, metrics, ops, optimizers, registry, regularizers, saving
from pydl.initializers import Constant, GlorotUniform, HeNormal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling

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


def values(make, good, *bad, on=None, memory=False, says=()):
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
                f"{make.__name__} {argument}={shown(value)}",
                lambda a=argument, v=value: run(**{**good, a: v}),
                lambda: run(**good),
                rf"\b{argument}\b",
                *says,
                memory=memory,
            )


# ---------------------------------------------------------------------------------------------------- layers: arguments

values(
    L.Dense,
    dict(units=3),
    ("P01", "units", 0),
    ("P04", "units", -3),
    ("P16", "units", "3", 2.5, None, True, [3]),
    ("P08", "units", NAN),
    ("P16", "activation", "rleu", 7),
    ("P16", "use_bias", "yes", 1),
    ("P16", "kernel_initializer", "glorot", 3),
    ("P16", "bias_initializer", "zero-ish"),
    ("P16", "kernel_regularizer", "l3", 0.1),
    ("P16", "name", 5, ""),
    ("P16", "trainable", "no"),
    ("P16", "dtype", "float16", "int32", "complex64", "bogus"),
    on=VECTOR,
)
values(
    L.Conv2D,
    dict(filters=4, kernel_size=3),
    ("P01", "filters", 0),
    ("P01", "kernel_size", 0, (3, 0)),
    ("P01", "strides", 0, (0, 1)),
    ("P01", "dilation_rate", 0, (1, 0)),
    ("P01", "groups", 0),
    ("P04", "filters", -1),
    ("P04", "kernel_size", -3),
    ("P04", "strides", -1),
    ("P04", "dilation_rate", -2),
    ("P04", "groups", -1),
    ("P05", "kernel_size", (3, 3, 3), (3,)),
    ("P05", "strides", (1, 1, 1)),
    ("P16", "filters", "4", 4.0, None),
    ("P16", "kernel_size", "3", 2.5, None, (3, 2.5)),
    ("P16", "strides", "2", 1.5),
    ("P16", "padding", "bogus", "SAME ", None),
    ("P16", "activation", "rulu"),
    ("P16", "data_format", "channels", "NHWC"),
    ("P16", "use_bias", 2),
    ("P16", "kernel_initializer", "he"),
    ("P17", "groups", 3),
    on=IMAGE,
)
values(
    L.MaxPooling2D,
    dict(pool_size=2),
    ("P01", "pool_size", 0, (2, 0)),
    ("P01", "strides", 0),
    ("P04", "pool_size", -2),
    ("P04", "strides", -1, (1, -1)),
    ("P05", "pool_size", (2, 2, 2)),
    ("P16", "padding", "full", True),
    ("P16", "pool_size", "2", 2.5, None),
    ("P16", "data_format", "last"),
    on=IMAGE,
)
values(
    L.AveragePooling2D,
    dict(pool_size=2),
    ("P01", "pool_size", 0),
    ("P01", "strides", (0, 2)),
    ("P04", "pool_size", -1),
    ("P16", "padding", "none"),
    ("P16", "strides", "x"),
    on=IMAGE,
)
values(L.GlobalAveragePooling2D, {}, ("P16", "keepdims", "yes", 3), ("P16", "data_format", "channels_middle"), on=IMAGE)
values(L.Flatten, {}, ("P16", "data_format", "bogus"), on=IMAGE)
values(
    L.Reshape,
    dict(target_shape=(2, 2)),
    ("P01", "target_shape", (0, 4)),
    ("P04", "target_shape", (-2, 2), (-1, -1)),
    ("P07", "target_shape", (3, 2), (5,)),
    ("P02", "target_shape", (2**40, 2**40)),
    ("P16", "target_shape", "22", 4.5, None, (2, "2")),
    on=VECTOR,
    says=["Reshape .* target", "Reshape .* an array of shape"],
)
values(L.Dropout, dict(rate=0.5), ("P17", "rate", 1.5, -0.1), ("P08", "rate", NAN, INF), ("P16", "rate", "half", None), ("P16", "seed", "x", 1.5), on=VECTOR)
values(
    L.BatchNormalization,
    {},
    ("P04", "axis", 5, -7),
    ("P16", "axis", "last", 1.5),
    ("P17", "momentum", 1.5, -0.5),
    ("P08", "momentum", NAN),
    ("P17", "epsilon", -1e-3),
    ("P08", "epsilon", NAN),
    ("P16", "center", "yes"),
    ("P16", "scale", 0),
    on=VECTOR,
)
values(L.Activation, dict(activation="relu"), ("P16", "activation", "tahn", 3.5), on=VECTOR)
values(L.Concatenate, dict(axis=-1), ("P04", "axis", 7, -9), ("P16", "axis", "rows", 0.5), on=[VECTOR, VECTOR])
values(
    L.Input,
    dict(shape=(4,)),
    ("P01", "shape", (0,)),
    ("P04", "shape", (-1,)),
    ("P16", "shape", 4, "44", None, (2.5,), ("a",)),
    ("P16", "dtype", "float99", "complex64"),
    ("P01", "batch_size", 0),
    ("P16", "batch_size", "x"),
    ("P16", "name", 3),
)


# ---------------------------------------------------------------------------------------------------- layers: what they are called on


def layer_call(pattern, layer, name, wrong, right, *also):
    """A row: the layer, built on `right` and called on `wrong`; the message must name the layer."""

    def good():
        return layer()(right)

    def bad():
        return layer()(wrong)

    kind = layer().who.split()[0]
    call(pattern, f"{kind} on {name}", bad, good, rf"\b{kind}\b", *also)


DENSE, CONV, POOL, AVERAGE = lambda: L.Dense(3), lambda: L.Conv2D(4, 3), lambda: L.MaxPooling2D(2), lambda: L.AveragePooling2D(2)
layer_call("P06", DENSE, "a number", 3.0, VECTOR)
layer_call("P06", DENSE, "one axis", VECTOR[0], VECTOR)
layer_call("P03", DENSE, "no features", np.zeros((2, 0)), VECTOR)
for what, value in {
    "text": "hello",
    "None": None,
    "a dict": {"a": 1},
    "strings": np.array([["a", "b"]]),
    "objects": np.array([[None, 1]]),
    "complex numbers": VECTOR + 1j,
    "dates": np.array([["2020-01-01"]], "M8[D]"),
    "ragged rows": [[1.0, 2.0], [3.0]],
    "a layer class": L.Dense,
}.items():
    layer_call("P16", DENSE, what, value, VECTOR)
for layer in (CONV, POOL, AVERAGE, L.GlobalAveragePooling2D):
    layer_call("P06", layer, "two axes", VECTOR, IMAGE)
    layer_call("P06", layer, "three axes", IMAGE[0], IMAGE)
    layer_call("P06", layer, "five axes", IMAGE[None], IMAGE)
    layer_call("P16", layer, "text", "image.png", IMAGE)
for layer in (CONV, POOL, AVERAGE):
    layer_call("P07", layer, "an image smaller than the window", IMAGE[:, :1, :1], IMAGE)
layer_call("P03", CONV, "no channels", np.zeros((1, 8, 8, 0)), IMAGE)
layer_call("P03", CONV, "an image without rows", np.zeros((1, 0, 8, 3)), IMAGE)
call("P07", "MaxPooling2D window past the end", lambda: L.MaxPooling2D(77)(IMAGE), lambda: L.MaxPooling2D(7)(IMAGE), "MaxPooling2D")
call("P07", "AveragePooling2D window past the end", lambda: L.AveragePooling2D(77)(IMAGE), lambda: L.AveragePooling2D(7)(IMAGE), "AveragePooling2D")
call("P07", "Conv2D window past the end", lambda: L.Conv2D(4, 77)(IMAGE), lambda: L.Conv2D(4, 7)(IMAGE), "Conv2D")
call("P07", "Conv2D dilated window past the end", lambda: L.Conv2D(4, 3, dilation_rate=9)(IMAGE), lambda: L.Conv2D(4, 3, dilation_rate=2)(IMAGE), "Conv2D")
call("P02", "MaxPooling2D huge window", lambda: L.MaxPooling2D(2**62)(IMAGE), lambda: L.MaxPooling2D(2)(IMAGE), "MaxPooling2D", "pool_size")
call("P02", "MaxPooling2D window of 2**70", lambda: L.MaxPooling2D(2**70)(IMAGE), lambda: L.MaxPooling2D(2)(IMAGE), "MaxPooling2D", "pool_size")
call(
    "P02", "Conv2D huge dilation same", lambda: L.Conv2D(2, 3, dilation_rate=2**61, padding="same")(IMAGE), lambda: L.Conv2D(2, 3)(IMAGE), "Conv2D", "dilation"
)
call("P02", "Conv2D huge kernel same", lambda: L.Conv2D(2, 2**31, padding="same")(IMAGE), lambda: L.Conv2D(2, 3)(IMAGE), "Conv2D", memory=True)
call("P02", "Conv2D huge filters", lambda: L.Conv2D(2**60, 3)(IMAGE), lambda: L.Conv2D(2, 3)(IMAGE), "Conv2D", "filters", memory=True)
call("P02", "Dense huge units", lambda: L.Dense(2**61)(VECTOR), lambda: L.Dense(2)(VECTOR), "Dense", "units", memory=True)
call("P02", "Dense units of 2**70", lambda: L.Dense(2**70)(VECTOR), lambda: L.Dense(2)(VECTOR), "Dense", "units")
call("P02", "Input of 2**70", lambda: L.Input((2**70,)), lambda: L.Input((2,)), "Input", "shape")


def built(layer, on):
    layer(on)
    return layer


call(
    "P05",
    "Conv2D built for other channels",
    lambda: built(L.Conv2D(2, 3, name="stem"), IMAGE)(IMAGE[..., :2]),
    lambda: built(L.Conv2D(2, 3, name="stem"), IMAGE)(IMAGE[..., :3]),
    "stem",
)
call(
    "P06",
    "Conv2D built for images and given rows",
    lambda: built(L.Conv2D(2, 3, name="stem"), IMAGE)(VECTOR),
    lambda: built(L.Conv2D(2, 3, name="stem"), IMAGE)(IMAGE),
    "stem",
)
call(
    "P05",
    "Dense built for other features",
    lambda: built(L.Dense(2, name="head"), VECTOR)(VECTOR[:, :3]),
    lambda: built(L.Dense(2, name="head"), VECTOR)(VECTOR[:3]),
    "head",
)
call(
    "P05",
    "BatchNormalization built for other features",
    lambda: built(L.BatchNormalization(name="norm"), VECTOR)(VECTOR[:, :3]),
    lambda: built(L.BatchNormalization(name="norm"), VECTOR)(VECTOR[:3]),
    "norm",
)
call("P05", "Conv2D groups do not divide channels", lambda: L.Conv2D(4, 3, groups=2)(IMAGE), lambda: L.Conv2D(3, 3, groups=3)(IMAGE), "Conv2D", "groups")
call("P18", "layer called on nothing", lambda: L.Dense(3)(), lambda: L.Dense(3)(VECTOR), "Dense")
call(
    "P18",
    "set_weights before build",
    lambda: L.Dense(3).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    "Dense",
)
call(
    "P05",
    "set_weights too few",
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3))]),
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    "Dense",
)
call(
    "P05",
    "set_weights other shape",
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((3, 4)), np.zeros(3)]),
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    "Dense",
    "kernel",
)
call(
    "P16",
    "set_weights of text",
    lambda: built(L.Dense(3), VECTOR).set_weights([np.full((4, 3), "a"), np.zeros(3)]),
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    "Dense",
    "kernel",
)
call(
    "P16",
    "set_weights of a number",
    lambda: built(L.Dense(3), VECTOR).set_weights(3),
    lambda: built(L.Dense(3), VECTOR).set_weights([np.zeros((4, 3)), np.zeros(3)]),
    "Dense",
    "set_weights",
)
call("P16", "unknown argument", lambda: L.Dense(3, unit=3), lambda: L.Dense(3), "unit")
call("P16", "unknown argument of Conv2D", lambda: L.Conv2D(3, 3, stride=2), lambda: L.Conv2D(3, 3, strides=2), "stride")

PAIR = [VECTOR, VECTOR]
for merge in (L.Add, L.Concatenate):
    kind = merge.__name__
    call("P05", f"{kind} of unequal shapes", lambda m=merge: m()([VECTOR, np.zeros((5, 3))]), lambda m=merge: m()(PAIR), kind)
    call("P06", f"{kind} of other ranks", lambda m=merge: m()([VECTOR, IMAGE]), lambda m=merge: m()(PAIR), kind)
    call("P03", f"{kind} of nothing", lambda m=merge: m()([]), lambda m=merge: m()(PAIR), kind)
    call("P16", f"{kind} of an array", lambda m=merge: m()(VECTOR), lambda m=merge: m()(PAIR), kind)
    call("P16", f"{kind} with text", lambda m=merge: m()([VECTOR, "x"]), lambda m=merge: m()(PAIR), kind)


# ---------------------------------------------------------------------------------------------------- layers of sequences

SEQUENCE = np.random.default_rng(3).standard_normal((2, 5, 4)).astype("float32")
for recurrent in (L.SimpleRNN, L.LSTM, L.GRU):
    kind, states = recurrent.__name__, 2 if recurrent is L.LSTM else 1
    values(
        recurrent,
        dict(units=3),
        ("P01", "units", 0),
        ("P04", "units", -2),
        ("P16", "units", "3", 2.5, None),
        ("P16", "activation", "tahn"),
        ("P16", "return_sequences", "yes", 1),
        ("P16", "go_backwards", 2),
        ("P17", "dropout", 1.5, -0.1),
        ("P08", "recurrent_dropout", NAN),
        ("P16", "kernel_initializer", "glorrot"),
        on=SEQUENCE,
    )
    layer_call("P03", lambda r=recurrent: r(3), "no steps", np.zeros((2, 0, 4)), SEQUENCE)
    layer_call("P03", lambda r=recurrent: r(3), "no features", np.zeros((2, 5, 0)), SEQUENCE)
    layer_call("P06", lambda r=recurrent: r(3), "two axes", VECTOR, SEQUENCE)
    layer_call("P06", lambda r=recurrent: r(3), "four axes", IMAGE, SEQUENCE)
    call(
        "P05",
        f"{kind} initial_state of other units",
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((2, 7), "float32")] * n),
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((2, 3), "float32")] * n),
        "initial_state",
        kind,
    )
    call(
        "P05",
        f"{kind} initial_state of other rows",
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((9, 3), "float32")] * n),
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((2, 3), "float32")] * n),
        "initial_state",
        kind,
    )
    call(
        "P05",
        f"{kind} initial_state too many",
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((2, 3), "float32")] * (n + 1)),
        lambda r=recurrent, n=states: r(3)(SEQUENCE, initial_state=[np.zeros((2, 3), "float32")] * n),
        "initial_state",
        kind,
    )
    call(
        "P05",
        f"{kind} built for other features",
        lambda r=recurrent: built(r(3, name="cell"), SEQUENCE)(SEQUENCE[..., :2]),
        lambda r=recurrent: built(r(3, name="cell"), SEQUENCE)(SEQUENCE),
        "cell",
    )
IDS = np.array([[0, 4], [1, 2]])
values(
    L.Embedding,
    dict(input_dim=5, output_dim=3),
    ("P01", "input_dim", 0),
    ("P01", "output_dim", 0),
    ("P04", "input_dim", -5),
    ("P16", "output_dim", "3", 1.5),
    ("P16", "mask_zero", "yes"),
    ("P16", "embeddings_initializer", "unifrom"),
    on=IDS,
)
for what, ids in (("the size of the vocabulary", [[0, 5]]), ("-1", [[-1, 0]]), ("2**32", [[2**32, 0]]), ("-2**63", [[-(2**63), 0]]), ("2**62", [[2**62, 0]])):
    layer_call("P09", lambda: L.Embedding(5, 3), f"index {what}", np.array(ids), IDS)
call(
    "P09",
    "fit of an index past the vocabulary",
    lambda: embedded().fit(IDS + 1, np.zeros((2, 1)), verbose=0),
    lambda: embedded().fit(IDS, np.zeros((2, 1)), verbose=0),
    "Embedding",
    "embedding",
    "index",
)
call(
    "P09",
    "replayed predict of an index past the vocabulary",
    lambda: (lambda m: [m.predict(i) for i in (IDS, IDS, IDS, IDS + 1)])(embedded()),
    lambda: (lambda m: [m.predict(i) for i in (IDS, IDS, IDS, IDS)])(embedded()),
    "Embedding",
    "embedding",
    "index",
)
call("P16", "TimeDistributed of a class", lambda: L.TimeDistributed(L.Dense), lambda: L.TimeDistributed(L.Dense(2)), "TimeDistributed", "layer")
for recurrent in (lambda: L.Bidirectional(L.GRU(3)), lambda: L.RNN(L.LSTMCell(3))):
    layer_call("P06", recurrent, "two axes", VECTOR, SEQUENCE)
    layer_call("P06", recurrent, "four axes", IMAGE, SEQUENCE)
    layer_call("P16", recurrent, "text", "a sentence", SEQUENCE)
for recurrent in (L.SimpleRNN, L.GRU, L.LSTM):
    call("P02", f"{recurrent.__name__} huge units", lambda r=recurrent: r(2**61)(SEQUENCE), lambda r=recurrent: r(3)(SEQUENCE), recurrent.__name__, memory=True)
    for what, mask in {"short": np.ones((2, 4)), "of states": np.ones((2, 5, 3)), "flat": np.ones(5)}.items():
        call("P05", f"{recurrent.__name__} with a mask {what}", lambda r=recurrent, m=mask: r(3)(SEQUENCE, mask=m),
             lambda r=recurrent: r(3)(SEQUENCE, mask=np.ones((2, 5))), "mask")
for what, ids in {"not numbers": [[np.nan]], "infinite": [[np.inf]]}.items():
    call("P08", f"Embedding on ids {what}", lambda ids=ids: L.Embedding(5, 2)(np.array(ids)), lambda: L.Embedding(5, 2)(np.array([[4.0]])), "Embedding", "id")
call("P16", "Embedding on text", lambda: L.Embedding(5, 2)("a b"), lambda: L.Embedding(5, 2)(np.array([[4]])), "Embedding")
call("P16", "Bidirectional of Dense", lambda: L.Bidirectional(L.Dense(2)), lambda: L.Bidirectional(L.GRU(2)), "layer")
call("P06", "TimeDistributed of rows", lambda: L.TimeDistributed(L.Dense(2))(VECTOR), lambda: L.TimeDistributed(L.Dense(2))(SEQUENCE), "TimeDistributed")


def embedded():
    model = pydl.Sequential([L.Input((2,), dtype="int64"), L.Embedding(5, 3), L.Flatten(), L.Dense(1)])
    model.compile("sgd", "mse")
    return model


# ---------------------------------------------------------------------------------------------------- ops

X = np.arange(12, dtype="float32").reshape(3, 4)


def op_call(pattern, name, bad, good):
    call(pattern, f"ops.{name}", bad, good, name.split()[0], "axis", "shape")


for name in ("sum", "mean", "max", "min", "var", "std", "argmax", "logsumexp", "all", "any"):
    f = getattr(ops, name)
    for axis in (-9, 2, "rows", 1.5):
        op_call("P04" if isinstance(axis, int) else "P16", f"{name} axis={axis}", lambda f=f, a=axis: f(X, axis=a), lambda f=f: f(X, axis=1))
for name in ("sum", "mean", "max"):
    f = getattr(ops, name)
    op_call("P04", f"{name} an axis twice", lambda f=f: f(X, axis=(0, 0)), lambda f=f: f(X, axis=(0, 1)))
    op_call("P16", f"{name} keepdims", lambda f=f: f(X, keepdims="yes"), lambda f=f: f(X, keepdims=True))
    op_call("P16", f"{name} of text", lambda f=f: f("text"), lambda f=f: f(X))
for name in ("max", "min", "argmax", "argmin"):
    f = getattr(ops, name)
    op_call("P03", f"{name} of nothing", lambda f=f: f(np.zeros((0, 3)), axis=0), lambda f=f: f(X, axis=0))
for name in ("add", "subtract", "multiply", "divide", "maximum", "power", "equal", "greater"):
    f = getattr(ops, name)
    call("P05", f"ops.{name} shapes", lambda f=f: f(X, np.ones((3, 3), "float32")), lambda f=f: f(X, np.ones((3, 1), "float32")), name, r"\(3, 3\)")
    call("P16", f"ops.{name} text", lambda f=f: f(X, "one"), lambda f=f: f(X, 1.0), name)
    call("P16", f"ops.{name} None", lambda f=f: f(X, None), lambda f=f: f(X, 1.0), name)
call("P05", "ops.matmul inner sizes", lambda: ops.matmul(X, X), lambda: ops.matmul(X, X.T), "matmul")
call("P06", "ops.matmul of numbers", lambda: ops.matmul(np.float32(3), X), lambda: ops.matmul(X, X.T), "matmul")
call(
    "P05",
    "ops.matmul batches",
    lambda: ops.matmul(np.ones((2, 3, 4)), np.ones((3, 4, 5))),
    lambda: ops.matmul(np.ones((2, 3, 4)), np.ones((2, 4, 5))),
    "matmul",
)
call("P16", "ops.matmul text", lambda: ops.matmul(X, "x"), lambda: ops.matmul(X, X.T), "matmul")
op_call("P04", "softmax axis", lambda: ops.softmax(X, axis=4), lambda: ops.softmax(X, axis=1))
op_call("P06", "softmax of a number", lambda: ops.softmax(np.float32(1)), lambda: ops.softmax(X))
op_call("P07", "reshape size", lambda: ops.reshape(X, (5, 2)), lambda: ops.reshape(X, (6, 2)))
op_call("P04", "reshape negative", lambda: ops.reshape(X, (-2, 6)), lambda: ops.reshape(X, (-1, 6)))
op_call("P04", "reshape two unknown", lambda: ops.reshape(X, (-1, -1)), lambda: ops.reshape(X, (-1, 6)))
op_call("P02", "reshape overflow", lambda: ops.reshape(X, (2**40, 2**40)), lambda: ops.reshape(X, (2, 6)))
op_call("P16", "reshape text", lambda: ops.reshape(X, "6"), lambda: ops.reshape(X, (6, 2)))
op_call("P04", "transpose axes", lambda: ops.transpose(X, (0, 2)), lambda: ops.transpose(X, (1, 0)))
op_call("P05", "transpose too few", lambda: ops.transpose(X, (0,)), lambda: ops.transpose(X, (1, 0)))
op_call("P04", "transpose twice", lambda: ops.transpose(X, (0, 0)), lambda: ops.transpose(X, (1, 0)))
op_call("P04", "expand_dims axis", lambda: ops.expand_dims(X, 9), lambda: ops.expand_dims(X, 1))
op_call("P04", "squeeze axis", lambda: ops.squeeze(X, 0), lambda: ops.squeeze(X[:1], 0))
op_call("P04", "swapaxes axis", lambda: ops.swapaxes(X, 0, 5), lambda: ops.swapaxes(X, 0, 1))
op_call("P04", "flip axis", lambda: ops.flip(X, 3), lambda: ops.flip(X, 1))
op_call("P03", "concatenate nothing", lambda: ops.concatenate([]), lambda: ops.concatenate([X, X]))
op_call("P04", "concatenate axis", lambda: ops.concatenate([X, X], axis=5), lambda: ops.concatenate([X, X], axis=0))
op_call("P05", "concatenate shapes", lambda: ops.concatenate([X, X[:2]], axis=1), lambda: ops.concatenate([X, X[:, :2]], axis=1))
op_call("P16", "concatenate a number", lambda: ops.concatenate(3), lambda: ops.concatenate([X, X]))
op_call("P03", "stack nothing", lambda: ops.stack([]), lambda: ops.stack([X, X]))
op_call("P05", "stack shapes", lambda: ops.stack([X, X[:2]]), lambda: ops.stack([X, X]))
op_call("P04", "stack axis", lambda: ops.stack([X, X], axis=7), lambda: ops.stack([X, X], axis=1))
op_call("P01", "split into 0", lambda: ops.split(X, 0), lambda: ops.split(X, 3))
op_call("P05", "split unevenly", lambda: ops.split(X, 2, axis=0), lambda: ops.split(X, 2, axis=1))
op_call("P04", "split axis", lambda: ops.split(X, 2, axis=6), lambda: ops.split(X, 2, axis=1))
op_call("P04", "pad negative", lambda: ops.pad(X, ((-1, 0), (0, 0))), lambda: ops.pad(X, ((1, 0), (0, 0))))
op_call("P05", "pad too few", lambda: ops.pad(X, ((1, 1), (1, 1), (1, 1))), lambda: ops.pad(X, ((1, 1), (1, 1))))
op_call("P16", "pad mode", lambda: ops.pad(X, ((1, 1), (1, 1)), mode="mirror-ish"), lambda: ops.pad(X, ((1, 1), (1, 1))))
op_call("P02", "pad huge", lambda: ops.pad(X, ((2**62, 2**62), (0, 0))), lambda: ops.pad(X, ((1, 0), (0, 0))))
call("P02", "ops.tile huge", lambda: ops.tile(X, (2**40, 2**40)), lambda: ops.tile(X, (2, 2)), "tile", memory=True)
call("P02", "ops.broadcast_to huge", lambda: ops.broadcast_to(X, (2**40, 2**30, 3, 4)), lambda: ops.broadcast_to(X, (2, 3, 4)), "broadcast_to", memory=True)
op_call("P05", "broadcast_to shape", lambda: ops.broadcast_to(X, (3, 5)), lambda: ops.broadcast_to(X, (2, 3, 4)))
op_call("P04", "repeat negative", lambda: ops.repeat(X, -1, axis=0), lambda: ops.repeat(X, 2, axis=0))
op_call("P09", "take past the end", lambda: ops.take(X, [0, 3], axis=0), lambda: ops.take(X, [0, 2], axis=0))
op_call("P09", "take before the start", lambda: ops.take(X, [-4], axis=0), lambda: ops.take(X, [-1], axis=0))
op_call("P16", "take by floats", lambda: ops.take(X, [0.5], axis=0), lambda: ops.take(X, [0], axis=0))
op_call("P04", "take axis", lambda: ops.take(X, [0], axis=4), lambda: ops.take(X, [0], axis=1))
op_call("P01", "one_hot of no classes", lambda: ops.one_hot([0, 1], 0), lambda: ops.one_hot([0, 1], 2))
op_call("P16", "one_hot of floats", lambda: ops.one_hot([0.5], 3), lambda: ops.one_hot([1], 3))
op_call("P16", "cast dtype", lambda: ops.cast(X, "float99"), lambda: ops.cast(X, "float64"))
op_call("P16", "cast to text", lambda: ops.cast(X, "str"), lambda: ops.cast(X, "int32"))
op_call("P17", "clip order", lambda: ops.clip(X, 3.0, 1.0), lambda: ops.clip(X, 1.0, 3.0))
op_call("P08", "clip NaN", lambda: ops.clip(X, NAN, 1.0), lambda: ops.clip(X, 0.0, 1.0))
op_call("P17", "leaky_relu slope", lambda: ops.leaky_relu(X, -0.5), lambda: ops.leaky_relu(X, 0.5))
op_call("P08", "leaky_relu NaN", lambda: ops.leaky_relu(X, NAN), lambda: ops.leaky_relu(X, 0.5))
op_call("P17", "relu max_value", lambda: ops.relu(X, max_value=-1), lambda: ops.relu(X, max_value=6))
op_call("P17", "elu alpha", lambda: ops.elu(X, alpha=-1), lambda: ops.elu(X, alpha=1))
for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "relu", "softmax", "square", "negative"):
    f = getattr(ops, name)
    call("P16", f"ops.{name} of text", lambda f=f: f("text"), lambda f=f: f(X), name, "numbers")
    call("P16", f"ops.{name} of complex", lambda f=f: f(X + 1j), lambda f=f: f(X), name, "complex")
for name in ("zeros", "ones"):
    f = getattr(ops, name)
    op_call("P04", f"{name} of a negative shape", lambda f=f: f((2, -1)), lambda f=f: f((2, 1)))
    op_call("P16", f"{name} of a shape of text", lambda f=f: f("2"), lambda f=f: f((2, 1)))
    op_call("P16", f"{name} of no dtype", lambda f=f: f((2,), dtype="float99"), lambda f=f: f((2, 1)))
    op_call("P02", f"{name} of 2**80 numbers", lambda f=f: f((2**40, 2**40)), lambda f=f: f((2, 1)))
op_call("P04", "eye of -1", lambda: ops.eye(-1), lambda: ops.eye(2))
op_call("P16", "eye of a list", lambda: ops.eye([2]), lambda: ops.eye(2))
op_call("P02", "eye of 2**40", lambda: ops.eye(2**40), lambda: ops.eye(2))
op_call("P01", "arange by 0", lambda: ops.arange(0, 5, 0), lambda: ops.arange(0, 5, 2))
op_call("P08", "arange to NaN", lambda: ops.arange(NAN), lambda: ops.arange(3))
op_call("P16", "arange of text", lambda: ops.arange("3"), lambda: ops.arange(3))
op_call("P02", "arange of 2**62", lambda: ops.arange(2**62), lambda: ops.arange(3))
op_call("P04", "linspace of -1", lambda: ops.linspace(0, 1, -1), lambda: ops.linspace(0, 1, 3))
op_call("P08", "linspace to infinity", lambda: ops.linspace(0, INF), lambda: ops.linspace(0, 1))
op_call("P16", "round decimals", lambda: ops.round(X, "two"), lambda: ops.round(X, 2))
op_call("P02", "round to 2**31 decimals", lambda: ops.round(X, 2**31), lambda: ops.round(X, 2))
for layer in (L.Flatten, lambda: L.Reshape((2, 2)), lambda: L.GaussianNoise(0.5), lambda: L.Dense(2), lambda: L.Activation("relu"), L.BatchNormalization):
    layer_call("P16", layer, "a list of two", [VECTOR, VECTOR], VECTOR)
call("P16", "a loss that is no function", lambda: losses.FunctionLoss(3), lambda: losses.FunctionLoss(losses.mean_squared_error), "function")
call("P02", "AUC of 2**62 thresholds", lambda: metrics.AUC(num_thresholds=2**62), lambda: metrics.AUC(num_thresholds=5), "num_thresholds")
call("P16", "AccuracyByShape form", lambda: metrics.AccuracyByShape(form="binnary"), lambda: metrics.AccuracyByShape(form="binary"), "binary")
T = pydl.Tensor(X)
call("P07", "tensor index past the end", lambda: T[3], lambda: T[2], "index")
call("P07", "tensor index before the start", lambda: T[-4], lambda: T[-3], "index")
call("P06", "tensor too many indices", lambda: T[0, 0, 0], lambda: T[0, 0], "ind(ex|ices)")
call("P16", "tensor index text", lambda: T["a"], lambda: T[0], "index")
call("P01", "tensor slice step 0", lambda: T[::0], lambda: T[::2], "step")
call("P05", "item of many", lambda: T.item(), lambda: T[0, 0].item(), "item")
call("P16", "Tensor of text", lambda: pydl.Tensor("text"), lambda: pydl.Tensor(1.0), "numbers")
call("P16", "Tensor of objects", lambda: pydl.Tensor([None]), lambda: pydl.Tensor([1.0]), "numbers")
call("P16", "Tensor dtype", lambda: pydl.Tensor([1.0], dtype="float16x"), lambda: pydl.Tensor([1.0], dtype="float64"), "dtype")
call("P05", "Tensor + Tensor", lambda: T + pydl.Tensor(np.ones(3, "float32")), lambda: T + pydl.Tensor(np.ones(4, "float32")), "add", r"\(3,\)")
call("P16", "Tensor + text", lambda: T + "a", lambda: T + 1, "add", "numbers")
call("P16", "Tensor @ text", lambda: T @ "a", lambda: T @ X.T, "matmul")


# ---------------------------------------------------------------------------------------------------- gradients, function

call("P06", "grad of a vector", lambda: pydl.grad(lambda x: x * x)(T), lambda: pydl.grad(lambda x: ops.sum(x * x))(T), "scalar")
call("P16", "grad of a number", lambda: pydl.grad(lambda x: 3.0)(T), lambda: pydl.grad(lambda x: ops.sum(x))(T), "Tensor")
call("P16", "grad of no function", lambda: pydl.grad(3), lambda: pydl.grad(ops.sum), "function")
call("P04", "grad by an argument that is not there", lambda: pydl.grad(ops.sum, wrt=3)(T), lambda: pydl.grad(ops.sum, wrt=0)(T), "wrt")
call("P16", "grad by integers", lambda: pydl.grad(ops.sum)(np.arange(3)), lambda: pydl.grad(ops.sum)(np.arange(3.0)), "dtype", "float")
call("P16", "grad wrt text", lambda: pydl.grad(ops.sum, wrt="x"), lambda: pydl.grad(ops.sum, wrt=0), "wrt")
call("P18", "grad of a constant", lambda: pydl.grad(lambda x: ops.sum(pydl.Tensor([1.0])))(T), lambda: pydl.grad(lambda x: ops.sum(x))(T), "loss")
call("P16", "function of no callable", lambda: pydl.function(3), lambda: pydl.function(ops.sum), "function")
call("P16", "function on a list of arrays", lambda: pydl.function(lambda x: x)([X, X]), lambda: pydl.function(lambda x: ops.sum(x))(X), "argument", "function")
call("P16", "function that returns text", lambda: pydl.function(lambda x: "a")(T), lambda: pydl.function(lambda x: x + 1)(T), "function")
call("P16", "gradcheck of no function", lambda: pydl.gradcheck(3, [X]), lambda: pydl.gradcheck(ops.exp, [X.astype("float64")]), "gradcheck")
call("P16", "gradcheck of float32 only", lambda: pydl.gradcheck(ops.exp, [X]), lambda: pydl.gradcheck(ops.exp, [X.astype("float64")]), "gradcheck")
call(
    "P17",
    "gradcheck epsilon",
    lambda: pydl.gradcheck(ops.exp, [X.astype("float64")], epsilon=0),
    lambda: pydl.gradcheck(ops.exp, [X.astype("float64")]),
    "epsilon",
)
values(pydl.set_num_threads, dict(n=2), ("P01", "n", 0), ("P04", "n", -1), ("P02", "n", 2**70, 10**6), ("P16", "n", "2", 1.5, None))


# ---------------------------------------------------------------------------------------------------- losses

LOGITS = np.random.default_rng(2).standard_normal((6, 3)).astype("float32")
SHARES = np.full((6, 3), 1 / 3, "float32")
values(losses.SparseCategoricalCrossentropy, dict(from_logits=True), ("P16", "from_logits", "yes", 1), ("P16", "reduction", "average", 3), ("P16", "name", 4))
values(
    losses.CategoricalCrossentropy,
    {},
    ("P17", "label_smoothing", 1.5, -0.1),
    ("P08", "label_smoothing", NAN),
    ("P16", "label_smoothing", "some"),
    ("P16", "from_logits", "no"),
    ("P16", "reduction", "meen"),
)
values(losses.BinaryCrossentropy, {}, ("P17", "label_smoothing", 2.0), ("P16", "from_logits", 0), ("P16", "reduction", "total"))
values(losses.MeanSquaredError, {}, ("P16", "reduction", "max", 2))
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
for name in ("MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy"):
    loss = getattr(losses, name)
    call("P05", f"{name} (6,1) and (6,3)", lambda f=loss: f()(ONE_HOT[:, :1], SHARES), lambda f=loss: f()(ONE_HOT, SHARES), name, r"\(6, 1\)")
    call("P05", f"{name} (6,) and (6,3)", lambda f=loss: f()(ONE_HOT[:, 0], SHARES), lambda f=loss: f()(ONE_HOT, SHARES), name, r"\(6,\)")
    call("P05", f"{name} rows", lambda f=loss: f()(ONE_HOT[:4], SHARES), lambda f=loss: f()(ONE_HOT, SHARES), name, r"\(4, 3\)")
    call("P16", f"{name} text", lambda f=loss: f()("yes", SHARES), lambda f=loss: f()(ONE_HOT, SHARES), name, "numbers")
    call(
        "P05",
        f"{name} sample_weight rows",
        lambda f=loss: f()(ONE_HOT, SHARES, sample_weight=np.ones(4, "float32")),
        lambda f=loss: f()(ONE_HOT, SHARES, sample_weight=np.ones(6, "float32")),
        "sample_weight",
    )
SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
for what, labels, pattern in (
    ("label == classes", [0, 1, 2, 3, 0, 0], "P09"),
    ("label -1", [0, -1, 2, 0, 0, 0], "P09"),
    ("label 2**40", [0, 2**40, 0, 0, 0, 0], "P09"),
    ("label -2**63", [0, -(2**63), 0, 0, 0, 0], "P09"),
    ("label 2**32", [0, 2**32, 0, 0, 0, 0], "P09"),
    ("too few", [0, 1], "P05"),
    ("one-hot labels", np.eye(3)[[0, 1, 2, 0, 1, 2]], "P06"),
    ("labels 0.5", np.full(6, 0.5), "P16"),
    ("NaN labels", np.full(6, NAN), "P08"),
):
    call(
        pattern,
        f"SparseCategoricalCrossentropy {what}",
        lambda y=labels: SPARSE(np.asarray(y), LOGITS),
        lambda: SPARSE(LABELS, LOGITS),
        "label",
        "SparseCategoricalCrossentropy",
        "y_true",
        "class",
    )


# ---------------------------------------------------------------------------------------------------- metrics, optimizers, initializers, regularizers

values(metrics.SparseCategoricalAccuracy, {}, ("P16", "name", 3))
values(metrics.Mean, {}, ("P16", "name", 3.5))
for name in ("MeanSquaredError", "MeanAbsoluteError", "CategoricalAccuracy"):
    call(
        "P05",
        f"metric {name} shapes",
        lambda n=name: getattr(metrics, n)().update_state(np.ones((4, 2)), np.ones((4, 3))),
        lambda n=name: getattr(metrics, n)().update_state(np.ones((4, 3)), np.ones((4, 3))),
        name,
        "mean_|categorical_",
        r"\(4, 2\)",
    )
call(
    "P05",
    "metric SparseCategoricalAccuracy rows",
    lambda: metrics.SparseCategoricalAccuracy().update_state(LABELS[:4], LOGITS),
    lambda: metrics.SparseCategoricalAccuracy().update_state(LABELS, LOGITS),
    "[aA]ccuracy",
    r"\(4,\)",
)
call("P16", "metrics.get", lambda: metrics.get("acuracy"), lambda: metrics.get("mse"), "acuracy")
call("P16", "losses.get", lambda: losses.get("mean_squared_eror"), lambda: losses.get("mse"), "mean_squared_error")
call("P16", "losses.get number", lambda: losses.get(3), lambda: losses.get("mse"), "loss")
call("P16", "optimizers.get", lambda: optimizers.get("adma"), lambda: optimizers.get("adam"), "adam")
call("P16", "optimizers.get number", lambda: optimizers.get(0.1), lambda: optimizers.get("adam"), "optimizer")

COMMON = [
    ("P17", "learning_rate", -0.1),
    ("P08", "learning_rate", NAN, INF),
    ("P16", "learning_rate", "fast", None),
    ("P17", "clipnorm", -1.0),
    ("P08", "clipvalue", NAN),
    ("P17", "global_clipnorm", 0.0, -1.0),
    ("P17", "weight_decay", -0.1),
    ("P16", "name", 3),
]
values(optimizers.SGD, {}, *COMMON, ("P17", "momentum", 1.5, -0.1), ("P08", "momentum", NAN), ("P16", "nesterov", "yes"))
values(optimizers.RMSprop, {}, *COMMON, ("P17", "rho", 1.5, -0.2), ("P17", "epsilon", -1e-7), ("P08", "epsilon", NAN), ("P16", "centered", "no"))
values(
    optimizers.Adam,
    {},
    *COMMON,
    ("P17", "beta_1", 1.5, 1.0, -0.1),
    ("P17", "beta_2", 1.0, 7),
    ("P08", "beta_1", NAN),
    ("P17", "epsilon", -1),
    ("P16", "amsgrad", 3),
)
values(RandomNormal, {}, ("P17", "stddev", -1.0), ("P08", "stddev", NAN), ("P08", "mean", INF), ("P16", "seed", "x", 1.5))
values(RandomUniform, {}, ("P17", "maxval", -5.0), ("P08", "maxval", NAN), ("P16", "minval", "low"))
values(TruncatedNormal, {}, ("P17", "stddev", -1.0), ("P08", "mean", NAN))
values(VarianceScaling, {}, ("P17", "scale", -1.0), ("P16", "mode", "fan_middle"), ("P16", "distribution", "gaussian-ish"), ("P08", "scale", NAN))
values(Constant, dict(value=1.0), ("P16", "value", "one", None))
values(GlorotUniform, {}, ("P16", "seed", "x", -1.5))
values(HeNormal, {}, ("P16", "seed", [1]))
call("P04", "initializer negative shape", lambda: GlorotUniform()((-3, 4)), lambda: GlorotUniform()((3, 4)), "shape")
call("P02", "initializer overflow", lambda: GlorotUniform()((2**40, 2**40)), lambda: GlorotUniform()((3, 4)), "shape", memory=True)
call("P16", "initializer dtype", lambda: GlorotUniform()((3, 4), dtype="float99"), lambda: GlorotUniform()((3, 4), dtype="float64"), "dtype")
values(regularizers.L2, {}, ("P17", "l2", -1.0), ("P08", "l2", NAN, INF), ("P16", "l2", "small"))
values(regularizers.L1, {}, ("P17", "l1", -1.0), ("P08", "l1", NAN))
values(regularizers.L1L2, {}, ("P17", "l1", -1.0), ("P17", "l2", -0.5))


# ---------------------------------------------------------------------------------------------------- models: making


def tiny(compiled=True, name="tiny", **options):
    """A built model of 4 inputs and 3 classes."""
    model = pydl.Sequential([L.Input((4,)), L.Dense(5, activation="relu"), L.Dense(3)], name=name)
    if compiled:
        model.compile(**{"optimizer": "sgd", "loss": losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"], **options})
    return model


def regressor(**options):
    model = pydl.Sequential([L.Input((4,)), L.Dense(2)], name="regressor")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def two_headed():
    x = L.Input((4,), name="features")
    model = pydl.Model(x, [L.Dense(2, name="left")(x), L.Dense(1, name="right")(x)], name="heads")
    model.compile("sgd", "mse")
    return model


call("P16", "Sequential of a class", lambda: pydl.Sequential([L.Dense]), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call("P16", "Sequential of a number", lambda: pydl.Sequential([3]), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call("P16", "Sequential of a layer", lambda: pydl.Sequential(L.Dense(3)), lambda: pydl.Sequential([L.Dense(3)]), "layers")
call("P16", "Sequential of text", lambda: pydl.Sequential("dense"), lambda: pydl.Sequential([L.Dense(3)]), "layer")
call(
    "P05",
    "Sequential with a name twice",
    lambda: pydl.Sequential([L.Dense(3, name="a"), L.Dense(3, name="a")]),
    lambda: pydl.Sequential([L.Dense(3, name="a"), L.Dense(3, name="b")]),
    "'a'",
)
call("P18", "Sequential with a late Input", lambda: pydl.Sequential([L.Dense(3), L.Input((4,))]), lambda: pydl.Sequential([L.Input((4,)), L.Dense(3)]), "Input")
call(
    "P07",
    "Sequential that does not fit",
    lambda: pydl.Sequential([L.Input((4, 4, 1)), L.Conv2D(2, 3, name="first"), L.Conv2D(2, 3, name="second")]),
    lambda: pydl.Sequential([L.Input((8, 8, 1)), L.Conv2D(2, 3), L.Conv2D(2, 3)]),
    "second",
)
call(
    "P06",
    "Sequential of dense then conv",
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(3), L.Conv2D(2, 3, name="late")]),
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(3), L.Dense(3)]),
    "late",
)
call("P18", "pop from nothing", lambda: pydl.Sequential(name="bare").pop(), lambda: pydl.Sequential([L.Dense(2)]).pop(), "bare")
call("P18", "predict without layers", lambda: pydl.Sequential(name="bare").predict(VECTOR), lambda: tiny().predict(VECTOR), "bare", "layers")
call(
    "P18",
    "summary before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").summary(print_fn=str),
    lambda: tiny().summary(print_fn=str),
    "unbuilt",
)
call(
    "P20",
    "a model inside itself",
    lambda: (lambda m: m.add(m))(pydl.Sequential([L.Dense(2)], name="snake")),
    lambda: pydl.Sequential([L.Dense(2)]).add(L.Dense(2)),
    "snake",
)
call(
    "P20",
    "two models inside each other",
    lambda: (lambda a, b: (a.add(b), b.add(a)))(pydl.Sequential(name="head"), pydl.Sequential(name="tail")),
    lambda: pydl.Sequential().add(pydl.Sequential([L.Dense(2)])),
    "head",
    "tail",
)
call("P16", "Model without outputs", lambda: pydl.Model(L.Input((4,))), lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))), "outputs")
call("P16", "Model of arrays", lambda: pydl.Model(VECTOR, VECTOR), lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))), "inputs")
call(
    "P05",
    "Model that misses an input",
    lambda: pydl.Model(L.Input((4,)), L.Dense(2)(L.Input((4,), name="other"))),
    lambda: (lambda x: pydl.Model(x, L.Dense(2)(x)))(L.Input((4,))),
    "other",
)
call("P05", "functional shapes", lambda: L.Add(name="join")([L.Input((4,)), L.Input((5,))]), lambda: L.Add(name="join")([L.Input((4,)), L.Input((4,))]), "join")
call("P16", "arithmetic on a Symbol", lambda: L.Input((4,)) + 1, lambda: L.Dense(2)(L.Input((4,))), "Symbol")
call("P16", "a Symbol as an array", lambda: np.asarray(L.Input((4,))), lambda: np.asarray(VECTOR), "Symbol")
call("P16", "a Symbol as a truth", lambda: bool(L.Input((4,))), lambda: bool(VECTOR.any()), "Symbol")
call("P16", "get_layer of no name", lambda: tiny().get_layer("dense_99"), lambda: tiny().get_layer(index=0), "dense_99")
call("P07", "get_layer past the end", lambda: tiny().get_layer(index=9), lambda: tiny().get_layer(index=1), "tiny", "layer 9")
call("P16", "get_layer of nothing", lambda: tiny().get_layer(), lambda: tiny().get_layer(index=1), "get_layer")


class Silent(L.Layer):
    def call(self, x):
        return 3.0


class NoSuper(L.Layer):
    def __init__(self):
        self.units = 3

    def call(self, x):
        return x


class Early(L.Layer):
    def __init__(self):
        self.w = self.add_weight((3,))
        super().__init__()


class Fine(L.Layer):
    def call(self, x):
        return x * 2


def one_layer(layer):
    model = pydl.Sequential([L.Input((4,)), layer], name="custom")
    return model.predict(VECTOR)


call("P16", "custom layer that returns a number", lambda: one_layer(Silent()), lambda: one_layer(Fine()), "Silent", "Tensor")
call("P18", "custom layer without super", lambda: NoSuper()(VECTOR), lambda: Fine()(VECTOR), "NoSuper")
call("P18", "custom layer with early weights", lambda: Early(), lambda: Fine(), "Early")
call("P18", "custom layer without call", lambda: L.Layer()(VECTOR), lambda: Fine()(VECTOR), "call")


# ---------------------------------------------------------------------------------------------------- models: compile, fit, evaluate, predict


def compile_row(pattern, **wrong):
    ((argument, value),) = wrong.items()
    call(
        pattern,
        f"compile {argument}={shown(value)}",
        lambda: tiny(**wrong).fit(VECTOR, LABELS, verbose=0),
        lambda: tiny(),
        argument.rstrip("s"),
        *([value] if isinstance(value, str) else []),
    )


compile_row("P16", optimizer="adma")
compile_row("P16", optimizer=0.1)
compile_row("P16", optimizer=None)
compile_row("P16", loss="sparse_crossentropy")
compile_row("P16", loss=3)
compile_row("P16", metrics=["acuracy"])
compile_row("P16", metrics=[3])
compile_row("P16", metrics=7)
compile_row("P16", run_eagerly="yes")
compile_row("P08", loss_weights=NAN)
compile_row("P16", loss_weights="heavy")
compile_row("P05", loss_weights=[1.0, 2.0])
call("P05", "compile losses for outputs", lambda: two_headed().compile("sgd", ["mse"]), lambda: two_headed().compile("sgd", ["mse", "mae"]), "loss")
call(
    "P16",
    "compile loss of an unknown output",
    lambda: two_headed().compile("sgd", {"middle": "mse"}),
    lambda: two_headed().compile("sgd", {"left": "mse"}),
    "middle",
)
for what in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
    call("P18", f"{what} before compile", lambda w=what: getattr(tiny(False), w)(VECTOR, LABELS), lambda w=what: getattr(tiny(), w)(VECTOR, LABELS), "compile")
call(
    "P18",
    "profile of training before compile",
    lambda: tiny(False).profile(VECTOR, LABELS, repeats=1, print_fn=str),
    lambda: tiny().profile(VECTOR, LABELS, repeats=1, print_fn=str),
    "compile",
)

GOOD_FIT = dict(x=VECTOR, y=LABELS, epochs=1, verbose=0, batch_size=3)


def fit(**options):
    return tiny().fit(**options)


values(
    fit,
    GOOD_FIT,
    ("P01", "batch_size", 0),
    ("P04", "batch_size", -1),
    ("P16", "batch_size", "3", 2.5, True),
    ("P04", "epochs", -1),
    ("P16", "epochs", "2", 1.5, None),
    ("P04", "initial_epoch", -1),
    ("P16", "initial_epoch", 0.5),
    ("P01", "steps_per_epoch", 0),
    ("P16", "steps_per_epoch", 1.5),
    ("P16", "verbose", 7, "loud", None),
    ("P16", "shuffle", "yes", "batch", 2),
    ("P17", "validation_split", 1.0, 1.5, -0.2, 0.999),
    ("P08", "validation_split", NAN),
    ("P16", "validation_split", "some"),
    ("P16", "validation_data", VECTOR, 3, (VECTOR,)),
    ("P01", "validation_freq", 0),
    ("P16", "validation_freq", "often"),
    ("P16", "callbacks", 3, [3], ["early_stopping"], [pydl.callbacks.EarlyStopping]),
    ("P16", "class_weight", [1, 2], "balanced", {"a": 1.0}, {0: "x"}),
    ("P08", "class_weight", {0: NAN}, {0: INF}),
    ("P17", "class_weight", {0: -1.0}),
    ("P05", "sample_weight", np.ones(4)),
    ("P06", "sample_weight", np.ones((6, 3))),
    ("P08", "sample_weight", np.full(6, NAN)),
    ("P16", "sample_weight", "x", ["a"] * 6),
)
for pattern, name, x, mention in (
    ("P03", "no rows", VECTOR[:0], ["x"]),
    ("P05", "too few rows", VECTOR[:4], ["rows"]),
    ("P06", "no features axis", VECTOR[:, 0], [r"\(None, 4\)", "x"]),
    ("P06", "a single sample", VECTOR[0], ["rows", r"\(None, 4\)", "x"]),
    ("P06", "a number", 3.0, ["x"]),
    ("P05", "other features", VECTOR[:, :3], [r"\(None, 4\)", "x"]),
    ("P16", "None", None, ["x"]),
    ("P16", "text", "data.csv", ["x"]),
    ("P16", "strings", np.full((6, 4), "a"), ["x"]),
    ("P16", "objects", np.full((6, 4), None), ["x"]),
    ("P16", "complex", VECTOR + 1j, ["x", "complex"]),
    ("P16", "dates", np.zeros((6, 4), "M8[s]"), ["x"]),
    ("P16", "ragged", [[1.0, 2.0, 3.0, 4.0]] * 5 + [[1.0]], ["x"]),
    ("P16", "a generator", (row for row in VECTOR), ["x"]),
    ("P16", "a function", lambda: VECTOR, ["x"]),
    ("P05", "two arrays", [VECTOR, VECTOR], ["x", r"\(None, 4\)"]),
    ("P16", "a dict of an unknown name", {"a": VECTOR}, ["x"]),
    ("P16", "a set", {1, 2, 3}, ["x"]),
    ("P16", "a structured array", np.zeros(6, [("a", "f4")]), ["x"]),
):
    call(
        pattern,
        f"fit x is {name}",
        lambda x=x: tiny().fit(x, LABELS, verbose=0),
        lambda: tiny().fit(VECTOR, LABELS, verbose=0),
        *[rf"\b{m}" if m == "x" else m for m in mention],
    )
    if pattern != "P05" or "rows" not in mention:
        call(
            pattern,
            f"predict x is {name}",
            lambda x=x: tiny().predict(x),
            lambda: tiny().predict(VECTOR),
            *[rf"\b{m}" if m == "x" else m for m in mention],
            "tiny",
        )
for pattern, name, y in (
    ("P03", "no rows", LABELS[:0]),
    ("P05", "too few rows", LABELS[:3]),
    ("P09", "a label == classes", [0, 1, 2, 3, 0, 1]),
    ("P09", "a label -1", [0, 1, -1, 0, 0, 1]),
    ("P09", "a label of 2**33", [0, 1, 2**33, 0, 0, 1]),
    ("P06", "one-hot", np.eye(3)[LABELS]),
    ("P16", "None", None),
    ("P16", "text", "labels"),
    ("P16", "strings", ["a"] * 6),
    ("P16", "objects", [None] * 6),
    ("P16", "fractions", np.full(6, 0.5)),
    ("P08", "NaN", np.full(6, NAN)),
    ("P08", "infinite", np.full(6, INF)),
    ("P16", "complex", LABELS + 1j),
):
    for what in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        call(
            pattern,
            f"{what} y is {name}",
            lambda w=what, y=y: getattr(tiny(), w)(VECTOR, y if isinstance(y, (str, type(None))) else np.asarray(y)),
            lambda w=what: getattr(tiny(), w)(VECTOR, LABELS),
            r"\by\b",
            r"\by_true\b",
            "label",
            "rows",
        )
for pattern, name, y in (
    ("P05", "(6, 1) for (6, 2)", np.zeros((6, 1))),
    ("P05", "(6,) for (6, 2)", np.zeros(6)),
    ("P05", "(6, 3) for (6, 2)", np.zeros((6, 3))),
    ("P06", "(6, 2, 2) for (6, 2)", np.zeros((6, 2, 2))),
    ("P06", "(6, 1, 2) for (6, 2)", np.zeros((6, 1, 2))),
):
    for what in ("fit", "evaluate", "train_on_batch"):
        call(
            pattern,
            f"{what} targets {name}",
            lambda w=what, y=y: getattr(regressor(), w)(VECTOR, y),
            lambda w=what: getattr(regressor(), w)(VECTOR, np.zeros((6, 2))),
            r"\by\b",
            r"\by_true\b",
            "target",
        )
call(
    "P05",
    "fit y for one of two outputs",
    lambda: two_headed().fit(VECTOR, np.zeros((6, 2)), verbose=0),
    lambda: two_headed().fit(VECTOR, [np.zeros((6, 2)), np.zeros((6, 1))], verbose=0),
    r"\by\b",
)
call(
    "P05",
    "fit y with unequal rows",
    lambda: two_headed().fit(VECTOR, [np.zeros((6, 2)), np.zeros((5, 1))], verbose=0),
    lambda: two_headed().fit(VECTOR, [np.zeros((6, 2)), np.zeros((6, 1))], verbose=0),
    r"\by\b",
)
call(
    "P16",
    "fit y by an unknown name",
    lambda: two_headed().fit(VECTOR, {"left": np.zeros((6, 2)), "rihgt": np.zeros((6, 1))}, verbose=0),
    lambda: two_headed().fit(VECTOR, {"left": np.zeros((6, 2)), "right": np.zeros((6, 1))}, verbose=0),
    "right",
)
call(
    "P05",
    "validation_data rows",
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS[:3]), verbose=0),
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS), verbose=0),
    "validation_data",
)
call(
    "P09",
    "validation_data label",
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS + 1), verbose=0),
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS), verbose=0),
    "validation_data",
    "label",
)
call(
    "P06",
    "validation_data shape",
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR[:, :2], LABELS), verbose=0),
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS), verbose=0),
    "validation_data",
)
call(
    "P16",
    "validation_split and validation_data",
    lambda: tiny().fit(VECTOR, LABELS, validation_data=(VECTOR, LABELS), validation_split=0.5, verbose=0),
    lambda: tiny().fit(VECTOR, LABELS, validation_split=0.5, verbose=0),
    "validation_split",
)
call(
    "P09",
    "class_weight of a negative class",
    lambda: tiny().fit(VECTOR, LABELS, class_weight={-1: 2.0}, verbose=0),
    lambda: tiny().fit(VECTOR, LABELS, class_weight={1: 2.0}, verbose=0),
    "class_weight",
)
for what, good in (("predict", dict(x=VECTOR)), ("evaluate", dict(x=VECTOR, y=LABELS, verbose=0))):
    f = (lambda w: lambda **options: getattr(tiny(), w)(**options))(what)
    f.__name__ = what
    values(
        f,
        good,
        ("P01", "batch_size", 0),
        ("P04", "batch_size", -4),
        ("P16", "batch_size", "x", 2.5),
        ("P01", "steps", 0),
        ("P16", "steps", "x"),
        ("P16", "verbose", 9),
        ("P16", "callbacks", 3),
    )
call(
    "P06",
    "predict channels first",
    lambda: pydl.Sequential([L.Input((8, 8, 3)), L.Conv2D(2, 3)]).predict(IMAGE.transpose(0, 3, 1, 2)),
    lambda: pydl.Sequential([L.Input((8, 8, 3)), L.Conv2D(2, 3)]).predict(IMAGE),
    "channels-first",
)
call(
    "P06",
    "predict without the channel axis",
    lambda: pydl.Sequential([L.Input((8, 8, 1)), L.Conv2D(2, 3)]).predict(IMAGE[..., 0]),
    lambda: pydl.Sequential([L.Input((8, 8, 1)), L.Conv2D(2, 3)]).predict(IMAGE[..., :1]),
    "channel axis",
)
call(
    "P05",
    "a 9x9 image into an 8x8 model",
    lambda: pydl.Sequential([L.Input((8, 8, 3)), L.Conv2D(2, 3)]).predict(np.zeros((1, 9, 9, 3))),
    lambda: pydl.Sequential([L.Input((8, 8, 3)), L.Conv2D(2, 3)]).predict(IMAGE),
    r"\(None, 8, 8, 3\)",
)


# ---------------------------------------------------------------------------------------------------- callbacks

EarlyStopping, ModelCheckpoint, ReduceLROnPlateau = pydl.callbacks.EarlyStopping, pydl.callbacks.ModelCheckpoint, pydl.callbacks.ReduceLROnPlateau
values(
    EarlyStopping,
    dict(monitor="loss"),
    ("P16", "mode", "smallest"),
    ("P16", "patience", "x", 1.5),
    ("P04", "patience", -1),
    ("P08", "min_delta", NAN),
    ("P16", "monitor", 3),
)
values(
    ModelCheckpoint,
    dict(filepath=os.path.join(SCRATCH, "best.pydl")),
    ("P16", "filepath", 3, None),
    ("P16", "mode", "best"),
    ("P16", "save_freq", "sometimes", -1, 0),
)
values(ReduceLROnPlateau, dict(monitor="loss"), ("P17", "factor", 1.5, 0.0, -1), ("P04", "patience", -1), ("P08", "factor", NAN))
for callback in (EarlyStopping, ReduceLROnPlateau):
    call(
        "P16",
        f"{callback.__name__} of an unknown monitor",
        lambda c=callback: tiny().fit(VECTOR, LABELS, verbose=0, callbacks=[c(monitor="val_los")]),
        lambda c=callback: tiny().fit(VECTOR, LABELS, verbose=0, callbacks=[c(monitor="loss")]),
        "val_los",
    )
call(
    "P16",
    "ModelCheckpoint of an unknown monitor",
    lambda: tiny().fit(VECTOR, LABELS, verbose=0, callbacks=[ModelCheckpoint(os.path.join(SCRATCH, "a.pydl"), monitor="acc", save_best_only=True)]),
    lambda: tiny().fit(VECTOR, LABELS, verbose=0, callbacks=[ModelCheckpoint(os.path.join(SCRATCH, "a.pydl"), monitor="loss", save_best_only=True)]),
    "acc",
)


# ---------------------------------------------------------------------------------------------------- files

GOOD_FILE = os.path.join(SCRATCH, "good.pydl")
pydl.utils.set_random_seed(0)                          # the file, and with it the names of the rows, are the same in every process
tiny().save(GOOD_FILE)
with open(GOOD_FILE, "rb") as _file:
    GOOD_BYTES = _file.read()
TOUCHED = os.path.join(SCRATCH, "code-has-run")


def file_of(content, name="bad.pydl"):
    path = os.path.join(SCRATCH, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def load_bad(content):
    """load_model of a file; a file that ran code or wrote beside itself ends the process: that is a crash."""
    before = sorted(os.listdir(os.path.dirname(SCRATCH)))
    try:
        pydl.models.load_model(file_of(content))
    finally:
        if os.path.exists(TOUCHED) or any(name.startswith("evil") for name in set(os.listdir(os.path.dirname(SCRATCH))) - set(before)):
            os.abort()


def load_good():
    pydl.models.load_model(GOOD_FILE)


def file_row(pattern, name, content):
    call(pattern, f"load_model of {name}", lambda: load_bad(content), load_good, "bad.pydl", "config", "file")


class Evil:
    def __reduce__(self):
        return os.mkdir, (TOUCHED,)


for cut in (0, 1, 4, 30, 100, len(GOOD_BYTES) // 2, len(GOOD_BYTES) - 22, len(GOOD_BYTES) - 1):
    file_row("P13", f"the first {cut} bytes", GOOD_BYTES[:cut])
for at in (0, 10, 40, 200, len(GOOD_BYTES) // 3, len(GOOD_BYTES) // 2, len(GOOD_BYTES) - 10):
    file_row("P13", f"a flipped bit at {at}", GOOD_BYTES[:at] + bytes([GOOD_BYTES[at] ^ 16]) + GOOD_BYTES[at + 1 :])
file_row("P13", "bytes behind the end", GOOD_BYTES + b"more")
file_row("P13", "bytes before the start", b"x" + GOOD_BYTES)
file_row("P13", "zeros", bytes(1000))
file_row("P13", "text", b"this is no model at all, but a sentence")
file_row("P14", "a pickle", pickle.dumps(Evil()))
file_row(
    "P14",
    "an .npz with objects",
    (lambda path: (np.savez(path, weights=np.array([Evil()], object)), open(path, "rb").read())[1])(os.path.join(SCRATCH, "objects.npz")),
)


def zip_of(*members, compression=zipfile.ZIP_STORED):
    path = os.path.join(SCRATCH, "made.zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, compress_type=compression)
    with open(path, "rb") as file:
        return file.read()


def good_members():
    with zipfile.ZipFile(GOOD_FILE) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


MEMBERS = good_members()
JSON = next(i for i, (name, _) in enumerate(MEMBERS) if name.endswith("config.json") or name.endswith(".json"))


def npy_header(shape, descr="<f4"):
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


file_row("P15", "a member ../x", zip_of(*MEMBERS, ("../evil-outside", b"x")))
file_row("P15", "a member /tmp/x", zip_of(*MEMBERS, ("/tmp/evil-absolute", b"x")))
file_row("P15", "a member with a backslash", zip_of(*MEMBERS, ("..\\evil", b"x")))
file_row("P15", "an empty archive", zip_of())
file_row("P15", "a bomb of zeros", zip_of(*MEMBERS, ("weights/bomb.npy", bytes(50_000_000)), compression=zipfile.ZIP_DEFLATED))
file_row("P15", "a bomb of shape", zip_of(*[(n, npy_header((2**40, 2**20)) if n.endswith(".npy") else c) for n, c in MEMBERS]))
file_row("P15", "a shape that overflows", zip_of(*[(n, npy_header((2**32, 2**32)) if n.endswith(".npy") else c) for n, c in MEMBERS]))
file_row("P15", "a negative shape", zip_of(*[(n, npy_header((-1, 4))) if n.endswith(".npy") else (n, c) for n, c in MEMBERS]))
file_row("P14", "weights that are objects", zip_of(*[(n, npy_header((1,), "|O") + pickle.dumps(Evil())) if n.endswith(".npy") else (n, c) for n, c in MEMBERS]))


def resigned(change):
    """The good model's file under a changed config, with checksums as they should be."""
    from pydl.models.model_file import read_model_file, write_model_file

    config, arrays = read_model_file(GOOD_FILE)
    path = os.path.join(SCRATCH, "resigned.pydl")
    config = json.loads(json.dumps(config))
    change(config, arrays)
    write_model_file(path, config, arrays)
    with open(path, "rb") as file:
        return file.read()


def config_row(pattern, name, change):
    def bad():
        load_bad(resigned(change))

    call(pattern, f"load_model {name}", bad, lambda: load_bad(resigned(lambda config, arrays: None)), "config", "class", "weights", "bad.pydl", "unknown")


def class_named(name):
    def change(config, arrays):
        config["model"]["config"]["layers"][0]["class_name"] = name

    return change


for name in (
    "os.system",
    "builtins.eval",
    "posix.system",
    "subprocess.Popen",
    "pydl.models.training.Training",
    "layers.Densee",
    "__import__",
    "",
    "numpy.load",
    "pickle.loads",
):
    config_row("P14", f"a class named {name or 'nothing'}", class_named(name))
config_row("P14", "a function named eval", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(activation={"function": "eval"}))
config_row("P14", "a class that is a list", lambda c, a: c["model"].update(class_name=["Sequential"]))
config_row("P13", "without a model", lambda c, a: c.pop("model"))
config_row("P13", "without layers", lambda c, a: c["model"]["config"].pop("layers"))
config_row("P13", "units are text", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units="5"))
config_row("P13", "units are negative", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=-5))
config_row("P02", "units are 2**61", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=2**61))
config_row("P13", "units do not fit the weights", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(units=6))
config_row("P13", "an unknown argument", lambda c, a: c["model"]["config"]["layers"][0]["config"].update(unit=5))
config_row("P13", "a model that is a layer", lambda c, a: c.update(model=c["model"]["config"]["layers"][0]))
config_row("P13", "a weight missing", lambda c, a: a.pop(next(n for n in a if n.startswith("weights"))))
config_row("P13", "a weight too many", lambda c, a: a.update({"weights/more": np.zeros(3)}))
config_row("P13", "a weight of another shape", lambda c, a: a.update({next(n for n in a if n.startswith("weights")): np.zeros(3, "float32")}))
config_row("P13", "the optimizer is text", lambda c, a: c["compile"].update(optimizer="adam"))


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def deep_json(text):
    return zip_of(*[(n, text if i == JSON else c) for i, (n, c) in enumerate(MEMBERS)])


file_row("P19", "a config nested 200000 deep", deep_json(b'{"a":' * 200_000 + b"1" + b"}" * 200_000))
file_row("P19", "a config of 200000 lists", deep_json(b"[" * 200_000 + b"]" * 200_000))
file_row("P19", "a config that is not closed", deep_json(b'{"model": {"class_name": "Sequential"'))
file_row("P19", "a number of a million digits", deep_json(b'{"a": ' + b"9" * 1_000_000 + b"}"))
call(
    "P19",
    "deserialize nested 100000 deep",
    lambda: registry.deserialize(nested(100_000)),
    lambda: registry.deserialize(registry.serialize(L.Dense(3))),
    "config",
)
call("P16", "load_model of a number", lambda: pydl.models.load_model(3), load_good, "path")
call("P16", "load_model of None", lambda: pydl.models.load_model(None), load_good, "path")
call(
    "P16",
    "load_model custom_objects",
    lambda: pydl.models.load_model(GOOD_FILE, custom_objects=[Fine]),
    lambda: pydl.models.load_model(GOOD_FILE, custom_objects={"Fine": Fine}),
    "custom_objects",
)
call("P16", "save to a number", lambda: tiny().save(3), lambda: tiny().save(GOOD_FILE), "path")
call(
    "P18",
    "save before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").save(os.path.join(SCRATCH, "u.pydl")),
    lambda: tiny().save(GOOD_FILE),
    "unbuilt",
)
call(
    "P18",
    "load_weights before it is built",
    lambda: pydl.Sequential([L.Dense(2)], name="unbuilt").load_weights(GOOD_FILE),
    lambda: tiny().load_weights(GOOD_FILE),
    "unbuilt",
)
call("P05", "load_weights of another model", lambda: regressor().load_weights(GOOD_FILE), lambda: tiny().load_weights(GOOD_FILE), "regressor")
call(
    "P05",
    "load_weights of another shape",
    lambda: pydl.Sequential([L.Input((4,)), L.Dense(6), L.Dense(3)], name="wider").load_weights(GOOD_FILE),
    lambda: tiny().load_weights(GOOD_FILE),
    "wider",
)


def custom_saved():
    model = pydl.Sequential([L.Input((4,)), Fine()], name="custom")
    path = os.path.join(SCRATCH, "custom.pydl")
    model.save(path)
    return path


call(
    "P14",
    "load_model of an unregistered class",
    lambda: pydl.models.load_model(custom_saved()),
    lambda: pydl.models.load_model(custom_saved(), custom_objects={"Fine": Fine}),
    "custom_objects",
)
call("P16", "register something", lambda: saving.register_serializable()(3), lambda: saving.register_serializable()(Fine), "register")


# ---------------------------------------------------------------------------------------------------- data sets, config


def idx(magic=0x803, sizes=(2, 28, 28), data=bytes(1568)):
    return struct.pack(">I", magic) + b"".join(struct.pack(">I", s) for s in sizes) + data


def mnist_folder(**files):
    folder = tempfile.mkdtemp(dir=SCRATCH)
    good = {"train_images": idx(), "train_labels": idx(0x801, (2,), bytes(2)), "t10k_images": idx(), "t10k_labels": idx(0x801, (2,), bytes(2))}
    for name, content in {**good, **files}.items():
        part, kind = name.split("_")
        if content is not None:
            with open(os.path.join(folder, f"{part}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"), "wb") as file:
                file.write(content)
    return folder


def mnist(**files):
    folder = mnist_folder(**files)
    try:
        return pydl.datasets.mnist.load_data(path=folder)
    finally:
        shutil.rmtree(folder)


for name, content in {
    "shorter than its header": idx()[:10],
    "empty": b"",
    "shorter than it says": idx(data=bytes(1567)),
    "longer than it says": idx(data=bytes(1569)),
    "of another magic number": idx(magic=0x12345678),
    "of 2**32-1 images": idx(sizes=(2**32 - 1, 2**32 - 1, 2**32 - 1)),
    "of a negative size": idx(sizes=(2, 2**31, 28)),
    "text": b"hello world, this is no idx file",
}.items():
    call("P13", f"idx file {name}", lambda c=content: mnist(train_images=c), lambda: mnist(), "train-images")
call("P05", "idx labels of another count", lambda: mnist(train_labels=idx(0x801, (3,), bytes(3))), lambda: mnist(), "labels", "images")
call("P09", "idx labels past 9", lambda: mnist(train_labels=idx(0x801, (2,), bytes([3, 200]))), lambda: mnist(), "label")
call("P16", "mnist path of a number", lambda: pydl.datasets.mnist.load_data(path=3), lambda: mnist(), "path")
call(
    "P13",
    "mnist of a damaged npz",
    lambda: pydl.datasets.mnist.load_data(path=file_of(b"PK\x03\x04" + zlib.compress(b"x"), "mnist.npz")),
    lambda: mnist(),
    "mnist.npz",
)
values(pydl.config.set_floatx, dict(value="float32"), ("P16", "value", "float16", 32, None))
values(pydl.config.set_epsilon, dict(value=1e-7), ("P17", "value", -1.0, 0.0), ("P08", "value", NAN), ("P16", "value", "small"))
values(pydl.config.set_image_data_format, dict(data_format="channels_last"), ("P16", "data_format", "NHWC", 4))
