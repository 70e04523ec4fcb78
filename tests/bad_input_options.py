"""Every option of what training is set up with, out of its domain, of a wrong type, or under an unknown name.  See bad_input_rows.py."""

import inspect
import os

import bad_input_functions  # noqa: F401
import bad_input_layers  # noqa: F401
import bad_input_rows
import bad_input_settings  # noqa: F401     tables that have some of these rows already
import numpy as np
from bad_input_models import tiny
from bad_input_rows import INF, LABELS, NAN, ROWS, SCRATCH, VECTOR, call

import pydl
from pydl import callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules, utils

T, S, C, R, M, L, K = optimizers, schedules, constraints, regularizers, metrics, losses, callbacks


def values(make, good, *bad, **options):
    """As in bad_input_rows, without the rows that another table has."""
    known, count = {row.id for row in ROWS}, len(ROWS)
    if make.__module__.startswith("pydl.metrics"):
        options.setdefault("name", f"metrics.{make.__name__}")
    bad_input_rows.values(make, good, *bad, **options)
    ROWS[count:] = [row for row in ROWS[count:] if row.id not in known]


def number(name, *outside, none=False):
    """Values that no number in the option's range is; NaN and infinity never are."""
    return [("P17", name, *outside), ("P08", name, NAN, INF), ("P16", name, "x", [1.0], True, *(() if none else (None,)))]


def whole(name, *outside, none=False):
    """The same of an integer."""
    return [("P04", name, *outside), ("P16", name, 1.5, "x", *(() if none else (None,)))]


def flag(name):
    return ("P16", name, "yes", 1, None)


# ---- optimizers

EVERY = [
    *number("learning_rate", -0.1, -INF),
    *number("clipnorm", 0, -1, none=True),
    *number("clipvalue", 0, -1, none=True),
    *number("global_clipnorm", 0, -1, none=True),
    flag("use_ema"),
    *number("ema_momentum", -0.1, 1.0, 1.5),
    *whole("ema_overwrite_frequency", 0, -1, none=True),
    *whole("gradient_accumulation_steps", 0, 1, -2, none=True),
    ("P16", "name", 3),
    ("P18", "name", ""),
]
BETAS = [*number("beta_1", -0.1, 1.0, 1.5), *number("beta_2", -0.1, 1.0), *number("epsilon", -1e-7)]
for cls, own in (
    (T.SGD, [*number("momentum", -0.1, 1.0, 1.5), flag("nesterov"), flag("averaged"), flag("bias_correction")]),
    (T.RMSprop, [*number("rho", -0.1, 1.0, 1.5), *number("momentum", -0.1, 1.0), *number("epsilon", -1), flag("centered")]),
    (T.Adam, [*BETAS, flag("amsgrad")]),
    (T.AdamW, [*BETAS, flag("amsgrad"), ("P16", "weight_decay", None)]),
    (T.Adamax, BETAS),
    (T.Nadam, BETAS),
    (T.Adagrad, [*number("initial_accumulator_value", -0.1), *number("epsilon", -1)]),
    (T.Adadelta, [*number("rho", -0.1, 1.0, 1.5), *number("epsilon", -1)]),
    (T.Lion, [*number("beta_1", 0, 1.5), *number("beta_2", -0.1, 1.0)]),
):
    values(cls, {}, *EVERY, *number("weight_decay", -0.1, none=True), *own)
for name in ("learning_rate", "beta_1", "weight_decay", "clipvalue", "clipnorm", "ema_momentum"):
    call("P17", f"Adam.{name} set to -1 later", lambda n=name: setattr(T.Adam(), n, -1.0), lambda n=name: setattr(T.Adam(), n, 0.5), name)
call("P18", "two forms of clipping", lambda: T.Adam(clipnorm=1.0, clipvalue=1.0), lambda: T.Adam(clipnorm=1.0), "clipnorm")
call(
    "P18",
    "bias correction without averages",
    lambda: T.SGD(bias_correction=True),
    lambda: T.SGD(momentum=0.9, averaged=True, bias_correction=True),
    "bias_correction",
)
call(
    "P18",
    "a number for a rate that follows a schedule",
    lambda: setattr(T.SGD(S.CosineDecay(0.1, 5)), "learning_rate", 0.1),
    lambda: setattr(T.SGD(0.1), "learning_rate", 0.2),
    "learning rate follows CosineDecay",
)

