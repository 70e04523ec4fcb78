"""save and load of whole models: what comes back, what is refused, and what a kill leaves."""
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.errors import FormatError
from pydl.models import model_file
from pydl.models.model_file import read_model_file, write_model_file


def digits_model(seed=1, **options):
    pydl.utils.set_random_seed(seed)
    model = pydl.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization(),
                             layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)])
    model.compile(optimizer=pydl.optimizers.Adam(0.003), loss=pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], **options)
    return model


def branched_model():
    shared = layers.Dense(5, activation="tanh")
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    joined = layers.Concatenate()([shared(a), shared(b)])
    return pydl.Model([a, b], layers.Dense(2)(layers.Add()([joined, layers.Dense(10)(joined)])))


@pytest.fixture(scope="module")
def data():
    return pydl.datasets.digits.load_data()[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.pydl"


def equal_weights(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))


# ---- what goes in comes out ----------------------------------------------------------------------------------------

def test_a_trained_model_comes_back_bit_for_bit(path, data):
    x, y = data
    model = digits_model()
    model.fit(x[:300], y[:300], epochs=2, verbose=0)
    model.save(path)
    again = pydl.models.load_model(path)
    assert type(again) is pydl.Sequential and again.name == model.name and [la.name for la in again.layers] == [la.name for la in model.layers]
    assert equal_weights(model, again)
    assert np.array_equal(model.predict(x[:50]), again.predict(x[:50]))
    assert again.evaluate(x[:200], y[:200], verbose=0) == model.evaluate(x[:200], y[:200], verbose=0)
    again.save(path.with_name("b.pydl"))
    assert path.read_bytes() == path.with_name("b.pydl").read_bytes()


def thawed(model):
    model.layers[0].trainable = False
    model.compile(optimizer=pydl.optimizers.Adam(0.003), loss=model.compile_config["loss"])
    model.fit(np.ones((4, 8, 8, 1)), np.arange(4), verbose=0)
    model.layers[0].trainable = True


@pytest.mark.parametrize("change", [
    lambda model: setattr(model.layers[0], "trainable", False), lambda model: setattr(model, "trainable", False), thawed,
    lambda model: setattr(model.weights[0], "trainable", False), lambda model: model.add(layers.Dense(10)),
    lambda model: (model.pop(), model.add(layers.Dense(10, name="other"))), lambda model: model.pop(),
], ids=["a frozen layer", "all frozen", "a thawed layer", "a frozen weight", "one more layer", "another layer", "a layer less"])
def test_a_model_changed_after_training_comes_back_with_what_its_optimizer_remembers(change, path, data):
    """Of which weights it does is not the same as which are trainable now."""
    x, y = data
    model = digits_model()
    model.fit(x[:300], y[:300], epochs=1, verbose=0)
    change(model)
    model.save(path)
    again = pydl.models.load_model(path)
    assert equal_weights(model, again)
    for one in (model, again):
        one.trainable = True
        for p in one.weights[:2]:
            p.trainable = True
        one.fit(x[:300], y[:300], epochs=2, verbose=0)
    assert equal_weights(model, again)


@pytest.mark.parametrize("places", ["01", 1, [0, 0], [1, 0], [0, 2], [0, -1], [0], [], [0, 1.0], [False, True], [[0], 1], {"0": 1}])
def test_an_optimizer_of_other_weights_is_refused(places, path):
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(path)
    config, arrays = read_model_file(path)
    assert config["optimizer_weights"] == [0, 1]
    write_model_file(path, {**config, "optimizer_weights": places}, arrays)
    with pytest.raises(FormatError, match="optimizer|state"):
        pydl.models.load_model(path)


def test_a_file_that_does_not_say_which_weights_its_optimizer_remembers_is_read(path, data):
    x, y = data
    model = digits_model()
    model.fit(x[:100], y[:100], epochs=1, verbose=0)
    model.save(path)
    config, arrays = read_model_file(path)
    del config["optimizer_weights"]
    write_model_file(path, config, arrays)
    again = pydl.models.load_model(path)
    for one in (model, again):
        one.fit(x[:100], y[:100], epochs=1, verbose=0)
    assert equal_weights(model, again)


