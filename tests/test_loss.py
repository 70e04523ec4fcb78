"""Loss classes: published values, weights and reductions, gradients, and what they refuse.  Formulas are checked by cases.py."""
import numpy as np
import pytest
from course import agrees, drawn, keras, published

import pydl
from pydl import losses, ops
from pydl.errors import ShapeError
from pydl.tensor import Tensor
from reference import loss as reference

rng = np.random.default_rng(3)


# ---- published values

@pytest.mark.shared
@pytest.mark.parametrize("case,cls", [("mse", losses.MeanSquaredError), ("mae", losses.MeanAbsoluteError)])
def test_keras_errors(case, cls):
    c = keras(case)
    y_true, y_pred, want = c["inputs"]["y_true"], c["inputs"]["y_pred"], c["expected"]
    assert cls()(y_true, y_pred).item() == pytest.approx(want["mean"])
    weighted = next(v for k, v in want.items() if k.startswith("sample_weight"))
    assert cls()(y_true, y_pred, sample_weight=[1.2, 3.4]).item() == pytest.approx(weighted, rel=1e-6)
    assert cls()(y_true, y_pred, sample_weight=[[1.2], [3.4]]).item() == pytest.approx(weighted, rel=1e-6)
    if case == "mse":
        assert cls()(y_true, y_pred, sample_weight=2.3).item() == pytest.approx(want["times 2.3 weight"], rel=1e-6)
        none = cls(reduction="none")(y_true, y_pred, sample_weight=2.3).numpy()
        np.testing.assert_allclose(none, want["per_sample_weighted_2.3"], atol=1e-3)
        assert cls(reduction="sum")(y_true, y_pred, sample_weight=2.3).item() == pytest.approx(want["sum of those"], rel=1e-6)


@pytest.mark.shared
def test_keras_cross_entropies():
    c = keras("bce_probs")
    assert losses.BinaryCrossentropy()(c["inputs"]["y_true"], c["inputs"]["y_pred"]).item() == pytest.approx(c["expected"]["mean"], rel=1e-5)
    c = keras("bce_logits")
    assert losses.BinaryCrossentropy(from_logits=True)(c["inputs"]["y_true"], c["inputs"]["logits"]).item() == pytest.approx(c["expected"]["mean"], rel=1e-4)
    c = keras("cce")
    assert losses.CategoricalCrossentropy()(np.eye(3), c["inputs"]["y_pred"]).item() == pytest.approx(c["expected"]["mean"], abs=1e-4)
    assert losses.SparseCategoricalCrossentropy()([0, 1, 2], c["inputs"]["y_pred"]).item() == pytest.approx(c["expected"]["mean"], abs=1e-4)
    c = keras("cce_logits")
    for loss, y in ((losses.CategoricalCrossentropy(from_logits=True), np.eye(3)), (losses.SparseCategoricalCrossentropy(from_logits=True), [0, 1, 2])):
        assert loss(y, c["inputs"]["logits"]).item() == pytest.approx(c["expected"]["mean"], abs=1e-4)


@pytest.mark.shared
def test_course_cross_entropy_cost():
    c = published("c1w4_cross_entropy")
    cost = losses.BinaryCrossentropy()(np.transpose(c["inputs"]["Y"]), np.transpose(c["inputs"]["AL"]))
    agrees(cost.item(), c["expected"]["cost"], c["printed_digits_tolerance"])


@pytest.mark.shared
def test_course_cost_with_l2_penalty():
    c = published("c2w1_l2_cost")
    weights = drawn(c["inputs"]["weights"])
    loss = losses.BinaryCrossentropy(dtype="float64")(np.transpose(c["inputs"]["Y"]), np.transpose(np.array(c["inputs"]["a3"], "float64")))
    penalty = sum(ops.sum(ops.square(Tensor(weights[n]))).item() for n in ("W1", "W2", "W3")) * 0.1 / (2 * 5)
    agrees(loss.item() + penalty, c["expected"]["cost"], c["printed_digits_tolerance"])


@pytest.mark.shared
def test_course_logistic_regression_gradient():
    c = published("c1w2_logistic_gradient")
    x = np.array(c["inputs"]["X (features x examples)"]).T
    w, b, y = Tensor(np.array(c["inputs"]["w"], "float64")), Tensor(np.array([float(c["inputs"]["b"])])), np.transpose(c["inputs"]["Y"])

    def cost(w, b):
        logits = ops.sum(ops.reshape(Tensor(x), (3, 2, 1)) * w, axis=1) + b
        return losses.BinaryCrossentropy(from_logits=True)(y, logits)
    value, (dw, db) = pydl.value_and_grad(cost, (0, 1))(w, b)
    tolerance = c["printed_digits_tolerance"]
    agrees(value.item(), c["expected"]["cost"], tolerance)
    agrees(dw.numpy(), c["expected"]["dw"], tolerance)
    agrees(db.item(), c["expected"]["db"], tolerance)


