"""Initializers: Keras's statistics, fans, seeds, names and configs; arguments."""
import json
import math

import numpy as np
import pytest
from course import SHARED

import pydl
from pydl import initializers, layers
from pydl.initializers import fans

NAMES = ["zeros", "ones", "constant", "random_normal", "random_uniform", "truncated_normal", "variance_scaling", "glorot_normal", "glorot_uniform",
         "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal", "identity"]
CLASSES = ["Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "GlorotNormal", "GlorotUniform",
           "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal", "Identity"]
DRAWN = [n for n in NAMES if n not in ("zeros", "ones", "constant", "identity")]

# name -> (variance times n, n of (inputs, outputs), bound in deviations)
SCALED = {"glorot_normal": (1, lambda i, o: (i + o) / 2), "glorot_uniform": (1, lambda i, o: (i + o) / 2), "he_normal": (2, lambda i, o: i),
          "he_uniform": (2, lambda i, o: i), "lecun_normal": (1, lambda i, o: i), "lecun_uniform": (1, lambda i, o: i), "variance_scaling": (1, lambda i, o: i)}


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize("shape", [(400, 500), (3, 3, 120, 200), (900, 200)], ids=str)
def test_the_variance_is_that_of_keras(name, shape):
    times, n = SCALED[name]
    w = initializers.get(name)(shape).numpy().astype(np.float64)
    deviation = math.sqrt(times / n(*fans(shape)))
    assert abs(w.mean()) < 5 * deviation / math.sqrt(w.size)
    assert abs(w.std() / deviation - 1) < 0.01
    largest = math.sqrt(3) * deviation if "uniform" in name else 2 * deviation / 0.87962566103423978
    assert 0.99 * largest < np.abs(w).max() <= largest * (1 + 1e-6)


def test_fans_of_dense_and_convolution_kernels():
    assert fans((3, 4)) == (3, 4) and fans((5, 5, 3, 8)) == (75, 200) and fans((3, 16, 32)) == (48, 96)
    assert fans((7,)) == (7, 7) and fans(()) == (1, 1)
    assert fans((4, 2, 8), input_axes=(0,), output_axes=(1, 2)) == (4, 16)


def test_every_mode_and_distribution():
    shape = (300, 600)
    for mode, n in (("fan_in", 300), ("fan_out", 600), ("fan_avg", 450)):
        for distribution in ("truncated_normal", "untruncated_normal", "uniform"):
            w = initializers.VarianceScaling(3.0, mode, distribution, seed=1)(shape).numpy()
            assert abs(w.var() * n / 3 - 1) < 0.02, (mode, distribution)


def test_plain_distributions():
    shape = (500, 500)
    assert abs(initializers.RandomNormal(1, 2)(shape).numpy().std() - 2) < 0.01
    u = initializers.RandomUniform(-1, 3)(shape).numpy()
    assert -1 <= u.min() < -0.99 and 2.99 < u.max() < 3 and abs(u.mean() - 1) < 0.02
    t = initializers.TruncatedNormal(1, 2)(shape).numpy()
    assert np.abs(t - 1).max() <= 4 and abs(t.std() - 2 * 0.8796) < 0.01
    assert initializers.Constant(2.5)((2, 3)).numpy().tolist() == [[2.5] * 3] * 2
    assert initializers.Identity(3)((2, 3)).numpy().tolist() == [[3, 0, 0], [0, 3, 0]]


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (3, 3, 4, 8), (2, 2, 2, 40), (1, 1)], ids=str)
def test_orthogonal_matrices_are_orthogonal(shape):
    q = initializers.Orthogonal(2.0, seed=1)(shape, "float64").numpy().reshape(-1, shape[-1])
    small = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    assert np.allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_point_everywhere():
    signs = [np.sign(initializers.Orthogonal(seed=s)((2, 2)).numpy()[0, 0]) for s in range(200)]
    determinants = [np.linalg.det(initializers.Orthogonal(seed=s)((3, 3)).numpy()) for s in range(200)]
    assert 60 < signs.count(1) < 140 and 60 < sum(d > 0 for d in determinants) < 140


@pytest.mark.parametrize("name", DRAWN)
def test_seeds(name):
    cls = type(initializers.get(name))
    one, other = cls(seed=3), cls(seed=4)
    a = one((6, 5)).numpy()
    assert np.array_equal(one((6, 5)).numpy(), a) and np.array_equal(cls(seed=3)((6, 5)).numpy(), a)
    assert not np.array_equal(other((6, 5)).numpy(), a)
    assert not np.array_equal(initializers.get(name)((6, 5)).numpy(), initializers.get(name)((6, 5)).numpy())
    generator = pydl.random.SeedGenerator(3)
    moving = cls(seed=generator)
    assert np.array_equal(moving((6, 5)).numpy(), a) and not np.array_equal(moving((6, 5)).numpy(), a)
    found = []
    for _ in range(2):
        pydl.random.set_random_seed(7)
        found.append(initializers.get(name)((6, 5)).numpy())
    assert np.array_equal(*found)


