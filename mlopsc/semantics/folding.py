"""Expressions folded without recursion: a chain of a thousand operators is as deep as it is long."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mlopsc.semantics.program import TypedExpr

T = TypeVar("T")


def fold(root: TypedExpr, build: Callable[[TypedExpr, list[T]], T]) -> T:
    """What `build` makes of the root and of what it made of the root's parts. A part that stands in several places is built
    once."""
    done: dict[int, T] = {}
    todo: list[tuple[TypedExpr, bool]] = [(root, False)]
    while todo:
        node, ready = todo.pop()
        if id(node) in done:
            continue
        below = parts(node)
        if ready or not below:
            done[id(node)] = build(node, [done[id(part)] for part in below])
        else:
            todo.append((node, True))
            todo += [(part, False) for part in reversed(below)]
    return done[id(root)]


def parts(node: TypedExpr) -> list[TypedExpr]:
    """The nodes below; none below a reference to a feature, which stays a name."""
    if not node.extra:
        return list(node.args)
    return [*node.args, *(part for key in ("expr", "where") if isinstance(part := node.extra.get(key), TypedExpr))]
