"""CTC: against all paths counted one by one, Keras's published value, gradients, threads, replay, refusals."""
import numpy as np
import pytest
from course import keras

import pydl
from pydl import losses, ops
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.errors import ShapeError
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level
from pydl.tensor import Tensor, made_by
from reference.ctc import ctc as reference

rng = np.random.default_rng(9)
SEQUENCES = [[], [1], [2, 1], [1, 1], [2, 2, 1], [1, 2, 1], [1, 2, 2, 3]]


def padded(sequences, length):
    return np.array([s + [0] * (length - len(s)) for s in sequences])


@pytest.mark.shared
def test_published_value():
    c = keras("ctc")
    logits = (np.arange(24).reshape(2, 4, 3) - 12) / 100
    assert losses.CTC()(c["inputs"]["labels"], logits).item() == pytest.approx(c["expected"]["mean"], abs=1e-6)


@pytest.mark.parametrize("steps", [5, 6])
@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("level", cpu_levels())
def test_all_paths(steps, dtype, tolerance, level):
    logits, labels = rng.standard_normal((len(SEQUENCES), steps, 4)).astype(dtype), padded(SEQUENCES, 4)
    before = get_cpu_level()
    set_cpu_level(level)
    try:
        np.testing.assert_allclose(losses.ctc(labels, logits).numpy(), reference(labels, logits.astype("float64")), rtol=tolerance)
    finally:
        set_cpu_level(before)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "float32"])
def test_gradient(dtype):
    labels = padded(SEQUENCES, 5).astype(dtype)
    assert pydl.gradcheck(lambda x: losses.ctc(labels, x), [rng.standard_normal((len(SEQUENCES), 6, 4))], raises=True)
    gradient = pydl.grad(lambda x: ops.sum(losses.ctc(labels, x)))(Tensor(rng.standard_normal((len(SEQUENCES), 6, 4)))).numpy()
    np.testing.assert_allclose(gradient.sum(-1), 0, atol=1e-12)          # softmax minus posterior: both sum to one


def test_long_sequences_stay_finite_and_exact_in_float32():
    labels, logits = rng.integers(1, 30, (3, 60)), (10 * rng.standard_normal((3, 400, 30)))
    exact, single = losses.ctc(labels, logits), losses.ctc(labels, logits.astype("float32"))
    assert np.isfinite(exact.numpy()).all() and exact.numpy().min() > 500
    np.testing.assert_allclose(single.numpy(), exact.numpy(), rtol=1e-6)


def test_a_sequence_that_cannot_be():
    logits = np.zeros((1, 2, 3))
    logits[:, :, 1] = -np.inf
    assert losses.ctc([[1]], logits).item() == np.inf
    assert not pydl.grad(lambda x: ops.sum(losses.ctc([[1]], x)))(Tensor(logits)).numpy().any()
    assert losses.ctc([[2]], logits).item() == pytest.approx(-np.log(3 / 4))


def test_threads_change_no_bit():
    labels, logits, found, before = rng.integers(0, 20, (9, 12)), rng.standard_normal((9, 60, 20)).astype("float32"), [], pydl.get_num_threads()
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            value, slope = pydl.value_and_grad(lambda x: losses.CTC()(labels, x))(Tensor(logits))
            found.append((value.numpy().tobytes(), slope.numpy().tobytes()))
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_replayed():
    loss, found = losses.CTC(), {}

    def run(replay):
        def step(x, y):
            given = made_by(x, None, 0)
            given.needs_gradient = True
            value = loss(made_by(y, None, 0), given)
            return [value.array, pydl.autodiff.backward(value, [given])[0]]
        recorded = Step(step, [B.owned((4, 9, 5)), B.owned((4, 3), "int32")], "step", strict=True)
        if not replay:
            recorded.reason = "eager"
        draw, out = np.random.default_rng(1), []
        for _ in range(5):
            B.assign(recorded.inputs[0], draw.standard_normal((4, 9, 5)).astype("float32"))
            B.assign(recorded.inputs[1], draw.integers(0, 5, (4, 3)))
            out += [np.array(a).tobytes() for a in recorded.run()]
        assert (recorded.program is not None) == replay
        return out
    found[True], found[False] = run(True), run(False)
    assert found[True] == found[False]


LIVE = np.array([np.arange(9) % 4 != 2] * 3 + [np.arange(9) < 6] * 4)            # of nine steps two that are not there, or three behind the end


