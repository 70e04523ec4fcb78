"""The build: what is installed, what it says of itself, how setup.py reads the headers, how the command behaves."""
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pydl
from pydl import _build_info as build
from pydl import cli
from pydl.kernels import _common

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(pydl.__file__).resolve().parent
IN_PLACE = PACKAGE == ROOT / "pydl"


def python(*arguments, **environment):
    """Run this Python away from the checkout, finding pydl where this process found it."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd="/",
                          env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment})


# ---- what is installed

@pytest.mark.skipif(IN_PLACE, reason="built in place: package and sources share a folder; the installed package is looked at instead")
def test_no_source_is_installed():
    files = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.is_file()]
    assert any(name.startswith("kernels/_common.") for name in files)
    assert [name for name in files if Path(name).suffix in (".c", ".h", ".pyx", ".pxd", ".pxi", ".o", ".cu")] == []
    assert importlib.metadata.version("pydl-nn") == pydl.__version__
    assert [r for r in importlib.metadata.requires("pydl-nn") if "extra ==" not in r] == ["numpy>=2"]


def test_every_module_and_data_file_of_the_checkout_is_installed():
    left_out = {".c", ".h", ".pyx", ".pxd", ".pxi", ".so", ".pyc"}
    here = {path.relative_to(ROOT / "pydl").as_posix() for path in (ROOT / "pydl").rglob("*")
            if path.is_file() and path.suffix not in left_out and "_libs" not in path.parts} - {"_build_info.py"}
    assert {"__init__.py", "datasets/digits_images.idx3.gz"} <= here
    assert {name for name in here if not (PACKAGE / name).exists()} == set()


def test_the_version_stands_in_one_place():
    text = (ROOT / "pydl/_version.py").read_text()
    assert re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1] == pydl.__version__
    assert pydl.__version__ not in (ROOT / "pyproject.toml").read_text()
    assert f"## {pydl.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_blas_comes_along_with_its_licence():
    if build.BLAS_LIBRARY is None:
        assert not (PACKAGE / "_libs").exists() and _common.blas_status().startswith("none")
    else:
        assert (PACKAGE / "_libs" / build.BLAS_LIBRARY).stat().st_size > 1_000_000
        assert "Redistribution" in (PACKAGE / "_libs" / f"{build.BLAS_LIBRARY.split('.')[0]}.LICENSE.txt").read_text()
        assert build.BLAS_VERSION in _common.blas_status() and "one thread" in _common.blas_status()


def test_nothing_is_built_for_one_machine_only():
    flags = " ".join([build.C_FLAGS, *build.LEVEL_FLAGS.values()])
    assert "-march=native" not in flags and "-ffast-math" not in flags
    assert build.LEVEL_FLAGS["base"] == "" and tuple(build.LEVELS) == _common.built_levels()


# ---- what it says of itself

def test_show_config_prints_what_is_in_use(capsys):
    pydl.show_config()
    said = capsys.readouterr().out
    config = pydl.show_config(mode="dicts")
    assert config["threads"]["in use"] == pydl.get_num_threads() and config["cpu"]["in use"] == _common.get_cpu_level()
    for fact in (pydl.__version__, build.COMPILER, _common.get_cpu_level(), _common.blas_status()):
        assert fact in said
    json.dumps(config)
    with pytest.raises(ValueError, match="show_config: mode"):
        pydl.show_config(mode="dict")


@pytest.mark.parametrize("level", _common.cpu_levels())
def test_pydl_cpu_forces_a_level(level):
    done = python("-m", "pydl.cli", "info", PYDL_CPU=level)
    assert done.returncode == 0 and re.search(rf"^    in use: +{level}$", done.stdout, re.MULTILINE), done.stderr


def test_a_wrong_level_is_refused_by_name():
    done = python("-c", "import pydl", PYDL_CPU="sse9")
    assert done.returncode != 0 and "sse9" in done.stderr and "base" in done.stderr


@pytest.mark.parametrize(("variables", "expected"), [({"PYDL_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}, 3), ({"OMP_NUM_THREADS": "2"}, 2)])
def test_threads_from_the_environment(variables, expected):
    clean = {"PYDL_NUM_THREADS": "", "OMP_NUM_THREADS": ""}
    done = python("-c", "import pydl; print(pydl.get_num_threads())", **{**clean, **variables})
    assert done.stdout.strip() == str(expected), done.stderr


@pytest.mark.parametrize("bad", ["two", "0", "-1", "1.5", "2,3", "99999", "9" * 5000, "\u0663"])
def test_a_wrong_number_of_threads_is_refused_by_name(bad):
    done = python("-c", "import pydl", PYDL_NUM_THREADS=bad)
    assert done.returncode != 0 and "PYDL_NUM_THREADS must be a whole number from 1 to 1024" in done.stderr


@pytest.mark.parametrize(("member", "files", "quota"), [
    ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5), ("0::/\n", {"cpu.max": "max 100000\n"}, None), ("0::/\n", {}, None),
    ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "200000 100000"}, 2), ("0::/a/b\n", {"cpu.max": "50000 100000"}, 0.5),
    ("4:memory:/x\n1:cpu,cpuacct:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "300000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 3),
    ("1:cpu:/host/path\n", {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ("1:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, None),
    ("0::/\n", {"cpu.max": "junk"}, None), ("0::/\n", {"cpu.max": ""}, None), ("0::/\n", {"cpu.max": "1 0"}, None), ("junk\n", {}, None), ("", {}, None),
])
def test_the_quota_of_a_control_group(tmp_path, member, files, quota):
    (tmp_path / "member").write_text(member)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _common.cgroup_cpu_quota(str(tmp_path / "member"), str(tmp_path)) == quota


def test_import_brings_in_nothing_heavy():
    done = python("-c", "import sys, pydl; print(*{m.split('.')[0] for m in sys.modules})")
    loaded = set(done.stdout.split())
    assert "pydl" in loaded and "numpy" in loaded, done.stderr
    assert loaded & {"h5py", "PIL", "matplotlib", "pandas", "scipy", "sklearn", "torch", "tensorflow", "jax", "pytest"} == set()


# ---- the command

def test_info_and_version(capsys):
    assert cli.main(["info"]) == 0
    assert "blas" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.strip() == f"pydl {pydl.__version__}"


@pytest.mark.parametrize("arguments", [[], ["inof"], ["demo", "--epochs", "0"], ["demo", "--epochs", "many"], ["info", "--loud"]])
def test_a_wrong_command_line_ends_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2 and "usage: pydl" in capsys.readouterr().err


# ---- setup.py

@pytest.fixture(scope="module")
def setup():
    """setup.py as a module; it builds only when it is run."""
    pytest.importorskip("setuptools", "77", reason="setup.py needs setuptools 77")
    spec = importlib.util.spec_from_file_location("pydl_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def header(folder, name, text):
    path = folder / f"{name}.h"
    path.write_text(text)
    return path


RUN = "pydl_status {}({})(const pydl_ctx *ctx, const void *args);\n"
NEED = "isize {}({}_scratch)(const pydl_ctx *ctx, const void *args);\n"


def test_the_table_has_a_row_per_kernel_sorted_by_name(setup, tmp_path):
    pool = header(tmp_path, "pool", RUN.format("FN", "pool_forward") + NEED.format("FN", "pool_forward"))
    image = header(tmp_path, "image", RUN.format("LEVEL_FN", "gather"))
    kernels = setup.read_kernels([pool, image])
    assert [(k.name, k.family, k.typed, k.scratch) for k in kernels] == [("gather", "image", False, None), ("pool_forward", "pool", True, True)]
    table = setup.kernel_table(kernels)
    assert "const isize pydl_kernel_count = 2;" in table
    assert '{"gather", "image", {{pydl_gather_base, pydl_gather_base}' in table
    assert '{"pool_forward", "pool", {{pydl_pool_forward_f32_base, pydl_pool_forward_f64_base}' in table
    assert "{{pydl_pool_forward_scratch_f32_base, pydl_pool_forward_scratch_f64_base}" in table
    for level in setup.LEVELS:
        assert f"isize pydl_pool_forward_scratch_f64_{level}(const pydl_ctx *ctx, const void *args);" in table


@pytest.mark.parametrize(("text", "said"), [
    (RUN.format("FN", "twice") * 2, "kernel 'twice' is already declared in family.h"),
    (RUN.format("FN", "one") + NEED.format("FN", "one") * 2, "'one_scratch' is declared twice"),
    (NEED.format("FN", "lonely"), "there is no kernel 'lonely'"),
    ("pydl_status FN(odd)(const pydl_ctx *c, const void *args);\n", "family.h:1: this looks like a kernel"),
    ("\nint FN(odd)(const pydl_ctx *ctx, const void *args);\n", "family.h:2: this looks like a kernel"),
])
def test_a_wrong_declaration_stops_the_build_with_a_sentence(setup, tmp_path, text, said):
    with pytest.raises(SystemExit, match=re.escape(said)):
        setup.read_kernels([header(tmp_path, "family", text)])


def test_two_families_cannot_share_a_kernel_name(setup, tmp_path):
    with pytest.raises(SystemExit, match=r"b\.h:1: kernel 'same' is already declared in a\.h"):
        setup.read_kernels([header(tmp_path, "a", RUN.format("FN", "same")), header(tmp_path, "b", RUN.format("FN", "same"))])


def test_the_headers_of_the_checkout_are_what_is_installed(setup):
    names = [kernel.name for kernel in setup.read_kernels(sorted((ROOT / "csrc").glob("*.h")))]
    assert names == sorted(names) and len(names) > 1
    library = next((PACKAGE / "kernels").glob("_common.*.so")).read_bytes()
    assert [name for name in names if name.encode() not in library] == []


def test_a_missing_compiler_or_header_is_one_sentence(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(SystemExit, match="no C compiler found.*apt-get install gcc python3-dev python3-venv"):
        setup.find_compiler()
    monkeypatch.setenv("CC", "false")
    with pytest.raises(SystemExit, match="Python.h is missing.*apt-get install gcc"):
        setup.check_tools(["false"], tmp_path, tmp_path / "probe")
    (tmp_path / "Python.h").write_text("")
    with pytest.raises(SystemExit, match="cannot build an extension with OpenMP.*\n*.*apt-get install"):
        setup.check_tools(["false"], tmp_path, tmp_path / "probe")


def test_a_rule_runs_only_when_something_changed(setup, tmp_path):
    source, included, output = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "made.txt"
    source.write_text("1")
    included.write_text("1")
    log = tmp_path / "log"

    def rule(word="x"):
        setup.Rule.digests.clear()               # each build is a process of its own
        script = f"open({str(log)!r}, 'a').write({word!r}); open({str(output)!r}, 'w').write('made')"
        return setup.Rule("make", [sys.executable, "-c", script], [source, included], output)

    def runs():
        return len(log.read_text()) if log.exists() else 0

    rule().make()
    rule().make()
    assert runs() == 1
    later = output.stat().st_mtime + 10
    os.utime(included, (later, later))          # a later time alone is no change
    rule().make()
    assert runs() == 1
    included.write_text("2")
    os.utime(included, (later - 1000, later - 1000))     # an older file is one, if it holds something else
    rule().make()
    assert runs() == 2
    rule(word="y").make()                       # another command
    assert runs() == 3
    output.unlink()
    rule(word="y").make()
    assert runs() == 4


def test_a_failing_rule_leaves_no_output_and_says_the_command(setup, tmp_path):
    output = tmp_path / "out"
    rule = setup.Rule("cc x.c", [sys.executable, "-c", f"open({str(output)!r}, 'w'); raise SystemExit(1)"], [], output)
    with pytest.raises(SystemExit, match="'cc x.c' failed"):
        rule.make()
    assert not output.exists() and not rule.is_current()
