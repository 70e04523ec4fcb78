"""Callbacks that set the learning rate: LearningRateScheduler, ReduceLROnPlateau."""
import inspect

from pydl.callbacks.base import Callback
from pydl.callbacks.monitor import Monitor
from pydl.callbacks.screen import number, say
from pydl.errors import in_range, non_negative_int, show


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
            say(f"Epoch {epoch + 1}: learning rate {number(rate)}")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = _learning_rate(self)


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when the monitored value has not improved for `patience` epochs.

    Args:      factor: in (0, 1).    cooldown: epochs after a reduction that do not count.    min_lr: never below.
               monitor, mode, min_delta, verbose: as in EarlyStopping.
    """

    STATE = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0, min_lr=0.0):
        super().__init__(monitor, mode, min_delta)
        who = "ReduceLROnPlateau"
        self.factor = in_range(who, "factor", factor, 0, 1, low_open=True, high_open=True)
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
                    say(f"Epoch {epoch + 1}: {self.monitor} has not improved, learning rate reduced to {number(rate)}")
                self.cooldown_counter, self.wait = self.cooldown, 0
