"""Everything that trains against Keras's own results, as keras_values.py wrote them down: 1e-9 relative in float64, 1e-5 in float32.

Where the two differ on purpose, a test says so and who is right.
"""
import json

import keras_values
import numpy as np
import pytest

import pydl
from pydl import config, losses, metrics, optimizers

STORED = json.loads(keras_values.FILE.read_text())
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
# Keras divides by 1e-7 more than there is (F), or in float32 whatever the dtype (overlaps)
ROUGH = {"metric: FBetaScore": 3e-7, "metric: F1Score": 3e-7, "metric: IoU": 3e-7, "metric: BinaryIoU": 3e-7, "metric: MeanIoU": 3e-7,
         "metric: OneHotIoU": 3e-7, "metric: OneHotMeanIoU": 3e-7}
CASES = [(kind, name) for _, kind, name, dtype in keras_values.keys() if dtype == "float64"]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    before = config.floatx()
    config.set_floatx(request.param)
    yield request.param
    config.set_floatx(before)


@pytest.mark.parametrize("kind, name", CASES)
def test_equals_keras(kind, name, dtype):
    key = f"{kind}: {name}"
    want = np.array(STORED.get(f"{key}, {dtype}", STORED[key]), float)
    got = keras_values.KINDS[kind][0](pydl, name, dtype).reshape(-1)
    assert got.shape == want.shape
    if kind == "initializer" and keras_values.is_drawn(name):
        same_spread(name, got.reshape(-1, 4), want.reshape(-1, 4))
    else:
        close(got, want, max(TOLERANCE[dtype], ROUGH.get(f"{kind}: {name.split()[0]}", 0)))


def close(got, want, tolerance):
    """Relative to each number, or to the size of them all where it is small beside them."""
    odd = ~np.isfinite(want)
    np.testing.assert_array_equal(got[odd], want[odd])
    size = np.abs(want[~odd])
    error = np.abs(got[~odd] - want[~odd]) / np.maximum(size, size.mean() + 1e-30)
    worst = int(error.argmax())
    assert error[worst] <= tolerance, f"{np.count_nonzero(error > tolerance)} of {want.size} differ, number {worst} by {error[worst]:.2e}: " \
        f"got {got[~odd][worst]!r}, Keras has {want[~odd][worst]!r}"


def same_spread(name, got, want):
    """Mean and deviation within the chance of so many draws; the same bounds where there are any."""
    for (mean, deviation, least, most), (k_mean, k_deviation, k_least, k_most), shape in zip(got, want, keras_values.drawn_shapes(name)):
        n = np.prod(shape)
        assert abs(mean - k_mean) < 6 * k_deviation * np.sqrt(2 / n)
        assert deviation == pytest.approx(k_deviation, rel=6 / np.sqrt(n))
        bounded = any(word in name for word in ("Uniform", "uniform", "Truncated", " truncated", "Glorot", "He", "Lecun"))
        assert most - least == pytest.approx(k_most - k_least, rel=5e-3 if bounded else 0.4)


@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal_is(gain):
    for shape in keras_values.drawn_shapes("Orthogonal"):
        q = pydl.initializers.Orthogonal(gain, seed=3)(shape, dtype="float64").numpy().reshape(-1, shape[-1])
        product = q.T @ q if len(q) >= shape[-1] else q @ q.T
        np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


def test_the_stored_cases_are_those_listed():
    assert [key for key in STORED if key != "by"] == [key for key, *_ in keras_values.keys()]


@pytest.mark.parametrize("group, kind, base, only_ours", [
    ("optimizers", "optimizer", optimizers.Optimizer, set()),
    ("schedules", "schedule", pydl.schedules.LearningRateSchedule, {"InverseRootDecay", "TransformerSchedule", "Kernel"}),
    ("losses", "loss", losses.Loss, {"CTC", "FunctionLoss"}),                                # CTC: test_ctc.py has Keras's own numbers
    ("metrics", "metric", metrics.Metric, {"MeanMetricWrapper", "Perplexity", "AccuracyByShape", "ConfusionMatrix", "MisclassificationError"}),
    ("initializers", "initializer", pydl.initializers.Initializer, set()),
    ("regularizers", "regularizer", pydl.regularizers.Regularizer, set()),
    ("constraints", "constraint", pydl.constraints.Constraint, set()),
])
def test_everything_public_has_a_line(group, kind, base, only_ours):
    """What Keras does not have stands in `only_ours`."""
    lines = {name.split()[0] for name in keras_values.KINDS[kind][1]}
    public = {thing.__name__ for name, thing in vars(getattr(pydl, group)).items()
              if isinstance(thing, type) and issubclass(thing, base) and thing is not base and not name.startswith("_") and thing.__name__[0] != "_"}
    assert sorted(public - lines - only_ours) == []


