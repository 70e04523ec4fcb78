"""Several inputs and outputs, penalties of one's own, data frames, and the smaller names of a model."""
import json

import numpy as np
import pytest

import pydl
from pydl import layers, losses, metrics, models, ops
from pydl.errors import FormatError

RNG = np.random.default_rng(9)
A, B_ = RNG.standard_normal((30, 3)), RNG.standard_normal((30, 2))
SCORE, KIND = RNG.standard_normal((30, 1)), RNG.integers(0, 4, 30)


def two_heads():
    pydl.utils.set_random_seed(2)
    a, b = layers.Input((3,), name="left"), layers.Input((2,), name="right")
    h = layers.Dense(6, activation="tanh", dtype="float64")(layers.Concatenate(dtype="float64")([a, b]))
    return pydl.Model([a, b], [layers.Dense(1, name="score", dtype="float64")(h), layers.Dense(4, name="kind", dtype="float64")(h)])


FORMS = {
    "lists": lambda: (dict(loss=["mse", losses.SparseCategoricalCrossentropy(from_logits=True)], loss_weights=[0.5, 2.0],
                           metrics=[["mae"], ["accuracy", "acc"]]), [A, B_], [SCORE, KIND]),
    "dicts": lambda: (dict(loss={"kind": losses.SparseCategoricalCrossentropy(from_logits=True), "score": "mse"}, loss_weights={"score": 0.5, "kind": 2.0},
                           metrics={"kind": ["accuracy", "acc"], "score": "mae"}), {"right": B_, "left": A}, {"kind": KIND, "score": SCORE}),
}


def log_softmax(z): return z - z.max(1, keepdims=True) - np.log(np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True))


@pytest.mark.parametrize("form", FORMS)
def test_losses_are_weighed_and_metrics_bear_the_names_of_their_outputs(form):
    options, x, y = FORMS[form]()
    model = two_heads()
    model.compile("sgd", **options)
    score, kind = model.predict(x)
    mse = ((score - SCORE) ** 2).mean()
    ce = -log_softmax(kind)[np.arange(30), KIND].mean()
    said = model.evaluate(x, y, verbose=0, return_dict=True)
    assert said["score_loss"] == pytest.approx(mse) and said["kind_loss"] == pytest.approx(ce) and said["loss"] == pytest.approx(0.5 * mse + 2 * ce)
    assert said["score_mae"] == pytest.approx(abs(score - SCORE).mean())
    assert said["kind_accuracy"] == said["kind_acc"] == pytest.approx((kind.argmax(1) == KIND).mean())
    assert [m.name for m in model.metrics][0] == "loss" and model.metrics_names[0] == "loss"
    history = model.fit(x, y, epochs=3, verbose=0, batch_size=10, validation_split=0.2).history
    assert set(history) == {*said, *[f"val_{name}" for name in said]} and history["loss"][-1] < history["loss"][0]
    assert model.recorded_steps()


def test_metrics_of_one_name_are_all_reported():
    """As Keras tells them apart: a number behind the name, weighted_ before that of weighted_metrics."""
    x, y = A, (SCORE.reshape(-1) > 0).astype("float64")
    model = pydl.Sequential([layers.Input(A.shape[1:], dtype="float64"), layers.Dense(1, activation="sigmoid", dtype="float64")])
    asked = [metrics.Precision(0.01), metrics.Precision(0.99), "accuracy", "accuracy"]
    model.compile("sgd", "binary_crossentropy", metrics=asked, weighted_metrics=["accuracy"])
    said = model.evaluate(x, y, sample_weight=np.linspace(0, 1, len(y)), verbose=0, return_dict=True)
    assert list(said) == ["precision", "precision_1", "accuracy", "accuracy_1", "weighted_accuracy", "loss"]
    right = (model.predict(x).reshape(-1) > 0.5) == y
    assert said["accuracy"] == said["accuracy_1"] == pytest.approx(right.mean())
    assert said["weighted_accuracy"] == pytest.approx(np.average(right, weights=np.linspace(0, 1, len(y))))
    assert said["precision"] == pytest.approx(y.mean()) and said["precision_1"] != said["precision"]
    assert model.metrics_names == ["loss", *list(said)[:-1]]
    assert list(model.fit(x, y, epochs=1, verbose=0).history) == list(said)


