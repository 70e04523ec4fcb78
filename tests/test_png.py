"""PNG files, read back by a decoder of a dozen lines."""
import struct
import zlib

import numpy as np
import pytest

from pydl.data import png
from pydl.datasets import digits
from pydl.errors import DTypeError, ShapeError


def decode(data):
    """Return the pixels of a PNG of 8 bits a channel with the filters 0, 1 and 2; checks every sum and length."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + length
    assert at == len(data) and [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert depth == 8 and rest == [0, 0, 0]
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[1][1]), np.uint8).reshape(height, 1 + width * channels)
    out = np.zeros((height, width * channels), np.uint8)
    for i, row in enumerate(rows):
        above = out[i - 1] if i else np.zeros(width * channels, np.uint8)
        assert row[0] in (0, 2)
        out[i] = row[1:] + (above if row[0] == 2 else 0)
    return out.reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 4, 1), (5, 6, 2), (5, 6, 3), (2, 9, 4)])
def test_what_is_written_comes_back(tmp_path, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    png.write_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(decode((tmp_path / "a.png").read_bytes()), image.reshape(*image.shape[:2], -1))
    png.write_png(tmp_path / "a.png", np.asfortranarray(image)[::-1])
    np.testing.assert_array_equal(decode((tmp_path / "a.png").read_bytes()), image.reshape(*image.shape[:2], -1)[::-1])


def test_floats_are_scaled():
    assert decode(png.encode_png(np.array([[0, 0.5, 1]], np.float32))).ravel().tolist() == [0, 128, 255]


@pytest.mark.parametrize("image, error", [
    (np.zeros(3, np.uint8), ShapeError), (np.zeros((2, 2, 5), np.uint8), ShapeError), (np.zeros((0, 2), np.uint8), ShapeError),
    (np.zeros((2, 0), np.uint8), ShapeError), (np.zeros((2, 2), int), DTypeError), (np.full((2, 2), 1.5), ValueError),
    (np.full((2, 2), np.nan), ValueError), (np.full((2, 2), -0.1), ValueError), ("x", ShapeError), (None, ShapeError)])
def test_what_is_no_image(tmp_path, image, error):
    with pytest.raises(error, match="^write_png: "):
        png.write_png(tmp_path / "a.png", image)
    assert not list(tmp_path.iterdir())


def test_letters_have_five_by_seven_dots_and_differ():
    for glyph in png.GLYPHS.values():
        assert [len(row) for row in glyph.split()] == [5] * 7 and set(glyph) <= set("#. ")
    assert len(set(png.GLYPHS.values())) == len(png.GLYPHS)
    assert png.text_mask("12").shape == (7, 11) and png.text_mask("1", 3).shape == (21, 15) and png.text_mask("").shape == (7, 0)
    with pytest.raises(ValueError, match="no letter for 'x'"):
        png.text_mask("1x")


def test_a_sheet_of_digits():
    (x, y), _ = digits.load_data()
    images, labels = x[:23], y[:23]
    predicted = labels.copy()
    predicted[4] = (labels[4] + 1) % 10
    sheet = png.digit_sheet(images, predicted, labels, columns=10, scale=8)
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3

    def has(colour, part=sheet):
        return bool(np.any(np.all(part == colour, axis=-1)))

    cell_h, cell_w = (sheet.shape[0] - 10) // 3, (sheet.shape[1] - 10) // 10
    wrong = sheet[10:10 + cell_h, 10 + 4 * cell_w:10 + 5 * cell_w]
    assert has(png.WRONG, wrong) and not has(png.RIGHT, wrong)
    rest = sheet.copy()
    rest[10:10 + cell_h, 10 + 4 * cell_w:10 + 5 * cell_w] = 0
    assert has(png.RIGHT, rest) and not has(png.WRONG, rest)
    plain = png.digit_sheet(images, predicted)
    assert not has(png.RIGHT, plain) and not has(png.WRONG, plain)
    # the image itself stands in its cell, dark on light
    first = sheet[10:10 + 64, 10 + (cell_w - 10 - 64) // 2:][:, :64]
    expected = (1 - images[0, ..., 0]) * 255 + images[0, ..., 0] * png.INK[0]
    assert np.abs(first[::8, ::8, 0] - expected).max() <= 1.5


@pytest.mark.parametrize("images, labels, true", [
    (np.zeros((3, 8)), [1, 2, 3], None), (np.zeros((3, 8, 8, 3)), [1, 2, 3], None), (np.zeros((0, 8, 8)), [], None),
    (np.zeros((3, 8, 8)), [1, 2], None), (np.zeros((3, 8, 8)), [1, 2, 3], [1]), (np.full((3, 8, 8), 2.0), [1, 2, 3], None)])
def test_sheets_that_cannot_be_drawn(images, labels, true):
    with pytest.raises(ValueError, match="^digit_sheet: "):
        png.digit_sheet(images, labels, true)
