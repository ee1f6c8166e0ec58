"""A back end in a package of its own, found by entry point like any other, held to the same suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TOY = Path(__file__).resolve().parent.parent / "toy"
SUITE = Path(__file__).parent / "test_conformance.py"


def test_a_back_end_of_another_package_is_found_and_conforms() -> None:
    """Not a line of the compiler knows it: its folder stands on the path, as an installed package would."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TOY), str(SUITE.parent)]), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", "targets", "--format", "json"]
    listed = json.loads(subprocess.run(words, capture_output=True, text=True, env=env, check=True).stdout)
    assert "toy" in [target["name"] for target in listed["targets"]]
    chosen = "toy and (odd or many or planted)"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(SUITE), "-k", chosen, "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="],
        capture_output=True, text=True, env=env, cwd=SUITE.parent.parent.parent, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "7 passed" in done.stdout, done.stdout[-500:]
