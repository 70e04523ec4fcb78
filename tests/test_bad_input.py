"""Every row of bad_input_table.py must raise a clear error, in a process of its own kind; and the runner itself is checked."""
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bad_input_runner import load_rows, run_table

TABLE = Path(__file__).with_name("bad_input_table.py")
ROWS = load_rows(TABLE)
LIMIT = float(os.environ.get("PYDL_BAD_INPUT_LIMIT", "30"))


@pytest.fixture(scope="session")
def outcomes():
    """(outcome, message) of every row; two children share the table."""
    half = (len(ROWS) + 1) // 2
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda part: run_table(TABLE, LIMIT, *part), [(0, half), (half, len(ROWS))])
    return [row for part in parts for row in part]


@pytest.mark.parametrize("i", range(len(ROWS)), ids=[row.id for row in ROWS])
def test_bad_input(outcomes, i):
    outcome, message = outcomes[i]
    assert outcome == "clear", f"{outcome}: {message or 'accepted without a word'}\n(expected a message that holds one of {ROWS[i].mentions})"


def test_the_table_is_large_and_of_every_kind():
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids), sorted({i for i in ids if ids.count(i) > 1})
    assert len(ROWS) >= 300
    # P10 needs sparse input and P11, P12 are no bad calls: their tests are test_contract's (empty) and test_determinism's (views)
    assert {row.pattern for row in ROWS} == {f"P{i:02d}" for i in range(1, 21)} - {"P10", "P11", "P12"}


STUBS = '''
import os, signal, time
from bad_input_runner import Row
fine = lambda: None
def raises(error):
    def call():
        raise error
    return call
def flips(after=[0]):
    after[0] += 1
    if after[0] > 1:
        raise RuntimeError("broken by the bad call")
def rows():
    return [
        Row("P01", "clear", raises(ValueError("Conv2D: strides must be a positive integer, got 0")), fine, ("strides",)),
        Row("P01", "crash", lambda: os.kill(os.getpid(), signal.SIGSEGV), fine, ("strides",)),
        Row("P01", "exits", lambda: os._exit(0), fine, ("strides",)),
        Row("P01", "silent", fine, fine, ("strides",)),
        Row("P01", "terse", raises(ValueError("bad")), fine, ("strides",)),
        Row("P01", "another error", raises(KeyError("strides of the layer Conv2D")), fine, ("strides",)),
        Row("P01", "names nothing", raises(ValueError("this value is not what was expected")), fine, ("strides",)),
        Row("P01", "as Cython says it", raises(ValueError("Buffer dtype mismatch, expected float, strides")), fine, ("strides",)),
        Row("P01", "hang", lambda: time.sleep(1000), fine, ("strides",)),
        Row("P01", "refuses everything", raises(ValueError("strides must be a positive integer")), raises(ValueError("no")), ("strides",)),
        Row("P01", "damages", raises(ValueError("strides must be a positive integer")), flips, ("strides",)),
        Row("P02", "memory", raises(MemoryError()), fine, ("size",), memory=True),
        Row("P02", "memory not allowed", raises(MemoryError()), fine, ("size",)),
        Row("P01", "clear again", raises(TypeError("Conv2D: strides must be an integer, got None")), fine, ("strides",)),
    ]
'''


def test_the_runner_tells_every_outcome(tmp_path):
    (tmp_path / "stubs.py").write_text(STUBS)
    got = run_table(tmp_path / "stubs.py", limit=2.0)
    assert [outcome for outcome, _ in got] == ["clear", "crash", "crash", "silent", "unclear", "unclear", "unclear", "unclear", "hang", "broken", "broken",
                                               "clear", "unclear", "clear"]
    assert "-11" in got[1][1] or "SEGV" in got[1][1]                  # the signal is in the report, a sanitizer's too
    assert "before" in got[9][1] and "after" in got[10][1]


def test_the_runner_reports_a_table_that_does_not_load(tmp_path):
    (tmp_path / "no.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(RuntimeError, match="outside any row"):
        run_table(tmp_path / "no.py", limit=2.0)
