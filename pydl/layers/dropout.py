"""Dropout and noise: what a layer does in training only, by random numbers of its own.

Each of these layers owns a stream, (seed, counter), which moves on by one with each use in training and is saved with
the model: a run that is recorded and replayed, or interrupted and resumed, sees the numbers of an uninterrupted eager one.
"""
import math

from pydl import random
from pydl.autodiff import Op
from pydl.errors import ShapeError, in_range, integer, show
from pydl.layers.base import InputSpec, Layer
from pydl.layers.pool import checked_data_format
from pydl.ops import add, cast, multiply
from pydl.ops.operands import floating
from pydl.tensor import as_tensor


class DropoutOp(Op):
    """Elements by themselves: the mask is a byte each."""

    def __init__(self, rate, stream, moves=True): self.rate, self.stream, self.moves = rate, stream, moves

    def forward(self, B, x):
        y, mask = B.empty(x.shape, x.dtype), B.empty(x.shape, "uint8")
        B.dropout_forward(self.stream, self.rate, x, y, mask)
        if self.moves:
            B.stream_advance(self.stream)
        self.mask = mask
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.dropout_backward(self.rate, dy, self.mask, dx)
        return dx


class DropoutNoiseOp(Op):
    """What to multiply by where elements are dropped together: 0 or 1 / (1 - rate), in `shape`; a function of nothing else."""

    def __init__(self, rate, stream, shape, dtype): self.rate, self.stream, self.shape, self.dtype = rate, stream, shape, dtype

    def forward(self, B):
        noise = B.empty(self.shape, self.dtype)
        B.dropout_noise(self.stream, self.rate, noise)
        B.stream_advance(self.stream)
        return noise


class NormalNoiseOp(Op):
    """Normal numbers, a function of nothing else."""

    def __init__(self, mean, stddev, stream, shape, dtype):
        self.mean, self.stddev, self.stream, self.shape, self.dtype = mean, stddev, stream, shape, dtype

    def forward(self, B):
        noise = B.empty(self.shape, self.dtype)
        B.random_normal(self.stream, self.mean, self.stddev, noise)
        B.stream_advance(self.stream)
        return noise


class _Noisy(Layer):
    """Owns a stream.  `seed` is the argument; the seed in use is in the stream, which is saved."""
    takes_several = False
    supports_masking = True

    def _own_stream(self, seed):
        self.seed = None if seed is None else integer(self.who, "seed", seed, 0)
        self.stream = random.new_stream(random.next_seed() if seed is None else self.seed, self.add_state((2,), "uint64", "stream"))

    def compute_output_shape(self, input_shape):
        """Return the shape of the input."""
        return tuple(input_shape)


class Dropout(_Noisy):
    """In training, set each element to 0 with probability `rate` and divide the others by 1 - rate; else do nothing.

    Args:      rate: in [0, 1): the fraction dropped (Hinton's and the course's keep_prob is 1 - rate).
               noise_shape: the shape of what is drawn, with 1 where a whole axis is dropped together and None for the
                   input's size: (None, 1, None) drops the same features at all steps of (N, T, D).
               seed: an integer, for the same masks each run; drawn from the global seed by default.
    Gradients: x.    Saves: the mask, one byte an element.
    Source:    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout, 2014.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> y = layers.Dropout(0.5, seed=1)(np.ones((10, 10)), training=True).numpy()
        >>> sorted(set(y.ravel().tolist()))
        [0.0, 2.0]
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = in_range(self.who, "rate", rate, 0, 1, high_open=True)
        self.noise_shape = _noise_shape(self.who, noise_shape)
        self._own_stream(seed)

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        if self.noise_shape is None:
            return DropoutOp(self.rate, self.stream)(x)
        shape = _noise_for(self.who, self.noise_shape, x.shape)
        return multiply(x, DropoutNoiseOp(self.rate, self.stream, shape, x.dtype)())


def _noise_shape(who, value):
    if value is None:
        return None
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{who}: noise_shape must be a tuple of integers and None, got {show(value)}")
    return [None if size is None else integer(who, "noise_shape", size, 1) for size in value]


def _noise_for(who, noise_shape, shape):
    found = tuple(n if size is None else size for size, n in zip(noise_shape, shape))
    if len(noise_shape) != len(shape) or any(size not in (1, n) for size, n in zip(found, shape)):
        raise ShapeError(f"{who}: noise_shape {tuple(noise_shape)} does not broadcast to an input of shape {shape}")
    return found


class _SpatialDropout(_Noisy):
    """Drops whole channels: `spatial` axes between the batch and them."""
    spatial, data_format = 1, "channels_last"

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = in_range(self.who, "rate", rate, 0, 1, high_open=True)
        self.input_spec = InputSpec(ndim=2 + self.spatial)
        self._own_stream(seed)

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        ones = (1,) * self.spatial
        shape = (x.shape[0], *ones, x.shape[-1]) if self.data_format == "channels_last" else (*x.shape[:2], *ones)
        return multiply(x, DropoutNoiseOp(self.rate, self.stream, shape, x.dtype)())


class SpatialDropout1D(_SpatialDropout):
    """Drop whole features of a sequence: Dropout with noise_shape (N, 1, C).  Input (N, T, C)."""


class SpatialDropout2D(_SpatialDropout):
    """Drop whole channels of an image: Dropout with noise_shape (N, 1, 1, C).  Input (N, H, W, C).

    Args:      rate, seed: as in Dropout.    data_format: "channels_last" (also by default) or "channels_first".
    Source:    Tompson et al., Efficient Object Localization Using Convolutional Networks, 2014.
    """
    spatial = 2

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.data_format = checked_data_format(self.who, data_format)


class SpatialDropout3D(SpatialDropout2D):
    """Drop whole channels of a volume: Dropout with noise_shape (N, 1, 1, 1, C).  Input (N, D, H, W, C); arguments as in SpatialDropout2D."""
    spatial = 3


class GaussianNoise(_Noisy):
    """In training, add normal noise of mean 0; else do nothing.

    Args:      stddev: its standard deviation, >= 0.    seed: as in Dropout.
    Gradients: x, unchanged.
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.stddev = in_range(self.who, "stddev", stddev, 0)
        self._own_stream(seed)

    def call(self, x, training=False):
        if not training or self.stddev == 0:
            return x
        return add(x, NormalNoiseOp(0.0, self.stddev, self.stream, x.shape, x.dtype)())


