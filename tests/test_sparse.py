"""Gradients of tables by rows: the same results where they promise to be, the cost of the batch, untouched rows at rest."""
import numpy as np
import pytest

import pydl
from pydl import layers, ops, optimizers
from pydl.autodiff import RowGradient, backward
from pydl.backends import cpu as B

EXACT = {"SGD": lambda **o: optimizers.SGD(0.1, **o), "Adagrad": lambda **o: optimizers.Adagrad(0.1, **o)}
LAZY = {"Adam": lambda: optimizers.Adam(0.01), "AMSGrad": lambda: optimizers.Adam(0.01, amsgrad=True), "AdamW": lambda: optimizers.AdamW(0.01),
        "Adamax": lambda: optimizers.Adamax(0.01), "Nadam": lambda: optimizers.Nadam(0.01), "Adadelta": lambda: optimizers.Adadelta(1.0),
        "Lion": lambda: optimizers.Lion(0.01), "RMSprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        "momentum": lambda: optimizers.SGD(0.1, momentum=0.9), "nesterov": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True)}
ROWS, USED = 40, 9


def model(sparse, optimizer, rows=ROWS, width=6, dtype="float32", **options):
    table = np.random.default_rng(0).standard_normal((rows, width))
    net = pydl.Sequential([layers.Embedding(rows, width, weights=table, sparse=sparse, dtype=dtype, **options),
                           layers.GlobalAveragePooling1D(dtype=dtype), layers.Dense(1, kernel_initializer="ones", dtype=dtype)])
    net.compile(optimizer, "mse")
    return net


def train(net, steps=6, seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        net.train_on_batch(rng.integers(0, USED, (8, 5)), rng.standard_normal((8, 1)))
    return net.layers[0].embeddings.numpy().copy()


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("options", [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}, {"clipvalue": 0.01}, {"weight_decay": 0.1}, {"use_ema": True},
                                     {"gradient_accumulation_steps": 2}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_step_by_rows_is_the_step_of_the_whole_table(name, options, dtype):
    whole = train(model(False, EXACT[name](**options), dtype=dtype))
    np.testing.assert_array_equal(train(model(None, EXACT[name](**options), dtype=dtype)), whole)


@pytest.mark.parametrize("name", LAZY)
def test_other_optimizers_train_the_whole_table_unless_told(name):
    whole = train(model(False, LAZY[name]()))
    np.testing.assert_array_equal(train(model(None, LAZY[name]())), whole)
    lazy, before = train(model(True, LAZY[name]())), model(True, "sgd").layers[0].embeddings.numpy()
    np.testing.assert_array_equal(lazy[USED:], before[USED:])
    assert (lazy[:USED] != before[:USED]).any(1).all() and (lazy != whole).any()


@pytest.mark.parametrize("name", LAZY)
def test_a_row_used_at_every_step_is_trained_as_in_the_whole_table(name):
    """Means of rows that are never left out cannot tell the difference."""
    ids, y = np.tile(np.arange(4), (8, 1)), np.random.default_rng(2).standard_normal((8, 1))
    nets = [model(sparse, LAZY[name]()) for sparse in (True, False)]
    for net in nets:
        for _ in range(5):
            net.train_on_batch(ids, y)
    np.testing.assert_array_equal(*[net.layers[0].embeddings.numpy()[:4] for net in nets])


@pytest.mark.parametrize("name", ["Adam", "nesterov"])
def test_any_number_of_threads_and_eager_steps_give_the_same_bits(name):
    want, threads = train(model(True, LAZY[name](), rows=3000, width=70)), pydl.get_num_threads()
    try:
        for count in (1, 2, 4):
            pydl.set_num_threads(count)
            np.testing.assert_array_equal(train(model(True, LAZY[name](), rows=3000, width=70)), want)
    finally:
        pydl.set_num_threads(threads)
    eager = model(True, LAZY[name](), rows=3000, width=70)
    eager.compile(LAZY[name](), "mse", run_eagerly=True)
    np.testing.assert_array_equal(train(eager), want)


def test_saved_and_resumed_is_as_if_never_stopped(tmp_path):
    straight = model(True, optimizers.Adam(0.01))
    train(straight, 3)
    train(straight, 4, seed=5)
    first = model(True, optimizers.Adam(0.01))
    train(first, 3)
    first.save(tmp_path / "m.pydl")
    second = pydl.models.load_model(tmp_path / "m.pydl")
    assert second.layers[0].sparse is True
    np.testing.assert_array_equal(train(second, 4, seed=5), straight.layers[0].embeddings.numpy())


@pytest.mark.parametrize(("sparse", "optimizer"), [(None, optimizers.SGD), (True, optimizers.Adam)])
def test_a_step_moves_as_many_bytes_for_any_vocabulary(sparse, optimizer):
    def moved(rows):
        net = model(sparse, optimizer(0.01), rows=rows)
        found = net.profile(np.arange(40).reshape(8, 5) % USED, np.zeros((8, 1)), repeats=1, print_fn=lambda line: None)
        return sum(row["bytes"] for row in found)
    assert moved(100) == moved(100_000)


def test_a_table_used_twice_and_a_table_used_otherwise():
    """Pieces are joined; with an ordinary gradient beside them they become one."""
    table = pydl.Parameter(np.random.default_rng(0).standard_normal((7, 3)), name="table", dtype="float64")
    ids = [np.array([[1, 1], [4, 6]], "int32"), np.array([4, 4, 0], "int64")]

    def looked_up(*more):
        return sum((ops.sum(ops.square(layers.embedding.EmbeddingOp("t")(table, pydl.Tensor(i)))) for i in ids), sum(more, pydl.Tensor(0.0, dtype="float64")))
    gradient, = backward(looked_up(), [table], by_rows=True)
    want, = backward(looked_up(), [table])
    assert isinstance(gradient, RowGradient) and not isinstance(want, RowGradient)
    rows, found, sums = gradient.by_rows()
    count = int(np.asarray(found)[0])
    assert np.asarray(rows)[:count].tolist() == [0, 1, 4, 6]
    again = np.zeros((7, 3))
    again[np.asarray(rows)[:count]] = np.asarray(sums)[:count]
    np.testing.assert_allclose(again, np.asarray(want), rtol=1e-14)
    mixed, = backward(looked_up(ops.sum(table)), [table], by_rows=True)
    np.testing.assert_allclose(np.asarray(mixed), np.asarray(want) + 1, rtol=1e-14)


@pytest.mark.parametrize("limit", [1, 7, 3000, 5_000_000])
@pytest.mark.parametrize("n", [0, 1, 100, 3000])
def test_sums_by_rows(limit, n):
    rng = np.random.default_rng(n)
    ids, dy = rng.integers(0, limit, n), rng.standard_normal((n, 5)).astype("float32")
    ids[:n // 2] = ids[n - n // 2:]
    rows, found, sums = RowGradient([(B.from_numpy(ids), B.from_numpy(dy))], (limit, 5)).by_rows()
    want = np.unique(ids)
    assert np.asarray(found)[0] == len(want)
    np.testing.assert_array_equal(np.asarray(rows)[:len(want)], want)
    for k in range(0, len(want), 37):
        total = np.zeros(5, "float32")
        for i in np.flatnonzero(ids == want[k]):            # in the order of the batch
            total += dy[i]
        np.testing.assert_array_equal(np.asarray(sums)[k], total)


def test_what_concerns_every_row_cannot_be_left_out():
    with pytest.raises(ValueError, match="Embedding 'words'.*sparse=True leaves rows out"):
        layers.Embedding(5, 3, sparse=True, embeddings_regularizer="l2", name="words")
    with pytest.raises(TypeError, match="sparse"):
        layers.Embedding(5, 3, sparse="yes")
    for options in ({"use_ema": True}, {"gradient_accumulation_steps": 2}):
        with pytest.raises(ValueError, match=f"sparse=True, but {next(iter(options))}"):
            train(model(True, optimizers.Adam(0.01, **options)))
    regularized = train(model(None, optimizers.SGD(0.1), embeddings_regularizer="l2"))
    assert (regularized[USED:] != model(None, "sgd").layers[0].embeddings.numpy()[USED:]).all()


def test_weight_decay_set_between_steps_reaches_every_row():
    nets = [model(sparse, optimizers.SGD(0.1)) for sparse in (None, False)]
    for net in nets:
        train(net, 4)
        net.optimizer.weight_decay = 0.1
    np.testing.assert_array_equal(*[train(net, 4) for net in nets])


def test_a_bad_row_stops_the_kernel():
    """The boundary trusts nobody: rows that are no rows of the table change nothing."""
    w, g, hyper, steps = B.owned((4, 2)), B.from_numpy(np.ones((1, 2), "float32")), optimizers.SGD(0.1).hyper, B.owned((1,), "int64")
    for bad in (-1, 4):
        with pytest.raises(ValueError):
            B.sgd_update([(w, g, None, None, None, 1.0, 1.0, (B.from_numpy(np.array([bad])), B.from_numpy(np.array([1]))))], hyper, None, steps, 1)
        assert not np.asarray(w).any() and not np.asarray(steps).any()