def test_a_metric_keeps_its_name_when_a_model_is_compiled_again():
    metric = metrics.MeanAbsoluteError(name="mae")
    for _ in range(2):
        model = two_heads()
        model.compile("sgd", ["mse", losses.SparseCategoricalCrossentropy(from_logits=True)], metrics={"score": metric})
        assert "score_mae" in model.evaluate([A, B_], [SCORE, KIND], verbose=0, return_dict=True)
    assert metric.name == "mae"
    with pytest.raises(ValueError, match="'mae'.*more than one"):
        model.compile("sgd", "mse", metrics={"score": metric, "kind": metric})


def test_weights_of_samples_by_name():
    weight, runs = np.linspace(0, 1, 30), []
    for given in ([weight, None], {"score": weight}):
        model = two_heads()
        model.compile("sgd", ["mse", losses.SparseCategoricalCrossentropy(from_logits=True)])
        model.fit([A, B_], [SCORE, KIND], epochs=2, verbose=0, sample_weight=given)
        runs.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*runs))
    for wrong, said in (({"scores": weight}, "sample_weight names 'scores'"), ([weight], "sample_weight must have one entry for each of the 2 outputs")):
        with pytest.raises(ValueError, match=said):
            model.fit([A, B_], [SCORE, KIND], sample_weight=wrong)


@pytest.mark.parametrize("labels", [False, True], ids=["numbers", "labels"])
def test_weights_of_steps(labels):
    """A weight for each step of each sequence: the loss is sum(weight * value) / number of values, weighted metrics divide by the weights."""
    rng = np.random.default_rng(4)
    x, weight = rng.standard_normal((20, 5, 3)), rng.random((20, 5)) * (rng.random((20, 5)) < 0.7)
    y = rng.integers(0, 4, (20, 5)) if labels else rng.standard_normal((20, 5, 2))
    model = pydl.Sequential([layers.Input((5, 3), dtype="float64"), layers.Dense(4 if labels else 2, dtype="float64")])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True) if labels else losses.MeanSquaredError()
    model.compile(pydl.optimizers.SGD(0.1), loss, weighted_metrics=["accuracy" if labels else "mse"])
    p = model.predict(x)
    values = -np.take_along_axis(log_softmax(p.reshape(-1, 4)), y.reshape(-1, 1), 1).reshape(20, 5) if labels else ((p - y) ** 2).mean(-1)
    metric = (p.argmax(-1) == y) if labels else values
    for batch_size in (20, 10):
        said = model.evaluate(x, y, batch_size=batch_size, sample_weight=weight, verbose=0)
        assert said == pytest.approx([(values * weight).mean(), np.average(metric, weights=weight)], rel=1e-12)
    history = model.fit(x, y, batch_size=7, epochs=3, verbose=0, sample_weight=weight, validation_data=(x, y, weight)).history
    assert history["val_loss"][-1] < said[0] and model.recorded_steps()
    model.fit(x, y, batch_size=7, verbose=0, sample_weight=weight[:, 0])          # and a weight a row, on the same model


def test_both_forms_are_the_same_training():
    results = []
    for form in FORMS.values():
        options, x, y = form()
        model = two_heads()
        model.compile("adam", **options)
        results.append([model.fit(x, y, epochs=2, verbose=0, sample_weight=[np.linspace(0, 1, 30), None]).history["loss"], *model.get_weights()])
    assert all(np.array_equal(a, b) for a, b in zip(*results))


