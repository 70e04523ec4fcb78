"""Random numbers that are a function of (seed, counter, position): the same for any number of threads, and on any machine.

One global seed stands behind everything that is not given a seed of its own: it hands out distinct seeds, in the
order in which they are asked for.  `set_random_seed` makes a program repeatable.
"""
import contextlib
import os
import threading

import numpy as np

from pydl import config, registry
from pydl.backends import cpu as B
from pydl.errors import LARGEST_INT, in_range, integer, is_int, one_of, show
from pydl.shapes import checked_size
from pydl.tensor import made_by, structure_changed

_WORD = (1 << 64) - 1
_lock = threading.Lock()


def _mixed(x):
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014): near numbers become far ones, no two become the same."""
    x = (x + 0x9E3779B97F4A7C15) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    return x ^ (x >> 31)


class _State:
    seed = _mixed(int.from_bytes(os.urandom(8), "little"))
    handed_out = 0
    generator = None


def set_random_seed(seed):
    """Fix every random number that follows: initial weights, dropout, shuffling.

    Args:      seed: an integer in [0, 2**63).
    Raises:    TypeError, ValueError for anything else.
    Example:
        >>> import pydl
        >>> pydl.random.set_random_seed(7)
        >>> a = pydl.random.normal((2,)).numpy()
        >>> pydl.random.set_random_seed(7)
        >>> bool((a == pydl.random.normal((2,)).numpy()).all())
        True
    """
    seed = integer("set_random_seed", "seed", seed, 0)
    with _lock:
        _State.seed, _State.handed_out, _State.generator = _mixed(seed), 0, None
    structure_changed()                 # recorded steps hold the old seed


def next_seed():
    """Return a seed not handed out before under this global seed: an integer in [0, 2**63)."""
    with _lock:
        _State.handed_out += 1
        return _mixed(_State.seed ^ _mixed(_State.handed_out)) & LARGEST_INT


def mixed_seed(*numbers):
    """Return a seed in [0, 2**63) that belongs to these integers >= 0."""
    seed = 0
    for number in numbers:
        seed = _mixed(seed ^ _mixed(number & _WORD))
    return seed & LARGEST_INT


def get_state():
    """Return the state behind `set_random_seed`, as a list of integers: how many seeds were handed out, and where the global stream is.

    Example:
        >>> import pydl
        >>> pydl.random.set_random_seed(7)
        >>> state = pydl.random.get_state()
        >>> a = pydl.random.uniform((2,)).numpy()
        >>> pydl.random.set_state(state)
        >>> bool((a == pydl.random.uniform((2,)).numpy()).all())
        True
    """
    with _lock:
        place = [] if _State.generator is None else [int(n) for n in np.asarray(_State.generator.stream)]
        return [_State.seed, _State.handed_out, *place]


def set_state(state):
    """Go on from a state that `get_state` returned."""
    state = [integer("random.set_state", "state", n, 0, _WORD) for n in state]
    if len(state) not in (2, 4):
        raise ValueError(f"random.set_state: state must be 2 or 4 integers, got {len(state)}")
    with _lock:
        same = _State.generator is not None and len(state) == 4      # recorded steps hold the stream of this generator
        _State.seed, _State.handed_out = state[:2]
        if not same:
            _State.generator = None if len(state) == 2 else SeedGenerator(state[2] & LARGEST_INT)
        if len(state) == 4:
            B.assign(_State.generator.stream, np.array(state[2:], np.uint64))
    if not same:
        structure_changed()


def seed_argument(who, seed):
    """Return the seed argument of a layer or initializer, checked: None, an integer in [0, 2**63), or a SeedGenerator."""
    return seed if seed is None or isinstance(seed, SeedGenerator) else integer(who, "seed", seed, 0)


def new_stream(seed, stream=None):
    """Return a stream, an Array (2,) of seed and counter, that starts at `seed`; or start the one given anew."""
    stream = B.owned((2,), "uint64") if stream is None else stream
    B.assign(stream, np.array([seed, 0], np.uint64))
    return stream


class SeedGenerator:
    """A stream of random numbers that moves on with each use, also when a recorded step is replayed.

    Args:      seed: an integer in [0, 2**63); a new one by default.
    Example:
        >>> import pydl
        >>> generator = pydl.random.SeedGenerator(3)
        >>> a, b = (pydl.random.uniform((2,), seed=generator).numpy() for _ in range(2))
        >>> bool((a != b).all())
        True
    """

    def __init__(self, seed=None):
        seed = seed_argument("SeedGenerator", seed)
        if isinstance(seed, SeedGenerator):
            raise TypeError("SeedGenerator: seed must be an integer, got a SeedGenerator")
        self.seed = next_seed() if seed is None else seed
        self.stream = new_stream(self.seed)

    def get_config(self):
        """Return the constructor's arguments by name."""
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)


def stream_of(seed):
    """Return (stream, whether to move it on after use) for a seed argument: an integer means the same numbers each time."""
    if is_int(seed):
        return B.from_numpy(np.array([seed, 0], np.uint64)), False
    if seed is None:
        with _lock:
            if _State.generator is None:
                _State.generator = SeedGenerator(_mixed(_State.seed) & LARGEST_INT)
            seed = _State.generator
    return seed.stream, True


