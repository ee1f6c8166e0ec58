"""`# mlopsc: allow NAME` on the line of a finding silences it; one that silences nothing is itself reported.

Warnings and the errors of SILENCEABLE can be silenced: what a reader may judge better than the compiler. Any other error
means that the spec has no meaning to run.
"""

from __future__ import annotations

import re

from mlopsc.diagnostics.codes import CODES, ERROR
from mlopsc.diagnostics.model import Diagnostic, Edit
from mlopsc.semantics.context import Context, nearest
from mlopsc.semantics.imports import Unit
from mlopsc.source import Span

SILENCEABLE = frozenset({"target-leakage", "always-holds", "never-holds", "wrong-direction"})
# Names parted by commas; what follows them is the reader's own words.
_ALLOW = re.compile(r"#\s*mlopsc:\s*allow\b[ \t]*((?:[A-Za-z0-9_-]+[ \t]*,[ \t]*)*[A-Za-z0-9_-]*)")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
# Found only later, by checks of a target or of the real data: whether a silencer of these is of use is not known here.
_LATER = ("MLC70", "MLC80", "MLC90")


def apply_silencers(ctx: Context, units: list[Unit]) -> None:
    """Drop silenced findings from the bag and report what silenced nothing."""
    wrong = ctx.bag.has_errors
    silenced: set[int] = set()
    for unit in units:
        if not any("mlopsc" in comment.text for comment in unit.file.comments):
            continue
        by_line: dict[int, list[Diagnostic]] = {}
        base, end = unit.source.base, unit.source.base + len(unit.source.text)
        for item in ctx.bag.items:
            if base <= item.span[0] <= end:
                by_line.setdefault(ctx.program.sources.locate(item.span[0])[1], []).append(item)
        for comment in unit.file.comments:
            match = _ALLOW.match(comment.text)
            if match is not None:
                line = ctx.program.sources.locate(comment.start)[1]
                here = by_line.get(line, [])
                silenced |= _apply(ctx, comment.start + match.start(1), match.group(1), here, comment.span, wrong)
    if silenced:
        ctx.bag.items = [item for item in ctx.bag.items if id(item) not in silenced]


def _apply(ctx: Context, start: int, names: str, findings: list[Diagnostic], whole: Span, wrong: bool) -> set[int]:
    """The identities of the findings of a line that the names of its silencer silence. `wrong`: the spec has errors."""
    silenced: set[int] = set()
    found = list(_NAME.finditer(names))
    if not found:
        ctx.report("unused-silencer", whole, "This silencer names no finding.", help="Write # mlopsc: allow NAME.")
    for match in found:
        word = match.group()
        span = (start + match.start(), start + match.end())
        name = next((n for n, (code, _) in CODES.items() if word in (n, code)), None)
        if name is None:
            best = nearest(word, CODES)
            hint = f"Did you mean {best}?" if best else None
            edit = Edit(span, best) if best else None
            ctx.report("unused-silencer", span, f"No finding is named {word}.", help=hint, edit=edit)
            continue
        code, severity = CODES[name]
        hit = [item for item in findings if item.name == name]
        if severity == ERROR and name not in SILENCEABLE:
            ctx.report("unused-silencer", span, f"{name} is an error that cannot be silenced.")
        elif hit:
            silenced |= {id(item) for item in hit}
        elif not code.startswith(_LATER) and not (name.startswith("unused-") and wrong):
            ctx.report("unused-silencer", span, f"This line has no finding {name}.")
    return silenced
