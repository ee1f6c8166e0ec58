"""What a condition proves where it holds or fails: `if tenure > 0 then total / tenure else 0` divides by no zero.

Only single columns are tracked. Where a condition holds, what it compared was not null; where it fails it may have been
null, so only conditions that cannot be null prove something then.
"""

from __future__ import annotations

import math
from typing import Any

from mlopsc.semantics.context import Context
from mlopsc.semantics.program import TypedExpr
from mlopsc.semantics.types import with_null
from mlopsc.syntax import ast

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


class Facts:
    """Columns known not to be null, and comparisons with numbers known to hold: (column, op, number)."""

    __slots__ = ("known", "not_null")

    def __init__(self) -> None:
        self.not_null: set[str] = set()
        self.known: list[tuple[str, str, int | float]] = []

    def __bool__(self) -> bool:
        return bool(self.not_null or self.known)


def facts_of(condition: TypedExpr | None, holds: bool) -> Facts:
    """What is known where the condition holds, or where it does not. The walk is a loop: conditions may be long."""
    facts = Facts()
    todo = [] if condition is None else [(condition, holds)]
    while todo:
        node, true = todo.pop()
        if node.op != "call":
            continue
        if node.fn == "not":
            if not node.args[0].type.nullable:
                todo.append((node.args[0], not true))
        elif (node.fn == "and" and true) or (node.fn == "or" and not true and not node.type.nullable):
            todo += [(a, true) for a in node.args]
        elif node.fn in ("is null", "is not null"):
            if (node.fn == "is not null") == true and node.args[0].op == "column":
                facts.not_null.add(node.args[0].fn)
        elif node.fn == "in" and true and node.args[0].op == "column":
            _member(node, facts)
        elif node.fn in _FLIPPED:
            _comparison(node, true, facts)
    return facts


def _member(node: TypedExpr, facts: Facts) -> None:
    """x in lo..hi, x in [a, b]"""
    column, container = node.args
    facts.not_null.add(column.fn)
    ends = container.args
    if column.type.kind in ("int", "float") and all(x.op == "literal" for x in ends):
        values = [x.value for x in ends]
        facts.known += [(column.fn, ">=", min(values)), (column.fn, "<=", max(values))]


def _comparison(node: TypedExpr, true: bool, facts: Facts) -> None:
    left, right = node.args
    op = node.fn
    if left.op == "literal":
        left, right, op = right, left, _FLIPPED[op]
    if true:
        facts.not_null |= {a.fn for a in node.args if a.op == "column"}
    elif node.type.nullable:
        return
    if left.op == "column" and right.op == "literal" and right.type.kind in ("int", "float"):
        facts.known.append((left.fn, op if true else _NEGATED[op], right.value))


def apply(node: TypedExpr | None, facts: Facts) -> TypedExpr | None:
    """A column as the facts narrow it; any other node as it is."""
    if node is None or node.op != "column":
        return node
    lo, hi = node.lo, node.hi
    for name, op, value in facts.known:
        if name == node.fn and node.type.kind in ("int", "float"):
            lo, hi = _narrow(lo, hi, op, value, node.type.kind == "int")
    nullable = node.type.nullable and node.fn not in facts.not_null
    if nullable == node.type.nullable and (lo, hi) == (node.lo, node.hi):
        return node
    return TypedExpr(
        node.op,
        with_null(node.type, nullable),
        node.span,
        fn=node.fn,
        lo=lo,
        hi=hi,
        columns=node.columns,
        features=node.features,
        extra=node.extra,
    )


def _narrow(
    lo: int | float | None, hi: int | float | None, op: str, value: int | float, whole: bool
) -> tuple[int | float | None, int | float | None]:
    above: int | float = math.floor(value) + 1 if whole else math.nextafter(value, math.inf)
    below: int | float = math.ceil(value) - 1 if whole else math.nextafter(value, -math.inf)
    if op == "!=":
        return (above if lo == value else lo), (below if hi == value else hi)
    if op in (">", ">=", "=="):
        floor = above if op == ">" else value
        lo = floor if lo is None else max(lo, floor)
    if op in ("<", "<=", "=="):
        ceiling = below if op == "<" else value
        hi = ceiling if hi is None else min(hi, ceiling)
    return lo, hi


class Narrowed:
    """A scope in which some columns are known better. `base` is a Scope of `mlopsc.semantics.expressions` over rows; `facts`
    are those of all branches around, so that nesting adds no depth."""

    proves = True

    def __init__(self, base: Any, facts: tuple[Facts, ...]) -> None:
        self.base = base
        self.facts = facts
        self.what: str = base.what

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        found: TypedExpr | None = self.base.name(ctx, node)
        for facts in self.facts if found is not None else ():
            found = apply(found, facts)
        return found

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        found: TypedExpr | None = self.base.dotted(ctx, node)
        return found

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        found: TypedExpr | None = self.base.call_in(ctx, node, self)
        return found


def narrowed(scope: Any, facts: Facts) -> Any:
    """The scope with the facts, or itself where there are none."""
    if not facts:
        return scope
    if isinstance(scope, Narrowed):
        return Narrowed(scope.base, (*scope.facts, facts))
    return Narrowed(scope, (facts,))
