"""Many threads of Python, one model: right results, no deadlock, and lanes only where a step changes nothing but its results."""
import threading

import numpy as np
import pytest

import pydl
from pydl import capture, layers, ops


def network():
    return pydl.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(16, 3, padding="same"), layers.BatchNormalization(), layers.Activation("relu"),
                            layers.Conv2D(16, 3, padding="same", activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax")])


def at_once(work, count=8):
    """Run work(i) in so many threads, all let go at the same moment; raise what one of them raised."""
    errors, gate = [], threading.Barrier(count)

    def run(i):
        try:
            gate.wait(30)
            work(i)
        except BaseException as error:                                  # noqa: BLE001
            errors.append(error)
    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


@pytest.fixture
def four_lanes(monkeypatch):
    monkeypatch.setattr(capture, "MOST_LANES", 4)


@pytest.mark.parametrize("calls_before", [0, 1, 5])
def test_eight_threads_predict_with_one_model(calls_before, four_lanes):
    model, x = network(), np.random.default_rng(0).standard_normal((8, 16, 16, 3)).astype(np.float32)
    alone = network()
    alone.set_weights(model.get_weights())
    expected = [alone.predict(x[i:i + 1]) for i in range(8)]
    for _ in range(calls_before):
        model.predict(x[:1])
    right = np.zeros((8, 40), bool)

    def work(i):
        for k in range(40):
            right[i, k] = np.array_equal(model.predict(x[i:i + 1]), expected[i])
    at_once(work)
    assert right.all()
    (_, step), = model._steps.items()
    lanes = [step, *step.lanes.others]
    assert 1 <= len(lanes) <= 4 and len(step.lanes.idle) == len(lanes) and not step.lanes.holders
    assert step.nbytes == sum(lane.program.nbytes if lane.program else lane.arena.peak if lane.arena else 0 for lane in lanes)


def test_eight_threads_call_one_function(four_lanes):
    model = network()
    serve = pydl.function(lambda x: model(x), strict=True)
    x = np.random.default_rng(0).standard_normal((8, 16, 16, 3)).astype(np.float32)
    with pydl.no_grad():
        expected = [model(x[i:i + 1]).numpy() for i in range(8)]
        serve(x[:1])

    def work(i):
        with pydl.no_grad():
            for _ in range(30):
                assert np.array_equal(serve(x[i:i + 1]).numpy(), expected[i])
    at_once(work)


def test_a_step_that_changes_something_has_one_lane(four_lanes):
    """Noise from a stream, and a running sum kept in a layer: one after the other, none lost."""
    class Count(layers.Layer):
        def build(self, input_shape):
            self.total = self.add_weight((1,), "zeros", name="total", trainable=False)

        def call(self, x):
            pydl.backends.cpu.add(self.total.array, pydl.Tensor([1.0]).array, self.total.array)
            return x
    counting = pydl.Sequential([layers.Input((3,)), Count()])
    x, before = np.ones((1, 3), np.float32), counting.get_weights()[0]
    at_once(lambda i: [counting.predict(x) for _ in range(25)])
    assert counting.get_weights()[0] == before + 200
    (_, step), = counting._steps.items()
    assert not step.lanes.others
    noise = layers.Dropout(0.5, seed=1)
    noisy = pydl.function(lambda x: noise(x, training=True), strict=True)
    at_once(lambda i: [noisy(x) for _ in range(25)])
    assert [len(step.lanes.others) for _, step in noisy.programs.items()] == [0]


def test_threads_of_several_shapes_while_another_trains(four_lanes):
    served, trained = network(), network()
    trained.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).standard_normal((8, 16, 16, 3)).astype(np.float32)
    expected = [network_like(served).predict(x[:i + 1]) for i in range(8)]

    def work(i):
        if i == 7:
            trained.fit(x, np.arange(8) % 5, batch_size=2, epochs=5, verbose=0)
            return
        for _ in range(20):
            assert np.array_equal(served.predict(x[:i + 1]), expected[i])
    at_once(work)


