"""An interrupted training goes on bit for bit: a short form of tests/kill_resume.py, and each part of what is kept by itself."""
import os
import random

import kill_resume
import numpy as np
import pytest

import pydl
from pydl import callbacks as cb
from pydl import layers
from pydl.errors import FormatError
from pydl.models.model_file import read_model_file, write_model_file


@pytest.mark.parametrize("kind", ["batches", "dataset", "generator"])
def test_killed_and_run_again(kind, tmp_path):
    whole = kill_resume.train(kind, tmp_path)
    digest, places = kill_resume.interrupted(kind, random.Random(kind), kills=1)
    assert digest == whole and len(places) == 1


class Stop(Exception):
    """What interrupts a training in this process."""


class StopAt(cb.Callback):
    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise Stop


def network(optimizer="adam"):
    pydl.utils.set_random_seed(3)
    model = pydl.Sequential([layers.Input((12,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(3)])
    model.compile(optimizer, pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def fitted(model, folder=None, steps=None, epochs=4, save_freq=2, also=(), **options):
    """fit, interrupted after so many steps; (weights, history)."""
    options = {"x": kill_resume.X, "y": kill_resume.Y, "batch_size": 32, **options}
    watch = list(also)
    if folder is not None:
        watch.append(cb.BackupAndRestore(folder, save_freq=save_freq))
    if steps is not None:
        watch.append(StopAt(steps))
        with pytest.raises(Stop):
            model.fit(**options, epochs=epochs, callbacks=watch, verbose=0)
        return None
    history = model.fit(**options, epochs=epochs, callbacks=watch, verbose=0)
    return [w.tobytes() for w in model.get_weights()], history.history


def test_a_backup_after_every_step_is_where_each_step_goes_on(tmp_path):
    """210 rows in batches of 32: seven steps an epoch, the last one smaller; interrupted before, at and after the end of one."""
    whole = fitted(network(), epochs=2)
    for steps in (1, 6, 7, 9):
        folder = tmp_path / str(steps)
        fitted(network(), folder, steps, epochs=2, save_freq=1)
        assert fitted(network(), folder, epochs=2, save_freq=1) == whole, steps
        assert os.listdir(folder) == []


def test_settings_changed_on_the_way_and_frozen_layers_come_back(tmp_path):
    class Change(cb.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.beta_1, self.model.optimizer.clipvalue = 0.5, 0.01
                self.model.layers[0].trainable = self.model.layers[2].bias.trainable = False

    def make():
        return network(pydl.optimizers.Adam(0.01, clipvalue=1.0))
    whole = fitted(make(), also=[Change()])
    fitted(make(), tmp_path, 18, save_freq="epoch", also=[Change()])
    model = make()
    assert fitted(model, tmp_path, save_freq="epoch", also=[Change()]) == whole
    assert model.optimizer.beta_1 == 0.5 and not model.layers[0].trainable and not model.layers[2].bias.trainable


@pytest.mark.parametrize("flags", [None, [False], [False] * 5, {"layers": [True] * 4}, {"layers": [True] * 4, "weights": [0, 1, 2, 3]}])
def test_flags_that_do_not_fit_are_refused_and_those_of_version_1_are_read(flags, tmp_path):
    model, other = network(), network()
    model.layers[0].trainable = False
    model.save_progress(tmp_path / "a")
    config, arrays = read_model_file(tmp_path / "a")
    write_model_file(tmp_path / "b", {**config, "trainable": flags}, arrays)
    before = other.get_weights()
    with pytest.raises(FormatError, match="trainable"):
        other.load_progress(tmp_path / "b")
    assert other.layers[0].trainable and all(np.array_equal(a, b) for a, b in zip(before, other.get_weights()))
    write_model_file(tmp_path / "b", {**config, "trainable": config["trainable"]["layers"]}, arrays)
    other.load_progress(tmp_path / "b")
    assert [layer.trainable for layer in other.layers] == [False, True, True] and len(other.trainable_weights) == 2


def test_numbers_of_the_global_stream_go_on(tmp_path):
    class Draw(cb.Callback):
        def __init__(self):
            super().__init__()
            self.drawn = []

        def on_epoch_end(self, epoch, logs=None):
            self.drawn += pydl.random.uniform((2,)).numpy().tolist()

        def get_state(self):
            return {"drawn": list(self.drawn)}

        def set_state(self, state):
            self.drawn = list(state["drawn"])
    a, b, c = Draw(), Draw(), Draw()
    fitted(network(), also=[a])
    fitted(network(), tmp_path, 17, save_freq="epoch", also=[b])
    fitted(network(), tmp_path, save_freq="epoch", also=[c])
    assert len(a.drawn) == 8 and c.drawn == a.drawn


def test_a_stopped_training_stays_stopped(tmp_path):
    """Killed between the last backup and the end: what is left to do is the end alone."""
    class Break(cb.Callback):
        def on_train_end(self, logs=None):
            raise Stop

    def watch():
        return cb.EarlyStopping("loss", patience=0, baseline=0.0, restore_best_weights=True)
    whole = fitted(network(), also=[watch()], epochs=9)
    with pytest.raises(Stop):
        fitted(network(), tmp_path, also=[Break(), watch()], epochs=9)
    assert len(os.listdir(tmp_path)) == 1
    assert fitted(network(), tmp_path, also=[watch()], epochs=9) == whole


def test_the_file_before_the_last_serves_where_the_last_is_damaged(tmp_path):
    whole = fitted(network())
    fitted(network(), tmp_path, 12, also=[cb.BackupAndRestore(tmp_path / "two", save_freq=2, double_checkpoint=True)])
    last = tmp_path / "two" / "progress.pydl"
    last.write_bytes(last.read_bytes()[:-9])
    with pytest.raises(FormatError, match="progress.pydl"):
        fitted(network(), tmp_path / "two")
    assert fitted(network(), also=[cb.BackupAndRestore(tmp_path / "two", double_checkpoint=True)]) == whole
    assert os.listdir(tmp_path / "two") == []


def test_a_backup_of_another_network_is_refused_and_nothing_changes(tmp_path):
    fitted(network(), tmp_path, 4)
    other = pydl.Sequential([layers.Input((12,)), layers.Dense(9), layers.Dense(3)])
    other.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = other.get_weights()
    with pytest.raises(ValueError, match="another network"):
        fitted(other, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights()))
    with pytest.raises(ValueError, match="SGD: the state"):
        fitted(network("sgd"), tmp_path)
    with pytest.raises(ValueError, match="same data"):
        fitted(network(), tmp_path, batch_size=30)
    with pytest.raises(FormatError, match="no progress of a training"):
        network().save(tmp_path / "progress.pydl")
        fitted(network(), tmp_path)


def test_a_callback_may_remember_arrays_tuples_and_what_is_not_finite(tmp_path):
    class Remembers(cb.Callback):
        kept = {"nan": float("nan"), "inf": -float("inf"), "array": np.arange(6.0).reshape(2, 3), 3: [None, True, {"a": 1.5}], "number": np.float32(2.5)}

        def get_state(self):
            return self.kept

        def set_state(self, state):
            self.seen = state
    fitted(network(), tmp_path, 5, also=[Remembers()])
    again = Remembers()
    fitted(network(), tmp_path, also=[again])
    assert np.isnan(again.seen["nan"]) and again.seen["inf"] == -np.inf and again.seen[3] == [None, True, {"a": 1.5}] and again.seen["number"] == 2.5
    np.testing.assert_array_equal(again.seen["array"], Remembers.kept["array"])


@pytest.mark.parametrize("options, error, words", [
    (dict(backup_dir=3), TypeError, "backup_dir"), (dict(backup_dir=""), TypeError, "backup_dir"), (dict(save_freq=0), ValueError, "save_freq"),
    (dict(save_freq="batch"), ValueError, "save_freq"), (dict(save_freq=1.5), TypeError, "save_freq"),
    (dict(double_checkpoint=1), TypeError, "double_checkpoint"), (dict(delete_checkpoint="no"), TypeError, "delete_checkpoint"),
])
def test_bad_arguments(options, error, words):
    with pytest.raises(error, match=f"BackupAndRestore: {words}"):
        cb.BackupAndRestore(**{"backup_dir": "x", **options})


def test_finished_and_kept_there_is_nothing_left_to_do(tmp_path):
    model = network()
    model.fit(kill_resume.X, kill_resume.Y, epochs=2, callbacks=[cb.BackupAndRestore(tmp_path, delete_checkpoint=False)], verbose=0)
    again = network()
    history = again.fit(kill_resume.X, kill_resume.Y, epochs=2, callbacks=[cb.BackupAndRestore(tmp_path)], verbose=0)
    assert history.epoch == [0, 1]
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights()))


def test_averages_of_weights_that_are_swapped_when_it_stops(tmp_path):
    def make():
        return network(pydl.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8))
    whole = fitted(make(), also=[cb.SwapEMAWeights(swap_on_epoch=True)])
    fitted(make(), tmp_path, 17, save_freq="epoch", also=[cb.SwapEMAWeights(swap_on_epoch=True)])
    assert fitted(make(), tmp_path, save_freq="epoch", also=[cb.SwapEMAWeights(swap_on_epoch=True)]) == whole


