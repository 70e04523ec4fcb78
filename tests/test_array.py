"""Arrays, arenas, the launcher, recordings and programs."""
import os
import threading

import numpy as np
import pytest

from pydl.backends import cpu as B
from pydl.kernels import _common as c


def double(x):
    y = B.empty(x.shape, x.dtype)
    B.add(x, x, y)
    return y


def record(arena, step, *inputs, previous=None):
    recording = c.Recording(arena, previous)
    with recording:
        results = step(*inputs)
    return recording, results


# ---- Array

@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool", "uint64"])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4), (2, 0, 3), (1,) * 8])
def test_numpy_sees_the_memory_of_an_array(dtype, shape):
    a = B.owned(shape, dtype)
    view = np.asarray(a)
    assert view.shape == shape == a.shape and view.dtype == dtype == a.dtype and not view.any()
    view[...] = 1
    assert np.asarray(a).sum() == a.size
    assert a.nbytes == view.nbytes and a.ndim == len(shape)


def test_views_keep_the_memory_alive():
    a = B.from_numpy(np.arange(12.0))
    b, rows = a.reshape((3, 4)), a.reshape((3, 4)).rows(1, 3)
    view = np.asarray(rows)
    del a, b, rows
    for _ in range(10):
        B.from_numpy(np.zeros(12))              # would take the block over, were it free
    assert view.tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


