"""A module imports only lower floors, or siblings in its own folder.

Reads the imports of every module under pydl/ in this checkout, those inside functions too: an import there to dodge
a cycle is an upward import all the same.
"""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The house, from the ground up.  A name stands for a module or for a folder with all that is in it.
FLOORS = {
    0: "errors shapes files registry _version _build_info",
    1: "kernels",
    2: "backends",
    3: "tensor autodiff capture config info random pictures",
    4: "ops targets gradcheck initializers regularizers constraints schedules activations data",
    5: "callbacks layers losses metrics optimizers datasets",
    6: "models",
    7: "applications inspection preprocessing utils",
    8: "text vision strategy",
    9: "examples",
    10: "cli demo __main__",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}
FACADE = 8.5                       # pydl/__init__.py shows everything below the programs; only those may import it


def floor_of(module):
    """Floor of a dotted name such as `pydl.layers.conv`."""
    parts = module.split(".")
    if len(parts) == 1:
        return FACADE
    if parts[1] not in FLOOR:
        raise AssertionError(f"{module} stands on no floor: give '{parts[1]}' one in tests/test_layering.py, and in the map of README.md")
    return FLOOR[parts[1]]


def module_name(path, root):
    parts = list(path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module, is_package):
    return module if is_package else module.rpartition(".")[0]


def resolve(name, modules):
    """The module a dotted name lies in: `pydl.layers.Dense` -> `pydl.layers`."""
    while name not in modules and not (name.count(".") == 1 and name.split(".")[1] in FLOOR):
        name = name.rpartition(".")[0]
    return name


def imports_of(path, module, modules):
    """(line, module of pydl) of every import in a .py, .pyx or .pxd file."""
    package = package_of(module, path.stem == "__init__")
    text = path.read_text()
    found = []

    def add(line, base, level, names):
        if level:
            up = package.split(".")
            base = ".".join(up[:len(up) - level + 1] + ([base] if base else []))
        if base and base.split(".")[0] == "pydl":
            found.extend((line, resolve(f"{base}.{name}" if name else base, modules)) for name in names)

    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    add(node.lineno, alias.name, 0, [None])
            elif isinstance(node, ast.ImportFrom):
                add(node.lineno, node.module or "", node.level, [alias.name for alias in node.names])
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if called in ("import_module", "__import__") and node.args:
                    # an f-string counts with its literal beginning: f"pydl.kernels.{family}" is pydl.kernels
                    first = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        dots = len(first.value) - len(first.value.lstrip("."))
                        add(node.lineno, first.value.strip("."), dots, [None])
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if match := re.match(r"\s*from\s+(\.*)([\w.]*)\s+c?import\s+\(?(.*)", line):
                names = [word.split(" as ")[0].strip() for word in match[3].split("#")[0].strip(" ()\\").split(",")]
                add(number, match[2], len(match[1]), [name for name in names if name] or [None])
            elif match := re.match(r"\s*c?import\s+(.*)", line):
                for word in match[1].split("#")[0].split(","):
                    add(number, word.split(" as ")[0].strip(), 0, [None])
    return found


def source_files(root):
    return sorted(path for path in (root / "pydl").rglob("*") if path.suffix in (".py", ".pyx", ".pxd"))


def violations(root):
    """One sentence for every upward import of the tree under root/pydl."""
    files = {path: module_name(path, root) for path in source_files(root)}
    modules = set(files.values()) | {"pydl", "pydl._build_info"}                   # the second is written by the build
    for module in list(modules):                                       # folders count as modules too
        while "." in module:
            module = module.rpartition(".")[0]
            modules.add(module)
    found = []
    for path, module in files.items():
        mine = floor_of(module)
        folder = package_of(module, path.stem == "__init__")
        for line, target in imports_of(path, module, modules):
            theirs = floor_of(target)
            if target == module or theirs < mine:
                continue
            sibling = theirs == mine and (package_of(target, False) == folder or target.startswith(folder + ".") and folder != "pydl")
            if not sibling:
                why = "a higher floor" if theirs > mine else "the same floor, another folder"
                found.append(f"{path.relative_to(root)}:{line}: {module} (floor {mine}) imports {target} (floor {theirs}): {why}")
    return found


def test_no_upward_import():
    assert source_files(ROOT), "no sources found"
    assert violations(ROOT) == []


def test_every_family_has_the_same_name_on_every_floor():
    for boundary in (ROOT / "pydl" / "kernels").glob("[!_]*.pyx"):
        assert (ROOT / "csrc" / f"{boundary.stem}.h").exists(), f"{boundary.name} has no csrc/{boundary.stem}.h"


@pytest.mark.parametrize(("path", "text", "said"), [
    ("tensor.py", "from .layers import Dense", "pydl.layers"),
    ("tensor.py", "def f():\n    from pydl.layers.dense import Dense", "pydl.layers.dense"),
    ("tensor.py", "import pydl", "imports pydl (floor 8.5)"),
    ("layers/dense.py", "from ..models.training import fit", "pydl.models.training"),
    ("layers/dense.py", "from ..losses import get", "another folder"),
    ("kernels/conv.pyx", "from pydl.backends cimport cpu", "pydl.backends"),
    ("kernels/conv.pyx", "import pydl.tensor as t", "pydl.tensor"),
    ("ops/basic.py", "importlib.import_module('pydl.models')", "pydl.models"),
    ("ops/basic.py", "importlib.import_module(f'..layers.{x}', __package__)", "pydl.layers"),
])
def test_an_upward_import_is_seen(tmp_path, path, text, said):
    for name in ("__init__", "tensor", "losses", "layers/__init__", "layers/dense", "models/__init__", "models/training",
                 "kernels/__init__", "backends/__init__", "backends/cpu", "ops/__init__"):
        file = tmp_path / "pydl" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (tmp_path / "pydl" / path).write_text(text + "\n")
    found = violations(tmp_path)
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(("path", "text"), [
    ("layers/dense.py", "from .base import Layer\nfrom ..tensor import Tensor\nfrom pydl import errors\nimport numpy"),
    ("layers/__init__.py", "from .dense import Dense\nfrom . import base"),
    ("losses.py", "from .metrics import mean\nfrom . import tensor"),
    ("cli.py", "import pydl"),
    ("__init__.py", "from .layers import base\nfrom . import errors"),
])
def test_a_downward_or_sibling_import_is_fine(tmp_path, path, text):
    for name in ("__init__", "tensor", "errors", "losses", "metrics", "layers/__init__", "layers/dense", "layers/base"):
        file = tmp_path / "pydl" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (tmp_path / "pydl" / path).write_text(text + "\n")
    assert violations(tmp_path) == []


def test_a_module_without_a_floor_is_named(tmp_path):
    (tmp_path / "pydl").mkdir()
    (tmp_path / "pydl" / "misc.py").write_text("")
    with pytest.raises(AssertionError, match="pydl.misc stands on no floor"):
        violations(tmp_path)


def test_parallel_regions_are_entered_in_one_place():
    """internal.h, which takes the float mode of kernels to every thread of a region."""
    sources = [path for path in (ROOT / "csrc").iterdir() if path.suffix in (".c", ".h")]
    found = {path.name for path in sources if re.search(r"pragma omp parallel|_Pragma\(.omp parallel", path.read_text(), re.IGNORECASE)}
    assert found == {"internal.h"}
