"""The specs of the suite: the examples, cut, and each folder of `specs` with what stands beside its spec.

prepare.py writes the spec's data. postgres.sql fills a server's database; CONFORMANCE_PG_HOST tells where it is.
params.json: given to the run. before.json: params of an earlier run, whose champion the store begins with. answers.json:
who approves each gate that asks.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SPECS = Path(__file__).parent / "specs"
EXAMPLES = ROOT / "examples"

ROWS = 900  # of an example's data, at most
TRIALS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A spec on its own data."""

    name: str
    spec: Path
    params: dict[str, Any]
    before: dict[str, Any] | None = None
    answers: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


def names() -> list[str]:
    return sorted(p.parent.name for p in EXAMPLES.glob("*/*.mlops")) + sorted(
        p.parent.name for p in SPECS.glob("*/*.mlops")
    )


def spec_of(folder: Path) -> Path:
    (found,) = folder.glob("*.mlops")
    return found


def made(name: str, folder: Path) -> Path | None:
    """Put the case's files into `folder`, its data among them; the statements for a PostgreSQL server, where it needs one."""
    if (EXAMPLES / name).exists():
        _cut(EXAMPLES / name, folder)
        return None
    shutil.copytree(SPECS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / "prepare.py"
    if script.exists():
        subprocess.run([sys.executable, script.name], cwd=folder, check=True, timeout=60)
        script.unlink()
    statements = folder / "postgres.sql"
    return statements if statements.exists() else None


def read(name: str, folder: Path, env: dict[str, str]) -> Case:
    def told(file: str) -> Any:
        path = folder / f"{file}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    return Case(name, spec_of(folder), told("params") or {}, told("before"), told("answers") or {}, env)


def _cut(source: Path, to: Path) -> None:
    """A copy of an example with fewer rows (evenly drawn, so that splits by time stay), trials and asked-for rows."""
    shutil.copytree(source, to)
    for file in to.glob("data/*.csv"):
        head, *rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
        step = max(1, -(-len(rows) // ROWS))
        file.write_text(head + "".join(rows[::step]), encoding="utf-8")
    for spec in to.glob("*.mlops"):
        text = re.sub(r"trials = \d+", f"trials = {TRIALS}", spec.read_text(encoding="utf-8"))
        text = re.sub(r"expect rows >= [\d_]+", "expect rows >= 100", text)
        text = re.sub(r"max_iter = 300", "max_iter = 30", text)
        spec.write_text(text, encoding="utf-8")
