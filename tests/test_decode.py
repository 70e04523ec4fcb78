"""CTC decoding against all paths counted one by one, a beam of dictionaries and Keras's published values; tokens drawn; threads, replay, refusals."""
import numpy as np
import pytest
from course import keras

import pydl
from pydl import ops, text
from pydl.backends import cpu as B
from pydl.errors import ShapeError
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level
from reference import decode as reference

rng = np.random.default_rng(21)


def found(labels, path, row):
    values = labels.numpy()[path, row]
    length = int((values >= 0).sum())
    assert (values[length:] == -1).all()
    return tuple(values[:length].tolist())


@pytest.mark.shared
@pytest.mark.parametrize("merge", [True, False])
def test_published_values(merge):
    case = keras("ctc_greedy")
    labels, scores = ops.ctc_decode(case["inputs"]["logits"], case["inputs"]["lengths"], merge_repeated=merge)
    wanted = case["expected"]["labels" if merge else "labels without merging"]
    assert [list(found(labels, 0, i)) for i in range(3)] == wanted
    np.testing.assert_allclose(scores.numpy()[:, 0], case["expected"]["scores (negated sum of best logits)"], rtol=1e-6)


@pytest.mark.parametrize("level", cpu_levels())
@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("float64", 1e-11)])
@pytest.mark.parametrize("steps,classes,blank", [(1, 2, 0), (4, 3, 0), (5, 3, 2), (4, 4, 1)])
def test_a_wide_beam_is_exact(level, dtype, tolerance, steps, classes, blank):
    """With room for every sequence, each has the probability of all its alignments."""
    logits, before = rng.standard_normal((3, steps, classes)).astype(dtype), get_cpu_level()
    exact = [reference.sequences(row, blank) for row in logits]
    count = len(exact[0])
    set_cpu_level(level)
    try:
        labels, scores = ops.ctc_decode(logits, [steps] * 3, "beam_search", beam_width=count + 5, top_paths=count + 2, mask_index=blank)
    finally:
        set_cpu_level(before)
    for i in range(3):
        got = {found(labels, p, i): scores.numpy()[i, p] for p in range(count)}
        assert got.keys() == {k for k, v in exact[i].items() if v > -np.inf}
        np.testing.assert_allclose([got[k] for k in got], [exact[i][k] for k in got], rtol=tolerance, atol=tolerance)
        assert (np.diff(scores.numpy()[i, :count]) <= 0).all()
        assert found(labels, count, i) == () and (scores.numpy()[i, count:] == -np.inf).all()


@pytest.mark.parametrize("width", [1, 2, 3, 10, 40])
def test_a_narrow_beam(width):
    """Prefixes leave the beam and come back, merge and part: the same as dictionaries of prefixes."""
    logits, lengths = 1.5 * rng.standard_normal((5, 25, 4)), [25, 1, 0, 13, 24]
    labels, scores = ops.ctc_decode(logits, lengths, "beam_search", beam_width=width, top_paths=width)
    for i, length in enumerate(lengths):
        wanted = reference.beam(logits[i, :length], 0, width)
        assert [found(labels, p, i) for p in range(len(wanted))] == [prefix for prefix, _ in wanted]
        np.testing.assert_allclose(scores.numpy()[i, :len(wanted)], [score for _, score in wanted], rtol=1e-10)


def test_greedy_and_a_beam_of_one_path_of_certain_steps():
    logits = np.full((1, 6, 4), -30.0)
    for t, c in enumerate([1, 1, 0, 1, 3, 3]):
        logits[0, t, c] = 30
    for strategy in ("greedy", "beam_search"):
        assert found(ops.ctc_decode(logits, [6], strategy)[0], 0, 0) == (1, 1, 3)
    assert found(ops.ctc_decode(logits, [6], merge_repeated=False)[0], 0, 0) == (1, 1, 1, 3, 3)
    assert found(ops.ctc_decode(logits, [4])[0], 0, 0) == (1, 1)