def test_training_goes_on_as_if_never_interrupted(path, data):
    """2 + 2 epochs, saved and loaded between: the bits of 4, with dropout, shuffling, batch statistics and Adam's slots."""
    x, y = data[0][:300], data[1][:300]
    whole = digits_model()
    whole.fit(x, y, epochs=4, batch_size=32, verbose=0)
    half = digits_model()
    half.fit(x, y, epochs=2, batch_size=32, verbose=0)
    half.save(path)
    del half
    rest = pydl.models.load_model(path)
    rest.fit(x, y, epochs=2, batch_size=32, verbose=0)
    assert equal_weights(whole, rest)


def test_a_branched_model_with_a_shared_layer(path):
    model = branched_model()
    model.save(path)
    again = pydl.models.load_model(path)
    inputs = {"a": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32), "b": np.ones((3, 4), np.float32)}
    assert np.array_equal(model.predict(inputs), again.predict(inputs))
    assert model.count_params() == again.count_params() == sum(w.size for w in again.get_weights())


def test_weights_alone(path, data):
    model, other = digits_model(1), digits_model(2)
    assert not equal_weights(model, other)
    model.save_weights(path)
    other.load_weights(path)
    assert equal_weights(model, other)
    model.save(path)          # a whole model's file has weights too
    third = digits_model(3)
    third.load_weights(path)
    assert equal_weights(model, third)


def test_weights_of_another_network_are_refused_and_nothing_changes(path):
    digits_model().save_weights(path)
    other = pydl.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(10)])
    before = other.get_weights()
    with pytest.raises(ValueError, match="kernel"):
        other.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types(path, dtype):
    model = pydl.Sequential([layers.Input((3,), dtype=dtype), layers.Dense(2, dtype=dtype)])
    model.save(path)
    again = pydl.models.load_model(path)
    assert [w.dtype.name for w in again.get_weights()] == [dtype] * 2 and equal_weights(model, again)


def test_frozen_layers_stay_frozen(path, data):
    model = digits_model()
    model.layers[0].trainable = False
    model.save(path)
    again = pydl.models.load_model(path)
    assert again.layers[0].trainable is False and len(again.trainable_weights) == len(model.trainable_weights)
    before = again.layers[0].get_weights()
    again.fit(data[0][:64], data[1][:64], verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, again.layers[0].get_weights(), strict=True))


def what_learns(model):
    return [p.needs_gradient for p in model.weights]


@pytest.mark.parametrize("change", [
    lambda model: setattr(model.layers[0].bias, "trainable", False),
    lambda model: (setattr(model.layers[0].bias, "trainable", False), setattr(model.layers[0], "trainable", False)),
    lambda model: (setattr(model, "trainable", False), setattr(model.layers[0], "trainable", True)),
    lambda model: (setattr(model.layers[0], "trainable", False), setattr(model.layers[0].bias, "trainable", True)),
    lambda model: setattr(model.layers[1].moving_mean, "trainable", True),
], ids=["a weight", "a weight of a frozen layer", "all but a layer", "a weight that says no of a frozen layer", "a moving mean that learns"])
def test_what_learns_and_what_does_not_comes_back(change, path):
    model = digits_model()
    change(model)
    model.save(path)
    again = pydl.models.load_model(path)
    assert what_learns(again) == what_learns(model)
    for one in (model, again):
        for layer in one.layers:
            layer.trainable = True
    assert what_learns(again) == what_learns(model)


def test_a_frozen_layer_holds_its_weights_still_whatever_they_say():
    layer = digits_model().layers[0]
    layer.trainable = False
    layer.bias.trainable = True                     # as in Keras
    assert layer.trainable_weights == []
    layer.trainable = True
    assert layer.trainable_weights == layer.weights


