"""Findings as the one JSON object that `cli.md` promises to scripts."""

from __future__ import annotations

import json
from typing import Any

from mlopsc.diagnostics.located import Located, Place, Point, Report


def render(report: Report) -> str:
    found = {"version": 1, "files": len(report.files), "diagnostics": [_finding(item) for item in report.findings]}
    return json.dumps(found, indent=2) + "\n"


def _finding(found: Located) -> dict[str, Any]:
    edit = found.edit
    return {
        "code": found.code,
        "name": found.name,
        "severity": found.severity,
        "message": found.message,
        "file": found.place.file,
        **_ends(found.place),
        "help": found.help,
        "edit": None if edit is None else {**_ends(edit.place), "text": edit.text},
        "related": [
            {"message": other.message, "file": other.place.file, **_ends(other.place)} for other in found.related
        ],
    }


def _ends(place: Place) -> dict[str, Any]:
    return {"start": _point(place.start), "end": _point(place.end)}


def _point(point: Point) -> dict[str, int]:
    return {"line": point.line, "column": point.column}
