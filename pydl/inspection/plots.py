"""Pictures by matplotlib, for those who have it: learning curves and histograms.  Nothing here is imported before it is called."""
import math
import os

import numpy as np

from pydl.errors import boolean, one_of, positive_int, show, suggestion
from pydl.inspection.statistics import looked


def _figure(who, panels, wide, high, columns):
    """A matplotlib Figure of its own, outside pyplot, and its axes."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"{who} draws with matplotlib, which is not installed; run: pip install 'pydl-nn[plot]'") from error
    columns = min(columns, panels)
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(wide * columns, high * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]


def _saved(who, figure, to_file):
    if to_file is not None:
        if not isinstance(to_file, (str, os.PathLike)):
            raise TypeError(f"{who}: to_file must be a path, got {show(to_file)}")
        figure.savefig(to_file)
    return figure


def plot_history(history, to_file=None, names=None, log=False):
    """Draw the learning curves of a training: a panel for each loss and metric, training and validation in one.

    Args:      history: what `fit` returned, or its history dict.
               to_file: where to; matplotlib knows the format by the ending (png, pdf, svg). None writes nothing.
               names: which to draw, by their names without "val_"; all by default.
               log: draw by logarithms.
    Returns:   a matplotlib Figure.
    Raises:    ImportError with the command to install matplotlib, if it is not there.
    Example:   pydl.inspection.plot_history(model.fit(x, y, validation_split=0.1, epochs=10), "curves.png")
    """
    who = "plot_history"
    logs = getattr(history, "history", history)
    if not isinstance(logs, dict) or not logs:
        raise TypeError(f"{who}: history must be what fit returned, with at least one epoch, got {show(history)}")
    log = boolean(who, "log", log)
    scalars = {n: v for n, v in logs.items() if all(np.ndim(x) == 0 for x in v)}         # a metric of one number a class is no curve
    known = list(dict.fromkeys(n.removeprefix("val_") for n in scalars))
    names = known if names is None else [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in known:
            raise ValueError(f"{who}: no {name!r} in the history, there are {', '.join(known)}{suggestion(name, known)}")
    epochs = [e + 1 for e in getattr(history, "epoch", [])]
    figure, axes = _figure(who, len(names), 5, 3.4, 3)
    for name, panel in zip(names, axes):
        for label, key in (("training", name), ("validation", f"val_{name}")):
            if key in scalars:
                values = scalars[key]
                at = epochs if len(epochs) == len(values) else range(1, len(values) + 1)
                panel.plot(at, values, label=label, marker="o" if len(values) == 1 else None)
        panel.set_title(name)
        panel.set_xlabel("epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(True, alpha=0.3)
        panel.legend()
        if log:
            panel.set_yscale("log")
    return _saved(who, figure, to_file)


def plot_histograms(model, x=None, y=None, what="weights", to_file=None, bins=60):
    """Draw a histogram for each layer: of its weights, of its outputs for a batch, or of the gradient by its weights.

    The model is left as it was, as by `inspect_model`.

    Args:      x, y: a batch; outputs need x, gradients both.
               what: "weights", "outputs" or "gradients".
               to_file: where to; None writes nothing.    bins: bars a histogram.
    Returns:   a matplotlib Figure.
    Raises:    ImportError with the command to install matplotlib, if it is not there; ValueError if a batch is missing.
    Example:   pydl.inspection.plot_histograms(model, x[:256], what="outputs", to_file="outputs.png")
    """
    who = "plot_histograms"
    one_of(who, "what", what, ("weights", "outputs", "gradients"))
    bins = positive_int(who, "bins", bins)
    if (what != "weights" and x is None) or (what == "gradients" and y is None):
        raise ValueError(f"{who}: {what} need a batch: give x{' and y' if what == 'gradients' else ''}")
    found = []
    if what == "weights":
        found = [(path, np.array(p.numpy()).ravel()) for path, p in model.named_weights()]
    else:
        with looked(model, x, y if what == "gradients" else None, None, None, who) as look:
            for layer in look.layers:
                tensors = look.outputs[id(layer)]
                if what == "outputs" and tensors:
                    found.append((layer.name, np.concatenate([t.numpy().ravel() for t in tensors])))
            if what == "gradients":
                found = [(path, look.gradients[id(p)].ravel().copy()) for path, p in model.named_weights() if id(p) in look.gradients]
    if not found:
        raise ValueError(f"{who}: {model.who} has no {what} to draw")
    figure, axes = _figure(who, len(found), 3.2, 2.4, 4)
    for (name, values), panel in zip(found, axes):
        finite = values[np.isfinite(values)]
        panel.hist(finite, bins=bins)
        lost = "" if len(finite) == len(values) else f", {len(values) - len(finite)} not finite"
        panel.set_title(f"{name}\nmean {finite.mean() if len(finite) else math.nan:.2g}, std {finite.std() if len(finite) else math.nan:.2g}{lost}", fontsize=8)
        panel.set_yticks([])
    return _saved(who, figure, to_file)
