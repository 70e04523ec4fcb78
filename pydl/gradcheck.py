"""Gradient checking by finite differences, for users and tests."""
import copy

import numpy as np

from pydl import config, random, registry
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.errors import boolean, in_range, integer, positive_int, show
from pydl.tensor import Parameter, Tensor, as_tensor, made_by, no_grad

FINER = 16.0            # where a component disagrees, it is looked at again with a step so much shorter
ROUNDED = 16 * np.finfo(np.float64).eps     # what a loss may be off by, as a share of it: the last bits of the sums inside


class GradientReport:
    """What `gradcheck` found.  True if every gradient agrees; `print(report)` shows a row per input and parameter.

    rows: a list of dicts: name, shape, error (relative), where (index of the worst component), analytic, numeric (its values),
          checked (how many components were), kinks (how many were left out, see `gradcheck`).
    error: the largest of the relative errors.    overall: the relative error of all of them as one vector, the course's number.
    worst: the row of the largest error; None if there are no rows.
    """

    def __init__(self, rows, tolerance, overall=0.0):
        self.rows, self.tolerance, self.overall = rows, tolerance, overall

    error = property(lambda self: max((r["error"] for r in self.rows), default=0.0), doc="The largest of the relative errors.")
    passed = property(lambda self: all(r["error"] <= self.tolerance for r in self.rows), doc="Whether all agree; NaN does not.")
    worst = property(lambda self: max(self.rows, key=lambda r: np.inf if np.isnan(r["error"]) else r["error"], default=None),
                     doc="The row of the largest error.")

    def __bool__(self):
        return self.passed

    def __str__(self):
        wide = max((len(f"{r['name']} {r['shape']}") for r in self.rows), default=0)
        lines = []
        for r in self.rows:
            kinks = f"; {r['kinks']} at a kink left out" if r["kinks"] else ""
            kinks += ", so none was compared: try other inputs" if r["kinks"] and not r["checked"] else ""
            lines.append(f"{'ok  ' if r['error'] <= self.tolerance else 'FAIL'} {r['name'] + ' ' + str(r['shape']):{wide}} relative error {r['error']:.2e}; "
                         f"worst at {r['where']}: {r['analytic']:.9g} by backward, {r['numeric']:.9g} by differences{kinks}")
        lines.append(f"{'ok  ' if self.passed else 'FAIL'} all as one vector: relative error {self.overall:.2e}")
        return "\n".join(lines)

    __repr__ = __str__


