"""One step at a time, for orchestrators: each task runs one and leaves its outcome in the store for those that follow.

`runs/RUN/steps/ID.json` holds a step's outcome. RUN is the orchestrator's own name of the run; the orchestrator sees to
order, retries and time limits, and to one run at a time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import notify
from . import plan as plans
from .closing import close, first_record, lost
from .errors import StepError, UsageError
from .keys import digest_of
from .runner import prepare
from .schedule import cached, request_for
from .settle import HUNG, record
from .state import Outcome, Progress, RunState, Step
from .steps import STEPS, Table, kind_of
from .store import runs
from .store.locks import kept_from_gc
from .store.objects import canonical, safe_name
from .work import crash, perform, single_threaded

# 75 is EX_TEMPFAIL: a crash or a lost connection, which a retry may help.
EXIT = {"done": 0, "cached": 0, "failed": 1, "waiting": 3, "crashed": 75}


def run_step(
    plan: Mapping[str, Any],
    step: str,
    *,
    run: str,
    store: str | Path,
    data_root: str | Path,
    modules_root: str | Path,
    params: Mapping[str, Any] | None = None,
    pipeline: str | None = None,
    force: bool = False,
    table: Table = STEPS,
    progress: Progress | None = None,
    decide: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """Run the step `step` of run `run` in this process, or take it from the cache: (exit code, its entry of the result
    with its outputs). UsageError where a step that it needs has not ended well in this run. Channels are told of one that
    waits for a person; `decide` says how that person decides.

    To be called in a process of its own, before any numeric library is imported.
    """
    single_threaded()
    state = _state(plan, store, data_root, modules_root, params or {}, pipeline, table)
    found = _step(state, step)
    with kept_from_gc(state.store, run, found.get("timeout")):
        _open(state, run)
        _load(state, [step])
        started = time.monotonic()
        outcome = _outcome(state, found, force)
        outcome.setdefault("seconds", time.monotonic() - started)
        if "error" in outcome:
            outcome["error"] = {k: state.hide(v) if isinstance(v, str) else v for k, v in outcome["error"].items()}
        crashed = outcome["status"] == "crashed"
        state.end(found, {**outcome, "status": "failed"} if crashed else outcome, state.inputs(found))
        ended = state.outcomes[step]
        _write(state, step, ended)
    if ended["status"] == "waiting":
        state.progress = progress or state.progress
        notify.announce(state, "waiting", decide=decide)
    state.store.keep_log(state.run, ended=False)
    shown = {"id": step, "kind": found["kind"], **{k: v for k, v in ended.items() if k != "signatures"}}
    return EXIT["crashed"] if crashed else EXIT[ended["status"]], shown


def finish(
    plan: Mapping[str, Any],
    *,
    run: str,
    store: str | Path,
    data_root: str | Path,
    modules_root: str | Path,
    params: Mapping[str, Any] | None = None,
    pipeline: str | None = None,
    table: Table = STEPS,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write result.json of a run whose steps have ended, and tell its channels; the object of `run --json`. Steps without
    an outcome count as skipped; where none failed or waits, one that is missing was ended from outside, and the run has
    failed. StepError where result.json could not be written: the channels have been told then all the same."""
    state = _state(plan, store, data_root, modules_root, params or {}, pipeline, table)
    with kept_from_gc(state.store, run):
        _open(state, run)
        for step in state.steps:
            outcome = _read(state, step["id"])
            if outcome is not None:
                state.outcomes[step["id"]] = outcome
        state.error = _missing(state)
        state.started = time.monotonic() - sum(o.get("seconds", 0.0) for o in state.outcomes.values())
        found = close(state)
    state.progress = progress or state.progress
    notify.announce(state, found["status"])
    if state.unwritten is not None:
        raise state.unwritten
    return found


