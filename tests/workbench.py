"""A folder with specs and data, and the command line run in it. See `warm_cli` for why it is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class Server:
    """The warm process; one for a test session."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "warm_cli.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )

    def ask(self, request: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline())["code"])

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def step(self, id: str) -> dict[str, Any]:
        return next(step for step in self.json["steps"] if step["id"] == id)

    @property
    def error(self) -> dict[str, Any]:
        """The error of the first step that failed."""
        found: dict[str, Any] = next(step["error"] for step in self.json["steps"] if step["status"] == "failed")
        return found

    @property
    def model(self) -> dict[str, Any]:
        """The result's only model."""
        (found,) = self.json["models"].values()
        return dict(found)

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules of the result's only gate."""
        (found,) = self.json["gates"].values()
        return list(found["rules"])


class Bench:
    """Runs commands in `folder`. No variable of mlopsc's reaches them from outside."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def command(
        self, *words: str, env: dict[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
    ) -> Done:
        out, err = self.folder / ".out", self.folder / ".err"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPSC_", "PYTEST_"))}
        request = {"argv": list(words), "cwd": str(cwd or self.folder), "env": kept | (env or {}), "timeout": timeout}
        code = self.server.ask({**request, "stdin": os.devnull, "out": str(out), "err": str(err)})
        return Done(code, out.read_text("utf-8"), err.read_text("utf-8"))

    def run(self, *words: str, spec: str = "s.mlops", env: dict[str, str] | None = None) -> Done:
        return self.command("run", spec, "--json", *words, env=env)

    def check(self, *words: str, spec: str = "s.mlops", env: dict[str, str] | None = None) -> list[dict[str, Any]]:
        """The findings of `check --data`."""
        done = self.command("check", spec, "--data", "--format", "json", *words, env=env)
        assert done.code in (0, 1), done.err
        return list(done.json["diagnostics"])

    @property
    def store(self) -> Path:
        return self.folder / ".mlopsc"

    def artifact(self, artifact: str, done: Done) -> Path:
        """The file of STEP/OUTPUT in the run that `done` tells of."""
        step, _, output = artifact.rpartition("/")
        record = json.loads((self.store / "runs" / done.json["run"] / "run.json").read_text())
        digest = record["steps"][step]["outputs"][output]
        first, rest = digest.removeprefix("sha256:")[:2], digest.removeprefix("sha256:")[2:]
        return self.store / "objects" / first / rest
