"""Callbacks in fit: what they see, what they may change, and what is left when one of them fails."""
import numpy as np
import pytest

import pydl
from pydl import callbacks as cb


@pytest.fixture
def regression():
    chance = np.random.default_rng(0)
    x = chance.normal(size=(60, 4)).astype(np.float32)
    return x, x @ np.array([[1.0], [2], [-1], [0.5]], np.float32)


def real_model(rate=0.1, seed=1):
    pydl.utils.set_random_seed(seed)
    model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(6, activation="tanh"), pydl.layers.Dropout(0.1), pydl.layers.Dense(1)])
    model.compile(pydl.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def test_a_learning_rate_set_by_a_callback_reaches_the_replayed_step(regression):
    """0 from the third epoch on: the weights stand still, in steps that were recorded before."""
    seen = []
    model = real_model()
    model.fit(*regression, epochs=4, batch_size=10, verbose=0,
              callbacks=[cb.LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else 0.0), cb.LambdaCallback(
                  on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))])
    assert not np.array_equal(seen[0][0], seen[1][0])
    for later in seen[2:]:
        assert all(np.array_equal(a, b) for a, b in zip(seen[1], later, strict=True))


def test_looking_from_a_callback_changes_nothing(regression):
    x, y = regression

    class Curious(cb.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.predict(x[:7])
            self.model.get_weights()

        def on_epoch_end(self, epoch, logs=None):
            self.model.evaluate(x, y, verbose=0)
            assert logs["mae"] > 0

    alone, watched = real_model(), real_model()
    first = alone.fit(x, y, epochs=3, batch_size=8, verbose=0)
    second = watched.fit(x, y, epochs=3, batch_size=8, verbose=0, callbacks=[Curious()])
    assert first.history == second.history
    assert all(np.array_equal(a, b) for a, b in zip(alone.get_weights(), watched.get_weights(), strict=True))


@pytest.mark.parametrize("hook", [hook for hook in cb.HOOKS if "predict" not in hook and hook not in ("on_batch_begin", "on_batch_end")])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_exception_in_any_hook_leaves_a_usable_model(regression, hook, error):
    x, y = regression
    model = real_model()

    def fail(*args):
        raise error("from the callback")

    with pytest.raises(error, match="from the callback"):
        model.fit(x, y, epochs=2, batch_size=8, validation_split=0.2, verbose=0, callbacks=[cb.LambdaCallback(**{hook: fail})])
    assert np.all(np.isfinite(model.predict(x)))
    assert len(model.fit(x, y, epochs=2, verbose=0).epoch) == 2


def test_early_stopping_of_a_real_model_restores_its_best_weights(regression):
    x, y = regression
    model = real_model()
    kept = {}
    stop = cb.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    history = model.fit(x, y, epochs=60, validation_split=0.3, batch_size=8, verbose=0, callbacks=[
        stop, cb.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.update({epoch: model.get_weights()}))])
    best = int(np.argmin(history.history["val_loss"]))
    assert stop.best_epoch == best and len(history.epoch) in (best + 3, 60)
    assert all(np.array_equal(a, b) for a, b in zip(kept[best], model.get_weights(), strict=True))


def test_an_unknown_monitor_is_an_error_before_a_weight_changes(regression):
    model = real_model()
    before = model.get_weights()
    with pytest.raises(ValueError, match="no 'val_mea' in the logs, there are 'mae', 'loss', 'val_mae', 'val_loss'.*did you mean 'val_mae'"):
        model.fit(*regression, validation_split=0.1, verbose=0, callbacks=[cb.EarlyStopping("val_mea")])
    with pytest.raises(ValueError, match="pass validation_data or validation_split"):
        model.fit(*regression, verbose=0, callbacks=[cb.ReduceLROnPlateau()])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_an_exploding_loss_stops(regression):
    model = real_model(rate=1e30)
    history = model.fit(*regression, epochs=50, verbose=0, callbacks=[cb.TerminateOnNaN()])
    assert len(history.epoch) < 50 and model.stop_training
    with pytest.raises(ValueError, match="follows a schedule"):
        scheduled = real_model()
        scheduled.compile(pydl.optimizers.SGD(pydl.optimizers.schedules.CosineDecay(0.1, 10)), "mse")
        scheduled.fit(*regression, verbose=0, callbacks=[cb.ReduceLROnPlateau("loss")])


def test_stopping_within_an_epoch(regression):
    seen = []

    class Stop(cb.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            self.model.stop_training = batch == 2

    model = real_model()
    assert model.fit(*regression, batch_size=5, epochs=3, verbose=0, callbacks=[Stop()]).epoch == [0] and seen == [0, 1, 2]
