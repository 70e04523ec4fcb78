"""Every public name says what it is, and every example in a docstring runs."""

import doctest
import functools
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest

import pydl

MODULES = sorted(["pydl"] + [m.name for m in pkgutil.walk_packages(pydl.__path__, "pydl.") if not m.name.endswith("__main__") and "_build_info" not in m.name])
PUBLIC = [name for name in MODULES if not any(part.startswith("_") for part in name.split("."))]


def public_things(module):
    """[(name, thing)] of the classes and functions a module defines under names without an underscore."""
    found = []
    for name, thing in vars(module).items():
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__ and (inspect.isclass(thing) or callable(thing)):
            found.append((name, thing))
    return found


# the floors users call; below them (kernels, models' inner parts) a name that says it all may go without
SHOWN = (
    "pydl",
    "pydl.layers",
    "pydl.ops",
    "pydl.losses",
    "pydl.metrics",
    "pydl.optimizers",
    "pydl.schedules",
    "pydl.initializers",
    "pydl.regularizers",
    "pydl.constraints",
    "pydl.activations",
    "pydl.callbacks",
    "pydl.datasets",
    "pydl.applications",
    "pydl.models",
    "pydl.saving",
    "pydl.inspection",
    "pydl.strategy",
    "pydl.pictures",
    "pydl.text",
    "pydl.data.audio",
    "pydl.preprocessing.sequence",
    "pydl.utils",
    "pydl.config",
    "pydl.random",
)


@functools.cache
def shown_names():
    """dotted name -> thing, of all a user finds under the public modules; methods too."""
    found = {}
    for name in SHOWN:
        module = importlib.import_module(name) if name in MODULES else getattr(pydl, name.partition(".")[2], None)
        if module is None:
            continue
        for attribute, thing in vars(module).items():
            if attribute.startswith("_") or inspect.ismodule(thing) or not callable(thing) or not (getattr(thing, "__module__", None) or "").startswith("pydl"):
                continue
            found[f"{name}.{attribute}"] = thing
            if inspect.isclass(thing):
                for method, value in vars(thing).items():
                    if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, (property, classmethod, staticmethod))):
                        found[f"{name}.{attribute}.{method}"] = value
    return found


def documentation(name, thing):
    """The docstring; of a method that overrides another, the other's will do."""
    text = (thing.__func__ if isinstance(thing, (classmethod, staticmethod)) else thing).__doc__
    owner, _, method = name.rpartition(".")
    if not (text or "").strip() and owner in shown_names() and inspect.isclass(shown_names()[owner]):
        for base in shown_names()[owner].__mro__[1:]:
            text = text or getattr(vars(base).get(method), "__doc__", None)
    return inspect.cleandoc(text or "").strip()


def test_every_public_name_has_a_docstring():
    names = shown_names()
    assert len(names) > 400
    missing = [name for name, thing in sorted(names.items()) if not documentation(name, thing)]
    # `forward`, `backward` and `call` are the formula itself, which the class describes; a CallbackList has the hooks of callbacks
    assert [name for name in missing if not name.endswith((".forward", ".backward", ".call")) and ".CallbackList." not in name] == []


def test_docstrings_begin_with_a_sentence():
    wrong = []
    for name, thing in sorted(shown_names().items()):
        first = documentation(name, thing).split("\n\n")[0].strip()
        if first and not re.search(r"[.:?)]\s*$|[.:]\s", first + " "):
            wrong.append(f"{name}: {first[:80]!r}")
    assert wrong == []


@pytest.mark.parametrize("name", MODULES)
def test_module_has_a_docstring(name):
    assert (
        name.startswith("pydl.kernels")
        or name.endswith("_version")
        or (importlib.import_module(name).__doc__ or "").strip()
        or not public_things(importlib.import_module(name))
    )


FINDER = doctest.DocTestFinder()
DOCTESTS = [(name, test) for name in MODULES if ".kernels" not in name for test in FINDER.find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("test", [t for _, t in DOCTESTS], ids=[t.name for _, t in DOCTESTS])
def test_example_runs(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = []
    pydl.utils.set_random_seed(0)
    with np.printoptions(legacy=False):
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=output.append, clear_globs=False)
    assert result.failed == 0, "".join(output)


def test_there_are_examples():
    assert len(DOCTESTS) >= 40
