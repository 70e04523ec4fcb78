"""PNG files without an imaging library, and a sheet of small images with a caption under each."""

import struct
import zlib

import numpy as np

from pydl.errors import DTypeError, ShapeError, positive_int, show
from pydl.files import write_atomically

COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}     # by number of channels: grey, grey and alpha, RGB, RGB and alpha


def write_png(path, image):
    """Write an image as a PNG file, whole or not at all.

    Args:      path: the file.
               image: (H, W) or (H, W, 1) grey, (H, W, 2) with alpha, (H, W, 3) RGB, (H, W, 4) with alpha; uint8, or floats in [0, 1].
    Raises:    ShapeError, DTypeError, ValueError for what is no image; OSError if the file cannot be written.
    Source:    W3C, Portable Network Graphics (PNG) Specification, second edition.
    """
    write_atomically(path, [encode_png(image)])


def encode_png(image):
    """Return the bytes of a PNG file."""
    pixels = as_pixels("write_png", image)
    height, width, channels = pixels.shape
    # each row begins with its filter; 2 stands for the difference to the row above, which packs drawings well
    above = np.vstack([np.zeros((1, width * channels), np.uint8), pixels.reshape(height, -1)[:-1]])
    rows = np.hstack([np.full((height, 1), 2, np.uint8), pixels.reshape(height, -1) - above])
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPE[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)) + _chunk(b"IEND", b"")


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def as_pixels(who, image):
    """Return an image as uint8 (H, W, channels)."""
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in COLOUR_TYPE or not (0 < image.shape[0] < 2**31 and 0 < image.shape[1] < 2**31):
        raise ShapeError(f"{who}: expected an image of shape (H, W) or (H, W, 1 to 4), got {show(image)}")
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind != "f":
        raise DTypeError(f"{who}: expected uint8 or floats in [0, 1], got dtype {image.dtype}")
    if not (image.min() >= 0 and image.max() <= 1):
        raise ValueError(f"{who}: floats must be in [0, 1], got {image.min()} to {image.max()}")
    return np.rint(image * 255).astype(np.uint8)


# ---- a sheet of captioned images -----------------------------------------------------------------------------------

# 5x7 dots a letter
GLYPHS = {
    "0": ".###. #...# #..## #.#.# ##..# #...# .###.", "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####", "3": "##### ...#. ..#.. ...#. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.", "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": "..##. .#... #.... ####. #...# #...# .###.", "7": "##### ....# ...#. ..#.. .#... .#... .#...",
    "8": ".###. #...# #...# .###. #...# #...# .###.", "9": ".###. #...# #...# .#### ....# ...#. .##..",
    " ": "..... ..... ..... ..... ..... ..... .....", "(": "...#. ..#.. .#... .#... .#... ..#.. ...#.",
    ")": ".#... ..#.. ...#. ...#. ...#. ..#.. .#...", ".": "..... ..... ..... ..... ..... .##.. .##..",
    "-": "..... ..... ..... ##### ..... ..... .....", "%": "##..# ##.#. ...#. ..#.. .#... .#.## #..##",
}
PAPER, INK, RIGHT, WRONG = (250, 250, 247), (20, 20, 30), (30, 120, 60), (200, 40, 40)


def text_mask(text, dot=1):
    """Return the dots of a text, bool (7 * dot, width): digits, space and ( ) . - %."""
    unknown = sorted(set(text) - set(GLYPHS))
    if unknown:
        raise ValueError(f"text_mask: no letter for {''.join(unknown)!r}; there are {''.join(GLYPHS)!r}")
    columns = []
    for letter in text:
        rows = GLYPHS[letter].split()
        columns.append(np.array([[mark == "#" for mark in row + "."] for row in rows]))
    mask = np.hstack(columns)[:, :-1] if columns else np.zeros((7, 0), bool)
    return np.kron(mask, np.ones((dot, dot), bool)).astype(bool)


def digit_sheet(images, predicted, true=None, columns=10, scale=8):
    """Draw small grey images in rows, the predicted class under each: green if right, red with the true one in brackets if not.

    Args:      images: (N, H, W) or (N, H, W, 1), uint8 or floats in [0, 1]; drawn dark on light.
               predicted, true: (N,) classes; without `true` captions are black.
               columns: images a row.    scale: dots a pixel.
    Returns:   uint8 (height, width, 3), for write_png.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] != 1 or images.size == 0:
        raise ShapeError(f"digit_sheet: expected images of shape (N, H, W) or (N, H, W, 1), got {show(images)}")
    n, h, w, _ = images.shape
    scale, columns = positive_int("digit_sheet", "scale", scale), min(positive_int("digit_sheet", "columns", columns), n)
    labels = [np.asarray(labels).reshape(-1) for labels in ((predicted,) if true is None else (predicted, true))]
    if any(len(each) != n for each in labels):
        raise ShapeError(f"digit_sheet: {n} images, but {' and '.join(str(len(each)) for each in labels)} labels")
    dark = as_pixels("digit_sheet", images.reshape(n * h, w)).reshape(n, h, w).astype(np.float32) / 255
    gap, dot = 10, 2
    cell_w, cell_h = max(w * scale, 6 * 4 * dot) + gap, h * scale + 7 * dot + 2 * gap
    sheet = np.empty((-(-n // columns) * cell_h + gap, columns * cell_w + gap, 3), np.uint8)
    sheet[:] = PAPER
    for i in range(n):
        top, left = i // columns * cell_h + gap, i % columns * cell_w + gap
        shade = np.kron(dark[i], np.ones((scale, scale), np.float32))[..., None]
        at = left + (cell_w - gap - w * scale) // 2
        sheet[top:top + h * scale, at:at + w * scale] = np.rint((1 - shade) * 255 + shade * np.array(INK))
        right = true is not None and labels[0][i] == labels[1][i]
        caption = f"{labels[0][i]}" if true is None or right else f"{labels[0][i]} ({labels[1][i]})"
        mask = text_mask(caption, dot)[:, :cell_w - gap]
        x, y = left + (cell_w - gap - mask.shape[1]) // 2, top + h * scale + gap // 2
        sheet[y:y + mask.shape[0], x:x + mask.shape[1]][mask] = INK if true is None else RIGHT if right else WRONG
    return sheet
