"""A run broken at any operation on the bucket leaves it whole, and the next run ends as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from s3 import ObjectStore


@pytest.mark.parametrize(("how", "stride"), [("machine", 4), ("EIO", 9), ("lost", 7)])
def test_whatever_operation_breaks_earlier_versions_load_and_the_next_run_gives_the_same(
    how: str, stride: int, s3: ObjectStore, tmp_path: Path
) -> None:
    """For every few N: the Nth request of a run is its last, or fails, or its answer is lost. Then version 1 loads, the
    journal verifies, and the next run gives the digests and the one new version of a run that nothing disturbed."""
    script = Path(__file__).with_name("breaking_s3.py")
    words = [sys.executable, str(script), str(tmp_path), s3.url(), how, str(stride)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wanted"]["status"] == "succeeded"
    assert [number for number, *_ in report["wanted"]["versions"]] == [1, 2]
    assert report["operations"] > 50
    assert report["problems"] == {}
