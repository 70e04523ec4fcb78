"""The kernel that measures the machine's arithmetic."""
import numpy as np
import pytest

from pydl import get_num_threads, set_num_threads
from pydl.backends import cpu as B
from pydl.models.report import machine_peaks


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_work_is_done(dtype):
    total, done = B.owned((), dtype), B.owned((), "float64")
    one_round = None
    for rounds in (1, 10, 1000):
        B.multiply_add_peak(rounds, total, done)
        assert total.item() == rounds
        one_round = one_round or done.item()
        assert done.item() == rounds * one_round > 0


def test_twice_the_threads_do_twice_the_work():
    total, done, before = B.owned(()), B.owned((), "float64"), get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            set_num_threads(threads)
            B.multiply_add_peak(5, total, done)
            found.append(done.item())
    finally:
        set_num_threads(before)
    assert found[1] == 2 * found[0]


def test_bad_calls():
    with pytest.raises(ValueError, match="rounds must not be negative, got -1"):
        B.multiply_add_peak(-1, B.owned(()), B.owned((), "float64"))
    with pytest.raises((TypeError, ValueError), match="flops"):
        B.multiply_add_peak(1, B.owned(()), B.owned(()))


def test_peaks_are_plausible():
    flops, bandwidth = machine_peaks()
    assert 1e8 < flops < 1e15 and 1e7 < bandwidth < 1e14
    assert machine_peaks() == (flops, bandwidth)            # measured once
    assert np.isfinite([flops, bandwidth]).all()
