"""Graphs as one SVG picture, with no program but this."""

from __future__ import annotations

from xml.sax.saxutils import escape

from mlopsc.driver.graph.layout import lay_out
from mlopsc.driver.graph.model import Graph, Node

CHARACTER, HEIGHT, PAD = 7.2, 30, 12  # pixels: a character of 12 px monospace, a box, blanks inside it
GAP_X, GAP_Y, BEND = 64, 18, 10  # between layers, between boxes, height of an empty place
MARGIN, TITLE = 20, 30
_LONGEST = 44  # characters of a label

_FILL = {
    "source": "#e8eef7", "ingest": "#e6f4ea", "clean": "#e6f4ea", "validate": "#fef7e0", "split": "#e6f4ea",
    "train": "#f3e8fd", "evaluate": "#f3e8fd", "gate": "#fde7e5", "approve": "#fde7e5", "register": "#e0f2f1",
}  # fmt: skip


def svg(graphs: list[Graph]) -> str:
    top, width, body = float(MARGIN), 0.0, []
    for graph in graphs:
        drawn, right, bottom = _draw(graph, top)
        body += drawn
        width, top = max(width, right), bottom + MARGIN
    size = f'width="{width + MARGIN:.0f}" height="{top:.0f}" viewBox="0 0 {width + MARGIN:.0f} {top:.0f}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="monospace" font-size="12">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5f6368"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _draw(graph: Graph, top: float) -> tuple[list[str], float, float]:
    """(elements, right edge, bottom edge) of one pipeline whose upper edge is `top`."""
    layout = lay_out(graph)
    nodes = {node.id: node for node in graph.nodes}
    tallest = max((_column_height(layer, nodes) for layer in layout.layers), default=0.0)
    left_of: dict[str, tuple[float, float]] = {}
    right_of: dict[str, tuple[float, float]] = {}
    boxes: list[str] = []
    x = float(MARGIN)
    for layer in layout.layers:
        width = max(_width(nodes[name]) if name in nodes else 0.0 for name in layer)
        y = top + TITLE + (tallest - _column_height(layer, nodes)) / 2
        for name in layer:
            height = HEIGHT if name in nodes else BEND
            middle = y + height / 2
            left_of[name], right_of[name] = (x, middle), (x + width, middle)
            if name in nodes:
                right_of[name] = (x + _width(nodes[name]), middle)
                boxes.append(_box(nodes[name], x, y))
            y += height + GAP_Y
        x += width + GAP_X
    lines = [_line(route, nodes, left_of, right_of, edge.label) for edge, route in layout.routes]
    title = f'<text x="{MARGIN}" y="{top + 14:.0f}" font-weight="bold">{_xml(f"{graph.name} ({graph.kind})")}</text>'
    return [title, *lines, *boxes], x - GAP_X, top + TITLE + tallest


def _column_height(layer: list[str], nodes: dict[str, Node]) -> float:
    return sum((HEIGHT if name in nodes else BEND) + GAP_Y for name in layer) - GAP_Y


def _width(node: Node) -> float:
    return len(_short(node.label)) * CHARACTER + 2 * PAD


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST // 2 - 1]}…{label[-(_LONGEST // 2) :]}"


def _box(node: Node, x: float, y: float) -> str:
    round_ = HEIGHT / 2 if node.kind == "source" else 5
    fill = _FILL.get(node.kind, "#f1f3f4")
    return (
        f'<g><title>{_xml(node.label)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{_width(node):.1f}" height="{HEIGHT}" '
        f'rx="{round_:.0f}" fill="{fill}" stroke="#5f6368"/>'
        f'<text x="{x + PAD:.1f}" y="{y + HEIGHT / 2 + 4:.1f}">{_xml(_short(node.label))}</text></g>'
    )


def _line(
    route: list[str],
    nodes: dict[str, Node],
    left_of: dict[str, tuple[float, float]],
    right_of: dict[str, tuple[float, float]],
    label: str,
) -> str:
    """A curve from the right side of the first box through the empty places to the left side of the last."""
    x, y = right_of[route[0]]
    path = [f"M{x:.1f} {y:.1f}"]
    for name in route[1:]:
        to_x, to_y = left_of[name]
        half = (to_x - x) / 2
        path.append(f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
        if name not in nodes:
            x = right_of[name][0]
            path.append(f"L{x:.1f} {y:.1f}")
    waits = "" if label else ' stroke-dasharray="4 3"'
    told = f"<title>{_xml(label)}</title>" if label else ""
    return f'<g>{told}<path d="{"".join(path)}" fill="none" stroke="#5f6368"{waits} marker-end="url(#head)"/></g>'


def _xml(text: str) -> str:
    """Text for XML 1.0, which has no place for control characters."""
    return escape("".join(c if c.isprintable() else " " for c in text))
