"""Record, then replay: the second life of a step.

A step's first run (for given shapes) is eager and recorded.  So is the second, and the two recordings are compared:
same calls, same settings, same constants by content.  Only twins are replayed, from then on in one call into C.
Whatever a user's Python changes from step to step shows as a difference, is named once, and the step stays eager:
never fast and wrong.  At runs 10, 100, 1000, ... the step is recorded and compared again; a late difference is an error.
"""
import os
import threading
import warnings
from collections import OrderedDict, deque

import numpy as np

from pydl.backends import cpu as B
from pydl.errors import show
from pydl.kernels._common import Arena, Array, KernelError, Program, Recording, physical_memory_bytes, recording_is_open, settings_version
from pydl.tensor import Tensor, gradients_wanted, made_by, structure_version

MOST_PROGRAMS = 32                                  # kept per store; the least recently used goes first
MOST_BYTES = physical_memory_bytes() // 4           # of their arenas together
MOST_LANES = os.cpu_count() or 1                    # of one step at the same time; more callers wait


class CaptureWarning(UserWarning):
    """A step cannot be replayed and runs eagerly: right, but slower."""


class Step:
    """One function of arrays at given shapes: eager and recorded twice, then replayed.

    function: takes the arrays of `inputs`, returns a flat list of Arrays (the results).
    inputs: owned Arrays, filled by the caller before each run.
    """

    def __init__(self, function, inputs, who, strict=False):
        self.function, self.inputs, self.who, self.strict = function, inputs, who, strict
        self.lock = threading.RLock()
        self.arena = self.first = self.program = self.reason = None
        self.runs = 0
        self.check_at = 10
        self.lanes = Lanes()

    @property
    def nbytes(self):
        mine = self.program.nbytes if self.program is not None else self.arena.peak if self.arena is not None else 0
        return mine + sum(lane.nbytes for lane in self.lanes.others)

    def take(self):
        """This step, or one like it with inputs and an arena of its own, which nobody else runs until it is given back.

        Where the step is replayed and changes nothing but its results, several threads of Python run at the same time, each in its own lane;
        other steps have one lane, and callers wait.
        """
        return self.lanes.take(self)

    def give(self, lane):
        """Give back what `take` returned: its results were copied."""
        self.lanes.give(self, lane)

    def run(self):
        """Run once on what `inputs` hold now; returns the results, valid until the next run."""
        if self.program is not None:
            self.runs += 1
            if self.runs == self.check_at:
                return self._check_again()
            try:
                self.program.run()
            except KernelError:
                self.function(*self.inputs)     # run eagerly, the same step raises with the name that the user gave the thing
                raise
            return self.program.outputs
        if self.reason is not None or recording_is_open():      # inside another recording: part of that step
            return self.function(*self.inputs)
        self.runs += 1
        if self.first is None:
            self.arena = Arena()
            self.first, results = self._record(None)
            return results
        second, results = self._record(self.first)
        self.reason = self.first.difference(second)
        if self.reason is None:
            self.program, self.first = Program(second, self.inputs, results), None
            return results
        self.first = None
        if self.strict:
            raise RuntimeError(f"{self.who}: the step cannot be recorded: {self.reason}")
        warnings.warn(f"{self.who}: this step runs eagerly, because it cannot be replayed: {self.reason}", CaptureWarning, stacklevel=3)
        return results

    def _record(self, previous):
        recording = Recording(self.arena, previous)
        with recording:
            results = self.function(*self.inputs)
        return recording, results

    def _check_again(self):
        self.check_at *= 10
        try:
            again, results = self._record(self.program.recording)
        except BaseException:                           # the arena begins anew, the old program's results are gone: so does the step
            self.program, self.runs, self.check_at = None, 0, 10
            raise
        difference = self.program.recording.difference(again)
        if difference is not None:
            raise RuntimeError(f"{self.who}: step {self.runs} is not the step that was recorded: {difference}; "
                               "the steps in between replayed the old one. Use run_eagerly=True, or keep the step the same")
        self.program = Program(again, self.inputs, results)
        return results


