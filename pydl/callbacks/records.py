"""Callbacks that keep a record or stop a run gone wrong: CSVLogger, TerminateOnNaN."""
import csv
import math
import os

from pydl.callbacks.base import Callback
from pydl.callbacks.screen import say
from pydl.errors import boolean, show, string


class TerminateOnNaN(Callback):
    """Stop training when the loss is not finite; with raise_error=True by a RuntimeError."""

    def __init__(self, raise_error=False):
        super().__init__()
        self.raise_error = boolean("TerminateOnNaN", "raise_error", raise_error)

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss is {loss} at batch {batch}")
        say(f"Batch {batch}: the loss is {loss}, stopping the training")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Write a line an epoch to a CSV file: the epoch, then the logs; NA where an epoch lacks an entry of the first one.

    Args:      filename: the file; it is overwritten unless append=True.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"CSVLogger: filename must be a path, got {show(filename)}")
        self.filename = os.fspath(filename)
        if len(string("CSVLogger", "separator", separator)) != 1:
            raise ValueError(f"CSVLogger: separator must be one character, got {show(separator)}")
        self.separator = separator
        self.append = boolean("CSVLogger", "append", append)
        self._file = self._writer = self._names = self._kept = None

    def get_state(self):
        """How much of the file is written, and the names of its columns: an interrupted training goes on behind that."""
        return {} if self._file is None else {"size": self._file.tell(), "names": self._names}

    def set_state(self, state):
        self._kept = state or None

    def on_train_begin(self, logs=None):
        kept, self._kept = self._kept, None
        if kept is not None and os.path.exists(self.filename):
            os.truncate(self.filename, min(kept["size"], os.path.getsize(self.filename)))       # lines of epochs that will be run again
            self.append = True
        has_header = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._names = None
        if has_header:
            with open(self.filename, newline="") as old:
                header = next(csv.reader(old, delimiter=self.separator), [])
            self._names = header[1:] if header[:1] == ["epoch"] else None
        self._file = open(self.filename, "a" if self.append else "w", newline="")
        self._writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self._names is None:
            self._names = list(self.params.get("metrics") or logs)
            self._names += [name for name in logs if name not in self._names]
            self._writer.writerow(["epoch", *self._names])
        self._writer.writerow([epoch, *(logs.get(name, "NA") for name in self._names)])
        self._file.flush()
        self.append = True          # a second fit goes on in the same file

    def on_train_end(self, logs=None):
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None
