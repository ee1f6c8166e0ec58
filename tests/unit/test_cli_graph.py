"""Drawing the Plan."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mlopsc.driver.graph.layout import lay_out
from mlopsc.driver.graph.model import Edge, Graph, Node
from mlopsc.driver.graph.svg import svg
from mlopsc.driver.graph.words import dot, mermaid, text

SVG = "{http://www.w3.org/2000/svg}"


def made(edges: list[tuple[str, str, str]], kinds: dict[str, str] | None = None) -> Graph:
    ids = list(dict.fromkeys(name for start, end, _ in edges for name in (start, end)))
    nodes = tuple(Node(name, name, (kinds or {}).get(name, "clean")) for name in ids)
    return Graph("p", "training", nodes, tuple(Edge(*edge) for edge in edges))


@pytest.fixture
def graph() -> Graph:
    edges = [("s", "a", ""), ("a", "b", "rows"), ("b", "c", "rows, split"), ("a", "c", "rows"), ("b", "d", "")]
    return made(edges, {"s": "source"})


def test_every_edge_goes_one_layer_at_a_time_to_the_right(graph: Graph) -> None:
    """An edge over several layers is led through a place of its own in each."""
    layout = lay_out(graph)
    layer = {name: i for i, names in enumerate(layout.layers) for name in names}
    for edge, route in layout.routes:
        assert (route[0], route[-1]) == (edge.start, edge.end)
        assert [layer[name] for name in route] == list(range(layer[edge.start], layer[edge.end] + 1))
    assert sum(len(names) for names in layout.layers) == len(graph.nodes) + 1


def test_a_source_stands_right_before_what_reads_it() -> None:
    late = made([("a", "b", "x"), ("b", "c", "x"), ("s", "c", "")], {"s": "source"})
    layer = {name: i for i, names in enumerate(lay_out(late).layers) for name in names}
    assert layer["s"] == layer["c"] - 1


def test_order_within_layers_avoids_a_crossing_that_can_be_avoided() -> None:
    crossed = made([("a", "z", ""), ("a", "y", ""), ("z", "m", ""), ("y", "n", ""), ("a", "x", ""), ("x", "m", "")])
    layout = lay_out(crossed)
    middle, last = layout.layers[1], layout.layers[2]
    pairs = [(middle.index(e.start), last.index(e.end)) for e in crossed.edges if e.start in middle]
    crossings = sum(1 for a, b in pairs for c, d in pairs if a < c and b > d)
    assert crossings == 0


def test_svg_is_valid_xml_with_a_box_for_each_node_and_a_path_for_each_edge(graph: Graph) -> None:
    root = ElementTree.fromstring(svg([graph, graph]))
    boxes = [g for g in root.findall(f"{SVG}g") if g.find(f"{SVG}rect") is not None]
    paths = [g for g in root.findall(f"{SVG}g") if g.find(f"{SVG}path") is not None]
    assert (len(boxes), len(paths)) == (2 * len(graph.nodes), 2 * len(graph.edges))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    areas = []
    for box in boxes:
        rect = box.find(f"{SVG}rect")
        assert rect is not None
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        areas.append((x, y, w, h))
    for i, (x, y, w, h) in enumerate(areas):
        for a, b, c, d in areas[:i]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y, "two boxes overlap"


HOSTILE = 'csv "a" <b> & #1; `x` \\ \x1b'


def test_labels_of_a_spec_cannot_break_out_of_any_format() -> None:
    graph = made([(HOSTILE, "b", HOSTILE)])
    assert ElementTree.fromstring(svg([graph])) is not None
    assert '"' not in mermaid([graph]).split('["', 2)[2].split('"]', 1)[0]
    assert '[label="csv \\"a\\" <b> & #1; `x` \\\\ \x1b"]' in dot([graph])
    assert len(dot([graph]).splitlines()) == len(dot([made([("a", "b", "c")])]).splitlines())


def test_text_names_what_each_step_reads(graph: Graph) -> None:
    assert text([graph]).splitlines() == [
        "p (training)",
        "  a  <- s",
        "  b  <- a (rows)",
        "  c  <- b (rows, split), a (rows)",
        "  d  <- b",
    ]