def gradcheck(function, inputs=(), parameters=None, *, y=None, training=None, epsilon=1e-6, tolerance=1e-6, components=200, seed=0, raises=False):
    """Compare the gradients of a function, a layer or a model with central differences, in float64.

    A model with targets y is checked on the loss it is compiled with, penalties and all: what a step of `fit` descends.  Anything
    else is contracted with a fixed random vector v, so any shape will do:  L = sum(v * f).  For each tensor,
        numeric_i = (L(x_i + epsilon) - L(x_i - epsilon)) / (2 epsilon)
        error     = |analytic - numeric|_2 / (|analytic|_2 + |numeric|_2),   0 where both are below 1e-9
    (for a loss also where rounding explains the distance: where it is below 16 eps |L| / epsilon for each component)
    over up to `components` components (all, or a random choice).  Where the two disagree, a 16 times shorter step tells bugs from
    kinks: a kink nearby (a relu, a maximum) then lies outside and the shorter step's value counts; a component that sits on a kink,
    with another slope on either side at any step, has no gradient to compare with: it is left out, and counted in the report.

    A float32 model is checked as a float64 copy of itself; the model, its moving averages and every random number that will be
    drawn later stay as they are.  Dropout and noise draw the same masks at every evaluation.

    Args:      function: takes tensors, returns one Tensor (or several, in a tuple, list or dict). A model or layer is a function.
               inputs: arrays to call it with; float64 ones are differentiated, the others passed on. One, or a list.
               parameters: Parameters to check too; by default the trainable weights of a layer or model.
               y: targets for the loss of a compiled model; then its parameters are checked, and not the inputs.
               training: passed on to a layer or model: True to check dropout and batch normalisation as in training.
                   With y it is True by default.
               epsilon: the step; tolerance: the largest relative error to pass (1e-6).
               components: how many components of each tensor are tried; seed chooses them and v.
               raises: raise ValueError, with the report, instead of returning a report that is false.
    Returns:   a GradientReport, true if all agree.
    Dtypes:    float64: differences in float32 are noise. Layers that are not models are given dtype="float64" by you.
    Raises:    TypeError if a parameter is not float64, or nothing is to be checked.
    Source:    CS230 / Deep Learning Specialization, course 2, gradient checking: |g - g'| / (|g| + |g'|).
    Example:
        >>> import numpy as np, pydl
        >>> bool(pydl.gradcheck(lambda x: x * x, [np.array([1.0, 2.0])]))
        True
        >>> model = pydl.Sequential([pydl.layers.Input((3,)), pydl.layers.Dense(4, activation="tanh", name="first"), pydl.layers.Dense(1, name="last")])
        >>> model.compile("sgd", "mse")
        >>> report = pydl.gradcheck(model, np.ones((5, 3)), y=np.zeros((5, 1)))
        >>> report.passed, [row["name"] for row in report.rows]
        (True, ['first/kernel', 'first/bias', 'last/kernel', 'last/bias'])
    """
    who = "gradcheck"
    if not callable(function):
        raise TypeError(f"{who}: function must be callable, got {show(function)}")
    epsilon = in_range(who, "epsilon", epsilon, 0, 1, low_open=True)
    tolerance = in_range(who, "tolerance", tolerance, 0, low_open=True)
    components, raises, seed = positive_int(who, "components", components), boolean(who, "raises", raises), integer(who, "seed", seed, 0)
    if training is not None:
        boolean(who, "training", training)
    is_model = hasattr(function, "compile_config")
    if y is not None and not (is_model and function.compile_config is not None):
        raise TypeError(f"{who}: y needs a compiled model; of a function, check lambda p: loss(y, p) on the predictions")
    if y is not None and parameters is not None:
        raise TypeError(f"{who}: with y the model's trainable weights are checked; give parameters or y, not both")
    if not isinstance(inputs, (list, tuple)):
        inputs = [inputs]
    if is_model and parameters is None:
        if not function.built and len(inputs):
            function.build_from([np.asarray(a) for a in inputs])
        if any(p.dtype == np.float32 for p in function.weights):
            inputs = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in inputs]
            with random.undisturbed():
                function = _double(function, inputs, y is not None)
    check = _LossCheck(function, inputs, y, training) if y is not None else _Check(function, inputs, parameters, training)
    rows, overall = check.compare(epsilon, tolerance, components, np.random.default_rng(seed))
    report = GradientReport(rows, tolerance, overall)
    if raises and not report:
        raise ValueError(f"{who}: gradients disagree by more than {tolerance}:\n{report}")
    return report


def _double(model, inputs, compiled):
    """A float64 copy of a model, with its weights and random states; compiled for the same loss."""
    def rewritten(value):
        if isinstance(value, dict):
            return {k: "float64" if k == "dtype" and v == "float32" else rewritten(v) for k, v in value.items()}
        return [rewritten(v) for v in value] if isinstance(value, (list, tuple)) else value

    def made_anew():
        config_of_it = rewritten(copy.deepcopy(registry.serialize(model)))
        made = registry.deserialize(config_of_it, custom_objects={type(part).__name__: type(part) for part in [model, *model.layers_inside]})
        made.build_from([np.asarray(a) for a in inputs])
        return made
    default = config.floatx()
    try:
        made = made_anew()
        if any(p.dtype == np.float32 for p in made.weights):    # layers that a constructor of the user's makes, in the default dtype
            config.set_floatx("float64")
            made = made_anew()
        made.set_weights(model.get_weights())
    except (TypeError, ValueError) as error:
        raise TypeError(f"gradcheck: {model.who} cannot be copied in float64 ({error}); "
                        "call pydl.config.set_floatx('float64') before making it") from error
    finally:
        config.set_floatx(default)
    for (_, mine), (_, theirs) in zip(made.named_states(), model.named_states()):
        B.assign(mine, np.asarray(theirs))
    for mine, theirs in zip(made.weights, model.weights):
        mine.needs_gradient = theirs.needs_gradient
    if compiled:
        given = model.compile_config
        made.compile("sgd", given["loss"], loss_weights=given["loss_weights"])
    return made


