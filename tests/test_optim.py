"""Optimizers: published values, float64 references over many steps, replay, state, settings and what they refuse."""
import numpy as np
import pytest
from course import agrees, drawn, keras, published

import pydl
from pydl import optimizers
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.capture import Step
from pydl.errors import DTypeError, FormatError, ShapeError
from pydl.kernels._common import cpu_levels, get_cpu_level, set_cpu_level
from pydl.optimizers import schedules
from pydl.tensor import Parameter
from reference import optim as reference

METHODS = {
    "sgd": (optimizers.SGD, reference.sgd, {}),
    "momentum": (optimizers.SGD, reference.sgd, {"momentum": 0.9}),
    "nesterov": (optimizers.SGD, reference.sgd, {"momentum": 0.9, "nesterov": True}),
    "averaged": (optimizers.SGD, reference.sgd, {"momentum": 0.9, "averaged": True}),
    "averaged_nesterov": (optimizers.SGD, reference.sgd, {"momentum": 0.9, "averaged": True, "nesterov": True}),
    "corrected": (optimizers.SGD, reference.sgd, {"momentum": 0.9, "averaged": True, "bias_correction": True}),
    "rmsprop": (optimizers.RMSprop, reference.rmsprop, {"epsilon": 1e-3}),
    "rmsprop_momentum": (optimizers.RMSprop, reference.rmsprop, {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-3}),
    "rmsprop_centered": (optimizers.RMSprop, reference.rmsprop, {"centered": True, "epsilon": 1e-2}),
    "rmsprop_centered_momentum": (optimizers.RMSprop, reference.rmsprop, {"centered": True, "momentum": 0.5, "epsilon": 1e-2}),
    "adam": (optimizers.Adam, reference.adam, {}),
    "amsgrad": (optimizers.Adam, reference.adam, {"amsgrad": True, "beta_2": 0.9}),
    "adamw": (optimizers.AdamW, reference.adam, {"weight_decay": 0.1, "beta_1": 0.8}),
    "adamax": (optimizers.Adamax, reference.adamax, {}),
    "nadam": (optimizers.Nadam, reference.nadam, {"epsilon": 1e-4}),
    "adagrad": (optimizers.Adagrad, reference.adagrad, {"initial_accumulator_value": 0.2}),
    "adadelta": (optimizers.Adadelta, reference.adadelta, {"epsilon": 1e-3}),
    "lion": (optimizers.Lion, reference.lion, {}),
}
every_method = pytest.mark.parametrize("name", METHODS)
SHAPES = [(7,), (), (3, 5), (0, 4), (4097,), (90, 91)]


def make(name, **more):
    cls, _, options = METHODS[name]
    return cls(**{**options, **more})


def parameters(dtype="float64", shapes=SHAPES, seed=1):
    rng = np.random.default_rng(seed)
    return [Parameter(rng.standard_normal(s).astype(dtype), name=f"w{i}") for i, s in enumerate(shapes)]


def gradients(dtype="float64", shapes=SHAPES, steps=5, seed=2):
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal(s).astype(dtype) for s in shapes] for _ in range(steps)]


# ---- published values

@pytest.mark.shared
@pytest.mark.parametrize("case,cls,tolerance", [("opt_step_sgd", optimizers.SGD, 1e-6), ("opt_step_adam", optimizers.Adam, 1e-4),
                                                ("opt_step_rmsprop", optimizers.RMSprop, 1e-4)])
def test_keras_steps(case, cls, tolerance):
    c = keras(case)
    w = Parameter(np.array(c["inputs"]["variable"], "float32"))
    cls(c["inputs"]["learning_rate"]).apply([np.array(c["inputs"]["gradient"], "float32")], [w])
    np.testing.assert_allclose(w.numpy(), c["expected"]["variable"], atol=tolerance)