def test_batches_of_dicts_from_a_generator():
    options, x, y = FORMS["dicts"]()
    fed, whole = two_heads(), two_heads()
    for model in (fed, whole):
        model.compile("adam", **options)

    def batches():
        while True:
            for part in (slice(0, 16), slice(16, 30)):
                yield {k: v[part] for k, v in x.items()}, {k: v[part] for k, v in y.items()}
    a = fed.fit(batches(), steps_per_epoch=2, epochs=2, verbose=0).history
    assert a == whole.fit(x, y, batch_size=16, shuffle=False, epochs=2, verbose=0).history


def test_an_output_without_loss_is_not_trained():
    model = two_heads()
    model.compile("sgd", loss={"score": "mse"}, metrics={"kind": "accuracy"})
    before = model.get_layer("kind").get_weights()
    said = model.fit([A, B_], [SCORE, KIND], verbose=0).history
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_layer("kind").get_weights()))
    assert set(said) == {"kind_accuracy", "score_loss", "loss"}


class Penalised(layers.Layer):
    """A layer that adds the mean square of its input, and of a weight, to the loss."""

    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")

    def call(self, x):
        self.add_loss(ops.multiply(ops.mean(ops.square(x)), 0.25))
        self.add_loss(ops.multiply(ops.sum(ops.square(self.w)), 0.125))
        return x * self.w


@pytest.mark.parametrize("eagerly", [True, False])
def test_a_loop_of_ones_own_adds_the_losses_of_the_model(eagerly):
    """`losses` holds what `fit` adds by itself: penalties of weights, of activities, and those of add_loss; recorded too."""
    def make():
        pydl.utils.set_random_seed(1)
        return pydl.Sequential([layers.Input((3,), dtype="float64"), Penalised(dtype="float64"),
                                layers.Dense(2, dtype="float64", kernel_regularizer="l2", activity_regularizer=pydl.regularizers.L1(0.05)),
                                layers.Dense(1, dtype="float64", bias_regularizer="l1")])
    fitted, mine, mse = make(), make(), losses.MeanSquaredError()
    fitted.compile(pydl.optimizers.SGD(0.1), mse)
    sgd = pydl.optimizers.SGD(0.1)

    def step(x, y):
        def loss(x, y):
            prediction = mine(x, training=True)
            return sum(mine.losses, mse(y, prediction))
        value, slopes = pydl.value_and_grad(loss, wrt=mine.trainable_weights)(x, y)
        sgd.apply(slopes, mine.trainable_weights)
        return value
    run = step if eagerly else pydl.function(step, strict=True)
    for _ in range(5):
        assert run(A, SCORE).item() == pytest.approx(fitted.train_on_batch(A, SCORE), rel=1e-12)
    assert len(mine.losses) == 5                                # two kernels' and biases' penalties, two added, one of activities
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(fitted.get_weights(), mine.get_weights()))
    fitted.predict(A)
    assert len(fitted.losses) == 2                              # steps keep theirs to themselves


@pytest.mark.parametrize("reduction", ["none", None])
def test_a_loss_that_is_not_one_number_is_refused_before_the_first_step(reduction):
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", losses.MeanSquaredError(reduction=reduction))
    before = model.get_weights()
    for run in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"compile: the loss <MeanSquaredError.*> must come to one number, got \(30,\): its reduction is"):
            run(A, SCORE)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_what_add_loss_takes():
    class Adds(layers.Layer):
        what = None

        def call(self, x):
            self.add_loss(self.what if self.what is not None else x)
            return x
    layer = Adds(name="a")
    with pytest.raises(ValueError, match=r"Adds 'a': add_loss: expected a scalar Tensor, got shape \(2, 3\)"):
        layer(np.ones((2, 3)))
    layer.what = 0.5
    with pytest.raises(TypeError, match="Adds 'a': add_loss: expected a scalar Tensor, got 0.5"):
        layer(np.ones((2, 3)))


