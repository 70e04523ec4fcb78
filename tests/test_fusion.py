"""Layers that run as one give what they give apart: the same bits in training, within a bound where a normalisation is folded into weights."""
import numpy as np
import pytest

import pydl
from pydl import applications, layers, ops
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level
from pydl.models import fusion

RNG = np.random.default_rng(0)


def conv(filters=24, size=3, **options):
    return layers.Conv2D(filters, size, **{"padding": "same", **options})


def chain(*stack):
    return lambda: pydl.Sequential([layers.Input((9, 10, 8)), *[make() for make in stack]])


def block(relu_before=False, skip_first=False, relu=True):
    """A residual block."""
    def build():
        x = inputs = layers.Input((9, 10, 8))
        x = past = layers.Activation("relu")(conv()(x))
        x = layers.Activation("relu")(layers.BatchNormalization()(conv()(x)))
        x = layers.BatchNormalization()(conv()(x))
        if relu_before:
            x = layers.ReLU()(x)
        x = layers.Add()([past, x] if skip_first else [x, past])
        return pydl.Model(inputs, layers.ReLU()(x) if relu else x)
    return build


def two_branches():
    """Both sides of the sum could take it: one of them does."""
    x = layers.Input((9, 10, 8))
    sides = [layers.BatchNormalization()(conv(16, 1, strides=2)(x)) for _ in range(2)]
    return pydl.Model(x, layers.Activation("relu")(layers.Add()(sides)))


def wide_block():
    """A sum of so many channels, from so few, that the register tiles of the same pixels are done side by side."""
    x = layers.Input((9, 10, 8))
    past = layers.ReLU()(conv(256, 1)(x))
    y = layers.BatchNormalization()(conv(256, 1)(layers.ReLU()(conv(4, 1)(x))))
    return pydl.Model(x, layers.ReLU()(layers.Add()([y, past])))


def inner_outputs():
    """What the user asks for is there, though the next layers could have swallowed it."""
    x = layers.Input((9, 10, 8))
    a = conv()(x)
    b = layers.BatchNormalization()(a)
    c = layers.Activation("relu")(b)
    return pydl.Model(x, [a, b, c, layers.Activation("relu")(layers.Add()([b, c]))])


def shared_layers():
    x = layers.Input((9, 10, 8))
    one, norm, relu = conv(8), layers.BatchNormalization(), layers.ReLU()
    y = relu(norm(one(x)))
    return pydl.Model(x, relu(layers.Add()([norm(one(y)), y])))


def self_sum():
    x = layers.Input((9, 10, 8))
    y = layers.BatchNormalization()(conv()(x))
    return pydl.Model(x, layers.ReLU()(layers.Add()([y, y])))


def stretched_sum():
    x = layers.Input((9, 10, 8))
    y = layers.BatchNormalization()(conv(24)(x))
    mean = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    return pydl.Model(x, layers.ReLU()(layers.Add()([y, conv(24, 1)(mean)])))


def nested():
    return pydl.Sequential([layers.Input((9, 10, 8)), block()(), conv(8, 1), layers.BatchNormalization(), layers.Activation("relu"), two_branches()])


def sums(given_on=None, output=False):
    """A sum with h, the same memory as given_on(h), which is read once more behind it."""
    def build():
        x = layers.Input((9, 10, 8))
        h = layers.ReLU()(conv()(x))
        also = h if given_on is None else given_on()(h)
        y = layers.ReLU()(layers.Add()([conv()(conv(8, 1)(h)), h]))
        return pydl.Model(x, [y, h] if output else layers.Concatenate()([y, also]))
    return build


def of_its_own_input():
    x = layers.Input((9, 10, 8))
    h = layers.ReLU()(conv(24)(x))
    return pydl.Model(x, layers.ReLU()(layers.Add()([conv()(h), h])))


def of_the_input():
    x = layers.Input((9, 10, 8))
    return pydl.Model(x, layers.ReLU()(layers.Add()([conv(8)(conv(4)(x)), x])))


def bn(**options):
    return lambda: layers.BatchNormalization(**options)


