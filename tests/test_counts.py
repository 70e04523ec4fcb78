"""Metrics made of counts, against counting by hand, Keras's published values, and what they refuse."""
import json

import numpy as np
import pytest
from course import keras

import pydl
from pydl import metrics
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.errors import ShapeError
from pydl.tensor import made_by

rng = np.random.default_rng(8)
N = 700
PRED, TRUE, WEIGHT = rng.integers(0, 21, N) / 20, rng.integers(0, 2, N), rng.integers(0, 4, N).astype(float)


def counted(threshold, pred=PRED, true=TRUE, weight=WEIGHT):
    claimed, truth = pred > threshold, true == 1
    return [weight[m].sum() for m in (claimed & truth, claimed & ~truth, ~claimed & ~truth, ~claimed & truth)]


def fed(metric, true=TRUE, pred=PRED, weight=WEIGHT):
    """The metric after three batches."""
    for part in (slice(0, 300), slice(300, 301), slice(301, N)):
        metric.update_state(true[part], pred[part], sample_weight=None if weight is None else weight[part])
    return metric


def over(a, b): return a / b if b else 0.0


@pytest.mark.parametrize("column,cls", list(enumerate([metrics.TruePositives, metrics.FalsePositives,
                                                        metrics.TrueNegatives, metrics.FalseNegatives])))
def test_counts(column, cls):
    assert fed(cls()).result() == counted(0.5)[column]
    assert fed(cls(thresholds=0.9)).result() == counted(0.9)[column]
    assert fed(cls(thresholds=[0.8, 0.2, 0.5])).result().tolist() == [counted(t)[column] for t in (0.8, 0.2, 0.5)]


def test_precision_and_recall():
    tp, fp, _, fn = counted(0.5)
    assert fed(metrics.Precision()).result() == over(tp, tp + fp) and fed(metrics.Recall()).result() == over(tp, tp + fn)
    assert fed(metrics.Precision(thresholds=[0.5, 1.0])).result().tolist() == [over(tp, tp + fp), 0.0]
    assert metrics.Precision().result() == 0.0
    metric = fed(metrics.Recall())
    metric.reset_state()
    assert fed(metric).result() == over(tp, tp + fn)


def test_rows_of_classes():
    true, pred = rng.integers(0, 2, (60, 5)), rng.permuted(np.tile(np.arange(5) / 5, (60, 1)), axis=1)
    top = pred >= 3 / 5
    for cls, rest in ((metrics.Precision, top & (true == 0)), (metrics.Recall, ~top & (true == 1))):
        tp = (top & (true == 1)).sum()
        assert cls(top_k=2)(true, pred) == pytest.approx(tp / (tp + rest.sum()))
    column = metrics.Precision(class_id=3)
    column.update_state(true, pred, sample_weight=np.arange(60.0))
    tp, fp, _, _ = counted(0.5, pred[:, 3], true[:, 3], np.arange(60.0))
    assert column.result() == pytest.approx(tp / (tp + fp))


@pytest.mark.parametrize("curve", ["ROC", "PR"])
@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
def test_areas(curve, method):
    metric = fed(metrics.AUC(num_thresholds=50, curve=curve, summation_method=method))
    levels = [-1e-7, *[(i + 1) / 49 for i in range(48)], 1 + 1e-7]
    rows = [counted(t) for t in levels]
    total = 0.0
    for (tp, fp, tn, fn), (tp1, fp1, tn1, fn1) in zip(rows, rows[1:]):
        if curve == "PR" and method == "interpolation":
            slope = over(tp - tp1, max(tp + fp - tp1 - fp1, 0))
            intercept = tp1 - slope * (tp1 + fp1)
            share = over(tp + fp, tp1 + fp1) if tp + fp > 0 and tp1 + fp1 > 0 else 1.0
            total += over(slope * (tp - tp1 + intercept * np.log(share)), tp1 + fn1)
            continue
        x, x1 = (over(fp, fp + tn), over(fp1, fp1 + tn1)) if curve == "ROC" else (over(tp, tp + fn), over(tp1, tp1 + fn1))
        y, y1 = (over(tp, tp + fn), over(tp1, tp1 + fn1)) if curve == "ROC" else (over(tp, tp + fp), over(tp1, tp1 + fp1))
        total += (x - x1) * {"interpolation": (y + y1) / 2, "minoring": min(y, y1), "majoring": max(y, y1)}[method]
    assert metric.result() == pytest.approx(total, rel=1e-9)