@pytest.mark.parametrize("eagerly", [True, False])
def test_losses_that_layers_add(eagerly):
    def make(loss):
        model = pydl.Sequential([layers.Input((3,)), Penalised(dtype="float64")])
        model.compile(pydl.optimizers.SGD(0.1), loss, run_eagerly=eagerly)
        return model
    model = make("mse")
    assert model.evaluate(A, A, verbose=0) == pytest.approx(0.25 * (A**2).mean() + 0.375)
    w = np.ones(3)
    for _ in range(5):
        model.train_on_batch(A, SCORE * np.ones(3))
        w = w - 0.1 * (2 * ((A * w - SCORE) * A).mean(0) / 3 + 0.25 * w)
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-12)
    alone = make(None)                                  # nothing but what the layer adds
    first = alone.fit(A, epochs=3, batch_size=30, verbose=0).history["loss"]
    assert first[-1] < first[0] == pytest.approx(0.25 * (A**2).mean() + 0.375)


def test_frames_and_series():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"z": A[:, 0], "a": A[:, 1].astype("float32"), "m": np.arange(30)})
    series = pandas.Series(SCORE[:, 0], index=range(100, 130))

    def made():
        pydl.utils.set_random_seed(1)
        model = pydl.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model
    model, plain = made(), made()
    columns = np.stack([A[:, 0], A[:, 1].astype("float32"), np.arange(30)], 1)          # the order of the columns, not of their names
    assert model.fit(frame, series, verbose=0, epochs=2, validation_split=0.2).history == plain.fit(columns, SCORE[:, 0], verbose=0, epochs=2,
                                                                                                      validation_split=0.2).history
    np.testing.assert_array_equal(model.predict(frame), plain.predict(columns))
    x, xt, y, yt = pydl.utils.train_test_split(frame, series, test_size=0.2, seed=1, stratify=pandas.Series(KIND))
    assert x.shape == (24, 3) and len(yt) == 6 and set(np.round(np.concatenate([y, yt]), 6)) == set(np.round(SCORE[:, 0], 6))
    weights = pandas.Series(np.linspace(0, 1, 30))
    assert model.evaluate(frame, series, sample_weight=weights, verbose=0) == plain.evaluate(columns, SCORE, sample_weight=weights.to_numpy(), verbose=0)
    with pytest.raises(TypeError, match="columns that are not numbers: 'name'"):
        model.fit(frame.assign(name="x"), series, verbose=0)
    nullable = frame.astype({"m": "Int64"})
    np.testing.assert_array_equal(model.predict(nullable), plain.predict(columns))
    for mixed in (frame, nullable, frame.assign(m=frame["m"] % 2 == 0)):                # a column of bools makes an array of objects
        np.testing.assert_array_equal(model(mixed).numpy(), model(mixed.to_numpy(dtype="float64")).numpy())
    with pytest.raises(TypeError, match="Sequential '.*': the input has columns that are not numbers: 'name'"):
        model(frame.assign(name="x"))
    nullable.loc[3, "m"] = None
    assert np.flatnonzero(np.isnan(model.predict(nullable))).tolist() == [3]             # what is missing is NaN, as in a column of floats
    assert model.evaluate(frame, series.astype("Float64"), verbose=0) == model.evaluate(frame, series, verbose=0)
    layer = layers.Normalization()
    layer.adapt(frame)
    np.testing.assert_allclose(layer.get_weights()[0].ravel(), columns.mean(0), rtol=1e-6)


class Frame:
    """What of a frame is looked at, without pandas."""

    def __init__(self, columns):
        self.data, self.columns = columns, list(columns)
        self.dtypes = [np.asarray(v).dtype for v in columns.values()]

    def __array__(self, dtype=None, copy=None):
        return np.stack([np.asarray(v) for v in self.data.values()], 1)


