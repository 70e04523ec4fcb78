"""What this copy of pydl is, how it was built, and what it uses on this machine."""
import os
import platform
import sys

import numpy

from pydl import _build_info as build
from pydl._version import __version__
from pydl.errors import one_of
from pydl.kernels._common import (
    blas_status,
    built_levels,
    cgroup_cpu_quota,
    cpu_levels,
    get_cpu_level,
    get_num_threads,
)


def show_config(mode="stdout"):
    """Print how pydl was built and what it uses here: CPU level, threads, BLAS.

    Args:      mode: "stdout" prints, "dicts" returns the same as a dict of dicts.
    Example:   pydl.show_config()
               pydl.show_config(mode="dicts")["threads"]["in use"]
    """
    one_of("show_config", "mode", mode, ("stdout", "dicts"))
    config = _collect()
    if mode == "dicts":
        return config
    for section, entries in config.items():
        print(section)
        for key, value in entries.items():
            print(f"    {key + ':':<16}{', '.join(value) if isinstance(value, tuple) else value}")
    return None


def _collect():
    return {
        "pydl": {"version": __version__, "python": platform.python_version(), "numpy": numpy.__version__,
                 "folder": os.path.dirname(os.path.abspath(__file__))},
        "build": {"compiler": build.COMPILER, "cython": build.CYTHON, "flags": build.C_FLAGS},
        "cpu": {"model": _cpu_model(), "levels built": built_levels(), "levels here": cpu_levels(), "in use": get_cpu_level(),
                "flags": build.LEVEL_FLAGS[get_cpu_level()] or "none"},
        "threads": {"in use": get_num_threads(), "cpus allowed": _cpus_allowed(), "cgroup quota": _quota(),
                    **{name: os.environ[name] for name in ("PYDL_NUM_THREADS", "OMP_NUM_THREADS") if name in os.environ}},
        "blas": {"library": blas_status()},
    }


def _cpu_model():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cpus_allowed():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _quota():
    quota = cgroup_cpu_quota() if sys.platform == "linux" else None
    return "none" if quota is None else f"{quota:g} cpus"