@pytest.mark.parametrize("call, words", [
    (lambda: B.empty((-1,)), "negative"),
    (lambda: B.empty((1,) * 9), "8 dimensions"),
    (lambda: B.empty((2,), "complex64"), "complex64"),
    (lambda: B.empty((2,)).reshape((3,)), "elements"),
    (lambda: B.empty((4,)).rows(3, 2), "rows"),
    (lambda: B.empty((4,)).rows(0, 5), "rows"),
    (lambda: B.empty((2,)).item(), "elements"),
    (lambda: B.from_numpy(np.array(["a"])), "numbers"),
    (lambda: B.from_numpy(np.array([1j])), "numbers"),
    (lambda: B.assign(B.empty((2,)), np.zeros(3)), "shape"),
    (lambda: c.borrowed(np.zeros((4, 4))[:, ::2]), "contiguous"),
    (lambda: c.borrowed([1.0]), "ndarray"),
    (lambda: B.add(B.empty((2,)), B.empty((2,)), B.empty((3,))), "add"),
    (lambda: B.add(B.empty((2,)), B.empty((2,), "float64"), B.empty((2,))), "add"),
    (lambda: len(B.empty(())), "dimensions"),
])
def test_bad_calls_say_what_is_wrong(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


@pytest.mark.parametrize("shape", [(2**40, 2**40), (2**47,), (10**15, 8)])
def test_sizes_beyond_memory_are_refused(shape):
    with pytest.raises(MemoryError):
        B.empty(shape)
    assert np.asarray(B.from_numpy(np.ones(3))).sum() == 3


# ---- Arena

def test_an_arena_gives_the_same_addresses_after_a_reset():
    arena, rng = c.Arena(), np.random.default_rng(0)
    plan = [(int(rng.integers(1, 10_000)), bool(rng.integers(0, 2))) for _ in range(300)]

    def run():
        kept = []
        with c.Recording(arena):
            for size, keep in plan:
                a = B.empty((size,))
                kept.append((np.asarray(a).__array_interface__["data"][0], a if keep else None))
        return [address for address, _ in kept]
    assert run() == run()


def test_blocks_never_overlap_and_free_ones_are_joined():
    rng, live = np.random.default_rng(1), []
    arena = c.Arena()
    with c.Recording(arena):
        for step in range(2000):
            if live and rng.random() < 0.5:
                a, mark = live.pop(int(rng.integers(len(live))))
                assert (np.asarray(a) == mark).all()
                del a
            else:
                a = B.empty((int(rng.integers(0, 3000)),), "int32")
                np.asarray(a)[...] = step
                live.append((a, step))
        for a, mark in live:
            assert (np.asarray(a) == mark).all()
        del live, a
        assert arena.in_use == 0 and arena.top == 0


# ---- recordings and programs

def test_twins_replay_and_reuse_memory():
    arena, x = c.Arena(), B.owned((1000,))

    def step(x):
        for _ in range(10):
            x = double(x)
        return [x]
    first, _ = record(arena, step, x)
    second, results = record(arena, step, x, previous=first)
    assert first.difference(second) is None
    program = c.Program(second, [x], results)
    np.asarray(x)[...] = 3
    program.run()
    assert (np.asarray(results[0]) == 3 * 2**10).all()
    assert program.nbytes < program.requested / 3
    assert [call[0] for call in program.calls] == ["add"] * 10
    assert len(program.profile(2)) == 10


def test_constants_are_met_again_by_content():
    arena, x = c.Arena(), B.owned((4,))

    def step(x, value):
        y = B.empty(x.shape, x.dtype)
        B.add(x, B.from_numpy(np.full(4, value, np.float32)), y)
        return [y]
    first, _ = record(arena, step, x, 2.0)
    same, results = record(arena, step, x, 2.0, previous=first)
    assert first.difference(same) is None
    other, _ = record(arena, step, x, 3.0, previous=first)
    assert "add" in first.difference(other)
    program = c.Program(same, [x], results)
    # the arena was reset by the third recording: the results of the second are stale, the program runs all the same
    assert results[0].stale
    program.run()
    with pytest.raises(RuntimeError, match="recorded step"):
        np.asarray(results[0])


@pytest.mark.parametrize("change, words", [
    (lambda x, i: [double(x)] if i else [double(double(x))], "kernel calls"),
    (lambda x, i: [double(x.reshape((2, 2)) if i else x)], "shape"),
    (lambda x, i: [double(x) if i else negated(x)], "was"),
])
def test_a_difference_is_named(change, words):
    arena, x = c.Arena(), B.owned((4,))
    first, _ = record(arena, change, x, 0)
    second, _ = record(arena, change, x, 1, previous=first)
    assert words in first.difference(second)


def negated(x):
    y = B.empty(x.shape, x.dtype)
    B.negative(x, y)
    return y


def test_numpy_reading_inside_a_step_spoils_the_recording_and_names_the_line():
    arena, x = c.Arena(), B.owned((4,))
    recording, results = record(arena, lambda x: [double(x), np.asarray(double(x)).sum()], x)
    assert "NumPy read" in recording.spoilt and os.path.basename(__file__) in recording.spoilt
    assert results[1] == 0


def test_a_recording_inside_itself_is_refused_and_leaves_nothing_open():
    arena = c.Arena()
    with pytest.raises(RuntimeError, match="inside itself"):
        with c.Recording(arena):
            with c.Recording(arena):
                pass
    assert not c.recording_is_open()
    with pytest.raises(ZeroDivisionError):
        with c.Recording(arena):
            raise ZeroDivisionError
    assert not c.recording_is_open()


def test_recording_is_of_one_thread():
    arena, seen = c.Arena(), []
    with c.Recording(arena) as recording:
        other = threading.Thread(target=lambda: seen.append((c.recording_is_open(), np.asarray(double(B.owned((3,)))).sum())))
        other.start()
        other.join()
    assert seen == [(False, 0)] and recording.n == 0 and recording.spoilt is None


def test_a_failing_kernel_stops_the_program_and_says_where():
    arena = c.Arena()
    x, index = B.owned((4, 2)), B.owned((3,), "int64")

    def step(x):
        y = B.empty((3, 2))
        B.take_rows(x, index, y)
        return [y]
    first, _ = record(arena, step, x)
    second, results = record(arena, step, x, previous=first)
    program = c.Program(second, [x], results)
    np.asarray(index)[1] = 7
    with pytest.raises(ValueError, match="take_rows.*7.*position 1.*4"):
        program.run()
    np.asarray(index)[1] = 3
    program.run()


def test_a_program_chooses_its_threads_and_never_more_than_allowed():
    arena, x = c.Arena(), B.owned((100,))
    first, _ = record(arena, lambda x: [double(x)], x)
    second, results = record(arena, lambda x: [double(x)], x, previous=first)
    program = c.Program(second, [x], results)
    before = c.get_num_threads()
    try:
        for threads in (1, 2, 4):
            c.set_num_threads(threads)
            for _ in range(20):
                program.run()
                assert 1 <= program.threads <= threads
    finally:
        c.set_num_threads(before)


def test_a_long_program_runs_on_all_threads_from_the_first():
    """A product of a tenth of a second is not slowed down four times to find out that threads help; it is compared later."""
    arena, x = c.Arena(), B.from_numpy(np.ones((2048, 2048), "float32"))

    def step(x):
        y = B.empty((2048, 2048))
        B.gemm(x, x, None, y)
        return [y]
    before = c.get_num_threads()
    try:
        c.set_num_threads(2)
        first, _ = record(arena, step, x)
        second, results = record(arena, step, x, previous=first)
        program = c.Program(second, [x], results)
        for _ in range(10):
            program.run()
            assert program.threads == 2
    finally:
        c.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not tell where threads may run")
def test_teams_do_not_change_where_the_calling_thread_may_run():
    """Threads of a team keep apart; one of Python's is moved back at most, wherever it was sent to meanwhile."""
    a = B.from_numpy(np.random.default_rng(1).standard_normal((256, 256)).astype("float32"))
    y, allowed, before = B.empty((256, 256)), os.sched_getaffinity(0), c.get_num_threads()
    B.gemm(a, a, None, y)
    want = np.array(y)
    try:
        for threads in (len(allowed), len(allowed) + 1, 2):
            c.set_num_threads(threads)
            for place in [{cpu} for cpu in sorted(allowed)[:4]] + [allowed]:
                for here in (place, allowed):
                    os.sched_setaffinity(0, here)
                    for _ in range(20):
                        B.gemm(a, a, None, y)
                        assert os.sched_getaffinity(0) == here
                    assert np.array(y).tobytes() == want.tobytes()
    finally:
        os.sched_setaffinity(0, allowed)
        c.set_num_threads(before)


def test_a_program_never_runs_on_more_threads_than_it_was_recorded_for():
    before = c.get_num_threads()
    try:
        c.set_num_threads(2)
        arena, x = c.Arena(), B.owned((100,))
        first, _ = record(arena, lambda x: [double(x)], x)
        second, results = record(arena, lambda x: [double(x)], x, previous=first)
        program = c.Program(second, [x], results)
        c.set_num_threads(8)                    # scratch was sized for two
        for _ in range(20):
            program.run()
            assert program.threads <= 2
    finally:
        c.set_num_threads(before)


@pytest.mark.parametrize("bad, error", [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError), ("2", TypeError), (10**9, ValueError)])
def test_thread_counts_are_checked(bad, error):
    with pytest.raises(error, match="set_num_threads"):
        c.set_num_threads(bad)


def test_cpu_levels_can_be_named():
    before = c.get_cpu_level()
    try:
        for level in c.cpu_levels():
            c.set_cpu_level(level)
            assert c.get_cpu_level() == level
            assert (np.asarray(double(B.from_numpy(np.arange(5.0)))) == 2 * np.arange(5.0)).all()
        with pytest.raises(ValueError, match="CPU level"):
            c.set_cpu_level("sse")
    finally:
        c.set_cpu_level(before)