def test_masked_steps_are_not_there():
    """Loss and gradient of the steps that are left; what stands in the others is not looked at."""
    logits, labels = rng.standard_normal((len(SEQUENCES), 9, 4)), padded(SEQUENCES, 4)
    noisy = np.where(LIVE[..., None], logits, np.nan)
    alone = [losses.ctc(labels[i:i + 1], logits[i:i + 1, live]).item() for i, live in enumerate(LIVE)]
    np.testing.assert_array_equal(losses.ctc(labels, noisy, LIVE).numpy(), alone)
    np.testing.assert_array_equal(losses.CTC(reduction=None)(labels, noisy, mask=LIVE).numpy(), alone)
    assert losses.CTC()(labels, noisy, mask=LIVE, sample_weight=np.arange(7.0)).item() == pytest.approx(np.mean(np.arange(7) * alone), rel=1e-14)
    slope = pydl.grad(lambda x: ops.sum(losses.ctc(labels, x, LIVE)))(noisy).numpy()
    assert not slope[~LIVE].any()
    for i, live in enumerate(LIVE):
        np.testing.assert_array_equal(slope[i, live], pydl.grad(lambda x, i=i: ops.sum(losses.ctc(labels[i:i + 1], x)))(logits[i:i + 1, live]).numpy()[0])
    assert pydl.gradcheck(lambda x: losses.ctc(labels, x, LIVE), [logits], raises=True)
    assert losses.ctc([[0]], logits[:1, :2], np.zeros((1, 2), bool)).item() == 0
    with pytest.raises(ValueError, match=r"ctc: mask must have shape \(7, 9\), one value for each step of y_pred, got \(7, 4\)"):
        losses.ctc(labels, logits, LIVE[:, :4])


@pytest.mark.parametrize("eagerly", [True, False])
def test_padding_counts_in_no_loss(eagerly):
    """Through a model and its mask: sequences of unequal lengths train alike however long they are padded."""
    labels, lengths, x = np.array([[1, 2, 3], [1, 1, 0], [3, 0, 0]]), np.array([6, 4, 5]), rng.standard_normal((3, 6, 3)) + 3
    x[np.arange(6) >= lengths[:, None]] = 0
    found = []
    for more in (0, 4):
        pydl.random.set_random_seed(3)
        model = pydl.Sequential([pydl.layers.Input((6 + more, 3)), pydl.layers.Masking(), pydl.layers.LSTM(5, return_sequences=True), pydl.layers.Dense(4)])
        model.compile(pydl.optimizers.SGD(0.1), losses.CTC(), run_eagerly=eagerly)
        wide = np.pad(x, ((0, 0), (0, more), (0, 0)))
        found.append([model.train_on_batch(wide, labels) for _ in range(5)] + [w.sum() for w in model.get_weights()])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    with pytest.raises(ValueError, match="CTC: the labels of row 1 need 6 steps .*, y_pred has 4 that the mask leaves"):
        model.train_on_batch(wide, [[1, 2, 3, 0], [1, 1, 2, 2], [3, 0, 0, 0]])


def test_empty():
    assert losses.ctc(np.zeros((0, 3), int), np.zeros((0, 4, 5))).shape == (0,)
    assert losses.ctc(np.zeros((2, 0), int), np.zeros((2, 4, 5))).numpy() == pytest.approx(4 * np.log(5))
    assert losses.ctc(np.zeros((1, 3), int), np.zeros((1, 0, 5))).item() == 0.0


@pytest.mark.parametrize("labels,shape,error,message", [
    ([[1, 5]], (1, 4, 5), ValueError, r"label 5 at position \(0, 1\)"),
    ([[1, -1]], (1, 4, 5), ValueError, r"label -1 at position \(0, 1\) is outside 0 <= label < 5, the number of classes$"),
    ([[1.5, 1]], (1, 4, 5), ValueError, "label 1.5"),
    ([[1, 2, 3]], (1, 2, 5), ValueError, "row 0 need 3 steps .*, y_pred has 2"),
    ([[1, 2, 0], [2, 2, 0]], (2, 2, 5), ValueError, "row 1 need 3 steps"),
    ([[1, 2]], (2, 4, 5), ShapeError, r"\(1, 2\) and \(2, 4, 5\)"),
    ([1, 2], (2, 4, 5), ShapeError, "expected y_true"),
    ([[1, 2]], (1, 5), ShapeError, "expected y_true"),
])
def test_bad_calls(labels, shape, error, message):
    with pytest.raises(error, match=message):
        losses.CTC()(np.array(labels), np.zeros(shape))
    with pytest.raises(error, match=message):
        losses.ctc(np.array(labels), np.zeros(shape))


@pytest.mark.parametrize("eagerly", [True, False])
def test_labels_too_long_raise_in_training_and_change_no_weight(eagerly):
    """Also when the step is replayed: the loss names the row and what it needs."""
    rng = np.random.default_rng(2)
    model = pydl.Sequential([pydl.layers.Input((6, 3)), pydl.layers.LSTM(5, return_sequences=True), pydl.layers.Dense(4)])
    model.compile(pydl.optimizers.Adam(0.05), losses.CTC(), run_eagerly=eagerly)
    x, y = rng.standard_normal((4, 6, 3)), np.array([[1, 2, 3, 0, 0], [1, 1, 0, 0, 0], [3, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    values = [model.train_on_batch(x, y) for _ in range(5)]
    assert values[-1] < values[0]
    before, long = model.get_weights(), y.copy()
    long[1], long[2] = [1, 1, 1, 2, 0], 2                                # the first needs 4 + 2 steps, as many as there are
    with pytest.raises(ValueError, match="row 2 need 9 steps .*, y_pred has 6"):
        model.train_on_batch(x, long)
    for wrong, message in ((4, "label 4 at position"), (-1, "label -1 at position")):
        with pytest.raises(ValueError, match=message):
            model.train_on_batch(x, np.full_like(y, wrong))
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    assert model.train_on_batch(x, y) < values[0]
