"""Plain Python: the folder's run.py in a process of its own. It is the reference, so nothing is proved of its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runs import approve
from target import NOTHING, Ran


class Local:
    def parse(self, folder: Path) -> None:
        compile((folder / "run.py").read_bytes(), "run.py", "exec")
        json.loads((folder / "plan.json").read_bytes())

    def load(self, folder: Path) -> list[str]:
        done = subprocess.run(
            [sys.executable, folder / "run.py", "--help"], capture_output=True, check=True, timeout=60
        )
        assert done.stdout
        return [s["id"] for s in json.loads((folder / "plan.json").read_bytes())["pipelines"][0]["steps"]]

    def run(
        self,
        folder: Path,
        work: Path,
        *,
        store: Path,
        data: Path,
        params: Mapping[str, Any],
        break_step: str | None = None,
        answers: Mapping[str, str] = NOTHING,
        env: Mapping[str, str] = NOTHING,
    ) -> Ran:
        assert break_step is None, "its artifacts never leave the store, which checks every digest"
        words = [word for name, value in params.items() for word in ("--set", f"{name}={value}")]
        given = {**os.environ, **env, "MLOPSC_STORE": str(store), "MLOPSC_DATA": str(data)}
        ran = self._run(folder, given, "--force", *words)
        if answers:
            assert ran.result["status"] == "waiting"
            for gate, by in answers.items():
                approve(store, ran.result["run"], gate, by)
            ran = self._run(folder, given, *words)
            for step in ran.result["steps"]:  # the resumed run finds done what it did before it waited
                step["status"] = "done" if step["status"] == "cached" else step["status"]
        return ran

    def _run(self, folder: Path, env: Mapping[str, str], *words: str) -> Ran:
        done = subprocess.run(
            [sys.executable, folder / "run.py", "--json", "--jobs", "1", *words],
            capture_output=True, text=True, timeout=300, check=False, env=env,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return Ran(done.returncode == 0, json.loads(done.stdout), None, done.stderr)


ADAPTER = Local()