# ---- schedules

RATE = number("initial_learning_rate", -0.1)
for cls in (S.ExponentialDecay, S.InverseTimeDecay, S.InverseRootDecay):
    values(
        cls,
        dict(initial_learning_rate=0.1, decay_steps=10, decay_rate=0.5),
        *RATE,
        *number("decay_steps", 0, -1),
        *number("decay_rate", -0.1),
        flag("staircase"),
        ("P16", "name", 3),
    )
values(
    S.PolynomialDecay,
    dict(initial_learning_rate=0.1, decay_steps=10),
    *RATE,
    *number("decay_steps", 0, -1),
    *number("end_learning_rate", -1),
    *number("power", -1),
    flag("cycle"),
)
values(
    S.CosineDecay,
    dict(initial_learning_rate=0.1, decay_steps=10),
    *RATE,
    *number("decay_steps", 0),
    *number("alpha", -0.1, 1.1),
    *number("warmup_target", -1, none=True),
    *number("warmup_steps", -1),
)
values(
    S.CosineDecayRestarts,
    dict(initial_learning_rate=0.1, first_decay_steps=10),
    *RATE,
    *number("first_decay_steps", 0),
    *number("t_mul", 0.5),
    *number("m_mul", -1),
    *number("alpha", -0.1, 2),
)
values(
    S.PiecewiseConstantDecay,
    dict(boundaries=[2, 5], values=[1.0, 0.5, 0.1]),
    ("P17", "boundaries", [5, 2], [2, 2], [-1, 2]),
    ("P08", "boundaries", [2, NAN]),
    ("P16", "boundaries", 3, ["a", "b"]),
    ("P05", "values", [1.0], [1.0, 0.5]),
    ("P17", "values", [1.0, -0.5, 0.1]),
    ("P08", "values", [1.0, NAN, 0.1]),
    ("P16", "values", 3.0),
)
values(S.TransformerSchedule, dict(d_model=8), *whole("d_model", 0, -1), *number("warmup_steps", 0))

# ---- losses and metrics

for cls in (
    L.MeanSquaredError,
    L.BinaryCrossentropy,
    L.CategoricalCrossentropy,
    L.SparseCategoricalCrossentropy,
    L.Huber,
    L.KLDivergence,
    L.CosineSimilarity,
    L.Dice,
):
    values(cls, {}, ("P16", "reduction", "average", 3), ("P16", "name", 3), ("P16", "dtype", "float16", 7))
for cls in (L.BinaryCrossentropy, L.CategoricalCrossentropy, M.BinaryCrossentropy, M.CategoricalCrossentropy):
    values(cls, {}, *number("label_smoothing", -0.1, 1.5), flag("from_logits"), ("P04", "axis", 0))
values(L.SparseCategoricalCrossentropy, {}, flag("from_logits"), ("P16", "ignore_class", 1.5, "x"), ("P04", "axis", 1), ("P16", "axis", np.ones(3), "x"))
values(L.Huber, {}, *number("delta", 0, -1))
values(
    L.BinaryFocalCrossentropy, {}, *number("alpha", -0.1, 1.1), *number("gamma", -1), *number("label_smoothing", 1.1), flag("apply_class_balancing")
)
values(L.CategoricalFocalCrossentropy, {}, *number("gamma", -1), *number("label_smoothing", 1.1))
values(L.Tversky, {}, *number("alpha", -1), *number("beta", -1))
for cls in (M.Precision, M.Recall):
    values(
        cls,
        {},
        ("P17", "thresholds", 1.5, -0.1, [0.5, 2.0]),
        ("P08", "thresholds", NAN),
        ("P16", "thresholds", "x", []),
        *whole("top_k", 0, -1, none=True),
        *whole("class_id", -1, none=True),
    )
