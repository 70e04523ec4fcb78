"""ProgressBar."""
import os
import sys
import time

from pydl.callbacks import screen
from pydl.callbacks.base import Callback
from pydl.errors import one_of


def _per_step(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _clock(seconds):
    seconds = int(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60}:{seconds % 60:02d}" if seconds >= 60 else f"{seconds}s"


class ProgressBar(Callback):
    """Show how training, evaluation or prediction goes on.

    A terminal gets a bar, drawn anew at most ten times a second; a file, a pipe or a notebook one line an epoch.
    params["verbose"] decides: 0 nothing, 1 the bar (a line where there is no terminal), 2 a line an epoch, "auto" is 1.
    """

    WIDTH = 20
    INTERVAL = 0.1
    unit = "step"

    def __init__(self):
        super().__init__()
        self._in_fit = False
        self.begin(None, None)

    def set_params(self, params):
        super().set_params(params)
        verbose = self.params.get("verbose", "auto")
        self.verbose = one_of("fit", "verbose", int(verbose) if isinstance(verbose, bool) else verbose, ("auto", 0, 1, 2))
        try:
            terminal = sys.stdout is not None and sys.stdout.isatty()
        except ValueError:      # closed
            terminal = False
        self._live = terminal and self.verbose in ("auto", 1)

    def wants(self, hook):
        if "batch" in hook:
            return hook.endswith("end") and self.verbose != 0 and super().wants(hook)
        return self.verbose != 0 and super().wants(hook)

    def begin(self, steps, label=None):
        """Start counting to `steps`; label: what stands before the line of a run without a terminal."""
        self._steps, self._label = steps, label
        self._done = self._width = 0
        self._elapsed = 0.0
        self._started = self._drawn = time.monotonic()

    def step(self, done, logs):
        """So many steps are done: draw, if it is time to."""
        self._done = done
        now = time.monotonic()
        self._elapsed = now - self._started
        if self._live and now - self._drawn >= self.INTERVAL:
            self._drawn = now
            self._draw(logs)

    def _draw(self, logs):
        """Draw the bar over the one before, no wider than the terminal: a line that wraps could not be drawn over."""
        try:
            columns = os.get_terminal_size(sys.stdout.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            columns = 80
        line = f"{self._done}/Unknown"
        if self._steps:
            width = max(min(self.WIDTH, columns - 30), 5)
            filled = width * self._done // self._steps
            bar = ("=" * filled + ">" + "." * width)[:width]
            left = self._elapsed / self._done * (self._steps - self._done)
            line = f"{self._done:{len(str(self._steps))}d}/{self._steps} [{bar}] - ETA: {_clock(left)}"
        for value in self._values(logs):
            if len(line) + len(value) < columns:
                line += value
        line = line[:columns - 1]
        screen.write("\r" + line.ljust(self._width))
        self._width = len(line)

    def end(self, logs):
        """Write the line that stays."""
        steps = self._done
        line = f"{steps}/{self._steps or steps}"
        if self._live:
            line += f" [{'=' * self.WIDTH}]"
        if steps:
            line += f" - {_clock(self._elapsed)} {_per_step(self._elapsed / steps)}/{self.unit}"
        line += "".join(self._values(logs))
        if self._live:
            screen.write(("\r" if screen.is_open_line() else "") + line.ljust(self._width) + "\n")
        else:
            screen.write(f"{self._label} - {line}\n" if self._label else f"{line}\n")

    @staticmethod
    def _values(logs):
        numbers = [(name, value) for name, value in (logs or {}).items() if isinstance(value, (int, float, list))]
        return [f" - {name}: {screen.number(value)}" for name, value in numbers]

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        self._in_fit = False

    def on_epoch_begin(self, epoch, logs=None):
        self.begin(self.params.get("steps"), f"Epoch {epoch + 1}/{self.params.get('epochs', '?')}")
        if self._live:
            screen.write(self._label + "\n")

    def on_train_batch_end(self, batch, logs=None):
        self.step(batch + 1, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.end(logs)

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self.begin(self.params.get("steps"), None)

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self.step(batch + 1, logs)

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self.end(logs)

    def on_predict_begin(self, logs=None):
        self.begin(self.params.get("steps"), None)

    def on_predict_batch_end(self, batch, logs=None):
        self.step(batch + 1, None)

    def on_predict_end(self, logs=None):
        self.end(None)
