"""Diagnostics with their places worked out: what every renderer reads.

Lines and columns count from 1, columns in Unicode characters; an end stands just after the last character.
"""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.diagnostics.codes import CODES
from mlopsc.diagnostics.model import Diagnostic
from mlopsc.source import Source, SourceMap, Span


class Point(NamedTuple):
    line: int
    column: int


class Place(NamedTuple):
    """A stretch of one file; `source` is None where its text is not at hand."""

    file: str
    start: Point
    end: Point
    source: Source | None = None


class LocatedEdit(NamedTuple):
    place: Place
    text: str


class LocatedRelated(NamedTuple):
    message: str
    place: Place


class Located(NamedTuple):
    code: str
    name: str
    severity: str
    message: str
    place: Place
    help: str | None = None
    edit: LocatedEdit | None = None
    related: tuple[LocatedRelated, ...] = ()


class Report(NamedTuple):
    """What a renderer is given. `files` are all that were checked, as they are printed; `findings` are in order."""

    files: tuple[str, ...]
    findings: tuple[Located, ...]
    strict: bool = False  # warnings count as findings

    def count(self, severity: str) -> int:
        return sum(1 for found in self.findings if found.severity == severity)

    @property
    def failed(self) -> bool:
        return self.count("error") > 0 or (self.strict and bool(self.findings))


def place(sources: SourceMap, span: Span) -> Place:
    source, line, column = sources.locate(span[0])
    end = min(max(span[1], span[0]), source.base + len(source.text))
    _, end_line, end_column = sources.locate(end)
    return Place(source.path, Point(line, column), Point(end_line, end_column), source)


def locate(sources: SourceMap, found: Diagnostic) -> Located:
    edit = None if found.edit is None else LocatedEdit(place(sources, found.edit.span), found.edit.text)
    related = tuple(LocatedRelated(other.message, place(sources, other.span)) for other in found.related)
    return Located(
        found.code, found.name, found.severity, found.message, place(sources, found.span), found.help, edit, related
    )


def whole_file(name: str, file: str, message: str, *, help: str | None = None) -> Located:
    """The finding `name` about a file that has no text to point into (it cannot be read)."""
    code, severity = CODES[name]
    return Located(code, name, severity, message, Place(file, Point(1, 1), Point(1, 1)), help)


def in_order(findings: list[Located], files: tuple[str, ...]) -> tuple[Located, ...]:
    """Findings by file (in the order of `files`, others after them by path) and by position."""
    rank = {file: i for i, file in enumerate(files)}
    last = len(rank)
    return tuple(
        sorted(findings, key=lambda f: (rank.get(f.place.file, last), f.place.file, f.place.start, f.place.end, f.code))
    )
