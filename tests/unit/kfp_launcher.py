"""A launcher as small as can be: runs the tasks of a pipeline.yaml in order, each in a process of its own, from the emitted
`step` folder (the image) or through the embedded runtime, with KFP's executor input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass
class Launcher:
    """`run`: KFP's id of the run. `ended`: exit code and output by task."""

    folder: Path
    root: Path
    store: Path
    data: Path
    run: str = "run-1"
    env: dict[str, str] = field(default_factory=dict)
    ended: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spec: dict[str, Any] = next(
            yaml.safe_load_all((self.folder / "pipeline.yaml").read_text(encoding="utf-8"))
        )
        self.tasks: dict[str, Any] = self.spec["components"]["comp-steps"]["dag"]["tasks"]
        self.params = {
            name: p["defaultValue"]
            for name, p in self.spec["root"].get("inputDefinitions", {}).get("parameters", {}).items()
        }

    def all(self) -> dict[str, Any]:
        """Every task as far as what it depends on ended well, then `finish`; the result of the run."""
        for name, task in self.tasks.items():
            if all(self.ended.get(need, (1, ""))[0] == 0 for need in task.get("dependentTasks", ())):
                self.task(name)
        return self.finish()

    def finish(self) -> dict[str, Any]:
        failed = any(code for code, _ in self.ended.values()) or len(self.ended) < len(self.tasks)
        self._start(
            "finish", self.spec["root"]["dag"]["tasks"]["finish"], {"state": "FAILED" if failed else "SUCCEEDED"}
        )
        found: dict[str, Any] = json.loads((self.store / "runs" / self.run / "result.json").read_bytes())
        return found

    def task(self, name: str) -> tuple[int, str]:
        self._start(name, self.tasks[name])
        return self.ended[name]

    def input(self, name: str, task: dict[str, Any], status: dict[str, Any] | None = None) -> dict[str, Any]:
        component = self.spec["components"][task["componentRef"]["name"]]
        values: dict[str, Any] = {}
        for key, given in task["inputs"]["parameters"].items():
            if "runtimeValue" in given:
                values[key] = given["runtimeValue"]["constant"].replace("{{$.pipeline_job_uuid}}", self.run)
            elif "taskFinalStatus" in given:
                values[key] = status
            elif given["componentInputParameter"] == "plan":
                group = self.spec["root"]["dag"]["tasks"]["steps"]["inputs"]["parameters"]
                values[key] = group["plan"]["runtimeValue"]["constant"]
            else:
                values[key] = self.params[given["componentInputParameter"]]
        artifacts = {}
        for key, given in task["inputs"].get("artifacts", {}).items():
            origin = given["taskOutputArtifact"]
            place = self.root / origin["producerTask"] / origin["outputArtifactKey"]
            artifacts[key] = {"artifacts": [{"name": key, "uri": str(place), "metadata": {}}]}
        outputs = {
            key: {
                "artifacts": [
                    {"name": key, "uri": str(self.root / name / key), "metadata": {}, "type": d["artifactType"]}
                ]
            }
            for key, d in component["outputDefinitions"]["artifacts"].items()
        }
        file = str(self.root / name / "executor_output.json")
        return {
            "inputs": {"parameterValues": values, "artifacts": artifacts},
            "outputs": {"artifacts": outputs, "outputFile": file},
        }

    def command(self, name: str, task: dict[str, Any], status: dict[str, Any] | None = None) -> list[str]:
        label = self.spec["components"][task["componentRef"]["name"]]["executorLabel"]
        container = self.spec["deploymentSpec"]["executors"][label]["container"]
        text = json.dumps(self.input(name, task, status))
        words = [sys.executable, *container["command"][1:], *container["args"]]
        return [word.replace("{{$}}", text) for word in words]

    def _start(self, name: str, task: dict[str, Any], status: dict[str, Any] | None = None) -> None:
        (self.root / name).mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            self.command(name, task, status), capture_output=True, text=True, timeout=300, check=False,
            cwd=self.folder / "step",
            env={**os.environ, "PYTHONPATH": str(self.folder / "step"), "MLOPSC_STORE": str(self.store),
                 "MLOPSC_DATA": str(self.data), "MLOPSC_POLL": "0.1", **self.env},
        )  # fmt: skip
        self.ended[name] = done.returncode, done.stdout + done.stderr
