"""Published numbers of the Deep Learning Specialization's assignments (courses 1, 2 weeks 1-2, 4 week 1), and of Keras's own tests
of losses and optimizers, through the public API.

The course keeps examples in columns, (features, examples); pydl has them in rows.
"""

from pathlib import Path

import numpy as np
import pytest
from shared_data import cases_by_id, drawn, needs_shared

import pydl
from pydl import layers, losses, metrics, ops, optimizers, regularizers
from pydl.examples import lesson
from pydl.gradcheck import gradcheck
from pydl.layers.dropout import dropout

pytestmark = [pytest.mark.shared, needs_shared]
COURSE, FRAMEWORK = cases_by_id("course_values.json"), cases_by_id("framework_values.json")


def agrees(got, expected, tolerance=1e-6):
    """The course's rule: relative, with 1e-2 added to the denominator."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert got.shape == expected.shape
    assert np.all(np.abs(got - expected) <= tolerance * (np.abs(expected) + 1e-2)), f"got\n{got}\nexpected\n{expected}"


def agrees_with(case, **got):
    for name, value in got.items():
        agrees(value, case["expected"][name], case["printed_digits_tolerance"])


def dense(weight, bias, activation=None, **options):
    """A Dense layer with the course's W (units, features) and b (units, 1)."""
    weight, bias = np.asarray(weight, np.float64), np.asarray(bias, np.float64)
    layer = layers.Dense(len(weight), activation=activation, dtype="float64", **options)
    layer(np.zeros((1, weight.shape[1])))
    layer.set_weights([weight.T, bias.reshape(-1)])
    return layer


def stack(*made):
    model = pydl.Sequential([layers.Input((made[0].weights[0].shape[0],), dtype="float64"), *made])
    return model


def parameters(arrays, **options):
    return {name: pydl.Parameter(values, name=name) for name, values in arrays.items()}


# ---- course 1


def test_logistic_regression_cost_and_gradients():
    case = COURSE["c1w2_logistic_gradient"]
    x, y = np.array(case["inputs"]["X (features x examples)"]).T, np.array(case["inputs"]["Y"], float).T
    unit = dense(np.array(case["inputs"]["w"]).T, [[case["inputs"]["b"]]])
    loss = losses.BinaryCrossentropy(from_logits=True)
    cost, (dw, db) = pydl.value_and_grad(lambda: loss(y, unit(x)), wrt=unit.trainable_weights)()
    agrees_with(case, cost=cost.item(), dw=dw.numpy(), db=db.item())


def test_shallow_network_forward():
    case = COURSE["c1w3_shallow_forward"]
    given = case["inputs"]
    x = drawn(given["X"])["X"].T
    hidden, out = dense(given["W1"], given["b1"]), dense(given["W2"], given["b2"])
    z1 = hidden(x)
    a1 = ops.tanh(z1)
    z2 = out(a1)
    agrees_with(case, means=[float(ops.mean(t).item()) for t in (z1, a1, z2, ops.sigmoid(z2))])


def test_linear_forward():
    case = COURSE["c1w4_linear_forward"]
    given = drawn(case["inputs"])
    agrees_with(case, Z=dense(given["W"], given["b"])(given["A"].T).numpy().T)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_linear_activation_forward(activation):
    case = COURSE["c1w4_linear_activation_forward"]
    given = drawn(case["inputs"])
    agrees_with(case, **{activation: dense(given["W"], given["b"], activation)(given["A_prev"].T).numpy().T})


def test_two_layer_forward():
    case = COURSE["c1w4_two_layer_forward"]
    given = drawn(case["inputs"])
    model = stack(dense(given["W1"], given["b1"], "relu"), dense(given["W2"], given["b2"], "sigmoid"))
    agrees_with(case, AL=model.predict(given["X"].T).T)


def test_cross_entropy():
    case = COURSE["c1w4_cross_entropy"]
    loss = losses.BinaryCrossentropy()
    agrees_with(case, cost=loss(np.array(case["inputs"]["Y"], float).T, np.array(case["inputs"]["AL"]).T).item())


def test_gradient_step():
    case = COURSE["c1w4_update"]
    held, grads = parameters(drawn(case["inputs"]["parameters"])), drawn(case["inputs"]["gradients"])
    one_step(optimizers.SGD(0.1), [(grads[f"d{name}"], p) for name, p in held.items()])
    agrees_with(case, **{name: p.numpy() for name, p in held.items()})


def one_step(optimizer, pairs):
    """One step of an optimizer by given gradients, by way of the loss sum(gradient * parameter)."""
    held = [p for _, p in pairs]
    value, found = pydl.value_and_grad(lambda: sum((ops.sum(p * g) for g, p in pairs[1:]), ops.sum(pairs[0][1] * pairs[0][0])), wrt=held)()
    for (given, _), g in zip(pairs, found):
        np.testing.assert_array_equal(g.numpy(), given)
    optimizer.apply_gradients(zip(found, held))


# ---- course 2


