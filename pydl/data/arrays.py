"""What users pass as data, as checked arrays: conversion, validation split, class weights.

Every function takes `who` ("fit"), for messages like: fit: y has 99 rows, x has 100.
"""

import math
import warnings

import numpy as np

from pydl.errors import DTypeError, ShapeError, in_range, is_int, show

# what the core computes with, and where the other real types go without loss
KEPT = ("float32", "float64", "int32", "int64", "uint8", "bool", "uint64")
PLAIN = frozenset(np.dtype(name) for name in KEPT)
WIDENED = {"float16": "float32", "int8": "int32", "int16": "int32", "uint16": "int32", "uint32": "int64"}


def as_array(who, name, value, dtype=None):
    """Return what a user passed as a C-contiguous array of a type the core knows.

    Taken: arrays of any layout, byte order and subclass, lists of numbers, pandas frames, anything with `__array__`,
    the buffer protocol or DLPack.  Nothing is copied that fits as it is; the value itself is never changed.

    Args:      who, name: for the message.
               dtype: what floating-point data is converted to; None keeps it. Integers and bools are always kept.
    Raises:    DTypeError for text, complex numbers, dates and mixed objects (naming the column),
               ShapeError for rows of different lengths, TypeError for what is no array at all.
    """
    if type(value) is np.ndarray and value.dtype in PLAIN and value.flags.c_contiguous and value.flags.aligned and (
            dtype is None or value.dtype.kind != "f" or value.dtype == dtype):
        return value                            # what a loop over predict passes; it pays for no more than this
    _refuse_frames_of_objects(who, name, value)
    try:
        if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
            array = np.from_dlpack(value)
        else:
            array = np.asarray(value)
            if array.dtype.kind == "O" and array.ndim and hasattr(value, "to_numpy") and _columns_are_numbers(value):
                array = value.to_numpy(dtype="float64")         # nullable columns of pandas, which become objects by themselves
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise ShapeError(f"{who}: {name} has rows of different lengths; pad them to one length first") from error
        raise ValueError(f"{who}: {name} cannot be turned into an array: {error}") from error
    except Exception as error:   # __array__ is the user's code: whatever it raises, say whose argument it was
        raise TypeError(f"{who}: {name} cannot be turned into an array: {error}") from error
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{who}: {name} is a masked array with {int(value.mask.sum())} masked elements; fill them first")
    _refuse_kind(who, name, value, array)
    # the type the core sees; dtype.name is the same for every byte order
    known = array.dtype.name
    target = known if known in KEPT else WIDENED.get(known)
    if target is None:
        if array.dtype.kind != "f":
            raise DTypeError(f"{who}: {name} has dtype {array.dtype}, expected numbers")
        target = "float64"   # longdouble
    if dtype is not None and array.dtype.kind == "f":
        target = np.dtype(dtype).name
    with np.errstate(over="ignore"):
        array = np.asarray(array, dtype=target)     # native byte order; a view if it is that already
    return array if array.flags.c_contiguous and array.flags.aligned else np.array(array, order="C")


def _columns_are_numbers(frame):
    """Whether every column of a pandas-like frame, or the series itself, has a type of numbers."""
    dtypes = getattr(frame, "dtypes", None)
    dtypes = list(dtypes) if hasattr(dtypes, "__iter__") else [dtypes]
    return all(getattr(dtype, "kind", "O") in "biuf" for dtype in dtypes)


def _refuse_frames_of_objects(who, name, value):
    """Name the columns of a pandas-like frame that are not numbers."""
    columns, dtypes = getattr(value, "columns", None), getattr(value, "dtypes", None)
    if columns is None or dtypes is None or isinstance(value, np.ndarray):
        return
    try:
        wrong = [f"{column!r} ({dtype})" for column, dtype in zip(list(columns), list(dtypes), strict=True)
                 if getattr(dtype, "kind", "O") not in "biuf"]
    except (TypeError, ValueError):      # not a frame after all
        return
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise DTypeError(f"{who}: {name} has columns that are not numbers: {', '.join(wrong[:5])}{more}; encode or drop them")