RELU = lambda: layers.Activation("relu")                                                   # noqa: E731
# a network, how many runs of layers become one in inference and in training
NETWORKS = {
    "conv norm relu": (chain(conv, bn(), RELU), 1, 1),
    "conv norm": (chain(conv, bn()), 1, 0),
    "conv relu": (chain(conv, RELU), 1, 0),
    "no bias": (chain(lambda: conv(use_bias=False), bn(), RELU), 1, 1),
    "no gamma, no beta": (chain(conv, bn(scale=False), RELU, conv, bn(center=False), RELU), 2, 2),
    "relu before norm": (chain(lambda: conv(activation="relu"), bn(), RELU), 1, 1),
    "tanh": (chain(lambda: conv(activation="tanh"), bn()), 0, 0),
    "padded": (chain(lambda: layers.ZeroPadding2D(((1, 2), (0, 3))), lambda: conv(padding="valid", strides=2), bn(), RELU), 1, 1),
    "padded twice": (chain(lambda: layers.ZeroPadding2D(2), lambda: conv(padding="same"), bn()), 1, 0),
    "groups": (chain(lambda: conv(groups=2), bn(), RELU), 1, 1),
    "depthwise": (chain(lambda: conv(groups=8), bn(), RELU), 1, 1),
    "dilated 5x5": (chain(lambda: conv(12, 5, dilation_rate=2), bn(), RELU), 1, 1),
    "padded maxima": (chain(conv, bn(), RELU, lambda: layers.ZeroPadding2D(1), lambda: layers.MaxPooling2D(3, strides=2)), 2, 1),
    "padded maxima behind a convolution": (chain(lambda: conv(activation="relu"), lambda: layers.ZeroPadding2D(((0, 1), (2, 0))),
                                                 lambda: layers.MaxPooling2D(3, strides=1)), 1, 0),
    "padded maxima that may be negative": (chain(conv, lambda: layers.ZeroPadding2D(1), lambda: layers.MaxPooling2D(3)), 0, 0),
    "maxima of zeros alone": (chain(lambda: conv(activation="relu"), lambda: layers.ZeroPadding2D(2), lambda: layers.MaxPooling2D(2)), 0, 0),
    "norm alone": (chain(bn(), RELU, conv), 1, 1),
    "norm of another axis": (chain(conv, bn(axis=1), RELU), 0, 0),
    "leaky": (chain(conv, bn(), lambda: layers.ReLU(negative_slope=0.1)), 1, 0),
    "penalised": (chain(lambda: conv(activity_regularizer="l2"), bn(), RELU), 1, 1),
    "dense": (chain(layers.Flatten, lambda: layers.Dense(20), bn(), RELU), 1, 1),
    "block": (block(), 3, 2),
    "block, skip first": (block(skip_first=True), 3, 2),
    "block without relu": (block(relu=False), 3, 1),
    "block, relu before the sum": (block(relu_before=True), 3, 2),
    "two branches": (two_branches, 2, 1),
    "wide block": (wide_block, 3, 1),
    "inner outputs": (inner_outputs, 0, 0),
    "shared layers": (shared_layers, 2, 2),
    "a sum of one": (self_sum, 1, 0),
    "a stretched sum": (stretched_sum, 1, 0),
    "a sum read again": (sums(), 2, 0),
    "a sum read again by another name": (sums(lambda: layers.Dropout(0.5)), 2, 0),
    "a sum read again in another shape": (sums(lambda: layers.Reshape((9, 10, 24))), 2, 0),
    "a sum with an output": (sums(output=True), 2, 0),
    "a sum with what is convolved": (of_its_own_input, 2, 0),
    "a sum with the input": (of_the_input, 1, 0),
    "nested": (nested, 1, 1),
    "resnet": (lambda: applications.ResNetCIFAR(14, input_shape=(9, 10, 8), classes=3), 13, 13),
    "projection": (lambda: applications.ResNetCIFAR(8, input_shape=(9, 10, 8), classes=3, shortcut="projection"), 9, 7),
}


def data(model, n=3):
    return np.random.default_rng(1).standard_normal((n, *model.input_shape[1:])).astype(np.float32)


def randomised(model):
    """Weights that hide nothing: variances far from 1, means far from 0."""
    rng = np.random.default_rng(2)
    model.set_weights([rng.uniform(0.3, 2, w.shape) if name.endswith("variance") else w + rng.uniform(-0.3, 0.3, w.shape)
                       for w, (name, _) in zip(model.get_weights(), model.named_weights())])
    return model