def test_a_beam_finds_what_the_best_path_misses():
    """The best path is all blanks, 0.36; the sequence (1,) has 0.64 in three alignments."""
    logits = np.log([[[0.6, 0.4], [0.6, 0.4]]])
    assert found(ops.ctc_decode(logits, [2])[0], 0, 0) == ()
    labels, scores = ops.ctc_decode(logits, [2], "beam_search", top_paths=2)
    assert found(labels, 0, 0) == (1,) and scores.numpy()[0] == pytest.approx(np.log([0.64, 0.36]))


def test_ties():
    """All classes alike: the lower class wins, and a sequence before its extensions."""
    labels, scores = ops.ctc_decode(np.zeros((1, 1, 4)), [1], "beam_search", beam_width=4, top_paths=4)
    assert [found(labels, p, 0) for p in range(4)] == [(), (1,), (2,), (3,)] and len(set(scores.numpy()[0])) == 1
    assert found(ops.ctc_decode(np.zeros((1, 3, 4)), [3], mask_index=3)[0], 0, 0) == (0,)
    assert found(ops.ctc_decode([[[0, 2, 2]]], [1])[0], 0, 0) == (1,)                     # integers are scores too


def test_impossible_classes_never_appear():
    logits = rng.standard_normal((2, 8, 5))
    logits[:, :, 2] = -np.inf
    labels, scores = ops.ctc_decode(logits, [8, 8], "beam_search", beam_width=50, top_paths=50)
    assert not (labels.numpy() == 2).any() and np.isfinite(scores.numpy()).all()
    only = np.full((1, 3, 3), -np.inf)
    only[:, :, 1] = 0
    labels, scores = ops.ctc_decode(only, [3], "beam_search", beam_width=3, top_paths=2)
    assert found(labels, 0, 0) == (1,) and scores.numpy().tolist() == [[0.0, -np.inf]]


def test_threads_change_no_bit():
    logits, lengths, results, before = rng.standard_normal((9, 40, 12)).astype("float32"), rng.integers(0, 41, 9), [], pydl.get_num_threads()
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            results.append([a.numpy().tobytes() for s in ("greedy", "beam_search") for a in ops.ctc_decode(logits, lengths, s, beam_width=20)])
    finally:
        pydl.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_inside_a_recorded_function():
    decode = pydl.function(lambda x, n: ops.ctc_decode(x, n, "beam_search", beam_width=8, top_paths=2), strict=True)
    for _ in range(5):
        x, n = rng.standard_normal((3, 12, 5)), rng.integers(0, 13, 3)
        for got, wanted in zip(decode(x, n), ops.ctc_decode(x, n, "beam_search", beam_width=8, top_paths=2)):
            np.testing.assert_array_equal(got.numpy(), wanted.numpy())
    with pytest.raises(ValueError, match="sequence_lengths has 13 at row 1"):
        decode(x, np.array([1, 13, 2]))


def test_padded_steps_may_hold_anything():
    logits = rng.standard_normal((2, 6, 3))
    short = [a.numpy() for a in ops.ctc_decode(logits[:, :4], [4, 2], "beam_search")]
    logits[0, 4:], logits[1, 2:] = np.nan, np.inf
    for got, wanted in zip(ops.ctc_decode(logits, [4, 2], "beam_search"), short):
        np.testing.assert_array_equal(got.numpy()[..., :4], wanted)


