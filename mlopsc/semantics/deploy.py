"""Deploy blocks, and the rules `when … then …` that they share with monitors."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from mlopsc.catalog.blocks import DEPLOY, MONITOR
from mlopsc.catalog.calls import ACTIONS
from mlopsc.catalog.metrics import SERVED, WATCHED
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.constants import bind
from mlopsc.semantics.context import Context
from mlopsc.semantics.judging import check_rule, latency, metric_node, param_ref
from mlopsc.semantics.program import ActionRuleInfo, CallValue, Decl, DeployInfo, TypedExpr
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.slices import by_columns, clause_value
from mlopsc.semantics.written import written
from mlopsc.syntax import ast

# The clauses of `when` in deploy and monitor blocks.
WHEN = frozenset(word for block in (DEPLOY, MONITOR) for rule in block.rules for word in rule.clauses)


class ServingScope:
    """What a running server tells of itself."""

    what = "a deploy rule"

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        found = param_ref(ctx, node)
        if found is not None:
            return found[0]
        if node.text == "latency":
            ctx.report("no-metric", node.span, "latency needs its arguments.", help="Write latency(p99).")
        elif node.text in SERVED:
            return metric_node(WATCHED[node.text], node.span, "deployment")
        else:
            ctx.unknown("unknown-metric", node, f"A server has no {node.text}.", SERVED)
        return None

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        ctx.report("unknown-name", node.span, "A server is compared with numbers only.")
        return None

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        if node.func.text == "latency":
            return latency(ctx, node, "deployment")
        ctx.unknown("unknown-function", node.func, f"A server has no {node.func.text}(…).", SERVED)
        return None


def gates_by_model(gates: list[Decl]) -> dict[str, list[str]]:
    """The gates on each model, by what their headers say, whether or not they could be understood."""
    found: dict[str, list[str]] = {}
    for gate in gates:
        model = header_model(gate)
        if model is not None:
            found.setdefault(model, []).append(gate.name)
    return found


def gates_are_known(ctx: Context, gates: list[Decl]) -> bool:
    """Whether no gate may have been lost, or be on a model that could not be understood."""
    return not ctx.damage.may_declare("gate") and all(header_model(gate) in ctx.program.models for gate in gates)


def check_deploy(ctx: Context, decl: Decl, on_model: dict[str, list[str]], gates_known: bool) -> None:
    """Enter the deployment; one of a poisoned model stays out. `on_model`: the gates on each model."""
    assert isinstance(decl.node, ast.Block)
    found = header(ctx, decl.node, DEPLOY)["from"]
    read_settings(ctx, decl, decl.node.body, DEPLOY)
    model = ctx.program.models.get(found.name) if found is not None else None
    _check_rollout(ctx, decl)
    rules = [_deploy_rule(ctx, s) for s in decl.node.body if isinstance(s, ast.Rule) and s.verb.text == "when"]
    if model is None or found is None:
        return
    after = decl.settings.get("after")
    if after is not None:
        for ref in after.value:
            gate = ctx.program.decls[ref.name]
            if header_model(gate) not in (found.name, None) and header_model(gate) in ctx.program.models:
                related = (Related("the gate is on another model", gate.node.name.span),)
                message = f"The gate {ref.name} is on {header_model(gate)}, and this deploys {found.name}."
                ctx.report("foreign-gate", ref.span, message, related=related)
        names = list(dict.fromkeys(ref.name for ref in after.value))
    else:
        names = on_model.get(found.name, [])
    if not names and (after is not None or decl.lacks("after")) and gates_known:
        message = f"No gate stands between {found.name} and {decl.name}: every model trained would be served."
        hint = f"Write gate NAME on {found.name} {{ require … }}."
        ctx.report("ungated-deploy", decl.node.name.span, message, help=hint)
    ctx.program.deploys[decl.name] = DeployInfo(decl, model, names, [rule for rule in rules if rule is not None])


def header_model(decl: Decl) -> str | None:
    """The model that the header of a gate or deployment names, whether or not it could be understood."""
    if isinstance(decl.node, ast.Block) and decl.node.clauses and decl.node.clauses[0].atoms:
        atom = decl.node.clauses[0].atoms[0]
        return atom.text if isinstance(atom, ast.Name) else None
    return None


def _check_rollout(ctx: Context, decl: Decl) -> None:
    value = decl.settings.get("rollout")
    if value is None or value.value.name != "canary":
        return
    shares = value.value.args["shares"]
    numbers = shares.value
    if numbers[-1] != 1.0:
        ctx.report("bad-rollout", shares.span, "The last share of a canary is 100%.", help="End the list with 100%.")
    elif any(a >= b for a, b in pairwise(numbers)) or numbers[0] <= 0:
        ctx.report("bad-rollout", shares.span, "The shares of a canary rise from above 0%.")


def _deploy_rule(ctx: Context, node: ast.Rule) -> ActionRuleInfo | None:
    return action_rule(ctx, node, ServingScope(), ("rollback",), [], 0)


# --- when … then … ----------------------------------------------------------------------------------------------------


def action_rule(
    ctx: Context, node: ast.Rule, scope: Any, actions: tuple[str, ...], by: list[str] | None, min_rows: Any
) -> ActionRuleInfo | None:
    """A `when` rule with its actions; None where a part could not be understood."""
    given = {clause.word.text: clause for clause in node.clauses}
    typed = check_rule(ctx, node.expr, scope)
    whole = all(clause.word.text in WHEN for clause in node.clauses)
    times = _times(ctx, given) if whole else None
    done = _actions(ctx, given.get("then"), actions)
    if typed is None or times is None or done is None or by is None:
        return None
    return ActionRuleInfo(written(ctx, node.expr.span), typed, by, min_rows, times, done, node.span)


def _times(ctx: Context, given: dict[str, ast.Clause]) -> tuple[int, int] | None:
    """(k, n) of `for k of n`; (1, 1) without it."""
    if "for" not in given and "of" not in given:
        return 1, 1
    if "for" not in given or "of" not in given:
        present = given.get("for") or given["of"]
        ctx.report("missing-clause", present.word.span, "Times are written for K of N.", help="For example for 2 of 3.")
        return None
    k = clause_value(ctx, given["for"], "int", None, 1, 1000)
    n = clause_value(ctx, given["of"], "int", None, 1, 1000)
    if k is None or n is None:
        return None
    if k > n:
        ctx.report("out-of-bounds", given["for"].span, f"{k} of {n} never happens.")
        return None
    return k, n


def _actions(ctx: Context, clause: ast.Clause | None, allowed: tuple[str, ...]) -> list[CallValue] | None:
    if clause is None:
        return None
    found: list[CallValue] = []
    for atom in clause.atoms:
        action = _action(ctx, atom, allowed)
        if action is None:
            return None
        found.append(action)
    return found


def _action(ctx: Context, atom: ast.Expr, allowed: tuple[str, ...]) -> CallValue | None:
    listed = ", ".join(f"{a}(…)" if any(p.required for p in ACTIONS[a].arguments) else a for a in allowed)
    func = atom.func if isinstance(atom, ast.Call) else atom
    if not isinstance(func, ast.Name):
        ctx.report("bad-action", atom.span, f"An action here is {listed}.")
        return None
    if func.text not in allowed:
        ctx.unknown("bad-action", func, f"There is no action {func.text} here: it is {listed}.", allowed)
        return None
    call = atom if isinstance(atom, ast.Call) else ast.Call(func.start, func.end, func, [])
    return bind(ctx, call, ACTIONS[func.text])


def rule_slices(ctx: Context, node: ast.Rule, model: Any) -> tuple[list[str] | None, Any]:
    """(columns of `by`, value of `min_rows` or None)"""
    given = {clause.word.text: clause for clause in node.clauses}
    by = by_columns(ctx, given.get("by"), model)
    return by, clause_value(ctx, given.get("min_rows"), "int", None, 1, 10**12)
