"""The local runner: every step of a pipeline in a process of its own, as many at once as they may be, none twice.

What a step gave is recorded before the next one starts, so a run that is killed at any moment goes on from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import plan as plans
from .caching import Decider
from .interrupt import signals
from .keys import digest_of, environment, runtime_digest
from .result import build
from .schedule import schedule
from .state import Progress, RunState
from .steps import STEPS, Table
from .store import runs
from .store.journal import now_text
from .store.locks import pipeline_lock
from .store.objects import Store


def run_plan(
    plan: Mapping[str, Any],
    *,
    store: Store | str | os.PathLike[str],
    data_root: str | os.PathLike[str],
    modules_root: str | os.PathLike[str],
    params: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    step: str | None = None,
    from_: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    table: Table = STEPS,
    pipeline: str | None = None,
) -> dict[str, Any]:
    """Run a pipeline of `plan` (the first, which trains, unless named); the object of `run --json`.

    `params` are overrides, as values or as texts. `step` and `from_` are step ids (see `plan.choose`). `progress` gets one
    dict an event: {"event": "run", …}, {"event": "step", "id", "status", …}. UsageError where what is asked cannot be
    done, StepError where the store itself fails; what goes wrong in a step is told in the result.
    """
    plans.check_format(plan)
    chosen_pipeline = plans.pipeline(plan, pipeline)
    values = plans.bind_params(plan, params or {})
    steps = [{**s, "settings": plans.bind(s["settings"], values)} for s in chosen_pipeline["steps"]]
    chosen, anew = plans.choose(steps, step, from_)
    opened = store if isinstance(store, Store) else Store.open(store)
    modules = Path(os.path.abspath(modules_root))
    state = RunState(
        plan=plan,
        pipeline=chosen_pipeline,
        steps=steps,
        store=opened,
        decider=Decider(opened, Path(os.path.abspath(data_root)), modules),
        table=table,
        jobs=jobs or len(os.sched_getaffinity(0)),
        chosen=chosen,
        anew={step} if force and step else chosen if force else anew,
        params=values,
        progress=progress or (lambda _: None),
        secrets=sorted(filter(None, (os.environ.get(name) for name in plans.secrets(plan))), key=len, reverse=True),
    )
    return _locked(state)


def _locked(state: RunState) -> dict[str, Any]:
    run = runs.new_run_id()
    with pipeline_lock(state.store, state.pipeline["name"], run) as locks:
        state.locks = locks
        _open_record(state, run)
        with signals(state.noticed) as wake:
            try:
                schedule(state, wake)
            finally:
                if state.children is not None:
                    state.children.stop()
                runs.sweep(state.store, state.run)
        return _close(state)


def _open_record(state: RunState, run: str) -> None:
    """Write run.json: a run that waited and is asked for again goes on under its own name; a killed one is closed."""
    asked = digest_of([state.plan, state.params, sorted(state.chosen)])
    last = runs.last_record(state.store, state.pipeline["name"])
    if last is not None and last["status"] == "running":
        runs.close_interrupted(state.store, last)
    resumed = last is not None and last["status"] == "waiting" and last["asked"] == asked
    state.record = {
        "format": 1,
        "run": last["run"] if last is not None and resumed else run,
        "pipeline": state.pipeline["name"],
        "status": "running",
        "started": last["started"] if last is not None and resumed else now_text(),
        "asked": asked,
        "pid": os.getpid(),
        "params": state.params,
        "lineage": lineage(state.plan, state.params),
        "steps": {},
    }
    runs.write_run(state.store, state.record)
    state.progress({"event": "run", "run": state.run, "pipeline": state.pipeline["name"], "resumed": bool(resumed)})


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


def _status(state: RunState) -> str:
    errors = [o["error"] for o in state.outcomes.values() if o["status"] == "failed"]
    if any(e["name"] == "approval-rejected" for e in errors):
        return "rejected"
    if errors or state.error:
        return "failed"
    return "waiting" if any(o["status"] == "waiting" for o in state.outcomes.values()) else "succeeded"


def _close(state: RunState) -> dict[str, Any]:
    """Write result.json and the run's record; the result."""
    status = _status(state)
    packages = {p for s in state.steps if s["kind"] in state.table for p in state.table[s["kind"]].packages}
    found = build(
        state.store,
        state.steps,
        state.outcomes,
        run=state.run,
        pipeline=state.pipeline["name"],
        status=status,
        seconds=time.monotonic() - state.started,
        environment=environment(packages),
        reproducible=state.plan.get("reproducible", True),
        params=state.params,
        error=state.error,
    )
    runs.write_result(state.store, found)
    kept = ("status", "key", "outputs", "seconds", "summary")
    told = {i: {name: o[name] for name in kept if name in o} for i, o in state.outcomes.items()}
    ended = {"status": status, "ended": now_text(), "steps": told, "journal": state.store.journal().head}
    runs.write_run(state.store, {**state.record, **ended})
    return found
