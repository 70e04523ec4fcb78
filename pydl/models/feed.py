"""Where the steps of fit, evaluate and predict get their batches: arrays in memory, a PyDataset, or a stream of batches."""
import numpy as np

from pydl import random
from pydl.backends import cpu as B
from pydl.data import arrays as data
from pydl.data.dataset import END, Batches, Items, PyDataset, is_stream, unpack
from pydl.errors import in_range, positive_int, show
from pydl.kernels._common import borrowed, settings_version
from pydl.models.objective import per_output
from pydl.tensor import structure_version


def least(length, limit):
    """The smaller of two numbers of batches; None is one that nobody knows."""
    return limit if length is None else length if limit is None else min(length, limit)


class Batch:
    """Checked data: inputs, targets and weights as lists of ndarrays with the same number of rows."""

    def __init__(self, xs, ys, weights, rows):
        self.parts, self.rows = (xs, ys, weights), rows

    def split_off(self, who, fraction):
        """Take the last rows out into a Batch of their own."""
        flat = [a for part in self.parts for a in part]
        first, last = data.split_validation(who, fraction, flat, self.parts[1][0] if self.parts[1] else None)

        def grouped(arrays):
            waiting = iter(arrays)
            return tuple([next(waiting) for _ in part] for part in self.parts)
        held_out = Batch(*grouped(last), len(last[0]))
        self.parts, self.rows = grouped(first), len(first[0])
        return held_out

    def check_targets(self, model, who):
        """Labels out of range and targets of the wrong shape are refused before the first step changes a weight."""
        ys = self.parts[1]
        if not ys:
            return
        shapes = model.declared_output_shapes() or [None] * len(ys)
        if len(shapes) != len(ys):
            raise ValueError(f"{who}: the model has {len(shapes)} outputs, y has {len(ys)}")
        objective = model._objective(len(shapes))
        for name, loss, y, shape in zip(objective.names, objective.losses, ys, shapes):
            if loss is not None and shape is not None:
                known = [self.rows] + [y.shape[i] if size is None and i < y.ndim else size for i, size in enumerate(shape)][1:]
                if None not in known:                           # an open axis is as long as the targets say: a sequence, an image
                    loss.check_targets(f"{who}: output '{name}'" if len(ys) > 1 else who, y, tuple(known))


class ArrayFeed:
    """Batches of arrays in memory, gathered in a given order by C kernels."""

    def __init__(self, model, batch, batch_size, shuffle=False):
        self.model, self.batch, self.batch_size, self.shuffle = model, batch, batch_size, shuffle
        self.sizes = [min(batch_size, batch.rows - start) for start in range(0, batch.rows, batch_size)]
        self.length = len(self.sizes)
        self.known = {}                                 # batch size -> (versions, Step)
        self.sources = [borrowed(a) for part in batch.parts for a in part if a is not None]
        self.order = B.owned((batch.rows,), "int64")
        B.assign(self.order, np.arange(batch.rows))
        self.used = 0

    def batches(self, seed, epoch, first, steps):
        """Start an epoch; the numbers of its batches, from `first` on."""
        if self.shuffle:
            random.permutation_into(self.order, seed, epoch)
        return range(first, steps)

    def run(self, kind, i):
        """Run a step on batch i: the rows order[i * batch_size : ...]."""
        size = self.sizes[i]
        version, step = self.known.get(size, (None, None))
        if version != (settings_version(), structure_version()):
            step = self.model._step(kind, *[[None if a is None else a[:size] for a in part] for part in self.batch.parts])
            self.known[size] = (settings_version(), structure_version()), step
        index = self.order.rows(i * self.batch_size, i * self.batch_size + size)
        with step.lock:
            for source, slot in zip(self.sources, step.inputs):
                B.gather_rows(source, index, slot)
            return step.run()

    def look(self):
        """Run a test step, so that the metrics know the shapes of targets and predictions."""
        self.run("test", 0)

    def skip(self, used):
        """Go on where an interrupted run stopped: a batch is found by its number."""

    def describe(self):
        """What has to be the same for an epoch to go on where it was interrupted."""
        return {"rows": self.batch.rows, "batch_size": self.batch_size, "shuffle": self.shuffle}

    def close(self, wait=True):
        """There is nothing to close."""


