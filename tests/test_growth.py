"""Replayed steps and predictions allocate nothing that stays: memory and open files do not grow.

The short form is here; 100,000 steps and predictions:  python tests/growth.py 100000
"""
import pytest
from child import run_python
from growth import WORK


@pytest.mark.parametrize("what", list(WORK))
def test_memory_does_not_grow(what):
    """Less than 1 MiB over 3,000 rounds, after a warm-up; fewer rounds where one is a whole fit."""
    rounds = 3000 if WORK[what] == 1 else 300
    run_python("import sys, growth; growth.main(sys.argv[1:])", rounds, what, timeout=300)


def test_a_leak_is_seen():
    done = run_python("""
        import growth
        kept = []
        growth.measure("leak", lambda: kept.append(bytearray(1000)), 3000)
    """, check=False)
    assert done.returncode != 0 and "grew by" in done.stderr
