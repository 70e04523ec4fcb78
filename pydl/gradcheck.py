"""Gradient checking by finite differences, for users and tests."""
import numpy as np

from pydl.autodiff import backward
from pydl.errors import boolean, in_range, positive_int, show
from pydl.tensor import Parameter, Tensor, as_tensor, made_by, no_grad


class GradientReport:
    """What `gradcheck` found.  True if every gradient agrees; `print(report)` shows a row per input and parameter.

    rows: a list of dicts: name, shape, error (relative), where (index of the worst component), analytic, numeric.
    error: the largest of the relative errors.
    """

    def __init__(self, rows, tolerance):
        self.rows, self.tolerance = rows, tolerance

    error = property(lambda self: max((r["error"] for r in self.rows), default=0.0))
    passed = property(lambda self: all(r["error"] <= self.tolerance for r in self.rows))     # NaN fails

    def __bool__(self):
        return self.passed

    def __str__(self):
        lines = [f"{'ok  ' if r['error'] <= self.tolerance else 'FAIL'} {r['name']} {r['shape']}: relative error {r['error']:.2e}; "
                 f"worst at {r['where']}: {r['analytic']:.9g} by backward, {r['numeric']:.9g} by differences" for r in self.rows]
        return "\n".join(lines)

    __repr__ = __str__


def gradcheck(function, inputs=(), parameters=None, *, epsilon=1e-6, tolerance=1e-6, components=200, seed=0, raises=False):
    """Compare the gradients of a function with central differences, in float64.

    The result is contracted with a fixed random vector v, so any shape will do:  L = sum(v * f).  For each tensor,
        numeric_i = (L(x_i + epsilon) - L(x_i - epsilon)) / (2 epsilon)
        error     = |analytic - numeric|_2 / (|analytic|_2 + |numeric|_2),   0 where both are below 1e-9
    over up to `components` components (all, or a random choice).

    Args:      function: takes tensors, returns one Tensor (or several, in a tuple or list). A model or layer is a function.
               inputs: arrays to call it with; float64 ones are differentiated, the others passed on.
               parameters: Parameters to check too; by default the trainable weights of a layer or model.
               epsilon: the step; tolerance: the largest relative error to pass (1e-6).
               components: how many components of each tensor are tried; seed chooses them and v.
               raises: raise ValueError, with the report, instead of returning a report that is false.
    Returns:   a GradientReport, true if all agree.
    Dtypes:    float64 only: differences in float32 are noise. Give layers dtype="float64".
    Raises:    TypeError if a parameter is not float64, or nothing is to be checked.
    Source:    CS230 / Deep Learning Specialization, course 2, gradient checking: |g - g'| / (|g| + |g'|).
    Example:
        >>> import numpy as np, pydl
        >>> bool(pydl.gradcheck(lambda x: x * x, [np.array([1.0, 2.0])]))
        True
    """
    if not callable(function):
        raise TypeError(f"gradcheck: function must be callable, got {show(function)}")
    epsilon = in_range("gradcheck", "epsilon", epsilon, 0, 1, low_open=True)
    tolerance = in_range("gradcheck", "tolerance", tolerance, 0, low_open=True)
    components, raises = positive_int("gradcheck", "components", components), boolean("gradcheck", "raises", raises)
    if not isinstance(inputs, (list, tuple)):
        inputs = [inputs]
    tensors = [as_tensor(np.array(a)) if not isinstance(a, Tensor) else a for a in inputs]
    tensors = [made_by(t.array, None, 0) for t in tensors]
    checked = [(f"input {i}", t) for i, t in enumerate(tensors) if t.dtype == np.float64]
    for _, t in checked:
        t.needs_gradient = True
    states = function.named_states() if hasattr(function, "named_states") else []

    def run():
        for (_, array), values in zip(states, kept):            # the same dropout masks each time
            np.asarray(array)[...] = values
        out = function(*tensors)
        return list(out) if isinstance(out, (list, tuple)) else [out]
    kept = [np.array(a) for _, a in states]
    with no_grad():
        shapes = [t.shape for t in run()]                       # builds a layer that is not built yet
    if parameters is None:
        parameters = getattr(function, "trainable_weights", [])
    states = function.named_states() if hasattr(function, "named_states") else []
    kept = [np.array(a) for _, a in states]
    for p in parameters:
        if not isinstance(p, Parameter) or p.dtype != np.float64:
            raise TypeError(f"gradcheck: parameters must be float64 Parameters, got {show(p)}; give the layer dtype='float64'")
        checked.append((p.name, p))
    if not checked:
        raise TypeError("gradcheck: nothing to check: pass float64 inputs, or a function with float64 parameters")
    moving = [p for p in getattr(function, "weights", []) if not any(p is q for _, q in checked)]
    at_rest = [np.array(p.numpy()) for p in moving]

    rng = np.random.default_rng(seed)
    vectors = [rng.standard_normal(shape) for shape in shapes]

    def restore():
        for p, values in zip(moving, at_rest):                  # moving averages: every run starts from the same
            p.numpy()[...] = values

    def contracted():
        restore()
        with no_grad():
            return sum(float(np.sum(np.asarray(t.array, np.float64) * v)) for t, v in zip(run(), vectors) if t.dtype.kind == "f")
    restore()
    analytic = [np.zeros(t.shape) for _, t in checked]
    for out, v in zip(run(), vectors):
        if out.needs_gradient:
            found = backward(out, [t for _, t in checked], seed=as_tensor(v.astype(out.dtype)).array)
            analytic = [total if g is None else total + np.asarray(g) for total, g in zip(analytic, found)]
            restore()
    rows = [_compare(name, t, g, contracted, epsilon, components, rng) for (name, t), g in zip(checked, analytic)]
    restore()
    report = GradientReport(rows, tolerance)
    if raises and not report:
        raise ValueError(f"gradcheck: gradients disagree by more than {tolerance}:\n{report}")
    return report


def _compare(name, tensor, analytic, contracted, epsilon, components, rng):
    """One row of the report."""
    values, flat = tensor.numpy().reshape(-1), analytic.reshape(-1)
    chosen = np.arange(values.size) if values.size <= components else np.sort(rng.choice(values.size, components, replace=False))
    numeric = np.empty(len(chosen))
    for k, i in enumerate(chosen):
        at = values[i]
        values[i] = at + epsilon
        above = contracted()
        values[i] = at - epsilon
        below = contracted()
        values[i] = at
        numeric[k] = (above - below) / (2 * epsilon)
    taken = flat[chosen]
    size = np.linalg.norm(taken) + np.linalg.norm(numeric)
    error = 0.0 if size < 1e-9 else float(np.linalg.norm(taken - numeric) / size)
    worst = int(np.argmax(np.abs(taken - numeric))) if len(chosen) else 0
    where = tuple(int(j) for j in np.unravel_index(chosen[worst], tensor.shape)) if len(chosen) else ()
    return {"name": name, "shape": tensor.shape, "error": error, "where": where,
            "analytic": float(taken[worst]) if len(chosen) else 0.0, "numeric": float(numeric[worst]) if len(chosen) else 0.0}
