"""What is wrong only with a profile that nobody chose: the spec is checked once more with each.

An override is checked by its kind in `mlopsc.semantics.profiles`. Whether a spec still makes sense with it (a time split
without a time column, an algorithm that takes no nulls) shows only in the whole.
"""

from __future__ import annotations

from collections.abc import Callable

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.diagnostics.codes import ERROR
from mlopsc.diagnostics.model import Bag, Diagnostic, Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.imports import Unit
from mlopsc.semantics.profiles import override_key, override_span
from mlopsc.semantics.program import Decl, Program
from mlopsc.semantics.settings import find_setting
from mlopsc.source import Span
from mlopsc.syntax import ast

# Characters that are checked again in all; beyond it only so many profiles, so that the whole stays linear.
_BUDGET = 2_000_000
_ALWAYS = 4
# Kinds of settings whose values seldom change what else is right.
_PLAIN = frozenset({"int", "number", "share", "duration", "size", "bool", "string", "strings"})


def check_variants(ctx: Context, units: list[Unit], prove: Callable[[Context, str], None]) -> None:
    """Report errors that the spec has only with a profile other than the chosen one, at the override that brings them in.
    What a profile uses counts as used. `prove(context, profile)` checks the parsed spec under a profile, silencers applied."""
    profiles = [decl for decl in ctx.program.decls.values() if decl.kind == "profile" and _may_matter(ctx, decl)]
    size = sum(len(unit.source.text) for unit in units)
    most = max(_ALWAYS, _BUDGET // max(size, 1))
    known = {(item.code, item.span) for item in ctx.bag.items}
    for decl in profiles[:most]:
        variant = _fresh(ctx)
        prove(variant, decl.name)
        for name, used in variant.program.decls.items():
            if used.used and name in ctx.program.decls:
                ctx.program.decls[name].used = True
        for item in variant.bag.items:
            if item.severity == ERROR and (item.code, item.span) not in known:
                _report(ctx, decl, item)
    for decl in profiles[most:]:
        message = (
            f"The profile {decl.name} is only checked setting by setting: this spec is too long to check with each."
        )
        ctx.report("unchecked-profile", decl.node.name.span, message, help=f"Check with --profile {decl.name}.")


def _may_matter(ctx: Context, profile: Decl) -> bool:
    """Params are checked by their type and by the bounds of every place that they stand in."""
    return profile.name != ctx.program.profile and any(override_key(node)[1] for node in _overrides(profile))


def _overrides(profile: Decl) -> list[ast.Setting]:
    body = profile.node.body if isinstance(profile.node, ast.Block) else []
    return [node for node in body if isinstance(node, ast.Setting)]


def _fresh(ctx: Context) -> Context:
    program = Program(ctx.program.sources, ctx.program.edition, {}, read=ctx.read)
    program.files = ctx.program.files
    made = Context(program, Bag(), ctx.folder)
    made.read, made.damage = ctx.read, ctx.damage
    return made


def _report(ctx: Context, profile: Decl, item: Diagnostic) -> None:
    if profile.node.start <= item.span[0] < profile.node.end:
        ctx.bag.report(item.name, item.span, item.message, help=item.help, edit=item.edit, related=item.related)
        return
    related = (Related("this is what is wrong then", item.span),)
    message = f"With the profile {profile.name}: {item.message}"
    ctx.bag.report(item.name, _culprit(ctx, profile, item.span), message, help=item.help, related=related)


def _culprit(ctx: Context, profile: Decl, at: Span) -> Span:
    """The likeliest cause: an override of the declaration that the finding lies in before one of another, a call, a column or
    an expression before a plain value."""

    def unlikely(node: ast.Setting) -> tuple[bool, bool]:
        name, path = override_key(node)
        decl = ctx.program.decls.get(name)
        if decl is None or decl.kind not in BLOCKS:
            return True, True
        setting = find_setting(BLOCKS[decl.kind], path)
        plain = setting is None or setting.kind.partition(":")[0].rstrip("!$") in _PLAIN
        return not decl.node.start <= at[0] <= decl.node.end, plain

    return override_span(min((node for node in _overrides(profile) if override_key(node)[1]), key=unlikely))
