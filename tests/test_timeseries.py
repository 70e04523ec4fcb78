"""Windows of a series: what Keras 3.15 gives for the same arguments, and what training makes of them."""
import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.utils import timeseries_dataset_from_array

DATA, TARGETS = np.arange(20) * 10, np.arange(20) + 1000


@pytest.mark.parametrize("options, starts, step, batches", [           # batches: those of Keras, cut into its batches of 3
    (dict(sequence_length=4), range(17), 1, 6),
    (dict(sequence_length=4, sequence_stride=3), [0, 3, 6, 9, 12, 15], 1, 2),
    (dict(sequence_length=4, sampling_rate=2, sequence_stride=5), [0, 5, 10], 2, 1),
    (dict(sequence_length=3, start_index=5, end_index=12), [5, 6, 7, 8, 9], 1, 2),
    (dict(sequence_length=3, start_index=5, end_index=12, sampling_rate=2), [5, 6, 7], 2, 1),
    (dict(sequence_length=1, sequence_stride=7), [0, 7, 14], 1, 1),
    (dict(sequence_length=5, sampling_rate=4), [0, 1, 2, 3], 4, 2),
])
def test_windows_targets_and_batches_are_those_of_keras(options, starts, step, batches):
    expected = [[10 * (s + step * i) for i in range(options["sequence_length"])] for s in starts]
    dataset = timeseries_dataset_from_array(DATA, TARGETS, batch_size=3, **options)
    found = list(dataset)
    assert len(found) == len(dataset) == batches and all(len(x) == len(y) == 3 for x, y in found[:-1])
    assert [window for x, _ in found for window in x.tolist()] == expected
    assert [y for _, part in found for y in part.tolist()] == [1000 + s for s in starts]
    alone = list(timeseries_dataset_from_array(DATA, None, batch_size=3, **options))
    assert all(np.array_equal(x, a) for (x, _), a in zip(found, alone, strict=True))


def test_values_written_down_from_keras():
    found = list(timeseries_dataset_from_array(DATA, TARGETS, 4, sampling_rate=2, sequence_stride=5, batch_size=3))
    assert [(x.tolist(), y.tolist()) for x, y in found] == [([[0, 20, 40, 60], [50, 70, 90, 110], [100, 120, 140, 160]], [1000, 1005, 1010])]
    few = list(timeseries_dataset_from_array(DATA, TARGETS[:9], 4, sampling_rate=2, sequence_stride=5, batch_size=3))     # a window without a target
    assert [(x.tolist(), y.tolist()) for x, y in few] == [([[0, 20, 40, 60], [50, 70, 90, 110]], [1000, 1005])]
    single = list(timeseries_dataset_from_array(DATA, TARGETS, 2, batch_size=None, sequence_stride=6))
    assert [(x.tolist(), int(y)) for x, y in single] == [([0, 10], 1000), ([60, 70], 1006), ([120, 130], 1012), ([180, 190], 1018)]


def test_series_of_vectors_keep_their_axes_and_dtypes():
    x, y = timeseries_dataset_from_array(np.ones((9, 2, 3), "float32"), np.zeros((9, 5)), 4)[0]
    assert x.shape == (6, 4, 2, 3) and x.dtype == np.float32 and y.shape == (6, 5) and y.dtype == np.float64
    assert pydl.preprocessing.timeseries_dataset_from_array is timeseries_dataset_from_array
    with pytest.raises(IndexError, match="batches 0 to 0, got 1"):
        timeseries_dataset_from_array(DATA, None, 4)[1]


def test_shuffled_windows_are_a_function_of_seed_and_epoch():
    def windows(seed, epoch=0):
        dataset = timeseries_dataset_from_array(DATA, TARGETS, 3, batch_size=4, shuffle=True, seed=seed)
        dataset.epoch = epoch
        found = list(dataset)
        assert all((x[:, 0] // 10 + 1000 == y).all() for x, y in found)                   # each keeps its target
        return [first for x, _ in found for first in x[:, 0].tolist()]
    assert windows(3) == windows(3) != windows(4) and windows(3) != windows(3, epoch=1)
    assert sorted(windows(3)) == sorted(windows(3, epoch=1)) == (DATA[:18]).tolist()
    pydl.utils.set_random_seed(5)
    first = windows(None)
    pydl.utils.set_random_seed(5)
    assert windows(None) == first


class Seen(layers.Layer):
    """Writes down the first step of every window that comes by."""
    begun = []

    def call(self, x):
        self.begun.append(np.asarray(x)[:, 0, 0].tolist())
        return x


def test_fit_leaves_windows_in_the_order_of_time_and_takes_a_new_order_each_epoch_where_told():
    def begun(epochs, **options):
        Seen.begun = []
        model = pydl.Sequential([Seen(), layers.Flatten(), layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        data = np.arange(12.0)[:, None]
        model.fit(timeseries_dataset_from_array(data, data[3:], 3, batch_size=2, **options), epochs=epochs, verbose=0)
        return [first for batch in Seen.begun[-5 * epochs:] for first in batch]
    assert begun(2) == [*range(9), *range(9)]
    mixed = begun(2, shuffle=True, seed=1)
    assert sorted(mixed[:9]) == sorted(mixed[9:]) == list(range(9)) and mixed[:9] != mixed[9:] and mixed[:9] != list(range(9))


@pytest.mark.parametrize("workers, processes", [(0, False), (2, False), (1, True)])
def test_training_is_the_same_however_batches_are_fetched_and_as_on_arrays(workers, processes):
    data = np.sin(np.arange(60) / 3).astype("float32")[:, None]
    x = np.lib.stride_tricks.sliding_window_view(data[:-1, 0], 6)[..., None]

    def model():
        pydl.utils.set_random_seed(2)
        made = pydl.Sequential([layers.Input((6, 1)), layers.SimpleRNN(4), layers.Dense(1)])
        made.compile(pydl.optimizers.SGD(0.1), "mse")
        return made
    by_dataset, by_arrays = model(), model()
    dataset = timeseries_dataset_from_array(data, data[6:], 6, batch_size=16)
    dataset.workers, dataset.use_multiprocessing = workers, processes
    first = by_dataset.fit(dataset, epochs=3, verbose=0).history["loss"]
    assert first == by_arrays.fit(x, data[6:], epochs=3, batch_size=16, shuffle=False, verbose=0).history["loss"] and first[-1] < first[0]
    np.testing.assert_array_equal(by_dataset.predict(dataset), by_arrays.predict(x, batch_size=16))
    assert by_dataset.evaluate(dataset, verbose=0) == by_arrays.evaluate(x, data[6:], batch_size=16, verbose=0)


@pytest.mark.parametrize("options, words", [
    (dict(sequence_length=21), "20 steps of data hold no window of sequence_length 21"), (dict(sequence_length=6, sampling_rate=4), "reaches over 21"),
    (dict(sequence_length=4, start_index=17), "3 steps of data hold no window"), (dict(sequence_length=4, start_index=9, end_index=9), "end_index must be"),
    (dict(sequence_length=4, end_index=21), r"end_index must be .*20"), (dict(sequence_length=4, sequence_stride=20), "sequence_stride must be"),
    (dict(sequence_length=4, start_index=12, targets=TARGETS[:12]), "there are 12, and start_index is 12"),
])
def test_what_holds_no_window_is_an_error(options, words):
    with pytest.raises(ValueError, match=f"^timeseries_dataset_from_array: .*{words}"):
        timeseries_dataset_from_array(**{"data": DATA, "targets": TARGETS, **options})
