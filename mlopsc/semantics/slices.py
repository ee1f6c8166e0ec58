"""Slices: the columns of `by` clauses, gaps and segments, and the clauses `min_rows` and `confidence`."""

from __future__ import annotations

from typing import Any

from mlopsc.semantics.constants import constant
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import ModelInfo, Type, Value
from mlopsc.semantics.types import named
from mlopsc.syntax import ast

SLICED = ("category", "bool", "string")


def slice_column(ctx: Context, node: ast.Value, model: ModelInfo) -> str | None:
    """The column or feature that slices rows: a category, bool or string; None after reporting."""
    data = model.features.data
    if not isinstance(node, ast.Name):
        ctx.report("bad-slice", node.span, "A slice is by a column's name.")
        return None
    kind = _kind(node.text, model)
    if kind is None:
        if data.lacks(node.text) and model.features.lacks(node.text):
            ctx.unknown("unknown-column", node, f"{data.decl.name} has no column {node.text}.", data.written())
        return None
    if kind not in SLICED:
        message = f"Slices are by a category, a bool or a string, and {node.text} is {named(Type(kind))}."
        ctx.report("bad-slice", node.span, message)
        return None
    return node.text


def _kind(name: str, model: ModelInfo) -> str | None:
    """The kind of a column, or of a feature's value left of |>; a column wins."""
    column = model.features.data.columns.get(name)
    if column is not None:
        return column.type.kind
    feature = model.features.features.get(name)
    return feature.inputs[0].type.kind if feature is not None and len(feature.inputs) == 1 else None


def by_columns(ctx: Context, clause: ast.Clause | None, model: ModelInfo) -> list[str] | None:
    """The columns of a `by` clause; None after reporting."""
    if clause is None:
        return []
    found: list[str] = []
    for atom in clause.atoms:
        for item in atom.items if isinstance(atom, ast.ListExpr) else [atom]:
            column = slice_column(ctx, item, model) if not isinstance(item, ast.Star) else None
            if column is None:
                return None
            if column not in found:
                found.append(column)
    return found


def clause_value(ctx: Context, clause: ast.Clause | None, kind: str, default: Any, lo: float, hi: float) -> Any:
    """The one value of a clause: a number, or a Ref to a param; the default where it is absent or wrong (reported)."""
    if clause is None:
        return default
    if len(clause.atoms) != 1:
        ctx.report("wrong-value", clause.span, f"{clause.word.text} takes one value.")
        return default
    value: Value | None = constant(ctx, clause.atoms[0], kind, what=clause.word.text, lo=lo, hi=hi)
    return value.value if value is not None else default
