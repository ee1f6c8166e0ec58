"""Readers of single literals: numbers with their units, dates, checked texts. Each returns a Value, or None after
reporting."""

from __future__ import annotations

import codecs
import datetime
import re
from collections.abc import Callable
from typing import Any

from mlopsc.catalog.schema import shown
from mlopsc.diagnostics.model import Edit
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Value
from mlopsc.syntax import ast

# The words of messages: kind -> (what is needed, an example of it).
WORDS = {
    "string": ("a text", '"text"'),
    "int": ("a whole number", "3"),
    "float": ("a number", "0.5"),
    "number": ("a number", "0.5"),
    "bool": ("true or false", "true"),
    "share": ("a share", "20%"),
    "duration": ("a duration", "30s"),
    "size": ("a size", "512MiB"),
}
# What a literal of one kind may stand for, besides its own (a share also as 0.05, an int where a float is meant).
ACCEPTS = {
    "string": ("string",),
    "int": ("int",),
    "float": ("float", "int"),
    "number": ("float", "int"),
    "bool": ("bool",),
    "share": ("percent", "float", "int"),
    "duration": ("duration",),
    "size": ("size",),
}
PARAM_ACCEPTS = {
    "int": ("int",),
    "float": ("int", "float", "share"),
    "number": ("int", "float", "share"),
    "share": ("share", "float"),
    "bool": ("bool",),
    "string": ("string", "category"),
    "duration": ("duration",),
    "size": ("size",),
}
_UNITS = {"timeout": "s", "retry_delay": "s"}  # of the others, days
_CREDENTIALS = re.compile(
    r"://[^/@\s]*:[^/@\s]+@|hooks\.slack\.com/services/|[?&](token|key|secret|password|sig)=", re.I
)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z", re.A)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def read_literal(ctx: Context, node: ast.Expr, kind: str, what: str) -> Value | None:
    """A literal of one of the kinds of WORDS."""
    need, example = WORDS[kind]
    if isinstance(node, ast.Literal) and node.kind in ACCEPTS[kind]:
        return _share(ctx, node, what) if kind == "share" else Value(_number(node, kind), node.span)
    if isinstance(node, ast.Literal) and node.kind in ("int", "float") and kind in ("duration", "size"):
        unit = _unit(what) if kind == "duration" else "MiB"
        message = f"{what} needs {need}, and {node.text} has no unit."
        ctx.report("missing-unit", node.span, message, help=f"Write {node.text}{unit}.")
        return None
    if kind == "string" and isinstance(node, ast.Name):
        text = '"' + node.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        ctx.report("wrong-value", node.span, f"{what} needs a text.", help=f"Write {text}.", edit=Edit(node.span, text))
        return None
    ctx.report("wrong-value", node.span, f"{what} needs {need}{instead(node)}.", help=f"For example {example}.")
    return None


def _unit(what: str) -> str:
    """The unit in which people think of a duration."""
    if what == "The every of canary":
        return "min"
    return _UNITS.get(what.removeprefix("The ").split(" of ")[0].split(".")[-1], "d")


def _number(node: ast.Literal, kind: str) -> Any:
    return float(node.value) if kind == "float" and isinstance(node.value, int) else node.value


def _share(ctx: Context, node: ast.Literal, what: str) -> Value | None:
    number = float(node.value)  # type: ignore[arg-type]
    if not 0 <= number <= 1:
        hint = f"Write {node.text}%." if node.kind != "percent" and 1 < number <= 100 else None
        ctx.report("out-of-bounds", node.span, f"{what} is a share, so it lies in 0%..100%.", help=hint)
        return None
    return Value(number, node.span)


def is_share(ctx: Context, node: ast.Literal) -> bool:
    """Whether a percent lies in 0%..100%, as one does wherever it stands; reports where it does not."""
    assert isinstance(node.value, int | float)
    if 0 <= node.value <= 1:
        return True
    hint = f"Write {node.value:.12g} where a number is meant."
    ctx.report("out-of-bounds", node.span, f"{node.text} is no share: shares lie in 0%..100%.", help=hint)
    return False


