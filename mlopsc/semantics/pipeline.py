"""The pipeline block, and `target` blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from mlopsc.catalog.blocks import PIPELINE, TARGETS
from mlopsc.catalog.calls import TRIGGERS
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.constants import bind
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl
from mlopsc.semantics.settings import read_settings
from mlopsc.syntax import ast

_SECRET_NAMES = re.compile(r"(password|passwd|token|secret|api_?key|access_?key|private_?key)$", re.I)


def check_pipeline(ctx: Context, decl: Decl) -> None:
    """The pipeline's settings and triggers."""
    assert isinstance(decl.node, ast.Block)
    _no_header(ctx, decl.node, "pipeline")
    read_settings(ctx, decl, decl.node.body, PIPELINE)
    for rule in decl.node.body:
        if isinstance(rule, ast.Rule) and rule.verb.text == "when":
            _trigger(ctx, rule)


def _no_header(ctx: Context, node: ast.Block, kind: str) -> None:
    for clause in node.clauses:
        ctx.report("header-clause", clause.word.span, f"A {kind} block takes no {clause.word.text} here.")


def _trigger(ctx: Context, rule: ast.Rule) -> None:
    """`when new_data(D) then run`"""
    for clause in rule.clauses:
        atoms = clause.atoms
        if clause.word.text == "then" and not (
            len(atoms) == 1 and isinstance(atoms[0], ast.Name) and atoms[0].text == "run"
        ):
            ctx.report("bad-action", clause.span, "A pipeline's trigger does one thing: run.", help="Write then run.")
    if not isinstance(rule.expr, ast.Call) or rule.expr.func.text not in TRIGGERS:
        if isinstance(rule.expr, ast.Call):
            ctx.unknown("unknown-function", rule.expr.func, f"There is no trigger {rule.expr.func.text}.", TRIGGERS)
        else:
            ctx.report("wrong-value", rule.expr.span, "A trigger is new_data(DATA).")
        return
    call = bind(ctx, rule.expr, TRIGGERS[rule.expr.func.text])
    if call is not None:
        name = call.args["data"].value.name
        if name not in ctx.program.triggers:
            ctx.program.triggers.append(name)


def check_target(ctx: Context, decl: Decl, installed: Callable[[], Iterable[str]]) -> None:
    """Options of a back end: names and literals. What an option means is the back end's. A target that this release knows
    may be named where its back end is not installed; `installed` gives the names of further ones."""
    assert isinstance(decl.node, ast.Block)
    if decl.name not in TARGETS and decl.name not in (known := {*TARGETS, *installed()}):
        ctx.unknown("unknown-target", decl.node.name, f"There is no target {decl.name}.", sorted(known))
        return
    _no_header(ctx, decl.node, "target")
    options: dict[str, Any] = {}
    spans: dict[str, tuple[int, int]] = {}
    kinds: dict[str, str] = {}
    for statement in decl.node.body:
        if not isinstance(statement, ast.Setting):
            ctx.report("misplaced-statement", statement.span, "A target block holds options: NAME = VALUE.")
            continue
        name = ".".join(part.text for part in statement.path)
        span = (statement.path[0].start, statement.path[-1].end)
        if name in spans:
            related = (Related("first given here", spans[name]),)
            ctx.report("duplicate-setting", span, f"{name} is given twice.", related=related)
            continue
        spans[name] = span
        ok, value = _option(ctx, name, statement.value)
        if ok:
            options[name] = value
        if isinstance(statement.value, ast.Literal):
            kinds[name] = statement.value.kind
    ctx.program.targets[decl.name] = options
    ctx.program.target_kinds[decl.name] = kinds
    ctx.program.target_spans[decl.name] = spans


def _option(ctx: Context, name: str, node: ast.Value | ast.Star) -> tuple[bool, Any]:
    """(understood, JSON value): a literal or a list of them; a bare word is its text; secret and env are references."""
    if isinstance(node, ast.Literal) and node.kind != "null":
        # `secret` itself names an object that holds secrets: it is how back ends for Kubernetes call it.
        if node.kind == "string" and name != "secret" and _SECRET_NAMES.search(name):
            ctx.report("literal-secret", node.span, f"{name} holds a password or token.", help='Write secret("NAME").')
            return False, None
        return True, node.value
    if isinstance(node, ast.Name):
        return True, node.text
    if isinstance(node, ast.ListExpr):
        found = [_option(ctx, name, item) for item in node.items]
        return all(ok for ok, _ in found), [value for _, value in found]
    if isinstance(node, ast.Call) and node.func.text in ("secret", "env") and len(node.args) == 1:
        first = node.args[0].value
        if isinstance(first, ast.Literal) and first.kind == "string":
            return True, {node.func.text: first.value}
    ctx.report("bad-target-option", node.span, f"The option {name} is a literal or a list of literals.")
    return False, None
