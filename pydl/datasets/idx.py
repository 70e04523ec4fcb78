"""Reader of idx files, the format of MNIST: a type, the sizes, and the elements, all big-endian."""

import math
import os
import struct
import zlib

import numpy as np

from pydl.errors import FormatError, ShapeError, show
from pydl.shapes import checked_size

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
HIGHEST_RATIO = 1032     # of deflate: more than this many bytes cannot come out of one


def read_idx(path):
    """Read an idx file, gzipped or not, as an array in native byte order.

    The sizes in the file must account for each of its bytes, and nothing is allocated before that is clear.

    Raises:    FormatError if the file is truncated, too long, damaged or no idx file; OSError if it cannot be read.
    Source:    Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, "FILE FORMATS FOR THE MNIST DATABASE".
    """
    with open(path, "rb") as stream:
        return parse_idx(stream.read(), os.fsdecode(os.fspath(path)))


def parse_idx(data, who):
    """Return the array in the bytes of an idx file, gzipped or not; `who` is its name for messages."""
    if data[:2] == GZIP:
        data = _gunzip(data, who)
    dtype, shape, start = _header(data, who)
    size = checked_size(shape) * dtype.itemsize
    if len(data) - start != size:
        problem = "is truncated" if len(data) - start < size else "is longer than it should be"
        raise FormatError(f"{who}: {problem}: {show(shape)} elements need {size} bytes, there are {len(data) - start}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _header(data, who):
    """Return (dtype, shape, length of the header)."""
    if len(data) < 4:
        raise FormatError(f"{who}: is truncated: {len(data)} bytes are no idx file")
    zero, code, ndim = struct.unpack(">HBB", data[:4])
    if zero != 0 or code not in TYPES or ndim == 0 or ndim > 8:
        raise FormatError(f"{who}: is not an idx file (it begins with {bytes(data[:4]).hex(' ')})")
    start = 4 + 4 * ndim
    if len(data) < start:
        raise FormatError(f"{who}: is truncated within its header")
    shape = struct.unpack(f">{ndim}I", data[4:start])
    dtype = np.dtype(TYPES[code])
    try:
        checked_size(shape, dtype.itemsize)
    except ShapeError as error:
        raise FormatError(f"{who}: {error}") from error
    return dtype, shape, start


def _gunzip(data, who):
    """Return what a gzip file holds, which has to be as long as the idx header in it says."""
    try:
        inflate = zlib.decompressobj(wbits=31)
        head = inflate.decompress(data, 4 + 4 * 8)
        dtype, shape, start = _header(head, who)
        total = start + math.prod(shape) * dtype.itemsize
        if total > HIGHEST_RATIO * len(data) + 64:
            raise FormatError(f"{who}: claims {total} bytes, more than {len(data)} compressed ones can hold")
        parts = [head]
        left = total + 1 - len(head)
        while left > 0 and not inflate.eof:
            part = inflate.decompress(inflate.unconsumed_tail, left)
            if not part and not inflate.unconsumed_tail:
                break
            parts.append(part)
            left -= len(part)
    except zlib.error as error:
        raise FormatError(f"{who}: damaged gzip file: {error}") from error
    whole = b"".join(parts)
    if not inflate.eof and len(whole) <= total:
        raise FormatError(f"{who}: is truncated: the gzip stream does not end")
    if inflate.unused_data.strip(b"\0"):
        raise FormatError(f"{who}: is longer than it should be: {len(inflate.unused_data)} bytes follow the gzip stream")
    return whole
