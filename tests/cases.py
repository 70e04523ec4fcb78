"""One line per op and layer: the line buys every check of test_contract.py.

    op("elementwise", ops.tanh, (N, 7), reference.tanh)
    op("reduce", ops.sum, (N, 3, 4), reference.sum, axis=1, keepdims=True)
    layer("dense", layers.Dense, (5,), reference.dense, units=7, activation="relu")
    layer("merge", layers.Add, [(3, 4), (3, 4)], reference.add)

**Line.**  family, what is called, its inputs, its reference; then options by keyword, which go to the function (or the
layer's constructor) and to the reference alike.  The test ids are `family-name(options)-shapes`.

**Inputs.**  A shape, or a list of them for several inputs; a bare shape holds normal numbers, others come from
`positive, away (from zero), apart (no two near), probabilities, integers(..., high=), flags`.  N is the axis that may have
any size: it is tried with 0, 1, 5 and a size large enough for several threads.  A layer's shapes leave the batch out.

An option that is a layer: `inner(layers.Dense, units=2)`, which is made anew for each layer that holds it.

**Reference.**  In tests/reference/<family>.py: plain NumPy loops in float64 from the formula, never from our C.  Called
as `reference(*inputs, *weights, **options)`, weights in the order of `layer.weights`, all filled with random numbers;
returns an array, or a tuple for several results.

**Fields** a line may add:
    name="..."               instead of the automatic one
    also=[(4, 9), (1, 1)]    more inputs (as above) for the comparison with the reference: below, at and above tile sizes
    tolerance=(5e-6, 1e-12)  float32, float64: |got - want| <= tolerance * (|want| + mean |want|)
    gradient=False           there is none (comparisons, argmax); components=60 of each tensor are tried
    empty=False              N = 0 has no result and must raise ValueError
    call={"training": True}  how the layer is called
    weights=f(path, values)  other values for a weight than normal ones
    grows=False              N is not tried with a large size (its cost is not linear)

What a line is checked for: equals the reference (both dtypes, every CPU level, `also`), gradient by finite differences,
float32 gradient against float64 (every level), inputs unmodified, strided / F-ordered / reversed / read-only / misaligned /
big-endian arrays, empty, batch of one, 1 2 and 4 threads bit-equal, eager and replayed bit-equal (values and gradients);
a layer besides: output shape, config, training steps eager and replayed bit-equal, save and load, frozen.
`CASES` is the list a benchmark reads: `case.live("float32")`, `case.draw("float32", n=case.large())`.
"""
import numpy as np
from contract import N, apart, away, flags, inner, integers, layer, op, positive, probabilities  # noqa: F401

from pydl import layers, losses, ops
from reference import activation, conv, dense, dropout, elementwise, loss, merging, move, norm, pool, recurrent, reduce, reshaping, wrappers

CASES = []

# ---- elementwise: shapes equal, a number, a row, a column, stretched on both sides, many axes

for _f in ("negative", "exp", "expm1", "square", "absolute", "sign", "sin", "cos", "floor", "ceil"):
    CASES.append(op("elementwise", getattr(ops, _f), away(N, 7), getattr(elementwise, _f), also=[(1,), (33, 129), ()]))
for _f in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"):
    CASES.append(op("elementwise", getattr(ops, _f), positive(N, 7), getattr(elementwise, _f), also=[positive(1), positive(33, 129)]))
for _f in ("add", "subtract", "multiply", "maximum", "minimum"):
    CASES += [op("elementwise", getattr(ops, _f), [a, b], getattr(elementwise, _f), also=also) for a, b, also in [
        ((N, 7), (N, 7), [[(1,), (1,)], [(3, 4111), (3, 4111)]]),
        ((N, 7), (), [[(), (5,)]]),
        ((N, 3, 5), (5,), [[(9, 130), (130,)], [(130,), (9, 130)]]),
        ((N, 3, 1), (N, 1, 5), [[(2, 1, 3, 1, 2), (1, 4, 1, 5, 2)], [(4, 1), (1, 3)]]),
    ]]
CASES += [
    op("elementwise", ops.divide, [(N, 7), away(N, 7, gap=0.3)], elementwise.divide),
    op("elementwise", ops.divide, [(N, 3, 1), away(1, 5, gap=0.3)], elementwise.divide),
    op("elementwise", ops.power, [positive(N, 7), (7,)], elementwise.power),
    op("elementwise", ops.power, [positive(N, 7), positive()], elementwise.power),
    op("elementwise", ops.power, (N, 7), elementwise.power, x2=3),
    op("elementwise", ops.power, positive(N, 7), elementwise.power, x2=-1.5),
    op("elementwise", ops.power, (N, 7), elementwise.power, x2=2),
    op("elementwise", ops.floor_divide, [positive(N, 7), positive(7)], elementwise.floor_divide),
    op("elementwise", ops.mod, [positive(N, 7), positive(7)], elementwise.mod),
    op("elementwise", ops.round, (N, 7), elementwise.round_),
    op("elementwise", ops.clip, (N, 7), elementwise.clip, x_min=-0.5, x_max=0.8, also=[(4097,)]),
    op("elementwise", ops.where, [flags(N, 7), (N, 7), (N, 7)], elementwise.where,
       also=[[flags(3, 1), (4,), ()], [flags(2), (), ()], [flags(5000), (5000,), ()]]),
    op("elementwise", ops.where, [flags(N, 1), (), (7,)], elementwise.where),
    op("elementwise", ops.logical_and, [flags(N, 7), flags(7)], elementwise.logical_and, gradient=False),
    op("elementwise", ops.logical_or, [flags(N, 7), flags(7)], elementwise.logical_or, gradient=False),
    op("elementwise", ops.logical_not, flags(N, 7), elementwise.logical_not, gradient=False),
]
for _f in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
    CASES.append(op("elementwise", getattr(ops, _f), [(N, 7), (N, 7)], getattr(elementwise, _f), gradient=False))
    CASES.append(op("elementwise", getattr(ops, _f), [integers(N, 7, high=3), integers(7, high=3)], getattr(elementwise, _f), gradient=False))

# ---- activations: blocks of 4096, sums in runs of 512