@pytest.mark.parametrize("name, cls", list(zip(NAMES, CLASSES)))
def test_names_classes_and_configs(name, cls):
    for identifier in (name, cls, getattr(initializers, cls), getattr(initializers, name), getattr(initializers, cls)()):
        assert type(initializers.get(identifier)).__name__ == cls
    made = initializers.get(name) if name not in DRAWN else getattr(initializers, cls)(seed=5)
    config = json.loads(json.dumps(initializers.serialize(made)))
    again = initializers.deserialize(config)
    shape = (4, 4)
    assert again.get_config() == made.get_config() and np.array_equal(again(shape).numpy(), made(shape).numpy())
    assert initializers.get(config).get_config() == made.get_config()
    for dtype in ("float32", "float64"):
        value = made(shape, dtype)
        assert value.dtype == dtype and value.shape == shape
    assert repr(made).startswith(cls)


def test_a_seed_generator_in_a_config_comes_back():
    made = initializers.HeNormal(seed=pydl.random.SeedGenerator(9))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(made))))
    assert isinstance(again.seed, pydl.random.SeedGenerator) and np.array_equal(again((3, 3)).numpy(), made((3, 3)).numpy())


def test_the_default_dtype_is_that_of_the_library():
    pydl.config.set_floatx("float64")
    try:
        assert initializers.get("zeros")((2,)).dtype == "float64" and initializers.get("he_normal")((2, 2)).dtype == "float64"
    finally:
        pydl.config.set_floatx("float32")


def test_float32_weights_are_the_float64_ones_rounded():
    for name in ("he_normal", "truncated_normal", "random_normal"):
        made = type(initializers.get(name))(seed=1)
        assert np.array_equal(made((50, 50), "float64").numpy().astype(np.float32), made((50, 50), "float32").numpy())


def test_a_function_of_shape_will_do_as_he_initialisation_of_the_course_does():
    if not (SHARED / "data").exists():
        pytest.skip("published values are not here")
    from course import drawn, published
    case = published("c2w1_he_init")
    values = drawn(case["inputs"])

    def he(name, inputs):
        return lambda shape, dtype=None: values[name].T * np.sqrt(2 / inputs)
    model = pydl.Sequential([layers.Input((2,)), layers.Dense(4, kernel_initializer=he("W1", 2)), layers.Dense(1, kernel_initializer=he("W2", 4))])
    for layer, name in zip(model.layers, ("W1", "W2")):
        assert np.allclose(layer.get_weights()[0].T, case["expected"][name], atol=1e-6)


def test_empty_shapes_and_scalars():
    for name in NAMES[:-2]:
        assert initializers.get(name)(()).shape == () and initializers.get(name)((0, 3)).shape == (0, 3)


BAD = [
    (lambda: initializers.get("he_norml"), "did you mean 'he_normal'"), (lambda: initializers.get(3), "initializers.get"),
    (lambda: initializers.get({"class_name": "os.system", "config": {}}), "os.system"),
    (lambda: initializers.Constant("a"), "value"), (lambda: initializers.Constant(float("nan")), "value"),
    (lambda: initializers.RandomNormal(stddev=-1), "stddev"),
    (lambda: initializers.RandomUniform(1, 0), "maxval"), (lambda: initializers.TruncatedNormal(mean=None), "mean"),
    (lambda: initializers.VarianceScaling(0), "scale"),
    (lambda: initializers.VarianceScaling(mode="fan"), "mode"), (lambda: initializers.VarianceScaling(distribution="cauchy"), "distribution"),
    (lambda: initializers.HeNormal(seed=-3), "seed"), (lambda: initializers.HeNormal(seed="x"), "seed"), (lambda: initializers.HeNormal()((-1, 2)), "shape"),
    (lambda: initializers.HeNormal()("ab"), "shape"), (lambda: initializers.HeNormal()((2, 2), "int32"), "int32"),
    (lambda: initializers.Orthogonal()((3,)), "two axes"),
    (lambda: initializers.Identity()((2, 2, 2)), "two axes"), (lambda: initializers.Zeros()((2**40, 2**40)), "Zeros"),
    (lambda: initializers.GlorotUniform(input_axes=(5,))((2, 2)), "input_axes"),
    (lambda: layers.Dense(3, kernel_initializer="glorot"), "glorot"),
]


@pytest.mark.parametrize("call, word", BAD, ids=[word + str(i) for i, (_, word) in enumerate(BAD)])
def test_bad_arguments_are_named(call, word):
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert word in str(error.value)
