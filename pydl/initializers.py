"""Initial values of weights.  An initializer is called with (shape, dtype) and returns a Tensor.

Seeded ones draw from pydl's own generator.  As in Keras, an initializer object gives the same numbers each time it is called
(two layers that share one start alike); a name, such as "he_normal", stands for a new object each time.
"""
import math

import numpy as np

from pydl import config, random, registry
from pydl.errors import DTypeError, ShapeError, in_range, int_tuple, one_of, show
from pydl.shapes import checked_size
from pydl.tensor import as_tensor

TRUNCATED_STDDEV = 0.87962566103423978      # of a standard normal distribution cut off at -2 and 2


class Initializer:
    """What every initializer is: subclasses define `__call__(shape, dtype=None)` and `get_config`."""

    def __init__(self):
        """Without settings, unless a subclass has some."""

    def __call__(self, shape, dtype=None):
        raise TypeError(f"{type(self).__name__}: define __call__(self, shape, dtype=None)")

    def get_config(self):
        """Return the constructor's arguments by name."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)

    def clone(self):
        """Return an initializer of the same settings; where no seed was given, with a new one."""
        return type(self).from_config(self.get_config())

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({settings})"


class Constant(Initializer):
    """Fill with one value.

    Example:
        >>> import pydl
        >>> pydl.initializers.Constant(2.0)((2,)).numpy().tolist()
        [2.0, 2.0]
    """

    def __init__(self, value=0.0):
        self.value = in_range("Constant", "value", value)

    def __call__(self, shape, dtype=None):
        return _filled(type(self).__name__, shape, self.value, dtype)

    def get_config(self):
        return {"value": self.value}


class Zeros(Initializer):
    """Fill with zeros."""

    def __call__(self, shape, dtype=None):
        return _filled("Zeros", shape, 0, dtype)


class Ones(Initializer):
    """Fill with ones."""

    def __call__(self, shape, dtype=None):
        return _filled("Ones", shape, 1, dtype)


def _filled(who, shape, value, dtype):
    shape = checked_shape(who, shape)
    return as_tensor(np.full(shape, value, config.floatx() if dtype is None else _dtype(who, dtype)))


def _dtype(who, dtype):
    try:
        return np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"{who}: dtype {show(dtype)} is not a dtype") from None


def checked_shape(who, shape):
    """Return a shape of a weight as a tuple of ints that fits in memory."""
    shape = int_tuple(who, "shape", tuple(shape) if isinstance(shape, list) else shape, low=0)
    checked_size(shape, 8, who)
    return shape


class _Random(Initializer):
    """Holds the seed: as given for the config, and the one in use."""

    def __init__(self, seed):
        if isinstance(seed, dict):              # of a SeedGenerator, from a file
            seed = registry.deserialize(seed, kind=random.SeedGenerator)
        self.seed = random.seed_argument(type(self).__name__, seed)
        self._seed_in_use = random.next_seed() if self.seed is None else self.seed

    @property
    def _seed_config(self):
        return registry.serialize(self.seed) if isinstance(self.seed, random.SeedGenerator) else self.seed

    def _draw(self, kernel, shape, dtype, first, second):
        if dtype is not None and _dtype(type(self).__name__, dtype).kind != "f":
            raise DTypeError(f"{type(self).__name__}: draws dtype float32 or float64, not {np.dtype(dtype).name}")
        return kernel(checked_shape(type(self).__name__, shape), first, second,
                      None if dtype is None else np.dtype(dtype).name, self._seed_in_use)


class RandomNormal(_Random):
    """Draw normal numbers."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = in_range("RandomNormal", "mean", mean)
        self.stddev = in_range("RandomNormal", "stddev", stddev, 0)

    def __call__(self, shape, dtype=None):
        return self._draw(random.normal, shape, dtype, self.mean, self.stddev)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self._seed_config}


