"""Convolution: its laws, cases recorded elsewhere, and what wrong arguments are told."""
import gzip
import json

import numpy as np
import pytest
from contract import assert_close, assert_same_bits
from course import SHARED, drawn, published
from numpy.testing import assert_allclose

import pydl
from pydl import config, layers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.errors import DTypeError, ShapeError
from pydl.gradcheck import gradcheck
from pydl.layers.conv import conv1d, conv2d, depthwise_conv2d
from pydl.layers.conv_columns import col2im, im2col
from pydl.layers.conv_transpose import conv2d_transpose
from pydl.tensor import Tensor
from reference import conv as reference

rng = np.random.default_rng(3)


def shared(*parts):
    path = SHARED.joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"{path} is absent; set PYDL_SHARED to the folder that holds data/{parts[0]}")
    return path


@pytest.fixture
def direct():
    """Winograd's form off."""
    config.set_winograd(False)
    yield
    config.set_winograd(True)


def normal(*shape, dtype=np.float64):
    return rng.standard_normal(shape).astype(dtype)


# ---- laws

GEOMETRIES = [{}, {"padding": "same"}, {"strides": 2, "padding": "same"}, {"strides": (2, 3)}, {"dilation_rate": 2}, {"padding": 2},
              {"strides": (3, 1), "dilation_rate": (1, 2), "padding": ((0, 3), (2, 1))}, {"groups": 2}, {"groups": 4, "padding": "same", "strides": 2}]


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_backward_is_the_adjoint(options, level):
    """<conv(x, w), v> = <x, dx(v)> = <w, dw(v)>: the map is linear in each, and its gradients are its adjoints."""
    x, w = Tensor(normal(3, 9, 11, 4), needs_gradient=True), Tensor(normal(3, 2, 4 // options.get("groups", 1), 8), needs_gradient=True)
    y = conv2d(x, w, **options)
    v = normal(*y.shape)
    dx, dw = (np.asarray(g) for g in backward(y, [x, w], seed=Tensor(v).array))
    want = np.sum(y.numpy() * v)
    assert_allclose(np.sum(x.numpy() * dx), want, rtol=1e-11)
    assert_allclose(np.sum(w.numpy() * dw), want, rtol=1e-11)


@pytest.mark.parametrize("options", [g for g in GEOMETRIES if "groups" not in g], ids=str)
@pytest.mark.parametrize("filters", [1, 2, 4])
def test_backward_is_the_adjoint_with_few_channels(options, filters, level):
    x, w = Tensor(normal(3, 19, 23, 3), needs_gradient=True), Tensor(normal(5, 4, 3, filters), needs_gradient=True)
    y = conv2d(x, w, **options)
    v = normal(*y.shape)
    dx, dw = (np.asarray(g) for g in backward(y, [x, w], seed=Tensor(v).array))
    want = np.sum(y.numpy() * v)
    assert_allclose(np.sum(x.numpy() * dx), want, rtol=1e-11, atol=1e-10)
    assert_allclose(np.sum(w.numpy() * dw), want, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
def test_linear(options):
    a, b, w = normal(2, 9, 11, 4), normal(2, 9, 11, 4), normal(3, 2, 4 // options.get("groups", 1), 8)
    both = conv2d(2 * a - 3 * b, w, **options).numpy()
    assert_allclose(both, 2 * conv2d(a, w, **options).numpy() - 3 * conv2d(b, w, **options).numpy(), atol=1e-11)


def test_a_shifted_image_gives_shifted_results(level):
    x, w = normal(2, 12, 13, 3, dtype=np.float32), normal(3, 3, 3, 20, dtype=np.float32)
    y, shifted = conv2d(x, w).numpy(), conv2d(x[:, 2:, 1:], w).numpy()
    assert_allclose(shifted, y[:, 2:, 1:], rtol=2e-6, atol=2e-6)


def test_one_window_the_size_of_the_image_is_a_dense_layer():
    x, w = normal(4, 5, 6, 3), normal(5, 6, 3, 7)
    assert_allclose(conv2d(x, w).numpy()[:, 0, 0], x.reshape(4, -1) @ w.reshape(-1, 7), rtol=1e-12)


def test_1x1_is_a_product_over_channels(level):
    x, w = normal(2, 5, 6, 70), normal(1, 1, 70, 50)
    assert_allclose(conv2d(x, w).numpy(), x @ w[0, 0], rtol=1e-11, atol=1e-12)
    assert_allclose(conv2d(x, w, strides=2).numpy(), x[:, ::2, ::2] @ w[0, 0], rtol=1e-11, atol=1e-12)


def test_groups_are_convolutions_side_by_side():
    x, w, b = normal(2, 7, 6, 6), normal(3, 3, 2, 9), normal(9)
    parts = [conv2d(x[..., 2 * g:2 * g + 2], w[..., 3 * g:3 * g + 3], b[3 * g:3 * g + 3], padding="same").numpy() for g in range(3)]
    assert_allclose(conv2d(x, w, b, groups=3, padding="same").numpy(), np.concatenate(parts, -1), rtol=1e-12)


def test_depthwise_is_one_group_a_channel():
    x, w = normal(2, 7, 6, 5), normal(3, 3, 5, 2)
    assert_same_bits([depthwise_conv2d(x, w).numpy()], [conv2d(x, w.reshape(3, 3, 1, 10), groups=5).numpy()])


def test_dilation_is_a_window_with_holes():
    x, w = normal(2, 12, 11, 3), normal(3, 2, 3, 4)
    holes = np.zeros((5, 4, 3, 4))
    holes[::2, ::3] = w
    assert_allclose(conv2d(x, w, dilation_rate=(2, 3)).numpy(), conv2d(x, holes).numpy(), rtol=1e-12, atol=1e-13)


def test_the_odd_zero_of_same_padding_comes_after():
    """Keras's rule: 4 pixels, window 3, stride 2 need one zero, below and on the right."""
    x, w = np.arange(16.0).reshape(1, 4, 4, 1), np.ones((3, 3, 1, 1))
    assert conv2d(x, w, strides=2, padding="same").numpy()[0, 0, 0, 0] == x[0, :3, :3].sum()
    assert conv2d(x, w, strides=2, padding="same").numpy()[0, 1, 1, 0] == x[0, 2:, 2:].sum()


def test_im2col_is_the_convolution_and_col2im_its_adjoint():
    for options in ({}, {"padding": "same", "strides": 2}, {"dilation_rate": (2, 1), "padding": 1, "strides": (1, 2)}):
        x, w = normal(2, 7, 8, 3), normal(3, 2, 3, 4)
        y, cols = conv2d(x, w, **options).numpy(), im2col(x, (3, 2), **options).numpy()
        assert_allclose(cols @ w.reshape(-1, 4), y.reshape(-1, 4), rtol=1e-12, atol=1e-13)
        other = normal(*cols.shape)
        assert_allclose(np.sum(cols * other), np.sum(x * col2im(other, x.shape, (3, 2), **options).numpy()), rtol=1e-12)
    assert gradcheck(lambda c: col2im(c, (1, 4, 4, 2), 3), [normal(4, 18)])


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"strides": (3, 2), "padding": "same"}, {"dilation_rate": 2, "padding": "same"}], ids=str)
def test_transposed_is_the_adjoint(options, level):
    """<conv(y, w), x> = <y, conv_transpose(x, w)>, for the images y that the transposed one makes."""
    x, w = normal(2, 5, 6, 4), normal(3, 2, 7, 4)
    y = conv2d_transpose(x, w, **options)
    v = normal(*y.shape)
    assert_allclose(np.sum(conv2d(v, w, **options).numpy() * x), np.sum(v * y.numpy()), rtol=1e-11)


def test_separable_is_depthwise_then_1x1():
    x, layer = normal(2, 7, 6, 3, dtype=np.float32), layers.SeparableConv2D(5, 3, depth_multiplier=2, use_bias=False)
    layer.ensure_built((None, 7, 6, 3))
    assert [p.name for p in layer.weights] == ["depthwise_kernel", "pointwise_kernel"]
    assert_same_bits([layer(x).numpy()], [conv2d(depthwise_conv2d(x, layer.depthwise_kernel), layer.pointwise_kernel).numpy()])


def test_relu_is_the_same_fused_and_apart():
    x, w, b = (Tensor(normal(*s), needs_gradient=True) for s in ((2, 8, 8, 3), (3, 3, 3, 5), (5,)))
    fused, apart = conv2d(x, w, b, activation="relu"), pydl.ops.relu(conv2d(x, w, b))
    assert_same_bits([fused.numpy()], [apart.numpy()])
    v = Tensor(normal(*fused.shape)).array
    for got, want in zip(backward(fused, [x, w, b], seed=v), backward(apart, [x, w, b], seed=v)):
        assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12, atol=1e-13)