class _Check:
    """The numbers that are varied, and the scalar that depends on them."""
    rounding = 0.0

    def __init__(self, function, inputs, parameters, training):
        self.function = function
        self.extra = {} if training is None else {"training": training}
        self.tensors = [as_tensor(np.array(a)) if not isinstance(a, Tensor) else a for a in inputs]
        self.tensors = [made_by(t.array, None, 0) for t in self.tensors]
        self.checked = [(f"input {i}", t) for i, t in enumerate(self.tensors) if t.dtype == np.float64]
        for _, t in self.checked:
            t.needs_gradient = True
        self.keep()
        with no_grad():                 # a layer that is not built yet takes its seeds for good, so this one run may disturb
            self.shapes = [t.shape for t in (self.run() if getattr(function, "built", False) else self.results())]
        if parameters is None:
            parameters = getattr(function, "trainable_weights", [])
        paths = {id(p): path for path, p in function.named_weights()} if hasattr(function, "named_weights") else {}
        for p in parameters:
            if not isinstance(p, Parameter) or p.dtype != np.float64:
                raise TypeError(f"gradcheck: parameters must be float64 Parameters, got {show(p)}; give the layer dtype='float64'")
            self.checked.append((paths.get(id(p), p.name), p))
        if not self.checked:
            raise TypeError("gradcheck: nothing to check: pass float64 inputs, or a function with float64 parameters")
        self.keep()

    def keep(self):
        """Remember what a run changes by itself: random streams and moving averages."""
        self.states = self.function.named_states() if hasattr(self.function, "named_states") else []
        self.moving = [p for p in getattr(self.function, "weights", []) if not any(p is q for _, q in self.checked)]
        self.kept = [np.array(a) for _, a in self.states], [np.array(p.numpy()) for p in self.moving]

    def restore(self):
        """Every run starts from the same: the same dropout masks, the same averages."""
        for (_, array), values in zip(self.states, self.kept[0]):
            np.asarray(array)[...] = values
        for p, values in zip(self.moving, self.kept[1]):
            p.numpy()[...] = values

    def run(self):
        """The results, a list of Tensors: the same with each run."""
        self.restore()
        with random.undisturbed():
            return self.results()

    def results(self):
        several = hasattr(self.function, "compile_config") and len(self.tensors) > 1
        out = self.function(self.tensors, **self.extra) if several else self.function(*self.tensors, **self.extra)
        return list(out.values()) if isinstance(out, dict) else list(out) if isinstance(out, (list, tuple)) else [out]

    def vectors_of(self, rng):
        return [rng.standard_normal(shape) for shape in self.shapes]

    def contracted(self):
        """L, a float."""
        with no_grad():
            return sum(float(np.sum(np.asarray(t.array, np.float64) * v)) for t, v in zip(self.run(), self.vectors) if t.dtype.kind == "f")

    def analytic(self):
        """The gradients of L by backward."""
        total = [np.zeros(t.shape) for _, t in self.checked]
        for i, v in enumerate(self.vectors):
            out = self.run()[i]                                 # anew each time: going backward uses a graph up
            if out.needs_gradient:
                found = backward(out, [t for _, t in self.checked], seed=as_tensor(v.astype(out.dtype)).array)
                total = [sum_ if g is None else sum_ + np.asarray(g) for sum_, g in zip(total, found)]
        return total

    def compare(self, epsilon, tolerance, components, rng):
        """(rows of the report, the relative error of everything as one vector)."""
        self.vectors = self.vectors_of(rng)
        try:
            pairs = [self.row(name, t, g, epsilon, tolerance, components, rng) for (name, t), g in zip(self.checked, self.analytic())]
        finally:
            self.restore()
        return [row for row, _, _ in pairs], relative_error(*(np.concatenate([pair[i] for pair in pairs]) for i in (1, 2)))

    def slope(self, values, i, epsilon):
        """(central difference, how far the slopes left and right of it are apart)."""
        at = values[i]
        values[i] = at + epsilon
        above = self.contracted()
        values[i] = at - epsilon
        below = self.contracted()
        values[i] = at
        return (above - below) / (2 * epsilon), abs(above - 2 * self.base + below) / epsilon

    def row(self, name, tensor, analytic, epsilon, tolerance, components, rng):
        """One row of the report, and the two vectors it compares."""
        values, flat = tensor.numpy().reshape(-1), analytic.reshape(-1)
        chosen = np.arange(values.size) if values.size <= components else np.sort(rng.choice(values.size, components, replace=False))
        self.base, taken = self.contracted(), flat[chosen]
        noise = 64 * np.finfo(np.float64).eps * abs(self.base) / epsilon        # of a difference of slopes
        numeric, smooth = np.empty(len(chosen)), np.ones(len(chosen), bool)
        for k, i in enumerate(chosen):
            numeric[k], gap = self.slope(values, i, epsilon)
            off = abs(taken[k] - numeric[k])
            if off > tolerance * (abs(taken[k]) + abs(numeric[k])) + 1e-9 and gap > max(0.1 * off, noise):
                finer, finer_gap = self.slope(values, i, epsilon / FINER)
                if finer_gap <= 0.5 * gap:
                    numeric[k] = finer
                elif finer_gap < 2 * gap:                       # the slopes of a smooth function would be 16 times closer, those at a jump farther
                    smooth[k] = False
        taken, numeric, chosen = taken[smooth], numeric[smooth], chosen[smooth]
        distance = np.abs(taken - numeric)
        worst = int(np.argmax(np.where(np.isnan(distance), np.inf, distance))) if len(chosen) else None
        where = () if worst is None else tuple(int(j) for j in np.unravel_index(chosen[worst], tensor.shape))
        return {"name": name, "shape": tensor.shape, "error": relative_error(taken, numeric, self.rounding * abs(self.base) / epsilon), "where": where,
                "analytic": 0.0 if worst is None else float(taken[worst]), "numeric": 0.0 if worst is None else float(numeric[worst]),
                "checked": len(chosen), "kinks": int(np.sum(~smooth))}, taken, numeric