def flat(outputs):
    return [np.asarray(o) for o in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


@pytest.mark.parametrize("name", NETWORKS)
def test_folded_inference_is_that_of_the_layers(name):
    build, fused, _ = NETWORKS[name]
    pydl.utils.set_random_seed(0)                                       # one draw of some hundred ends in a softmax that magnifies its rounding
    model = randomised(build())
    x = data(model)
    assert sum(f is not None for _, f, _ in model._plan.steps(True)) == fused
    apart = flat(model(x))                                              # gradients are wanted here, so nothing is folded
    replayed = [flat(model.predict(x)) for _ in range(4)]
    with pydl.no_grad():
        eager = flat(model(x))
    for k, expected in enumerate(apart):
        assert np.abs(eager[k] - expected).max() <= 2e-5 * np.abs(expected).max()
        assert all(np.array_equal(outputs[k], eager[k]) for outputs in replayed)
    before = pydl.get_num_threads()
    try:
        for threads in (1, 3):
            pydl.set_num_threads(threads)
            assert all(np.array_equal(a, b) for a, b in zip(flat(model.predict(x)), eager))
    finally:
        pydl.set_num_threads(before)


IN_PLACE = {"block": 1, "block, skip first": 1, "block without relu": 1, "wide block": 1, "resnet": 4, "projection": 3}


@pytest.mark.parametrize("name", [name for name in NETWORKS if "block" in name or "sum" in name or name in IN_PLACE])
def test_a_sum_takes_the_memory_of_what_nobody_reads_any_more(name):
    model = NETWORKS[name][0]()
    assert sum(f is not None and f.options.get("in_place", False) for _, f, _ in model._plan.steps(True)) == IN_PLACE.get(name, 0)
    x = data(model)
    before = x.copy()
    model.predict(x)
    assert np.array_equal(x, before)


def trained(build, monkeypatch, fuse):
    with monkeypatch.context() as patch:
        if not fuse:
            patch.setattr(fusion, "PATTERNS", {})
        pydl.utils.set_random_seed(0)
        model = randomised(build())
        model.compile("sgd", "mse")
        x = data(model)
        ys = [np.zeros_like(o) for o in flat(model.predict(x))]
        return [model.train_on_batch(x, ys if len(ys) > 1 else ys[0]) for _ in range(4)], model.get_weights()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_step_has_the_bits_of_the_layers(name, monkeypatch):
    build, _, fused = NETWORKS[name]
    assert sum(f is not None for _, f, _ in build()._plan.steps(False)) == fused
    losses, weights = trained(build, monkeypatch, True)
    losses_apart, weights_apart = trained(build, monkeypatch, False)
    assert losses == losses_apart
    assert all(np.array_equal(a, b) for a, b in zip(weights, weights_apart))


def test_a_frozen_normalisation_trains_what_is_before_it(monkeypatch):
    def build():
        model = block()()
        for layer in model.layers:
            layer.trainable = type(layer) is not layers.BatchNormalization
        return model
    fused, apart = trained(build, monkeypatch, True), trained(build, monkeypatch, False)
    assert fused[0] == apart[0] and all(np.array_equal(a, b) for a, b in zip(fused[1], apart[1]))


def test_only_the_skip_is_trained(monkeypatch):
    def build():
        x = layers.Input((9, 10, 8))
        norm = layers.BatchNormalization()
        norm_of = norm(x)
        norm.gamma.trainable = norm.beta.trainable = False
        return pydl.Model(x, layers.ReLU()(layers.Add()([norm_of, conv(8)(x)])))
    fused, apart = trained(build, monkeypatch, True), trained(build, monkeypatch, False)
    assert fused[0] == apart[0] and all(np.array_equal(a, b) for a, b in zip(fused[1], apart[1]))


def test_a_changed_activation_is_fused_no_more():
    model = chain(conv, bn(), RELU)()
    x = data(model)
    before = model.predict(x)
    model.layers[2].activation = ops.tanh
    after = model.predict(x)
    assert before.min() == 0 and after.min() < -0.1 and np.abs(after).max() <= 1


def test_a_layer_of_the_users_is_left_alone():
    class Halved(layers.BatchNormalization):
        def call(self, x, training=False):
            return super().call(x, training) * 0.5
    model = pydl.Sequential([layers.Input((9, 10, 8)), conv(), Halved(), layers.Activation("relu")])
    x = data(model)
    assert np.allclose(model.predict(x), model(x).numpy(), atol=1e-5) and sum(f is not None for _, f, _ in model._plan.steps(True)) == 0


def test_a_stack_that_grows_and_shrinks():
    model = pydl.Sequential([layers.Input((9, 10, 8)), conv(), layers.BatchNormalization()])
    x = data(model)
    plain = model.predict(x)
    model.add(layers.Activation("relu"))
    assert np.array_equal(model.predict(x), np.maximum(plain, 0))
    model.pop()
    assert np.array_equal(model.predict(x), plain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_folding_on_every_level(dtype):
    before = get_cpu_level()
    pydl.config.set_floatx(dtype)
    try:
        model = randomised(block()())
        x = data(model).astype(dtype)
        bound = 2e-5 if dtype == "float32" else 1e-13
        for level in cpu_levels():
            set_cpu_level(level)
            expected = model(x).numpy()
            assert np.abs(model.predict(x) - expected).max() <= bound * np.abs(expected).max()
    finally:
        pydl.config.set_floatx("float32")
        set_cpu_level(before)
