"""Every line of cases.py through every check: what an op and a layer promise, DESIGN 7."""
import copy
import inspect
import json
import pickle

import numpy as np
import pytest
from contract import DTYPES, N, assert_close, assert_same_bits

import pydl
from cases import CASES
from pydl.capture import function
from pydl.gradcheck import gradcheck
from pydl.tensor import Tensor

LAYERS = [case for case in CASES if case.is_layer]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_layer = pytest.mark.parametrize("case", LAYERS, ids=str)
differentiable = pytest.mark.parametrize("case", [case for case in CASES if case.gradient], ids=str)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture
def threads():
    before = pydl.get_num_threads()
    yield pydl.set_num_threads
    pydl.set_num_threads(before)


# ops without a line: they make tensors of nothing, look at them, or are no formula; test_move.py, test_elementwise.py and test_decode.py have them
WITHOUT_LINE = {"arange", "convert_to_numpy", "convert_to_tensor", "ctc_decode", "eye", "full", "full_like", "isfinite", "isinf", "isnan", "linspace", "ndim",
                "ones", "ones_like", "shape", "size", "stop_gradient", "zeros", "zeros_like"}


def test_every_op_and_layer_has_a_line():
    targets = {case.target for case in CASES}
    names = {getattr(target, "__name__", "") for target in targets}
    public = {name: thing for name, thing in vars(pydl.ops).items() if not name.startswith("_") and inspect.isfunction(thing)}
    assert sorted(name for name, thing in public.items() if thing not in targets and name not in names | WITHOUT_LINE) == []
    found = {thing for thing in vars(pydl.layers).values() if inspect.isclass(thing) and issubclass(thing, pydl.layers.Layer)}
    cells = {thing for thing in found if thing.__name__.endswith(("Cell", "Cells"))}        # one step each, with states beside the input: test_cells.py
    assert sorted(thing.__name__ for thing in found - targets - cells - {pydl.layers.Layer}) == []


def test_every_loss_has_a_line():
    targets = {case.target for case in CASES}
    assert sorted(name for name, thing in pydl.losses.FUNCTIONS.items() if thing not in targets) == ["ctc"]       # test_ctc.py: sequences of labels


def test_ids_are_unique():
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})


# ---- values

@every_case
@every_dtype
def test_equals_the_reference(case, dtype, level):
    if case.reference is None:
        assert case.call.get("training"), "only what is random may go without a reference"
        return
    for inputs in (None, *case.also):
        live, arrays = case.live(dtype, inputs), case.draw(dtype, inputs=inputs)
        got, want = live.results(arrays), case.expected(arrays, live.weights)
        assert len(got) == len(want), "number of results"
        for g, w in zip(got, want):
            assert g.dtype == dtype or w.dtype.kind != "f", f"result is {g.dtype}"
            assert_close(g, w, case.tolerance[DTYPES.index(dtype)], f"inputs {[a.shape for a in arrays]}")


@every_case
def test_one_row_is_like_a_row_of_many(case):
    live = case.live("float64")
    arrays = case.draw(n=1)
    assert_close_lists(live.results(arrays), case.expected(arrays, live.weights) if case.reference else live.results(arrays), case)


@every_case
def test_empty(case):
    if not any(N in maker.shape for maker in case.inputs):
        return
    for dtype in DTYPES:
        live, arrays = case.live(dtype), case.draw(dtype, n=0)
        if not case.empty:
            with pytest.raises(ValueError):
                live.results(arrays)
            continue
        got, small, more = live.results(arrays), live.results(case.draw(dtype, n=2)), live.results(case.draw(dtype, n=3))
        for g, s, m in zip(got, small, more):
            assert g.shape == tuple(a if a == b else a - 2 * (b - a) for a, b in zip(s.shape, m.shape))
            assert g.dtype == s.dtype
        if case.gradient:
            for g, a in zip(live.gradients(arrays), [a for a in arrays if a.dtype.kind == "f"] + live.weights):
                assert g.shape == a.shape
                assert np.all(g == 0)


def assert_close_lists(got, want, case):
    for g, w in zip(got, want, strict=True):
        assert_close(g, w, case.tolerance[1])


# ---- gradients

@differentiable
def test_gradient_by_differences(case):
    live = case.live("float64")
    arrays = case.draw(n=3)

    def f(*tensors):
        live.rewind(weights=False)
        return live(*tensors)
    report = gradcheck(f, arrays, parameters=live.parameters, components=case.components)
    assert report, f"\n{report}"