class Lanes:
    """Steps of one function, as many as may run at the same time; made when they are needed first.

    first is the step that owns the lanes.  Among the idle it is None, so that no step holds itself: its arena goes with it at once.
    """

    def __init__(self):
        self.others, self.idle = [], deque([None])
        self.guard, self.waiting, self.holders = threading.Condition(), 0, {}

    def take(self, first):
        """An idle lane, whose lock is held; where all that there may be are at work, the first that is done."""
        try:
            step = self.idle.pop() or first         # the one used last: its memory is in the cache
        except IndexError:
            step = self._another(first) or first
        me = threading.get_ident()
        self.holders[me] = self.holders.get(me, 0) + 1
        step.lock.acquire()
        return step

    def give(self, first, step):
        """A lane is idle again."""
        me = threading.get_ident()
        self.holders[me] -= 1
        if not self.holders[me]:
            del self.holders[me]
        step.lock.release()
        self.idle.append(None if step is first else step)
        if self.waiting:
            with self.guard:
                self.guard.notify()

    def _another(self, first):
        with self.guard:
            several = first.program is not None and first.program.recording.pure
            # who holds a lane already, inside another call, must not wait for itself
            if several and len(self.others) + 1 < MOST_LANES or threading.get_ident() in self.holders:
                step = Step(first.function, [B.owned(a.shape, a.dtype) for a in first.inputs], first.who, first.strict)
                self.others.append(step)
                return step
            self.waiting += 1
            try:
                while True:
                    try:
                        return self.idle.pop()
                    except IndexError:
                        self.guard.wait()
            finally:
                self.waiting -= 1


class Store:
    """Steps by key, the least recently used dropped first; a key holds shapes, dtypes and all that shapes a recording."""

    def __init__(self):
        self._steps = OrderedDict()
        self._lock = threading.Lock()
        self._recent = {}               # what a caller saw -> (versions, step): the way to a step without the checks that made its key

    def get(self, key, make):
        """The step of this key, made by `make()` if there is none for the library's present settings."""
        key = (key, settings_version(), structure_version())
        step = self._steps.get(key)
        if step is None:
            with self._lock:
                for old in [k for k in self._steps if k[1:] != key[1:]]:
                    del self._steps[old]                        # made under settings that are no more
                self._recent.clear()                        # a step dropped here must not live on there
                step = self._steps[key] = make()
                while len(self._steps) > MOST_PROGRAMS or (
                        len(self._steps) > 1 and sum(s.nbytes for s in self._steps.values()) > MOST_BYTES):
                    self._steps.popitem(last=False)
        else:
            self._steps.move_to_end(key)
        return step

    def recent(self, seen):
        """The step that `remember` was told of under this key, unless settings have changed since; else None."""
        versions, step = self._recent.get(seen, (None, None))
        return step if versions == (settings_version(), structure_version()) else None

    def remember(self, seen, step):
        """Remember which step serves what a caller sees."""
        self._recent[seen] = (settings_version(), structure_version()), step

    def items(self):
        """[(key, Step)], the least recently used first."""
        return [(key[0], step) for key, step in self._steps.items()]

    def clear(self):
        self._steps.clear()
        self._recent.clear()

    def __len__(self):
        return len(self._steps)


