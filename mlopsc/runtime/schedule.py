"""Which step runs when: as soon as all that it needs has ended well, there is room, and no cached result serves."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from pathlib import Path
from typing import Any

from .errors import StepError
from .settle import HUNG, settle
from .state import BAD, Outcome, Running, RunState, Step
from .steps import kind_of, load
from .work import perform, single_threaded

DEFAULT_LIMIT = 7 * 86400.0  # seconds; every child has a limit


def schedule(state: RunState, wake: int | None) -> None:
    """Bring every step of the run to an end. `wake` becomes readable when a signal came."""
    state.pending = {step["id"]: step for step in state.steps}
    state.due = {name for name, needs in state.needs.items() if not needs or name not in state.chosen}
    limit = state.pipeline.get("timeout")
    end = state.started + limit if limit else None
    while state.pending or state.running:
        if state.noticed or (end is not None and time.monotonic() >= end):
            _stop(state, limit)
            return
        if not _advance(state):
            _collect(state, wake, end)


def _advance(state: RunState) -> bool:
    """Settle or start every step that can be; whether any was settled, so that others may now be."""
    settled = False
    for step in [step for name, step in state.pending.items() if name in state.due]:
        if len(state.running) >= state.jobs and step["id"] in state.keys:
            continue  # no cached result serves it, and there is no room
        verdict = _ready(state, step)
        if verdict == "skip":
            del state.pending[step["id"]]
            state.end(step, {"status": "skipped"})
            settled = True
        elif verdict == "go":
            settled |= _begin(state, step)
    return settled


def _ready(state: RunState, step: Step) -> str | None:
    """ "skip", "go", or None where the step has to wait for others or for its next attempt."""
    if step["id"] not in state.chosen:
        return "skip"
    verdict: str | None = "go"
    for name in state.needs[step["id"]]:
        outcome = state.outcomes.get(name)
        if outcome is None:
            verdict = None
        elif outcome["status"] in BAD:
            return "skip"
    return None if state.not_before.get(step["id"], 0.0) > time.monotonic() else verdict


def _begin(state: RunState, step: Step) -> bool:
    """Take the step from the cache (then True), or start it if there is room. A step that found no room is not looked
    up again."""
    try:
        kind_of(step, state.table)
    except StepError as error:
        del state.pending[step["id"]]
        state.end(step, {"status": "failed", "error": error.to_json()})
        return True
    if step["id"] not in state.keys:
        inputs = state.inputs(step)
        key = state.decider.key(step, state.table[step["kind"]], inputs)
        state.keys[step["id"]] = key
        found = cached(state, step, key) if key is not None and step["id"] not in state.anew else None
        if found is not None:
            del state.pending[step["id"]]
            state.end(step, found, inputs)
            return True
    if _room(state, step):
        del state.pending[step["id"]]
        _start(state, step)
    return False


def cached(state: RunState, step: Step, key: str) -> Outcome | None:
    """The outcome of an earlier run that had the same key, whole; None where there is none."""
    if state.table[step["kind"]].promotes and not state.decider.serves(step, state.inputs(step)):
        return None
    record, corrupt = state.decider.hit(key, step)
    for digest in corrupt:
        state.log(step["id"], "corrupt object, computed again", digest=digest)
        state.progress({"event": "corrupt", "id": step["id"], "digest": digest})
    if record is None:
        return None
    told: dict[str, Any] = {name: record[name] for name in ("outputs", "summary", "error") if name in record}
    return {"status": "cached", "key": key, **told}


def _room(state: RunState, step: Step) -> bool:
    """Whether the step may run beside those that run. One alone always may, whatever it declares."""
    if not state.running:
        return True
    if len(state.running) >= state.jobs:
        return False
    beside = [running.step["resources"] for running in state.running.values()]
    mine = step["resources"]
    cpu = mine["cpu"] + sum(r["cpu"] for r in beside)
    memory = (mine["memory"] or 0) + sum(r["memory"] or 0 for r in beside)
    return cpu <= state.jobs and memory <= _machine_memory()


@functools.cache
def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _start(state: RunState, step: Step) -> None:
    kind = state.table[step["kind"]]
    if state.children is None:
        from .fork import Children  # an unchanged run never gets here, and does not pay for it

        single_threaded()
        state.children = Children(close=state.locks)
    if kind.warm is not None:
        with contextlib.suppress(ImportError):  # the step itself tells what is missing
            kind.warm(step["settings"])
    attempt = state.attempts.get(step["id"], 0) + 1
    state.attempts[step["id"]] = attempt
    scratch = _scratch(state)
    inputs = state.inputs(step)
    request = request_for(state, step, inputs, scratch)
    state.progress({"event": "step", "id": step["id"], "kind": step["kind"], "status": "running", "attempt": attempt})
    now = time.monotonic()
    pid = state.children.start(request, lambda: perform(request, state.store, load(kind.run)))
    deadline = now + (step.get("timeout") or DEFAULT_LIMIT)
    state.running[pid] = Running(step, state.keys[step["id"]], inputs, scratch, now, deadline, attempt)


def _scratch(state: RunState) -> Path:
    """An empty folder for a child: one that an earlier step left empty, or a new one."""
    if state.folders:
        return state.folders.pop()
    state.made_folders += 1
    path = state.store.root / "tmp" / f"{state.run}.{os.getpid()}.{state.made_folders}"
    state.store.make_scratch(path)
    return path


def request_for(state: RunState, step: Step, inputs: dict[str, str], scratch: Path) -> dict[str, Any]:
    """All that a child needs to run the step: plain JSON."""
    model = step["settings"].get("model")
    return {
        "step": step,
        "run_function": state.table[step["kind"]].run,
        "store": state.store.address,
        "log": str(state.store.log_file(state.run)),
        "run": state.run,
        "inputs": {name: [inputs[name], state.suffixes[artifact]] for name, artifact in step["inputs"].items()},
        "data_root": str(state.decider.data_root),
        "modules_root": str(state.decider.modules_root),
        "scratch": str(scratch),
        "outcome": f"{scratch}/outcome.json",
        "capture": f"{scratch}/output.txt",
        "outside": state.outside,
        "cpu": step["resources"]["cpu"],
        "memory": step["resources"]["memory"],
        "champions": {model: state.decider.pins[model]} if model in state.decider.pins else {},
        "lineage": {**state.record["lineage"], "data": _data(state)} if step["kind"] == "register" else {},
    }


def _data(state: RunState) -> dict[str, str]:
    """Digests of all data read by this run so far."""
    return {
        f"{step['id']}/rows": state.outcomes[step["id"]]["outputs"]["rows"]
        for step in state.steps
        if step["kind"] == "ingest" and "rows" in state.outcomes.get(step["id"], {}).get("outputs", {})
    }


def _collect(state: RunState, wake: int | None, end: float | None) -> None:
    """Wait until a child ends, a limit is reached or a retry is due, and settle what ended."""
    now = time.monotonic()
    moments = [r.deadline for r in state.running.values() if not r.timed_out]
    moments += [t for name, t in state.not_before.items() if t > now and name in state.pending]
    if end is not None:
        moments.append(end)
    if (due := state.store.renew()) is not None:
        moments.append(now + due)
    timeout = max(0.0, min(moments) - now) if moments else None
    if state.children is None or not state.running:
        time.sleep(min(0.05 if timeout is None else timeout, 0.5))
        return
    for pid, status in state.children.wait(timeout, wake):
        settle(state, state.running.pop(pid), status)
    for pid, running in state.running.items():
        if time.monotonic() >= running.deadline and not running.timed_out:
            running.timed_out = True
            state.children.kill(pid)


def _stop(state: RunState, limit: float | None) -> None:
    """End the run early: a signal came, or the pipeline's timeout."""
    if state.noticed:
        told = "the run was interrupted"
        state.error = {
            "code": "MLC9021",
            "name": "interrupted",
            "message": told,
            "help": "run again to go on from here",
        }
    else:
        told = f"the run took longer than the pipeline's timeout of {limit:g} s"
        state.error = {"code": HUNG[0], "name": HUNG[1], "message": told}
    if state.children is not None:
        state.children.stop()
    for running in state.running.values():
        seconds = time.monotonic() - running.started
        state.end(running.step, {"status": "failed", "seconds": seconds, "error": state.error})
    for step in state.pending.values():
        state.end(step, {"status": "skipped"})
    state.running.clear()
    state.pending.clear()
