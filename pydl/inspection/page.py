"""The HTML of a training report: one file, no script, nothing fetched; every string from outside is escaped."""
import base64

import numpy as np

from pydl.data.png import encode_png
from pydl.pictures.svg import escape

# the browser itself is told to fetch nothing, whatever a name of a class might try
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 Helvetica, Arial, 'Liberation Sans', sans-serif; color: #1f2430; background: #f6f7f9; margin: 0; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 8px 0 2px; }
h2 { font-size: 19px; margin: 0 0 12px; }
.sub { color: #6b7280; margin: 0 0 20px; }
section { background: #fff; border: 1px solid #e3e6eb; border-radius: 8px; padding: 18px 20px; margin: 0 0 18px; overflow-x: auto; }
.row { display: flex; flex-wrap: wrap; gap: 14px; }
.row > svg { flex: 0 1 auto; max-width: 100%; height: auto; }
.fact { border: 1px solid #e3e6eb; border-radius: 8px; padding: 10px 16px; min-width: 110px; }
.fact b { display: block; font-size: 21px; }
.fact span, .note { color: #6b7280; font-size: 13px; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid #eceef2; white-space: nowrap; }
th { color: #6b7280; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
table.matrix { border-collapse: separate; border-spacing: 2px; font-size: 13px; }
table.matrix td, table.matrix th { border: 0; padding: 5px 8px; text-align: center; min-width: 26px; }
table.matrix th.r { text-align: right; }
li { margin: 0 0 6px; }
.card { width: 132px; font-size: 13px; }
.card img, .card pre { width: 128px; background: #eef0f3; border: 1px solid #d5d9e0; display: block; }
.card img { height: 128px; object-fit: contain; image-rendering: pixelated; }
.card pre { max-height: 128px; margin: 0; padding: 4px; box-sizing: border-box; overflow: hidden; font-size: 11px; white-space: pre-wrap; }
.card p { margin: 2px 0 0; overflow-wrap: anywhere; }
.wrong { color: #b42318; font-weight: 600; }
.right { color: #1e7a44; font-weight: 600; }
summary { cursor: pointer; color: #3b5bdb; }
"""


def page(title, subtitle, sections):
    """The whole document; sections are [(heading, HTML)]."""
    body = "\n".join(f"<section><h2>{escape(heading)}</h2>\n{inside}\n</section>" for heading, inside in sections)
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">\n'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
            f'<body><main><h1>{escape(title)}</h1><p class="sub">{escape(subtitle)}</p>\n{body}\n</main></body></html>\n')


def facts(pairs):
    """Numbers in large, [(value, what it is)]."""
    return '<div class="row">' + "".join(f'<div class="fact"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in pairs) + "</div>"


def html_table(header, rows, right=()):
    """A table of texts; the columns in `right` hold numbers."""
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}{' class=n' if i in right else ''}>{escape(c)}</{tag}>" for i, c in enumerate(cells)) + "</tr>"
    return "<table>" + line("th", header) + "".join(line("td", row) for row in rows) + "</table>"


def bullets(sentences):
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in sentences) + "</ul>"


def folded(summary, inside):
    """HTML behind a line to click on."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def matrix(counts, names):
    """A confusion matrix, rows true and columns predicted, each cell tinted by its share of the row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = "<tr><th></th>" + "".join(f"<th>{escape(n)}</th>" for n in names) + "<th class=note>recall</th></tr>"
    lines = []
    for i, name in enumerate(names):
        cells = []
        for j, count in enumerate(counts[i]):
            tint = (0, 114, 178) if i == j else (213, 94, 0)
            strength = float(share[i, j]) ** 0.6
            ink = "#fff" if strength > 0.6 else "#1f2430" if count else "#c0c5cd"
            cells.append(f'<td style="background:rgba({tint[0]},{tint[1]},{tint[2]},{strength:.3f});color:{ink}" '
                         f'title="{escape(name)} taken for {escape(names[j])}: {count}">{count}</td>')
        lines.append(f"<tr><th class=r>{escape(name)}</th>{''.join(cells)}<td class=note>{share[i, i]:.1%}</td></tr>")
    precision = "".join(f"<td class=note>{counts[j, j] / max(1, counts[:, j].sum()):.1%}</td>" for j in range(len(names)))
    return (f'<p class="note">Rows are true classes, columns what the model said; tints are shares of the row.</p><table class="matrix">{head}{"".join(lines)}'
            f"<tr><th class='r note'>precision</th>{precision}<td></td></tr></table>")


def thumbnail(sample, low, high):
    """HTML that shows one input: an image as PNG inside the page, anything else as its first numbers."""
    if sample.ndim == 2 or (sample.ndim == 3 and sample.shape[-1] in (1, 2, 3, 4)):
        if min(sample.shape[:2]) >= 4:
            step = max(1, max(sample.shape[:2]) // 128)
            pixels = np.nan_to_num(sample[::step, ::step].astype(np.float64), posinf=high, neginf=low)
            if sample.ndim == 3 and sample.shape[-1] in (2, 4):
                pixels = pixels[..., :1] if sample.shape[-1] == 2 else pixels[..., :3]
            pixels = np.clip((pixels - low) / (high - low or 1.0), 0, 1)
            return f'<img alt="" src="data:image/png;base64,{base64.b64encode(encode_png(pixels)).decode()}">'
    flat = sample.ravel()
    text = ", ".join(f"{v:.4g}" for v in flat[:24].tolist()) + (", …" if flat.size > 24 else "")
    return f"<pre>{escape(text)}</pre>"


def cards(entries):
    """Thumbnails [(HTML, [lines of (text, class or "")])] beside each other."""
    def line(text, kind):
        return f'<p class="{kind}">{escape(text)}</p>'
    drawn = [f'<div class="card">{shown}{"".join(line(*entry) for entry in lines)}</div>' for shown, lines in entries]
    return f'<div class="row">{"".join(drawn)}</div>'
