"""A step starts only where the packages are that its folder lists."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from mlopsc.runtime import packages
from mlopsc.runtime.__main__ import main
from mlopsc.runtime.errors import UsageError


@pytest.mark.parametrize(
    ("release", "bounds", "holds"),
    [
        ("1.5.0", ">=1.5,<2", True), ("1.4.9", ">=1.5,<2", False), ("2.0", ">=1.5,<2", False), ("2", "==2.0.0", True),
        ("1.10", ">=1.9,<1.11", True), ("0.16.0rc1", ">=0.16", True), ("3.0", "", True), ("1.2", ">1.2", False),
    ],
)  # fmt: skip
def test_bounds_compare_releases_number_by_number(release: str, bounds: str, holds: bool) -> None:
    assert packages.holds(release, bounds) is holds


def test_every_differing_package_is_named_with_both_versions(tmp_path: Path) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_text("numpy<1\nno-such_package[x]>=3\npytest\n")
    with pytest.raises(UsageError) as told:
        packages.check(listed)
    assert (told.value.code, told.value.name) == ("MLC9070", "other-packages")
    assert f"numpy <1 is needed, {version('numpy')} is installed" in told.value.message
    assert "no-such_package >=3 is needed, none is installed" in told.value.message
    assert "pytest" not in told.value.message


def test_a_step_that_computes_with_packages_does_not_begin_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "requirements.txt"
    listed.write_text("duckdb<1\n")
    step = {"id": "clean:d", "kind": "clean", "settings": {}, "inputs": {}, "outputs": {}, "where": None}
    pipeline = {"name": "p", "kind": "training", "steps": [step]}
    (tmp_path / "plan.json").write_text(json.dumps({"format": 1, "pipelines": [pipeline], "params": []}))
    words = ["step", "clean:d", "--plan", str(tmp_path / "plan.json"), "--run", "r", "--store", str(tmp_path / "store")]
    assert main([*words, "--packages", str(listed)]) == 2
    told = capsys.readouterr().err
    assert "MLC9070" in told
    assert "duckdb <1 is needed" in told
    assert not (tmp_path / "store").exists()
