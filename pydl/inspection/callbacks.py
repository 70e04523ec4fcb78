"""LayerWatch: `inspect_model` after epochs, while training runs."""
from pydl.callbacks import Callback, say
from pydl.errors import one_of, positive_int, zero_or_one
from pydl.inspection.statistics import inspect_model
from pydl.pictures.chart import line_chart

CHARTS = {"std": "standard deviation of the outputs", "gradient_norm": "norm of the gradient by the outputs",
          "update_ratio": "norm of a step / norm of the weights", "zeros": "share of outputs that are 0", "weight_norm": "norm of the weights"}


class LayerWatch(Callback):
    """Inspect the layers on one batch before training and after every so many epochs; say what is wrong when it is first seen.

    history is a list of (epoch, Inspection), the first with epoch 0, before training.  Training itself is not touched: see `inspect_model`.

    Args:      x, y: a batch, of the training data or held out.
               freq: epochs from one inspection to the next.
               verbose: 1 to say findings, 0 to keep them for `history`.
    Example:
        >>> import numpy as np, pydl
        >>> model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(8, activation="relu"), pydl.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> watch = pydl.inspection.LayerWatch(np.ones((5, 4)), np.ones((5, 1)))
        >>> history = model.fit(np.ones((5, 4)), np.ones((5, 1)), epochs=3, verbose=0, callbacks=[watch])
        >>> [epoch for epoch, _ in watch.history]
        [0, 1, 2, 3]
    """

    def __init__(self, x, y, freq=1, verbose=1):
        super().__init__()
        self.x, self.y = x, y
        self.freq, self.verbose = positive_int("LayerWatch", "freq", freq), zero_or_one("LayerWatch", "verbose", verbose)
        self.history = []
        self._said = set()

    def on_train_begin(self, logs=None):
        self.history, self._said = [], set()
        self._look(0)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.freq == 0:
            self._look(epoch + 1)

    def _look(self, epoch):
        inspection = inspect_model(self.model, self.x, self.y)
        self.history.append((epoch, inspection))
        for finding in inspection.findings:
            if self.verbose and (finding.kind, finding.layer) not in self._said:
                say(f"{'Before training' if epoch == 0 else f'Epoch {epoch}'}: {finding}")
            self._said.add((finding.kind, finding.layer))

    def plot(self, what="gradient_norm"):
        """Draw one statistic of every layer that has it, epoch by epoch.

        Args:      what: "std", "gradient_norm", "update_ratio", "zeros" or "weight_norm".
        Returns:   a Drawing; notebooks show it, `save(path)` writes SVG.
        """
        one_of("LayerWatch.plot", "what", what, tuple(CHARTS))
        names = list(dict.fromkeys(r["name"] for _, seen in self.history for r in seen.rows if r[what] is not None))
        series = []
        for name in names:
            points = [(epoch, r[what]) for epoch, seen in self.history for r in seen.rows if r["name"] == name]
            series.append((name, [e for e, _ in points], [v for _, v in points]))
        by_log = what in ("std", "gradient_norm", "update_ratio")
        return line_chart(series, title=CHARTS[what], x_label="epoch", log_y=by_log, whole_x=True, width=640, height=360)
