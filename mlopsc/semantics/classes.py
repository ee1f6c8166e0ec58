"""Classes outside the shipped tables: a check without data imports nothing, so it cannot know their arguments."""

from __future__ import annotations

from mlopsc.semantics.context import Context
from mlopsc.source import Span


def say_unchecked(ctx: Context, span: Span, path: str) -> None:
    """Say once in a spec that the arguments of such a class are checked later."""
    if any(item.name == "unchecked-class" for item in ctx.bag.items):
        return
    message = f"The arguments of {path} are checked only by check --data and run."
    ctx.report("unchecked-class", span, message)
