"""TensorBoard's event files, read by a reader of a few lines; and by the program's own where it is installed."""
import os
import struct

import numpy as np
import pytest

import pydl
from pydl import callbacks as cb
from pydl import layers
from pydl.callbacks.tensorboard import masked_crc


def fields(data):
    """[(field, value)] of a message."""
    found, i = [], 0

    def varint(i):
        n = shift = 0
        while True:
            n |= (data[i] & 127) << shift
            i, shift = i + 1, shift + 7
            if data[i - 1] < 128:
                return n, i
    while i < len(data):
        key, i = varint(i)
        if key & 7 == 0:
            value, i = varint(i)
        elif key & 7 == 2:
            size, i = varint(i)
            value, i = data[i:i + size], i + size
        else:
            size = 8 if key & 7 == 1 else 4
            value, i = struct.unpack("<d" if size == 8 else "<f", data[i:i + size])[0], i + size
        found.append((key >> 3, value))
    return found


def events(folder):
    """{(tag, step): value} of all files of a folder; histograms as their fields."""
    found = {}
    for name in sorted(os.listdir(folder)):
        data, i, first = (folder / name).read_bytes(), 0, True
        while i < len(data):
            length, crc = struct.unpack("<QI", data[i:i + 12])
            assert crc == masked_crc(data[i:i + 8])
            record = data[i + 12:i + 12 + length]
            assert struct.unpack("<I", data[i + 12 + length:i + 16 + length])[0] == masked_crc(record)
            i += 16 + length
            event = dict(fields(record))
            assert event[1] > 1e9
            if first:
                assert event[3] == b"brain.Event:2"
                first = False
                continue
            for _, value in fields(event[5]):
                value = fields(value)
                tag, (kind, content) = value[0][1].decode(), value[1]
                found[tag, event.get(2, 0)] = content if kind == 2 else dict(fields(content))
    return found


def trained(folder, **options):
    pydl.utils.set_random_seed(1)
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4, name="first"), layers.Dense(1)])
    model.compile(pydl.optimizers.SGD(0.05), "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 3)), rng.standard_normal((40, 1))
    history = model.fit(x, y, batch_size=10, epochs=3, validation_split=0.2, verbose=0, callbacks=[cb.TensorBoard(folder, **options)])
    return model, history.history


def test_checksum():
    assert masked_crc(b"123456789") == (((0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF       # the known CRC-32C


def test_curves_of_epochs(tmp_path):
    _, history = trained(tmp_path)
    train, held_out = events(tmp_path / "train"), events(tmp_path / "validation")
    assert set(train) == {(tag, e) for tag in ("epoch_loss", "epoch_mae", "epoch_learning_rate") for e in range(3)}
    assert set(held_out) == {(tag, e) for tag in ("epoch_loss", "epoch_mae") for e in range(3)}
    for e in range(3):
        assert train["epoch_loss", e] == np.float32(history["loss"][e]) and held_out["epoch_mae", e] == np.float32(history["val_mae"][e])
        assert train["epoch_learning_rate", e] == np.float32(0.05)


def test_batches_speed_and_histograms(tmp_path):
    model, _ = trained(tmp_path, update_freq=2, histogram_freq=2, write_steps_per_second=True)
    train = events(tmp_path / "train")
    assert [step for tag, step in train if tag == "batch_loss"] == [2, 4, 6, 8, 10, 12]
    assert all(train["epoch_steps_per_second", e] > 0 for e in range(3))
    assert ("first/kernel/histogram", 1) not in train
    histogram, kernel = train["first/kernel/histogram", 2], model.layers[0].get_weights()[0].astype(np.float64)
    assert (histogram[1], histogram[2], histogram[3]) == (kernel.min(), kernel.max(), 12)
    assert histogram[4] == pytest.approx(kernel.sum()) and histogram[5] == pytest.approx((kernel**2).sum())
    limits, counts = (np.frombuffer(histogram[i], "<f8") for i in (6, 7))
    assert len(limits) == len(counts) == 30 and counts.sum() == 12
    np.testing.assert_array_equal(np.cumsum(counts)[:-1], [(kernel <= edge).sum() for edge in limits[:-1]])


def test_odd_values_and_another_fit(tmp_path):
    board = cb.TensorBoard(tmp_path, histogram_freq=1)

    class Weight:
        def numpy(self):
            return np.array([np.nan, 1.0, 1.0])

    class Model:
        optimizer = None

        def named_weights(self):
            return [("w", Weight())]
    board.set_model(Model())
    for _ in range(2):
        board.on_train_begin()
        board.on_epoch_end(0, {"loss": float("nan"), "f1": [0.5, 1.0], "big": 1e300})
        board.on_train_end()
    found = events(tmp_path / "train")
    assert np.isnan(found["epoch_loss", 0]) and found["epoch_f1_1", 0] == 1.0 and found["epoch_big", 0] == np.inf and found["w/histogram", 0][3] == 2
    assert len(os.listdir(tmp_path / "train")) == 2 and not (tmp_path / "validation").exists()


@pytest.mark.parametrize("options, error", [({"log_dir": 3}, TypeError), ({"log_dir": ""}, TypeError), ({"histogram_freq": -1}, ValueError),
                                            ({"update_freq": "often"}, ValueError), ({"update_freq": 0}, ValueError),
                                            ({"write_steps_per_second": 1}, TypeError)])
def test_bad_arguments(options, error):
    with pytest.raises(error, match=next(iter(options))):
        cb.TensorBoard(**options)


def test_the_programs_own_reader(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _, history = trained(tmp_path, histogram_freq=1)
    reader = accumulator.EventAccumulator(str(tmp_path / "train"))
    reader.Reload()
    assert [e.value for e in reader.Scalars("epoch_loss")] == [np.float32(v) for v in history["loss"]]
    assert reader.Histograms("first/kernel/histogram")[-1].histogram_value.num == 12