@pytest.mark.shared
def test_keras_trajectory():
    c = keras("opt_traj_sgd_nesterov")
    w, sgd, found = Parameter(np.ones(10, "float32")), optimizers.SGD(0.01, nesterov=True), []
    for g in [np.full(10, 0.01)] + [np.arange(0.1, 1.1, 0.1)] * 4:
        sgd.apply([g.astype("float32")], [w])
        found.append(w.numpy().copy())
    np.testing.assert_allclose([f[0] for f in found], c["expected"]["x0"], atol=1e-4)
    np.testing.assert_allclose([f[9] for f in found], c["expected"]["x9"], atol=1e-4)


def course_step(optimizer, values, names):
    """One step on the parameters W1, b1, ... with the gradients dW1, db1, ...; returns both by name."""
    ws = {n: Parameter(values[n], name=n) for n in names}
    optimizer.apply([(values["d" + n], w) for n, w in ws.items()])
    return ws


@pytest.mark.shared
def test_course_gradient_steps():
    c = published("c1w4_update")
    values = {**drawn(c["inputs"]["parameters"]), **drawn(c["inputs"]["gradients"])}
    for n, w in course_step(optimizers.SGD(0.1), values, c["expected"]).items():
        agrees(w.numpy(), c["expected"][n], c["printed_digits_tolerance"])
    c = published("c2w2_sgd")
    for n, w in course_step(optimizers.SGD(0.01), drawn(c["inputs"]), c["expected"]).items():
        agrees(w.numpy(), c["expected"][n], c["printed_digits_tolerance"])


@pytest.mark.shared
def test_course_momentum():
    c = published("c2w2_momentum")
    sgd = optimizers.SGD(0.01, momentum=0.9, averaged=True)
    names = ["W1", "b1", "W2", "b2"]
    ws = course_step(sgd, drawn(c["inputs"]), names)
    for n in names:
        agrees(ws[n].numpy(), c["expected"][n], c["printed_digits_tolerance"])
    slots = dict(zip(names, sgd.variables[2:]))
    agrees(slots["W1"], c["expected"]["vW1"], c["printed_digits_tolerance"])
    agrees(slots["b2"], c["expected"]["vb2"], c["printed_digits_tolerance"])


# ---- references