# ---- the mean

@pytest.mark.parametrize("n", [1, 5, 4096, 4097, 50_001])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reductions(n, dtype):
    y_true, y_pred, w = (rng.standard_normal((n, 2)).astype(dtype) for _ in range(3))
    w = abs(w[:, 0])
    values = reference.mean_squared_error(y_true.astype(float), y_pred.astype(float))
    w64 = w.astype(float)
    close = {"rel": 1e-5 if dtype == "float32" else 1e-12}
    for reduction, want in (("sum_over_batch_size", (values * w64).sum() / n), ("mean", (values * w64).sum() / n), ("sum", (values * w64).sum()),
                            ("mean_with_sample_weight", (values * w64).sum() / w64.sum())):
        assert losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, sample_weight=w).item() == pytest.approx(want, **close)
    assert losses.MeanSquaredError()(y_true, y_pred).item() == pytest.approx(values.mean(), **close)


def test_a_sum_in_float32_is_not_lost():
    """A million values of 0.1 in single precision would add up to 100958."""
    zeros, tenths = np.zeros((10**6, 1), "float32"), np.full((10**6, 1), 0.1, "float32")
    assert losses.MeanAbsoluteError(reduction="sum")(zeros, tenths).item() == pytest.approx(1e5, rel=1e-6)


def test_flat_arrays_are_samples_of_one_number():
    flat, column = ([1.0, 2.0, 4.0], [1.0, 1.0, 1.0]), ([[1.0], [2.0], [4.0]], [[1.0], [1.0], [1.0]])
    for reduction in ("sum", "sum_over_batch_size"):
        loss = losses.MeanSquaredError(reduction=reduction)
        assert loss(*flat).item() == loss(*column).item() == loss(flat[0], column[1]).item() == loss(column[0], flat[1]).item()
    assert losses.MeanSquaredError()(*flat, sample_weight=[0, 3, 0]).item() == 1.0
    assert losses.mean_squared_error(*flat).shape == ()                 # the function averages the last axis, whatever it is


def test_weights_of_rows_and_of_steps():
    y_true, y_pred = np.zeros((2, 3, 4)), rng.standard_normal((2, 3, 4))
    values = (y_pred**2).mean(-1)
    rows, steps = np.array([1.0, 3.0]), rng.uniform(size=(2, 3))
    loss = losses.MeanSquaredError()
    assert loss(y_true, y_pred, sample_weight=rows).item() == pytest.approx((values * rows[:, None]).mean())
    assert loss(y_true, y_pred, sample_weight=rows[:, None]).item() == pytest.approx((values * rows[:, None]).mean())
    assert loss(y_true, y_pred, sample_weight=steps).item() == pytest.approx((values * steps).mean())
    assert loss(y_true, y_pred, mask=steps > 0.5).item() == pytest.approx(values[steps > 0.5].mean())


def test_nothing_that_weighs_zero_is_looked_at():
    y_pred = np.array([[1.0], [np.nan]])
    assert losses.MeanSquaredError()([[0.0], [0.0]], y_pred, sample_weight=[1, 0]).item() == 0.5
    assert losses.MeanSquaredError(reduction="mean_with_sample_weight")([[0.0], [0.0]], y_pred, sample_weight=[0, 0]).item() == 0.0


def test_ignored_class_counts_neither_above_nor_below():
    logits, labels = rng.standard_normal((6, 4)), np.array([0, 255, 3, 255, 1, 2])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    kept = labels != 255
    want = reference.sparse_categorical_crossentropy(labels[kept], logits[kept], from_logits=True)
    assert loss(labels, logits).item() == pytest.approx(want.mean())
    w = np.arange(6.0)
    assert loss(labels, logits, sample_weight=w).item() == pytest.approx((want * w[kept]).sum() / kept.sum())
    x = Tensor(logits, needs_gradient=True)
    grad = pydl.grad(lambda x: loss(labels, x))(x).numpy()
    assert not grad[~kept].any() and grad[kept].any(axis=1).all()
    assert loss(np.full(6, 255), logits).item() == 0.0


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize("weights", [None, (5,), (5, 3)])
def test_gradient_of_a_weighted_loss(reduction, weights):
    y, w = rng.integers(0, 4, (5, 3)), None if weights is None else rng.uniform(0.5, 2, weights)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    assert pydl.gradcheck(lambda x: loss(y, x, sample_weight=w), [rng.standard_normal((5, 3, 4))], raises=True)


