"""PyDataset: data that is made or read batch by batch; and how its batches are fetched ahead of the step that needs them."""
import collections.abc
import itertools
import random as python_random
from collections import deque

import numpy as np

from pydl import random
from pydl.errors import boolean, non_negative_int, positive_int, show


class PyDataset:
    """Data in numbered batches.  Subclasses define `__len__`, the number of batches, and `__getitem__(i)`, which returns batch i.

    A batch is (x, y) or (x, y, sample_weight), or x alone for `predict`; x and y as `fit` takes them.  With fit's shuffle the
    numbers come in a new order each epoch, unless the class says `keeps_order = True`.  Random numbers inside should be a function
    of i and of `self.epoch`, the number of epochs the model was trained before: then a run is the same for any number of workers,
    and after an interruption.

    Args:      workers: how many threads (or processes) fetch batches while the step before runs; 0 fetches in the main thread.
               use_multiprocessing: processes in place of threads, for batches that keep Python busy; NumPy's and Python's own
                   random numbers are seeded there by the batch.
               max_queue_size: how many batches may wait.
    Raises:    ValueError or TypeError naming the argument.
    Example:
        >>> import numpy as np, pydl
        >>> class Ramp(pydl.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         x = np.arange(4.0).reshape(4, 1) + i
        ...         return x, 2 * x
        >>> model = pydl.Sequential([pydl.layers.Input((1,)), pydl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.fit(Ramp(workers=2), epochs=2, verbose=0).epoch
        [0, 1]
    """
    _workers, _use_multiprocessing, _max_queue_size = 1, False, 10      # also of a subclass that does not call super().__init__
    epoch = 0
    keeps_order = False

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    @property
    def workers(self):
        """How many threads or processes fetch batches."""
        return self._workers

    @workers.setter
    def workers(self, value):
        self._workers = non_negative_int(type(self).__name__, "workers", value)

    @property
    def use_multiprocessing(self):
        """Whether batches are fetched in processes."""
        return self._use_multiprocessing

    @use_multiprocessing.setter
    def use_multiprocessing(self, value):
        self._use_multiprocessing = boolean(type(self).__name__, "use_multiprocessing", value)

    @property
    def max_queue_size(self):
        """How many batches may wait."""
        return self._max_queue_size

    @max_queue_size.setter
    def max_queue_size(self, value):
        self._max_queue_size = positive_int(type(self).__name__, "max_queue_size", value)

    def __len__(self):
        raise TypeError(f"{type(self).__name__}: define __len__(self), the number of batches")

    def __getitem__(self, index):
        raise TypeError(f"{type(self).__name__}: define __getitem__(self, index), which returns a batch")

    def on_epoch_begin(self):
        """Called before each epoch, while no batch is being fetched."""

    def on_epoch_end(self):
        """Called after each epoch, while no batch is being fetched."""


def is_stream(x):
    """Tell whether x gives batches one after the other (a PyDataset, a generator, a data loader) instead of being an array."""
    if isinstance(x, PyDataset) or hasattr(x, "__next__"):
        return True
    if isinstance(x, (np.ndarray, dict, str, bytes, collections.abc.Sequence, collections.abc.Set)) or not hasattr(x, "__iter__"):
        return False
    if any(hasattr(x, name) for name in ("__array__", "__dlpack__", "__array_interface__")):
        return False
    try:
        memoryview(x)
    except TypeError:
        return True
    return False                        # anything with the buffer protocol is an array


def unpack(who, item):
    """(x, y, sample_weight) of what a stream gave; None for what is not there."""
    if not isinstance(item, (tuple, list)):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise ValueError(f"{who}: a batch must be x, (x, y) or (x, y, sample_weight), got {len(item)} parts: {show(item)}")
    return (*item, *[None] * (3 - len(item)))


def threads(count):
    """An executor of so many threads."""
    from concurrent.futures import ThreadPoolExecutor  # not for those who only import pydl
    return ThreadPoolExecutor(count, thread_name_prefix="pydl-data")


END = object()          # what a stream that has run out gives


class Ahead:
    """The results of call(argument) for every argument in turn, made by workers while earlier ones are in use; in order.

    depth: how many may be under way or waiting.  After the last one, `next` raises StopIteration.
    """

    def __init__(self, executor, call, arguments, depth):
        self.executor, self.call, self.arguments, self.depth = executor, call, iter(arguments), depth
        self.waiting = deque()

    def __iter__(self):
        return self

    def _fill(self):
        while len(self.waiting) < self.depth:
            argument = next(self.arguments, END)
            if argument is END:
                return
            self.waiting.append(self.executor.submit(self.call, argument))

    def __next__(self):
        self._fill()
        if not self.waiting:
            raise StopIteration
        result = self.waiting.popleft().result()
        self._fill()                    # the place that is free now is worked at while the caller uses the result
        return result

    def close(self):
        """Drop what nobody will ask for; wait for what is under way."""
        self.arguments = iter(())
        for future in self.waiting:
            future.cancel()
        for future in self.waiting:
            if not future.cancelled():
                future.exception()
        self.waiting.clear()


