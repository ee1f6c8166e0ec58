"""After a syntax error, findings about what is absent may only be its echo: they are dropped.

A statement that could not be read is not in the tree. So a damaged block may seem to lack a setting, a column, or a use of
something; and where a whole declaration was lost, names may seem unknown. Everything else is still reported.
"""

from __future__ import annotations

from bisect import bisect_right

from mlopsc.diagnostics.model import Diagnostic
from mlopsc.semantics.context import Context
from mlopsc.semantics.imports import Unit
from mlopsc.source import Span

# Reported at the block itself, for something that it lacks.
_LACKS = frozenset({
    "missing-setting", "header-clause", "empty-gate", "champion-only", "ungated-deploy", "no-columns", "positive-needed",
    "split-without-time", "labels-needed", "no-time", "bad-labels", "not-a-key",
})  # fmt: skip
# Reported elsewhere, for what a damaged block may have declared.
_NAMES = {
    "data": frozenset({"unknown-column", "unknown-feature", "split-without-time", "no-time", "bad-labels", "not-a-key",
                       "bad-reference", "join-mismatch"}),
    "features": frozenset({"unknown-feature", "unknown-column"}),
    "deploy": frozenset({"unused-gate"}),
}  # fmt: skip
_UNUSED = frozenset({
    "unused-data", "unused-features", "unused-param", "unused-connection", "unused-channel", "unused-gate",
    "unused-silencer", "nothing-to-tune",
})  # fmt: skip
_LOST = _UNUSED | {"unknown-name", "no-pipeline", "ungated-deploy", "missing-edition", "unknown-metric"}


def drop_echoes(ctx: Context, units: list[Unit]) -> None:
    damaged = [unit for unit in units if unit.file.damaged]
    if not damaged:
        return
    echoes: set[str] = set()
    inside: list[Span] = []
    for unit in damaged:
        items = sorted(unit.file.items, key=lambda item: item.start)
        starts = [item.start for item in items]
        for error in _syntax_errors(ctx, unit):
            at = bisect_right(starts, error.span[0]) - 1
            echoes |= _UNUSED
            if at >= 0 and error.span[0] <= items[at].end:
                inside.append(items[at].span)
                echoes |= _NAMES.get(items[at].kind.text, frozenset())
            else:
                echoes |= _LOST
    ctx.bag.items = [item for item in ctx.bag.items if not _is_echo(item, echoes, inside)]


def _syntax_errors(ctx: Context, unit: Unit) -> list[Diagnostic]:
    base, end = unit.source.base, unit.source.base + len(unit.source.text)
    return [item for item in ctx.bag.items if item.code.startswith("MLC00") and base <= item.span[0] <= end]


def _is_echo(item: Diagnostic, echoes: set[str], inside: list[Span]) -> bool:
    if item.name in echoes:
        return True
    return item.name in _LACKS and any(start <= item.span[0] <= end for start, end in inside)
