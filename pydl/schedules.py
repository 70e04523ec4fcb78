"""Learning rate schedules: the rate as a function of the number of steps taken.

Ours are computed by a kernel inside the step, so a replayed step follows them.  They are called with a step for plotting:
`schedule(1000)` is a float, and so is `schedule(1000.0)`.
"""
import inspect
import math

import numpy as np

from pydl import registry
from pydl.backends import cpu as B
from pydl.errors import boolean, in_range, integer, show, string
from pydl.kernels._common import spoil_recording
from pydl.tensor import Tensor


class LearningRateSchedule:
    """What every schedule is.  Subclasses define `__call__(step)`, which returns the rate after `step` steps.

    A schedule written in Python is asked before each step, so the steps of its model are not replayed.

    Example:
        >>> import pydl
        >>> class Halved(pydl.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * 0.5 ** (step // 1000)
        >>> pydl.optimizers.SGD(Halved()).learning_rate
        0.1
    """

    def __call__(self, step):
        raise TypeError(f"{type(self).__name__}: define __call__(self, step)")

    def write(self, iterations, rate):
        """Set rate[0] for the step after iterations[0] steps."""
        spoil_recording(f"{type(self).__name__} computes the learning rate in Python")
        B.set_number(rate, in_range(type(self).__name__, "the rate", self(B.number(iterations)), 0))

    def get_config(self):
        """Return the constructor's arguments by name."""
        names = [n for n in inspect.signature(type(self).__init__).parameters if n != "self" and hasattr(self, n)]
        return {n: getattr(self, n) for n in names}

    @classmethod
    def from_config(cls, config):
        """Build one from its `get_config()`."""
        return cls(**config)


class Kernel(LearningRateSchedule):
    """A schedule of ours: `write` is one kernel, and calling it runs that kernel."""

    def __call__(self, step):
        iterations, rate = B.owned((1,), "int64"), B.owned((1,), "float64")
        B.set_number(iterations, _whole(type(self).__name__, step))
        self.write(iterations, rate)
        return B.number(rate)


def _whole(who, step):
    """A number of steps as an int; Keras takes 3.0, and a tensor of one number, for 3."""
    if isinstance(step, (float, np.floating, np.ndarray, Tensor)):
        number = np.asarray(step)
        if number.ndim == 0 and number.dtype.kind in "fiu" and float(number).is_integer():
            step = int(number)
    return integer(who, "step", step, low=0)


def _rate(who, name, value):
    return in_range(who, name, value, 0)


def _steps(who, name, value):
    return in_range(who, name, value, 0, low_open=True)


class ExponentialDecay(Kernel):
    """initial_learning_rate * decay_rate^(step / decay_steps); staircase rounds the exponent down.

    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
        0.025
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        who = type(self).__name__
        self.initial_learning_rate, self.decay_steps = _rate(who, "initial_learning_rate", initial_learning_rate), _steps(who, "decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = _rate(who, "decay_rate", decay_rate), boolean(who, "staircase", staircase), string(who, "name", name)

    def write(self, iterations, rate):
        B.exponential_rate(iterations, self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase, rate)


class InverseTimeDecay(Kernel):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); staircase rounds the quotient down.

    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1)(4)
        0.02
    """

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        who = type(self).__name__
        self.initial_learning_rate, self.decay_steps = _rate(who, "initial_learning_rate", initial_learning_rate), _steps(who, "decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = _rate(who, "decay_rate", decay_rate), boolean(who, "staircase", staircase), string(who, "name", name)

    def write(self, iterations, rate):
        B.inverse_time_rate(iterations, self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase, rate)


class InverseRootDecay(Kernel):
    """initial_learning_rate / sqrt(1 + decay_rate * step / decay_steps); staircase rounds the quotient down.  Not in Keras.

    With decay_steps the steps of an epoch and staircase it is the textbook's k / sqrt(epoch), epochs counted from 1.

    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.InverseRootDecay(0.1)(3)
        0.05
    """

    def __init__(self, initial_learning_rate, decay_steps=1, decay_rate=1.0, staircase=False, name="InverseRootDecay"):
        who = type(self).__name__
        self.initial_learning_rate, self.decay_steps = _rate(who, "initial_learning_rate", initial_learning_rate), _steps(who, "decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = _rate(who, "decay_rate", decay_rate), boolean(who, "staircase", staircase), string(who, "name", name)

    def write(self, iterations, rate):
        B.root_rate(iterations, self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase, rate)


class PolynomialDecay(Kernel):
    """(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps)^power + end_learning_rate, then the end rate.

    With cycle, decay_steps grows to the next multiple of itself instead, and the rate rises again.

    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.25)(5)
        0.375
    """

    def __init__(self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name="PolynomialDecay"):
        who = type(self).__name__
        self.initial_learning_rate, self.decay_steps = _rate(who, "initial_learning_rate", initial_learning_rate), _steps(who, "decay_steps", decay_steps)
        self.end_learning_rate, self.power = _rate(who, "end_learning_rate", end_learning_rate), in_range(who, "power", power, 0)
        self.cycle, self.name = boolean(who, "cycle", cycle), string(who, "name", name)

    def write(self, iterations, rate):
        B.polynomial_rate(iterations, self.initial_learning_rate, self.decay_steps, self.end_learning_rate, self.power, self.cycle, rate)


class PiecewiseConstantDecay(Kernel):
    """values[0] up to and including step boundaries[0], values[1] up to boundaries[1], ..., the last value behind them all.

    Example:
        >>> import pydl
        >>> schedule = pydl.optimizers.schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01])
        >>> schedule(100), schedule(101), schedule(1000)
        (0.1, 0.05, 0.01)
    """

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        who = type(self).__name__
        for what, given in (("boundaries", boundaries), ("values", values)):
            if not isinstance(given, (list, tuple, np.ndarray)):
                raise TypeError(f"{who}: {what} must be a list of numbers, got {show(given)}")
        self.boundaries = [in_range(who, "boundaries", b, 0) for b in boundaries]
        self.values, self.name = [_rate(who, "values", v) for v in values], string(who, "name", name)
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:])):
            raise ValueError(f"{who}: boundaries must rise, got {show(self.boundaries)}")
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(f"{who}: values must be one more than the {len(self.boundaries)} boundaries, got {len(self.values)}")
        self._arrays = B.owned((len(self.boundaries),), "float64"), B.owned((len(self.values),), "float64")
        B.assign(self._arrays[0], np.array(self.boundaries, "float64"))
        B.assign(self._arrays[1], np.array(self.values))

    def write(self, iterations, rate):
        B.piecewise_rate(iterations, *self._arrays, rate)