values(M.AUC, {}, *whole("num_thresholds", 0, 1), ("P16", "curve", "ROCK"), ("P16", "summation_method", "sum"), flag("from_logits"))
values(M.BinaryAccuracy, {}, *number("threshold", none=True)[1:])
values(M.TopKCategoricalAccuracy, {}, *whole("k", 0, -1))
values(M.MeanIoU, dict(num_classes=3), *whole("num_classes", 0, -1), ("P04", "axis", 0), ("P16", "axis", np.ones(3), None))
values(M.CategoricalCrossentropy, {}, ("P16", "axis", np.ones(3), 1.5))
values(M.F1Score, {}, ("P16", "average", "most"), ("P17", "threshold", -0.1, 1.5), ("P08", "threshold", NAN))
values(M.FBetaScore, {}, *number("beta", 0, -1))
values(M.R2Score, {}, ("P16", "class_aggregation", "mean", 3), *whole("num_regressors", -1))

# ---- regularizers, constraints

for cls, names in ((R.L1, ["l1"]), (R.L2, ["l2"]), (R.OrthogonalRegularizer, ["factor"])):
    for name in names:
        values(cls, {}, ("P17", name, -0.5), ("P16", name, [1.0], True))
values(R.OrthogonalRegularizer, {}, ("P08", "factor", NAN), ("P16", "mode", "cols", 1))
values(C.MaxNorm, {}, *number("max_value", -1), ("P16", "axis", "x", 1.5, None))
values(C.UnitNorm, {}, ("P16", "axis", "x", 1.5, None))
values(C.MinMaxNorm, {}, *number("min_value", -1), *number("max_value", -1), *number("rate", -0.1, 1.1))
for what, get in (("constraint", C.get), ("regularizer", R.get), ("initializer", pydl.initializers.get)):
    call("P16", f"{what} by an unknown name", lambda g=get: g("nomr"), lambda g=get: g(None), "nomr")
    call("P16", f"{what} that is a number", lambda g=get: g(3.0), lambda g=get: g(None), what)

# ---- callbacks

MONITOR = [("P16", "monitor", 3, None), ("P18", "monitor", ""), ("P16", "mode", "up", 1), ("P08", "min_delta", NAN)]
values(
    K.EarlyStopping,
    dict(monitor="loss"),
    *MONITOR[1:2],
    ("P16", "mode", 1),
    *whole("verbose", -1),
    *number("baseline", none=True)[1:],
    flag("restore_best_weights"),
    *whole("start_from_epoch", -1),
)
values(
    K.ReduceLROnPlateau,
    dict(monitor="loss"),
    *MONITOR,
    *number("min_lr", -1),
    *whole("cooldown", -1),
    *whole("verbose", -1),
    ("P16", "factor", "x", None),
)
values(
    K.ModelCheckpoint,
    dict(filepath=os.path.join(SCRATCH, "b.pydl")),
    *MONITOR[:3],
    flag("save_best_only"),
    flag("save_weights_only"),
    *whole("verbose", -1),
    *number("initial_value_threshold", none=True)[1:],
)
values(
    K.BackupAndRestore,
    dict(backup_dir=os.path.join(SCRATCH, "backup")),
    ("P16", "backup_dir", 3, None, ""),
    ("P16", "save_freq", "batch", 1.5, np.ones(3)),
    ("P01", "save_freq", 0),
    flag("double_checkpoint"),
    flag("delete_checkpoint"),
)
values(K.CSVLogger, dict(filename=os.path.join(SCRATCH, "log.csv")), ("P16", "filename", 3, None), ("P16", "separator", 3, ";;", ""), flag("append"))
values(
    K.TensorBoard,
    dict(log_dir=os.path.join(SCRATCH, "board")),
    ("P16", "log_dir", 3, None, ""),
    *whole("histogram_freq", -1),
    flag("write_steps_per_second"),
    ("P16", "update_freq", "often", 1.5),
    ("P01", "update_freq", 0),
)
values(K.SwapEMAWeights, {}, flag("swap_on_epoch"))
values(K.TerminateOnNaN, {}, flag("raise_error"))
values(K.LearningRateScheduler, dict(schedule=lambda epoch: 0.1), ("P16", "schedule", 0.1, "cosine", None), *whole("verbose", -1))
call(
    "P16",
    "LambdaCallback of an unknown hook",
    lambda: K.LambdaCallback(on_epoch_ends=print),
    lambda: K.LambdaCallback(on_epoch_end=print),
    "on_epoch_end",
)