_of_worker = None       # the dataset of a worker process


def _adopt(dataset):
    global _of_worker
    _of_worker = dataset


def _item_in_process(argument):
    i, seed = argument
    np.random.seed(seed % 2**32)
    python_random.seed(seed)
    return _of_worker[i]


class Batches:
    """The batches of a PyDataset, epoch by epoch."""

    def __init__(self, who, dataset):
        self.who, self.dataset = who, dataset
        self.steps = len(dataset)
        if self.steps < 1:
            raise ValueError(f"{who}: {type(dataset).__name__} has no batches: its length is {self.steps}")
        self.executor = self.ahead = None
        self.seed = 0

    def begin(self, seed, epoch, shuffle, first, steps):
        """Start an epoch at its batch number `first`; seed and epoch decide the order."""
        self.dataset.epoch = epoch
        self.dataset.on_epoch_begin()
        order = random.permutation(self.steps, seed, epoch).tolist() if shuffle and not self.dataset.keeps_order else range(self.steps)
        order = order[first:steps]
        if not self.dataset.workers:
            self.ahead = map(self.dataset.__getitem__, order)
            return
        if self.executor is None:
            self.executor = self._executor()
        depth = max(self.dataset.max_queue_size, 1)
        if self.dataset.use_multiprocessing:
            arguments = [(i, random.mixed_seed(seed, epoch, i)) for i in order]
            self.ahead = Ahead(self.executor, _item_in_process, arguments, depth)
        else:
            self.ahead = Ahead(self.executor, self.dataset.__getitem__, order, depth)

    def _executor(self):
        if not self.dataset.use_multiprocessing:
            return threads(self.dataset.workers)
        import multiprocessing  # brings in half the standard library: only where it is used
        from concurrent.futures import ProcessPoolExecutor
        how = "fork" if "fork" in multiprocessing.get_all_start_methods() else None      # else the dataset must be picklable
        return ProcessPoolExecutor(self.dataset.workers, multiprocessing.get_context(how), _adopt, (self.dataset,))

    def next(self):
        return next(self.ahead, END)

    def end(self):
        """An epoch is over, or given up."""
        if isinstance(self.ahead, Ahead):
            self.ahead.close()
        if self.executor is not None and self.dataset.use_multiprocessing:
            self.executor.shutdown()            # what on_epoch_end changes must reach the processes: the next epoch forks new ones
            self.executor = None
        self.dataset.on_epoch_end()

    def close(self, wait=True):
        if isinstance(self.ahead, Ahead) and wait:
            self.ahead.close()
        if self.executor is not None:
            self.executor.shutdown(wait=wait, cancel_futures=True)
            self.executor = None


class Items:
    """The items of an iterator, which goes on from epoch to epoch, or of an iterable, which begins anew each epoch.

    One thread fetches: an iterator is asked by one caller at a time.
    """
    AHEAD = 10

    def __init__(self, who, source):
        self.who, self.source, self.steps = who, source, None
        self.goes_on = hasattr(source, "__next__")
        self.iterator = self.ahead = None
        self.executor = threads(1)
        self.left = None                # how many more will be asked for in all epochs together; None: nobody knows

    def begin(self, seed, epoch, shuffle, first, steps):
        """Start an epoch; of an iterator `first` items were taken out before."""
        if self.iterator is None or not self.goes_on:
            self.close_ahead()
            self.iterator = iter(self.source)
            for _ in range(0 if self.goes_on else first):
                next(self.iterator, END)
            count = self.left if self.goes_on else None if steps is None else steps - first
            calls = itertools.repeat(None) if count is None else itertools.repeat(None, count)
            self.ahead = Ahead(self.executor, lambda _: next(self.iterator, END), calls, self.AHEAD)

    def next(self):
        return next(self.ahead, END)

    def end(self):
        if not self.goes_on:
            self.close_ahead()

    def close_ahead(self):
        if self.ahead is not None:
            self.ahead.close()

    def close(self, wait=True):
        if wait:
            self.close_ahead()
        self.executor.shutdown(wait=wait, cancel_futures=True)