def network_like(model):
    other = network()
    other.set_weights(model.get_weights())
    return other


def test_a_waiting_thread_is_woken_after_an_error(four_lanes, monkeypatch):
    monkeypatch.setattr(capture, "MOST_LANES", 1)
    model = pydl.Sequential([layers.Input((2,), dtype="int64"), layers.Embedding(5, 3)])
    good, bad = np.array([[1, 2]]), np.array([[1, 9]])
    for _ in range(3):
        model.predict(good)

    def work(i):
        for _ in range(20):
            if i % 2:
                assert model.predict(good).shape == (1, 2, 3)
            else:
                with pytest.raises(ValueError):
                    model.predict(bad)
    at_once(work)


def test_function_inside_itself():
    """A thread that holds a lane may ask for another."""
    depth = []

    def f(x, n):
        depth.append(n)
        return ops.add(x, 1.0) if n == 0 else g(x, n - 1) * 2.0
    g = pydl.function(f)
    x = np.ones(2, np.float32)
    assert [g(x, 2).numpy().tolist() for _ in range(5)] == [[8.0, 8.0]] * 5


def test_a_sample_like_one_before_is_served_by_the_model_as_it_is_now():
    """The short way skips the checks of data, never those of the model."""
    model, x = network(), np.random.default_rng(0).standard_normal((1, 16, 16, 3)).astype(np.float32)
    first = [model.predict(x) for _ in range(4)][-1]
    assert np.array_equal(model.predict(x[:, ::-1]), network_like(model).predict(np.ascontiguousarray(x[:, ::-1])))
    model.layers[2].activation = ops.tanh
    changed = model.predict(x)
    assert not np.array_equal(changed, first)
    model.add(layers.Dense(2))
    assert model.predict(x).shape == (1, 2)
    model.pop()
    assert np.array_equal(model.predict(x), changed)
    with pytest.raises(ValueError, match="declared"):
        model.predict(x[:, :8])
    assert np.allclose(model.predict(x.astype(np.float64)), changed, atol=1e-6)
    for rows in range(1, 40):
        assert model.predict(np.repeat(x, rows, axis=0)).shape == (rows, 5)
    assert np.array_equal(model.predict(x), changed) and len(model._steps) <= capture.MOST_PROGRAMS


@pytest.mark.parametrize("turn", [2, 3, 9, 10, 11, 100])
def test_a_bad_sample_at_any_turn_leaves_the_step_in_order(turn):
    """At the 10th and 100th run the step is recorded again: an error in there must not cost the results of later runs."""
    model = pydl.Sequential([layers.Input((2,), dtype="int64"), layers.Embedding(5, 3)])
    good, bad = np.array([[1, 2]]), np.array([[1, 9]])
    expected = model.predict(good)
    for run in range(2, 130):
        if run == turn:
            with pytest.raises(ValueError):
                model.predict(bad)
        else:
            assert np.array_equal(model.predict(good), expected)


def test_a_model_goes_with_its_arenas():
    import gc
    import weakref
    model, x = network(), np.zeros((1, 16, 16, 3), np.float32)
    for _ in range(4):
        model.predict(x)
    (_, step), = model._steps.items()
    gone = weakref.ref(step.program)
    gc.disable()
    try:
        del step, _
        model._steps.clear()
        assert gone() is None
    finally:
        gc.enable()


def test_a_function_called_with_and_without_gradients():
    """Inside no_grad the normalisation is folded, outside it is not: two recordings, neither spoils the other."""
    model, x = network(), np.random.default_rng(0).standard_normal((2, 16, 16, 3)).astype(np.float32)
    serve = pydl.function(lambda x: model(x), strict=True)
    for _ in range(6):
        outside = serve(x).numpy()
        with pydl.no_grad():
            inside = serve(x).numpy()
        assert np.array_equal(outside, model(x).numpy()) and np.array_equal(inside, model.predict(x))
    assert len(serve.programs) == 2
