"""Runs through the command line, and what a run left in its store: the same whatever the target."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import Case

ENTRY = [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()"]
APPROVES = ("--reason", "the suite says so")
# Artifacts that hold measured times, or what follows from them.
MEASURED = {"timing": ("train", "evaluate"), "verdict": ("gate",), "decision": ("approve",), "version": ("register",)}


@dataclass(frozen=True, slots=True)
class Reference:
    """What `mlopsc run` gave. `seed`: a store as it was before, for other targets to begin with; None: an empty one."""

    result: dict[str, Any]
    outputs: dict[str, str]
    seed: Path | None

    def store(self, place: Path) -> Path:
        """A store to run in, in the folder `place`."""
        if self.seed is not None:
            shutil.copytree(self.seed, place / "store")
        return place / "store"


def command(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> Any:
    """`mlopsc WORDS`, in a process of its own that no variable of mlopsc's reaches."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")}
    return subprocess.run(
        [*ENTRY, *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False,
        env=kept | dict(env or {}),
    )  # fmt: skip


def referred(case: Case, place: Path) -> Reference:
    """Run a case locally: a first time with the earlier params where it has some, and until no gate waits."""
    store, seed = place / "s", None
    if case.before is not None:
        assert _run(case, store, case.before)["status"] == "succeeded"
        seed = place / "seed"
        shutil.copytree(store, seed)
        for known in seed.glob("steps/*/*"):  # a champion and a journal to begin with, and nothing to take from a cache
            known.unlink()
    result = _run(case, store, case.params, "--force")
    if case.answers:
        assert result["status"] == "waiting"
        for gate, by in case.answers.items():
            approve(store, result["run"], gate, by)
        result = _run(case, store, case.params)
        for step in result["steps"]:  # what the resumed run found done, a run that waited for the answer has done
            step["status"] = "done" if step["status"] == "cached" else step["status"]
    return Reference(result, outputs(store, result["run"]), seed)


def _run(case: Case, store: Path, params: Mapping[str, Any], *words: str) -> dict[str, Any]:
    given = [word for key, value in params.items() for word in ("--set", f"{key}={value}")]
    done = command(
        "run", case.spec.name, "--json", "--store", store, *given, *words, cwd=case.spec.parent, env=case.env
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def approve(store: Path, run: str, gate: str, by: str) -> None:
    done = command("approve", run, gate, "--by", by, *APPROVES, "--store", store, cwd=store)
    assert done.returncode == 0, done.stdout + done.stderr


def outputs(store: Path, run: str) -> dict[str, str]:
    """The digest of each artifact of a run that holds no measured time, by STEP/OUTPUT."""
    folder = store / "runs" / run
    steps: dict[str, Any] = {}
    if (folder / "steps").exists():
        for file in folder.glob("steps/*.json"):
            steps[file.stem.replace("%3A", ":")] = json.loads(file.read_bytes())
    else:
        steps = json.loads((folder / "run.json").read_bytes())["steps"]
    return {
        f"{step}/{name}": digest
        for step, outcome in steps.items()
        for name, digest in (outcome.get("outputs") or {}).items()
        if step.partition(":")[0] not in MEASURED.get(name, ())
    }


@contextlib.contextmanager
def answering(store: Path, answers: Mapping[str, str]) -> Iterator[None]:
    """Somebody who looks into the store and approves, from outside, each gate of `answers` that waits there."""
    over = threading.Event()
    left = dict(answers)

    def look() -> None:
        while left and not over.wait(0.2):
            for file in store.glob("runs/*/steps/approve%3A*.json"):
                gate = file.stem.partition("%3A")[2]
                if gate in left and json.loads(file.read_bytes())["status"] == "waiting":
                    approve(store, file.parent.parent.name, gate, left.pop(gate))

    person = threading.Thread(target=look)
    person.start()
    try:
        yield
    finally:
        over.set()
        person.join(60)
