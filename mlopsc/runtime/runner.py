"""The local runner: every step of a pipeline in a process of its own, as many at once as they may be, none twice.

What a step gave is recorded before the next one starts, so a run that is killed at any moment goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plan as plans
from .caching import Decider
from .errors import StepError, UsageError
from .gates import conclude
from .interrupt import signals
from .keys import digest_of, environment, runtime_digest
from .result import build
from .steps import STEPS, Table, kind_of, load
from .store import runs
from .store.journal import now_text
from .store.locks import pipeline_lock
from .store.objects import Store, read_record
from .work import crash, perform, single_threaded, write_log

if TYPE_CHECKING:
    from .fork import Children

Progress = Callable[[dict[str, Any]], None]
DEFAULT_LIMIT = 7 * 86400.0  # seconds; every child has a limit
_OUTPUT_KEPT = 1 << 20  # bytes of a step's standard output and error that the log keeps
_HUNG = "MLC9033"


@dataclass(slots=True)
class _Running:
    step: dict[str, Any]
    key: str | None
    scratch: Path
    started: float
    deadline: float
    attempt: int
    timed_out: bool = False


@dataclass(slots=True)
class _Run:
    """The state of one run. `outcomes` holds every step that has ended, by id."""

    plan: Mapping[str, Any]
    pipeline: dict[str, Any]
    steps: list[dict[str, Any]]
    store: Store
    decider: Decider
    table: Table
    jobs: int
    force: bool
    chosen: set[str]
    anew: set[str]
    params: dict[str, Any]
    progress: Progress
    record: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pending: list[dict[str, Any]] = field(default_factory=list)
    running: dict[int, _Running] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    children: Children | None = None
    locks: list[int] = field(default_factory=list)
    started: float = 0.0
    noticed: list[int] = field(default_factory=list)
    error: dict[str, Any] | None = None
    secrets: list[str] = field(default_factory=list)

    @property
    def run(self) -> str:
        return str(self.record["run"])


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
    started = time.monotonic()
    plans.check_format(plan)
    chosen_pipeline = plans.pipeline(plan, pipeline)
    values = plans.bind_params(plan, params or {})
    steps = [{**s, "settings": plans.bind(s["settings"], values)} for s in chosen_pipeline["steps"]]
    chosen, anew = plans.choose(steps, step, from_)
    opened = store if isinstance(store, Store) else Store.open(store)
    modules = Path(os.path.abspath(modules_root))
    state = _Run(
        plan=plan,
        pipeline=chosen_pipeline,
        steps=steps,
        store=opened,
        decider=Decider(opened, Path(os.path.abspath(data_root)), modules),
        table=table,
        jobs=jobs or len(os.sched_getaffinity(0)),
        force=force,
        chosen=chosen,
        anew={step} if force and step else chosen if force else anew,
        params=values,
        progress=progress or (lambda _: None),
        started=started,
        secrets=sorted(filter(None, (os.environ.get(name) for name in plans.secrets(plan))), key=len, reverse=True),
    )
    return _locked(state)


def _locked(state: _Run) -> dict[str, Any]:
    run = runs.new_run_id()
    with pipeline_lock(state.store, state.pipeline["name"], run) as locks:
        state.locks = locks
        _open_record(state, run)
        with signals(state.noticed) as wake:
            try:
                _schedule(state, wake)
            finally:
                if state.children is not None:
                    state.children.stop()
                runs.sweep(state.store, state.run)
        return _close(state)


def _open_record(state: _Run, run: str) -> None:
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


# --- scheduling ------------------------------------------------------------------------------------------------------


def _schedule(state: _Run, wake: int | None) -> None:
    state.pending = list(state.steps)
    limit = state.pipeline.get("timeout")
    end = state.started + limit if limit else None
    while state.pending or state.running:
        if state.noticed or (end is not None and time.monotonic() >= end):
            _stop(state, limit)
            return
        if _advance(state):
            continue
        _collect(state, wake, end)


def _advance(state: _Run) -> bool:
    """Settle or start every step that can be; whether any was settled, so that others may now be."""
    settled = False
    for step in list(state.pending):
        verdict = _ready(state, step)
        if verdict is None:
            continue
        if verdict == "skip":
            state.pending.remove(step)
            _end(state, step, {"status": "skipped"})
            settled = True
        elif _begin(state, step):
            settled = True
    return settled


def _ready(state: _Run, step: dict[str, Any]) -> str | None:
    """ "skip", "go", or None where the step has to wait for others, for room or for its next attempt."""
    if step["id"] not in state.chosen:
        return "skip"
    needed = [state.outcomes.get(name) for name in plans.producers(step)]
    if any(o is not None and o["status"] in ("failed", "skipped", "waiting") for o in needed):
        return "skip"
    if any(o is None for o in needed) or state.not_before.get(step["id"], 0.0) > time.monotonic():
        return None
    return "go"


def _room(state: _Run, step: dict[str, Any]) -> bool:
    """Whether the step may run beside those that run. One alone always may, whatever it declares."""
    if not state.running:
        return True
    beside = [r.step["resources"] for r in state.running.values()]
    mine = step["resources"]
    cpu = mine["cpu"] + sum(r["cpu"] for r in beside)
    memory = (mine["memory"] or 0) + sum(r["memory"] or 0 for r in beside)
    return len(beside) < state.jobs and cpu <= state.jobs and memory <= _machine_memory()


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _inputs(state: _Run, step: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, artifact in step["inputs"].items():
        producer, _, output = artifact.rpartition("/")
        found[name] = state.outcomes[producer]["outputs"][output]
    return found


def _begin(state: _Run, step: dict[str, Any]) -> bool:
    """Take the step from the cache (then True), or start it if there is room."""
    try:
        kind = kind_of(step, state.table)
    except StepError as error:
        state.pending.remove(step)
        _end(state, step, {"status": "failed", "error": error.to_json()})
        return True
    inputs = _inputs(state, step)
    key = state.decider.key(step, kind, inputs)
    if key is not None and step["id"] not in state.anew and step["id"] not in state.attempts:
        record, corrupt = state.decider.hit(key, step)
        for digest in corrupt:
            _log(state, step["id"], "corrupt object, computed again", digest=digest)
            state.progress({"event": "corrupt", "id": step["id"], "digest": digest})
        if record is not None:
            state.pending.remove(step)
            _end(state, step, {"status": "cached", "key": key, **_told(record)}, inputs)
            return True
    if _room(state, step):
        state.pending.remove(step)
        _start(state, step, key, inputs)
    return False


def _told(record: dict[str, Any]) -> dict[str, Any]:
    return {"outputs": record["outputs"], "summary": record.get("summary", {})}


def _start(state: _Run, step: dict[str, Any], key: str | None, inputs: dict[str, str]) -> None:
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
    number = sum(state.attempts.values())
    scratch = state.store.root / "tmp" / f"{state.run}.{os.getpid()}.{number}"
    scratch.mkdir(mode=0o700)
    request = _request(state, step, inputs, scratch)
    state.progress({"event": "step", "id": step["id"], "kind": step["kind"], "status": "running", "attempt": attempt})
    now = time.monotonic()
    pid = state.children.start(request, lambda: perform(request, state.store, load(kind.run)))
    deadline = now + (step.get("timeout") or DEFAULT_LIMIT)
    state.running[pid] = _Running(step, key, scratch, now, deadline, attempt)


def _request(state: _Run, step: dict[str, Any], inputs: dict[str, str], scratch: Path) -> dict[str, Any]:
    suffixes = {f"{s['id']}/{name}": suffix for s in state.steps for name, suffix in s["outputs"].items()}
    model = step["settings"].get("model")
    return {
        "step": step,
        "run_function": state.table[step["kind"]].run,
        "store": str(state.store.root),
        "run": state.run,
        "inputs": {name: [inputs[name], suffixes[artifact]] for name, artifact in step["inputs"].items()},
        "data_root": str(state.decider.data_root),
        "modules_root": str(state.decider.modules_root),
        "scratch": str(scratch),
        "outcome": str(scratch / "outcome.json"),
        "capture": str(scratch / "output.txt"),
        "cpu": step["resources"]["cpu"],
        "memory": step["resources"]["memory"],
        "champions": {model: state.decider.pins[model]} if model in state.decider.pins else {},
        "lineage": {**state.record["lineage"], "data": _data(state)},
    }


def _data(state: _Run) -> dict[str, str]:
    """Digests of all data read by this run so far."""
    return {
        f"{step['id']}/rows": state.outcomes[step["id"]]["outputs"]["rows"]
        for step in state.steps
        if step["kind"] == "ingest" and "rows" in state.outcomes.get(step["id"], {}).get("outputs", {})
    }


# --- endings ---------------------------------------------------------------------------------------------------------


def _collect(state: _Run, wake: int | None, end: float | None) -> None:
    """Wait until a child ends, a limit is reached or a retry is due, and settle what ended."""
    now = time.monotonic()
    moments = [r.deadline for r in state.running.values() if not r.timed_out]
    moments += [t for name, t in state.not_before.items() if t > now and any(s["id"] == name for s in state.pending)]
    if end is not None:
        moments.append(end)
    timeout = max(0.0, min(moments) - now) if moments else None
    if state.children is None or not state.running:
        time.sleep(min(timeout or 0.05, 0.5))
        return
    for pid, status in state.children.wait(timeout, wake):
        _settle(state, state.running.pop(pid), status)
    for pid, running in state.running.items():
        if time.monotonic() >= running.deadline and not running.timed_out:
            running.timed_out = True
            state.children.kill(pid)


def _settle(state: _Run, ended: _Running, status: int) -> None:
    step = ended.step
    outcome = _outcome(ended, status)
    outcome["seconds"] = time.monotonic() - ended.started
    _log_output(state, ended, outcome)
    shutil.rmtree(ended.scratch, ignore_errors=True)
    if outcome["status"] == "crashed":
        if ended.attempt <= step.get("retries", 0):
            state.not_before[step["id"]] = time.monotonic() + step.get("retry_delay", 0.0)
            state.pending.append(step)
            state.pending.sort(key=lambda s: state.steps.index(s))
            state.progress({"event": "retry", "id": step["id"], "attempt": ended.attempt, "error": outcome["error"]})
            return
        outcome["status"] = "failed"
    if outcome["status"] == "done" and ended.key is not None:
        for digest, signature in outcome["signatures"].items():
            state.store.trust(digest, signature)
        kept = {name: outcome[name] for name in ("outputs", "signatures", "summary")}
        state.store.put_step(ended.key, {"step": step["id"], "run": state.run, "seconds": outcome["seconds"], **kept})
        outcome["key"] = ended.key
    _end(state, step, outcome, _inputs(state, step))


def _outcome(ended: _Running, status: int) -> dict[str, Any]:
    """What the child said, or what its end says."""
    step = ended.step
    if ended.timed_out:
        seconds = ended.deadline - ended.started
        error = StepError(
            _HUNG,
            "step-timeout",
            f"{step['id']} took longer than its timeout of {seconds:g} s",
            where=step.get("where"),
        )
        return {"status": "failed", "error": error.to_json()}
    found = read_record(ended.scratch / "outcome.json")
    if found is not None and os.WIFEXITED(status):
        return found
    if os.WIFSIGNALED(status):
        return {"status": "crashed", "error": crash(step, _signal(os.WTERMSIG(status))).to_json()}
    code = os.waitstatus_to_exitcode(status)
    return {"status": "crashed", "error": crash(step, f"its process ended with exit code {code}").to_json()}


def _signal(number: int) -> str:
    import signal

    name = signal.Signals(number).name
    why = " (often the system's answer to too little memory)" if name == "SIGKILL" else ""
    return f"its process was ended by signal {name}{why}"


def _end(state: _Run, step: dict[str, Any], outcome: dict[str, Any], inputs: dict[str, str] | None = None) -> None:
    """Settle a step: a gate's verdict counts now, and everyone is told."""
    if step["kind"] == "gate" and "verdict" in outcome.get("outputs", {}) and inputs is not None:
        error = conclude(state.store, state.run, step, inputs, outcome["outputs"]["verdict"])
        if error is not None:
            outcome = {**outcome, "status": "failed", "error": error.to_json()}
    state.outcomes[step["id"]] = outcome
    shown: dict[str, Any] = {
        name: outcome[name] for name in ("seconds", "error", "summary", "message") if name in outcome
    }
    if step["id"] in state.chosen:
        _log(state, step["id"], outcome["status"], **shown)
    state.progress({"event": "step", "id": step["id"], "kind": step["kind"], "status": outcome["status"], **shown})