def test_roc_area_is_the_chance_that_a_positive_wins():
    metric = fed(metrics.AUC(num_thresholds=5001), weight=None)
    positives, negatives = PRED[TRUE == 1], PRED[TRUE == 0]
    wins = (positives[:, None] > negatives).mean() + 0.5 * (positives[:, None] == negatives).mean()
    assert metric.result() == pytest.approx(wins, abs=1e-9)
    logits = np.log((PRED * 0.98 + 0.01) / (0.99 - PRED * 0.98))
    assert fed(metrics.AUC(num_thresholds=5001, from_logits=True), pred=logits, weight=None).result() == pytest.approx(wins, abs=1e-6)
    assert metrics.AUC(thresholds=[0.3, 0.5])([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]) == pytest.approx(0.625)    # 0.3 does not exceed 0.3


@pytest.mark.parametrize("cls,constrained,wanted", [
    (metrics.SensitivityAtSpecificity, lambda tp, fp, tn, fn: over(tn, tn + fp), lambda tp, fp, tn, fn: over(tp, tp + fn)),
    (metrics.SpecificityAtSensitivity, lambda tp, fp, tn, fn: over(tp, tp + fn), lambda tp, fp, tn, fn: over(tn, tn + fp)),
    (metrics.PrecisionAtRecall, lambda tp, fp, tn, fn: over(tp, tp + fn), lambda tp, fp, tn, fn: over(tp, tp + fp)),
    (metrics.RecallAtPrecision, lambda tp, fp, tn, fn: over(tp, tp + fp), lambda tp, fp, tn, fn: over(tp, tp + fn))])
def test_best_where_another_is_good_enough(cls, constrained, wanted):
    rows = [counted(i / 49) for i in range(50)]
    for value in (0.3, 0.52, 1.0):
        allowed = [wanted(*r) for r in rows if constrained(*r) >= value]
        assert fed(cls(value, num_thresholds=50)).result() == pytest.approx(max(allowed, default=0.0), rel=1e-12)


@pytest.mark.parametrize("threshold", [None, 0.4])
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_f_scores(threshold, beta):
    true, pred, weight = rng.integers(0, 2, (N, 4)), rng.uniform(size=(N, 4)), WEIGHT
    claims = pred == pred.max(1, keepdims=True) if threshold is None else pred > threshold
    scores = []
    for c in range(4):
        tp, fp, fn = (weight[m].sum() for m in (claims[:, c] & (true[:, c] == 1), claims[:, c] & (true[:, c] == 0), ~claims[:, c] & (true[:, c] == 1)))
        scores.append((1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp))
    np.testing.assert_allclose(fed(metrics.FBetaScore(beta=beta, threshold=threshold), true, pred).result(), scores)
    assert fed(metrics.FBetaScore("macro", beta, threshold), true, pred).result() == pytest.approx(np.mean(scores))
    share = (true * weight[:, None]).sum(0) / (true * weight[:, None]).sum()
    assert fed(metrics.FBetaScore("weighted", beta, threshold), true, pred).result() == pytest.approx((share * scores).sum())
    tp, fp, fn = ((weight[:, None] * m).sum() for m in (claims & (true == 1), claims & (true == 0), ~claims & (true == 1)))
    micro = (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)
    assert fed(metrics.FBetaScore("micro", beta, threshold), true, pred).result() == pytest.approx(micro)