class StreamFeed:
    """Batches that a PyDataset, an iterator or an iterable gives, fetched ahead by its workers and checked one by one."""

    def __init__(self, model, who, source, class_weight=None, shuffle=False, predicting=False):
        self.model, self.who, self.class_weight, self.shuffle, self.predicting = model, who, class_weight, shuffle, predicting
        self.batches_of = Batches(who, source) if isinstance(source, PyDataset) else Items(who, source)
        self.length = self.batches_of.steps
        self.waiting, self.used, self.to_skip, self.batch = None, 0, 0, None
        self.begun = False

    def expect(self, steps, epochs):
        """Say how much of an iterator will be used, so that not more is taken out of it; None: all there is."""
        if isinstance(self.batches_of, Items):
            self.batches_of.left = None if steps is None else steps * epochs

    def first_batch(self, seed, epoch, steps):
        """Fetch the first batch of the first epoch before it begins: a model may learn its shapes from it."""
        self._begin(seed, epoch, 0, steps)
        item = self.batches_of.next()
        if item is END:
            raise ValueError(f"{self.who}: x gave no batch; a generator that was used before is empty, make a new one")
        self.waiting = self._checked(item)
        return self.waiting

    def _begin(self, seed, epoch, first, steps):
        self.batches_of.begin(seed, epoch, self.shuffle, first, steps)
        self.begun = True

    def _checked(self, item):
        x, y, weight = unpack(self.who, item)
        if self.predicting:
            return self.model._checked_inputs(self.who, x)
        batch = self.model._checked_data(self.who, x, y, weight, self.class_weight)
        batch.check_targets(self.model, self.who)
        return batch

    def look(self):
        """Run a test step on the first batch, so that the metrics know the shapes of targets and predictions."""
        self.batch = self.waiting
        self.run("test", 0)

    def skip(self, used):
        """Go on where an interrupted run stopped that had used so many items of an iterator."""
        self.to_skip = used

    def batches(self, seed, epoch, first, steps):
        """Start an epoch, and fetch its batches from number `first` on; yields the number of each while there is one."""
        if self.to_skip or first:                       # an interrupted run goes on: what was fetched to learn the shapes is not what comes next
            if not isinstance(self.batches_of, Items) or not self.batches_of.goes_on:
                self.waiting, self.begun = None, False
            elif self.waiting is not None and self.to_skip:
                self.waiting = None
                for _ in range(self.to_skip - 1):
                    if self.batches_of.next() is END:
                        raise ValueError(f"{self.who}: the generator gave fewer batches than the {self.to_skip} used before the interruption")
                self.used = self.to_skip
            self.to_skip = 0
        if not self.begun:
            self._begin(seed, epoch, first, steps)
        i = first
        try:
            while steps is None or i < steps:
                if self.waiting is not None:
                    self.batch, self.waiting = self.waiting, None
                else:
                    item = self.batches_of.next()
                    if item is END:
                        break
                    self.batch = self._checked(item)
                self.used += 1
                yield i
                i += 1
        finally:
            self.begun = False
            self.batches_of.end()

    def run(self, kind, i):
        """Run a step on the batch that was fetched last."""
        if self.predicting:
            return self.model.predict_on_rows(self.batch)
        step = self.model._step(kind, *self.batch.parts)
        return self.model.run_batch(step, [a for part in self.batch.parts for a in part if a is not None])

    def describe(self):
        """What has to be the same for an epoch to go on where it was interrupted."""
        return {"batches": self.length, "shuffle": self.shuffle}

    def close(self, wait=True):
        """Stop the workers; wait=False does not wait for a batch that is being made."""
        self.batches_of.close(wait)


