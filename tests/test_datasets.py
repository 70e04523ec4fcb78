"""The embedded digits, the idx and npz readers under damage, and the fetch against a server of our own."""
import gzip
import hashlib
import http.server
import os
import random
import struct
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import pydl.datasets
from pydl.datasets import digits, mnist, read_idx
from pydl.datasets.idx import parse_idx
from pydl.errors import FormatError

SHARED = Path(os.environ.get("PYDL_SHARED") or Path(__file__).resolve().parent.parent.parent / "shared")


def idx(array, code=None):
    codes = {"uint8": 8, "int8": 9, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
    array = np.asarray(array)
    head = struct.pack(">HBB", 0, codes[array.dtype.name] if code is None else code, array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


# ---- digits --------------------------------------------------------------------------------------------------------

def test_digits():
    (x, y), (xt, yt) = digits.load_data()
    assert x.shape == (1437, 8, 8, 1) and xt.shape == (360, 8, 8, 1) and x.dtype == np.float32
    assert y.shape == (1437,) and yt.shape == (360,) and y.dtype == np.int64
    assert x.min() == 0 and x.max() == 1 and np.array_equal(x * 16, np.round(x * 16))
    assert np.bincount(yt).tolist() == [36] * 10
    assert np.bincount(y).tolist() == [142, 146, 141, 147, 145, 146, 145, 143, 138, 144]
    assert set(y[-144:]) == set(range(10))          # the rows that validation_split=0.1 takes hold every class
    x[:] = 0
    assert digits.load_data()[0][0].max() == 1      # a copy each time


def test_digits_is_small_and_carries_its_licence():
    folder = Path(pydl.datasets.__file__).parent
    assert sum(file.stat().st_size for file in folder.glob("*.gz")) < 100_000
    assert "CC BY 4.0" in (folder / "digits.LICENSE.txt").read_text()


@pytest.mark.shared
def test_digits_are_the_rows_of_the_source_in_the_stated_order():
    source = SHARED / "data" / "uci_digits" / "digits.csv.gz"
    if not source.exists():
        pytest.skip(f"needs {source}")
    rows = np.loadtxt(gzip.open(source), delimiter=",")
    order = sorted(range(len(rows)), key=lambda i: hashlib.sha256(str(i).encode()).digest())
    test = [i for k in range(10) for i in [i for i in order if rows[i, 64] == k][:36]]
    test = [i for i in order if i in set(test)]
    train = [i for i in order if i not in set(test)]
    (x, y), (xt, yt) = digits.load_data()
    np.testing.assert_array_equal(x.reshape(-1, 64) * 16, rows[train, :64])
    np.testing.assert_array_equal(xt.reshape(-1, 64) * 16, rows[test, :64])
    np.testing.assert_array_equal(np.concatenate([y, yt]), rows[train + test, 64])


def test_a_damaged_installation_says_so(monkeypatch):
    monkeypatch.setattr(digits, "read_idx", lambda path: np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(FormatError, match="install pydl again"):
        digits.load_data()


# ---- idx -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(5,), (0,), (2, 3), (3, 0, 2), (2, 3, 4)])
def test_idx_of_every_type_gzipped_or_not(tmp_path, name, shape):
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(name)
    for data in (idx(array), gzip.compress(idx(array)), gzip.compress(idx(array)) + bytes(20)):     # padding after a gzip stream is allowed
        (tmp_path / "a").write_bytes(data)
        got = read_idx(tmp_path / "a")
        assert got.dtype == array.dtype and got.dtype.isnative and got.flags.writeable
        np.testing.assert_array_equal(got, array)


def test_every_truncation_and_every_addition():
    plain = idx(np.arange(24, dtype=np.int32).reshape(4, 6))
    for data in (plain, gzip.compress(plain)):
        for length in range(len(data)):
            with pytest.raises(FormatError, match="^a.idx: "):
                parse_idx(data[:length], "a.idx")
        for more in (b"x", bytes(3) + b"x", data):
            with pytest.raises(FormatError, match="longer"):
                parse_idx(data + more, "a.idx")
    for other in (gzip.compress(plain + b"x"), gzip.compress(plain[:-1]), gzip.compress(b"")):
        with pytest.raises(FormatError, match="^a.idx: "):
            parse_idx(other, "a.idx")


def test_every_flipped_byte_of_a_gzipped_file_is_refused_or_harmless():
    array = np.arange(200, dtype=np.uint8)
    data = gzip.compress(idx(array), mtime=0)
    refused = 0
    for place in range(len(data)):
        for change in (1, 16, 128, 255):
            damaged = bytearray(data)
            damaged[place] ^= change
            try:
                assert np.array_equal(parse_idx(bytes(damaged), "a"), array)
            except FormatError:
                refused += 1
    assert refused > 2 * len(data)


@pytest.mark.parametrize("data, text", [
    (b"", "truncated"), (b"\0\0\x08", "truncated"), (b"\0\0\x08\x03\0\0", "truncated"), (b"\x89PNG" + bytes(20), "is not an idx file"),
    (idx(np.zeros(3, np.uint8), code=7), "is not an idx file"), (b"\0\0\x08\0", "is not an idx file"), (b"\0\0\x08\xff" + bytes(2000), "is not an idx file"),
    (b"\0\1\x08\1" + bytes(4), "is not an idx file"), (b"\0\0\x08\3" + b"\xff" * 12, "does not fit"), (b"\0\0\x0e\1\xff\xff\xff\xff", "truncated")])
def test_what_is_no_idx_file(data, text):
    with pytest.raises(FormatError, match=f"^a.idx: .*{text}"):
        parse_idx(data, "a.idx")
    with pytest.raises(FormatError, match="^a.idx: "):
        parse_idx(gzip.compress(data), "a.idx")


def test_bombs():
    head = b"\0\0\x08\2" + struct.pack(">II", 2**31, 1000)
    for data in (gzip.compress(head), gzip.compress(head + bytes(10_000))):
        with pytest.raises(FormatError, match="claims .* bytes, more than"):
            parse_idx(data, "a")
    with pytest.raises(FormatError, match="longer"):      # a small array and a long tail: no more of it is inflated than it takes to see that
        parse_idx(gzip.compress(idx(np.zeros(3, np.uint8)) + bytes(50_000_000)), "a")


# ---- MNIST from files ----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tiny():
    chance = np.random.default_rng(0)
    return {"x_train": chance.integers(0, 256, (20, 28, 28), dtype=np.uint8), "y_train": chance.integers(0, 10, 20, dtype=np.uint8),
            "x_test": chance.integers(0, 256, (5, 28, 28), dtype=np.uint8), "y_test": chance.integers(0, 10, 5, dtype=np.uint8)}


def as_directory(folder, arrays, dotted=False, compress=()):
    for name, (key, _, _) in mnist.FILES.items():
        name = name.replace("-idx", ".idx") if dotted else name
        data = idx(arrays[key])
        if key in compress:
            name, data = name + ".gz", gzip.compress(data)
        (folder / name).write_bytes(data)
    return folder


def equal(got, arrays):
    (x, y), (xt, yt) = got
    got = {"x_train": x, "y_train": y, "x_test": xt, "y_test": yt}
    return all(got[key].dtype == np.uint8 and np.array_equal(got[key], arrays[key]) for key in got)


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("compress", [(), ("x_train", "y_train", "x_test", "y_test"), ("x_train", "y_test")])
def test_mnist_of_a_directory(tmp_path, tiny, dotted, compress):
    as_directory(tmp_path, tiny, dotted, compress)
    assert equal(mnist.load_data(tmp_path), tiny) and equal(mnist.load_data(str(tmp_path)), tiny)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mnist_of_an_npz(tmp_path, tiny, save):
    save(tmp_path / "mnist.npz", **tiny)
    assert equal(mnist.load_data(tmp_path / "mnist.npz"), tiny)
    save(tmp_path / "wide.npz", **{key: array.astype(np.int64) for key, array in tiny.items() if key[0] == "y"},
         **{key: np.asfortranarray(array) for key, array in tiny.items() if key[0] == "x"})
    assert equal(mnist.load_data(tmp_path / "wide.npz"), tiny)


def test_mnist_that_is_not_there(tmp_path, tiny):
    with pytest.raises(FileNotFoundError, match="to get MNIST by hand: download train-images-idx3-ubyte.gz"):
        mnist.load_data(tmp_path / "no")
    as_directory(tmp_path, tiny)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="there is no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz in"):
        mnist.load_data(tmp_path)
    for bad in (3, b"x", ["a"]):
        with pytest.raises(TypeError, match="path must be a directory or an .npz file"):
            mnist.load_data(bad)


@pytest.mark.parametrize("key, change, text", [
    ("x_train", lambda a: a[:, :27], r"shape \(N, 28, 28\), got uint8 \(20, 27, 28\)"), ("x_test", lambda a: a[0, 0], r"shape \(N, 28, 28\)"),
    ("y_train", lambda a: a[:-1], "19 labels for 20 images"), ("y_test", lambda a: a + 100, "values from 0 to 9"),
    ("y_test", lambda a: a.astype(np.float32), "expected integers"), ("y_train", lambda a: a[:, None], r"shape \(N,\)")])
def test_mnist_of_the_wrong_shape(tmp_path, tiny, key, change, text):
    arrays = {**tiny, key: change(tiny[key])}
    name = next(name for name, entry in mnist.FILES.items() if entry[0] == key)
    with pytest.raises(FormatError, match=f"{name}.*{text}"):
        mnist.load_data(as_directory(tmp_path, arrays))
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(FormatError, match=f"a.npz: {key}.npy.*{text}"):
        mnist.load_data(tmp_path / "a.npz")


def test_mnist_of_nothing(tmp_path, tiny):
    arrays = {**tiny, "x_test": tiny["x_test"][:0], "y_test": tiny["y_test"][:0]}
    with pytest.raises(FormatError, match="0 labels for 0 images"):
        mnist.load_data(as_directory(tmp_path, arrays))


def test_a_truncated_file_in_a_directory_is_named(tmp_path, tiny):
    as_directory(tmp_path, tiny, compress=("x_test",))
    file = tmp_path / "t10k-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(FormatError, match="t10k-images-idx3-ubyte.gz: "):
            mnist.load_data(tmp_path)


def test_damaged_npz_files(tmp_path, tiny):
    small = {key: array[:2] for key, array in tiny.items()}
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **small)
    whole = path.read_bytes()
    chance = random.Random(1)
    outcomes = {"refused": 0, "same": 0}
    for length in chance.sample(range(len(whole)), 150):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match="a.npz: "):
            mnist.load_data(path)
    for place in chance.sample(range(len(whole)), 400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            assert equal(mnist.load_data(path), small)
            outcomes["same"] += 1
        except FormatError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 250


def test_hostile_npz_files(tmp_path, tiny, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez(path, **{key: tiny[key] for key in ("x_train", "y_train", "x_test")})
    with pytest.raises(FormatError, match="holds no y_test.npy"):
        mnist.load_data(path)
    np.savez(path, **{**tiny, "y_test": np.array([object()])})
    with pytest.raises(FormatError, match="y_test.npy: .*not an array of real numbers"):
        mnist.load_data(path)
    with monkeypatch.context() as patch:
        patch.setattr(mnist, "FILES", {name: (key, digest, 1000) for name, (key, digest, _) in mnist.FILES.items()})      # as if MNIST were small
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:      # a bomb
            archive.writestr("x_train.npy", bytes(900_000))
        with pytest.raises(FormatError, match="claims 900000 bytes"):
            mnist.load_data(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x_train.npy", b"abc" * 100)
    data = bytearray(path.read_bytes())
    path.write_bytes(data.replace(b"\x0e\0", b"\x63\0"))                       # an unknown method of compression
    with pytest.raises(FormatError):
        mnist.load_data(path)
    path.write_bytes(b"no zip at all")
    with pytest.raises(FormatError, match="damaged or not an .npz file"):
        mnist.load_data(path)


@pytest.mark.shared
def test_mnist_itself():
    source = SHARED / "data" / "mnist" / "mnist.npz"
    if not source.exists():
        pytest.skip(f"needs {source}")
    (x, y), (xt, yt) = mnist.load_data(source)
    assert x.shape == (60000, 28, 28) and xt.shape == (10000, 28, 28) and y[:5].tolist() == [5, 0, 4, 1, 9]
    for array, (_, digest, size) in zip((x, y, xt, yt), mnist.FILES.values(), strict=True):
        content = mnist._idx_bytes(array)
        assert len(content) == size and hashlib.sha256(content).hexdigest() == digest


# ---- MNIST fetched -------------------------------------------------------------------------------------------------

@pytest.fixture
def server(tmp_path, tiny, monkeypatch):
    """A mirror on this machine with a tiny MNIST, and the cache in a folder of the test's."""
    content = {f"/{name}.gz": gzip.compress(idx(tiny[key])) for name, (key, _, _) in mnist.FILES.items()}
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = content.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:1/", f"http://127.0.0.1:{httpd.server_port}/"))     # nobody listens at the first
    monkeypatch.setattr(mnist, "FILES", {name: (key, hashlib.sha256(idx(tiny[key])).hexdigest(), len(idx(tiny[key])) + 1000)
                                         for name, (key, _, _) in mnist.FILES.items()})
    monkeypatch.setenv("PYDL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield content, asked
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_fetched_once_and_kept(server, tiny):
    _, asked = server
    assert equal(mnist.load_data(), tiny)
    assert len(asked) == 4
    assert equal(mnist.load_data(), tiny)
    assert len(asked) == 4
    assert sorted(os.listdir(mnist.cache_directory())) == sorted(f"{name}.gz" for name in mnist.FILES)


@pytest.mark.parametrize("body, text", [
    (b"<html>no</html>", "is not an idx file"), (None, "404"),
    (gzip.compress(idx(np.zeros((5, 28, 28), np.uint8)), mtime=0), "SHA-256 of the content does not agree"),
    (bytes(10_000_000), "sends more than"), (b"", "truncated")])
def test_what_a_mirror_may_send_instead(server, body, text):
    content, _ = server
    name = "/t10k-images-idx3-ubyte.gz"
    if body is None:
        del content[name]
    else:
        content[name] = body
    with pytest.raises(FileNotFoundError, match=f"could not be fetched .*{text}.*to get MNIST by hand"):
        mnist.load_data()
    assert not (mnist.cache_directory() / name[1:]).exists()


def test_no_network_and_no_place(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PYDL_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="by hand: download"):
        mnist.load_data()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PYDL_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set PYDL_HOME"):
        mnist.load_data()


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("PYDL_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mnist.cache_directory() == tmp_path / "pydl" / "datasets" / "mnist"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert mnist.cache_directory() == tmp_path / ".cache" / "pydl" / "datasets" / "mnist"
