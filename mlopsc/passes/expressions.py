"""Checked expressions to expressions of the Plan.

Features that an expression names are written out, so that every column of the result is one of the rows at hand. Nodes
are built bottom up without recursion: a chain of a thousand operators is as deep as it is long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlopsc.ir import expr as ir
from mlopsc.semantics.program import FeatureInfo, TypedExpr
from mlopsc.semantics.unfold import fold


def lower_expr(root: TypedExpr, features: Mapping[str, FeatureInfo] | None = None) -> ir.Expr:
    """The expression with the features that it names written out. Shared parts are lowered once."""
    return fold(root, features, _build)


def _build(node: TypedExpr, parts: list[ir.Expr]) -> ir.Expr:
    """One node from its lowered parts."""
    kind = str(node.type)
    if node.op == "column":
        return parts[0] if parts else ir.ColumnRef(name=node.fn, type=kind)
    if node.op == "literal":
        return ir.LiteralExpr(value=node.value, type=kind)
    if node.op == "param":
        return ir.ParamExpr(name=node.fn, type=kind)
    if node.op == "list":
        return ir.ListNode(items=tuple(parts), type=kind)
    if node.op == "range":
        return ir.RangeNode(lo=parts[0], hi=parts[1], type=kind)
    if node.op == "call":
        return ir.CallNode(fn=node.fn, args=tuple(parts), type=kind)
    return _outside(node, parts, kind)


def _outside(node: TypedExpr, parts: list[ir.Expr], kind: str) -> ir.Expr:
    """Nodes that look beyond the row: aggregate, lookup, metric."""
    extra: dict[str, Any] = node.extra or {}
    if node.op == "aggregate":
        rest = list(parts)
        value = rest.pop(0) if extra.get("expr") is not None else None
        where = rest.pop(0) if extra.get("where") is not None else None
        return ir.AggregateNode(
            fn=node.fn,
            data=extra["data"],
            expr=value,
            on=tuple(extra["on"]),
            over=extra["over"],
            where=where,
            type=kind,
        )
    if node.op == "lookup":
        return ir.LookupNode(data=extra["data"], column=extra["column"], on=tuple(extra["on"]), type=kind)
    assert node.op == "metric", node.op
    return ir.MetricNode(subject=extra["subject"], name=node.fn, args=extra["args"], type=kind)