class GaussianDropout(_Noisy):
    """In training, multiply by normal noise of mean 1 and variance rate / (1 - rate); else do nothing.

    Args:      rate: in [0, 1).    seed: as in Dropout.
    Source:    Srivastava et al., Dropout, 2014, section 10.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = in_range(self.who, "rate", rate, 0, 1, high_open=True)
        self._own_stream(seed)

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        return multiply(x, NormalNoiseOp(1.0, math.sqrt(self.rate / (1 - self.rate)), self.stream, x.shape, x.dtype)())


class AlphaDropout(_Noisy):
    """Dropout that keeps mean and variance of SELU networks: dropped elements take SELU's lower limit, then all are rescaled.

    y = a * (x where kept, -1.7581 where dropped) + b, a = ((1 - rate) * (1 + rate * 1.7581**2))**-1/2, b = 1.7581 * a * rate.

    Args:      rate, noise_shape, seed: as in Dropout.
    Source:    Klambauer, Unterthiner, Mayr, Hochreiter, Self-Normalizing Neural Networks, 2017.
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = in_range(self.who, "rate", rate, 0, 1, high_open=True)
        self.noise_shape = _noise_shape(self.who, noise_shape)
        self._own_stream(seed)

    def call(self, x, training=False):
        if not training or self.rate == 0:
            return x
        shape = x.shape if self.noise_shape is None else _noise_for(self.who, self.noise_shape, x.shape)
        low = -1.6732632423543772 * 1.0507009873554805
        a = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * low * low))
        b = -a * low * self.rate
        kept = multiply(DropoutNoiseOp(self.rate, self.stream, shape, x.dtype)(), 1 - self.rate)     # 0 or 1
        # a * (x * kept + low * (1 - kept)) + b
        return add(multiply(multiply(x, kept), a), add(multiply(kept, -a * low), a * low + b))


# ---- functions

def dropout(x, rate, seed=None, mask=None):
    """Return x with each element set to 0 with probability `rate` and the others divided by 1 - rate.

    Args:      rate: in [0, 1).
               seed: an integer for the same mask each time, a `pydl.random.SeedGenerator`, or None for the global stream.
               mask: what to keep, given instead of drawn: an array of 0 and 1 (or bools) that broadcasts to x.
    Gradients: x.
    Raises:    ValueError for a rate outside [0, 1) or for seed and mask together.
    Example:
        >>> import numpy as np
        >>> from pydl.layers.dropout import dropout
        >>> dropout(np.ones(4), 0.5, mask=np.array([1, 0, 1, 1])).numpy().tolist()
        [2.0, 0.0, 2.0, 2.0]
    """
    x = floating("dropout", x)
    rate = in_range("dropout", "rate", rate, 0, 1, high_open=True)
    if mask is not None:
        if seed is not None:
            raise ValueError("dropout: give a seed or a mask, not both")
        return multiply(multiply(x, cast(as_tensor(mask), x.dtype)), 1 / (1 - rate))
    return DropoutOp(rate, *random.stream_of(random.seed_argument("dropout", seed)))(x)
