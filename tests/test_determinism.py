"""The answer does not depend on the machine's mood: threads, replay, processes, layouts of arrays, forks, signals."""
import hashlib
import os
import signal
import threading
import time

import numpy as np
import pytest
from child import run_python

import pydl
from pydl import layers
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level

RNG = np.random.default_rng(3)
X = RNG.standard_normal((150, 8, 8, 1)).astype("float32")
Y = RNG.integers(0, 4, 150)


def network(dropout=0.3, optimizer=None, run_eagerly=False, seed=11):
    """A small network of every kind of layer, the same each time."""
    pydl.utils.set_random_seed(seed)
    parts = [layers.Input((8, 8, 1)), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(),
             layers.Conv2D(4, 3), layers.LeakyReLU(), layers.Flatten(), layers.Dropout(dropout), layers.Dense(12, activation="tanh"), layers.Dense(4)]
    model = pydl.Sequential(parts)
    model.compile(optimizer=optimizer or pydl.optimizers.Adam(0.01), loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"],
                  run_eagerly=run_eagerly)
    return model


def trained(epochs=3, **options):
    """(weights, history) after fit; 150 rows in batches of 32 leave a smaller last one."""
    model = network(**options)
    history = model.fit(X, Y, batch_size=32, epochs=epochs, verbose=0, validation_split=0.2).history
    return model.get_weights(), history


def assert_same(a, b):
    for one, other in zip(a[0], b[0], strict=True):
        assert one.tobytes() == other.tobytes(), f"largest difference {np.abs(one - other).max()}"
    assert a[1] == b[1]


@pytest.fixture
def restored():
    threads, level = pydl.get_num_threads(), get_cpu_level()
    yield
    pydl.set_num_threads(threads)
    set_cpu_level(level)


# ---- training

@pytest.mark.parametrize("level", cpu_levels())
def test_training_with_1_2_and_4_threads_is_bit_equal(level, restored):
    set_cpu_level(level)
    results = []
    for count in (1, 2, 4, 3):
        pydl.set_num_threads(count)
        results.append(trained())
    for other in results[1:]:
        assert_same(results[0], other)


def test_training_twice_is_bit_equal():
    assert_same(trained(), trained())


def test_another_seed_is_another_training():
    assert trained(seed=11)[0][0].tobytes() != trained(seed=12)[0][0].tobytes()


@pytest.mark.parametrize("optimizer", [lambda: pydl.optimizers.SGD(0.05, momentum=0.9, nesterov=True), lambda: pydl.optimizers.RMSprop(0.005),
                                       lambda: pydl.optimizers.Adam(0.01, clipnorm=1.0)], ids=["nesterov", "rmsprop", "adam-clipnorm"])
def test_replayed_training_is_the_eager_one(optimizer):
    assert_same(trained(optimizer=optimizer()), trained(optimizer=optimizer(), run_eagerly=True))


def test_training_is_replayed_at_all():
    model = network()
    model.fit(X, Y, batch_size=32, epochs=3, verbose=0, validation_split=0.2)
    assert sum(what.startswith("train step") for what, _ in model.recorded_steps()) == 2           # batches of 32, and of the rest


def test_the_environments_thread_count_does_not_matter():
    code = """
        import hashlib, numpy as np, test_determinism as t
        weights, history = t.trained(epochs=2)
        print(hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest(), history["loss"])
    """
    said = {run_python(code, **{"OMP_NUM_THREADS": n}).stdout for n in ("1", "4", "junk")} | {run_python(code, PYDL_NUM_THREADS=3).stdout}
    assert len(said) == 1 and len(said.pop()) > 64


@pytest.mark.parametrize("optimizer", ["Adam(0.01)", "SGD(0.05, momentum=0.9)", "RMSprop(0.005)"])
def test_two_epochs_and_two_in_another_process_are_four(optimizer, tmp_path):
    """Adam, dropout and shuffle: what is saved between is enough to go on as if nothing had been."""
    first = """
        import sys, pydl, test_determinism as t
        model = t.network(optimizer=eval("pydl.optimizers." + sys.argv[2]))
        model.fit(t.X, t.Y, batch_size=32, epochs=2, verbose=0)
        model.save(sys.argv[1])
    """
    second = """
        import sys, numpy as np, pydl, test_determinism as t
        model = pydl.models.load_model(sys.argv[1])
        history = model.fit(t.X, t.Y, batch_size=32, epochs=2, verbose=0)
        np.savez(sys.argv[2], *model.get_weights(), loss=history.history["loss"])
    """
    run_python(first, tmp_path / "half.pydl", optimizer)
    run_python(second, tmp_path / "half.pydl", tmp_path / "resumed.npz")
    whole = network(optimizer=eval("pydl.optimizers." + optimizer))
    history = whole.fit(X, Y, batch_size=32, epochs=4, verbose=0)
    resumed = np.load(tmp_path / "resumed.npz")
    for i, w in enumerate(whole.get_weights()):
        assert resumed[f"arr_{i}"].tobytes() == w.tobytes()
    assert list(resumed["loss"]) == history.history["loss"][2:]