def _stop(state: _Run, limit: float | None) -> None:
    """End the run early: a signal came, or the pipeline's timeout."""
    if state.noticed:
        message = "the run was interrupted"
        state.error = {
            "code": "MLC9021",
            "name": "interrupted",
            "message": message,
            "help": "run again to go on from here",
        }
    else:
        message = f"the run took longer than the pipeline's timeout of {limit:g} s"
        state.error = {"code": _HUNG, "name": "step-timeout", "message": message}
    if state.children is not None:
        state.children.stop()
    for running in state.running.values():
        _end(
            state,
            running.step,
            {"status": "failed", "seconds": time.monotonic() - running.started, "error": state.error},
        )
    for step in state.pending:
        _end(state, step, {"status": "skipped"})
    state.running.clear()
    state.pending.clear()


def _status(state: _Run) -> str:
    errors = [o["error"] for o in state.outcomes.values() if o["status"] == "failed"]
    if any(e["name"] == "approval-rejected" for e in errors):
        return "rejected"
    if errors or state.error:
        return "failed"
    return "waiting" if any(o["status"] == "waiting" for o in state.outcomes.values()) else "succeeded"


def _close(state: _Run) -> dict[str, Any]:
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


# --- log -------------------------------------------------------------------------------------------------------------


def _log(state: _Run, step: str, event: str, **fields: Any) -> None:
    write_log(runs.folder(state.store, state.run) / "log.jsonl", step, event, **fields)


def _log_output(state: _Run, ended: _Running, outcome: dict[str, Any]) -> None:
    """Keep what the step printed, and its traceback, in the log, without the values of secrets."""
    try:
        with open(ended.scratch / "output.txt", encoding="utf-8", errors="replace") as handle:
            text = handle.read(_OUTPUT_KEPT)
    except OSError:
        text = ""
    for event, found in (("output", text), ("traceback", outcome.pop("traceback", ""))):
        if found:
            for secret in state.secrets:
                found = found.replace(secret, "***")
            _log(state, ended.step["id"], event, text=found)


__all__ = ["UsageError", "run_plan"]