@differentiable
def test_float32_gradient_is_the_float64_one(case, level):
    arrays = case.draw("float32")
    got = case.live("float32").gradients(arrays)
    want = case.live("float64").gradients([a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays])
    for g, w in zip(got, want, strict=True):
        assert g.dtype == np.float32
        assert np.linalg.norm(g - w) <= 20 * case.tolerance[0] * np.linalg.norm(w) + 1e-7, f"{np.linalg.norm(g - w)} of {np.linalg.norm(w)}"


@every_case
def test_inputs_are_not_modified(case):
    for dtype in DTYPES:
        live = case.live(dtype)
        arrays = case.draw(dtype)
        tensors = [Tensor(a, needs_gradient=bool(case.gradient) and a.dtype.kind == "f") for a in arrays]
        live(*tensors)
        if case.gradient:
            live.recorded_gradients(*tensors)
        assert_same_bits([t.numpy() for t in tensors], case.draw(dtype), dtype)


# ---- arrays of any layout

def reversed_order(a):
    return a[tuple(slice(None, None, -1) for _ in a.shape)].copy()[tuple(slice(None, None, -1) for _ in a.shape)]


def strided(a):
    wide = np.zeros(tuple(2 * s for s in a.shape), a.dtype)
    wide[tuple(slice(None, None, 2) for _ in a.shape)] = a
    return wide[tuple(slice(None, None, 2) for _ in a.shape)]


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:].view(np.uint8)
    odd = np.ndarray(a.shape, a.dtype, buffer=raw.data)
    odd[...] = a
    return odd


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {"F-order": np.asfortranarray, "strided": strided, "reversed": reversed_order, "read-only": read_only, "misaligned": misaligned,
           "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">"))}


@every_case
def test_any_layout_gives_the_same_bits(case):
    live, arrays = case.live("float32"), case.draw("float32")
    want = live.results(arrays)
    for name, change in LAYOUTS.items():
        assert_same_bits(live.results([change(a) for a in arrays]), want, name)


# ---- threads, replay

@every_case
@every_dtype
def test_any_number_of_threads_gives_the_same_bits(case, dtype, threads):
    live, arrays = case.live(dtype), case.draw(dtype, n=case.large() if case.grows else 5)
    want = None
    for count in (1, 2, 4):
        threads(count)
        got = live.results(arrays) + (live.gradients(arrays) if case.gradient else [])
        want = want or got
        assert_same_bits(got, want, f"{count} threads")


@every_case
def test_replayed_values_are_the_eager_ones(case):
    for dtype in DTYPES:
        live = case.live(dtype)
        batches = [case.draw(dtype, seed=seed) for seed in range(5)]
        live.rewind()
        eager = [[np.array(t.numpy()) for t in live(*arrays)] for arrays in batches]
        end = live._state()
        live.rewind()
        replay = function(lambda *x, live=live: live(*x), strict=True)
        for i, arrays in enumerate(batches):
            assert_same_bits([t.numpy() for t in replay(*arrays)], eager[i], f"{dtype}, call {i}")
        for was, now in zip(end, live._state()):
            assert_same_bits(now, was, f"{dtype}: state afterwards")


@differentiable
def test_replayed_gradients_are_the_eager_ones(case):
    for dtype in DTYPES:
        live = case.live(dtype)
        batches = [case.draw(dtype, seed=seed) for seed in range(4)]
        live.rewind()
        eager = [[np.array(g) for g in live.recorded_gradients(*map(Tensor, arrays))] for arrays in batches]
        live.rewind()
        replay = function(lambda *x, live=live: [Tensor(g) for g in live.recorded_gradients(*x)], strict=True)
        for i, arrays in enumerate(batches):
            assert_same_bits([t.numpy() for t in replay(*arrays)], eager[i], f"{dtype}, call {i}")


# ---- layers

def model_of(case, dtype="float32", run_eagerly=False, trainable=True, compiled=True):
    """A functional model of one layer, with the case's weights."""
    live = case.live(dtype)
    given = [pydl.layers.Input(m.shape[1:], dtype=dtype if m.floating else m.draw(np.random.default_rng(0), ()).dtype.name) for m in case.inputs]
    kwargs = {k: v for k, v in case.call.items() if k != "training"}
    model = pydl.Model(given, live.layer(given if len(given) > 1 else given[0], **kwargs))
    live.layer.trainable = trainable
    if compiled:
        model.compile(optimizer=pydl.optimizers.Adam(0.01), loss="mse", run_eagerly=run_eagerly)
    return model


def single(arrays):
    return arrays[0] if len(arrays) == 1 else arrays


def targets(model, arrays):
    out = model.predict(single(arrays))
    return np.random.default_rng(5).standard_normal(out.shape).astype(out.dtype)


@every_layer
def test_output_shape_is_known_before_the_data(case):
    live = case.live("float32")
    arrays = case.draw("float32", n=3)
    shapes = [(None, *a.shape[1:]) for a in arrays]
    told = live.layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    got = [t.shape for t in live(*arrays)]
    told = [tuple(s) for s in told] if isinstance(told, list) else [tuple(told)]
    assert [s[1:] for s in told] == [s[1:] for s in got]
    symbol = model_of(case, compiled=False).output_shape
    assert [tuple(s) for s in (symbol if isinstance(symbol, list) else [symbol])] == [(None, *s[1:]) for s in got]


@every_layer
def test_config_makes_the_same_layer(case):
    layer = case.live("float32").layer
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert again.name == layer.name
    shapes = [(None, *maker.shape[1:]) for maker in case.inputs]
    again.ensure_built(shapes if len(shapes) > 1 else shapes[0])
    again.set_weights(layer.get_weights())
    live = case.live("float32")
    arrays = case.draw("float32")
    want = live.results(arrays)
    live.layer = again
    live.start = live._state()[0], live.start[1]
    assert_same_bits(live.results(arrays), want)


@every_layer
def test_training_steps_replayed_are_the_eager_ones(case):
    arrays = case.draw("float32", n=6)
    y = targets(model_of(case), arrays)
    results = []
    for eagerly in (True, False):
        model = model_of(case, run_eagerly=eagerly)
        losses = [model.train_on_batch(single(arrays), y) for _ in range(5)]
        results.append([np.array(losses), *model.get_weights()])
        assert eagerly or len(model.recorded_steps()) == 1, "the step was not replayed"
    assert_same_bits(results[1], results[0])
    if model.trainable_weights:
        assert not all(np.array_equal(a, b) for a, b in zip(results[0][1:], model_of(case).get_weights())), "nothing was trained"


@every_layer
def test_save_and_load(case, tmp_path):
    model = model_of(case)
    arrays = case.draw("float32", n=4)
    model.train_on_batch(single(arrays), targets(model, arrays))
    model.save(tmp_path / "model.pydl")
    loaded = pydl.models.load_model(tmp_path / "model.pydl")
    assert_same_bits(loaded.get_weights(), model.get_weights(), "weights")
    assert_same_bits([loaded.predict(single(arrays))], [model.predict(single(arrays))], "prediction")
    y = targets(model, arrays)
    assert loaded.train_on_batch(single(arrays), y) == model.train_on_batch(single(arrays), y)
    assert_same_bits(loaded.get_weights(), model.get_weights(), "weights after another step")


@every_layer
def test_copies(case):
    """copy.copy, copy.deepcopy and pickle make a layer of the same weights and states, with memory of its own."""
    live = case.live("float32")
    layer, arrays = live.layer, case.draw("float32")
    copies = [copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    want = live.results(arrays)
    for copied in copies:
        assert copied is not layer and type(copied) is type(layer) and copied.name == layer.name and copied.built
        live.layer = copied
        assert_same_bits([np.array(t.numpy()) for t in live(*arrays)], want)
        assert not {id(p.array) for p in copied.weights} & {id(p.array) for p in layer.weights}


@every_layer
def test_frozen(case):
    arrays = case.draw("float32", n=4)
    model = model_of(case, trainable=False)
    before = model.get_weights()
    assert model.trainable_weights == []
    assert len(model.non_trainable_weights) == len(before)
    y = targets(model, arrays)
    for _ in range(4):
        model.train_on_batch(single(arrays), y)
    assert_same_bits(model.get_weights(), before, "weights of a frozen layer")
    live = case.live("float32")
    if not case.gradient or case.call.get("training"):
        return
    want = live.gradients(arrays)
    live.layer.trainable = False
    got = live.gradients(arrays)
    assert_same_bits(got, want[:len(got)], "gradient by the inputs")
    live.layer.trainable = True
    assert_same_bits(live.gradients(arrays), want, "thawed")
