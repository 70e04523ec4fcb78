import array
import warnings

import numpy as np
import pytest

import pydl
from pydl.data import arrays
from pydl.errors import DTypeError, ShapeError

VALUES = np.arange(24).reshape(4, 6)


class ByProtocol:
    def __array__(self, dtype=None, copy=None):
        return VALUES.astype("float32")


class ByDLPack:
    def __init__(self, value):
        self.value = value

    def __dlpack__(self, **options):
        return self.value.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.value.__dlpack_device__()


class Column:
    def __init__(self, kind, name):
        self.kind, self.name = kind, name

    def __str__(self):
        return self.name


class Frame:
    """What a pandas frame looks like from outside."""

    def __init__(self, kinds):
        self.columns = [f"c{i}" for i in range(len(kinds))]
        self.dtypes = [Column(kind, name) for kind, name in kinds]

    def __array__(self, dtype=None, copy=None):
        return np.array([[1, "red"], [2, "blue"]], dtype=object)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on another device")


@pytest.mark.parametrize("value", [
    VALUES, VALUES.tolist(), tuple(map(tuple, VALUES.tolist())), np.asfortranarray(VALUES), VALUES.astype(">i8"),
    np.repeat(VALUES, 2, axis=0)[::2], VALUES[::-1][::-1], VALUES.astype("float16"), VALUES.astype(">f4"), VALUES.astype("uint16"),
    VALUES.astype("longdouble"), VALUES.view(np.matrix), np.ma.masked_array(VALUES), ByProtocol(), ByDLPack(VALUES), memoryview(VALUES),
    np.lib.stride_tricks.as_strided(VALUES), np.frombuffer(b"x" + VALUES.tobytes(), dtype=np.uint8)[1:].view("int64").reshape(4, 6)])
def test_every_kind_of_array_gives_the_same_values(value):
    got = arrays.as_array("fit", "x", value)
    assert type(got) is np.ndarray and got.dtype.name in arrays.KEPT
    assert got.flags.c_contiguous and got.flags.aligned and got.dtype.isnative
    np.testing.assert_array_equal(got, VALUES)


def test_types():
    kept = {name: arrays.as_array("fit", "x", np.zeros(3, name)).dtype.name for name in arrays.KEPT}
    assert all(name == got for name, got in kept.items())
    for name, target in arrays.WIDENED.items():
        assert arrays.as_array("fit", "x", np.zeros(3, name)).dtype.name == target
    assert arrays.as_array("fit", "x", [1.5, 2]).dtype == np.float64
    assert arrays.as_array("fit", "x", [1.5, 2], "float32").dtype == np.float32
    assert arrays.as_array("fit", "x", [1, 2], "float32").dtype == np.int64
    assert arrays.as_array("fit", "x", np.zeros(3, np.uint8), "float32").dtype == np.uint8
    assert arrays.as_array("fit", "x", np.array([1e300]), "float32")[0] == np.inf
    assert arrays.as_array("fit", "x", array.array("d", [1, 2])).tolist() == [1, 2]


def test_no_copy_where_it_fits_and_the_value_stays_untouched():
    x = np.ones((3, 4), np.float32)
    assert np.shares_memory(arrays.as_array("fit", "x", x, "float32"), x)
    x.flags.writeable = False
    assert np.shares_memory(arrays.as_array("fit", "x", x), x)
    swapped = VALUES.astype(">f8")
    before = swapped.tobytes()
    arrays.as_array("fit", "x", swapped, "float32")[:] = 0
    assert swapped.tobytes() == before


@pytest.mark.parametrize("value, error, text", [
    ([[1, 2], [3]], ShapeError, "rows of different lengths"),
    (["a", "b"], DTypeError, "holds text"),
    (b"abc", DTypeError, "holds text"),
    ("file.csv", DTypeError, "holds text"),
    (np.ones(3, complex), DTypeError, "is complex"),
    (np.array(["2020-01-01"], "datetime64[D]"), DTypeError, "dates or times"),
    (np.zeros(2, [("a", int)]), DTypeError, "structured"),
    (np.array([[1, 2], [3, "red"]], dtype=object), DTypeError, "column 1, row 1 is 'red'"),
    (np.array([1, None], dtype=object), DTypeError, "element 1 is None"),
    (np.array([1, 2], dtype=object), DTypeError, "dtype object; convert it"),
    ([1, None], DTypeError, "element 1 is None"),
    (None, TypeError, "got NoneType"),
    ({"a": 1}, TypeError, "got dict"),
    ({1, 2}, TypeError, "got set"),
    (object(), TypeError, "got object"),
    (Broken(), TypeError, "on another device"),
    (Frame([("i", "int64"), ("O", "object")]), DTypeError, r"columns that are not numbers: 'c1' \(object\); encode"),
    (Frame([("O", "category")] * 9), DTypeError, "and 4 more"),
    (Frame([("i", "int64"), ("i", "int64")]), DTypeError, "column 1, row 0"),
    (np.ma.masked_array([1, 2], [False, True]), ValueError, "1 masked"),
    ([2**80], DTypeError, "dtype object"),
])
def test_what_is_no_array_of_numbers_is_refused(value, error, text):
    with pytest.raises(error, match=f"^fit: x .*{text}"):
        arrays.as_array("fit", "x", value)


