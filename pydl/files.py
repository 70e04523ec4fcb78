"""Files that are whole or not there, and arrays in them: atomic writing, and a strict reader of the .npy format.

Readers here trust nothing in a file: every length is compared with the bytes that are there before memory is asked
for, and no reader runs or imports anything a file names.
"""

import errno
import fcntl
import hashlib
import os
import re
import stat
import struct
import warnings

import numpy as np

from pydl.errors import DTypeError, FormatError, ShapeError, show
from pydl.shapes import checked_size

CHUNK = 1 << 20

# ---- writing -----------------------------------------------------------------------------------------------------


def write_atomically(path, parts):
    """Write bytes so that `path` is the old file or the new one, whole, whatever happens in between.

    A temporary in the same directory is written, synced, renamed over `path`, and the directory is synced.  If anything
    fails, the temporary is gone and the old file untouched.  What a killed process left behind is removed by the
    next one that writes the same path.  A symbolic link stays a link: the file it points to is replaced.

    Args:      parts: an iterable of bytes-like objects, written one after the other.
    Raises:    OSError, unchanged, if the system refuses; whatever `parts` raises.
    """
    path = os.path.realpath(os.fsdecode(os.fspath(path)))
    directory, name = os.path.split(path)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory, expected the name of a file", path)
    if mode is not None and not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "is a device or a pipe, expected the name of a file", path)
    if not os.path.isdir(directory):
        raise FileNotFoundError(errno.ENOENT, "the directory does not exist; make it first", directory)
    prefix = f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}-"
    _remove_stale(directory, prefix)
    descriptor, temporary = _open_temporary(directory, prefix)
    try:
        try:
            for part in parts:
                view = memoryview(part).cast("B")
                for start in range(0, len(view), CHUNK):
                    _write_all(descriptor, view[start:start + CHUNK])
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode) & 0o777)
            os.fsync(descriptor)
            os.replace(temporary, path)
        except BaseException:
            _unlink_quietly(temporary)
            raise
    finally:
        os.close(descriptor)
    _sync_directory(directory, path)


def _open_temporary(directory, prefix):
    """Open a new temporary and lock it: as long as its writer lives nobody takes it for litter."""
    while True:
        temporary = os.path.join(directory, f"{prefix}{os.urandom(8).hex()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:      # a cleaner was between our open and our lock; it removes the file, we take another
            os.close(descriptor)
            continue
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):     # no locks on this file system
                return descriptor, temporary
            os.close(descriptor)
            _unlink_quietly(temporary)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor, temporary
        os.close(descriptor)


def _remove_stale(directory, prefix):
    """Remove the temporaries of writers of this path that died.  What cannot be removed does not stop a save."""
    pattern = re.compile(re.escape(prefix) + r"[0-9a-f]{16}\.tmp")
    try:
        names = [name for name in os.listdir(directory) if pattern.fullmatch(name)]
    except OSError:
        return
    for name in names:
        temporary = os.path.join(directory, name)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _unlink_quietly(temporary)
        except OSError:              # locked: its writer lives
            pass
        finally:
            os.close(descriptor)


def _write_all(descriptor, view):
    while len(view):
        view = view[os.write(descriptor, view):]