def test_relu_keeps_nan():
    x = np.full((1, 3, 3, 1), np.nan, np.float32)
    assert np.isnan(conv2d(x, np.ones((3, 3, 1, 4), np.float32), activation="relu").numpy()).all()


# ---- every shape: random ones against the loops, below, at and above the tiles

def shapes():
    random = np.random.default_rng(11)
    for i in range(40):
        groups = int(random.choice([1, 1, 1, 2, 3]))
        c_in, c_out = groups * int(random.integers(1, 20)), groups * int(random.integers(1, 36))
        window = tuple(int(v) for v in random.integers(1, 6, 2))
        options = {"groups": groups, "padding": ["valid", "same", 2, ((0, 1), (3, 0))][i % 4]}
        if i % 3 == 0:
            options |= {"strides": tuple(int(v) for v in random.integers(1, 4, 2)), "dilation_rate": tuple(int(v) for v in random.integers(1, 3, 2))}
        yield (int(random.integers(1, 4)), *(int(v) for v in random.integers(10, 18, 2)), c_in), (*window, c_in // groups, c_out), options


@pytest.mark.parametrize(("x_shape", "w_shape", "options"), list(shapes()), ids=str)
def test_random_shapes(x_shape, w_shape, options, level, direct):
    x, w, b = normal(*x_shape, dtype=np.float32), normal(*w_shape, dtype=np.float32), normal(w_shape[-1], dtype=np.float32)
    want = reference.conv2d(*(a.astype(np.float64) for a in (x, w, b)), **options)
    assert_close(conv2d(x, w, b, **options).numpy(), want, 3e-6)
    assert_close(conv2d(*(a.astype(np.float64) for a in (x, w, b)), **options).numpy(), want, 1e-13)


REAL_LAYERS = [((64, 28, 28, 1), (5, 5, 1, 6)), ((32, 14, 14, 6), (5, 5, 6, 16)), ((1, 28, 28, 32), (3, 3, 32, 64)), ((2, 30, 30, 48), (1, 1, 48, 96)),
               ((1, 60, 60, 3), (7, 7, 3, 64)), ((300, 4, 4, 8), (3, 3, 8, 8)), ((4, 33, 31, 24), (3, 3, 1, 24)), ((2, 9, 9, 300), (3, 3, 300, 100)),
               ((3, 7, 7, 250), (1, 1, 250, 270))]


# (x, w, padding): few channels on one side or both, where lanes are pixels;
# the last in bands of rows, with a window wider than a vector, with little but padding, of too few pixels for that
FEW = [((3, 9, 30, 2), (5, 5, 2, 1), 2), ((2, 28, 28, 1), (5, 5, 1, 6), 2), ((2, 32, 32, 3), (5, 5, 3, 8), 0), ((1, 17, 20, 7), (3, 3, 7, 5), 1),
       ((2, 12, 40, 4), (3, 3, 4, 3), 1), ((1, 40, 33, 8), (4, 2, 8, 2), 0), ((2, 20, 21, 5), (3, 3, 5, 7), (2, 1)), ((1, 25, 70, 3), (3, 40, 3, 4), (1, 19)),
       ((1, 90, 200, 16), (3, 3, 16, 3), 1), ((1, 90, 200, 3), (3, 3, 3, 16), 1), ((1, 6, 16, 6), (9, 9, 6, 6), 4), ((2, 4, 4, 6), (3, 3, 6, 20), 1)]
# up to a vector of channels, where lines of pixels are summed in registers: every number of sums, and several lines; with as much padding as the window allows
LINES = [((2, 6, w, c_in), (kh, kw, c_in, c_out), (kh // 2, kw // 2)) for w in [*range(4, 18), 29, 43]
         for kh, kw, c_in, c_out in [(3, 3, 10, 13), (5, 5, 9, 16), (2, 5, 8, 8)]]
LINES += [((2, 9, 12, 12), (5, 5, 12, 9), 0)] + [((2, 6, w, 8), (5, 5, 8, 16), 0) for w in (7, 10, 14)]


# by the input with strides, where the pixels of each remainder are a result of few channels: a window smaller than the stride, a height no multiple of it,
# bands
STRIDED = [((1, 64, 64, 3), (7, 7, 3, 20), 3, (2, 2)), ((2, 33, 36, 2), (3, 3, 2, 5), 1, (2, 2)), ((2, 20, 64, 1), (5, 4, 1, 6), (2, 1), (3, 4)),
           ((1, 19, 34, 4), (2, 1, 4, 7), 0, (4, 2)), ((1, 30, 48, 2), (3, 5, 2, 3), (0, 2), (1, 3)), ((3, 8, 40, 8), (3, 3, 8, 4), 1, (2, 1))]


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("x_shape", "w_shape", "padding", "strides"), [(*few, (1, 1)) for few in FEW + LINES] + STRIDED, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_channels(x_shape, w_shape, padding, strides, dtype, relu, level, direct):
    """Forward and both gradients equal the sums of the formula, for every number of channels that lanes of pixels serve."""
    x, w, b = (Tensor(normal(*shape, dtype=dtype), needs_gradient=True) for shape in (x_shape, w_shape, w_shape[-1:]))
    pads = padding if isinstance(padding, tuple) else (padding, padding)
    y = conv2d(x, w, b, padding=tuple((p, p) for p in pads), strides=strides, activation="relu" if relu else None)
    seed = normal(*y.shape, dtype=dtype)
    got = [y.numpy(), *(np.asarray(g) for g in backward(y, [x, w, b], seed=Tensor(seed).array))]
    x64, w64, b64, v = (a.astype("float64") for a in (x.numpy(), w.numpy(), b.numpy(), seed))
    padded = np.pad(x64, ((0, 0), (pads[0],) * 2, (pads[1],) * 2, (0, 0)))
    down, across = strides
    views = np.lib.stride_tricks.sliding_window_view(padded, w_shape[:2], (1, 2))[:, ::down, ::across]             # (n, i, j, c, p, q)
    want = np.einsum("nijcpq,pqco->nijo", views, w64) + b64
    v = v * (y.numpy() > 0) if relu else v
    spread = np.zeros_like(padded)
    for p in range(w_shape[0]):
        for q in range(w_shape[1]):
            spread[:, p:p + down * y.shape[1]:down, q:q + across * y.shape[2]:across][:, :y.shape[1], :y.shape[2]] += v @ w64[p, q].T
    dx = spread[:, pads[0]:pads[0] + x_shape[1], pads[1]:pads[1] + x_shape[2]]
    for g, t in zip(got, [np.maximum(want, 0) if relu else want, dx, np.einsum("nijcpq,nijo->pqco", views, v), v.sum((0, 1, 2))]):
        assert_allclose(g, t, rtol=0, atol={"float32": 3e-6, "float64": 1e-13}[dtype] * max(1, np.abs(t).max()))


@pytest.mark.parametrize(("side", "c", "window", "strides", "winograd"), [(210, 48, 1, 1, False), (210, 40, 1, 2, False), (370, 16, 3, 1, False),
                                                                         (230, 32, 3, 1, 4), (231, 32, 3, 1, 2)])
def test_results_too_large_for_the_caches_are_those_of_each_image(side, c, window, strides, winograd, level):
    """More than 3 M numbers are stored past the caches; those of an image alone are not."""
    x, w = normal(2 * strides ** 2, side, side, c, dtype=np.float32), normal(window, window, c, c, dtype=np.float32)
    v = normal(2 * strides ** 2, -(-side // strides), -(-side // strides), c, dtype=np.float32)

    def results(first, last):
        t = Tensor(x[first:last], needs_gradient=True)
        y = conv2d(t, w, padding="same", strides=strides, activation="relu")
        return y.numpy(), np.asarray(backward(y, [t], seed=Tensor(v[first:last]).array)[0])
    config.set_winograd(winograd)
    try:
        together = results(0, len(x))
        assert together[1].size > 3 << 20 and x[0].size < 3 << 20
        for i in range(len(x)):
            assert_same_bits([r[i:i + 1] for r in together], results(i, i + 1))
    finally:
        config.set_winograd(True)


def same_bits_for_any_threads(x, w, b, **options):
    """Results and gradients on 1 to 4 threads."""
    before, want = pydl.get_num_threads(), None
    try:
        for threads in (1, 2, 3, 4):
            pydl.set_num_threads(threads)
            y = conv2d(x, w, b, activation="relu", **options)
            seed = Tensor(np.random.default_rng(5).standard_normal(y.shape).astype(np.float32)).array
            got = [np.array(y.numpy()), *(np.array(g) for g in backward(y, [x, w, b], seed=seed))]
            want = want or got
            assert_same_bits(got, want, f"{threads} threads")
    finally:
        pydl.set_num_threads(before)


@pytest.mark.parametrize("shape", REAL_LAYERS, ids=str)
def test_any_number_of_threads_gives_the_same_bits(shape, level):
    """The sizes of real layers: every way of cutting the work is taken."""
    x_shape, w_shape = shape
    groups = x_shape[3] // w_shape[2]
    x, w, b = (Tensor(normal(*s, dtype=np.float32), needs_gradient=True) for s in (x_shape, w_shape, w_shape[3:]))
    same_bits_for_any_threads(x, w, b, padding="same", groups=groups)


# ---- cases recorded elsewhere

def course_case(name):
    case = published(name)
    return list(drawn(case["inputs"]).values()), case["expected"]


def test_course_zero_pad():
    (x,), want = course_case("c4w1_zero_pad")
    y = layers.ZeroPadding2D(2, dtype="float64")(x).numpy()
    assert list(y.shape) == want["padded_shape"]
    assert_allclose(x[1, 1], want["x[1,1]"], atol=1e-6)
    assert_same_bits([y[:, 2:-2, 2:-2]], [x])


def test_course_single_step():
    (window, w, b), want = course_case("c4w1_single_step")
    assert_allclose(conv2d(window[None], w[..., None], b.reshape(1)).item(), want["Z"], atol=1e-6)


def test_course_conv_forward():
    (x, w, b), want = course_case("c4w1_conv_forward_a")
    z = conv2d(x, w, b.reshape(-1), strides=2, padding=2).numpy()
    assert z.shape == (10, 4, 4, 8)
    assert_allclose(z.mean(), want["mean"], atol=1e-6)
    assert_allclose(z[3, 2, 1], want["Z[3,2,1]"], atol=1e-6)


def test_course_conv_backward():
    (x, w, b), want = course_case("c4w1_conv_backward")
    x, w, b = (Tensor(a, needs_gradient=True) for a in (x, w, b.reshape(-1)))
    z = conv2d(x, w, b, strides=2, padding=2)
    means = [np.asarray(g).mean() for g in backward(z, [x, w, b], seed=Tensor(np.array(z.numpy())).array)]
    assert_allclose(means, [want["dA_mean"], want["dW_mean"], want["db_mean"]], atol=1e-6)


def keras_cases():
    path = SHARED / "data" / "keras_layer_cases" / "keras_layer_cases.json.gz"
    if not path.exists():
        return {}
    cases = json.loads(gzip.open(path).read())["cases"]
    return {name: case for name, case in cases.items() if name.split(".")[1] in ("Conv1D", "Conv2D", "SeparableConv2D", "Conv2DTranspose")}


def test_keras_cases_are_there():
    shared("keras_layer_cases", "keras_layer_cases.json.gz")
    assert len(keras_cases()) == 16


@pytest.mark.parametrize("name", keras_cases())
def test_keras_layer(name, level):
    case = keras_cases()[name]
    spec = case["layer"][0] if isinstance(case["layer"], list) else case["layer"]
    array = lambda a: np.array(a["data"], np.float32).reshape(a["shape"])                    # noqa: E731
    layer = getattr(layers, spec["class"])(*spec["args"], **spec["kwargs"])
    x = array(case["input"])[None]
    layer.ensure_built((None, *x.shape[1:]))
    layer.set_weights([array(w) for w in case["weights"]])
    assert_allclose(layer(x).numpy()[0], array(case["expected"]), atol=2e-5)


@pytest.mark.parametrize("name", ["basic_conv_with_padding", "conv_with_autopad_same", "conv_with_strides_no_padding"])
def test_onnx_conv(name):
    attributes = json.loads(shared("onnx_node_cases", "cases.json").read_text())["cases"][name]["attributes"]
    with np.load(shared("onnx_node_cases", "cases.npz")) as arrays:
        x, w, want = (arrays[f"{name}/{part}"] for part in ("in/x", "in/W", "out/y"))
    top, left, bottom, right = attributes.get("pads", [1, 1, 1, 1])                          # SAME_LOWER of 5 pixels, window 3, stride 2 is 1 and 1
    strides = tuple(attributes.get("strides", (1, 1)))
    got = conv2d(x, w.transpose(2, 3, 1, 0), strides=strides, padding=((top, bottom), (left, right)), data_format="channels_first")
    assert_allclose(got.numpy(), want, rtol=1e-6)


# ---- layers and arguments

def test_channels_first_is_turned_at_the_edge():
    x, w = normal(2, 3, 7, 8), normal(3, 3, 3, 4)
    got = conv2d(x, w, strides=2, padding="same", data_format="channels_first").numpy()
    assert_same_bits([got], [conv2d(x.transpose(0, 2, 3, 1), w, strides=2, padding="same").numpy().transpose(0, 3, 1, 2)])


def test_a_layer_that_nobody_differentiates_by_its_input_skips_that_pass():
    layer = layers.Conv2D(4, 3)
    x = Tensor(normal(1, 6, 6, 2, dtype=np.float32))
    y = layer(x)
    assert y.op.needs == (False, True, True)


def test_weights_are_named_and_shaped_as_in_keras():
    layer = layers.Conv2D(8, (3, 2), groups=2, name="stem")
    layer.ensure_built((None, 9, 9, 6))
    assert [(p.name, p.shape) for p in layer.weights] == [("kernel", (3, 2, 3, 8)), ("bias", (8,))]
    layer = layers.DepthwiseConv2D(3, depth_multiplier=2)
    layer.ensure_built((None, 9, 9, 6))
    assert [p.shape for p in layer.weights] == [(3, 3, 6, 2), (12,)]


def test_regularizers_and_constraints_reach_their_weights():
    layer = layers.Conv2D(2, 3, kernel_regularizer="l2", bias_constraint="non_neg")
    layer.ensure_built((None, 5, 5, 1))
    assert isinstance(layer.kernel.regularizer, pydl.regularizers.L2)
    assert layer.bias.constraint is not None
    assert layer.kernel.constraint is None


X, W = np.ones((2, 5, 5, 4), np.float32), np.ones((3, 3, 4, 2), np.float32)
WRONG = {
    "x of three axes": (lambda: conv2d(X[0], W), ShapeError, "images \\(N, H, W, C\\)"),
    "weight of three axes": (lambda: conv2d(X, W[0]), ShapeError, "weight must be"),
    "channels": (lambda: conv2d(X, W[:, :, :3]), ShapeError, "for 3 channels, x has 4"),
    "channels first": (lambda: conv2d(X.transpose(0, 3, 1, 2), W), ShapeError, "looks channels-first"),
    "groups of x": (lambda: conv2d(X, W, groups=3), ShapeError, "groups"),
    "groups of filters": (lambda: conv2d(X, np.ones((3, 3, 2, 3), np.float32), groups=2), ShapeError, "do not divide 3 filters"),
    "bias": (lambda: conv2d(X, W, np.ones(3, np.float32)), ShapeError, "bias must have shape \\(2,\\)"),
    "dtypes": (lambda: conv2d(X, W.astype(np.float64)), DTypeError, "x is float32, weight float64"),
    "window": (lambda: conv2d(X, np.ones((7, 3, 4, 2), np.float32)), ShapeError, "a window of 7 does not fit in an axis of 5"),
    "no filters": (lambda: conv2d(X, W[..., :0]), ShapeError, "does not fit"),
    "strides": (lambda: conv2d(X, W, strides=0), ValueError, "strides"),
    "strides of three": (lambda: conv2d(X, W, strides=(1, 1, 1)), ValueError, "strides"),
    "dilation": (lambda: conv2d(X, W, dilation_rate=1.5), TypeError, "dilation_rate"),
    "mode": (lambda: conv2d(X, W, padding="some"), ValueError, "did you mean 'same'"),
    "causal": (lambda: conv2d(X, W, padding="causal"), ValueError, "padding"),
    "negative padding": (lambda: conv2d(X, W, padding=-1), ValueError, "padding"),
    "one pair": (lambda: conv2d(X, W, padding=((1, 1),)), TypeError, "padding"),
    "huge padding": (lambda: conv2d(X, W, padding=1 << 61), (ValueError, MemoryError), "large"),
    "huge strides": (lambda: conv2d(X, W, strides=1 << 61), ValueError, "too large"),
    "activation": (lambda: conv2d(X, W, activation="relo"), ValueError, "did you mean 'relu'"),
    "format": (lambda: conv2d(X, W, data_format="channels"), ValueError, "data_format"),
    "words": (lambda: conv2d("image", W), TypeError, "conv2d"),
    "sequence": (lambda: conv1d(X, W), ShapeError, "sequences"),
    "depthwise": (lambda: depthwise_conv2d(X, W[:, :, :3]), ShapeError, "channels"),
    "depthwise weight": (lambda: depthwise_conv2d(X, W[0]), ShapeError, "weight must be"),
    "transposed channels": (lambda: conv2d_transpose(X, W), ShapeError, "for 2 channels, x has 4"),
    "transposed bias": (lambda: conv2d_transpose(X, np.ones((3, 3, 2, 4), np.float32), np.ones(4, np.float32)), ShapeError, "bias"),
    "transposed padding": (lambda: layers.Conv2DTranspose(2, 3, padding=1), TypeError, "padding"),
    "output padding": (lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=2), ValueError, "smaller than the strides"),
    "nothing left": (lambda: conv2d_transpose(X[:, :1, :1], np.ones((2, 2, 2, 4), np.float32), padding="same", output_padding=0), ShapeError, "leave no image"),
    "separable filters": (lambda: layers.SeparableConv2D(0, 3), ValueError, "filters"),
    "cols": (lambda: col2im(np.ones((3, 4)), (1, 3, 3, 1), 2), ShapeError, "cols"),
    "cols of a sequence": (lambda: im2col(X[0], 2), ShapeError, "images"),
    "filters": (lambda: layers.Conv2D(0, 3), ValueError, "Conv2D .*filters"),
    "filters by groups": (lambda: layers.Conv2D(4, 3, groups=3), ValueError, "groups must divide filters"),
    "channels by groups": (lambda: layers.Conv2D(4, 3, groups=2)(X[..., :3]), ShapeError, "groups must divide the channels"),
    "kernel size": (lambda: layers.Conv2D(4, (3, 0)), ValueError, "kernel_size"),
    "layer padding": (lambda: layers.Conv2D(4, 3, padding="sam"), ValueError, "did you mean 'same'"),
    "use_bias": (lambda: layers.Conv2D(4, 3, use_bias=1), TypeError, "use_bias"),
    "layer input": (lambda: layers.Conv2D(4, 3, name="stem")(X[0]), ShapeError, "Conv2D 'stem'"),
    "layer window": (lambda: layers.Conv2D(4, 9, name="stem")(X), ShapeError, "Conv2D 'stem'.*does not fit"),
    "no channels": (lambda: layers.Conv2D(4, 3)(X[..., :0]), ShapeError, "channels"),
    "multiplier": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier"),
    "unknown argument": (lambda: layers.Conv2D(4, 3, stride=2), TypeError, "stride"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments(name):
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_a_built_layer_tells_channels_first_images_from_wrong_ones():
    layer = layers.Conv2D(4, 3, name="stem")
    layer(np.ones((2, 24, 24, 3), np.float32))
    with pytest.raises(ShapeError, match=r"Conv2D 'stem': built for inputs \(N, H, W, 3\), got \(2, 3, 24, 24\); "
                                         r"this looks channels-first, transpose with x.transpose\(0, 2, 3, 1\)"):
        layer(np.ones((2, 3, 24, 24), np.float32))
    with pytest.raises(ShapeError) as wrong:
        layer(np.ones((2, 24, 24, 5), np.float32))
    assert "channels-first" not in str(wrong.value)


def test_the_boundary_trusts_nobody():
    """What would crash a kernel is refused below the layers too."""
    x, w = B.from_numpy(X), B.from_numpy(W)
    y = B.empty((2, 3, 3, 2), "float32")
    one = (1, 1)
    for arguments in [(x, B.from_numpy(W[..., :1]), None, one, one, (0, 0), 1), (x, w, B.from_numpy(np.ones(3, np.float32)), one, one, (0, 0), 1),
                      (x, w, None, (0, 1), one, (0, 0), 1), (x, w, None, one, (0, 1), (0, 0), 1), (x, w, None, one, one, (-1, 0), 1),
                      (x, w, None, one, one, (0, 1 << 60), 1), (x, w, None, one, (1 << 60, 1), (0, 0), 1), (x, w, None, one, one, (0, 0), 0),
                      (x, w, None, one, one, (0, 0), 3), (x, B.from_numpy(W.astype(np.float64)), None, one, one, (0, 0), 1)]:
        with pytest.raises((ValueError, TypeError)):
            B.conv2d_forward(*arguments, False, True, y)
    with pytest.raises((ValueError, TypeError)):
        B.conv2d_backward_input(y, B.empty((2, 3, 3, 1), "float32"), w, one, one, (0, 0), 1, True, x)
    with pytest.raises((ValueError, TypeError)):
        B.conv2d_backward_weight(x, y, None, one, one, (0, 0), 1, True, w, B.empty((3,), "float32"))
