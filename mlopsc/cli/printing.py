"""Reports of findings on their way to a stream."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TextIO

from mlopsc.diagnostics.located import Located, Report

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


def shown(report: Report, kind: str, *, quiet: bool = False, stream: TextIO | None = None) -> str:
    """The report as it is printed to `stream` (standard output)."""
    renderer = import_module(f"mlopsc.diagnostics.render_{kind}")
    if kind != "text":
        return str(renderer.render(report))
    return str(renderer.render(report, colour=wants_colour(stream or sys.stdout), summary=not quiet))


def tell(findings: tuple[Located, ...]) -> None:
    """Print findings, in words, to standard error: what commands do whose output is something else."""
    if findings:
        files = tuple(dict.fromkeys(found.place.file for found in findings))
        sys.stderr.write(shown(Report(files, findings), "text", stream=sys.stderr))


def wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
