"""Graphs as text: for a terminal, for Mermaid, for Graphviz."""

from __future__ import annotations

from mlopsc.driver.graph.model import Graph


def text(graphs: list[Graph]) -> str:
    """Every step in order, with what it reads."""
    parts = []
    for graph in graphs:
        steps = [node for node in graph.nodes if node.kind != "source"]
        labels = {node.id: node.label for node in graph.nodes}
        width = max((len(node.label) for node in steps), default=0)
        lines = [f"{graph.name} ({graph.kind})"]
        for node in steps:
            reads = [
                f"{labels[edge.start]}{f' ({edge.label})' if edge.label else ''}"
                for edge in graph.edges
                if edge.end == node.id
            ]
            lines.append(f"  {node.label:<{width}}  <- {', '.join(reads)}" if reads else f"  {node.label}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def mermaid(graphs: list[Graph]) -> str:
    lines = ["flowchart LR"]
    for number, graph in enumerate(graphs):
        ids = {node.id: f"p{number}n{i}" for i, node in enumerate(graph.nodes)}
        lines.append(f'  subgraph p{number}["{_mermaid(f"{graph.name} ({graph.kind})")}"]')
        for node in graph.nodes:
            opening, closing = ("[(", ")]") if node.kind == "source" else ("[", "]")
            lines.append(f'    {ids[node.id]}{opening}"{_mermaid(node.label)}"{closing}')
        for edge in graph.edges:
            arrow = f'-->|"{_mermaid(edge.label)}"|' if edge.label else "-->"
            lines.append(f"    {ids[edge.start]} {arrow} {ids[edge.end]}")
        lines.append("  end")
    return "\n".join(lines) + "\n"


def _mermaid(label: str) -> str:
    """Mermaid writes characters of its own as entities with a #."""
    return "".join(f"#{ord(c)};" if c in '#"<>&`\\' or not c.isprintable() else c for c in label)


def dot(graphs: list[Graph]) -> str:
    lines = ["digraph mlopsc {", "  rankdir=LR;", '  node [fontname="sans-serif", shape=box];']
    for number, graph in enumerate(graphs):
        ids = {node.id: f"p{number}n{i}" for i, node in enumerate(graph.nodes)}
        lines += [f"  subgraph cluster_{number} {{", f"    label={_dot(f'{graph.name} ({graph.kind})')};"]
        for node in graph.nodes:
            shape = ", shape=cylinder" if node.kind == "source" else ""
            lines.append(f"    {ids[node.id]} [label={_dot(node.label)}{shape}];")
        for edge in graph.edges:
            label = f" [label={_dot(edge.label)}]" if edge.label else ""
            lines.append(f"    {ids[edge.start]} -> {ids[edge.end]}{label};")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _dot(label: str) -> str:
    return '"' + label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