def _refuse_kind(who, name, value, array):
    kind = array.dtype.kind
    if kind == "O":
        if array.ndim == 0:
            hint = "; call its .toarray() first" if hasattr(value, "toarray") else ""
            raise TypeError(f"{who}: {name} must be an array or a list of numbers, got {type(value).__name__}{hint}")
        where = _first_odd(array)
        if where is None:
            raise DTypeError(f"{who}: {name} has dtype object; convert it, for example with np.asarray(x, dtype='float32')")
        at = f"column {where[1]}, row {where[0]}" if len(where) > 1 else f"element {where[0]}"
        raise DTypeError(f"{who}: {name} has dtype object: {at} is {show(array[where], 40)}, expected a number")
    if kind in "SU":
        raise DTypeError(f"{who}: {name} holds text (dtype {array.dtype}), expected numbers; encode it first")
    if kind == "c":
        raise DTypeError(f"{who}: {name} is complex (dtype {array.dtype}), expected real numbers; take .real, .imag or abs first")
    if kind in "mM":
        raise DTypeError(f"{who}: {name} holds dates or times (dtype {array.dtype}), expected numbers")
    if kind == "V":
        raise DTypeError(f"{who}: {name} is a structured array with dtype {show(array.dtype)}, expected plain numbers")


def _first_odd(array):
    """Return the index of the first element that is no number, or None."""
    for where in np.ndindex(array.shape):
        if isinstance(array[where], (bool, np.bool_)) or not isinstance(array[where], (int, float, np.number)):
            return where
    return None


def as_batch(who, name, value, dtype=None):
    """Return `as_array(...)` of data with a batch axis that holds at least one row."""
    array = as_array(who, name, value, dtype)
    if array.ndim == 0:
        raise ShapeError(f"{who}: {name} must have a batch axis, got the single number {show(array.item())}")
    if len(array) == 0:
        raise ShapeError(f"{who}: {name} is empty (shape {array.shape}), expected at least one row")
    return array


def as_batches(who, name, value, names=("input",), dtype=None):
    """Return the arrays for a model's several inputs or outputs, in the order of `names`.

    One name takes one array (or a list or dict of that one array); several take a list of as many arrays, or a dict by name.
    """
    names = list(names)
    if isinstance(value, dict):
        missing, extra = [n for n in names if n not in value], [n for n in value if n not in names]
        if missing or extra:
            raise ValueError(f"{who}: {name} must hold one array for each of {show(names)}; "
                             f"missing {show(missing)}, unknown {show(extra)}")
        value = [value[n] for n in names]
    elif len(names) == 1:
        single = isinstance(value, (list, tuple)) and len(value) == 1 and getattr(value[0], "ndim", 0) > 0
        value = [value[0] if single else value]
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        got = f"{len(value)}" if isinstance(value, (list, tuple)) else show(value)
        raise ValueError(f"{who}: {name} must be a list of {len(names)} arrays, for {show(names)}; got {got}")
    labels = [name] if len(names) == 1 else [f"{name}[{n!r}]" for n in names]
    arrays = [as_batch(who, label, item, dtype) for label, item in zip(labels, value, strict=True)]
    check_lengths(who, dict(zip(labels, arrays, strict=True)))
    return arrays


def check_lengths(who, arrays):
    """Return the number of rows that all arrays of a dict {name: array or None} share."""
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ShapeError(f"{who}: arrays must have the same number of rows, but {told}")
    return next(iter(lengths.values()))


def as_sample_weight(who, value, shape, dtype="float32"):
    """Return the weight of each sample (rows,), or of each of its steps (rows, steps); (rows, 1) is taken as (rows,).

    Args:  shape: of the targets, whose leading axes the weights have.
    """
    weight = as_batch(who, "sample_weight", value, dtype)
    if weight.dtype.kind != "f":
        weight = weight.astype(dtype)
    if weight.ndim == 2 and weight.shape[1] == 1:
        weight = weight.reshape(-1)
    if weight.shape != shape[:weight.ndim]:
        steps = f", or {tuple(shape[:2])} for one a step" if len(shape) > 1 and shape[1:] != (1,) else ""
        raise ShapeError(f"{who}: sample_weight must have shape ({shape[0]},), one weight a row{steps}, got {weight.shape}")
    if not np.all(np.isfinite(weight)):
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(weight))[0])
        raise ValueError(f"{who}: sample_weight must be finite, got {weight[at]} in row {at[0]}")
    return weight


