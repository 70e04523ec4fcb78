"""Metrics: references, weights over several batches, "accuracy" by shapes, replay, metrics of one's own, refusals."""
import numpy as np
import pytest

import pydl
from pydl import losses, metrics, ops
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.errors import ShapeError
from pydl.tensor import made_by
from reference import loss as loss_reference
from reference import metric as reference

rng = np.random.default_rng(5)
SCORES = rng.integers(0, 4, (60, 6)).astype("float32")         # ties are common
LABELS = rng.integers(0, 6, 60)
ROWS = np.eye(6)[LABELS]
BITS = rng.integers(0, 2, (60, 6))

CASES = [
    (metrics.SparseCategoricalAccuracy(), LABELS, SCORES, reference.sparse_accuracy(LABELS, SCORES)),
    (metrics.SparseCategoricalAccuracy(), LABELS[:, None].astype("float32"), SCORES, reference.sparse_accuracy(LABELS, SCORES)),
    (metrics.CategoricalAccuracy(), ROWS, SCORES, reference.categorical_accuracy(ROWS, SCORES)),
    (metrics.BinaryAccuracy(threshold=1.5), BITS, SCORES, reference.binary_accuracy(BITS, SCORES, 1.5)),
    (metrics.Accuracy(), np.roll(SCORES, 1, 0), SCORES, reference.accuracy(np.roll(SCORES, 1, 0), SCORES)),
    (metrics.SparseTopKCategoricalAccuracy(k=3), LABELS, SCORES, reference.sparse_top_k(LABELS, SCORES, 3)),
    (metrics.TopKCategoricalAccuracy(k=2), ROWS, SCORES, reference.categorical_top_k(ROWS, SCORES, 2)),
    (metrics.MeanSquaredError(), BITS, SCORES, loss_reference.mean_squared_error(BITS, SCORES)),
    (metrics.MeanAbsoluteError(), BITS, SCORES, loss_reference.mean_absolute_error(BITS, SCORES)),
    (metrics.MeanSquaredLogarithmicError(), BITS, SCORES, loss_reference.mean_squared_logarithmic_error(BITS, SCORES)),
    (metrics.LogCoshError(), BITS, SCORES, loss_reference.log_cosh(BITS, SCORES)),
    (metrics.Poisson(), BITS, SCORES, loss_reference.poisson(BITS, SCORES)),
    (metrics.Hinge(), BITS, SCORES, loss_reference.hinge(BITS, SCORES)),
    (metrics.SquaredHinge(), BITS, SCORES, loss_reference.squared_hinge(BITS, SCORES)),
    (metrics.KLDivergence(), ROWS, SCORES / 4, loss_reference.kl_divergence(ROWS, SCORES / 4)),
    (metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), BITS, SCORES, loss_reference.binary_crossentropy(BITS, SCORES, True, 0.1)),
    (metrics.CategoricalCrossentropy(), ROWS, SCORES + 1, loss_reference.categorical_crossentropy(ROWS, SCORES + 1)),
    (metrics.SparseCategoricalCrossentropy(from_logits=True), LABELS, SCORES, loss_reference.sparse_categorical_crossentropy(LABELS, SCORES, True)),
]


@pytest.mark.parametrize("metric,y_true,y_pred,scores", CASES, ids=[type(c[0]).__name__ for c in CASES])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_over_batches(metric, y_true, y_pred, scores, dtype):
    weights, y_pred = rng.integers(0, 4, 60).astype("float32"), y_pred.astype(dtype)
    metric.reset_state()
    assert metric.result() == 0.0
    for part in (slice(0, 25), slice(25, 26), slice(26, 60)):
        metric.update_state(y_true[part], y_pred[part])
    assert metric.result() == pytest.approx(reference.weighted(scores), rel=1e-5)
    metric.reset_state()
    for part in (slice(0, 50), slice(50, 60)):
        metric.update_state(y_true[part], y_pred[part], sample_weight=weights[part])
    assert metric.result() == pytest.approx(reference.weighted(scores, weights), rel=1e-5)
    metric.reset_state()
    metric.update_state(y_true, y_pred, sample_weight=weights[:, None])
    assert metric.result() == pytest.approx(reference.weighted(scores, weights), rel=1e-5)
    metric.reset_state()
    metric.update_state(y_true[:0], y_pred[:0])
    assert metric.result() == 0.0
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


