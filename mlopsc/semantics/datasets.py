"""Expressions over all rows: the rules of a data block, and the user's own metrics over test rows."""

from __future__ import annotations

from mlopsc.catalog.functions import AGGREGATES, DATASET_FUNCTIONS, ELSEWHERE, ROW_FUNCTIONS, Function
from mlopsc.diagnostics.model import Edit
from mlopsc.semantics.bounds import UNBOUNDED, Interval
from mlopsc.semantics.calls import bind, fits, row_call, signature
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import Scope, check, check_condition_in
from mlopsc.semantics.operators import limits
from mlopsc.semantics.program import DataInfo, Type, TypedExpr
from mlopsc.semantics.tables import other_data
from mlopsc.semantics.types import NUMERIC, TEXT, TIMES, call, named, plain
from mlopsc.syntax import ast

_WITHIN = frozenset({"min", "max", "mean", "median", "quantile"})  # their value lies within the column's bounds


class DatasetScope:
    """Dataset functions, and row functions over their results. `rows` is the scope of the row expressions inside them."""

    refutes = True  # what declared ranges promise anyway may well be expected once more

    def __init__(self, rows: Scope, what: str) -> None:
        self.rows = rows
        self.what = what

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        if node.text == "rows" and not node.quoted:
            return _rows(ctx, node)
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            return self.rows.name(ctx, node)
        if node.text in DATASET_FUNCTIONS:
            function = DATASET_FUNCTIONS[node.text]
            ctx.report(
                "wrong-place", node.span, f"{node.text} needs what it looks at.", help=f"It is {signature(function)}."
            )
            return None
        found = self.rows.name(ctx, node)
        if found is not None:
            hint = f"For example share({_example(found)}) >= 99%, or mean, min, max."
            message = f"{node.text} has a value in each row, and {self.what} is about all rows."
            ctx.report("wrong-place", node.span, message, help=hint)
        return None

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        return self.rows.dotted(ctx, node)

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        function = DATASET_FUNCTIONS.get(node.func.text)
        if function is None:
            if node.func.text in ROW_FUNCTIONS:
                return row_call(ctx, node, self)
            meant = ELSEWHERE.get(node.func.text)
            if meant in DATASET_FUNCTIONS or meant in ROW_FUNCTIONS:
                edit = Edit(node.func.span, str(meant))
                message = f"There is no function {node.func.text}."
                ctx.report("unknown-function", node.func.span, message, help=f"Write {meant}(…).", edit=edit)
                return None
            options = [*DATASET_FUNCTIONS, *ROW_FUNCTIONS]
            what = "looks back from each row" if node.func.text in AGGREGATES else "is not known"
            ctx.unknown("unknown-function", node.func, f"{node.func.text} {what} in {self.what}.", options)
            return None
        bound = bind(ctx, node, function)
        if bound is None:
            return None
        if function.name == "rows":
            return _rows(ctx, node)
        args = [self._argument(ctx, p.kind, value, function) for p, value in bound]
        known = [a for a in args if a is not None]
        if len(known) < len(args):
            return None
        if function.name == "correlation" or function.name == "exists_in":
            return self._pair(ctx, node, function, known)
        return _made(node, function, known)

    def _argument(self, ctx: Context, kind: str, node: ast.Value, function: Function) -> TypedExpr | None:
        if kind == "condition":
            return check_condition_in(ctx, node, self.rows, function.name)
        if kind == "other":
            return _other(ctx, node)
        if kind == "share":
            return _quantile(ctx, node)
        found = check(ctx, node, self.rows)
        if found is None:
            return None
        if kind == "row":
            parameter = function.parameters[0]._replace(kind="any")
        else:
            parameter = function.parameters[0]._replace(kind=kind)
        return fits(ctx, parameter, found, function)

    def _pair(self, ctx: Context, node: ast.Call, function: Function, args: list[TypedExpr]) -> TypedExpr | None:
        if function.name == "exists_in" and not joinable(args[0].type, args[1].type):
            message = f"{named(args[0].type)} cannot stand in {args[1].fn}, which is {named(args[1].type)}."
            ctx.report("join-mismatch", node.span, message[0].upper() + message[1:])
            return None
        return _made(node, function, args)


def joinable(a: Type, b: Type) -> bool:
    """Whether values of two types can be equal."""
    return a.kind == b.kind or {a.kind, b.kind} <= NUMERIC or {a.kind, b.kind} <= TEXT


