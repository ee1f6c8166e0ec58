"""Declarations that nothing uses. What an import brings along may stay unused: it is shared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cache

from mlopsc.catalog.calls import SETS
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context, nearest
from mlopsc.semantics.deploy import header_model
from mlopsc.semantics.imports import Unit
from mlopsc.semantics.program import Decl
from mlopsc.semantics.steps import deciding_gates
from mlopsc.syntax import ast

_MOST_SLIPS = 200  # unknown names that are looked at as slips for something unused
_REPORTED = {
    "data": ("unused-data", "No features, labels or step read the data {name}."),
    "features": ("unused-features", "No model or test is built from the features {name}."),
    "param": ("unused-param", "Nothing reads the param {name}."),
    "connection": ("unused-connection", "No source uses the connection {name}."),
    "channel": ("unused-channel", "Nothing is sent to the channel {name}."),
}


def check_unused(ctx: Context, units: list[Unit]) -> None:
    """Report what nothing uses. Where something could not be understood, a name that is mentioned anywhere counts as used, as
    does one that an unknown name may be a slip for, or whose kind could stand where a value is missing; after lost text,
    everything does. A declaration with an error of its own has that to be told first."""
    if ctx.damage.torn or ctx.damage.everything:
        return
    spec = units[0]
    unused = [d for d in ctx.program.decls.values() if d.kind in _REPORTED and not d.used and d.file == spec.path]
    errors = sorted(i.span[0] for i in ctx.bag.items if i.severity == "error" and i.name != "no-pipeline")
    spared: set[str | None] = set()
    if unused and errors:
        spared |= _mentioned(units)
        spared |= {nearest(name, [decl.name for decl in unused]) for name in ctx.strange[:_MOST_SLIPS]}
    for decl in unused:
        if any(may_hold(kind, decl.kind) for kind in ctx.holes):
            continue
        broken = bisect_left(errors, decl.node.start) < bisect_right(errors, decl.node.end)
        if decl.name not in spared and not broken:
            code, message = _REPORTED[decl.kind]
            ctx.report(code, decl.node.name.span, message.format(name=decl.name))
    _check_gates(ctx, spec)


def _mentioned(units: list[Unit]) -> frozenset[str]:
    """Every name that stands anywhere but as the name of its own declaration."""
    found: set[str] = set()
    todo: list[object] = []
    for unit in units:
        for item in unit.file.items:
            todo += [item.clauses, item.body] if isinstance(item, ast.Block) else [item.value]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, ast.Name):
            found.add(node.text)
        elif isinstance(node, ast.Node):
            todo += [getattr(node, field) for field in node.fields]
    return frozenset(found)


@cache
def may_hold(kind: str, declared: str) -> bool:
    """Whether a value of a kind of `catalog.schema` may name a declaration of the kind `declared`."""
    if " or " in kind:
        return any(may_hold(part, declared) for part in kind.split(" or "))
    base, _, detail = kind.rstrip("!$").partition(":")
    if declared == "param" and (kind.endswith("!") or base in ("row", "any")):
        return True
    if base in ("ref", "refs"):
        return declared in detail.split("|")
    if base in ("call", "calls"):
        return any(may_hold(argument.kind, declared) for call in SETS[detail].values() for argument in call.arguments)
    return False


def _is_unsure(ctx: Context, deploy: Decl) -> bool:
    return deploy.name not in ctx.program.deploys or ("after" not in deploy.settings and not deploy.lacks("after"))


def _check_gates(ctx: Context, spec: Unit) -> None:
    """A gate that every deployment of its model leaves out of `after` decides nothing."""
    # The models of deployments that were not understood, or whose gates were not; None where that is not known either.
    unsure = {header_model(d) for d in ctx.program.decls.values() if d.kind == "deploy" and _is_unsure(ctx, d)}
    unsure |= {nearest(model, ctx.program.models) or "" for model in unsure if model is not None}
    if ctx.damage.may_declare("deploy"):
        return
    deciding = {name for gates in deciding_gates(ctx.program).values() for name in gates}
    for name, gate in ctx.program.gates.items():
        model = gate.model.decl.name
        if gate.decl.file != spec.path or name in deciding or model in unsure or None in unsure:
            continue
        deploys = [d for d in ctx.program.deploys.values() if d.model.decl.name == model and "after" in d.decl.settings]
        related = tuple(Related("its after leaves the gate out", d.decl.settings["after"].span) for d in deploys[:1])
        message = f"The gate {name} decides nothing: no deployment of {model} waits for it."
        ctx.report("unused-gate", gate.decl.node.name.span, message, related=related)