@every_method
@pytest.mark.parametrize("dtype,tolerance", [("float32", 2e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("level", cpu_levels())
def test_steps(name, dtype, tolerance, level):
    _, method, options = METHODS[name]
    ws, gs = parameters(dtype), gradients(dtype)
    start, optimizer, before = [w.numpy().copy() for w in ws], make(name, learning_rate=0.05), get_cpu_level()
    set_cpu_level(level)
    try:
        for g in gs:
            optimizer.apply(g, ws)
    finally:
        set_cpu_level(before)
    for i, w in enumerate(ws):
        want = reference.steps(method, start[i], [g[i] for g in gs], learning_rate=0.05, **options)[-1]
        np.testing.assert_allclose(w.numpy(), want, atol=tolerance * 10, rtol=tolerance)
    assert optimizer.iterations == 5


@every_method
def test_weight_decay_and_clipping(name):
    _, method, options = METHODS[name]
    options = {**options, "weight_decay": 0.2}
    for clip, factors in (({"clipnorm": 1.5}, lambda g: [min(1, 1.5 / max(np.linalg.norm(x), 1e-30)) * x for x in g]),
                          ({"global_clipnorm": 2.0}, lambda g: [2.0 / np.sqrt(sum((x**2).sum() for x in g)) * x for x in g]),
                          ({"clipvalue": 0.3}, lambda g: [np.clip(x, -0.3, 0.3) for x in g])):
        ws, gs = parameters(), gradients(steps=3)
        start, optimizer = [w.numpy().copy() for w in ws], make(name, learning_rate=0.05, **{**clip, "weight_decay": 0.2})
        for g in gs:
            optimizer.apply(g, ws)
        clipped = [factors(g) for g in gs]
        for i, w in enumerate(ws):
            want = reference.steps(method, start[i], [g[i] for g in clipped], learning_rate=0.05, **options)[-1]
            np.testing.assert_allclose(w.numpy(), want, rtol=1e-11, atol=1e-11)


@every_method
def test_threads_change_no_bit(name):
    shapes, found, before = [(70_001,), (3,), (300, 300)], [], pydl.get_num_threads()
    try:
        for threads in (1, 2, 4):
            pydl.set_num_threads(threads)
            ws, optimizer = parameters("float32", shapes), make(name, global_clipnorm=5.0)
            for g in gradients("float32", shapes, 3):
                optimizer.apply(g, ws)
            found.append([w.numpy().tobytes() for w in ws])
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


# ---- inside a recorded step

@every_method
@pytest.mark.parametrize("rate", ["number", "schedule"])
def test_replayed_steps_are_the_eager_ones(name, rate):
    """Twelve steps, eager or replayed, with the learning rate, a momentum and the clipping changed on the way: equal bits."""
    def run(replay):
        ws = parameters("float32", [(5, 3), (3,)])
        optimizer = make(name, learning_rate=0.1 if rate == "number" else schedules.ExponentialDecay(0.1, 3, 0.5), clipvalue=0.5)
        optimizer.build(ws)

        def step(x):
            x = pydl.Tensor(x)
            loss = pydl.ops.sum(pydl.ops.square(ws[0] * x + ws[1]))
            optimizer.apply(zip(backward(loss, ws), ws))
            return [loss.array]
        recorded = Step(step, [B.owned((5, 3))], "step", strict=True)
        if not replay:
            recorded.reason = "eager"
        rng, losses = np.random.default_rng(4), []
        for i in range(12):
            if i == 5:
                optimizer.clipvalue = 0.05
                if rate == "number":
                    optimizer.learning_rate = 0.02
                if "beta_1" in optimizer.settings:
                    optimizer.beta_1 = 0.5
            B.assign(recorded.inputs[0], rng.standard_normal((5, 3)).astype("float32"))
            losses.append(np.array(recorded.run()[0]).tobytes())
        assert (recorded.program is not None) == replay
        return losses, [w.numpy().tobytes() for w in ws], [a.tobytes() for a in optimizer.get_state()]
    assert run(True) == run(False)


def test_a_function_with_an_optimizer_follows_its_schedule():
    w = Parameter(np.zeros(2, "float32"))
    sgd = optimizers.SGD(schedules.PiecewiseConstantDecay([3], [1.0, 0.0]))
    sgd.build([w])

    @pydl.function(strict=True)
    def train(x):
        loss = pydl.ops.sum(w * x)
        sgd.apply([(pydl.autodiff.backward(loss, [w])[0], w)])
        return loss
    for _ in range(8):
        train(np.ones(2, "float32"))
    assert w.numpy().tolist() == [-4.0, -4.0] and sgd.iterations == 8     # the rate is 1 after 0, 1, 2 and 3 steps


def test_a_schedule_in_python_is_never_frozen():
    class Mine(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 1.0 if step < 4 else 0.0
    w = Parameter(np.zeros(1, "float32"))
    sgd = optimizers.SGD(Mine())

    @pydl.function
    def train(x):
        sgd.apply([(x, w)])
        return x * 1
    with pytest.warns(Warning, match="Mine computes the learning rate in Python"):
        for _ in range(8):
            train(np.ones(1, "float32"))
    assert w.numpy().tolist() == [-4.0]


# ---- state and settings

@every_method
def test_state_and_config_resume(name):
    """Two steps, saved and restored into an optimizer made from the config, then two more: the bits of four."""
    ws, gs = parameters(), gradients(steps=4)
    whole = make(name)
    for g in gs:
        whole.apply(g, ws)
    again, first = parameters(), make(name)
    for g in gs[:2]:
        first.apply(g, again)
    second = optimizers.deserialize(optimizers.serialize(first))
    assert type(second) is type(first) and second.get_config() == first.get_config()
    second.build(again)
    second.set_state(first.get_state())
    for g in gs[2:]:
        second.apply(g, again)
    assert [w.numpy().tobytes() for w in ws] == [w.numpy().tobytes() for w in again]
    assert [a.tobytes() for a in whole.get_state()] == [a.tobytes() for a in second.get_state()]


@pytest.mark.parametrize("name", ["adam", "nadam"])
def test_the_state_goes_through_a_store(name):
    """Keras's save_own_variables and load_own_variables: the same bits go on."""
    rng, store, ended = np.random.default_rng(3), {}, []
    start, slopes = rng.standard_normal(4), rng.standard_normal((6, 4))
    for cut in (None, 3):
        made, w = optimizers.get(name), pydl.Parameter(start)
        for i, g in enumerate(slopes):
            if i == cut:
                made.save_own_variables(store)
                made = optimizers.get(name)
                made.build([w])
                made.load_own_variables(store)
            made.apply([g], [w])
        ended.append(w.numpy().copy())
    np.testing.assert_array_equal(*ended)
    assert list(store) == [str(i) for i in range(len(store))] and store["0"] == 3
    del store["1"]
    with pytest.raises(FormatError, match="the store lacks array '1'"):
        made.load_own_variables(store)


def test_a_schedule_of_ones_own_comes_back_by_custom_objects():
    class Halved(schedules.LearningRateSchedule):
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, step):
            return self.rate * 0.5**step
    config = optimizers.SGD(Halved(0.5)).get_config()
    with pytest.raises(FormatError, match="Halved"):
        optimizers.SGD.from_config(config)
    assert optimizers.SGD.from_config(config, {"Halved": Halved}).learning_rate == 0.5


def test_order_of_the_state():
    """As Keras stores it: iterations, learning rate, then m and v of each parameter in turn."""
    ws, adam = parameters(shapes=[(2,), (3, 4)]), optimizers.Adam()
    adam.apply(gradients(shapes=[(2,), (3, 4)])[0], ws)
    assert [a.shape for a in adam.get_state()] == [(1,), (1,), (2,), (2,), (3, 4), (3, 4)]
    rmsprop = optimizers.RMSprop(momentum=0.5, centered=True)
    rmsprop.build(ws)
    assert [a.shape for a in rmsprop.get_state()] == [(1,), (1,)] + [(2,), (3, 4)] * 3


@pytest.mark.parametrize("spoil", [
    lambda s: s[:-1], lambda s: s + [s[-1]], lambda s: [s[0], s[1], *s[3:], s[2]], lambda s: [s[0], s[1], *[a.astype("float32") for a in s[2:]]],
    lambda s: [np.array([-1]), *s[1:]], lambda s: [s[0], np.array([np.nan]), *s[2:]], lambda s: [s[0].astype(float), *s[1:]], lambda s: []])
def test_a_state_that_does_not_fit_changes_nothing(spoil):
    ws, adam = parameters(shapes=[(2,), (3, 4)]), optimizers.Adam()
    adam.apply(gradients(shapes=[(2,), (3, 4)])[0], ws)
    before = [a.tobytes() for a in adam.get_state()]
    with pytest.raises(FormatError):
        adam.set_state(spoil(adam.get_state()))
    assert [a.tobytes() for a in adam.get_state()] == before


def test_settings_read_back_and_act():
    adam = optimizers.Adam(0.1, beta_1=0.8, weight_decay=0.01, clipvalue=2.0)
    assert (adam.learning_rate, adam.beta_1, adam.weight_decay, adam.clipvalue, adam.clipnorm) == (0.1, 0.8, 0.01, 2.0, None)
    adam.weight_decay = adam.clipvalue = None
    assert adam.weight_decay is None and adam.clipvalue is None
    sgd, w = optimizers.SGD(1.0), Parameter(np.zeros(1))
    sgd.apply([[1.0]], [w])
    sgd.learning_rate = 10
    sgd.apply([[1.0]], [w])
    assert w.numpy().tolist() == [-11.0]


def test_parameters_that_come_later_or_have_no_gradient():
    a, b = Parameter(np.zeros(1), name="a"), Parameter(np.zeros(1), name="b")
    sgd = optimizers.SGD(1.0, momentum=0.5)
    sgd.build([a])
    with pytest.raises(ValueError, match="'b' is not among the parameters"):
        sgd.apply([[1.0]], [b])
    sgd.apply([[1.0]])
    sgd.build([a, b])                               # unfrozen: a keeps what it remembers
    sgd.apply([(None, a), (np.ones(1), b)])
    sgd.apply([(np.ones(1), a), (np.ones(1), b)])
    assert a.numpy().tolist() == [-2.5] and b.numpy().tolist() == [-2.5]


@pytest.mark.parametrize("overwrite", [None, 2])
def test_running_means_of_weights(overwrite):
    ws, gs = parameters(), gradients(steps=5)
    start, sgd = [w.numpy().copy() for w in ws], optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=overwrite)
    means = start
    for t, g in enumerate(gs):
        sgd.apply(g, ws)
        start = [w - 0.1 * x for w, x in zip(start, g)]
        means = [w if t == 0 else 0.8 * m + 0.2 * w for m, w in zip(means, start)]
        if overwrite and (t + 1) % overwrite == 0:
            start = means
        for w, want in zip(ws, start):
            np.testing.assert_allclose(w.numpy(), want, rtol=1e-12)
    again = optimizers.deserialize(optimizers.serialize(sgd))
    again.build(ws)
    again.set_state(sgd.get_state())
    for optimizer in (sgd, again):
        optimizer.finalize_variable_values(ws)
        for w, want in zip(ws, means):
            np.testing.assert_allclose(w.numpy(), want, rtol=1e-12)


def test_fit_ends_with_the_running_means():
    x, y = np.ones((8, 1), "float32"), np.full((8, 1), 2.0, "float32")

    def trained(**options):
        model = pydl.Sequential([pydl.Input((1,)), pydl.layers.Dense(1, kernel_initializer="zeros", use_bias=False)])
        model.compile(optimizers.SGD(0.25, **options), "mse")
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, shuffle=False)
        return float(model.get_weights()[0][0, 0])
    assert trained() == pytest.approx(2 * (1 - 0.5**4))
    means = [1.0, 1.25, 1.5, 1.6875]                    # of the weights 1, 1.5, 1.75, 1.875 with momentum 0.5
    assert trained(use_ema=True, ema_momentum=0.5) == pytest.approx(means[-1])


@every_method
def test_accumulated_gradients(name):
    """Six calls, three to a step, are two steps by the means; a state saved in the middle goes on as if nothing had been."""
    gs = gradients(steps=6)
    ws, plain = parameters(), make(name, clipnorm=1.0)
    for k in (0, 3):
        plain.apply([(a + b + c) / 3 for a, b, c in zip(*gs[k:k + 3])], ws)
    vs, slow = parameters(), make(name, clipnorm=1.0, gradient_accumulation_steps=3, use_ema=True)
    for g in gs[:4]:
        slow.apply(g, vs)
    assert slow.iterations == 1
    resumed = optimizers.deserialize(optimizers.serialize(slow))
    resumed.build(vs)
    resumed.set_state(slow.get_state())
    for g in gs[4:]:
        resumed.apply(g, vs)
    assert resumed.iterations == 2
    for w, v in zip(ws, vs):
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-10, atol=1e-12)


