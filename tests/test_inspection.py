"""Looking inside: statistics that are what NumPy says, findings in plain words, no trace left, reports that need nothing but a browser."""
import html.parser
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.inspection import LayerWatch, TrainingReport, inspect_model, plot_histograms, plot_history

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 6)).astype(np.float32), RNG.integers(0, 3, 40)
NASTY = "<script>alert('x')</script><img src=http://example.org/a.png onerror=\"x()\"> & \x00 é"


def net(activation="relu", depth=2, init="glorot_uniform", optimizer="adam", **extra):
    model = pydl.Sequential([layers.Input((6,)), *[layers.Dense(16, activation=activation, kernel_initializer=init) for _ in range(depth)],
                             layers.Dense(3, activation="softmax")], **extra)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def noisy():
    model = pydl.Sequential([layers.Input((6,)), layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.4), layers.GaussianNoise(0.1),
                             layers.Dense(3, activation="softmax", kernel_regularizer="l2")])
    model.compile(pydl.optimizers.Adam(pydl.schedules.ExponentialDecay(0.01, 10, 0.9)), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("stack", [
    lambda: [layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Activation("relu"), layers.MaxPooling2D(2), layers.Flatten()],
    lambda: [layers.Input((6,), dtype="int64"), layers.Embedding(5, 3), layers.LSTM(4)]])
def test_layers_that_run_as_one_are_looked_at_one_by_one(stack, learns):
    model = pydl.Sequential([*stack(), layers.Dense(2)])
    model.compile("sgd", "mse")
    x = RNG.integers(0, 5, (4, *model.input_shape[1:]))
    expected, outputs = x, {}
    with pydl.no_grad():
        for layer in model.layers:
            expected = layer(expected)
            outputs[layer.name] = float(expected.numpy().mean())
        model(x)                                                        # fused: a look later changes nothing, and the other way round
    for _ in range(2):
        found = {row["name"]: row["mean"] for row in inspect_model(model, x, np.zeros((4, 2)) if learns else None, training=False).rows}
        assert found.keys() == outputs.keys()
        for name, mean in outputs.items():
            assert abs(found[name] - mean) < 1e-5
        model(x)


def state(model):
    return ([np.array(p.numpy()) for p in model.weights] + [np.array(a) for _, a in model.named_states()] + model.optimizer.get_state()
            + model.objective.kept() + [np.array(pydl.random._State.handed_out)])


# ---- statistics ------------------------------------------------------------------------------------------------------

def test_statistics_are_what_numpy_says():
    model = net(depth=1, optimizer=pydl.optimizers.SGD(0.1))
    seen = inspect_model(model, X, Y)
    w1, b1, w2, b2 = [w.astype(np.float64) for w in model.get_weights()]
    h = np.maximum(X @ w1 + b1, 0)
    z = h @ w2 + b2
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    dz = (p - np.eye(3)[Y]) / len(X)
    dh = dz @ w2.T
    first, last = seen.rows
    for name, value in (("mean", h.mean()), ("std", h.std()), ("zeros", np.mean(h == 0)), ("dead", np.mean(np.all(h == 0, axis=0))),
                        ("gradient_norm", np.linalg.norm(dh)), ("weight_norm", np.sqrt(np.sum(w1 ** 2) + np.sum(b1 ** 2)))):
        assert first[name] == pytest.approx(value, rel=1e-4), name
    dw = np.concatenate([(h.T @ dz).ravel(), dz.sum(0)])
    assert last["weight_gradient"] == pytest.approx(np.linalg.norm(dw), rel=1e-4)
    assert last["update_ratio"] == pytest.approx(0.1 * np.linalg.norm(dw) / last["weight_norm"], rel=1e-3)
    assert seen.loss == pytest.approx(-np.mean(np.log(p[np.arange(40), Y])), rel=1e-5)
    assert last["dead"] is None and first["activation"] == "relu" and not seen.findings and "Nothing found amiss" in str(seen)


def test_without_targets_there_are_outputs_only():
    model = net("tanh")
    seen = inspect_model(model, X)
    assert seen.loss is None and all(r["gradient_norm"] is None and r["update_ratio"] is None for r in seen.rows)
    assert seen.rows[-1]["mean"] == pytest.approx(1 / 3, rel=1e-4) and seen.rows[0]["saturated"] is not None


def test_nested_shared_and_many_headed_models():
    inner = pydl.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh", name="deep")], name="inner")
    a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
    h = layers.Add(name="sum")([inner(a), inner(b)])
    model = pydl.Model([a, b], [layers.Dense(1, name="left")(h), layers.Dense(2, name="right")(h)])
    model.compile("sgd", "mse")
    seen = inspect_model(model, [X, X[::-1]], [np.zeros((40, 1)), np.zeros((40, 2))])
    rows = {r["name"]: r for r in seen.rows}
    assert set(rows) == {"deep", "sum", "left", "right"} and rows["deep"]["gradient_norm"] > 0
    both = np.concatenate([inner.predict(X), inner.predict(X[::-1])])
    assert rows["deep"]["std"] == pytest.approx(both.std(), rel=1e-4)           # both calls count


def test_looking_leaves_everything_as_it_was_and_recorded_steps_replaying():
    model = noisy()
    model.fit(X, Y, batch_size=20, epochs=3, verbose=0)
    before, programs = state(model), [step.program for _, step in model._steps.items()]
    for training in (None, True, False):
        inspect_model(model, X, Y, training=training)
    inspect_model(model, X)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, state(model)))
    model.fit(X, Y, batch_size=20, epochs=1, verbose=0)
    assert programs[0] is not None and [step.program for _, step in model._steps.items()] == programs


