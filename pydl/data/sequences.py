"""Sequences of different lengths as one array."""
import numpy as np

from pydl.errors import DTypeError, ShapeError, one_of, positive_int, show


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Bring sequences to one length: shorter ones are filled up, longer ones cut.

    Args:      sequences: a list of sequences: of numbers, or of arrays of one shape (the first that is not empty says which).
               maxlen: the length; by default that of the longest.
               dtype: of the result; float32 or the like for sequences of real numbers.
               padding: "pre" or "post": fill up before or behind.    truncating: "pre" or "post": cut the beginning or the end.
               value: what to fill up with.
    Shapes:    n sequences (t, ...) -> (n, maxlen, ...)
    Raises:    ShapeError where an element has another shape, DTypeError where fractions would be cut off, both naming the sequence.
    Example:
        >>> import pydl
        >>> pydl.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
        [[0, 1], [2, 3], [5, 6]]
    """
    who = "pad_sequences"
    if isinstance(sequences, (str, bytes)) or not hasattr(sequences, "__len__"):
        raise TypeError(f"{who}: sequences must be a list of sequences, got {show(sequences)}")
    padding, truncating = one_of(who, "padding", padding, ("pre", "post")), one_of(who, "truncating", truncating, ("pre", "post"))
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"{who}: dtype must name an element type, got {show(dtype)}") from None
    if isinstance(value, str) and dtype.kind not in "OSU":
        raise DTypeError(f"{who}: value {show(value)} is text and dtype {dtype.name} is not; dtype=object takes texts of any length")
    filling = _filling(who, value, dtype)
    rows = [_row(who, i, sequence, dtype) for i, sequence in enumerate(sequences)]
    if maxlen is None:
        if not rows:
            raise ShapeError(f"{who}: there are no sequences, so maxlen cannot be told from them; pass it")
        maxlen = max(len(row) for row in rows)
    else:
        maxlen = positive_int(who, "maxlen", maxlen)
    shape = next((row.shape[1:] for row in rows if len(row)), ())
    try:
        result = np.full((len(rows), maxlen, *shape), filling)
    except (ValueError, MemoryError):
        raise ShapeError(f"{who}: {len(rows)} sequences of maxlen {maxlen} do not fit in memory") from None
    for i, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != shape:
            raise ShapeError(f"{who}: sequence {i} has elements of shape {row.shape[1:]}, those before have {shape}")
        row = row[-maxlen:] if truncating == "pre" else row[:maxlen]
        if padding == "post":
            result[i, :len(row)] = row
        else:
            result[i, maxlen - len(row):] = row
    return result


def _filling(who, value, dtype):
    """`value` as an element of the dtype, which must be able to hold it."""
    try:
        with np.errstate(all="ignore"):
            filling = np.asarray(value).astype(dtype)
        kept = filling.ndim == 0 and (dtype.kind not in "iub" or filling == value)
    except (TypeError, ValueError, OverflowError):
        kept = False
    if not kept:
        raise DTypeError(f"{who}: value must be one element of dtype {dtype.name}, got {show(value)}")
    return filling


def _row(who, i, sequence, dtype):
    """A sequence as an array of the dtype."""
    if not hasattr(sequence, "__len__"):
        raise TypeError(f"{who}: sequence {i} must be a sequence, got {show(sequence)}")
    if not len(sequence):
        return np.empty((0,), dtype)
    if isinstance(sequence, str):
        sequence = list(sequence)
    try:
        given = np.asarray(sequence, dtype=dtype if dtype.kind in "OSU" else None)
        row = given.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{who}: sequence {i} cannot be turned into {dtype.name}: {error}") from None
    if given.dtype.kind == "c" and dtype.kind not in "cOSU":
        raise DTypeError(f"{who}: sequence {i} holds complex numbers, which {dtype.name} does not")
    if dtype.kind in "iu" and given.dtype.kind in "fiu" and not np.array_equal(row, given):
        raise DTypeError(f"{who}: sequence {i} holds numbers that {dtype.name} does not ({show(given[row != given].reshape(-1)[0].item())}); "
                         "pass dtype='float32' for real numbers")
    return row
