"""Callbacks against a model of a few lines: they know a model only by its public names."""
import csv
import math

import numpy as np
import pytest

from pydl import callbacks as cb


class Optimizer:
    def __init__(self, rate=0.1):
        self.learning_rate = rate


class ScheduledOptimizer:
    @property
    def learning_rate(self):
        return 0.1

    @learning_rate.setter
    def learning_rate(self, value):
        raise TypeError("follows a schedule")


class Model:
    def __init__(self):
        self.stop_training, self.optimizer, self.weights, self.saved = False, Optimizer(), [np.zeros(2)], []

    def get_weights(self):
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        self.weights = [w.copy() for w in weights]

    def save(self, path):
        self.saved.append(path)

    def save_weights(self, path):
        self.saved.append("weights:" + path)


def run(callbacks, logs_of_epochs, batches=2, model=None, first=0, **params):
    """Train as fit does, with the given logs an epoch; return the model and the epochs that ran."""
    model = model or Model()
    names = list(logs_of_epochs[0]) if logs_of_epochs else []
    every = cb.CallbackList(callbacks, add_history=True, model=model, **{"epochs": len(logs_of_epochs), "steps": batches, "verbose": 0,
                                                                        "metrics": names, **params})
    every.on_train_begin()
    for epoch, logs in enumerate(logs_of_epochs, first):
        every.on_epoch_begin(epoch)
        for batch in range(batches):
            every.on_train_batch_begin(batch)
            every.on_train_batch_end(batch, {"loss": logs.get("loss", 0.0)})
        model.weights = [np.full(2, epoch + 1.0)]
        every.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
    every.on_train_end()
    return model, every.history


def losses(*values):
    return [{"loss": 1.0, "val_loss": value} for value in values]


# ---- base, list, history -------------------------------------------------------------------------------------------

class Recorder(cb.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


for hook in cb.HOOKS:
    if hook not in ("on_batch_begin", "on_batch_end"):
        setattr(Recorder, hook, lambda self, *args, hook=hook: self.calls.append((hook, *args)))


def test_every_hook_reaches_every_callback_in_order():
    first, second = Recorder(), Recorder()
    every = cb.CallbackList([first, second])
    expected = []
    for hook in cb.HOOKS:
        if hook in ("on_batch_begin", "on_batch_end"):
            continue
        args = (3, {"loss": 1.0}) if "epoch" in hook or "batch" in hook else ({"loss": 1.0},)
        getattr(every, hook)(*args)
        expected.append((hook, *args))
    assert first.calls == second.calls == expected


def test_batch_hooks_that_do_nothing_are_not_called_and_the_older_names_work():
    class Old(cb.Callback):
        seen = ()

        def on_batch_end(self, batch, logs=None):
            self.seen += (batch,)

    old = Old()
    every = cb.CallbackList([cb.Callback(), old])
    assert every.wants("on_train_batch_end") and not every.wants("on_train_batch_begin") and not every.wants("on_test_batch_end")
    every.on_train_batch_end(4, {})
    assert old.seen == (4,)
    assert not cb.CallbackList([cb.EarlyStopping(), cb.History(), cb.ModelCheckpoint("a")]).wants("on_train_batch_end")
    assert cb.CallbackList([cb.ModelCheckpoint("a", save_freq=3)]).wants("on_train_batch_end")
    assert cb.CallbackList([cb.LambdaCallback(on_train_batch_end=print)]).wants("on_train_batch_end")


@pytest.mark.parametrize("bad, text", [(3, "got 3"), ([cb.History], r"make one with History\(\.\.\.\)"), ([None], "got None"), ("x", "got 'x'")])
def test_what_is_no_callback(bad, text):
    with pytest.raises(TypeError, match=f"^callbacks: expected instances of pydl.callbacks.Callback, {text}|{text}"):
        cb.CallbackList(bad)


def test_list_of_a_list_and_appending():
    inner = cb.CallbackList([cb.History()], epochs=3)
    outer = cb.CallbackList(inner, add_history=True, epochs=3)
    assert len(outer.callbacks) == 1
    late = Recorder()
    outer.append(late)
    outer.on_epoch_begin(0)
    assert late.params == {"epochs": 3} and late.calls == [("on_epoch_begin", 0, None)]


def test_history_keeps_every_epoch_and_starts_anew():
    history = cb.History()
    run(history, losses(3.0, 2.0))
    assert history.epoch == [0, 1] and history.history == {"loss": [1.0, 1.0], "val_loss": [3.0, 2.0]}
    run(history, losses(5.0))
    assert history.epoch == [0] and history.history["val_loss"] == [5.0]


def test_an_exception_of_a_callback_comes_through():
    class Own(Exception):
        pass

    def fail(*args):
        raise Own

    for hook in ("on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_begin", "on_train_batch_end"):
        with pytest.raises(Own):
            run(cb.LambdaCallback(**{hook: fail}), losses(1.0))


def test_lambda_callback():
    seen = []
    run(cb.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["val_loss"])), on_train_begin=lambda logs: seen.append("go"),
                          on_test_begin=None), losses(2.0, 1.0))
    assert seen == ["go", (0, 2.0), (1, 1.0)]
    with pytest.raises(TypeError, match="unknown hook 'on_epoch_ends'; did you mean 'on_epoch_end'"):
        cb.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="on_epoch_end must be a function, got 3"):
        cb.LambdaCallback(on_epoch_end=3)