@pytest.mark.parametrize("stream", [False, True])
def test_metrics_that_learn_their_shape_from_the_first_batch(tmp_path, stream):
    """Interrupted within an epoch: their sums are in the backup, and a model that has seen no batch takes them."""
    def make(metrics=("accuracy",)):
        model = network()
        model.compile("adam", "mse", metrics=[pydl.metrics.F1Score(), pydl.metrics.R2Score(), *metrics])
        return model
    options = dict(x=kill_resume.X, y=np.eye(3, dtype="float32")[kill_resume.Y])
    if stream:
        pairs = [(options["x"][i:i + 32], options["y"][i:i + 32]) for i in range(0, 210, 32)]
        options = dict(x=type("Pairs", (), {"__iter__": lambda self: iter(pairs)})(), y=None, batch_size=None)
    whole = fitted(make(), **options)
    fitted(make(), tmp_path, 10, **options)
    with pytest.raises(ValueError, match="other metrics"):
        fitted(make([]), tmp_path, **options)
    assert repr(fitted(make(), tmp_path, **options)) == repr(whole)


def test_a_model_cannot_be_trained_twice_at_the_same_time():
    model = network()

    class Again(cb.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.fit(kill_resume.X, kill_resume.Y, verbose=0)
    with pytest.raises(ValueError, match="trained already"):
        fitted(model, also=[Again()])
    fitted(model)
