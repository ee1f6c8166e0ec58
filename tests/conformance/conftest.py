"""Specs, cut examples, compiled folders and the local runner's results: each made once a session."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SPECS = Path(__file__).parent / "specs"
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(Path(__file__).parent))

ROWS = 900  # of an example's data, at most
TRIALS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A spec on its own data. `params`: given to the run."""

    name: str
    spec: Path
    params: dict[str, Any]


def names() -> list[str]:
    return sorted(p.parent.name for p in EXAMPLES.glob("*/*.mlops")) + sorted(
        p.parent.name for p in SPECS.glob("*/*.mlops")
    )


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


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    made: dict[str, Case] = {}

    def get(name: str) -> Case:
        if name not in made:
            folder = tmp_path_factory.mktemp("specs") / name
            if (EXAMPLES / name).exists():
                _cut(EXAMPLES / name, folder)
            else:
                shutil.copytree(SPECS / name, folder)
            (spec,) = folder.glob("*.mlops")
            params = folder / "params.json"
            made[name] = Case(name, spec, json.loads(params.read_text()) if params.exists() else {})
        return made[name]

    return get


def compiled(spec: Path, target: str, output: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`mlopsc compile`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", "compile", spec.name, "--target", target,
         "-o", str(output), *words],
        capture_output=True, text=True, cwd=spec.parent, timeout=120, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")} | env,
    )  # fmt: skip


@pytest.fixture(scope="session")
def emitted(case: Callable[[str], Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    made: dict[tuple[str, str], Path] = {}

    def get(name: str, target: str) -> Path:
        if (name, target) not in made:
            output = tmp_path_factory.mktemp("out") / target
            done = compiled(case(name).spec, target, output)
            assert done.returncode == 0, done.stdout + done.stderr
            made[name, target] = output
        return made[name, target]

    return get


@pytest.fixture(scope="session")
def reference(case: Callable[[str], Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What `mlopsc run` gives, from an empty store."""
    made: dict[str, dict[str, Any]] = {}

    def get(name: str) -> dict[str, Any]:
        if name not in made:
            found = case(name)
            words = [word for key, value in found.params.items() for word in ("--set", f"{key}={value}")]
            done = subprocess.run(
                [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", "run", found.spec.name, "--json",
                 "--store", str(tmp_path_factory.mktemp("store") / "s"), *words],
                capture_output=True, text=True, cwd=found.spec.parent, timeout=300, check=False,
            )  # fmt: skip
            assert done.stdout, done.stderr
            made[name] = json.loads(done.stdout)
        return made[name]

    return get


@pytest.fixture(scope="session")
def gaps(case: Callable[[str], Case]) -> Callable[[str, str], list[str]]:
    """The features that a spec uses and that a target refuses, as `mlopsc targets SPEC` tells them."""
    made: dict[str, list[dict[str, Any]]] = {}

    def get(name: str, target: str) -> list[str]:
        if name not in made:
            made[name] = support(case(name).spec)
        return [row["feature"] for row in made[name] if refused(row["feature"], row["targets"][target])]

    return get


# Blocks that this release compiles and no target runs yet: a warning, and the rest of the spec is emitted.
LATER = ("rollout.", "rollback.", "deploy", "batch", "monitor")


def refused(feature: str, told: dict[str, Any]) -> bool:
    waits = feature.startswith(LATER) and told["level"] == "not implemented"
    return told["support"] == "unsupported" and not waits


def support(spec: Path) -> list[dict[str, Any]]:
    """Rows of `mlopsc targets SPEC`."""
    words = [
        sys.executable,
        "-c",
        "from mlopsc.cli.main import entry; entry()",
        "targets",
        spec.name,
        "--format",
        "json",
    ]
    done = subprocess.run(words, capture_output=True, text=True, cwd=spec.parent, timeout=60, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["features"]
    return found
