"""How findings are shown, in every format."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest

from mlopsc.diagnostics import (
    render_github,
    render_gitlab,
    render_json,
    render_junit,
    render_sarif,
    render_text,
)
from mlopsc.diagnostics.located import Located, Report, in_order, locate, whole_file
from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.source import SourceMap

TEXT = "edition 2026\nfeatures f from d {\n\tgendr |> onehot()\n  `東京` |> onehot()\n}\ngender : string\n"

POINT = {"type": "object", "required": ["line", "column"], "additionalProperties": False,
         "properties": {"line": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}}}  # fmt: skip
PLACE = {"message": {"type": "string"}, "file": {"type": "string"}, "start": POINT, "end": POINT}
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["version", "files", "diagnostics"],
    "properties": {
        "version": {"const": 1}, "files": {"type": "integer"},
        "diagnostics": {"type": "array", "items": {
            "type": "object", "additionalProperties": False,
            "required": ["code", "name", "severity", "message", "file", "start", "end", "help", "edit", "related"],
            "properties": PLACE | {
                "code": {"pattern": r"^MLC\d{4}$"}, "name": {"type": "string"},
                "severity": {"enum": ["error", "warning"]}, "help": {"type": ["string", "null"]},
                "edit": {"anyOf": [{"type": "null"}, {
                    "type": "object", "additionalProperties": False, "required": ["start", "end", "text"],
                    "properties": {"start": POINT, "end": POINT, "text": {"type": "string"}}}]},
                "related": {"type": "array", "items": {
                    "type": "object", "additionalProperties": False,
                    "required": ["message", "file", "start", "end"], "properties": PLACE}},
            }}}},
}  # fmt: skip


def find(text: str, part: str) -> tuple[int, int]:
    at = text.index(part)
    return at, at + len(part)


@pytest.fixture
def report() -> Report:
    sources = SourceMap()
    sources.add("specs/a b.mlops", TEXT)
    bag = Bag()
    span = find(TEXT, "gendr")
    bag.report("unknown-column", span, "No column gendr.", help="Did you mean gender?", edit=Edit(span, "gender"))
    other = Related("declared here", find(TEXT, "gender"))
    bag.report("unused-data", find(TEXT, "`東京`"), "Nothing uses 東京: 100%, really.", related=(other,))
    findings = [locate(sources, found) for found in bag.sorted()]
    return Report(("specs/a b.mlops", "clean.mlops"), tuple(findings))


def test_text_shows_message_place_line_caret_other_place_and_help(report: Report) -> None:
    """Tabs are shown as blanks and wide characters take two columns, so carets stand under what they mean."""
    assert render_text.render(report) == (
        "error[MLC1003] unknown-column: No column gendr.\n"
        " --> specs/a b.mlops:3:2\n"
        "  |\n"
        "3 |     gendr |> onehot()\n"
        "  |     ^^^^^\n"
        "help: Did you mean gender?\n"
        "\n"
        "warning[MLC1020] unused-data: Nothing uses 東京: 100%, really.\n"
        " --> specs/a b.mlops:4:3\n"
        "  |\n"
        "4 |   `東京` |> onehot()\n"
        "  |   ^^^^^^\n"
        "note: declared here\n"
        " --> specs/a b.mlops:6:1\n"
        "  |\n"
        "6 | gender : string\n"
        "  | ^^^^^^\n"
        "\n"
        "1 error, 1 warning in 2 files\n"
    )


def test_text_is_coloured_only_when_asked(report: Report) -> None:
    assert "\x1b[" not in render_text.render(report)
    assert "\x1b[1;31merror[MLC1003] unknown-column\x1b[0m" in render_text.render(report, colour=True)


def test_text_of_no_findings_is_the_summary() -> None:
    assert render_text.render(Report(("a",), ())) == "no findings in 1 file\n"
    assert render_text.render(Report(("a",), ()), summary=False) == ""


def one(text: str, span: tuple[int, int]) -> Located:
    sources = SourceMap()
    sources.add("s.mlops", text)
    bag = Bag()
    bag.report("syntax-error", span, "Wrong.")
    return locate(sources, bag.sorted()[0])


def test_a_span_over_lines_is_underlined_line_by_line() -> None:
    text = "a = [\n   1,\n]\n"
    shown = render_text.render(Report(("s.mlops",), (one(text, (4, len(text) - 1)),)), summary=False)
    assert shown.splitlines()[3:] == ["1 | a = [", "  |     ^", "2 |    1,", "  |    ^^", "3 | ]", "  | ^"]


def test_a_long_span_is_shortened_and_an_empty_one_still_has_a_caret() -> None:
    long = "x\n" * 40
    shown = render_text.render(Report(("s.mlops",), (one(long, (0, len(long))),)), summary=False)
    assert "…" in shown
    assert len(shown.splitlines()) < 20
    assert render_text.render(Report(("s.mlops",), (one("", (0, 0)),)), summary=False).endswith("  | ^\n")


def test_control_and_direction_characters_of_a_spec_never_reach_the_terminal() -> None:
    """A stranger's text cannot hide itself or move the cursor."""
    text = 'about = "\x1b[2J\u202eevil"\r\n'
    shown = render_text.render(Report(("\x1b]0;x\x07.mlops",), (one(text, (8, 10)),)))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\u{1b}[2J\\u{202e}evil" in shown


def test_json_is_what_the_command_line_page_promises(report: Report) -> None:
    found = json.loads(render_json.render(report))
    jsonschema.validate(found, SCHEMA)
    first, second = found["diagnostics"]
    assert found["files"] == 2
    assert (first["start"], first["end"]) == ({"line": 3, "column": 2}, {"line": 3, "column": 7})
    assert first["edit"] == {"start": first["start"], "end": first["end"], "text": "gender"}
    assert second["end"] == {"line": 4, "column": 7}
    assert second["related"][0]["start"] == {"line": 6, "column": 1}


def test_sarif_has_rules_regions_in_code_points_and_fixes(report: Report) -> None:
    found: dict[str, Any] = json.loads(render_sarif.render(report))
    run = found["runs"][0]
    assert (found["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert ids == ["MLC1003", "MLC1020"]
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        location = result["locations"][0]["physicalLocation"]
        assert unquote(location["artifactLocation"]["uri"]) == "specs/a b.mlops"
        assert " " not in location["artifactLocation"]["uri"]
    fix = run["results"][0]["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert fix["insertedContent"]["text"] == "gender"
    assert fix["deletedRegion"] == {"startLine": 3, "startColumn": 2, "endLine": 3, "endColumn": 7}
    assert run["results"][1]["relatedLocations"][0]["message"]["text"] == "declared here"


def test_github_commands_are_escaped(report: Report) -> None:
    first, second = render_github.render(report).splitlines()
    assert first == (
        "::error file=specs/a b.mlops,line=3,endLine=3,col=2,endColumn=7,title=MLC1003 unknown-column"
        "::No column gendr.%0Ahelp: Did you mean gender?"
    )
    assert second.endswith("::Nothing uses 東京: 100%25, really.")
    odd = Report(("a,b:c.mlops",), (whole_file("unreadable-file", "a,b:c.mlops", "gone"),))
    assert "file=a%2Cb%3Ac.mlops," in render_github.render(odd)


def test_gitlab_fingerprints_are_unique_and_do_not_depend_on_the_line(report: Report) -> None:
    twice = Report(report.files, (report.findings[0], report.findings[0], report.findings[1]))
    entries = json.loads(render_gitlab.render(twice))
    assert len({entry["fingerprint"] for entry in entries}) == 3
    place = report.findings[0].place
    moved = report.findings[0]._replace(place=place._replace(start=place.start._replace(line=9)))
    again = json.loads(render_gitlab.render(Report(report.files, (moved,))))
    assert again[0]["fingerprint"] == entries[0]["fingerprint"]
    assert [entry["severity"] for entry in entries] == ["major", "major", "minor"]
    assert again[0]["location"] == {"path": "specs/a b.mlops", "lines": {"begin": 9, "end": 3}}


def test_junit_counts_failures_and_passes_clean_files(report: Report) -> None:
    suites = ElementTree.fromstring(render_junit.render(report))
    assert suites.attrib["tests"] == "3"
    assert suites.attrib["failures"] == "1"
    cases = suites.findall("./testsuite/testcase")
    assert [case.find("failure") is not None for case in cases] == [True, False, False]
    strict = ElementTree.fromstring(render_junit.render(report._replace(strict=True)))
    assert strict.attrib["failures"] == "2"


def test_junit_is_xml_whatever_a_spec_holds() -> None:
    found = one('x = "\x00\x1b<&"\n', (0, 3))._replace(message="<bad> & \x01 \"'")
    suites = ElementTree.fromstring(render_junit.render(Report(("s.mlops",), (found,))))
    assert suites.find("./testsuite/testcase/failure") is not None


def test_findings_stand_in_order_of_files_and_positions(report: Report) -> None:
    first, second = report.findings
    other = whole_file("unreadable-file", "z.mlops", "gone")
    assert in_order([second, other, first], ("z.mlops", "specs/a b.mlops")) == (other, first, second)
