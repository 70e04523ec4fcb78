"""What a line of cases.py becomes: a Case, its inputs, its layer or function, and how results are compared."""
import inspect
from dataclasses import dataclass, field

import numpy as np

from pydl import ops
from pydl.autodiff import backward
from pydl.tensor import Tensor
from pydl.utils import set_random_seed

N = "N"                                         # in a shape: the axis that may have any size, usually the batch
DTYPES = ("float32", "float64")


# ---- inputs

@dataclass(frozen=True)
class Maker:
    """A kind of input: `draw(rng, shape)` with N in `shape` replaced by a size."""
    shape: tuple
    draw: object
    floating: bool = True

    def __call__(self, rng, n, dtype):
        values = self.draw(rng, tuple(n if size == N else size for size in self.shape))
        return values.astype(dtype) if self.floating else values


def real(*shape):
    """Standard normal numbers: what a bare tuple means too."""
    return Maker(shape, lambda rng, s: rng.standard_normal(s))


def positive(*shape, low=0.1, high=3.0):
    """Numbers between low and high."""
    return Maker(shape, lambda rng, s: rng.uniform(low, high, s))


def away(*shape, gap=0.1):
    """Normal numbers moved away from zero by `gap`: for functions with a kink or a pole there."""
    def draw(rng, s):
        x = rng.standard_normal(s)
        return x + np.copysign(gap, x)
    return Maker(shape, draw)


def apart(*shape):
    """Numbers of which no two are near each other: for maxima, whose choice must not hang on rounding."""
    def draw(rng, s):
        size = int(np.prod(s))
        return (rng.permutation(size) - size / 2).reshape(s) * (4 / max(size, 1))
    return Maker(shape, draw)


def probabilities(*shape):
    """Positive numbers that sum to one along the last axis."""
    def draw(rng, s):
        x = rng.uniform(0.1, 1, s)
        return x / x.sum(-1, keepdims=True)
    return Maker(shape, draw)


def integers(*shape, high, low=0, dtype="int64"):
    """Integers low <= i < high."""
    return Maker(shape, lambda rng, s: rng.integers(low, high, s).astype(dtype), floating=False)


def flags(*shape):
    """Zeros and ones, as bools."""
    return Maker(shape, lambda rng, s: rng.random(s) < 0.5, floating=False)


# ---- cases

