"""Learning rate schedules: formulas of Keras, configs, and what they refuse."""
import math

import numpy as np
import pytest

from pydl import schedules
from pydl.errors import FormatError
from pydl.tensor import Tensor

S = schedules


@pytest.mark.parametrize("schedule,formula", [
    (S.ExponentialDecay(0.1, 7, 0.5), lambda t: 0.1 * 0.5 ** (t / 7)),
    (S.ExponentialDecay(0.1, 7, 0.5, staircase=True), lambda t: 0.1 * 0.5 ** (t // 7)),
    (S.InverseTimeDecay(0.1, 7, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 7)),
    (S.InverseTimeDecay(0.1, 7, 0.5, staircase=True), lambda t: 0.1 / (1 + 0.5 * (t // 7))),
    (S.InverseRootDecay(0.1, 7, staircase=True), lambda t: 0.1 / math.sqrt(1 + t // 7)),
    (S.PolynomialDecay(0.1, 20, 0.01, power=2.0), lambda t: 0.09 * (1 - min(t, 20) / 20) ** 2 + 0.01),
    (S.PolynomialDecay(0.1, 20, 0.01, cycle=True), lambda t: 0.09 * (1 - t / (20 * max(1, math.ceil(t / 20)))) + 0.01),
    (S.PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), lambda t: 1.0 if t <= 3 else 0.5 if t <= 6 else 0.1),
    (S.PiecewiseConstantDecay([], [0.3]), lambda t: 0.3),
    (S.CosineDecay(0.1, 20, alpha=0.2), lambda t: 0.1 * (0.8 * 0.5 * (1 + math.cos(math.pi * min(t, 20) / 20)) + 0.2)),
    (S.CosineDecay(0.0, 20, warmup_target=0.1, warmup_steps=5), lambda t: 0.1 * t / 5 if t < 5 else 0.05 * (1 + math.cos(math.pi * min(t - 5, 20) / 20))),
    (S.CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.5), lambda t: 0.1 * 0.5 ** (t // 10) * 0.5 * (1 + math.cos(math.pi * (t % 10) / 10))),
    (S.TransformerSchedule(64, 10), lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 10**-1.5)),
])
def test_formulas(schedule, formula):
    assert [schedule(t) for t in range(50)] == pytest.approx([formula(t) for t in range(50)], abs=1e-15)
    again = S.deserialize(S.serialize(schedule))
    assert type(again) is type(schedule) and [again(t) for t in (0, 9, 33)] == [schedule(t) for t in (0, 9, 33)]


def test_restarts_of_growing_length():
    schedule = S.CosineDecayRestarts(1.0, 10, t_mul=2.0, m_mul=0.5)
    assert [schedule(t) for t in (0, 5, 20, 50)] == pytest.approx([1.0, 0.5, 0.25, 0.125], abs=1e-12)


@pytest.mark.parametrize("call,error,message", [
    (lambda: S.ExponentialDecay(-0.1, 1, 0.5), ValueError, "initial_learning_rate"),
    (lambda: S.ExponentialDecay(0.1, 0, 0.5), ValueError, "decay_steps"),
    (lambda: S.ExponentialDecay(0.1, 1, float("inf")), ValueError, "decay_rate"),
    (lambda: S.ExponentialDecay(0.1, 1, 0.5, staircase=2), TypeError, "staircase"),
    (lambda: S.InverseTimeDecay("a", 1, 0.5), TypeError, "initial_learning_rate"),
    (lambda: S.PolynomialDecay(0.1, 1, power=-1), ValueError, "power"),
    (lambda: S.PiecewiseConstantDecay([2, 1], [1, 2, 3]), ValueError, "boundaries must rise"),
    (lambda: S.PiecewiseConstantDecay([1], [1]), ValueError, "one more than"),
    (lambda: S.PiecewiseConstantDecay(3, [1]), TypeError, "boundaries"),
    (lambda: S.CosineDecay(0.1, 10, alpha=2), ValueError, "alpha"),
    (lambda: S.CosineDecayRestarts(0.1, 10, t_mul=0.5), ValueError, "t_mul"),
    (lambda: S.TransformerSchedule(0), ValueError, "d_model"),
    (lambda: S.CosineDecay(0.1, 10)(-1), ValueError, "step"),
    (lambda: S.CosineDecay(0.1, 10)(1.5), TypeError, "step"),
    (lambda: S.LearningRateSchedule()(1), TypeError, "define __call__"),
    (lambda: S.deserialize({"class_name": "optimizers.Adam", "config": {}}), FormatError, "expected a LearningRateSchedule"),
])
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_numpy_steps():
    assert S.CosineDecay(0.1, 10)(np.int64(0)) == 0.1


@pytest.mark.parametrize("make", [float, np.float32, np.float64, np.array, Tensor, lambda t: Tensor(float(t)), lambda t: np.array(t, "float16")])
def test_whole_steps_of_any_type(make):
    """As Keras takes them, whose optimizers cast the step to a float before they ask."""
    for schedule in (S.ExponentialDecay(0.1, 7, 0.5), S.PiecewiseConstantDecay([3, 6], [1.0, 0.5, 0.1]), S.CosineDecay(0.1, 20)):
        for step in (0, 3, 4, 30):
            rate = schedule(make(step))
            assert type(rate) is float and rate == schedule(step)


@pytest.mark.parametrize("step", [1.5, -1.0, math.nan, math.inf, -0.5, 1e300, "3", None, True, np.array([3.0]), np.array(2.5), Tensor([1, 2]),
                                  Tensor(True), [3]])
def test_steps_that_are_none(step):
    with pytest.raises((ValueError, TypeError), match="^CosineDecay: step must be an integer"):
        S.CosineDecay(0.1, 10)(step)
