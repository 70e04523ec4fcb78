"""fit, evaluate and predict on a PyDataset, a generator and an iterable: the bits of arrays, whatever fetches the batches."""
import itertools
import os
import threading
import time

import numpy as np
import pytest

import pydl
from pydl import callbacks as cb
from pydl import layers
from pydl.data.dataset import Ahead, is_stream

RNG = np.random.default_rng(2)
X = RNG.standard_normal((50, 4)).astype("float32")
Y = RNG.integers(0, 3, 50)
W = RNG.uniform(0.5, 2, 50).astype("float32")
SIZE = 8                                # the last of seven batches has two rows


class Rows(pydl.utils.PyDataset):
    def __init__(self, weights=False, rest=0.0, count=7, **options):
        super().__init__(**options)
        self.weights, self.rest, self.count, self.told, self.threads = weights, rest, count, [], set()

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        time.sleep(self.rest * (i % 3))
        self.threads.add(threading.current_thread().name)
        part = slice(i * SIZE, (i + 1) * SIZE)
        return (X[part], Y[part], W[part]) if self.weights else (X[part], Y[part])

    def on_epoch_begin(self):
        self.told.append(("begin", self.epoch))

    def on_epoch_end(self):
        self.told.append(("end", self.epoch))


def pairs(times=1):
    for _ in range(times):
        for i in range(0, 50, SIZE):
            yield X[i:i + SIZE], Y[i:i + SIZE]


class Again:
    """Something to go through more than once."""

    def __iter__(self):
        return pairs()


def network(inputs=True):
    pydl.utils.set_random_seed(5)
    model = pydl.Sequential([*([layers.Input((4,))] if inputs else []), layers.Dense(6, activation="tanh"), layers.Dropout(0.2), layers.Dense(3)])
    model.compile(pydl.optimizers.Adam(0.01), pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def fitted(x=X, y=None, inputs=True, **options):
    model = network(inputs)
    history = model.fit(x, y, verbose=0, **{"epochs": 3, "shuffle": False, **options}).history
    return [w.tobytes() for w in model.get_weights()], history


@pytest.mark.parametrize("make, options", [
    (lambda: Rows(), {}), (lambda: Rows(workers=0), {}), (lambda: Rows(workers=3, rest=0.002, max_queue_size=2), {}),
    (lambda: Rows(workers=2, use_multiprocessing=True), {}), (lambda: Again(), {}), (lambda: pairs(9), {"steps_per_epoch": 7}),
    (lambda: itertools.cycle(list(pairs())), {"steps_per_epoch": 7}),
], ids=["thread", "main", "threads", "processes", "iterable", "generator", "endless"])
def test_the_bits_are_those_of_arrays(make, options):
    want = fitted(X, Y, batch_size=SIZE)
    assert fitted(make(), **options) == want
    model, data = network(), make()
    plain = network().evaluate(X, Y, batch_size=SIZE, verbose=0)
    assert model.evaluate(data, steps=options.get("steps_per_epoch"), verbose=0) == plain
    np.testing.assert_array_equal(model.predict(make(), steps=options.get("steps_per_epoch")), network().predict(X))


def test_a_model_learns_its_shapes_from_the_first_batch():
    assert fitted(Rows(), inputs=False) == fitted(X, Y, batch_size=SIZE, inputs=False)


def test_weights_of_samples_and_classes_count():
    weight = {0: 2.0, 2: 0.5}
    assert fitted(Rows(weights=True), class_weight=weight) == fitted(X, Y, batch_size=SIZE, sample_weight=W, class_weight=weight)


def test_shuffled_batches_are_a_function_of_the_seed():
    one, other = fitted(Rows(workers=3, rest=0.001), shuffle=True), fitted(Rows(), shuffle=True)
    assert one == other != fitted(Rows())


def test_a_dataset_is_told_of_epochs_and_asked_by_threads_of_its_own():
    data = Rows(workers=2, rest=0.001)
    fitted(data, epochs=2)
    assert data.told == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]
    assert data.threads and all(name.startswith("pydl-data") for name in data.threads)
    assert not [t for t in threading.enumerate() if t.name.startswith("pydl-data")], "threads are left"


