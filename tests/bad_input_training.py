"""Bad calls of compile, fit, evaluate, predict and callbacks.  See bad_input_rows.py."""
import os

import numpy as np
from bad_input_models import regressor, tiny, two_headed
from bad_input_rows import IMAGE, INF, LABELS, NAN, SCRATCH, VECTOR, call, shown, values

import pydl
from pydl import layers as L

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
for steps in (0, -1, 1.5, "2", None, True):
    compile_row("P16", steps_per_execution=steps)
for jit in ("Auto", 1, None):
    compile_row("P16", jit_compile=jit)
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
    ("P16", "validation_split", np.ones(3)),
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
