"""copy.copy, copy.deepcopy and pickle of models and of what they are made of: what `load_model` would give, and independent of the first."""
import copy
import inspect
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from child import PACKAGE, run_python

import pydl
from pydl import layers
from pydl.errors import FormatError
from pydl.layers.contents import remade
from pydl.tensor import structure_version

WAYS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}
every_way = pytest.mark.parametrize("copied", WAYS.values(), ids=WAYS)
rng = np.random.default_rng(5)
X, Y = rng.standard_normal((40, 3)).astype("float32"), rng.standard_normal((40, 2)).astype("float32")


def gap(y_true, y_pred):
    """A loss that is not registered."""
    return pydl.ops.mean(pydl.ops.square(y_true - y_pred), axis=-1)


def bend(x):
    return x * 0.5


class Scale(layers.Layer):
    """A layer that is not registered, with one inside that is built by the first call."""

    def __init__(self, power=1, **options):
        super().__init__(**options)
        self.power, self.inner = power, layers.Dense(3)

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", "factor")

    def call(self, x):
        return self.inner(x * self.factor) * self.power


class Mine(pydl.Model):
    """A model that is not registered, whose layers have automatic names."""

    def __init__(self, units=2, **options):
        super().__init__(**options)
        self.units, self.body, self.head = units, [layers.Dense(4, activation=bend), layers.Dropout(0.2)], layers.Dense(units)

    def call(self, x, training=False):
        for layer in self.body:
            x = layer(x, training=training)
        return self.head(x)


@pydl.saving.register_serializable("Copies")
class Registered(Mine):
    pass


def sequential():
    return pydl.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh", kernel_regularizer="l2"), layers.BatchNormalization(), layers.Dropout(0.3),
                            layers.Dense(2)])


def functional():
    x, shared = layers.Input((3,)), layers.Dense(3, activation="tanh")
    return pydl.Model(x, layers.Dense(2)(layers.Add()([shared(shared(x)), x])))


def with_own_layer():
    return pydl.Sequential([layers.Input((3,)), Scale(2), layers.Lambda(bend), layers.Dense(2)])


KINDS = {"Sequential": sequential, "functional": functional, "unregistered layer": with_own_layer, "unregistered subclass": Mine, "subclass": Registered}


def trained(make, **options):
    pydl.utils.set_random_seed(3)
    model = make()
    model.compile(pydl.optimizers.Adam(0.01), **{"loss": gap, "metrics": ["mae"], **options})
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def equal(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))


# ---- models

@every_way
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_trained_model_goes_on_as_the_first_would(copied, make):
    """Weights, dropout counters, compile state, optimizer and the order of the rows: two more epochs give the same bits; the first does not notice."""
    model = trained(make)
    before = model.get_weights()
    again = copied(model)
    assert type(again) is type(model) and again is not model and again.optimizer is not model.optimizer
    assert again.name == model.name and equal(again, model)
    assert again.optimizer.iterations == model.optimizer.iterations == 4
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    again.fit(X, Y, epochs=2, verbose=0)
    assert not equal(again, model) and all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.fit(X, Y, epochs=2, verbose=0)
    assert equal(again, model) and again.history.history == model.history.history


@every_way
def test_a_copy_is_what_load_model_gives(copied, tmp_path):
    model = trained(sequential, loss="mse", run_eagerly=True, steps_per_execution=3)
    model.save(tmp_path / "a.pydl")
    loaded, again = pydl.models.load_model(tmp_path / "a.pydl"), copied(model)
    assert again.get_compile_config() == loaded.get_compile_config() == model.get_compile_config()
    again.save(tmp_path / "b.pydl")
    assert (tmp_path / "a.pydl").read_bytes() == (tmp_path / "b.pydl").read_bytes()


@every_way
def test_what_is_not_built_or_not_compiled_stays_so(copied):
    model = copied(pydl.Sequential([layers.Dense(2), layers.Dropout(0.1)]))
    assert not model.built and model.optimizer is None and model.predict(X).shape == (40, 2)
    half = pydl.Sequential([layers.Dense(2), layers.Dense(5)])
    half.layers[0](X)
    again = copied(half)
    assert again.layers[0].built and not again.layers[1].built and equal(again.layers[0], half.layers[0])
    assert not copied(Mine()).built


@every_way
def test_a_layer_that_its_constructor_builds(copied):
    table = np.arange(6.0).reshape(3, 2)
    layer = copied(layers.Embedding(3, 2, weights=table))
    np.testing.assert_array_equal(layer(np.array([2, 0])).numpy(), table[[2, 0]])


