"""The gate step: every rule judged, the verdict written, and a verdict that is not passed raised as one."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..context import Context
from ..data.engine import connect
from ..errors import StepError
from . import champion, latency, modelfile, scoring
from .evidence import Evidence, View
from .gaterules import FAILED, NO_CHAMPION, NO_DATA, PASSED, Judge, Outcome, names_champion
from .slices import Slicer


def run(ctx: Context) -> dict[str, Any]:
    """Output verdict (json), written before a verdict other than passed is raised as StepError."""
    settings = ctx.settings
    evidence = _gather(ctx)
    rules = [_judged(rule, evidence, int(settings["seed"])) for rule in settings["rules"]]
    required = [rule["verdict"] for rule in rules if rule["kind"] == "require"]
    verdict = next((one for one in (FAILED, NO_DATA) if one in required), PASSED)
    content = {
        "gate": settings["gate"],
        "model": settings["model"],
        "verdict": verdict,
        "rules": rules,
        "champion": evidence.opponent.version if evidence.opponent else None,
        "model_digest": ctx.digests.get("model") or modelfile.digest(ctx.inputs["model"]),
        "approval": bool(settings["approval"]),
    }
    text = json.dumps(content, sort_keys=True, indent=1, allow_nan=False)
    ctx.outputs["verdict"].write_text(text + "\n", encoding="utf-8")
    for rule in rules:
        ctx.log("rule", gate=settings["gate"], rule=rule["rule"], verdict=rule["verdict"], reason=rule["reason"])
    if verdict != PASSED:
        raise _refused(settings, verdict, rules)
    return {"verdict": verdict, "rules": rules}


def _gather(ctx: Context) -> Evidence:
    settings, inputs = ctx.settings, ctx.inputs
    engine = functools.cache(functools.partial(connect, ctx))  # most gates need none
    meta = modelfile.describe(inputs["model"])
    scored = scoring.read_scored(
        inputs["predictions"], meta["task"], tuple(meta["classes"]), float(settings["threshold"])
    )
    timing = json.loads(inputs["timing"].read_text(encoding="utf-8"))
    train_timing = json.loads(inputs["train_timing"].read_text(encoding="utf-8"))
    opponent = champion.find(ctx, engine, scored) if settings["champion"] else None

    def opponent_latency() -> dict[str, float]:
        assert opponent is not None
        assert opponent.model is not None
        return latency.measure(engine(), inputs["rows"], scored.row, opponent.model)

    return Evidence(
        scored,
        Slicer(engine, inputs["rows"], scored.row, meta["features"]),
        settings["user_metrics"],
        timing.get("latency"),
        train_timing.get("train_seconds"),
        inputs["model"].stat().st_size,
        opponent,
        opponent_latency,
    )


def _judged(rule: dict[str, Any], evidence: Evidence, seed: int) -> dict[str, Any]:
    """The rule's entry of the verdict."""
    entry = {"rule": rule["text"], "kind": rule["kind"], "line": rule["where"]["line"], "file": rule["where"]["file"]}
    by_champion = names_champion(rule["expr"])
    if by_champion and evidence.opponent is None:
        return {**entry, **_fields(Outcome(NO_CHAMPION, None, None, "no version is champion yet"))}
    min_rows = int(rule["min_rows"])
    rows = np.arange(len(evidence.scored.row))
    if by_champion and evidence.opponent is not None:
        rows = evidence.opponent.eligible
    view = View("", rows, min_rows, by_champion)
    if by_champion and len(view) < min_rows:
        reason = f"{len(view)} test rows are left that the champion was not trained on; min_rows is {min_rows}"
        return {**entry, **_fields(Outcome(NO_DATA, None, None, reason))}
    confidence = float(rule["confidence"])
    if not rule["by"]:
        return {**entry, **_fields(Judge(evidence, view, confidence, seed).judge(rule["expr"]))}
    outcome, slices = _by_slice(rule, evidence, view, confidence, seed)
    return {**entry, **_fields(outcome), "slices": slices}


def _by_slice(
    rule: dict[str, Any], evidence: Evidence, view: View, confidence: float, seed: int
) -> tuple[Outcome, list[dict[str, Any]]]:
    """Every slice of every column. The rule fails with its worst failing slice; a column without a slice of enough
    rows, or a slice without a value, makes it "no data"."""
    judged: list[tuple[View, Outcome]] = []
    listed: list[dict[str, Any]] = []
    empty: list[str] = []
    for column in rule["by"]:
        parts = evidence.parts(column, view)
        enough = [part for part in parts if len(part) >= view.min_rows]
        if not enough:
            empty.append(column)
        for part in parts:
            outcome = Outcome("not judged", None, None, f"fewer than {view.min_rows} rows")
            if len(part) >= view.min_rows:
                outcome = Judge(evidence, part, confidence, seed).judge(rule["expr"])
                judged.append((part, outcome))
            listed.append({"slice": part.name, "rows": len(part), **_fields(outcome)})
    for verdict in (FAILED, NO_DATA):
        found = [(part, outcome) for part, outcome in judged if outcome.verdict == verdict]
        if found:
            part, worst = max(found, key=lambda one: _distance(one[1]))
            return Outcome(verdict, worst.value, worst.threshold, f"{part.name}: {worst.reason}"), listed
        if verdict == FAILED and empty:
            reason = f"no slice of {empty[0]} has {view.min_rows} rows"
            return Outcome(NO_DATA, None, None, reason), listed
    part, closest = min(judged, key=lambda one: _distance(one[1]))
    return Outcome(PASSED, closest.value, closest.threshold, f"closest: {part.name}"), listed


def _distance(outcome: Outcome) -> float:
    if outcome.value is None or outcome.threshold is None:
        return 0.0
    return abs(outcome.value - outcome.threshold)


def _fields(outcome: Outcome) -> dict[str, Any]:
    return {
        "verdict": outcome.verdict,
        "value": outcome.value,
        "threshold": outcome.threshold,
        "reason": outcome.reason,
    }


def _refused(settings: dict[str, Any], verdict: str, rules: Sequence[dict[str, Any]]) -> StepError:
    """Names the first rule that stands in the way, its value, threshold and line."""
    first = next(rule for rule in rules if rule["kind"] == "require" and rule["verdict"] == verdict)
    others = sum(rule["kind"] == "require" and rule["verdict"] in (FAILED, NO_DATA) for rule in rules) - 1
    numbers = "" if first["value"] is None else f" is {first['value']:.6g}"
    if first["threshold"] is not None:
        numbers += f" against {first['threshold']:.6g}"
    more = f" (and {others} more)" if others else ""
    code, name = ("MLC9050", "gate-failed") if verdict == FAILED else ("MLC9067", "gate-without-data")
    reason = f": {first['reason']}" if first["reason"] else ""
    return StepError(
        code,
        name,
        f"gate {settings['gate']}: {first['rule']} {verdict}{numbers}{reason}{more}",
        where={"file": first["file"], "line": first["line"], "column": 1},
        details={"rule": first["rule"], "value": first["value"], "threshold": first["threshold"]},
    )
