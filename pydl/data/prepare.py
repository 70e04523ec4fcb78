"""Small preparations of data before training: one-hot labels, normalised rows, a test set put aside."""

import math

import numpy as np

from pydl import random
from pydl.data.arrays import as_array, as_batch, check_lengths, labels_of
from pydl.errors import DTypeError, ShapeError, boolean, in_range, is_int, positive_int, show
from pydl.shapes import normalize_axis


def to_categorical(x, num_classes=None):
    """Turn class numbers into one-hot rows.

    Args:      x: integers in [0, num_classes), of any shape; a last axis of size 1 is dropped.
               num_classes: by default the largest class + 1.
    Shapes:    x (...) or (..., 1) -> (..., num_classes)
    Dtypes:    any integers -> float64, as in Keras
    Raises:    ValueError naming the first class out of range.
    Example:
        >>> import pydl
        >>> pydl.utils.to_categorical([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    labels = as_array("to_categorical", "x", x)
    if labels.dtype.kind == "f":
        if not np.all(np.isfinite(labels)) or not np.all(labels == np.floor(labels)):
            raise DTypeError("to_categorical: x must hold class numbers, got fractions")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if num_classes is None:
        if labels.size == 0:
            raise ShapeError("to_categorical: x is empty, so num_classes cannot be told from it; pass it")
        num_classes = max(int(labels.max()) + 1, 1)
    num_classes = positive_int("to_categorical", "num_classes", num_classes)
    odd = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if odd.size:
        at = np.unravel_index(odd[0], labels.shape)
        raise ValueError(f"to_categorical: class {labels[at]} at {tuple(int(i) for i in at)} is not in [0, {num_classes})")
    result = np.zeros((labels.size, num_classes))
    result[np.arange(labels.size), labels.reshape(-1).astype(np.int64)] = 1
    return result.reshape(*labels.shape, num_classes)


def normalize(x, axis=-1, order=2):
    """Divide by the norm along an axis; what has the norm 0 stays 0.

    Args:      order: 2 for the Euclidean norm, 1, or any other p > 0, or inf.
    Example:
        >>> import pydl
        >>> pydl.utils.normalize([[3.0, 4.0]]).tolist()
        [[0.6, 0.8]]
    """
    array = as_array("normalize", "x", x)
    if array.ndim == 0:
        raise ShapeError("normalize: x must have at least one axis")
    axis = normalize_axis(axis, array.ndim, "normalize")
    if order != math.inf:
        order = in_range("normalize", "order", order, 0, low_open=True)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.size == 0:
        return array.copy()
    norm = np.linalg.norm(array, ord=order, axis=axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm).astype(array.dtype)


def train_test_split(*arrays, test_size=0.25, shuffle=True, stratify=None, seed=None):
    """Split arrays into rows to train on and rows to test with; return [a_train, a_test, b_train, b_test, ...].

    Args:      arrays: with the same number of rows.
               test_size: the share of rows to test with (rounded up), or their number.
               shuffle: take the rows in a random order, else the last ones test.
               stratify: class numbers (n,) or one-hot rows; each class gets its share in both parts.
               seed: an integer, for the same split each time; by default one of `set_random_seed`'s.
    Raises:    ValueError if a part, or a class in a part, would be empty.
    Example:
        >>> import pydl
        >>> x, xt, y, yt = pydl.utils.train_test_split(range(8), [0, 1] * 4, test_size=0.25, stratify=[0, 1] * 4, seed=1)
        >>> len(x), sorted(yt.tolist())
        (6, [0, 1])
    """
    who = "train_test_split"
    if not arrays:
        raise TypeError(f"{who}: pass at least one array")
    checked = {f"array {i}": as_batch(who, f"array {i}", a) for i, a in enumerate(arrays)}
    rows = check_lengths(who, checked)
    shuffle = boolean(who, "shuffle", shuffle)
    if is_int(test_size):
        test_rows = positive_int(who, "test_size", test_size)
    else:
        test_rows = math.ceil(in_range(who, "test_size", test_size, 0, 1, low_open=True, high_open=True) * rows)
    if not 0 < test_rows < rows:
        raise ValueError(f"{who}: test_size={show(test_size)} of {rows} rows leaves {rows - test_rows} to train on and {test_rows} to test with")
    if stratify is not None and not shuffle:
        raise ValueError(f"{who}: stratify needs shuffle=True")
    if not shuffle:
        train, test = np.arange(rows - test_rows), np.arange(rows - test_rows, rows)
    else:
        order = random.permutation(rows, seed)
        train, test = order[:-test_rows], order[-test_rows:]
        if stratify is not None:
            train, test = _stratified(who, order, test_rows, labels_of(who, as_batch(who, "stratify", stratify), "stratify"))
    return [part for array in checked.values() for part in (array[train], array[test])]


def _stratified(who, order, test_rows, labels):
    """Split `order` so that each class has its share, by largest remainders, of both parts."""
    if len(labels) != len(order):
        raise ShapeError(f"{who}: stratify has {len(labels)} rows, the arrays have {len(order)}")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f"{who}: class {classes[counts.argmin()]} has only one row; each class needs two to be in both parts")
    if test_rows < len(classes) or len(order) - test_rows < len(classes):
        raise ValueError(f"{who}: {test_rows} rows to test with and {len(order) - test_rows} to train on do not hold all {len(classes)} classes")
    exact = counts * test_rows / len(order)
    taken = np.clip(np.floor(exact).astype(np.int64), 1, counts - 1)
    while taken.sum() != test_rows:      # one by one: to the class furthest below its share, or from the one furthest above
        if taken.sum() < test_rows:
            taken[np.argmax(np.where(taken < counts - 1, exact - taken, -np.inf))] += 1
        else:
            taken[np.argmax(np.where(taken > 1, taken - exact, -np.inf))] -= 1
    sorted_labels = labels[order]
    is_test = np.zeros(len(order), bool)
    for label, number in zip(classes, taken, strict=True):
        is_test[np.flatnonzero(sorted_labels == label)[:number]] = True
    return order[~is_test], order[is_test]


class ExponentialAverage:
    """A running mean that forgets: v = beta v + (1 - beta) x, over about 1 / (1 - beta) values.

    It begins at 0; with bias_correction the average is v / (1 - beta^t), right from the first value.

    Args:      beta: in [0, 1).    bias_correction: a flag.
    Example:
        >>> import pydl
        >>> average = pydl.utils.ExponentialAverage(0.5)
        >>> [average.update(x) for x in (4.0, 4.0, 8.0)]
        [4.0, 4.0, 6.285714285714286]
    """

    def __init__(self, beta=0.9, bias_correction=True):
        self.beta = in_range("ExponentialAverage", "beta", beta, 0, 1, high_open=True)
        self.bias_correction = boolean("ExponentialAverage", "bias_correction", bias_correction)
        self.count, self.sum = 0, 0.0

    def update(self, value):
        """Take in a number, or an array of the shape of those before; returns the average."""
        self.count += 1
        self.sum = self.beta * self.sum + (1 - self.beta) * (value if isinstance(value, float) else np.asarray(value, np.float64))
        return self.average

    @property
    def average(self):
        """The average so far; 0.0 before the first value."""
        return self.sum / (1 - self.beta**self.count) if self.bias_correction and self.count else self.sum


def exponentially_weighted_average(values, beta=0.9, bias_correction=True):
    """Return the exponentially weighted averages of a series, one behind each value: a smooth curve through a noisy one.

    v_t = beta v_(t-1) + (1 - beta) x_t,  v_0 = 0;  divided by 1 - beta^t with bias_correction.

    Args:      values: numbers along the first axis, oldest first.    beta, bias_correction: as in `ExponentialAverage`.
    Shapes:    (n, ...) -> the same, float64
    Example:
        >>> import pydl
        >>> pydl.utils.exponentially_weighted_average([4.0, 4.0, 8.0], beta=0.5, bias_correction=False).tolist()
        [2.0, 3.0, 5.5]
    """
    values = as_array("exponentially_weighted_average", "values", values).astype(np.float64)
    if values.ndim == 0:
        raise ShapeError("exponentially_weighted_average: values must have an axis of values, got one number")
    average = ExponentialAverage(beta, bias_correction)
    result = np.empty_like(values)
    for i, value in enumerate(values):
        result[i] = average.update(value)
    return result