class CosineDecay(Kernel):
    """Half a cosine from initial_learning_rate down to alpha times it over decay_steps.

    With warmup_target the rate first rises on a straight line from initial_learning_rate to warmup_target, over
    warmup_steps, and falls from there.

    Source:    Loshchilov and Hutter, SGDR, 2016.
    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.CosineDecay(0.5, decay_steps=100)(100)
        0.0
    """

    def __init__(self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0):
        who = type(self).__name__
        self.initial_learning_rate, self.decay_steps = _rate(who, "initial_learning_rate", initial_learning_rate), _steps(who, "decay_steps", decay_steps)
        self.alpha, self.name = in_range(who, "alpha", alpha, 0, 1), string(who, "name", name)
        self.warmup_target = None if warmup_target is None else _rate(who, "warmup_target", warmup_target)
        self.warmup_steps = in_range(who, "warmup_steps", warmup_steps, 0)

    def write(self, iterations, rate):
        warm = self.warmup_target is not None
        B.cosine_rate(iterations, self.initial_learning_rate, self.warmup_target if warm else self.initial_learning_rate,
                      self.warmup_steps if warm else 0, self.decay_steps, self.alpha, rate)


class CosineDecayRestarts(Kernel):
    """CosineDecay that starts again after first_decay_steps, each period t_mul times as long and m_mul times as high.

    Source:    Loshchilov and Hutter, SGDR, 2016.
    Example:
        >>> import pydl
        >>> pydl.optimizers.schedules.CosineDecayRestarts(0.5, first_decay_steps=100, t_mul=1.0)(200)
        0.5
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        who = type(self).__name__
        self.initial_learning_rate = _rate(who, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _steps(who, "first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul = in_range(who, "t_mul", t_mul, 1), in_range(who, "m_mul", m_mul, 0)
        self.alpha, self.name = in_range(who, "alpha", alpha, 0, 1), string(who, "name", name)

    def write(self, iterations, rate):
        B.cosine_restarts_rate(iterations, self.initial_learning_rate, self.first_decay_steps, self.t_mul, self.m_mul, self.alpha, rate)


class TransformerSchedule(Kernel):
    """d_model^-0.5 * min((step + 1)^-0.5, (step + 1) * warmup_steps^-1.5): the rate of the first transformer; not in Keras.

    Source:    Vaswani et al., Attention is all you need, 2017, equation 3.
    """

    def __init__(self, d_model, warmup_steps=4000, name="TransformerSchedule"):
        who = type(self).__name__
        self.d_model, self.warmup_steps = integer(who, "d_model", d_model, low=1), _steps(who, "warmup_steps", warmup_steps)
        self.name = string(who, "name", name)

    def write(self, iterations, rate):
        B.inverse_root_rate(iterations, 1 / math.sqrt(self.d_model), self.warmup_steps, rate)


registry.register("schedules", ExponentialDecay, InverseTimeDecay, InverseRootDecay, PolynomialDecay, PiecewiseConstantDecay, CosineDecay, CosineDecayRestarts,
                  TransformerSchedule)


def serialize(learning_rate_schedule):
    """Return the config of a schedule."""
    return registry.serialize(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """Build a schedule from its config."""
    return registry.deserialize(config, custom_objects, kind=LearningRateSchedule)
