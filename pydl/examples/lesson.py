"""What the lessons share: their command lines, small sets drawn by formula, readers of the textbook's files, the textbook's weights.

Where the textbook draws with NumPy's old generator, so does this: the same seeds then give the same points and weights, hence the printed numbers.
"""
import argparse
import struct
import zlib
from pathlib import Path

import numpy as np

from pydl import layers
from pydl.errors import FormatError

MAT_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}       # MAT-File Format, table 1-1
MAT_MATRIX, MAT_COMPRESSED = 14, 15


# ---- the command line

def parse(module, arguments, data=None, optional=None, **numbers):
    """Return the options of a lesson: `data`, a path (it must be given if `data` says what it is; `optional` says so of one that need not), and numbers.

    Example:
        >>> parse("planar", ["--steps", "10"], steps=10000).steps
        10
    """
    parser = argparse.ArgumentParser(prog=f"python -m pydl.examples.{module}")
    if data or optional:
        parser.add_argument("data", nargs="?", type=Path, help=data or optional)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    options = parser.parse_args(arguments)
    if data and options.data is None:
        parser.error(f"this lesson needs {data}")
    if getattr(options, "data", None) and not options.data.exists():
        parser.error(f"there is nothing at {options.data}; give {data or optional}")
    return options


# ---- files

def cats(folder):
    """Return ((x, y), (x_test, y_test), names): 209 and 50 pictures of 64x64 pixels, 1 for a cat, from train_catvnoncat.h5 and test_catvnoncat.h5.

    x (N, 12288) float64 in 0..1, y (N,).
    """
    try:
        import h5py
    except ImportError:
        raise ImportError("the pictures of cats are HDF5 files, which h5py reads; run: pip install 'pydl-nn[examples]'") from None
    found = []
    for part in ("train", "test"):
        path = Path(folder) / f"{part}_catvnoncat.h5"
        if not path.exists():
            raise FileNotFoundError(f"there is no {path}; give the folder of train_catvnoncat.h5 and test_catvnoncat.h5, the pictures of course 1, week 4")
        with h5py.File(path) as file:
            x, y = file[f"{part}_set_x"][:], file[f"{part}_set_y"][:]
        found.append((x.reshape(len(x), -1) / 255, y))
    return *found, ("non-cat", "cat")


def football(path):
    """Return ((x, y), (x_test, y_test)) of the textbook's data.mat: 211 and 200 places on a pitch, 1 where our player heads the ball."""
    arrays = read_mat(path)
    if {"X", "y", "Xval", "yval"} - set(arrays):
        raise FormatError(f"{path}: holds {', '.join(arrays)}, expected X, y, Xval and yval")
    return tuple((arrays[x], arrays[y].reshape(-1)) for x, y in (("X", "y"), ("Xval", "yval")))


def read_mat(path):
    """Return {name: array} of the real matrices of a MATLAB 5 file.

    Source:    The MathWorks, MAT-File Format: a header of 128 bytes, then elements (type, length, bytes), each padded to 8 bytes.
    """
    data = Path(path).read_bytes()
    if len(data) < 128 or data[126:128] != b"IM":
        raise FormatError(f"{path}: is no MATLAB 5 file of a little-endian machine")
    try:
        return dict(_mat_matrix(body) for kind, body in _mat_elements(data[128:]) if kind == MAT_MATRIX)
    except (struct.error, zlib.error, ValueError, KeyError, IndexError) as error:
        raise FormatError(f"{path}: damaged, or holds what is no matrix of real numbers ({error})") from error


def _mat_elements(data):
    """[(type, bytes)] of a row of elements; compressed ones are opened."""
    found, at = [], 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind >> 16:                                          # four bytes or fewer stand in the tag itself
            kind, size, start, end = kind & 0xffff, kind >> 16, at + 4, at + 8
        else:
            start = at + 8
            end = start + size if kind == MAT_COMPRESSED else start + -(-size // 8) * 8
        body = data[start:start + size]
        found.extend(_mat_elements(zlib.decompress(body)) if kind == MAT_COMPRESSED else [(kind, body)])
        at = end
    return found


def _mat_matrix(body):
    """(name, array) of one matrix: flags, shape, name, numbers in columns."""
    _, (_, shape), (_, name), (kind, numbers) = _mat_elements(body)[:4]
    values = np.frombuffer(numbers, "<" + MAT_NUMBERS[kind])
    return name.decode(), np.array(values.reshape(np.frombuffer(shape, "<i4"), order="F"), np.float64)


# ---- drawn sets

def flower(n=400, petals=4, seed=1):
    """Return (x, y): two classes on the petals of a rose r = petals * sin(4 t), jittered in angle and radius: course 1, week 3."""
    rng, x, y = np.random.RandomState(seed), [], []
    for label in (0, 1):
        t = np.linspace(label * 3.12, (label + 1) * 3.12, n // 2) + rng.randn(n // 2) * 0.2
        r = petals * np.sin(4 * t) + rng.randn(n // 2) * 0.2
        x.append(np.stack([r * np.sin(t), r * np.cos(t)], 1))
        y.append(np.full(n // 2, label))
    return np.concatenate(x), np.concatenate(y)


def circles(n, noise=0.05, factor=0.8, seed=1):
    """Return (x, y): a circle of radius 1 (class 0) around one of radius `factor` (class 1), with normal noise, shuffled."""
    t = np.linspace(0, 2 * np.pi, n // 2, endpoint=False)
    ring = np.stack([np.cos(t), np.sin(t)], 1)
    return _shuffled_with_noise(ring, factor * ring, noise, seed)


def moons(n, noise=0.2, seed=3):
    """Return (x, y): two half circles that reach into each other, with normal noise, shuffled."""
    t = np.linspace(0, np.pi, n // 2)
    upper = np.stack([np.cos(t), np.sin(t)], 1)
    return _shuffled_with_noise(upper, np.stack([1 - np.cos(t), 0.5 - np.sin(t)], 1), noise, seed)


def _shuffled_with_noise(first, second, noise, seed):
    rng, x = np.random.RandomState(seed), np.concatenate([first, second])
    y, order = np.repeat([0, 1], len(first)), np.arange(len(x))
    rng.shuffle(order)
    return x[order] + rng.normal(scale=noise, size=x.shape), y[order]


# ---- networks

def draw_weights(model, seed, scale):
    """Give the Dense layers of a model the textbook's weights: scale(inputs) * standard normal numbers (units, inputs), turned; biases 0."""
    rng = np.random.RandomState(seed)
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            inputs, units = layer.get_weights()[0].shape
            layer.set_weights([(rng.randn(units, inputs) * scale(inputs)).T, np.zeros(units)])


def descend(model, x, y, steps):
    """Take `steps` steps on the whole set; return the cost before each."""
    return model.fit(x, y, batch_size=len(x), epochs=steps, shuffle=False, verbose=0).history["loss"]


def accuracy(model, x, y):
    """The share of right answers, by the model's metric "accuracy"."""
    return model.evaluate(x, y, batch_size=len(x), verbose=0, return_dict=True)["accuracy"]


def print_costs(costs, every):
    for step in range(0, len(costs), every):
        print(f"  cost after step {step:5d}: {costs[step]:.6f}")
