"""Windows of a long sequence of numbers, to train language models on."""
import numpy as np

from pydl.callbacks import Callback
from pydl.data.arrays import as_array
from pydl.errors import DTypeError, ShapeError, one_of, positive_int


def _ids(who, ids):
    ids = as_array(who, "ids", ids)
    if ids.dtype.kind not in "iu":
        raise DTypeError(f"{who}: ids must be integers, got {ids.dtype}")
    if ids.ndim != 1:
        raise ShapeError(f"{who}: ids must be one sequence, got shape {ids.shape}")
    return ids


def windows(ids, length, stride=None, targets="all"):
    """Cut a sequence into windows and what follows: (x, y) to train a language model on.

    Args:      ids: the numbers of a text.    length: of a window.
               stride: from one window's beginning to the next's; by default length, so that windows do not overlap.
               targets: "all", the next number after each of a window (many to many); "next", the one after the window (many to one).
    Shapes:    ids (T,) -> x (n, length), y (n, length) or (n,); n = (T - 1 - length) // stride + 1
    Raises:    ShapeError if the sequence is too short for one window.
    Example:
        >>> from pydl.text import windows
        >>> x, y = windows([1, 2, 3, 4, 5], 2)
        >>> x.tolist(), y.tolist()
        ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    who = "windows"
    ids, length = _ids(who, ids), positive_int(who, "length", length)
    stride = length if stride is None else positive_int(who, "stride", stride)
    targets = one_of(who, "targets", targets, ("all", "next"))
    if len(ids) < length + 1:
        raise ShapeError(f"{who}: {len(ids)} numbers hold no window of {length} and its next one")
    cut = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return cut[:, :-1].copy(), (cut[:, 1:] if targets == "all" else cut[:, -1]).copy()


def streams(ids, batch_size, length):
    """Cut a sequence into `batch_size` streams that run side by side, in windows: (x, y) for a stateful model.

    Row i of batch k is the k-th window of stream i, so a model with stateful=True that is fed the batches in order (fit with this batch_size,
    shuffle=False and ResetStates()) carries each stream's state on: back-propagation through time, truncated after `length` steps.

    Shapes:    ids (T,) -> x, y (k * batch_size, length), k = ((T - 1) // batch_size) // length; what is left over at the streams' ends is left out.
    Raises:    ShapeError if the sequence is too short for one window a stream.
    Example:
        >>> from pydl.text import streams
        >>> x, y = streams(range(9), batch_size=2, length=2)
        >>> x.tolist()
        [[0, 1], [4, 5], [2, 3], [6, 7]]
    """
    who = "streams"
    ids = _ids(who, list(ids) if isinstance(ids, range) else ids)
    batch_size, length = positive_int(who, "batch_size", batch_size), positive_int(who, "length", length)
    each = max(len(ids) - 1, 0) // batch_size
    batches = each // length
    if not batches:
        raise ShapeError(f"{who}: {len(ids)} numbers hold no {batch_size} streams with a window of {length} and its next number")

    def cut(part):
        rows = part[:batch_size * each].reshape(batch_size, each)[:, :batches * length]
        return rows.reshape(batch_size, batches, length).swapaxes(0, 1).reshape(-1, length).copy()
    return cut(ids[:-1]), cut(ids[1:])


class ResetStates(Callback):
    """Set the states that stateful layers carry to zeros, where an epoch and where a validation begins.

    Example:
        >>> import numpy as np, pydl
        >>> from pydl import layers, text
        >>> x, y = text.streams(np.arange(41) % 5, batch_size=4, length=5)
        >>> model = pydl.Sequential([layers.Embedding(5, 3), layers.GRU(4, return_sequences=True, stateful=True), layers.Dense(5)])
        >>> model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> history = model.fit(x, y, batch_size=4, shuffle=False, callbacks=[text.ResetStates()], verbose=0)
    """

    def _reset(self):
        for layer in self.model.layers_inside:
            if getattr(layer, "stateful", False):
                layer.reset_states()

    def on_epoch_begin(self, epoch, logs=None):
        self._reset()

    def on_test_begin(self, logs=None):
        self._reset()