def test_sparse_matrices_are_told_what_to_call():
    class Sparse:
        def toarray(self):
            return VALUES

    with pytest.raises(TypeError, match="toarray"):
        arrays.as_array("fit", "x", Sparse())


def test_a_batch_has_rows():
    assert arrays.as_batch("fit", "x", [1, 2]).shape == (2,)
    with pytest.raises(ShapeError, match="^fit: x must have a batch axis"):
        arrays.as_batch("fit", "x", 3.0)
    for empty in ([], np.zeros((0, 8, 8)), np.zeros((0,))):
        with pytest.raises(ShapeError, match="^fit: x is empty"):
            arrays.as_batch("fit", "x", empty)


def test_several_inputs_by_list_and_by_name():
    a, b = np.ones((3, 2)), np.zeros((3, 5))
    for value in ([a, b], (a, b), {"b": b, "a": a}):
        got = arrays.as_batches("fit", "x", value, ["a", "b"])
        assert [item.shape for item in got] == [(3, 2), (3, 5)]
    for value in (a, [a], {"input": a}, a.tolist()):
        assert arrays.as_batches("fit", "x", value)[0].shape == (3, 2)
    assert arrays.as_batches("fit", "x", [[1, 2]])[0].shape == (1, 2)
    with pytest.raises(ValueError, match="must be a list of 2 arrays.*got 1"):
        arrays.as_batches("fit", "x", [a], ["a", "b"])
    with pytest.raises(ValueError, match="must be a list of 2 arrays"):
        arrays.as_batches("fit", "x", a, ["a", "b"])
    with pytest.raises(ValueError, match=r"missing \['b'\], unknown \['c'\]"):
        arrays.as_batches("fit", "x", {"a": a, "c": b}, ["a", "b"])
    with pytest.raises(ShapeError, match=r"x\['a'\] has 3, x\['b'\] has 4"):
        arrays.as_batches("fit", "x", [a, np.zeros((4, 5))], ["a", "b"])


def test_lengths():
    assert arrays.check_lengths("fit", {"x": np.ones((3, 1)), "y": np.ones(3), "sample_weight": None}) == 3
    with pytest.raises(ShapeError, match="^fit: arrays must have the same number of rows, but x has 3, y has 2"):
        arrays.check_lengths("fit", {"x": np.ones(3), "y": np.ones(2)})


def test_sample_weight():
    np.testing.assert_array_equal(arrays.as_sample_weight("fit", [[1], [2]], (2,)), np.array([1, 2], np.float32))
    for bad, text in (([1, 2], r"shape \(3,\)"), (np.ones((3, 2)), r"shape \(3,\)"), ([1, 2, np.nan], "finite, got nan in row 2")):
        with pytest.raises(ValueError, match=f"^fit: sample_weight must .*{text}"):
            arrays.as_sample_weight("fit", bad, (3,))
    for shape in ((3, 2), (3, 2, 5)):                      # targets with steps: a weight a row, or a step
        assert arrays.as_sample_weight("fit", np.ones((3, 2)), shape).shape == (3, 2)
        assert arrays.as_sample_weight("fit", np.ones(3), shape).shape == (3,)
        with pytest.raises(ValueError, match=r"^fit: sample_weight must have shape \(3,\), one weight a row, or \(3, 2\) for one a step, got \(3, 4\)"):
            arrays.as_sample_weight("fit", np.ones((3, 4)), shape)


@pytest.mark.parametrize("y", [np.array([0, 1, 2, 1]), np.array([[0], [1], [2], [1]]), np.eye(3)[[0, 1, 2, 1]], np.array([0., 1, 2, 1])])
def test_class_weights(y):
    got = arrays.class_weights_to_sample_weights("fit", {1: 2.5, np.int64(2): 0, 7: 3}, y)
    np.testing.assert_array_equal(got, np.array([1, 2.5, 0, 2.5], np.float32))
    got = arrays.class_weights_to_sample_weights("fit", {1: 2.5}, y, np.array([2, 2, 2, 4], np.float32))
    np.testing.assert_array_equal(got, np.array([2, 5, 2, 10], np.float32))