class Feeding:
    """The part of a model that takes what users pass as data."""

    def _checked_inputs(self, who, x):
        """The inputs as ndarrays of the model's dtype (integers stay); builds the model if needed."""
        if x is None:
            raise TypeError(f"{who}: x is required")
        declared = getattr(self, "inputs", None)
        if declared:
            names = self.input_names
            if len(names) == 1 and type(x) is np.ndarray:
                xs = [data.as_batch(who, "x", x, self.dtype)]
            else:
                xs = data.as_batches(who, "x", x, names, self.dtype)
            for i, (a, symbol) in enumerate(zip(xs, declared)):
                if symbol.dtype.kind == "f" and a.dtype != self.dtype:
                    xs[i] = a.astype(self.dtype)
                self.check_declared(who, names[i], symbol.shape, a.shape)
            return xs
        several = isinstance(x, (list, tuple)) and len(x) > 0 and all(getattr(a, "ndim", 0) > 0 for a in x)
        xs = data.as_batches(who, "x", x, [f"input_{i}" for i in range(len(x))] if several else ("input",), self.dtype)
        if not self.built:
            self.build_from(xs)
        return xs

    def _checked_data(self, who, x, y, sample_weight=None, class_weight=None):
        if hasattr(x, "__next__") or callable(x):
            hint = "; call it: what it returns gives batches" if callable(x) else "; take a batch out of it first, or pass it to fit"
            raise TypeError(f"{who}: x must be an array (or a list or dict of arrays), got {show(x)}{hint}")
        xs = self._checked_inputs(who, x)
        if y is None and any(entry is not None for entry in self._losses()):
            raise TypeError(f"{who}: y is required: the loss compares it with the model's output")
        names = self._known_outputs() or (["output"] if not isinstance(y, (list, tuple)) else [f"output_{i + 1}" for i in range(len(y))])
        ys = [] if y is None else data.as_batches(who, "y", y, names, self.dtype)
        rows = data.check_lengths(who, {**{f"x{i or ''}": a for i, a in enumerate(xs)}, **{f"y{i or ''}": a for i, a in enumerate(ys)}})
        weights = [None] * len(ys)
        if sample_weight is not None:
            several = len(ys) > 1 or isinstance(sample_weight, dict)
            given = per_output(who, "sample_weight", sample_weight, names) if several else [sample_weight] * max(1, len(ys))
            shapes = [y.shape for y in ys] or [(rows,)]
            weights = [None if w is None else data.as_sample_weight(who, w, shape, self.dtype) for w, shape in zip(given, shapes)]
        if class_weight is not None:
            if len(ys) != 1:
                raise ValueError(f"{who}: class_weight needs a model with one output; use sample_weight")
            weights = [data.class_weights_to_sample_weights(who, class_weight, ys[0], weights[0], self.dtype)]
        return Batch(xs, ys, weights, rows)

    def _feeds(self, who, x, y, sample_weight, class_weight, batch_size, shuffle, validation_split, validation_data, validation_batch_size):
        """What gives the batches to train on, and those to validate on, or None."""
        validation_split = 0.0 if validation_split is None else in_range(who, "validation_split", validation_split, 0, 1, high_open=True)
        if validation_data is not None and validation_split:
            raise ValueError(f"{who}: give validation_split or validation_data, not both")
        if is_stream(x):
            if validation_split:
                raise ValueError(f"{who}: validation_split splits arrays; x is {show(x)}, so pass validation_data")
            feed = self._stream(who, x, y, sample_weight, batch_size, class_weight, shuffle)
        else:
            batch, size = self._checked_data(who, x, y, sample_weight, class_weight), 32 if batch_size is None else positive_int(who, "batch_size", batch_size)
            rest = batch.split_off(who, validation_split) if validation_split else None
            batch.check_targets(self, who)
            feed = ArrayFeed(self, batch, size, shuffle)
        size = validation_batch_size or (32 if batch_size is None else batch_size)
        if validation_data is None:
            if is_stream(x) or rest is None:
                return feed, None
        elif is_stream(validation_data):
            return feed, self._stream(f"{who}: validation_data", validation_data)
        else:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise TypeError(f"{who}: validation_data must be (x, y) or (x, y, sample_weight), got {show(validation_data)}")
            rest = self._checked_data(f"{who}: validation_data", *validation_data)
        rest.check_targets(self, who)
        return feed, ArrayFeed(self, rest, size)

    def _stream(self, who, x, y=None, sample_weight=None, batch_size=None, class_weight=None, shuffle=False, predicting=False):
        for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
            if value is not None:
                raise TypeError(f"{who}: {name} must not be given when x is no array but gives batches, as {type(x).__name__} does: "
                                "its batches are (x, y) or (x, y, sample_weight)")
        return StreamFeed(self, who, x, class_weight, shuffle, predicting)
