"""Findings for people: message, place, the line with a caret, other places, one help, and a summary."""

from __future__ import annotations

from mlopsc.diagnostics.located import Located, Place, Report
from mlopsc.diagnostics.width import expanded, safe

_RESET = "\x1b[0m"
_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;36m",
    "frame": "\x1b[34m",
    "bold": "\x1b[1m",
}
_MOST_LINES = 6  # of a span over several lines; the middle of a longer one is left out


class _Paint:
    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def __call__(self, what: str, text: str) -> str:
        return f"{_COLOURS[what]}{text}{_RESET}" if self.colour and text else text


def render(report: Report, *, colour: bool = False, summary: bool = True) -> str:
    """The whole report, with a line end after every line; empty only for no findings without a summary."""
    paint = _Paint(colour)
    parts = [_finding(found, paint) for found in report.findings]
    if summary:
        parts.append(summary_line(report) + "\n")
    return "\n".join(parts)


def summary_line(report: Report) -> str:
    errors, warnings = report.count("error"), report.count("warning")
    counts = [_plural(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return f"{', '.join(counts) or 'no findings'} in {_plural(len(report.files), 'file')}"


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def _finding(found: Located, paint: _Paint) -> str:
    head = paint(found.severity, f"{found.severity}[{found.code}] {found.name}")
    lines = [f"{head}: {paint('bold', safe(found.message))}"]
    lines += _snippet(found.place, found.severity, paint)
    for other in found.related:
        lines.append(f"{paint('note', 'note')}: {safe(other.message)}")
        lines += _snippet(other.place, "note", paint)
    if found.help:
        lines.append(f"{paint('note', 'help')}: {safe(found.help)}")
    return "\n".join(lines) + "\n"


def _snippet(place: Place, severity: str, paint: _Paint) -> list[str]:
    """` --> file:line:col` and the source lines, each with carets under the part that is meant."""
    where = f"{safe(place.file)}:{place.start.line}:{place.start.column}"
    numbers = _shown_lines(place)
    gutter = len(str(numbers[-1])) if numbers else 1
    arrow = paint("frame", " " * gutter + "-->")
    lines = [f"{arrow} {where}"]
    if place.source is None:
        return lines
    bar = paint("frame", " " * gutter + " |")
    lines.append(bar)
    before = 0
    for number in numbers:
        if before and number != before + 1:
            lines.append(paint("frame", " " * gutter + " …"))
        before = number
        text, starts = expanded(place.source.line_text(number))
        lines.append(f"{paint('frame', f'{number:>{gutter}} |')} {text}".rstrip())
        first, last = _caret(place, number, starts, text)
        lines.append(f"{bar} {' ' * first}{paint(severity, '^' * max(last - first, 1))}")
    return lines


def _shown_lines(place: Place) -> list[int]:
    first, last = place.start.line, place.end.line
    if place.end.column == 1 and last > first:
        last -= 1
    numbers = list(range(first, last + 1))
    if len(numbers) > _MOST_LINES:
        numbers = numbers[: _MOST_LINES - 2] + numbers[-1:]
    return numbers


def _caret(place: Place, number: int, starts: list[int], text: str) -> tuple[int, int]:
    """Display columns of the marked part of one line: the span's part of it without leading or trailing blanks."""
    size = len(starts) - 1
    first = place.start.column - 1 if number == place.start.line else 0
    last = place.end.column - 1 if number == place.end.line else size
    begin, end = starts[min(first, size)], starts[min(max(last, first), size)]
    if number != place.start.line:
        begin = max(begin, len(text) - len(text.lstrip()))
    return begin, end
