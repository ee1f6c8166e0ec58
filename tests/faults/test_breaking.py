"""A run broken at any operation of the store leaves it whole, and the next run ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs on a disk take minutes and prove the same."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@pytest.mark.parametrize("how", ["step", "machine", "ENOSPC", "EIO"])
def test_whatever_operation_breaks_earlier_versions_load_and_the_next_run_gives_the_same(
    how: str, memory: Path
) -> None:
    """For every N: the Nth write, fsync, rename, link, mkdir or unlink of a run is its process's last, or fails. Then
    version 1 loads, the journal verifies, and the next run gives the digests and the one new version of a run that nothing
    disturbed."""
    script = Path(__file__).with_name("breaking.py")
    done = subprocess.run(
        [sys.executable, str(script), str(memory), how], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wanted"]["status"] == "succeeded"
    assert [number for number, *_ in report["wanted"]["versions"]] == [1, 2]
    assert report["operations"] > 50
    assert report["problems"] == {}
