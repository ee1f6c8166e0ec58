"""One argument of an algorithm against a constraint of `catalog.algorithm_table`: a value, a param or tune(…).

A constraint lists alternatives, parted by |: `int [1,inf)`, `number (0,1]`, `float (0,1)`, `str a,b`, `str`, `bool`,
`list`, `none`. A constraint of None takes anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from mlopsc.diagnostics.model import Edit
from mlopsc.semantics.context import Context, nearest
from mlopsc.semantics.program import Ref
from mlopsc.semantics.scalars import is_share
from mlopsc.syntax import ast

INF = float("inf")
_WORDS = {"int": "a whole number", "number": "a number", "float": "a number with a point", "bool": "true or false"}


class Alternative(NamedTuple):
    kind: str  # int number float str bool list none
    lo: float = -INF
    hi: float = INF
    closed: str = "[]"  # which ends are in
    options: tuple[str, ...] = ()

    def holds(self, value: object) -> bool:
        if self.kind == "none":
            return value is None
        if self.kind == "str":
            return isinstance(value, str) and (not self.options or value in self.options)
        if self.kind == "bool":
            return isinstance(value, bool)
        if self.kind == "list":
            return isinstance(value, list)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if isinstance(value, float) != (self.kind == "float") and self.kind != "number":
            return False
        above = value >= self.lo if self.closed[0] == "[" else value > self.lo
        below = value <= self.hi if self.closed[1] == "]" else value < self.hi
        return above and below

    def say(self) -> str:
        if self.kind == "none":
            return "null"
        if self.kind == "str":
            texts = [f'"{option}"' for option in self.options[:8]]
            return " or ".join(texts) + (" …" if len(self.options) > 8 else "") if texts else "a text"
        if self.kind not in _WORDS:
            return "a list"
        limits = []
        if self.lo != -INF:
            limits.append(f"{'at least' if self.closed[0] == '[' else 'above'} {self.lo:g}")
        if self.hi != INF:
            limits.append(f"{'at most' if self.closed[1] == ']' else 'below'} {self.hi:g}")
        return " ".join([_WORDS[self.kind], " and ".join(limits)]).strip()


@lru_cache(maxsize=1024)
def alternatives(constraint: str) -> tuple[Alternative, ...]:
    found = []
    for text in constraint.split("|"):
        kind, _, rest = text.partition(" ")
        if kind == "str":
            found.append(Alternative(kind, options=tuple(rest.split(",")) if rest else ()))
        elif rest:
            lo, hi = rest[1:-1].split(",")
            found.append(Alternative(kind, float(lo), float(hi), rest[0] + rest[-1]))
        else:
            found.append(Alternative(kind))
    return tuple(found)


def fits(value: object, constraint: str | None) -> bool:
    return constraint is None or any(a.holds(value) for a in alternatives(constraint))


def check_argument(ctx: Context, node: ast.Value, what: str, constraint: str | None) -> tuple[bool, Any]:
    """(understood, value): a JSON value, a Ref to a param, or {"tune": …} as `mlopsc.ir.plan.Tune`."""
    if isinstance(node, ast.Call) and node.func.text == "tune":
        return _tune(ctx, node, what, constraint)
    if isinstance(node, ast.Name):
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            declared.used = True
            return _param(ctx, node, what, constraint)
    ok, value = _literal(ctx, node, what)
    if not ok:
        return False, None
    return _holds(ctx, node, value, what, constraint), value


def _param(ctx: Context, node: ast.Name, what: str, constraint: str | None) -> tuple[bool, Any]:
    known = ctx.program.params.get(node.text)
    if known is None:
        return False, None
    if known[0].kind in ("duration", "size", "date", "timestamp") or not fits(known[1], constraint):
        needs = " or ".join(a.say() for a in alternatives(constraint)) if constraint else "a plain value"
        message = f"{what} needs {needs}, and the param {node.text} is {known[0]} with the default {known[1]}."
        ctx.report("bad-parameter", node.span, message)
        return False, None
    return True, Ref("param", node.text, node.span)


def _literal(ctx: Context, node: ast.Value | ast.Star, what: str) -> tuple[bool, Any]:
    """A literal, a bare word (as its text), or a list of them."""
    if isinstance(node, ast.Literal) and node.kind not in ("duration", "size"):
        return node.kind != "percent" or is_share(ctx, node), node.value
    if isinstance(node, ast.Literal):
        ctx.report("bad-parameter", node.span, f"{what} takes no {node.kind}.", help="Write a plain number.")
        return False, None
    if isinstance(node, ast.Name):
        return True, node.text
    if isinstance(node, ast.ListExpr):
        found = [_literal(ctx, item, what) for item in node.items]
        return all(ok for ok, _ in found), [value for _, value in found]
    ctx.report("bad-parameter", node.span, f"{what} is a literal, a list of literals, or tune(…).")
    return False, None


def _holds(ctx: Context, node: ast.Value | ast.Star, value: object, what: str, constraint: str | None) -> bool:
    if fits(value, constraint):
        return True
    assert constraint is not None
    options = [option for a in alternatives(constraint) for option in a.options]
    message = f"{what} is {' or '.join(a.say() for a in alternatives(constraint))}."
    best = nearest(value, options) if isinstance(value, str) else None
    if best is not None:
        text = f'"{best}"'
        ctx.report("bad-parameter", node.span, message, help=f"Did you mean {text}?", edit=Edit(node.span, text))
    else:
        ctx.report("bad-parameter", node.span, message)
    return False


def _tune(ctx: Context, node: ast.Call, what: str, constraint: str | None) -> tuple[bool, Any]:
    space: ast.Value | None = None
    log: object = None
    for arg in node.args:
        if arg.name is None and space is None:
            space = arg.value
        elif arg.name is not None and arg.name.text == "log" and log is None:
            log = arg.value.value if isinstance(arg.value, ast.Literal) and arg.value.kind == "bool" else "wrong"
        elif arg.name is not None and arg.name.text == "log":
            ctx.report("duplicate-argument", arg.span, "log is given twice.")
            return False, None
        elif arg.name is not None:
            ctx.unknown("unknown-argument", arg.name, f"tune has no argument {arg.name.text}.", ("log",))
            return False, None
        else:
            ctx.report("bad-tune", arg.span, "tune takes one range or list, and log = true.")
            return False, None
    if space is None or log == "wrong":
        ctx.report(
            "bad-tune", node.span, "tune takes a range or a list, and log = true.", help="Write tune(0.01..1, log = true)."
        )
        return False, None
    if isinstance(space, ast.Range):
        return _tune_range(ctx, space, bool(log), what, constraint)
    if isinstance(space, ast.ListExpr) and space.items and not log:
        return _tune_list(ctx, space, what, constraint)
    message = "A list has no scale: log goes with a range." if log else "tune takes a range or a list of values."
    ctx.report("bad-tune", space.span, message)
    return False, None


def _tune_range(ctx: Context, space: ast.Range, log: bool, what: str, constraint: str | None) -> tuple[bool, Any]:
    ends: list[int | float] = []
    for end in (space.lo, space.hi):
        if not isinstance(end, ast.Literal) or end.kind not in ("int", "float", "percent"):
            ctx.report("bad-tune", end.span, "The ends of a search space are numbers.")
            return False, None
        if end.kind == "percent" and not is_share(ctx, end):
            return False, None
        assert isinstance(end.value, int | float)
        ends.append(end.value)
    lo, hi = ends
    integer = isinstance(lo, int) and isinstance(hi, int) and _whole(constraint)
    if not integer:
        lo, hi = float(lo), float(hi)
    if lo >= hi:
        ctx.report("bad-tune", space.span, f"The search space of {what} is empty: its ends are {lo:g} and {hi:g}.")
        return False, None
    if log and lo <= 0:
        ctx.report("bad-tune", space.lo.span, "A log scale starts above 0.")
        return False, None
    for end, value in ((space.lo, lo), (space.hi, hi)):
        if not _holds(ctx, end, value, what, constraint):
            return False, None
    return True, {"tune": {"lo": lo, "hi": hi, "log": log, "integer": integer}}


def _whole(constraint: str | None) -> bool:
    """Whether whole ends mean whole values: unless the parameter takes any number."""
    return constraint is None or any(a.kind == "int" for a in alternatives(constraint))


def _tune_list(ctx: Context, space: ast.ListExpr, what: str, constraint: str | None) -> tuple[bool, Any]:
    choices: list[Any] = []
    for item in space.items:
        ok, value = _literal(ctx, item, what)
        if not ok or not _holds(ctx, item, value, what, constraint):
            return False, None
        if isinstance(value, list):
            ctx.report("bad-tune", item.span, "A choice of tune is one value, not a list.")
            return False, None
        choices.append(value)
    return True, {"tune": {"choices": choices}}
