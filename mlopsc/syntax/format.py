"""The one canonical layout of a spec (`mlopsc fmt`).

Formatting is idempotent, keeps every comment, at most one blank line between groups, and numbers, strings and
backquotes as written. Consecutive settings align at `=`, columns at `:` and at their clauses, rules after their verbs.
"""

from __future__ import annotations

import re
import sys

from mlopsc.diagnostics.model import Bag
from mlopsc.source import Source
from mlopsc.syntax.ast import (
    Binding,
    Block,
    Column,
    Comment,
    Edition,
    File,
    Import,
    Node,
    Rule,
    Section,
    Selection,
    Setting,
)  # fmt: skip
from mlopsc.syntax.layout import STEP, WIDTH, Layout
from mlopsc.syntax.parser import parse

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
# A longer type does not push the clauses of all other columns to the right.
_WIDEST_TYPE = 32


def format_source(text: str) -> str:
    """The canonical layout of a text; a text with syntax errors comes back as it is."""
    source = Source("-", text, 0)
    file = parse(source, Bag())
    return text if file.damaged else format_file(file, source)


def format_file(file: File, source: Source) -> str:
    """The canonical layout of a tree without damage, parsed from `source`."""
    items: list[Node] = [*file.imports, *file.items]
    if file.edition:
        items.append(file.edition)
    items.sort(key=lambda node: node.start)
    writer = _Writer(source, file.comments)
    limit = sys.getrecursionlimit()
    # Six calls a level, and a spec may nest 200 levels deep.
    sys.setrecursionlimit(max(limit, 5_000))
    try:
        writer.body(items, source.base, file.end, 0)
    finally:
        sys.setrecursionlimit(limit)
    return "".join(line + "\n" for line in writer.lines)


