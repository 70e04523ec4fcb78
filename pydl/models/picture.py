"""plot_model: the graph of a model as an SVG picture."""
from pydl.errors import boolean, one_of, show
from pydl.layers.symbol import InputLayer
from pydl.models.model import Model
from pydl.models.sequential import Sequential
from pydl.pictures.graph import layered
from pydl.pictures.svg import FAINT, INK, PAPER, Drawing, clipped, svg_path, text_width, written

# what a box looks like, by a word of its class name; the first that fits
TINTS = (("Input", "#f3f4f6", "#9ca3af"), ("Conv", "#e3effb", "#3b7fc4"), ("Pool", "#dff3f1", "#2f9e8f"), ("Norm", "#eeeefc", "#7b74c9"),
         ("Dropout", "#f6f0e4", "#a98a4b"), ("Noise", "#f6f0e4", "#a98a4b"), ("Dense", "#fdeede", "#d9822b"), ("LSTM", "#e6f5e2", "#58a44a"),
         ("GRU", "#e6f5e2", "#58a44a"), ("RNN", "#e6f5e2", "#58a44a"), ("Bidirectional", "#e6f5e2", "#58a44a"), ("Attention", "#fbe6ef", "#c9598b"),
         ("Embedding", "#e6f5e2", "#58a44a"), ("Concatenate", "#fdf6d8", "#b8981d"), ("Add", "#fdf6d8", "#b8981d"), ("Multiply", "#fdf6d8", "#b8981d"),
         ("Average", "#fdf6d8", "#b8981d"), ("Subtract", "#fdf6d8", "#b8981d"), ("Dot", "#fdf6d8", "#b8981d"), ("Maximum", "#fdf6d8", "#b8981d"))
PLAIN = ("#f7f7f8", "#8a93a3")
LONGEST = 300           # of a line of text
MARGIN = 16


class Box:
    """One call of a layer: what it is told to show, and the calls it gets its inputs from."""

    def __init__(self, layer, sources, in_shapes, out_shapes, path, dtype=None):
        self.layer, self.sources, self.in_shapes, self.out_shapes, self.path, self.dtype = layer, sources, in_shapes, out_shapes, path, dtype
        self.call = None                    # (which, of how many) where a layer is called several times


def model_boxes(model, expand_nested=False):
    """The Boxes of a model in the order of their calls; those of nested models too, if expanded.

    Returns:   (boxes, whether the order of calls is known): it is not for a subclass with a `call` of its own.
    """
    boxes = []

    def call(layer, feeds, path):
        """Add a call; feeds are [(Box, shape)]; returns the feeds it makes."""
        if expand_nested and isinstance(layer, Model) and (hasattr(layer, "nodes") or isinstance(layer, Sequential)):
            return inside(layer, feeds, (*path, layer.name))
        shapes = [shape for _, shape in feeds]
        out = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
        several = isinstance(out, list) or (isinstance(out, tuple) and bool(out) and isinstance(out[0], (tuple, list)))
        outs = list(out.values()) if isinstance(out, dict) else list(out) if several else [out]
        boxes.append(Box(layer, [box for box, _ in feeds], shapes, outs, path, layer.dtype))
        return [(boxes[-1], shape) for shape in outs]

    def entrance(symbol, name, path):
        boxes.append(Box(InputLayer(symbol.shape[1:], dtype=symbol.dtype, name=name), [], [], [symbol.shape], path, symbol.dtype.name))
        return boxes[-1], symbol.shape

    def inside(part, feeds, path):
        if isinstance(part, Sequential):
            for layer in part.layers:
                feeds = call(layer, feeds, path)
            return feeds
        made = {part._key(symbol): feed for symbol, feed in zip(part.inputs, feeds)}
        for node in part.nodes:
            if not isinstance(node.layer, InputLayer) and (id(node), 0) not in made:
                for i, feed in enumerate(call(node.layer, [made[part._key(s)] for s in node.inputs], path)):
                    made.setdefault((id(node), i), feed)
        return [made[part._key(symbol)] for symbol in part.outputs]

    if hasattr(model, "nodes") or isinstance(model, Sequential):
        inside(model, [entrance(symbol, name, ()) for symbol, name in zip(model.inputs, model.input_names)], ())
    else:
        boxes = [Box(layer, [], [], [], (), layer.dtype) for layer in model.layers]
    calls = {}
    for box in boxes:
        calls.setdefault(id(box.layer), []).append(box)
    for several in calls.values():
        for i, box in enumerate(several if len(several) > 1 else ()):
            box.call = (i + 1, len(several))
    return boxes, hasattr(model, "nodes") or isinstance(model, Sequential)


