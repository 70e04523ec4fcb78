"""Every combination of the options of the recurrent layers, and of the layers around them: gradients against finite differences in float64."""
from itertools import product

import numpy as np
import pytest

import pydl
from pydl import layers, ops
from pydl.backends import cpu
from pydl.random import new_stream

N, T, D, UNITS = 3, 4, 2, 3
STEP, TOLERANCE = 1e-5, 1e-6
MASK = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0]], bool)         # whole, padded on both sides, nothing but padding
rng = np.random.default_rng(17)
X = rng.standard_normal((N, T, D))

KINDS = {
    "simple": (layers.SimpleRNN, {}),
    "lstm": (layers.LSTM, {}),
    "lstm with peepholes": (layers.LSTM, {"peephole": True}),
    "gru": (layers.GRU, {}),
    "gru, reset before": (layers.GRU, {"reset_after": False}),
    "simplified gru": (layers.SimplifiedGRU, {}),
}
SMOOTH = {"activation": "sigmoid", "recurrent_activation": "tanh"}           # others than the kernels': step by step


def combinations(**options):
    """All of them, as dicts."""
    return [dict(zip(options, values)) for values in product(*options.values())]


def randomised(layer, *args, **kwargs):
    """The layer, built, all its weights random numbers: no gradient is 0 because a bias or a peephole is."""
    layer(*args, **kwargs)
    layer.set_weights([rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])
    return layer


def results(out):
    return out if isinstance(out, list) else [out]


def check(layer, streams, stateful, start, mask, training):
    """The gradients by x, the states and the weights, along a random direction of all of them, against (f(a + e d) - f(a - e d)) / 2e."""
    arrays = [X, *start, *layer.get_weights()]
    kwargs = {"training": training, **({} if mask is None else {"mask": mask})}
    seeds = [rng.standard_normal(r.shape) for r in results(layer(X, **({"initial_state": list(start)} if start else {}), **kwargs))]

    carried = [array for one in layer.layers_inside if stateful and hasattr(one, "carry") for array in one.carry(N)]
    before = [rng.standard_normal(array.shape) for array in carried]

    def prepare():
        """What a call changes, as it was: the carried states, and so the noise of the dropout."""
        for array, value in zip(carried, before, strict=True):
            cpu.assign(array, value)
        for stream in streams:
            new_stream(5, stream)

    def loss(x, *states):
        prepare()
        out = layer(x, **({"initial_state": list(states)} if states else {}), **kwargs)
        return sum((ops.sum(r * s) for r, s in zip(results(out), seeds, strict=True)), pydl.Tensor(0.0, dtype="float64"))
    count = 1 + len(start)
    by_inputs = pydl.grad(loss, wrt=tuple(range(count)))(*arrays[:count])
    by_weights = pydl.grad(loss, wrt=layer.weights)(*arrays[:count])
    gradients = [g.numpy() for g in (*by_inputs, *by_weights)]
    directions, ends = [rng.standard_normal(a.shape) for a in arrays], []
    for sign in (1, -1):
        moved = [a + sign * STEP * d for a, d in zip(arrays, directions, strict=True)]
        layer.set_weights(moved[count:])
        with pydl.no_grad():
            ends.append(loss(*moved[:count]).item())
    numeric, found = (ends[0] - ends[1]) / (2 * STEP), sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    assert abs(numeric - found) <= TOLERANCE * max(1.0, abs(numeric), abs(found)), f"{numeric} by differences, {found} by gradients"
    return gradients


def starts(sizes):
    return [rng.standard_normal((N, size)) for size in sizes]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_layers(kind, masked):
    cls, options = KINDS[kind]
    flags = combinations(return_sequences=[False, True], return_state=[False, True], go_backwards=[False, True], stateful=[False, True],
                         use_bias=[True, False], recompute=[False, True], dropout=[0.0, 0.4], recurrent_dropout=[0.0, 0.4])
    for chosen, given in product(flags, (False, True)):
        layer = randomised(cls(UNITS, seed=1, dtype="float64", **options, **chosen), X)
        noisy = chosen["dropout"] or chosen["recurrent_dropout"]
        gradients = check(layer, [layer.stream] if noisy else [], chosen["stateful"], starts(layer.carried_sizes) if given else [], MASK if masked else None,
                          bool(noisy))
        if masked:
            assert not gradients[0][~MASK].any(), f"padding has a gradient with {chosen}"


