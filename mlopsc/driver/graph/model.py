"""The picture before it is drawn: nodes, and edges with the artifacts that travel along them."""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.ir.plan import IngestSettings, Pipeline, Plan, SourceSpec


class Node(NamedTuple):
    """`kind`: "source" for data from outside, else the step's kind."""

    id: str
    label: str
    kind: str


class Edge(NamedTuple):
    """`label`: the outputs of `start` that `end` reads, sorted; empty where it only waits."""

    start: str
    end: str
    label: str


class Graph(NamedTuple):
    """One pipeline. Every node stands after the ones that point at it."""

    name: str
    kind: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graphs(plan: Plan) -> list[Graph]:
    return [_graph(pipeline) for pipeline in plan.pipelines]


def _graph(pipeline: Pipeline) -> Graph:
    nodes: list[Node] = []
    edges: list[Edge] = []
    for step in pipeline.steps:
        if isinstance(step.settings, IngestSettings):
            source = Node(f"source:{step.settings.data}", source_text(step.settings.source), "source")
            nodes.append(source)
            edges.append(Edge(source.id, step.id, ""))
        nodes.append(Node(step.id, step.id, step.kind))
        read: dict[str, set[str]] = {}
        for artifact in step.inputs.values():
            producer, _, output = artifact.rpartition("/")
            read.setdefault(producer, set()).add(output)
        for other in step.after:
            read.setdefault(other, set())
        edges += [Edge(producer, step.id, ", ".join(sorted(outputs))) for producer, outputs in read.items()]
    return Graph(pipeline.name, pipeline.kind, tuple(nodes), tuple(edges))


def source_text(source: SourceSpec) -> str:
    """A source in a few words; no part of a connection but its name."""
    if source.connection is not None:
        what = source.table or "query"
        return f"{source.connection.name}: {what}"
    return source.path or source.ref or source.kind
