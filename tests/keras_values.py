"""What Keras says of everything that trains: optimizers, schedules, losses, metrics, initialisers, activations, regularisers, constraints;
of sequences; of `fit`.

The same lines run under Keras, which writes keras_values.json beside this file, and under pydl, which test_keras_values.py compares with it:

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 JAX_DISABLE_JIT=1 python tests/keras_values.py [what keys match]      # where keras 3.15 and jax are

With TensorFlow, Keras computes learning rates and decays in float32 whatever the dtype of the weights; with JAX and NumPy, means and cosines.
`write` turns the latter off, so what is stored is good to float64, but where Keras itself says float32 (overlaps).
Trainings come out the same without JAX_DISABLE_JIT=1, in a minute instead of five.

A `library` is the module keras or pydl: their names are the same.  Inputs are NumPy's, rounded to float32, so both dtypes read the same numbers.
"""
import json
import math
import re
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")


def drawn(seed, *shape, low=None, high=None):
    """Normal numbers, or uniform ones in low..high, that float32 holds exactly."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) if low is None else rng.uniform(low, high, shape)
    return values.astype(np.float32).astype(np.float64)


def plain(value):
    """A tensor of either library as a float64 ndarray."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    return np.array(value, np.float64)


# ---- optimizers: 50 steps, weights compared after these

STEPS = (1, 2, 7, 20, 50)
SHAPES = ((3, 2), (4,))
METHODS = {
    "SGD": {}, "SGD momentum": {"momentum": 0.9}, "SGD nesterov": {"momentum": 0.8, "nesterov": True},
    "RMSprop": {}, "RMSprop momentum": {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-3}, "RMSprop centered": {"centered": True, "epsilon": 1e-2},
    "RMSprop centered momentum": {"centered": True, "momentum": 0.5, "epsilon": 1e-2},
    "Adam": {}, "Adam amsgrad": {"amsgrad": True, "beta_2": 0.9}, "Adam betas": {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2},
    "AdamW": {}, "AdamW amsgrad": {"amsgrad": True, "weight_decay": 0.1},
    "Adamax": {}, "Adamax betas": {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2},
    "Nadam": {}, "Nadam betas": {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-2},
    "Adagrad": {}, "Adagrad start": {"initial_accumulator_value": 0.5, "epsilon": 1e-2},
    "Adadelta": {"learning_rate": 1.0}, "Adadelta rho": {"learning_rate": 1.0, "rho": 0.5, "epsilon": 1e-2},
    "Lion": {}, "Lion betas": {"beta_1": 0.5, "beta_2": 0.8},
}
AROUND = {
    "decay": {"weight_decay": 0.02}, "clipnorm": {"clipnorm": 1.5}, "global": {"global_clipnorm": 2.0}, "clipvalue": {"clipvalue": 0.4},
    "ema": {"use_ema": True, "ema_momentum": 0.9}, "overwrite": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 4}, "schedule": {"learning_rate": ("ExponentialDecay", 0.05, 7, 0.8)},
    "all": {"weight_decay": 0.05, "global_clipnorm": 1.0, "gradient_accumulation_steps": 3},
}
FIRSTS = [name for name in METHODS if " " not in name]
OPTIMIZERS = {name: options for name, options in METHODS.items()}
OPTIMIZERS.update({f"{name} + {what}": {**METHODS[name], **more} for name in [*FIRSTS, "SGD nesterov", "Adam amsgrad"] for what, more in AROUND.items()})


def optimizer(library, name, dtype):
    """The weights after STEPS, one row each, and after `finalize_variable_values` where there are running means."""
    options = {"learning_rate": 0.05, **OPTIMIZERS[name]}
    if isinstance(options["learning_rate"], tuple):
        schedule, *numbers = options["learning_rate"]
        options["learning_rate"] = getattr(library.optimizers.schedules, schedule)(*numbers)
    made = getattr(library.optimizers, name.split()[0])(**options)
    variable = library.Parameter if library.__name__ == "pydl" else library.Variable
    weights = [variable(drawn(10 + i, *shape).astype(dtype), dtype=dtype) for i, shape in enumerate(SHAPES)]
    made.build(weights)
    found = []
    for step in range(1, STEPS[-1] + 1):
        gradients = [(drawn(100 * step + i, *shape) * (1 + step % 3)).astype(dtype) for i, shape in enumerate(SHAPES)]
        made.apply(gradients if library.__name__ == "pydl" else [library.ops.convert_to_tensor(g) for g in gradients], weights)
        if step in STEPS:
            found.append(np.concatenate([plain(w).reshape(-1) for w in weights]))
    if made.use_ema:
        made.finalize_variable_values(weights)
        found.append(np.concatenate([plain(w).reshape(-1) for w in weights]))
    return np.array(found)


