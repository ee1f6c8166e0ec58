"""Standard output that takes nothing: one line, exit code 2, and never a report of an internal error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pieces import people, spec, to_csv

ENTRY = [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()"]
COMMANDS = {
    "run": ["run", "s.mlops", "--json"],
    "check": ["check", "s.mlops"],
    "explain": ["explain"],
    "plan": ["show", "s.mlops", "--plan"],
    "help": ["--help"],
    "targets": ["targets", "--format", "markdown"],
    "journal": ["journal"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("output")
    (found / "d.csv").write_text(to_csv(people(60)))
    (found / "s.mlops").write_text(spec())
    words = [*ENTRY, "compile", "s.mlops", "--target", "local", "-o", "out"]
    subprocess.run(words, cwd=found, check=True, capture_output=True, timeout=60)
    return found


def lines(told: str) -> list[str]:
    return [line for line in told.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_behind_standard_output_is_one_line_and_exit_2(folder: Path, name: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*ENTRY, *COMMANDS[name]],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            check=False,
        )
    assert done.returncode == 2
    assert lines(done.stderr) == ["mlopsc: standard output cannot be written: No space left on device"]
    assert list(tmp_path.glob("mlopsc-report-*")) == []


@pytest.mark.parametrize("name", ["check", "run"])
def test_a_closed_standard_output_is_one_line_and_exit_2(folder: Path, name: str) -> None:
    words = ["sh", "-c", 'exec "$@" >&-', "sh", *ENTRY, *COMMANDS[name]]
    done = subprocess.run(words, cwd=folder, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert lines(done.stderr) == ["mlopsc: standard output cannot be written: it is closed"]


def test_a_reader_who_goes_away_is_told_nothing(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*ENTRY, "show", "s.mlops", "--plan"],
            cwd=folder,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_compiled_folder_says_so_too(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "out/run.py", "--json"],
            cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert lines(done.stderr) == ["python run.py: standard output cannot be written: No space left on device"]
