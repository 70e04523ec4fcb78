"""What a search found: trials, the best of them, tables and a picture."""
import csv
import io
import math
import os

from pydl.errors import show
from pydl.files import write_atomically
from pydl.models.report import table
from pydl.pictures.chart import Axes, Scale, integer_scale, linear_scale, log_scale
from pydl.pictures.svg import COLOURS, FAINT, Drawing, svg_path
from pydl.strategy.space import Choice, Integer

BEST, OTHERS, EDGE = COLOURS[1], COLOURS[0], 0.05


class TrialResult:
    """One trial: number, params (a dict), status, score, epochs, curve [(epochs, score)], seconds, extra (what else it returned), error.

    status is "done"; "stopped" where a later stage of successive halving went on without it; "failed" where it raised, or returned no
    finite number: error then says what happened, and score is None.
    """

    def __init__(self, number, params, round=0):
        self.number, self.params, self.round = number, params, round
        self.status, self.score, self.epochs, self.seconds, self.extra, self.error = "done", None, None, 0.0, {}, None
        self.curve = []

    def take(self, run):
        """Take over one evaluation, a dict of the journal."""
        self.score, self.epochs, self.error = run["score"], run["epochs"], run["error"]
        self.status = "failed" if run["error"] is not None else "done"
        self.seconds += run["seconds"]
        self.extra = {**self.extra, **run["extra"]}
        if run["score"] is not None:
            self.curve.append((run["epochs"], run["score"]))

    def __repr__(self):
        return f"<trial {self.number}: {self.status}, score {self.score}, {show(self.params, 160)}>"


