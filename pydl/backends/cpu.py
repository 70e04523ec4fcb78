"""The CPU backend: every boundary function of pydl.kernels under one roof, and the constructors of arrays."""
import importlib
import pkgutil

from pydl import kernels
from pydl.kernels._common import Array, assign, empty, from_numpy, owned, weight, zeros  # noqa: F401

name = "cpu"

for _family in pkgutil.iter_modules(kernels.__path__):
    if not _family.name.startswith("_"):
        _module = importlib.import_module(f"pydl.kernels.{_family.name}")
        globals().update({n: f for n, f in vars(_module).items() if callable(f) and not n.startswith("_") and not isinstance(f, type)})
