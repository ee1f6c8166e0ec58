"""Kubeflow: strict protobufs, the SDK's loader, and kfp.local, which starts one process a task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from runs import answering
from target import NOTHING, RESULTS, Ran, Task, result_of

RUN = Path(__file__).with_name("kfp_run.py")


def documents(folder: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((folder / "pipeline.yaml").read_text(encoding="utf-8")))


class Kubeflow:
    def parse(self, folder: Path) -> None:
        """deploymentSpec is a free Struct in the spec's own schema, and platforms are too: each is parsed as what it is."""
        spec, *platform = documents(folder)
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
        for document in platform:
            json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
            for config in document["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
                json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())

    def load(self, folder: Path) -> list[str]:
        component = components.load_component_from_file(str(folder / "pipeline.yaml"))
        tasks = component.pipeline_spec.components["comp-steps"].dag.tasks
        found = [
            json.loads(t.inputs.parameters["step"].runtime_value.constant.string_value)["step"] for t in tasks.values()
        ]
        order = {name: number for number, name in enumerate(found)}
        return sorted(found, key=order.__getitem__)

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
        tasks = {s: t for t, s in self._tasks(folder).items()}
        root = work / "root"
        broken = [tasks[break_step]] if break_step else []
        before = set(store.glob(RESULTS))
        words = [sys.executable, RUN, folder / "pipeline.yaml", root, json.dumps(dict(params)), *broken]
        given = {"MLOPSC_STORE": str(store), "MLOPSC_DATA": str(data), "MLOPSC_POLL": "0.2"}
        with answering(store, answers):
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=600, check=False, cwd=work,
                env={**os.environ, **env, **given, "PYTHONWARNINGS": "ignore"},
            )  # fmt: skip
        log = done.stdout + done.stderr
        return Ran(done.returncode == 0, result_of(store, before, log), self._records(root), log, {"root": root})

    def _tasks(self, folder: Path) -> dict[str, str]:
        spec = documents(folder)[0]
        tasks = spec["components"]["comp-steps"]["dag"]["tasks"].items()
        return {
            name: json.loads(t["inputs"]["parameters"]["step"]["runtimeValue"]["constant"])["step"] for name, t in tasks
        }

    def _records(self, root: Path) -> list[Task]:
        """From KFP's executor outputs: what each task handed on, with the process that did."""
        found = []
        for file in sorted(root.glob("*/*/executor_output.json")):
            artifacts = json.loads(file.read_bytes())["artifacts"]
            if "outcome" in artifacts:
                told = artifacts["outcome"]["artifacts"][0]["metadata"]
                assert os.path.exists(artifacts["outcome"]["artifacts"][0]["uri"])
                found.append(Task(told["step"], told["pid"]))
        return found


ADAPTER = Kubeflow()
