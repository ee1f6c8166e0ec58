"""What each task gets of the Plan: its own step, the names of what stands before it, and where its files are.

A slice is JSON in one string parameter. It is safe among KFP's and Argo's placeholders: it holds no `$` and no `{{`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from mlopsc.ir.plan import Pipeline, Plan, Step

PLAIN = 24 * 1024  # bytes up to which a slice stays readable
LONGEST = 64 * 1024  # bytes; with the artifacts' addresses it is one argument of a process, which Linux ends at 128 KiB
PACKED = "zlib:"
_HEAD = "format compiler edition name spec files modules profile params reproducible".split()
_RESULT = ("data", "model", "gate", "gates", "where", "approval", "rules")  # settings that the result of a run is told with

_RULE = ("text", "where", "by", "min_rows", "confidence")  # of each rule of them


def encode(value: Any) -> str:
    """One string without `$` and `{{`; compressed where it is long."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(text) > PLAIN:
        return PACKED + base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")
    return text.replace("$", "\\u0024").replace("{{", "{\\u007b")


def _only(names: tuple[str, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


class Slices:
    """Slices of one pipeline. The Plan is turned into plain values once."""

    def __init__(self, plan: Plan, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.steps = {step.id: step for step in pipeline.steps}
        self._order = {step.id: number for number, step in enumerate(pipeline.steps)}
        self._head = plan.model_dump(mode="json", include=set(_HEAD))
        self.channels = [c.model_dump(mode="json") for c in plan.channels if c.name in pipeline.notify]

    def plan(self, steps: list[dict[str, Any]], *, tells: bool = False) -> dict[str, Any]:
        """`tells`: for a task that tells the channels."""
        pipeline = {"name": self.pipeline.name, "timeout": None, "steps": steps}
        if not tells or not self.channels:
            return {**self._head, "pipelines": [pipeline]}
        told = {**pipeline, "notify": list(self.pipeline.notify)}
        return {**self._head, "channels": self.channels, "pipelines": [told]}

    def of_step(self, step: Step, before: set[str], files: Mapping[str, Any]) -> str:
        """`before`: ids of the steps whose data a version is traced back to; `files`: the task's keys of artifacts and params."""
        needed = {artifact.rpartition("/")[0] for artifact in step.inputs.values()}
        read = {i for i in before if self.steps[i].kind == "ingest"}
        stubs = [_stub(self.steps[i]) for i in sorted(needed | read, key=self._order.__getitem__)]
        part = self.plan([*stubs, step.model_dump(mode="json")], tells=step.kind == "approve")
        return encode({"step": step.id, "plan": part, **files})

    def of_finish(self, files: Mapping[str, Any]) -> str:
        """What the result of a run is told with: every step, without what it computes by."""
        steps = []
        for step in self.pipeline.steps:
            settings = step.settings.model_dump(mode="json", include=set(_RESULT))
            if "rules" in settings:
                settings["rules"] = [_only(_RULE, r) for r in settings["rules"] if "text" in r]
            steps.append({**_stub(step), "outputs": {}, "settings": settings})
        return encode({"finish": True, "plan": self.plan(steps, tells=True), **files})


def _stub(step: Step) -> dict[str, Any]:
    return {"id": step.id, "kind": step.kind, "inputs": {}, "outputs": dict(step.outputs), "settings": {}}