def test_saving_in_between_changes_nothing(tmp_path):
    plain = network()
    plain.fit(X, Y, epochs=2, verbose=0)
    saved = network()
    saved.fit(X, Y, epochs=1, verbose=0)
    saved.save(tmp_path / "m.pydl")
    saved.predict(X[:7])
    saved.evaluate(X, Y, verbose=0)
    saved.fit(X, Y, epochs=1, verbose=0)
    for a, b in zip(plain.get_weights(), saved.get_weights()):
        assert a.tobytes() == b.tobytes()


# ---- arrays

def odd_arrays():
    """[(name, the same values in another guise, which values)]."""
    whole = np.round(X * 50).clip(-100, 100)
    wide = np.zeros((300, 8, 16, 1), "float32")
    wide[::2, :, ::2] = X
    locked = X.copy()
    locked.flags.writeable = False
    raw = np.zeros(X.nbytes + 1, np.uint8)
    shifted = np.ndarray(X.shape, X.dtype, buffer=raw.data, offset=1)
    shifted[...] = X

    class Subclass(np.ndarray):
        pass
    return {"F-order": (np.asfortranarray(X), X), "strided": (wide[::2, :, ::2], X), "negative stride": (X[::-1].copy()[::-1], X), "read-only": (locked, X),
            "misaligned": (shifted, X), "big-endian": (X.astype(">f4"), X), "float64": (X.astype("float64"), X), "longdouble": (X.astype("longdouble"), X),
            "float16": (whole.astype("float16"), whole), "int8": (whole.astype("int8"), whole), "int16": (whole.astype("int16"), whole),
            "int64": (whole.astype("int64"), whole), "big-endian int": (whole.astype(">i4"), whole), "uint8": (np.abs(whole).astype("uint8"), np.abs(whole)),
            "bool": (whole > 0, (whole > 0).astype("float32")), "zero stride": (np.broadcast_to(X[:1], X.shape), np.repeat(X[:1], 150, 0)),
            "subclass": (X.view(Subclass), X), "transposed": (np.ascontiguousarray(X.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0), X),
            "lists": (X.tolist(), X)}


@pytest.fixture(scope="module")
def ready():
    model = network()
    model.fit(X, Y, epochs=1, verbose=0)
    return model


@pytest.mark.parametrize("name", list(odd_arrays()))
def test_any_array_gives_the_same_prediction(ready, name):
    given, plain = odd_arrays()[name]
    before = np.array(given)
    want = ready.predict(np.ascontiguousarray(plain, "float32"))
    got = ready.predict(given)
    assert got.dtype == np.float32
    assert got.tobytes() == want.tobytes()
    np.testing.assert_array_equal(np.array(given), before)
    assert ready.evaluate(given, Y, verbose=0) == ready.evaluate(np.ascontiguousarray(plain, "float32"), Y, verbose=0)


def test_a_memmap_is_predicted_and_trained_alike(ready, tmp_path):
    X.tofile(tmp_path / "x.raw")
    mapped = np.memmap(tmp_path / "x.raw", "float32", "r", shape=X.shape)
    assert ready.predict(mapped).tobytes() == ready.predict(X).tobytes()
    models = [network(), network()]
    for model, x in zip(models, (mapped, X)):
        model.fit(x, Y, epochs=1, verbose=0)
    for a, b in zip(models[0].get_weights(), models[1].get_weights()):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", ["F-order", "strided", "read-only", "big-endian", "float64", "misaligned"])
def test_any_array_trains_alike(name):
    results = []
    for x in odd_arrays()[name]:
        model = network()
        model.fit(x, Y, epochs=1, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results):
        assert a.tobytes() == b.tobytes()


def test_a_batch_may_be_cut_anywhere(ready):
    want = ready.predict(X, batch_size=150)
    for size in (1, 7, 64, 149):
        np.testing.assert_allclose(ready.predict(X, batch_size=size), want, rtol=1e-4, atol=1e-5)


