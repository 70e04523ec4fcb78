"""Sequential and functional models, compile, fit, evaluate, predict."""
import re

import numpy as np
import pytest

import pydl
from pydl import layers, ops


def data(n=60, d=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32)
    return x, (np.abs(x @ rng.standard_normal((d, classes))).argmax(1)).astype(np.int64)


def classifier(**options):
    pydl.utils.set_random_seed(7)
    model = pydl.Sequential([layers.Input((4,)), layers.Dense(16, activation="relu"), layers.Dropout(0.2), layers.Dense(3)], **options)
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def same(a, b):
    return all(p.tobytes() == q.tobytes() for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


# ---- structure

def test_a_sequential_without_input_is_built_by_its_first_data():
    model = pydl.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built and model.weights == []
    with pytest.raises(ValueError, match="not built"):
        model.summary()
    assert model.predict(np.zeros((5, 4))).shape == (5, 2)
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_layers_can_be_added_and_taken_off():
    model = pydl.Sequential([layers.Input((4,))])
    model.add(layers.Dense(3, name="a"))
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    assert model.pop().name == "b"
    assert model.output_shape == (None, 3) and model.predict(np.zeros((1, 4))).shape == (1, 3)


def test_an_input_layer_is_where_data_enters():
    model = pydl.Sequential([layers.InputLayer((4,), name="data"), layers.Dense(3)])
    assert model.built and model.input_names == ["data"] and model.input_shape == (None, 4) and [type(layer) for layer in model.layers] == [layers.Dense]
    model = pydl.Sequential()
    model.add(layers.InputLayer(batch_shape=(8, 4), dtype="float64"))
    model.add(layers.Dense(3))
    assert model.output_shape == (None, 3) and model.input.dtype == "float64"
    with pytest.raises(ValueError, match="Input must come first"):
        model.add(layers.InputLayer((4,)))
    entry = layers.InputLayer((4,), name="a")
    model = pydl.Model(entry.output, layers.Dense(2)(entry.output))
    assert entry.output is model.input and model.input_names == ["a"]
    assert entry.get_config() == {"batch_shape": [None, 4], "dtype": "float32", "name": "a"}
    assert layers.InputLayer.from_config(entry.get_config()).get_config() == entry.get_config()
    assert layers.Input(batch_shape=(None, 5)).shape == layers.InputLayer((5,)).output.shape == (None, 5)
    with pytest.raises(ValueError, match="give shape .* or batch_shape, not both"):
        layers.InputLayer((4,), batch_shape=(None, 4))


@pytest.mark.parametrize("options", [{}, {"steps_per_execution": 4}, {"jit_compile": True}, {"steps_per_execution": np.int64(2), "jit_compile": False}])
def test_options_about_how_steps_run_are_kept_and_change_nothing(options):
    x, y, got = np.ones((9, 4)), np.zeros(9), []
    for given in (options, {}):
        pydl.utils.set_random_seed(4)
        model = pydl.Sequential([layers.Input((4,)), layers.Dense(3)])
        model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True), **given)
        assert (model.steps_per_execution, model.jit_compile) == (given.get("steps_per_execution", 1), given.get("jit_compile", "auto"))
        seen = []
        watch = pydl.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, seen=seen: seen.append(batch))
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[watch])
        got.append([w.tobytes() for w in model.get_weights()])
        assert seen == [0, 1, 2, 3, 4]
        again = pydl.models.clone_model(model)
        again.compile_from_config(model.get_compile_config())
        assert (again.steps_per_execution, again.jit_compile) == (model.steps_per_execution, model.jit_compile)
    assert got[0] == got[1]


def test_branches_shared_layers_and_several_outputs():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    shared = layers.Dense(2, name="shared")
    left, right = shared(a), shared(b)
    model = pydl.Model([a, b], [layers.Add(name="sum")([left, right]), layers.Concatenate(name="both")([left, right])])
    assert model.count_params() == 8 and model.output_shape == [(None, 2), (None, 4)]
    x, y = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)
    total, both = model.predict([x, y])
    assert np.allclose(total, both[:, :2] + both[:, 2:])
    by_name = model.predict({"b": y, "a": x})
    assert by_name[0].tobytes() == total.tobytes()
    model.compile("sgd", loss={"sum": "mse", "both": "mae"}, loss_weights={"sum": 2.0}, metrics={"both": ["mae"]})
    history = model.fit([x, y], [np.zeros((2, 2)), np.zeros((2, 4))], epochs=4, verbose=0).history
    assert set(history) == {"loss", "sum_loss", "both_loss", "both_mae"}
    assert history["loss"][0] == pytest.approx(2 * history["sum_loss"][0] + history["both_loss"][0], rel=1e-6)
    assert history["loss"][-1] < history["loss"][0]