def test_a_frame_keeps_the_order_of_its_columns_and_names_the_wrong_one():
    model = pydl.Sequential([layers.Input((2,)), layers.Dense(1)])
    np.testing.assert_array_equal(model.predict(Frame({"z": A[:, 0], "a": A[:, 1]})), model.predict(A[:, :2]))
    with pytest.raises(TypeError, match=r"columns that are not numbers: 'city' \(<U1\)"):
        model.predict(Frame({"z": A[:, 0], "city": np.array(["x"] * 30)}))


def test_layers_and_models_are_called_on_frames_of_several_types():
    class Mixed(Frame):
        """As pandas does: floats and bools side by side are objects."""

        def __array__(self, dtype=None, copy=None):
            return np.stack([np.asarray(v).astype(object) for v in self.data.values()], 1)

        def to_numpy(self, dtype):
            return np.asarray(self).astype(dtype)

    columns = {"z": A[:, 0], "n": np.arange(30), "b": np.arange(30) % 3 == 0}
    plain = np.stack([np.asarray(v, "float64") for v in columns.values()], 1)
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(2)])
    for callable_ in (model, model.layers[-1], layers.Identity()):
        np.testing.assert_array_equal(callable_(Mixed(columns)).numpy(), callable_(plain).numpy())
        with pytest.raises(TypeError, match=f"{callable_.name}': the input has columns that are not numbers: 'city'"):
            callable_(Mixed({**columns, "city": np.array(["x"] * 30)}))


# ---- smaller names

def test_structure_as_text_and_clones():
    model = two_heads()
    for made in (models.model_from_json(model.to_json()), models.clone_model(model)):
        assert made.count_params() == model.count_params() and [w.name for w in made.weights] == [w.name for w in model.weights]
        assert made.layers[-1] is not model.layers[-1]
        made.set_weights(model.get_weights())
        assert all(np.array_equal(a, b) for a, b in zip(made.predict([A, B_]), model.predict([A, B_])))
    assert json.loads(model.to_json())["class_name"] == "models.Functional"
    for text in ("", "{", "[]", '{"class_name": "models.Functional", "config": {}}', '{"class_name": "os.system", "config": {}}', '{"class_name": 3}'):
        with pytest.raises(FormatError):
            models.model_from_json(text)
    with pytest.raises(TypeError, match="json_string"):
        models.model_from_json(b"{}")
    with pytest.raises(TypeError, match="clone_model"):
        models.clone_model(layers.Dense(2))


def test_a_part_of_a_sequential_is_a_model():
    model = pydl.Sequential([layers.Input((3,)), layers.Dense(4), layers.Dense(2)])
    longer = pydl.Model(model.input, layers.Dense(1)(model.output))
    assert longer.output_shape == (None, 1) and longer.layers[:2] == model.layers
    assert model.variables == model.weights and model.trainable_variables == model.trainable_weights and model.non_trainable_variables == []
    with pytest.raises(ValueError, match="declared input"):
        _ = pydl.Sequential([layers.Dense(1)]).input


def test_means_begin_anew():
    model = two_heads()
    options, x, y = FORMS["lists"]()
    model.compile("sgd", **options)
    model.train_on_batch(x, y)
    assert model.metrics[0].result() > 0
    model.reset_metrics()
    assert all(metric.result() == 0 for metric in model.metrics) and isinstance(model.metrics[0], metrics.Mean)


@pytest.mark.parametrize("options, error, words", [
    (dict(loss=["mse"]), ValueError, "loss must have one entry for each of the 2 outputs"),
    (dict(loss={"scores": "mse"}), ValueError, "'scores', which is no output; the outputs are score, kind"),
    (dict(loss="mse", loss_weights=[1.0]), ValueError, "loss_weights"), (dict(loss="mse", loss_weights=[1.0, "x"]), TypeError, "loss_weights"),
    (dict(loss="mse", loss_weights={"kind": float("nan")}), ValueError, "loss_weights"),
    (dict(loss="mse", metrics={"none": "mae"}), ValueError, "metrics names 'none'"), (dict(loss="mse", metrics=[["mae"]]), ValueError, "metrics"),
])
def test_what_compile_refuses(options, error, words):
    with pytest.raises(error, match=words):
        two_heads().compile("sgd", **options)