def test_he_initialization():
    """The course draws with NumPy's generator, as the lessons do; HeNormal draws with ours: its variance is 2 / fan_in too."""
    case = COURSE["c2w1_he_init"]
    model = pydl.Sequential([layers.Input((2,), dtype="float64"), layers.Dense(4, dtype="float64"), layers.Dense(1, dtype="float64")])
    lesson.draw_weights(model, case["inputs"]["seed"], lambda inputs: np.sqrt(2 / inputs))
    w1, b1, w2, b2 = model.get_weights()
    agrees_with(case, W1=w1.T, W2=w2.T)
    assert not b1.any() and not b2.any()
    for fan_in in (2, 4):
        sample = np.asarray(pydl.initializers.HeNormal(seed=1)((fan_in, 200_000)))
        assert abs(sample.std() / np.sqrt(2 / fan_in) - 1) < 0.01
        assert abs(sample.mean()) < 0.01


def test_l2_cost():
    case = COURSE["c2w1_l2_cost"]
    weights = drawn(case["inputs"]["weights"])
    y, a3 = np.array(case["inputs"]["Y"], float).T, np.array(case["inputs"]["a3"]).T
    penalty = regularizers.L2(0.1 / (2 * 5))
    cost = losses.BinaryCrossentropy()(y, a3) + sum(float(pydl.Tensor(penalty(pydl.Tensor(weights[f"W{i}"]))).item()) for i in (1, 2, 3))
    agrees_with(case, cost=cost.item())


def test_inverted_dropout_forward():
    case = COURSE["c2w1_inverted_dropout_forward"]
    given = drawn(case["inputs"]["parameters"])
    masks = [np.array(case["inputs"][name], float).T for name in ("mask1", "mask2")]
    a = dropout(dense(given["W1"], given["b1"], "relu")(given["X"].T), 0.3, mask=masks[0])
    a = dropout(dense(given["W2"], given["b2"], "relu")(a), 0.3, mask=masks[1])
    agrees_with(case, A3=dense(given["W3"], given["b3"], "sigmoid")(a).numpy().T)
    kept = layers.Dropout(0.3, seed=1, dtype="float64")(np.ones((100, 100)), training=True).numpy()  # the layer scales alike
    assert set(np.unique(kept)) == {0.0, 1 / 0.7}


def test_gradient_check_in_one_dimension():
    case = COURSE["c2w1_gradient_check_1d"]
    given = case["inputs"]
    report = gradcheck(lambda theta: theta * float(given["x"]), [np.array([float(given["theta"])])], epsilon=given["epsilon"])
    assert report and report.error < 10 * case["expected"]["difference"]


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_optimizer_step(name):
    case = COURSE[f"c2w2_{name}"]
    given = drawn(case["inputs"])
    held = parameters({n: v for n, v in given.items() if not n.startswith("d")})
    optimizer = optimizers.SGD(0.01) if name == "sgd" else optimizers.SGD(0.01, momentum=0.9, averaged=True)
    one_step(optimizer, [(given[f"d{n}"], p) for n, p in held.items()])
    agrees_with(case, **{n: p.numpy() for n, p in held.items()})
    if name == "momentum":                                  # the averages of the gradients, as the optimizer keeps them
        velocities = dict(zip(held, optimizer.variables[2:]))
        agrees_with(case, vW1=velocities["W1"], vb2=velocities["b2"])


# ---- course 4


def course_conv():
    given = drawn(COURSE["c4w1_conv_forward_a"]["inputs"])
    pad = layers.ZeroPadding2D(2, dtype="float64")
    conv = layers.Conv2D(8, 2, strides=2, dtype="float64")
    conv(pad(given["A_prev"]))
    conv.set_weights([given["W"], given["b"].reshape(-1)])
    return given, pad, conv


def test_zero_padding():
    case = COURSE["c4w1_zero_pad"]
    x = drawn(case["inputs"])["x"]
    for padded in (layers.ZeroPadding2D(2, dtype="float64")(x), ops.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))):
        assert list(padded.shape) == case["expected"]["padded_shape"]
        agrees_with(case, **{"x[1,1]": x[1, 1]})
        np.testing.assert_array_equal(padded.numpy()[:, 2:5, 2:5], x)
        assert padded.numpy().sum() == pytest.approx(x.sum())


def test_convolution_single_step():
    case = COURSE["c4w1_single_step"]
    given = drawn(case["inputs"])
    conv = layers.Conv2D(1, 4, dtype="float64")
    conv(given["window"][None])
    conv.set_weights([given["W"][..., None], given["b"].reshape(-1)])
    agrees_with(case, Z=conv(given["window"][None]).item())


def test_convolution_forward():
    case = COURSE["c4w1_conv_forward_a"]
    given, pad, conv = course_conv()
    z = conv(pad(given["A_prev"])).numpy()
    assert z.shape == (10, 4, 4, 8)
    agrees_with(case, mean=z.mean(), **{"Z[3,2,1]": z[3, 2, 1]})


