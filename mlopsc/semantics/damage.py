"""What syntax errors have taken out of the trees, so that nothing is said to be absent that is only unreadable.

A statement that could not be read is not in its block's tree. Its text is a gap: between the statement before the syntax
error and the one after it. Every word of a gap may be the name of what was lost there. Only claims about those names are
held back; everything else is still checked.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mlopsc.diagnostics.model import Bag
from mlopsc.diagnostics.suggest import nearest
from mlopsc.source import Source
from mlopsc.syntax import ast

_WORD = re.compile(r"`([^`\n]+)`|([A-Za-z_][A-Za-z0-9_]*)")
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')
_FIRST = re.compile(r"[\s,;)\]}]*(?:`([^`\n]+)`|([A-Za-z_][A-Za-z0-9_]*))")


class Gap(NamedTuple):
    """`first`: the word that the lost text starts with, which may be its name or verb; None where it starts otherwise.
    `words`: all of them. `section`: the section of a block that it lies in. `before`: the statement that ends where the gap
    starts. `closes`: more brackets are closed in it than opened, so that statement may be its first half."""

    start: int
    first: str | None
    words: frozenset[str]
    section: str | None
    before: ast.Node | None
    closes: bool
    braces: bool


class Damage:
    """`lost`: words that may be names of declarations that are not in the trees. `everything`: a whole file could not be
    read. `gaps`: by the start of the block that they lie in, and by their own."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self.everything = False
        self.gaps: dict[int, dict[int, Gap]] = {}
        self.kinds: set[str] = set()  # of lost declarations
        self.misnamed: set[str] = set()  # the kinds that declarations of no known kind seem to mean
        self.unsure = False  # the kind of one of them is not known
        self.first_item = False  # what stands first in the spec could not be read
        self.torn = False  # some text is missing or unreadable: it may have used any name

    def of(self, block: ast.Node) -> Iterable[Gap]:
        return self.gaps.get(block.start, {}).values()

    def may_declare(self, kind: str) -> bool:
        """Whether a declaration of this kind may have been lost."""
        return self.everything or self.unsure or kind in self.kinds or kind in self.misnamed

    def lose(self, kind: str, name: str, known: Iterable[str]) -> None:
        """A declaration whose kind is not known: it stands for the nearest one."""
        self.lost.add(name)
        meant = nearest(kind, known)
        self.unsure = self.unsure or meant is None
        self.misnamed |= {meant} if meant is not None else set()

    def add(self, source: Source, file: ast.File, bag: Bag, known: Iterable[str]) -> None:
        """Enter the syntax errors of one file."""
        if not file.damaged:
            return
        reader = _Gaps(source)
        base, end = source.base, source.base + len(source.text)
        kinds = set(known)
        self.torn = True
        for error in bag.items:
            position = error.span[0]
            if not error.code.startswith("MLC00") or not base <= position <= end:
                continue
            item = reader.around(file.items, position)
            if item is None:
                self._between(reader, file.items, position, kinds)
            elif isinstance(item, ast.Block):
                self._inside(reader, item, position)

    def _inside(self, reader: _Gaps, item: ast.Block, position: int) -> None:
        start, stop, section = reader.after_header(item), item.end, None
        body: Sequence[ast.Node] = item.body
        if position < start:
            return  # of the header, which was understood
        statement = reader.around(body, position)
        if isinstance(statement, ast.Section):
            body, section = statement.body, statement.name.text
            start, stop = reader.after_header(statement), statement.end
        gap = reader.gap(body, start, stop, position, section)
        self.gaps.setdefault(item.start, {}).setdefault(gap.start, gap)

    def _between(self, reader: _Gaps, items: Sequence[ast.Node], position: int, known: set[str]) -> None:
        source = reader.source
        gap = reader.gap(items, source.base, source.base + len(source.text), position, None)
        self.first_item = self.first_item or gap.before is None
        self.lost |= gap.words
        kinds = gap.words & known
        self.unsure = self.unsure or not kinds
        self.kinds |= kinds
        if gap.braces and gap.before is not None:
            # A brace too many closed the block before: what stands in the gap was its own.
            self.gaps.setdefault(gap.before.start, {}).setdefault(gap.start, gap._replace(first=None))


class _Gaps:
    """Finds what stands around positions of one file, each list of statements looked through once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._starts: dict[int, list[int]] = {}
        self._known: dict[int, Gap] = {}

    def _before(self, body: Sequence[ast.Node], position: int) -> int:
        """The index of the last statement that starts at or before a position; -1 where none does."""
        starts = self._starts.get(id(body))
        if starts is None:
            starts = self._starts[id(body)] = [node.start for node in body]
        return bisect_right(starts, position) - 1

    def around(self, body: Sequence[ast.Node], position: int) -> ast.Node | None:
        at = self._before(body, position)
        return body[at] if at >= 0 and position <= body[at].end else None

    def after_header(self, node: ast.Block | ast.Section) -> int:
        headed = node.clauses[-1].end if isinstance(node, ast.Block) and node.clauses else node.name.end
        base = self.source.base
        found = self.source.text.find("{", headed - base, node.end - base)
        return found + base + 1 if found >= 0 else headed

    def gap(self, body: Sequence[ast.Node], start: int, stop: int, position: int, section: str | None) -> Gap:
        """The text without statements around a position, within start..stop."""
        at = self._before(body, position)
        if at >= 0 and body[at].end > position:
            at -= 1  # inside a statement that was understood in part
        before = body[at] if at >= 0 else None
        start = before.end if before is not None else start
        if start in self._known:
            return self._known[start]
        stop = body[at + 1].start if at + 1 < len(body) and body[at + 1].start > position else stop
        base = self.source.base
        text = _STRING_OR_COMMENT.sub(" ", self.source.text[start - base : stop - base])
        words = frozenset(quoted or plain for quoted, plain in _WORD.findall(text))
        first = _FIRST.match(text)
        name = (first[1] or first[2]) if first is not None else None
        closes = text.count(")") > text.count("(") or text.count("]") > text.count("[")
        found = self._known[start] = Gap(start, name, words, section, before, closes, "}" in text)
        return found