def record_end(
    plan: Mapping[str, Any],
    step: str,
    *,
    run: str,
    store: str | Path,
    data_root: str | Path,
    modules_root: str | Path,
    params: Mapping[str, Any] | None = None,
    pipeline: str | None = None,
    how: str,
    limit: float | None = None,
    table: Table = STEPS,
) -> dict[str, Any]:
    """Record that the process of step `step` ended without an answer, for whoever started it: as a crash, `how` says what
    its end looked like, or where `limit` is given as a step that took longer than so many seconds. The step's error."""
    state = _state(plan, store, data_root, modules_root, params or {}, pipeline, table)
    found = _step(state, step)
    with kept_from_gc(state.store, run):
        _open(state, run)
        error = crash(found, how)
        if limit is not None:
            told = f"{step} took longer than its timeout of {limit:g} s"
            error = StepError(*HUNG, told, where=found.get("where"))
        outcome: Outcome = {"status": "failed", "seconds": limit or 0.0, "error": error.to_json()}
        state.end(found, outcome)
        _write(state, step, outcome)
    state.store.keep_log(state.run, ended=False)
    return error.to_json()


def _missing(state: RunState) -> dict[str, Any] | None:
    """The error of a run in which a step left no outcome though nothing held it up."""
    missing = lost(state)
    return crash(missing[0], "it was ended from outside, or never began").to_json() if missing else None


def _state(
    plan: Mapping[str, Any],
    store: str | Path,
    data_root: str | Path,
    modules_root: str | Path,
    params: Mapping[str, Any],
    pipeline: str | None,
    table: Table,
) -> RunState:
    return prepare(
        plan,
        store=store,
        data_root=data_root,
        modules_root=modules_root,
        params=params,
        table=table,
        pipeline=pipeline,
    )


def _open(state: RunState, run: str) -> None:
    """Read run.json, or create it: the first of several tasks that begin together wins."""
    name = safe_name(run)
    asked = digest_of([state.plan, state.params])
    folder = runs.folder(state.store, name)
    state.store.make_folder(folder)
    state.store.make_folder(folder / "steps")
    mine = first_record(state, name, asked)
    standing = state.store.record(folder / "run.json")
    if standing is None:
        with contextlib.suppress(FileExistsError):
            state.store.create(folder / "run.json", canonical(mine))
        standing = state.store.record(folder / "run.json")
    state.record = standing or mine
    if state.record["asked"] != asked:
        raise UsageError(
            "MLC9037",
            "another-run",
            f"run {run} began with another plan or other params",
            help="give each run its own name",
        )


def _step(state: RunState, name: str) -> Step:
    state.chosen, _ = plans.choose(state.steps, name, None)
    return next(step for step in state.steps if step["id"] == name)


def _read(state: RunState, step: str) -> Outcome | None:
    found = state.store.record(runs.outcome_file(state.store, state.run, step))
    if found is not None:
        for digest, known in found.get("signatures", {}).items():
            state.store.trust(digest, known)
        state.decider.pins |= found.get("pins", {})
    return found


def _load(state: RunState, wanted: list[str]) -> None:
    """Outcomes of all that the wanted steps need, which must have ended well; of the rest of their run, as far as it is."""
    for step in state.steps:
        outcome = _read(state, step["id"]) if step["id"] not in wanted else None
        if outcome is not None:
            state.outcomes[step["id"]] = outcome
    for name in sorted(set().union(*(state.needs[step] for step in wanted))):
        status = state.outcomes.get(name, {}).get("status")
        if status not in ("done", "cached"):
            raise UsageError(
                "MLC9038",
                "step-not-ready",
                f"{', '.join(wanted)} needs {name}, which {status or 'has not run'} in run {state.run}",
            )


def _outcome(state: RunState, step: Step, force: bool) -> Outcome:
    try:
        kind = kind_of(step, state.table)
    except StepError as error:
        return {"status": "failed", "error": error.to_json()}
    inputs = state.inputs(step)
    key = state.decider.key(step, kind, inputs)
    found = cached(state, step, key) if key is not None and not force else None
    if found is not None:
        return found
    scratch = state.store.temporary()
    state.store.make_scratch(scratch)
    started = time.monotonic()
    try:
        outcome = perform(request_for(state, step, inputs, scratch), state.store)
    finally:
        runs.remove(scratch)
    outcome["seconds"] = time.monotonic() - started
    trace = outcome.pop("traceback", "")
    if trace:
        state.log(step["id"], "traceback", text=state.hide(trace))
    if key is not None and record(state.store, step, key, state.run, outcome):
        outcome["key"] = key
    return outcome


def _write(state: RunState, step: str, outcome: Outcome) -> None:
    runs.write_outcome(state.store, state.run, step, {**outcome, "pins": state.decider.pins})