# ---- schedules: the rates of 51 steps

SCHEDULES = {
    "ExponentialDecay": (0.1, 7, 0.9), "ExponentialDecay staircase": (0.1, 7, 0.9, True),
    "InverseTimeDecay": (0.1, 5, 0.5), "InverseTimeDecay staircase": (0.1, 5, 0.5, True),
    "PolynomialDecay": (0.1, 30), "PolynomialDecay power": (0.1, 20, 0.01, 2.0), "PolynomialDecay cycle": (0.1, 12, 0.01, 0.5, True),
    "PiecewiseConstantDecay": ([10, 25], [0.1, 0.05, 0.01]),
    "CosineDecay": (0.1, 40), "CosineDecay alpha": (0.1, 30, 0.2), "CosineDecay warmup": (0.01, 30, 0.1, "CosineDecay", 0.2, 10),
    "CosineDecayRestarts": (0.1, 10), "CosineDecayRestarts all": (0.1, 7, 1.5, 0.8, 0.1), "CosineDecayRestarts equal": (0.1, 7, 1.0),
}


def schedule(library, name, dtype):
    made = getattr(library.optimizers.schedules, name.split()[0])(*SCHEDULES[name])
    return np.array([plain(made(step)) for step in range(51)])


# ---- losses: targets and predictions of each kind, some of them at the very edge