@every_way
def test_the_random_numbers_of_others_are_not_disturbed(copied):
    model, drawn = trained(sequential), []
    for twice in (False, True):
        pydl.utils.set_random_seed(8)
        if twice:
            copied(model)
        drawn.append(pydl.random.uniform((3,)).numpy())
    np.testing.assert_array_equal(*drawn)


@every_way
def test_a_copy_in_the_middle_of_a_training_disturbs_nothing(copied):
    """The same bits, and the recorded step goes on: making layers is no change of those there are."""
    class Keep(pydl.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            copies.append(copied(self.model))
            steps.append([step for _, step in self.model.recorded_steps()])
    found = []
    for also in ([], [Keep()]):
        copies, steps = [], []
        pydl.utils.set_random_seed(3)
        model = sequential()
        model.compile("adam", gap)
        model.fit(X, Y, batch_size=10, epochs=4, verbose=0, callbacks=also)
        found.append(model)
    assert equal(*found) and equal(copies[-1], found[0]) and not equal(copies[0], copies[1])
    version = structure_version()
    assert len(steps[1]) == 1 and steps[1] == steps[3]
    copied(model)
    sequential()
    assert structure_version() == version


@every_way
def test_what_is_frozen_stays_frozen(copied):
    model = trained(sequential)
    model.layers[0].bias.trainable = False
    model.layers[-1].trainable = False
    again = copied(model)
    assert [p.name for p in again.trainable_weights] == [p.name for p in model.trainable_weights] == ["kernel", "gamma", "beta"]
    again.layers[-1].trainable = True
    assert len(again.trainable_weights) == 5


def test_a_lambda_is_copied_in_this_process_and_pickle_says_that_it_cannot():
    model = pydl.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x * 2), layers.Dense(2, activation=lambda x: x + 1)])
    np.testing.assert_array_equal(copy.deepcopy(model).predict(X), model.predict(X))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(model)
    with pytest.raises(ValueError, match="a lambda has no name"):
        model.to_json()


def test_two_classes_of_one_name():
    def made(sign):
        class Twin(layers.Layer):
            def call(self, x):
                return x * sign
        return Twin(name=f"twin{sign}")
    model = pydl.Sequential([layers.Input((3,)), made(2), made(5)])
    np.testing.assert_array_equal(copy.deepcopy(model).predict(X), 10 * X)


def test_inside_other_things():
    model = trained(sequential)
    keeper = copy.deepcopy({"best": model, "history": model.history, "list": [model.layers[0], model.layers[0].kernel]})
    assert equal(keeper["best"], model) and keeper["history"].history == model.history.history and keeper["history"].model is None
    assert pickle.loads(pickle.dumps(model.history)).history == model.history.history
    assert equal(pydl.models.clone_model(with_own_layer()), with_own_layer()) is False        # unregistered classes are cloned too, with new weights


def test_another_process_reads_a_pickle(tmp_path):
    model = trained(Registered)
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "x.npy", X)
    here = Path(__file__).resolve().parent                  # pytest names the module after the folder above, where ./pydl must not come first
    run_python(f"""
        import pickle, sys, numpy as np, {Registered.__module__}
        model = pickle.load(open(sys.argv[1], 'rb'))
        np.save(sys.argv[3], model.predict(np.load(sys.argv[2])))
    """, *(tmp_path / n for n in ("model.pickle", "x.npy", "y.npy")), PYTHONPATH=os.pathsep.join(map(str, [PACKAGE, here, here.parent])))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict(X))


class Allowed(pickle.Unpickler):
    """What a careful reader of pickles lets through: pydl's, and arrays."""

    def find_class(self, module, name):
        if module.split(".")[0] in ("pydl", "numpy"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def test_a_pickle_of_a_model_names_nothing_but_what_it_is_made_of(tmp_path):
    model = trained(sequential, loss="mse")
    assert equal(Allowed(io.BytesIO(pickle.dumps(model))).load(), model)
    with pytest.raises(pickle.UnpicklingError, match="Mine is not allowed"):
        Allowed(io.BytesIO(pickle.dumps(trained(Mine, loss="mse")))).load()


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "Mine", "optimizers.Adam"])
def test_a_config_that_was_tampered_with_builds_nothing_else(name, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *args: pytest.fail("ran a command"))
    function, (made, contents, own) = sequential().__reduce__()
    assert function is remade and own == {}
    made["config"]["layers"][0]["class_name"] = name
    with pytest.raises(FormatError):
        remade(made, contents, own)


# ---- what a model is made of

class OwnTensor(pydl.Tensor):
    pass


