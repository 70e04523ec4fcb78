"""TrainingReport: a callback that writes one HTML file about a training."""
import math
import os
import platform
import time

import numpy as np

from pydl._version import __version__
from pydl.callbacks import Callback
from pydl.data.arrays import as_batches, check_lengths
from pydl.errors import boolean, non_negative_int, positive_int, show, string
from pydl.files import write_atomically
from pydl.inspection import page
from pydl.inspection.statistics import inspect_model
from pydl.kernels._common import get_cpu_level, get_num_threads
from pydl.models.picture import plot_model
from pydl.models.report import SUMMARY, parameters_line, summary_rows
from pydl.pictures.chart import line_chart, scatter_chart

MOST_CLASSES = 40           # of a matrix that is still read; of more only the worst pairs are listed
INSPECTED = 256             # rows that are enough for statistics of layers


class TrainingReport(Callback):
    """Write a report of the training as one HTML file: curves, summary, what the model gets wrong, layers, timing.

    The file needs nothing else: no script, no font, no network; it can be mailed.  It is written whole or not at all.  With x and y the
    model is tried on them at the end: a confusion matrix and the worst mistakes of a classifier, predictions against truth of a regression.
    Training is not touched: the model is looked at as by `inspect_model`.

    Args:      filename: where to, ending in .html.
               x, y: data to try the model on, held out at best; as for `evaluate`. Without them that part is left out.
               class_names: a name for each class; numbers by default.
               title: a heading; the model's name by default.
               mistakes: how many of the worst to show; images among the inputs are shown as such.
               output: which output of several to judge, its number.
               inspect: whether to add statistics of the layers with a diagnosis (needs x and y).
               freq: write every so many epochs too, so that there is a report of a training that is cut short; None: at the end only.
    Raises:    ValueError or TypeError naming the argument; OSError if the file cannot be written.
    Example:
        >>> import numpy as np, pydl
        >>> x, y = np.random.default_rng(0).standard_normal((32, 4)), np.arange(32) % 3
        >>> model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(3, activation="softmax")])
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> report = pydl.inspection.TrainingReport("report.html", x, y, class_names=["ant", "bee", "cat"])
        >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[report])
        >>> "Confusion matrix" in open("report.html").read()
        True
    """

    def __init__(self, filename, x=None, y=None, class_names=None, title=None, mistakes=24, output=0, inspect=True, freq=None):
        super().__init__()
        who = "TrainingReport"
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"{who}: filename must be a path, got {show(filename)}")
        self.filename = os.fsdecode(os.fspath(filename))
        if not self.filename.lower().endswith((".html", ".htm")):
            raise ValueError(f"{who}: filename must end in .html, got {show(self.filename)}")
        if (x is None) != (y is None):
            raise ValueError(f"{who}: give x and y, or neither")
        self.x, self.y = x, y
        named = isinstance(class_names, (list, tuple, np.ndarray)) and all(isinstance(n, str) for n in class_names)
        if class_names is not None and not named:
            raise TypeError(f"{who}: class_names must be a list of strings, got {show(class_names)}")
        self.class_names = None if class_names is None else list(class_names)
        self.title = None if title is None else string(who, "title", title)
        self.mistakes, self.output = non_negative_int(who, "mistakes", mistakes), non_negative_int(who, "output", output)
        self.inspect = boolean(who, "inspect", inspect)
        self.freq = None if freq is None else positive_int(who, "freq", freq)
        self.epochs, self.logs, self.seconds, self.resumed = [], [], [], False

    # ---- what is collected

    def on_train_begin(self, logs=None):
        if not self.resumed:
            self.epochs, self.logs, self.seconds = [], [], []
        self.resumed = False
        self.began = self.epoch_began = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        entry = {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}
        entry.setdefault("learning_rate", float(self.model.optimizer.learning_rate))
        self.epochs.append(epoch + 1)
        self.logs.append(entry)
        self.seconds.append(now - self.epoch_began)
        if self.freq and len(self.epochs) % self.freq == 0:
            self.write(finished=False)

    def on_train_end(self, logs=None):
        self.write()

    def get_state(self):
        return {"epochs": list(self.epochs), "logs": [dict(entry) for entry in self.logs], "seconds": list(self.seconds)}

    def set_state(self, state):
        self.epochs, self.logs, self.seconds, self.resumed = list(state["epochs"]), [dict(e) for e in state["logs"]], list(state["seconds"]), True

    # ---- what is written

    def write(self, finished=True):
        """Write the file, as of now."""
        sections = [("At a glance", self._glance()), ("Learning curves", self._curves())]
        if self.x is not None:
            sections += self._judged()
        sections.append(("Model", self._model_part()))
        if self.x is not None and self.inspect:
            sections.append(("Inside the layers", self._layers()))
        sections.append(("Timing and machine", self._timing()))
        when = time.strftime("%Y-%m-%d %H:%M")
        subtitle = f"{'' if finished else 'training still runs; '}{len(self.epochs)} epochs, written {when} by pydl {__version__}"
        write_atomically(self.filename, [page.page(self.title or f"Training of {self.model.name}", subtitle, sections).encode("utf-8")])

    def _names(self):
        """Names of losses and metrics, without val_, the loss first."""
        names = dict.fromkeys(n.removeprefix("val_") for entry in self.logs for n in entry if n != "learning_rate")
        return sorted(names, key=lambda n: (n != "loss", not n.endswith("_loss")))

    def _glance(self):
        last = self.logs[-1] if self.logs else {}
        pairs = [(f"{last[n]:.4g}", n) for name in self._names() for n in (name, f"val_{name}") if n in last]
        pairs += [(f"{sum(self.seconds):.1f} s", "in epochs"), (f"{self.model.count_params():,}", "parameters")]
        told = []
        held = [(entry["val_loss"], epoch) for epoch, entry in zip(self.epochs, self.logs) if math.isfinite(entry.get("val_loss", math.nan))]
        if held:
            best, epoch = min(held)
            told.append(f"The validation loss was lowest, {best:.4g}, after epoch {epoch} of {self.epochs[-1]}.")
            if held[-1][0] > 1.1 * best and epoch < self.epochs[-1]:
                told.append("It has risen since: the model overfits; stop earlier (EarlyStopping), or add data, dropout or weight decay.")
        return page.facts(pairs) + (page.bullets(told) if told else "")

    def _curves(self):
        if not self.logs:
            return "<p>No epoch was finished.</p>"
        drawn = []
        for name in self._names():
            series = []
            for label, key, dash in (("training", name, None), ("validation", f"val_{name}", "6 3")):
                if any(key in entry for entry in self.logs):
                    series.append((label, self.epochs, [entry.get(key) for entry in self.logs], *([dash] if dash else [])))
            values = [v for entry in series for v in entry[2] if v is not None and math.isfinite(v)]
            by_log = bool(values) and min(values) > 0 and max(values) > 30 * min(values)
            drawn.append(line_chart(series, title=name, x_label="epoch", log_y=by_log, whole_x=True).markup())
        rates = [entry["learning_rate"] for entry in self.logs]
        if len(set(rates)) > 1:
            series = [("learning rate", self.epochs, rates)]
            drawn.append(line_chart(series, title="learning rate", x_label="epoch", log_y=min(rates) > 0, whole_x=True).markup())
        return f'<div class="row">{"".join(drawn)}</div>'

    def _model_part(self):
        told = page.html_table(SUMMARY, summary_rows(self.model), right=(3,)) + f"<p>{page.escape(parameters_line(self.model))}</p>"
        told += f"<p>Optimizer: {page.escape(repr(self.model.optimizer))}</p>"
        return told + page.folded("The graph of the model", plot_model(self.model, None, show_shapes=True, show_layer_names=True).markup())

    def _layers(self):
        xs, ys, _ = self.model._checked_data("TrainingReport", self.x, self.y).parts
        first = [[a[:INSPECTED] for a in part] for part in (xs, ys)]
        seen = inspect_model(self.model, *[part if len(part) > 1 else part[0] for part in first])

        def cell(value):
            return "" if value is None else f"{value:.3g}"
        columns = ("mean", "std", "zeros", "dead", "saturated", "gradient_norm", "weight_norm", "update_ratio")
        header = ("Layer", "Outputs: mean", "std", "zeros", "dead", "saturated", "gradient", "Weights: norm", "update / norm")
        rows = [(r["name"], *(cell(r[n]) for n in columns)) for r in seen.rows]
        return (page.bullets([str(f) for f in seen.findings] or ["Nothing found amiss."]) + page.html_table(header, rows, right=range(1, len(header)))
                + f'<p class="note">One step on {len(first[0][0])} samples of the data given; the model was left as it was.</p>')

    def _timing(self):
        steady = self.seconds[1:] or self.seconds
        rows = [("epochs", str(len(self.seconds))), ("all epochs", f"{sum(self.seconds):.3f} s")]
        if steady:
            rows += [("first epoch", f"{self.seconds[0]:.4f} s"), ("median of the others", f"{np.median(steady):.4f} s"),
                     ("slowest of the others", f"{max(steady):.4f} s")]
        if self.params.get("steps") and steady:
            rows.append(("median step", f"{np.median(steady) / self.params['steps'] * 1e3:.4f} ms, validation included"))
        rows += [("threads", str(get_num_threads())), ("CPU level", get_cpu_level()), ("system", platform.platform()),
                 ("Python, NumPy", f"{platform.python_version()}, {np.__version__}")]
        return page.html_table(("", ""), rows)

    # ---- what it gets wrong

    def _judged(self):
        model = self.model
        predicted = model.predict(self.x, batch_size=256)
        outputs = predicted if isinstance(predicted, list) else [predicted]
        if self.output >= len(outputs):
            raise ValueError(f"TrainingReport: output must be below {len(outputs)}, the number of outputs, got {self.output}")
        names = model.objective.names
        targets = as_batches("TrainingReport", "y", self.y, names)
        predicted, truth, loss = outputs[self.output], targets[self.output], model.objective.losses[self.output]
        xs = model._checked_inputs("TrainingReport", self.x)
        check_lengths("TrainingReport", {"x": xs[0], "y": truth})
        classes = self._classes(predicted, truth)
        if classes is None:
            return self._regression(xs, predicted, truth)
        labels, scores = classes
        if getattr(loss, "from_logits", False):                 # shown as probabilities
            scores = 1 / (1 + np.exp(-scores)) if scores.shape[1] == 1 else np.exp(scores - scores.max(axis=1, keepdims=True))
        if scores.shape[1] == 1:
            scores = np.concatenate([1 - scores, scores], axis=1)
        scores = scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-30)
        return self._classification(xs, labels, scores)

    @staticmethod
    def _classes(predicted, truth):
        """(labels, scores (N, classes) or (N, 1)) if these are classes, one a sample; else None."""
        predicted = predicted.reshape(len(predicted), -1) if predicted.ndim <= 2 else predicted
        if predicted.ndim != 2:
            return None
        classes = predicted.shape[1]
        flat = truth.reshape(-1) if truth.size == len(truth) else None
        if classes == 1:
            if flat is None or not np.all((flat == 0) | (flat == 1)):
                return None
            return flat.astype(np.int64), predicted.astype(np.float64)
        if flat is not None and np.all(flat == np.floor(flat)) and flat.min() >= 0 and flat.max() < classes:
            return flat.astype(np.int64), predicted.astype(np.float64)
        if truth.shape == predicted.shape and np.all((truth == 0) | (truth == 1)) and np.all(truth.sum(axis=1) == 1):
            return np.argmax(truth, axis=1), predicted.astype(np.float64)
        return None

    def _classification(self, xs, labels, scores):
        classes = scores.shape[1]
        names = self.class_names or [str(i) for i in range(classes)]
        if len(names) != classes:
            raise ValueError(f"TrainingReport: class_names has {len(names)} names, the model {classes} classes")
        said = np.argmax(scores, axis=1)
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (labels, said), 1)
        wrong = np.flatnonzero(said != labels)
        head = f"<p>{len(labels) - len(wrong):,} of {len(labels):,} samples right, {np.mean(said == labels):.2%}.</p>"
        pairs = sorted(((counts[i, j], i, j) for i in range(classes) for j in range(classes) if i != j and counts[i, j]), reverse=True)[:12]
        confused = page.html_table(("true", "taken for", "times"), [(names[i], names[j], str(c)) for c, i, j in pairs], right=(2,)) if pairs else ""
        if classes > MOST_CLASSES:
            shown = f"<p>{classes} classes are too many for a matrix; the most frequent confusions:</p>{confused}"
        else:
            shown = page.matrix(counts, names) + (page.folded("The most frequent confusions", confused) if pairs else "")
        sections = [("Confusion matrix", head + shown)]
        worst = wrong[np.argsort(scores[wrong, labels[wrong]] - scores[wrong, said[wrong]], kind="stable")][:self.mistakes]
        if len(worst):
            entries = [(thumb, [(f"{names[said[i]]} ({scores[i, said[i]]:.1%})", "wrong"), (f"{names[labels[i]]} ({scores[i, labels[i]]:.1%})", "right"),
                                (f"sample {i}", "note")]) for i, thumb in zip(worst, self._thumbnails(xs, worst))]
            told = '<p class="note">What the model said, in red, was furthest above what is true, in green; shares are its own.</p>'
            sections.append((f"The worst {len(worst)} of {len(wrong)} mistakes", told + page.cards(entries)))
        elif self.mistakes:
            sections.append(("Mistakes", "<p>None.</p>"))
        return sections

    def _regression(self, xs, predicted, truth):
        if truth.shape != predicted.shape and truth.size != predicted.size:
            return []
        truth, n = truth.reshape(predicted.shape).astype(np.float64), len(truth)
        off = np.abs(predicted.astype(np.float64) - truth).reshape(n, -1).mean(axis=1)
        flat = truth.size == n
        head = f"<p>Mean absolute error {np.mean(off):.4g}, median {np.median(off):.4g}, largest {np.max(off):.4g}, over {n:,} samples.</p>"
        if flat:
            step = max(1, n // 2000)                            # enough dots to see the cloud
            dots = [a.reshape(-1)[::step].tolist() for a in (truth, predicted)]
            head += scatter_chart(*dots, x_label="true", y_label="predicted", diagonal=True).markup()
        worst = np.argsort(-off, kind="stable")[:self.mistakes]
        entries = [(thumb, [(f"said {predicted.reshape(n, -1)[i, 0]:.4g}", "wrong"), (f"true {truth.reshape(n, -1)[i, 0]:.4g}", "right")] * flat
                    + [(f"off by {off[i]:.4g}", ""), (f"sample {i}", "note")]) for i, thumb in zip(worst, self._thumbnails(xs, worst))]
        return [("Predicted and true", head), (f"The worst {len(worst)} of {n}", page.cards(entries))][:2 if len(worst) else 1]

    @staticmethod
    def _thumbnails(xs, rows):
        """The input that looks most like an image, of each row."""
        best = max(xs, key=lambda a: (a.ndim == 4 or (a.ndim == 3 and min(a.shape[1:]) >= 8)))
        finite = best[rows][np.isfinite(best[rows])] if best.dtype.kind == "f" else best[rows]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if 0 <= low and high <= 1:
            low, high = 0.0, 1.0
        elif 0 <= low and 1 < high <= 255 and best.ndim >= 3:
            low, high = 0.0, 255.0
        return [page.thumbnail(best[i], low, high) for i in rows]
