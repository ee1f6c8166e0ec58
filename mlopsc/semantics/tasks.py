"""The task of a model and its positive class, from the target's type.

bool and two named levels: binary; more named levels: multiclass; numbers: regression. Levels that only the data knows (string,
bare category) mean multiclass unless `task = binary` or `positive` says otherwise.
"""

from __future__ import annotations

from typing import Any

from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl, Type, TypedExpr
from mlopsc.semantics.types import named


def find_task(ctx: Context, decl: Decl, target: TypedExpr) -> str | None:
    """The task; None after reporting that `task` does not fit the target."""
    implied = _implied(target.type, "positive" in decl.settings)
    written = decl.settings.get("task")
    if written is None:
        return implied
    task = str(written.value)
    if task == implied or task in _allowed(target.type):
        return task
    what = f"a {target.type.kind}"
    if target.type.levels:
        what += f" of {len(target.type.levels)} levels"
    ctx.report("task-mismatch", written.span, f"The target is {what}, so the task is {implied}, not {task}.")
    return None


def _implied(type: Type, positive: bool) -> str:
    if type.kind == "bool":
        return "binary"
    if type.levels is not None:
        return "binary" if len(type.levels) == 2 else "multiclass"
    if type.kind in ("category", "string"):
        return "binary" if positive else "multiclass"
    return "regression"


def _allowed(type: Type) -> tuple[str, ...]:
    """Tasks that may be asked for besides the implied one."""
    if type.kind == "int":
        return ("binary", "multiclass", "regression")
    if type.kind == "string" or (type.kind == "category" and type.levels is None):
        return ("binary", "multiclass")
    return ()


def positive_class(ctx: Context, decl: Decl, target: TypedExpr, task: str) -> Any:
    """The positive class as a value of the target's type; None unless binary, or where it is missing or wrong
    (reported)."""
    written = decl.settings.get("positive")
    if task != "binary":
        if written is not None:
            ctx.report("bad-positive", written.span, f"Only a binary model has a positive class; this one is {task}.")
        return None
    own = target.type
    if written is None:
        if own.kind == "bool":
            return True
        if own.levels:
            return own.levels[-1]
        span = decl.settings["target"].span
        message = f"A binary target of type {own.kind} needs its positive class."
        ctx.report("positive-needed", span, message, help="Write positive = VALUE.")
        return None
    value = written.value
    if own.levels is not None:
        value = str(value) if own.numeric_levels and not isinstance(value, bool) else value
        if value not in own.levels:
            ctx.report("bad-positive", written.span, f"{value} is not a level of the target: {', '.join(own.levels)}.")
            return None
        return value
    wanted = {"bool": bool, "int": int, "float": float}.get(own.kind, str)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        ctx.report("bad-positive", written.span, f"The target is {named(Type(own.kind))}, and this is none.")
        return None
    return value
