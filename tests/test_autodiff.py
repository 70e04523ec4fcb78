"""Op, backward, grad, capture and gradient checking."""
import gc
import warnings

import numpy as np
import pytest

import pydl
from pydl import ops
from pydl.autodiff import Op, backward
from pydl.capture import CaptureWarning
from pydl.tensor import Parameter, Tensor


def parameter(values):
    return Parameter(np.asarray(values, np.float64), name="w")


def test_a_shared_tensor_adds_its_gradients_up():
    w = parameter([1.0, 2.0])
    y = ops.sum(w * w + w * 3.0 + w)
    assert np.asarray(backward(y, [w])[0]).tolist() == [6.0, 8.0]


def test_frozen_and_constant_inputs_get_no_gradient_and_no_work():
    seen = []

    class Product(Op):
        def forward(self, B, x, w):
            seen.append(self.needs)
            y = B.empty(x.shape, x.dtype)
            B.multiply(x, w, y)
            self.x = x
            return y

        def backward(self, B, dy):
            dw = B.empty(dy.shape, dy.dtype)
            B.multiply(dy, self.x, dw)
            return None, dw
    w = parameter([1.0])
    y = Product()(Tensor(np.array([2.0])), w)
    assert seen == [(False, True)] and backward(ops.sum(y), [w])[0].item() == 2.0
    w.trainable = False
    assert Product()(Tensor(np.array([2.0])), w).op is None
    with pydl.no_grad():
        assert (parameter([1.0]) * 2.0).op is None


def test_a_chain_of_20000_ops_works_backward_and_when_it_is_dropped():
    def chain(x):
        for _ in range(20_000):
            x = x * 1.0
        return x
    assert pydl.grad(lambda x: ops.sum(chain(x)))(Tensor(np.array([2.0]))).item() == 1.0
    y = chain(parameter([1.0]))
    del y
    gc.collect()


def test_memory_of_a_step_is_given_back():
    from pydl.kernels._common import Arena, Recording
    arena, w = Arena(), parameter(np.ones(1000))
    with Recording(arena):
        y = w
        for _ in range(50):
            y = ops.exp(y * 0.01)
        backward(ops.sum(y), [w])
        del y
        assert arena.in_use == 0
    assert arena.peak < arena.requested / 2


@pytest.mark.parametrize("make, words", [
    (lambda w: ops.sum(w.numpy() * 2), "depends on nothing"),
    (lambda w: w * 2.0, "scalar"),
])
def test_a_loss_that_cannot_be_differentiated_says_why(make, words):
    w = parameter([1.0, 2.0])
    with pytest.raises(ValueError, match=words):
        backward(make(w), [w])


def test_a_graph_is_used_once():
    w = parameter([1.0])
    y = ops.sum(w * w)
    backward(y, [w])
    with pytest.raises(RuntimeError, match="already used"):
        backward(y, [w])


def test_what_the_loss_does_not_depend_on_has_no_gradient():
    w, v = parameter([1.0]), parameter([1.0])
    assert backward(ops.sum(w * 2.0), [w, v])[1] is None
    value, (dw, dv) = pydl.value_and_grad(lambda: ops.sum(w * 2.0), [w, v])()
    assert (value.item(), dw.item(), dv.item()) == (2.0, 2.0, 0.0)


@pytest.mark.parametrize("wrt, error", [("x", TypeError), (True, TypeError), ([], TypeError), ((0, "a"), TypeError), (3, ValueError)])
def test_wrt_is_checked(wrt, error):
    with pytest.raises(error, match="grad"):
        pydl.grad(lambda x: ops.sum(x), wrt)(np.ones(2))


def test_grad_by_positions_and_intermediate_tensors():
    dx, dy = pydl.grad(lambda x, y: ops.sum(x * y), (0, 1))(np.array([2.0, 3.0]), np.array([5.0, 7.0]))
    assert dx.numpy().tolist() == [5.0, 7.0] and dy.numpy().tolist() == [2.0, 3.0]
    x = Tensor(np.array([2.0]), needs_gradient=True)
    h = x * 3.0
    assert [g.item() for g in backward(ops.sum(h * h), [h, x])] == [12.0, 36.0]


def test_integers_have_no_gradient():
    with pytest.raises(TypeError, match="int64"):
        pydl.grad(lambda x: ops.sum(x))(np.array([1, 2]))


# ---- capture

def test_a_function_replays_from_the_third_call_with_the_same_bits():
    calls = []

    def f(x, scale):
        calls.append(1)
        return {"y": ops.exp(x) * scale, "pair": (ops.sum(x), None)}
    g, rng = pydl.function(f), np.random.default_rng(0)
    for _ in range(25):
        x = rng.standard_normal((3, 4)).astype(np.float32)
        got, want = g(x, 2.0), f(Tensor(x), 2.0)
        assert got["y"].numpy().tobytes() == want["y"].numpy().tobytes() and got["pair"][0].item() == want["pair"][0].item()
        assert got["pair"][1] is None
    assert len(calls) == 25 + 3                 # recorded twice, and checked again at the tenth
    g(x[:2], 2.0)
    g(x, 3.0)
    assert len(g.programs) == 3                 # shapes and plain values are part of the key