def trained(**options):
    return tiny().fit(VECTOR, LABELS, verbose=0, **options)


for bad, good, mention in (
    (K.SwapEMAWeights(), K.TerminateOnNaN(), "use_ema"),
    (K.LearningRateScheduler(lambda epoch: -0.1), K.LearningRateScheduler(lambda epoch: 0.1), "schedule"),
    (K.LearningRateScheduler(lambda epoch: NAN), K.LearningRateScheduler(lambda epoch: 0.1), "value of schedule"),
    (K.EarlyStopping("val_loss"), K.EarlyStopping("loss"), "val_loss"),
    (K.EarlyStopping("accurcy"), K.EarlyStopping("loss"), "accurcy"),
    (K.ReduceLROnPlateau("val_accuracy"), K.ReduceLROnPlateau("loss"), "val_accuracy"),
):
    call(
        "P18",
        f"fit with {type(bad).__name__} that cannot work: {mention}",
        lambda c=bad: trained(callbacks=[c]),
        lambda c=good: trained(callbacks=[c]),
        mention,
    )

# ---- fit, PyDataset


class Batches(utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, i):
        return VECTOR, LABELS


def streamed(**options):
    return tiny().fit(Batches(), verbose=0, **options)


values(streamed, {}, ("P16", "y", LABELS), ("P16", "batch_size", 2), ("P16", "sample_weight", np.ones(6)), ("P16", "validation_split", 0.5))
values(
    trained,
    {},
    *whole("steps_per_epoch", 0, -1, none=True),
    *whole("validation_steps", 0, none=True),
    *whole("validation_batch_size", 0, -2, none=True),
    ("P04", "validation_freq", 0, [0], [-1]),
    ("P16", "validation_freq", 1.5, "x", None),
    ("P08", "validation_split", NAN),
    ("P16", "class_weight", [1, 2], {"a": 1.0}),
    ("P17", "class_weight", {1: -1.0}),
    ("P08", "class_weight", {1: NAN}),
    ("P08", "sample_weight", np.full(6, NAN)),
    ("P16", "shuffle", "batch", 1),
    ("P04", "initial_epoch", -1),
    ("P16", "initial_epoch", 0.5),
)
values(utils.PyDataset, {}, *whole("workers", -1), flag("use_multiprocessing"), *whole("max_queue_size", 0, -1))
for name, data in (
    ("no parts", [()]),
    ("four parts", [(VECTOR, LABELS, LABELS, LABELS)]),
    ("nothing", []),
    ("unequal rows", [(VECTOR, LABELS[:2])]),
    ("labels out of range", [(VECTOR, LABELS + 5)]),
    ("text", [("a", "b")]),
):
    call(
        "P05",
        f"fit on a generator of {name}",
        lambda d=data: tiny().fit(iter(d), verbose=0),
        lambda: tiny().fit(iter([(VECTOR, LABELS)]), verbose=0),
        "batch",
        "rows",
        "number of classes",
        "numbers",
    )

# ---- layers of this family

for cls in (layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, layers.GaussianDropout, layers.AlphaDropout):
    values(cls, dict(rate=0.5), *number("rate", -0.1, 1.5), ("P17", "rate", 1.0))
values(layers.GaussianNoise, dict(stddev=0.5), *number("stddev", -0.1))
for cls in (layers.GroupNormalization, layers.LayerNormalization, layers.BatchNormalization, layers.RMSNormalization):
    values(cls, {}, *number("epsilon", 0, -1)[1:], ("P16", "axis", "x", 1.5))
