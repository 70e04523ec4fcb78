"""Weight penalties and constraints: values, gradients, training, names and configs; arguments."""
import json

import numpy as np
import pytest
from course import drawn, published

import pydl
from pydl import constraints, layers, regularizers
from pydl.backends import cpu as B

rng = np.random.default_rng(3)


@pytest.mark.parametrize("n", [0, 1, 7, 4095, 4096, 4097, 100_003])
@pytest.mark.parametrize("l1, l2", [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2), (0.0, 0.0)])
def test_value_and_gradient(n, l1, l2):
    w = np.round(rng.standard_normal(n), 1)                     # some zeros
    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-13)):
        value, dw = pydl.value_and_grad(regularizers.L1L2(l1, l2))(w.astype(dtype))
        exact = w.astype(dtype).astype(np.float64)
        assert value.shape == () and value.dtype == dtype
        assert np.isclose(value.item(), l1 * np.abs(exact).sum() + l2 * (exact**2).sum(), rtol=tolerance)
        assert np.allclose(dw.numpy(), l1 * np.sign(exact) + 2 * l2 * exact, rtol=10 * tolerance, atol=tolerance)


def test_threads_do_not_enter():
    w, found = rng.standard_normal(300_001).astype(np.float32), set()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            value, dw = pydl.value_and_grad(regularizers.L1L2(0.1, 0.2))(w)
            found.add(value.numpy().tobytes() + dw.numpy().tobytes())
    finally:
        pydl.set_num_threads(2)
    assert len(found) == 1


def test_the_cost_of_the_course():
    case = published("c2w1_l2_cost")
    weights = drawn(case["inputs"]["weights"])
    a, y = np.array(case["inputs"]["a3"]), np.array(case["inputs"]["Y"], float)
    m = y.shape[1]
    cross_entropy = pydl.losses.BinaryCrossentropy()(y.T, a.T).item()
    penalty = sum(regularizers.L2(0.1 / (2 * m))(weights[name]).item() for name in ("W1", "W2", "W3"))
    assert abs(cross_entropy + penalty - case["expected"]["cost"]) < 1e-6


def test_only_trained_weights_with_a_regularizer_are_penalised():
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, kernel_regularizer="l2"),
                             layers.Dense(2, kernel_regularizer=regularizers.L1(0.5)), layers.Dense(1)])
    found = [p.item() for p in regularizers.penalties(model.weights)]
    k, j = model.layers[0].get_weights()[0].astype(float), model.layers[1].get_weights()[0].astype(float)
    assert np.allclose(found, [0.01 * (k**2).sum(), 0.5 * np.abs(j).sum()], rtol=1e-6)
    model.layers[0].trainable = False
    assert len(regularizers.penalties(model.weights)) == 1


def test_weight_decay_in_training():
    """On a loss that is constant, w <- w - lr * 2 * l2 * w."""
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, use_bias=False, kernel_regularizer=regularizers.L2(0.1))])
    model.compile(optimizer=pydl.optimizers.SGD(0.5), loss="mse")
    w = model.get_weights()[0]
    for _ in range(4):
        loss = model.train_on_batch(np.zeros((2, 3)), np.zeros((2, 4)))
        assert np.isclose(np.ravel(loss)[0], 0.1 * (w**2).sum(), rtol=1e-5)
        w = w - 0.5 * 2 * 0.1 * w
        assert np.allclose(model.get_weights()[0], w, rtol=1e-5)


def norms(w, axis):
    return np.sqrt((w.astype(np.float64)**2).sum(axis if isinstance(axis, int) else tuple(axis), keepdims=True))