class _LossCheck(_Check):
    """The loss of a compiled model, with its penalties, on a batch."""
    rounding = ROUNDED

    def __init__(self, model, inputs, y, training):
        self.batch = model._checked_data("gradcheck", list(inputs) if len(inputs) > 1 else inputs[0] if len(inputs) else None, y)
        self.batch.check_targets(model, "gradcheck")
        self.training = True if training is None else training
        model._objective(len(self.batch.parts[1]) or 1)
        self.means = model.objective.kept()
        self.batch = [[None if a is None else B.from_numpy(np.ascontiguousarray(a)) for a in part] for part in self.batch.parts]
        super().__init__(model, (), None, None)

    def results(self):
        return [self.function._loss_of(*self.batch, self.training)[0]]

    def restore(self):
        super().restore()
        self.function.objective.put_back(self.means)            # the running means of metrics

    def vectors_of(self, rng):
        return [np.ones(())]            # the loss is the scalar itself


def relative_error(a, b, rounding=0.0):
    """|a - b| / (|a| + |b|) in the Euclidean norm; 0 where both are below 1e-9, or no component is further off than by rounding."""
    size, distance = np.linalg.norm(a) + np.linalg.norm(b), np.linalg.norm(a - b)
    return 0.0 if size < 1e-9 or distance <= rounding * np.sqrt(np.size(a)) else float(distance / size)
