"""Everything against everybody: pydl, NumPy, PyTorch, TensorFlow with Keras, JAX and onnxruntime, whichever are installed, side by side on this machine.

    python benchmarks/peers.py [--threads 1 2] [--only convolution train ...] [--libraries torch ...] [--rounds 7] [--readme]

Each library runs in a process of its own, on as many CPUs as it is given threads.  A row is set up in all of them from the same arrays, its results are
compared, and then the libraries take turns: a round times each over as many calls as make some milliseconds, never two at once.  Reported are
medians: of pydl's time, and of the ratio of two libraries' times within a round.
The machine's limits are measured after each row, the best of the run counts: multiply-adds in registers, bytes by sums of arrays as large as the
row's.  "% of limit" is how near pydl's time is to the larger of both; more than 100 means fewer operations than the plain sum has (Winograd's convolution).
Two virtual CPUs may for seconds be the two threads of one core: a turn before or after which they give less than 0.8 of the multiply-adds they gave lately
is repeated, whoever's it is; how many were is told.

Writes peers.json (every figure), peers.md (the table) and peers.svg (the ratios as bars) beside this script, or where --out says; --readme puts
the table into README.md, between its two marks.
"""
import argparse
import collections
import datetime
import importlib
import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path

import report
import workloads
from turns import REST, THREAD_VARIABLES

