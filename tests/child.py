"""Runs Python code in a process of its own, against the pydl that the tests themselves import."""
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pydl

PACKAGE = Path(pydl.__file__).resolve().parent.parent


def run_python(code, *args, timeout=120, check=True, **env):
    """The completed process of `python -c code args`; its output is text.  check: a failure fails the test, with the output."""
    # -P: the folder the tests run in is no place to import from, or ./pydl of a checkout would shadow the installed package
    path = os.pathsep.join([str(PACKAGE), str(Path(__file__).parent)])
    # an editable install has no bytecode yet, and an environment that forbids to write it would have every child compile pydl anew
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-P", "-c", textwrap.dedent(code), *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          env={**inherited, "PYTHONPATH": path, **{k: str(v) for k, v in env.items()}})
    if check:
        assert done.returncode == 0, f"status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done