def shape_lines(word, shapes, dtype):
    """Lines such as "in (None, 8)"; of many shapes the first three."""
    more = [f"{word}  … and {len(shapes) - 3} more"] if len(shapes) > 4 else []
    return [f"{word}  {tuple(shape)}{f' {dtype}' if dtype else ''}" for shape in (shapes[:3] if more else shapes)] + more


def plot_model(model, to_file="model.svg", show_shapes=False, show_dtype=False, show_layer_names=False, rankdir="TB", expand_nested=False,
               show_layer_activations=False, show_trainable=False):
    """Draw a model as a graph, layers from top to bottom, and write it as an SVG file; nothing needs to be installed.

    A box is one call of a layer: one that is shared stands in several boxes, each marked with which call it is.  Of a subclass
    with a `call` of its own only the layers are known: they stand in a column, without arrows.

    Args:      model: built: started with Input(shape), or called once.
               to_file: where to, ending in .svg; None writes nothing.
               show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what to tell of each layer.
               rankdir: "TB" from top to bottom, or "LR" from left to right.
               expand_nested: draw the layers of models inside the model, with the names of those in front, instead of one box each.
    Returns:   the Drawing; notebooks show it, `markup()` is its text.
    Raises:    ValueError if the model is not built; TypeError, ValueError naming the argument.
    Source:    the layout follows Sugiyama, Tagawa and Toda (1981).
    Example:
        >>> import pydl
        >>> model = pydl.Sequential([pydl.layers.Input((4,)), pydl.layers.Dense(3, name="hidden"), pydl.layers.Dense(1)])
        >>> picture = pydl.utils.plot_model(model, "net.svg", show_shapes=True, show_layer_names=True)
        >>> "hidden" in picture.markup() and "(None, 3)" in picture.markup()
        True
    """
    who = "plot_model"
    if not isinstance(model, Model):
        raise TypeError(f"{who}: model must be a Model, got {show(model)}")
    told = {name: boolean(who, name, value) for name, value in (
        ("show_shapes", show_shapes), ("show_dtype", show_dtype), ("show_layer_names", show_layer_names), ("expand_nested", expand_nested),
        ("show_layer_activations", show_layer_activations), ("show_trainable", show_trainable))}
    one_of(who, "rankdir", rankdir, ("TB", "LR"))
    path = None if to_file is None else svg_path(who, "to_file", to_file)
    if not model.built:
        raise ValueError(f"{who}: {model.who} is not built yet; start it with Input(shape), call it on data, or build(input_shape)")
    boxes, known = model_boxes(model, told["expand_nested"])
    picture = _drawn(model, boxes, known, told, rankdir == "LR")
    if path is not None:
        picture.save(path)
    return picture


def _text_of(box, told):
    """(heading, lines) of a box."""
    kind = "Input" if isinstance(box.layer, InputLayer) else type(box.layer).__name__
    lines = []
    if told["show_layer_names"] or kind == "Input":
        lines.append("/".join((*box.path, box.layer.name)))
    elif box.path:
        lines.append("/".join(box.path))
    if box.call is not None:
        lines.append(f"shared: call {box.call[0]} of {box.call[1]}" + ("" if told["show_layer_names"] else f" of '{box.layer.name}'"))
    activation = getattr(box.layer, "activation", None)
    if told["show_layer_activations"] and activation is not None:
        name = activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
        lines.append(f"activation: {name}")
    dtype = box.dtype if told["show_dtype"] else None
    if told["show_shapes"]:
        lines += shape_lines("in", box.in_shapes, None) + shape_lines("out", box.out_shapes, dtype)
    elif dtype:
        lines.append(dtype)
    if told["show_trainable"] and box.layer.weights:
        lines.append("trainable" if box.layer.trainable else "frozen")
    return clipped(kind, LONGEST, 13), [clipped(line, LONGEST, 11) for line in lines]


