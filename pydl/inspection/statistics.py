"""inspect_model: one step of a model, looked at layer by layer, that leaves no trace."""
import contextlib
import math

import numpy as np

from pydl import random
from pydl.autodiff import backward
from pydl.backends import cpu as B
from pydl.errors import boolean, show
from pydl.inspection.findings import diagnose
from pydl.layers.base import watching
from pydl.models import Model
from pydl.models.report import table
from pydl.tensor import Tensor, no_grad

RELU = ("relu", "relu6", "ReLU")
ENDS = {"tanh": (-0.97, 0.97), "hard_tanh": (-0.97, 0.97), "sigmoid": (0.03, 0.97), "hard_sigmoid": (0.03, 0.97)}     # nearer to the limits is saturated


class Inspection:
    """What `inspect_model` saw.  `print(inspection)` shows a table, and the diagnosis in plain words.

    rows: a dict for each layer: name, type, shape (of its outputs), activation, mean, std, zeros (share of outputs that are 0), dead (share of
          relu units that are 0 for the whole batch), saturated (share near the ends of tanh or a sigmoid), bad (how many outputs are not
          finite), gradient_norm (of the loss by its outputs), weight_norm, weight_gradient (norm of the loss by its trainable weights),
          update_ratio (norm of the next step by weight_norm), twins (whether all units have equal weights).  None is what does not apply.
    loss: of the batch, or None.    findings: a list of Findings; none is good news.
    """

    def __init__(self, rows, loss):
        self.rows, self.loss = rows, loss
        self.findings = diagnose(rows, loss)

    def __str__(self):
        def cell(value):
            return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
        names = ("mean", "std", "zeros", "dead", "saturated", "gradient_norm", "weight_norm", "update_ratio")
        header = ("Layer", "Type", "Outputs", "Mean", "Std", "Zeros", "Dead", "Saturated", "Gradient", "Weights", "Update/weights")
        body = [[r["name"], r["type"], str(r["shape"]), *(cell(r[n]) for n in names)] for r in self.rows]
        lines = table(body, header, right=range(3, len(header)))
        if self.loss is not None:
            lines.append(f"Loss of the batch: {self.loss:.6g}")
        return "\n".join(lines + ([f"- {f}" for f in self.findings] or ["Nothing found amiss."]))

    def __repr__(self):
        return f"<Inspection of {len(self.rows)} layers, {len(self.findings)} findings>"


def inspect_model(model, x, y=None, sample_weight=None, training=None):
    """Look at each layer of a model at work: what it puts out, what gradient comes back, how far the next step would move its weights.

    The step runs eagerly, beside the recorded ones, which stay as they are and go on being replayed.  Afterwards weights, moving averages,
    random streams, running metrics and the optimizer (a copy takes the step) are, to the bit, what they were: training goes on as if
    nobody had looked.

    Args:      model: any model; compiled, if y is given.
               x: a batch of inputs.    y: its targets; without them there are no gradients and no updates.    sample_weight: one a row.
               training: whether dropout and batch normalisation work as in training; by default if y is given.
    Returns:   an Inspection, with a row for each layer (those of nested models one by one) and the findings.
    Raises:    TypeError or ValueError as `fit` does, for data that does not fit the model.
    Source:    Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010), for what to look at.
    Example:
        >>> import numpy as np, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(8, kernel_initializer="zeros", name="hidden"), pydl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> inspection = pydl.inspection.inspect_model(model, np.ones((5, 4)), np.ones((5, 1)))
        >>> inspection.findings[0].kind, inspection.findings[0].layer
        ('initialisation', 'hidden')
    """
    with looked(model, x, y, sample_weight, training, "inspect_model") as look, np.errstate(over="ignore", invalid="ignore"):
        updates = _updates(model, look.gradients) if y is not None else {}
        rows = [_row(layer, look.outputs[id(layer)], look.gradients, updates) for layer in look.layers if look.outputs[id(layer)]]
        return Inspection(rows, None if look.loss is None else float(look.loss.item()))


def inspected_layers(model):
    """The layers of a model, those of nested models in their place."""
    return [found for layer in model.layers for found in (inspected_layers(layer) if isinstance(layer, Model) else [layer])]


class Look:
    """What a step showed: layers, outputs {id of a layer: its Tensors}, gradients {id of a Tensor or Parameter: ndarray}, loss (or None)."""

    def __init__(self, layers, outputs, gradients, loss):
        self.layers, self.outputs, self.gradients, self.loss = layers, outputs, gradients, loss