def test_accumulation_is_replayed():
    w = Parameter(np.zeros(2, "float32"))
    sgd = optimizers.SGD(1.0, gradient_accumulation_steps=4, use_ema=True, ema_momentum=0.5)
    sgd.build([w])
    step = Step(lambda g: [sgd.apply([g], [w]) or g], [B.owned((2,))], "step", strict=True)
    found = []
    for i in range(12):
        B.assign(step.inputs[0], np.full(2, i, "float32"))
        step.run()
        found.append(float(w.numpy()[0]))
    assert step.program is not None and found == [0, 0, 0, -1.5, -1.5, -1.5, -1.5, -7, -7, -7, -7, -16.5]


def test_rate_factors_and_constraints_of_a_parameter():
    w = Parameter(np.ones(2), constraint=pydl.constraints.NonNeg())
    w.lr_multiplier = 0.5
    optimizers.SGD(1.0).apply([np.array([1.0, 4.0])], [w])
    assert w.numpy().tolist() == [0.5, 0.0]


def test_mixed_dtypes_take_one_step():
    a, b = Parameter(np.ones(2, "float32")), Parameter(np.ones(2, "float64"))
    adam = optimizers.Adam(0.5)
    adam.apply([np.ones(2, "float32"), np.ones(2)], [a, b])
    assert adam.iterations == 1
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    with pytest.raises(DTypeError, match="global_clipnorm"):
        optimizers.SGD(global_clipnorm=1).apply([np.ones(2, "float32"), np.ones(2)], [a, b])


