"""Rules of a gate that let only the worse models pass: `mae >= 3000`, `roc_auc <= champion.roc_auc`."""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.catalog.metrics import MEASURES, METRICS
from mlopsc.semantics.context import Context
from mlopsc.semantics.judging import nodes, subjects
from mlopsc.semantics.program import GateRuleInfo, TypedExpr
from mlopsc.source import Span

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Bound(NamedTuple):
    """A comparison `metric op other`. `inverted`: only worse values than `other` meet it."""

    metric: TypedExpr
    op: str
    other: TypedExpr
    span: Span
    inverted: bool


def report_inverted(ctx: Context, rules: list[GateRuleInfo]) -> None:
    """Report the inverted bounds of metrics, but not those beside which a rule of the same gate bounds the metric from the
    other side, too, and leaves values between them."""
    bounds = [bound for rule in rules for bound in _bounds(rule.expr)]
    for bound in bounds:
        if not bound.inverted or any(_between(bound, other) for other in bounds):
            continue
        better = "more" if _higher(bound.metric) else "less"
        op = _FLIPPED[bound.op]
        message = f"Of {bound.metric.fn}, {better} is better, so only worse models meet this."
        ctx.report("inverted-rule", bound.span, message, help=f"Write {bound.metric.fn} {op} ….")


def _higher(metric: TypedExpr) -> bool:
    return METRICS[metric.fn].higher if metric.fn in METRICS else MEASURES[metric.fn].higher


def _bounds(root: TypedExpr) -> list[_Bound]:
    """The comparisons of a metric of the new model by itself that a rule requires, through `and`."""
    if root.op != "call":
        return []
    if root.fn == "and":
        return [bound for part in root.args for bound in _bounds(part)]
    if root.fn not in _FLIPPED:
        return []
    left, right = root.args
    found = []
    for metric, other, op in ((left, right, root.fn), (right, left, _FLIPPED[root.fn])):
        known = metric.op == "metric" and (metric.fn in METRICS or metric.fn in MEASURES)
        if known and metric.extra is not None and metric.extra["subject"] == "model" and "model" not in subjects(other):
            found.append(_Bound(metric, op, other, root.span, _higher(metric) != (op in (">", ">="))))
    return found


def _between(bound: _Bound, other: _Bound) -> bool:
    """Whether `other` bounds the same metric from its better side and values remain between the two."""
    if other.inverted or other.metric.fn != bound.metric.fn:
        return False
    if not subjects(bound.other) <= subjects(other.other):
        return False  # a champion is no bound of its own kind: it may be as bad as this rule asks for
    if any(node.op != "literal" for side in (bound.other, other.other) for node in nodes(side)):
        return True
    low, high = (other, bound) if bound.op in ("<", "<=") else (bound, other)
    return bool(low.other.value < high.other.value)