def instead(node: ast.Value | ast.Star) -> str:
    if isinstance(node, ast.Literal):
        words = {
            "percent": "a share",
            "null": "null",
            "string": "a text",
            "bool": "true or false",
            "int": "a whole number",
        }
        return f", not {words.get(node.kind, 'a ' + node.kind)}"
    if isinstance(node, ast.Dotted):
        return ", not a dotted name"
    if isinstance(node, ast.Name):
        return ", not a name"
    if isinstance(node, ast.Range):
        return ", not a range"
    return ", not a list" if isinstance(node, ast.ListExpr) else ""


def in_bounds(ctx: Context, value: Value, base: str, what: str, lo: float | None, hi: float | None) -> bool:
    ends = value.value if isinstance(value.value, list | tuple) else [value.value]
    for number in ends:
        if isinstance(number, str) and base in ("string", "delimiter") and lo is not None and len(number) < lo:
            ctx.report("out-of-bounds", value.span, f"{what} is empty.")
            return False
        if not isinstance(number, int | float) or isinstance(number, bool):
            continue
        if lo is not None and number < lo:
            ctx.report("out-of-bounds", value.span, f"{what} is at least {shown(lo, base)}.")
            return False
        if hi is not None and number > hi:
            ctx.report("out-of-bounds", value.span, f"{what} is at most {shown(hi, base)}.")
            return False
    return True


def date_text(text: str, kind: str) -> str | None:
    """ "2026-01-31" or "2026-01-31T00:00:00.000000Z" for a text of ISO 8601; None where it is none."""
    try:
        if kind == "date":
            return datetime.date.fromisoformat(text).isoformat() if len(text) == 10 else None
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_date(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
        first = node.args[0].value if len(node.args) == 1 else None
        if isinstance(first, ast.Literal) and first.kind == "string":
            text = date_text(str(first.value), node.func.text)
            if text is not None:
                return Value(text, node.span)
        example = 'date("2026-01-31")' if node.func.text == "date" else 'timestamp("2026-01-31T00:00:00Z")'
        ctx.report(
            "bad-date", node.span, f"{node.func.text} takes one text in ISO 8601.", help=f"For example {example}."
        )
        return None
    ctx.report("wrong-value", node.span, f"{what} needs a date{instead(node)}.", help='For example date("2026-01-31").')
    return None


def check_encoding(text: str) -> str | None:
    """What is wrong with the name of a text encoding, as Python knows them."""
    try:
        found = codecs.lookup(text)
    except (LookupError, ValueError):
        return f"No text encoding is named {text}."
    return None if getattr(found, "_is_text_encoding", True) else f"{text} is no encoding of text."


def check_delimiter(text: str) -> str | None:
    """Quotes and line ends have a meaning of their own in CSV."""
    return "A delimiter holds no quote and no line end." if set(text) & set('"\r\n') else None


def checked_text(check: Callable[[str], str | None]) -> Callable[[Context, ast.Expr, str, str], Value | None]:
    def read(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
        value = read_literal(ctx, node, "string", what)
        problem = check(value.value) if value is not None else None
        if problem:
            ctx.report("wrong-value", node.span, problem)
            return None
        return value

    return read


def module_problem(text: str) -> str | None:
    return (
        None if _MODULE.match(text) else "A function is named by its module and its name, as package.module:function."
    )


def read_string(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    value = read_literal(ctx, node, "string", what)
    if value is not None and _CREDENTIALS.search(value.value):
        ctx.report(
            "literal-secret",
            node.span,
            f"{what} holds a password or token.",
            help='Read it at run time: secret("NAME").',
        )
        return None
    return value


def read_secret(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Literal) and node.kind == "string":
        ctx.report(
            "literal-secret", node.span, f"{what} is a secret, and a spec holds none.", help='Write secret("NAME").'
        )
    else:
        ctx.report("wrong-value", node.span, f'{what} needs secret("NAME").')
    return None