def test_nan_gradients_show():
    w = Parameter(np.ones(2))
    optimizers.SGD(1.0, clipvalue=1.0).apply([np.array([np.nan, 1.0])], [w])
    assert np.isnan(w.numpy()[0]) and w.numpy()[1] == 0.0


# ---- names and refusals

@pytest.mark.parametrize("name,cls", [("sgd", optimizers.SGD), ("Adam", optimizers.Adam), ("adamw", optimizers.AdamW), ("RMSprop", optimizers.RMSprop),
                                      ("ADAM", optimizers.Adam)])
def test_names(name, cls):
    assert type(optimizers.get(name)) is cls and type(optimizers.get(cls)) is cls


W = Parameter(np.ones((2, 3)), name="kernel")
BAD = [
    (lambda: optimizers.get("adm"), ValueError, "did you mean 'adam'|did you mean 'Adam'"),
    (lambda: optimizers.get(3), TypeError, "optimizer: expected"),
    (lambda: optimizers.Adam(learning_rate=-1), ValueError, "Adam: learning_rate"),
    (lambda: optimizers.Adam(learning_rate=float("nan")), ValueError, "learning_rate"),
    (lambda: optimizers.Adam(learning_rate="fast"), TypeError, "learning_rate"),
    (lambda: optimizers.Adam(learning_rate=True), TypeError, "learning_rate"),
    (lambda: optimizers.Adam(beta_1=1.0), ValueError, "beta_1"),
    (lambda: optimizers.Adam(beta_1=1.5), ValueError, "beta_1"),
    (lambda: optimizers.Adam(beta_2=-0.1), ValueError, "beta_2"),
    (lambda: optimizers.Adam(epsilon=-1e-7), ValueError, "epsilon"),
    (lambda: optimizers.Adam(amsgrad=1), TypeError, "amsgrad"),
    (lambda: optimizers.SGD(momentum=1.0), ValueError, "momentum"),
    (lambda: optimizers.SGD(momentum=-0.5), ValueError, "momentum"),
    (lambda: optimizers.SGD(nesterov="yes"), TypeError, "nesterov"),
    (lambda: optimizers.RMSprop(rho=2), ValueError, "rho"),
    (lambda: optimizers.Adagrad(initial_accumulator_value=-1), ValueError, "initial_accumulator_value"),
    (lambda: optimizers.AdamW(weight_decay=None), ValueError, "weight_decay"),
    (lambda: optimizers.Adam(weight_decay=-1), ValueError, "weight_decay"),
    (lambda: optimizers.Adam(clipnorm=0), ValueError, "clipnorm"),
    (lambda: optimizers.Adam(clipvalue=-1), ValueError, "clipvalue"),
    (lambda: optimizers.Adam(clipnorm=1, global_clipnorm=1), ValueError, "give one of"),
    (lambda: optimizers.Adam(lr=0.1), TypeError, "lr"),
    (lambda: optimizers.Adam(use_ema=1), TypeError, "use_ema"),
    (lambda: optimizers.Adam(ema_momentum=1.5), ValueError, "ema_momentum"),
    (lambda: optimizers.Adam(ema_overwrite_frequency=0), ValueError, "ema_overwrite_frequency"),
    (lambda: optimizers.Adam(gradient_accumulation_steps=1), ValueError, "gradient_accumulation_steps"),
    (lambda: optimizers.SGD(bias_correction=True), ValueError, "bias_correction"),
    (lambda: optimizers.Adam(name=""), ValueError, "name"),
    (lambda: optimizers.SGD().apply([np.ones((3, 2))], [W]), ShapeError, "'kernel' has shape"),
    (lambda: optimizers.SGD().apply([pydl.Tensor(np.ones((2, 3), "float32"))], [W]), DTypeError, "'kernel' is float64"),
    (lambda: optimizers.SGD().apply([None], [W]), ValueError, "no parameter has a gradient"),
    (lambda: optimizers.SGD().apply([], []), ValueError, "no parameter has a gradient"),
    (lambda: optimizers.SGD().apply([np.ones((2, 3))], [W, W]), ValueError, "1 gradients for 2 parameters"),
    (lambda: optimizers.SGD().apply([np.ones((2, 3))], [W.numpy()]), TypeError, "expected Parameters"),
    (lambda: optimizers.SGD().build([3]), TypeError, "expected Parameters"),
    (lambda: setattr(optimizers.SGD(schedules.CosineDecay(0.1, 5)), "learning_rate", 0.1), TypeError, "follows CosineDecay"),
    (lambda: setattr(optimizers.SGD(), "learning_rate", -0.1), ValueError, "learning_rate"),
    (lambda: setattr(optimizers.SGD(), "iterations", -1), ValueError, "iterations"),
]