class Twofold(pydl.Model):
    """Layers with automatic names, made by its constructor; ids go in."""

    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units, self.table, self.rest = units, layers.Embedding(7, 4), [layers.GRU(4), layers.Dense(units)]

    def call(self, ids):
        x = self.table(ids)
        for layer in self.rest:
            x = layer(x)
        return x


def test_a_model_of_ones_own_with_automatic_names_comes_back_in_the_process_that_saved_it(path):
    ids = np.array([[1, 2, 6], [0, 3, 3]])
    model = Twofold(2)
    model.compile("adam", "mse")
    model.fit(ids, np.ones((2, 2)), verbose=0)
    model.table.trainable = False
    model.save(path)
    again = pydl.models.load_model(path, custom_objects={"Twofold": Twofold})
    assert np.array_equal(again.predict(ids), model.predict(ids)) and what_learns(again) == what_learns(model) == [False] + [True] * 5
    for one in (model, again):
        one.fit(ids, np.ones((2, 2)), verbose=0)
    assert equal_weights(model, again)


class Late(pydl.Model):
    """Makes its layer in its first call."""
    dense = None

    def call(self, x):
        if self.dense is None:
            self.dense = layers.Dense(3)
        return self.dense(x)


def test_a_model_that_makes_its_layers_in_its_first_call(path):
    model = Late()
    model(np.ones((2, 4)))
    model.save(path)
    assert equal_weights(pydl.models.load_model(path, custom_objects={"Late": Late}), model)


@pytest.mark.parametrize("make", [lambda: digits_model(), lambda: Late()], ids=["compiled", "of one's own"])
def test_files_of_version_1_are_read(make, path, monkeypatch):
    """They told of the shape of the outermost layer only, and of no single weights."""
    model = make()
    model.predict(np.ones((2, 8, 8, 1)))
    if model.optimizer is not None:
        model.train_on_batch(np.ones((2, 8, 8, 1)), np.arange(2))
        model.layers[0].trainable = False
    model.save(path)
    config, arrays = read_model_file(path)
    assert config.pop("trainable")["layers"].count(False) == (model.optimizer is not None)
    config["built_shape"] = config.pop("built_shapes")[0]
    monkeypatch.setattr(model_file, "VERSION", 1)
    write_model_file(path, config, arrays)
    again = pydl.models.load_model(path, custom_objects={"Late": Late})
    assert equal_weights(again, model) and what_learns(again) == what_learns(model)
    assert np.array_equal(again.predict(np.ones((2, 8, 8, 1))), model.predict(np.ones((2, 8, 8, 1))))


def test_weights_of_a_network_with_another_head(path):
    model, other = (pydl.Sequential([layers.Input((3,)), layers.Dense(4, name="body"), layers.Dense(units, name=f"head_{units}")]) for units in (2, 5))
    model.save_weights(filepath=path)
    before = other.layers[1].get_weights()
    with pytest.raises(ValueError, match="head_5/kernel"):
        other.load_weights(path)
    with pytest.warns(UserWarning, match=r"head_5/kernel', 'head_5/bias'.* of the model stay as they are"):
        other.load_weights(path, skip_mismatch=True)
    assert equal_weights(model.layers[0], other.layers[0]) and all(np.array_equal(a, b) for a, b in zip(before, other.layers[1].get_weights(), strict=True))
    with pytest.raises(TypeError, match="skip_mismatch must be True or False"):
        other.load_weights(path, skip_mismatch="yes")


def test_weights_of_a_network_with_another_head_and_automatic_names(path):
    """A file of dense, dense_1 fits a model of dense_1, dense_2 layer by layer, not name by name."""
    model, other = (pydl.Sequential([layers.Input((4,)), layers.Dense(4, name=f"dense_{i}"), layers.Dense(4, name=f"dense_{i + 1}"),
                                     layers.Dense(units, name=f"dense_{i + 2}")]) for i, units in ((1, 2), (2, 5)))
    model.save_weights(path)
    with pytest.warns(UserWarning, match=r"\['dense_4/kernel', 'dense_4/bias'\] of the model stay"):
        other.load_weights(path, skip_mismatch=True)
    assert equal_weights(model.layers[0], other.layers[0]) and equal_weights(model.layers[1], other.layers[1])