def test_what_changes_from_call_to_call_stays_eager_and_is_named_once():
    count = [0]

    def f(x):
        count[0] += 1
        return x * float(count[0])
    g = pydl.function(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = [g(np.ones(1, np.float32)).item() for _ in range(6)]
    assert values == [1, 2, 3, 4, 5, 6]
    assert [w.category for w in caught] == [CaptureWarning] and "multiply" in str(caught[0].message)
    count[0] = 0
    with pytest.raises(RuntimeError, match="multiply"):
        strict = pydl.function(f, strict=True)
        for _ in range(3):
            strict(np.ones(1, np.float32))


def test_a_late_change_is_an_error_that_names_the_op():
    count = [0]

    def f(x):
        count[0] += 1
        return x * (1.0 if count[0] < 3 else 2.0)
    g = pydl.function(f)
    with pytest.raises(RuntimeError, match="multiply"):
        for _ in range(12):
            g(np.ones(1, np.float32))


def test_reading_a_value_inside_stays_eager_and_right():
    def f(x):
        return x * float(ops.sum(x).item())
    g = pydl.function(f)
    with pytest.warns(CaptureWarning, match="NumPy read"):
        for i in range(5):
            assert g(np.full(2, i, np.float32)).numpy().tolist() == [2.0 * i * i] * 2


def test_constants_of_numpy_belong_to_the_program():
    table = np.arange(3, dtype=np.float32)
    g = pydl.function(lambda x: x + table)
    for _ in range(5):
        got = g(np.ones(3, np.float32)).numpy()
    assert got.tolist() == [1, 2, 3]


def test_results_outlive_later_calls():
    g = pydl.function(lambda x: x * 2.0)
    kept = [g(np.full(4, i, np.float32)) for i in range(12)]
    assert [t.numpy()[0] for t in kept] == [2.0 * i for i in range(12)]


def test_functions_nest_and_are_differentiated_as_python():
    inner = pydl.function(lambda x: x * x)
    outer = pydl.function(lambda x: ops.sum(inner(x)))
    for i in range(5):
        assert outer(np.full(2, i, np.float32)).item() == 2 * i * i
    assert pydl.grad(lambda x: ops.sum(inner(x)))(np.array([3.0])).item() == 6.0


# ---- gradient checking

class Wrong(Op):
    """A square whose gradient is off in one place: what gradcheck is for."""

    def forward(self, B, x):
        y = B.empty(x.shape, x.dtype)
        B.square(x, y)
        self.x = x
        return y

    def backward(self, B, dy):
        dx = B.empty(dy.shape, dy.dtype)
        B.square_backward(dy, self.x, dx)
        np.asarray(dx).reshape(-1)[3] *= 1.01
        return dx


def test_gradcheck_finds_a_planted_bug_and_its_place():
    x = np.random.default_rng(0).standard_normal((2, 3))
    assert pydl.gradcheck(lambda t: t * t, [x])
    report = pydl.gradcheck(lambda t: Wrong()(t), [x])
    assert not report and report.rows[0]["where"] == (1, 0) and "FAIL" in str(report)
    with pytest.raises(ValueError, match="disagree"):
        pydl.gradcheck(lambda t: Wrong()(t), [x], raises=True)


def test_gradcheck_leaves_the_model_as_it_was():
    model = pydl.Sequential([pydl.layers.Input((4,), dtype="float64"), pydl.layers.Dense(3, dtype="float64"),
                             pydl.layers.BatchNormalization(dtype="float64"), pydl.layers.Dropout(0.5, dtype="float64")])
    before, states = model.get_weights(), [np.array(a) for _, a in model.named_states()]
    x = np.random.default_rng(0).standard_normal((6, 4))
    assert pydl.gradcheck(lambda t: model(t, training=True), [x], parameters=model.trainable_weights, tolerance=1) is not None
    assert pydl.gradcheck(model, [x])
    for a, b in zip(before[:2], model.get_weights()[:2]):
        assert a.tobytes() == b.tobytes()
    assert len(states) == len(model.named_states())


@pytest.mark.parametrize("call, error", [
    (lambda: pydl.gradcheck(3), TypeError), (lambda: pydl.gradcheck(lambda x: x, [np.ones(2, np.float32)]), TypeError),
    (lambda: pydl.gradcheck(lambda x: x, [np.ones(2)], epsilon=0), ValueError), (lambda: pydl.gradcheck(lambda x: x, [np.ones(2)], components=0), ValueError),
    (lambda: pydl.gradcheck(lambda x: x, [np.ones(2)], parameters=[1]), TypeError),
])
def test_gradcheck_checks_its_arguments(call, error):
    with pytest.raises(error, match="gradcheck"):
        call()