@pytest.mark.shared
def test_published_mean_iou():
    c = keras("mean_iou")
    assert metrics.MeanIoU(num_classes=2)(c["inputs"]["y_true"], c["inputs"]["y_pred"]) == pytest.approx(c["expected"]["mean_iou"], abs=1e-6)


def test_overlap_of_classes():
    true, pred = rng.integers(0, 3, (9, 5, 5)), rng.integers(0, 3, (9, 5, 5))
    shares = [((true == c) & (pred == c)).sum() / ((true == c) | (pred == c)).sum() for c in range(3)]
    assert metrics.MeanIoU(4)(true, pred) == pytest.approx(np.mean(shares), abs=1e-6)       # class 3 never occurs
    assert metrics.IoU(3, [0, 2])(true, pred) == pytest.approx((shares[0] + shares[2]) / 2, abs=1e-6)
    assert metrics.MeanIoU(3, sparse_y_pred=False)(true, np.eye(3)[pred]) == pytest.approx(np.mean(shares), abs=1e-6)
    assert metrics.OneHotMeanIoU(3)(np.eye(3)[true], np.eye(3)[pred]) == pytest.approx(np.mean(shares), abs=1e-6)
    assert metrics.OneHotIoU(3, [1])(np.eye(3)[true], np.eye(3)[pred]) == pytest.approx(shares[1], abs=1e-6)
    left = np.where(rng.uniform(size=true.shape) < 0.3, 255, true)
    keep = left != 255
    shares = [((true == c) & (pred == c) & keep).sum() / (((true == c) | (pred == c)) & keep).sum() for c in range(3)]
    assert metrics.MeanIoU(3, ignore_class=255)(left, pred) == pytest.approx(np.mean(shares), abs=1e-6)
    scores = rng.uniform(size=40)
    truth = rng.integers(0, 2, 40)
    claim = scores >= 0.3
    assert metrics.BinaryIoU([1], threshold=0.3)(truth, scores) == pytest.approx((claim & (truth == 1)).sum() / (claim | (truth == 1)).sum(), abs=1e-6)


def test_replayed_counts():
    def run(replay):
        kept = [metrics.AUC(), metrics.Precision(), metrics.F1Score("macro"), metrics.MeanIoU(2), metrics.Recall(top_k=1)]

        def step(x, y):
            x, y = made_by(x, None, 0), made_by(y, None, 0)
            for metric in (kept[0], kept[1], kept[2], kept[4]):
                metric.update_state(y, x)
            kept[3].update_state(y, y)
            return [x.array]
        recorded = Step(step, [B.owned((10, 2)), B.owned((10, 2), "int64")], "step", strict=True)
        if not replay:
            recorded.reason = "eager"
        for i in range(12):
            B.assign(recorded.inputs[0], PRED[20 * i:20 * i + 20].reshape(10, 2).astype("float32"))
            B.assign(recorded.inputs[1], TRUE[20 * i:20 * i + 20].reshape(10, 2))
            recorded.run()
        assert (recorded.program is not None) == replay
        return [m.result() for m in kept]
    assert run(True) == run(False)


@pytest.mark.parametrize("metric", [metrics.AUC(num_thresholds=20, curve="PR"), metrics.Precision(thresholds=[0.2, 0.7]), metrics.Recall(class_id=1),
                                    metrics.IoU(3, [1]), metrics.F1Score("macro", threshold=0.3),
                                    metrics.SensitivityAtSpecificity(0.7), metrics.BinaryIoU(threshold=0.2),
                                    metrics.TruePositives(name="tp"), metrics.OneHotMeanIoU(4)])
def test_config_and_back(metric):
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


