"""What each task gets of the Plan: its own step, the names of what stands before it, and where its files are.

Two string parameters hold it as JSON: `plan`, equal for all tasks and written once, and `step`. Both are safe among KFP's and
Argo's placeholders: they hold no `$` and no `{{`. What is left out of a step is in `task/message.py`, which fills it in.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from mlopsc.ir.plan import Pipeline, Plan, Step
from mlopsc_kubeflow.task.message import PACKED, STEP, before_it, safe

PLAIN = 24 * 1024  # bytes up to which a slice stays readable
ARGUMENT = 96 * 1024  # bytes of all that a task is given, which is one argument of a process: Linux ends it at 128 KiB
ARTIFACT = 480  # bytes of an artifact's name, type, address and digest there, about
_HEAD = "format compiler edition name spec files modules profile params reproducible".split()
# Settings that the result of a run is told with.
_RESULT = ("data", "model", "gate", "gates", "where", "approval", "rules")
_RULE = ("text", "where", "by", "min_rows", "confidence")  # of each rule of them


def encode(value: Any) -> str:
    """One string without `$` and `{{`; compressed where it is long."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(text) > PLAIN:
        return PACKED + base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")
    return safe(text)


def size(texts: Iterable[str], artifacts: int) -> int:
    """Bytes of a task's executor input, about."""
    return sum(len(json.dumps(text)) for text in texts) + ARTIFACT * artifacts


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

    def of_all(self, names: Mapping[str, str]) -> str:
        """What all tasks share. `names`: of the params, by KFP's keys."""
        return encode({"plan": self._head, "pipeline": self.pipeline.name, "params": dict(names)})

    def _tells(self) -> dict[str, Any]:
        """Of a task that tells the channels."""
        return {"channels": self.channels, "notify": list(self.pipeline.notify)} if self.channels else {}

    def of_step(self, step: Step, before: set[str], files: Mapping[str, Any]) -> str:
        """`before`: ids of the steps whose data a version is traced back to; `files`: the task's keys of artifacts."""
        needed = {artifact.rpartition("/")[0] for artifact in step.inputs.values()}
        read = {i for i in before if self.steps[i].kind == "ingest"}
        stubs = [_stub(self.steps[i]) for i in sorted(needed | read, key=self._order.__getitem__)]
        tells = self._tells() if step.kind == "approve" else {}
        return encode({"step": step.id, "steps": [*stubs, _lean(step.model_dump(mode="json"))], **tells, **files})

    def of_finish(self) -> str:
        """What the result of a run is told with: every step, without what it computes by; `back`: how far
        before it each stands that it needs; names would
        make the list of a thousand steps too long."""
        steps = []
        for step in self.pipeline.steps:
            settings = step.settings.model_dump(mode="json", include=set(_RESULT))
            if "rules" in settings:
                settings["rules"] = [_only(_RULE, r) for r in settings["rules"] if "text" in r]
            needs = {a.rpartition("/")[0] for a in step.inputs.values()} | set(step.after)
            back = sorted(self._order[step.id] - self._order[name] for name in needs)
            given = {"id": step.id, "kind": step.kind, "settings": settings}
            steps.append(_lean(given if back == before_it(self._order[step.id]) else {**given, "back": back}))
        return encode({"finish": True, "steps": steps, **self._tells()})


def _stub(step: Step) -> dict[str, Any]:
    return _lean({"id": step.id, "kind": step.kind, "outputs": dict(step.outputs)})


def _lean(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key not in STEP or value != STEP[key]}
