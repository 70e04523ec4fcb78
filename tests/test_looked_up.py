"""An Embedding and the recurrent layer behind it run as one: what they give apart, but for roundings, and only where that may be."""
import numpy as np
import pytest

import pydl
from pydl import layers
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level
from pydl.models import fusion

RECURRENT = {"SimpleRNN": layers.SimpleRNN, "GRU": layers.GRU, "GRU, reset before": lambda *a, **o: layers.GRU(*a, reset_after=False, **o),
             "SimplifiedGRU": layers.SimplifiedGRU, "LSTM": layers.LSTM, "LSTM with peepholes": lambda *a, **o: layers.LSTM(*a, peephole=True, **o)}
VOCAB = 5


def chain(recurrent, dtype="float64", embedding=None, **options):
    return pydl.Sequential([layers.Input((None,), dtype="int64"), layers.Embedding(VOCAB, 3, dtype=dtype, **(embedding or {})),
                            recurrent(7, dtype=dtype, **options), layers.Dense(2, dtype=dtype)])


def randomised(model):
    rng = np.random.default_rng(2)
    model.set_weights([rng.uniform(-0.7, 0.7, w.shape) for w in model.get_weights()])
    return model


def ids(n=4, t=6):
    return np.random.default_rng(3).integers(0, VOCAB, (n, t))


def kernels(model, x):
    """The names of the kernels of an inference pass."""
    return [row["kernel"] for row in model.profile(x, repeats=1)]


def fused(model, inference=True):
    return sum(f is not None for _, f, _ in model._plan.steps(inference))


def apart(build, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(fusion, "PATTERNS", {})
        model = build()
        model._plan.steps(True), model._plan.steps(False)
    assert not fused(model) and not fused(model, False)
    return model


@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "go_backwards": True}, {"use_bias": False}, {"recompute": True},
                                     {"recurrent_dropout": 0.4, "seed": 1}], ids=str)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_the_numbers_of_the_layers_apart(name, options, mask_zero, monkeypatch):
    def build():
        return randomised(chain(RECURRENT[name], embedding={"mask_zero": mask_zero}, **options))
    x, y = ids(), np.random.default_rng(4).standard_normal((4, 6, 2) if "return_sequences" in options else (4, 2))
    one, two = build(), apart(build, monkeypatch)
    assert fused(one) == fused(one, False) == 1
    for _ in range(3):                                                  # eager, recorded, replayed
        got = one.predict(x)
        np.testing.assert_allclose(got, two.predict(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(one(x).numpy(), got)
    for model in (one, two):
        model.compile("sgd", "mse")
    for _ in range(4):
        np.testing.assert_allclose(one.train_on_batch(x, y), two.train_on_batch(x, y), rtol=1e-11)
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", RECURRENT)
def test_any_level_and_any_number_of_threads(name):
    """Long sequences, and more rows of the batch than a group has."""
    x, y = np.random.default_rng(3).integers(0, VOCAB, (70, 30)), np.random.default_rng(4).standard_normal((70, 2))
    level, threads, found = get_cpu_level(), pydl.get_num_threads(), {}
    try:
        for here in cpu_levels():
            set_cpu_level(here)
            for count in (1, 2, 4):
                pydl.set_num_threads(count)
                model = randomised(chain(RECURRENT[name]))
                model.compile("sgd", "mse")
                model.train_on_batch(x, y)
                found.setdefault(here, []).append([*model.get_weights(), model.predict(x)])
    finally:
        set_cpu_level(level)
        pydl.set_num_threads(threads)
    for here, runs in found.items():
        for other in runs[1:]:
            for a, b in zip(runs[0], other):
                np.testing.assert_array_equal(a, b)
        for a, b in zip(runs[0], found[level][0]):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_few_steps_go_step_by_step():
    """Where a batch has less than twice as many steps as the table has rows, the products of the steps are the cheaper ones."""
    model = chain(layers.LSTM)
    assert "take_rows" not in kernels(model, ids(2, 5)) and "take_rows" in kernels(model, ids(3, 3))


@pytest.mark.parametrize("options", [{"activation": "relu"}, {"activity_regularizer": "l2"}, {"return_state": True}], ids=str)
def test_what_stays_apart(options):
    state = options.get("return_state")
    x = layers.Input((None,), dtype="int64")
    out = layers.LSTM(7, **options)(layers.Embedding(VOCAB, 3)(x))
    assert fused(pydl.Model(x, out[0] if state else out)) == 0


def test_what_stays_apart_in_training():
    for model in (chain(layers.LSTM, dropout=0.3), chain(layers.LSTM, embedding={"sparse": True})):
        assert (fused(model), fused(model, False)) == (1, 0)


def test_rows_that_no_step_uses_do_not_move_where_the_table_is_sparse():
    model = chain(layers.LSTM, embedding={"sparse": True})
    before = model.get_weights()[0]
    model.compile(pydl.optimizers.Adam(weight_decay=0.1), "mse")
    model.train_on_batch(np.full((4, 6), 2), np.ones((4, 2)))
    assert [bool(r.any()) for r in model.get_weights()[0] - before] == [row == 2 for row in range(VOCAB)]


def test_ids_outside_the_vocabulary_are_named():
    model = pydl.Sequential([layers.Input((6,), dtype="int64"), layers.Embedding(VOCAB, 3, name="words"), layers.GRU(4)])
    wrong = ids()
    wrong[2, 1] = 5
    for _ in range(4):
        with pytest.raises(ValueError, match=r"Embedding 'words': id 5 \(number 13 of ids \(4, 6\)\) is outside the vocabulary, 0 <= id < 5"):
            model.predict(wrong)
        model.predict(ids())
    model.compile("sgd", "mse")
    for _ in range(4):
        before = model.get_weights()
        with pytest.raises(ValueError, match="Embedding 'words': id 5"):
            model.train_on_batch(wrong, np.zeros((4, 4)))
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
        model.train_on_batch(ids(), np.zeros((4, 4)))


def test_a_stateful_layer_goes_on_where_it_was():
    x = ids(4, 12)
    whole = randomised(chain(layers.GRU, return_sequences=True))
    pieces = chain(layers.GRU, return_sequences=True, stateful=True)
    pieces(x)
    pieces.set_weights(whole.get_weights())
    pieces.layers[1].reset_states()
    got = np.concatenate([pieces.predict(x[:, s:s + 3]) for s in range(0, 12, 3)], 1)
    np.testing.assert_allclose(got, whole.predict(x), rtol=1e-12, atol=1e-12)


def test_a_frozen_table_and_a_frozen_kernel():
    for k in range(2):
        model = randomised(chain(layers.GRU))
        model.layers[k].trainable = False
        before = model.get_weights()
        model.compile("sgd", "mse")
        model.train_on_batch(ids(), np.ones((4, 2)))
        moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
        assert moved == ([False] + [True] * 5 if k == 0 else [True] + [False] * 3 + [True] * 2)