values(layers.GroupNormalization, {}, *whole("groups", 0, -2), flag("center"), flag("scale"), ("P16", "gamma_initializer", "on"))
values(layers.BatchNormalization, {}, *number("momentum", -0.1, 1.5)[1:])
values(
    layers.Normalization,
    dict(mean=0.0, variance=1.0),
    ("P17", "variance", -1.0, None),
    ("P08", "variance", NAN),
    ("P08", "mean", NAN, [INF]),
    ("P16", "mean", "x"),
    ("P16", "axis", "x", 1.5),
    flag("invert"),
)
values(
    layers.UpSampling2D,
    {},
    ("P01", "size", 0, (2, 0)),
    ("P16", "size", 1.5, "x"),
    ("P16", "interpolation", "linear", 2),
    ("P16", "data_format", "last"),
)
values(layers.UpSampling1D, {}, *whole("size", 0, -1))
values(layers.PReLU, {}, ("P04", "shared_axes", 0, (0, 1)), ("P16", "shared_axes", 1.5), ("P16", "alpha_initializer", "zzeros", 3))
for cls in (layers.Conv2DTranspose, layers.SeparableConv2D):
    of = "kernel" if cls is layers.Conv2DTranspose else "pointwise"
    values(cls, dict(filters=2, kernel_size=1), *[("P16", f"{of}_{what}", "x", 3) for what in ("initializer", "regularizer", "constraint")])
values(layers.LSTM, dict(units=2), ("P16", "recurrent_activation", "sigmoidal", 3))
values(initializers.VarianceScaling, {}, ("P16", "distribution", np.ones(3)))
values(layers.Rescaling, dict(scale=1.0), *number("scale")[1:2], ("P08", "offset", NAN), ("P16", "offset", "x"))
values(layers.ActivityRegularization, {}, *number("l1", -1), *number("l2", -1))
values(layers.Lambda, dict(function=abs), ("P16", "function", 3, None), ("P16", "output_shape", 3), ("P16", "arguments", [1]))
values(layers.Dense, dict(units=2), *number("lr_multiplier", -1), ("P16", "trainable", 1, "no"), ("P16", "dtype", "float16", int), ("P16", "name", 3))
values(layers.InputLayer, dict(shape=(3,)), ("P16", "shape", 3, (0,), ("x",)), ("P16", "batch_size", 0, "x"), ("P16", "dtype", "float16"), ("P16", "name", 3))
values(layers.InputLayer, dict(batch_shape=(None, 3)), ("P16", "batch_shape", 3, (), (None, 0), (0, 3)), says=("shape", "batch_size"))
values(utils.ExponentialAverage, {}, *number("beta", -0.1, 1.0), flag("bias_correction"))

# ---- unknown names

GIVEN = {
    "units": 2,
    "rate": 0.5,
    "stddev": 0.1,
    "filters": 2,
    "kernel_size": 1,
    "num_classes": 2,
    "filepath": "x",
    "filename": "x",
    "backup_dir": "x",
    "initial_learning_rate": 0.1,
    "decay_steps": 5,
    "decay_rate": 0.5,
    "first_decay_steps": 5,
    "scale": 1.0,
    "function": abs,
    "schedule": abs,
    "d_model": 4,
    "boundaries": [1],
    "values": [1.0, 0.5],
    "monitor": "loss",
}
for module in (optimizers, schedules, losses, metrics, initializers, regularizers, constraints, callbacks, layers):
    for name, cls in sorted(vars(module).items()):
        if not inspect.isclass(cls) or cls.__name__ != name or not cls.__module__.startswith(module.__name__):
            continue
        required = [
            p.name
            for p in list(inspect.signature(cls.__init__).parameters.values())[1:]
            if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD
        ]
        open_ended = (
            any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in inspect.signature(cls.__init__).parameters.values()) and module is not layers
        )
        if set(required) - set(GIVEN) or open_ended or name in ("InputSpec", "Layer", "Lambda"):
            continue
        given = {"shape": (3,)} if name == "InputLayer" else {n: GIVEN[n] for n in required}
        call(
            "P16",
            f"{module.__name__}.{name} of an unknown option",
            lambda c=cls, g=given: c(**g, learnign_rate=0.1),
            lambda c=cls, g=given: c(**g),
            "learnign_rate",
        )