def test_extreme_logits_stay_finite():
    big = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], "float32")
    assert losses.SparseCategoricalCrossentropy(from_logits=True)([0, 0], big).item() == 1000.0
    assert losses.CategoricalCrossentropy(from_logits=True)([[1, 0], [1, 0]], big).item() == 1000.0
    assert losses.BinaryCrossentropy(from_logits=True)([[1, 0], [1, 0]], big).item() == 500.0
    for loss, y in ((losses.SparseCategoricalCrossentropy(), [1]), (losses.BinaryCrossentropy(), [[0, 1]])):
        assert np.isfinite(loss(y, [[1.0, 0.0]]).item())
    gradient = pydl.grad(lambda x: losses.SparseCategoricalCrossentropy(from_logits=True)([0, 0], x))(Tensor(big)).numpy()
    np.testing.assert_array_equal(gradient, [[0, 0], [-0.5, 0.5]])


def test_both_sides_of_an_error_get_gradients():
    """Two branches compared with each other: neither is a constant."""
    for f in (losses.mean_squared_error, losses.mean_absolute_error, losses.huber, losses.log_cosh):
        assert pydl.gradcheck(lambda a, b, f=f: f(a, b), [rng.standard_normal((4, 3)), rng.standard_normal((4, 3))], raises=True)
    with pytest.raises(TypeError, match="binary_crossentropy: y_true is a constant"):
        pydl.grad(lambda t: ops.sum(losses.binary_crossentropy(t, [[0.5]])))(Tensor([[1.0]]))


def test_threads_change_no_bit():
    x, y = rng.standard_normal((3000, 40)).astype("float32"), rng.integers(0, 40, 3000)
    found, before = [], pydl.get_num_threads()
    try:
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            value, slope = pydl.value_and_grad(lambda x: losses.SparseCategoricalCrossentropy(from_logits=True)(y, x))(Tensor(x))
            found.append((value.numpy().tobytes(), slope.numpy().tobytes()))
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


# ---- names, configs, losses of one's own

@pytest.mark.parametrize("name,cls", [("mse", losses.MeanSquaredError), ("MAE", losses.MeanAbsoluteError), ("bce", losses.BinaryCrossentropy),
                                      ("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy), ("Huber", losses.Huber),
                                      ("huber", losses.Huber), ("kld", losses.KLDivergence)])
def test_names(name, cls):
    assert type(losses.get(name)) is cls


@pytest.mark.parametrize("loss", [
    losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3, reduction="sum", name="mine"),
    losses.CategoricalCrossentropy(label_smoothing=0.1), losses.BinaryCrossentropy(from_logits=True), losses.Huber(delta=2.0), losses.MeanSquaredError()])
def test_config_and_back(loss):
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()


def test_a_function_is_a_loss():
    def cubic(y_true, y_pred):
        return ops.mean(ops.absolute(y_true - y_pred) ** 3, axis=-1)
    loss = losses.get(cubic)
    assert loss.name == "cubic" and loss([1, 2], [[2.0], [4.0]]).item() == 4.5      # integers come as floats, (n,) as (n, 1)
    assert loss([[1.0], [2.0]], [[2.0], [4.0]], sample_weight=[1, 0]).item() == 0.5
    with pytest.raises(TypeError, match="expected it to return a Tensor"):
        losses.get(lambda y_true, y_pred: 0.0)([1.0], [1.0])


def test_a_class_is_a_loss():
    class Scaled(losses.Loss):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)
    assert Scaled(3.0)([[0]], [[2.0]]).item() == 12.0
    assert Scaled.from_config(Scaled(3.0, name="s").get_config()).get_config() == Scaled(3.0, name="s").get_config()


# ---- what is refused

LABELS = [([0, 3], r"label 3 at row 1 is outside 0 <= label < 3, the number of classes; labels count from 0"),
          ([-1, 0], r"label -1 at row 0 .*ignore_class=-1"), ([0.5, 0], r"label 0.5 at row 0 .*whole numbers"), ([np.nan, 0], "label nan at row 0"),
          ([0, 10**12], "label 1000000000000 at row 1")]


