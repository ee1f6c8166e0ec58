"""One mistake gives one finding, where it is: held over every kind of slip in every kind of statement."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from random import Random

import pytest

from mlopsc.diagnostics.located import Located, Point
from mlopsc.driver.check import check_file
from mlopsc.driver.spec import SpecFile, read

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))

from mistakes import Mistake, Mistakes  # noqa: E402

SPECS = [*sorted((ROOT / "tests" / "cases" / "specs").glob("*.mlops")), *sorted((ROOT / "examples").glob("*/*.mlops"))]
EACH = 4  # mistakes of one sort tried in a spec; all of them are a matter of minutes


def sort_of(mistake: Mistake) -> str:
    return mistake.what.split(":", 1)[0]


@cache
def some(path: Path) -> list[Mistake]:
    """A few of each sort, chosen by the spec's name: the same ones on every run."""
    by_sort: dict[str, list[Mistake]] = {}
    for mistake in Mistakes(path.read_text("utf-8"), seed=1).all():
        by_sort.setdefault(sort_of(mistake), []).append(mistake)
    random = Random(path.stem)
    return [mistake for sort in by_sort.values() for mistake in random.sample(sort, min(EACH, len(sort)))]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_specs_that_mistakes_are_made_in_are_clean(path: Path) -> None:
    assert check_file(read(str(path))).findings == ()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_one_mistake_gives_one_finding_where_it_is(path: Path) -> None:
    wrong = []
    mistakes = some(path)
    assert len(mistakes) >= 100
    for mistake in mistakes:
        spec = SpecFile(path.name, str(path.parent), path.name, mistake.text.encode("utf-8"))
        found = check_file(spec).findings
        if len(found) != 1 or found[0].place.start.line not in mistake.lines:
            lines = [f"    {f.place.start.line}: {f.code} {f.name}: {f.message}" for f in found]
            wrong.append("\n".join([str(mistake), *lines]))
    assert not wrong, "\n".join([f"{len(wrong)} of {len(mistakes)}", *wrong])


def test_more_than_a_thousand_mistakes_of_many_sorts_are_made() -> None:
    made = [mistake for path in SPECS for mistake in some(path)]
    assert len(made) > 1_000
    assert len({sort_of(mistake) for mistake in made}) > 60


SYNTAX = ("no =", "== for =", "no value", "two points", "bracket not closed", "no comma", "two commas", "no operator")
PAIRS = 25  # of each spec


def two_mistakes(path: Path) -> list[tuple[str, tuple[Mistake, Mistake]]]:
    """Texts with a syntax error and another mistake in another block, both of one line."""
    text = path.read_text("utf-8")
    lines = text.split("\n")
    made = [m for m in Mistakes(text, seed=2).all() if len(m.lines) == 1 and m.text.count("\n") == text.count("\n")]
    syntax = [m for m in made if sort_of(m) in SYNTAX and len(found_by(path, m.text)) == 1]
    random = Random(path.stem)
    found = []
    for _ in range(PAIRS):
        one, two = random.choice(syntax), random.choice(made)
        at, other = one.lines.start - 1, two.lines.start - 1
        if "" not in lines[min(at, other) : max(at, other)] or not found_by(path, one.text)[0].code.startswith("MLC00"):
            continue  # in one block, or no syntax error after all
        both = lines.copy()
        both[at], both[other] = one.text.split("\n")[at], two.text.split("\n")[other]
        found.append(("\n".join(both), (one, two)))
    return found


def found_by(path: Path, text: str) -> tuple[Located, ...]:
    return check_file(SpecFile(path.name, str(path.parent), path.name, text.encode("utf-8"))).findings


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_syntax_error_hides_no_mistake_of_another_block(path: Path) -> None:
    """Where a mistake is a name that the damaged text may have declared, it may wait; every other one is told at once."""
    pairs = two_mistakes(path)
    assert len(pairs) >= 5
    told = 0
    for text, (one, two) in pairs:
        found = found_by(path, text)
        at = {f.place.start.line for f in found}
        assert one.lines.start in at, (str(one), str(two))
        assert at <= {one.lines.start, two.lines.start}, (str(one), str(two), [f.message for f in found])
        told += two.lines.start in at
    assert told >= 0.8 * len(pairs)


def offset(text: str, at: Point) -> int:
    return sum(len(line) + 1 for line in text.split("\n")[: at.line - 1]) + at.column - 1


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_edit_mends_what_it_was_offered_for(path: Path) -> None:
    """But for brackets that do not match: which one is wrong, only its writer knows."""
    offered = 0
    for mistake in some(path):
        for found in found_by(path, mistake.text):
            if found.edit is None or sort_of(mistake).startswith("bracket"):
                continue
            offered += 1
            start, end = (offset(mistake.text, at) for at in (found.edit.place.start, found.edit.place.end))
            mended = mistake.text[:start] + found.edit.text + mistake.text[end:]
            left = [f for f in found_by(path, mended) if (f.place.start, f.code) == (found.place.start, found.code)]
            broken = [f for f in found_by(path, mended) if f.code.startswith("MLC00")]
            assert not left, (str(mistake), found.message, found.edit.text)
            assert not broken, (str(mistake), found.message, found.edit.text, broken[0].message)
    assert offered >= 20