def test_the_arguments_have_the_names_they_have_in_keras(path):
    model = digits_model()
    model.save(filepath=path, overwrite=True)
    assert equal_weights(pydl.models.load_model(filepath=path, custom_objects=None, compile=True, safe_mode=False), model)
    pydl.saving.save_model(model, filepath=path)
    pydl.saving.save_weights(model, filepath=path)
    model.save_weights(filepath=path)
    model.load_weights(filepath=path)
    pydl.saving.load_weights(model, filepath=path, skip_mismatch=True)
    with pytest.raises(TypeError, match="safe_mode must be True or False"):
        pydl.models.load_model(path, safe_mode=None)
    assert pydl.Sequential([layers.Input((3,)), layers.Dense(2)], False, "net").trainable_weights == []
    assert pydl.Sequential([], True, "net").name == "net"
    with pytest.raises(TypeError, match="trainable must be True or False, got 'net'"):
        pydl.Sequential([], "net")


class Scale(layers.Layer):
    def __init__(self, power=1, **options):
        super().__init__(**options)
        self.power = power

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", "factor")

    def call(self, x):
        for _ in range(self.power):
            x = x * self.factor
        return x


def test_a_layer_of_ones_own(path):
    model = pydl.Sequential([layers.Input((3,)), Scale(2), layers.Dense(2)])
    model.save(path)
    with pytest.raises(FormatError, match=r"custom_objects=\{'Scale': Scale\}.*register_serializable"):
        pydl.models.load_model(path)
    again = pydl.models.load_model(path, custom_objects={"Scale": Scale})
    assert again.layers[0].power == 2 and equal_weights(model, again)
    x = np.ones((2, 3), np.float32)
    assert np.array_equal(model.predict(x), again.predict(x))


def test_without_compiling(path, data):
    digits_model().save(path)
    model = pydl.models.load_model(path, compile=False)
    with pytest.raises(ValueError, match="compile"):
        model.fit(*data, verbose=0)


def test_checkpoints_of_fit_can_be_loaded(tmp_path, data):
    x, y = data[0][:200], data[1][:200]
    model = digits_model()
    best = pydl.callbacks.ModelCheckpoint(tmp_path / "best.pydl", monitor="accuracy", save_best_only=True)
    every = pydl.callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.pydl")
    stop = pydl.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    history = model.fit(x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[best, every, stop])
    names = sorted(os.listdir(tmp_path))
    assert names == [*(f"{i + 1:02d}.pydl" for i in history.epoch), "best.pydl"]
    assert pydl.models.load_model(tmp_path / "best.pydl").predict(x[:2]).shape == (2, 10)


def test_misuse(path, data):
    model = digits_model()
    model.save(path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(path, overwrite=False)
    with pytest.raises(TypeError, match="filepath must be a string or a path"):
        model.save(3)
    with pytest.raises(FileNotFoundError):
        model.save(path.parent / "no" / "a.pydl")
    with pytest.raises(ValueError, match="not built"):
        pydl.Sequential([layers.Dense(3)]).save(path)
    with pytest.raises(FileNotFoundError):
        pydl.models.load_model(path.parent / "no.pydl")
    with pytest.raises(TypeError, match="custom_objects must be a dict"):
        pydl.models.load_model(path, custom_objects=[Scale])
    assert np.array_equal(pydl.models.load_model(path).predict(data[0][:2]), model.predict(data[0][:2]))


# ---- hostile configs in files that are whole -----------------------------------------------------------------------

@pytest.fixture
def small(path):
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(2, name="dense")], name="net")
    model.compile("adam", "mse")
    model.train_on_batch(np.zeros((2, 3)), np.zeros((2, 2)))
    model.save(path)
    return read_model_file(path)


def changed(config, *keys, to):
    """Change one place of a config of dicts and lists; `del` takes it out."""
    part = config
    for key in keys[:-1]:
        part = part[key]
    if to == "del":
        del part[keys[-1]]
    else:
        part[keys[-1]] = to
    return config