def test_sequences_weigh_rows_or_steps():
    labels, scores = rng.integers(0, 5, (7, 3)), rng.standard_normal((7, 3, 5))
    right = reference.sparse_accuracy(labels, scores)
    for weights in (rng.uniform(size=7), rng.uniform(size=(7, 3)), rng.uniform(size=(7, 1))):
        metric = metrics.SparseCategoricalAccuracy()
        metric.update_state(labels, scores, sample_weight=weights)
        assert metric.result() == pytest.approx(reference.weighted(right, weights.reshape(7) if weights.shape == (7, 1) else weights))


def test_mean_and_sum():
    mean, total = metrics.Mean(), metrics.Sum()
    for metric in (mean, total):
        metric.update_state([1.0, 3.0, 5.0, 7.0])
        metric.update_state(10.0, 2.0)
    assert mean.result() == pytest.approx(36 / 6) and total.result() == 36.0
    assert metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0]) == 2.0       # Keras's own example
    assert metrics.Mean()([[1.0, np.nan]], sample_weight=[[1, 0]]) == 1.0
    root = metrics.RootMeanSquaredError()
    root.update_state([[0.0], [0.0]], [[3.0], [4.0]])
    assert root.result() == pytest.approx(np.sqrt(12.5))


def test_a_mean_of_many_small_numbers_keeps_them():
    mean = metrics.Mean()
    for _ in range(100):
        mean.update_state(np.full(10_000, 0.1, "float32"))
    assert mean.result() == pytest.approx(np.float32(0.1), rel=1e-12)


@pytest.mark.parametrize("true,pred,form", [((4, 1), (4, 1), "binary"), ((4,), (4, 1), "binary"), ((4,), (4,), "binary"), ((4,), (4, 3), "sparse_categorical"),
                                            ((4, 1), (4, 3), "sparse_categorical"), ((4, 3), (4, 3), "categorical"), ((4, 5), (4, 5, 3), "sparse_categorical"),
                                            ((4, 5, 1), (4, 5, 1), "binary"), ((4, 5, 3), (4, 5, 3), "categorical")])
def test_accuracy_finds_its_form(true, pred, form):
    metric = metrics.get("accuracy")
    y_true = rng.integers(0, 2, true)
    metric.update_state(y_true, rng.uniform(size=pred))
    assert metric.form == form and metric.name == "accuracy" and metric.result() == metric.metric.result()
    again = metrics.deserialize(metrics.serialize(metric))         # saved with its form: it cannot be read differently later
    assert again.form == form


def test_top_k_counts_ties_and_never_nan():
    def hit(x, label, k):
        return metrics.SparseTopKCategoricalAccuracy(k=k)([label], [x])
    assert hit([1.0, 1, 1], 2, 1) == 1.0 and hit([1.0, 2, 1], 0, 1) == 0.0 and hit([1.0, 2, 1], 0, 2) == 1.0
    assert hit([np.nan, 2, 1], 0, 3) == 0.0
    assert metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)([3, 1], [[1, 3, 0], [0, 2, 1]]) == 0.5


def test_labels_that_are_no_class_are_never_right():
    assert metrics.SparseCategoricalAccuracy()([-1, 7, 0], [[1.0, 0], [1, 0], [1, 0]]) == pytest.approx(1 / 3)