# ---- early stopping ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("values, options, epochs, best_epoch", [
    ([3, 2, 1, 1, 1], {}, 4, 2),                                          # patience 0: the first epoch that is no better
    ([3, 2, 2.5, 2.4, 1], {"patience": 1}, 3, 1),
    ([3, 2, 2.5, 2.4, 1], {"patience": 3}, 5, 4),
    ([1, 2, 3], {"mode": "max"}, 3, 2),
    ([1, 1.05, 1.1, 1.3], {"mode": "max", "min_delta": 0.2, "patience": 2}, 3, 0),
    ([1, 0.95, 0.9, 0.6], {"min_delta": 0.2, "patience": 5}, 4, 3),
    ([1, 0.95], {"min_delta": -0.2, "patience": 5}, 2, 0),
    ([9, 8, 7, 7.5, 7.4], {"baseline": 5, "patience": 2}, 4, 2),           # the baseline is never beaten: patience runs from the start
    ([9, 8, 4, 6, 7, 8], {"baseline": 5, "patience": 3}, 6, 2),
    ([1, 2, 3, 4, 5], {"start_from_epoch": 3}, 5, 3),
    ([math.nan, math.nan, math.nan], {"patience": 2}, 2, 0),
    ([math.nan, 2, 3], {"patience": 1}, 3, 1),
    ([5], {}, 1, 0)])
def test_early_stopping(values, options, epochs, best_epoch):
    stop = cb.EarlyStopping(restore_best_weights=True, **options)
    model, history = run(stop, losses(*values))
    assert len(history.epoch) == epochs
    if not math.isnan(values[0]):
        assert stop.best_epoch == best_epoch
        assert model.weights[0][0] == best_epoch + 1                     # the weights of that epoch are back


def test_early_stopping_leaves_the_weights_unless_told_and_forgets_the_last_run():
    stop = cb.EarlyStopping()
    model, history = run(stop, losses(1, 2, 3))
    assert len(history.epoch) == 2 and model.weights[0][0] == 2
    model, history = run(stop, losses(7, 6, 5))
    assert len(history.epoch) == 3


def test_early_stopping_says_so_only_if_told(capsys):
    run(cb.EarlyStopping(), losses(1, 2, 3))
    assert capsys.readouterr().out == ""
    run(cb.EarlyStopping(verbose=1, restore_best_weights=True), losses(1, 2, 3))
    assert capsys.readouterr().out == "Epoch 2: early stopping\nRestoring model weights from the end of the best epoch: 1.\n"


