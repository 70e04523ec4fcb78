"""Bad settings of metrics, optimizers, initializers and regularizers.  See bad_input_rows.py."""
import numpy as np
from bad_input_functions import LOGITS
from bad_input_rows import INF, LABELS, NAN, call, values

from pydl import losses, metrics, optimizers, regularizers
from pydl.initializers import Constant, GlorotUniform, HeNormal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling
from pydl.tensor import Parameter

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
for name in ("assign", "assign_add", "assign_sub"):
    values(
        lambda variable, value, name=name: getattr(optimizers.SGD(), name)(variable, value),
        dict(variable=Parameter(np.ones(3)), value=[1.0, 2.0, 3.0]),
        ("P16", "variable", None, [1.0], np.ones(3), "w"),
        ("P05", "value", [1.0, 2.0], np.ones((3, 1))),
        ("P16", "value", None, "one", [1j, 1, 1]),
        name=f"SGD.{name}",
    )
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