@pytest.mark.parametrize("kind", KINDS)
def test_other_activations(kind):
    cls, options = KINDS[kind]
    smooth = {name: value for name, value in SMOOTH.items() if cls is not layers.SimpleRNN or name == "activation"}
    for chosen in combinations(return_sequences=[False, True], go_backwards=[False, True], use_bias=[True, False], recurrent_dropout=[0.0, 0.4],
                               masked=[False, True], given=[False, True]):
        masked, given = chosen.pop("masked"), chosen.pop("given")
        layer = randomised(cls(UNITS, seed=1, dtype="float64", **options, **smooth, **chosen), X)
        noisy = bool(chosen["recurrent_dropout"])
        check(layer, [layer.stream] if noisy else [], False, starts(layer.carried_sizes) if given else [], MASK if masked else None, noisy)


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways(kind, mode):
    cls, options = KINDS[kind]
    for chosen in combinations(return_sequences=[False, True], return_state=[False, True], stateful=[False, True], dropout=[0.0, 0.4],
                               masked=[False, True], given=[False, True]):
        masked, given = chosen.pop("masked"), chosen.pop("given")
        layer = randomised(layers.Bidirectional(cls(UNITS, seed=1, dtype="float64", **options, **chosen), merge_mode=mode), X)
        streams = [one.stream for one in (layer.forward_layer, layer.backward_layer)] if chosen["dropout"] else []
        check(layer, streams, chosen["stateful"], starts(layer.forward_layer.carried_sizes * 2) if given else [], MASK if masked else None, bool(streams))


CELLS = {
    "simple": lambda **o: layers.SimpleRNNCell(UNITS, **o),
    "lstm": lambda **o: layers.LSTMCell(UNITS, **o),
    "lstm with peepholes": lambda **o: layers.LSTMCell(UNITS, peephole=True, **o),
    "gru, reset before": lambda **o: layers.GRUCell(UNITS, reset_after=False, **o),
    "a stack": lambda **o: layers.StackedRNNCells([layers.GRUCell(2, **o), layers.LSTMCell(UNITS, **o)]),
}


@pytest.mark.parametrize("cell", CELLS)
def test_cells_step_by_step(cell):
    for chosen in combinations(return_sequences=[False, True], return_state=[False, True], go_backwards=[False, True], stateful=[False, True],
                               zero_output_for_mask=[False, True], dropout=[0.0, 0.4], masked=[False, True]):
        masked, rate = chosen.pop("masked"), chosen.pop("dropout")
        inner = CELLS[cell](dtype="float64", seed=1, dropout=rate, recurrent_dropout=rate)
        layer = randomised(layers.RNN(inner, **chosen), X)
        streams = [one.stream for one in layer.layers_inside if hasattr(one, "stream")]
        assert bool(streams) == bool(rate)
        check(layer, streams, chosen["stateful"], starts(layer.carried_sizes) if chosen["return_state"] else [], MASK if masked else None, bool(rate))


def arena(steps, recompute):
    """Bytes of the recorded training step of four LSTMs."""
    model = pydl.Sequential([layers.Input((steps, 16)), *[layers.LSTM(32, return_sequences=True, recompute=recompute) for _ in range(4)], layers.Dense(1)])
    model.compile("sgd", "mse")
    for _ in range(3):
        model.train_on_batch(np.zeros((8, steps, 16)), np.zeros((8, steps, 1)))
    return model.recorded_steps()[0][1].program.nbytes


def test_memory_is_linear_in_the_steps_and_less_where_gates_are_computed_again():
    """Without gates a layer keeps its output alone, one number a unit and step instead of six; one layer's gates at a time come back."""
    kept, long, again = arena(100, False), arena(200, False), arena(100, True)
    assert 1.8 * kept < long < 2.1 * kept
    assert again < 0.65 * kept
