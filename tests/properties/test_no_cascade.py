"""One mistake gives one finding, where it is: held over every kind of slip in every kind of statement."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from mlopsc.driver.check import check_file
from mlopsc.driver.spec import SpecFile, read

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(Path(__file__).parent))

from mistakes import Mistake, Mistakes  # noqa: E402

SPECS = [*sorted((ROOT / "tests" / "cases" / "specs").glob("*.mlops")), *sorted((ROOT / "examples").glob("*/*.mlops"))]
EACH = 6  # mistakes of one sort tried in a spec; all of them are a matter of minutes
KNOWN = sorted({path.stem for path in SPECS})


def sort_of(mistake: Mistake) -> str:
    return mistake.what.split(":", 1)[0]


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