def test_results_outlive_their_model():
    model = network()
    prediction, weights = model.predict(X), model.get_weights()
    kept = prediction.copy(), [w.copy() for w in weights]
    model.fit(X, Y, epochs=1, verbose=0)
    model.predict(X[::-1].copy())
    del model
    np.testing.assert_array_equal(prediction, kept[0])
    for a, b in zip(weights, kept[1]):
        np.testing.assert_array_equal(a, b)


# ---- processes, threads, signals

@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_after_use():
    """libgomp hangs in a forked child whose parent had used threads, unless they were given up before."""
    code = """
        import os, signal, sys, numpy as np, pydl, test_determinism as t
        pydl.set_num_threads(4)
        model = t.network()
        model.fit(t.X, t.Y, epochs=1, verbose=0)
        want = model.predict(t.X)
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                same = model.predict(t.X).tobytes() == want.tobytes()
                model.fit(t.X, t.Y, epochs=1, verbose=0)
                os._exit(0 if same else 3)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert model.predict(t.X).tobytes() == want.tobytes()
        print("done")
    """
    assert run_python(code).stdout.strip() == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_while_other_threads_are_inside_a_step():
    """They hold recorded steps that nobody gives back in the child: it must not wait for them."""
    code = """
        import os, signal, threading, time, warnings, numpy as np, pydl, test_determinism as t
        warnings.simplefilter("ignore", DeprecationWarning)
        pydl.set_num_threads(4)
        model = t.network()
        model.fit(t.X, t.Y, epochs=1, verbose=0)
        want = model.predict(t.X)
        double = pydl.function(lambda x: x * 2)
        over = threading.Event()
        def work():
            while not over.is_set():
                model.predict(t.X)
                double(pydl.Tensor(t.X))
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        wrong = []
        for k in range(20):
            time.sleep(0.003 * k)
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                same = model.predict(t.X).tobytes() == want.tobytes() and (double(pydl.Tensor(t.X)).numpy() == 2 * t.X).all()
                model.fit(t.X, t.Y, epochs=1, verbose=0)
                os._exit(0 if same else 3)
            wrong.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            if wrong[-1]:
                break
        over.set()
        print(wrong[-1], len(wrong))
    """
    assert run_python(code).stdout.strip() == "0 20"


def test_fork_pool_after_use():
    code = """
        import multiprocessing, numpy as np, pydl, test_determinism as t
        pydl.set_num_threads(4)
        model = t.network()
        model.fit(t.X, t.Y, epochs=1, verbose=0)
        want = model.predict(t.X)
        def work(part):
            return model.predict(t.X[part::4])
        with multiprocessing.get_context("fork").Pool(2) as pool:
            parts = pool.map_async(work, range(4)).get(60)
        for i, part in enumerate(parts):
            assert part.tobytes() == model.predict(t.X[i::4]).tobytes()
        print("done")
    """
    assert run_python(code).stdout.strip() == "done"


def test_threads_predict_as_one_does(ready):
    parts = [X[i::5] for i in range(5)] + [X[:1], X[:33]]
    want = [ready.predict(part).tobytes() for part in parts]
    wrong, errors = [], []

    def work(i):
        try:
            for k in range(60):
                j = (i + k) % len(parts)
                if ready.predict(parts[j]).tobytes() != want[j]:
                    wrong.append((i, k))
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors and not wrong


