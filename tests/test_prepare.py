import numpy as np
import pytest

from pydl import utils


def test_to_categorical():
    for x in ([0, 2, 1], np.array([[0], [2], [1]], np.uint8), [0.0, 2.0, 1.0]):
        got = utils.to_categorical(x)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, np.eye(3)[[0, 2, 1]])
    assert utils.to_categorical([[0, 1], [2, 0]], 4).shape == (2, 2, 4)
    assert utils.to_categorical(3).tolist() == [0, 0, 0, 1]
    assert utils.to_categorical(np.zeros((0,), int), 5).shape == (0, 5)


@pytest.mark.parametrize("x, classes, error, text", [
    ([0, 3], 3, ValueError, r"class 3 at \(1,\) is not in \[0, 3\)"), ([[0], [-1]], None, ValueError, "class -1"), ([0.5], None, TypeError, "fractions"),
    ([np.nan], None, TypeError, "fractions"), (["a"], None, TypeError, "text"), ([], None, ValueError, "empty"), ([0], 0, ValueError, "positive"),
    ([0], 2.0, TypeError, "positive"), ([2**62], 3, ValueError, "is not in")])
def test_to_categorical_refuses(x, classes, error, text):
    with pytest.raises(error, match=f"^to_categorical: .*{text}"):
        utils.to_categorical(x, classes)


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_normalize(order, axis):
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[:, 2] = 0
    x[1] = 0
    before = x.copy()
    got = utils.normalize(x, axis, order)
    norms = np.linalg.norm(got, order, axis)
    assert np.all(np.isclose(norms, 1) | (norms == 0)) and np.array_equal(x, before)
    np.testing.assert_allclose(got * np.linalg.norm(x, order, axis, keepdims=True), x, atol=1e-15)


def test_normalize_types_and_refusals():
    assert utils.normalize(np.ones((2, 3), np.float32)).dtype == np.float32
    assert utils.normalize([3, 4]).tolist() == [0.6, 0.8]
    assert utils.normalize(np.zeros((2, 0))).shape == (2, 0)
    for args, error in ((([1.0], 1), ValueError), (([1.0], -1, 0), ValueError), ((["a"],), TypeError), ((3.0,), ValueError), (([1.0], 0, "2"), TypeError)):
        with pytest.raises(error, match="^normalize: "):
            utils.normalize(*args)


def test_split_is_a_partition_that_a_seed_repeats():
    x, y = np.arange(101), np.arange(101) * 2
    a, b, c, d = utils.train_test_split(x, y, test_size=0.2, seed=3)
    assert len(a) == 80 and len(b) == 21
    np.testing.assert_array_equal(np.sort(np.concatenate([a, b])), x)
    np.testing.assert_array_equal(c, 2 * a)
    np.testing.assert_array_equal(d, 2 * b)
    np.testing.assert_array_equal(utils.train_test_split(x, test_size=0.2, seed=3)[1], b)
    assert not np.array_equal(utils.train_test_split(x, test_size=0.2, seed=4)[1], b)
    utils.set_random_seed(5)
    first, second = utils.train_test_split(x)[1], utils.train_test_split(x)[1]
    utils.set_random_seed(5)
    np.testing.assert_array_equal(utils.train_test_split(x)[1], first)
    assert not np.array_equal(first, second)
    assert utils.train_test_split(x, test_size=7, shuffle=False)[1].tolist() == list(range(94, 101))


@pytest.mark.parametrize("counts, test", [([50, 30, 20], 0.2), ([90, 9, 2], 0.1), ([2, 2, 2], 3), ([5, 5, 5], 0.34), ([97, 2, 2], 50), ([3, 3, 94], 10)])
def test_stratified(counts, test):
    y = np.repeat(np.arange(3), counts)
    for labels in (y, np.eye(3)[y], y[:, None]):
        _, _, train, part = utils.train_test_split(np.arange(len(y)), y, test_size=test, stratify=labels, seed=1)
        rows = test if isinstance(test, int) else int(np.ceil(test * len(y)))
        assert len(part) == rows and len(train) == len(y) - rows
        took = np.bincount(part, minlength=3)
        assert took.min() >= 1 and np.bincount(train, minlength=3).min() >= 1
        if min(counts) * rows / len(y) >= 1:
            assert np.all(np.abs(took - np.array(counts) * rows / len(y)) < 1)


@pytest.mark.parametrize("arrays, options, error", [
    ((), {}, TypeError), (([1, 2], [1]), {}, ValueError), (([1],), {}, ValueError), (([1, 2],), {"test_size": 0}, ValueError),
    (([1, 2],), {"test_size": 2}, ValueError), (([1, 2],), {"test_size": 1.0}, ValueError), (([1, 2],), {"test_size": "a"}, TypeError),
    (([1, 2],), {"shuffle": 1}, TypeError), (([1, 2, 3],), {"stratify": [0, 0, 1]}, ValueError), (([1, 2],), {"stratify": [0]}, ValueError),
    (([1, 2, 3, 4],), {"stratify": [0, 0, 1, 1], "test_size": 1}, ValueError), (([1, 2, 3, 4],), {"stratify": [0.5, 0, 1, 1]}, ValueError),
    (([1, 2],), {"stratify": [0, 0], "shuffle": False}, ValueError), (([1, 2],), {"seed": -1}, ValueError)])
def test_split_refuses(arrays, options, error):
    with pytest.raises(error, match="^(train_test_split|permutation): "):
        utils.train_test_split(*arrays, **options)