def value_text(value):
    """A hyperparameter in a table: floats by their first digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class SearchResult:
    """Trials of a search.  `best` is the best of those that were trained longest; `print(result)` shows a table.

    Example:
        >>> from pydl import strategy
        >>> result = strategy.random_search(lambda trial: (trial["x"] - 2.0) ** 2, {"x": strategy.Linear(0.0, 5.0)}, trials=20, verbose=0)
        >>> abs(result.best.params["x"] - 2.0) < 0.5
        True
        >>> picture = result.plot("search.svg")
    """

    def __init__(self, trials, space, goal):
        self.trials, self.space, self.goal = trials, space, goal

    def ranked(self):
        """Return the trials that have a score, the best first: those trained longer before the others, ties by number."""
        sign = 1 if self.goal == "min" else -1
        return sorted((t for t in self.trials if t.score is not None), key=lambda t: (-(t.epochs or 0), sign * t.score, t.number))

    @property
    def best(self):
        """The best TrialResult; None while no trial has a score."""
        ranked = self.ranked()
        return ranked[0] if ranked else None

    def _columns(self):
        names, extras = [], []
        for trial in self.trials:
            names += [n for n in trial.params if n not in names]
            extras += [n for n in trial.extra if n not in extras]
        return names, extras

    def rows(self):
        """Return (header, rows) of all trials: the ranked ones, then the failed."""
        names, extras = self._columns()
        timed = any(t.epochs is not None for t in self.trials)
        own = ["trial", "status", "score", *(["epochs"] if timed else []), "seconds", "error"]
        header = [*own[:-1], *(f"{n} (given)" if n in own else n for n in names), *(f"{n} (found)" if n in own + names else n for n in extras), "error"]
        ranked = self.ranked()
        rows = []
        for t in ranked + [t for t in self.trials if t.score is None]:
            rows.append([t.number, t.status, t.score, *([t.epochs] if timed else []), t.seconds, *(t.params.get(n, "") for n in names),
                         *(t.extra.get(n, "") for n in extras), t.error or ""])
        return header, rows

    def table(self, limit=20):
        """Return the table as text: the best `limit` trials, and the failed among as many."""
        header, rows = self.rows()
        shown = rows[:limit]
        if not any(row[-1] for row in shown):
            header, shown = header[:-1], [row[:-1] for row in shown]
        body = [[f"{cell:.2f}" if name == "seconds" else "" if cell is None else value_text(cell)[:60] for name, cell in zip(header, row)] for row in shown]
        lines = table(body, header, right=tuple(i for i, name in enumerate(header) if name in ("trial", "score", "epochs", "seconds")))
        if len(rows) > limit:
            lines.append(f"... and {len(rows) - limit} more trials")
        return "\n".join(lines + self.hints())

    __str__ = table

    def __repr__(self):
        return f"<SearchResult of {len(self.trials)} trials, best {self.best!r}>"

    def hints(self):
        """Return what is worth a second look, as sentences: a best value at the edge of its range, trials that failed."""
        found = []
        if self.best is not None:
            for name, entry in self.space.ranges().items():
                value = self.best.params.get(name)
                if isinstance(entry, Choice) or not isinstance(value, (int, float)) or not entry.low <= value <= entry.high or entry.low == entry.high:
                    continue
                place = (value - entry.low) / (entry.high - entry.low) if isinstance(entry, Integer) else entry.position(value)
                if place < EDGE or place > 1 - EDGE:
                    end = "lower" if place < EDGE else "upper"
                    found.append(f"the best {name}, {value_text(value)}, lies at the {end} end of {entry!r}: search beyond it")
        failed = [t for t in self.trials if t.status == "failed"]
        if failed:
            found.append(f"{len(failed)} of {len(self.trials)} trials failed; trial {failed[0].number}: {failed[0].error.splitlines()[0][:160]}")
        return found

    def to_csv(self, path):
        """Write all trials as a CSV file, whole or not at all; numbers in full."""
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"to_csv: path must be a path, got {show(path)}")
        text = io.StringIO()
        header, rows = self.rows()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
        write_atomically(path, [text.getvalue().encode("utf-8")])

    def plot(self, to_file=None):
        """Draw the score against each hyperparameter, on its scale, the best trials in another colour; of halving, the curves too.

        Args:      to_file: where to, ending in .svg; None writes nothing.
        Returns:   the Drawing; notebooks show it.
        """
        path = None if to_file is None else svg_path("SearchResult.plot", "to_file", to_file)
        ranked = self.ranked()
        ranges = {n: r for n, r in self.space.ranges().items() if any(n in t.params for t in ranked)}
        curves = any(len(t.curve) > 1 for t in ranked)
        panels = (1 if curves else 0) + len(ranges)
        columns = min(3, max(1, panels))
        wide, high = 330, 270
        drawing = Drawing(columns * wide + 10, 40 + max(1, math.ceil(panels / columns)) * high, "Hyperparameter search")
        best = self.best
        failed = sum(t.status == "failed" for t in self.trials)
        drawing.text(16, 24, f"{len(self.trials)} trials" + (f", {failed} failed" if failed else "")
                     + (f"; best score {value_text(best.score)} by trial {best.number}" if best else ""), size=14, weight="bold")
        leaders = {t.number for t in ranked[:max(1, len(ranked) // 10)]}
        values = [score for t in ranked for _, score in t.curve] if curves else [t.score for t in ranked]
        spread = bool(values) and min(values) > 0 and max(values) > 100 * min(values)
        y = log_scale(values) if spread else linear_scale(values)

        def axes(i, x, title, x_label):
            made = Axes(drawing, 62 + i % columns * wide, 76 + i // columns * high, wide - 82, high - 94, x, y)
            made.frame(title, x_label, "score" if i % columns == 0 else "")
            return made
        if curves:
            epochs = [e for t in ranked for e, _ in t.curve]
            x = log_scale(epochs) if max(epochs) >= 8 * min(epochs) else integer_scale(min(epochs), max(epochs))
            field = axes(0, x, "score as training goes on", "epochs")
            for t in reversed(ranked):
                chosen = t.number in leaders
                field.line([e for e, _ in t.curve], [s for _, s in t.curve], BEST if chosen else FAINT, 2 if chosen else 1, tip=f"trial {t.number}")
        for i, (name, entry) in enumerate(ranges.items(), int(curves)):
            field = axes(i, Scale(0.0, 1.0, entry.ticks()), name, "")
            for t in reversed(ranked):
                if name in t.params:
                    try:
                        place = entry.position(t.params[name])
                    except (ValueError, StopIteration):          # the value is one of another branch that uses the name
                        continue
                    told = f"trial {t.number}: {value_text(t.score)}; " + ", ".join(f"{n}={value_text(v)}" for n, v in t.params.items())
                    chosen = t.number in leaders
                    field.dot(place, t.score, BEST if chosen else OTHERS, 5.5 if t is best else 3.5, told, 0.9 if chosen else 0.55)
        if path is not None:
            drawing.save(path)
        return drawing