@pytest.mark.parametrize("optimizer", ["sgd", "adam", pydl.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
                                       pydl.optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2)])
def test_training_that_is_watched_is_training(tmp_path, optimizer):
    def trained(callbacks):
        pydl.utils.set_random_seed(4)
        model = noisy()
        config = optimizer if isinstance(optimizer, str) else type(optimizer).from_config(optimizer.get_config())
        model.compile(config, "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(X, Y, batch_size=16, epochs=4, verbose=0, validation_split=0.25, callbacks=callbacks()).history
        return model.get_weights() + model.optimizer.get_state() + [np.array(v) for v in history.values()] + [pydl.random.uniform((3,)).numpy()]
    plain = trained(list)
    watched = trained(lambda: [LayerWatch(X, Y, verbose=0), TrainingReport(tmp_path / "r.html", X, Y, freq=1)])
    assert all(a.tobytes() == b.tobytes() for a, b in zip(plain, watched))


# ---- findings --------------------------------------------------------------------------------------------------------

def kinds(seen):
    return [f.kind for f in seen.findings]


def test_a_healthy_network_gets_no_finding():
    for activation, init in (("relu", "he_normal"), ("tanh", "glorot_uniform")):
        assert not inspect_model(net(activation, 6, init), X, Y).findings


def test_vanishing_gradients():
    seen = inspect_model(net("sigmoid", 8), X, Y)
    assert kinds(seen)[0] == "vanishing gradients" and "vanishes on its way back" in str(seen) and seen.findings[0].layer == seen.rows[0]["name"]


def test_exploding_gradients_and_signals():
    linear = net("linear", 6, pydl.initializers.RandomNormal(stddev=3.0, seed=1))
    assert {"initialisation"} <= set(kinds(inspect_model(linear, 1e-4 * X, Y)))
    model = pydl.Sequential([layers.Input((6,)), *[layers.Dense(32, kernel_initializer=pydl.initializers.RandomNormal(stddev=2.0, seed=k)) for k in range(5)],
                             layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = inspect_model(model, X, X[:, :1])
    assert "exploding gradients" in kinds(seen) and "grows on its way forward" in str(seen)
    small = inspect_model(net("relu", 6, pydl.initializers.RandomNormal(stddev=0.01, seed=1)), X, Y)
    assert "fades on its way forward" in str(small)


def test_dead_units_saturation_and_twins():
    dead = net("relu", 2)
    dead.layers[0].bias.assign(np.full(16, -50.0))
    assert "dead units" in kinds(inspect_model(dead, X, Y)) and f"'{dead.layers[0].name}' (100%)" in str(inspect_model(dead, X, Y))
    assert "saturation" in kinds(inspect_model(net("tanh", 2, pydl.initializers.RandomNormal(stddev=5.0, seed=1)), X, Y))
    zeros = inspect_model(net("tanh", 3, "zeros"), X, Y)
    assert kinds(zeros)[0] == "initialisation" and "have the same weights" in str(zeros) and len(zeros.findings[0].layers) == 3
    recurrent = pydl.Sequential([layers.Input((4, 2)), layers.GRU(3), layers.Dense(1)])                  # whose bias has two axes, all 0
    recurrent.compile("sgd", "mse")
    assert "initialisation" not in kinds(inspect_model(recurrent, X[:, :, None][:, :4] * np.ones(2), X[:, :1]))
    regression = pydl.Sequential([layers.Input((6,)), layers.Dense(3, activation="softmax", kernel_initializer="zeros")])   # the course's, which is fine
    regression.compile("sgd", "sparse_categorical_crossentropy")
    assert "initialisation" not in kinds(inspect_model(regression, X, Y))


def test_steps_too_large_and_too_small():
    assert "large steps" in kinds(inspect_model(net(optimizer=pydl.optimizers.SGD(300.0)), X, Y))
    assert "small steps" in kinds(inspect_model(net(optimizer=pydl.optimizers.SGD(1e-7)), X, Y))


def test_what_is_not_finite_is_named_at_its_source():
    model = net("relu", 3)
    kernel = np.array(model.layers[1].kernel.numpy())
    kernel[0, 0] = np.nan
    model.layers[1].kernel.assign(kernel)
    seen = inspect_model(model, X, Y)
    assert [f.layer for f in seen.findings if f.kind == "not finite"] == [model.layers[1].name] and "loss" in kinds(seen)


def test_the_watch_says_each_finding_once(capsys):
    model = net("sigmoid", 8)
    watch = LayerWatch(X, Y, freq=2)
    model.fit(X, Y, epochs=4, verbose=0, callbacks=[watch])
    assert [epoch for epoch, _ in watch.history] == [0, 2, 4] and capsys.readouterr().out.count("vanishes on its way back") == 1
    for what in ("std", "gradient_norm", "update_ratio", "zeros", "weight_norm"):
        root = ET.fromstring(watch.plot(what).markup())
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 9
    with pytest.raises(ValueError, match="what must be one of"):
        watch.plot("stdd")


# ---- reports ---------------------------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """Checks that what is opened is closed, and collects what a browser would act on."""
    VOID = {"meta", "link", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for n, v in attributes if n in ("src", "href", "action", "data", "srcset", "xlink:href")]
        assert not any(n.startswith("on") for n, _ in attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for n, v in attributes if n in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def report_of(path):
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert all(link.startswith("data:") for link in page.links) and "script" not in page.tags and "url(" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", re.sub(r"&lt;.*?&gt;", "", text))
    return page


def pictures(n=30):
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, n)
    x = rng.integers(0, 60, (n, 12, 12, 3)).astype(np.uint8)
    x[np.arange(n), :, :, y] += 120
    return x.astype(np.float32) / 255, y


def test_a_report_of_a_classifier_of_images(tmp_path):
    x, y = pictures()
    model = pydl.Sequential([layers.Input((12, 12, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3)], name=NASTY)
    model.compile("adam", pydl.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    report = TrainingReport(tmp_path / "r.html", x, y, class_names=[NASTY, "b", "c"], freq=2, title=f"Of {NASTY}")
    model.fit(x, y, epochs=3, verbose=0, validation_split=0.2, callbacks=[report])
    page = report_of(tmp_path / "r.html")
    said = "".join(page.text)
    shown = NASTY.replace("\x00", "\ufffd")
    assert f"Of {shown}" in said and said.count(shown) > 3 and "Nothing found amiss" in said and "3 epochs" in said
    labels = np.argmax(model.predict(x), axis=1)
    wrong = int(np.sum(labels != y))
    assert f"{30 - wrong} of 30 samples right" in said and page.tags.count("img") == min(24, wrong)
    cells = re.findall(r'taken for [^"]*: (\d+)"', (tmp_path / "r.html").read_text())
    assert [int(c) for c in cells] == [int(np.sum((y == i) & (labels == j))) for i in range(3) for j in range(3)]


def test_a_report_is_there_while_training_runs(tmp_path):
    def stop(epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt
    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=9, verbose=0, callbacks=[TrainingReport(tmp_path / "r.html", X, Y, freq=2), pydl.callbacks.LambdaCallback(on_epoch_end=stop)])
    said = "".join(report_of(tmp_path / "r.html").text)
    assert "training still runs; 4 epochs" in said


def test_reports_of_other_models(tmp_path):
    path = tmp_path / "r.html"
    binary = pydl.Sequential([layers.Input((6,)), layers.Dense(1, activation="sigmoid")])
    binary.compile("adam", "binary_crossentropy")
    binary.fit(X, (Y > 0).astype(int), epochs=2, verbose=0, callbacks=[TrainingReport(path, X, (Y > 0).astype(int), class_names=["no", "yes"])])
    right = int(np.sum((binary.predict(X)[:, 0] > 0.5) == (Y > 0)))
    assert f"{right} of 40 samples right" in "".join(report_of(path).text)
    regression = pydl.Sequential([layers.Input((6,)), layers.Dense(1)])
    regression.compile("adam", "mse")
    regression.fit(X, X[:, :1] * 2, epochs=2, verbose=0, callbacks=[TrainingReport(path, X, X[:, :1] * 2, mistakes=5)])
    said = "".join(report_of(path).text)
    off = np.abs(regression.predict(X) - X[:, :1] * 2)
    assert f"Mean absolute error {off.mean():.4g}" in said and "The worst 5 of 40" in said and f"off by {off.max():.4g}" in said
    one_hot = net()
    one_hot.compile("adam", "categorical_crossentropy")
    one_hot.fit(X, np.eye(3)[Y], epochs=1, verbose=0, callbacks=[TrainingReport(path, X, np.eye(3)[Y], mistakes=0, inspect=False)])
    said = "".join(report_of(path).text)
    assert "Confusion matrix" in said and "worst" not in said and "Inside the layers" not in said
    ids = pydl.Sequential([layers.Input((5,), dtype="int64"), layers.Embedding(9, 4), layers.Flatten(), layers.Dense(2, activation="softmax")])
    ids.compile("adam", "sparse_categorical_crossentropy")
    words = np.arange(50).reshape(10, 5) % 9
    ids.fit(words, np.arange(10) % 2, epochs=1, verbose=0, callbacks=[TrainingReport(path, words, np.arange(10) % 2)])
    assert "0, 1, 2, 3, 4" in "".join(report_of(path).text) or "5, 6, 7, 8, 0" in "".join(report_of(path).text)
    bare = net()
    bare.fit(X, Y, epochs=2, verbose=0, callbacks=[TrainingReport(path)])
    assert "Learning curves" in "".join(report_of(path).text) and "Confusion" not in "".join(report_of(path).text)


def test_a_report_goes_on_after_an_interruption(tmp_path):
    first = TrainingReport(tmp_path / "r.html")
    net().fit(X, Y, epochs=2, verbose=0, callbacks=[first])
    second = TrainingReport(tmp_path / "r.html")
    second.set_state(first.get_state())
    net().fit(X, Y, initial_epoch=2, epochs=3, verbose=0, callbacks=[second])
    assert second.epochs == [1, 2, 3] and "3 epochs" in "".join(report_of(tmp_path / "r.html").text)


@pytest.mark.filterwarnings("error")
def test_a_training_that_went_astray_has_a_report(tmp_path, capsys):
    path = tmp_path / "r.html"
    model = net(optimizer=pydl.optimizers.SGD(1e30))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[TrainingReport(path, X, Y), LayerWatch(X, Y)])
    assert "The loss is nan" in "".join(report_of(path).text) and " times)" in capsys.readouterr().out
    model = pydl.Sequential([layers.Input((6,)), layers.Dense(1)])
    model.compile(pydl.optimizers.SGD(1e38), "mse")
    model.fit(X, X[:, :1], epochs=3, verbose=0, callbacks=[TrainingReport(path, X, X[:, :1])])
    assert "no finite value" in "".join(report_of(path).text)


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium here to open the report with")
def test_a_browser_shows_the_report_and_fetches_nothing(tmp_path):
    x, y = pictures(12)
    model = pydl.Sequential([layers.Input((12, 12, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, verbose=0, callbacks=[TrainingReport(tmp_path / "r.html", x, y, class_names=[NASTY, "b", "c"])])
    shown = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--disable-background-networking",
                            "--disable-component-update", f"--log-net-log={tmp_path}/net.json", "--dump-dom", f"file://{tmp_path}/r.html"],
                           capture_output=True, text=True, timeout=60).stdout
    assert "Confusion matrix" in shown and "alert('x')&lt;/script&gt;" in shown and "<script" not in shown
    assert "example.org" not in (tmp_path / "net.json").read_text()


# ---- matplotlib ------------------------------------------------------------------------------------------------------

def test_matplotlib_is_asked_for_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: plot_history({"loss": [1.0]}), lambda: plot_histograms(net())):
        with pytest.raises(ImportError, match=r"^plot_hist\w+ draws with matplotlib, which is not installed; run: pip install 'pydl-nn\[plot\]'$"):
            draw()


def test_curves_and_histograms(tmp_path):
    pytest.importorskip("matplotlib")
    model = net()
    history = model.fit(X, Y, epochs=3, verbose=0, validation_split=0.2)
    figure = plot_history(history, tmp_path / "curves.png")
    assert [a.get_title() for a in figure.axes] == ["accuracy", "loss"] and (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert [list(line.get_ydata()) for line in figure.axes[1].lines] == [history.history["loss"], history.history["val_loss"]]
    assert len(plot_history(history.history, names="loss", log=True).axes) == 1
    before = state(model)
    assert len(plot_histograms(model).axes) == 6 and len(plot_histograms(model, X, what="outputs").axes) == 3
    assert len(plot_histograms(model, X, Y, what="gradients", to_file=tmp_path / "g.svg").axes) == 6
    counted = sum(p.get_height() for p in plot_histograms(model, X, what="outputs", bins=7).axes[0].patches)
    assert counted == 40 * 16 and all(a.tobytes() == b.tobytes() for a, b in zip(before, state(model)))


# ---- bad input -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda: inspect_model(3, X), TypeError, "inspect_model: model must be a Model"),
    (lambda: inspect_model(pydl.Sequential([layers.Input((6,)), layers.Dense(1)]), X, Y), ValueError, "call compile"),
    (lambda: inspect_model(net(), X[:, :3]), ValueError, "inspect_model: input .* is declared"),
    (lambda: inspect_model(net(), X, Y + 5), ValueError, "inspect_model"), (lambda: inspect_model(net(), X, Y, training=1), TypeError, "training"),
    (lambda: LayerWatch(X, Y, verbose="x"), TypeError, "LayerWatch: verbose must be one of 0, 1"),
    (lambda: TrainingReport("a.html", X, Y, class_names=3), TypeError, "class_names must be a list of strings, got 3"),
    (lambda: LayerWatch(X, Y, freq=0), ValueError, "LayerWatch: freq"), (lambda: TrainingReport(3), TypeError, "filename must be a path"),
    (lambda: TrainingReport("a.pdf"), ValueError, "filename must end in .html"), (lambda: TrainingReport("a.html", X), ValueError, "give x and y, or neither"),
    (lambda: TrainingReport("a.html", X, Y, class_names="abc"), TypeError, "class_names"), (lambda: TrainingReport("a.html", freq=0), ValueError, "freq"),
    (lambda: TrainingReport("a.html", mistakes=-1), ValueError, "mistakes"), (lambda: TrainingReport("a.html", inspect=1), TypeError, "inspect"),
    (lambda: plot_history([]), TypeError, "history must be what fit returned"), (lambda: plot_history({"loss": [1.0]}, names="los"), ValueError, "no 'los'"),
    (lambda: plot_histograms(net(), what="weigths"), ValueError, "what must be one of"), (lambda: plot_histograms(net(), what="outputs"), ValueError, "give x"),
    (lambda: plot_histograms(net(), X, what="gradients"), ValueError, "give x and y")])
def test_bad_arguments_are_named(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_wrong_class_names_are_told_when_the_classes_are_known(tmp_path):
    with pytest.raises(ValueError, match="class_names has 2 names, the model 3 classes"):
        net().fit(X, Y, epochs=1, verbose=0, callbacks=[TrainingReport(tmp_path / "r.html", X, Y, class_names=["a", "b"])])
