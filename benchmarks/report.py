"""What peers.py prints and writes: a line, a Markdown table, a picture."""
import math
from html import escape
from pathlib import Path

from turns import gain

MARKS = "<!-- peers: python benchmarks/peers.py --readme -->", "<!-- /peers -->"
PASS = {"forward": "forward", "both": "forward and gradients", "step": "step"}
COLOURS = ("#1f6f8b", "#99c1d6", "#d9a441", "#8d5a97")


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown CPU"


def gains(result):
    """{library: its time / time of pydl} of the other libraries; NumPy stands apart, it is the yardstick of another kind."""
    return {name: gain(result["rounds"]["pydl"], each) for name, each in result["rounds"].items() if name not in ("pydl", "NumPy")}


def ratio(result):
    """Time of the best other library / time of pydl; None where pydl is alone."""
    return min(gains(result).values(), default=None)


def best(result):
    found = gains(result)
    return min(found, key=found.get, default="-")


def span(seconds):
    """Three digits and a unit."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            value = seconds * factor
            return f"{value:.{max(0, 2 - int(math.log10(max(value, 1))))}f} {unit}"


def line(result):
    """One result on one line."""
    times = ", ".join(f"{name} {span(s)}" for name, s in result["seconds"].items())
    times_best = ratio(result)
    verdict = "" if times_best is None else f"{times_best:6.2f} x {best(result)} (goal {result['goal']})"
    return f"{result['row'] + ', ' + PASS[result['pass']]:<58} {verdict:<38} {100 * result['limit'] / result['seconds']['pydl']:4.0f} %   {times}"


def verdict(results):
    """How many rows reach their goals."""
    judged = [r for r in results if ratio(r) is not None]
    reached = [r for r in judged if ratio(r) >= r["goal"]]
    ahead = [r for r in judged if ratio(r) >= 1]
    return f"{len(judged)} rows: {len(ahead)} ahead of every other library, {len(reached)} at their goals"


def grouped(results):
    """{(row, pass): {threads: result}} in order."""
    found = {}
    for r in results:
        found.setdefault((r["row"], r["pass"]), {})[r["threads"]] = r
    return found


def markdown(results, machine):
    counts = sorted({r["threads"] for r in results})
    header = ["", *(f"pydl, {t} thr." for t in counts), *(f"best other / pydl, {t} thr." for t in counts), "NumPy / pydl", "% of limit"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * (3 + 2 * len(counts))]
    for (row, key), by_threads in grouped(results).items():
        first = by_threads[counts[0]]
        cells = [f"{row}, {PASS[key]}", *(span(by_threads[t]["seconds"]["pydl"]) for t in counts)]
        for t in counts:
            times_best = ratio(by_threads[t])
            bold = "**" if times_best and times_best >= 1 else ""
            cells.append("" if times_best is None else f"{bold}{times_best:.2f}{bold} {best(by_threads[t])}")
        plain = first["rounds"].get("NumPy")
        cells += ["" if plain is None else f"{gain(first['rounds']['pydl'], plain):.1f}", f"{100 * first['limit'] / first['seconds']['pydl']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    versions = next(iter(machine["limits"].values()))["versions"]
    limits = "; ".join(f"{t} thread(s) {found['flops'] / 1e9:.0f} GFLOP/s, {max(found['bandwidth'].values()) / 1e9:.0f} GB/s in cache, "
                       f"{found['bandwidth'][max(found['bandwidth'])] / 1e9:.0f} in memory" for t, found in machine["limits"].items())
    settings = ", ".join(f"{k}={v}" for k, v in machine["environment"].items()) or "no variable of theirs set"
    repeated = " and ".join(f"{found['repeated']} with {t}" for t, found in machine["limits"].items())
    said = [f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['date']}; {settings}. Limits in the same run: {limits}.",
            f"Turns repeated because the CPUs gave less than their arithmetic before or after: {repeated} thread(s).",
            "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    return "\n".join([*lines, "", *said, ""])


def bars(results):
    """An SVG: how many times faster than the best other library, a bar for each number of threads, on a logarithmic scale."""
    rows = {key: found for key, found in grouped(results).items() if all(ratio(r) is not None for r in found.values())}
    counts = sorted({r["threads"] for r in results})
    left, width, thick, top = 390, 520, 9, 46
    pitch = thick * len(counts) + 8
    most = max([2.0, *(ratio(r) for found in rows.values() for r in found.values())])
    least = min([0.8, *(ratio(r) for found in rows.values() for r in found.values())])

    def at(x):
        return left + width * math.log(x / least) / math.log(most / least)
    height = top + pitch * len(rows) + 12
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>', '<text x="10" y="16" font-size="13">Time of the best other library / time of pydl</text>']
    for i, t in enumerate(counts):
        out.append(f'<rect x="{left + 90 * i}" y="8" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/><text x="{left + 14 + 90 * i}" y="17">'
                   f'{t} thread{"s" if t > 1 else ""}</text>')
    for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64):
        if least <= tick <= most:
            out.append(f'<line x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{top - 8}" y2="{height - 10}" stroke="{"#333" if tick == 1 else "#ddd"}"/>'
                       f'<text x="{at(tick):.1f}" y="{top - 12}" text-anchor="middle">{tick:g} x</text>')
    for n, ((row, key), found) in enumerate(rows.items()):
        y = top + n * pitch
        out.append(f'<text x="{left - 8}" y="{y + pitch / 2 + 1:.1f}" text-anchor="end">{escape(row)}, {PASS[key]}</text>')
        for i, t in enumerate(counts):
            times_best = ratio(found[t])
            a, b = sorted((at(1), at(times_best)))
            out.append(f'<rect x="{a:.1f}" y="{y + i * thick}" width="{max(b - a, 1):.1f}" height="{thick - 1}" fill="{COLOURS[i % len(COLOURS)]}"/>'
                       f'<text x="{max(b, at(1)) + 4:.1f}" y="{y + i * thick + 8}" font-size="9">{times_best:.2f}</text>')
    return "\n".join([*out, "</svg>", ""])


def into_readme(path, results, machine):
    """Replace what stands between the marks."""
    text = path.read_text()
    start, end = (text.find(mark) for mark in MARKS)
    if start < 0 or end < start:
        raise SystemExit(f"{path}: the marks {MARKS[0]} and {MARKS[1]} are missing")
    path.write_text(text[:start] + MARKS[0] + "\n" + markdown(results, machine) + text[end:])
