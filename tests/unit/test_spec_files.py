"""A spec as a file: its edition, what it imports, and what is said when it holds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopsc.driver.check import check_file
from mlopsc.driver.spec import read

PIPELINE = 'pipeline p { about = "x" }\n'
SHARED = 'data shared { source = csv("s.csv"); columns { a : int; y : bool } }\nparam depth : int = 3\n'
USER = """features f from shared { a }
model m from f { target = y; algorithm = gradient_boosting(max_depth = depth) }
gate g on m { require roc_auc >= 0.7 }
"""

Finding = tuple[str, int, str]


def findings(folder: Path, spec: str, **others: str | bytes) -> list[Finding]:
    """(file, line, name) of each finding in `spec`, with the files `others` (NAME for NAME.mlops) in the folder `lib`."""
    (folder / "lib").mkdir(exist_ok=True)
    for name, content in others.items():
        target = folder / "lib" / f"{name}.mlops"
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    path = folder / "spec.mlops"
    path.write_text(spec)
    found = check_file(read(str(path))).findings
    return [(Path(f.place.file).name, f.place.start.line, f.name) for f in found]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("edition 2026\n" + PIPELINE, []),
        ("# first a comment\n\nedition 2026 # and one more\n" + PIPELINE, []),
        (PIPELINE, [(1, "missing-edition")]),
        ("edition 2025\n" + PIPELINE, [(1, "unknown-edition")]),
        ("edition 2027\n" + PIPELINE, [(1, "unknown-edition")]),
        (PIPELINE + "edition 2026\n", [(2, "syntax-error")]),
        ("edition 2026\nedition 2026\n" + PIPELINE, [(2, "syntax-error")]),
        ('edition "2026"\n' + PIPELINE, [(1, "syntax-error")]),
        ("edition 2026.1\n" + PIPELINE, [(1, "syntax-error")]),
        ("edition = 2026\n" + PIPELINE, [(1, "syntax-error")]),
        ("editon 2026\n" + PIPELINE, [(1, "syntax-error")]),
        ("edition 2026\n", [(1, "no-pipeline")]),
        ("edition 2026\nparam a : int = 3\n", [(1, "no-pipeline"), (2, "unused-param")]),
        ("edition 2026\n" + PIPELINE + 'pipeline q { about = "y" }\n', [(3, "several-pipelines")]),
        ("", [(1, "empty-spec")]),
        ("# nothing but a comment\n", [(1, "empty-spec")]),
        (" \n\t\n", [(1, "empty-spec")]),
    ],
)
def test_the_edition_stands_first_and_the_pipeline_stands_once(
    tmp_path: Path, spec: str, expected: list[tuple[int, str]]
) -> None:
    assert [(line, name) for _, line, name in findings(tmp_path, spec)] == expected


def test_an_import_brings_declarations_and_no_pipeline(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE + USER
    assert findings(tmp_path, spec, shared=SHARED + 'pipeline stays { about = "behind" }\n') == []


def test_imported_declarations_may_stay_unused(tmp_path: Path) -> None:
    assert findings(tmp_path, 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE, shared=SHARED) == []


def test_an_imported_file_has_its_own_findings_in_its_own_place(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE + USER
    broken = "# a comment\n" + SHARED.replace("csv(", "cvs(")
    assert findings(tmp_path, spec, shared=broken) == [("shared.mlops", 2, "unknown-function")]


@pytest.mark.parametrize(
    "broken",
    [
        "data shared { source = = 3; columns { a : int; y : bool } }",
        'data shared { source = csv("a"); columns { a int; y : bool } }',
        "data { columns { a : int } }",
        "datta shared { }",
        'data shared source = csv("a") }',
        '"data shared { }',
    ],
)
def test_names_of_a_damaged_import_are_not_unknown(tmp_path: Path, broken: str) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE + USER
    found = findings(tmp_path, spec, shared="param depth : int = 3\n" + broken + "\n")
    assert [(file, line) for file, line, _ in found] == [("shared.mlops", 2)]


@pytest.mark.parametrize(
    "path",
    ["lib/none.mlops", "lib", "/etc/hostname", "../../../../etc/hostname", "lib/shared.txt", "lib\\\\shared.mlops", ""],
)
def test_what_cannot_be_imported_is_one_finding_at_the_import(tmp_path: Path, path: str) -> None:
    spec = f'edition 2026\nimport "{path}"\n' + PIPELINE + USER
    assert findings(tmp_path, spec, shared=SHARED) == [("spec.mlops", 2, "bad-import")]


def test_an_import_that_is_no_text_is_one_finding_at_its_bytes(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE + USER
    assert findings(tmp_path, spec, shared=b"# ok\ndata \xff") == [("shared.mlops", 2, "bad-encoding")]


def test_paths_of_imports_start_at_the_file_that_they_stand_in(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/outer.mlops"\n' + PIPELINE + USER
    assert findings(tmp_path, spec, outer='import "shared.mlops"\n', shared=SHARED) == []


def test_a_file_may_be_imported_by_several_ways(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\nimport "./lib/../lib/shared.mlops"\n' + PIPELINE + USER
    assert findings(tmp_path, spec, shared=SHARED) == []


def test_cycles_of_imports_are_found_once_each(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/one.mlops"\n' + PIPELINE
    one, two = 'import "two.mlops"\n', 'import "one.mlops"\nimport "../spec.mlops"\n'
    expected = [("two.mlops", 1, "import-cycle"), ("two.mlops", 2, "import-cycle")]
    assert findings(tmp_path, spec, one=one, two=two) == expected
    assert findings(tmp_path, 'edition 2026\nimport "spec.mlops"\n' + PIPELINE) == [("spec.mlops", 2, "import-cycle")]


def test_a_name_that_an_import_brings_too_is_found_in_the_spec(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE + "param depth : int = 4\n"
    assert findings(tmp_path, spec, shared=SHARED) == [("spec.mlops", 4, "duplicate-name")]


def test_a_name_that_two_imports_bring_is_found_in_the_second(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\nimport "lib/other.mlops"\n' + PIPELINE
    found = findings(tmp_path, spec, shared=SHARED, other="param x : int = 1\nparam depth : int = 4\n")
    assert found == [("other.mlops", 2, "duplicate-name")]


def test_the_edition_of_an_import_is_checked_too(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE
    assert findings(tmp_path, spec, shared="edition 2025\n" + SHARED) == [("shared.mlops", 1, "unknown-edition")]


def test_a_silencer_counts_in_an_import_too(tmp_path: Path) -> None:
    spec = 'edition 2026\nimport "lib/shared.mlops"\n' + PIPELINE
    shared = SHARED + "# mlopsc: allow nope\n"
    assert findings(tmp_path, spec, shared=shared) == [("shared.mlops", 3, "unused-silencer")]
