"""How the conformance suite runs a shell script, and sees which process ran which step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import planted
from target import NOTHING, Ran, Task

# What every Python imports when it starts: it tells which process runs which step.
WITNESS = "import os, sys\nsys.stderr.write(f'PROCESS {os.getpid()} {sys.orig_argv[4:5]}\\n')\n"


class Toy:
    def parse(self, folder: Path) -> None:
        subprocess.run(["sh", "-n", folder / "run.sh"], check=True)

    def load(self, folder: Path) -> list[str]:
        found = re.findall(r" step (\S+|'.*?') --plan", (folder / "run.sh").read_text(encoding="utf-8"))
        return [word.strip("'") for word in found]

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
        binaries = work / "bin"
        binaries.mkdir()
        (binaries / "sitecustomize.py").write_text(WITNESS, encoding="utf-8")
        script = (folder / "run.sh").read_text(encoding="utf-8")
        if break_step:
            spoil = f'python3 {planted.__file__} "$MLOPSC_STORE"/objects/*/*'
            lines = [line + f"\n{spoil}" if f" step {break_step} " in line else line for line in script.splitlines()]
            script = "\n".join(lines)
        (work / "run.sh").write_text(script.replace('$(dirname "$0")', str(folder)), encoding="utf-8")
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        words = [word for name, value in params.items() for word in ("--set", f"{name}={value}")]
        done = subprocess.run(
            ["sh", work / "run.sh", "toy-run", *words], capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, **env, "PATH": path, "PYTHONPATH": str(binaries)}
            | {"MLOPSC_STORE": str(store), "MLOPSC_DATA": str(data)},
        )  # fmt: skip
        result = json.loads((store / "runs" / "toy-run" / "result.json").read_bytes())
        tasks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"id"')]
        pids = {step: int(pid) for pid, step in re.findall(r"^PROCESS (\d+) \['(.*)'\]$", done.stderr, re.MULTILINE)}
        records = [Task(t["id"], pids[t["id"]], t["status"] == "cached") for t in tasks if t["status"] == "done"]
        return Ran(done.returncode == 0, result, records, done.stdout + done.stderr)


ADAPTER = Toy()
