"""TensorBoard: curves and histograms of a training, in the event files that the program `tensorboard` shows.

The files are written here, so writing them needs no other package; looking at them does: `pip install "pydl-nn[tensorboard]"`, then
`tensorboard --logdir logs`.  A file is a row of records: length, checksum, bytes, checksum; the bytes are a message of protocol buffers.
"""
import os
import socket
import struct
import time

import numpy as np

from pydl.callbacks.base import Callback
from pydl.errors import boolean, non_negative_int, positive_int, show

BINS = 30


def _crc_table():
    """Of CRC-32C: the remainders of every byte under the reversed polynomial 0x82F63B78."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


def masked_crc(data):
    """The checksum of a record: CRC-32C, turned by 15 bits and shifted, so that the checksum of a checksum is no odd number."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# ---- protocol buffers: a field is its number and kind, then the value

def _varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _integer(field, n):
    return _varint(field << 3) + _varint(n)


def _double(field, x):
    return _varint(field << 3 | 1) + struct.pack("<d", x)


def _float(field, x):
    with np.errstate(over="ignore"):
        return _varint(field << 3 | 5) + struct.pack("<f", np.float32(x))


def _bytes(field, data):
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _scalar(tag, value):
    return _bytes(1, _bytes(1, tag) + _float(2, value))


def _histogram(tag, values):
    """The message of a histogram of BINS equal bins."""
    values = np.asarray(values, np.float64).ravel()
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    counts, edges = np.histogram(values, BINS, (low, high) if high > low else (low - 0.5, low + 0.5))
    message = b"".join(_double(i, float(x)) for i, x in enumerate((low, high, values.size, values.sum(), np.square(values).sum()), 1))
    message += _bytes(6, edges[1:].astype("<f8").tobytes()) + _bytes(7, counts.astype("<f8").tobytes())
    return _bytes(1, _bytes(1, tag) + _bytes(5, message))


class EventFile:
    """One file of events; made with its folder at the first write."""

    def __init__(self, folder):
        self.folder, self.stream = folder, None

    def write(self, step, values):
        """Add the values (messages of a summary) of a step."""
        if self.stream is None:
            os.makedirs(self.folder, exist_ok=True)
            name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{time.monotonic_ns()}.v2"
            self.stream = open(os.path.join(self.folder, name), "wb")
            self._record(_double(1, time.time()) + _bytes(3, "brain.Event:2"))
        self._record(_double(1, time.time()) + _integer(2, step) + _bytes(5, b"".join(values)))

    def _record(self, data):
        length = struct.pack("<Q", len(data))
        self.stream.write(length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data)))

    def flush(self):
        """Let readers see what was written."""
        if self.stream is not None:
            self.stream.flush()

    def close(self):
        """Close the file; the next write begins another."""
        if self.stream is not None:
            self.stream.close()
        self.stream = None


class TensorBoard(Callback):
    """Write the logs of each epoch, and of batches and histograms of weights if asked for, for TensorBoard.

    Curves are called epoch_loss and so on, in log_dir/train and log_dir/validation, as Keras calls them; those of batches batch_loss,
    over the number of steps; histograms bear the names of the weights.

    Args:      log_dir: a directory, made if it is missing.
               histogram_freq: write histograms of the weights every so many epochs; 0 for none.
               write_steps_per_second: write how fast the epoch was too.
               update_freq: "epoch", "batch", or a number of batches, after which the running logs are written.
    Example:
        >>> import os, tempfile, numpy as np, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((1,)), pydl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> folder = tempfile.mkdtemp()
        >>> _ = model.fit(np.ones((4, 1)), np.ones(4), callbacks=[pydl.callbacks.TensorBoard(folder)], verbose=0)
        >>> os.listdir(folder)
        ['train']
    """

    def __init__(self, log_dir="logs", histogram_freq=0, write_steps_per_second=False, update_freq="epoch"):
        super().__init__()
        who = "TensorBoard"
        if not isinstance(log_dir, (str, os.PathLike)) or not os.fspath(log_dir):
            raise TypeError(f"{who}: log_dir must be a path, got {show(log_dir)}")
        self.log_dir = os.fsdecode(os.fspath(log_dir))
        self.histogram_freq = non_negative_int(who, "histogram_freq", histogram_freq)
        self.write_steps_per_second = boolean(who, "write_steps_per_second", write_steps_per_second)
        if isinstance(update_freq, str) and update_freq not in ("epoch", "batch"):
            raise ValueError(f"{who}: update_freq must be 'epoch', 'batch' or a positive integer, got {show(update_freq)}")
        self.update_freq = update_freq if isinstance(update_freq, str) else positive_int(who, "update_freq", update_freq)
        self._every = None if update_freq == "epoch" else 1 if update_freq == "batch" else self.update_freq
        self._files = {part: EventFile(os.path.join(self.log_dir, part)) for part in ("train", "validation")}
        self._steps = self._at_begin = 0
        self._began = 0.0

    def wants(self, hook):
        return super().wants(hook) and (hook != "on_train_batch_end" or self._every is not None or self.write_steps_per_second)

    def on_epoch_begin(self, epoch, logs=None):
        self._began, self._at_begin = time.monotonic(), self._steps

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        if self._every is not None and self._steps % self._every == 0:
            self._files["train"].write(self._steps, _scalars("batch_", logs or {}))

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        if self.write_steps_per_second:
            logs["steps_per_second"] = (self._steps - self._at_begin) / max(time.monotonic() - self._began, 1e-9)
        held_out = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._files["train"].write(epoch, _scalars("epoch_", {name: value for name, value in logs.items() if not name.startswith("val_")}))
        if held_out:
            self._files["validation"].write(epoch, _scalars("epoch_", held_out))
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._files["train"].write(epoch, [_histogram(f"{path}/histogram", np.asarray(p.numpy())) for path, p in self.model.named_weights()])
        for file in self._files.values():
            file.flush()

    def on_train_end(self, logs=None):
        for file in self._files.values():
            file.close()

    def get_state(self):
        return {"steps": self._steps}

    def set_state(self, state):
        self._steps = int(state["steps"])


def _scalars(prefix, logs):
    """Messages of the numbers in logs; a metric with a number a class has a curve each."""
    found = []
    for name, value in logs.items():
        if isinstance(value, (list, tuple, np.ndarray)):
            found += [_scalar(f"{prefix}{name}_{i}", v) for i, v in enumerate(np.ravel(value).tolist())]
        elif value is not None:
            found.append(_scalar(prefix + name, value))
    return found