def labels_of(who, y, why):
    """Return the class of each row (rows,) int64: of integer labels (n,) or (n, 1), or of one-hot rows (n, classes)."""
    if y.ndim == 2 and y.shape[1] > 1:
        ones = np.count_nonzero(y == 1, axis=1)
        if not (np.all(ones == 1) and np.all(np.count_nonzero(y, axis=1) == 1)):
            raise ValueError(f"{who}: {why} needs one class a row, but y of shape {y.shape} is not one-hot")
        return np.argmax(y, axis=1)
    if not (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)):
        raise ShapeError(f"{who}: {why} needs one class a row, got y of shape {y.shape}")
    flat = y.reshape(-1)
    if flat.dtype.kind == "f":
        if not np.all(np.isfinite(flat)) or not np.all(flat == np.floor(flat)):
            raise ValueError(f"{who}: {why} needs class numbers in y, got fractions")
    return flat.astype(np.int64)


def class_weights_to_sample_weights(who, class_weight, y, sample_weight=None, dtype="float32"):
    """Return the weight of each row: that of its class (1 for a class not named), times its own if it has one.

    Args:  class_weight: a dict from class number to weight >= 0.
           y: labels (n,) or (n, 1), or one-hot (n, classes).
    """
    if not isinstance(class_weight, dict):
        raise TypeError(f"{who}: class_weight must be a dict from class number to weight, got {show(class_weight)}")
    labels = labels_of(who, y, "class_weight")
    weight = np.ones(len(labels), dtype=dtype)
    for label, value in class_weight.items():
        if not is_int(label):
            raise TypeError(f"{who}: class_weight must have class numbers as keys, got {show(label)}")
        if label < 0:
            raise ValueError(f"{who}: class_weight must have class numbers >= 0 as keys, got {show(label)}")
        weight[labels == int(label)] = in_range(who, f"class_weight[{int(label)}]", value, 0)
    return weight if sample_weight is None else weight * sample_weight


def split_validation(who, fraction, arrays, y=None):
    """Return (training, validation), two lists of arrays: the last rows are for validation, taken before any shuffling.

    The first floor(n * (1 - fraction)) rows train, as in Keras.  If y holds class numbers (or one-hot rows) and the last
    rows hold a class that the others lack, the data was probably sorted: that is warned of.

    Args:  arrays: those to split, all with n rows; None stays None.
           y: the targets, for the warning.
    """
    fraction = in_range(who, "validation_split", fraction, 0, 1, low_open=True, high_open=True)
    rows = next(len(array) for array in arrays if array is not None)
    split_at = math.floor(rows * (1 - fraction))
    if split_at in (0, rows):
        raise ValueError(f"{who}: validation_split={fraction} of {rows} rows leaves {split_at} to train on and "
                         f"{rows - split_at} to validate; change it or pass validation_data")
    if y is not None:
        _warn_of_unseen_classes(who, y, split_at)
    return ([None if array is None else array[:split_at] for array in arrays],
            [None if array is None else array[split_at:] for array in arrays])


def _warn_of_unseen_classes(who, y, split_at):
    one_hot = y.ndim == 2 and y.shape[1] > 1
    if one_hot:
        if not np.all((y == 0) | (y == 1)) or not np.all(y.sum(axis=1) == 1):
            return
        labels = np.argmax(y, axis=1)
    elif y.dtype.kind in "iub" and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)):
        labels = y.reshape(-1)
    else:
        return
    seen = np.unique(labels[:split_at])
    held_out = np.unique(labels[split_at:])
    unseen = np.setdiff1d(held_out, seen)
    # few different values only: every row of an index column is "unseen"
    if len(unseen) and len(seen) + len(unseen) <= max(100, len(labels) // 10):
        shown = ", ".join(str(label) for label in unseen[:5])
        warnings.warn(f"{who}: validation_split takes the last rows, and class {shown} occurs only there; shuffle the data first, "
                      f"or use pydl.utils.train_test_split(x, y, stratify=y)", UserWarning, stacklevel=3)