@pytest.mark.parametrize("call,error,message", BAD)
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert np.array_equal(W.numpy(), np.ones((2, 3)))


def test_flags_are_chosen_before_the_first_step():
    sgd = optimizers.SGD()
    sgd.apply([[1.0]], [Parameter(np.ones(1))])
    with pytest.raises(ValueError, match="momentum was 0 at the first step"):
        sgd.momentum = 0.9
    adam = optimizers.Adam()
    adam.amsgrad = True
    adam.apply([[1.0]], [Parameter(np.ones(1))])
    with pytest.raises(ValueError, match="amsgrad is chosen before"):
        adam.amsgrad = False


def test_boundary_refuses_what_would_crash():
    w, hyper, steps = B.owned((3,)), B.owned((6,), "float64"), B.owned((1,), "int64")
    good = (w, B.owned((3,)), B.owned((3,)), B.owned((3,)), None, 1.0, 1.0)
    B.adam_update([good], hyper, None, steps, 1)
    for entries, h, scale, it in (
            ([], hyper, None, steps), ([good], B.owned((5,), "float64"), None, steps), ([good], hyper, None, B.owned((1,))),
            ([good], hyper, B.owned((2,), "float64"), steps), ([(w, B.owned((4,)), *good[2:])], hyper, None, steps),
            ([(w, None, *good[2:])], hyper, None, steps), ([(w, good[1], None, good[3], None, 1.0, 1.0)], hyper, None, steps),
            ([(w, good[1], good[2], B.owned((3,), "float64"), None, 1.0, 1.0)], hyper, None, steps), ([good], None, None, steps),
            ([good, (*[B.owned((3,), "float64")] * 4, None, 1.0, 1.0)], hyper, None, steps)):
        with pytest.raises((ValueError, TypeError), match="adam_update"):
            B.adam_update(entries, h, scale, it, 1)
