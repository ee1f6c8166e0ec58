"""How a run's record begins and ends, whoever ran its steps."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from .errors import StepError
from .keys import environment, runtime_digest
from .result import build
from .state import RunState, Step
from .steps import IDLE
from .store import runs
from .store.journal import now_text


def first_record(state: RunState, run: str, asked: str, started: str | None = None) -> dict[str, Any]:
    """run.json of a run that begins, or goes on. `asked` is a digest of all that it was asked to do."""
    return {
        "format": 1,
        "run": run,
        "pipeline": state.pipeline["name"],
        "status": "running",
        "started": started or now_text(),
        "asked": asked,
        "pid": os.getpid(),
        "params": state.params,
        "lineage": lineage(state.plan, state.params),
        "steps": {},
    }


def lineage(plan: Mapping[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """What a version is traced back to, but for its data."""
    return {
        "spec": dict(plan["files"]),
        "modules": dict(plan["modules"]),
        "profile": plan.get("profile"),
        "params": params,
        "compiler": plan["compiler"],
        "runtime": runtime_digest(),
    }


def status_of(state: RunState) -> str:
    """succeeded, failed, rejected or waiting."""
    errors = [o["error"] for o in state.outcomes.values() if o["status"] == "failed"]
    if any(e["name"] == "approval-rejected" for e in errors):
        return "rejected"
    if errors or state.error:
        return "failed"
    return "waiting" if any(o["status"] == "waiting" for o in state.outcomes.values()) else "succeeded"


def lost(state: RunState) -> list[Step]:
    """The steps that left no outcome though nothing held them up: whatever ran them died, or never began."""
    return [
        step
        for step in state.steps
        if step["id"] not in state.outcomes
        and step["kind"] not in IDLE
        and all(state.outcomes.get(name, {}).get("status") in ("done", "cached") for name in state.needs[step["id"]])
    ]


def close(state: RunState) -> dict[str, Any]:
    """Write result.json and the run's record; the result. Where the store cannot take it, the result is still given, as
    failed, and the next run closes the record."""
    found = _result(state)
    try:
        _write(state, found)
    except StepError as error:
        state.unwritten = error
        state.error = state.error or error.to_json()
        return _result(state)
    return found


def _result(state: RunState) -> dict[str, Any]:
    packages = {p for s in state.steps if s["kind"] in state.table for p in state.table[s["kind"]].packages}
    return build(
        state.store,
        state.steps,
        state.outcomes,
        run=state.run,
        pipeline=state.pipeline["name"],
        status=status_of(state),
        seconds=time.monotonic() - state.started,
        environment=environment(packages),
        reproducible=state.plan.get("reproducible", True),
        params=state.params,
        error=state.error,
    )


def _write(state: RunState, found: dict[str, Any]) -> None:
    state.store.keep_log(state.run, ended=True)
    runs.write_result(state.store, found)
    kept = ("status", "key", "outputs", "seconds", "summary")
    told = {i: {name: o[name] for name in kept if name in o} for i, o in state.outcomes.items()}
    ended = {"status": found["status"], "ended": now_text(), "steps": told, "journal": state.store.journal().head}
    runs.write_run(state.store, {**state.record, **ended})
