"""Declarations that nothing uses. What an import brings along may stay unused: it is shared."""

from __future__ import annotations

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.imports import Unit
from mlopsc.semantics.steps import deciding_gates

_REPORTED = {
    "data": ("unused-data", "No features, labels or step read the data {name}."),
    "features": ("unused-features", "No model or test is built from the features {name}."),
    "param": ("unused-param", "Nothing reads the param {name}."),
    "connection": ("unused-connection", "No source uses the connection {name}."),
    "channel": ("unused-channel", "Nothing is sent to the channel {name}."),
}


def check_unused(ctx: Context, spec: Unit) -> None:
    for decl in ctx.program.decls.values():
        if decl.kind in _REPORTED and not decl.used and decl.file == spec.path:
            code, message = _REPORTED[decl.kind]
            ctx.report(code, decl.node.name.span, message.format(name=decl.name))
    _check_gates(ctx, spec)


def _check_gates(ctx: Context, spec: Unit) -> None:
    """A gate that every deployment of its model leaves out of `after` decides nothing."""
    for name, gate in ctx.program.gates.items():
        model = gate.model.decl.name
        if gate.decl.file != spec.path or name in deciding_gates(ctx.program, model):
            continue
        deploys = [d for d in ctx.program.deploys.values() if d.model.decl.name == model and "after" in d.decl.settings]
        related = tuple(Related("its after leaves the gate out", d.decl.settings["after"].span) for d in deploys[:1])
        message = f"The gate {name} decides nothing: no deployment of {model} waits for it."
        ctx.report("unused-gate", gate.decl.node.name.span, message, related=related)
