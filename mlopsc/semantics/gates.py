"""Gate blocks: what a model must pass."""

from __future__ import annotations

from mlopsc.catalog.blocks import GATE
from mlopsc.semantics.context import Context
from mlopsc.semantics.judging import ModelScope, check_rule, metrics_in, nodes, subjects
from mlopsc.semantics.program import Decl, GateInfo, GateRuleInfo, ModelInfo, TypedExpr
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.slices import by_columns, clause_value
from mlopsc.semantics.written import written
from mlopsc.syntax import ast

_RULES = {rule.verb: rule for rule in GATE.rules}
_UNSLICED = ("latency", "model_size", "train_time", "gap")


def check_gate(ctx: Context, decl: Decl) -> None:
    """Enter the gate with its rules; one on a poisoned model stays out."""
    assert isinstance(decl.node, ast.Block)
    found = header(ctx, decl.node, GATE)["on"]
    read_settings(ctx, decl, decl.node.body, GATE)
    rules = [s for s in decl.node.body if isinstance(s, ast.Rule) and s.verb.text in _RULES]
    model = ctx.program.models.get(found.name) if found is not None else None
    required = [rule for rule in rules if rule.verb.text == "require"]
    approved = _names_setting(decl.node, "approval")
    if not required and not approved and decl.lacks("require"):
        message = f"The gate {decl.name} requires nothing and asks nobody, so it would pass anything."
        ctx.report(
            "empty-gate", decl.node.name.span, message, help="Write require METRIC >= … or approval = manual(…)."
        )
    if model is None:
        return
    checked = [_rule(ctx, rule, model) for rule in rules]
    gate = GateInfo(decl, model, [rule for rule in checked if rule is not None])
    whole = all(rule is not None for rule in checked)
    whole = whole and not ctx.damage.of(decl.node) and not decl.tried
    if whole and required and not approved and all(_by_champion(rule) for rule in gate.rules if rule.kind == "require"):
        message = f"Every rule of the gate {decl.name} compares with the champion, and the first model has none."
        ctx.report("champion-only", decl.node.name.span, message, help="Add a rule that stands by itself.")
    ctx.program.gates[decl.name] = gate


def _names_setting(node: ast.Block, name: str) -> bool:
    return any(isinstance(s, ast.Setting) and s.path[0].text == name for s in node.body)


def _by_champion(rule: GateRuleInfo) -> bool:
    return "champion" in subjects(rule.expr)


def _rule(ctx: Context, node: ast.Rule, model: ModelInfo) -> GateRuleInfo | None:
    given = {clause.word.text: clause for clause in node.clauses if clause.word.text in _RULES[node.verb.text].clauses}
    typed = check_rule(ctx, node.expr, ModelScope(model))
    by = by_columns(ctx, given.get("by"), model)
    min_rows = clause_value(ctx, given.get("min_rows"), "int!", 30, 1, 10**12)
    confidence = clause_value(ctx, given.get("confidence"), "share!", 0.95, 0.5, 0.9999)
    if typed is None or by is None or not _champion_on_the_right(ctx, node, typed):
        return None
    for metric in metrics_in(typed):
        if by and metric.fn in _UNSLICED:
            ctx.report("bad-slice", given["by"].span, f"{metric.fn} is one number of the whole model, not of a slice.")
            return None
    if len(given) == len(node.clauses):  # else one of them was misunderstood
        _report_idle(ctx, given, typed)
    return GateRuleInfo(node.verb.text, written(ctx, node.expr.span), typed, by, min_rows, confidence, node.span)


def _report_idle(ctx: Context, given: dict[str, ast.Clause], typed: TypedExpr) -> None:
    gaps = any(metric.fn == "gap" for metric in metrics_in(typed))
    if "min_rows" in given and "by" not in given and not gaps:
        ctx.report(
            "idle-clause", given["min_rows"].word.span, "min_rows counts the rows of slices, and there are none."
        )
    if "confidence" in given and "champion" not in subjects(typed):
        message = "confidence is that of the comparison with the champion, and this rule has none."
        ctx.report("idle-clause", given["confidence"].word.span, message)


def _champion_on_the_right(ctx: Context, node: ast.Rule, typed: TypedExpr) -> bool:
    """Whether the champion stands only on the right side of one comparison, so that left minus right is what is judged."""
    if "champion" not in subjects(typed):
        return True
    comparison = typed.op == "call" and typed.fn in ("<", "<=", ">", ">=")
    if not comparison:
        message = "A rule with the champion is one comparison: METRIC >= champion.METRIC - …."
        ctx.report("champion-left", node.expr.span, message)
        return False
    left, right = typed.args
    for part in nodes(left):
        if part.op == "metric" and part.extra is not None and part.extra["subject"] == "champion":
            ctx.report("champion-left", part.span, "The champion stands on the right side of a comparison.")
            return False
    if "model" not in subjects(left):
        ctx.report("champion-left", left.span, "The left side of a comparison with the champion is the new model.")
        return False
    return "champion" in subjects(right)
