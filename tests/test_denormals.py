"""Denormal numbers count as zero inside kernels, whoever runs them, and nowhere else: for any number of threads, eager or replayed.

Without that, training slows down by a factor of ten on Intel's processors as soon as gradients vanish: each operation on a denormal takes 150 cycles.
"""
import threading
import time

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.autodiff import grad
from pydl.tensor import Tensor

RNG = np.random.default_rng(7)
TINY = {"float32": (1e-40, 1e30), "float64": (1e-310, 1e250)}       # a denormal, and what makes a number of it: were it not zero, one would see


@pytest.fixture(autouse=True)
def threads_restored():
    threads = pydl.get_num_threads()
    yield
    pydl.set_num_threads(threads)


def draw(dtype, *shape):
    return RNG.standard_normal(shape).astype(dtype)


def through(layer, big):
    """x -> the layer's output, and the gradients by x and by the weights, which are huge."""
    def run(x):
        if not layer.weights or not layer.built:
            layer(x)
            layer.set_weights([big ** 0.5 * RNG.standard_normal(w.shape) for w in layer.get_weights()])
        dx = grad(lambda t: ops.sum(layer(t) * big ** 0.5))(x)
        return layer(x), dx
    return run


def cases(dtype):
    """name -> (function of a tensor, its shape): each large enough for threads to share it."""
    tiny, big = TINY[dtype]
    w, many, wide, row = (draw(dtype, *shape) * np.dtype(dtype).type(big) for shape in ((300, 200), (64, 64), (1200, 1000), (40,)))
    of = {"dtype": dtype, "use_bias": False}
    return {
        "multiply": (lambda x: ops.multiply(x, big), (300_000,)),
        "square": (lambda x: ops.square(x * big ** 0.25) * big, (300_000,)),
        "sum": (lambda x: ops.sum(x) * big, (300_000,)),
        "sums of rows": (lambda x: ops.sum(x, axis=1) * big, (600, 700)),
        "softmax": (lambda x: ops.softmax(x * row * (1 / (tiny * big))), (3000, 40)),
        "relu": (lambda x: ops.relu(x) * big, (300_000,)),
        "matmul": (lambda x: ops.matmul(x, w), (256, 300)),
        "matmul of many": (lambda x: ops.matmul(x, many), (32, 64, 64)),
        "row by matrix": (lambda x: ops.matmul(x, wide), (1, 1200)),
        "matrix by column": (lambda x: ops.matmul(x, wide[:, 0]), (1200, 1200)),
        "dense": (through(layers.Dense(200, **of), big), (256, 300)),
        "conv2d": (through(layers.Conv2D(16, 3, **of), big), (8, 40, 40, 8)),
        "conv2d of few": (through(layers.Conv2D(3, 5, **of), big), (8, 40, 40, 16)),
        "winograd": (through(layers.Conv2D(64, 3, padding="same", **of), big), (4, 28, 28, 64)),
        "depthwise": (through(layers.DepthwiseConv2D(3, **of), big), (8, 60, 60, 16)),
        "average pool": (lambda x: layers.AveragePooling2D(dtype=dtype)(x) * big, (8, 60, 60, 16)),
        "lstm": (through(layers.LSTM(64, dtype=dtype, use_bias=False), big), (32, 20, 32)),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(cases("float32")))
