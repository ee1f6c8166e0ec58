"""Findings as SARIF 2.1.0 (OASIS), for code scanning. Columns count Unicode code points, and the file says so."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from mlopsc import __version__
from mlopsc.diagnostics.explain import first_paragraph
from mlopsc.diagnostics.located import Located, LocatedEdit, Place, Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(report: Report) -> str:
    rules = sorted({(found.code, found.name, found.severity) for found in report.findings})
    index = {code: i for i, (code, _, _) in enumerate(rules)}
    run = {
        "tool": {
            "driver": {"name": "mlopsc", "version": __version__, "rules": [_rule(*rule) for rule in rules]},
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in report.files],
        "results": [_result(found, index[found.code]) for found in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, name: str, severity: str) -> dict[str, Any]:
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": name.replace("-", " ")},
        "fullDescription": {"text": first_paragraph(code) or name},
        "help": {"text": f"mlopsc explain {code}"},
        "defaultConfiguration": {"level": severity},
    }


def _result(found: Located, rule: int) -> dict[str, Any]:
    text = found.message if found.help is None else f"{found.message}\nhelp: {found.help}"
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": {"text": text},
        "locations": [_location(found.place)],
    }
    if found.related:
        result["relatedLocations"] = [
            {**_location(other.place), "id": i, "message": {"text": other.message}}
            for i, other in enumerate(found.related)
        ]
    if found.edit is not None:
        result["fixes"] = [_fix(found.edit, found.help)]
    return result


def _location(place: Place) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": _region(place)}}


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    }


def _fix(edit: LocatedEdit, help: str | None) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(edit.place), "insertedContent": {"text": edit.text}}
    change = {"artifactLocation": {"uri": _uri(edit.place.file)}, "replacements": [replacement]}
    return {"description": {"text": help or "Apply the suggested change."}, "artifactChanges": [change]}


def _uri(path: str) -> str:
    """A path as a relative URI reference, or as a file URI when absolute."""
    path = path.replace("\\", "/").removeprefix("./")
    quoted = quote(path, safe="/~", errors="surrogateescape")
    return f"file://{quoted}" if path.startswith("/") else quoted
