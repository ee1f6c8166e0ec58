"""How findings are worded: one sentence, which starts with a capital letter or with a name of the spec, and ends in a full
stop; at most one help, of the same kind. Held over every finding of every case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlopsc.diagnostics.located import Located
from mlopsc.driver.check import check_file
from mlopsc.driver.spec import SpecFile, read

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "tests" / "cases" / "check"
SYNTAX = ROOT / "tests" / "cases" / "syntax"
SPECS = [*sorted(CHECK.glob("*.mlops")), *sorted(CHECK.glob("*/spec.mlops")), *sorted(SYNTAX.glob("*.txt"))]

_CODE = re.compile(r"`` `[^`]+` ``|`[^`]*`|\"[^\"]*\"|'[^']*'|\([^()]*\)")
_SECOND = re.compile(r"[.?!] +[A-Z]")


def findings(path: Path) -> tuple[Located, ...]:
    if path.suffix == ".mlops":
        return check_file(read(str(path))).findings
    text = path.read_text("utf-8").split("\n=== findings ===\n")[0]
    return check_file(SpecFile(path.name, str(path.parent), path.name, text.encode())).findings


def starts_well(sentence: str, text: str) -> bool:
    """With a capital letter, a quoted piece of a spec, a number, or a word that the spec itself holds."""
    first = re.match(r"[\w.@+-]+", sentence)
    return sentence[0].isupper() or sentence[0] in "`'\"*-0123456789" or (first is not None and first[0] in text)


def faults(found: Located, text: str) -> list[str]:
    wrong = []
    for what, sentence in (("message", found.message), ("help", found.help)):
        if sentence is None:
            continue
        if not sentence.endswith((".", "?")):
            wrong.append(f"{what} does not end as a sentence")
        if not starts_well(sentence, text + " null"):
            wrong.append(f"{what} does not start as a sentence")
        if what == "message" and _SECOND.search(_CODE.sub("x", sentence)):
            wrong.append(f"{what} is more than one sentence")
        if "\n" in sentence or "  " in _CODE.sub("x", sentence):
            wrong.append(f"{what} has a line end or a double blank in it")
    return [f"{fault}: {found.code} {found.message!r} help {found.help!r}" for fault in wrong]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name if path.name == "spec.mlops" else path.stem)
def test_findings_are_sentences(path: Path) -> None:
    text = path.read_text("utf-8", "replace")
    wrong = [fault for found in findings(path) for fault in faults(found, text)]
    assert not wrong, "\n".join(wrong)


def test_the_walk_meets_most_of_what_a_check_can_say() -> None:
    met = {found.code for path in SPECS for found in findings(path)}
    assert len(met) > 100
