"""Expressions over the numbers of a model or a deployment: the names and functions of gates, deploy rules and monitors.

A metric is a TypedExpr with op "metric", `fn` its name and `extra` = {"subject", "args"} as in `mlopsc.ir.expr`.
Durations are microseconds, as everywhere in expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlopsc.catalog.metrics import MEASURES, METRICS, QUANTILES, Metric, of_task
from mlopsc.semantics import bounds
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import check
from mlopsc.semantics.metrics import metric_of
from mlopsc.semantics.program import ModelInfo, Type, TypedExpr
from mlopsc.semantics.slices import slice_column
from mlopsc.source import Span
from mlopsc.syntax import ast

INF = float("inf")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def metric_node(metric: Metric, span: Span, subject: str, /, **args: Any) -> TypedExpr:
    return TypedExpr(
        "metric",
        Type(metric.type),
        span,
        fn=metric.name,
        lo=None if metric.lo == -INF else metric.lo,
        hi=None if metric.hi == INF else metric.hi,
        extra={"subject": subject, "args": args},
    )


class ModelScope:
    """Metrics of one model, as gates see them. `champion` and `baseline` may be named where `compared`."""

    what = "a gate"

    def __init__(self, model: ModelInfo, *, subject: str = "model", compared: bool = True) -> None:
        self.model = model
        self.subject = subject
        self.compared = compared

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        found = param_ref(ctx, node)
        if found is not None:
            return found[0]
        if node.text in MEASURES:
            measure = MEASURES[node.text]
            if node.text in ("latency", "gap"):
                example = "latency(p99)" if node.text == "latency" else "gap(recall, by = COLUMN)"
                ctx.report("no-metric", node.span, f"{node.text} needs its arguments.", help=f"Write {example}.")
                return None
            return metric_node(measure, node.span, self.subject)
        metric = metric_of(ctx, node, self.model.task)
        return metric_node(metric, node.span, self.subject) if metric is not None else None

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        owner = node.parts[0].text
        if owner not in ("champion", "baseline") or len(node.parts) != 2 or not self.compared:
            known = ("champion", "baseline") if self.compared else ()
            ctx.unknown("unknown-name", node.parts[0], f"{owner} means nothing in {self.what}.", known)
            return None
        name = node.parts[1]
        if name.text in MEASURES:
            ctx.report("no-metric", node.span, f"The {owner} is compared by its metrics, and {name.text} is none.")
            return None
        metric = metric_of(ctx, name, self.model.task)
        return metric_node(metric, node.span, owner) if metric is not None else None

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        word = node.func.text
        if word == "latency":
            return latency(ctx, node, self.subject)
        if word == "gap":
            return self._gap(ctx, node)
        if word in METRICS:
            ctx.report("unknown-function", node.func.span, f"{word} takes no arguments.", help=f"Write {word}.")
            return None
        options = ["latency", "gap", *of_task(self.model.task)]
        ctx.unknown("unknown-function", node.func, f"{self.what.capitalize()} has no function {word}.", options)
        return None

    def _gap(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        given = {arg.name.text if arg.name is not None else "metric": arg.value for arg in node.args}
        metric_name, by = given.get("metric"), given.get("by")
        if len(given) != len(node.args) or set(given) != {"metric", "by"} or not isinstance(metric_name, ast.Name):
            ctx.report("wrong-argument-count", node.span, "gap takes a metric and a column: gap(recall, by = COLUMN).")
            return None
        metric = metric_of(ctx, metric_name, self.model.task)
        column = slice_column(ctx, by, self.model) if by is not None else None
        if metric is None or column is None:
            return None
        wide = metric.hi - metric.lo
        return metric_node(MEASURES["gap"]._replace(hi=wide), node.span, self.subject, metric=metric.name, by=column)


def param_ref(ctx: Context, node: ast.Name) -> tuple[TypedExpr | None] | None:
    """(expression or poison,) where the name is a param's, else None. A share param is a float."""
    declared = ctx.program.decls.get(node.text)
    if declared is None or declared.kind != "param":
        return None
    declared.used = True
    known = ctx.program.params.get(node.text)
    if known is None:
        return (None,)
    kind = "float" if known[0].kind == "share" else known[0].kind
    return (TypedExpr("param", Type(kind), node.span, fn=node.text),)


def latency(ctx: Context, node: ast.Call, subject: str) -> TypedExpr | None:
    first = node.args[0].value if len(node.args) == 1 and node.args[0].name is None else None
    if isinstance(first, ast.Name) and first.text in QUANTILES:
        return metric_node(MEASURES["latency"], node.span, subject, quantile=first.text)
    ctx.report("wrong-value", node.span, f"latency takes one of {', '.join(QUANTILES)}.", help="Write latency(p99).")
    return None


# --- rules ------------------------------------------------------------------------------------------------------------


def check_rule(ctx: Context, node: ast.Expr, scope: Any) -> TypedExpr | None:
    """A condition over metrics, with comparisons that nothing can decide otherwise reported."""
    typed = check(ctx, node, scope)
    if typed is None:
        return None
    if typed.type.kind != "bool":
        ctx.report(
            "not-a-condition", node.span, "A rule needs a condition.", help="Compare it with something: x >= 0.8."
        )
        return None
    if not any(True for _ in metrics_in(typed)):
        ctx.report("no-metric", node.span, "This rule looks at no metric.")
        return None
    return typed if _decidable(ctx, typed) else None


def nodes(root: TypedExpr) -> Iterator[TypedExpr]:
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo += reversed(node.args)


def metrics_in(root: TypedExpr) -> Iterator[TypedExpr]:
    return (node for node in nodes(root) if node.op == "metric")


def subjects(root: TypedExpr) -> set[str]:
    return {node.extra["subject"] for node in metrics_in(root) if node.extra is not None}


def _decidable(ctx: Context, root: TypedExpr) -> bool:
    """Report comparisons that the bounds of their metrics decide; False where there is one."""
    whole = True
    for node in nodes(root):
        if node.op != "call" or len(node.args) != 2:
            continue
        left, right = node.args
        verdict: bool | None = None
        if node.fn in COMPARISONS:
            verdict = bounds.decide(node.fn, (left.lo, left.hi), (right.lo, right.hi))
        elif node.fn in ("in", "not in") and right.op == "range":
            lo, hi = right.args
            above = bounds.decide(">=", (left.lo, left.hi), (lo.lo, lo.hi))
            below = bounds.decide("<=", (left.lo, left.hi), (hi.lo, hi.hi))
            inside = False if above is False or below is False else (True if above and below else None)
            verdict = None if inside is None else inside == (node.fn == "in")
        if verdict is not None and (left.op != "literal" or right.op != "literal"):
            whole = False
            measured = left if left.op != "literal" else right
            why = f"{measured.fn or 'the left side'} is {bounds.say((measured.lo, measured.hi))}"
            name = "always-holds" if verdict else "never-holds"
            ctx.report(name, node.span, f"This {'always' if verdict else 'never'} holds: {why}.")
    return whole
