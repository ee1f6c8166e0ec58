"""Expressions with the features that they name written out, folded without recursion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from mlopsc.semantics.program import FeatureInfo, TypedExpr

T = TypeVar("T")
Features = Mapping[str, FeatureInfo]


def fold(root: TypedExpr, features: Features | None, build: Callable[[TypedExpr, list[T]], T]) -> T:
    """What `build` makes of the root and of what it made of the root's parts. A part that stands in several places is built
    once."""
    done: dict[int, T] = {}
    todo: list[tuple[TypedExpr, bool]] = [(root, False)]
    while todo:
        node, ready = todo.pop()
        if id(node) in done:
            continue
        below = parts(node, features)
        if ready or not below:
            done[id(node)] = build(node, [done[id(part)] for part in below])
        else:
            todo.append((node, True))
            todo += [(part, False) for part in reversed(below)]
    return done[id(root)]


def parts(node: TypedExpr, features: Features | None) -> list[TypedExpr]:
    """The nodes below; below a reference to a feature that is the feature's own expression."""
    if node.op == "column" and features is not None and node.fn in node.features:
        return [features[node.fn].inputs[0]]
    if not node.extra:
        return list(node.args)
    return [*node.args, *(part for key in ("expr", "where") if isinstance(part := node.extra.get(key), TypedExpr))]