@pytest.mark.parametrize("call,error,message", [
    (lambda: metrics.Precision(thresholds=1.5), ValueError, "thresholds"),
    (lambda: metrics.Precision(thresholds=[]), ValueError, "must not be empty"),
    (lambda: metrics.Precision(thresholds="a"), TypeError, "thresholds"),
    (lambda: metrics.Precision(top_k=0), ValueError, "top_k"),
    (lambda: metrics.Precision(top_k=4)(np.ones((2, 3)), np.ones((2, 3))), ShapeError, "top_k is 4"),
    (lambda: metrics.Recall(class_id=3)(np.ones((2, 3)), np.ones((2, 3))), ShapeError, "class_id is 3"),
    (lambda: metrics.Recall()(np.ones((2, 3)), np.ones((2, 4))), ShapeError, r"\(2, 3\).*\(2, 4\)"),
    (lambda: metrics.AUC(curve="roc"), ValueError, "did you mean 'ROC'"),
    (lambda: metrics.AUC(num_thresholds=1), ValueError, "num_thresholds"),
    (lambda: metrics.AUC(thresholds=[2]), ValueError, "thresholds"),
    (lambda: metrics.SensitivityAtSpecificity(1.2), ValueError, "specificity"),
    (lambda: metrics.FBetaScore(beta=0), ValueError, "beta"),
    (lambda: metrics.FBetaScore(average="mean"), ValueError, "average"),
    (lambda: metrics.F1Score()(np.ones(3), np.ones(3)), ShapeError, r"\(N, classes\)"),
    (lambda: metrics.IoU(2, [2]), ValueError, "target_class_ids"),
    (lambda: metrics.IoU(0, [0]), ValueError, "num_classes"),
    (lambda: metrics.MeanIoU(2)([0, 1, 2], [0, 1, 1]), ValueError, "MeanIoU: y_true: label 2 at row 2"),
    (lambda: metrics.MeanIoU(2)([0, 1], [0, -1]), ValueError, "MeanIoU: y_pred: label -1 at row 1"),
    (lambda: metrics.MeanIoU(2)([0, 1, 1], [0, 1]), ShapeError, "one label each"),
])
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- areas of several labels, confusion, misclassification

def test_areas_of_several_labels():
    rng = np.random.default_rng(5)
    y, p, w = rng.integers(0, 2, (60, 3)), rng.random((60, 3)), rng.uniform(0.5, 2, 60)
    areas = []
    for k in range(3):
        one = metrics.AUC(50)
        one.update_state(y[:, k], p[:, k], sample_weight=w)
        areas.append(one.result())
    for options, want in (({}, np.mean(areas)), ({"label_weights": [1, 0, 2], "num_labels": 3}, (areas[0] + 2 * areas[2]) / 3)):
        several = metrics.AUC(50, multi_label=True, **options)
        assert several.result() == 0.0
        several.update_state(y[:20], p[:20], sample_weight=w[:20])
        several.update_state(y[20:], p[20:], sample_weight=w[20:])
        assert several.result() == pytest.approx(want, rel=1e-12)
        again = metrics.deserialize(metrics.serialize(several))
        assert (again.multi_label, again.label_weights) == (True, several.label_weights)
        several.reset_state()
        assert all(not np.any(v) for v in several.variables)


def test_confusion_matrix_in_every_form():
    rng = np.random.default_rng(6)
    labels, scores, w = rng.integers(0, 4, 50), rng.random((50, 4)), rng.uniform(0.5, 2, 50)
    want, weighted = np.zeros((4, 4)), np.zeros((4, 4))
    for i, row in enumerate(scores):
        want[labels[i], row.argmax()] += 1
        weighted[labels[i], row.argmax()] += w[i]
    for truth in (labels, labels[:, None], np.eye(4)[labels]):
        metric = metrics.ConfusionMatrix(4)
        metric.update_state(truth[:30], scores[:30])
        metric.update_state(truth[30:], scores[30:])
        np.testing.assert_array_equal(metric.result(), want)
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, scores), want)
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, scores.argmax(1), 5)[:4, :4], want)
    np.testing.assert_allclose(metrics.confusion_matrix(labels, scores, sample_weight=w), weighted, rtol=1e-12)
    for normalize, total in (("true", want.sum(1, keepdims=True)), ("pred", want.sum(0, keepdims=True)), ("all", want.sum())):
        np.testing.assert_allclose(metrics.confusion_matrix(labels, scores, normalize=normalize), want / total)
    assert metrics.ConfusionMatrix(2)([[1], [0], [1]], [[0.9], [0.6], [0.2]]).tolist() == [[0, 1], [1, 1]]
    assert metrics.confusion_matrix([], []).tolist() == [[0.0]]


