"""A run broken at any operation of the store leaves it whole, and the next run ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs on a disk take minutes and prove the same."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def broken(*words: str) -> dict[str, Any]:
    """The report of `breaking.py`."""
    script = Path(__file__).with_name("breaking.py")
    done = subprocess.run(
        [sys.executable, str(script), *words], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("how", ["step", "machine", "ENOSPC", "EIO"])
def test_whatever_operation_breaks_earlier_versions_load_and_the_next_run_gives_the_same(
    how: str, memory: Path
) -> None:
    """For every N: the Nth write, fsync, rename, link, mkdir or unlink of a run is its process's last, or fails. Then
    version 1 loads, the journal verifies, and the next run gives the digests and the one new version of a run that nothing
    disturbed."""
    report = broken(str(memory), how)
    assert report["wanted"]["status"] == "succeeded"
    assert [number for number, *_ in report["wanted"]["versions"]] == [1, 2]
    assert report["operations"] > 50
    assert report["problems"] == {}


@pytest.mark.parametrize(("how", "stride"), [("machine", 11), ("ENOSPC", 13)])
def test_a_real_pipeline_that_is_broken_ends_the_same_the_next_time(
    how: str, stride: int, memory: Path, tmp_path: Path, root: Path, mlopsc: Run
) -> None:
    """As above with the real steps on a few hundred customers, at every few operations."""
    output = tmp_path / "out"
    made = mlopsc("compile", str(Path(__file__).with_name("small.mlops")), "--target", "local", "-o", str(output))
    assert made.returncode == 0, made.stderr
    data = root / "examples" / "churn" / "data" / "Telco-Customer-Churn.csv"
    report = broken(str(memory), how, str(output / "plan.json"), str(data), str(stride))
    assert report["wanted"]["status"] == "succeeded"
    assert [number for number, *_ in report["wanted"]["versions"]] == [1, 2]
    assert report["operations"] > 80
    assert report["problems"] == {}
