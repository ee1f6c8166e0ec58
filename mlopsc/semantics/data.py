"""Data blocks: filters, dedupe and what is expected of all rows."""

from __future__ import annotations

from mlopsc.semantics.context import Context
from mlopsc.semantics.datasets import DatasetScope
from mlopsc.semantics.expressions import check
from mlopsc.semantics.operators import condition
from mlopsc.semantics.program import DataInfo, DataRuleInfo, Decl, TypedExpr
from mlopsc.semantics.rows import RowScope, check_condition
from mlopsc.semantics.tables import table
from mlopsc.semantics.written import written
from mlopsc.syntax import ast


def check_data(ctx: Context, decl: Decl) -> DataInfo:
    """The data block with all its rules, registered in the program. A rule that is poisoned is left out."""
    info = table(ctx, decl)
    if info.checked:
        return info
    info.checked = True
    for statement in decl.node.body if isinstance(decl.node, ast.Block) else []:
        if isinstance(statement, ast.Rule):
            _rule(ctx, info, statement)
    return info


def _rule(ctx: Context, info: DataInfo, node: ast.Rule) -> None:
    verb = node.verb.text
    if verb == "filter":
        found = check_condition(ctx, node.expr, info, place="filter")
        if found is not None:
            info.filters.append(found)
    elif verb == "dedupe":
        _dedupe(ctx, info, node)
    elif verb in ("expect", "warn"):
        rule = check_data_rule(ctx, info, node.expr)
        if rule is not None:
            text = written(ctx, node.expr.span)
            info.rules.append(DataRuleInfo(verb, text, rule, node.span))


def check_data_rule(ctx: Context, info: DataInfo, node: ast.Expr) -> TypedExpr | None:
    """A condition about all rows of a data block."""
    scope = DatasetScope(RowScope(info), "a rule about the data")
    found = check(ctx, node, scope)
    return None if found is None else condition(ctx, found, "A rule about the data")


def _dedupe(ctx: Context, info: DataInfo, node: ast.Rule) -> None:
    names = node.expr.items if isinstance(node.expr, ast.ListExpr) else [node.expr]
    if info.dedupe is not None:
        ctx.report("duplicate-setting", node.verb.span, "dedupe is given twice.", help="Write dedupe [a, b].")
        return
    columns: list[str] = []
    info.dedupe = columns
    if not names:
        ctx.report("misplaced-statement", node.expr.span, "dedupe needs a column.")
    for name in names:
        if not isinstance(name, ast.Name):
            ctx.report("misplaced-statement", name.span, "dedupe takes a column or a list of columns.")
        elif name.text in columns:
            ctx.report("duplicate-name", name.span, f"{name.text} stands in dedupe twice.")
        elif name.text in info.columns:
            columns.append(name.text)
        elif info.lacks(name.text):
            ctx.unknown("unknown-column", name, f"{info.decl.name} has no column {name.text}.", info.written())