@pytest.mark.parametrize("shape, axis", [((5, 7), 0), ((5, 7), 1), ((5, 7), -1), ((3, 3, 4, 70), [0, 1, 2]), ((3, 3, 4, 8), [0, 1]),
                                         ((9,), 0), ((2, 130, 3), 1)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constraints_are_their_formulas(shape, axis, dtype):
    w = (rng.standard_normal(shape) * 2).astype(dtype)
    n = norms(w, axis)
    for made, wanted in [(constraints.MaxNorm(1.5, axis), np.minimum(n, 1.5)), (constraints.UnitNorm(axis), 1),
                         (constraints.MinMaxNorm(0.5, 1.5, 1.0, axis), np.clip(n, 0.5, 1.5)),
                         (constraints.MinMaxNorm(0.5, 1.5, 0.3, axis), 0.3 * np.clip(n, 0.5, 1.5) + 0.7 * n)]:
        got = made(w).numpy()
        assert np.allclose(got, w * (wanted / (n + 1e-7)), rtol=1e-5 if dtype == "float32" else 1e-12), made
    assert np.array_equal(constraints.NonNeg()(w).numpy(), np.maximum(w, 0))


def test_constraining_twice_is_constraining_once():
    w = rng.standard_normal((20, 30))
    for made in (constraints.MaxNorm(1.0), constraints.UnitNorm(), constraints.NonNeg(), constraints.MinMaxNorm(0.5, 1)):
        once = made(w).numpy()
        assert np.allclose(made(once).numpy(), once, atol=1e-6)
    assert np.array_equal(constraints.MaxNorm(1)(np.zeros((3, 2))).numpy(), np.zeros((3, 2)))


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_training_ends_within_the_constraint(run_eagerly):
    seen = []

    def mine(w):
        seen.append(w.shape)
        return pydl.ops.clip(w, -0.1, 0.1)
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, kernel_constraint="non_neg", bias_constraint=mine),
                             layers.Dense(2, kernel_constraint=constraints.MaxNorm(0.3))])
    model.compile(optimizer=pydl.optimizers.SGD(0.5), loss="mse", run_eagerly=run_eagerly)
    model.fit(rng.standard_normal((32, 3)), rng.standard_normal((32, 2)) * 5, epochs=5, batch_size=8, verbose=0)
    kernel, bias, second, _ = model.get_weights()
    assert kernel.min() >= 0 and np.abs(bias).max() <= 0.1 and seen
    assert norms(second, 0).max() <= 0.3 + 1e-6


@pytest.mark.parametrize("module, made", [
    (regularizers, regularizers.L1(0.2)), (regularizers, regularizers.L2(0.3)), (regularizers, regularizers.L1L2(0.1, 0.2)),
    (constraints, constraints.MaxNorm(3, 1)),
    (constraints, constraints.UnitNorm([0, 1])), (constraints, constraints.NonNeg()), (constraints, constraints.MinMaxNorm(0.1, 0.9, 0.5, -1))], ids=repr)
def test_names_and_configs(module, made):
    config = json.loads(json.dumps(module.serialize(made)))
    assert module.deserialize(config).get_config() == made.get_config() == module.get(config).get_config()
    assert type(module.get(type(made).__name__)) is type(made) and type(module.get(type(made))) is type(made)
    assert module.get(made) is made and module.get(None) is None


def test_names_of_keras():
    assert regularizers.get("l1").l1 == 0.01 and regularizers.get("l2").l2 == 0.01 and regularizers.l1_l2 is regularizers.L1L2
    assert type(regularizers.get("l1l2")) is regularizers.L1L2
    assert [type(constraints.get(n)).__name__ for n in ("max_norm", "unit_norm", "non_neg", "min_max_norm")] == ["MaxNorm", "UnitNorm", "NonNeg", "MinMaxNorm"]