def test_misclassification_with_weights():
    rng = np.random.default_rng(7)
    labels, scores, w = rng.integers(0, 3, 40), rng.random((40, 3)), rng.uniform(0.5, 2, 40)
    wrong, factor = scores.argmax(1) != labels, np.array([1.0, 10.0, 0.5])[labels]
    by_class = {"class_weight": {1: 10, 2: 0.5}}
    for options, given, weights in (({}, None, np.ones(40)), ({}, w, w), (by_class, None, factor), (by_class, w, w * factor)):
        metric = metrics.MisclassificationError(**options)
        for part in (slice(0, 15), slice(15, 40)):
            metric.update_state(labels[part], scores[part], sample_weight=None if given is None else given[part])
        assert metric.result() == pytest.approx((weights * wrong).sum() / weights.sum(), rel=1e-6)
        again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
        assert again.class_weight == metric.class_weight


def test_they_run_inside_the_recorded_step():
    pydl.utils.set_random_seed(0)
    model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(3)])
    model.compile("sgd", pydl.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=[metrics.ConfusionMatrix(3), metrics.MisclassificationError({2: 4.0})])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 4)), rng.integers(0, 3, 30)
    logs = model.fit(x, y, epochs=2, batch_size=10, verbose=0).history
    assert model.recorded_steps() and np.sum(logs["confusion_matrix"][1]) == 30
    said = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_array_equal(said["confusion_matrix"], metrics.confusion_matrix(y, model.predict(x)))


@pytest.mark.parametrize("call, error, words", [
    (lambda: metrics.AUC(multi_label=True)([0, 1], [0.1, 0.9]), ValueError, "multi_label"),
    (lambda: metrics.AUC(num_labels=3), ValueError, "multi_label"),
    (lambda: metrics.AUC(multi_label=True, num_labels=2)(np.ones((2, 3)), np.ones((2, 3))), ValueError, "multi_label"),
    (lambda: metrics.AUC(multi_label=True, num_labels=2, label_weights=[1.0]), ValueError, "label_weights"),
    (lambda: metrics.AUC(multi_label=True, label_weights=[-1.0]), ValueError, "label_weights"),
    (lambda: metrics.AUC(multi_label=1), TypeError, "multi_label"),
    (lambda: metrics.ConfusionMatrix(0), ValueError, "num_classes"),
    (lambda: metrics.ConfusionMatrix(2, "rows"), ValueError, "normalize"),
    (lambda: metrics.ConfusionMatrix(2)([0, 5], [[0.1, 0.9], [0.2, 0.8]]), ValueError, "5"),
    (lambda: metrics.confusion_matrix([0, -1], [0, 1]), ValueError, "-1"),
    (lambda: metrics.confusion_matrix([0, 1], [0, 1, 1]), ValueError, "shape"),
    (lambda: metrics.confusion_matrix([0], [0], normalize="x"), ValueError, "normalize"),
    (lambda: metrics.MisclassificationError([1.0]), TypeError, "class_weight"),
    (lambda: metrics.MisclassificationError({"a": 1.0}), ValueError, "class_weight"),
    (lambda: metrics.MisclassificationError({1: -1.0}), ValueError, "class_weight"),
    (lambda: metrics.MisclassificationError(threshold=float("nan")), ValueError, "thr"),
])
def test_bad_calls_of_these(call, error, words):
    with pytest.raises(error, match=words):
        call()