def test_the_keys_of_a_dict_of_inputs_name_them(tmp_path):
    a, b = layers.Input((3,)), layers.Input((2,), name="other")
    model = pydl.Model({"wide": a, "deep": b}, layers.Dense(1)(layers.Concatenate()([a, layers.Dense(2)(b)])))
    assert model.input_names == ["wide", "deep"]
    x = {"deep": np.ones((4, 2)), "wide": np.zeros((4, 3))}
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 1)), verbose=0)
    want = model.predict(x)
    assert np.array_equal(model.predict([x["wide"], x["deep"]]), want) and np.array_equal(model(x).numpy(), want)
    model.save(tmp_path / "a.pydl")
    assert np.array_equal(pydl.models.load_model(tmp_path / "a.pydl").predict(x), want)
    with pytest.raises(ValueError, match=r"missing \['wide'\], unknown \['wider'\]"):
        model.predict({"wider": x["wide"], "deep": x["deep"]})
    with pytest.raises(ValueError, match=r"expected inputs named \['wide', 'deep'\], got \['deep'\]"):
        model({"deep": x["deep"]})
    one = pydl.Model({"only": a}, layers.Dense(2)(a))
    assert np.array_equal(one({"only": x["wide"]}).numpy(), one.predict({"only": x["wide"]})) and one({"only": layers.Input((3,))}).shape == (None, 2)


def test_a_model_is_a_layer_and_a_part_of_a_model_is_a_model():
    inner = pydl.Sequential([layers.Input((4,)), layers.Dense(5, name="d")], name="inner")
    x = layers.Input((4,))
    h = inner(x)
    outer = pydl.Model(x, layers.Dense(2)(h))
    assert outer.count_params() == 25 + 12 and [p for p, _ in outer.named_weights()][0] == "d/kernel"
    features = pydl.Model(x, h)
    values = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    assert features.predict(values).tobytes() == inner.predict(values).tobytes()
    tail = pydl.Model(h, outer.outputs[0])
    assert np.allclose(tail.predict(features.predict(values)), outer.predict(values), rtol=1e-6)
    again = type(tail).from_config(tail.get_config())
    assert again.count_params() == tail.count_params()


class Residual(pydl.Model):
    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.units = units
        self.first, self.blocks = layers.Dense(units), [layers.Dense(units), layers.Dense(units)]

    def call(self, x, training=False):
        h = self.first(x)
        for block in self.blocks:
            h = h + ops.relu(block(h))
        return h


def test_a_subclass_trains_and_replays():
    pydl.utils.set_random_seed(1)
    model = Residual(3)
    x, y = data()
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    losses = model.fit(x, y, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and len(model.weights) == 6
    assert any(step.program is not None for _, step in model._steps.items())


@pytest.mark.filterwarnings("error::pydl.CaptureWarning")
def test_a_subclass_replays_the_prediction_of_one_sample():
    """One row is also what such a model is built on, by a step that makes its weights."""
    model = Residual(3)
    outputs = [model.predict(np.ones((1, 4))) for _ in range(4)]
    assert [step.program is not None for _, step in model._steps.items()] == [True]
    assert all(np.array_equal(outputs[0], each) for each in outputs)


def test_a_custom_loss_metric_and_layer_are_differentiated_and_recorded():
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.factor = self.add_weight((input_shape[-1],), "ones", name="factor", regularizer=pydl.regularizers.L2(0.1))

        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)) * 0.01)
            return x * self.factor
    x, _ = data()
    model = pydl.Sequential([layers.Input((4,)), Scale(), layers.Dense(1)])
    model.compile("sgd", loss=lambda y, p: ops.mean((y - p) ** 2, axis=-1))
    history = model.fit(x, x.sum(1, keepdims=True), epochs=5, verbose=0, batch_size=20).history["loss"]
    assert history[-1] < history[0]
    assert not np.array_equal(model.layers[0].get_weights()[0], np.ones(4))
    assert all(step.reason is None for _, step in model._steps.items())
    eager = model.evaluate(x, x.sum(1, keepdims=True), verbose=0, batch_size=60)
    penalty = 0.1 * np.sum(model.layers[0].get_weights()[0] ** 2) + 0.01 * np.mean(x ** 2)
    expected = np.mean((model.predict(x) - x.sum(1, keepdims=True)) ** 2) + penalty
    assert eager == pytest.approx(expected, rel=1e-5)


# ---- training