for _f in ("relu", "leaky_relu", "relu6", "sigmoid", "tanh", "elu", "celu", "selu", "softplus", "log_sigmoid", "softsign", "hard_sigmoid", "hard_silu",
           "hard_tanh", "silu", "gelu", "mish", "tanh_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "soft_shrink", "hard_shrink"):
    CASES.append(op("activation", getattr(ops, _f), away(N, 7), getattr(activation, _f), also=[(1,), (5, 1000)]))
CASES += [
    op("activation", ops.relu, away(N, 7), activation.relu, negative_slope=0.1),
    op("activation", ops.relu, away(N, 7), activation.relu, negative_slope=0.1, max_value=1.0, threshold=0.2),
    op("activation", ops.leaky_relu, away(N, 7), activation.leaky_relu, negative_slope=0.0),
    op("activation", ops.elu, away(N, 7), activation.elu, alpha=0.5),
    op("activation", ops.celu, away(N, 7), activation.celu, alpha=2.0),
    op("activation", ops.gelu, (N, 7), activation.gelu, approximate=True),
    op("activation", ops.threshold, (N, 7), activation.threshold, threshold=0.3, default_value=-1.0),
    op("activation", ops.glu, (N, 8), activation.glu),
    op("activation", ops.glu, (N, 8, 3), activation.glu, axis=1),
]
CASES += [op("activation", ops.linear, (N, 7), activation.linear), op("activation", ops.exponential, (N, 7), activation.exponential)]
for _f in ("softmax", "log_softmax"):
    CASES += [
        op("activation", getattr(ops, _f), (N, 10), getattr(activation, _f), also=[(3, 1), (2, 511), (2, 512), (2, 513), (7,), (1, 2, 3, 5)]),
        op("activation", getattr(ops, _f), (N, 5, 3), getattr(activation, _f), axis=1),
    ]
CASES += [
    layer("activation", layers.Activation, away(6), activation.activation, activation="relu"),
    layer("activation", layers.Activation, (3, 4), activation.activation, activation="softmax"),
    layer("activation", layers.ReLU, away(6), activation.relu),
    layer("activation", layers.ReLU, away(6), activation.relu, max_value=1.0, negative_slope=0.1, threshold=0.2),
    layer("activation", layers.LeakyReLU, away(6), activation.leaky_relu_layer),
    layer("activation", layers.ELU, away(6), activation.elu, alpha=0.7),
    layer("activation", layers.Softmax, (6,), activation.softmax),
    layer("activation", layers.Softmax, (4, 3), activation.softmax, axis=1),
    layer("activation", layers.PReLU, away(3, 4), activation.prelu),
    layer("activation", layers.PReLU, away(3, 4, 2), activation.prelu, shared_axes=[1, 2]),
]

# ---- reductions: rows and columns, runs of 32768, tiles of 128 columns, narrow rows side by side

for _f, _reference in (("sum", reduce.sum_), ("mean", reduce.mean), ("max", reduce.max_), ("min", reduce.min_)):
    CASES += [
        op("reduce", getattr(ops, _f), apart(N, 3, 4), _reference, axis=1, also=[(2, 3, 129), (3, 70000, 1), (2, 300, 3), (2, 4000, 17)]),
        op("reduce", getattr(ops, _f), apart(N, 3, 4), _reference, axis=-1, keepdims=True, also=[(2, 3, 40000)]),
        op("reduce", getattr(ops, _f), apart(N, 3, 4, 2), _reference, axis=(1, 3), also=[(2, 3, 40, 5), (1, 1, 7, 1)]),
        op("reduce", getattr(ops, _f), apart(N, 6), _reference, axis=0, empty=_f == "sum", also=[(40000, 6), (300, 130), (129, 64)]),
        op("reduce", getattr(ops, _f), apart(N, 6), _reference, empty=_f == "sum", also=[(1,), (), (32769,)]),
    ]


def average(x, weights, axis):
    return ops.average(x, axis, weights)


CASES += [
    op("reduce", ops.prod, (N, 3, 4), reduce.prod, axis=1, also=[(2, 3, 129), (2, 40, 17), (2, 300, 3)]),
    op("reduce", ops.prod, (N, 3, 4, 2), reduce.prod, axis=(1, 3), keepdims=True),
    op("reduce", ops.prod, away(6), reduce.prod),
    op("reduce", ops.argmax, apart(N, 5), reduce.argmax, axis=-1, gradient=False, also=[(3, 1), (2, 1000)]),
    op("reduce", ops.argmax, apart(N, 5, 3), reduce.argmax, axis=1, keepdims=True, gradient=False, also=[(2, 5, 130)]),
    op("reduce", ops.argmin, apart(N, 5), reduce.argmin, axis=1, gradient=False),
    op("reduce", ops.argmin, apart(4, 5), reduce.argmin, gradient=False),
    op("reduce", ops.var, (N, 5, 3), reduce.var, axis=(1, 2)),
    op("reduce", ops.std, (N, 5), reduce.std, axis=1, keepdims=True),
    op("reduce", ops.logsumexp, (N, 5), reduce.logsumexp, axis=1),
    op("reduce", ops.norm, (N, 5), reduce.norm, axis=1),
    op("reduce", average, [(N, 5), positive(5)], reduce.average, axis=1),
    op("reduce", ops.any, flags(N, 5), reduce.any_, axis=1, gradient=False),
    op("reduce", ops.all, flags(N, 5), reduce.all_, axis=1, gradient=False),
]

# ---- moves: merged axes, squares of 32, pieces of 4096


def concatenate(*xs, axis=-1):
    return ops.concatenate(list(xs), axis)


def stack(*xs, axis=0):
    return ops.stack(list(xs), axis)


CASES += [
    op("move", ops.cast, (N, 7), lambda x, dtype: np.trunc(x).astype(dtype), dtype="int32", gradient=False),
    op("move", ops.reshape, (N, 6), move.reshape, newshape=(2, -1)),
    op("move", ops.transpose, (N, 7), move.transpose, also=[(33, 65), (32, 32), (1, 5), (3,), ()]),
    op("move", ops.transpose, (N, 3, 4, 2), move.transpose, axes=(0, 3, 1, 2), also=[(2, 5, 40, 33), (1, 1, 3, 2)]),
    op("move", ops.transpose, (N, 3, 4, 2), move.transpose, axes=(2, 0, 3, 1)),
    op("move", ops.flip, (N, 3, 4), move.flip, axis=1),
    op("move", ops.expand_dims, (N, 3), move.expand_dims, axis=1),
    op("move", ops.squeeze, (N, 1, 3, 1), move.squeeze, axis=(1, 3)),
    op("move", ops.ravel, (N, 3), move.ravel),
    op("move", ops.swapaxes, (N, 3, 4), move.swapaxes, axis1=1, axis2=2),
    op("move", ops.split, (N, 6, 2), move.split, indices_or_sections=3, axis=1),
    op("move", ops.split, (N, 6), move.split, indices_or_sections=[1, 4], axis=1),
    op("move", ops.unstack, (N, 3, 2), move.unstack, axis=1),
    op("move", ops.moveaxis, (N, 3, 4), move.moveaxis, source=1, destination=-1),
    op("move", ops.get_item, (N, 5, 4), move.get_item, index=(slice(None), slice(1, 4), slice(None, None, -2))),
    op("move", ops.get_item, (N, 5, 4), move.get_item, index=(Ellipsis, None, 2)),
    op("move", ops.get_item, (6, 5, N), move.get_item, index=(-1, slice(None, None, 3))),
    op("move", ops.broadcast_to, (3, 1), move.broadcast_to, shape=(2, 3, 4), also=[(1, 1), (4,), ()]),
    op("move", ops.tile, (N, 3), move.tile, repeats=(2, 3)),
    op("move", ops.repeat, (N, 3, 2), move.repeat, repeats=3, axis=1),
    op("move", ops.roll, (N, 5), move.roll, shift=2, axis=1),
    op("move", ops.pad, (N, 3, 2), move.pad, pad_width=[(1, 2), (0, 1), (2, 0)], constant_values=1.5),
    op("move", concatenate, [(N, 3), (N, 1), (N, 4)], move.concatenate, also=[[(2, 3), (2, 5000), (2, 1)]]),
    op("move", concatenate, [(5, 3, 2), (4, 3, 2)], move.concatenate, axis=0),
    op("move", concatenate, [(N, 3, 2), (N, 5, 2)], move.concatenate, axis=1),
    op("move", stack, [(N, 3), (N, 3)], move.stack, axis=1),
    op("move", ops.take, [(6, 3), integers(N, high=6)], move.take, axis=0, also=[[(6, 20), integers(2, 3, high=6)], [(2, 4000), integers(9, high=2)]]),
    op("move", ops.take, [(N, 6, 3), integers(2, 4, high=6, dtype="int32")], move.take, axis=1),
    op("move", ops.hardmax, apart(N, 5), move.hardmax, gradient=False),
    op("move", ops.hardmax, apart(N, 5, 3), move.hardmax, axis=1, gradient=False),
    op("move", ops.one_hot, integers(N, 3, high=5), move.one_hot, num_classes=5, gradient=False),
    layer("reshaping", layers.Flatten, (3, 4, 2), reshaping.flatten),
    layer("reshaping", layers.Flatten, (3, 4, 2), reshaping.flatten, data_format="channels_first"),
    layer("reshaping", layers.Reshape, (3, 4), reshaping.reshape, target_shape=(2, -1, 3)),
    layer("reshaping", layers.Permute, (3, 4, 2), reshaping.permute, dims=(3, 1, 2)),
    layer("reshaping", layers.RepeatVector, (4,), reshaping.repeat_vector, n=3),
    layer("reshaping", layers.ZeroPadding1D, (4, 3), reshaping.zero_padding, padding=(1, 2)),
    layer("reshaping", layers.ZeroPadding2D, (4, 3, 2), reshaping.zero_padding, padding=((1, 2), (0, 3))),
    layer("reshaping", layers.ZeroPadding2D, (2, 4, 3), reshaping.zero_padding, padding=(1, 2), data_format="channels_first"),
    layer("reshaping", layers.UpSampling1D, (4, 3), reshaping.upsampling),
    layer("reshaping", layers.UpSampling2D, (3, 4, 2), reshaping.upsampling, also=[(1, 1, 1), (9, 7, 17)]),
    layer("reshaping", layers.UpSampling2D, (2, 3, 4), reshaping.upsampling, size=(1, 3), data_format="channels_first"),
    layer("reshaping", layers.UpSampling2D, (3, 4, 2), reshaping.upsampling, size=(2, 3), interpolation="bilinear", also=[(1, 1, 1), (9, 7, 17)]),
    layer("reshaping", layers.UpSampling2D, (2, 5, 4), reshaping.upsampling, interpolation="bicubic", data_format="channels_first"),
    layer("reshaping", layers.Cropping1D, (6, 3), reshaping.cropping, cropping=(1, 2)),
    layer("reshaping", layers.Cropping2D, (6, 5, 2), reshaping.cropping, cropping=((1, 2), (0, 3))),
    layer("reshaping", layers.Cropping2D, (2, 6, 5), reshaping.cropping, cropping=1, data_format="channels_first"),
]
for _cls, _reference in ((layers.Add, merging.add), (layers.Multiply, merging.multiply), (layers.Average, merging.average),
                         (layers.Maximum, merging.maximum), (layers.Minimum, merging.minimum)):
    CASES += [layer("merging", _cls, [(3, 4), (3, 4), (3, 4)], _reference), layer("merging", _cls, [(3, 4), (1, 4)], _reference)]
CASES += [
    layer("merging", layers.Subtract, [(3, 4), (3, 4)], merging.subtract),
    layer("merging", layers.Add, [(4,), (3, 4)], merging.add),
    layer("merging", layers.Concatenate, [(3, 4), (3, 1)], merging.concatenate),
    layer("merging", layers.Concatenate, [(3, 4), (2, 4), (1, 4)], merging.concatenate, axis=1),
    layer("merging", layers.Dot, [(5,), (5,)], merging.dot, axes=1),
    layer("merging", layers.Dot, [(3, 5), (4, 5)], merging.dot, axes=-1, normalize=True),
    layer("merging", layers.Dot, [(5, 3), (4, 5)], merging.dot, axes=[1, 2]),
]

# ---- pool

CASES += [
    op("pool", layers.pool.max_pool, apart(N, 6, 7, 5), pool.max_pool, pool_size=2, also=[apart(2, 4, 4, c) for c in (1, 3, 4, 6, 8, 9, 16, 17, 33)]),
    op("pool", layers.pool.max_pool, apart(N, 5, 6, 6), pool.max_pool, pool_size=2, padding="same"),
    op("pool", layers.pool.max_pool, apart(N, 7, 6, 17), pool.max_pool, pool_size=3, strides=2, padding="same",
       also=[apart(1, 3, 3, c) for c in (2, 7, 16, 32)]),
    op("pool", layers.pool.max_pool, apart(N, 5, 6, 3), pool.max_pool, pool_size=(2, 3), strides=(1, 4)),
    op("pool", layers.pool.max_pool, apart(N, 18, 19, 2), pool.max_pool, pool_size=17, strides=1),
    op("pool", layers.pool.max_pool, apart(N, 3, 4, 5), pool.max_pool, pool_size=2, data_format="channels_first"),
    op("pool", layers.pool.max_pool, apart(N, 7, 4), pool.max_pool, pool_size=3, strides=2, padding="same"),
    op("pool", layers.pool.average_pool, (N, 6, 7, 5), pool.average_pool, pool_size=2, also=[(2, 4, 4, c) for c in (1, 3, 4, 6, 8, 9, 16, 17, 33)]),
    op("pool", layers.pool.average_pool, (N, 7, 6, 17), pool.average_pool, pool_size=3, strides=2, padding="same", also=[(1, 3, 3, c) for c in (2, 7, 16, 32)]),
    op("pool", layers.pool.average_pool, (N, 3, 3, 4), pool.average_pool, pool_size=5, strides=1, padding="same"),
    op("pool", layers.pool.average_pool, (N, 5, 5, 3), pool.average_pool, pool_size=2, strides=3),
    op("pool", layers.pool.average_pool, (N, 7, 4), pool.average_pool, pool_size=2, padding="same"),
    layer("pool", layers.MaxPooling2D, apart(4, 6, 6), pool.max_pool),
    layer("pool", layers.MaxPooling2D, apart(5, 5, 16), pool.max_pool, pool_size=3, strides=2, padding="same"),
    layer("pool", layers.MaxPooling2D, apart(3, 4, 4), pool.max_pool, data_format="channels_first"),
    layer("pool", layers.AveragePooling2D, (5, 4, 6), pool.average_pool, padding="same"),
    layer("pool", layers.MaxPooling1D, apart(6, 3), pool.max_pool),
    layer("pool", layers.AveragePooling1D, (7, 3), pool.average_pool, pool_size=3, strides=2),
    layer("pool", layers.GlobalAveragePooling2D, (3, 4, 5), pool.global_average, also=[(9, 9, 65), (1, 1, 1), (2, 2, 130)]),
    layer("pool", layers.GlobalAveragePooling2D, (5, 3, 4), pool.global_average, data_format="channels_first", keepdims=True),
    layer("pool", layers.GlobalAveragePooling1D, (4, 3), pool.global_average),
    layer("pool", layers.GlobalMaxPooling2D, apart(3, 4, 5), pool.global_max, keepdims=True, also=[apart(9, 9, 65), apart(1, 1, 1)]),
    layer("pool", layers.GlobalMaxPooling1D, apart(4, 3), pool.global_max),
    op("pool", layers.pool.max_pool, apart(N, 5, 4, 6, 3), pool.max_pool, pool_size=(3, 2, 2), strides=(2, 1, 3), padding="same", also=[apart(1, 4, 4, 4, 16)]),
    op("pool", layers.pool.average_pool, (N, 4, 5, 3, 3), pool.average_pool, pool_size=(2, 3, 2), padding="same", also=[(2, 5, 3, 4, 17)]),
    layer("pool", layers.MaxPooling3D, apart(4, 4, 5, 2), pool.max_pool),
    layer("pool", layers.AveragePooling3D, (2, 4, 5, 3), pool.average_pool, pool_size=2, strides=1, data_format="channels_first"),
    layer("pool", layers.GlobalAveragePooling3D, (2, 3, 4, 5), pool.global_average),
    layer("pool", layers.GlobalMaxPooling3D, apart(2, 3, 2, 5), pool.global_max, keepdims=True),
]

# ---- norm

CASES += [
    layer("norm", layers.BatchNormalization, (7,), norm.batch_norm_training, name="BatchNormalization(training)-Nx7", call={"training": True},
          also=[(1,), (31,), (64,), (130,)], tolerance=(2e-5, 1e-11)),
    layer("norm", layers.BatchNormalization, (4, 5, 6), norm.batch_norm_training, name="BatchNormalization(training)-Nx4x5x6",
          call={"training": True}, also=[(9, 9, 3), (16, 16, 32), (8, 9, 33)], tolerance=(2e-5, 1e-11)),
    layer("norm", layers.BatchNormalization, (3, 4, 5), norm.batch_norm_training, name="BatchNormalization(training,axis=1)-Nx3x4x5",
          call={"training": True}, axis=1, momentum=0.5, epsilon=1e-2, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.BatchNormalization, (4, 4, 2), norm.batch_norm_training, name="BatchNormalization(training,bare)-Nx4x4x2",
          call={"training": True}, center=False, scale=False, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.BatchNormalization, (4, 5, 6), norm.batch_norm_inference, also=[(3, 3, 1), (4, 4, 64), (2, 2, 33)]),
    layer("norm", layers.BatchNormalization, (3, 4, 5), norm.batch_norm_inference, axis=1, scale=False),
    layer("norm", layers.BatchNormalization, (5,), norm.batch_norm_inference, center=False),
    layer("norm", layers.LayerNormalization, (7,), norm.layer_norm, also=[(1,), (16,), (513,), (1200,)], tolerance=(2e-5, 1e-11)),
    layer("norm", layers.LayerNormalization, (3, 4, 5), norm.layer_norm, axis=[1, 2], epsilon=1e-2, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.LayerNormalization, (3, 4), norm.layer_norm, center=False, scale=False, tolerance=(2e-5, 1e-11)),
]

CASES += [
    layer("norm", layers.GroupNormalization, (6,), norm.group_norm, groups=3, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.GroupNormalization, (3, 5, 6), norm.group_norm, groups=2, also=[(1, 1, 4), (9, 9, 32)], tolerance=(2e-5, 1e-11)),
    layer("norm", layers.GroupNormalization, (4, 3, 2), norm.group_norm, groups=-1, axis=1, epsilon=1e-2, center=False, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.GroupNormalization, (3, 4), norm.group_norm, groups=1, scale=False, tolerance=(2e-5, 1e-11)),
    layer("norm", layers.RMSNormalization, (7,), norm.rms_norm, also=[(1,), (513,)]),
    layer("norm", layers.RMSNormalization, (3, 4, 5), norm.rms_norm, axis=[1, 3], epsilon=1e-2),
    layer("norm", layers.UnitNormalization, (7,), norm.unit_norm),
    layer("norm", layers.UnitNormalization, (3, 4, 5), norm.unit_norm, axis=[1, 2]),
    layer("norm", layers.Normalization, (4, 3), norm.given_norm, mean=[1.0, -2.0, 0.5], variance=[4.0, 0.25, 1.0]),
    layer("norm", layers.Normalization, (3, 4), norm.given_norm, mean=0.5, variance=4.0, axis=None, invert=True),
    layer("norm", layers.Normalization, (2, 4), norm.given_norm, mean=[1.0, -2.0], variance=[4.0, 0.25], axis=1),
    layer("norm", layers.Rescaling, (3, 2), norm.rescaling, scale=0.5, offset=[1.0, -1.0]),
    layer("core", layers.Identity, (3, 2), activation.linear),
    layer("core", layers.Lambda, (3, 2), lambda x, function: np.tanh(x), function=ops.tanh),
    layer("core", layers.ActivityRegularization, (3, 2), lambda x, **_: x, l1=0.1, l2=0.2),
]

# ---- dropout

def masked_dropout(x, mask, rate):
    return layers.dropout.dropout(x, rate, mask=mask)


CASES += [
    op("dropout", masked_dropout, [(N, 7), flags(N, 7)], dropout.masked, rate=0.3),
    op("dropout", layers.dropout.dropout, (N, 7), None, rate=0.3, seed=4, call={"training": True}),
    layer("dropout", layers.Dropout, (7,), dropout.nothing, rate=0.4, seed=3),
    layer("dropout", layers.Dropout, (7,), None, name="Dropout(training)-Nx7", rate=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.Dropout, (3, 4, 5), None, name="Dropout(training,noise_shape)-Nx3x4x5", rate=0.4, noise_shape=[None, 1, 4, 1], seed=3,
          call={"training": True}),
    layer("dropout", layers.SpatialDropout1D, (4, 5), None, name="SpatialDropout1D(training)-Nx4x5", rate=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.SpatialDropout2D, (3, 4, 5), None, name="SpatialDropout2D(training)-Nx3x4x5", rate=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.SpatialDropout2D, (3, 4, 5), dropout.nothing, rate=0.4, seed=3, data_format="channels_first"),
    layer("dropout", layers.SpatialDropout3D, (2, 3, 2, 5), None, name="SpatialDropout3D(training)-Nx2x3x2x5", rate=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.SpatialDropout3D, (2, 3, 2, 5), dropout.nothing, rate=0.4, seed=3, data_format="channels_first"),
    layer("dropout", layers.GaussianNoise, (7,), None, name="GaussianNoise(training)-Nx7", stddev=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.GaussianDropout, (7,), None, name="GaussianDropout(training)-Nx7", rate=0.4, seed=3, call={"training": True}),
    layer("dropout", layers.AlphaDropout, (7,), None, name="AlphaDropout(training)-Nx7", rate=0.4, seed=3, call={"training": True}),
]

# ---- conv: tiles of 8 pixels by 1 to 3 vectors of 16 channels (AVX-512), 6 by 2 of 8, 4 by 2 of 4; depthwise; few channels

_conv2d, _conv1d, _depthwise = layers.conv.conv2d, layers.conv.conv1d, layers.conv.depthwise_conv2d
CASES += [
    op("conv", _conv2d, [(N, 5, 6, 3), (3, 3, 3, 4), (4,)], conv.conv2d,
       also=[[(1, 3, 3, 1), (3, 3, 1, 1), (1,)], [(2, 4, 4, 2), (1, 1, 2, 33), (33,)], [(1, 7, 9, 17), (3, 3, 17, 16), (16,)],
             [(3, 2, 3, 8), (2, 3, 8, 49), (49,)]]),
    op("conv", _conv2d, [(N, 6, 5, 2), (3, 2, 2, 5)], conv.conv2d, padding="same", strides=2,
       also=[[(1, 7, 7, 16), (3, 3, 16, 8)], [(2, 8, 3, 1), (4, 1, 1, 6)], [(1, 1, 1, 3), (5, 5, 3, 7)]]),
    op("conv", _conv2d, [(N, 7, 6, 2), (2, 3, 2, 3)], conv.conv2d, padding="same", dilation_rate=(2, 1), also=[[(2, 9, 9, 5), (3, 3, 5, 18)]]),
    op("conv", _conv2d, [(N, 5, 7, 3), (3, 2, 3, 4), (4,)], conv.conv2d, padding=((0, 2), (3, 1)), strides=(1, 3), dilation_rate=(1, 2)),
    op("conv", _conv2d, [(N, 6, 6, 2), (3, 3, 2, 2)], conv.conv2d, padding=4, strides=3),
    op("conv", _conv2d, [(N, 5, 5, 6), (3, 3, 2, 9), (9,)], conv.conv2d, groups=3, padding="same",
       also=[[(2, 6, 5, 60), (3, 2, 20, 36), (36,)]]),
    op("conv", _conv2d, [(N, 5, 5, 4), (3, 3, 1, 8), (8,)], conv.conv2d, groups=4, strides=2, also=[[(2, 9, 8, 4), (2, 5, 1, 4), (4,)]]),
    op("conv", _conv2d, [(N, 2, 5, 5), (3, 3, 2, 3)], conv.conv2d, data_format="channels_first"),
    op("conv", _conv1d, [(N, 7, 3), (3, 3, 4), (4,)], conv.conv1d, padding="causal", dilation_rate=2, also=[[(2, 40, 16), (2, 16, 17), (17,)]]),
    op("conv", _conv1d, [(N, 7, 3), (3, 3, 4)], conv.conv1d, padding="same", strides=2),
    op("conv", _depthwise, [(N, 5, 6, 3), (3, 3, 3, 2), (6,)], conv.depthwise_conv2d, padding="same",
       also=[[(1, 9, 9, 17), (3, 3, 17, 1), (17,)], [(2, 12, 14, 64), (3, 3, 64, 1), (64,)], [(1, 30, 30, 3), (5, 5, 3, 1), (3,)]]),
    op("conv", _depthwise, [(N, 7, 6, 4), (3, 2, 4, 1)], conv.depthwise_conv2d, strides=2, dilation_rate=2),
    op("conv", layers.conv_columns.im2col, (N, 5, 6, 3), conv.im2col, kernel_size=(3, 2), strides=2, padding="same", also=[(2, 40, 40, 16)]),
    layer("conv", layers.Conv2D, (6, 5, 3), conv.layer2d, filters=4, kernel_size=3, also=[(12, 12, 3), (8, 9, 1)]),
    layer("conv", layers.Conv2D, (6, 5, 3), conv.layer2d, filters=7, kernel_size=(2, 3), strides=2, padding="same", activation="tanh"),
    layer("conv", layers.Conv2D, (6, 5, 4), conv.layer2d, filters=6, kernel_size=3, groups=2, use_bias=False, dilation_rate=2),
    layer("conv", layers.Conv2D, (3, 6, 5), conv.layer2d, filters=4, kernel_size=2, data_format="channels_first", activation="sigmoid"),
    layer("conv", layers.Conv2D, (5, 5, 2), conv.layer2d, name="Conv2D(relu)-Nx5x5x2", filters=4, kernel_size=3, activation="relu"),
    layer("conv", layers.Conv1D, (9, 3), conv.layer1d, filters=4, kernel_size=3, padding="causal"),
    op("conv3d", layers.conv3d.conv3d, [(N, 3, 4, 5, 2), (2, 3, 2, 2, 3), (3,)], conv.conv3d, padding="same",
       also=[[(1, 2, 3, 15, 3), (2, 3, 2, 3, 33), (33,)], [(2, 2, 2, 29, 16), (1, 2, 3, 16, 16), (16,)], [(1, 1, 1, 1, 1), (2, 1, 3, 1, 1), (1,)]]),
    op("conv3d", layers.conv3d.conv3d, [(N, 4, 5, 4, 2), (2, 1, 3, 2, 3)], conv.conv3d, strides=(2, 3, 1), dilation_rate=(1, 1, 1)),
    op("conv3d", layers.conv3d.conv3d, [(N, 5, 4, 5, 4), (2, 2, 3, 2, 6), (6,)], conv.conv3d, groups=2, dilation_rate=(2, 1, 2), activation="relu"),
    op("conv3d", layers.conv3d.conv3d, [(N, 3, 5, 4, 2), (1, 2, 1, 2, 3)], conv.conv3d, strides=3, padding=((0, 1), (2, 0), (1, 1))),
    layer("conv3d", layers.Conv3D, (3, 4, 5, 2), conv.layer3d, filters=3, kernel_size=2, activation="tanh"),
    layer("conv3d", layers.Conv3D, (2, 3, 4, 3), conv.layer3d, filters=4, kernel_size=(1, 2, 2), strides=(1, 2, 1), data_format="channels_first"),
    layer("conv", layers.DepthwiseConv2D, (6, 5, 3), conv.depthwise_layer, kernel_size=3, padding="same", depth_multiplier=2, activation="tanh"),
    layer("conv", layers.DepthwiseConv2D, (3, 6, 5), conv.depthwise_layer, kernel_size=2, strides=2, data_format="channels_first"),
    op("conv", layers.conv_transpose.conv2d_transpose, [(N, 4, 5, 3), (3, 2, 4, 3), (4,)], conv.conv2d_transpose, strides=2, padding="same",
       also=[[(1, 9, 8, 18), (3, 2, 20, 18), (20,)], [(2, 1, 1, 1), (3, 2, 1, 1), (1,)]]),
    layer("conv", layers.Conv2DTranspose, (4, 5, 3), conv.transpose_layer, filters=4, kernel_size=3, also=[(12, 12, 16)]),
    layer("conv", layers.Conv2DTranspose, (4, 5, 3), conv.transpose_layer, filters=2, kernel_size=(3, 2), strides=(2, 3), padding="same", output_padding=1,
          activation="tanh"),
    layer("conv", layers.Conv2DTranspose, (3, 4, 5), conv.transpose_layer, filters=2, kernel_size=2, strides=3, dilation_rate=1, use_bias=False,
          data_format="channels_first"),
    layer("conv", layers.SeparableConv2D, (6, 5, 3), conv.separable_layer, filters=4, kernel_size=3, padding="same", depth_multiplier=2, activation="sigmoid"),
    layer("conv", layers.SeparableConv2D, (3, 6, 5), conv.separable_layer, filters=4, kernel_size=2, strides=2, use_bias=False, data_format="channels_first"),
]

# ---- recurrent: tiles of up to 14 rows, panels of up to 32 columns, threads by rows; every result in one, so that all gradients flow


def _joined(results, xp):
    y, *last = results
    return xp.concatenate([y, *[state[:, None] for state in last]], 1)


def simple_rnn(x, w, u, b, h, mask=None, **options):
    return _joined(layers.recurrent.simple_rnn(x, w, u, b, h, mask, **options), ops)


def gru(x, w, u, b, h, mask=None, **options):
    return _joined(layers.recurrent.gru(x, w, u, b, h, mask, **options), ops)


def simplified_gru(x, w, u, b, h, mask=None, **options):
    return _joined(layers.recurrent.simplified_gru(x, w, u, b, h, mask, **options), ops)


def lstm(x, w, u, b, h, c, mask=None, **options):
    return _joined(layers.recurrent.lstm(x, w, u, b, [h, c], mask, **options), ops)


def _simple_rnn(x, w, u, b, h, mask=None, **options):
    return _joined(recurrent.simple_rnn(x, w, u, b, h, mask=mask, **options), np)


def _gru(x, w, u, b, h, mask=None, **options):
    return _joined(recurrent.gru(x, w, u, b, h, mask=mask, **options), np)


def _simplified_gru(x, w, u, b, h, mask=None, **options):
    return _joined(recurrent.simplified_gru(x, w, u, b, h, mask=mask, **options), np)


def _lstm(x, w, u, b, h, c, mask=None, **options):
    return _joined(recurrent.lstm(x, w, u, b, h, c, mask=mask, **options), np)


def _sequence(n, t, d, units, gates, states=1, masked=False, rows=1):
    """The inputs of a recurrent function; weights small enough for the gates to be open."""
    def small(*shape):
        return positive(*shape, low=-0.4, high=0.4)
    return [(n, t, d), small(d, gates * units), small(units, gates * units), (2, gates * units) if rows == 2 else (gates * units,),
            *[(n, units)] * states, *([flags(n, t)] if masked else [])]


for _f, _reference, _gates, _states, _options in (
        (simple_rnn, _simple_rnn, 1, 1, {}), (lstm, _lstm, 4, 2, {}), (gru, _gru, 3, 1, {}), (gru, _gru, 3, 1, {"reset_after": False}),
        (simplified_gru, _simplified_gru, 2, 1, {})):
    for _masked in (False, True):
        _more = {"states": _states, "masked": _masked, "rows": 2 if _f is gru and not _options else 1}
        CASES += [
            op("recurrent", _f, _sequence(N, 3, 4, 5, _gates, **_more), _reference, **_options, tolerance=(2e-5, 1e-12),
               also=[_sequence(n, t, d, u, _gates, **_more) for n, t, d, u in ((1, 1, 1, 1), (15, 2, 3, 33), (2, 5, 17, 16), (1, 4, 2, 70), (70, 2, 2, 3))]),
            op("recurrent", _f, _sequence(N, 3, 4, 5, _gates, **_more), _reference, go_backwards=True, **_options, tolerance=(2e-5, 1e-12)),
        ]
for _cls, _reference, _options in ((layers.SimpleRNN, recurrent.simple_rnn_layer, {}), (layers.LSTM, recurrent.lstm_layer, {}),
                                   (layers.GRU, recurrent.gru_layer, {}), (layers.GRU, recurrent.gru_layer, {"reset_after": False}),
                                   (layers.SimplifiedGRU, recurrent.simplified_gru_layer, {}), (layers.LSTM, recurrent.lstm_layer, {"peephole": True})):
    CASES += [
        layer("recurrent", _cls, (4, 3), _reference, units=5, **_options, tolerance=(2e-5, 1e-12)),
        layer("recurrent", _cls, (4, 3), _reference, units=5, return_sequences=True, go_backwards=True, use_bias=False, **_options, tolerance=(2e-5, 1e-12)),
        layer("recurrent", _cls, (3, 2), _reference, units=4, return_sequences=True, activation="sigmoid", **_options,
              tolerance=(2e-5, 1e-12)),
    ]
CASES += [
    layer("recurrent", layers.LSTM, (4, 3), None, units=5, dropout=0.3, recurrent_dropout=0.4, seed=3, call={"training": True}, tolerance=(2e-5, 1e-12)),
    layer("recurrent", layers.LSTM, (4, 3), recurrent.lstm_layer, units=5, recompute=True, tolerance=(2e-5, 1e-12)),
    layer("recurrent", layers.GRU, (4, 3), recurrent.gru_layer, units=5, recompute=True, return_sequences=True, tolerance=(2e-5, 1e-12)),
    layer("recurrent", layers.GRU, (4, 3), None, units=5, dropout=0.3, recurrent_dropout=0.4, seed=3, call={"training": True}, tolerance=(2e-5, 1e-12)),
    layer("recurrent", layers.GRU, (4, 3), None, units=5, recurrent_dropout=0.4, reset_after=False, seed=3, call={"training": True},
          tolerance=(2e-5, 1e-12)),
    layer("recurrent", layers.SimpleRNN, (4, 3), None, units=5, recurrent_dropout=0.4, seed=3, call={"training": True}, tolerance=(2e-5, 1e-12)),
]

CASES += [
    layer("embedding", layers.Embedding, integers(4, high=6), move.embedding, input_dim=6, output_dim=3, also=[integers(high=6), integers(70, high=6)]),
    layer("embedding", layers.Embedding, integers(2, 3, high=40, dtype="int32"), move.embedding, input_dim=40, output_dim=17),
    layer("embedding", layers.Masking, away(4, 3), move.masking, mask_value=9.0),
]

# ---- losses: groups of 1024 elements, rows of at most 32 classes turned 64 at a time

for _f in ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"):
    CASES.append(op("loss", getattr(losses, _f), [(N, 7), (N, 7)], getattr(loss, _f), also=[[(3, 1), (3, 1)], [(2, 1025), (2, 1025)], [(5,), (5,)]]))
for _smoothing in (0.0, 0.2):
    CASES += [
        op("loss", losses.binary_crossentropy, [flags(N, 7), (N, 7)], loss.binary_crossentropy, from_logits=True, label_smoothing=_smoothing,
           also=[[flags(3, 1), (3, 1)], [flags(2, 1025), (2, 1025)], [flags(4), (4, 1)], [flags(4, 1), (4,)]]),
        op("loss", losses.binary_crossentropy, [flags(N, 7), positive(N, 7, low=0.05, high=0.95)], loss.binary_crossentropy, label_smoothing=_smoothing),
        op("loss", losses.categorical_crossentropy, [flags(N, 7), (N, 7)], loss.categorical_crossentropy, from_logits=True, label_smoothing=_smoothing,
           also=[[flags(2, 1), (2, 1)], [flags(65, 32), (65, 32)], [flags(3, 33), (3, 33)], [flags(2, 1025), (2, 1025)], [flags(2, 3, 4), (2, 3, 4)]]),
        op("loss", losses.categorical_crossentropy, [flags(N, 7), positive(N, 7)], loss.categorical_crossentropy, label_smoothing=_smoothing,
           also=[[flags(2, 1025), positive(2, 1025)]]),
    ]
CASES += [
    op("loss", losses.sparse_categorical_crossentropy, [integers(N, high=7), (N, 7)], loss.sparse_categorical_crossentropy, from_logits=True,
       also=[[integers(2, high=1), (2, 1)], [integers(65, high=32), (65, 32)], [integers(3, 1, high=33), (3, 33)], [integers(2, high=1025), (2, 1025)],
             [integers(2, 3, high=4), (2, 3, 4)], [integers(high=5), (5,)]]),
    op("loss", losses.sparse_categorical_crossentropy, [integers(N, high=7, dtype="uint8"), (N, 7)], loss.sparse_categorical_crossentropy,
       from_logits=True, ignore_class=2),
    op("loss", losses.sparse_categorical_crossentropy, [integers(N, high=7, dtype="int32"), positive(N, 7)], loss.sparse_categorical_crossentropy,
       ignore_class=3, also=[[integers(2, high=1025), positive(2, 1025)]]),
    op("loss", losses.mean_squared_logarithmic_error, [positive(N, 7), positive(N, 7)], loss.mean_squared_logarithmic_error),
    op("loss", losses.mean_absolute_percentage_error, [integers(N, 7, low=1, high=9), (N, 7)], loss.mean_absolute_percentage_error),
    op("loss", losses.huber, [(N, 7), (N, 7)], loss.huber, delta=0.3),
    op("loss", losses.poisson, [integers(N, 7, high=5), positive(N, 7)], loss.poisson),
    op("loss", losses.kl_divergence, [flags(N, 7), probabilities(N, 7)], loss.kl_divergence),
    op("loss", losses.hinge, [flags(N, 7), (N, 7)], loss.hinge),
    op("loss", losses.squared_hinge, [integers(N, 7, low=-1, high=3), (N, 7)], loss.squared_hinge),
    op("loss", losses.categorical_hinge, [flags(N, 7), apart(N, 7)], loss.categorical_hinge),
    op("loss", losses.cosine_similarity, [(N, 7), (N, 7)], loss.cosine_similarity),
    op("loss", losses.binary_focal_crossentropy, [flags(N, 7), positive(N, 7, low=0.05, high=0.95)], loss.binary_focal_crossentropy, label_smoothing=0.1),
    op("loss", losses.binary_focal_crossentropy, [flags(N, 7), (N, 7)], loss.binary_focal_crossentropy, apply_class_balancing=True, gamma=1.5,
       from_logits=True),
    op("loss", losses.categorical_focal_crossentropy, [flags(N, 7), positive(N, 7)], loss.categorical_focal_crossentropy),
    op("loss", losses.categorical_focal_crossentropy, [flags(N, 7), (N, 7)], loss.categorical_focal_crossentropy, alpha=0.5, gamma=1.5, from_logits=True,
       label_smoothing=0.1),
    op("loss", losses.dice, [flags(N, 7), positive(N, 7, high=1.0)], loss.dice, axis=-1),
    op("loss", losses.tversky, [flags(N, 7), positive(N, 7, high=1.0)], loss.tversky, alpha=0.3, beta=0.7, axis=-1),
]

# ---- matrix products and dense: below, at and above the register tiles, one row, one column, stacks that broadcast on either side

CASES += [
    op("gemm", ops.matmul, [(N, 7), (7, 5)], dense.matmul,
       also=[[(a, b), (b, c)] for a, b, c in [(1, 1, 1), (6, 3, 16), (14, 9, 32), (15, 2, 33), (1, 19, 130), (29, 17, 1)]]),
    op("gemm", ops.matmul, [(7,), (7, N)], dense.matmul),
    op("gemm", ops.matmul, [(N, 7), (7,)], dense.matmul),
    op("gemm", ops.matmul, [(7,), (7,)], dense.matmul),
    op("gemm", ops.matmul, [(N, 3, 4), (4, 5)], dense.matmul),
    op("gemm", ops.matmul, [(3, 4), (N, 4, 5)], dense.matmul),
    op("gemm", ops.matmul, [(N, 1, 3, 4), (1, 2, 4, 5)], dense.matmul, also=[[(2, 3, 2, 2), (3, 2, 1)], [(5, 3, 4), (5, 4, 3)]]),
    op("gemm", ops.tensordot, [(N, 3, 4), (4, 3, 5)], dense.tensordot, axes=([1, 2], [1, 0])),
    op("gemm", ops.tensordot, [(N, 3, 4), (3, 4, 2)], dense.tensordot),
    op("gemm", ops.dot, [(N, 3, 4), (2, 4, 5)], dense.dot, also=[[(6,), (6,)], [(3, 4), (4,)], [(2, 3, 4), (4,)]]),
    op("gemm", ops.outer, [(N,), (3, 2)], dense.outer),
    op("dense", layers.dense.dense, [(N, 7), (7, 5), (5,)], dense.dense, activation="relu",
       also=[[(a, b), (b, c), (c,)] for a, b, c in [(1, 3, 8), (2, 4, 1), (6, 3, 16), (13, 5, 31), (14, 9, 32), (33, 6, 65)]]),
    op("dense", layers.dense.dense, [(N, 3, 4), (4, 6)], dense.dense, activation="tanh"),
    layer("dense", layers.Dense, (7,), dense.layer, units=5),
    layer("dense", layers.Dense, (400,), dense.layer, units=12, activation="relu", tolerance=(2e-5, 1e-12)),
    layer("dense", layers.Dense, (3, 4), dense.layer, units=6, use_bias=False, activation="tanh"),
]

# ---- layers around layers

CASES += [
    layer("wrappers", layers.RNN, (4, 3), wrappers.rnn_of_simple_cells, cell=inner(layers.SimpleRNNCell, units=5), return_sequences=True,
          tolerance=(2e-5, 1e-12)),
    layer("wrappers", layers.TimeDistributed, (4, 3), wrappers.time_distributed_dense, layer=inner(layers.Dense, units=2)),
    layer("wrappers", layers.Bidirectional, (4, 3), wrappers.bidirectional_rnn, layer=inner(layers.SimpleRNN, units=2), tolerance=(2e-5, 1e-12)),
    layer("wrappers", layers.Bidirectional, (4, 3), wrappers.bidirectional_rnn, layer=inner(layers.SimpleRNN, units=2, return_sequences=True), merge_mode="sum",
          tolerance=(2e-5, 1e-12)),
]