@pytest.mark.parametrize("make", [cb.EarlyStopping, cb.ReduceLROnPlateau, lambda m: cb.ModelCheckpoint("a", m, save_best_only=True)])
def test_an_unknown_monitor_is_an_error_that_lists_the_names(make):
    known = [{"accuracy": 0.5, "loss": 1.0, "val_accuracy": 0.5, "val_loss": 1.0}]
    for params in ({}, {"metrics": None}):          # at the start of fit where the names are known, else after the first epoch
        with pytest.raises(ValueError, match=r"no 'val_acuracy' in the logs, there are 'accuracy', 'loss', .*did you mean 'val_accuracy'\?"):
            run(make("val_acuracy"), known, **params)
        with pytest.raises(ValueError, match="no 'val_auc' in the logs, there are 'loss'; pass validation_data or validation_split to fit"):
            run(make("val_auc"), [{"loss": 1.0}], **params)


def test_epochs_without_validation_are_passed_over():
    stop = cb.EarlyStopping(patience=1)
    logs = [{"loss": 1.0}, {"loss": 1.0, "val_loss": 2.0}, {"loss": 1.0}, {"loss": 1.0, "val_loss": 3.0}, {"loss": 1.0}]
    _, history = run(stop, logs, validation_freq=2, metrics=["loss", "val_loss"])
    assert history.epoch == [0, 1, 2, 3]


@pytest.mark.parametrize("monitor, rises", [("val_loss", False), ("loss", False), ("val_accuracy", True), ("acc", True), ("val_mean_absolute_error", False),
                                            ("sparse_categorical_accuracy", True), ("auc", True), ("val_f1_score", True), ("mse", False), ("head_loss", False)])
def test_mode_auto_by_name(monitor, rises):
    assert cb.EarlyStopping(monitor).rises() is rises


def test_mode_auto_of_an_unknown_name_asks():
    with pytest.raises(ValueError, match="cannot tell whether 'val_goodness' should rise or fall; pass mode='max' or mode='min'"):
        run(cb.EarlyStopping("val_goodness"), [{"val_goodness": 1.0}])
    run(cb.EarlyStopping("val_goodness", mode="max"), [{"val_goodness": 1.0}])


# ---- checkpoint ----------------------------------------------------------------------------------------------------

def test_checkpoint_every_epoch_and_names():
    model, _ = run(cb.ModelCheckpoint("net-{epoch:02d}-{val_loss:.2f}.pydl"), losses(2, 3))
    assert model.saved == ["net-01-2.00.pydl", "net-02-3.00.pydl"]
    model, _ = run(cb.ModelCheckpoint("w", save_weights_only=True), losses(2))
    assert model.saved == ["weights:w"]


def test_checkpoint_of_the_best_only():
    model, _ = run(cb.ModelCheckpoint("{epoch}", save_best_only=True), losses(2, 3, 1, math.nan, 0.5))
    assert model.saved == ["1", "3", "5"]
    model, _ = run(cb.ModelCheckpoint("{epoch}", save_best_only=True, mode="max"), losses(2, 3, 1))
    assert model.saved == ["1", "2"]
    model, _ = run(cb.ModelCheckpoint("{epoch}", save_best_only=True, initial_value_threshold=1.5), losses(2, 3, 1))
    assert model.saved == ["3"]


def test_checkpoint_every_so_many_batches():
    model, _ = run(cb.ModelCheckpoint("{epoch}-{batch}-{loss:.0f}", save_freq=3), losses(1, 1, 1), batches=4)
    assert model.saved == ["1-3-1", "2-2-1", "3-1-1", "3-4-1"]


def test_checkpoint_names_that_cannot_be_filled_in():
    for path in ("{epoch}-{val_acc}", "{}", "{epoch:zz}", "{epoch.nothing}", "{"):
        with pytest.raises(ValueError, match="ModelCheckpoint: filepath .* cannot be filled in .*there are epoch, loss, val_loss"):
            run(cb.ModelCheckpoint(path), losses(1))


def test_checkpoint_says_what_it_does(capsys):
    run(cb.ModelCheckpoint("a", save_best_only=True, verbose=1), losses(2, 3, 1))
    assert capsys.readouterr().out.splitlines() == ["Epoch 1: val_loss improved to 2.0000, saved the model to a",
                                                    "Epoch 2: val_loss did not improve from 2.0000",
                                                    "Epoch 3: val_loss improved from 2.0000 to 1.0000, saved the model to a"]