def _drawn(model, boxes, known, told, sideways):
    texts = [_text_of(box, told) for box in boxes]
    sizes = {}
    for i, (heading, lines) in enumerate(texts):
        width = max([text_width(heading, 13) * 1.08, *[text_width(line, 11) for line in lines]]) + 26
        sizes[i] = (max(96, width), 27 + 15 * len(lines))
    number = {id(box): i for i, box in enumerate(boxes)}
    edges = [(number[id(source)], i) for i, box in enumerate(boxes) for source in box.sources]
    order = edges if known else [(i, i + 1) for i in range(len(boxes) - 1)]
    layout = layered({i: (h, w) for i, (w, h) in sizes.items()} if sideways else sizes, order, down=44 if sideways else 30)

    def turned(point):
        x, y = point[::-1] if sideways else point
        return x + MARGIN, y + MARGIN + 28
    width, height = (layout.height, layout.width) if sideways else (layout.width, layout.height)
    name = clipped(model.name, max(width, 240), 15)
    picture = Drawing(max(width + 2 * MARGIN, text_width(name, 15) + 2 * MARGIN), height + 2 * MARGIN + 28, f"Model {model.name}")
    picture.text(MARGIN, MARGIN + 10, name, size=15, weight="bold")
    if not known:
        picture.text(MARGIN, MARGIN + 25, "layers; their calls are known to its call() alone", size=10, fill=FAINT)
    for route in layout.routes if known else ():
        _arrow(picture, [turned(point) for point in route], sideways)
    for i, (box, (heading, lines)) in enumerate(zip(boxes, texts)):
        x, y = turned(layout.places[i])
        _box(picture, box, x - sizes[i][0] / 2, y - sizes[i][1] / 2, *sizes[i], heading, lines)
    return picture


def _box(picture, box, left, top, width, height, heading, lines):
    kind = "InputLayer" if isinstance(box.layer, InputLayer) else type(box.layer).__name__
    fill, stroke = next(((f, s) for word, f, s in TINTS if word in kind), PLAIN)
    picture.rect(left, top, width, height, fill=fill, stroke=stroke, radius=5, stroke_width=2.2 if isinstance(box.layer, Model) else 1.2,
                 stroke_dasharray="5 3" if box.call is not None else None, tip=f"{kind} '{box.layer.name}'")
    picture.text(left + width / 2, top + 18, heading, size=13, fill=INK, anchor="middle", weight="bold")
    for k, line in enumerate(lines):
        picture.text(left + width / 2, top + 33 + 15 * k, line, size=11, fill=FAINT if line.startswith(("in ", "out ")) else INK, anchor="middle")


def _arrow(picture, points, sideways):
    """A smooth line through the points that leaves and arrives straight, with a head."""
    tip, gap = points[-1], 7
    points = [*points[:-1], (tip[0] - gap, tip[1]) if sideways else (tip[0], tip[1] - gap)]
    commands = f"M{written(points[0][0])} {written(points[0][1])}"
    for (x1, y1), (x2, y2) in zip(points, points[1:]):
        middle = (x1 + x2) / 2 if sideways else (y1 + y2) / 2
        bends = (middle, y1, middle, y2, x2, y2) if sideways else (x1, middle, x2, middle, x2, y2)
        commands += "C" + " ".join(written(v) for v in bends)
    picture.path(commands, stroke=FAINT, width=1.3)
    x, y = tip
    corners = [(x, y), (x - 8, y - 4), (x - 8, y + 4)] if sideways else [(x, y), (x - 4, y - 8), (x + 4, y - 8)]
    picture.path("M" + "L".join(f"{written(a)} {written(b)}" for a, b in corners) + "Z", stroke=PAPER, width=0.5, fill=FAINT)
