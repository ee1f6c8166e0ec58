"""A layered layout after Sugiyama, Tagawa and Toda (1981): layers by longest path, edges over several layers led through
empty places, and order within a layer by the mean place of the neighbours, swept to and fro."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from mlopsc.driver.graph.model import Edge, Graph

SWEEPS = 8


class Layout(NamedTuple):
    """`layers` hold ids of nodes and of bends (`START>END@LAYER`); `routes` the ids that an edge passes, in order."""

    layers: list[list[str]]
    routes: list[tuple[Edge, list[str]]]


def lay_out(graph: Graph) -> Layout:
    rank = _ranks(graph)
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in graph.nodes:
        layers[rank[node.id]].append(node.id)
    routes: list[tuple[Edge, list[str]]] = []
    for edge in graph.edges:
        bends = [f"{edge.start}>{edge.end}@{layer}" for layer in range(rank[edge.start] + 1, rank[edge.end])]
        for bend, layer in zip(bends, range(rank[edge.start] + 1, rank[edge.end]), strict=True):
            layers[layer].append(bend)
        routes.append((edge, [edge.start, *bends, edge.end]))
    _order(layers, routes)
    return Layout(layers, routes)


def _ranks(graph: Graph) -> dict[str, int]:
    """Longest path from a start; then sources move right, next to what reads them."""
    rank = {node.id: 0 for node in graph.nodes}
    for node in graph.nodes:
        for edge in graph.edges:
            if edge.end == node.id:
                rank[node.id] = max(rank[node.id], rank[edge.start] + 1)
    for node in graph.nodes:
        if node.kind == "source":
            rank[node.id] = min(rank[edge.end] for edge in graph.edges if edge.start == node.id) - 1
    return rank


def _order(layers: list[list[str]], routes: list[tuple[Edge, list[str]]]) -> None:
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for _, route in routes:
        for left, right in pairwise(route):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        beside, numbers = (before, range(1, len(layers))) if forward else (after, range(len(layers) - 2, -1, -1))
        for number in numbers:
            fixed = {name: i for i, name in enumerate(layers[number - 1 if forward else number + 1])}
            own = {name: i for i, name in enumerate(layers[number])}
            layers[number].sort(key=lambda name: (_mean(beside.get(name, []), fixed, own[name]), own[name]))


def _mean(names: list[str], place: dict[str, int], otherwise: int) -> float:
    places = [place[name] for name in names if name in place]
    return sum(places) / len(places) if places else float(otherwise)
