"""Callbacks: what happens beside training, at the beginning and end of runs, epochs and batches.

`logs` is a dict of floats.  Callbacks know a model only by its public names (stop_training, get_weights, set_weights,
save, save_weights, optimizer.learning_rate), so they work with every model and can be tested without one.

State that has to survive an interruption goes by get_state() and set_state(): dicts of numbers, strings, lists and arrays.
"""

import csv
import inspect
import math
import os
import sys
import time

from pydl.errors import boolean, in_range, non_negative_int, one_of, positive_int, show, string, suggestion

HOOKS = tuple(f"on_{what}_{when}" for what in ("train", "test", "predict", "epoch", "batch", "train_batch", "test_batch", "predict_batch")
              for when in ("begin", "end"))


class Callback:
    """Base of all callbacks: every hook does nothing until a subclass overrides it.

    `self.model` is the model, `self.params` a dict with epochs, steps, verbose, and where fit knows them before it starts
    metrics (the names the logs of an epoch will have) and validation_freq.
    """

    def __init__(self):
        self.params = {}
        self._model = None

    @property
    def model(self):
        return self._model

    def set_params(self, params):
        self.params = dict(params)

    def set_model(self, model):
        self._model = model

    def get_state(self):
        """Return what has to be kept to go on in another process: a dict, {} if nothing."""
        return {}

    def set_state(self, state):
        """Take over what get_state returned; the next training goes on from there instead of starting anew."""

    def on_batch_begin(self, batch, logs=None):
        """Called by on_train_batch_begin, an older name of it."""

    def on_batch_end(self, batch, logs=None):
        """Called by on_train_batch_end, an older name of it."""

    def on_epoch_begin(self, epoch, logs=None):
        """Epochs count from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """logs: loss and metrics of the epoch, those of the validation with the prefix val_."""

    def on_train_batch_begin(self, batch, logs=None):
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """logs: the running means since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Also called for the batches of a validation."""

    def on_test_batch_end(self, batch, logs=None):
        """Also called for the batches of a validation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before each batch of predict."""

    def on_predict_batch_end(self, batch, logs=None):
        """logs: {"outputs": the predictions of the batch}."""

    def on_train_begin(self, logs=None):
        """Called once, before the first epoch."""

    def on_train_end(self, logs=None):
        """Called once, after the last epoch, also if training was stopped early."""

    def on_test_begin(self, logs=None):
        """Called at the beginning of evaluate, and of each validation."""

    def on_test_end(self, logs=None):
        """Called at the end of evaluate, and of each validation."""

    def on_predict_begin(self, logs=None):
        """Called at the beginning of predict."""

    def on_predict_end(self, logs=None):
        """Called at the end of predict."""

    def wants(self, hook):
        """Tell whether `hook` ("on_train_batch_end") does anything here; those that do nothing are not called per batch."""
        names = [hook, hook.replace("train_", "")] if "train_batch" in hook else [hook]
        return any(name in vars(self) or getattr(type(self), name) is not getattr(Callback, name) for name in names)


class CallbackList:
    """Calls the hooks of several callbacks in their order.

    Args:      callbacks: a callback, a list of them, a CallbackList, or None.
               add_history, add_progbar: append a History, a ProgressBar, if none is among them.
               model, **params: given to each by set_model and set_params.
    """

    def __init__(self, callbacks=None, add_history=False, add_progbar=False, model=None, **params):
        if isinstance(callbacks, CallbackList):
            callbacks = callbacks.callbacks
        if callbacks is None:
            callbacks = []
        self.callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in self.callbacks:
            if isinstance(callback, type) or not isinstance(callback, Callback):
                hint = f"; make one with {callback.__name__}(...)" if isinstance(callback, type) else ""
                raise TypeError(f"callbacks: expected instances of pydl.callbacks.Callback, got {show(callback)}{hint}")
        if add_progbar and not any(isinstance(callback, ProgressBar) for callback in self.callbacks):
            self.callbacks.append(ProgressBar())
        if add_history and not any(isinstance(callback, History) for callback in self.callbacks):
            self.callbacks.append(History())
        self._calls = {}
        self.params = {}
        self.model = model
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    @property
    def history(self):
        """The History among the callbacks, or None."""
        return next((callback for callback in self.callbacks if isinstance(callback, History)), None)

    def append(self, callback):
        """Add a callback at the end."""
        self.callbacks = CallbackList([*self.callbacks, callback]).callbacks
        self._calls = {}
        callback.set_params(self.params)
        callback.set_model(self.model)

    def set_params(self, params):
        self.params = dict(params)
        self._calls = {}
        for callback in self.callbacks:
            callback.set_params(self.params)

    def set_model(self, model):
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def wants(self, hook):
        """Tell whether any callback does something at `hook`; where not, its logs need not be made."""
        return bool(self._called(hook))

    def _called(self, hook):
        calls = self._calls.get(hook)
        if calls is None:
            calls = self._calls[hook] = [getattr(callback, hook) for callback in self.callbacks if callback.wants(hook)]
        return calls

    def call(self, hook, *args):
        """Call a hook of each callback that has something to do there."""
        for call in self._called(hook):
            call(*args)

    def on_train_begin(self, logs=None):
        self._calls = {}           # what a callback wants may have changed since the last run
        self.call("on_train_begin", logs)

    def on_test_begin(self, logs=None):
        self.call("on_test_begin", logs)

    def on_predict_begin(self, logs=None):
        self.call("on_predict_begin", logs)

    def on_train_end(self, logs=None):
        self.call("on_train_end", logs)

    def on_test_end(self, logs=None):
        self.call("on_test_end", logs)

    def on_predict_end(self, logs=None):
        self.call("on_predict_end", logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.call("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        """One dict goes to all of them, so that a History sees the learning rate that a scheduler put in."""
        self.call("on_epoch_end", epoch, {} if logs is None else logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.call("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.call("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self.call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self.call("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self.call("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self.call("on_predict_batch_end", batch, logs)

    def get_state(self):
        """Return the states of all callbacks, each with the name of its class."""
        return [{"callback": type(callback).__name__, "state": callback.get_state()} for callback in self.callbacks]

    def set_state(self, states):
        """Give each callback the state that one of its class and rank had."""
        left = list(states)
        for callback in self.callbacks:
            found = next((entry for entry in left if entry["callback"] == type(callback).__name__), None)
            if found is not None:
                left.remove(found)
                callback.set_state(found["state"])


class History(Callback):
    """Keep the logs of every epoch: history is {name: [one float an epoch]}, epoch the list of epoch numbers. fit returns it."""

    def __init__(self):
        super().__init__()
        self.history = {}
        self.epoch = []
        self._resumed = False

    def on_train_begin(self, logs=None):
        if not self._resumed:
            self.history, self.epoch = {}, []
        self._resumed = False

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self):
        return {"epoch": list(self.epoch), "history": {name: list(values) for name, values in self.history.items()}}

    def set_state(self, state):
        self.epoch, self.history, self._resumed = list(state["epoch"]), {name: list(v) for name, v in state["history"].items()}, True


class LambdaCallback(Callback):
    """Make a callback of functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))."""

    def __init__(self, on_epoch_begin=None, on_epoch_end=None, on_train_begin=None, on_train_end=None, on_train_batch_begin=None,
                 on_train_batch_end=None, **kwargs):
        super().__init__()
        given = dict(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin, on_train_end=on_train_end,
                     on_train_batch_begin=on_train_batch_begin, on_train_batch_end=on_train_batch_end, **kwargs)
        for hook, function in given.items():
            if hook not in HOOKS:
                raise TypeError(f"LambdaCallback: unknown hook {hook!r}{suggestion(hook, HOOKS)}")
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"LambdaCallback: {hook} must be a function, got {show(function)}")
            setattr(self, hook, function)


# ---- monitors ----------------------------------------------------------------------------------------------------

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
        hint = suggestion(self.monitor, names)
        if not hint and self.monitor.startswith("val_") and not any(name.startswith("val_") for name in names):
            hint = "; pass validation_data or validation_split to fit, or monitor another"
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

    STATE = ("best", "best_epoch", "best_weights", "wait")

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
        self.save_freq = save_freq if save_freq == "epoch" else positive_int(who, "save_freq", save_freq)
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
                    say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {_number(self.best)}")
                return
            before = "" if self.best is None else f" from {_number(self.best)}"
            reason = f"{self.monitor} improved{before} to {_number(value)}, "
            self.best = value
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            say(f"Epoch {epoch + 1}: {reason}saved the model to {path}")


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


# ---- learning rate -------------------------------------------------------------------------------------------------

def _learning_rate(callback):
    return float(callback.model.optimizer.learning_rate)


def _set_learning_rate(callback, value):
    """Set the optimizer's learning rate, which has to be a number: one that follows a schedule is nobody else's to set."""
    try:
        callback.model.optimizer.learning_rate = value
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{type(callback).__name__}: the optimizer's learning rate follows a schedule, so a callback cannot set it; "
                         f"compile with learning_rate=a number, or leave the callback out ({error})") from error


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch to schedule(epoch, learning_rate), or schedule(epoch)."""

    def __init__(self, schedule, verbose=0):
        super().__init__()
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler: schedule must be a function of (epoch, learning_rate), got {show(schedule)}")
        self.schedule = schedule
        self.verbose = non_negative_int("LearningRateScheduler", "verbose", verbose)
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self._takes_rate = True
        except TypeError:
            self._takes_rate = False
        except ValueError:          # a builtin without a signature
            self._takes_rate = True

    def on_train_begin(self, logs=None):
        _set_learning_rate(self, _learning_rate(self))     # fails before the first epoch if it cannot be set

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.schedule(epoch, _learning_rate(self)) if self._takes_rate else self.schedule(epoch)
        rate = in_range("LearningRateScheduler", "the value of schedule(epoch, learning_rate)", rate, 0)
        _set_learning_rate(self, rate)
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {_number(rate)}")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = _learning_rate(self)


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when the monitored value has not improved for `patience` epochs.

    Args:      factor: in [0, 1).    cooldown: epochs after a reduction that do not count.    min_lr: never below.
               monitor, mode, min_delta, verbose: as in EarlyStopping.
    """

    STATE = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0, min_lr=0.0):
        super().__init__(monitor, mode, min_delta)
        who = "ReduceLROnPlateau"
        self.factor = in_range(who, "factor", factor, 0, 1, high_open=True)
        self.patience = non_negative_int(who, "patience", patience)
        self.verbose = non_negative_int(who, "verbose", verbose)
        self.cooldown = non_negative_int(who, "cooldown", cooldown)
        self.min_lr = in_range(who, "min_lr", min_lr, 0)
        self.reset()

    def reset(self):
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs=None):
        _set_learning_rate(self, _learning_rate(self))
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = _learning_rate(self)
        value = self.monitored(logs)
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            rate = _learning_rate(self)
            if self.wait >= self.patience and rate > self.min_lr:
                rate = max(rate * self.factor, self.min_lr)
                _set_learning_rate(self, rate)
                if self.verbose:
                    say(f"Epoch {epoch + 1}: {self.monitor} has not improved, learning rate reduced to {_number(rate)}")
                self.cooldown_counter, self.wait = self.cooldown, 0


# ---- output --------------------------------------------------------------------------------------------------------

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
        self._file = self._writer = self._names = None

    def on_train_begin(self, logs=None):
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


_open_line = False     # whether the last thing on the screen is a bar without its end of line


def say(text):
    """Print a line of a callback's, below the bar if one is being drawn."""
    if _open_line:
        _write("\n")
    _write(text + "\n")