def function(f=None, *, strict=False):
    """Make a function of arrays that records itself and replays in C: for serving and for training loops of your own.

    Args:      f: takes Tensors, arrays, and plain values (which are part of the key); returns Tensors, alone or nested
                   in tuples, lists and dicts. Usable as a decorator.
               strict: raise where the function cannot be replayed, instead of going on eagerly with a warning.
    Gradients: none through the result: call `pydl.grad` inside. (While gradients of the result are asked for by an
               enclosing `pydl.grad`, or inside another recording, the function runs as ordinary Python.)
    Raises:    RuntimeError if a recorded function later turns out to change from call to call.
    Threads:   several threads of Python may call one function. What changes nothing but its results runs for as many of them at the same
               time as there are CPUs, each call with memory of its own; what changes more (weights, a stream of random numbers) runs in turn.
    Example:
        >>> import pydl
        >>> double = pydl.function(lambda x: x * 2)
        >>> [double(pydl.Tensor([float(i)])).item() for i in range(4)]
        [0.0, 2.0, 4.0, 6.0]

        Serving, with what comes before and after the network in the same replayed step; no_grad lets layers run as one and keeps weights packed:

        >>> from pydl import layers, ops
        >>> model = pydl.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(),
        ...                          layers.Flatten(), layers.Dense(10)])
        >>> @pydl.function(strict=True)
        ... def classify(images):
        ...     with pydl.no_grad():
        ...         return ops.argmax(model(images * (1 / 255.0)), axis=-1)
        >>> classify(pydl.ops.ones((2, 8, 8, 3))).shape
        (2,)
    """
    if f is None:
        return lambda g: function(g, strict=strict)
    if not callable(f):
        raise TypeError(f"function: expected a callable, got {show(f)}")
    store = Store()
    who = f"function '{getattr(f, '__name__', type(f).__name__)}'"

    def call(*args, **kwargs):
        if recording_is_open():
            return f(*args, **kwargs)
        slots, key, rebuild = _split(args, kwargs)
        if any(isinstance(s, Tensor) and s.needs_gradient for s in slots) and gradients_wanted():
            return f(*args, **kwargs)

        def make():
            shape_of_result = []

            def run(*arrays):
                given, named = rebuild([made_by(a, None, 0) for a in arrays])
                flat = []
                shape_of_result[:] = [_flatten(f(*given, **named), flat)]
                return flat
            step = Step(run, [B.owned(s.shape, s.dtype) for s in slots], who, strict)
            step.shape_of_result = shape_of_result
            return step
        step = store.get((gradients_wanted(), key), make)       # inside no_grad layers may run as one: other calls
        lane = step.take()
        try:
            for slot, given in zip(lane.inputs, slots):
                B.assign(slot, np.asarray(given))
            flat = [made_by(B.from_numpy(np.asarray(a)), None, 0) for a in lane.run()]
        finally:
            step.give(lane)
        return _unflatten(step.shape_of_result[0], iter(flat))
    call.__name__, call.__doc__, call.__wrapped__ = getattr(f, "__name__", "call"), f.__doc__, f
    call.programs = store
    return call


def _split(args, kwargs):
    """Arrays among the arguments, the key of the rest, and a function that puts them together again."""
    slots, key = [], []
    items = list(enumerate(args)) + list(kwargs.items())
    for name, value in items:
        if isinstance(value, Array):
            value = made_by(value, None, 0)
        if isinstance(value, (Tensor, np.ndarray)) and not _is_parameter(value):
            key.append((name, value.shape, value.dtype.name))
            slots.append(value)
        else:
            try:
                hash(value)
            except TypeError:
                raise TypeError(f"function: argument {name!r} must be an array or hashable, got {show(value)}") from None
            key.append((name, value))

    def rebuild(tensors):
        waiting, positional, named = iter(tensors), [], {}
        for name, value in items:
            if isinstance(value, (Tensor, np.ndarray, Array)) and not _is_parameter(value):
                value = next(waiting)
            if isinstance(name, int):
                positional.append(value)
            else:
                named[name] = value
        return positional, named
    return slots, tuple(key), rebuild


def _is_parameter(value):
    return isinstance(value, Tensor) and type(value) is not Tensor


def _flatten(value, flat):
    """Append the arrays of nested results to `flat`; return their shape for `_unflatten`."""
    if isinstance(value, Tensor):
        flat.append(value.array)
        return Tensor
    if isinstance(value, (tuple, list)):
        return type(value), [_flatten(v, flat) for v in value]
    if isinstance(value, dict):
        return dict, {k: _flatten(v, flat) for k, v in value.items()}
    if value is None:
        return None
    raise TypeError(f"function: results must be Tensors, alone or in tuples, lists and dicts, got {show(value)}")


def _unflatten(shape, tensors):
    if shape is None:
        return None
    if shape is Tensor:
        return next(tensors)
    kind, parts = shape
    if kind is dict:
        return {k: _unflatten(v, tensors) for k, v in parts.items()}
    return kind([_unflatten(p, tensors) for p in parts])
