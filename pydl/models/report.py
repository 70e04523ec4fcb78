"""What models print: the summary table and the profile."""
import time

import numpy as np

from pydl.backends import cpu as B
from pydl.errors import positive_int
from pydl.kernels._common import get_cpu_level, get_num_threads
from pydl.layers.symbol import InputLayer


def size_text(nbytes):
    """1536 -> '1.5 KiB'."""
    size = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024


def table(rows, header, right=()):
    """Lines of a table: columns as wide as their longest cell, those in `right` aligned to the right."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]

    def line(cells):
        return "  ".join(str(c).rjust(w) if i in right else str(c).ljust(w) for i, (c, w) in enumerate(zip(cells, widths))).rstrip()
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return [line(header), rule, *[line(row) for row in rows], rule]


SUMMARY = ("Layer", "Type", "Output shape", "Parameters")


def summary_rows(model):
    """A row a layer of a built model, as SUMMARY names the columns."""
    shapes = _output_shapes(model)
    return [(layer.name, type(layer).__name__, shapes.get(id(layer), "?"), f"{layer.count_params():,}") for layer in model.layers]


def parameters_line(model):
    """How many numbers a model has, and how many of them it learns."""
    trainable = sum(p.size for p in model.trainable_weights)
    return f"Parameters: {model.count_params():,} ({size_text(sum(p.array.nbytes for p in model.weights))}), of which trainable: {trainable:,}"


def arena_text(model, what, program):
    """The size of a step's arena, and how it comes about."""
    gradients = model.gradient_bytes.get(what)
    weights = f", of which gradients of weights: {size_text(gradients)}" if gradients else ""
    return f"{size_text(program.nbytes)}{weights}; its arrays without reuse: {size_text(program.requested)}"


def summary_lines(model, line_length=None):
    """The lines of `Model.summary`."""
    if not model.built:
        raise ValueError(f"{model.who}: the model is not built yet; start it with Input(shape), call it on data, or build(input_shape)")
    lines = [f"Model: {model.name}", *table(summary_rows(model), SUMMARY, right=(3,)), parameters_line(model)]
    for what, step in model.recorded_steps():
        lines.append(f"Arena of the {what}: {arena_text(model, what, step.program)}")
    if line_length:
        lines = [line[:line_length] for line in lines]
    return lines


def _output_shapes(model):
    """Output shape by layer id; of a shared layer, that of its first call."""
    shapes = {}
    for node in getattr(model, "nodes", ()):
        if not isinstance(node.layer, InputLayer) and id(node.layer) not in shapes:
            shapes[id(node.layer)] = str(node.layer.compute_output_shape(
                node.args[0].shape if hasattr(node.args[0], "shape") else [s.shape for s in node.args[0]]))
    if not shapes and getattr(model, "input_shape", None) is not None:
        shape = model.input_shape
        for layer in model.layers:
            shape = layer.compute_output_shape(shape)
            shapes[id(layer)] = str(shape)
    return shapes


_peaks = {}


def machine_peaks():
    """(FLOP/s, bytes/s) this machine reaches here and now: multiply-adds in registers, a sum of arrays larger than any cache."""
    key = (get_cpu_level(), get_num_threads())
    if key not in _peaks:
        big = [B.owned((1 << 24,)) for _ in range(3)]
        _peaks[key] = (arithmetic_peak(), 3.0 * big[0].nbytes / _fastest(lambda: B.add(*big), 4))
    return _peaks[key]


def arithmetic_peak():
    """FLOP/s of multiply-adds in registers, measured now."""
    total, done = B.owned(()), B.owned((), "float64")
    seconds = _fastest(lambda: B.multiply_add_peak(100_000, total, done), 10)
    return done.item() / seconds


def _fastest(work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def profiled(model, x, y, repeats):
    """(rows, header) of `Model.profile`."""
    who = f"{model.who}: profile"
    positive_int(who, "repeats", repeats)
    if y is None:
        parts, kind = [model._checked_inputs(who, x), [], []], "predict"
    else:
        model._need_compiled("profile")
        batch = model._checked_data(who, x, y, None)
        batch.check_targets(model, who)
        model.optimizer.build(model.trainable_weights)
        parts, kind = batch.parts, "train"
    step = model._step(kind, *parts)
    for _ in range(3):
        model.run_batch(step, [a for part in parts for a in part if a is not None])
    if step.program is None:
        raise RuntimeError(f"{who}: this step cannot be replayed, so it has no profile: {step.reason}")
    with step.lock:
        rows, wall = profile_rows(step.program, repeats)
    what = f"{kind} step, batch {len(parts[0][0])}"
    return rows, {"what": f"{model.who}: {what}", "wall": wall, "threads": get_num_threads(), "level": get_cpu_level(),
                  "arena": arena_text(model, what, step.program)}


def profile_rows(program, repeats):
    """One dict a kernel call, with mean seconds; and the wall-clock seconds of one replay."""
    program.profile(max(1, repeats // 10))                       # warm up
    seconds = np.array(program.profile(repeats)) / repeats
    start = time.perf_counter()
    for _ in range(repeats):
        program.run()
    wall = (time.perf_counter() - start) / repeats
    flop_peak, byte_peak = machine_peaks()
    rows = []
    for (kernel, shape, flops, moved), s in zip(program.calls, seconds.tolist()):
        limit = max(flops / flop_peak, moved / byte_peak)
        rows.append({"kernel": kernel, "shape": shape, "flops": flops, "bytes": moved, "seconds": s, "share": limit / s if s > 0 else 0.0})
    return rows, wall


def profile_lines(rows, header):
    """The lines of `Model.profile`."""
    total = sum(r["seconds"] for r in rows)
    body = [(r["kernel"], "x".join(map(str, r["shape"])) if r["shape"] else "", f"{r['flops'] / 1e6:.3f}", f"{r['bytes'] / 1e6:.3f}",
             f"{r['seconds'] * 1e3:.4f}", f"{100 * r['seconds'] / total if total else 0:.1f}", f"{100 * r['share']:.0f}") for r in rows]
    lines = table(body, ("Kernel", "Output", "MFLOP", "MB", "ms", "% of step", "% of peak"), right=(2, 3, 4, 5, 6))
    flop_peak, byte_peak = machine_peaks()
    return [f"Profile of {header['what']}, {header['threads']} threads, {header['level']}", *lines,
            f"Kernels: {total * 1e3:.4f} ms; a replayed step: {header['wall'] * 1e3:.4f} ms; outside kernels: {(header['wall'] - total) * 1e6:.1f} us",
            f"Arena: {header['arena']}",
            f"Peak measured here: {flop_peak / 1e9:.0f} GFLOP/s, {byte_peak / 1e9:.1f} GB/s"]