def test_replayed_training_has_the_bits_of_eager_training():
    x, y = data()
    models = [classifier(), classifier()]
    models[1].run_eagerly = True
    models[1].compile("adam", models[1].compile_config["loss"], metrics=["accuracy"], run_eagerly=True)
    a, b = [m.fit(x, y, batch_size=16, epochs=6, verbose=0).history for m in models]
    assert a == b and same(*models)


def test_two_and_two_epochs_are_four():
    x, y = data()
    once, twice = classifier(), classifier()
    whole = once.fit(x, y, batch_size=16, epochs=4, verbose=0).history["loss"]
    parts = [twice.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"] for _ in range(2)]
    assert whole == parts[0] + parts[1] and same(once, twice)


def test_frozen_layers_stay_and_thawed_ones_move():
    x, y = data()
    model = classifier()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(x, y, epochs=3, verbose=0)
    after = model.get_weights()
    assert before[0].tobytes() == after[0].tobytes() and before[2].tobytes() != after[2].tobytes()
    model.layers[0].trainable = True
    model.compile("adam", model.compile_config["loss"])
    model.fit(x, y, epochs=3, verbose=0)
    assert model.get_weights()[0].tobytes() != after[0].tobytes()


def test_the_learning_rate_can_change_while_steps_replay():
    x, y = data()
    model = classifier()
    model.fit(x, y, epochs=3, verbose=0)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights()))


def test_weights_count_samples():
    x, y = data()
    a, b = classifier(), classifier()
    for m in (a, b):
        m.compile("sgd", m.compile_config["loss"])
    weight = np.where(y == 1, 3.0, 1.0)
    a.fit(x, y, epochs=3, verbose=0, sample_weight=weight, shuffle=False)
    b.fit(x, y, epochs=3, verbose=0, class_weight={1: 3.0}, shuffle=False)
    assert same(a, b)


@pytest.mark.filterwarnings("ignore:.*occurs only there")
def test_validation_takes_the_last_rows_and_leaves_no_trace():
    x, y = data()
    a, b = classifier(), classifier()
    split = a.fit(x, y, epochs=2, verbose=0, validation_split=0.25).history
    given = b.fit(x[:45], y[:45], epochs=2, verbose=0, validation_data=(x[45:], y[45:])).history
    assert split == given and same(a, b)
    loss, accuracy = a.evaluate(x[45:], y[45:], verbose=0)
    assert split["val_loss"][-1] == loss and split["val_accuracy"][-1] == accuracy


def test_train_on_batch_and_history_of_metrics():
    x, y = data()
    model = classifier()
    first = model.train_on_batch(x, y, return_dict=True)
    for _ in range(30):
        last = model.train_on_batch(x, y, return_dict=True)
    assert last["loss"] < first["loss"] and set(last) == {"loss", "accuracy"}
    assert isinstance(model.test_on_batch(x, y), list)


def test_predict_in_batches_is_predict():
    x, _ = data(100)
    model = classifier()
    assert np.allclose(model.predict(x, batch_size=7), model.predict(x, batch_size=100), rtol=1e-5, atol=1e-6)
    assert model.predict(x[:1]).shape == (1, 3) and isinstance(model.predict_on_batch(x), np.ndarray)


