"""A convolution and the pooling after it as one op: the same bits as the two, in a smaller arena."""
import numpy as np
import pytest
from contract import assert_close, assert_same_bits

import pydl
from pydl import config, layers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.demo import lenet
from pydl.layers.conv import Conv2D
from pydl.layers.pool import MaxPooling2D
from pydl.tensor import Tensor
from reference import conv as reference_conv
from reference import pool as reference_pool

rng = np.random.default_rng(5)


def whole(*shape, most=2):
    """Small integers: their sums are exact in any order."""
    return rng.integers(-most, most + 1, shape).astype(np.float64)


def results(conv, pool, x, pooled, seed=None):
    """The result, and the gradients by x, kernel and bias, of the two layers as one op or as two."""
    x = Tensor(x, needs_gradient=True)
    y = conv(x, pool=pool) if pooled else pool(conv(x))
    seed = whole(*y.shape, most=3) if seed is None else seed
    wanted = [x, conv.kernel] + ([conv.bias] if conv.use_bias else [])
    return [y.numpy().copy(), *[np.array(g) for g in backward(y, wanted, seed=Tensor(seed.astype(y.dtype)).array)]], seed


def pair(filters, kernel_size, dtype="float32", pool=2, pool_strides=None, pool_padding="valid", numbers=whole, channels=1, **options):
    conv, after = Conv2D(filters, kernel_size, dtype=dtype, **options), MaxPooling2D(pool, pool_strides, pool_padding, dtype=dtype)
    conv.build((None, 16, 16, channels))
    conv.set_weights([numbers(*w.shape) for w in conv.weights])
    return conv, after


