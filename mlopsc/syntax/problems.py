"""Syntax findings on their way to the bag: kept by position, so that reading a stretch twice reports nothing twice."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.source import Source


class Problem(NamedTuple):
    """`text` replaces the span, or what stands at `edit_span`, as the help says."""

    name: str
    start: int
    end: int
    message: str
    help: str | None = None
    text: str | None = None
    edit_span: tuple[int, int] | None = None
    related: tuple[Related, ...] = ()


class Problems:
    """All syntax findings of one text, at most one a position."""

    def __init__(self) -> None:
        self._at: dict[int, Problem] = {}
        self._starts: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._at)

    def add(self, problem: Problem, *, damages: bool = True) -> None:
        """Keep a finding unless one is known at its position. One that does not damage the statement that it cites is
        not `within` it: a missing brace is cited at the whole header."""
        if problem.start in self._at:
            return
        self._at[problem.start] = problem
        if not damages:
            return
        if not self._starts or problem.start > self._starts[-1]:
            self._starts.append(problem.start)
        else:
            insort(self._starts, problem.start)

    def within(self, start: int, end: int) -> Problem | None:
        """The first finding whose position is in start..end - 1 and whose statement is there."""
        index = bisect_left(self._starts, start)
        found = self._starts[index] if index < len(self._starts) else end
        return self._at[found] if found < end else None

    def forget(self, start: int, end: int) -> None:
        """Take back the findings at start..end - 1, which was read ahead and is skipped."""
        low, high = bisect_left(self._starts, start), bisect_left(self._starts, end)
        for position in self._starts[low:high]:
            del self._at[position]
        del self._starts[low:high]

    def report(self, source: Source, bag: Bag) -> None:
        """Hand over all findings, of several on one line only one: they have one cause more often than not. That is the
        first, or a string that is not closed: with a quote missing, texts and what stands between them change places."""
        line_end = -1
        lines: list[Problem] = []
        for start in sorted(self._at):
            found = self._at[start]
            if start >= line_end:
                lines.append(found)
                line_end = source.text.find("\n", start - source.base) + source.base
                if line_end < source.base:
                    line_end = source.base + len(source.text) + 1
            elif found.name == "unterminated-string" and lines[-1].name == "syntax-error":
                lines[-1] = found
        for found in lines:
            edit = None if found.text is None else Edit(found.edit_span or (found.start, found.end), found.text)
            bag.report(
                found.name, (found.start, found.end), found.message, help=found.help, edit=edit, related=found.related
            )
