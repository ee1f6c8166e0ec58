"""One DAGs folder for several specs: what `compile` writes, keeps, checks and refuses there."""

from __future__ import annotations

from pathlib import Path

import pytest
import specs

from mlopsc.cli.main import main
from mlopsc.driver.failure import Failure


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two specs, a and b, that name their pipelines so."""
    specs.people(tmp_path / "people.csv", 3)
    for name in ("a", "b"):
        (tmp_path / f"{name}.mlops").write_text(specs.training(name))
    return tmp_path


def run(place: Path, name: str, *more: str) -> int:
    return main(["compile", str(place / f"{name}.mlops"), "--target", "airflow", "-o", str(place / "dags"), *more])


def held(place: Path) -> set[str]:
    return {p.relative_to(place / "dags").as_posix() for p in (place / "dags").rglob("*") if p.is_file()}


def test_two_specs_stand_side_by_side_and_both_are_as_compiled(place: Path) -> None:
    assert run(place, "a") == 0
    alone = held(place)
    assert run(place, "b") == 0
    assert alone < held(place)
    assert {"a.py", "a/README.md", "b.py", "b/README.md", "README.md"} <= held(place)
    assert [run(place, name, "--check") for name in ("a", "b")] == [0, 0]


def test_compiling_again_removes_what_the_spec_no_longer_needs_and_nothing_else(place: Path) -> None:
    (place / "mine.py").write_text("def f():\n    return 1\n")
    text = specs.training("a")
    (place / "a.mlops").write_text(text + 'step extra { run = python("mine:f") }\n')
    assert [run(place, name) for name in ("a", "b")] == [0, 0]
    assert "a/modules/mine.py" in held(place)
    (place / "a.mlops").write_text(text)
    assert (run(place, "a", "--check"), run(place, "a"), run(place, "a", "--check")) == (1, 0, 0)
    assert "a/modules/mine.py" not in held(place)
    assert run(place, "b", "--check") == 0


def test_another_spec_of_the_same_pipeline_is_refused(place: Path) -> None:
    assert run(place, "a") == 0
    (place / "b.mlops").write_text(specs.training("a"))
    before = {path: (place / "dags" / path).read_bytes() for path in held(place)}
    with pytest.raises(Failure, match=r"a\.py was compiled from a\.mlops.*--force"):
        run(place, "b")
    assert {path: (place / "dags" / path).read_bytes() for path in held(place)} == before
    assert (run(place, "b", "--force"), run(place, "b", "--check")) == (0, 0)


def test_a_pipeline_of_another_name_leaves_the_old_one_and_says_so(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, "a") == 0
    (place / "a.mlops").write_text(specs.training("new_name"))
    assert run(place, "a") == 0
    assert "also holds a, from a a.mlops too" in capsys.readouterr().out.replace("\n", " ")
