"""Spec texts and the positions inside them.

A position is one integer, unique over all files of a compilation: each text is given a base when it is added, and a
node's `start` and `end` are base + offset in Unicode characters. So a span is two integers, whatever file it is in.
"""

from __future__ import annotations

from bisect import bisect_right

Span = tuple[int, int]


class Source:
    """One spec text. `path` is what messages print; `base` is the position of its first character."""

    __slots__ = ("_starts", "base", "path", "text")

    def __init__(self, path: str, text: str, base: int) -> None:
        self.path = path
        self.text = text
        self.base = base
        self._starts: list[int] | None = None

    def starts(self) -> list[int]:
        """Offsets of the first character of every line (lines end at LF; a CR before it belongs to the line)."""
        if self._starts is None:
            starts, find, at = [0], self.text.find, 0
            while (at := find("\n", at) + 1) > 0:
                starts.append(at)
            self._starts = starts
        return self._starts

    def line_text(self, line: int) -> str:
        """The text of a line counted from 1, without its line end."""
        starts = self.starts()
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")


class SourceMap:
    """All texts of one compilation, in the order in which they were read. The first is the spec itself."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._bases: list[int] = []

    def add(self, path: str, text: str) -> Source:
        base = self.sources[-1].base + len(self.sources[-1].text) + 1 if self.sources else 0
        source = Source(path, text, base)
        self.sources.append(source)
        self._bases.append(base)
        return source

    def source(self, position: int) -> Source:
        return self.sources[max(bisect_right(self._bases, position) - 1, 0)]

    def locate(self, position: int) -> tuple[Source, int, int]:
        """(source, line, column) of a position; lines and columns count from 1, columns in Unicode characters."""
        source = self.source(position)
        offset = min(position - source.base, len(source.text))
        starts = source.starts()
        line = bisect_right(starts, offset)
        return source, line, offset - starts[line - 1] + 1
