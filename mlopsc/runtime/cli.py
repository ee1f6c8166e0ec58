"""What the commands do, for mlopsc's own command line and for a compiled folder's run.py: no arguments are parsed and
nothing is printed here. Each function returns (exit code, the object that --json prints).

Exit codes: 0 done, 1 a failed gate or run, 2 wrong usage (raised as UsageError), 3 waiting for an approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import approve as approvals
from .errors import StepError, UsageError
from .runner import run_plan
from .state import Progress
from .store import runs
from .store.objects import Store

EXIT = {"succeeded": 0, "failed": 1, "rejected": 1, "waiting": 3}
Answer = tuple[int, dict[str, Any]]


def run(
    plan: Mapping[str, Any],
    *,
    store: str | Path,
    data_root: Path,
    modules_root: Path,
    params: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    step: str | None = None,
    from_: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    name: str | None = None,
) -> Answer:
    found = run_plan(
        plan,
        store=store,
        data_root=data_root,
        modules_root=modules_root,
        params=params,
        jobs=jobs,
        step=step,
        from_=from_,
        force=force,
        progress=progress,
        run=name,
    )
    return EXIT[found["status"]], found


def list_runs(store: str | Path, run: str | None = None) -> Answer:
    """All runs, or one with its record, its result and where its log is."""
    opened = Store.open(store, create=False)
    if run is None:
        from .store.index import summaries

        return 0, {"version": 1, "runs": summaries(opened)}
    name = runs.find(opened, run)
    record = runs.run_record(opened, name)
    if record is None:
        raise UsageError("MLC9020", "unknown-run", f"the record of run {name} cannot be read")
    result = runs.result(opened, name)
    shown = {"version": 1, "run": name, "status": record["status"], "started": record["started"]}
    shown |= {
        "ended": record.get("ended"),
        "lineage": record["lineage"],
        "log": opened.shown(runs.folder(opened, name) / "log.jsonl"),
    }
    shown["waiting"] = [
        {"gate": e["gate"], "by": e["by"], "expires": e["expires"]} for e in approvals.waiting(opened, name)
    ]
    return 0, {**shown, "result": result}


def list_models(store: str | Path, model: str | None = None) -> Answer:
    """Versions, oldest first, with aliases and lineage."""
    opened = Store.open(store, create=False)
    registry = opened.registry()
    if model is not None and model not in registry.models():
        known = ", ".join(registry.models()) or "none"
        raise UsageError("MLC9034", "unknown-model", f"the store has no version of a model {model}; it has {known}")
    models = {}
    for name in registry.models() if model is None else [model]:
        champion = registry.current(name)
        versions = [{**v.to_json(registry.aliases(v)), "stored": opened.has(v.digest)} for v in registry.versions(name)]
        models[name] = {"champion": champion.version if champion else None, "versions": versions}
    return 0, {"version": 1, "models": models}


def journal(store: str | Path, verify: bool = False) -> Answer:
    """Every entry; with `verify`, also what is wrong with them (then exit code 1)."""
    opened = Store.open(store, create=False)
    if not verify:
        return 0, {"version": 1, "entries": opened.journal().entries()}
    problems = opened.journal().verify()
    try:
        entries = opened.journal().entries()
    except StepError:
        entries = []
    return (1 if problems else 0), {"version": 1, "entries": entries, "verified": not problems, "problems": problems}


def approve(store: str | Path, run: str, gate: str, *, by: str, reject: bool = False, reason: str) -> Answer:
    """Record a decision; 0 also where it is a rejection. UsageError without a reason: the journal keeps it for ever."""
    if not reason.strip():
        raise UsageError("MLC9039", "no-reason", "a decision needs a reason", help='--reason "what was looked at"')
    opened = Store.open(store, create=False)
    entry = approvals.approve(opened, runs.find(opened, run), gate, by, reject, reason)
    return 0, {"version": 1, "entry": entry}


def feature_tests(plan: Mapping[str, Any], names: list[str] | None = None) -> Answer:
    """The `test` blocks: every expectation on every given row; 1 where one does not hold."""
    from .ml.feature_tests import run_tests

    results = run_tests(plan, names)
    passed = sum(1 for found in results if found["passed"])
    answer = {"version": 1, "passed": passed, "failed": len(results) - passed, "results": results}
    return (0 if passed == len(results) else 1), answer


def gc(store: str | Path, older: str | float = "30d", dry_run: bool = False) -> Answer:
    """Free what is not needed; `older` as a duration's text or in seconds."""
    from .gc import collect

    return 0, collect(Store.open(store, create=False), seconds(older), dry_run)


def seconds(text: str | float) -> float:
    """A duration's text, such as 30d, in seconds."""
    if isinstance(text, (int, float)):
        return float(text)
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|min|h|d|w)", text.strip())
    if not match:
        raise UsageError("MLC9035", "bad-duration", f"{text!r} is no duration", help="for example --older 30d")
    return float(match[1]) * {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]


def assignments(texts: list[str]) -> dict[str, str]:
    """--set NAME=VALUE, several times; the last of a name counts."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise UsageError("MLC9036", "bad-assignment", f"--set {text}: a param is set as NAME=VALUE")
        found[name.strip()] = value
    return found