class TruncatedNormal(_Random):
    """Draw normal numbers no further than two stddev from the mean (so their own deviation is 0.88 stddev)."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean = in_range("TruncatedNormal", "mean", mean)
        self.stddev = in_range("TruncatedNormal", "stddev", stddev, 0)

    def __call__(self, shape, dtype=None):
        return self._draw(random.truncated_normal, shape, dtype, self.mean, self.stddev)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self._seed_config}


class RandomUniform(_Random):
    """Draw uniform numbers in minval <= y < maxval."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval = in_range("RandomUniform", "minval", minval)
        self.maxval = in_range("RandomUniform", "maxval", maxval, self.minval)

    def __call__(self, shape, dtype=None):
        return self._draw(random.uniform, shape, dtype, self.minval, self.maxval)

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self._seed_config}


class VarianceScaling(_Random):
    """Draw numbers of variance scale / n, n the number of inputs, outputs, or their mean.

    Args:      scale: a positive number.
               mode: "fan_in", "fan_out" or "fan_avg": what n counts.  For a convolution kernel (kh, kw, c_in, c_out)
                   the inputs are kh * kw * c_in, the outputs kh * kw * c_out.
               distribution: "truncated_normal" (cut off at two sigma, widened so that the variance holds), "untruncated_normal"
                   or "uniform" (up to sqrt(3 * scale / n)).
               input_axes, output_axes: which axes hold the inputs and the outputs, where they are not the last two.
    Source:    He et al. 2015; Glorot and Bengio 2010; LeCun et al. 1998.
    Example:
        >>> import pydl
        >>> pydl.initializers.VarianceScaling(2.0, "fan_in", seed=0)((3, 3, 8, 16)).shape
        (3, 3, 8, 16)
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None, output_axes=None):
        super().__init__(seed)
        who = type(self).__name__
        self.scale = in_range(who, "scale", scale, 0, low_open=True)
        self.mode = one_of(who, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        if isinstance(distribution, str) and distribution == "normal":        # Keras's older name
            distribution = "truncated_normal"
        self.distribution = one_of(who, "distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.input_axes, self.output_axes = _axes(who, "input_axes", input_axes), _axes(who, "output_axes", output_axes)

    def __call__(self, shape, dtype=None):
        shape = checked_shape(type(self).__name__, shape)
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        scale = self.scale / max(1.0, n)
        if self.distribution == "truncated_normal":
            return self._draw(random.truncated_normal, shape, dtype, 0.0, math.sqrt(scale) / TRUNCATED_STDDEV)
        if self.distribution == "untruncated_normal":
            return self._draw(random.normal, shape, dtype, 0.0, math.sqrt(scale))
        limit = math.sqrt(3 * scale)
        return self._draw(random.uniform, shape, dtype, -limit, limit)

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self._seed_config,
                "input_axes": self.input_axes, "output_axes": self.output_axes}


def _axes(who, name, value):
    if value is None:
        return None
    return int_tuple(who, name, (value,) if isinstance(value, int) else value)


def fans(shape, input_axes=None, output_axes=None):
    """Return (inputs, outputs) of a weight: a matrix is (inputs, outputs), further axes in front are a window.

    A vector counts as both, a scalar as 1 and 1.
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    inputs = (-2,) if input_axes is None else input_axes
    outputs = (-1,) if output_axes is None else output_axes
    if not all(-len(shape) <= axis < len(shape) for axis in (*inputs, *outputs)):
        raise ShapeError(f"VarianceScaling: input_axes {inputs} and output_axes {outputs} do not fit a weight of shape {tuple(shape)}")
    inputs, outputs = ({axis % len(shape) for axis in axes} for axes in (inputs, outputs))
    window = math.prod(n for axis, n in enumerate(shape) if axis not in inputs | outputs)
    return window * math.prod(shape[axis] for axis in inputs), window * math.prod(shape[axis] for axis in outputs)


class _Fixed(VarianceScaling):
    """A VarianceScaling whose first three settings make its name."""
    settings = ()

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self.settings, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self):
        return {"seed": self._seed_config, "input_axes": self.input_axes, "output_axes": self.output_axes}


