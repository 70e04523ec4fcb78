"""Drawing: an SVG picture, element by element, whatever strings it is given."""
import math
import os

from pydl.errors import FormatError, in_range, show, string
from pydl.files import write_atomically

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK, FAINT, PAPER, RULE = "#1f2430", "#6b7280", "#ffffff", "#d5d9e0"
# told apart by those who do not tell red from green, too (after Okabe and Ito 2008)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3fbf", "#5c5c5c")
NARROW, WIDE = frozenset("ijltfI.,:;'|!()[]{} /\\\"r-"), frozenset("mwMW@%—…×→")


def escape(text):
    """Return a text as XML and HTML show it literally; control characters, which XML has no way to write, become U+FFFD."""
    text = "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\x7f\ufffe\uffff" or c in "\t\n" else "\ufffd" for c in str(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")


def text_width(text, size=12):
    """Estimate how wide a text is in the sans-serif at hand, rather too wide than too narrow."""
    return size * sum(0.31 if c in NARROW else 0.9 if c in WIDE else 0.7 if c.isupper() or ord(c) > 0x2fff else 0.58 for c in text)


def clipped(text, width, size=12):
    """Return the text, with an ellipsis where it would be wider than `width`."""
    text = str(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def written(number):
    """A coordinate: two decimals are finer than any screen."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Drawing:
    """An SVG picture of width x height units, made by its methods in the order of painting.

    Notebooks show it by themselves; `save(path)` writes a file, whole or not at all; `markup()` is the text.

    Args:      width, height: positive.    title: told by screen readers and shown as a tooltip.
    Example:
        >>> from pydl.pictures.svg import Drawing
        >>> picture = Drawing(40, 20)
        >>> picture.text(4, 14, "a < b")
        >>> "a &lt; b" in picture.markup()
        True
    """

    def __init__(self, width, height, title="", background=PAPER):
        self.width = in_range("Drawing", "width", width, 0, low_open=True)
        self.height = in_range("Drawing", "height", height, 0, low_open=True)
        self.title, self.background, self._parts = title, background, []

    def element(self, tag, content=None, tip=None, **attributes):
        """Add any element; `content` is text, `tip` its tooltip; numbers must be finite, and _ in a name stands for -."""
        fields = "".join(f' {name.rstrip("_").replace("_", "-")}="{self._value(name, value)}"' for name, value in attributes.items() if value is not None)
        inside = ("" if tip is None else f"<title>{escape(tip)}</title>") + ("" if content is None else escape(content))
        self._parts.append(f"<{tag}{fields}>{inside}</{tag}>" if inside else f"<{tag}{fields}/>")

    @staticmethod
    def _value(name, value):
        if isinstance(value, str):
            return escape(value)
        if not math.isfinite(value):
            raise ValueError(f"Drawing: {name} must be finite, got {show(value)}")
        return written(value)

    def rect(self, x, y, width, height, fill="none", stroke=None, radius=None, **more):
        """Add a rectangle."""
        self.element("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), rx=radius, fill=fill, stroke=stroke, **more)

    def line(self, x1, y1, x2, y2, stroke=RULE, width=1, **more):
        """Add a straight line."""
        self.element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **more)

    def polyline(self, points, stroke=INK, width=1.6, **more):
        """Add a line through points [(x, y)]."""
        self.path("M" + "L".join(f"{written(x)} {written(y)}" for x, y in points), stroke=stroke, width=width, stroke_linejoin="round", **more)

    def path(self, commands, stroke=INK, width=1.2, fill="none", **more):
        """Add a path of SVG commands, "M0 0L10 10"."""
        self.element("path", d=commands, fill=fill, stroke=stroke, stroke_width=width, **more)

    def circle(self, x, y, radius, fill=INK, **more):
        """Add a disc."""
        self.element("circle", cx=x, cy=y, r=radius, fill=fill, **more)

    def text(self, x, y, text, size=12, fill=INK, anchor=None, weight=None, **more):
        """Add a line of text; y is its baseline, anchor "middle" or "end" what x is."""
        self.element("text", content=text, x=x, y=y, font_size=size, fill=fill, text_anchor=anchor, font_weight=weight, **more)

    def markup(self):
        """Return the <svg> element, fit for a file and for the inside of a page."""
        size = f'viewBox="0 0 {written(self.width)} {written(self.height)}" width="{written(self.width)}" height="{written(self.height)}"'
        title = f"<title>{escape(self.title)}</title>" if self.title else ""
        ground = f'<rect width="100%" height="100%" fill="{escape(self.background)}"/>' if self.background else ""
        return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{escape(FONT)}" role="img">{title}{ground}\n'
                + "\n".join(self._parts) + "\n</svg>\n")

    def _repr_svg_(self):
        return self.markup()

    def save(self, path):
        """Write the picture to a file, whole or not at all."""
        write_atomically(path, [self.markup().encode("utf-8")])


def svg_path(who, name, value):
    """Return a file name that ends in .svg; the error says what to do for other formats."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{who}: {name} must be a path, got {show(value)}")
    path = string(who, name, os.fsdecode(os.fspath(value)))
    ending = os.path.splitext(path)[1].lower()
    if ending != ".svg":
        raise FormatError(f"{who}: {name} must end in .svg, got {show(path)}; pictures are written as SVG, which every browser shows and prints")
    return path
