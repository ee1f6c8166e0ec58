"""Point-in-time aggregates and lookups: features out of the rows of another data block, or of the same one.

Built as nodes "aggregate" and "lookup"; what they read of the other block is not among their `columns`, which are this
block's: the columns of `on`.
"""

from __future__ import annotations

from typing import Any

from mlopsc.catalog.functions import AGGREGATE_CLAUSES, AGGREGATES, Function
from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics.bounds import UNBOUNDED, Interval
from mlopsc.semantics.calls import fits, row_call
from mlopsc.semantics.context import Context
from mlopsc.semantics.datasets import joinable, other_column
from mlopsc.semantics.expressions import MICROSECONDS, Scope, check, check_condition_in
from mlopsc.semantics.operators import limits
from mlopsc.semantics.program import DataInfo, Type, TypedExpr
from mlopsc.semantics.rows import RowScope, column_ref
from mlopsc.semantics.tables import other_data
from mlopsc.semantics.types import NUMERIC, named, plain, with_null
from mlopsc.semantics.walk import nodes
from mlopsc.syntax import ast

Pairs = tuple[tuple[str, str], ...]


class FeatureScope(RowScope):
    """A row scope of a features block: aggregates and lookups may stand in it, too."""

    def call_in(self, ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
        word = node.func.text
        if word in AGGREGATES:
            return _aggregate(ctx, node, AGGREGATES[word], self.data)
        if word == "lookup":
            return _lookup(ctx, node, self.data)
        return row_call(ctx, node, scope)


class OtherScope:
    """Row expressions over another data block, whose columns are written block.column."""

    proves = True

    def __init__(self, other: DataInfo) -> None:
        self.other = other
        self.what = f"an expression over {other.decl.name}"

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            declared.used = True
            known = ctx.program.params.get(node.text)
            return None if known is None else TypedExpr("param", plain(known[0]), node.span, fn=node.text)
        full = f"{self.other.decl.name}.{node.text}"
        if node.text in self.other.columns:
            ctx.report("wrong-place", node.span, f"Write {full} here.", edit=Edit(node.span, full))
        else:
            ctx.report("wrong-place", node.span, f"{node.text} is no column of {self.other.decl.name}.")
        return None

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        if node.parts[0].text != self.other.decl.name:
            message = f"An aggregate looks at one data block, and this one looks at {self.other.decl.name}."
            ctx.report("join-mismatch", node.span, message)
            return None
        found = other_column(ctx, node)
        return None if found is None else column_ref(found[0].columns[found[1]], node.span)

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        return self.call_in(ctx, node, self)

    def call_in(self, ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
        return row_call(ctx, node, scope)


def _clauses(ctx: Context, node: ast.Call, allowed: tuple[str, ...]) -> tuple[ast.Value, dict[str, ast.Value]] | None:
    """The one positional argument and the named ones."""
    values = [arg.value for arg in node.args if arg.name is None]
    found: dict[str, ast.Value] = {}
    whole = True
    for arg in node.args:
        if arg.name is None:
            continue
        if arg.name.text not in allowed:
            ctx.unknown("unknown-argument", arg.name, f"{node.func.text} has no argument {arg.name.text}.", allowed)
            whole = False
        elif arg.name.text in found:
            ctx.report("duplicate-argument", arg.span, f"{arg.name.text} is given twice.")
            whole = False
        found.setdefault(arg.name.text, arg.value)
    if len(values) != 1:
        example = "count(block, on = id)" if node.func.text == "count" else f"{node.func.text}(block.column, on = id)"
        message = f"{node.func.text} takes one value of another data block, and {len(values)} stand here."
        ctx.report("wrong-argument-count", node.span, message, help=f"For example {example}.")
        return None
    return (values[0], found) if whole else None


def _aggregate(ctx: Context, node: ast.Call, function: Function, here: DataInfo) -> TypedExpr | None:
    taken = _clauses(ctx, node, AGGREGATE_CLAUSES)
    if taken is None:
        return None
    value, clauses = taken
    other = _block(ctx, node, value)
    if other is None or not _both_timed(ctx, node, here, other):
        return None
    scope = OtherScope(other)
    expr: TypedExpr | None = None
    if not (function.name == "count" and isinstance(value, ast.Name)):
        expr = check(ctx, value, scope)
        if expr is not None:
            expr = fits(ctx, function.parameters[0], expr, function)
        if expr is None:
            return None
    on = _on(ctx, node, clauses.get("on"), here, other)
    over = _over(ctx, clauses.get("over"))
    where = check_condition_in(ctx, clauses["where"], scope, "where") if "where" in clauses else None
    if on is None or over is None or ("where" in clauses and where is None):
        return None
    extra: dict[str, Any] = {
        "data": other.decl.name,
        "expr": expr,
        "on": on,
        "over": over or None,
        "where": where,
    }
    lo, hi = _bounds(function, expr)
    return TypedExpr(
        "aggregate",
        _type(function, expr),
        node.span,
        fn=function.name,
        lo=lo,
        hi=hi,
        columns=frozenset(pair[0] for pair in on),
        extra=extra,
    )


def _type(function: Function, expr: TypedExpr | None) -> Type:
    nullable = function.nulls == "always"
    if function.result == "same" and expr is not None:
        return with_null(expr.type, nullable)
    return Type(function.result, nullable)


def _bounds(function: Function, expr: TypedExpr | None) -> Interval:
    if expr is None or function.result == "int" or expr.type.kind not in NUMERIC:
        return function.lo, function.hi
    if function.name == "sum":
        return (0, None) if expr.lo is not None and expr.lo >= 0 else UNBOUNDED
    return limits(expr)


def _block(ctx: Context, node: ast.Call, value: ast.Value) -> DataInfo | None:
    """The data block that an aggregate looks at: the one it names first."""
    if isinstance(value, ast.Name) and node.func.text == "count":
        return other_data(ctx, value)
    for found in nodes(value):
        if isinstance(found, ast.Dotted):
            return other_data(ctx, found.parts[0])
    message = f"{node.func.text} looks at earlier rows of a data block, and none is named here."
    hint = "The smallest of several values is least(a, b)." if node.func.text == "min" else None
    hint = "The largest of several values is greatest(a, b)." if node.func.text == "max" else hint
    ctx.report(
        "wrong-argument-type", value.span, message, help=hint or f"For example {node.func.text}(block.column, on = id)."
    )
    return None


def _both_timed(ctx: Context, node: ast.Call, here: DataInfo, other: DataInfo) -> bool:
    for info in (here, other):
        if info.time is None:
            if info.decl.lacks("time"):
                message = f"{node.func.text} looks at rows earlier than this one, and {info.decl.name} has no time."
                related = (Related(info.decl.name, info.decl.node.name.span),)
                hint = f"Write time = … in data {info.decl.name}."
                ctx.report("no-time", node.func.span, message, help=hint, related=related)
            return False
    return True


def _over(ctx: Context, node: ast.Value | None) -> int | None:
    """Microseconds; 0 for all earlier rows; None after reporting."""
    if node is None:
        return 0
    if isinstance(node, ast.Literal) and node.kind == "duration" and isinstance(node.value, int | float):
        if node.value > 0:
            return round(node.value * MICROSECONDS)
        ctx.report("empty-range", node.span, "Nothing lies within no time.")
    elif isinstance(node, ast.Literal) and node.kind in ("int", "float"):
        ctx.report("unit-mismatch", node.span, "over needs a duration.", help=f"Write {node.text}d.")
    else:
        ctx.report("literal-needed", node.span, "over needs a literal duration.", help="For example over = 30d.")
    return None


# --- joins ------------------------------------------------------------------------------------------------------------


def _on(ctx: Context, node: ast.Call, value: ast.Value | None, here: DataInfo, other: DataInfo) -> Pairs | None:
    """(column here, column there): there the column of the same name, else the other's key."""
    columns = _here_columns(ctx, value, here)
    if columns is None:
        return None
    unnamed = [c for c in columns if c.text not in other.columns]
    if any(c.text in other.poisoned for c in unnamed):
        return None
    key = [k for k in other.key if all(c.text != k for c in columns)]
    if unnamed and not other.complete:
        return None
    if unnamed and len(unnamed) != len(key):
        what = "no key" if not other.key else f"the key {', '.join(other.key)}"
        message = f"{other.decl.name} has no column {unnamed[0].text}, and it has {what}."
        ctx.report(
            "join-mismatch", unnamed[0].span, message, related=(Related(other.decl.name, other.decl.node.name.span),)
        )
        return None
    rest = iter(key)
    pairs = tuple((c.text, c.text if c.text in other.columns else next(rest)) for c in columns)
    return pairs if _comparable(ctx, columns, pairs, here, other) else None


def _here_columns(ctx: Context, value: ast.Value | None, here: DataInfo) -> list[ast.Name] | None:
    if value is None:
        return []
    items = value.items if isinstance(value, ast.ListExpr) else [value]
    columns: list[ast.Name] = []
    for item in items:
        if not isinstance(item, ast.Name):
            ctx.report("join-mismatch", item.span, "on takes a column of this block, or a list of them.")
            return None
        if item.text not in here.columns:
            if here.lacks(item.text):
                message = f"{here.decl.name} has no column {item.text}."
                ctx.unknown("unknown-column", item, message, here.written())
            return None
        columns.append(item)
    return columns


def _comparable(ctx: Context, columns: list[ast.Name], pairs: Pairs, here: DataInfo, other: DataInfo) -> bool:
    for node, (mine, theirs) in zip(columns, pairs, strict=True):
        a, b = here.columns[mine], other.columns[theirs]
        if not joinable(a.type, b.type):
            message = f"{mine} is {named(a.type)}, and {other.decl.name}.{theirs} is {named(b.type)}."
            ctx.report("join-mismatch", node.span, message, related=(Related(f"{other.decl.name}.{theirs}", b.span),))
            return False
    return True


def _lookup(ctx: Context, node: ast.Call, here: DataInfo) -> TypedExpr | None:
    taken = _clauses(ctx, node, ("on",))
    if taken is None:
        return None
    value, clauses = taken
    found = other_column(ctx, value)
    if found is None:
        return None
    other, column = found
    on = _lookup_on(ctx, node, clauses.get("on"), here, other)
    if on is None:
        return None
    ref = column_ref(other.columns[column], node.span)
    extra = {"data": other.decl.name, "column": column, "on": on}
    mine = frozenset(pair[0] for pair in on)
    return TypedExpr("lookup", with_null(ref.type, True), node.span, lo=ref.lo, hi=ref.hi, columns=mine, extra=extra)


def _lookup_on(ctx: Context, node: ast.Call, value: ast.Value | None, here: DataInfo, other: DataInfo) -> Pairs | None:
    """The columns of `on` beside the other's whole key: by name where the names agree, else in order."""
    if value is None:
        ctx.report("missing-argument", node.span, "lookup needs on: the column here that holds the other's key.")
        return None
    columns = _here_columns(ctx, value, here)
    if columns is None:
        return None
    if not other.key:
        if other.decl.lacks("key"):
            message = f"lookup needs one row at most, and {other.decl.name} has no key."
            related = (Related(other.decl.name, other.decl.node.name.span),)
            ctx.report(
                "not-a-key", node.func.span, message, help=f"Write key = … in data {other.decl.name}.", related=related
            )
        return None
    if len(columns) != len(other.key):
        message = f"The key of {other.decl.name} is {', '.join(other.key)}, and on names {len(columns)} columns."
        ctx.report("not-a-key", value.span, message)
        return None
    same = [c.text for c in columns if c.text in other.key]
    rest = iter(k for k in other.key if k not in same)
    pairs = tuple((c.text, c.text if c.text in same else next(rest)) for c in columns)
    return pairs if _comparable(ctx, columns, pairs, here, other) else None