@dataclass(frozen=True)
class Case:
    """One op or layer at one setting.  See cases.py for what the fields mean."""
    family: str
    target: object
    options: dict
    inputs: tuple
    reference: object
    name: str = ""
    tolerance: tuple = (5e-6, 1e-12)
    gradient: object = True
    components: int = 60
    empty: bool = True
    also: tuple = ()
    call: dict = field(default_factory=dict)
    weights: object = None
    layouts: bool = True
    grows: bool = True

    @property
    def is_layer(self):
        return inspect.isclass(self.target)

    def __str__(self):
        return f"{self.family}-{self.name}"

    def draw(self, dtype="float64", n=5, seed=1, inputs=None):
        """Fresh ndarrays for every input."""
        rng = np.random.default_rng(seed)
        return [maker(rng, n, dtype) for maker in (self.inputs if inputs is None else inputs)]

    def large(self, elements=70_000):
        """The N that makes the inputs large enough for several threads to share the work."""
        count = max((int(np.prod([s for s in m.shape if s != N])) for m in self.inputs if N in m.shape), default=elements)
        return max(5, -(-elements // max(count, 1)))

    def live(self, dtype="float64", inputs=None):
        """The function, ready to be called on tensors; a layer is built and given weights that are not zero."""
        return Live(self, dtype, inputs)

    def expected(self, arrays, weights):
        """What the reference says, in float64, as a list."""
        arrays = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
        out = self.reference(*arrays, *weights, **self.options)
        return [np.asarray(o) for o in out] if isinstance(out, (tuple, list)) else [np.asarray(out)]


@dataclass(frozen=True)
class Inner:
    """An option that is a layer itself: made anew, in the case's dtype, for each layer that holds it."""
    cls: type
    options: dict

    def made(self, dtype):
        return self.cls(**self.options, dtype=dtype)

    def __str__(self):
        return f"{self.cls.__name__}({','.join(f'{k}={v}' for k, v in self.options.items())})"


def inner(cls, **options):
    """A layer as an option: layer("wrappers", layers.TimeDistributed, (4, 3), reference, layer=inner(layers.Dense, units=2))."""
    return Inner(cls, options)


class Live:
    """A case in one dtype: call it on Tensors or arrays, get a list of Tensors."""

    def __init__(self, case, dtype, inputs=None):
        self.case, self.dtype = case, dtype
        self.layer = None
        if case.is_layer:
            set_random_seed(7)                                  # dropout draws its seed when it is made
            self.layer = case.target(**{k: v.made(dtype) if isinstance(v, Inner) else v for k, v in case.options.items()}, dtype=dtype)
            shapes = [(None, *maker.shape[1:]) for maker in (inputs or case.inputs)]
            self.layer.ensure_built(shapes if len(shapes) > 1 else shapes[0])
            self._fill()
        self.start = self._state()

    def _fill(self):
        rng = np.random.default_rng(7)
        for (path, p) in self.layer.named_weights():
            values = rng.standard_normal(p.shape) * 0.5
            if "variance" in path:
                values = np.abs(values) + 0.5
            p.assign((self.case.weights(path, values) if self.case.weights else values).astype(np.float32))

    @property
    def weights(self):
        """The weights as float64 arrays."""
        return [] if self.layer is None else [w.astype(np.float64) for w in self.layer.get_weights()]

    @property
    def parameters(self):
        return [] if self.layer is None else self.layer.trainable_weights

    def _state(self):
        if self.layer is None:
            return [], []
        return self.layer.get_weights(), [np.array(a) for _, a in self.layer.named_states()]

    def rewind(self, weights=True):
        """Back to the first state: weights (unless they are just being varied), moving averages, random counters."""
        if self.layer is not None:
            if weights:
                self.layer.set_weights(self.start[0])
            for (_, array), values in zip(self.layer.named_states(), self.start[1]):
                np.asarray(array)[...] = values

    def __call__(self, *inputs):
        if self.layer is None:
            out = self.case.target(*inputs, **self.case.options)
        else:
            out = self.layer(inputs[0] if len(inputs) == 1 else list(inputs), **self.case.call)
        return list(out) if isinstance(out, (tuple, list)) else [out]

    def results(self, arrays):
        """The results on these arrays, as ndarrays of their own."""
        self.rewind()
        return [np.array(t.numpy()) for t in self(*arrays)]

    def gradients(self, arrays):
        """Gradients of sum(v * results), v fixed, by every float input and every parameter, as ndarrays."""
        self.rewind()
        tensors = [Tensor(a, needs_gradient=a.dtype.kind == "f") for a in arrays]
        return [np.array(g) for g in self.recorded_gradients(*tensors)]

    def recorded_gradients(self, *tensors):
        """The same inside a recording: Arrays."""
        wanted = [t for t in tensors if t.dtype.kind == "f"] + list(self.parameters)
        for t in wanted[:len(wanted) - len(self.parameters)]:
            t.needs_gradient = True
        outs = [(out, Tensor(np.random.default_rng(100 + i).standard_normal(out.shape).astype(out.dtype)))
                for i, out in enumerate(self(*tensors)) if out.needs_gradient]
        found = [None] * len(wanted)
        if len(outs) == 1:
            found = backward(outs[0][0], wanted, seed=outs[0][1].array)
        elif outs:
            total = ops.sum(outs[0][0] * outs[0][1])
            for out, v in outs[1:]:
                total = total + ops.sum(out * v)
            found = backward(total, wanted)
        return [Tensor(np.zeros(t.shape, t.dtype)).array if g is None else g for t, g in zip(wanted, found)]


def op(family, function, inputs, reference, **fields):
    """A function of tensors.  Keyword arguments that no field of Case takes are options: passed to it and to the reference."""
    return _case(family, function, inputs, reference, False, fields)


def layer(family, cls, inputs, reference, **fields):
    """A layer class.  Shapes leave out the batch; options go to the constructor and to the reference."""
    return _case(family, cls, inputs, reference, True, fields)


_OWN = set(Case.__dataclass_fields__) - {"family", "target", "inputs", "reference"}


def _case(family, target, inputs, reference, batch, fields):
    own = {k: v for k, v in fields.items() if k in _OWN}
    options = {**own.pop("options", {}), **{k: v for k, v in fields.items() if k not in _OWN}}
    own["also"] = tuple(_makers(i, batch) for i in own.get("also", ()))
    makers = _makers(inputs, batch)
    return Case(family, target, options, makers, reference, name=own.pop("name", None) or _name(target, options, makers), **own)


def _makers(inputs, batch):
    single = isinstance(inputs, Maker) or (isinstance(inputs, tuple) and not any(isinstance(i, (tuple, Maker)) for i in inputs))
    found = []
    for given in [inputs] if single else inputs:
        maker = given if isinstance(given, Maker) else real(*given)
        found.append(Maker((N, *maker.shape), maker.draw, maker.floating) if batch else maker)
    return tuple(found)


def _name(target, options, makers):
    shown = ",".join(f"{k}={getattr(v, '__name__', v)}" for k, v in options.items()).replace(" ", "").replace("'", "")
    shapes = "+".join("x".join(map(str, m.shape)) or "scalar" for m in makers)
    return f"{target.__name__}({shown})-{shapes}"


# ---- comparison

def assert_close(got, want, tolerance, what=""):
    """|got - want| <= tolerance * (|want| + mean |want|), element by element; shapes equal; infinities and NaN in the same places."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    got, want = got.astype(np.float64), want.astype(np.float64)
    odd = ~np.isfinite(want)
    np.testing.assert_array_equal(got[odd], want[odd], err_msg=what)
    size = np.abs(want[~odd])
    error, allowed = np.abs(got[~odd] - want[~odd]), tolerance * (size + (size.mean() if size.size else 0) + 1e-30)
    if not np.all(error <= allowed):
        worst = int(np.nanargmax(np.where(np.isnan(error), np.inf, error - allowed)))
        raise AssertionError(f"{what}: {np.count_nonzero(~(error <= allowed))} of {want.size} differ by more than {tolerance}; worst got "
                             f"{got[~odd][worst]!r}, expected {want[~odd][worst]!r}")


def assert_same_bits(got, want, what=""):
    """Equal bit for bit, list by list."""
    assert len(got) == len(want), f"{what}: {len(got)} results, expected {len(want)}"
    for i, (a, b) in enumerate(zip(got, want)):
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype, f"{what}: result {i} is {a.shape} {a.dtype}, expected {b.shape} {b.dtype}"
        if a.tobytes() != b.tobytes():
            different = a.view(np.uint8).reshape(*a.shape, -1) != b.view(np.uint8).reshape(*b.shape, -1) if a.ndim else np.array([a != b])
            raise AssertionError(f"{what}: result {i} of shape {a.shape} differs in {np.count_nonzero(different.any(-1))} elements; "
                                 f"largest difference {np.nanmax(np.abs(a.astype(np.float64) - b.astype(np.float64)))}")
