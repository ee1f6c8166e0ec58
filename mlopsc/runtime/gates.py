"""What a gate's verdict means for a run: it is journaled, and one that did not pass stops what comes after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import StepError
from .figures import with_clauses
from .store.objects import Store


def conclude(
    store: Store,
    run: str,
    step: dict[str, Any],
    inputs: dict[str, str],
    verdict_digest: str,
    error: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Journal the verdict of a gate step (once for one verdict on one model). Its error, as JSON, where it did not pass:
    the one that the step gave, on the line where its rule stands now, or one made from the verdict."""
    verdict = store.read_json(verdict_digest)
    gate, model = step["settings"]["gate"], step["settings"]["model"]
    facts = {"gate": gate, "model": model, "digest": inputs["model"], "verdict_digest": verdict_digest}

    def decide(entries: list[dict[str, Any]]) -> dict[str, Any] | None:
        told = any(e["kind"] == "verdict" and facts.items() <= e.items() for e in entries)
        return None if told else {"kind": "verdict", **facts, "verdict": verdict["verdict"], "run": run}

    store.journal().append(decide)
    if verdict["verdict"] == "passed":
        return None
    if error is None:
        return _error(step, verdict).to_json()
    line = _line(step, verdict["rules"], lambda rule: rule["rule"] == error.get("details", {}).get("rule"))
    return {**error, "line": line} if line is not None else error


def _required(rule: dict[str, Any]) -> bool:
    return bool(rule.get("kind", "require") == "require")


def _line(step: dict[str, Any], rules: list[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> int | None:
    """The line of the first rule at fault that is wanted."""
    for rule, line in zip(rules, rule_lines(step["settings"], rules), strict=True):
        if wanted(rule) and rule["verdict"] in ("failed", "no data"):
            return line
    return None


def _error(step: dict[str, Any], verdict: dict[str, Any]) -> StepError:
    rules = list(verdict.get("rules", ()))
    at_fault = [r for r in rules if _required(r) and r["verdict"] in ("failed", "no data")]
    clauses = clauses_of(step["settings"], rules)
    texts = {r["rule"]: with_clauses(r["rule"], c) for r, c in zip(rules, clauses, strict=True)}
    told = "; ".join(f"{texts[r['rule']]}: {r.get('reason') or r['verdict']}" for r in at_fault) or verdict["verdict"]
    where = dict(step["settings"]["where"])
    where["line"] = _line(step, rules, _required) or where["line"]
    failed = verdict["verdict"] == "failed"
    code, name = ("MLC9050", "gate-failed") if failed else ("MLC9067", "gate-without-data")
    return StepError(code, name, f"gate {step['settings']['gate']} did not pass: {told}", where=where)


def rule_lines(settings: dict[str, Any], rules: list[dict[str, Any]]) -> list[int | None]:
    """Where each rule of a verdict stands now: the verdict holds them in the gate's order, and may have been given before
    lines moved."""
    now = settings.get("rules", ())
    if [rule["text"] for rule in now] != [rule["rule"] for rule in rules]:
        return [rule.get("line") for rule in rules]
    return [(rule.get("where") or {}).get("line") for rule in now]


def clauses_of(settings: dict[str, Any], rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`by`, `min_rows` and `confidence` of each rule of a verdict, as they stand in the gate."""
    now = list(settings.get("rules", ()))
    if [rule["text"] for rule in now] != [rule["rule"] for rule in rules]:
        return [{"by": []} for _ in rules]
    given = ("min_rows", "confidence")
    return [{"by": list(rule.get("by") or ()), **{n: rule[n] for n in given if n in rule}} for rule in now]
