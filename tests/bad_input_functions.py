"""Bad calls of ops, gradients and losses.  See bad_input_rows.py."""
import numpy as np
from bad_input_layers import layer_call
from bad_input_rows import INF, LABELS, NAN, VECTOR, call, values

import pydl
from pydl import layers as L
from pydl import losses, metrics, ops

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