def test_convolution_backward():
    """dZ = Z: the gradient of sum(Z * Z) / 2."""
    case = COURSE["c4w1_conv_backward"]
    given, pad, conv = course_conv()

    def half_square(x):
        z = conv(pad(x))
        return ops.sum(z * z) * 0.5

    da = pydl.grad(half_square)(given["A_prev"])
    dw, db = pydl.grad(half_square, wrt=conv.trainable_weights)(given["A_prev"])
    agrees_with(case, dA_mean=da.numpy().mean(), dW_mean=dw.numpy().mean(), db_mean=db.numpy().mean())


@pytest.mark.parametrize(("layer", "name"), [(layers.MaxPooling2D, "max"), (layers.AveragePooling2D, "average")])
def test_pooling_forward(layer, name):
    case = COURSE["c4w1_pool_a"]
    agrees_with(case, **{name: layer(3, strides=2, dtype="float64")(drawn(case["inputs"])["A_prev"]).numpy()})


# ---- Keras's own numbers


def test_every_published_case_has_a_test():
    """Of courses 1 and 2, and of Keras's losses, optimizers and metrics: here, or in the test of the thing itself."""
    texts = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    ids = [name for name in COURSE if name.startswith(("c1", "c2"))] + [
        name for name in FRAMEWORK if name.startswith(("mse", "mae", "bce", "cce", "ctc", "opt_", "mean_iou")) and name != "ctc_greedy"]
    families = {"c2w2_sgd": "c2w2_{name}", "c2w2_momentum": "c2w2_{name}"}
    assert len(ids) == 25
    assert [name for name in ids if f'"{name}"' not in texts and f'"{families.get(name)}"' not in texts] == []


def test_mean_iou():
    case = FRAMEWORK["mean_iou"]
    metric = metrics.MeanIoU(num_classes=2)
    metric.update_state(np.array(case["inputs"]["y_true"]), np.array(case["inputs"]["y_pred"]))
    assert float(metric.result()) == pytest.approx(case["expected"]["mean_iou"], abs=1e-7)


def printed(got, expected, digits=4):
    np.testing.assert_allclose(got, expected, rtol=10.0**-digits, atol=0.6 * 10.0**-digits)


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_regression_losses(name):
    case = FRAMEWORK[name]
    y, p = np.array(case["inputs"]["y_true"], float), np.array(case["inputs"]["y_pred"], float)
    loss = {"mse": losses.MeanSquaredError, "mae": losses.MeanAbsoluteError}[name]
    expected = case["expected"]
    printed(loss()(y, p).item(), expected["mean"])
    weighted = next(v for k, v in expected.items() if k.startswith("sample_weight"))
    printed(loss()(y, p, sample_weight=np.array([1.2, 3.4])).item(), weighted)
    if name == "mse":
        printed(loss()(y, p, sample_weight=2.3).item(), expected["times 2.3 weight"])
        printed(loss(reduction="none")(y, p, sample_weight=2.3).numpy(), expected["per_sample_weighted_2.3"])
        printed(loss(reduction="sum")(y, p, sample_weight=2.3).item(), expected["sum of those"])


def test_binary_crossentropy():
    case = FRAMEWORK["bce_probs"]
    printed(losses.BinaryCrossentropy()(np.array(case["inputs"]["y_true"], float), np.array(case["inputs"]["y_pred"])).item(), case["expected"]["mean"], 6)
    case = FRAMEWORK["bce_logits"]
    printed(
        losses.BinaryCrossentropy(from_logits=True)(np.array(case["inputs"]["y_true"], float), np.array(case["inputs"]["logits"], float)).item(),
        case["expected"]["mean"],
    )


def test_categorical_crossentropy():
    case = FRAMEWORK["cce"]
    printed(losses.CategoricalCrossentropy()(np.eye(3), np.array(case["inputs"]["y_pred"])).item(), case["expected"]["mean"])
    case = FRAMEWORK["cce_logits"]
    logits = np.array(case["inputs"]["logits"], float)
    printed(losses.CategoricalCrossentropy(from_logits=True)(np.eye(3), logits).item(), case["expected"]["mean"], 3)  # 0.057376, printed cut off
    printed(losses.SparseCategoricalCrossentropy(from_logits=True)(np.arange(3), logits).item(), case["expected"]["mean"], 3)


@pytest.mark.parametrize("name", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_optimizer_step(name, dtype):
    case = FRAMEWORK[f"opt_step_{name}"]
    given = case["inputs"]
    p = pydl.Parameter(np.array(given["variable"], dtype), name="variable")
    make = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "rmsprop": optimizers.RMSprop}[name]
    one_step(make(given["learning_rate"]), [(np.array(given["gradient"], dtype), p)])
    printed(p.numpy(), case["expected"]["variable"])


def test_nesterov_trajectory():
    case = FRAMEWORK["opt_traj_sgd_nesterov"]
    p = pydl.Parameter(np.ones(10), name="x")
    optimizer = optimizers.SGD(0.01, nesterov=True)
    states = []
    for step in range(5):
        one_step(optimizer, [(np.full(10, 0.01) if step == 0 else np.arange(1, 11) * 0.1, p)])
        states.append(np.array(p.numpy()))
    printed([s[0] for s in states], case["expected"]["x0"], 6)
    printed([s[9] for s in states], case["expected"]["x9"], 6)
