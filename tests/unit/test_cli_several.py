"""Several files at once: specs, what they import, and folders in which both lie; and what is installed around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlopsc.cli.main import guarded
from mlopsc.target import registry

Out = pytest.CaptureFixture[str]

SHARED = """\
data people {
  source = csv("people.csv")

  columns {
    age    : int
    bought : bool
  }
}

param part : share = 20%
"""
SPEC = """\
edition 2026

import "shared/people.mlops"

pipeline p { }

features f from people {
  old = age > 60
  age
}

model m from f {
  target    = bought
  split     = random(test = part)
  algorithm = logistic_regression()
}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared").mkdir()
    write(tmp_path, "shared/people.mlops", SHARED)
    write(tmp_path, "one.mlops", SPEC)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def check(capsys: Out, *words: str) -> tuple[int, int, list[tuple[str, str]]]:
    """(exit code, files, (name, file) of every finding)"""
    capsys.readouterr()
    code = guarded(["check", *words, "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    return code, found["files"], [(d["name"], d["file"]) for d in found["diagnostics"]]


def test_a_folder_with_shared_declarations_is_clean(here: Path, capsys: Out) -> None:
    """Imported by a spec, or waiting to be: neither lacks a pipeline, an edition or a use."""
    write(here, "shared/later.mlops", 'channel oncall = webhook(secret("URL"))\n')
    assert check(capsys, ".") == (0, 3, [])
    assert check(capsys, "shared") == (0, 2, [])
    assert check(capsys, ".", "--profile", "none")[2] == [("unknown-name", "one.mlops")]


def test_a_file_that_another_one_given_imports_needs_no_pipeline(here: Path, capsys: Out) -> None:
    write(here, "shared/people.mlops", 'import "far.mlops"\n\n' + SHARED.replace("param", "# param"))
    write(here, "shared/far.mlops", "param part : share = 20%\n")
    assert check(capsys, "shared/people.mlops", "one.mlops") == (0, 2, [])
    assert check(capsys, "shared/far.mlops", "shared/people.mlops", "one.mlops") == (0, 3, [])


def test_a_spec_given_by_name_needs_its_pipeline(here: Path, capsys: Out) -> None:
    path = "shared/people.mlops"
    missing = [("missing-edition", path), ("no-pipeline", path), ("unused-data", path), ("unused-param", path)]
    code, _, found = check(capsys, path)
    assert (code, sorted(found)) == (1, missing)
    assert check(capsys, "shared", path)[0] == 1


def test_a_spec_without_its_pipeline_is_not_taken_for_shared(here: Path, capsys: Out) -> None:
    write(here, "one.mlops", SPEC.replace("pipeline p { }\n", ""))
    assert check(capsys, ".") == (1, 2, [("no-pipeline", "one.mlops")])


def test_what_is_wrong_with_a_shared_file_is_told_once(here: Path, capsys: Out) -> None:
    write(here, "shared/people.mlops", SHARED.replace("age    : int", "age    : integer"))
    write(here, "two.mlops", SPEC)
    assert check(capsys, ".") == (1, 3, [("unknown-type", "shared/people.mlops")])
    assert check(capsys, "shared") == (1, 1, [("unknown-type", "shared/people.mlops")])


def test_files_that_import_each_other_are_told_so(here: Path, capsys: Out) -> None:
    write(here, "shared/people.mlops", 'import "other.mlops"\n' + SHARED)
    write(here, "shared/other.mlops", 'import "people.mlops"\n')
    code, files, found = check(capsys, "shared")
    assert (code, files, {name for name, _ in found}) == (1, 2, {"import-cycle"})


def test_tests_of_a_shared_file_run_with_a_spec_that_imports_it(here: Path, capsys: Out) -> None:
    block = "\ntest grown of adults {\n  given row(age = 61)\n  expect old\n}\n"
    features = "\nfeatures adults from people {\n  old = age > 60\n}\n"
    write(here, "shared/people.mlops", SHARED + features + block)
    assert guarded(["test", "."]) == 0
    assert capsys.readouterr() == ("1 of 1 expectations hold\n", "")
    assert guarded(["test", "shared"]) == 0
    assert "grown: run by testing a spec that imports this file" in capsys.readouterr().err


def test_a_target_block_may_name_known_and_installed_back_ends(
    here: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options for a known target stay valid where its back end is missing: a spec is checked on many machines."""
    blocks = 'target airflow { pool = "ml" }\ntarget kubeflow { image = "i" }\ntarget tekton { image = "i" }\n'
    write(here, "one.mlops", SPEC + "\n" + blocks)
    monkeypatch.setattr(registry, "entry_points", dict)
    assert check(capsys, "one.mlops")[::2] == (1, [("unknown-target", "one.mlops")])
    monkeypatch.setattr(registry, "entry_points", lambda: {"tekton": "mlopsc_tekton.backend:BACKEND"})
    assert check(capsys, "one.mlops") == (0, 1, [])