LAYER = ("model", "config", "layers", 0)
CHANGES = [
    (("model",), "del"), (("model",), None), (("model",), 3), (("model",), []), (("model", "class_name"), "Dense"), (("model", "class_name"), "layers.Dense"),
    (("model", "class_name"), "os.system"), (("model", "class_name"), "builtins.eval"), (("model", "class_name"), 3), (("model", "config"), None),
    (("model", "config", "layers"), None), (("model", "config", "layers"), 5), (("model", "config", "layers"), [3]), (("model", "config", "layers"), "del"),
    (("model", "config", "input", "shape"), [4]), (("model", "config", "input", "shape"), [-1]), (("model", "config", "input", "shape"), ["x"]),
    (("model", "config", "input", "shape"), [10**12]), (("model", "config", "input", "dtype"), "object"), (("model", "config", "name"), 7),
    (("model", "config", "surprise"), 1),
    ((*LAYER, "class_name"), "layers.Conv2D"), ((*LAYER, "class_name"), "optimizers.Adam"), ((*LAYER, "class_name"), "subprocess.Popen"),
    ((*LAYER, "class_name"), "pydl.models.saving.save_model"), ((*LAYER, "class_name"), "models.Sequential"), (LAYER, {"function": "eval"}),
    ((*LAYER, "config", "units"), 3), ((*LAYER, "config", "units"), -1), ((*LAYER, "config", "units"), 1.5), ((*LAYER, "config", "units"), "2"),
    ((*LAYER, "config", "units"), 2**40), ((*LAYER, "config", "units"), 10**9), ((*LAYER, "config", "units"), 2**63), ((*LAYER, "config", "units"), "del"),
    ((*LAYER, "config", "activation"), "eval"), ((*LAYER, "config", "activation"), "__import__('os').system('true')"), ((*LAYER, "config", "activation"), 3),
    ((*LAYER, "config", "activation"), {"function": "os.system"}), ((*LAYER, "config", "kernel_initializer"), "nothing"),
    ((*LAYER, "config", "kernel_initializer"), {"class_name": "os.system", "config": {}}), ((*LAYER, "config", "kernel_regularizer"), {"class_name": "x"}),
    ((*LAYER, "config", "name"), "other"), ((*LAYER, "config", "name"), None), ((*LAYER, "config", "dtype"), "float16"),
    ((*LAYER, "config", "use_bias"), False),
    ((*LAYER, "config", "use_bias"), "no"), ((*LAYER, "config", "__class__"), 3),
    (("compile", "optimizer"), None), (("compile", "optimizer"), "adam"), (("compile", "optimizer", "class_name"), "layers.Dense"),
    (("compile", "optimizer", "class_name"), "os.system"), (("compile", "optimizer", "config", "learning_rate"), -1),
    (("compile", "optimizer", "config", "learning_rate"), "x"),
    (("compile", "optimizer", "config", "beta_1"), 1.5), (("compile", "loss"), "mze"), (("compile", "loss"), {"class_name": "os.system", "config": {}}),
    (("compile", "loss"), 3), (("compile", "metrics"), ["acuracy"]), (("compile", "metrics"), 3), (("compile", "surprise"), 3),
    (("training",), None), (("training", "epochs_trained"), "x"), (("training", "epochs_trained"), None), (("training", "shuffle_seed"), [1]),
    (("built_shapes",), "del"), (("built_shapes",), None), (("built_shapes",), [[[3]]]), (("built_shapes",), [["x", 3]]), (("built_shapes",), [[None, -3]]),
    (("built_shapes",), [None, [None, 10**12]]), (("built_shapes",), [None, None, [None, 3]]), (("trainable",), None), (("trainable",), [True, True]),
    (("trainable",), {}), (("trainable", "layers"), [True]), (("trainable", "layers"), [False]), (("trainable", "layers"), [1, 0]),
    (("trainable", "layers"), "no"), (("trainable", "weights"), [False]), (("trainable", "weights"), [True, 3]), (("trainable", "weights"), None),
    (("compile", "steps_per_execution"), 0), (("compile", "jit_compile"), "x"),
]