def _empty(who, shape, dtype):
    if is_int(shape):
        shape = (int(shape),)
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"{who}: shape must be a tuple of integers, got {show(shape)}")
    checked_size(shape, 8, who)
    dtype = config.floatx() if dtype is None else getattr(dtype, "name", dtype)
    return B.empty(tuple(int(n) for n in shape), one_of(who, "dtype", dtype, ("float32", "float64")))


def _tensor(who, shape, dtype, seed, kernel, first, second):
    y = _empty(who, shape, dtype)
    stream, moves = stream_of(seed_argument(who, seed))
    kernel(stream, first, second, y)
    if moves:
        B.stream_advance(stream)
    return made_by(y, None, 0)


registry.register("random", SeedGenerator)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Draw uniform numbers in minval <= y < maxval.

    Args:      shape: a tuple of integers.
               seed: an integer, for the same numbers each time; a SeedGenerator; or None for the global stream.
    Dtypes:    float32 (a grid of 2**-24 of the range), float64 (2**-53).
    Source:    Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (2011), Philox4x32-10.
    Example:
        >>> import pydl
        >>> pydl.random.uniform((2, 3), seed=1).shape
        (2, 3)
    """
    minval, maxval = in_range("uniform", "minval", minval), in_range("uniform", "maxval", maxval)
    if maxval < minval:
        raise ValueError(f"uniform: maxval must be >= minval, got {minval} and {maxval}")
    return _tensor("uniform", shape, dtype, seed, B.random_uniform, minval, maxval)


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw normal numbers.  Arguments as in `uniform`.

    Source:    Wichura: Algorithm AS 241 (1988), the inverse of the distribution function.
    Example:
        >>> import pydl
        >>> pydl.random.normal((2, 3), seed=1).shape
        (2, 3)
    """
    mean, stddev = in_range("normal", "mean", mean), in_range("normal", "stddev", stddev, 0)
    return _tensor("normal", shape, dtype, seed, B.random_normal, mean, stddev)


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Draw normal numbers no further than two stddev from the mean.  Arguments as in `uniform`.

    Example:
        >>> import pydl
        >>> bool(abs(pydl.random.truncated_normal((100,), seed=1).numpy()).max() <= 2)
        True
    """
    mean, stddev = in_range("truncated_normal", "mean", mean), in_range("truncated_normal", "stddev", stddev, 0)
    return _tensor("truncated_normal", shape, dtype, seed, B.random_truncated_normal, mean, stddev)


def randint(shape, minval, maxval, seed=None):
    """Draw integers in minval <= y < maxval, int64.  Arguments as in `uniform`.

    Example:
        >>> import pydl
        >>> sorted(set(pydl.random.randint((100,), 0, 3, seed=1).numpy().tolist()))
        [0, 1, 2]
    """
    minval, maxval = integer("randint", "minval", minval), integer("randint", "maxval", maxval)
    if maxval <= minval:
        raise ValueError(f"randint: maxval must be above minval, got {minval} and {maxval}")
    y = B.empty(_empty("randint", shape, "float64").shape, "int64")
    stream, moves = stream_of(seed_argument("randint", seed))
    B.random_integers(stream, minval, maxval, y)
    if moves:
        B.stream_advance(stream)
    return made_by(y, None, 0)


def permutation_into(order, seed, epoch):
    """Overwrite `order`, an int64 Array (n,), by the permutation of 0 .. n - 1 that belongs to (seed, epoch)."""
    B.random_permutation(B.from_numpy(np.array([seed, epoch], np.uint64)), order)


def permutation(n, seed=None, epoch=0):
    """Return a permutation of 0 .. n - 1 as an int64 ndarray: a function of (seed, epoch) alone.

    Example:
        >>> import pydl
        >>> sorted(pydl.random.permutation(4, seed=1).tolist())
        [0, 1, 2, 3]
    """
    n = integer("permutation", "n", n, 0)
    seed = next_seed() if seed is None else integer("permutation", "seed", seed, 0)
    order = B.empty((n,), "int64")
    permutation_into(order, seed, integer("permutation", "epoch", epoch, 0))
    return np.array(order)


@contextlib.contextmanager
def undisturbed():
    """Leave the global seed and its stream as they were before the block: for looking at a model while it is trained.

    Example:
        >>> import pydl
        >>> pydl.random.set_random_seed(7)
        >>> with pydl.random.undisturbed():
        ...     a = pydl.random.uniform((2,)).numpy()
        >>> bool((a == pydl.random.uniform((2,)).numpy()).all())
        True
    """
    with _lock:
        generator = _State.generator
        kept = (_State.seed, _State.handed_out, generator, None if generator is None else np.array(generator.stream))
    try:
        yield
    finally:
        with _lock:
            _State.seed, _State.handed_out, _State.generator, place = kept
            if place is not None:
                B.assign(generator.stream, place)           # the same stream: recorded steps hold it
