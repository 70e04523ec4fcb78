"""The lessons of pydl.examples run, in a short form, and say what they found; what they read and draw."""
import importlib
import pkgutil
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from child import PACKAGE
from shared_data import SHARED, needs_shared

import pydl
from pydl import examples
from pydl.errors import FormatError
from pydl.examples import gradient_checking, house_prices, lesson

CATS, PITCH = SHARED / "cat_vs_noncat", SHARED / "football_2d" / "data.mat"
with_cats = pytest.mark.usefixtures("h5py")


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py", reason="the pictures of cats are HDF5 files: h5py is not installed (pip install h5py)")


def run(name, *arguments):
    return importlib.import_module(f"pydl.examples.{name}").main([str(a) for a in arguments])


@pytest.fixture
def small_mnist(tmp_path):
    """The embedded digits in the form of MNIST: each pixel 3x3, a border of two, bytes."""
    (x, y), (xt, yt) = pydl.datasets.digits.load_data()
    big = [np.pad(np.kron(a[..., 0] * 255, np.ones((1, 3, 3))).astype(np.uint8), ((0, 0), (2, 2), (2, 2))) for a in (x, xt)]
    np.savez(tmp_path / "mnist.npz", x_train=big[0], y_train=y, x_test=big[1], y_test=yt)
    return tmp_path / "mnist.npz"


# ---- each lesson

@pytest.mark.parametrize("name, arguments, said", [
    ("planar", ["--steps", 50], "4 hidden units: cost 0.693048 at first"),
    ("initialization", ["--steps", 50], "He   : cost 0.8831 at first"),
    ("optimizer_comparison", ["--epochs", 3], r"Adam +: costs 0\.702"),
    ("batch_norm", ["--epochs", 2], r"without batch normalisation: test accuracy 10\.00%.*\n.*with batch.*[6-9]\d\.\d\d% at rate 1\n.*differ by \d\.\de-\d\d"),
    ("house_prices", ["--epochs", 15], r"32-16  network: mean error (8|9|1\d)\.\d%"),
    ("gradient_checking", [], r"right backward: agrees.*\n(.*\n)+A factor forgotten: DISAGREES.*\n(.*\n)+Twice the gradient: DISAGREES"),
])
def test_lesson(name, arguments, said, capsys):
    run(name, *arguments)
    out = capsys.readouterr().out
    assert re.search(said, out), out


def test_lesson_of_ten_classes(small_mnist, capsys):
    run("softmax_mnist", small_mnist, "--epochs", 2)
    out = capsys.readouterr().out
    assert re.search(r"softmax regression: 7850 weights, test accuracy [789]\d\.\d\d%", out), out
    assert re.search(r"512-512: 669706 weights, test accuracy 9\d", out), out


@pytest.mark.shared
@needs_shared
def test_lesson_on_the_pitch(capsys):
    run("regularization", PITCH, "--steps", 50)
    assert "L2, lambda 0.7    : cost 0.6974 at first" in capsys.readouterr().out


@pytest.mark.shared
@needs_shared
@with_cats
@pytest.mark.parametrize("name, said", [("logistic_cats", "0: 0.693147"), ("deep_cats", "0: 0.771749")])
def test_lessons_on_cats(name, said, capsys):
    run(name, CATS, "--steps", 2)
    assert said in capsys.readouterr().out


