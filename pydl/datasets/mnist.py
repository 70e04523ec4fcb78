"""MNIST: 70,000 handwritten digits of 28x28 pixels, read from files of the user's or fetched once.

Source:    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, 1998.
"""

import hashlib
import io
import os
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np

from pydl.datasets.idx import parse_idx, read_idx
from pydl.errors import FormatError, show
from pydl.files import read_npy, write_atomically

# name, its name in an .npz, SHA-256 of the idx file before compression, bytes of it
FILES = {
    "train-images-idx3-ubyte": ("x_train", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016),
    "train-labels-idx1-ubyte": ("y_train", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008),
    "t10k-images-idx3-ubyte": ("x_test", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016),
    "t10k-labels-idx1-ubyte": ("y_test", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008),
}
MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")
SECONDS_TO_ANSWER = 10
SECONDS_PER_FILE = 300


def load_data(path=None):
    """Return ((x_train, y_train), (x_test, y_test)), as Keras does.

    Args:      path: a directory with the four idx files (train-images-idx3-ubyte, ...), each gzipped (.gz) or not, or an .npz file with
               x_train, y_train, x_test and y_test.  None: the cache directory ($PYDL_HOME/datasets/mnist, else that of the user
               for caches); files missing there are fetched, checked by their SHA-256, and kept.
    Shapes:    x (60000, 28, 28) and (10000, 28, 28), y (60000,) and (10000,)
    Dtypes:    uint8
    Raises:    FormatError naming the file that is damaged; FileNotFoundError saying what to do where nothing can be fetched.
    """
    if path is None:
        return _of_directory(_fetched())
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"mnist.load_data: path must be a directory or an .npz file, got {show(path)}")
    path = Path(path).expanduser()
    if path.is_dir():
        return _of_directory(path)
    if not path.exists():
        raise FileNotFoundError(f"mnist.load_data: there is no {path}; {_by_hand()}")
    return _of_npz(path)


def cache_directory():
    """Return where fetched files are kept."""
    home = os.environ.get("PYDL_HOME")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pydl"
    return base / "datasets" / "mnist"


def _of_directory(directory):
    found = {}
    for name, (key, _, _) in FILES.items():
        file = _file_of(directory, name)
        if file is None:
            raise FileNotFoundError(f"mnist.load_data: there is no {name} or {name}.gz in {directory}; {_by_hand()}")
        found[key] = (read_idx(file), str(file))
    return _checked(found)


def _file_of(directory, name):
    """Return the file of that name, also with .gz and with a dot (train-images.idx3-ubyte) as some archives have it, or None."""
    for stem in (name, name.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            file = Path(directory) / (stem + ending)
            if file.is_file():
                return file
    return None


def _of_npz(path):
    found = {}
    data = io.BytesIO(path.read_bytes())      # in memory, a wrong offset is a ValueError; in a file it could be any OSError
    try:
        with zipfile.ZipFile(data) as archive:
            for key, _, size in FILES.values():
                name = f"{key}.npy"
                info = archive.NameToInfo.get(name)
                if info is None:
                    names = ", ".join(archive.namelist()[:10])
                    raise FormatError(f"{path}: holds no {name}, expected x_train, y_train, x_test and y_test; it holds {names}")
                if info.file_size > 16 * size:       # labels of 8 bytes are fine
                    raise FormatError(f"{path}: {name} claims {info.file_size} bytes")
                with archive.open(info) as stream:
                    found[key] = (read_npy(stream.read(info.file_size), f"{path}: {name}"), f"{path}: {name}")
    except FormatError:
        raise
    # what zipfile raises for damaged, encrypted and unknown archives
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OverflowError, IndexError) as error:
        raise FormatError(f"{path}: damaged or not an .npz file: {error}") from error
    return _checked(found)


def _checked(found):
    """Return the four arrays as pairs, if they are what MNIST is made of. found: {key: (array, where it is from)}."""
    arrays = {}
    for key, (array, where) in found.items():
        ndim = 3 if key[0] == "x" else 1
        if array.ndim != ndim or array.dtype.kind not in "iu" or (ndim == 3 and array.shape[1:] != (28, 28)):
            expected = "(N, 28, 28)" if ndim == 3 else "(N,)"
            raise FormatError(f"{where}: expected integers of shape {expected}, got {array.dtype} {array.shape}")
        top = 255 if ndim == 3 else 9
        if array.size and not (0 <= array.min() and array.max() <= top):
            raise FormatError(f"{where}: expected values from 0 to {top}, got {array.min()} to {array.max()}")
        arrays[key] = array.astype(np.uint8, copy=False)
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if len(x) != len(y) or len(x) == 0:
            raise FormatError(f"{found[f'y_{part}'][1]}: {len(y)} labels for {len(x)} images")
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _fetched():
    """Return the cache directory, with all four files in it."""
    directory = cache_directory()
    for name, (_, digest, size) in FILES.items():
        if _file_of(directory, name) is not None:
            continue
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"mnist.load_data: cannot make {directory} to keep the files in ({error}); set PYDL_HOME to a directory "
                          f"that can be written, or pass path=") from error
        reasons = []
        for mirror in MIRRORS:
            try:
                data = _download(mirror + name + ".gz", limit=size)
                content = parse_idx(data, mirror + name + ".gz")
                if hashlib.sha256(_idx_bytes(content)).hexdigest() != digest:
                    raise FormatError(f"{mirror}{name}.gz: the SHA-256 of the content does not agree")
            except (OSError, FormatError) as error:      # URLError and timeouts are OSErrors
                reasons.append(f"{mirror}: {error}")
                continue
            write_atomically(directory / (name + ".gz"), [data])
            break
        else:
            raise FileNotFoundError(f"mnist.load_data: {name}.gz is not in {directory} and could not be fetched ({'; '.join(reasons)}); "
                                    f"{_by_hand()}")
    return directory


def _download(address, limit):
    """Return the body of an address, at most `limit` bytes of it, within the time allowed."""
    # imported here: they take 30 ms, which only this function should pay
    import http.client
    import urllib.request

    deadline = time.monotonic() + SECONDS_PER_FILE
    parts, length = [], 0
    try:
        with urllib.request.urlopen(address, timeout=SECONDS_TO_ANSWER) as response:
            while part := response.read(1 << 16):
                parts.append(part)
                length += len(part)
                if length > limit:
                    raise FormatError(f"{address}: sends more than {limit} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"took more than {SECONDS_PER_FILE} s")
    except http.client.HTTPException as error:
        raise OSError(f"the server broke off: {error!r}") from error
    return b"".join(parts)


def _idx_bytes(array):
    """Return the idx file of an uint8 array, before compression."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def _by_hand():
    return (f"to get MNIST by hand: download {', '.join(name + '.gz' for name in FILES)} from {' or '.join(MIRRORS)} "
            f"into a directory and pass mnist.load_data(path=that directory), or pass the path of an mnist.npz")