def pairs(kind, seed=1, n=6, classes=5):
    """(y_true, y_pred, a weight a row)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    onehot, flags = np.eye(classes)[labels], (rng.random((n, classes)) < 0.5).astype(float)
    shares = drawn(seed, n, classes, low=0.02, high=1.0)
    if n > 2 and kind != "shares":
        shares[1, labels[1]], shares[2, labels[2]] = 0.0, 1.0               # no share at all for the right class; all of it
    logits = drawn(seed, n, classes) * 3
    logits[0] *= 20
    y, p = {
        "real": (drawn(seed + 1, n, classes), drawn(seed, n, classes)),
        "positive": (np.abs(drawn(seed + 1, n, classes)) + 0.125, np.abs(drawn(seed, n, classes)) + 0.125),
        "counts": (rng.integers(0, 5, (n, classes)).astype(float), np.abs(drawn(seed, n, classes)) + 0.125),
        "binary": (flags, shares), "binary logits": (flags, logits), "signs": (2 * flags - 1, drawn(seed, n, classes)),
        "onehot": (onehot, shares), "onehot logits": (onehot, logits), "labels": (labels, shares), "labels logits": (labels, logits),
        "shares": (drawn(seed + 1, n, classes, low=0.0, high=1.0), shares),
    }[kind]
    return y, p, drawn(seed + 2, n, low=0.0, high=2.0)


LOSSES = {
    "MeanSquaredError": ("real", {}), "MeanAbsoluteError": ("real", {}), "MeanAbsolutePercentageError": ("real", {}),
    "MeanSquaredLogarithmicError": ("positive", {}), "MeanSquaredLogarithmicError negative": ("real", {}),
    "Huber": ("real", {}), "Huber delta": ("real", {"delta": 0.3}), "LogCosh": ("real", {}), "LogCosh far": ("binary logits", {}),
    "Poisson": ("counts", {}), "KLDivergence": ("shares", {}),
    "Hinge": ("signs", {}), "Hinge of 0 and 1": ("binary logits", {}), "SquaredHinge": ("signs", {}), "SquaredHinge of 0 and 1": ("binary logits", {}),
    "CategoricalHinge": ("onehot logits", {}), "CosineSimilarity": ("real", {}), "CosineSimilarity axis": ("real", {"axis": 0}),
    "BinaryCrossentropy": ("binary", {}), "BinaryCrossentropy smooth": ("binary", {"label_smoothing": 0.2}),
    "BinaryCrossentropy logits": ("binary logits", {"from_logits": True}),
    "BinaryCrossentropy logits smooth": ("binary logits", {"from_logits": True, "label_smoothing": 0.1}),
    "BinaryFocalCrossentropy": ("binary", {}), "BinaryFocalCrossentropy all": (
        "binary logits", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": True, "label_smoothing": 0.1}),
    "CategoricalCrossentropy": ("onehot", {}), "CategoricalCrossentropy smooth": ("onehot", {"label_smoothing": 0.2}),
    "CategoricalCrossentropy logits": ("onehot logits", {"from_logits": True}),
    "CategoricalCrossentropy logits smooth": ("onehot logits", {"from_logits": True, "label_smoothing": 0.1}),
    "CategoricalFocalCrossentropy": ("onehot", {}),
    "CategoricalFocalCrossentropy all": ("onehot logits", {"alpha": 0.5, "gamma": 1.5, "from_logits": True, "label_smoothing": 0.1}),
    "SparseCategoricalCrossentropy": ("labels", {}), "SparseCategoricalCrossentropy logits": ("labels logits", {"from_logits": True}),
    "SparseCategoricalCrossentropy ignore": ("labels logits", {"from_logits": True, "ignore_class": 2}),
    "Dice": ("binary", {}), "Dice axis": ("binary", {"axis": -1}), "Tversky": ("binary", {"alpha": 0.3, "beta": 0.6}), "Tversky axis": ("binary", {"axis": -1}),
}
REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight")
UNWEIGHTED = ("Dice", "Tversky", "CosineSimilarity axis")                   # their values are no values of rows


def loss(library, name, dtype):
    """The values; then, weighted by rows: the values, their reductions, and the gradient of the default one by y_pred."""
    kind, options = LOSSES[name]
    cls = getattr(library.losses, name.split()[0])
    y, p, weight = pairs(kind)
    y, p, weight = (a.astype(dtype) if a.dtype.kind == "f" else a for a in (y, p, weight))
    more = {} if name in UNWEIGHTED or name == "Dice axis" else {"sample_weight": weight}
    found = [plain(cls(**options, reduction="none")(y, p)), plain(cls(**options, reduction="none")(y, p, **more))]
    found += [plain(cls(**options, reduction=reduction)(y, p, **more)) for reduction in REDUCTIONS]
    made = cls(**options)
    if library.__name__ == "pydl":
        found.append(plain(library.grad(lambda p: made(y, p, **more))(p)))
    else:
        import jax

        found.append(plain(jax.grad(lambda p: made(y, p, **more))(jax.numpy.asarray(p))))
    return np.concatenate([f.reshape(-1) for f in found])


# ---- metrics: the result after each of three batches

BATCHES = (6, 1, 9)
METRICS = {
    "Mean": ("values", {}), "Sum": ("values", {}),
    "MeanSquaredError": ("real", {}), "RootMeanSquaredError": ("real", {}), "MeanAbsoluteError": ("real", {}), "MeanAbsolutePercentageError": ("real", {}),
    "MeanSquaredLogarithmicError": ("positive", {}), "LogCoshError": ("real", {}), "Poisson": ("counts", {}), "KLDivergence": ("shares", {}),
    "Hinge": ("signs", {}), "SquaredHinge": ("signs", {}), "CategoricalHinge": ("onehot logits", {}), "CosineSimilarity": ("real", {}),
    "R2Score": ("real", {}), "R2Score adjusted": ("real", {"num_regressors": 2}), "R2Score each": ("real", {"class_aggregation": None}),
    "R2Score weighted": ("real", {"class_aggregation": "variance_weighted_average"}),
    "BinaryCrossentropy": ("binary", {}), "BinaryCrossentropy logits": ("binary logits", {"from_logits": True, "label_smoothing": 0.1}),
    "CategoricalCrossentropy": ("onehot", {"label_smoothing": 0.1}), "CategoricalCrossentropy logits": ("onehot logits", {"from_logits": True}),
    "SparseCategoricalCrossentropy": ("labels", {}),
    "Accuracy": ("pairs of labels", {}), "BinaryAccuracy": ("binary", {}), "BinaryAccuracy threshold": ("binary", {"threshold": 0.3}),
    "CategoricalAccuracy": ("onehot", {}), "SparseCategoricalAccuracy": ("labels", {}), "TopKCategoricalAccuracy": ("onehot", {"k": 2}),
    "SparseTopKCategoricalAccuracy": ("labels", {"k": 3}),
    "TruePositives": ("binary", {}), "FalsePositives": ("binary", {"thresholds": 0.3}), "TrueNegatives": ("binary", {"thresholds": [0.2, 0.7]}),
    "FalseNegatives": ("binary", {"thresholds": [0.0, 0.5, 1.0]}),
    "Precision": ("binary", {}), "Precision thresholds": ("binary", {"thresholds": [0.2, 0.8]}), "Precision top": ("binary", {"top_k": 2}),
    "Precision class": ("binary", {"class_id": 3, "thresholds": 0.4}), "Precision all": ("binary", {"class_id": 1, "top_k": 3, "thresholds": 0.4}),
    "Recall": ("binary", {}), "Recall thresholds": ("binary", {"thresholds": [0.2, 0.8]}), "Recall top": ("binary", {"top_k": 2}),
    "Recall class": ("binary", {"class_id": 3, "thresholds": 0.4}),
    "AUC": ("binary", {}), "AUC few": ("binary", {"num_thresholds": 5}), "AUC minoring": ("binary", {"summation_method": "minoring", "num_thresholds": 9}),
    "AUC majoring": ("binary", {"summation_method": "majoring", "num_thresholds": 9}), "AUC PR": ("binary", {"curve": "PR"}),
    "AUC PR minoring": ("binary", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 9}),
    "AUC PR majoring": ("binary", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 9}),
    "AUC thresholds": ("binary", {"thresholds": [0.7, 0.25, 0.5]}), "AUC logits": ("binary logits", {"from_logits": True}),
    "AUC labels": ("binary", {"multi_label": True, "num_labels": 5}),
    "AUC labels weighted": ("binary", {"multi_label": True, "num_labels": 5, "label_weights": [1.0, 2.0, 0.5, 1.0, 0.0]}),
    "AUC labels PR": ("binary", {"multi_label": True, "num_labels": 5, "curve": "PR", "num_thresholds": 20}),
    "SensitivityAtSpecificity": ("binary", {"specificity": 0.4}), "SpecificityAtSensitivity": ("binary", {"sensitivity": 0.6, "num_thresholds": 11}),
    "PrecisionAtRecall": ("binary", {"recall": 0.5}), "RecallAtPrecision": ("binary", {"precision": 0.4}),
    "SensitivityAtSpecificity class": ("binary", {"specificity": 0.4, "class_id": 2}), "RecallAtPrecision never": ("binary", {"precision": 1.0}),
    "FBetaScore": ("onehot", {"beta": 2.0}), "FBetaScore micro": ("onehot", {"average": "micro", "beta": 0.5}),
    "FBetaScore threshold": ("binary", {"average": "macro", "beta": 2.0, "threshold": 0.4}),
    "F1Score": ("onehot", {}), "F1Score macro": ("onehot", {"average": "macro"}), "F1Score weighted": ("binary", {"average": "weighted", "threshold": 0.6}),
    "IoU": ("pairs of labels", {"num_classes": 5, "target_class_ids": [0, 3]}),
    "IoU scores": ("onehot", {"num_classes": 5, "target_class_ids": [1], "sparse_y_true": False, "sparse_y_pred": False}),
    "IoU ignore": ("pairs of labels", {"num_classes": 5, "target_class_ids": [0, 3], "ignore_class": 2}),
    "BinaryIoU": ("binary", {}), "BinaryIoU one": ("binary", {"target_class_ids": [1], "threshold": 0.3}),
    "MeanIoU": ("pairs of labels", {"num_classes": 5}), "OneHotIoU": ("onehot", {"num_classes": 5, "target_class_ids": [0, 2]}),
    "OneHotMeanIoU": ("onehot", {"num_classes": 5}),
}
BY_ELEMENT = ("BinaryIoU", "BinaryIoU one")                                 # a weight an element


def metric(library, name, dtype):
    kind, options = METRICS[name]
    cls = getattr(library.metrics, name.split()[0])
    found = []
    for weighted in (False, True):
        made = cls(**options, **({"dtype": dtype} if "IoU" in name else {}))          # by default Keras counts them in integers, weights cut off
        for seed, n in enumerate(BATCHES):
            if kind == "values":
                arguments, weight = [drawn(seed, n)], drawn(seed + 9, n, low=0.0, high=2.0)
            elif kind == "pairs of labels":
                rng = np.random.default_rng(seed)
                arguments, weight = [rng.integers(0, 5, n), rng.integers(0, 5, n)], drawn(seed + 9, n, low=0.0, high=2.0)
            else:
                *arguments, weight = pairs(kind, seed, n)
            arguments = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arguments]
            if name in BY_ELEMENT:
                weight = np.repeat(weight, 5).reshape(n, 5)
            made.update_state(*arguments, **({"sample_weight": weight.astype(dtype)} if weighted else {}))
            found.append(plain(made.result()).reshape(-1))
    return np.concatenate(found)


# ---- initialisers: the values of those without chance; of the others what can agree, their spread

INITIALIZERS = {
    "Zeros": {}, "Ones": {}, "Constant": {"value": -1.5}, "Identity": {}, "Identity gain": {"gain": 0.7},
    "RandomNormal": {}, "RandomNormal moved": {"mean": 0.5, "stddev": 2.0}, "RandomUniform": {}, "RandomUniform moved": {"minval": 1.0, "maxval": 3.0},
    "TruncatedNormal": {}, "TruncatedNormal moved": {"mean": 0.5, "stddev": 2.0},
    "GlorotNormal": {}, "GlorotUniform": {}, "HeNormal": {}, "HeUniform": {}, "LecunNormal": {}, "LecunUniform": {},
    "VarianceScaling": {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"},
    "VarianceScaling uniform": {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform"},
    "VarianceScaling truncated": {"scale": 0.5, "mode": "fan_in", "distribution": "truncated_normal"},
    "Orthogonal": {}, "Orthogonal gain": {"gain": 1.7},
}
CHANCE_FROM = "RandomNormal"                                                # and all behind it


def drawn_shapes(name):
    return ((30, 50), (3, 3, 8, 10)) if name.startswith("Orthogonal") else ((250, 400), (3, 3, 80, 100))


def is_drawn(name):
    return list(INITIALIZERS).index(name) >= list(INITIALIZERS).index(CHANCE_FROM)


def initializer(library, name, dtype):
    """The values (3, 5) of one without chance; mean, deviation, least and largest of many drawn numbers otherwise."""
    made = getattr(library.initializers, name.split()[0])(**INITIALIZERS[name], **({"seed": 3} if is_drawn(name) else {}))
    if not is_drawn(name):
        return plain(made((3, 5), dtype=dtype)).reshape(-1)
    values = [plain(made(shape, dtype=dtype)) for shape in drawn_shapes(name)]
    return np.array([[v.mean(), v.std(), v.min(), v.max()] for v in values]).reshape(-1)


# ---- activations and regularisers: value and gradient; constraints: what they make of a weight

ACTIVATIONS = {name: {} for name in (
    "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "swish", "hard_silu", "hard_swish", "hard_sigmoid", "hard_tanh",
    "hard_shrink", "soft_shrink", "tanh_shrink", "sigmoid", "log_sigmoid", "tanh", "softplus", "softsign", "softmax", "log_softmax", "exponential", "mish",
    "squareplus", "sparse_plus", "sparse_sigmoid", "glu")}
ACTIVATIONS.update({
    "relu all": {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.5}, "leaky_relu slope": {"negative_slope": 0.3}, "elu alpha": {"alpha": 0.5},
    "celu alpha": {"alpha": 0.5}, "gelu approximate": {"approximate": True}, "softmax axis": {"axis": 0}, "log_softmax axis": {"axis": 0},
    "hard_shrink far": {"threshold": 1.5}, "soft_shrink far": {"threshold": 1.5}, "threshold": {"threshold": 1.0, "default_value": -2.0},
    "squareplus b": {"b": 2.0}, "glu axis": {"axis": 0}})
REGULARIZERS = {"L1": (0.3,), "L2": (0.3,), "L1L2": (0.2, 0.5), "OrthogonalRegularizer": (0.3,), "OrthogonalRegularizer columns": (0.3, "columns")}
CONSTRAINTS = {"MaxNorm": (1.5,), "MaxNorm axis": (1.5, 1), "UnitNorm": (), "UnitNorm axes": ([0, 1],), "MinMaxNorm": (0.5, 1.2, 0.7), "NonNeg": ()}


def with_gradient(library, function, x):
    """function(x), and the gradient of its sum, each result weighted by another number."""
    value = plain(function(x if library.__name__ == "pydl" else library.ops.convert_to_tensor(x)))
    v = drawn(8, *value.shape).astype(x.dtype)
    if library.__name__ == "pydl":
        slope = library.grad(lambda x: library.ops.sum(function(x) * v))(x)
    else:
        import jax

        slope = jax.grad(lambda x: (function(x) * v).sum())(jax.numpy.asarray(x))
    return np.concatenate([value.reshape(-1), plain(slope).reshape(-1)])


def activation(library, name, dtype):
    x = drawn(1, 6, 4) * 2
    x[0] *= 8
    function = getattr(library.activations, name.split()[0])
    return with_gradient(library, lambda x: function(x, **ACTIVATIONS[name]), x.astype(dtype))


def regularizer(library, name, dtype):
    made = getattr(library.regularizers, name.split()[0])(*REGULARIZERS[name])
    return with_gradient(library, made, drawn(2, 5, 4).astype(dtype))


def constraint(library, name, dtype):
    w = (drawn(3, 5, 4) * np.array([0.1, 0.3, 1.0, 3.0])).astype(dtype)
    made = getattr(library.constraints, name.split()[0])(*CONSTRAINTS[name])
    return plain(made(w if library.__name__ == "pydl" else library.ops.convert_to_tensor(w)))


# ---- sequences: outputs and last states

MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 0, 1]], bool)
INSIDE = np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 0, 0, 1], [1, 0, 1, 0, 1]], bool)     # where nothing came before, Keras with JAX repeats the state
ALL = {"return_sequences": True, "return_state": True}
RECURRENT = {"SimpleRNN": ("SimpleRNN", {}), "LSTM": ("LSTM", {}), "GRU": ("GRU", {}), "GRU before": ("GRU", {"reset_after": False}),
             "LSTM relu": ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid"}),
             "GRU elu": ("GRU", {"activation": "elu", "use_bias": False})}


def recurrent(cls, **options):
    return lambda layers: getattr(layers, cls)(4, **options)


def both_ways(cls, mode, **options):
    return lambda layers: layers.Bidirectional(getattr(layers, cls)(4, **options), merge_mode=mode)


def cells(**options):
    return lambda layers: layers.RNN([layers.GRUCell(2), layers.SimpleRNNCell(3, activation="relu"), layers.LSTMCell(4)], **options)


SEQUENCES = {                                               # the layer, whether it gets the mask, how many states it starts from
    **{f"{name}{' masked' * masked}{' started' * bool(states)}{text}": (recurrent(cls, **given, **options), masked, states)
       for name, (cls, given) in RECURRENT.items() for masked in (False, True) for states in (0, 2 if cls == "LSTM" else 1)
       for text, options in (("", {}), (" all", ALL), (" backwards all", {"go_backwards": True, **ALL}))},
    **{f"Bidirectional {cls} {mode}{' masked' * masked}{text}": (both_ways(cls, mode, **options), masked, 0)
       for cls in ("LSTM", "GRU") for mode in ("concat", "sum", "mul", "ave", None) for masked in (False, True) for text, options in (("", {}), (" all", ALL))},
    "Bidirectional LSTM masked started": (both_ways("LSTM", "concat", **ALL), True, 4),
    "Bidirectional RNN masked": (lambda layers: layers.Bidirectional(layers.RNN(layers.LSTMCell(4), **ALL)), True, 0),
    **{f"RNN{' masked' * masked}{text}": (cells(**options), masked, 0) for masked in (False, True)
       for text, options in (("", {}), (" all", ALL), (" backwards zeros", {"go_backwards": True, "return_sequences": True, "zero_output_for_mask": True}))},
    "TimeDistributed": (lambda layers: layers.TimeDistributed(layers.Dense(4, activation="tanh")), False, 0),
    "GlobalAveragePooling1D masked": (lambda layers: layers.GlobalAveragePooling1D(), True, 0),
}


def sequence(library, name, dtype):
    """Every output of a layer on (4, 5, 3), its weights drawn."""
    make, masked, states = SEQUENCES[name]
    layer, x = make(library.layers), drawn(1, 4, 5, 3).astype(dtype)
    layer(x)
    layer.set_weights([0.6 * drawn(k, *w.shape) for k, w in enumerate(layer.get_weights())])
    options = {**({"mask": library.ops.convert_to_tensor(INSIDE if states else MASK)} if masked else {}),
               **({"initial_state": [drawn(7 + k, 4, 4).astype(dtype) for k in range(states)]} if states else {})}
    return np.concatenate([plain(part).reshape(-1) for part in flat(layer(x, **options))])


def flat(results):
    """The tensors of nested lists: Keras nests the states of stacked cells."""
    return [part for result in results for part in flat(result)] if isinstance(results, (list, tuple)) else [results]


# ---- whole trainings by `fit`: every number of the history, then predictions, from given weights on

ROWS = 50


def penalised(L):
    """Penalties of weights and of activities, a constraint, metrics that count."""
    R, M = L.regularizers, L.metrics
    model = L.Sequential([L.layers.Input((6,)), L.layers.Dense(8, "relu", kernel_regularizer=R.L1L2(0.01, 0.02), bias_regularizer="l2",
                          activity_regularizer=R.L2(0.01), kernel_constraint=L.constraints.MaxNorm(1.0)), L.layers.Dense(1, "sigmoid")])
    model.compile(L.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "binary_crossentropy", metrics=["accuracy", "mse", M.AUC(), M.Precision(), M.Recall()])
    x = drawn(1, ROWS, 6)
    return model, x, (x[:, :1] > 0).astype(float), {}


def weighted_rows(L):
    """Batch normalisation, weights of samples, metrics of one name."""
    model = L.Sequential([L.layers.Input((6,)), L.layers.Dense(8, use_bias=False), L.layers.BatchNormalization(momentum=0.9), L.layers.Activation("tanh"),
                          L.layers.Dense(3)])
    loss = L.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(L.optimizers.Adam(0.01, global_clipnorm=0.5), loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
    return model, drawn(1, ROWS, 6), np.arange(ROWS) * 7 % 3, {"sample_weight": drawn(2, ROWS, low=0.0, high=2.0)}


def weighted_classes(L):
    """Normalisation by row, weights of classes, a schedule with a warm-up."""
    layers = L.layers
    model = L.Sequential([layers.Input((6,)), layers.Dense(8), layers.LayerNormalization(), layers.PReLU(), layers.Dense(8), layers.GroupNormalization(2),
                          layers.ELU(), layers.Dense(3, activation="softmax")])
    schedule = L.optimizers.schedules.CosineDecay(0.02, 30, warmup_target=0.05, warmup_steps=5)
    model.compile(L.optimizers.AdamW(schedule, weight_decay=0.1), "sparse_categorical_crossentropy", metrics=["acc"])
    return model, drawn(1, ROWS, 6), np.arange(ROWS) * 7 % 3, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}


def held_out(L):
    """Images, running means of the weights, a validation of the last rows every other epoch."""
    layers = L.layers
    model = L.Sequential([layers.Input((6, 6, 2)), layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.LeakyReLU(),
                          layers.AveragePooling2D(2), layers.Conv2D(3, 2, activation="tanh"), layers.GlobalAveragePooling2D(), layers.Dense(3)])
    rmsprop = L.optimizers.RMSprop(0.01, momentum=0.5, centered=True, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4)
    model.compile(rmsprop, "huber", metrics=["mae", L.metrics.R2Score()])
    return model, drawn(1, ROWS, 6, 6, 2), drawn(2, ROWS, 3), {"validation_split": 0.2, "validation_freq": 2}


def masked(L):
    """Sequences with padding: the mask goes through normalisation and recurrent layers."""
    layers, x = L.layers, drawn(1, ROWS, 5, 4)
    x[3, 2:] = x[10, 1:] = x[20:30, 3:] = 0
    model = L.Sequential([layers.Input((5, 4)), layers.Masking(), layers.BatchNormalization(), layers.LSTM(5, return_sequences=True), layers.GRU(4),
                          layers.Dense(1)])
    model.compile(L.optimizers.Nadam(0.01, clipvalue=0.1), "mse", metrics=["mae"])
    return model, x, drawn(2, ROWS, 1), {}


def weighted_steps(L):
    """A weight for each step of each sequence."""
    model = L.Sequential([L.layers.Input((5, 4)), L.layers.SimpleRNN(5, return_sequences=True), L.layers.Dense(3)])
    model.compile(L.optimizers.Adagrad(0.1), "log_cosh", metrics=["mae"], weighted_metrics=["mse"])
    return model, drawn(1, ROWS, 5, 4), drawn(2, ROWS, 5, 3), {"sample_weight": drawn(3, ROWS, 5, low=0.0, high=1.0)}


def two_heads(L):
    """Two inputs, two outputs, a loss and a weight for each."""
    layers = L.layers
    a, b = layers.Input((6,), name="a"), layers.Input((2, 3), name="b")
    h = layers.Concatenate()([layers.Dense(4, activation="tanh")(a), layers.Flatten()(b)])
    model = L.Model([a, b], [layers.Dense(1, name="p", activation="sigmoid")(h), layers.Dense(3, name="q")(h)])
    model.compile(L.optimizers.Adamax(0.05), {"p": "binary_crossentropy", "q": "mse"}, loss_weights={"p": 2.0, "q": 0.5},
                  metrics={"p": ["accuracy"], "q": ["mae"]})
    x = drawn(1, ROWS, 6)
    return model, {"a": x, "b": drawn(2, ROWS, 2, 3)}, {"p": (x[:, :1] > 0).astype(float), "q": drawn(3, ROWS, 3)}, {}


def watched(L):
    """A rate that falls where the loss stands still, an early stop with the best weights."""
    model = L.Sequential([L.layers.Input((6,)), L.layers.Dense(5, activation="tanh"), L.layers.Dense(3)])
    model.compile(L.optimizers.SGD(0.5), "mse")
    callbacks = [L.callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.01, min_delta=1e-3),
                 L.callbacks.EarlyStopping(patience=4, min_delta=1e-3, restore_best_weights=True, start_from_epoch=2)]
    return model, drawn(1, ROWS, 6), drawn(2, ROWS, 3), {"validation_data": (drawn(3, 20, 6), drawn(4, 20, 3)), "callbacks": callbacks, "epochs": 30}


TRAININGS = {make.__name__.replace("_", " "): make for make in (
    penalised, weighted_rows, weighted_classes, held_out, masked, weighted_steps, two_heads, watched)}


def training(library, name, dtype):
    model, x, y, options = TRAININGS[name](library)
    start = [drawn(20 + i, *w.shape, low=0.3, high=0.7) * (1 if "variance" in w.name else 1 - 2 * (np.arange(w.shape[-1]) % 2))
             for i, w in enumerate(model.weights)]
    model.set_weights(start)
    history = model.fit(x, y, **{"batch_size": 16, "epochs": 8, "shuffle": False, "verbose": 0, **options}).history
    outputs = model.predict(x, verbose=0)
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs if isinstance(outputs, list) else [outputs]
    return np.concatenate([np.ravel(history[key]) for key in sorted(history)] + [np.ravel(p)[:60] for p in outputs])


KINDS = {"sequence": (sequence, SEQUENCES), "optimizer": (optimizer, OPTIMIZERS), "schedule": (schedule, SCHEDULES),
         "loss": (loss, LOSSES), "metric": (metric, METRICS),
         "initializer": (initializer, INITIALIZERS), "activation": (activation, ACTIVATIONS), "regularizer": (regularizer, REGULARIZERS),
         "constraint": (constraint, CONSTRAINTS), "training": (training, TRAININGS)}
# where float32 differs from float64 by more than rounding: 1 - 1e-7, to which probabilities are clipped, is 1 - 1.2e-7 there.  Stored in both.
IN_BOTH = ("loss: BinaryCrossentropy", "loss: BinaryCrossentropy smooth", "loss: BinaryFocalCrossentropy", "loss: BinaryFocalCrossentropy all",
           "metric: BinaryCrossentropy")


def keys():
    """[(key in the file, kind, name, dtype)] of everything that is stored."""
    every = [(f"{kind}: {name}", kind, name, "float64") for kind, (_, cases) in KINDS.items() for name in cases]
    return every + [(f"{key}, float32", *key.split(": "), "float32") for key in IN_BOTH]


def write(wanted=""):
    """Ask Keras, and write its answers beside those that are there: one line a case."""
    import keras
    from keras.src import backend
    from keras.src.backend.common import dtypes

    promoted = dtypes.result_type

    def result_type(*given):                    # Keras promotes no further than to float32
        found = promoted(*given)
        return keras.config.floatx() if found == "float32" else found

    dtypes.result_type = backend.result_type = result_type
    stored = json.loads(FILE.read_text()) if FILE.exists() else {}
    lines = []
    for key, kind, name, dtype in keys():
        if re.search(wanted, key):
            keras.config.set_floatx(dtype)
            values = KINDS[kind][0](keras, name, dtype).reshape(-1)
            digits = 6 if kind == "initializer" and is_drawn(name) else 11 if kind == "sequence" else 17
            stored[key] = [float(f"{v:.{digits}g}") if math.isfinite(v) else str(v) for v in values.tolist()]
        lines.append(f"{json.dumps(key)}: {json.dumps(stored[key])}")
    FILE.write_text(f'{{"by": "keras {keras.__version__}",\n' + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} cases, {FILE.stat().st_size / 1024:.0f} KiB: {FILE}")


if __name__ == "__main__":
    sys.exit(write(*sys.argv[1:]))
