"""Profiles and `--set`: typed overrides of params and leaf settings.

Every profile is checked, chosen or not. The values of the chosen one, and then those of `--set`, go into
`ctx.overrides`, from which `read_settings` and `check_param` take them in place of the spec's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.constants import constant
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl
from mlopsc.semantics.settings import find_setting, setting_paths
from mlopsc.source import SourceMap
from mlopsc.syntax import ast, parse

_TEXT_TYPES = ("string", "category", "date", "timestamp")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")


def apply_overrides(ctx: Context, sources: SourceMap, profile: str | None, overrides: Mapping[str, str]) -> None:
    """Fill `ctx.overrides`. An unknown profile or `--set` name is reported at the start of the spec."""
    program = ctx.program
    start = (sources.sources[0].base, sources.sources[0].base)
    if profile is not None:
        chosen = program.decls.get(f"profile {profile}")
        if chosen is None:
            names = [d.name for d in program.decls.values() if d.kind == "profile"]
            word = ast.Name(start[0], start[1], profile)
            has = "" if names else ": the spec has no profile block"
            ctx.unknown("unknown-name", word, f"No profile is named {profile}{has}.", names)
        elif isinstance(chosen.node, ast.Block):
            program.profile = profile
            _enter(ctx, chosen.node.body, f"profile {profile}")
    for name, text in overrides.items():
        body = _parse_set(ctx, sources, name, text)
        if body is not None:
            _enter(ctx, body, "--set")
            for statement in body:
                _check_override(ctx, statement, "--set")


def _enter(ctx: Context, body: list[ast.Statement], origin: str) -> None:
    for statement in body:
        if isinstance(statement, ast.Setting):
            ctx.overrides[override_key(statement)] = (statement.value, origin)


def override_key(node: ast.Setting) -> tuple[str, str]:
    """(declaration, dotted setting); no setting for a param."""
    return node.path[0].text, ".".join(part.text for part in node.path[1:])


def _parse_set(ctx: Context, sources: SourceMap, name: str, text: str) -> list[ast.Statement] | None:
    """The statement of `--set NAME=TEXT`. The text of a param of text type may stand without quotes."""
    declared = ctx.program.decls.get(name)
    if declared is not None and isinstance(declared.node, ast.Binding) and declared.node.type is not None:
        kind = declared.node.type.name.text
        if kind in _TEXT_TYPES and not text.startswith(('"', "date(", "timestamp(")):
            quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text = f"{kind}({quoted})" if kind in ("date", "timestamp") else quoted
    source = sources.add("--set", f"profile set {{ {name} = {text}\n}}\n")
    span = (source.base + 14, source.base + 14 + len(name))
    if not _DOTTED.match(name):
        ctx.report("unknown-override", span, f"{name} is not the name of a param or setting.")
        return None
    file = parse(source, ctx.bag)
    block = file.items[0] if len(file.items) == 1 else None
    if file.damaged:
        return None
    if not isinstance(block, ast.Block) or len(block.body) != 1:
        ctx.report("wrong-value", span, f"The value of {name} is one literal.")
        return None
    return block.body


def check_profiles(ctx: Context) -> None:
    """Check every override of every profile by the kind of its setting."""
    for decl in list(ctx.program.decls.values()):
        if decl.kind != "profile" or not isinstance(decl.node, ast.Block):
            continue
        for clause in decl.node.clauses:
            ctx.report("header-clause", clause.word.span, f"A profile block takes no {clause.word.text} here.")
        seen: dict[tuple[str, str], ast.Setting] = {}
        for statement in decl.node.body:
            if isinstance(statement, ast.Setting):
                earlier = seen.setdefault(override_key(statement), statement)
                if earlier is not statement:
                    related = (Related("first given here", override_span(earlier)),)
                    name = ".".join(part.text for part in statement.path)
                    ctx.report(
                        "duplicate-setting", override_span(statement), f"{name} is given twice.", related=related
                    )
                    continue
            _check_override(ctx, statement, f"profile {decl.name}")


def override_span(node: ast.Setting) -> tuple[int, int]:
    return node.path[0].start, node.path[-1].end


def _check_override(ctx: Context, node: ast.Statement, origin: str) -> None:
    if not isinstance(node, ast.Setting):
        message = "A profile overrides params and settings, never rules, columns or features."
        ctx.report("misplaced-statement", node.span, message)
        return
    name, path = override_key(node)
    decl = ctx.program.decls.get(name)
    if decl is None and ctx.damage.kinds:
        return
    if decl is None:
        options = [d.name for d in ctx.program.decls.values() if d.kind in BLOCKS or d.kind == "param"]
        ctx.unknown("unknown-name", node.path[0], f"Nothing is named {name}.", options)
    elif decl.kind == "param" and not path:
        _check_param_value(ctx, decl, node.value)
    else:
        _check_setting(ctx, decl, node, path)


def _check_param_value(ctx: Context, decl: Decl, node: ast.Value) -> None:
    known = ctx.program.params.get(decl.name)
    if known is None:
        return
    kind = {"category": "string", "timestamp": "date"}.get(known[0].kind, known[0].kind)
    lo, hi = ctx.program.param_bounds.get(decl.name, (None, None))
    value = constant(ctx, node, kind, what=decl.name, lo=lo, hi=hi)
    if value is not None and known[0].levels is not None and value.value not in known[0].levels:
        ctx.report("unknown-level", node.span, f"{value.value} is not a level of {decl.name}.")


def _check_setting(ctx: Context, decl: Decl, node: ast.Setting, path: str) -> None:
    spec = BLOCKS.get(decl.kind)
    if spec is None or spec.open or not path:
        options = setting_paths(spec) if spec is not None else []
        hint = f"For example {decl.name}.{options[0]} = …." if options else None
        message = f"{decl.name} is a {decl.kind}; a profile overrides params and settings."
        ctx.report("unknown-override", override_span(node), message, help=hint)
        return
    setting = find_setting(spec, path)
    if setting is None:
        words = ast.Name(node.path[1].start, node.path[-1].end, path)
        message = f"A {decl.kind} block has no setting {path}."
        ctx.unknown("unknown-setting", words, message, setting_paths(spec))
        return
    constant(ctx, node.value, setting.kind, what=path, lo=setting.lo, hi=setting.hi)
