"""The model file: a config and named arrays, in a zip that any tool can open and every byte of which is checked.

    model.json            {"format": "pydl model", "version": 2, "config": {...}}
    <name>.npy            one array each, little-endian, C order, in the order they were given
    comment of the zip    "pydl sha256 " and the SHA-256 of every byte before the 64 digits

Entries are stored, not compressed; each has the CRC-32 of the zip format.  The reader is as strict as the writer is
plain: the headers must be, byte for byte, those that the writer makes for such entries, the lengths must add up to the
length of the file, and the SHA-256 must agree.  So a truncated file and a flipped byte anywhere are refused, and nothing
is allocated that is larger than the file.  There is no pickle, and a config names only registered classes (registry.py).
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import stat
import struct
import zlib

import numpy as np

from pydl.errors import LARGEST_INT, FormatError, show
from pydl.files import npy_header, read_npy_header, write_atomically

FORMAT = "pydl model"
VERSION = 2                  # 2: a config tells the built shape of every layer, and which single weights learn; files of version 1 are read
MANIFEST = "model.json"
COMMENT = b"pydl sha256 "
DEEPEST_CONFIG = 64          # levels of nesting; a wrapped layer takes two
LARGEST_CONFIG = 1 << 28     # bytes of model.json
LONGEST_NAME = 512
ZIP64_FROM = 0xFFFFFFFF      # sizes, offsets and counts from here on are written in the 64-bit fields of the zip format
ZIP64_COUNT = 0xFFFF


def write_model_file(path, config, arrays):
    """Write a config and named arrays to `path`, whole or not at all.

    Args:      config: a dict of what JSON holds (tuples become lists, NumPy numbers plain ones).
               arrays: a dict from names ("layers/dense/kernel") to arrays of real numbers; each is copied before it is written.
    Raises:    TypeError, ValueError for what cannot be saved, naming it; OSError if the system refuses. The old file stays then.
    """
    manifest = {"format": FORMAT, "version": VERSION, "config": plain(config)}
    text = json.dumps(manifest, allow_nan=False, separators=(",", ":")).encode()
    if len(text) > LARGEST_CONFIG:
        raise ValueError(f"save: the config is {len(text)} bytes long, at most {LARGEST_CONFIG} can be saved")
    for name, array in arrays.items():
        fault = _fault_of_name(name)
        if fault:
            raise ValueError(f"save: {show(name)} cannot be the name of an array: {fault}")
        npy_header(np.asarray(array), f"save: array {name!r}")
    write_atomically(path, _parts(text, arrays))


def read_model_file(path):
    """Return (config, arrays) of a file that `write_model_file` wrote.

    Raises:    FormatError, a ValueError, if the file is damaged, of a newer format, or something else; OSError if it cannot be read.
    """
    shown = os.fsdecode(os.fspath(path))
    with _open_regular(path) as stream:
        source = _Source(stream, os.fstat(stream.fileno()).st_size, shown)
        try:
            return _read(source)
        except FormatError as error:
            raise FormatError(f"{shown}: {error}") from error.__cause__


# ---- config ------------------------------------------------------------------------------------------------------

def plain(value, where="config", depth=0):
    """Return a config of dicts, lists, strings, finite numbers, bools and None; anything else is an error that says where."""
    if depth > DEEPEST_CONFIG:
        raise ValueError(f"save: {where[:80]}... is nested more than {DEEPEST_CONFIG} levels deep")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        if not -LARGEST_INT - 1 <= value < 2**64:
            raise ValueError(f"save: {where} is an integer of more than 64 bits")
        return int(value)
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"save: {where} must be finite, got {value}")
        return float(value)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"save: {where} has the key {show(key)}, expected strings")
        return {key: plain(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return plain(value.tolist(), where, depth)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise TypeError(f"save: {where} is {show(value)}, which JSON cannot hold; get_config() must return plain values")


def _config_of(text):
    """Return the config in the text of model.json, none of which is trusted."""
    depth = deepest = 0
    for token in re.finditer(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', text, re.DOTALL):    # strings first: brackets in them do not count
        mark = token[0][:1]
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    if deepest > DEEPEST_CONFIG + 2:
        raise FormatError(f"{MANIFEST} is nested {deepest} levels deep")
    try:
        manifest = json.loads(text.decode(), object_pairs_hook=_without_duplicates, parse_float=_finite_number, parse_constant=_finite_number)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:      # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
        raise FormatError(f"{MANIFEST} is damaged: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError(f"{MANIFEST} does not describe a pydl model")
    version = manifest.get("version")
    if type(version) is not int or version < 1:
        raise FormatError(f"{MANIFEST} has no version")
    if version > VERSION:
        raise FormatError(f"written in version {version} of the format by a newer pydl; this one reads up to version {VERSION}")
    if not isinstance(manifest.get("config"), dict):
        raise FormatError(f"{MANIFEST} has no config")
    return manifest["config"]


def _without_duplicates(pairs):
    result = dict(pairs)
    if len(result) < len(pairs):
        raise FormatError(f"{MANIFEST} has a key twice")
    return result


def _finite_number(text):
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(f"{MANIFEST} holds the number {show(text)}")
    return number


def _fault_of_name(name):
    """Return why `name` cannot be the name of an array, or None."""
    if not isinstance(name, str) or not name:
        return "it must be a string that is not empty"
    try:
        encoded = (name + ".npy").encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if len(encoded) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME - 4} bytes"
    if "\\" in name or any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        return "it holds a backslash or a control character"
    if any(part in ("", ".", "..") for part in name.split("/")) or re.match("[A-Za-z]:", name):
        return "it must be a relative path without empty parts, '.' and '..'"
    return None


# ---- zip: the bytes of every header, which the writer writes and the reader compares ---------------------------------

def _local_header(name, size, crc):
    big = size >= ZIP64_FROM
    short = 0xFFFFFFFF if big else size
    extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
    # version needed, flags (names in UTF-8), stored, time 0:00, date 1980-01-01: the same model gives the same bytes
    return struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45 if big else 20, 0x800, 0, 0, 0x21, crc, short, short, len(name), len(extra)) + name + extra


def _central_header(name, size, crc, offset):
    fields = []
    short_size, short_offset = size, offset
    if size >= ZIP64_FROM:
        fields += [size, size]
        short_size = 0xFFFFFFFF
    if offset >= ZIP64_FROM:
        fields.append(offset)
        short_offset = 0xFFFFFFFF
    extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    needed = 45 if fields else 20
    made_by = 3 << 8 | 45        # Unix: the attributes below are those of a regular file, rw-r--r--
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", made_by, needed, 0x800, 0, 0, 0x21, crc, short_size, short_size, len(name), len(extra),
                       0, 0, 0, (stat.S_IFREG | 0o644) << 16, short_offset) + name + extra


def _tail(entries, start):
    """Return everything after the last entry but the 64 digits. entries: (name, size, crc, offset); start: where the tail begins."""
    directory = b"".join(_central_header(*entry) for entry in entries)
    count, size = len(entries), len(directory)
    zip64 = b""
    if count >= ZIP64_COUNT or size >= ZIP64_FROM or start >= ZIP64_FROM:
        zip64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0, count, count, size, start)
        zip64 += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
        count, size, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, size, start, len(COMMENT) + 64)
    return directory + zip64 + end + COMMENT


def _parts(text, arrays):
    """Give the bytes of the file, part by part."""
    digest = hashlib.sha256()
    entries = []
    position = 0

    def entry(name, *data):
        nonlocal position
        crc, size = 0, 0
        for part in data:
            crc, size = zlib.crc32(part, crc), size + len(part)
        header = _local_header(name, size, crc)
        entries.append((name, size, crc, position))
        position += len(header) + size
        for part in (header, *data):
            digest.update(part)
            yield part

    yield from entry(MANIFEST.encode(), text)
    for name, array in arrays.items():
        block = np.asarray(array)
        block = np.array(block, dtype=block.dtype.newbyteorder("<"), order="C", copy=True)   # what is summed is what is written
        yield from entry(f"{name}.npy".encode(), npy_header(block), memoryview(block.reshape(-1).view(np.uint8)))
    tail = _tail(entries, position)
    digest.update(tail)
    yield tail
    yield digest.hexdigest().encode()


class _Source:
    """Reads a file front to back, never past its end, and hashes what it read."""

    def __init__(self, stream, total, shown):
        self.stream, self.left, self.position, self.shown = stream, total, 0, shown
        self.digest = hashlib.sha256()

    def fill(self, view):
        if len(view) > self.left:
            raise FormatError("the file is truncated")
        filled = 0
        while filled < len(view):
            count = self.stream.readinto(view[filled:])
            if not count:
                raise FormatError("the file became shorter while it was read")
            filled += count
        self.left -= len(view)
        self.position += len(view)
        self.digest.update(view)

    def read(self, count):
        if count > self.left:          # before the buffer is made
            raise FormatError("the file is truncated")
        data = bytearray(count)
        self.fill(memoryview(data))
        return bytes(data)


@contextlib.contextmanager
def _open_regular(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)      # a pipe must not make us wait
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):                                  # before `open`, which would name it by its number
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, "is a directory, expected a model file", os.fsdecode(os.fspath(path)))
    with open(descriptor, "rb", buffering=0) as stream:
        if not stat.S_ISREG(mode):
            raise FormatError(f"{os.fsdecode(os.fspath(path))}: is a device or a pipe, expected a model file")
        yield stream


def _read(source):
    entries, arrays, config = [], {}, None
    while True:
        start = source.position
        header = source.read(30)
        if entries and header[:4] == b"PK\1\2":
            break
        name, size, crc = _read_local_header(source, header, first=not entries)
        entries.append((name, size, crc, start))
        if len(entries) == 1:
            text = _checked(source, size, LARGEST_CONFIG, MANIFEST)
            _check_sum(zlib.crc32(text), crc, MANIFEST)
            config = _config_of(text)
            continue
        label = name.decode()[:-4]
        if label in arrays:
            raise FormatError(f"array {show(label)} is there twice")
        arrays[label] = _read_array(source, size, crc, f"array {show(label)}")
    expected = _tail(entries, start)
    if source.left != len(expected) - 30 + 64 or header + source.read(len(expected) - 30) != expected:
        raise FormatError("the directory of the zip is damaged, or the file is truncated")
    digits = source.digest.hexdigest().encode()
    if source.read(64) != digits:
        raise FormatError("the file is damaged: its SHA-256 does not agree")
    return config, arrays


def _read_local_header(source, header, first):
    """Return (name, size, crc) of an entry; its header must be the one that the writer makes for these."""
    if first and header[:8] == b"\x89HDF\r\n\x1a\n":
        raise FormatError("is an HDF5 file, expected a pydl model file")
    if header[:4] != b"PK\3\4":
        raise FormatError("is not a pydl model file" if first else "the file is damaged: an entry does not begin where it should")
    crc, size, _, name_length, extra_length = struct.unpack("<IIIHH", header[14:])
    if name_length > LONGEST_NAME or extra_length not in (0, 20):
        raise FormatError("is a zip, but not a pydl model file" if first else "the header of an entry is damaged")
    name, extra = source.read(name_length), source.read(extra_length)
    if extra:
        size = struct.unpack("<Q", extra[4:12])[0]
    if header + name + extra != _local_header(name, size, crc) or (first and name != MANIFEST.encode()):
        raise FormatError("is a zip, but not a pydl model file" if first else f"the header of entry {show(name)} is damaged")
    if not first:
        try:
            label = name.decode()
        except UnicodeDecodeError as error:
            raise FormatError(f"the name of entry {show(name)} is damaged") from error
        fault = _fault_of_name(label[:-4]) if label.endswith(".npy") else "it must end in .npy"
        if fault:
            raise FormatError(f"an entry may not be named {show(label)}: {fault}")
    return name, size, crc


def _checked(source, size, largest, what):
    if size > largest or size > source.left:
        raise FormatError(f"{what} claims {size} bytes, {source.left} are left in the file")
    return source.read(size)


def _read_array(source, size, crc, what):
    if size > source.left:
        raise FormatError(f"{what} claims {size} bytes, {source.left} are left in the file")
    summed = 0

    def read(count):
        nonlocal summed
        data = source.read(count)
        summed = zlib.crc32(data, summed)
        return data

    header = read_npy_header(read, size, what)
    if header.fortran or header.dtype.str[0] == ">":
        raise FormatError(f"{what} is not little-endian in C order")
    array = np.empty(header.shape, header.dtype)
    flat = array.reshape(-1).view(np.uint8)
    source.fill(memoryview(flat))
    _check_sum(zlib.crc32(flat, summed), crc, what)
    if array.dtype == np.bool_ and flat.max(initial=0) > 1:
        raise FormatError(f"{what} holds a bool that is neither 0 nor 1")
    return array.astype(header.dtype.newbyteorder("="), copy=False)


def _check_sum(got, crc, what):
    if got != crc:
        raise FormatError(f"{what} is damaged: its CRC-32 does not agree")