def test_every_activation_has_a_line():
    lines = {name.split()[0] for name in keras_values.ACTIVATIONS}
    assert sorted(set(pydl.activations.BY_NAME) - lines) == []


# ---- gradients of losses, over the same cases

@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", keras_values.LOSSES)
def test_gradient_of_a_loss_by_differences(name, weighted):
    """Of every class, as it is trained with: reduced to one number, rows weighted; replayed, the same bits."""
    kind, options = keras_values.LOSSES[name]
    y, p, weight = keras_values.pairs(kind, seed=5, n=2)                        # two rows: none of the edges, where there is no slope
    made = getattr(losses, name.split()[0])(**options)
    more = {"sample_weight": weight} if weighted and name not in (*keras_values.UNWEIGHTED, "Dice axis") else {}
    report = pydl.gradcheck(lambda p: made(y, p, **more), [p], tolerance=1e-6)
    assert report, report
    slope = pydl.grad(lambda p: made(y, p, **more))
    replayed = pydl.function(slope, strict=True)
    for scale in (1.0, 1.0, 0.75, 0.5):
        np.testing.assert_array_equal(replayed(p * scale).numpy(), slope(p * scale).numpy())


# ---- where they differ

def test_a_schedule_counts_steps_and_keras_counts_calls():
    """With gradients accumulated over k calls Keras's optimizers count steps, its schedules calls; here both count steps."""
    schedule = optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    sgd, w = optimizers.SGD(schedule, gradient_accumulation_steps=2), pydl.Parameter([10.0], dtype="float64")
    moved = []
    for _ in range(6):
        before = w.item()
        sgd.apply([np.ones(1)], [w])
        moved.append(before - w.item())
    assert moved == [0, 0.5, 0, 0.25, 0, 0.125] and sgd.iterations == 3


def test_running_means_are_taken_once_a_step_and_keras_takes_them_every_call():
    """With accumulation, Keras counts weights that have not moved again and again; here ema_momentum is a matter of steps alone."""
    runs = []
    for k in (None, 3):
        adam, w = optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5, gradient_accumulation_steps=k), pydl.Parameter([1.0, 2.0], dtype="float64")
        for step in range(5):
            for _ in range(k or 1):
                adam.apply([np.array([0.25, -1.0]) * (step + 1)], [w])
        adam.finalize_variable_values([w])
        runs.append(w.numpy().copy())
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-12)


def test_the_metric_of_sparse_cross_entropy_leaves_ignored_labels_out_like_the_loss():
    """Keras's metric divides by ignored labels too, its loss does not; here both are the mean over those that count."""
    labels, logits = np.array([0, 2, 1]), np.array([[2.0, 0.0, 1.0], [0.5, 0.5, 3.0], [0.0, 1.0, 1.0]])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)(labels, logits).item()
    metric = metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)(labels, logits)
    assert metric == pytest.approx(loss, rel=1e-6)
    assert loss == pytest.approx(losses.SparseCategoricalCrossentropy(from_logits=True)(labels[[0, 2]], logits[[0, 2]]).item(), rel=1e-12)


def test_f_scores_are_the_ratios_themselves():
    """Keras adds 1e-7 to every divisor, so a perfect score is 0.9999999."""
    assert metrics.F1Score(average="macro")(np.eye(3), np.eye(3)) == 1.0


def test_overlaps_count_weights_as_they_are():
    """Keras keeps its counts in integers unless told otherwise, and cuts weights off: 0.9 counts nothing."""
    metric = metrics.MeanIoU(num_classes=2)
    metric.update_state([0, 1, 1], [0, 1, 0], sample_weight=[0.5, 0.5, 0.5])
    assert metric.result() == pytest.approx(0.5, rel=1e-6)
