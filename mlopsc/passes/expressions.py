"""Checked expressions to expressions of the Plan.

A feature that an expression names stays a name: written out, a chain of features that each use the one before twice would
double with every link. Nodes are built bottom up without recursion: a chain of a thousand operators is as deep as it is long.
"""

from __future__ import annotations

from typing import Any

from mlopsc.ir import expr as ir
from mlopsc.semantics.folding import fold
from mlopsc.semantics.program import TypedExpr


def lower_expr(root: TypedExpr) -> ir.Expr:
    """The expression as a node of the Plan. Shared parts are lowered once."""
    return fold(root, _build)


def _build(node: TypedExpr, parts: list[ir.Expr]) -> ir.Expr:
    """One node from its lowered parts."""
    kind = str(node.type)
    if node.op == "column":
        reference = ir.FeatureRef if node.fn in node.features else ir.ColumnRef
        return reference(name=node.fn, type=kind)
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