@pytest.mark.parametrize("keys, to", CHANGES, ids=[f"{'.'.join(map(str, keys))}={str(to)[:20]}" for keys, to in CHANGES])
def test_a_config_that_was_tampered_with(path, small, keys, to, monkeypatch):
    """Refused with a ValueError, or harmless: then what loads predicts as before.  Nothing runs, and no memory is asked for."""
    monkeypatch.setattr(os, "system", lambda *args: pytest.fail("the file ran a command"))
    config, arrays = small
    write_model_file(path, changed(config, *keys, to=to), arrays)
    try:
        model = pydl.models.load_model(path)
    except ValueError as error:
        assert len(str(error)) > 10
        return
    harmless = {("built_shapes",), ("trainable", "layers"),
                ("model", "config", "name"), ("model", "config", "surprise"), (*LAYER, "config", "name"), ("compile", "surprise")}
    assert keys in harmless or to is None, "accepted"
    assert model.predict(np.ones((2, 3))).shape == (2, 2)


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "text", "optimizer", "optimizer shape", "states"])
def test_arrays_that_do_not_fit_the_config(path, small, change):
    config, arrays = small
    kernel = next(name for name in arrays if name.endswith("kernel"))
    slot = [name for name in arrays if name.startswith("optimizer/")][-1]
    if change == "missing":
        del arrays[kernel]
    elif change == "extra":
        arrays["weights/more"] = np.zeros(100)
    elif change == "shape":
        arrays[kernel] = arrays[kernel].T.copy()
    elif change == "text":
        arrays[kernel] = np.zeros((3, 2), bool)
        arrays["weights/dense/bias"] = np.zeros((3,), np.float32)
    elif change == "optimizer":
        del arrays[slot]
    elif change == "optimizer shape":
        arrays[slot] = np.zeros((7, 7, 7))
    else:
        arrays["states/dropout/counter"] = np.zeros(3, np.uint64)
    write_model_file(path, config, arrays)
    with pytest.raises(ValueError, match=str(path)):
        pydl.models.load_model(path)


def test_truncated_and_flipped_files(path, small):
    whole = path.read_bytes()
    chance = random.Random(2)
    for length in chance.sample(range(len(whole)), 100):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=str(path)):
            pydl.models.load_model(path)
    for place in chance.sample(range(len(whole)), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=str(path)):
            pydl.models.load_model(path)
    path.write_bytes(whole)
    assert pydl.models.load_model(path).count_params() == 8


# ---- kill -9 -------------------------------------------------------------------------------------------------------

def test_kill_during_save(path):
    """A child saves one of two models over and over; whenever it is killed, the file is one of them, whole."""
    script = textwrap.dedent("""
        import sys
        import numpy as np
        import pydl
        from pydl import layers
        model = pydl.Sequential([layers.Input((50,)), layers.Dense(400), layers.Dense(10)])
        model.compile("adam", "mse")
        model.train_on_batch(np.zeros((1, 50)), np.zeros((1, 10)))
        for number in range(10**9):
            model.set_weights([np.full(w.shape, number, np.float32) for w in model.get_weights()])
            model.save(sys.argv[1])
            if number == 1:
                print("ready", flush=True)
    """)
    home = os.path.dirname(os.path.dirname(os.path.abspath(pydl.__file__)))
    environment = {**os.environ, "PYTHONPATH": home + os.pathsep + os.environ.get("PYTHONPATH", ""), "PYDL_NUM_THREADS": "1"}
    chance = random.Random(11)
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-P", "-c", script, str(path)], stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.05))
            child.send_signal(signal.SIGKILL)
            child.wait()
        weights = pydl.models.load_model(path).get_weights()
        assert len({float(w.reshape(-1)[0]) for w in weights}) == 1 and all(np.all(w == w.reshape(-1)[0]) for w in weights)
        assert len(os.listdir(path.parent)) <= 2
