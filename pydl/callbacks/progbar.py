"""Progbar: the progress bar for a loop of one's own."""
from pydl.callbacks.progress import ProgressBar
from pydl.errors import in_range, one_of, positive_int, show, string


class Progbar:
    """Show how a loop of your own goes on: a bar on a terminal, a line at its end elsewhere.

    Args:      target: how many steps there will be; None if nobody knows.
               width: of the bar, in characters.    interval: seconds at least from one drawing to the next.
               verbose: 0 nothing, 1 the bar, 2 the line at the end.
               stateful_metrics: names of values shown as they are; the others are averaged over the steps.
               stateless_metrics: instead, the names of those that are averaged.
               unit_name: what is counted.
    Raises:    ValueError or TypeError naming the argument.
    Example:
        >>> import pydl
        >>> bar = pydl.utils.Progbar(3, verbose=0)
        >>> for step in range(3):
        ...     bar.add(1, values=[("loss", 1.0 / (step + 1))])
    """

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, stateless_metrics=None, unit_name="step"):
        who = "Progbar"
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(f"{who}: give stateful_metrics or stateless_metrics, not both")
        self.target = None if target is None else positive_int(who, "target", target)
        self.stateful = None if stateless_metrics is not None else _names("stateful_metrics", stateful_metrics or ())
        self.stateless = None if stateless_metrics is None else _names("stateless_metrics", stateless_metrics)
        self._bar = ProgressBar()
        self._bar.set_params({"verbose": one_of(who, "verbose", int(verbose) if isinstance(verbose, bool) else verbose, (0, 1, 2))})
        self._bar.WIDTH, self._bar.INTERVAL = positive_int(who, "width", width), in_range(who, "interval", interval, 0)
        self._bar.unit = string(who, "unit_name", unit_name)
        self._bar.begin(self.target)
        self._seen, self._sums = 0, {}

    def update(self, current, values=None, finalize=None):
        """Say that `current` steps are done.

        Args:      values: pairs (name, value of the last step).
                   finalize: whether that was the last; by default where `current` reaches the target.  With True the values are
                       those of the whole, and shown as they are.
        """
        whole = finalize is True
        finalize = (self.target is not None and current >= self.target) if finalize is None else finalize
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0))
            averaged = name in self.stateless if self.stateless is not None else name not in self.stateful
            self._sums[name] = (total + float(value) * steps, count + steps) if averaged and not whole else (float(value), 1)
        self._seen = current
        if self._bar.verbose:
            logs = {name: total / count for name, (total, count) in self._sums.items()}
            self._bar.step(current, logs)
            if finalize:
                self._bar.end(logs)

    def add(self, n, values=None):
        """Say that n more steps are done."""
        self.update(self._seen + n, values)


def _names(what, value):
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"Progbar: {what} must be a list of names, got {show(value)}")
    return set(value)