@pytest.mark.parametrize("form", ["array", "batches"])
def test_a_callback_of_predict_gets_the_outputs_of_each_batch(form):
    class Seen(pydl.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            self.parts.append(logs["outputs"])
    model, x = pydl.Sequential([layers.Input((3,)), layers.Dense(2)]), np.random.default_rng(1).standard_normal((7, 3)).astype("float32")
    seen = Seen()
    seen.parts = []
    given = dict(x=x, batch_size=3) if form == "array" else dict(x=iter([x[:3], x[3:6], x[6:]]))
    y = model.predict(**given, callbacks=[seen], verbose=1)
    assert [len(part) for part in seen.parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(seen.parts), y)


def test_predict_and_evaluate_inside_a_callback_of_fit():
    x, y = data()
    model, seen = classifier(), []

    class Look(pydl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((self.model.predict(x[:2]).sum(), logs["loss"]))
    model.fit(x, y, epochs=2, verbose=0, callbacks=[Look()], batch_size=20)
    assert len(seen) == 6 and all(np.isfinite(v) for pair in seen for v in pair)


def test_an_exception_in_a_callback_leaves_a_model_that_fits():
    x, y = data()
    model = classifier()

    class Stop(pydl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        model.fit(x, y, verbose=0, callbacks=[Stop()])
    model.fit(x, y, verbose=0)


def test_summary_and_profile_print_what_they_found(capsys):
    x, y = data()
    model = classifier()
    model.fit(x, y, epochs=2, verbose=0, batch_size=20)
    model.summary()
    text = capsys.readouterr().out
    assert "131" in text and "dense" in text and "Arena of the train step" in text
    rows = model.profile(x[:20], y[:20], repeats=5)
    text = capsys.readouterr().out
    assert "outside kernels" in text and "Arena" in text
    weights = re.search(r"of which gradients of weights: (\d+) B", text)
    assert int(weights[1]) == 4 * model.count_params()
    assert {"kernel", "shape", "flops", "bytes", "seconds", "share"} == set(rows[0])
    assert sum(r["seconds"] for r in model.profile(x[:1], repeats=3, print_fn=lambda line: None)) > 0


DIGITS = [layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.3), layers.Dense(10)]
LENET = [layers.Conv2D(6, 5, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(),
         layers.Flatten(), layers.Dense(120, activation="relu"), layers.Dense(84, activation="relu"), layers.Dense(10)]


def arena_of_training(parts, size, batch):
    """(bytes of the arena of a training step, bytes of all that its layers give)."""
    model = pydl.Sequential([layers.Input((size, size, 1)), *[type(part).from_config(part.get_config()) for part in parts]])
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.ones((3 * batch, size, size, 1), np.float32), np.arange(3 * batch) % 10, batch_size=batch, epochs=1, verbose=0)
    activations, shape = 0, (batch, size, size, 1)
    for layer in model.layers:
        shape = layer.compute_output_shape(shape)
        activations += 4 * int(np.prod(shape)) * (not isinstance(layer, layers.Flatten))
    (_, step), = model.recorded_steps()
    return step.program.nbytes, activations


@pytest.mark.parametrize("batch", [64, 256])
@pytest.mark.parametrize(("parts", "size"), [(DIGITS, 8), (LENET, 28)], ids=["digits", "lenet"])
def test_an_arena_is_smaller_than_all_activations(parts, size, batch):
    """Although it holds gradients of weights and of results, and scratch: a dead array's block goes to the next."""
    arena, activations = arena_of_training(parts, size, batch)
    assert arena < activations


def test_a_step_too_small_to_share_has_no_scratch_for_other_threads():
    threads = pydl.get_num_threads()
    try:
        sizes = []
        for count in (1, 16):
            pydl.set_num_threads(count)
            sizes.append(arena_of_training(DIGITS, 8, 1)[0])
    finally:
        pydl.set_num_threads(threads)
    assert sizes[0] == sizes[1]


def test_double_precision_all_the_way():
    x, y = data()
    model = pydl.Sequential([layers.Input((4,)), layers.Dense(8, "tanh", dtype="float64"), layers.Dense(3, dtype="float64")])
    model.compile("sgd", pydl.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x.astype(np.float64), y, epochs=3, verbose=0)
    assert model.predict(x).dtype == np.float64 and model.dtype == "float64"


# ---- what is refused

@pytest.mark.parametrize("call, error, words", [
    (lambda m, x, y: m.fit(x[:, :3], y), ValueError, r"declared \(None, 4\), got \(60, 3\)"),
    (lambda m, x, y: m.fit(x[0], y[:4]), ValueError, r"x\[None\]"),
    (lambda m, x, y: m.fit(x, y[:-1]), ValueError, "rows"),
    (lambda m, x, y: m.fit(x, y + 1), ValueError, "3"),
    (lambda m, x, y: m.fit(x, y - 1), ValueError, "-1"),
    (lambda m, x, y: m.fit(x), TypeError, "y is required"),
    (lambda m, x, y: m.fit(None, y), TypeError, "x is required"),
    (lambda m, x, y: m.fit(x, y, batch_size=0), ValueError, "batch_size"),
    (lambda m, x, y: m.fit(x, y, epochs=-1), ValueError, "epochs"),
    (lambda m, x, y: m.fit(x, y, epochs=1.5), TypeError, "epochs"),
    (lambda m, x, y: m.fit(x, y, validation_split=1.0), ValueError, "validation_split"),
    (lambda m, x, y: m.fit(x, y, validation_split=0.1, validation_data=(x, y)), ValueError, "not both"),
    (lambda m, x, y: m.fit(x, y, validation_data=x), TypeError, "validation_data"),
    (lambda m, x, y: m.fit(x, y, verbose=3), ValueError, "verbose"),
    (lambda m, x, y: m.fit(x, y, shuffle="yes"), TypeError, "shuffle"),
    (lambda m, x, y: m.fit(x, y, sample_weight=np.ones(3)), ValueError, "sample_weight"),
    (lambda m, x, y: m.fit(x, y, class_weight=[1, 2]), TypeError, "class_weight"),
    (lambda m, x, y: m.fit(x, y, callbacks=["stop"]), TypeError, "callbacks"),
    (lambda m, x, y: m.fit(x, y, callbacks=[pydl.callbacks.EarlyStopping("val_los")], verbose=0), ValueError, "val_los"),
    (lambda m, x, y: m.fit(iter([x]), y), TypeError, "array"),
    (lambda m, x, y: m.fit(x.astype(str), y), TypeError, "text"),
    (lambda m, x, y: m.fit(x.astype(complex), y), TypeError, "complex"),
    (lambda m, x, y: m.predict(x[:0]), ValueError, "empty"),
    (lambda m, x, y: m.predict(x, batch_size=-2), ValueError, "batch_size"),
    (lambda m, x, y: m.evaluate(x, y[:2]), ValueError, "rows"),
    (lambda m, x, y: m.compile("adm", "mse"), ValueError, "adam"),
    (lambda m, x, y: m.compile("adam", "msee"), ValueError, "mse"),
    (lambda m, x, y: m.compile("adam", "mse", metrics=["acuracy"]), ValueError, "accuracy"),
    (lambda m, x, y: m.compile("adam", "mse", run_eagerly="no"), TypeError, "run_eagerly"),
    (lambda m, x, y: m.compile("adam", {"nowhere": "mse"}), ValueError, "nowhere"),
    (lambda m, x, y: m.get_layer("dens"), ValueError, "dens"),
    (lambda m, x, y: m.get_layer(index=9), ValueError, "9"),
    (lambda m, x, y: m.set_weights([]), ValueError, "set_weights"),
    (lambda m, x, y: m.set_weights([np.zeros(1)] * 4), ValueError, "shape"),
    (lambda m, x, y: setattr(m, "trainable", 1), TypeError, "trainable"),
    (lambda m, x, y: m.add(layers.Dense), TypeError, "Dense"),
    (lambda m, x, y: m.add(3), TypeError, "layer"),
    (lambda m, x, y: m.add(m.layers[0]), ValueError, "already"),
    (lambda m, x, y: m.save(3), TypeError, "path"),
    (lambda m, x, y: m.profile(x, repeats=0), ValueError, "repeats"),
    (lambda m, x, y: pydl.Sequential(3), TypeError, "list"),
    (lambda m, x, y: pydl.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")]), ValueError, "'a'"),
    (lambda m, x, y: pydl.Model(layers.Input((3,)), x), TypeError, "outputs"),
    (lambda m, x, y: pydl.Model(layers.Input((3,)), layers.Dense(2)(layers.Input((3,)))), ValueError, "input"),
    (lambda m, x, y: layers.Input(5), TypeError, "tuple"),
    (lambda m, x, y: layers.Input((0,)), ValueError, "at least 1"),
    (lambda m, x, y: layers.Input((4,), dtype="complex64"), TypeError, "dtype"),
    (lambda m, x, y: layers.Input((4,)) + 1, TypeError, "Add"),
    (lambda m, x, y: pydl.Sequential([layers.Input((4,)), layers.Dense(2)]).fit(x, y), ValueError, "compile"),
])
def test_bad_calls_are_refused_with_their_name_and_lose_nothing(call, error, words):
    x, y = data()
    model = classifier()
    before = model.get_weights()
    with pytest.raises(error, match=words):
        call(model, x, y)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, model.get_weights()))
    assert model.predict(x).shape == (60, 3)
    if model.objective is not None and "mse" not in str(model.compile_config["loss"]):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize("when", [1, 2, 3, 10, 100])
def test_an_error_in_any_step_leaves_a_model_that_predicts_and_trains(when):
    """Also in the step that is recorded again to be compared: what it wrote over must not be taken for results."""
    model = pydl.Sequential([layers.Input((2,), dtype="int64"), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    good, bad, y = np.array([[1, 2]]), np.array([[1, 9]]), np.zeros((1, 2))
    want = model.predict(good)
    for _ in range(when - 2):
        model.predict(good)
    with pytest.raises(ValueError, match="9"):
        model.predict(bad)
    for _ in range(4):
        assert np.array_equal(model.predict(good), want)
    for _ in range(when - 1):
        model.train_on_batch(good, y)
    with pytest.raises(ValueError, match="9"):
        model.train_on_batch(bad, y)
    losses = [model.train_on_batch(good, y) for _ in range(4)]
    assert losses == sorted(losses, reverse=True) and np.isfinite(losses).all()
