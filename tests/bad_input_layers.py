"""Bad calls of layers.  See bad_input_rows.py."""
import numpy as np
from bad_input_rows import IMAGE, INF, NAN, VECTOR, call, values

import pydl
from pydl import layers as L

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