# ---- NaN, learning rate --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_terminate_on_nan(value, capsys):
    model, history = run(cb.TerminateOnNaN(), [{"loss": 1.0}, {"loss": value}, {"loss": 1.0}])
    assert model.stop_training and history.epoch == [0, 1]
    with pytest.raises(RuntimeError, match=f"the loss is {value} at batch 0"):
        run(cb.TerminateOnNaN(raise_error=True), [{"loss": value}])


def test_learning_rate_scheduler():
    model, history = run(cb.LearningRateScheduler(lambda epoch, rate: rate / 2), losses(1, 1, 1))
    assert model.optimizer.learning_rate == 0.0125 and history.history["learning_rate"] == [0.05, 0.025, 0.0125]
    model, history = run(cb.LearningRateScheduler(lambda epoch: 1 / (epoch + 1)), losses(1, 1))
    assert history.history["learning_rate"] == [1.0, 0.5]


@pytest.mark.parametrize("bad, error", [(-1.0, ValueError), (math.nan, ValueError), (None, TypeError), ("0.1", TypeError)])
def test_a_schedule_that_returns_nonsense(bad, error):
    with pytest.raises(error, match="^LearningRateScheduler: the value of schedule"):
        run(cb.LearningRateScheduler(lambda epoch: bad), losses(1))


def test_a_type_error_inside_a_schedule_comes_through():
    def schedule(epoch, rate):
        return rate + "x"

    with pytest.raises(TypeError, match="unsupported operand"):
        run(cb.LearningRateScheduler(schedule), losses(1))


@pytest.mark.parametrize("values, options, expected", [
    ([3, 2, 2, 2, 2, 2], {"patience": 2}, [1, 1, 1, 1, 0.1, 0.1]),
    ([3, 3, 3, 3, 3], {"patience": 1, "factor": 0.5}, [1, 1, 0.5, 0.25, 0.125]),
    ([3, 3, 3, 3, 3, 3], {"patience": 1, "cooldown": 2, "factor": 0.5}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    ([3, 3, 3, 3, 3], {"patience": 1, "min_lr": 0.05}, [1, 1, 0.1, 0.05, 0.05]),
    ([3, 2.99995, 2.9999], {"patience": 1}, [1, 1, 0.1]),
    ([1, 2, 3], {"mode": "max", "patience": 1}, [1, 1, 1])])
def test_reduce_on_plateau(values, options, expected):
    model = Model()
    model.optimizer.learning_rate = 1.0
    _, history = run(cb.ReduceLROnPlateau(**options), losses(*values), model=model)
    assert history.history["learning_rate"] == pytest.approx(expected)      # that of the epoch, before it was reduced


@pytest.mark.parametrize("make", [lambda: cb.ReduceLROnPlateau(), lambda: cb.LearningRateScheduler(lambda epoch: 0.1)])
def test_an_optimizer_with_a_schedule_is_an_error_before_the_first_epoch(make):
    model = Model()
    model.optimizer = ScheduledOptimizer()
    seen = Recorder()
    with pytest.raises(ValueError, match="follows a schedule, so a callback cannot set it; compile with learning_rate=a number"):
        run([make(), seen], losses(1), model=model)
    assert not any(call[0] == "on_epoch_begin" for call in seen.calls)


# ---- arguments -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, error", [
    (lambda: cb.EarlyStopping(patience=-1), ValueError),
    (lambda: cb.EarlyStopping(patience=1.5), TypeError),
    (lambda: cb.EarlyStopping(mode="mim"), ValueError),
    (lambda: cb.EarlyStopping(monitor=3), TypeError),
    (lambda: cb.EarlyStopping(monitor=""), ValueError),
    (lambda: cb.EarlyStopping(min_delta=math.nan), ValueError),
    (lambda: cb.EarlyStopping(baseline="x"), TypeError),
    (lambda: cb.EarlyStopping(restore_best_weights=1), TypeError),
    (lambda: cb.EarlyStopping(start_from_epoch=-1), ValueError),
    (lambda: cb.ModelCheckpoint(3), TypeError),
    (lambda: cb.ModelCheckpoint("a", save_freq=0), ValueError),
    (lambda: cb.ModelCheckpoint("a", save_freq="epochs"), TypeError),
    (lambda: cb.ModelCheckpoint("a", save_best_only="yes"), TypeError),
    (lambda: cb.ReduceLROnPlateau(factor=1.0), ValueError),
    (lambda: cb.ReduceLROnPlateau(factor=-0.1), ValueError),
    (lambda: cb.ReduceLROnPlateau(min_lr=-1), ValueError),
    (lambda: cb.ReduceLROnPlateau(cooldown=-1), ValueError),
    (lambda: cb.LearningRateScheduler(0.1), TypeError),
    (lambda: cb.CSVLogger(3), TypeError),
    (lambda: cb.CSVLogger("a", separator=";;"), ValueError),
    (lambda: cb.CSVLogger("a", append=1), TypeError),
    (lambda: cb.TerminateOnNaN(3), TypeError)])
