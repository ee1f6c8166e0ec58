"""The first half of a statement whose second half could not be read is no statement: `best_of` without its `(`, say."""

from __future__ import annotations

from bisect import bisect_right

from mlopsc.semantics.context import Context
from mlopsc.source import Span


def drop_echoes(ctx: Context) -> None:
    """Drop the findings in a statement that text with more brackets closed than opened follows."""
    halves = sorted(
        gap.before.span
        for gaps in ctx.damage.gaps.values()
        for gap in gaps.values()
        if gap.closes and gap.before is not None
    )
    if not halves:
        return
    ctx.bag.items = [item for item in ctx.bag.items if item.code.startswith("MLC00") or not _within(item.span, halves)]


def _within(span: Span, halves: list[Span]) -> bool:
    at = bisect_right(halves, (span[0], span[0])) - 1
    return any(start <= span[0] < end for start, end in halves[max(at, 0) : at + 2])
