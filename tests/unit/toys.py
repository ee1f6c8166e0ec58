"""A tiny pipeline of toy steps with the shape of a real Plan: numbers are read, doubled, "trained" on, judged, registered."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from mlopsc.runtime import approve, custom, register
from mlopsc.runtime.context import Context
from mlopsc.runtime.errors import LostConnection, StepError
from mlopsc.runtime.keys import digest_of
from mlopsc.runtime.steps import StepKind


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, sort_keys=True))


def ingest(ctx: Context) -> dict[str, Any]:
    rows = json.loads((ctx.data_root / ctx.settings["path"]).read_text())
    write(ctx.outputs["rows"], rows)
    write(ctx.outputs["report"], {"rows": len(rows)})
    return {"rows": len(rows)}


def train(ctx: Context) -> dict[str, Any]:
    rows = json.loads(ctx.inputs["rows"].read_text())
    write(ctx.outputs["model"], {"mean": sum(rows) / len(rows), "seed": ctx.settings["seed"]})
    write(ctx.outputs["report"], {"algorithm": "mean"})
    return {}


def evaluate(ctx: Context) -> dict[str, Any]:
    model = json.loads(ctx.inputs["model"].read_text())
    found = {"metrics": {"mean": model["mean"]}, "rows": {"train": 1, "test": 1}, "predictions_digest": "sha256:0"}
    write(ctx.outputs["metrics"], found)
    return {}


def gate(ctx: Context) -> dict[str, Any]:
    mean = json.loads(ctx.inputs["metrics"].read_text())["metrics"]["mean"]
    champion = ctx.store.registry().champion(ctx.settings["model"])
    rules = []
    for rule in ctx.settings["rules"]:
        passed = mean >= rule["at_least"]
        verdict = "passed" if passed else "failed"
        rules.append(
            {"rule": rule["text"], "verdict": verdict, "value": mean, "threshold": rule["at_least"], "reason": None}
        )
    verdict = "passed" if all(r["verdict"] == "passed" for r in rules) else "failed"
    rival = champion.metrics["mean"] if champion else None
    write(ctx.outputs["verdict"], {"verdict": verdict, "rules": rules, "champion": rival})
    return {"champion": rival}


def timed_gate(ctx: Context) -> dict[str, Any]:
    """As `gate`, with something measured in its verdict: never the same bytes twice."""
    told = gate(ctx)
    verdict = json.loads(ctx.outputs["verdict"].read_text())
    write(ctx.outputs["verdict"], verdict | {"measured": time.time_ns()})
    return told


def misbehave(ctx: Context) -> dict[str, Any]:
    """Do what the settings say: crash, exit, hang, raise, print; then write the output."""
    do = ctx.settings.get("do", "")
    counter = ctx.data_root / f"{ctx.step.replace(':', '_')}.count"
    count = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(count))
    print("hello from", ctx.step, os.environ.get("TOY_SECRET", ""))
    if count <= ctx.settings.get("times", 99):
        if do == "crash":
            raise RuntimeError("toy crash")
        if do == "kill":
            os.kill(os.getpid(), 9)
        if do == "exit":
            os._exit(5)
        if do == "hang":
            time.sleep(600)
        if do == "verdict":
            raise StepError("MLC8001", "toy-verdict", "the toy says no")
        if do == "lost":
            raise LostConnection("MLC9099", "toy-lost", "the wire broke")
    if do == "forget":
        return {}
    if do == "environment":
        write(
            ctx.outputs["result"], {"threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid(), "ppid": os.getppid()}
        )
        return {}
    write(ctx.outputs["result"], ctx.settings.get("value", 1))
    return {"count": count}


def identity(settings: dict[str, Any], data_root: Path, known: dict[str, Any]) -> Any:
    return digest_of((data_root / settings["path"]).read_text())


TOYS = {
    "ingest": StepKind("toys:ingest", identity=identity),
    "train": StepKind("toys:train"),
    "evaluate": StepKind("toys:evaluate"),
    "gate": StepKind("toys:gate", champion=True),
    "approve": StepKind(f"{approve.__name__}:run"),
    "register": StepKind(f"{register.__name__}:run", champion=True, promotes=True),
    "custom": StepKind(f"{custom.__name__}:run"),
    "toy": StepKind("toys:misbehave"),
}


def where(line: int) -> dict[str, Any]:
    return {"file": "toy.mlops", "line": line, "column": 1}


def step(id: str, settings: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    kind = id.partition(":")[0]
    found = {
        "id": id,
        "kind": kind,
        "settings": {"kind": kind, **(settings or {})},
        "inputs": {},
        "outputs": {"result": "json"},
        "after": [],
        "resources": {"cpu": 1, "memory": None, "gpu": 0},
        "retries": 0,
        "retry_delay": 0.0,
        "timeout": None,
        "modules": [],
        "where": where(1),
    }
    return found | given


def plan(steps: list[dict[str, Any]], params: list[dict[str, Any]] | None = None, **pipeline: Any) -> dict[str, Any]:
    first = {"name": "toy", "kind": "training", "steps": steps, "timeout": None} | pipeline
    return {
        "format": 1,
        "compiler": "0",
        "edition": 2026,
        "name": "toy",
        "spec": "toy.mlops",
        "files": {"toy.mlops": "sha256:1"},
        "modules": {},
        "profile": None,
        "params": params or [],
        "pipelines": [first],
        "reproducible": True,
    }


def training(at_least: float = 0, approval: dict[str, Any] | None = None, uses_champion: bool = True) -> dict[str, Any]:
    """ingest → train → evaluate → gate → (approve) → register."""
    rules = [{"text": f"mean >= {at_least}", "at_least": at_least, "where": where(9)}]
    gate_settings = {
        "gate": "release", "model": "m", "rules": rules, "champion": uses_champion,
        "approval": approval is not None, "where": where(8),
    }  # fmt: skip
    model = {"metrics": "evaluate:m/metrics", "model": "train:m/model"}
    steps = [
        step("ingest:d", {"data": "d", "path": "rows.json"}, outputs={"rows": "json", "report": "json"}),
        step(
            "train:m", {"model": "m", "seed": {"param": "seed"}},
            inputs={"rows": "ingest:d/rows"}, outputs={"model": "zip", "report": "json"},
        ),
        step("evaluate:m", {"model": "m"}, inputs={"model": "train:m/model"}, outputs={"metrics": "json"}),
        step("gate:release", gate_settings, inputs=model, outputs={"verdict": "json"}),
    ]  # fmt: skip
    verdicts = {"verdict.release": "gate:release/verdict"}
    if approval is not None:
        settings = {"gate": "release", "model": "m", "by": ["lead"], "within": None, "where": where(10)} | approval
        shown = {**model, "verdict": "gate:release/verdict"}
        steps.append(step("approve:release", settings, inputs=shown, outputs={"decision": "json"}))
        verdicts["decision.release"] = "approve:release/decision"
    settings = {"model": "m", "gates": ["release"], "keep": None, "where": where(12)}
    inputs = {**model, "train": "train:m/report", **verdicts}
    steps.append(step("register:m", settings, inputs=inputs, outputs={"version": "json"}))
    seed = {"name": "seed", "type": "int", "default": 7, "lo": None, "hi": 100, "where": where(2)}
    return plan(steps, [seed])