def test_bad_arguments_name_the_callback(make, error):
    with pytest.raises(error, match=r"^(EarlyStopping|ModelCheckpoint|ReduceLROnPlateau|LearningRateScheduler|CSVLogger|TerminateOnNaN): "):
        make()


# ---- CSV -----------------------------------------------------------------------------------------------------------

def rows(path, **options):
    with open(path, newline="") as stream:
        return list(csv.reader(stream, **options))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    run(cb.CSVLogger(path), losses(2.5, 1.5))
    assert rows(path) == [["epoch", "loss", "val_loss"], ["0", "1.0", "2.5"], ["1", "1.0", "1.5"]]
    run(cb.CSVLogger(path, append=True), losses(0.5), first=2)
    assert rows(path)[3:] == [["2", "1.0", "0.5"]]
    run(cb.CSVLogger(path, separator=";"), [{"loss": 1.0}, {"loss": 2.0, "val_loss": 3.0}], metrics=["loss", "val_loss"])
    assert rows(path, delimiter=";") == [["epoch", "loss", "val_loss"], ["0", "1.0", "NA"], ["1", "2.0", "3.0"]]


def test_csv_logger_writes_at_once_and_goes_on_in_a_second_fit(tmp_path):
    path = tmp_path / "log.csv"
    logger = cb.CSVLogger(path)
    seen = []
    run([logger, cb.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(len(rows(path))))], losses(1, 2))
    assert seen == [2, 3]
    run(logger, losses(3), first=2)
    assert [row[0] for row in rows(path)] == ["epoch", "0", "1", "2"]


# ---- state ---------------------------------------------------------------------------------------------------------

def test_interrupted_and_resumed_is_as_not_interrupted():
    """After every number of epochs: the states go over, and what follows is what would have followed."""
    values = [5, 4, 4.5, 4.2, 4.1, 3, 3.5, 3.4, 3.3, 3.2]

    def make():
        return [cb.EarlyStopping(patience=4, restore_best_weights=True), cb.ReduceLROnPlateau(patience=2, cooldown=1),
                cb.ModelCheckpoint("{epoch}", save_best_only=True), cb.History()]

    whole = make()
    expected, history = run(whole, losses(*values))
    for cut in range(1, len(history.epoch)):
        first = make()
        every = cb.CallbackList(first, model=Model(), metrics=["loss", "val_loss"])
        every.on_train_begin()
        for epoch in range(cut):
            every.on_epoch_begin(epoch)
            every.model.weights = [np.full(2, epoch + 1.0)]
            every.on_epoch_end(epoch, losses(values[epoch])[0])
        second = make()
        resumed = cb.CallbackList(second)
        resumed.set_state(every.get_state())
        model, again = run(second, losses(*values[cut:]), model=every.model, first=cut)
        assert again.epoch == history.epoch and again.history == history.history
        assert model.saved == expected.saved and model.optimizer.learning_rate == expected.optimizer.learning_rate
        np.testing.assert_array_equal(model.weights, expected.weights)
