"""Every `tests/cases/check/NAME.mlops`: the findings are exactly those that its comments announce.

A line with findings ends in `# E: MLC1003 unknown-column` (`# W:` for a warning), several separated by ` | `; a case
without such comments is clean. A case that is a folder has `spec.mlops` and whatever that needs (imports, modules).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlopsc.diagnostics.codes import CODES
from mlopsc.diagnostics.explain import page
from mlopsc.driver.check import check_file
from mlopsc.driver.spec import read

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "cases" / "check"
SECTIONS = ("## What it does", "## Why is this bad?", "## Example", "## Use instead")

Finding = tuple[int, str, str]

_EXPECTED = re.compile(r"([EW]): (MLC\d{4}) ([a-z0-9-]+)")


def specs() -> list[Path]:
    return sorted([*CASES.glob("*.mlops"), *CASES.glob("*/spec.mlops")])


def name_of(spec: Path) -> str:
    return spec.parent.name if spec.name == "spec.mlops" else spec.stem


def announced(text: str) -> set[Finding]:
    found: set[Finding] = set()
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.search(r"#\s*([EW]: MLC.*)$", line)
        for part in comment.group(1).split(" | ") if comment else ():
            match = _EXPECTED.fullmatch(part.strip())
            assert match, f"line {number}: not an expectation: {part}"
            severity, code, name = match.groups()
            assert CODES[name] == (code, {"E": "error", "W": "warning"}[severity]), f"line {number}: {part}"
            found.add((number, code, name))
    return found


@pytest.mark.parametrize("spec", specs(), ids=name_of)
def test_a_case_has_exactly_the_findings_it_announces(spec: Path) -> None:
    expected = announced(spec.read_bytes().decode("utf-8", "replace"))
    target = re.search(r"^# target: (\S+)", spec.read_bytes().decode("utf-8", "replace"), re.MULTILINE)
    found = check_file(read(str(spec)), target=target.group(1) if target else None).findings
    assert {(f.place.start.line, f.code, f.name) for f in found} == expected, "\n".join(
        f"{f.place.start.line}: {f.code} {f.name}: {f.message}" for f in found
    )


@pytest.mark.parametrize("name", CODES)
def test_a_code_has_a_page_with_the_fixed_sections(name: str) -> None:
    code, _ = CODES[name]
    text = page(code)
    assert text is not None, f"no page mlopsc/diagnostics/pages/{code}.md"
    assert text.startswith(f"# {code} {name}\n")
    places = [text.find(section) for section in SECTIONS]
    assert -1 not in places
    assert places == sorted(places)
    assert text.split("## Example", 1)[1].count("```") >= 4, "an example and what to use instead, each in a fence"


@pytest.mark.parametrize("name", CODES)
def test_a_code_has_a_case(name: str) -> None:
    """In tests/cases, or, for codes that no spec alone can show, named by a test."""
    code, _ = CODES[name]
    in_syntax = any(
        f"{code} {name}" in path.read_text(encoding="utf-8") for path in (CASES.parent / "syntax").glob("*.txt")
    )
    in_cases = any(
        re.search(rf"[EW]: .*\b{code} {name}\b", spec.read_bytes().decode("utf-8", "replace")) for spec in specs()
    )
    in_tests = any(
        re.search(rf'["\']{name}["\']|["\'][^"\'\n]*\b{code}\b[^"\'\n]*["\']', path.read_text(encoding="utf-8"))
        for path in (ROOT / "tests").rglob("test_*.py")
    )
    assert in_syntax or in_cases or in_tests


def test_codes_are_unique_and_well_formed() -> None:
    codes = [code for code, _ in CODES.values()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"MLC\d{4}", code) for code in codes)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in CODES)


def test_no_page_is_left_without_a_code() -> None:
    pages = {path.stem for path in (ROOT / "mlopsc" / "diagnostics" / "pages").glob("*.md")}
    assert pages <= {code for code, _ in CODES.values()}