def test_threads_each_train_a_model_of_their_own():
    models = [network(seed=20 + i) for i in range(3)]
    want = []
    for i in range(3):
        model = network(seed=20 + i)
        model.fit(X, Y, epochs=2, verbose=0)
        want.append(model.get_weights())
    threads = [threading.Thread(target=model.fit, args=(X, Y), kwargs={"epochs": 2, "verbose": 0}) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for model, weights in zip(models, want):
        for a, b in zip(model.get_weights(), weights):
            assert a.tobytes() == b.tobytes()


def test_predict_while_another_thread_trains():
    model, errors = network(), []
    stop = threading.Event()

    def look():
        try:
            while not stop.is_set():
                assert np.isfinite(model.predict(X[:16])).all()
        except BaseException as error:
            errors.append(error)
    thread = threading.Thread(target=look)
    thread.start()
    model.fit(X, Y, epochs=5, verbose=0)
    stop.set()
    thread.join(30)
    assert not errors


def test_the_interpreter_ends_while_threads_are_busy():
    code = """
        import threading, time, pydl, test_determinism as t
        models = [t.network() for _ in range(2)]
        def work(model):
            while True:
                model.fit(t.X, t.Y, epochs=1, verbose=0)
                model.predict(t.X)
        for model in models:
            threading.Thread(target=work, args=(model,), daemon=True).start()
        time.sleep(0.7)
        print("end", flush=True)
    """
    for _ in range(2):
        done = run_python(code)
        assert done.stdout.strip() == "end"
        assert done.stderr == ""


def test_an_import_leaves_the_floating_point_unit_alone():
    code = """
        import numpy as np
        import pydl, test_determinism as t
        tiny = np.float32(1e-42)
        assert tiny * np.float32(1) != 0
        model = t.network()
        model.fit(t.X, t.Y, epochs=1, verbose=0)
        assert tiny * np.float32(1) != 0 and np.float64(5e-324) * 1 != 0
        assert not pydl.ops.multiply(np.full(100, 1e-42, "float32"), np.float32(1)).numpy().any()      # a kernel takes it for 0 (test_denormals.py)
        assert tiny * np.float32(1) != 0
    """
    run_python(code)


class Press(pydl.callbacks.Callback):
    """Ctrl-C from within: a real signal, at a batch."""

    def __init__(self, batch):
        super().__init__()
        self.batch, self.count = batch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count == self.batch:
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_leaves_the_weights_of_a_whole_step():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    stopped, limited = network(), network()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, Y, batch_size=32, epochs=9, verbose=0, callbacks=[Press(4)])
    limited.fit(X, Y, batch_size=32, epochs=1, verbose=0, steps_per_epoch=4)
    for a, b in zip(stopped.get_weights(), limited.get_weights()):
        assert a.tobytes() == b.tobytes()
    before = stopped.evaluate(X, Y, verbose=0)[0]
    stopped.fit(X, Y, epochs=8, verbose=0)
    assert stopped.evaluate(X, Y, verbose=0)[0] < before


def test_ctrl_c_at_any_moment():
    """The signal comes from another thread, within C most of the time; fit ends within a second and the model is usable."""
    model = network()
    model.fit(X, Y, epochs=1, verbose=0)
    for delay in (0.01, 0.05, 0.13):
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        pressed = time.monotonic() + delay
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=100_000, verbose=0)
        assert time.monotonic() - pressed < 5                   # one second on a machine that is not loaded
        timer.join()
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert np.isfinite(model.fit(X, Y, epochs=1, verbose=0).history["loss"]).all()


class Break(pydl.callbacks.Callback):
    def __init__(self, hook):
        super().__init__()
        setattr(self, hook, self.fail)

    def fail(self, *args, **kwargs):
        raise ZeroDivisionError("mine")


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end", "on_train_end"])
def test_an_exception_of_a_callback_comes_out_unchanged(hook):
    model = network()
    with pytest.raises(ZeroDivisionError, match="mine"):
        model.fit(X, Y, epochs=1, verbose=0, callbacks=[Break(hook)])
    assert np.isfinite(model.fit(X, Y, epochs=1, verbose=0).history["loss"]).all()


class Ask(pydl.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.seen = self.model.predict(X[:3]), self.model.evaluate(X[:10], Y[:10], verbose=0)


def test_predict_and_evaluate_inside_a_callback_do_not_disturb_training():
    asked, plain = network(), network()
    callback = Ask()
    a = asked.fit(X, Y, epochs=2, verbose=0, callbacks=[callback]).history
    b = plain.fit(X, Y, epochs=2, verbose=0).history
    for one, other in zip(asked.get_weights(), plain.get_weights()):
        assert one.tobytes() == other.tobytes()
    assert a == b
    assert callback.seen[0].shape == (3, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_data_that_is_not_finite_does_no_harm(value):
    x = X.copy()
    x[3] = value
    model = network(dropout=0.0)
    model.fit(x, Y, epochs=2, verbose=0)
    model.predict(x)
    fresh = network()
    assert np.isfinite(fresh.fit(X, Y, epochs=1, verbose=0).history["loss"]).all()


def test_another_process_predicts_alike(ready, tmp_path):
    ready.save(tmp_path / "model.pydl")
    code = """
        import sys, hashlib, pydl, test_determinism as t
        print(hashlib.sha256(pydl.models.load_model(sys.argv[1]).predict(t.X).tobytes()).hexdigest())
    """
    assert run_python(code, tmp_path / "model.pydl").stdout.strip() == hashlib.sha256(ready.predict(X).tobytes()).hexdigest()