SHAPES = [((3, 28, 28, 1), dict(filters=6, kernel_size=5, padding="same", activation="relu")),
          ((17, 14, 14, 6), dict(filters=16, kernel_size=5, activation="relu")),
          ((9, 8, 8, 1), dict(filters=16, kernel_size=3, padding="same", activation="relu")),
          ((2, 13, 11, 3), dict(filters=7, kernel_size=3)),                                                   # odd sizes, the last row in no window
          ((2, 13, 11, 3), dict(filters=7, kernel_size=3, pool_padding="same", activation="relu")),           # the last windows cover less
          ((2, 12, 13, 17), dict(filters=5, kernel_size=5, padding="same", pool=3, activation="relu", use_bias=False)),
          ((2, 12, 13, 4), dict(filters=33, kernel_size=3, pool=(2, 3), pool_strides=(3, 4), activation="relu")),
          ((2, 12, 13, 4), dict(filters=5, kernel_size=(2, 3), strides=2, pool=3, pool_strides=2, pool_padding="same", activation="relu")),     # overlapping
          ((2, 12, 12, 6), dict(filters=6, kernel_size=3, groups=3, dilation_rate=2, activation="relu")),
          ((2, 12, 12, 4), dict(filters=8, kernel_size=3, groups=4)),                                         # depthwise
          ((2, 9, 40, 2), dict(filters=4, kernel_size=1, pool=(1, 16), activation="relu")),
          ((1, 40, 41, 2), dict(filters=5, kernel_size=3, activation="relu")),                                # several bands
          ((0, 8, 8, 1), dict(filters=4, kernel_size=3, padding="same"))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape, options", SHAPES, ids=str)
def test_one_op_is_the_two(shape, options, dtype, level):
    """On numbers whose sums are exact, where the order of a sum does not show; ties are frequent among them."""
    conv, pool = pair(dtype=dtype, channels=shape[3], **options)
    x = whole(*shape).astype(dtype)
    one, seed = results(conv, pool, x, True)
    two, _ = results(conv, pool, x, False, seed)
    assert_same_bits(one, two)


@pytest.mark.parametrize("shape, options", SHAPES[:-1], ids=str)
def test_real_numbers(shape, options, level):
    """The value is the same bit for bit; a gradient may add up the same terms in another order."""
    conv, pool = pair(channels=shape[3], numbers=lambda *s: rng.standard_normal(s), **options)
    x = rng.standard_normal(shape).astype(np.float32)
    one, seed = results(conv, pool, x, True)
    two, _ = results(conv, pool, x, False, seed)
    assert_same_bits(one[:1], two[:1])
    for got, want in zip(one[1:], two[1:]):
        assert_close(got, want, 2e-5)


def test_winograd_and_pooling_give_the_same_bits():
    """Large 3x3 convolutions keep their algorithm, and every sum its order."""
    conv, pool = pair(16, 3, channels=16, padding="same", activation="relu", numbers=lambda *s: rng.standard_normal(s))
    x = rng.standard_normal((5, 14, 14, 16)).astype(np.float32)
    assert config.winograd()
    one, seed = results(conv, pool, x, True)
    assert_same_bits(one, results(conv, pool, x, False, seed)[0])


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("size", [1, 3])
def test_nan_infinity_and_windows_without_a_positive_number(size, activation, level):
    conv, pool = pair(6, size, padding="same", activation=activation)
    x = -np.abs(whole(4, 12, 12, 1, most=5)) - 1
    x[1, 3, 4] = np.nan
    x[2, 5, 6] = np.inf
    x[3] = 0
    conv.set_weights([np.abs(w) for w in conv.get_weights()[:1]] + [np.zeros(6)])
    one, seed = results(conv, pool, x.astype(np.float32), True)
    two, _ = results(conv, pool, x.astype(np.float32), False, seed)
    assert_same_bits(one[:2] + one[3:], two[:2] + two[3:])          # by the kernel, both have a NaN, not everywhere the same: 0 * NaN
    assert np.isnan(one[0][1]).any() and np.isinf(one[0][2]).any()
    if activation == "relu":
        assert not one[1][0].any() and not one[1][3].any()           # a window without a positive number passes no gradient on


@pytest.mark.parametrize("options, shape", [(SHAPES[0][1], (20, 28, 28, 1)), (SHAPES[1][1], (33, 14, 14, 6)),
                                            (dict(filters=3, kernel_size=2, padding="same"), (1, 64, 64, 3))], ids=str)
def test_threads_do_not_change_a_bit(options, shape):
    conv, pool = pair(channels=shape[3], numbers=lambda *s: rng.standard_normal(s), **options)
    x, found, before, seed = rng.standard_normal(shape).astype(np.float32), [], pydl.get_num_threads(), None
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            got, seed = results(conv, pool, x, True, seed)
            found.append(got)
    finally:
        pydl.set_num_threads(before)
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0], found[2])


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-13)])
def test_the_formula(dtype, tolerance, level):
    conv, pool = pair(6, 5, dtype=dtype, padding="same", activation="relu", numbers=lambda *s: rng.standard_normal(s))
    x = rng.standard_normal((2, 12, 11, 1))
    kernel, bias = (w.astype(np.float64) for w in conv.get_weights())
    want = reference_pool.max_pool(reference_conv.conv2d(x.astype(dtype).astype(np.float64), kernel, bias, padding="same", activation="relu"))
    assert_close(conv(x.astype(dtype), pool=pool).numpy(), want, tolerance)


# ---- models

def kernels(model, x, y=None):
    return [row["kernel"] for row in model.profile(x, y, repeats=1, print_fn=lambda line: None)]


def compiled(model):
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def images(n=8, size=10, channels=1):
    return rng.standard_normal((n, size, size, channels)).astype(np.float32), rng.integers(0, 3, n)


def stack(conv=None, pool=None):
    return [conv or layers.Conv2D(4, 3, activation="relu", name="conv"), pool or layers.MaxPooling2D(name="pool"), layers.Flatten(), layers.Dense(3)]


class Own(layers.Conv2D):
    def call(self, x):
        return super().call(x) * 2