class _Writer:
    """Collects lines. Statements are laid out in source order, each with the comments before, in and after it."""

    def __init__(self, source: Source, comments: list[Comment]) -> None:
        self.text = source.text
        self.base = source.base
        self.layout = Layout(source.text, source.base, comments)
        self.lines: list[str] = []

    def body(self, items: list[Node], start: int, end: int, indent: int) -> None:
        """All items and comments between `start` and `end`."""
        widths = self._widths(items)
        last: Node | None = None
        was_multiline = False
        for number, item in enumerate(items):
            for comment in self._take(last.end if last else start, item.start):
                self._blank(last, comment, was_multiline)
                self.lines.append(" " * indent + comment.text)
                last, was_multiline = comment, False
            mark = len(self.lines)
            inner = self.layout.hoist(item, self._head_end(item))
            self.lines += [" " * indent + comment.text for comment in inner]
            self._item(item, indent, widths[number])
            multiline = isinstance(item, Block) and len(self.lines) > mark + len(inner) + 1
            forced = multiline and not inner and _is_item(last)
            if self._needs_blank(last, item, was_multiline or forced):
                self.lines.insert(mark, "")
            following = items[number + 1].start if number + 1 < len(items) else end
            self._trailing(item.end, following)
            last, was_multiline = item, multiline
        for comment in self._take(last.end if last else start, end):
            self._blank(last, comment, was_multiline)
            self.lines.append(" " * indent + comment.text)
            last, was_multiline = comment, False

    # --- comments and blank lines

    def _take(self, start: int, end: int) -> list[Comment]:
        found = self.layout.between(start, end)
        self.layout.used.update(comment.start for comment in found)
        return found

    def _head_end(self, item: Node) -> int:
        """The end of what is laid out as one: a statement, or a header up to its brace."""
        return self._brace(item) if isinstance(item, Block | Section) else item.end

    def _brace(self, item: Block | Section) -> int:
        headed = item.clauses[-1].end if isinstance(item, Block) and item.clauses else item.name.end
        return self.text.index("{", headed - self.base) + self.base

    def _trailing(self, at: int, limit: int) -> None:
        """A comment on the line that ends at `at` stays on it."""
        for comment in self.layout.between(at, limit)[:1]:
            if self.layout.same_line(at, comment.start):
                self.layout.used.add(comment.start)
                self.lines[-1] += "  " + comment.text

    def _needs_blank(self, last: Node | None, following: Node, forced: bool) -> bool:
        if last is None:
            return False
        between = self.text[last.end - self.base : following.start - self.base]
        return forced or _BLANK_LINE.search(between) is not None

    def _blank(self, last: Node | None, following: Node, forced: bool) -> None:
        if self._needs_blank(last, following, forced):
            self.lines.append("")

    # --- items

    def _item(self, item: Node, indent: int, widths: tuple[int, int]) -> None:
        if isinstance(item, Block | Section):
            self._braced(item, indent)
        else:
            self._add(self._statement(item, indent, widths), indent)

    def _add(self, text: str, indent: int) -> None:
        """Lines after the first bring their own indentation: a string's must stay as it is."""
        first, *rest = text.split("\n")
        self.lines += [" " * indent + first, *rest]

    def _statement(self, item: Node, indent: int, widths: tuple[int, int]) -> str:
        layout = self.layout
        if isinstance(item, Setting):
            head = ".".join(map(layout.name, item.path)).ljust(widths[0]) + " = "
            return head + layout.fit(item.value, indent, indent + len(head))
        if isinstance(item, Column):
            return self._column(item, widths)
        if isinstance(item, Rule):
            return layout.rule(item, widths[0], indent)
        if isinstance(item, Selection):
            return layout.pipe(layout.fit(item.item, indent, indent), item.pipe, indent)
        if isinstance(item, Binding):
            of = f" : {layout.flat(item.type)}" if item.type else ""
            head = f"{layout.name(item.kind)} {layout.name(item.name)}{of} = "
            return head + layout.fit(item.value, indent, indent + len(head))
        if isinstance(item, Edition):
            return f"edition {item.year}"
        assert isinstance(item, Import)
        return f"import {item.path.text}"

    def _column(self, column: Column, widths: tuple[int, int]) -> str:
        kind = self.layout.flat(column.type)
        text = f"{self.layout.name(column.name).ljust(widths[0])} : "
        if not column.clauses:
            return text + kind
        kind = kind.ljust(widths[1]) + "  " if len(kind) <= widths[1] else kind + " "
        return text + kind + " ".join(map(self.layout.flat, column.clauses))

    def _braced(self, item: Block | Section, indent: int) -> None:
        layout = self.layout
        header = layout.name(item.name)
        if isinstance(item, Block):
            header = " ".join([layout.name(item.kind), header, *map(layout.flat, item.clauses)])
        brace = self._brace(item)
        commented = bool(layout.between(brace, item.end))
        if not item.body and not commented:
            self.lines.append(" " * indent + header + " {}")
            return
        line = self._one_line(item, header, indent) if not commented and layout.same_line(brace, item.end) else None
        if line is not None:
            self.lines.append(line)
            return
        self.lines.append(" " * indent + header + " {")
        first = item.body[0].start if item.body else item.end
        self._trailing(brace + 1, first)
        self.body(list(item.body), brace + 1, item.end, indent + STEP)
        self.lines.append(" " * indent + "}")

    def _one_line(self, item: Block | Section, header: str, indent: int) -> str | None:
        """A short body that was written on one line stays there."""
        if any(isinstance(part, Section) for part in item.body):
            return None
        parts = [self._statement(part, 0, (0, 0)) for part in item.body]
        line = " " * indent + header + " { " + "; ".join(parts) + " }"
        return line if len(line) <= WIDTH and "\n" not in line else None

    # --- alignment

    def _widths(self, items: list[Node]) -> list[tuple[int, int]]:
        """For each item the widths that its group aligns at: (name or verb, type)."""
        widths: list[tuple[int, int]] = [(0, 0)] * len(items)
        start = 0
        for number in range(1, len(items) + 1):
            if number < len(items) and self._grouped(items[number - 1], items[number]):
                continue
            group = items[start:number]
            measures = [self._measure(item) for item in group]
            widths[start:number] = [(max(m[0] for m in measures), max(m[1] for m in measures))] * len(group)
            start = number
        return widths

    def _grouped(self, one: Node, two: Node) -> bool:
        if type(one) is not type(two):
            return False
        return _BLANK_LINE.search(self.text, one.end - self.base, two.start - self.base) is None

    def _measure(self, item: Node) -> tuple[int, int]:
        layout = self.layout
        if isinstance(item, Setting):
            return len(".".join(map(layout.name, item.path))), 0
        if isinstance(item, Rule):
            return (0 if item.called else len(layout.name(item.verb))), 0
        if isinstance(item, Column):
            kind = len(layout.flat(item.type))
            return len(layout.name(item.name)), kind if kind <= _WIDEST_TYPE else 0
        return 0, 0


def _is_item(node: Node | None) -> bool:
    return node is not None and not isinstance(node, Comment)
