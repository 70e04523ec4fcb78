"""Opponents take turns: what the benchmarks share.

Each opponent is (name, function).  All are warmed up, then called in turn for a number of rounds; a round of each is timed
over as many calls as make a few milliseconds.  Median and quartiles are printed, and how many times the first is faster.
"""
import os
import statistics
import sys
import time

# Seconds before a turn: so long the threads of the library before may look for more work (OpenBLAS: 0.13).  An untimed call then wakes its own.
REST = 0.15
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYDL_NUM_THREADS")


def with_threads(threads):
    """Start this script again with the number of threads in the environment, where BLAS libraries read it when they are loaded."""
    wanted = {name: str(threads) for name in THREAD_VARIABLES}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def gain(ours, theirs):
    """How many times faster we are: the median over the rounds of their time by ours in the same round, for a machine changes its speed between rounds."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def race(title, opponents, rounds=15, milliseconds=10, clock=time.perf_counter):
    """Time the opponents in turn and print a row each; returns {name: median seconds a call}.

    clock: time.thread_time counts the processor time of this thread, which a loaded machine disturbs less; for one thread only.
    """
    counts = []
    for _, call in opponents:
        for _ in range(3):
            call()
        start = clock()
        call()
        counts.append(max(1, int(milliseconds / 1e3 / max(clock() - start, 1e-7))))
    times = [[] for _ in opponents]
    for _ in range(rounds):
        for (_, call), count, found in zip(opponents, counts, times):
            start = clock()
            for _ in range(count):
                call()
            found.append((clock() - start) / count)
    first = statistics.median(times[0])
    print(title)
    for (name, _), found in zip(opponents, times):
        low, median, high = statistics.quantiles(found, n=4)
        print(f"  {name:<28} {median * 1e6:10.1f} us  ({low * 1e6:.1f} .. {high * 1e6:.1f})  {median / first:6.2f} x")
    return {name: statistics.median(found) for (name, _), found in zip(opponents, times)}


def setting(threads):
    """One line on what the figures were taken with."""
    from pydl.kernels._common import get_cpu_level

    return f"{threads} thread(s), pydl at CPU level {get_cpu_level()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"


def torch_or_none(threads):
    """PyTorch with so many threads, if it is installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    return torch


def beside_numpy(title, ours, theirs, tolerance=1e-4):
    """The same by both, then the race: functions without arguments that return arrays."""
    import numpy as np

    np.testing.assert_allclose(np.asarray(ours()), np.asarray(theirs()), rtol=tolerance, atol=tolerance, err_msg=title)
    return race(title, [("pydl", ours), ("NumPy", theirs)], milliseconds=5)


def threads_from_command_line():
    """The number after the script's name (1 without one), set for pydl; prints the setting."""
    import pydl

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    pydl.set_num_threads(threads)
    print(setting(threads))