def test_denormal_inputs_count_as_zero_in_every_thread(name, dtype):
    tiny, big = TINY[dtype]
    f, shape = cases(dtype)[name]
    full = np.full(shape, tiny, dtype)
    mixed = draw(dtype, *shape) * np.exp(RNG.uniform(*np.log([tiny, tiny * big ** 0.5]), shape)).astype(dtype)       # numbers and denormals

    def results(run, x):
        values = run(Tensor(x))
        return [value.numpy().copy() for value in (values if isinstance(values, tuple) else (values,))]

    of_zero = results(f, np.zeros(shape, dtype))
    seen = None
    for count in (1, 2, 4):
        pydl.set_num_threads(count)
        for value, zero in zip(results(f, full), of_zero, strict=True):
            np.testing.assert_array_equal(value, zero, err_msg=f"{count} threads")
        replayed = pydl.function(f, strict=True)
        for run in (f, replayed, replayed, replayed, replayed):     # recorded twice, then replayed
            now = [value.tobytes() for value in results(run, mixed)]
            assert seen is None or now == seen, f"{count} threads, {'eager' if run is f else 'replayed'}"
            seen = now
    assert (np.frombuffer(seen[0], dtype) != 0).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam_of_denormal_squares_does_not_depend_on_threads_or_replay(dtype):
    """Gradients whose squares are denormal, and an epsilon that does not hide them."""
    tiny = TINY[dtype][0]
    x, start = draw(dtype, 64, 300), draw(dtype, 300, 200) * np.dtype(dtype).type(tiny ** 0.5)
    found = set()
    for count in (1, 2, 4):
        for run_eagerly in (False, True):
            pydl.set_num_threads(count)
            model = pydl.Sequential([layers.Input((300,), dtype=dtype), layers.Dense(200, use_bias=False, dtype=dtype)])
            model.compile(optimizer=pydl.optimizers.Adam(0.01, epsilon=tiny ** 0.8), loss=lambda t, p: ops.sum(ops.square(p)), run_eagerly=run_eagerly)
            model.set_weights([start])
            model.fit(x, np.zeros((64, 200), dtype), batch_size=16, epochs=3, verbose=0, shuffle=False)
            found.add(model.get_weights()[0].tobytes())
    assert len(found) == 1 and np.isfinite(np.frombuffer(found.pop(), dtype)).all()


def live():
    """Whether denormals are numbers to this thread, as they are to anyone who did not ask for anything else."""
    return bool(np.float32(1e-40) * np.float32(1) == np.float32(1e-40) and np.float64(1e-310) * 1.0 == 1e-310 and (np.full(64, 1e-40, "float32") * 2 > 0).all())


class Look(pydl.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None): self.seen.append(live())
    def on_epoch_end(self, epoch, logs=None): self.seen.append(live())


def test_the_process_around_a_kernel_keeps_its_denormals():
    pydl.set_num_threads(4)
    x, y = draw("float32", 256, 300), RNG.integers(0, 10, 256)
    model = pydl.Sequential([layers.Input((300,)), layers.Dense(200, activation="relu"), layers.Dense(10)])
    model.compile(optimizer="adam", loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    look = Look()

    def seen_inside(y_true, y_pred):
        look.seen.append(live())                                    # between two kernels of an eager step
        return ops.mean(ops.square(y_pred))
    model.fit(x, y, batch_size=32, epochs=4, verbose=0, callbacks=[look])
    model.profile(x[:32], y[:32])
    model.compile(loss=seen_inside, run_eagerly=True)
    model.fit(x, y, batch_size=64, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="label"):                  # a kernel that fails gives it back as well
        model.compile(loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y + 50, verbose=0)
    assert len(look.seen) > 36 and all(look.seen) and live()
    others = []
    thread = threading.Thread(target=lambda: others.extend([live(), model.predict(x, verbose=0), live()]))
    thread.start()
    thread.join()
    assert others[0] and others[2]


def test_copies_keep_the_bits_of_denormals():
    x = np.array([1e-40, -1e-45, 0, 1], "float32")
    assert Tensor(x).numpy().tobytes() == x.tobytes()
    assert ops.reshape(x, (2, 2)).numpy().tobytes() == x.tobytes()
    layer = layers.Dense(4, use_bias=False)
    layer(np.ones((1, 1), "float32"))
    layer.set_weights([x[None]])
    assert layer.get_weights()[0].tobytes() == x.tobytes()


def fastest(f, repeats=30):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def test_updates_on_denormals_take_no_longer():
    """Gradients that vanish leave squares of 1e-40 behind: Adam took 12 times as long on them, a product 170 times."""
    pydl.set_num_threads(1)
    n = 100_000
    times = {}
    for gradient in (1e-2, 3e-19):
        w = pydl.Parameter(np.ones(n, "float32"), name="w")
        adam = pydl.optimizers.Adam()
        g = Tensor(np.full(n, gradient, "float32"))
        adam.apply_gradients([(g, w)])
        times[gradient] = fastest(lambda a=adam, g=g, w=w: a.apply_gradients([(g, w)]))
        x = Tensor(np.full((128, 256), 1e-40 if gradient < 1e-10 else 1, "float32"))
        times[gradient, "matmul"] = fastest(lambda x=x: ops.matmul(x, ops.ones((256, 256))))
    assert times[3e-19] < 3 * times[1e-2], times
    assert times[3e-19, "matmul"] < 3 * times[1e-2, "matmul"], times
