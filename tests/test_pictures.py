"""Pictures: SVG that every reader of XML takes, charts with round ticks, graphs laid out without overlap, plot_model."""
import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import pydl
from pydl import Model, layers
from pydl.errors import FormatError
from pydl.pictures import chart, graph, svg
from pydl.utils import plot_model

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert('x')</script> & \"quotes\" \x00\x1b\ud800 ]]> é 漢"


def parsed(picture):
    return ET.fromstring(picture.markup())


def texts(picture):
    return [e.text for e in parsed(picture).iter(f"{SVG}text")]


# ---- the writer ------------------------------------------------------------------------------------------------------

def test_any_string_comes_through_as_itself_or_as_a_replacement():
    picture = svg.Drawing(100, 50, NASTY)
    picture.text(1, 2, NASTY, fill='red" onload="x')
    root = parsed(picture)
    text = root.find(f"{SVG}text")
    assert text.text == NASTY.replace("\x00", "\ufffd").replace("\x1b", "\ufffd").replace("\ud800", "\ufffd")
    assert text.get("fill") == 'red" onload="x' and text.get("onload") is None and root.find(f".//{SVG}script") is None


def test_a_drawing_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="x1 must be finite, got nan"):
        svg.Drawing(10, 10).line(float("nan"), 0, 1, 1)
    for size in (0, -1, float("inf")):
        with pytest.raises(ValueError, match="width"):
            svg.Drawing(size, 10)
    with pytest.raises(FormatError, match=r"must end in .svg, got 'a.png'"):
        svg.svg_path("who", "to_file", "a.png")
    with pytest.raises(TypeError, match="to_file must be a path"):
        svg.svg_path("who", "to_file", 3)


def test_clipped_texts_fit():
    for text, width in itertools.product(("", "a", "Concatenate" * 9, "MWMW" * 30), (0, 20, 100)):
        short = svg.clipped(text, width)
        assert svg.text_width(short) <= max(width, svg.text_width("…")) and (short == text or short.endswith("…"))


# ---- charts ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("values", [[0, 1], [3, 3], [-5, 17], [1e-9, 2e-9], [1e12, 3e12], [0, 0], [0.1, 0.1 + 1e-15], [-1e-300, 1e-300], [np.nan, 2.0], []])
def test_a_linear_scale_holds_its_values_between_round_ticks(values):
    scale = chart.linear_scale(values)
    assert all(0 <= scale.position(v) <= 1 for v in values if np.isfinite(v)) and 2 <= len(scale.ticks) <= 13
    steps = np.diff([v for v, _ in scale.ticks])
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    assert f"{steps[0]:.0e}"[0] in "125"


@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 2), (0, 9), (1, 100), (1, 3217), (7, 12)])
def test_an_integer_scale_has_whole_ticks(low, high):
    ticks = [v for v, _ in chart.integer_scale(low, high).ticks]
    assert 1 <= len(ticks) <= 8 and all(v == int(v) and low <= v <= high for v in ticks)


def test_a_log_scale_places_powers_evenly():
    scale = chart.log_scale([1e-5, 0.3, -1, np.nan, 0])
    assert (scale.low, scale.high) == (1e-5, 1.0)
    np.testing.assert_allclose([scale.position(10.0 ** e) for e in range(-5, 1)], np.linspace(0, 1, 6), atol=1e-12)


def test_a_line_is_broken_where_a_value_is_missing():
    def lines(ys):
        picture = chart.line_chart([("loss", list(range(len(ys))), ys)])
        root = parsed(picture)
        return len(root.findall(f"{SVG}path")), len(root.findall(f"{SVG}circle"))
    assert lines([1.0, 2.0, 3.0]) == (1, 0)
    assert lines([1.0, 2.0, None, 3.0, 4.0, float("nan"), 1.0]) == (2, 1)
    assert lines([float("inf")] * 3) == (0, 0)
    many = chart.line_chart([(f"a layer of number {i}", [1, 2], [i, i]) for i in range(30)])
    assert many.height > chart.line_chart([("a", [1, 2], [1, 2])]).height and all(0 < float(e.get("x")) < many.width for e in parsed(many).iter(f"{SVG}text"))
    assert {"3 < 4", "loss"} <= set(texts(chart.line_chart([("loss", [1, 2], [1, 2])], title="3 < 4")))


# ---- layout ----------------------------------------------------------------------------------------------------------

def boxes_of(layout, sizes):
    return [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for key, (w, h) in sizes.items() for x, y in [layout.places[key]]]


@pytest.mark.parametrize("seed", range(12))
def test_no_box_lies_on_another_or_outside_and_edges_go_down(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    sizes = {i: (float(rng.integers(20, 200)), float(rng.integers(20, 80))) for i in range(n)}
    edges = [(int(rng.integers(0, b)), b) for b in range(1, n) for _ in range(int(rng.integers(0, 4)))]
    layout = graph.layered(sizes, edges)
    boxes = boxes_of(layout, sizes)
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] + 1e-6 or b[2] <= a[0] + 1e-6 or a[3] <= b[1] + 1e-6 or b[3] <= a[1] + 1e-6
    assert all(x0 >= -1e-6 and y0 >= -1e-6 and x1 <= layout.width + 1e-6 and y1 <= layout.height + 1e-6 for x0, y0, x1, y1 in boxes)
    for (a, b), route in zip(edges, layout.routes):
        assert boxes[a][3] == pytest.approx(route[0][1]) and boxes[b][1] == pytest.approx(route[-1][1])
        assert all(upper[1] <= lower[1] for upper, lower in zip(route, route[1:]))
        passed = route[1:-1]                                    # an edge goes past the boxes of the ranks between, not over them
        for x0, y0, x1, y1 in boxes:
            for (xa, ya), (xb, yb) in zip(passed, passed[1:]):
                assert not (xa == xb and x0 < xa < x1 and ya < y1 and yb > y0)


