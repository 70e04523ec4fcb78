"""Charts: scales with round numbers, axes, lines and dots on a Drawing."""
import math

from pydl.pictures.svg import COLOURS, FAINT, INK, RULE, Drawing, clipped, text_width


def tick_text(value):
    """A number as an axis shows it: 0.001, 25, 1e-05, 3M."""
    size = abs(value)
    if size >= 1e6 and size < 1e9 and value % 1e5 == 0:
        return f"{value / 1e6:g}M"
    return f"{value:.4g}"


class Scale:
    """Where a value lies between two ends, 0..1, and which values get a tick: [(value, text)]."""

    def __init__(self, low, high, ticks, log=False):
        self.low, self.high, self.ticks, self.log = low, high, ticks, log

    def position(self, value):
        """0 at the low end, 1 at the high one."""
        if self.log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return (value - self.low) / (self.high - self.low)


def linear_scale(values, ticks=5):
    """A Scale around finite values, its ticks 1, 2 or 5 times a power of ten apart."""
    values = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(values), max(values)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        pad = 0.5 * abs(low) or 0.5
        low, high = low - pad, high + pad
    rough = high / ticks - low / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, last * step, [(i * step, tick_text(0.0 if i == 0 else i * step)) for i in range(first, last + 1)])


def integer_scale(low, high, ticks=6):
    """A Scale of whole numbers: epochs."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
        return Scale(low, high, [(round(low + 0.5), tick_text(round(low + 0.5)))])
    step = 1
    while (high - low) / step > ticks:
        step = {1: 2, 2: 5, 5: 10}[int(str(step)[0])] * step // int(str(step)[0])
    return Scale(low, high, [(v, tick_text(v)) for v in range(math.ceil(low / step) * step, math.floor(high) + 1, step)])


def log_scale(values):
    """A Scale of positive values by their logarithm; values that are not positive count for nothing."""
    values = [v for v in values if math.isfinite(v) and v > 0] or [0.1, 1.0]
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    if high == low:
        high += 1
    step = max(1, math.ceil((high - low) / 6))
    ticks = [(10.0 ** e, tick_text(10.0 ** e)) for e in range(low, high + 1, step)]
    if high - low == 1:
        ticks = [(m * 10.0 ** low, tick_text(m * 10.0 ** low)) for m in (1, 2, 5, 10)]
    return Scale(10.0 ** low, 10.0 ** high, ticks, log=True)


class Axes:
    """A field of a Drawing, at (left, top), with a horizontal and a vertical Scale."""

    def __init__(self, drawing, left, top, width, height, x, y):
        self.drawing, self.left, self.top, self.width, self.height, self.x, self.y = drawing, left, top, width, height, x, y

    def at(self, x, y):
        """The point of the picture where (x, y) lies; values outside are brought to the edge."""
        across, up = (min(1.0, max(0.0, scale.position(value))) for scale, value in ((self.x, x), (self.y, y)))
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def frame(self, title="", x_label="", y_label=""):
        """Draw the rules, the ticks and what the axes are."""
        d, bottom = self.drawing, self.top + self.height
        for value, text in self.y.ticks:
            y = self.at(self.x.low, value)[1]
            d.line(self.left, y, self.left + self.width, y)
            d.text(self.left - 6, y + 4, text, size=11, fill=FAINT, anchor="end")
        reached = -math.inf
        for value, text in sorted(self.x.ticks, key=lambda tick: self.x.position(tick[0])):
            x = self.at(value, self.y.low)[0]
            d.line(x, bottom, x, bottom + 4, stroke=FAINT)
            half = text_width(text, 11) / 2
            if x - half > reached:                           # a text that would touch its neighbour is left out
                d.text(x, bottom + 16, text, size=11, fill=FAINT, anchor="middle")
                reached = x + half + 4
        d.line(self.left, bottom, self.left + self.width, bottom, stroke=FAINT)
        if title:
            d.text(self.left, self.top - 12, clipped(title, self.width, 13), size=13, weight="bold")
        if x_label:
            d.text(self.left + self.width / 2, bottom + 32, clipped(x_label, self.width, 11), size=11, fill=FAINT, anchor="middle")
        if y_label:
            x, y = self.left - 44, self.top + self.height / 2
            d.text(x, y, clipped(y_label, self.height, 11), size=11, fill=FAINT, anchor="middle", transform=f"rotate(-90 {x:.2f} {y:.2f})")

    def line(self, xs, ys, colour=COLOURS[0], width=1.8, dash=None, tip=None):
        """Draw a line through points; it is broken where a value is missing, not finite, or not positive on a log scale."""
        runs = [[]]
        for x, y in zip(xs, ys):
            if y is None or not math.isfinite(y) or (self.y.log and y <= 0):
                runs.append([])
            else:
                runs[-1].append(self.at(x, y))
        for run in filter(None, runs):
            if len(run) == 1:
                self.drawing.circle(*run[0], 2.5, fill=colour, tip=tip)
            else:
                self.drawing.polyline(run, stroke=colour, width=width, stroke_dasharray=dash, tip=tip)

    def dot(self, x, y, colour=COLOURS[0], radius=4, tip=None, opacity=None):
        """Draw a point."""
        self.drawing.circle(*self.at(x, y), radius, fill=colour, fill_opacity=opacity, tip=tip)

    def legend(self, rows):
        """Name lines above the field, at its right end: the rows of `legend_rows`."""
        for k, row in enumerate(rows):
            x, y = self.left + self.width - sum(w for *_, w in row), self.top - 12 - LEGEND * (len(rows) - 1 - k)
            for name, colour, dash, w in row:
                self.drawing.line(x, y - 4, x + 18, y - 4, stroke=colour, width=2.2, stroke_dasharray=dash)
                self.drawing.text(x + 23, y, name, size=11, fill=INK)
                x += w


LEGEND = 16             # the height of a row of names
DASHES = (None, "6 3", "2 3")


def legend_rows(entries, width):
    """Lay entries (name, colour, dash) out in rows [(name, colour, dash, width)] that are not wider than `width`."""
    rows, used = [[]], 0.0
    for name, colour, dash in entries:
        name = clipped(name, min(150, width - 30), 11)
        w = text_width(name, 11) + 30
        if used + w > width and rows[-1]:
            rows.append([])
            used = 0.0
        rows[-1].append((name, colour, dash, w))
        used += w
    return rows


def line_chart(series, title="", x_label="", y_label="", log_y=False, whole_x=False, width=520, height=300):
    """Return a Drawing of lines over a common axis.

    Args:      series: [(name, xs, ys)], or (name, xs, ys, dash); values that are None or not finite leave a gap.
               log_y: the vertical axis by its logarithm.    whole_x: ticks at whole numbers only.
    Example:
        >>> from pydl.pictures.chart import line_chart
        >>> line_chart([("loss", [1, 2, 3], [0.9, 0.5, 0.4])], title="Training").markup().startswith("<svg")
        True
    """
    xs = [x for entry in series for x in entry[1]] or [0, 1]
    ys = [y for entry in series for y in entry[2] if y is not None]
    # after the last colour the first comes again, dashed
    styles = [(name, COLOURS[i % len(COLOURS)], dash[0] if dash else DASHES[i // len(COLOURS) % len(DASHES)]) for i, (name, _, _, *dash) in enumerate(series)]
    names = legend_rows(styles, width - 82)
    top, more = 56 if title else 34, LEGEND * (len(names) - 1)
    drawing = Drawing(width, height + more, title)
    x = integer_scale(min(xs), max(xs)) if whole_x else linear_scale(xs)
    axes = Axes(drawing, 62, top + more, width - 82, height - top - 48, x, log_scale(ys) if log_y else linear_scale(ys))
    axes.frame("", x_label, y_label)
    if title:
        drawing.text(62, 22, clipped(title, width - 80, 14), size=14, weight="bold")
    for (name, at, values, *_), (_, colour, dash) in zip(series, styles):
        axes.line(at, values, colour, dash=dash, tip=name)
    axes.legend(names)
    if not any(math.isfinite(y) for y in ys):
        drawing.text(axes.left + axes.width / 2, axes.top + axes.height / 2, "no finite value", fill=FAINT, anchor="middle")
    return drawing


def scatter_chart(xs, ys, title="", x_label="", y_label="", diagonal=False, width=420, height=380):
    """Return a Drawing of points; `diagonal` adds the line y = x, on equal axes."""
    drawing = Drawing(width, height, title)
    both = [v for v in [*xs, *ys] if math.isfinite(v)] if diagonal else None
    x, y = linear_scale(both or xs), linear_scale(both or ys)
    axes = Axes(drawing, 62, 46, width - 82, height - 94, x, y)
    axes.frame(title, x_label, y_label)
    if diagonal:
        axes.line([x.low, x.high], [y.low, y.high], RULE, dash="5 4")
    for a, b in zip(xs, ys):
        if math.isfinite(a) and math.isfinite(b):
            axes.dot(a, b, radius=3, opacity=0.55)
    return drawing
