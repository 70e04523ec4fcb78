"""The C tests: tests/c/test_*.c with csrc/*.c at base level, under the address and undefined-behaviour sanitizers.

Objects are kept in build/c-tests under a name made of their content, so that only what changed is compiled again.
"""
import hashlib
import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
TESTS = sorted((ROOT / "tests" / "c").glob("test_*.c"))
BUILD = ROOT / "build" / "c-tests"
FLAGS = ["-std=c11", "-g", "-O1", "-fopenmp", "-fno-math-errno", "-fno-trapping-math",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-DPYDL_LEVEL=base", f"-I{CSRC}", f"-I{ROOT / 'tests' / 'c'}",
         *(["-Wall", "-Wextra", "-Wconversion", "-Werror"] if os.environ.get("PYDL_WERROR", "0") not in ("", "0") else [])]


def compiler():
    command = shlex.split(os.environ.get("CC", "gcc"))
    if not shutil.which(command[0]):
        pytest.skip(f"no C compiler here ({command[0]}); the C tests need one")
    return command


def build(command, source, output):
    """Run a compiler command that makes output, by way of a temporary name so that two runs at once do no harm."""
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    done = subprocess.run([*command, "-o", str(part)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{source.name} does not compile:\n{shlex.join(command)}\n{done.stdout}"
    part.replace(output)


def compiled(source, headers):
    command = [*compiler(), *FLAGS]
    digest = hashlib.sha256("\0".join([*command, headers, str(source), source.read_text()]).encode()).hexdigest()[:16]
    output = BUILD / f"{source.stem}-{digest}.o"
    if not output.exists():
        for old in BUILD.glob(f"{source.stem}-*.o"):
            old.unlink(missing_ok=True)
        build([*command, "-c", str(source)], source, output)
    return output


@pytest.fixture(scope="session")
def headers():
    """Text of every header: an object depends on all of them."""
    BUILD.mkdir(parents=True, exist_ok=True)
    return "\0".join(path.read_text() for folder in (CSRC, ROOT / "tests" / "c") for path in sorted(folder.glob("*.h")))


@pytest.fixture(scope="session")
def library(headers):
    compiler()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda source: compiled(source, headers), sorted(CSRC.glob("*.c"))))


@pytest.mark.parametrize("source", TESTS, ids=lambda path: path.stem)
def test_c(source, library, headers, tmp_path):
    program = tmp_path / source.stem
    build([*compiler(), *FLAGS, str(compiled(source, headers)), *map(str, library), "-lm"], source, program)
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          env={**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"})
    assert done.returncode == 0, f"{source.name} failed with status {done.returncode}:\n{done.stdout}"


def test_the_sanitizers_are_awake(headers, tmp_path):
    """A read past the end and a signed overflow must both end the program: else the tests above prove nothing."""
    for name, body in {"past_the_end": "volatile float a[4] = {0}; volatile int i = 4; return a[i] > 1;",
                       "overflow": "volatile int big = 2147483647; volatile int more = big + 1; return more == 7;"}.items():
        source = tmp_path / f"{name}.c"
        source.write_text(f"int main(void) {{ {body} }}\n")
        build([*compiler(), *FLAGS, str(source)], source, tmp_path / name)
        done = subprocess.run([tmp_path / name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode != 0 and ("AddressSanitizer" in done.stdout or "runtime error" in done.stdout)
