"""Types of expressions: which agree, what two branches have in common, and how checked nodes are built.

A share is a float everywhere in an expression (5% is 0.05). The type of the literal `null` has the kind "null" until a
branch or an argument gives it another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlopsc.semantics.bounds import UNBOUNDED, Interval
from mlopsc.semantics.program import Type, TypedExpr
from mlopsc.source import Span

BOOL = Type("bool")
NUMERIC = frozenset({"int", "float"})
TEXT = frozenset({"string", "category"})
TIMES = frozenset({"date", "timestamp"})
ORDERED = NUMERIC | TIMES | {"string", "duration", "size"}

KIND_NAMES = {
    "int": "an int",
    "float": "a float",
    "bool": "a bool",
    "string": "a string",
    "category": "a category",
    "date": "a date",
    "timestamp": "a timestamp",
    "duration": "a duration",
    "size": "a size",
    "null": "null",
    "list": "a list",
    "range": "a range",
}


def named(type: Type) -> str:
    """The type as messages say it: "an int", "a float that may be null"."""
    text = KIND_NAMES.get(type.kind, type.kind)
    return text + " that may be null" if type.nullable and type.kind != "null" else text


def plain(type: Type) -> Type:
    """The type of a value as expressions see it: a share is a float."""
    return Type("float", type.nullable) if type.kind == "share" else type


def with_null(type: Type, nullable: bool) -> Type:
    return type if type.nullable == nullable else Type(type.kind, nullable, type.levels, type.numeric_levels)


def unify(types: Iterable[Type]) -> Type | None:
    """The one type of several branches or arguments: int and float give float, category and text give text, date
    and timestamp give timestamp (a date is its midnight in UTC), categories
    of equal levels stay one; nullable where one is. None where they have nothing in common."""
    kinds: set[str] = set()
    levels: set[tuple[tuple[str, ...] | None, bool]] = set()
    nullable = False
    for t in types:
        nullable = nullable or t.nullable
        if t.kind != "null":
            kinds.add(t.kind)
        if t.kind == "category":
            levels.add((t.levels, t.numeric_levels))
    if not kinds:
        return Type("null", True)
    if kinds == {"category"} and len(levels) == 1:
        only, numeric = next(iter(levels))
        return Type("category", nullable, only, numeric)
    if len(kinds) == 1 and kinds != {"category"}:
        return Type(kinds.pop(), nullable)
    if kinds <= NUMERIC:
        return Type("float", nullable)
    if kinds <= TEXT:
        return Type("string", nullable)
    if kinds <= TIMES:
        return Type("timestamp", nullable)
    return None


def literal(value: Any, type: Type, span: Span) -> TypedExpr:
    """A literal node in the Plan's form: dates and timestamps as text, durations in microseconds, sizes in bytes."""
    number = value if type.kind in ("int", "float", "duration", "size") and value is not None else None
    return TypedExpr("literal", type, span, value=value, lo=number, hi=number)


def call(fn: str, type: Type, span: Span, args: Iterable[TypedExpr], bounds: Interval = UNBOUNDED) -> TypedExpr:
    """A call node; it reads what its arguments read."""
    args = tuple(args)
    return TypedExpr(
        "call",
        type,
        span,
        fn=fn,
        args=args,
        lo=bounds[0],
        hi=bounds[1],
        columns=union(a.columns for a in args),
        features=union(a.features for a in args),
    )


def union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    """The union, sharing an operand where it holds the others, so that long chains stay linear."""
    out: frozenset[str] = frozenset()
    for s in sets:
        if not s <= out:
            out = s if out <= s else out | s
    return out


def retype(node: TypedExpr, type: Type) -> TypedExpr:
    """The literal null as a null of `type`; any other node as it is."""
    return literal(None, with_null(type, True), node.span) if node.type.kind == "null" else node
