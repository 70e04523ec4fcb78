"""Whole training steps with every loss, optimizer, metric, regularizer and constraint: replayed as eager, saved and gone on with, bit for bit."""

import inspect

import numpy as np
import pytest

import pydl
from pydl import constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules

RNG = np.random.default_rng(8)
X = RNG.standard_normal((9, 5)).astype("float32")
LABELS = RNG.integers(0, 3, 9)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def subclasses(module, base, *but):
    """The public classes of a module that derive from base and can be made without arguments, each once."""
    found = {thing for thing in vars(module).values() if inspect.isclass(thing) and issubclass(thing, base) and thing not in (base, *but)}
    ready = [
        cls
        for cls in found
        if not any(
            p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in list(inspect.signature(cls.__init__).parameters.values())[1:]
        )
    ]
    return sorted((cls for cls in ready if not cls.__name__.startswith("_")), key=lambda cls: cls.__name__)


LOSSES = subclasses(losses, losses.Loss, losses.FunctionLoss, losses.CTC)         # CTC is of sequences
OPTIMIZERS = subclasses(optimizers, optimizers.Optimizer)
# those that need to be told something
NEEDS = {
    metrics.ConfusionMatrix: {"num_classes": 3},
    metrics.IoU: {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_true": False, "sparse_y_pred": False},
    metrics.MeanIoU: {"num_classes": 3, "sparse_y_true": False, "sparse_y_pred": False},
    metrics.OneHotIoU: {"num_classes": 3, "target_class_ids": [1]},
    metrics.OneHotMeanIoU: {"num_classes": 3},
    metrics.SensitivityAtSpecificity: {"specificity": 0.4},
    metrics.SpecificityAtSensitivity: {"sensitivity": 0.4},
    metrics.PrecisionAtRecall: {"recall": 0.4},
    metrics.RecallAtPrecision: {"precision": 0.3},
    metrics.MeanMetricWrapper: {"fn": losses.mean_squared_error},
}
METRICS = [cls for cls in subclasses(metrics, metrics.Metric) if cls.__module__.startswith("pydl.")] + list(NEEDS)
named = {"ids": lambda cls: getattr(cls, "__name__", None)}


def network(loss="mse", optimizer="sgd", metric=(), run_eagerly=False, activation="softmax", **options):
    pydl.utils.set_random_seed(4)
    model = pydl.Sequential([layers.Input((5,)), layers.Dense(6, activation="tanh", **options), layers.Dense(3, activation=activation)])
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metric), run_eagerly=run_eagerly)
    return model


def flat(logs):
    """What a step reports, as one row of numbers: some metrics have a number a class."""
    return np.concatenate([np.ravel(value) for value in (logs if isinstance(logs, list) else [logs])])


def run(model, y, steps=5):
    """Losses, metrics and weights after some steps of two batch shapes."""
    said = [flat(model.train_on_batch(X[:n], y[:n])) for _ in range(steps) for n in (9, 4)]
    said.append(flat(model.evaluate(X, y, verbose=0, batch_size=4)))
    return [np.concatenate(said), *model.get_weights()]


def same(a, b):
    for i, (one, other) in enumerate(zip(a, b, strict=True)):
        np.testing.assert_array_equal(one, other, err_msg=f"array {i}")


def both_ways(y, **options):
    """Eager and replayed are the same, and something happens."""
    eager, replayed = network(run_eagerly=True, **options), network(**options)
    start = replayed.get_weights()
    a, b = run(eager, y), run(replayed, y)
    same(a, b)
    assert sum(what.startswith("train step") for what, _ in replayed.recorded_steps()) == 2, "nothing was replayed"
    assert all(np.isfinite(w).all() for w in b)
    assert any(not np.array_equal(w, v) for w, v in zip(start, b[1:]))
    return b


@pytest.mark.parametrize("loss", LOSSES, **named)
def test_loss(loss, tmp_path):
    y = LABELS if "Sparse" in loss.__name__ else ONE_HOT
    both_ways(y, loss=loss())
    model = network(loss=loss())
    model.train_on_batch(X, y)
    model.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    same(run(model, y), run(loaded, y))
    by_name = network(loss=loss().name)
    same(run(by_name, y), run(network(loss=loss()), y))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clipnorm": 0.1},
        {"global_clipnorm": 0.1},
        {"clipvalue": 0.01},
        {"weight_decay": 0.01},
        {"use_ema": True, "ema_overwrite_frequency": 2},
        {"learning_rate": schedules.ExponentialDecay(0.05, 2, 0.5)},
    ],
    ids=lambda o: next(iter(o), "plain"),
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, **named)
def test_optimizer(optimizer, options, tmp_path):
    accepted = inspect.signature(optimizer.__init__).parameters
    options = {k: v for k, v in options.items() if k in accepted or any(p.kind == p.VAR_KEYWORD for p in accepted.values())}
    options.setdefault("learning_rate", 0.05)

    def make():
        return optimizer(**options)

    eager, replayed = network(optimizer=make(), run_eagerly=True), network(optimizer=make())
    same(run(eager, ONE_HOT), run(replayed, ONE_HOT))
    assert all(np.isfinite(w).all() for w in replayed.get_weights())
    replayed.save(tmp_path / "m.pydl")
    loaded = pydl.models.load_model(tmp_path / "m.pydl")
    same(run(eager, ONE_HOT, 2), run(loaded, ONE_HOT, 2))  # the slots, the step count and the place in the schedule came along
    config = make().get_config()
    again = optimizer.from_config(config)
    assert again.get_config() == config
    same(run(network(optimizer=again), ONE_HOT), run(network(optimizer=make()), ONE_HOT))