def test_ignored_class():
    metric = metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    labels = np.where(np.arange(60) % 3 == 0, -1, LABELS)
    metric.update_state(labels, SCORES)
    want = loss_reference.sparse_categorical_crossentropy(labels[labels >= 0], SCORES[labels >= 0].astype(float), True).mean()
    assert metric.result() == pytest.approx(want, rel=1e-5)
    with pytest.raises(ValueError, match="label 9 at row 1"):
        metric.update_state([0, 9], SCORES[:2])


def test_replayed_steps_count_as_eager_ones():
    def run(replay):
        kept = [metrics.get("accuracy"), metrics.Mean(), metrics.SparseTopKCategoricalAccuracy(k=2), metrics.SparseCategoricalCrossentropy(from_logits=True)]
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)

        def step(x, y, w):
            x, y, w = (made_by(a, None, 0) for a in (x, y, w))
            value = loss(y, x, sample_weight=w)
            kept[1].update_state(value, 5.0)
            for metric in (kept[0], kept[2], kept[3]):
                metric.update_state(y, x, sample_weight=w)
            return [value.array]
        recorded = Step(step, [B.owned((5, 6)), B.owned((5,), "int64"), B.owned((5,))], "step", strict=True)
        if not replay:
            recorded.reason = "eager"
        for i in range(12):
            for slot, values in zip(recorded.inputs, (SCORES[5 * i:5 * i + 5], LABELS[5 * i:5 * i + 5], np.arange(5, dtype="float32"))):
                B.assign(slot, values)
            recorded.run()
        assert (recorded.program is not None) == replay
        return [m.result() for m in kept]
    assert run(True) == run(False)


def test_threads_change_no_bit():
    x, y, found, before = rng.standard_normal((9000, 12)).astype("float32"), rng.integers(0, 12, 9000), [], pydl.get_num_threads()
    w = rng.uniform(size=9000).astype("float32")
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            pair = metrics.SparseCategoricalAccuracy(), metrics.MeanSquaredError()
            pair[0].update_state(y, x, sample_weight=w)
            pair[1].update_state(x, x[::-1].copy(), sample_weight=w)
            found.append([m.result() for m in pair])
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


# ---- one's own, names, refusals

def test_a_function_is_a_metric():
    def close(y_true, y_pred, within=1.0):
        return ops.cast(ops.absolute(y_true - y_pred) < within, "float32")
    assert metrics.get(close)([1, 2, 3], [[1.5], [4.0], [3.0]]) == pytest.approx(2 / 3)
    metric = metrics.MeanMetricWrapper(close, name="near", within=3.0)
    assert metric.name == "near" and metric([1, 2, 3], [[1.5], [4.0], [3.0]]) == 1.0


def test_a_class_is_a_metric_and_is_recorded():
    class Largest(metrics.Metric):
        def __init__(self, name="largest"):
            super().__init__(name=name)
            self.value = self.add_weight(name="value", initializer=lambda shape, dtype: np.full(shape, -1.0, dtype))

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(ops.maximum(self.value, ops.max(y_pred)))

        def result(self):
            return self.value.item()
    metric = Largest()
    step = Step(lambda x: [metric.update_state(None, made_by(x, None, 0)) or x], [B.owned((3,))], "step", strict=True)
    for i in (3, 9, 4, 12, 7):
        B.assign(step.inputs[0], np.full(3, i, "float32"))
        step.run()
    assert step.program is not None and metric.result() == 12.0
    metric.reset_state()
    assert metric.result() == -1.0


@pytest.mark.parametrize("function,cls,labels", [
    (metrics.binary_accuracy, metrics.BinaryAccuracy, BITS), (metrics.categorical_accuracy, metrics.CategoricalAccuracy, ROWS),
    (metrics.sparse_categorical_accuracy, metrics.SparseCategoricalAccuracy, LABELS),
    (metrics.top_k_categorical_accuracy, metrics.TopKCategoricalAccuracy, ROWS),
    (metrics.sparse_top_k_categorical_accuracy, metrics.SparseTopKCategoricalAccuracy, np.where(LABELS == 2, 9, LABELS))])
