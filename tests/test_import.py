"""`import pydl` is quick and brings in nothing but NumPy."""

import os
import subprocess
import sys

import pytest
from child import run_python

OPTIONAL = (
    "matplotlib",
    "PIL",
    "pandas",
    "scipy",
    "torch",
    "tensorflow",
    "keras",
    "jax",
    "sklearn",
    "h5py",
    "cupy",
    "mpi4py",
    "tqdm",
    "pytest",
    "setuptools",
    "Cython",
    "urllib.request",
    "http.client",
    "asyncio",
    "unittest",
    "pdb",
)


def test_import_takes_less_than_a_fifth_of_a_second_over_numpy():
    """Processor time, the best of several fresh processes: what others do on the machine can only add."""
    code = """
        import time, numpy
        start = time.process_time()
        import pydl
        print(time.process_time() - start)
    """
    best = min(float(run_python(code).stdout) for _ in range(8))
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))          # more processes than processors: caches and clocks are shared
    assert best < 0.2 * min(crowd, 3.0), f"import pydl took {best:.3f} s over NumPy"


def test_import_brings_in_no_other_package():
    code = f"""
        import sys, numpy
        before = set(sys.modules)
        import pydl
        print(*[name for name in {OPTIONAL} if name in sys.modules and name not in before])
        print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names) - {{"pydl"}}))
    """
    optional, others = run_python(code).stdout.split("\n")[:2]
    assert optional == "", f"imported: {optional}"
    assert [name for name in others.split() if not name.startswith(("_", "numpy", "cython_runtime"))] == []


def test_what_training_does_not_need_is_imported_when_it_is_asked_for():
    code = """
        import sys, pydl
        assert not [name for name in sys.modules if name.startswith(("pydl.strategy", "pydl.inspection"))]
        assert {"strategy", "inspection"} <= set(dir(pydl)) and not hasattr(pydl, "strategie")
        assert pydl.strategy.Linear(0, 1).value(0.5) == 0.5 and "pydl.strategy" in sys.modules
        assert pydl.inspection.LayerWatch.__module__ == "pydl.inspection.callbacks"
    """
    run_python(code)


def test_import_starts_no_thread_and_opens_no_file():
    code = """
        import os, threading, numpy
        files, threads = os.listdir("/proc/self/fd"), len(os.listdir("/proc/self/task"))
        import pydl
        assert os.listdir("/proc/self/fd") == files and threading.active_count() == 1
        print(len(os.listdir("/proc/self/task")) - threads)
    """
    assert run_python(code).stdout.strip() == "0"


@pytest.mark.parametrize("flag", ["-O", "-OO", "-W error"])
def test_import_under_flags(flag):
    from child import PACKAGE

    done = subprocess.run(
        [sys.executable, *flag.split(), "-c", "import pydl; pydl.Sequential([pydl.layers.Input((2,)), pydl.layers.Dense(1)])"],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_every_module_can_be_imported_first():
    code = """
        import importlib, pkgutil, subprocess, sys, pydl
        for module in pkgutil.walk_packages(pydl.__path__, "pydl."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    """
    run_python(code)