@pytest.mark.parametrize("conv, pool, fused", [
    (lambda: layers.Conv2D(4, 3), lambda: layers.MaxPooling2D(), True),
    (lambda: layers.Conv2D(4, 3, activation="relu"), lambda: layers.MaxPooling2D(3, 2, "same"), True),
    (lambda: layers.Conv2D(4, 3, activation="tanh"), lambda: layers.MaxPooling2D(), False),
    (lambda: layers.Conv2D(4, 3, activation=lambda x: x * 2), lambda: layers.MaxPooling2D(), False),
    (lambda: Own(4, 3), lambda: layers.MaxPooling2D(), False),
    (lambda: layers.Conv2D(4, 3, activity_regularizer="l2"), lambda: layers.MaxPooling2D(), False),
    (lambda: layers.Conv2D(4, 3), lambda: layers.AveragePooling2D(), False),
    (lambda: layers.DepthwiseConv2D(3), lambda: layers.MaxPooling2D(), False),
    (lambda: layers.Conv2D(4, 3, data_format="channels_first"), lambda: layers.MaxPooling2D(data_format="channels_first"), False)],
    ids=["linear", "relu", "tanh", "function", "subclass", "activity", "average", "depthwise", "channels first"])
def test_which_pairs_are_one_op(conv, pool, fused):
    x, y = images(channels=10)
    model = compiled(pydl.Sequential(stack(conv(), pool())))
    assert ("conv2d_max_pool_forward" in kernels(model, x, y)) is fused
    a, b = layers.Input((10, 10, 10)), stack(conv(), pool())
    h = a
    for layer in b:
        h = layer(h)
    functional = compiled(pydl.Model(a, h))
    assert ("conv2d_max_pool_forward" in kernels(functional, x, y)) is fused
    functional.set_weights(model.get_weights())
    by_hand = x
    for layer in model.layers:
        by_hand = layer(by_hand)
    assert_same_bits([model(x, training=True).numpy(), functional(x, training=True).numpy(), model.predict(x)], [by_hand.numpy()] * 3)


@pytest.mark.parametrize("layer_of", ["conv", "pool", "both"])
def test_a_result_that_is_asked_for_is_there(layer_of):
    """The convolution's own result as an output of the model, or read by a second layer: then the two stay apart."""
    x, _ = images()
    a = layers.Input((10, 10, 1))
    conv, pool = layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D()
    z = conv(a)
    y = pool(z)
    model = pydl.Model(a, {"conv": z, "pool": y, "both": [z, y]}[layer_of])
    want = {"conv": [conv(x).numpy()], "pool": [pool(conv(x)).numpy()], "both": [conv(x).numpy(), pool(conv(x)).numpy()]}[layer_of]
    with_gradients = model(x, training=True)
    assert_same_bits([t.numpy() for t in (with_gradients if isinstance(with_gradients, list) else [with_gradients])], want)
    model.compile(optimizer="sgd", loss="mse")
    targets = [np.zeros_like(w) for w in want]
    assert ("conv2d_max_pool_forward" in kernels(model, x, targets if len(targets) > 1 else targets[0])) is (layer_of == "pool")


def test_a_second_reader_keeps_them_apart():
    x, _ = images()
    a = layers.Input((10, 10, 1))
    z = layers.Conv2D(4, 3, activation="relu", name="conv")(a)
    model = pydl.Model(a, layers.Concatenate()([layers.MaxPooling2D()(z), layers.AveragePooling2D()(z)]))
    model.compile(optimizer="sgd", loss="mse")
    assert "conv2d_max_pool_forward" not in kernels(model, x, np.zeros((8, 4, 4, 8)))
    conv = model.get_layer("conv")
    assert_same_bits([model.predict(x)], [np.concatenate([layers.MaxPooling2D()(conv(x)).numpy(), layers.AveragePooling2D()(conv(x)).numpy()], -1)])
    top = pydl.Model(model.inputs, z)                               # a part of the network is a model too
    assert_same_bits([top.predict(x)], [conv(x).numpy()])


def test_frozen_layers_and_first_layers():
    """Only what is wanted is computed: no gradient by the first input, none by frozen weights."""
    x, y = images()
    model = compiled(pydl.Sequential([layers.Conv2D(4, 3, activation="relu", name="first"), layers.Conv2D(5, 3, activation="relu", name="second"),
                                      layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)]))
    model.train_on_batch(x, y)
    model.get_layer("second").trainable = False
    kept, moved = model.get_layer("second").get_weights(), model.get_layer("first").get_weights()
    model.train_on_batch(x, y)
    assert_same_bits(model.get_layer("second").get_weights(), kept)
    assert not np.array_equal(model.get_layer("first").get_weights()[0], moved[0])


