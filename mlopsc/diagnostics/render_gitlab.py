"""Findings as a GitLab code quality report. Fingerprints do not hold line numbers, so that a finding keeps its own when
the lines above it change; equal findings of one file are numbered."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from mlopsc.diagnostics.located import Located, Report


def render(report: Report) -> str:
    seen: dict[str, int] = {}
    entries = [_entry(found, seen) for found in report.findings]
    return json.dumps(entries, indent=2) + "\n"


def _entry(found: Located, seen: dict[str, int]) -> dict[str, Any]:
    path = found.place.file.replace("\\", "/").removeprefix("./")
    content = "\0".join((path, found.code, found.message))
    seen[content] = seen.get(content, 0) + 1
    fingerprint = sha256(f"{content}\0{seen[content]}".encode("utf-8", "backslashreplace")).hexdigest()
    return {
        "description": found.message if found.help is None else f"{found.message} {found.help}",
        "check_name": f"{found.code} {found.name}",
        "fingerprint": fingerprint,
        "severity": "major" if found.severity == "error" else "minor",
        "location": {"path": path, "lines": {"begin": found.place.start.line, "end": found.place.end.line}},
    }
