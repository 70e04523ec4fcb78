"""Scaling of data by constants: what was learned from the training data by looking at it once, or what is given."""
import numpy as np

from pydl import config
from pydl.backends import cpu as B
from pydl.data.arrays import as_batch
from pydl.data.dataset import is_stream, unpack
from pydl.errors import ShapeError, boolean, in_range, int_tuple, is_int, show
from pydl.layers.base import InputSpec, Layer
from pydl.ops import add, divide, maximum, multiply, sqrt, subtract
from pydl.shapes import normalize_axes


class Normalization(Layer):
    """Bring features to mean 0 and variance 1: y = (x - mean) / sqrt(variance), the same numbers for training and test data.

    `adapt(x_train)` measures mean and variance, as float64 sums; they are saved with the model.  Test data must be scaled by the
    numbers of the training data, and is, since the layer is part of the model.

    Args:      axis: the axis (or several) with a mean and a variance for each of its places, -1 for the features; None for one of each.
               mean, variance: given instead of measured, both or neither: numbers, or an array of the sizes of `axis`.
               invert: turn scaled data back: y = mean + x * sqrt(variance).
    Shapes:    any (N, ...) -> the same.  Weights, where measured: mean, variance, both not trained.
    Dtypes:    float32, float64; integers are cast.    Gradients: x.
    Raises:    ValueError when called before adapt, if mean and variance are not given.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> scale = layers.Normalization()
        >>> scale.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
        >>> scale(np.array([[0.0, 20.0], [3.0, 30.0]])).numpy().tolist()
        [[-1.0, 0.0], [2.0, 1.0]]
    """
    takes_several = False
    supports_masking = True

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = None if axis is None else int(axis) if is_int(axis) else list(int_tuple(self.who, "axis", axis))
        if (mean is None) != (variance is None):
            raise ValueError(f"{self.who}: mean and variance must be given together, or neither; got mean={show(mean)}, variance={show(variance)}")
        self.mean, self.variance = self._given_numbers("mean", mean, None), self._given_numbers("variance", variance, 0)
        self.invert = boolean(self.who, "invert", invert)
        self.measured = mean is None

    def _given_numbers(self, name, value, low):
        if value is None:
            return None
        if not isinstance(value, (list, tuple, np.ndarray)):
            return in_range(self.who, name, value, low)
        values = np.asarray(value)
        for number in values.ravel().tolist():
            in_range(self.who, name, number, low)
        return values.astype(np.float64).tolist()

    def build(self, input_shape):
        self._axes = () if self.axis is None else normalize_axes(self.axis if is_int(self.axis) else tuple(self.axis), len(input_shape), self.who)
        sizes = tuple(input_shape[axis] for axis in self._axes)
        if 0 in self._axes or not all(sizes):
            raise ShapeError(f"{self.who}: axis {self.axis} must name axes of known size, without the batch, of {tuple(input_shape)}")
        self._sizes = sizes
        self._shape = tuple(size if axis in self._axes else 1 for axis, size in enumerate(input_shape))
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(self._axes, sizes)))
        if self.measured:
            self.adapt_mean = self.add_weight(self._shape, "zeros", "mean", trainable=False)
            self.adapt_variance = self.add_weight(self._shape, "ones", "variance", trainable=False)
            self.adapted = self.add_state((1,), "int64", "adapted")
            return
        values = []
        for name in ("mean", "variance"):
            given = np.asarray(getattr(self, name), self.dtype)
            if given.size not in (1, int(np.prod(sizes))):
                raise ShapeError(f"{self.who}: {name} has shape {given.shape}, axis {self.axis} of {tuple(input_shape)} needs {sizes}")
            values.append(np.broadcast_to(given.reshape(self._shape) if given.size > 1 else given.reshape(()), self._shape))
        self._constants = values

    def adapt(self, data, batch_size=None, steps=None):
        """Measure mean and variance of the training data, forgetting what was measured before.

        Args:      data: an array with a batch axis, or a PyDataset, generator or iterable of batches x or (x, y).
                   batch_size: not needed, taken as in Keras; steps: stop after so many batches.
        Raises:    ValueError for data that is empty or not finite, or if mean and variance are given.
        """
        if not self.measured:
            raise ValueError(f"{self.who}: adapt: mean and variance are given; leave them out to have them measured")
        if steps is not None and not (is_int(steps) and steps > 0):
            raise ValueError(f"{self.who}: adapt: steps must be a positive integer, got {show(steps)}")
        count, mean, squares = 0, 0.0, 0.0              # squares: the sum of (x - mean)^2
        for i, part in enumerate(self._parts(data)):
            if steps is not None and i >= steps:
                break
            self.ensure_built((None, *part.shape[1:]))
            self.check_input(part.shape)
            others = tuple(axis for axis in range(part.ndim) if axis not in self._axes)
            n = part.size // max(int(np.prod(self._sizes)), 1)
            part_mean = part.mean(others, keepdims=True, dtype=np.float64)
            part_squares = np.square(part - part_mean).sum(others, keepdims=True)
            gap, total = part_mean - mean, count + n    # Chan, Golub and LeVeque 1979: two parts in one
            mean, squares, count = mean + gap * (n / total), squares + part_squares + gap**2 * (count * n / total), total
        if not count:
            raise ValueError(f"{self.who}: adapt: data gave no batch")
        if not np.all(np.isfinite(mean)) or not np.all(np.isfinite(squares)):
            raise ValueError(f"{self.who}: adapt: data must be finite, its mean is {show(np.ravel(mean).tolist())}")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(squares / count)
        B.set_number(self.adapted, 1)

    def _parts(self, data):
        who = f"{self.who}: adapt"
        if not is_stream(data):
            yield as_batch(who, "data", data)
        elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
            for i in range(len(data)):
                yield as_batch(who, "data", unpack(who, data[i])[0])
        else:
            for item in data:
                yield as_batch(who, "data", unpack(who, item)[0])

    def call(self, x):
        if self.measured:
            if not B.number(self.adapted):
                raise ValueError(f"{self.who}: call adapt(x_train) first, or give mean and variance")
            mean, variance = self.adapt_mean, self.adapt_variance
        else:
            mean, variance = self._constants
        width = maximum(sqrt(variance), config.epsilon())
        return add(multiply(x, width), mean) if self.invert else divide(subtract(x, mean), width)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class Rescaling(Layer):
    """Multiply and shift by given numbers: y = x * scale + offset; images of 0 .. 255 by Rescaling(1 / 255).

    Args:      scale, offset: numbers, or lists of a number a feature.
    Shapes:    any (N, ...) -> the same.    Dtypes: integers are cast.    Gradients: x.
    Example:
        >>> import numpy as np
        >>> from pydl import layers
        >>> layers.Rescaling(1 / 127.5, offset=-1)(np.array([[0, 255]], "uint8")).numpy().tolist()
        [[-1.0, 1.0]]
    """
    takes_several = False
    supports_masking = True

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.offset = self._numbers("scale", scale), self._numbers("offset", offset)

    def _numbers(self, name, value):
        return [in_range(self.who, name, v) for v in value] if isinstance(value, (list, tuple, np.ndarray)) else in_range(self.who, name, value)

    def call(self, x):
        return add(multiply(x, np.asarray(self.scale, self.dtype)), np.asarray(self.offset, self.dtype))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)
