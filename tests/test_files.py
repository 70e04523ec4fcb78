"""Atomic writing under kills, full disks and failing calls; the .npy reader under damage."""
import errno
import io
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from pydl import files
from pydl.errors import DTypeError, FormatError


def litter(folder):
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


# ---- writing -----------------------------------------------------------------------------------------------------

def test_writes_parts_of_any_kind_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    files.write_atomically(path, [b"ab", bytearray(b"cd"), memoryview(b"ef"), np.arange(3, dtype=np.uint8), b"", bytes(3 << 20)])
    assert path.read_bytes() == b"abcdef\x00\x01\x02" + bytes(3 << 20)
    assert os.listdir(tmp_path) == ["a.bin"]


def test_permissions_follow_the_old_file_or_the_umask(tmp_path):
    path = tmp_path / "a.bin"
    old = os.umask(0o027)
    try:
        files.write_atomically(path, [b"x"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        files.write_atomically(path, [b"y"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    files.write_atomically(link, [b"new"])
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_the_longest_file_name(tmp_path):
    path = tmp_path / ("a" * 255)
    files.write_atomically(path, [b"x"])
    assert path.read_bytes() == b"x"


def test_what_is_no_place_for_a_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        files.write_atomically(tmp_path, [b"x"])
    with pytest.raises(FileNotFoundError, match="make it first"):
        files.write_atomically(tmp_path / "no" / "a", [b"x"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe"):
        files.write_atomically(tmp_path / "pipe", [b"x"])
    with pytest.raises(TypeError):
        files.write_atomically(3.5, [b"x"])
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("fault", [ValueError("no"), KeyboardInterrupt(), MemoryError()])
def test_a_fault_in_the_middle_loses_nothing(tmp_path, fault):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def parts():
        yield b"new"
        raise fault

    with pytest.raises(type(fault)):
        files.write_atomically(path, parts())
    assert path.read_bytes() == b"old" and litter(tmp_path) == []


CALLS = ["open", "write", "fsync", "replace", "fchmod"]


@pytest.mark.parametrize("sticky", [False, True], ids=["once", "sticky"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_the_nth_system_call_fails(tmp_path, monkeypatch, number, sticky):
    """n = 1, 2, ... until a save runs through: the file is the old or the new one, an error means the old one, and nothing is left."""
    path = tmp_path / "a.bin"
    for n in range(1, 100):
        path.write_bytes(b"old")
        calls = 0

        def failing(real, n=n):
            def call(*args, **options):
                nonlocal calls
                calls += 1
                if calls == n or (sticky and calls > n):
                    raise OSError(number, os.strerror(number))
                return real(*args, **options)
            return call

        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, failing(getattr(os, name)))
            try:
                with pytest.warns(RuntimeWarning, match="could not be synced") if n in told else nothing():
                    files.write_atomically(path, [b"new" * 1000, b"more"])
                saved = True
            except OSError as error:
                assert error.errno == number
                saved = False
        assert path.read_bytes() == (b"new" * 1000 + b"more" if saved else b"old"), n
        assert litter(tmp_path) == [], n
        if calls < n:
            break
    assert n == 9      # open, write, write, fchmod, fsync, replace, open and fsync of the directory; then none failed


told = (7, 8)          # the two calls after the rename: the new file is in place, so they are told of only


class nothing:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def test_disk_full_by_a_size_limit(tmp_path):
    script = textwrap.dedent("""
        import resource, signal, sys
        from pydl.files import write_atomically
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            write_atomically(sys.argv[1], [bytes(70_000), bytes(70_000)])
        except OSError as error:
            print("OSError", error.errno)
    """)
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    result = subprocess.run([sys.executable, "-P", "-c", script, str(path)], capture_output=True, text=True, timeout=60, env=child_environment())
    assert result.stdout.split() == ["OSError", str(errno.EFBIG)], result.stderr
    assert path.read_bytes() == b"old" and litter(tmp_path) == []


def child_environment():
    """The child imports the same pydl as this process does."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(files.__file__)))
    return {**os.environ, "PYTHONPATH": home + os.pathsep + os.environ.get("PYTHONPATH", "")}


def test_kill_in_a_loop_leaves_a_whole_file_and_bounded_litter(tmp_path):
    script = textwrap.dedent("""
        import sys
        from pydl.files import write_atomically
        number = int(sys.argv[2])
        print("ready", flush=True)
        while True:
            number += 1
            write_atomically(sys.argv[1], [number.to_bytes(8, "little") * 50_000])
    """)
    path = tmp_path / "a.bin"
    files.write_atomically(path, [(0).to_bytes(8, "little") * 50_000])
    chance = random.Random(5)
    last = 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-P", "-c", script, str(path), str(last)], stdout=subprocess.PIPE, env=child_environment()) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.001, 0.05))
            child.send_signal(signal.SIGKILL)
            child.wait()
        content = path.read_bytes()
        number = int.from_bytes(content[:8], "little")
        assert content == number.to_bytes(8, "little") * 50_000 and number >= last
        assert len(litter(tmp_path)) <= 1
        last = number
    assert last > 0
    files.write_atomically(path, [b"x"])
    assert litter(tmp_path) == []


def test_a_living_writers_temporary_is_not_litter(tmp_path):
    path = tmp_path / "a.bin"

    def slow():
        yield b"slow"
        files.write_atomically(path, [b"quick"])      # a second writer of the same path, while the first is at work
        assert path.read_bytes() == b"quick" and len(litter(tmp_path)) == 1
        yield b"ly"

    files.write_atomically(path, slow())
    assert path.read_bytes() == b"slowly" and litter(tmp_path) == []


def test_many_threads_write_one_path(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([i]) * 100_000 for i in range(8)]
    errors = []

    def write(content):
        try:
            for _ in range(10):
                files.write_atomically(path, [content])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and path.read_bytes() in contents and litter(tmp_path) == []


def test_descriptors_do_not_leak(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        files.write_atomically(tmp_path / "a", [b"x"])
        with pytest.raises(ZeroDivisionError):
            files.write_atomically(tmp_path / "a", (1 / 0 for _ in range(1)))
    assert len(os.listdir("/proc/self/fd")) == before
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > before


# ---- .npy --------------------------------------------------------------------------------------------------------

def saved(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False, **options)
    return stream.getvalue()


SHAPES = [(), (1,), (3,), (0,), (2, 3), (4, 0, 2), (2, 3, 4, 5)]


@pytest.mark.parametrize("name", sorted(files.DTYPES))
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_what_numpy_writes_and_numpy_reads_what_we_write(shape, name):
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(name)
    for order in ("<", ">"):
        for layout in "CF":
            got = files.read_npy(saved(np.asarray(array.astype(array.dtype.newbyteorder(order)), order=layout)), "a.npy")
            assert got.dtype == array.dtype and got.dtype.isnative and got.flags.c_contiguous and got.flags.owndata
            np.testing.assert_array_equal(got, array)
    ours = files.npy_header(array) + array.tobytes()
    back = np.lib.format.read_array(io.BytesIO(ours), allow_pickle=False)
    assert back.dtype == array.dtype and back.shape == array.shape and np.array_equal(back, array)
    assert len(files.npy_header(array)) % 64 == 0
    np.testing.assert_array_equal(files.read_npy(ours, "a.npy"), array)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(version):
    assert files.read_npy(saved([1.5, 2.5], version=version), "a").tolist() == [1.5, 2.5]


def test_every_truncation_is_refused():
    whole = saved(np.arange(5.0))
    for length in range(len(whole)):
        with pytest.raises(FormatError, match="^a.npy: "):
            files.read_npy(whole[:length], "a.npy")
    with pytest.raises(FormatError):
        files.read_npy(whole + b"\0", "a.npy")


def test_flipped_header_bytes_are_refused_or_harmless():
    whole = saved(np.arange(6, dtype=np.int32).reshape(2, 3))
    for place in range(128):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            try:
                got = files.read_npy(bytes(damaged), "a.npy")
            except FormatError:
                continue
            assert got.nbytes <= len(whole)


HEADERS = [
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<U8', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<i3', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|b8', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807, 9), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1 if print(7) else 2,), }",
    "{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, " * 40 + "2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
    "", "{}", "(" * 3000,
]


@pytest.mark.parametrize("header", HEADERS)
def test_hostile_headers_are_refused_before_memory_is_asked_for(header):
    text = header.encode() + b"\n"
    block = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(4)
    with pytest.raises(FormatError, match="^a.npy: "):
        files.read_npy(block, "a.npy")


def test_odd_bools_and_types():
    block = bytearray(saved(np.array([True, False])))
    block[-1] = 7
    with pytest.raises(FormatError, match="neither 0 nor 1"):
        files.read_npy(bytes(block), "a.npy")
    for odd in (np.zeros(2, complex), np.zeros(2, object), np.zeros(2, "longdouble"), np.zeros(2, "U3")):
        with pytest.raises(DTypeError, match="cannot be saved"):
            files.npy_header(odd)