@pytest.mark.parametrize("labels,message", LABELS)
@pytest.mark.parametrize("from_logits", [True, False])
def test_labels_that_are_no_class(labels, message, from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(ValueError, match=message):
        loss(np.array(labels), np.ones((2, 3)))
    with pytest.raises(ValueError, match=message):
        loss.check_targets("fit", np.array(labels), (2, 3))
    with pytest.raises(ValueError, match="label 7 at position"):
        losses.sparse_categorical_crossentropy([[0, 1], [7, 0]], np.ones((2, 2, 3)), from_logits=from_logits)


@pytest.mark.parametrize("true,pred", [((4, 1), (4, 3)), ((3,), (4, 3)), ((4, 3), (4, 2)), ((4,), (3,)), ((1, 3), (4, 3)), ((), (4,)), ((2, 4), (4,))])
@pytest.mark.parametrize("name", ["mse", "mae", "bce", "huber", "poisson", "hinge"])
def test_nothing_is_broadcast(name, true, pred):
    with pytest.raises(ShapeError) as error:
        losses.get(name)(np.ones(true), np.ones(pred))
    assert str(true) in str(error.value) and str(pred) in str(error.value)
    with pytest.raises(ShapeError):
        losses.get(name).check_targets("fit", np.ones(true), pred)


@pytest.mark.parametrize("call,error,message", [
    (lambda: losses.get("mean_square_error"), ValueError, "did you mean 'mean_squared_error'"),
    (lambda: losses.get(3), TypeError, "loss: expected a Loss"),
    (lambda: losses.MeanSquaredError(reduction="average"), ValueError, "reduction must be one of"),
    (lambda: losses.Huber(delta=0), ValueError, "Huber: delta"),
    (lambda: losses.Huber(delta=float("nan")), ValueError, "Huber: delta"),
    (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), ValueError, "label_smoothing"),
    (lambda: losses.BinaryCrossentropy(from_logits="yes"), TypeError, "from_logits"),
    (lambda: losses.CategoricalCrossentropy(axis=1), ValueError, "axis must be -1"),
    (lambda: losses.SparseCategoricalCrossentropy(ignore_class=1.5), TypeError, "ignore_class"),
    (lambda: losses.CategoricalCrossentropy()([0, 1], np.ones((2, 3))), ShapeError, "use SparseCategoricalCrossentropy"),
    (lambda: losses.SparseCategoricalCrossentropy()(np.eye(3), np.ones((3, 3))), ShapeError, "use CategoricalCrossentropy"),
    (lambda: losses.SparseCategoricalCrossentropy()([0, 1, 2], np.ones((2, 3))), ShapeError, r"\(2,\), got \(3,\)"),
    (lambda: losses.MeanSquaredError()(np.ones((2, 3)), np.ones((2, 3)), sample_weight=[1, 2, 3]), ShapeError, r"sample_weight has shape \(3,\)"),
    (lambda: losses.MeanSquaredError()(np.ones((2, 3)), np.ones((2, 3)), mask=[1, 1, 1]), ShapeError, "mask"),
    (lambda: losses.MeanSquaredError()(np.array(["a"]), np.ones(1)), TypeError, "numbers"),
    (lambda: losses.MeanSquaredError(dtype="float16"), ValueError, "dtype"),
    (lambda: losses.Loss()(np.ones(1), np.ones(1)), TypeError, "define call"),
    (lambda: losses.BinaryCrossentropy().check_targets("fit", np.array([[0], [2]]), (2, 1)), ValueError, "fit: y_true has 2 at row 1, expected 0, 1"),
    (lambda: losses.CategoricalCrossentropy().check_targets("fit", np.array([[0.5, -0.5]]), (1, 2)), ValueError, "-0.5 at row 0"),
])
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_empty_batches():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss(np.zeros(0, int), np.zeros((0, 3))).item() == 0.0
    assert losses.MeanSquaredError()(np.zeros((0, 3)), np.zeros((0, 3))).item() == 0.0
    with pytest.raises(ValueError, match="label 0"):
        loss([0], np.zeros((1, 0)))


@pytest.mark.parametrize("cls,function", [(losses.CategoricalHinge, losses.categorical_hinge), (losses.CosineSimilarity, losses.cosine_similarity),
                                          (losses.BinaryFocalCrossentropy, losses.binary_focal_crossentropy), (losses.Tversky, losses.tversky),
                                          (losses.CategoricalFocalCrossentropy, losses.categorical_focal_crossentropy), (losses.Dice, losses.dice),
                                          (losses.MeanSquaredError, losses.mean_squared_error), (losses.KLDivergence, losses.kl_divergence)])
def test_class_and_function_agree(cls, function):
    y_true, y_pred = rng.integers(0, 2, (5, 4)), rng.uniform(0.1, 0.9, (5, 4))
    assert cls()(y_true, y_pred).item() == pytest.approx(float(np.mean(function(y_true, y_pred).numpy())), rel=1e-12)
    assert type(losses.get(function)) is cls and type(losses.get(function.__name__)) is cls
    again = losses.deserialize(losses.serialize(cls()))
    assert again.get_config() == cls().get_config()
    with pytest.raises(ShapeError, match=r"\(5, 3\).*\(5, 4\)"):
        cls()(y_true[:, :3], y_pred)


def test_cosine_of_nothing_is_zero():
    assert losses.cosine_similarity([[0.0, 0.0]], [[1.0, 2.0]]).item() == 0.0
    gradient = pydl.grad(lambda x: ops.sum(losses.cosine_similarity([[1.0, 2.0]], x)))(Tensor([[0.0, 0.0]])).numpy()
    assert np.isfinite(gradient).all()
