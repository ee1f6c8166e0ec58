"""A second, plain look at the tokens of a damaged stretch: no rule of where statements end, nothing built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mlopsc.syntax.lexer import (
    ERROR,
    G_ALIEN,
    G_COMMENT,
    G_NAME,
    G_NEWLINE,
    G_NUMBER,
    G_ODD,
    G_QUOTED,
    G_SIGN,
    G_STRING,
    G_TRIPLE,
    G_WORD,
    INT,
    LBRACE,
    LBRACK,
    LPAR,
    NAME,
    NOT,
    PUNCTUATION,
    RBRACE,
    RBRACK,
    RPAR,
    STRING,
    TOKEN,
    TRIPLE_END,
    WORDS,
)  # fmt: skip

_KINDS = {G_NUMBER: INT, G_STRING: STRING, G_ALIEN: STRING, G_QUOTED: NAME, G_WORD: NAME, G_ODD: NOT}
OPENING = frozenset((LPAR, LBRACK))
CLOSING = frozenset((RPAR, RBRACK))
BRACES = frozenset((LBRACE, RBRACE))


class Token(NamedTuple):
    """`first`: the first of its line. Numbers of every kind are INT."""

    kind: int
    start: int
    end: int
    first: bool


def scan(text: str, offset: int) -> Iterator[Token]:
    """The tokens from `offset` on."""
    first = text.rfind("\n", 0, offset) + 1 >= offset or not text[text.rfind("\n", 0, offset) + 1 : offset].strip(" \t")
    matches = TOKEN.finditer(text, offset)
    while True:
        for match in matches:
            group = match.lastindex
            if group == G_NEWLINE:
                first = True
                continue
            if group == G_COMMENT:
                continue
            start, end = match.span()
            if group == G_NAME:
                kind = WORDS.get(match[0], NAME)
            elif group == G_SIGN:
                kind = PUNCTUATION[match[0]]
            elif group == G_TRIPLE:
                closed = TRIPLE_END.match(text, end)
                line_end = text.find("\n", end)
                end = closed.end() if closed else len(text) if line_end < 0 else line_end
                yield Token(STRING, start, end, first)
                first = False
                matches = TOKEN.finditer(text, end)
                break
            else:
                kind = _KINDS.get(group or 0, ERROR)
            yield Token(kind, start, end, first)
            first = False
        else:
            return


def column(text: str, offset: int) -> int:
    """The indentation of the line that `offset` is on, in characters."""
    line = text.rfind("\n", 0, offset) + 1
    return next((index for index in range(line, len(text)) if text[index] not in " \t\ufeff"), len(text)) - line
