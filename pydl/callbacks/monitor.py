"""Callbacks that watch one number of the log: EarlyStopping, ModelCheckpoint."""
import math
import os

from pydl.callbacks.base import Callback
from pydl.callbacks.screen import number, say
from pydl.errors import boolean, in_range, non_negative_int, one_of, positive_int, show, string, suggestion

FALLING = ("loss", "error", "mse", "rmse", "mae", "mape", "msle", "crossentropy", "hinge", "divergence", "poisson", "log_cosh", "perplexity")
RISING = ("acc", "accuracy", "auc", "precision", "recall", "specificity", "f1", "f1_score", "fbeta_score", "iou", "mean_io_u", "similarity",
          "r2_score", "true_positives", "true_negatives", "map", "bleu")


class Monitor(Callback):
    """A callback that follows one entry of an epoch's logs.

    monitor: its name; one that is not in the logs is an error that lists those that are.
    mode: "min", "max", or "auto" to tell by the name.
    """

    def __init__(self, monitor, mode, min_delta=0.0):
        super().__init__()
        who = type(self).__name__
        self.monitor = string(who, "monitor", monitor)
        self.mode = one_of(who, "mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(in_range(who, "min_delta", min_delta))
        self.best = None
        self._resumed = False

    def on_train_begin(self, logs=None):
        names = self.params.get("metrics")
        if names is not None:               # an error before the first epoch is better than one after it
            if self.monitor not in names:
                raise self._unknown(names)
            self.rises()
        if not self._resumed:
            self.reset()
        self._resumed = False

    def reset(self):
        """Forget what the last training left."""
        self.best = None

    def rises(self):
        """Tell whether more is better."""
        if self.mode != "auto":
            return self.mode == "max"
        words = self.monitor.removeprefix("val_").lower()
        for names, rising in ((FALLING, False), (RISING, True)):
            if any(words == name or words.endswith("_" + name) for name in names):
                return rising
        raise ValueError(f"{type(self).__name__}: cannot tell whether {self.monitor!r} should rise or fall; pass mode='max' or mode='min'")

    def monitored(self, logs):
        """Return the value in the logs, or None in an epoch without validation."""
        if logs and self.monitor in logs:
            return float(logs[self.monitor])
        if self.monitor.startswith("val_") and self.params.get("validation_freq", 1) != 1:
            return None
        raise self._unknown(logs or {})

    def _unknown(self, names):
        names = [name for name in names if name != "learning_rate"]
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in names):
            hint = "; pass validation_data or validation_split to fit, or monitor another"
        else:
            hint = suggestion(self.monitor, names)
        return ValueError(f"{type(self).__name__}: no {self.monitor!r} in the logs, there are {', '.join(map(repr, names)) or 'none'}{hint}")

    def improves(self, value, on):
        """Tell whether `value` is better than `on` by more than min_delta; NaN never is, and anything is better than None."""
        if math.isnan(value):
            return False
        if on is None or math.isnan(on):
            return True
        return value > on + self.min_delta if self.rises() else value < on - self.min_delta

    STATE = ("best",)

    def get_state(self):
        return {name: getattr(self, name) for name in self.STATE}

    def set_state(self, state):
        for name in self.STATE:
            setattr(self, name, state[name])
        self._resumed = True


class EarlyStopping(Monitor):
    """Stop training when the monitored value has not improved for `patience` epochs.

    Args:      monitor, mode: what to follow, and whether it should fall ("min") or rise ("max").
               min_delta: a change that is not larger does not count.
               patience: epochs without an improvement after which training stops.
               verbose: 1 to say when it stops.
               baseline: if given, patience runs until this value is beaten.
               restore_best_weights: put back the weights of the best epoch at the end of training.
               start_from_epoch: epochs before it do not count.
    """

    STATE = ("best", "best_epoch", "best_weights", "wait", "stopped_epoch")

    def __init__(self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None, restore_best_weights=False,
                 start_from_epoch=0):
        super().__init__(monitor, mode, min_delta)
        self.patience = non_negative_int("EarlyStopping", "patience", patience)
        self.verbose = non_negative_int("EarlyStopping", "verbose", verbose)
        self.baseline = None if baseline is None else in_range("EarlyStopping", "baseline", baseline)
        self.restore_best_weights = boolean("EarlyStopping", "restore_best_weights", restore_best_weights)
        self.start_from_epoch = non_negative_int("EarlyStopping", "start_from_epoch", start_from_epoch)
        self.reset()

    def reset(self):
        self.best = self.best_weights = None
        self.best_epoch = self.wait = self.stopped_epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        value = self.monitored(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch      # the first are the best so far, even with a NaN
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(Monitor):
    """Save the model, or its weights, after epochs or every so many batches.

    Args:      filepath: where to; {epoch:02d} and the names of logs are filled in: "net-{epoch:02d}-{val_loss:.2f}.pydl".
               monitor, mode: for save_best_only.
               save_best_only: save only when the monitored value improves.
               save_weights_only: model.save_weights instead of model.save.
               save_freq: "epoch", or a number of batches.
               initial_value_threshold: save nothing that is not better than this.
    """

    STATE = ("best", "batches")

    def __init__(self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto", save_freq="epoch",
                 initial_value_threshold=None):
        super().__init__(monitor, mode)
        who = "ModelCheckpoint"
        if not isinstance(filepath, (str, os.PathLike)):
            raise TypeError(f"{who}: filepath must be a path, got {show(filepath)}")
        self.filepath = os.fsdecode(os.fspath(filepath))
        self.verbose = non_negative_int(who, "verbose", verbose)
        self.save_best_only = boolean(who, "save_best_only", save_best_only)
        self.save_weights_only = boolean(who, "save_weights_only", save_weights_only)
        self.save_freq = save_freq if isinstance(save_freq, str) and save_freq == "epoch" else positive_int(who, "save_freq", save_freq)
        self.initial_value_threshold = None if initial_value_threshold is None else in_range(who, "initial_value_threshold", initial_value_threshold)
        self.epoch = 0
        self.reset()

    def reset(self):
        self.best = self.initial_value_threshold
        self.batches = 0

    def on_train_begin(self, logs=None):
        if self.save_best_only:
            super().on_train_begin(logs)
        elif not self._resumed:
            self.reset()
        self._resumed = False

    def wants(self, hook):
        return super().wants(hook) and (hook != "on_train_batch_end" or self.save_freq != "epoch")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.save_freq == "epoch":
            return
        self.batches += 1
        if self.batches >= self.save_freq:
            self.batches = 0
            self._save(self.epoch, batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch, batch, logs):
        names = {"epoch": epoch + 1, **(logs or {})}
        if batch is not None:
            names["batch"] = batch + 1
        try:
            path = self.filepath.format(**names)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise ValueError(f"ModelCheckpoint: filepath {self.filepath!r} cannot be filled in ({error}); there are {', '.join(names)}") from error
        reason = ""
        if self.save_best_only:
            value = self.monitored(logs)
            if value is None or not self.improves(value, self.best):
                if value is not None and self.verbose:
                    say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {number(self.best)}")
                return
            before = "" if self.best is None else f" from {number(self.best)}"
            reason = f"{self.monitor} improved{before} to {number(value)}, "
            self.best = value
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            say(f"Epoch {epoch + 1}: {reason}saved the model to {path}")