@pytest.mark.parametrize("strategy", ["greedy", "beam_search"])
def test_empty(strategy):
    labels, scores = ops.ctc_decode(np.zeros((0, 4, 3)), np.zeros(0, int), strategy)
    assert labels.shape == (1, 0, 4) and scores.shape == (0, 1)
    labels, scores = ops.ctc_decode(np.zeros((2, 0, 3)), [0, 0], strategy)
    assert labels.shape == (1, 2, 0) and scores.numpy().tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("arguments,error,message", [
    (dict(sequence_lengths=[5, 1]), ValueError, "sequence_lengths has 5 at row 0, inputs have 4 steps"),
    (dict(sequence_lengths=[4, -1]), ValueError, "sequence_lengths has -1 at row 1"),
    (dict(sequence_lengths=[4]), ShapeError, r"expected inputs \(N, steps, classes\)"),
    (dict(sequence_lengths=[4.0, 1.0]), TypeError, "must be integers"),
    (dict(inputs=np.zeros((2, 4))), ShapeError, r"got \(2, 4\)"),
    (dict(inputs=np.zeros((2, 4, 0))), ShapeError, "at least one class"),
    (dict(inputs=np.full((2, 4, 3), np.nan)), ValueError, "row 0, step 0"),
    (dict(inputs=np.full((2, 4, 3), -np.inf)), ValueError, "row 0, step 0"),
    (dict(inputs=np.pad(np.full((1, 1, 3), np.inf), ((1, 0), (2, 1), (0, 0)))), ValueError, "row 1, step 2"),
    (dict(strategy="beam_serch"), ValueError, "did you mean 'beam_search'"),
    (dict(strategy="beam_search", beam_width=0), ValueError, "beam_width must be a positive integer"),
    (dict(strategy="beam_search", beam_width=2, top_paths=3), ValueError, "a beam of 2 holds no 3 paths"),
    (dict(strategy="beam_search", beam_width=2**50), ValueError, "more memory than there is"),
    (dict(top_paths=2), ValueError, "a greedy search has one path"),
    (dict(mask_index=3), ValueError, r"mask_index must be an integer in \[-3, 2\]"),
    (dict(merge_repeated=1), TypeError, "merge_repeated must be True or False"),
])
def test_bad_calls(arguments, error, message):
    with pytest.raises(error, match=message):
        ops.ctc_decode(**{"inputs": np.zeros((2, 4, 3)), "sequence_lengths": [4, 3], **arguments})


# ---- the boundary: what Python must not be able to do to memory

@pytest.mark.parametrize("call", [
    lambda: B.ctc_greedy(B.empty((2, 3, 4), "float32"), B.from_numpy(np.array([3, 3])), 4, True, B.empty((2, 3), "int32"), B.empty((2,), "float32")),
    lambda: B.ctc_greedy(B.empty((2, 3, 4), "float32"), B.from_numpy(np.array([3, 3])), 0, True, B.empty((2, 2), "int32"), B.empty((2,), "float32")),
    lambda: B.ctc_greedy(B.empty((2, 3, 4), "int32"), B.from_numpy(np.array([3, 3])), 0, True, B.empty((2, 3), "int32"), B.empty((2,), "int32")),
    lambda: B.ctc_greedy(B.empty((2, 3, 4), "float32"), B.from_numpy(np.array([3])), 0, True, B.empty((2, 3), "int32"), B.empty((2,), "float32")),
    lambda: B.ctc_beam(B.zeros((1, 3, 4), "float32"), B.from_numpy(np.array([3])), 0, 0, 1, B.empty((1, 1, 3), "int32"), B.empty((1, 1), "float32")),
    lambda: B.ctc_beam(B.zeros((1, 3, 4), "float32"), B.from_numpy(np.array([3])), 0, 2, 2, B.empty((1, 1, 3), "int32"), B.empty((1, 2), "float32")),
    lambda: B.ctc_beam(B.zeros((1, 3, 4), "float32"), B.from_numpy(np.array([3])), 0, 2, -1, B.empty((1, 1, 3), "int32"), B.empty((1, 1), "float32")),
    lambda: B.ctc_beam(B.zeros((1, 3, 4), "float32"), B.from_numpy(np.array([3])), 0, 2, 1, B.empty((1, 1, 3), "int64"), B.empty((1, 1), "float32")),
    lambda: B.sample_logits(B.zeros((2, 3), "float32"), B.zeros((1,), "float64"), 1.0, 3, 1.0, B.empty((2,), "int64")),
    lambda: B.sample_logits(B.zeros((2, 3), "float32"), B.zeros((2,), "float64"), 1.0, 0, 1.0, B.empty((2,), "int64")),
    lambda: B.sample_logits(B.zeros((2, 3), "float32"), B.zeros((2,), "float64"), float("nan"), 1, 1.0, B.empty((2,), "int64")),
    lambda: B.sample_logits(B.zeros((2, 3), "float32"), B.zeros((2,), "float64"), 1.0, 1, 1.0, B.empty((2,), "int32")),
    lambda: B.sample_logits(B.zeros((6,), "float32"), B.zeros((6,), "float64"), 1.0, 1, 1.0, B.empty((6,), "int64")),
    lambda: B.sample_logits(B.zeros((2, 0), "float32"), B.zeros((2,), "float64"), 1.0, 1, 1.0, B.empty((2,), "int64")),
])
def test_the_boundary_refuses(call):
    with pytest.raises((ValueError, TypeError)):
        call()


