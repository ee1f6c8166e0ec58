"""The local runner: every step of a pipeline in a process of its own, as many at once as they may be, none twice.

What a step gave is recorded before the next one starts, so a run that is killed at any moment goes on from there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import notify
from . import plan as plans
from .caching import Decider
from .closing import close, first_record
from .errors import StepError, UsageError
from .hiding import hidden, outside
from .interrupt import signals
from .keys import digest_of
from .schedule import schedule
from .state import Progress, RunState
from .steps import IDLE, STEPS, Table
from .store import runs
from .store.locks import pipeline_lock
from .store.objects import Store, safe_name


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
    run: str | None = None,
) -> dict[str, Any]:
    """Run a pipeline of `plan` (the first, which trains, unless named); the object of `run --json`.

    `params` are overrides, as values or as texts. `step` and `from_` are step ids (see `plan.choose`). `progress` gets one
    dict an event: {"event": "run", …}, {"event": "step", "id", "status", …}. `run` is an orchestrator's own name of the run:
    asked for again, the run goes on under it, and outcomes are left step by step as `single` does. UsageError where what is
    asked cannot be done, StepError where the store itself fails; what goes wrong in a step is told in the result.
    """
    state = prepare(
        plan,
        store=store,
        data_root=data_root,
        modules_root=modules_root,
        params=params or {},
        table=table,
        pipeline=pipeline,
    )
    chosen, anew = plans.choose(state.steps, step, from_)
    state.chosen = {s["id"] for s in state.steps if s["id"] in chosen and s["kind"] not in IDLE}
    state.anew = {step} if force and step else chosen if force else anew
    state.jobs = jobs or len(os.sched_getaffinity(0))
    state.progress = progress or state.progress
    return _locked(state, run)


def prepare(
    plan: Mapping[str, Any],
    *,
    store: Store | str | os.PathLike[str],
    data_root: str | os.PathLike[str],
    modules_root: str | os.PathLike[str],
    params: Mapping[str, Any],
    table: Table,
    pipeline: str | None,
) -> RunState:
    """The state of a run before its first step: format checked, params bound, store opened."""
    plans.check_format(plan)
    chosen = plans.pipeline(plan, pipeline)
    values = plans.bind_params(plan, params)
    steps = [{**s, "settings": plans.bind(s["settings"], values)} for s in chosen["steps"]]
    opened = store if isinstance(store, Store) else Store.open(store)
    named = outside(plan)
    return RunState(
        plan=plan,
        pipeline=chosen,
        steps=steps,
        store=opened,
        decider=Decider(opened, _folder(data_root), Path(os.path.abspath(modules_root))),
        table=table,
        jobs=1,
        chosen=set(),
        anew=set(),
        params=values,
        progress=lambda _: None,
        outside=named,
        hidden=hidden(named),
    )


def _folder(data_root: str | os.PathLike[str]) -> Path:
    """UsageError for an address: pathlib makes s3:/x of s3://x, and a file would be missed in a folder of that name."""
    text = os.fspath(data_root)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text) and not os.path.isdir(text):
        raise UsageError(
            "MLC9074",
            "no-data-folder",
            f"relative source paths start in a folder, and {re.sub(':/+', '://', text, count=1)} is none",
            help="set MLOPSC_DATA or data_root to a folder that the steps can read; only the store may be at s3://",
        )
    return Path(os.path.abspath(text))


def _locked(state: RunState, named: str | None) -> dict[str, Any]:
    run = runs.new_run_id() if named is None else safe_name(named)
    with pipeline_lock(state.store, state.pipeline["name"], run) as locks:
        state.locks = locks
        if named is None:
            _open_record(state, run)
        else:
            _open_named(state, run)
        try:
            _run_steps(state)
        except StepError as error:
            state.error = error.to_json()  # the store itself failed
        found = close(state)
    notify.announce(state, found["status"])
    return found


def _run_steps(state: RunState) -> None:
    with signals(state.noticed) as wake:
        try:
            schedule(state, wake)
        finally:
            if state.children is not None:
                state.children.stop()
            runs.sweep(state.store, state.run)


def _open_record(state: RunState, run: str) -> None:
    """Write run.json: a run that waited and is asked for again goes on under its own name; a killed one is closed."""
    asked = digest_of([state.plan, state.params, sorted(state.chosen)])
    last = runs.last_record(state.store, state.pipeline["name"])
    if last is not None and last["status"] == "running":
        runs.close_interrupted(state.store, last)
    resumed = last is not None and last["status"] == "waiting" and last["asked"] == asked
    if last is not None and resumed:
        state.record = first_record(state, last["run"], asked, last["started"])
    else:
        state.record = first_record(state, run, asked)
    runs.write_run(state.store, state.record)
    state.progress({"event": "run", "run": state.run, "pipeline": state.pipeline["name"], "resumed": bool(resumed)})


def _open_named(state: RunState, run: str) -> None:
    """Write run.json of a run that an orchestrator named, or take it up again; `single.finish` can close it."""
    last = runs.run_record(state.store, run)
    runs.sweep(state.store, run)
    started = last["started"] if last is not None else None
    state.record = first_record(state, run, digest_of([state.plan, state.params]), started)
    runs.write_run(state.store, state.record)
    state.store.make_folder(runs.folder(state.store, run) / "steps")
    show = state.progress

    def kept(event: dict[str, Any]) -> None:
        outcome = state.outcomes.get(event["id"]) if event["event"] == "step" else None
        if outcome is not None and outcome["status"] != "skipped":
            runs.write_outcome(state.store, run, event["id"], {**outcome, "pins": state.decider.pins})
        show(event)

    state.progress = kept
    state.progress({"event": "run", "run": run, "pipeline": state.pipeline["name"], "resumed": last is not None})
