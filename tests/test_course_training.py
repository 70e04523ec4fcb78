"""Whole trainings of courses 1 and 2 by the lessons of pydl.examples, to the numbers the assignments print: costs, accuracies, same seeds.

The published values stand here; they were printed by public copies of the assignments, and are facts.
"""
import numpy as np
import pytest
from shared_data import SHARED, needs_shared

import pydl
from pydl import layers
from pydl.examples import deep_cats, initialization, lesson, logistic_cats, optimizer_comparison, planar, regularization

# ---- course 1, weeks 2 and 4: cats

@pytest.fixture(scope="module")
def cats():
    pytest.importorskip("h5py", reason="the pictures of cats are HDF5 files: h5py is not installed (pip install h5py)")
    train, test, _ = lesson.cats(SHARED / "cat_vs_noncat")
    assert train[0].shape == (209, 12288) and train[1].sum() == 72 and test[0].shape == (50, 12288) and test[1].sum() == 33
    return train, test, np.linalg.qr(train[0].T)


def trained_in_few_inputs(model, y, q, r, steps):
    """Train a model on 209 pictures in 209 coordinates instead of 12,288; returns (the model, trained as on the pictures, the costs).

    Gradient descent commutes with rotations of the input: with x = r q', q orthonormal, the gradient by the first kernel is q r' d, so
    the kernel moves within the span of q alone, as that of a net on r does.  Sixty times less work, the same costs.
    """
    weights = model.get_weights()
    units = [layer.units for layer in model.layers if isinstance(layer, layers.Dense)]
    small = deep_cats.network(len(r), units)
    small.set_weights([q.T @ weights[0], *weights[1:]])
    small.compile(pydl.optimizers.SGD(model.optimizer.learning_rate), "binary_crossentropy")
    costs = lesson.descend(small, r.T, y, steps)
    moved = small.get_weights()
    model.set_weights([weights[0] + q @ (moved[0] - q.T @ weights[0]), *moved[1:]])
    return model, costs


def cat_model(name):
    if name == "one neuron":
        model, rate = logistic_cats.neuron(12288), 0.005
    else:
        units, scale = deep_cats.NETWORKS[name]
        model, rate = deep_cats.network(12288, units), 0.0075
        lesson.draw_weights(model, 1, scale)
    model.compile(pydl.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


CATS = {    # steps, printed costs by step, accuracy on the training and the test set
    "one neuron": (2000, {0: 0.693147, 100: 0.584508, 1900: 0.140872}, 0.990430622009, 0.70),
    "two layers": (2500, {0: 0.693049735659989, 100: 0.6464320953428849, 2400: 0.04855478562877016}, 1.0, 0.72),
    "four layers": (2500, {0: 0.771749, 100: 0.672053, 2400: 0.092878}, 0.985645933014, 0.80),
}


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", CATS)
def test_cats(cats, name):
    steps, printed, known, new = CATS[name]
    train, test, (q, r) = cats
    direct = lesson.descend(cat_model(name), *train, 3)
    model, costs = trained_in_few_inputs(cat_model(name), train[1], q, r, steps)
    np.testing.assert_allclose(costs[:3], direct, rtol=1e-12)                    # the law that the rest stands on
    for step, cost in printed.items():
        assert costs[step] == pytest.approx(cost, abs=0.6e-6), f"cost at step {step}"
    assert lesson.accuracy(model, *train) == pytest.approx(known, abs=1e-9)
    assert lesson.accuracy(model, *test) == pytest.approx(new, abs=1e-9)


# ---- course 1, week 3: the flower

@pytest.mark.parametrize("hidden, printed, right", [(0, None, 0.47), (1, None, 0.675), (2, None, 0.6725), (4, 0.693048, 0.905)])
def test_planar(hidden, printed, right):
    """With 4 units public copies print 90 or 90.5 %, by the order of their sums."""
    costs, accuracy = planar.run(*lesson.flower(), hidden)
    assert printed is None or costs[0] == pytest.approx(printed, abs=0.6e-6)
    assert accuracy == pytest.approx(right, abs=0.0051 if hidden == 4 else 1e-9)


# ---- course 2, week 1: circles, the pitch

@pytest.mark.parametrize("start, known, new", [("zeros", 0.5, 0.5), ("large", 0.83, 0.86), ("He", 0.993333, 0.96)])
def test_initialization(start, known, new):
    costs, *found = initialization.run(lesson.circles(300, seed=1), lesson.circles(100, seed=2), start, 15000 if start != "zeros" else 500)
    assert found == pytest.approx([known, new], abs=1e-6)
    first = {"zeros": 0.6931471805599453, "He": 0.8830537463419761}.get(start)
    assert first is None or costs[0] == pytest.approx(first, rel=1e-12)


@pytest.fixture(scope="module")
def pitch():
    train, test = lesson.football(SHARED / "football_2d" / "data.mat")
    assert train[0].shape == (211, 2) and test[0].shape == (200, 2) and set(train[1]) == {0, 1}
    return train, test


@pytest.mark.shared
@needs_shared
def test_football_alone_and_with_l2(pitch):
    costs, *found = regularization.run(*pitch, regularization.network())
    assert [costs[0], costs[10000], costs[20000]] == pytest.approx([0.6557412523481002, 0.16329987525724213, 0.13851642423245572], abs=6e-3)
    assert found == pytest.approx([0.947867298578, 0.915], abs=1e-9)
    costs, *found = regularization.run(*pitch, regularization.network(penalty=0.7 / (2 * 211)))
    assert [costs[0], costs[10000], costs[20000]] == pytest.approx([0.6974484493131264, 0.2684918873282239, 0.2680916337127301], abs=1e-8)
    assert found == pytest.approx([0.938388625592, 0.93], abs=1e-9)


class FixedMask(layers.Layer):
    """Multiply by one mask, in training."""

    def __init__(self, mask, **options):
        super().__init__(**options)
        self.mask = mask

    def call(self, x, training=False):
        return x * self.mask if training else x


@pytest.mark.shared
@needs_shared
def test_football_with_dropout(pitch):
    """The assignment seeds its generator anew at every step, so its mask stays the same: with that mask its numbers come out."""
    rng, first, second, last = np.random.RandomState(1), *[layer for layer in regularization.network().layers if isinstance(layer, layers.Dense)]
    masks = [FixedMask((rng.rand(units, 211) < 0.86).T / 0.86, dtype="float64") for units in (20, 3)]
    model = pydl.Sequential([layers.Input((2,), dtype="float64"), first, masks[0], second, masks[1], last])
    costs, *found = regularization.run(*pitch, model)
    assert [costs[0], costs[10000], costs[20000]] == pytest.approx([0.6543912405149825, 0.061016986574905605, 0.060582435798513114], abs=1e-4)
    assert found == pytest.approx([0.928909952607, 0.95], abs=1e-9)
    costs, *found = regularization.run(*pitch, regularization.network(rate=0.14), steps=10000)        # the layer: a new mask each step
    assert found == pytest.approx([0.929, 0.95], abs=0.035)


# ---- course 2, week 2: moons

@pytest.mark.parametrize("method, right", [("gradient descent", 0.796666666667), ("momentum", 0.796666666667), ("Adam", 0.94)])
def test_optimizers_on_moons(method, right):
    """Adam is there after 2,000 epochs already; the others are where they stop after 10,000."""
    _, accuracy = optimizer_comparison.run(*lesson.moons(300), method, epochs=2000 if method == "Adam" else 10000)
    assert accuracy == pytest.approx(right, abs=0.0034)                           # one point: the order of the batches is not the assignment's