HERE = Path(__file__).resolve().parent
OTHERS = ("numpy", "torch", "tensorflow", "jax", "onnxruntime")
VARIABLES = ("OPENBLAS_CORETYPE", "PYDL_CPU", "OMP_WAIT_POLICY", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")     # they matter, and are told
SAMPLE = 20_000         # values of each result that are compared
WHOLE, LATELY = 0.8, 200     # of the multiply-adds that the CPUs gave at most in so many looks (half a minute)


# ---- in the library's process

def serve(pipe, module, threads, cpus):
    """Set up rows and time calls, as the other end asks."""
    os.sched_setaffinity(0, cpus)
    try:
        library = importlib.import_module(f"opponents.{module}")
        version = library.start(threads)
    except ImportError as missing:
        pipe.send((None, f"{module.removeprefix('with_')} takes no part: {missing}"))
        return
    pipe.send((library.name, version))
    ready = {}
    while True:
        what, *how = pipe.recv()
        if what == "stop":
            return
        try:
            if what == "prepare":
                ready, answer = prepare(library, how[0], how[1])
            elif what == "limits":
                answer = limits(how[0])
            elif what == "arithmetic":
                answer = arithmetic()
            else:
                call, count = ready[how[0]]
                if count > 1:
                    call()
                start = time.perf_counter()
                for _ in range(count):
                    call()
                answer = (time.perf_counter() - start) / count
        except Exception as failure:    # reported with its row
            ready, answer = {}, f"{type(failure).__name__}: {failure}"
        pipe.send(answer)


def prepare(library, row, milliseconds):
    """({pass: (call, how often a round)}, {pass: sampled results, seconds of one call})."""
    build = getattr(library, row["family"], None)
    if build is None:
        return {}, {}
    given = workloads.inputs(row["family"], row["settings"])
    if row["family"] in ("conv", "pool"):
        entries = build(*given, row["settings"])
    elif row["family"] in ("train", "infer"):
        entries = build(row["settings"][0], *given)
    else:
        entries = build(*given)
    ready, answer = {}, {}
    for key, (call, arrays, *many) in entries.items():
        found = [sampled(a) for a in arrays(call())]
        call()
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        ready[key] = call, max(1, int(milliseconds / 1e3 / max(seconds, 1e-7)))
        answer[key] = found, many[0] if many else 1
    return ready, answer


def sampled(a):
    """Some thousand values of an array, evenly taken."""
    import numpy as np

    flat = np.ascontiguousarray(a).reshape(-1)
    return flat[::max(1, flat.size // SAMPLE)].astype(np.float64)


def arithmetic():
    """Multiply-adds a second x 2 of this machine, now, by pydl's own kernel."""
    from pydl.models.report import arithmetic_peak

    return arithmetic_peak()


def limits(sizes):
    """{bytes: bytes a second} of this machine, by pydl's own kernels."""
    from pydl.backends import cpu as B

    rates = {}
    for size in sizes:
        a, b, c = (B.owned((size // 12,)) for _ in range(3))
        count = max(1, (1 << 28) // size)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(count):
                B.add(a, b, c)
            times.append((time.perf_counter() - start) / count)
        rates[size] = size / min(times)
    return rates


# ---- in the process that asks

class Library:
    def __init__(self, module, threads, cpus):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, module, threads, cpus), daemon=True)
        self.process.start()
        other.close()
        self.name, self.version = self.pipe.recv()

    def ask(self, *what):
        self.pipe.send(what)
        return self.pipe.recv()

    def stop(self):
        self.pipe.send(("stop",))
        self.process.join()


def libraries(chosen, threads):
    """Those of the chosen that are installed, started with so many threads on so many CPUs; pydl first."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)         # read where BLAS libraries are loaded
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    found = [Library(f"with_{name}", threads, cpus) for name in ("pydl", *chosen)]
    for library in found:
        if library.name is None:
            print(f"  {library.version}")
    return [library for library in found if library.name]


class Turns:
    """Times one library after the other, while the machine is whole."""

    def __init__(self, pydl):
        self.pydl, self.lately, self.peak, self.whole, self.repeated = pydl, collections.deque(maxlen=LATELY), 0, False, 0

    def look(self):
        """See what the CPUs give once the threads of the library before have gone to sleep."""
        time.sleep(REST)
        flops = self.pydl.ask("arithmetic")
        self.lately.append(flops)
        self.peak = max(self.peak, flops)
        self.whole = flops >= WHOLE * max(self.lately)

    def time(self, player, key):
        """Seconds of a call."""
        while True:
            while not self.whole:
                self.look()
            seconds = player.ask("time", key)
            self.look()
            if self.whole:
                return seconds
            self.repeated += 1


def compare(row, players, turns, rounds, milliseconds):
    """{pass: {library: [seconds of each round]}} of a row, and what went wrong in whom."""
    import numpy as np

    answers, trouble = {}, []
    for player in players:
        answer = player.ask("prepare", row, milliseconds)
        if isinstance(answer, str):
            trouble.append(f"{player.name}: {answer}")
        elif answer:
            answers[player] = answer
    if players[0] not in answers:
        raise SystemExit(f"{row['name']}: {trouble}")
    times = {}
    for key in row["passes"]:
        taking_part = [player for player in answers if key in answers[player]]
        wanted = answers[players[0]][key][0]
        for player in taking_part[1:]:
            for ours, theirs in zip(wanted, answers[player][key][0], strict=True):
                error = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30)
                if not error <= row["tolerance"]:
                    trouble.append(f"{player.name}, {key}: differs by {error:.1e} of the largest value")
        found = times[key] = {player.name: [] for player in taking_part}
        for turn in range(rounds):
            for player in taking_part if turn % 2 == 0 else taking_part[::-1]:
                seconds = turns.time(player, key)
                found[player.name].append(seconds / answers[player][key][1])
    return times, trouble


def near(nbytes):
    """The power of four, of 256 KiB to 256 MiB, at which the bandwidth for so many bytes is measured."""
    return 4 ** min(max(round(math.log(max(nbytes, 1), 4)), 9), 14)


def limited(result, peak, rates):
    """A result with its "limit": the seconds its arithmetic or its traffic takes at these rates."""
    return result | {"limit": max(result["flops"] / peak, result["bytes"] / rates[near(result["bytes"])])}


def measure(rows, chosen, threads, rounds, milliseconds):
    """A list of results, one a row and pass."""
    players = libraries(chosen, threads)
    print(f"{threads} thread(s): " + ", ".join(f"{player.name} {player.version}" for player in players))
    results, rates, turns = [], {}, Turns(players[0])
    try:
        for row in rows:
            times, trouble = compare(row, players, turns, rounds, milliseconds)
            found = players[0].ask("limits", sorted({near(nbytes) for nbytes in row["bytes"]}))
            rates |= {size: max(rate, rates.get(size, 0)) for size, rate in found.items()}
            for i, key in enumerate(row["passes"]):
                medians = {name: statistics.median(each) for name, each in times[key].items()}
                results.append({"row": row["name"], "pass": key, "family": row["family"], "threads": threads, "goal": row["goals"][i], "seconds": medians,
                                "rounds": times[key], "trouble": trouble, "flops": row["flops"][i], "bytes": row["bytes"][i]})
                print("  " + report.line(limited(results[-1], turns.peak, rates)), flush=True)
            for said in trouble:
                print(f"    {said}", flush=True)
        results = [limited(result, turns.peak, rates) for result in results]
    finally:
        for player in players:
            player.stop()
    return results, {"versions": {p.name: p.version for p in players}, "flops": turns.peak, "bandwidth": rates, "repeated": turns.repeated}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, len(os.sched_getaffinity(0))}))
    parser.add_argument("--only", nargs="+", default=[""], help="rows whose names contain one of these")
    parser.add_argument("--libraries", nargs="+", choices=OTHERS, default=OTHERS, help="beside pydl, where they are installed; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--milliseconds", type=float, default=20, help="of each library in a round, at least one call")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for peers.json, peers.md and peers.svg")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    rows = [row for row in workloads.rows() if any(part in row["name"] for part in options.only)]
    if not rows:
        sys.exit("no row has such a name: " + ", ".join(row["name"] for row in workloads.rows()))
    found, machine = [], {"cpu": report.cpu_name(), "cpus": len(os.sched_getaffinity(0)), "date": datetime.date.today().isoformat(),
                          "environment": {k: v for k, v in os.environ.items() if k in VARIABLES},
                          "load": os.getloadavg()[0], "limits": {}}
    for threads in options.threads:
        results, limits_found = measure(rows, options.libraries, threads, options.rounds, options.milliseconds)
        found += results
        machine["limits"][threads] = limits_found
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "peers.json").write_text(json.dumps({"machine": machine, "results": found}, indent=1) + "\n")
    (options.out / "peers.md").write_text(report.markdown(found, machine))
    (options.out / "peers.svg").write_text(report.bars(found))
    print(report.verdict(found))
    if options.readme:
        report.into_readme(HERE.parent / "README.md", found, machine)


if __name__ == "__main__":
    main()