@pytest.mark.parametrize("weights, y, error", [
    ([1, 2], [0, 1], TypeError), ({"cat": 1}, [0, 1], TypeError), ({0: -1}, [0, 1], ValueError), ({0: np.nan}, [0, 1], ValueError),
    ({0: "1"}, [0, 1], TypeError), ({True: 1}, [0, 1], TypeError), ({0: 1}, [0.5, 1], ValueError), ({0: 1}, [np.nan, 1], ValueError),
    ({0: 1}, [[1, 1], [0, 1]], ValueError), ({0: 1}, np.zeros((2, 2, 2)), ValueError)])
def test_class_weights_refuse(weights, y, error):
    with pytest.raises(error, match="^fit: .*class"):
        arrays.class_weights_to_sample_weights("fit", weights, np.asarray(y))


@pytest.mark.parametrize("rows, fraction, train", [(10, 0.1, 9), (10, 0.2, 8), (7, 0.5, 3), (3, 0.34, 1), (1797, 0.1, 1617)])
def test_validation_takes_the_last_rows(rows, fraction, train):
    x = np.arange(rows)
    (a, none), (b, also_none) = arrays.split_validation("fit", fraction, [x, None])
    assert none is None and also_none is None
    np.testing.assert_array_equal(a, x[:train])
    np.testing.assert_array_equal(b, x[train:])


@pytest.mark.parametrize("fraction, rows", [(0, 10), (1, 10), (-0.1, 10), (1.5, 10), (np.nan, 10), (0.5, 1)])
def test_validation_split_refuses(fraction, rows):
    with pytest.raises(ValueError, match="^fit: validation_split"):
        arrays.split_validation("fit", fraction, [np.arange(rows)])


@pytest.mark.parametrize("y", [np.repeat(np.arange(5), 10), np.repeat(np.arange(5), 10)[:, None], np.eye(5)[np.repeat(np.arange(5), 10)]])
def test_sorted_labels_are_warned_of(y):
    with pytest.warns(UserWarning, match="class 4 occurs only there"):
        arrays.split_validation("fit", 0.2, [y], y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mixed = y[np.random.default_rng(0).permutation(50)]
        arrays.split_validation("fit", 0.2, [mixed], mixed)


@pytest.mark.parametrize("y", [np.arange(5000), np.linspace(0, 1, 50), np.random.default_rng(0).normal(size=(50, 3))])
def test_targets_that_are_no_classes_are_not_warned_of(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays.split_validation("fit", 0.2, [y], y)


# ---- through a model -----------------------------------------------------------------------------------------------

def test_odd_arrays_predict_and_train_as_plain_ones_do():
    """Any layout, byte order, type and container of the same numbers: the same bits, and the array as it was."""
    x = np.random.default_rng(0).integers(0, 9, (6, 4, 5, 2)).astype(np.float32)
    y = np.array([0, 1, 2, 0, 1, 2])
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    shifted[:] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    odd = {"plain": x, "fortran": np.asfortranarray(x), "strided": np.repeat(x, 2, axis=0)[::2], "reversed": x[::-1].copy()[::-1], "read-only": frozen,
           "misaligned": shifted, "big-endian": x.astype(">f4"), "float64": x.astype(np.float64), "float16": x.astype(np.float16), "int8": x.astype(np.int8),
           "uint8": x.astype(np.uint8), "int64": x.astype(np.int64), "list": x.tolist(), "subclass": np.ma.masked_array(x), "DLPack": ByDLPack(x)}
    results = {}
    for name, value in odd.items():
        before = np.asarray(x if name == "DLPack" else value).copy()
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([pydl.layers.Input((4, 5, 2)), pydl.layers.Conv2D(3, 2), pydl.layers.Flatten(), pydl.layers.Dense(3)])
        model.compile("sgd", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        first = model.predict(value)
        model.fit(value, y, epochs=2, batch_size=4, verbose=0)
        results[name] = np.concatenate([first, model.predict(value)])
        assert np.array_equal(np.asarray(x if name == "DLPack" else value), before), name
    for name, result in results.items():
        assert np.array_equal(result, results["plain"]), name


def test_labels_of_every_integer_type_and_shape_train_alike():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    y = np.array([0, 1, 2, 0, 1, 2])
    losses = []
    for labels in (y, y.tolist(), y[:, None], y.astype(np.uint8), y.astype(">i4"), y.astype(np.int16), y.astype(np.float32)):
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([pydl.layers.Input((3,)), pydl.layers.Dense(3)])
        model.compile("sgd", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses.append(model.fit(x, labels, epochs=3, verbose=0).history["loss"])
    assert all(each == losses[0] for each in losses)
