"""A piece of a spec as people know it, on one line: the same text however the spec is laid out, without its comments
and needless backquotes."""

from __future__ import annotations

import re

from mlopsc.semantics.context import Context
from mlopsc.source import Span
from mlopsc.syntax.lexer import WORDS
from mlopsc.syntax.scan import scan

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLOSING = frozenset((")", "]", ",", ".", ".."))
_OPENING = frozenset(("(", "[", ".", ".."))
_WORDS = frozenset(("and", "or", "not", "in", "is", "if", "then", "else"))
# After these a minus is a sign.
_BEFORE_SIGN = _WORDS | {"(", "[", ",", "=", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "..", "|>"}


def written(ctx: Context, span: Span) -> str:
    """The tokens of a span with the blanks of the canonical layout between them. Linear in its length."""
    source = ctx.program.sources.source(span[0])
    start, end = span[0] - source.base, span[1] - source.base
    parts: list[str] = []
    before = ""
    sign = False
    for token in scan(source.text, start):
        if token.start >= end:
            break
        text = source.text[token.start : token.end]
        if text in (")", "]") and before == ",":
            parts.pop()  # a comma after the last item
            before = ""
        if parts and not (sign or text in _CLOSING or before in _OPENING or (text == "(" and _is_name(before))):
            parts.append(" ")
        parts.append(_piece(text))
        sign = text == "-" and (before in _BEFORE_SIGN or not before)
        before = text
    return "".join(parts)


def _piece(text: str) -> str:
    if text[0] == "`" and _PLAIN.fullmatch(text[1:-1]) and text[1:-1] not in WORDS:
        return text[1:-1]
    return " ".join(text.split()) if "\n" in text else text


def _is_name(text: str) -> bool:
    return text not in _WORDS and (text[:1].isalpha() or text[:1] in "_`")