BAD = [
    (lambda: regularizers.L1(-1), "l1"), (lambda: regularizers.L2(float("nan")), "l2"), (lambda: regularizers.L1L2("a"), "l1"),
    (lambda: regularizers.get("l3"), "known: l1, l2"),
    (lambda: regularizers.get(3), "regularizers.get"), (lambda: constraints.MaxNorm(-1), "max_value"), (lambda: constraints.MinMaxNorm(2, 1), "max_value"),
    (lambda: constraints.MinMaxNorm(rate=1.5), "rate"), (lambda: constraints.UnitNorm("x"), "axis"),
    (lambda: constraints.UnitNorm([0, 2])(np.ones((2, 2, 2))), "axis"),
    (lambda: constraints.UnitNorm(3)(np.ones((2, 2))), "axis"), (lambda: constraints.get("maxnorm"), "did you mean 'max_norm'"),
    (lambda: constraints.get(1.0), "constraints.get"),
    (lambda: layers.Dense(3, kernel_regularizer="l5"), "l5"), (lambda: layers.Dense(3, kernel_constraint=4), "kernel_constraint"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)


def test_the_boundary_refuses_what_does_not_fit():
    w = B.zeros((3, 4))
    with pytest.raises(ValueError, match="value"):
        B.penalty_forward(w, 1, 1, B.zeros((1,)))
    with pytest.raises(ValueError, match="sizes differ"):
        B.penalty_backward(B.zeros(()), w, 1, 1, B.zeros((3, 3)))
    for first, last in ((0, 0), (-1, 1), (1, 3), (2, 1)):
        with pytest.raises(ValueError, match="constrain_norm"):
            B.constrain_norm(w, first, last, 0, 1, 1)
    with pytest.raises(TypeError, match="w must be"):
        B.constrain_non_negative(B.zeros((3,), "int64"))


@pytest.mark.parametrize("made", [lambda **k: layers.Dense(2, **k), lambda **k: layers.BatchNormalization(**k), lambda **k: layers.Dropout(0.5, **k),
                                  lambda **k: layers.ReLU(**k)], ids=["Dense", "BatchNormalization", "Dropout", "ReLU"])
def test_every_layer_takes_and_saves_an_activity_regularizer(made):
    layer = made(activity_regularizer="l2")
    assert layer.activity_regularizer.l2 == 0.01
    again = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert again.activity_regularizer.get_config() == {"l2": 0.01}
    model = pydl.Sequential([layers.Input((3,)), again])
    model.compile("sgd", "mse")
    x = np.ones((2, 3))
    y = again(x)
    assert np.isclose(np.ravel(model.test_on_batch(x, y.numpy()))[0], 0.01 * (y.numpy()**2).sum() / 2, rtol=1e-5)     # by the rows of the batch
    with pytest.raises(ValueError, match="activity_regularizer.*l9"):
        made(activity_regularizer="l9")


def test_the_penalty_of_activities_is_a_mean_over_rows_and_counts_every_output():
    """So says Keras: the same strength for any size of batch."""
    x = np.random.default_rng(2).standard_normal((12, 4, 3))
    dense = pydl.Sequential([layers.Input((4, 3), dtype="float64"), layers.Dense(5, activity_regularizer=pydl.regularizers.L1(0.3), dtype="float64")])
    dense.compile("sgd", "mse")
    y = dense.predict(x)
    for rows in (12, 4, 5):
        assert dense.evaluate(x, y, batch_size=rows, verbose=0) == pytest.approx(0.3 * abs(y).sum() / 12, rel=1e-12)
    lstm = layers.LSTM(2, return_state=True, return_sequences=True, activity_regularizer="l2", dtype="float64")
    outputs = lstm(x)
    assert [p.item() for p in lstm.losses] == pytest.approx([0.01 * (o.numpy() ** 2).sum() / 12 for o in outputs])
    assert layers.Dense(2, activity_regularizer="l2")(np.ones((0, 3))).shape == (0, 2)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal(mode):
    w = np.random.default_rng(1).standard_normal((4, 6))
    rows = w if mode == "rows" else w.T
    cosines = [abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(rows) for b in rows[:i]]
    regularizer = pydl.regularizers.OrthogonalRegularizer(0.3, mode)
    assert regularizer(pydl.Tensor(w)).item() == pytest.approx(0.3 * np.mean(cosines), rel=1e-12)
    assert pydl.gradcheck(regularizer, [w])
    assert regularizer(pydl.Tensor(np.eye(4))).item() == 0.0 == regularizer(pydl.Tensor(np.ones((1, 1)))).item()
    again = pydl.regularizers.deserialize(pydl.regularizers.serialize(regularizer))
    assert (again.factor, again.mode) == (0.3, mode)
    for call, words in ((lambda: regularizer(np.ones(3)), "two axes"), (lambda: pydl.regularizers.OrthogonalRegularizer(-1), "factor"),
                        (lambda: pydl.regularizers.OrthogonalRegularizer(mode="row"), "did you mean 'rows'")):
        with pytest.raises(ValueError, match=words):
            call()