@pytest.mark.parametrize("x, y, words", [
    ([A], [SCORE, KIND], "2 arrays"), ([A, B_], [SCORE], "2 arrays"), ([A, B_], {"score": SCORE}, "missing \\['kind'\\]"),
    ({"left": A, "rigth": B_}, [SCORE, KIND], "rigth"), ([A, B_[:5]], [SCORE, KIND], "rows"), ([B_, A], [SCORE, KIND], "'left' is declared"),
])
def test_what_fit_refuses(x, y, words):
    model = two_heads()
    model.compile("sgd", ["mse", losses.SparseCategoricalCrossentropy(from_logits=True)])
    with pytest.raises(ValueError, match=words):
        model.fit(x, y, verbose=0)


class Quartic(pydl.Model):
    """A loss of one's own: the fourth power of the error, and what compile was told beside it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(2, dtype="float64", kernel_regularizer=pydl.regularizers.L2(0.5))

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        told = super().compute_loss(x, y, y_pred, sample_weight, training)
        return ops.add(ops.mean((y_pred - y) ** 4), told)


@pytest.mark.parametrize("eagerly", [True, False])
def test_a_loss_of_ones_own(eagerly):
    pydl.utils.set_random_seed(1)
    model = Quartic(dtype="float64")
    model.compile(pydl.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    model.build_from([A])
    w, b = model.get_weights()
    for _ in range(5):
        error = A @ w + b - B_
        want = (error**4).mean() + (error**2).mean() + 0.5 * (w**2).sum()
        assert model.train_on_batch(A, B_) == pytest.approx(want, rel=1e-12)
        d = (4 * error**3 + 2 * error) / error.size
        w, b = w - 0.01 * (A.T @ d + w), b - 0.01 * d.sum(0)
        np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-12)
    assert eagerly or model.recorded_steps()


def test_compile_config_goes_over():
    options, x, y = FORMS["dicts"]()
    one, other = two_heads(), two_heads()
    assert one.get_compile_config() is None
    one.compile(pydl.optimizers.Adam(0.03, clipnorm=1.0), **options)
    other.compile_from_config(json.loads(json.dumps(one.get_compile_config())))
    assert one.fit(x, y, verbose=0, epochs=2).history == other.fit(x, y, verbose=0, epochs=2).history


def test_a_layer_knows_what_it_was_drawn_on_and_what_it_returned():
    """The idiom of transfer learning: a part of a trained network, by the name of a layer, under a new head."""
    base = two_heads()
    part = pydl.Model(base.input, base.get_layer("score").input)
    assert part.predict([A, B_]).shape == (30, 6)
    np.testing.assert_array_equal(pydl.Model(base.inputs, base.get_layer("kind").output).predict([A, B_]), base.predict([A, B_])[1])
    stack = pydl.Sequential([layers.Input((3,)), layers.Dense(5, name="hidden"), layers.Dense(2)])
    stack.add(layers.Dense(1))                          # drawn anew: the older drawing is gone
    short = pydl.Model(stack.input, layers.Dense(4)(stack.get_layer("hidden").output))
    assert short.output_shape == (None, 4) and short.layers[0] is stack.layers[0]
    rest = pydl.Model(stack.get_layer("hidden").output, stack.output)
    np.testing.assert_array_equal(rest.predict(pydl.Model(stack.input, stack.get_layer("hidden").output).predict(A)), stack.predict(A))
    shared, x = layers.Dense(3), layers.Input((3,))
    once = shared(x)
    assert shared.output is once and shared.input is x
    twice = shared(once)
    with pytest.raises(ValueError, match="drawn 2 times"):
        _ = shared.output
    del twice
    assert shared.output is once
    with pytest.raises(ValueError, match="not called on a Symbol"):
        _ = layers.Dense(2).output