def test_processes_draw_numbers_that_belong_to_the_batch():
    class Noisy(Rows):
        def __getitem__(self, i):
            return X[:SIZE] + np.random.standard_normal((SIZE, 4)).astype("float32"), Y[:SIZE]
    one, other = (fitted(Noisy(workers=n, use_multiprocessing=True), epochs=2) for n in (1, 3))
    assert one == other
    assert len(set(one[1]["loss"])) == 2


def test_validation_by_a_dataset_a_generator_and_steps():
    want = fitted(X, Y, batch_size=SIZE, validation_data=(X, Y), validation_batch_size=SIZE)
    assert fitted(X, Y, batch_size=SIZE, validation_data=Rows(workers=2)) == want
    assert fitted(Rows(), validation_data=Again()) == want
    assert fitted(Rows(), validation_data=pairs(3), validation_steps=7) == want
    some = fitted(Rows(), validation_data=Rows(), validation_steps=2, validation_freq=[2])[1]
    assert len(some["val_loss"]) == 1 and some["val_loss"] != want[1]["val_loss"][1:2]
    with pytest.raises(ValueError, match="validation_data.*no batches left.*validation_steps"):
        fitted(Rows(), validation_data=pairs())


def test_not_more_is_taken_from_a_generator_than_is_used():
    taken = []

    def counted():
        for i in itertools.count():
            taken.append(i)
            yield X[:SIZE], Y[:SIZE]
    fitted(counted(), steps_per_epoch=4, epochs=3)
    assert taken == list(range(12))


def test_a_generator_that_runs_out_ends_the_training_with_a_warning():
    with pytest.warns(UserWarning, match=r"x ran out of batches in epoch 2, after 3 of 4"):
        history = fitted(pairs(1), steps_per_epoch=4, epochs=5)[1]
    assert len(history["loss"]) == 2
    with pytest.warns(UserWarning, match="after 0 of at least one"):
        assert len(fitted(pairs(), epochs=2)[1]["loss"]) == 1


