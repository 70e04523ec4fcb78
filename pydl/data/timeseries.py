"""Windows of a series as a dataset, cut out batch by batch."""
import numpy as np

from pydl import random
from pydl.data.arrays import as_batch
from pydl.data.dataset import PyDataset
from pydl.errors import ShapeError, boolean, integer, positive_int


class TimeseriesDataset(PyDataset):
    """What `timeseries_dataset_from_array` returns."""
    keeps_order = True

    def __init__(self, data, targets, starts, offsets, batch_size, seed):
        super().__init__()
        self.data, self.targets, self.starts, self.offsets, self.batch_size, self.seed = data, targets, starts, offsets, batch_size, seed
        self.on_epoch_begin()

    def on_epoch_begin(self):
        """Put the windows in the order of this epoch: here, and not where a worker fetches a batch."""
        self.ordered = self.starts if self.seed is None else self.starts[random.permutation(len(self.starts), self.seed, self.epoch)]

    def __len__(self):
        return -(-len(self.starts) // (self.batch_size or 1))

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"TimeseriesDataset: there are batches 0 to {len(self) - 1}, got {index}")
        starts = self.ordered[index] if self.batch_size is None else self.ordered[index * self.batch_size:(index + 1) * self.batch_size]
        x = self.data[starts[..., None] + self.offsets]
        return x if self.targets is None else (x, self.targets[starts])

    def __iter__(self):
        self.on_epoch_begin()
        return map(self.__getitem__, range(len(self)))


def timeseries_dataset_from_array(data, targets, sequence_length, sequence_stride=1, sampling_rate=1, batch_size=128, shuffle=False, seed=None,
                                  start_index=None, end_index=None):
    """Cut a series into windows: a dataset for `fit`, `evaluate` and `predict`, and for loops, whose batches are made when they are asked for.

    Window i holds data[s], data[s + sampling_rate], ..., sequence_length steps, with s = start_index + i * sequence_stride; its target is targets[s].
    So to tell the step behind each window from it, pass targets=data[sequence_length * sampling_rate:].  Windows without a target are left out.

    Args:      data: the steps, one after the other; targets: what belongs to the window that begins at each, or None.
               sequence_length: steps a window.    sequence_stride: from one window's beginning to the next's.
               sampling_rate: from one step of a window to its next.
               batch_size: windows a batch, the last one may be smaller; None gives single windows, without an axis for the batch.
               shuffle: windows in a new order each epoch, a function of seed and epoch; without it they stay in the order of time, whatever
               fit's own shuffle says.    seed: an integer; a new one by default.
               start_index, end_index: only data[start_index:end_index] is used.
    Returns:   a `pydl.utils.PyDataset`; there is no `format`, for Keras's other kinds of datasets.
    Shapes:    data (T, ...), targets (T', ...) -> batches x (batch_size, sequence_length, ...), y (batch_size, ...); x alone without targets.
    Raises:    ValueError or TypeError naming the argument, ShapeError if the series holds no window.
    Example:
        >>> import numpy as np, pydl
        >>> series = np.arange(8)
        >>> for x, y in pydl.utils.timeseries_dataset_from_array(series, series[3:], sequence_length=3, batch_size=2):
        ...     print(x.tolist(), y.tolist())
        [[0, 1, 2], [1, 2, 3]] [3, 4]
        [[2, 3, 4], [3, 4, 5]] [5, 6]
        [[4, 5, 6]] [7]
    """
    who = "timeseries_dataset_from_array"
    data, targets = as_batch(who, "data", data), None if targets is None else as_batch(who, "targets", targets)
    steps = len(data)
    length, rate = positive_int(who, "sequence_length", sequence_length), positive_int(who, "sampling_rate", sampling_rate)
    stride = integer(who, "sequence_stride", sequence_stride, 1, max(1, steps - 1))
    batch_size = None if batch_size is None else positive_int(who, "batch_size", batch_size)
    start = 0 if start_index is None else integer(who, "start_index", start_index, 0, steps - 1)
    end = steps if end_index is None else integer(who, "end_index", end_index, start + 1, steps)
    seed = None if seed is None else integer(who, "seed", seed, 0)
    if not boolean(who, "shuffle", shuffle):
        seed = None
    elif seed is None:
        seed = random.next_seed()
    reach = (length - 1) * rate + 1
    if reach > end - start:
        raise ShapeError(f"{who}: {end - start} steps of data hold no window of sequence_length {length} at sampling_rate {rate}, which reaches over {reach}")
    last = end - reach + 1
    if targets is not None:
        last = min(last, len(targets))
        if last <= start:
            raise ShapeError(f"{who}: targets end before the first window begins: there are {len(targets)}, and start_index is {start}")
    return TimeseriesDataset(data, targets, np.arange(start, last, stride), np.arange(length) * rate, batch_size, seed)
