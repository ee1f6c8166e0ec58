"""Finds where a damaged statement ends."""

from __future__ import annotations

from itertools import islice

from mlopsc.syntax.lexer import END, LBRACE, LEADING, NAME, NUMBER_OF, OPEN_ENDED, RBRACE, SEP
from mlopsc.syntax.scan import BRACES, CLOSING, OPENING, Token, column, scan

EQ, COLON = NUMBER_OF["EQ"], NUMBER_OF["COLON"]
_VALUE_BEFORE = frozenset(NUMBER_OF[name] for name in ("EQ", "COMMA", "LPAR", "LBRACK", "COLON")) | OPEN_ENDED
# Tokens looked at after an error: while there is budget, and without.
_NEAR, _NEAREST = 2_000, 20


class Resync:
    """Searches in one text. All searches together look at a number of tokens that grows with the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._budget = 20_000 + len(text)

    def line_end(self, offset: int) -> int:
        """The end of the line that `offset` is on, at least one character on."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else max(end, offset + 1)

    def past_closing(self, offset: int) -> int:
        """After all braces that close one after the other from `offset` on, on one line."""
        while self.text.startswith(("}", " "), offset):
            offset += 1
        return offset

    def next_token(self, offset: int) -> int:
        """Where the first token from `offset` on starts."""
        return next((token.start for token in scan(self.text, offset) if token.kind != SEP), len(self.text))

    def past_deep(self, offset: int) -> int:
        """The end of brackets nested too deep: their match, or the next brace of the block."""
        nested = 0
        for token in scan(self.text, offset):
            if token.kind in BRACES and not self.text.startswith("{", offset):
                return token.start
            nested += (token.kind in OPENING or token.kind == LBRACE) - (token.kind in CLOSING or token.kind == RBRACE)
            if nested <= 0:
                return token.end if token.kind == RBRACE else self.line_end(token.start)
        return len(self.text)

    def find(self, start: int, offset: int, kind: int) -> tuple[int, bool]:
        """(where to go on, whether that is inside a brace of the statement's own) for a statement from `start` whose
        token at `offset` is wrong. Brackets that are closed before the next brace belong to the statement; if they are
        not, its lines do as far as they are indented deeper."""
        if kind == END:
            return len(self.text), False
        nested, before, near = 0, END, 0
        for token in scan(self.text, start):
            past = token.start >= offset
            if token.first and token.start > start and past and nested <= 0 and self._ends(before, token):
                return token.start, False
            if token.kind in OPENING:
                nested += 1
            elif token.kind in CLOSING:
                nested = max(nested - 1, 0)
            elif token.kind == SEP and past and nested <= 0:
                return token.start, False
            elif token.kind in BRACES and past:
                return self._at_brace(start, offset, token, before, nested)
            before = token.kind
            if past:
                near += 1
                self._budget -= 1
                if near > (_NEAR if self._budget > 0 else _NEAREST):
                    break
        if nested > 0:
            return self._by_indent(start, offset, len(self.text)), False
        return len(self.text), False

    def _ends(self, before: int, token: Token) -> bool:
        return before not in OPEN_ENDED and token.kind not in LEADING

    def _at_brace(self, start: int, offset: int, brace: Token, before: int, nested: int) -> tuple[int, bool]:
        same_line = "\n" not in self.text[start : brace.start]
        if brace.kind == RBRACE:
            return (brace.start if nested <= 0 or same_line else self._by_indent(start, offset, brace.start)), False
        if before in _VALUE_BEFORE and brace.start >= offset and same_line:
            return self._past_braces(brace.start), False
        if nested > 0 and not same_line:
            return self._by_indent(start, offset, brace.start), False
        return brace.end, True

    def _past_braces(self, offset: int) -> int:
        """After a `{ … }` that stands where a value should; after the line if it is not closed before a block."""
        nested = 0
        line_end = self.line_end(offset)
        words: list[int] = []
        for token in islice(scan(self.text, offset), _NEAR if self._budget > 0 else _NEAREST):
            self._budget -= 1
            words = [token.kind] if token.first else [*words[:2], token.kind]
            if token.kind == LBRACE:
                nested += 1
                if words[:2] == [NAME, NAME]:
                    break
            elif token.kind == RBRACE:
                nested -= 1
                if nested <= 0:
                    aligned = column(self.text, offset) == column(self.text, token.start)
                    return token.end if token.end <= line_end or aligned else line_end
        return line_end

    def _by_indent(self, start: int, offset: int, limit: int) -> int:
        """The first line after `start` that is indented no deeper, else the first from `offset` on, else `limit`."""
        indent = column(self.text, start)
        later = limit
        for token in scan(self.text, start):
            if token.start >= limit:
                break
            if token.first and token.start > start and token.kind not in CLOSING:
                if column(self.text, token.start) <= indent:
                    return token.start
                if token.start >= offset and later == limit:
                    later = token.start
        return later


def orphan_end(text: str, start: int) -> int | None:
    """None if, from `start` on, a `}` closes more than was opened before the next block starts; else how far none does."""
    nested = 0
    words: list[int] = []
    for token in scan(text, start):
        words = [token.kind] if token.first else [*words, token.kind] if len(words) < 3 else words
        if token.kind == LBRACE:
            if not nested and words[:2] == [NAME, NAME]:
                return token.start
            nested += 1
        elif token.kind == RBRACE:
            nested -= 1
            if nested < 0:
                return None
        elif token.kind == EQ and not nested and words[:3] == [NAME, NAME, EQ]:
            return token.start
    return len(text)
