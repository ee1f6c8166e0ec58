"""Test blocks: rows given, and what must hold of their features left of |>."""

from __future__ import annotations

from typing import Any

from mlopsc.catalog.blocks import TEST
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.calls import row_call
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import Scope, any_literal, check_condition_in, is_literal
from mlopsc.semantics.program import (
    ColumnInfo,
    DataInfo,
    DataRuleInfo,
    Decl,
    FeatureInfo,
    FeaturesInfo,
    TestInfo,
    TypedExpr,
)
from mlopsc.semantics.rows import RowScope, feature_ref
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.types import named
from mlopsc.semantics.walk import names
from mlopsc.semantics.written import written
from mlopsc.syntax import ast


class _TestScope(RowScope):
    """Columns and features as given rows have them: a feature with a pipe stands for its value left of |>. What declared ranges
    prove is not said: an expectation holds by itself as often as not."""

    proves = False

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        feature = self.features.features.get(node.text) if self.features is not None else None
        if feature is None or node.text in self.data.columns:
            return super().name(ctx, node)
        if len(feature.inputs) > 1:
            message = f"{node.text} joins several columns, so it has no one value to test."
            related = (Related("joined here", feature.span),)
            ctx.report(
                "untestable-feature", node.span, message, help="Test the columns that it joins.", related=related
            )
            return None
        other = _reads_other_rows(self.features, feature)
        if other is not None:
            message = f"{node.text} looks at other rows ({other}), and a test has only the rows given."
            ctx.report("untestable-feature", node.span, message, related=(Related("defined here", feature.span),))
            return None
        return feature_ref(feature.name, feature.inputs, node.span)

    def call_in(self, ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
        return row_call(ctx, node, scope)


def _reads_other_rows(features: FeaturesInfo | None, feature: FeatureInfo) -> str | None:
    """The aggregate or lookup that a feature, or one that it is built from, stands on."""
    todo = list(feature.inputs)
    seen: set[str] = set()
    while todo:
        node = todo.pop()
        if node.op in ("aggregate", "lookup"):
            return node.fn if node.op == "aggregate" else "lookup"
        todo += node.args
        for name in node.features - seen if features is not None and node.op == "column" else ():
            seen.add(name)
            todo += features.features[name].inputs if features is not None and name in features.features else []
    return None


def check_test(ctx: Context, decl: Decl) -> None:
    """The test's rows and expectations, registered in the program."""
    node = decl.node
    if not isinstance(node, ast.Block):
        return
    read_settings(ctx, decl, node.body, TEST)
    of = header(ctx, node, TEST).get("of")
    features = ctx.program.features.get(of.name) if of is not None else None
    if features is None:
        return
    rules = [s for s in node.body if isinstance(s, ast.Rule)]
    given = [_given(ctx, features.data, row) for r in rules if r.verb.text == "given" for row in _rows(r.expr)]
    whole = [row for row in given if row is not None]
    expects = []
    for rule in rules:
        if rule.verb.text == "expect":
            expects += _expect(ctx, features, rule, [set(row) for row in whole] if len(whole) == len(given) else [])
    if not given and decl.lacks("given"):
        ctx.report(
            "bad-given-row", node.name.span, f"test {decl.name} gives no row.", help="Write given row(column = value)."
        )
    elif not any(r.verb.text == "expect" for r in rules) and decl.lacks("expect"):
        ctx.report(
            "bad-given-row", node.name.span, f"test {decl.name} expects nothing.", help="Write expect feature == value."
        )
    ctx.program.tests[decl.name] = TestInfo(decl, features, whole, expects)


def _rows(node: ast.Expr) -> list[ast.Value | ast.Star]:
    return node.items if isinstance(node, ast.ListExpr) else [node]


def _given(ctx: Context, data: DataInfo, node: ast.Value | ast.Star) -> dict[str, Any] | None:
    """The values of one row by column; None after reporting."""
    if not isinstance(node, ast.Call) or node.func.text != "row":
        ctx.report("bad-given-row", node.span, "given takes a row.", help="Write given row(column = value).")
        return None
    row: dict[str, Any] = {}
    whole = True
    for arg in node.args:
        if arg.name is None:
            ctx.report("bad-given-row", arg.span, "A value of a row is written column = value.")
            whole = False
            continue
        column = data.columns.get(arg.name.text)
        if column is None:
            whole = False
            if data.lacks(arg.name.text):
                message = f"{data.decl.name} has no column {arg.name.text}."
                ctx.unknown("unknown-column", arg.name, message, data.written())
        elif column.name in row:
            ctx.report("duplicate-argument", arg.span, f"{column.name} is given twice.")
            whole = False
        else:
            found = _cell(ctx, column, arg.value)
            if found is not None and not _within(column, found[0]):
                message = f"No row with this {column.name} is read: its column does not allow it."
                ctx.report("bad-given-row", arg.value.span, message, related=(Related("declared here", column.span),))
                found = None
            whole = whole and found is not None
            if found is not None:
                row[column.name] = found[0]
    return row if whole else None


def _within(column: ColumnInfo, value: Any) -> bool:
    """Whether the range or the list of the column lets the value in; a null passes both."""
    if value is None:
        return True
    if column.allowed:
        return value in column.allowed
    return (column.lo is None or value >= column.lo) and (column.hi is None or value <= column.hi)


def _cell(ctx: Context, column: ColumnInfo, node: ast.Value) -> tuple[Any] | None:
    """A literal of the column's type, in a tuple of one (null is a value)."""
    if not is_literal(node):
        ctx.report("literal-needed", node.span, "A value of a given row is a literal.")
        return None
    found = any_literal(ctx, node)
    if found is None:
        return None
    kind, wanted = found.type.kind, column.type
    if kind == "null":
        if not wanted.nullable:
            ctx.report("bad-given-row", node.span, f"{column.name} is {named(wanted)}, which is never null.")
            return None
        return (None,)
    if wanted.kind == "float" and kind == "int":
        return (float(found.value),)
    if wanted.kind == "category" and (kind == "string" or (kind == "int" and wanted.numeric_levels)):
        if wanted.levels is not None and str(found.value) not in wanted.levels:
            ctx.report("unknown-level", node.span, f"{str(found.value)!r} is not a level of {column.name}.")
            return None
        return (str(found.value),)
    if kind == wanted.kind:
        return (found.value,)
    ctx.report("bad-given-row", node.span, f"{column.name} is {named(wanted)}, and this is {named(found.type)}.")
    return None


def _say_what_tests_see(ctx: Context, features: FeaturesInfo, node: ast.Expr, met: int) -> None:
    """An encoded feature compared with its code: the reason of the mismatch is where tests look."""
    for at, item in enumerate(ctx.bag.items[met:], met):
        named_there = [features.features[n.text] for n in names(node) if n.text in features.features]
        piped = next((f for f in named_there if not f.plain and len(f.inputs) == 1), None)
        if item.name == "type-mismatch" and piped is not None:
            hint = f"A test sees the value left of |>, and {piped.name} is {named(piped.inputs[0].type)} there."
            ctx.bag.items[at] = item._replace(help=hint, edit=None)


def _expect(ctx: Context, features: FeaturesInfo, rule: ast.Rule, given: list[set[str]]) -> list[DataRuleInfo]:
    scope = _TestScope(features.data, features, what="an expectation of a test", fitted=True)
    met = len(ctx.bag.items)
    found = check_condition_in(ctx, rule.expr, scope, "expect")
    if found is None:
        _say_what_tests_see(ctx, features, rule.expr, met)
        return []
    columns = features.data.columns
    for row in given:
        lacking = sorted(c for c in found.columns if c not in row and c in columns and not columns[c].type.nullable)
        if lacking:
            message = f"This reads {lacking[0]}, which a given row lacks and which is never null."
            ctx.report("bad-given-row", rule.expr.span, message, help=f"Give it: row({lacking[0]} = …).")
            return []
    return [DataRuleInfo("expect", written(ctx, rule.expr.span), found, rule.span)]
