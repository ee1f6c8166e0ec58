"""The result object of a run: what `run --json` prints and every target leaves in STORE/runs/RUN/result.json."""

from __future__ import annotations

from typing import Any

from .errors import LostConnection, StepError
from .gates import clauses_of, rule_lines
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
        "steps": [_step(store, step, outcomes) for step in steps],
        "models": _models(store, steps, outcomes),
        "gates": _gates(store, steps, outcomes),
        "params": params,
        "reproducible": reproducible,
        "environment": environment,
    }
    if error is not None:
        found["error"] = error
    return found


def _step(store: Store, step: dict[str, Any], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    outcome = outcomes.get(step["id"]) or {"status": "skipped"}
    found = {
        "id": step["id"],
        "kind": step["kind"],
        "status": outcome["status"],
        "seconds": round(outcome.get("seconds", 0.0), 3),
        "error": outcome.get("error"),
    }
    if outcome["status"] == "waiting" and outcome.get("message"):
        found["message"] = outcome["message"]
    if step["kind"] == "ingest" and (aside := _quarantine(store, outcomes, step["settings"]["data"])):
        found["quarantine"] = aside
    if step["kind"] == "validate":
        found["warnings"] = _warnings(store, step, outcomes)
        aside = _quarantine(store, outcomes, step["settings"]["data"])
        if aside and aside["path"] and (found["error"] or {}).get("name") == "too-many-bad-rows":
            found["error"] = {"help": f"they are kept in {aside['path']}, a Parquet file", **found["error"]}
    return found


def _quarantine(store: Store, outcomes: dict[str, Outcome], data: str) -> dict[str, Any] | None:
    """How many rows were put aside, and where they are; None where there are none. `path` is None where the orchestrator
    keeps them, not the store."""
    report = _artifact(store, outcomes, f"ingest:{data}", "report") or {}
    digest = outcomes.get(f"ingest:{data}", {}).get("outputs", {}).get("quarantine")
    if digest is None or not report.get("bad"):
        return None
    path = store.shown(store.place(digest)) if store.has(digest) else None
    return {"data": data, "rows": report["bad"], "of": report["rows_read"], "path": path}


def _warnings(store: Store, step: dict[str, Any], outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    """The rules `warn` that do not hold."""
    judged = (_artifact(store, outcomes, step["id"], "report") or {}).get("rules", [])
    files = {rule["text"]: (rule.get("where") or {}).get("file") for rule in step["settings"].get("rules", ())}
    lines = rule_lines(step["settings"], judged)
    return [
        {"rule": rule["rule"], "value": rule["value"], "line": line, "file": files.get(rule["rule"])}
        for rule, line in zip(judged, lines, strict=True)
        if rule["verdict"] == "warned"
    ]


def _artifact(store: Store, outcomes: dict[str, Outcome], step: str, output: str) -> Any:
    """The JSON artifact STEP/OUTPUT; None where this run has none."""
    digest = outcomes.get(step, {}).get("outputs", {}).get(output)
    if digest is None:
        return None
    try:
        return store.read_json(digest)
    except LostConnection:
        raise  # what cannot be read now is not missing
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
        for rule, clauses in zip(rules, clauses_of(step["settings"], judged), strict=True):
            rule.update(clauses)
        found[gate] = {"verdict": _verdict(verdict["verdict"], outcomes.get(f"approve:{gate}")), "rules": rules}
    return found


def _verdict(judged: str, approval: Outcome | None) -> str:
    """A gate that waits for a person has not passed yet; one that a person rejected has failed."""
    if judged == "passed" and approval is not None and approval["status"] in ("waiting", "failed"):
        return str(approval["status"])
    return judged