class GlorotUniform(_Fixed):
    """Draw uniform numbers up to sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010); Keras's default for kernels."""
    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Fixed):
    """Draw truncated normal numbers of variance 2 / (inputs + outputs) (Glorot and Bengio 2010)."""
    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Fixed):
    """Draw uniform numbers up to sqrt(6 / inputs) (He et al. 2015)."""
    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Fixed):
    """Draw truncated normal numbers of variance 2 / inputs (He et al. 2015), for ReLU networks."""
    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Fixed):
    """Draw uniform numbers up to sqrt(3 / inputs) (LeCun et al. 1998)."""
    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Fixed):
    """Draw truncated normal numbers of variance 1 / inputs (LeCun et al. 1998), for SELU networks."""
    settings = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """Draw a random matrix with orthonormal rows or columns, whichever are fewer, times gain.

    All axes but the last count as rows.
    Source:    Saxe, McClelland, Ganguli 2014: the Q of a normal matrix, signs fixed by the diagonal of R.
    Example:
        >>> import pydl
        >>> q = pydl.initializers.Orthogonal(seed=0)((3, 3), "float64").numpy()
        >>> bool(abs(q.T @ q - [[1, 0, 0], [0, 1, 0], [0, 0, 1]]).max() < 1e-12)
        True
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = in_range("Orthogonal", "gain", gain)

    def __call__(self, shape, dtype=None):
        shape = checked_shape("Orthogonal", shape)
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: needs a shape of at least two axes, got {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = self._draw(random.normal, (max(rows, columns), min(rows, columns)), "float64", 0.0, 1.0).numpy()
        q, r = np.linalg.qr(normal)
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        values = self.gain * (q if rows >= columns else q.T).reshape(shape)
        return as_tensor(values.astype(config.floatx() if dtype is None else dtype))

    def get_config(self):
        return {"gain": self.gain, "seed": self._seed_config}


class Identity(Initializer):
    """Fill a matrix with gain on the diagonal, zeros elsewhere."""

    def __init__(self, gain=1.0):
        self.gain = in_range("Identity", "gain", gain)

    def __call__(self, shape, dtype=None):
        shape = checked_shape("Identity", shape)
        if len(shape) != 2:
            raise ShapeError(f"Identity: needs a shape of two axes, got {shape}")
        return as_tensor((self.gain * np.eye(*shape)).astype(config.floatx() if dtype is None else dtype))

    def get_config(self):
        return {"gain": self.gain}


constant, zeros, ones = Constant, Zeros, Ones
random_normal, random_uniform, truncated_normal, variance_scaling = RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, orthogonal, identity = LecunNormal, LecunUniform, Orthogonal, Identity
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

_by_name = {"constant": Constant, "zeros": Zeros, "ones": Ones, "random_normal": RandomNormal, "random_uniform": RandomUniform,
            "truncated_normal": TruncatedNormal, "variance_scaling": VarianceScaling, "glorot_normal": GlorotNormal,
            "glorot_uniform": GlorotUniform, "he_normal": HeNormal, "he_uniform": HeUniform, "lecun_normal": LecunNormal,
            "lecun_uniform": LecunUniform, "orthogonal": Orthogonal, "identity": Identity}
_names = tuple(_by_name)
registry.register("initializers", *_by_name.values())
_by_name.update({cls.__name__: cls for cls in list(_by_name.values())})
_by_name.update(normal=RandomNormal, uniform=RandomUniform, zero=Zeros, one=Ones,
                IdentityInitializer=Identity, OrthogonalInitializer=Orthogonal)


def get(identifier, who="initializers.get"):
    """Return the initializer an argument stands for: a name, a config, a class, an initializer or any f(shape, dtype); None stays.  who: begins the message.

    Example:
        >>> import pydl
        >>> pydl.initializers.get("he_normal")
        HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    return registry.named(who, "initializer", identifier, _by_name, Initializer, _names, takes="(shape, dtype)")


def serialize(initializer):
    """Return the config of an initializer."""
    return registry.serialize(initializer)


def deserialize(config, custom_objects=None):
    """Build an initializer from its config."""
    return registry.deserialize(config, custom_objects)