# ---- tokens drawn from scores

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("temperature,top_k,top_p", [
    (1.0, None, None), (0.5, None, None), (3.0, None, 0.7), (1.0, 3, None), (1.0, 1, None), (0.8, 4, 0.6), (1.0, 99, 1e-9)])
def test_draws_follow_the_probabilities(dtype, temperature, top_k, top_p):
    logits = np.array([0.3, 2.0, -1.0, 1.9, 0.3, -9.0, -np.inf], dtype)
    n = 40_000
    ids = text.sample_ids(np.tile(logits, (n, 1)), temperature, top_k, top_p, seed=4)
    p = reference.shares(logits, temperature, top_k or 7, top_p or 1.0)
    counts = np.bincount(ids, minlength=7)
    assert not counts[p == 0].any()
    assert (np.abs(counts - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-9).all()


def test_draws_are_the_inverse_of_the_distribution():
    """The number u of the stream picks the class in whose share u lies."""
    logits, n = rng.standard_normal(6), 5000
    uniform = pydl.random.uniform((n,), dtype="float64", seed=11).numpy()
    ids = text.sample_ids(np.tile(logits, (n, 1)), seed=11)
    edges = np.cumsum(reference.shares(logits, 1.0, 6, 1.0))
    np.testing.assert_array_equal(ids, np.searchsorted(edges, uniform, side="right"))


def test_seeds_threads_and_shapes():
    logits, results, before = rng.standard_normal((2, 50, 300)).astype("float32"), [], pydl.get_num_threads()
    try:
        for threads in (1, 4):
            pydl.set_num_threads(threads)
            results.append(text.sample_ids(logits, 1.3, 200, 0.95, seed=5).tobytes())
    finally:
        pydl.set_num_threads(before)
    assert results[0] == results[1]
    assert text.sample_ids(logits, seed=5).shape == (2, 50) and text.sample_ids(logits[0, 0], seed=5).shape == ()
    generator = pydl.random.SeedGenerator(5)
    assert (text.sample_ids(logits, seed=generator) != text.sample_ids(logits, seed=generator)).any()
    assert (text.sample_ids(logits, seed=5) == text.sample_ids(logits, seed=5)).all()
    np.testing.assert_array_equal(text.sample_ids(logits, temperature=0), logits.argmax(-1))
    assert text.sample_ids([[1.0, 5.0, 5.0]], temperature=0).tolist() == [1] == text.sample_ids([[1.0, 5.0, 5.0]], top_k=1, seed=0).tolist()
    assert text.sample_ids(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("arguments,error,message", [
    (dict(logits=[[np.nan, 1.0]]), ValueError, "row 0 of logits"),
    (dict(logits=[[0.0, 1.0], [np.inf, 0.0]]), ValueError, "row 1 of logits"),
    (dict(logits=[[-np.inf, -np.inf]]), ValueError, "row 0"),
    (dict(logits=np.zeros((2, 0))), ShapeError, "at least one class"),
    (dict(logits=3.0), ShapeError, "must be"),
    (dict(logits="ab"), TypeError, "text"),
    (dict(temperature=-1), ValueError, "temperature must be a finite number >= 0"),
    (dict(temperature=np.inf), ValueError, "temperature"),
    (dict(top_k=0), ValueError, "top_k must be a positive integer"),
    (dict(top_p=0), ValueError, "top_p"),
    (dict(top_p=1.5), ValueError, "top_p"),
    (dict(seed=-1), ValueError, "seed"),
])
def test_bad_draws(arguments, error, message):
    with pytest.raises(error, match=message):
        text.sample_ids(**{"logits": [[0.0, 1.0]], **arguments})