def test_parallel_branches_do_not_cross():
    edges = [(0, i) for i in (1, 2, 3, 4)] + [(i, i + 4) for i in (1, 2, 3, 4)] + [(i, 9) for i in (8, 7, 6, 5)]
    layout = graph.layered({i: (60, 20) for i in range(10)}, edges)
    for upper in itertools.pairwise(sorted(range(1, 5), key=lambda i: layout.places[i][0])):
        assert layout.places[upper[0] + 4][0] < layout.places[upper[1] + 4][0]
    assert layout.places[0][0] == pytest.approx(layout.places[9][0], abs=1)


def test_an_edge_that_leads_back_is_refused():
    with pytest.raises(ValueError, match="leads back"):
        graph.layered({0: (1, 1), 1: (1, 1)}, [(1, 0)])


def test_places_apart_are_the_nearest_in_least_squares():
    rng = np.random.default_rng(0)
    for _ in range(20):
        wanted, room = rng.normal(0, 3, 6), rng.uniform(0.5, 2, 5)
        found = np.array(graph.apart(wanted, [1.0] * 6, room))
        assert np.all(np.diff(found) >= room - 1e-9)
        for _ in range(50):                                     # no other allowed place is nearer
            other = found + rng.normal(0, 0.1, 6)
            for i in range(5):
                other[i + 1] = max(other[i + 1], other[i] + room[i])
            assert np.sum((found - wanted) ** 2) <= np.sum((other - wanted) ** 2) + 1e-9


# ---- plot_model ------------------------------------------------------------------------------------------------------

def siamese():
    a, b = layers.Input((8,), name="left"), layers.Input((8,), name="right")
    base = pydl.Sequential([layers.Input((8,)), layers.Dense(4, activation="tanh"), layers.Dense(3)], name="embed")
    return Model([a, b], layers.Dense(1)(layers.Subtract()([base(a), base(b)])), name=NASTY)


def test_a_sequential_model_is_a_column(tmp_path):
    model = pydl.Sequential([layers.Input((28, 28, 1)), layers.Conv2D(6, 5, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)])
    picture = plot_model(model, tmp_path / "net.svg", show_shapes=True, show_layer_activations=True, show_dtype=True, show_trainable=True)
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == picture.markup() == picture._repr_svg_()
    said = texts(picture)
    headings = [t for t in said if t in ("Input", "Conv2D", "MaxPooling2D", "Flatten", "Dense")]
    assert headings == ["Input", "Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert "activation: relu" in said and "out  (None, 24, 24, 6) float32" in said and "in  (None, 12, 12, 6)" in said and "trainable" in said
    ys = [float(e.get("y")) for e in parsed(picture).iter(f"{SVG}text") if e.text in headings]
    assert ys == sorted(ys)


def test_a_shared_model_is_shown_once_a_call_and_can_be_expanded():
    plain = texts(plot_model(siamese(), None))
    assert plain.count("Sequential") == 2 and "shared: call 1 of 2 of 'embed'" in plain and "shared: call 2 of 2 of 'embed'" in plain
    wide = texts(plot_model(siamese(), None, expand_nested=True, show_layer_names=True))
    assert wide.count("Dense") == 5 and "Sequential" not in wide and sum(t.startswith("embed/") for t in wide) == 4
    sideways = plot_model(siamese(), None, rankdir="LR")
    assert sideways.width > sideways.height


def test_arrows_are_the_inputs_of_calls():
    x = layers.Input((4,))
    h = layers.Dense(4)(x)
    picture = plot_model(Model(x, layers.Add()([x, h, h])), None)
    arrows = [e for e in parsed(picture).iter(f"{SVG}path") if e.get("fill") == "none"]
    assert len(arrows) == 4                                     # x -> Dense, x -> Add, twice Dense -> Add


def test_a_subclass_shows_its_layers_without_arrows():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(3), layers.Dense(2)

        def call(self, x):
            return self.b(self.a(x))
    model = Own()
    with pytest.raises(ValueError, match="plot_model: Own .* is not built yet"):
        plot_model(model, None)
    model.predict(np.zeros((1, 4)))
    picture = plot_model(model, None)
    assert texts(picture).count("Dense") == 2 and not list(parsed(picture).iter(f"{SVG}path"))


def test_plot_model_leaves_the_model_alone():
    model = siamese()
    before = model.get_weights()
    plot_model(model, None, show_shapes=True, expand_nested=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.parametrize(("arguments", "error", "said"), [
    (dict(model=3), TypeError, "model must be a Model"), (dict(to_file="a.png"), ValueError, "to_file must end in .svg"),
    (dict(to_file=7), TypeError, "to_file"), (dict(rankdir="XY"), ValueError, "rankdir must be one of 'TB', 'LR'"),
    (dict(show_shapes=1), TypeError, "show_shapes must be True or False"), (dict(expand_nested="yes"), TypeError, "expand_nested")])
def test_plot_model_names_bad_arguments(arguments, error, said):
    with pytest.raises(error, match=said):
        plot_model(**{"model": siamese(), "to_file": None, **arguments})