def _example(column: TypedExpr) -> str:
    kind = column.type.kind
    if kind == "bool":
        return column.fn
    return f'{column.fn} != ""' if kind in TEXT else f"{column.fn} {'> 0' if kind not in TIMES else 'is not null'}"


def _rows(ctx: Context, node: ast.Name | ast.Call) -> TypedExpr:
    return TypedExpr("call", Type("int"), node.span, fn="rows", lo=0)


def _made(node: ast.Call, function: Function, args: list[TypedExpr]) -> TypedExpr:
    kind = args[0].type.kind if function.result == "same" else function.result
    found: Interval = (function.lo, function.hi)
    if function.name in _WITHIN:
        found = limits(args[0]) if args[0].type.kind in NUMERIC else UNBOUNDED
    return call(function.name, Type(kind, function.nulls == "always"), node.span, args, found)


def _quantile(ctx: Context, node: ast.Value) -> TypedExpr | None:
    if isinstance(node, ast.Literal) and node.kind in ("percent", "float", "int"):
        number = node.value
        if isinstance(number, int | float) and 0 <= number <= 1:
            return TypedExpr("literal", Type("float"), node.span, value=float(number), lo=number, hi=number)
    ctx.report("literal-needed", node.span, "quantile needs a literal share.", help="For example quantile(x, 95%).")
    return None


def _other(ctx: Context, node: ast.Value) -> TypedExpr | None:
    """other.c: a column of another data block, named `other.c` in the Plan."""
    found = other_column(ctx, node)
    if found is None:
        return None
    other, name = found
    column = other.columns[name]
    extra = {"data": other.decl.name, "column": name}
    return TypedExpr("column", plain(column.type), node.span, fn=f"{other.decl.name}.{name}", extra=extra)


def other_column(ctx: Context, node: ast.Value) -> tuple[DataInfo, str] | None:
    """The data block and the column that `other.c` names; None after reporting."""
    if not isinstance(node, ast.Dotted) or len(node.parts) != 2:
        ctx.report("wrong-argument-type", node.span, "A column of another data block is needed here: other.c.")
        return None
    head, tail = node.parts
    other = other_data(ctx, head)
    if other is None:
        return None
    column = other.columns.get(tail.text)
    if column is None:
        if other.lacks(tail.text):
            ctx.unknown("unknown-column", tail, f"{head.text} has no column {tail.text}.", other.written())
        return None
    return other, column.name


class TestRows:
    """The columns of a user's metric: `actual`, `predicted` and, for binary tasks, `probability`."""

    proves = True
    what = "a row expression of a metric"

    def __init__(self, task: str) -> None:
        self.task = task
        kind = {"binary": "bool", "multiclass": "string"}.get(task, "float")
        self.columns = {"actual": Type(kind), "predicted": Type(kind)}
        if task == "binary":
            self.columns["probability"] = Type("float")

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        made = self.columns.get(node.text)
        if made is not None:
            lo, hi = (0, 1) if node.text == "probability" else (None, None)
            return TypedExpr("column", made, node.span, fn=node.text, lo=lo, hi=hi, columns=frozenset((node.text,)))
        declared = ctx.program.decls.get(node.text)
        if node.text == "probability":
            message = f"A {self.task} model has no single probability, so this metric does not fit it."
            ctx.report("wrong-place", node.span, message)
        elif declared is not None and declared.kind == "param":
            declared.used = True
            known = ctx.program.params.get(node.text)
            return None if known is None else TypedExpr("param", plain(known[0]), node.span, fn=node.text)
        else:
            ctx.unknown("unknown-column", node, f"A metric has no column {node.text}.", self.columns)
        return None

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        ctx.report("wrong-place", node.span, "A metric sees actual, predicted and probability only.")
        return None

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        return self.call_in(ctx, node, self)

    def call_in(self, ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
        return row_call(ctx, node, scope)


def check_user_metric(ctx: Context, node: ast.Value, task: str) -> TypedExpr | None:
    """A metric of the user's own for models of this task: a number over all test rows. None when it is poisoned."""
    scope = DatasetScope(TestRows(task), "a metric")
    found = check(ctx, node, scope)
    if found is None or found.type.kind in NUMERIC:
        return found
    ctx.report("type-mismatch", node.span, f"A metric is a number, and this is {named(found.type)}.")
    return None


__all__ = ["DatasetScope", "TestRows", "check_user_metric", "joinable", "other_column"]