def test_stopping_early_and_callbacks():
    class Stop(cb.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2
    data = Rows(workers=3, rest=0.005)
    model = network()
    assert model.fit(data, epochs=3, callbacks=[Stop()], verbose=0).epoch == [0]
    assert data.told == [("begin", 0), ("end", 0)]
    model.fit(data, epochs=2, verbose=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_of_the_data_comes_through_and_leaves_a_usable_model(workers):
    class Broken(Rows):
        def __getitem__(self, i):
            if i == 4:
                raise ZeroDivisionError("batch four")
            return super().__getitem__(i)
    model = network()
    with pytest.raises(ZeroDivisionError, match="batch four"):
        model.fit(Broken(workers=workers), verbose=0)
    model.fit(X, Y, verbose=0)

    def broken():
        yield from pairs()
        raise KeyError("from the generator")
    with pytest.raises(KeyError, match="from the generator"):
        model.fit(broken(), verbose=0)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_goes_wrong_in_a_process_comes_through(workers):
    """An exception, a process that dies, a batch that cannot be sent: each ends the fit, and the next one works."""
    class Raises(Rows):
        def __getitem__(self, i):
            if i == 4:
                raise ZeroDivisionError("batch four")
            return super().__getitem__(i)

    class Dies(Rows):
        def __getitem__(self, i):
            return os._exit(3) if i == 4 else super().__getitem__(i)

    class CannotBeSent(Rows):
        def __getitem__(self, i):
            return (X[:SIZE], lambda: 0) if i == 4 else super().__getitem__(i)
    model = network()
    for cls, error in ((Raises, ZeroDivisionError), (Dies, RuntimeError), (CannotBeSent, (AttributeError, TypeError, ValueError))):
        with pytest.raises(error):
            model.fit(cls(workers=workers, use_multiprocessing=True), verbose=0)
        assert model.fit(Rows(workers=workers, use_multiprocessing=True), verbose=0).epoch == [0]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_are_fetched_while_steps_run(workers):
    """While batch i trains, batch i + 1 is being made: seen by one that waits for the other; without workers it is made afterwards."""
    made = [threading.Event() for _ in range(13)]

    class Told(Rows):
        def __getitem__(self, i):
            made[i].set()
            return X[:SIZE], Y[:SIZE]
    ahead = []
    seen = cb.LambdaCallback(on_train_batch_end=lambda batch, logs: ahead.append(made[batch + 1].wait(10 if workers and batch < 11 else 0)))
    network().fit(Told(count=12, workers=workers, max_queue_size=2), callbacks=[seen], shuffle=False, verbose=0)
    assert ahead == [bool(workers)] * 11 + [False]


def test_what_is_a_stream():
    assert is_stream(Rows()) and is_stream(pairs()) and is_stream(Again()) and is_stream(iter([1]))
    assert not any(is_stream(x) for x in (X, X.tolist(), {"a": X}, (X, X), range(8), memoryview(X), None, pydl.Tensor(X), 3.0, "text", {1}))


def test_ahead_keeps_the_order_and_its_bound():
    from concurrent.futures import ThreadPoolExecutor
    running, most = [], []

    def work(i):
        running.append(i)
        most.append(len(running) - handed[0])
        time.sleep(0.001 * (i % 4))
        return i * i
    handed = [0]
    with ThreadPoolExecutor(4) as pool:
        results = []
        for value in Ahead(pool, work, range(30), 5):
            handed[0] += 1
            results.append(value)
    assert results == [i * i for i in range(30)] and max(most) <= 6


class NoLength(pydl.utils.PyDataset):
    def __getitem__(self, i):
        return X, Y


@pytest.mark.parametrize("call, error, words", [
    (lambda m: m.fit(Rows(), Y), TypeError, "y must not be given"),
    (lambda m: m.fit(Rows(), batch_size=4), TypeError, "batch_size must not be given"),
    (lambda m: m.fit(Rows(), sample_weight=W), TypeError, "sample_weight must not be given"),
    (lambda m: m.fit(Rows(), validation_split=0.1), ValueError, "pass validation_data"),
    (lambda m: m.fit(Rows), TypeError, "call it"),
    (lambda m: m.fit(pairs), TypeError, "call it"),
    (lambda m: m.fit(iter([])), ValueError, "gave no batch"),
    (lambda m: m.fit(iter([X])), TypeError, "y is required"),
    (lambda m: m.fit(iter([(X, Y, W, W)])), ValueError, "got 4 parts"),
    (lambda m: m.fit(iter([(X[:, :2], Y)])), ValueError, r"declared \(None, 4\)"),
    (lambda m: m.fit(iter([(X, Y[:3])])), ValueError, "rows"),
    (lambda m: m.fit(iter([(X, Y + 1)])), ValueError, "3"),
    (lambda m: m.fit(Rows(count=0)), ValueError, "no batches"),
    (lambda m: m.fit(NoLength()), TypeError, "define __len__"),
    (lambda m: m.fit(X, Y, validation_freq=[0]), ValueError, "validation_freq"),
    (lambda m: m.evaluate(Rows(), Y, verbose=0), TypeError, "y must not be given"),
    (lambda m: m.evaluate(iter([]), verbose=0), ValueError, "gave no batch"),
    (lambda m: m.evaluate(Rows(), steps=0, verbose=0), ValueError, "steps"),
    (lambda m: m.predict(Rows(), batch_size=3), TypeError, "batch_size must not be given"),
    (lambda m: m.predict(Rows(), steps=0), ValueError, "steps"),
    (lambda m: pydl.utils.PyDataset(workers=-1), ValueError, "workers"),
    (lambda m: pydl.utils.PyDataset(use_multiprocessing=1), TypeError, "use_multiprocessing"),
    (lambda m: pydl.utils.PyDataset(max_queue_size=0), ValueError, "max_queue_size"),
])
def test_bad_calls(call, error, words):
    model = network()
    before = model.get_weights()
    with pytest.raises(error, match=words):
        call(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.fit(Rows(), verbose=0)


def test_a_bad_label_late_in_a_stream_names_the_fit_and_stops():
    def late():
        yield X, Y
        yield X, Y + 3
    with pytest.raises(ValueError, match="fit.*3"):
        network().fit(late(), verbose=0)