def test_functions_score_what_classes_average(function, cls, labels):
    for options in [{"k": 2}, {"k": 5}] if "top_k" in function.__name__ else [{}]:
        values = function(labels, SCORES, **options)
        assert values.shape == (60,) and values.numpy().mean() == pytest.approx(cls(**options)(labels, SCORES))
    assert type(metrics.get(function)) is cls


def test_angles_and_margins():
    a, b = rng.standard_normal((30, 4)), rng.standard_normal((30, 4))
    assert metrics.CosineSimilarity()(a, b) == pytest.approx(-loss_reference.cosine_similarity(a, b).mean())
    one_hot = np.eye(4)[rng.integers(0, 4, 30)]
    assert metrics.CategoricalHinge()(one_hot, b) == pytest.approx(loss_reference.categorical_hinge(one_hot, b).mean())


@pytest.mark.parametrize("name,cls", [("mse", metrics.MeanSquaredError), ("MAE", metrics.MeanAbsoluteError), ("rmse", metrics.RootMeanSquaredError),
                                      ("f_beta_score", metrics.FBetaScore), ("log_cosh_error", metrics.LogCoshError),
                                      ("acc", metrics.AccuracyByShape), ("sparse_categorical_accuracy", metrics.SparseCategoricalAccuracy),
                                      ("Accuracy", metrics.Accuracy), ("CategoricalAccuracy", metrics.CategoricalAccuracy), ("mean", metrics.Mean)])
def test_names_are_the_keys_of_the_log(name, cls):
    metric = metrics.get(name)
    assert type(metric) is cls and metric.name == (name if name.islower() or name.isupper() else cls().name)


@pytest.mark.parametrize("call,error,message", [
    (lambda: metrics.get("acuracy"), ValueError, "did you mean 'accuracy'"),
    (lambda: metrics.get(1.5), TypeError, "metric: expected"),
    (lambda: metrics.BinaryAccuracy(threshold="a"), TypeError, "threshold"),
    (lambda: metrics.TopKCategoricalAccuracy(k=0), ValueError, "k must be a positive"),
    (lambda: metrics.Mean(name=3), TypeError, "name"),
    (lambda: metrics.Mean(dtype="float16"), ValueError, "dtype"),
    (lambda: metrics.SparseCategoricalAccuracy()([0, 1, 2], np.ones((2, 3))), ShapeError, r"\(2, 3\)"),
    (lambda: metrics.CategoricalAccuracy()([0, 1], np.ones((2, 3))), ShapeError, "use SparseCategorical"),
    (lambda: metrics.MeanSquaredError()(np.ones((4, 1)), np.ones((4, 3))), ShapeError, r"\(4, 1\).*\(4, 3\)"),
    (lambda: metrics.MeanSquaredError()(np.ones((4, 1)), np.ones((4, 1)), sample_weight=[1, 2]), ShapeError, "sample_weight"),
    (lambda: metrics.Mean()(1.0, float("nan")), ValueError, "sample_weight"),
    (lambda: metrics.MeanMetricWrapper(3), TypeError, "fn"),
    (lambda: metrics.get(lambda t, p: 1.0)([1.0], [1.0]), TypeError, "return a Tensor"),
    (lambda: metrics.Metric().update_state(1, 2), TypeError, "define update_state"),
    (lambda: metrics.get("accuracy")(1, 1.0), ShapeError, "at least one axis"),
])
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_boundary_refuses_what_would_crash():
    x, y, total = B.from_numpy(SCORES), B.from_numpy(LABELS), B.owned((2,), "float64")
    w = B.from_numpy(np.ones(60, "float32"))
    for call in (lambda: B.add_sparse_accuracy(x, B.from_numpy(LABELS[:9]), None, 1.0, total), lambda: B.add_sparse_accuracy(x, y, None, 1.0, B.owned((2,))),
                 lambda: B.add_sparse_accuracy(x, y, B.from_numpy(np.ones(3, "float32")), 1.0, total), lambda: B.add_sparse_accuracy(y, y, None, 1.0, total),
                 lambda: B.add_categorical_accuracy(x, w, None, 1.0, total), lambda: B.add_mean(x, B.from_numpy(np.ones(7, "float32")), 1.0, total),
                 lambda: B.add_mean(x, B.from_numpy(np.ones(60)), 1.0, total),
                 lambda: B.add_confusion(x, x, None, B.owned((3,), "float64"), B.owned((2, 4), "float64")),
                 lambda: B.add_mean(x, None, 1.0, None), lambda: B.add_sparse_accuracy(x, None, None, 1.0, total)):
        with pytest.raises((ValueError, TypeError)):
            call()
    assert np.asarray(total).tolist() == [0.0, 0.0]


