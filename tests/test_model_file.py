"""The model file: what goes in comes out; no damage, no hostile content and no fault of the system gets through."""
import base64
import errno
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from pydl.errors import DTypeError, FormatError
from pydl.files import npy_header
from pydl.models import model_file
from pydl.models.model_file import read_model_file, write_model_file

CONFIG = {"name": "net", "layers": [{"class_name": "layers.Dense", "config": {"units": 3, "use_bias": True, "rate": 0.1}}], "none": None}
ARRAYS = {"layers/dense/kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 7, "layers/dense/bias": np.array([1.5, -2, np.nan]),
          "optimizer/iterations": np.int64(12), "mask": np.array([True, False]), "empty": np.zeros((0, 4), np.uint8)}

# the first file format, as written on the day it was made; it has to be readable for ever
VERSION_1 = """
UEsDBBQAAAgAAAAAIQA8KnpjoAAAAKAAAAAKAAAAbW9kZWwuanNvbnsiZm9ybWF0IjoicHlkbCBtb2RlbCIsInZlcnNpb24iOjEsImNvbmZpZyI6eyJuYW1lIjoibmV0IiwibGF5ZXJzIjpbeyJjbG
Fzc19uYW1lIjoibGF5ZXJzLkRlbnNlIiwiY29uZmlnIjp7InVuaXRzIjozLCJ1c2VfYmlhcyI6dHJ1ZSwicmF0ZSI6MC4xfX1dLCJub25lIjpudWxsfX1QSwMEFAAACAAAAAAhAIooZHOYAAAAmAAA
ABcAAABsYXllcnMvZGVuc2Uva2VybmVsLm5weZNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgIC
AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAACVJEj4lSZI+t23bPiVJEj9u2zY/UEsDBBQAAAgAAAAAIQDpo8OXmAAAAJgAAAAVAAAAbGF5ZXJzL2RlbnNlL2Jp
YXMubnB5k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC
AgICAgICAgICAgICAgICAgICAgIAoAAAAAAAD4PwAAAAAAAADAAAAAAAAA+H9QSwMEFAAACAAAAAAhAHWkmjGIAAAAiAAAABgAAABvcHRpbWl6ZXIvaXRlcmF0aW9ucy5ucHmTTlVNUFkBAHYAeydk
ZXNjcic6ICc8aTgnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC
AgCgwAAAAAAAAAUEsDBBQAAAgAAAAAIQDuGbtdggAAAIIAAAAIAAAAbWFzay5ucHmTTlVNUFkBAHYAeydkZXNjcic6ICd8YjEnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwp
LCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgEAUEsDBBQAAAgAAAAAIQAHPacOgAAAAIAAAAAJAAAAZW1wdHkubnB5k05VTVBZAQ
B2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDQpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg
ICAgICAgIApQSwECLQMUAAAIAAAAACEAPCp6Y6AAAACgAAAACgAAAAAAAAAAAAAApIEAAAAAbW9kZWwuanNvblBLAQItAxQAAAgAAAAAIQCKKGRzmAAAAJgAAAAXAAAAAAAAAAAAAACkgcgAAABsYX
llcnMvZGVuc2Uva2VybmVsLm5weVBLAQItAxQAAAgAAAAAIQDpo8OXmAAAAJgAAAAVAAAAAAAAAAAAAACkgZUBAABsYXllcnMvZGVuc2UvYmlhcy5ucHlQSwECLQMUAAAIAAAAACEAdaSaMYgAAACI
AAAAGAAAAAAAAAAAAAAApIFgAgAAb3B0aW1pemVyL2l0ZXJhdGlvbnMubnB5UEsBAi0DFAAACAAAAAAhAO4Zu12CAAAAggAAAAgAAAAAAAAAAAAAAKSBHgMAAG1hc2subnB5UEsBAi0DFAAACAAAAA
AhAAc9pw6AAAAAgAAAAAkAAAAAAAAAAAAAAKSBxgMAAGVtcHR5Lm5weVBLBQYAAAAABgAGAHMBAABtBAAATABweWRsIHNoYTI1NiA4ZGU1N2RkMDkzYzgzZDU5MWEwMGI3NTk4MTFmMDgxZWVmOTE2
YWE1MmNlMGM3MmFiZWE5NTc1MWY4YTA1NjI0
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.pydl"


def same(a, b):
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a)


def write_bytes(path, data):
    path.write_bytes(data)
    return path


def with_digest(data):
    """End a file with the SHA-256 of what is before it, as the writer does: for content that is wrong, not damaged."""
    return data + hashlib.sha256(data).hexdigest().encode()


def built(entries):
    """Return a well-formed file of (name, data) entries, whatever they are."""
    out, table = b"", []
    for name, data in entries:
        table.append((name, len(data), zlib.crc32(data), len(out)))
        out += model_file._local_header(name, len(data), zlib.crc32(data)) + data
    return with_digest(out + model_file._tail(table, len(out)))


def manifest(text='{"format":"pydl model","version":1,"config":{}}'):
    return b"model.json", text.encode() if isinstance(text, str) else text


def block(array):
    return npy_header(array) + array.tobytes()


# ---- what goes in comes out ----------------------------------------------------------------------------------------

def test_round_trip(path):
    arrays = {k: np.asarray(v) for k, v in ARRAYS.items()}
    write_model_file(path, CONFIG, arrays)
    config, got = read_model_file(path)
    assert config == CONFIG and list(got) == list(arrays) and same(got, arrays)
    assert all(array.flags.writeable and array.flags.owndata and array.flags.c_contiguous for array in got.values() if array.size)
    assert os.listdir(path.parent) == ["a.pydl"]


@pytest.mark.parametrize("name", ["float16", "float32", "float64", "int8", "int32", "int64", "uint64", "bool"])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (2, 3), (1, 2, 3, 4)])
def test_every_type_and_shape_in_any_layout(path, name, shape):
    array = (np.arange(int(np.prod(shape))) % 2).reshape(shape).astype(name)
    forms = {"plain": array, "fortran": np.array(array, order="F"), "swapped": array.astype(array.dtype.newbyteorder(">")),
             "strided": np.repeat(array[..., None], 3, axis=-1)[..., 1], "list": array.tolist() if name == "float64" and array.size else array}
    write_model_file(path, {}, forms)
    _, got = read_model_file(path)
    assert list(got) == list(forms)
    for form in forms:
        assert got[form].dtype == array.dtype and got[form].shape == shape and np.array_equal(got[form], array)


def test_the_same_model_gives_the_same_bytes(path, tmp_path):
    write_model_file(path, CONFIG, ARRAYS)
    write_model_file(tmp_path / "b", CONFIG, ARRAYS)
    assert path.read_bytes() == (tmp_path / "b").read_bytes()


def test_other_tools_read_it(path):
    write_model_file(path, CONFIG, ARRAYS)
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None
        assert json.loads(z.read("model.json"))["config"] == CONFIG
        assert z.comment == b"pydl sha256 " + hashlib.sha256(path.read_bytes()[:-64]).hexdigest().encode()
    with np.load(path, allow_pickle=False) as loaded:
        assert np.array_equal(loaded["layers/dense/kernel"], ARRAYS["layers/dense/kernel"])


def test_config_of_numpy_numbers_and_tuples(path):
    write_model_file(path, {"a": np.float32(0.1), "b": (np.int64(3), 4), "c": np.bool_(True), "d": np.eye(2), "e": 2**64 - 1, "f": "é\u2028\"\\["}, {})
    config, _ = read_model_file(path)
    assert config == {"a": float(np.float32(0.1)), "b": [3, 4], "c": True, "d": [[1.0, 0.0], [0.0, 1.0]], "e": 2**64 - 1, "f": "é\u2028\"\\["}


@pytest.mark.parametrize("value, error, text", [
    (np.nan, ValueError, "config\\['a'\\] must be finite"), (np.inf, ValueError, "finite"), ({1: 2}, TypeError, "key 1"), (b"x", TypeError, "JSON cannot"),
    (object(), TypeError, "JSON cannot hold"), ({1, 2}, TypeError, "JSON cannot hold"), (len, TypeError, "JSON cannot"), (1j, TypeError, "JSON cannot"),
    (2**64, ValueError, "64 bits"), ([{"b": [np.nan]}], ValueError, r"config\['a'\]\[0\]\['b'\]\[0\] must be finite")])
def test_config_that_cannot_be_saved(path, value, error, text):
    with pytest.raises(error, match=text):
        write_model_file(path, {"a": value}, {})
    assert not path.exists()


def test_config_nested_without_end(path):
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested more than"):
        write_model_file(path, {"a": loop}, {})


@pytest.mark.parametrize("name", ["", "/etc/x", "../x", "a/../b", "a//b", "a/", "a\\b", "a\nb", "a\0", "C:/x", ".", "a/./b", "x" * 600, "\ud800", 3, None])
def test_names_of_arrays(path, name):
    with pytest.raises(ValueError, match="cannot be the name of an array"):
        write_model_file(path, {}, {name: np.zeros(2)})
    assert not path.exists()


@pytest.mark.parametrize("value", [np.zeros(2, complex), np.array(["a"]), np.array([None]), np.zeros(2, "longdouble")])
def test_arrays_that_cannot_be_saved(path, value):
    with pytest.raises(DTypeError, match="array 'w'.*cannot be saved"):
        write_model_file(path, {}, {"w": value})
    assert not path.exists()


def test_odd_but_good_names(path):
    names = ["layers/my layer/kernel", "größe", "kernel:0", "...", "x" * 500, "model.json", "a.npy"]
    write_model_file(path, {}, {name: np.arange(3) for name in names})
    assert list(read_model_file(path)[1]) == names


@pytest.mark.parametrize("limit", [0, 50, 200, 1000])
def test_fields_of_64_bits(path, monkeypatch, limit):
    """Files beyond 4 GiB, or 65,535 arrays, without making one: the limits are lowered instead."""
    monkeypatch.setattr(model_file, "ZIP64_FROM", limit)
    monkeypatch.setattr(model_file, "ZIP64_COUNT", 3)
    write_model_file(path, CONFIG, ARRAYS)
    config, got = read_model_file(path)
    assert config == CONFIG and list(got) == list(ARRAYS)
    with zipfile.ZipFile(path) as z:
        assert z.testzip() is None and len(z.namelist()) == 1 + len(ARRAYS)


def test_version_1_stays_readable(path):
    config, arrays = read_model_file(write_bytes(path, base64.b64decode(VERSION_1)))
    assert config == CONFIG and same(arrays, {k: np.asarray(v) for k, v in ARRAYS.items()})


# ---- damage --------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def small():
    folder = tempfile.mkdtemp()
    write_model_file(os.path.join(folder, "a"), {"units": 3}, {"w": np.arange(4, dtype=np.float32), "b": np.array(True)})
    with open(os.path.join(folder, "a"), "rb") as stream:
        data = stream.read()
    shutil.rmtree(folder)
    return data


def test_every_truncation(path, small):
    for length in range(len(small)):
        with pytest.raises(FormatError, match=re.escape(str(path))):
            read_model_file(write_bytes(path, small[:length]))


def test_every_byte_flipped(path, small):
    """Every byte, by its lowest and highest bit, by its letter case, and all bits at once."""
    for place in range(len(small)):
        for change in (1, 32, 128, 255):
            damaged = bytearray(small)
            damaged[place] ^= change
            with pytest.raises(FormatError):
                read_model_file(write_bytes(path, bytes(damaged)))


def test_blocks_overwritten_moved_cut_out_and_added(path, small):
    chance = random.Random(3)
    for _ in range(400):
        a, b = sorted(chance.sample(range(len(small)), 2))
        for damaged in (small[:a] + bytes(b - a) + small[b:], small[:a] + small[b:], small[:a] + small[a:b] * 2 + small[b:],
                        small[:a] + small[a:b][::-1] + small[b:], small[:a] + os.urandom(b - a) + small[b:]):
            if damaged != small:
                with pytest.raises(FormatError):
                    read_model_file(write_bytes(path, damaged))
    for damaged in (small + b"\0", b"\0" + small, small + small, small * 3, b""):
        with pytest.raises(FormatError):
            read_model_file(write_bytes(path, damaged))


@pytest.mark.parametrize("data, text", [
    (b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file"), (b"hello" * 20, "is not a pydl model file"), (b"", "truncated"),
    (b"PK\5\6" + bytes(18), "truncated"), (b"PK\5\6" + bytes(50), "is not a pydl model file"), (b"\x80\x04" + bytes(40), "is not a pydl model file")])
def test_other_files(path, data, text):
    with pytest.raises(FormatError, match=text):
        read_model_file(write_bytes(path, data))


def test_zips_of_others(path):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as z:
            z.writestr("model.json", '{"format": "pydl model", "version": 1, "config": {}}')
            z.writestr("w.npy", block(np.zeros(3)))
        with pytest.raises(FormatError, match="is a zip, but not a pydl model file"):
            read_model_file(write_bytes(path, stream.getvalue()))


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_model_file(tmp_path / "no")
    with pytest.raises(IsADirectoryError, match=f"expected a model file: '{tmp_path}'"):
        read_model_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe"):
        read_model_file(tmp_path / "pipe")
    with pytest.raises(FormatError):
        read_model_file("/dev/zero")
    with pytest.raises(TypeError):
        read_model_file(None)


# ---- hostile content in a well-formed file --------------------------------------------------------------------------

def test_the_builder_of_hostile_files_makes_good_ones_too(path):
    config, arrays = read_model_file(write_bytes(path, built([manifest(), (b"w.npy", block(np.arange(3.0)))])))
    assert config == {} and arrays["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("text, told", [
    ("", "damaged"), ("{", "damaged"), ("[]", "does not describe"), ("{}", "does not describe"), ('{"format":"pydl model"}', "no version"),
    ('{"format":"pydl model","version":true,"config":{}}', "no version"), ('{"format":"pydl model","version":3,"config":{}}', "newer pydl"),
    ('{"format":"pydl model","version":1}', "no config"), ('{"format":"pydl model","version":1,"config":[]}', "no config"),
    ('{"format":"pydl model","version":1,"config":{"a":1,"a":2}}', "a key twice"),
    ('{"format":"pydl model","version":1,"config":{"a":NaN}}', "the number 'NaN'"),
    ('{"format":"pydl model","version":1,"config":{"a":1e999}}', "the number '1e999'"),
    ('{"format":"pydl model","version":1,"config":{"a":' + "9" * 5000 + "}}", "damaged"),
    ('{"format":"pydl model","version":1,"config":{"a":' + "[" * 200_000 + "]" * 200_000 + "}}", "nested 200002 levels"),
    ('{"format":"pydl model","version":1,"config":' + '{"a":' * 200_000 + "1" + "}" * 200_001, "nested 200001 levels"),
    ("[" * 200_000, "nested"), (b"\xff\xfe", "damaged"), (b'{"format":"pydl model","version":1,"config":{"a":"\xed\xa0\x80"}}', "damaged"),
    ('\\"' * 300_000 + "\\", "damaged")])
def test_hostile_manifests(path, text, told):
    start = time.perf_counter()
    with pytest.raises(FormatError, match=told):
        read_model_file(write_bytes(path, built([manifest(text)])))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("name", [b"../x.npy", b"/x.npy", b"a/../../x.npy", b"a\\x.npy", b"x", b".npy", b"\xff.npy",
                                  b"a\x00.npy", b"model.json", b"x" * 600 + b".npy"])
def test_hostile_names(path, name):
    with pytest.raises(FormatError):
        read_model_file(write_bytes(path, built([manifest(), (name, block(np.zeros(2)))])))


def test_duplicate_names(path):
    twice = [(b"w.npy", block(np.zeros(2))), (b"w.npy", block(np.ones(2)))]
    with pytest.raises(FormatError, match="array 'w' is there twice"):
        read_model_file(write_bytes(path, built([manifest(), *twice])))


def test_entries_in_the_wrong_order_or_none(path):
    for entries in ([], [(b"w.npy", block(np.zeros(2))), manifest()], [manifest(), manifest()]):
        with pytest.raises(FormatError):
            read_model_file(write_bytes(path, built(entries)))


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(4294967296, 4294967296)", "(9999999999999999999,)", "(0, 9223372036854775807, 9)", "(3,)", "()"])
def test_shape_bombs_are_refused_before_memory_is_asked_for(path, shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    bomb = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(16)
    write_bytes(path, built([manifest(), (b"w.npy", bomb)]))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="array 'w'"):
            read_model_file(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFE, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("first", [True, False])
def test_sizes_beyond_the_file(path, size, first):
    header = model_file._local_header(b"model.json" if first else b"w.npy", size, 0)
    data = header if first else model_file._local_header(b"model.json", 47, zlib.crc32(manifest()[1])) + manifest()[1] + header
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="claims"):
            read_model_file(write_bytes(path, data + bytes(100)))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("array", [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3).astype(">i8"), np.array([object()]),
                                   np.array(["abc"]), np.zeros(2, complex)])
def test_other_npy_blocks(path, array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    with pytest.raises(FormatError, match="array 'w'"):
        read_model_file(write_bytes(path, built([manifest(), (b"w.npy", stream.getvalue())])))


def test_bools_that_are_neither(path):
    data = bytearray(block(np.array([True])))
    data[-1] = 2
    with pytest.raises(FormatError, match="neither 0 nor 1"):
        read_model_file(write_bytes(path, built([manifest(), (b"w.npy", bytes(data))])))


def test_links_and_compressed_entries(path):
    good = built([manifest(), (b"w.npy", block(np.zeros(2)))])[:-64]
    as_link = good.replace(struct.pack("<I", 0o100644 << 16), struct.pack("<I", 0o120777 << 16))
    deflated = good.replace(struct.pack("<4sHHH", b"PK\3\4", 20, 0x800, 0), struct.pack("<4sHHH", b"PK\3\4", 20, 0x800, 8))
    for evil in (as_link, deflated):
        assert evil != good
        with pytest.raises(FormatError):
            read_model_file(write_bytes(path, with_digest(evil)))


# ---- faults of the system --------------------------------------------------------------------------------------------

def child_environment():
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(model_file.__file__))))
    return {**os.environ, "PYTHONPATH": home + os.pathsep + os.environ.get("PYTHONPATH", "")}


def numbered(number):
    return {"number": number}, {f"w{i}": np.full(20_000, number, np.float32) for i in range(5)}


def check_numbered(path):
    config, arrays = read_model_file(path)
    expected = numbered(config["number"])[1]
    assert same(arrays, expected)
    return config["number"]


def test_kill_during_save_leaves_the_old_or_the_new_file(path):
    script = textwrap.dedent("""
        import sys
        import numpy as np
        from pydl.models.model_file import write_model_file
        number = int(sys.argv[2])
        print("ready", flush=True)
        while True:
            number += 1
            write_model_file(sys.argv[1], {"number": number}, {f"w{i}": np.full(20_000, number, np.float32) for i in range(5)})
    """)
    write_model_file(path, *numbered(0))
    chance = random.Random(7)
    last = 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-P", "-c", script, str(path), str(last)], stdout=subprocess.PIPE, env=child_environment()) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.001, 0.05))
            child.send_signal(signal.SIGKILL)
            child.wait()
        number = check_numbered(path)
        assert number >= last and len(os.listdir(path.parent)) <= 2
        last = number
    assert last > 0
    write_model_file(path, *numbered(last + 1))
    assert os.listdir(path.parent) == ["a.pydl"]


def test_disk_full(path):
    script = textwrap.dedent("""
        import resource, signal, sys
        import numpy as np
        from pydl.models.model_file import write_model_file
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for limit in (0, 100, 5_000, 80_000, 300_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                write_model_file(sys.argv[1], {}, {f"w{i}": np.zeros(20_000, np.float32) for i in range(5)})
                print("saved")
            except OSError as error:
                print(error.errno)
    """)
    write_model_file(path, *numbered(3))
    result = subprocess.run([sys.executable, "-P", "-c", script, str(path)], capture_output=True, text=True, timeout=60, env=child_environment())
    assert result.stdout.split() == [str(errno.EFBIG)] * 5, result.stderr
    assert check_numbered(path) == 3 and os.listdir(path.parent) == ["a.pydl"]


def test_the_nth_write_fails(path, monkeypatch):
    write = os.write
    for n in (*range(1, 60), 1000):
        write_model_file(path, *numbered(1))
        calls = 0

        def failing(descriptor, data, n=n):
            nonlocal calls
            calls += 1
            if calls == n:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data[:max(1, len(data) // 2)])     # and the others write only half of what they are given

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", failing)
            try:
                write_model_file(path, *numbered(2))
            except OSError as error:
                assert error.errno == errno.ENOSPC
        assert check_numbered(path) == (1 if calls >= n else 2)
        assert os.listdir(path.parent) == ["a.pydl"]


def test_the_file_becomes_shorter_while_it_is_read(path, small, monkeypatch):
    write_bytes(path, small)
    fill = model_file._Source.fill

    def cut(self, view):
        if self.position > 100:
            os.truncate(path, 100)
        fill(self, view)

    monkeypatch.setattr(model_file._Source, "fill", cut)
    with pytest.raises(FormatError, match="became shorter"):
        read_model_file(path)


def test_descriptors_are_closed(path, small):
    before = len(os.listdir("/proc/self/fd"))
    for data in (small, small[:50], b"", small[:-1] + b"x"):
        for _ in range(5):
            try:
                read_model_file(write_bytes(path, data))
            except FormatError:
                pass
    assert len(os.listdir("/proc/self/fd")) == before