def test_every_lesson_has_a_test_and_is_a_program():
    """Each says how it is run and what it printed here, and `python -m` runs one."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test*_examples.py"))
    for module in pkgutil.iter_modules(examples.__path__):
        if module.name not in ("lesson", "lenet_numpy"):
            found = importlib.import_module(f"pydl.examples.{module.name}")
            assert f"python -m pydl.examples.{module.name}" in found.__doc__ and "Measured:" in found.__doc__ and f'"{module.name}"' in tests
    done = subprocess.run([sys.executable, "-m", "pydl.examples.planar", "--steps", "2"], cwd=PACKAGE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "50 hidden units" in done.stdout, done.stderr


@pytest.mark.parametrize("name, wanted", [("logistic_cats", "train_catvnoncat.h5"), ("deep_cats", "train_catvnoncat.h5"), ("regularization", "data.mat")])
def test_a_lesson_without_its_data_says_what_it_needs(name, wanted, tmp_path, capsys):
    for arguments, said in (([], "needs"), ([tmp_path / "absent"], "nothing at")):
        with pytest.raises(SystemExit):
            run(name, *arguments)
        err = capsys.readouterr().err
        assert said in err and wanted in err


@with_cats
def test_a_folder_without_cats(tmp_path):
    with pytest.raises(FileNotFoundError, match="train_catvnoncat.h5"):
        lesson.cats(tmp_path)


def test_prices_of_ones_own(tmp_path, capsys):
    x, price = house_prices.houses(200)
    np.savetxt(tmp_path / "prices.csv", np.column_stack([x, price]), delimiter=",", header="area,rooms,age,distance,garden,price")
    run("house_prices", tmp_path / "prices.csv", "--epochs", 2)
    out = capsys.readouterr().out
    assert "200 houses, 5 columns" in out and "noise" not in out
    (tmp_path / "prices.csv").write_text("a,price\n1,2\n3,none\n")
    with pytest.raises(ValueError, match="rows of numbers"):
        run("house_prices", tmp_path / "prices.csv")


# ---- the planted bug

def test_the_planted_bugs_are_found_where_they_sit():
    """A factor of two in a gradient is a relative error of 1/3 in all that lies before it, and none in what lies behind."""
    right, doubled = gradient_checking.check(gradient_checking.Swish), gradient_checking.check(gradient_checking.Doubled)
    assert right and right.error < 1e-8
    assert not doubled
    for row in doubled.rows[:-2]:
        assert row["error"] == pytest.approx(1 / 3, abs=1e-6) and row["analytic"] == pytest.approx(2 * row["numeric"], rel=1e-6)
    assert all(row["error"] < 1e-8 for row in doubled.rows[-2:])


# ---- drawn sets and files

def test_drawn_sets():
    x, y = lesson.flower()
    assert x.shape == (400, 2) and y.sum() == 200 and np.linalg.norm(x, axis=1).max() < 5
    (x, y), (m, n) = lesson.circles(300, noise=0.0), lesson.moons(300, noise=0.0)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), np.where(y == 1, 0.8, 1.0), rtol=1e-12)
    centre = np.where(n == 1, 1.0, 0.0)[:, None] * [[1.0, 0.5]]
    np.testing.assert_allclose(np.linalg.norm(m - centre, axis=1), 1.0, rtol=1e-12)
    assert (np.where(n == 1, 0.5 - m[:, 1], m[:, 1]) > -1e-12).all()


def element(kind, body):
    return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)


def mat(compress, small_name=True):
    """A MATLAB 5 file of a = [1 2 3; 4 5 6] as bytes, by the format's own words."""
    name = struct.pack("<HH", 1, 1) + b"a\0\0\0" if small_name else element(1, b"a")
    matrix = element(14, element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", 2, 3)) + name + element(2, bytes([1, 4, 2, 5, 3, 6])))
    if compress:
        packed = zlib.compress(matrix)
        matrix = struct.pack("<II", 15, len(packed)) + packed
    return b"MATLAB 5.0".ljust(124) + b"\0\1IM" + matrix


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("small_name", [False, True])
def test_matlab_files(tmp_path, compress, small_name):
    file = tmp_path / "a.mat"
    file.write_bytes(mat(compress, small_name))
    np.testing.assert_array_equal(lesson.read_mat(file)["a"], [[1, 2, 3], [4, 5, 6]])


def test_a_damaged_matlab_file_is_refused_or_read_whole(tmp_path):
    file = tmp_path / "a.mat"
    rng, whole = np.random.default_rng(0), mat(True)
    for content in [b"", b"hello" * 40] + [whole[:k] for k in range(0, len(whole), 7)]:
        file.write_bytes(content)
        try:
            assert lesson.read_mat(file) == {}
        except FormatError:
            pass
    for _ in range(100):
        content = bytearray(mat(False))
        content[rng.integers(128, len(content))] = rng.integers(256)
        file.write_bytes(content)
        try:
            lesson.read_mat(file)
        except FormatError:
            pass
    file.write_bytes(whole)
    with pytest.raises(FormatError, match="expected X, y"):
        lesson.football(file)