def test_eager_and_replayed_training_are_the_same():
    x, y = images(48)
    found = []
    for eagerly in (True, False):
        pydl.utils.set_random_seed(3)
        model = pydl.Sequential(stack())
        model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eagerly)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        found.append(model.get_weights())
    assert_same_bits(*found)


# ---- the arena

def readme():
    return pydl.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(),
                            layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)])


@pytest.mark.parametrize("threads", [1, 4, 64])
@pytest.mark.parametrize("make", [lenet, readme])
def test_the_arena_of_a_training_step_is_smaller_than_the_activations(make, threads, level):
    """The sum of the layers' outputs; Flatten's is its input under another shape, so it does not count."""
    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        model = compiled(make())
        shape, outputs = (64, *model.input_shape[1:]), 0
        x, y = rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, 64)
        for _ in range(3):
            model.train_on_batch(x, y)
        for layer in model.layers:
            shape = layer.compute_output_shape(shape)
            outputs += 0 if isinstance(layer, layers.Flatten) else 4 * int(np.prod(shape))
        (_, step), = model.recorded_steps()
        assert step.program.nbytes < outputs
    finally:
        pydl.set_num_threads(before)


def test_predicting_keeps_no_result_that_nobody_reads_any_more():
    """A chain needs the room of two of its results, however long it is."""
    for functional in (False, True):
        chain = [layers.Input((16, 16, 8)), *[layers.Conv2D(8, 1) for _ in range(10)]]
        model = pydl.Sequential(chain)
        if functional:
            h = chain[0]
            for layer in chain[1:]:
                h = layer(h)
            model = pydl.Model(chain[0], h)
        x = rng.standard_normal((4, 16, 16, 8)).astype(np.float32)
        for _ in range(3):
            model.predict(x)
        (_, step), = model.recorded_steps()
        assert step.program.nbytes < 3.5 * x.nbytes


def test_the_boundary_trusts_nobody():
    x, w, y, argmax = B.zeros((2, 8, 8, 3)), B.zeros((3, 3, 3, 4)), B.zeros((2, 3, 3, 4)), B.zeros((2, 3, 3, 4), "uint8")
    right = [(1, 1), (1, 1), (0, 0), 1, (6, 6), (2, 2), (2, 2), (0, 0)]
    B.conv2d_max_pool_forward(x, w, None, *right, True, False, y, argmax)
    B.conv2d_max_pool_backward(x, y, None, B.from_numpy(np.full((2, 3, 3, 4), 255, np.uint8)), w, *right, False, x, w, None)       # positions that are none
    for at, wrong in [(0, (0, 1)), (1, (0, 1)), (2, (-1, 0)), (3, 0), (3, 2), (4, (-1, 6)), (4, (4, 6)), (5, (17, 17)), (5, (0, 2)), (6, (0, 1)), (7, (2, 0)),
                      (0, (1 << 60, 1)), (6, (1 << 60, 1))]:
        geometry = [*right[:at], wrong, *right[at + 1:]]
        with pytest.raises(ValueError, match="conv2d_max_pool"):
            B.conv2d_max_pool_forward(x, w, None, *geometry, True, False, y, argmax)
        with pytest.raises(ValueError, match="conv2d_max_pool"):
            B.conv2d_max_pool_backward(x, y, y, argmax, w, *geometry, False, x, w, None)
    with pytest.raises((ValueError, TypeError)):
        B.conv2d_max_pool_forward(x, w, B.zeros((3,)), *right, True, False, y, argmax)
    with pytest.raises((ValueError, TypeError)):
        B.conv2d_max_pool_forward(x, w, None, *right, True, False, y, y)
    with pytest.raises((ValueError, TypeError)):
        B.conv2d_max_pool_backward(x, y, None, B.zeros((2, 3, 3, 3), "uint8"), w, *right, False, x, None, None)
    with pytest.raises(ValueError, match="neither"):
        B.conv2d_max_pool_backward(x, y, None, argmax, w, *right, False, None, None, None)
    with pytest.raises(ValueError, match="dbias"):
        B.conv2d_max_pool_backward(x, y, None, argmax, w, *right, False, x, None, B.zeros((4,)))
