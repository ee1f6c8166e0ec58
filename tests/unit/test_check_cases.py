"""The list of cases in tests/cases/check/README.md: each is there and shows what the list says it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlopsc.diagnostics.codes import CODES

CASES = Path(__file__).resolve().parent.parent / "cases" / "check"
README = (CASES / "README.md").read_text("utf-8")
PROOFS = re.findall(r"^\| [^|]*\| ([a-z0-9-]+) \| ([a-z0-9_/]+) \|$", README, re.M)


@pytest.mark.parametrize(("name", "case"), PROOFS)
def test_a_promised_proof_has_the_case_that_the_list_names(name: str, case: str) -> None:
    text = (CASES / f"{case}.mlops").read_text("utf-8")
    assert re.search(rf"# .*{CODES[name][0]} {name}\b", text)


def test_the_list_names_proofs() -> None:
    assert len(PROOFS) > 40


def test_every_case_that_the_list_names_is_there() -> None:
    for name in re.findall(r"\b(?:lang|data|features|gate|deploy|monitor|names|pipeline|import|types)_\w+", README):
        assert (CASES / f"{name}.mlops").exists() or (CASES / name / "spec.mlops").exists(), name
