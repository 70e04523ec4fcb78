"""Every line of tests/cases.py, timed by pytest-benchmark as it runs inside `fit`: recorded, then replayed.  For comparing one commit with another.

    pytest benchmarks/bench_cases.py --benchmark-enable -k conv
    pytest benchmarks/bench_cases.py --benchmark-enable --benchmark-save=before      then, after the change:  --benchmark-compare=before

Inputs are large enough for several threads; each case forward, and forward with gradients where it has any.
"""
import pytest

import cases
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.tensor import made_by

PASSES = [(case, gradients) for case in cases.CASES for gradients in ((False, True) if case.gradient else (False,))]


@pytest.mark.parametrize("case, gradients", PASSES, ids=lambda value: str(value) if not isinstance(value, bool) else "both" if value else "forward")
def test_case(benchmark, case, gradients):
    live, arrays = case.live("float32"), case.draw("float32", n=case.large() if case.grows else 5)

    def step(*slots):
        tensors = [made_by(slot, None, 0) for slot in slots]
        return live.recorded_gradients(*tensors) if gradients else [out.array for out in live(*tensors)]
    recorded = Step(step, [B.owned(a.shape, a.dtype) for a in arrays], str(case), strict=True)
    for slot, values in zip(recorded.inputs, arrays):
        B.assign(slot, values)
    for _ in range(3):
        recorded.run()
    benchmark.group = case.family
    benchmark(recorded.program.run)
