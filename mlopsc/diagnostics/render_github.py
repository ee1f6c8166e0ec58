"""Findings as GitHub workflow commands, which annotate the lines of a pull request."""

from __future__ import annotations

from mlopsc.diagnostics.located import Located, Report


def render(report: Report) -> str:
    return "".join(_command(found) for found in report.findings)


def _command(found: Located) -> str:
    place = found.place
    fields = {
        "file": place.file,
        "line": str(place.start.line),
        "endLine": str(place.end.line),
        "col": str(place.start.column),
        "endColumn": str(place.end.column),
        "title": f"{found.code} {found.name}",
    }
    if place.end.line != place.start.line:
        # GitHub refuses columns on an annotation that spans several lines.
        del fields["col"], fields["endColumn"]
    listed = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    text = found.message if found.help is None else f"{found.message}\nhelp: {found.help}"
    return f"::{found.severity} {listed}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
