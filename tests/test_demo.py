"""The demo, and the plain NumPy net it compares with, which is itself checked by finite differences."""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl import demo
from pydl.datasets import digits
from pydl.examples import lenet_numpy

SHARED = Path(os.environ.get("PYDL_SHARED") or Path(__file__).resolve().parent.parent.parent / "shared")


def initial_weights(seed=0):
    chance = np.random.default_rng(seed)
    shapes = [(5, 5, 1, 6), (6,), (5, 5, 6, 16), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,)]
    return [(chance.normal(size=s) * np.sqrt(2 / np.prod(s[:-1])) if len(s) > 1 else chance.normal(size=s) * 0.1).astype(np.float32) for s in shapes]


@pytest.fixture(scope="module")
def images():
    (x, y), _ = digits.load_data()
    return demo.enlarged(x), y


# ---- plain NumPy ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape, k", [((2, 6, 7, 3), 3), ((1, 5, 5, 2), 5), ((3, 4, 4, 1), 1)])
def test_windows_and_their_adjoint(shape, k):
    chance = np.random.default_rng(0)
    x = chance.normal(size=shape)
    rows = lenet_numpy.windows(x, k)
    n, h, w, _ = shape
    assert rows.shape == (n * (h - k + 1) * (w - k + 1), k * k * shape[3])
    np.testing.assert_array_equal(rows[0], x[0, :k, :k].reshape(-1))
    other = chance.normal(size=rows.shape)
    np.testing.assert_allclose(np.sum(rows * other), np.sum(x * lenet_numpy.windows_backward(other, shape, k)), rtol=1e-12)


def test_pooling_gives_the_gradient_to_the_first_of_equal_elements():
    x = np.zeros((1, 4, 4, 1))
    x[0, 0, 1] = x[0, 1, 0] = 3
    x[0, 2:, 2:, 0] = [[1, 2], [3, 4]]
    y = lenet_numpy.pool(x)
    assert y[0, :, :, 0].tolist() == [[3, 0], [0, 4]]
    dx = lenet_numpy.pool_backward(x, y, np.array([[10.0, 20], [30, 40]]).reshape(1, 2, 2, 1))
    assert dx[0, :, :, 0].tolist() == [[0, 10, 20, 0], [0, 0, 0, 0], [30, 0, 0, 0], [0, 0, 0, 40]]


def test_the_gradients_of_the_plain_net(images):
    """Those that reach Adam, by central differences along random directions, in float64."""
    x, y = images[0][:8].astype(np.float64), images[1][:8]

    class Watched(lenet_numpy.LeNet):
        def __init__(self, weights):
            super().__init__(weights)
            self.weights = [np.array(w, np.float64) for w in weights]

        def adam(self, gradients):
            self.gradients = gradients

    net = Watched(initial_weights())
    net.train(x, y)
    gradients, chance = net.gradients, np.random.default_rng(1)
    start = [w.copy() for w in net.weights]
    for i in range(len(start)):
        direction = chance.normal(size=start[i].shape)
        losses = []
        for sign in (1, -1):
            net.weights = [w + sign * 1e-6 * direction if j == i else w for j, w in enumerate(start)]
            losses.append(net.train(x, y))
        assert np.sum(gradients[i] * direction) == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-4, abs=1e-8), i


def test_adam_is_that_of_keras():
    """Two steps of the formula in float64, with epsilon outside the bias-corrected root."""
    net = lenet_numpy.LeNet([np.array([1.0, -2.0])], learning_rate=0.1)
    w, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for t, g in enumerate((np.array([0.5, -1.0]), np.array([0.25, 2.0])), 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w = w - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        net.adam([g.astype(np.float32)])
        np.testing.assert_allclose(net.weights[0], w, rtol=1e-5)


# ---- the demo ------------------------------------------------------------------------------------------------------

def test_enlarged():
    x = np.arange(2 * 64).reshape(2, 8, 8, 1)
    big = demo.enlarged(x)
    assert big.shape == (2, 28, 28, 1)
    np.testing.assert_array_equal(big[:, 2:-2:3, 2:-2:3], x)
    np.testing.assert_array_equal(big[:, 4:-2:3, 3:-2:3], x)
    assert big[:, :2].sum() == big[:, -2:].sum() == big[:, :, :2].sum() == big[:, :, -2:].sum() == 0


def test_pydl_and_numpy_train_alike(images):
    """The same initial weights and batches: losses and weights stay together for twenty steps, and learning takes place."""
    x, y = images
    pydl.utils.set_random_seed(3)
    model = demo.lenet()
    assert model.count_params() == 61_706
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain = lenet_numpy.LeNet(model.get_weights())
    losses = []
    for step in range(20):
        rows = slice(step * 64, step * 64 + 64)
        losses.append((model.train_on_batch(x[rows], y[rows]), plain.train(x[rows], y[rows])))
    ours, theirs = np.array(losses).T
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert ours[-3:].mean() < 0.95 * ours[0]
    for a, b in zip(model.get_weights(), plain.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_the_demo_learns_saves_loads_and_draws(tmp_path, capsys):
    assert demo.run(output=tmp_path / "new") == 0
    text = capsys.readouterr().out
    accuracy = float(re.search(r"test accuracy (0\.\d{4}|1\.0000)", text)[1])
    assert accuracy >= 0.97
    assert "Epoch 1/" in text and "lenet_5" in text and "61,706" in text and "agree to 1e-4" in text and "times faster" in text
    assert "ms a step" in text and "predictions are the same bits" in text and "DO NOT" not in text
    picture = (tmp_path / "new" / "lenet_digits.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    model = pydl.models.load_model(tmp_path / "new" / "lenet_digits.pydl")
    _, (xt, yt) = digits.load_data()
    assert np.mean(model.predict(demo.enlarged(xt)).argmax(axis=1) == yt) == pytest.approx(accuracy, abs=1e-4)


def test_the_demo_says_when_it_has_not_learned(tmp_path, capsys):
    assert demo.run(output=tmp_path, epochs=1) == 1
    assert "The test accuracy is below 0.97" in capsys.readouterr().out


def test_the_command(tmp_path):
    home = os.path.dirname(os.path.dirname(os.path.abspath(pydl.__file__)))
    result = subprocess.run([sys.executable, "-P", "-m", "pydl.cli", "demo", "--epochs", "2", "--output", str(tmp_path)], capture_output=True, text=True,
                            timeout=300, env={**os.environ, "PYTHONPATH": home}, cwd=tmp_path)
    assert "Traceback" not in result.stderr and "test accuracy" in result.stdout, result.stderr
    assert sorted(os.listdir(tmp_path)) == ["lenet_digits.png", "lenet_digits.pydl"]


@pytest.mark.slow
@pytest.mark.shared
def test_lenet_reaches_99_percent_on_mnist_within_five_epochs():
    source, script = SHARED / "data" / "mnist" / "mnist.npz", Path(__file__).resolve().parent.parent / "benchmarks" / "lenet_mnist.py"
    if not source.exists():
        pytest.skip(f"needs {source}")
    spec = importlib.util.spec_from_file_location("lenet_mnist", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(source) == 0
