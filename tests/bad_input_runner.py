"""Runs a table of bad calls in child processes and says what became of each: clear, unclear, silent, crash, hang, or broken.

A row is a `Row`; a table is a Python file that defines `rows()`.  The child runs rows one after the other and reports each
on a pipe; when it dies or exceeds the time limit, the row it was at is the one to blame, and a new child goes on after it.

    clear    ValueError or TypeError (MemoryError where the row allows it) that names the layer or the argument
    unclear  another exception, or a message that names neither
    silent   no exception
    crash    the process died
    hang     no end within the time limit
    broken   the good twin, the same call without the fault, failed before or after: the row proves nothing
"""
import importlib.util
import json
import os
import re
import resource
import select
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One bad call.

    pattern: P01 ... P20; name: what is done; bad, good: callables without arguments, alike but for the fault;
    mentions: regular expressions of which the message must hold one; memory: MemoryError is a clear answer too.
    """
    pattern: str
    name: str
    bad: object
    good: object
    mentions: tuple
    memory: bool = False

    @property
    def id(self):
        return f"{self.pattern}-{self.name}".replace(" ", "_")


TERSE = re.compile(r"NULL|Buffer dtype mismatch|object is not (subscriptable|iterable|callable)|has no attribute|unsupported operand|"
                   r"could not be broadcast together|cannot be interpreted as an integer|not supported between")


def judge(row, error):
    """The outcome for what the bad call raised (None: nothing)."""
    if error is None:
        return "silent"
    allowed = (ValueError, TypeError, MemoryError) if row.memory else (ValueError, TypeError)
    if not isinstance(error, allowed):
        return "unclear"
    message = str(error)
    if isinstance(error, MemoryError):
        return "clear"
    if TERSE.search(message) or len(message) < 15 or not any(re.search(m, message) for m in row.mentions):
        return "unclear"
    return "clear"


def run_row(row):
    """(outcome, message) of a row, in this process."""
    try:
        row.good()
    except BaseException as error:
        return "broken", f"the good twin raised before: {error!r}"
    caught = None
    try:
        row.bad()
    except BaseException as error:
        caught = error
    outcome, message = judge(row, caught), "" if caught is None else f"{type(caught).__name__}: {caught}"
    try:
        row.good()
    except BaseException as error:
        return "broken", f"the good twin raised after {message!r}: {error!r}"
    return outcome, message


def load_rows(path):
    spec = importlib.util.spec_from_file_location("table_of_bad_calls", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["table_of_bad_calls"] = module
    spec.loader.exec_module(module)
    return list(module.rows())


def child(path, start, stop, pipe):
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):       # a sanitized process maps terabytes of shadow memory
        limit = 16 << 30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rows = load_rows(path)

    def say(*what):
        os.write(pipe, (json.dumps(what) + "\n").encode())
    say("ready", len(rows))
    for i in range(start, min(stop, len(rows))):
        say("start", i)
        say("done", i, *run_row(rows[i]))
    say("end", 0)


def run_table(path, limit=20.0, start=0, stop=None, load_limit=120.0):
    """[(outcome, message)] of the rows start:stop of a table, each within `limit` seconds."""
    results, position, count = {}, start, None
    while count is None or position < count:
        reading, writing = os.pipe()
        command = [sys.executable, os.path.abspath(__file__), str(path), str(position), str(sys.maxsize if stop is None else stop), str(writing)]
        with open(os.devnull) as nothing:
            process = subprocess.Popen(command, pass_fds=[writing], stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(writing)
        os.set_blocking(process.stdout.fileno(), False)
        output, unread, running, outcome, deadline = b"", b"", None, None, time.monotonic() + load_limit
        try:
            while outcome is None:
                ready, _, _ = select.select([reading, process.stdout], [], [], max(0.0, deadline - time.monotonic()))
                if process.stdout in ready:
                    output = (output + (process.stdout.read() or b""))[-4000:]
                if reading in ready:
                    got = os.read(reading, 65536)
                    unread += got
                    *lines, unread = unread.split(b"\n")
                    for line in lines:
                        what, number, *rest = json.loads(line)
                        if what == "ready":
                            count = number if stop is None else min(stop, number)
                        elif what == "start":
                            running, deadline = number, time.monotonic() + limit
                        elif what == "done":
                            results[number], running, position = tuple(rest), None, number + 1
                        elif what == "end":
                            outcome = "end"
                    if not got and outcome is None:
                        outcome = "crash"
                elif time.monotonic() >= deadline:
                    outcome = "hang"
                elif not ready:
                    continue
        finally:
            process.kill()
            process.wait()
            output += process.stdout.read() or b""
            process.stdout.close()
            os.close(reading)
        if outcome == "end":
            break
        if running is None:
            raise RuntimeError(f"{path}: the child ended ({outcome}, status {process.returncode}) outside any row:\n{output.decode(errors='replace')}")
        last = output.decode(errors="replace")[-3000:]
        results[running] = (outcome, f"status {process.returncode}; {last}" if outcome == "crash" else f"no end within {limit} s; {last}")
        position = running + 1
    return [results[i] for i in sorted(results)]


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