def _unlink_quietly(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def _sync_directory(directory, path):
    """Make the new name durable.  The new file is in place already, so a failure here is told, not raised."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):   # cannot be synced at all there
            warnings.warn(f"{path} is written, but its directory could not be synced ({error.strerror}): "
                          f"after a power failure the former file may be back", RuntimeWarning, stacklevel=3)


# ---- reading -----------------------------------------------------------------------------------------------------

MAGIC = b"\x93NUMPY"
HEADER = re.compile(rb"\{'descr': '([<>|=]?)([biuf])([0-9]{1,2})', 'fortran_order': (True|False), "
                    rb"'shape': \(((?:[0-9]{1,19},)?|[0-9]{1,19}(?:, [0-9]{1,19})+),?\), \} *\n")
LONGEST_HEADER = 4096
DTYPES = frozenset(["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"])


class NpyHeader:
    """What the header of a .npy block says: dtype, shape, whether in Fortran order; and the sizes in bytes."""

    def __init__(self, dtype, shape, fortran, header_bytes):
        self.dtype, self.shape, self.fortran, self.header_bytes = dtype, shape, fortran, header_bytes
        self.data_bytes = checked_size(shape, dtype.itemsize) * dtype.itemsize


def read_npy_header(read, total, who):
    """Read the header of a .npy block of `total` bytes; `read(n)` returns its next n bytes.

    The header is matched, not evaluated.  Only real numbers are known, and the shape must account for every byte.
    """
    start = read(min(total, 10))
    if len(start) < 10 or start[:6] != MAGIC:
        raise FormatError(f"{who}: not a .npy block")
    if start[6:8] == b"\x01\x00":
        length, start_bytes = struct.unpack("<H", start[8:10])[0], 10
    elif start[6:8] in (b"\x02\x00", b"\x03\x00"):
        rest = read(2)
        length, start_bytes = struct.unpack("<I", (start[8:10] + rest).ljust(4, b"\xff"))[0], 12
    else:
        raise FormatError(f"{who}: unknown .npy version {start[6]}.{start[7]}")
    if length > min(total - start_bytes, LONGEST_HEADER):
        raise FormatError(f"{who}: a .npy header of {length} bytes in a block of {total}")
    text = read(length)
    match = HEADER.fullmatch(text)
    if match is None:
        raise FormatError(f"{who}: damaged .npy header, or not an array of real numbers: {show(text, 120)}")
    order, kind, size, fortran, sizes = match.groups()
    name = {b"b": "bool"}.get(kind, {b"i": "int", b"u": "uint", b"f": "float"}.get(kind, "") + str(int(size) * 8))
    if name not in DTYPES or (kind == b"b" and size != b"1"):
        raise FormatError(f"{who}: unknown element type {show(match[0][:40])}")
    dtype = np.dtype(name).newbyteorder({b"": "=", b"|": "="}.get(order, order.decode()))
    shape = tuple(int(part) for part in sizes.replace(b",", b" ").split())
    if len(shape) > 32:
        raise FormatError(f"{who}: an array of {len(shape)} axes")
    try:
        header = NpyHeader(dtype, shape, fortran == b"True", start_bytes + length)
    except ShapeError as error:
        raise FormatError(f"{who}: {error}") from error
    if header.header_bytes + header.data_bytes != total:
        raise FormatError(f"{who}: shape {show(shape)} of {dtype.name} needs {header.data_bytes} bytes, "
                          f"the block has {total - header.header_bytes}")
    return header


def read_npy(data, who):
    """Return the array of a whole .npy block: native byte order, C-contiguous, its own memory."""
    view = memoryview(data).cast("B")
    position = 0

    def read(count):
        nonlocal position
        position += count
        return bytes(view[position - count:position])

    header = read_npy_header(read, len(view), who)
    flat = np.frombuffer(view, dtype=header.dtype, offset=header.header_bytes)
    array = flat.reshape(header.shape, order="F" if header.fortran else "C")
    if header.dtype == np.bool_ and flat.view(np.uint8).max(initial=0) > 1:
        raise FormatError(f"{who}: a bool that is neither 0 nor 1")
    return np.array(array, dtype=header.dtype.newbyteorder("="), order="C")


def npy_header(array, who="save"):
    """Return the .npy header of an array in C order and little-endian byte order, padded to a multiple of 64 bytes."""
    if array.dtype.name not in DTYPES:
        raise DTypeError(f"{who}: arrays of dtype {array.dtype} cannot be saved; convert it to one of {', '.join(sorted(DTYPES))}")
    descr = array.dtype.newbyteorder("<").str
    sizes = ", ".join(str(size) for size in array.shape) + ("," if array.ndim == 1 else "")
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}".encode()
    padding = -(10 + len(text) + 1) % 64
    return MAGIC + b"\x01\x00" + struct.pack("<H", len(text) + padding + 1) + text + b" " * padding + b"\n"