def _write(text):
    global _open_line
    stream = sys.stdout
    if stream is None:      # a program without a console
        return
    stream.write(text)
    stream.flush()
    _open_line = not text.endswith("\n")


def _number(value):
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"


def _per_step(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock(seconds):
    seconds = int(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds >= 60 else f"{seconds}s"


class ProgressBar(Callback):
    """Show how training, evaluation or prediction goes on.

    A terminal gets a bar, drawn anew at most ten times a second; a file, a pipe or a notebook one line an epoch.
    params["verbose"] decides: 0 nothing, 1 the bar (a line where there is no terminal), 2 a line an epoch, "auto" is 1.
    """

    WIDTH = 30
    INTERVAL = 0.1

    def __init__(self):
        super().__init__()
        self._in_fit = False
        self._begin(None, None)

    def set_params(self, params):
        super().set_params(params)
        verbose = self.params.get("verbose", "auto")
        self.verbose = one_of("fit", "verbose", int(verbose) if isinstance(verbose, bool) else verbose, ("auto", 0, 1, 2))
        try:
            terminal = sys.stdout is not None and sys.stdout.isatty()
        except ValueError:      # closed
            terminal = False
        self._live = terminal and self.verbose in ("auto", 1)

    def wants(self, hook):
        if "batch" in hook:
            return hook.endswith("end") and self.verbose != 0 and super().wants(hook)
        return self.verbose != 0 and super().wants(hook)

    def _begin(self, steps, label):
        self._steps, self._label = steps, label
        self._done = self._width = 0
        self._elapsed = 0.0
        self._started = self._drawn = time.monotonic()

    def _batch(self, batch, logs):
        self._done = batch + 1
        now = time.monotonic()
        self._elapsed = now - self._started
        if self._live and now - self._drawn >= self.INTERVAL:
            self._drawn = now
            self._draw(logs)

    def _draw(self, logs):
        """Draw the bar over the one before, no wider than the terminal: a line that wraps could not be drawn over."""
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            columns = 80
        line = f"{self._done}/Unknown"
        if self._steps:
            width = max(min(self.WIDTH, columns - 30), 5)
            filled = width * self._done // self._steps
            bar = ("=" * filled + ">" + "." * width)[:width]
            left = self._elapsed / self._done * (self._steps - self._done)
            line = f"{self._done:{len(str(self._steps))}d}/{self._steps} [{bar}] - ETA: {_clock(left)}"
        line = (line + self._values(logs))[:columns - 1]
        _write("\r" + line.ljust(self._width))
        self._width = len(line)

    def _end(self, logs):
        """Write the line that stays."""
        steps = self._done
        line = f"{steps}/{self._steps or steps}"
        if self._live:
            line += f" [{'=' * self.WIDTH}]"
        if steps:
            line += f" - {_clock(self._elapsed)} {_per_step(self._elapsed / steps)}/step"
        line += self._values(logs)
        if self._live:
            _write(("\r" if _open_line else "") + line.ljust(self._width) + "\n")
        else:
            _write(f"{self._label} - {line}\n" if self._label else f"{line}\n")

    @staticmethod
    def _values(logs):
        numbers = [(name, value) for name, value in (logs or {}).items() if isinstance(value, (int, float))]
        return "".join(f" - {name}: {_number(value)}" for name, value in numbers)

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self._begin(self.params.get("steps"), f"Epoch {epoch + 1}/{self.params.get('epochs', '?')}")
        if self._live:
            _write(self._label + "\n")

    def on_train_batch_end(self, batch, logs=None):
        self._batch(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._end(logs)

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._begin(self.params.get("steps"), None)

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self._batch(batch, logs)

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs=None):
        self._begin(self.params.get("steps"), None)

    def on_predict_batch_end(self, batch, logs=None):
        self._batch(batch, None)

    def on_predict_end(self, logs=None):
        self._end(None)


ProgbarLogger = ProgressBar