def targets_for(metric):
    return LABELS if "Sparse" in metric.__name__ or metric is metrics.Perplexity else ONE_HOT


@pytest.mark.parametrize("metric", METRICS, **named)
def test_metric_inside_a_step(metric):
    cls = metric

    def metric():
        return cls(**NEEDS.get(cls, {}))

    if cls in (metrics.Mean, metrics.Sum):
        counted = metric()
        for value in ([1.0, 3.0], 5.0):
            counted.update_state(value)
        assert counted.result() == (3.0 if cls is metrics.Mean else 9.0)
        return
    y = targets_for(cls)
    both_ways(y, loss="sparse_categorical_crossentropy" if y is LABELS else "mse", metric=[metric()])
    alone, model = metric(), network(loss="sparse_categorical_crossentropy" if y is LABELS else "mse", metric=[metric()])
    alone.update_state(y, model.predict(X))
    inside = model.evaluate(X, y, verbose=0, return_dict=True)[metric().name]
    np.testing.assert_allclose(np.asarray(alone.result(), np.float64), inside, rtol=1e-5, atol=1e-6)
    alone.reset_state()
    alone.update_state(y[:4], model.predict(X)[:4])
    alone.update_state(y[4:], model.predict(X)[4:])
    np.testing.assert_allclose(np.asarray(alone.result(), np.float64), inside, rtol=1e-5, atol=1e-6, err_msg="in two batches")


@pytest.mark.parametrize("regularizer", [regularizers.L1(0.01), regularizers.L2(0.01), regularizers.L1L2(0.01, 0.02)], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("where", ["kernel_regularizer", "bias_regularizer", "activity_regularizer"])
def test_regularizer(regularizer, where):
    with_it = both_ways(ONE_HOT, **{where: regularizer})
    without = run(network(), ONE_HOT)
    assert where == "bias_regularizer" or with_it[0][0] > without[0][0]


@pytest.mark.parametrize(
    "constraint", [constraints.MaxNorm(0.3), constraints.UnitNorm(), constraints.NonNeg(), constraints.MinMaxNorm(0.1, 0.2)], ids=lambda c: type(c).__name__
)
def test_constraint(constraint):
    kernel = both_ways(ONE_HOT, kernel_constraint=constraint)[1]
    norms = np.sqrt((kernel**2).sum(0))
    low, high = {"MaxNorm": (0, 0.3), "UnitNorm": (1, 1), "NonNeg": (0, np.inf), "MinMaxNorm": (0.1, 0.2)}[type(constraint).__name__]
    assert np.all(norms >= low - 1e-5) and np.all(norms <= high + 1e-5)
    assert type(constraint).__name__ != "NonNeg" or np.all(kernel >= 0)


@pytest.mark.parametrize("initializer", subclasses(initializers, initializers.Initializer), **named)
def test_initializer_is_the_same_for_the_same_seed(initializer):
    shape = (4, 4)
    options = {"seed": 3} if "seed" in inspect.signature(initializer.__init__).parameters else {}
    one, other = np.asarray(initializer(**options)(shape)), np.asarray(initializer(**options)(shape))
    assert one.shape == shape and one.dtype == np.float32
    np.testing.assert_array_equal(one, other)
    again = initializer.from_config(initializer(**options).get_config())
    np.testing.assert_array_equal(np.asarray(again(shape)), one)
    assert np.asarray(initializer(**options)(shape, dtype="float64")).dtype == np.float64
    if options:
        assert not np.array_equal(np.asarray(initializer(seed=4)(shape)), one)


def test_sample_and_class_weights_are_replayed_alike():
    weights = np.linspace(0.1, 2, 9).astype("float32")
    results = []
    for eagerly in (True, False):
        model = network(loss="sparse_categorical_crossentropy", run_eagerly=eagerly)
        h = model.fit(X, LABELS, sample_weight=weights, class_weight={0: 2.0, 2: 0.5}, epochs=4, batch_size=4, verbose=0).history
        results.append([np.array(h["loss"]), *model.get_weights()])
    same(*results)


def test_a_weight_of_zero_is_a_row_left_out():
    weights = np.ones(9, "float32")
    weights[6:] = 0
    a, b = network(loss="sparse_categorical_crossentropy"), network(loss="sparse_categorical_crossentropy")
    noise = X.copy()
    noise[6:] += 100
    for _ in range(4):
        a.train_on_batch(X, LABELS, sample_weight=weights)
        b.train_on_batch(noise, LABELS, sample_weight=weights)
    same(a.get_weights(), b.get_weights())


@pytest.mark.parametrize("module, base, here, elsewhere", [
    (losses, losses.Loss, LOSSES, {"FunctionLoss", "CTC"}),                     # test_loss.py, test_ctc.py
    (optimizers, optimizers.Optimizer, OPTIMIZERS, set()),
    (metrics, metrics.Metric, METRICS, set()),
], ids=["losses", "optimizers", "metrics"])
def test_everything_public_is_trained_with(module, base, here, elsewhere):
    """A new class is found by itself; one that cannot be made without arguments needs a line in NEEDS."""
    public = {thing.__name__ for name, thing in vars(module).items()
              if inspect.isclass(thing) and issubclass(thing, base) and thing is not base and not name.startswith("_")}
    assert public - {cls.__name__ for cls in here} - elsewhere == set()
    assert len(here) >= 9


def test_a_metric_with_a_number_a_class_is_logged_and_shown(capsys):
    model = network(metric=[metrics.F1Score()])
    history = model.fit(X, ONE_HOT, epochs=2, verbose=2, validation_split=0.3).history
    assert len(history["f1_score"]) == 2 and len(history["val_f1_score"][0]) == 3
    assert "f1_score: [" in capsys.readouterr().out
