"""Predictions a second by 8 threads of Python with one model, against one thread: `python benchmarks/serving.py [seconds] [network]`.

One thread is measured with one CPU and with all of them; the 8 share them.  The results of the threads are checked.
"""
import os
import sys
import threading
import time

import numpy as np

import pydl
from pydl import applications

NETWORKS = {"lenet5": (applications.LeNet5, (28, 28, 1)), "resnet20": (applications.ResNet20, (32, 32, 3)), "resnet50": (applications.ResNet50, (224, 224, 3))}


def rate(model, samples, expected, threads, seconds):
    """Predictions of one sample a second, by so many threads together."""
    counts, gate, wrong = [0] * threads, threading.Barrier(threads + 1), []

    def work(i):
        x, y = samples[i % len(samples)], expected[i % len(samples)]
        gate.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if not np.array_equal(model.predict(x), y):
                wrong.append(i)
            counts[i] += 1
    pool = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for thread in pool:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in pool:
        thread.join()
    assert not wrong, "a thread got the result of another"
    return sum(counts) / (time.perf_counter() - start)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    cpus = os.cpu_count() or 1
    for name in sys.argv[2:] or NETWORKS:
        build, shape = NETWORKS[name]
        model, rng = build(), np.random.default_rng(0)
        samples = [rng.standard_normal((1, *shape), np.float32) for _ in range(8)]
        found = {}
        for label, threads, allowed in (("one thread, one CPU", 1, 1), (f"one thread, {cpus} CPUs", 1, cpus), (f"8 threads, {cpus} CPUs", 8, cpus)):
            pydl.set_num_threads(allowed)
            expected = [model.predict(x) for x in samples]
            rate(model, samples, expected, threads, seconds / 4)
            found[label] = [rate(model, samples, expected, threads, seconds / 3) for _ in range(3)]
        base = sorted(found["one thread, one CPU"])[1]
        for label, rates in found.items():
            median = sorted(rates)[1]
            print(f"{name:<10} {label:<22} {median:9.1f} predictions/s  ({min(rates):.1f} .. {max(rates):.1f})  {median / base:5.2f} x")


if __name__ == "__main__":
    main()
