"""Findings as JUnit XML: one test case a finding, and one that passes for each file with none."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from mlopsc.diagnostics.located import Located, Report
from mlopsc.diagnostics.render_text import render as render_text
from mlopsc.diagnostics.width import safe


def render(report: Report) -> str:
    failing = [found for found in report.findings if report.strict or found.severity == "error"]
    clean = [file for file in report.files if not any(found.place.file == file for found in report.findings)]
    tests = len(report.findings) + len(clean)
    counts = f'tests="{tests}" failures="{len(failing)}" errors="0"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="mlopsc check" {counts}>']
    lines.append(f'  <testsuite name="mlopsc check" {counts} skipped="0">')
    lines += [_finding(found, report) for found in report.findings]
    lines += [f'    <testcase classname={_attribute(file)} name="check" />' for file in clean]
    lines += ["  </testsuite>", "</testsuites>"]
    return "\n".join(lines) + "\n"


def _finding(found: Located, report: Report) -> str:
    place = found.place
    name = _attribute(f"{found.code} {found.name} {place.start.line}:{place.start.column}")
    text = escape(safe(render_text(Report((place.file,), (found,)), summary=False)))
    if report.strict or found.severity == "error":
        body = f"<failure type={_attribute(found.name)} message={_attribute(found.message)}>{text}</failure>"
    else:
        body = f"<system-out>{text}</system-out>"
    return (
        f"    <testcase classname={_attribute(place.file)} name={name} file={_attribute(place.file)} "
        f'line="{place.start.line}">{body}</testcase>'
    )


def _attribute(text: str) -> str:
    return quoteattr(safe(text))