@every_way
def test_tensors(copied):
    t = pydl.Tensor([1.0, 2.0], needs_gradient=True)
    again = copied(t)
    assert again.numpy().tolist() == [1.0, 2.0] and again.needs_gradient and again.numpy() is not t.numpy()
    again.numpy()[0] = 7
    assert t.numpy().tolist() == [1.0, 2.0]
    assert type(copied(OwnTensor([1.0]))) is OwnTensor
    made = copied(t * 3)                                          # the values, not the way they came about
    assert made.op is None and not made.needs_gradient and made.numpy().tolist() == [3.0, 6.0]
    masked = copied(layers.Masking()(np.array([[[1.0], [0.0]]])))
    assert masked.mask.numpy().tolist() == [[True, False]]


@every_way
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_parameters(copied, dtype):
    p = pydl.Parameter(np.arange(6).reshape(2, 3), name="w", regularizer=pydl.regularizers.L2(0.1), constraint=pydl.constraints.NonNeg(), dtype=dtype)
    p.lr_multiplier = 0.25
    again = copied(p)
    assert type(again) is pydl.Parameter and again.array is not p.array and again.array.weight and again.dtype == p.dtype
    assert (again.name, again.trainable, again.lr_multiplier, again.needs_gradient) == ("w", True, 0.25, dtype != "int64")
    assert again.regularizer.get_config() == p.regularizer.get_config() and isinstance(again.constraint, pydl.constraints.NonNeg)
    again.assign(np.zeros((2, 3), dtype))
    assert p.numpy().sum() == 15
    p.trainable = False
    assert copied(p).trainable is False and copied(p).needs_gradient is False


@every_way
@pytest.mark.parametrize("made", pydl.optimizers.CLASSES, ids=lambda c: c.__name__)
def test_optimizers_keep_their_settings_and_begin_anew(copied, made):
    optimizer = made(pydl.schedules.ExponentialDecay(0.1, 10, 0.5), clipnorm=2.0)
    again = copied(optimizer)
    assert type(again) is made and again.get_config() == optimizer.get_config() and not again.built
    optimizer.apply([np.ones((2,), "float32")], [pydl.Parameter(np.zeros(2, "float32"))])
    with pytest.warns(UserWarning, match=f"{made.__name__}: the copy of an optimizer begins anew; after 1 steps"):
        again = copied(optimizer)
    assert again.iterations == 0 and optimizer.iterations == 1
    again.apply([np.ones((2,), "float32")], [pydl.Parameter(np.zeros(2, "float32"))])


def objects():
    for module in (pydl.losses, pydl.metrics, pydl.initializers, pydl.regularizers, pydl.constraints, pydl.schedules, pydl.callbacks):
        for name, cls in sorted(vars(module).items()):
            ours = isinstance(cls, type) and cls.__name__ == name and cls.__module__.startswith(module.__name__)
            if ours and not name.startswith("_") and not issubclass(cls, pydl.Op):
                yield pytest.param(cls, id=f"{module.__name__}.{name}")


GIVEN = {"num_classes": 2, "filepath": "x", "filename": "x", "backup_dir": "x", "initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5,
         "first_decay_steps": 5, "scale": 1.0, "function": gap, "fn": gap, "schedule": gap, "d_model": 4, "boundaries": [1], "values": [1.0, 0.5],
         "monitor": "loss", "target_class_ids": [0],
         "specificity": 0.5, "sensitivity": 0.5, "precision": 0.5, "recall": 0.5, "target": 5, "beta": 0.9, "shape": (2,),
         "value": np.ones((2,))}


@pytest.mark.parametrize("cls", list(objects()))
def test_every_object_can_be_copied(cls):
    required = [p.name for p in list(inspect.signature(cls.__init__).parameters.values())[1:] if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
    thing = cls(**{name: GIVEN[name] for name in required})
    for copied in WAYS.values():
        again = copied(thing)
        assert type(again) is cls and again is not thing
        if hasattr(thing, "get_config"):
            assert repr(again.get_config()) == repr(thing.get_config())


@every_way
def test_metrics_keep_what_they_gathered(copied):
    mean = pydl.metrics.Mean()
    mean.update_state([1.0, 3.0])
    again = copied(mean)
    again.update_state([11.0])
    assert (mean.result(), again.result()) == (2.0, 5.0)


class Positives(pydl.metrics.Metric):
    def __init__(self, name="positives"):
        super().__init__(name=name)
        self.count = self.add_weight(name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign_add(pydl.ops.sum(pydl.ops.cast(y_pred > 0, "float32")))

    def result(self):
        return self.count.item()


@every_way
def test_metrics_of_ones_own(copied):
    metric = Positives()
    metric.update_state(None, pydl.Tensor([1.0, -1.0, 2.0]))
    again = copied(metric)
    assert again.result() == 2.0 and again.count is again.states[0][0] and again.count is not metric.count
    again.reset_state()
    assert (metric.result(), again.result()) == (2.0, 0.0)
