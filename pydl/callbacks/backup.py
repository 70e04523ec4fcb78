"""BackupAndRestore: a training that was killed goes on where it was, bit for bit."""
import os

from pydl.callbacks.base import Callback
from pydl.errors import FormatError, boolean, positive_int, show


class BackupAndRestore(Callback):
    """Write down where training is, and go on from there if it was interrupted: run the same program again.

    Kept are the weights, the optimizer and its schedule, the state of all random numbers, the epoch and the batch within it, running
    means, and what the other callbacks remember (best values, patience, histories, the length of a log file); of data: the order of
    arrays and of a PyDataset's batches is found again, of a generator as many batches are taken out as were used.  The file is
    written whole or not at all, after all other callbacks had their turn, and deleted at the end of training.

    Args:      backup_dir: a directory for the file, made if it is missing; one for each `fit` of a program that has several.
               save_freq: "epoch", or a number of batches.
               double_checkpoint: keep the file before the last one too, and use it if the last one is damaged.
               delete_checkpoint: delete the file when training is done; False leaves it, and the next fit has nothing left to do.
    Raises:    ValueError at the start of fit if the file is of another network.
    Example:
        >>> import numpy as np, pydl, tempfile
        >>> model = pydl.Sequential([pydl.layers.Input((1,)), pydl.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> backup = pydl.callbacks.BackupAndRestore(tempfile.mkdtemp())
        >>> model.fit(np.ones((8, 1)), np.ones(8), epochs=2, callbacks=[backup], verbose=0).epoch
        [0, 1]
    """
    comes_last = True
    FILE = "progress.pydl"

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        who = "BackupAndRestore"
        if not isinstance(backup_dir, (str, os.PathLike)) or not os.fspath(backup_dir):
            raise TypeError(f"{who}: backup_dir must be a path, got {show(backup_dir)}")
        self.backup_dir = os.fsdecode(os.fspath(backup_dir))
        if isinstance(save_freq, str) and save_freq != "epoch":
            raise ValueError(f"{who}: save_freq must be 'epoch' or a positive integer, got {show(save_freq)}")
        self.save_freq = save_freq if isinstance(save_freq, str) else positive_int(who, "save_freq", save_freq)
        self.double_checkpoint = boolean(who, "double_checkpoint", double_checkpoint)
        self.delete_checkpoint = boolean(who, "delete_checkpoint", delete_checkpoint)
        self.path = os.path.join(self.backup_dir, self.FILE)
        self.batches, self._callbacks = 0, None

    def before_training(self, callbacks):
        self._callbacks, self.batches = callbacks, 0
        os.makedirs(self.backup_dir, exist_ok=True)
        if os.path.exists(self.path):
            try:
                self.model.load_progress(self.path, callbacks)
            except FormatError:
                if not (self.double_checkpoint and os.path.exists(self._earlier)):
                    raise
                self.model.load_progress(self._earlier, callbacks)
        elif self.double_checkpoint and os.path.exists(self._earlier):          # killed between the renaming and the writing
            self.model.load_progress(self._earlier, callbacks)

    @property
    def _earlier(self):
        return self.path + ".earlier"

    def wants(self, hook):
        return super().wants(hook) and (hook != "on_train_batch_end" or self.save_freq != "epoch")

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq != "epoch":
            self.batches += 1
            if self.batches % self.save_freq == 0:
                self._save()

    def on_epoch_end(self, epoch, logs=None):
        self._save()

    def _save(self):
        if self.double_checkpoint and os.path.exists(self.path):
            os.replace(self.path, self._earlier)
        self.model.save_progress(self.path, self._callbacks)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            for path in (self.path, self._earlier):
                if os.path.exists(path):
                    os.remove(path)

    def get_state(self):
        return {"batches": self.batches}

    def set_state(self, state):
        self.batches = int(state["batches"])