def test_confusion_counts():
    pred, target, weight = rng.uniform(size=5000).astype("float32"), rng.integers(0, 2, 5000), rng.integers(0, 3, 5000)
    counts, thresholds = B.owned((3, 4), "float64"), np.array([0.2, 0.5, 0.9])
    for part in (slice(0, 4100), slice(4100, 5000)):
        arrays = [B.from_numpy(a[part].astype("float32")) for a in (pred, target, weight)]
        B.add_confusion(*arrays, B.from_numpy(thresholds), counts)
    for t, row in zip(thresholds, np.asarray(counts)):
        claimed, truth = pred > t, target == 1
        assert row.tolist() == [weight[mask].sum() for mask in (claimed & truth, claimed & ~truth, ~claimed & ~truth, ~claimed & truth)]


# ---- R2

@pytest.mark.parametrize("aggregation", ["uniform_average", "variance_weighted_average", None])
@pytest.mark.parametrize("features", [0, 2])
def test_r2_score_over_batches(aggregation, features):
    rng = np.random.default_rng(3)
    y, p, w = rng.standard_normal((21, 3)) + 1e3, rng.standard_normal((21, 3)) * 0.3 + 1e3, rng.uniform(0.5, 2, 21)
    metric = metrics.R2Score(aggregation, features)
    for part in (slice(0, 5), slice(5, 21)):
        metric.update_state(y[part], p[part], sample_weight=w[part])
    mean = (w[:, None] * y).sum(0) / w.sum()
    spread = (w[:, None] * (y - mean) ** 2).sum(0)
    scores = 1 - (w[:, None] * (y - p) ** 2).sum(0) / spread
    want = {"uniform_average": scores.mean(), "variance_weighted_average": (scores * spread).sum() / spread.sum(), None: scores}[aggregation]
    if features:
        want = 1 - (1 - want) * (y.size - 1) / (y.size - features - 1)
    np.testing.assert_allclose(metric.result(), want, atol=1e-9)
    metric.reset_state()
    metric.update_state(y, y)
    np.testing.assert_allclose(metric.result(), np.ones(3) if aggregation is None else 1.0)


def test_r2_of_targets_that_do_not_differ_and_what_is_refused():
    assert metrics.R2Score()([1.0, 1.0], [0.0, 2.0]) == 0.0 and metrics.R2Score().result() == 0.0
    assert metrics.R2Score()([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], sample_weight=2.0) == 0.0
    metric = metrics.R2Score()
    metric.update_state([[1.0, 2.0]], [[1.0, 2.0]])
    for call, words in ((lambda: metric.update_state([[1.0]], [[1.0]]), "outputs"), (lambda: metrics.R2Score("mean"), "class_aggregation"),
                        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
                        (lambda: metrics.R2Score(num_regressors=5)([1.0, 2.0], [1.0, 2.0]), "num_reg"),
                        (lambda: metrics.R2Score()(np.ones((2, 2, 2)), np.ones((2, 2, 2))), "y_pred")):
        with pytest.raises(ValueError, match=words):
            call()
