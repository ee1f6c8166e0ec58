"""Declarations that nothing uses. What an import brings along may stay unused: it is shared."""

from __future__ import annotations

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.imports import Unit
from mlopsc.semantics.steps import deciding_gates
from mlopsc.syntax import ast

_REPORTED = {
    "data": ("unused-data", "No features, labels or step read the data {name}."),
    "features": ("unused-features", "No model or test is built from the features {name}."),
    "param": ("unused-param", "Nothing reads the param {name}."),
    "connection": ("unused-connection", "No source uses the connection {name}."),
    "channel": ("unused-channel", "Nothing is sent to the channel {name}."),
}


def check_unused(ctx: Context, units: list[Unit]) -> None:
    """Report what nothing uses. Where something could not be understood, a name that is mentioned anywhere counts as used:
    whatever mentions it may just not have been read. A declaration with
    an error of its own has that to be told first."""
    spec = units[0]
    unused = [d for d in ctx.program.decls.values() if d.kind in _REPORTED and not d.used and d.file == spec.path]
    errors = [item.span[0] for item in ctx.bag.items if item.severity == "error" and item.name != "no-pipeline"]
    mentioned = _mentioned(units) | _meant(ctx) if unused and errors else frozenset()
    for decl in unused:
        broken = any(decl.node.start <= at <= decl.node.end for at in errors)
        if decl.name not in mentioned and not broken:
            code, message = _REPORTED[decl.kind]
            ctx.report(code, decl.node.name.span, message.format(name=decl.name))
    _check_gates(ctx, spec)


def _meant(ctx: Context) -> frozenset[str]:
    """What unknown names were probably meant for."""
    return frozenset(item.edit.text for item in ctx.bag.items if item.name == "unknown-name" and item.edit is not None)


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


def _check_gates(ctx: Context, spec: Unit) -> None:
    """A gate that every deployment of its model leaves out of `after` decides nothing."""
    deciding = {name for gates in deciding_gates(ctx.program).values() for name in gates}
    for name, gate in ctx.program.gates.items():
        model = gate.model.decl.name
        if gate.decl.file != spec.path or name in deciding:
            continue
        deploys = [d for d in ctx.program.deploys.values() if d.model.decl.name == model and "after" in d.decl.settings]
        related = tuple(Related("its after leaves the gate out", d.decl.settings["after"].span) for d in deploys[:1])
        message = f"The gate {name} decides nothing: no deployment of {model} waits for it."
        ctx.report("unused-gate", gate.decl.node.name.span, message, related=related)