@contextlib.contextmanager
def looked(model, x, y, sample_weight, training, who):
    """Run a step eagerly and yield a Look; afterwards the model and all random numbers are what they were before."""
    if not isinstance(model, Model):
        raise TypeError(f"{who}: model must be a Model, got {show(model)}")
    training = (y is not None) if training is None else boolean(who, "training", training)
    if y is None:
        parts = [model._checked_inputs(who, x), [], []]
    else:
        model._need_compiled(who)
        batch = model._checked_data(who, x, y, sample_weight)
        batch.check_targets(model, who)
        parts = batch.parts
    parts = [[None if a is None else B.from_numpy(np.ascontiguousarray(a)) for a in part] for part in parts]
    kept = [np.array(p.numpy()) for p in model.weights], [np.array(a) for _, a in model.named_states()]
    means = None if model.objective is None else model.objective.kept()
    try:
        with random.undisturbed():
            yield _looked_at(model, parts, training, y is not None)
    finally:
        for p, values in zip(model.weights, kept[0]):
            p.numpy()[...] = values
        for (_, a), values in zip(model.named_states(), kept[1]):
            np.asarray(a)[...] = values
        if means is not None:
            model.objective.put_back(means)


def _looked_at(model, parts, training, learns):
    layers = list({id(layer): layer for layer in inspected_layers(model)}.values())
    seen = {id(layer): [] for layer in layers}                  # the outputs of each call

    def watch(layer, out):
        if id(layer) in seen:
            outs = list(out.values()) if isinstance(out, dict) else out if isinstance(out, (list, tuple)) else [out]
            seen[id(layer)].extend(t for t in outs if isinstance(t, Tensor) and t.dtype.kind == "f")
    token = watching.set(watch)
    try:
        if learns:
            loss, _ = model._loss_of(*parts, training)
        else:
            with no_grad():
                loss, _ = None, model._predictions(parts[0], training)
    finally:
        watching.reset(token)
    gradients = {}
    if learns and loss.needs_gradient:
        wanted = [t for found in seen.values() for t in found if t.needs_gradient] + model.trainable_weights
        gradients = {id(t): np.asarray(g) for t, g in zip(wanted, backward(loss, wanted)) if g is not None}
    return Look(layers, seen, gradients, loss)


def _updates(model, gradients):
    """{id of a parameter: norm of what the optimizer's next step changes}; empty if a copy of the optimizer cannot take it."""
    parameters = model.trainable_weights
    pairs = [(gradients[id(p)], p) for p in parameters if id(p) in gradients]
    optimizer = model.optimizer
    if not pairs or optimizer.gradient_accumulation_steps:      # most of those steps change nothing
        return {}
    try:
        twin = type(optimizer).from_config(optimizer.get_config())
        twin.build(optimizer.parameters if optimizer.built else parameters)
        if optimizer.built:
            twin.set_state(optimizer.get_state())
    except (TypeError, ValueError, KeyError):                   # an optimizer of the user's, which has no such config
        return {}
    before = [np.array(p.numpy()) for _, p in pairs]
    twin.apply(pairs)
    moved = {id(p): _norm([p.numpy().astype(np.float64) - was]) for was, (_, p) in zip(before, pairs)}
    for was, (_, p) in zip(before, pairs):
        p.numpy()[...] = was
    return moved


def _norm(arrays):
    """The Euclidean norm of several arrays as one vector, in float64."""
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays))


def _row(layer, outputs, gradients, updates):
    values = [t.numpy() for t in outputs]
    count = max(1, sum(v.size for v in values))
    bad = sum(int(v.size - np.count_nonzero(np.isfinite(v))) for v in values)
    mean = sum(float(np.sum(v, dtype=np.float64)) for v in values) / count
    kind = type(layer).__name__
    activation = getattr(layer, "activation", None)
    name = None if activation is None else getattr(activation, "__name__", type(activation).__name__)
    name = "relu" if kind in RELU else name
    trainable = [p for p in layer.weights if p.needs_gradient]
    reached = [gradients[id(t)] for t in outputs if id(t) in gradients]
    weight_norm = _norm([p.numpy() for p in trainable]) if trainable else None
    moved = [updates[id(p)] for p in trainable if id(p) in updates]
    ends = ENDS.get(name)
    return {
        "name": layer.name, "type": kind, "shape": tuple(values[0].shape), "activation": None if name == "linear" else name, "mean": mean,
        "std": math.sqrt(sum(float(np.sum(np.square(v - mean, dtype=np.float64))) for v in values) / count) if not bad else math.nan,
        "zeros": sum(int(v.size - np.count_nonzero(v)) for v in values) / count, "bad": bad,
        "dead": float(np.mean(np.all([np.all(v.reshape(-1, v.shape[-1]) == 0, axis=0) for v in values], axis=0))) if name in RELU else None,
        "saturated": sum(int(np.sum((v < ends[0]) | (v > ends[1]))) for v in values) / count if ends else None,
        "gradient_norm": _norm(reached) if reached else None, "weight_norm": weight_norm,
        "weight_gradient": _norm([gradients[id(p)] for p in trainable if id(p) in gradients]) if gradients and trainable else None,
        "update_ratio": math.sqrt(sum(m * m for m in moved)) / weight_norm if moved and weight_norm else None,
        "twins": any(_twins(p.numpy()) for p in trainable if "bias" not in p.name)}


def _twins(weights):
    """Whether the units of a kernel, its last axis, are all alike."""
    return weights.ndim >= 2 and weights.shape[-1] > 1 and bool(np.all(weights == weights[..., :1]))
