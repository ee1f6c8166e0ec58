"""The result object of a run: what `run --json` prints and every target leaves in STORE/runs/RUN/result.json."""

from __future__ import annotations

from typing import Any

from .errors import StepError
from .gates import rule_lines
from .store.objects import Store

Outcome = dict[str, Any]


def build(
    store: Store,
    steps: list[dict[str, Any]],
    outcomes: dict[str, Outcome],
    *,
    run: str,
    pipeline: str,
    status: str,
    seconds: float,
    environment: dict[str, Any],
    reproducible: bool,
    params: dict[str, Any],
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`outcomes` by step id: status, seconds, error, outputs (name to digest), summary."""
    found = {
        "version": 1,
        "run": run,
        "pipeline": pipeline,
        "status": status,
        "seconds": round(seconds, 3),
        "steps": [_step(step, outcomes.get(step["id"])) for step in steps],
        "models": _models(store, steps, outcomes),
        "gates": _gates(store, steps, outcomes),
        "params": params,
        "reproducible": reproducible,
        "environment": environment,
    }
    if error is not None:
        found["error"] = error
    return found


def _step(step: dict[str, Any], outcome: Outcome | None) -> dict[str, Any]:
    outcome = outcome or {"status": "skipped"}
    return {
        "id": step["id"],
        "kind": step["kind"],
        "status": outcome["status"],
        "seconds": round(outcome.get("seconds", 0.0), 3),
        "error": outcome.get("error"),
    }


def _artifact(store: Store, outcomes: dict[str, Outcome], step: str, output: str) -> Any:
    """The JSON artifact STEP/OUTPUT; None where this run has none."""
    digest = outcomes.get(step, {}).get("outputs", {}).get(output)
    if digest is None:
        return None
    try:
        return store.read_json(digest)
    except (StepError, ValueError):
        return None


def _models(store: Store, steps: list[dict[str, Any]], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    found = {}
    for step in steps:
        if step["kind"] != "train":
            continue
        model = step["settings"]["model"]
        digest = outcomes.get(step["id"], {}).get("outputs", {}).get("model")
        if digest is None:
            continue
        metrics = _artifact(store, outcomes, f"evaluate:{model}", "metrics") or {}
        report = _artifact(store, outcomes, step["id"], "report") or {}
        version = _artifact(store, outcomes, f"register:{model}", "version") or {}
        found[model] = {
            "version": version.get("version"),
            "algorithm": report.get("algorithm"),
            "metrics": metrics.get("metrics", {}),
            "rows": metrics.get("rows", {}),
            "digest": digest,
            "predictions_digest": metrics.get("predictions_digest"),
            "promoted": bool(version.get("promoted", False)),
        }
    return found


def _gates(store: Store, steps: list[dict[str, Any]], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    found = {}
    for step in steps:
        if step["kind"] != "gate":
            continue
        gate = step["settings"]["gate"]
        verdict = _artifact(store, outcomes, step["id"], "verdict")
        if verdict is None:
            continue
        judged = list(verdict.get("rules", ()))
        lines = rule_lines(step["settings"], judged)
        rules = [{**rule, "line": line} for rule, line in zip(judged, lines, strict=True)]
        found[gate] = {"verdict": _verdict(verdict["verdict"], outcomes.get(f"approve:{gate}")), "rules": rules}
    return found


def _verdict(judged: str, approval: Outcome | None) -> str:
    """A gate that waits for a person has not passed yet; one that a person rejected has failed."""
    if judged == "passed" and approval is not None and approval["status"] in ("waiting", "failed"):
        return str(approval["status"])
    return judged
