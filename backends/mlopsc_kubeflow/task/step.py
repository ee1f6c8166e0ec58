"""One step of the Plan as a task: inputs from KFP's artifacts, the runtime's step function, outputs as KFP's artifacts."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlopsc_runtime import render
from mlopsc_runtime.closing import first_record
from mlopsc_runtime.errors import StepError
from mlopsc_runtime.keys import digest_of
from mlopsc_runtime.notify import announce
from mlopsc_runtime.runner import prepare
from mlopsc_runtime.schedule import request_for
from mlopsc_runtime.single import EXIT
from mlopsc_runtime.state import RunState
from mlopsc_runtime.steps import STEPS, kind_of
from mlopsc_runtime.store import runs
from mlopsc_runtime.store.locks import kept_from_gc
from mlopsc_runtime.store.objects import Store
from mlopsc_runtime.work import perform, single_threaded

from . import pages
from .answer import leave
from .joined import RUNNING, Joined, record, recorded
from .message import Message

Outcome = dict[str, Any]
_POLL = 10.0  # seconds between two looks for a decision
_JUDGES = ("gate", "approve", "register")


def run(message: Message, store: str, modules: Path) -> int:
    """Run the step of `message`; the process's exit code. Its outcome is recorded in the shared store, whatever it is."""
    single_threaded()
    shared = Store.open(store)
    step = message.slice["step"]
    stands = _standing(shared, message)
    if stands is not None:
        _tell(step, stands)
        return 1
    with tempfile.TemporaryDirectory(prefix="mlopsc-") as folder, kept_from_gc(shared, message.run):
        joined = Joined.make(Path(folder) / "store", shared, message.run)
        _begin(message, shared)
        try:
            state = _state(message, joined, modules)
            trail = _adopt(message, state)
        except StepError as error:
            _begin(message, shared, error=error.to_json())
            raise
        _record(message, joined, {**trail, step: {"status": RUNNING}})
        with _limited(state, message):
            outcome = _perform(message, state)
        _name_the_setting(outcome)
        crashed = outcome["status"] == "crashed"
        state.end(
            _own(state, message), {**outcome, "status": "failed"} if crashed else outcome, _inputs(state, message)
        )
        ended = {**state.outcomes[step], "pins": state.decider.pins, "pid": os.getpid(), "run": message.run}
        _record(message, joined, {**trail, step: ended})
        _log(joined, message.run)
        if ended["status"] == "done":
            _hand_on(message, joined, {**trail, step: ended})
    _tell(step, ended)
    return int(EXIT["crashed"] if crashed else EXIT[ended["status"]])


def _begin(message: Message, shared: Store, **told: Any) -> None:
    """Record that the step is at work, so that its end is missed where there is none; `error`: why it cannot be, which a
    retry may change."""
    if message.parameters.get("run"):
        record(shared, message.run, message.slice["step"], {"status": RUNNING, **told})


def _state(message: Message, joined: Joined, modules: Path) -> RunState:
    state = prepare(
        message.slice["plan"],
        store=joined,
        data_root=os.environ.get("MLOPSC_DATA") or ".",
        modules_root=modules,
        params=message.params,
        table=STEPS,
        pipeline=None,
    )
    state.record = first_record(state, message.run, digest_of([message.slice["plan"]["files"], state.params]))
    state.chosen = {message.slice["step"]}
    state.progress = render.warnings_only(sys.stderr)
    return state


def _name_the_setting(outcome: Outcome) -> None:
    """A file that is not there, in a pod that nobody told where files are."""
    error = outcome.get("error")
    if error and error["code"] == "MLC8001" and not os.environ.get("MLOPSC_DATA"):
        error["help"] = 'write data_root = "/folder/in/the/pod" in the target block, or set MLOPSC_DATA'


def _own(state: RunState, message: Message) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in state.steps if step["id"] == message.slice["step"])
    return found


def _inputs(state: RunState, message: Message) -> dict[str, str]:
    found: dict[str, str] = state.inputs(_own(state, message))
    return found


def _adopt(message: Message, state: RunState) -> dict[str, Outcome]:
    """Take in the outcomes of all that stands before this step and the files that it reads; the outcomes. What a file
    holds must be what its step wrote. StepError where it is not."""
    trail: dict[str, Outcome] = {}
    for key in message.slice["before"]:
        trail |= json.loads(message.input(key).read_bytes())
    for outcome in trail.values():
        state.decider.pins |= outcome.get("pins", {})
    state.outcomes |= trail
    for artifact, key in message.slice["inputs"].items():
        producer, _, output = artifact.rpartition("/")
        expected = trail[producer]["outputs"][output]
        found = state.store.put(message.input(key))
        if found != expected:
            raise StepError(
                "MLC9006",
                "corrupt-object",
                f"the artifact {artifact} does not hold what {producer} wrote: its digest is {found}, not {expected}",
                where=_own(state, message).get("where"),
                help="run the pipeline again without KFP's cache",
            )
    return trail


def _perform(message: Message, state: RunState) -> Outcome:
    step, inputs = _own(state, message), _inputs(state, message)
    if step["kind"] in _JUDGES:
        for name, digest in inputs.items():
            if step["kind"] == "register" or _is_json(state, step, name):
                state.store.share(digest)
    state.decider.key(step, kind_of(step, state.table), inputs)  # pins the champion that a gate judges against
    outcome = _once(state, step, inputs)
    limit = message.slice.get("wait")
    end = time.monotonic() + limit if limit is not None else None
    poll = float(os.environ.get("MLOPSC_POLL") or _POLL)
    while outcome["status"] == "waiting" and end is not None and time.monotonic() < end:
        if message.parameters.get("run"):
            record(state.store.shared, message.run, step["id"], outcome)
            state.outcomes[step["id"]] = outcome
            announce(state, "waiting", store=state.store.shared)
        time.sleep(min(poll, max(0.0, end - time.monotonic())))
        outcome = _once(state, step, inputs)
    return outcome


def _is_json(state: RunState, step: dict[str, Any], name: str) -> bool:
    return bool(state.suffixes[step["inputs"][name]] == "json")


def _once(state: RunState, step: dict[str, Any], inputs: dict[str, str]) -> Outcome:
    scratch = state.store.temporary()
    state.store.make_scratch(scratch)
    started = time.monotonic()
    try:
        outcome: Outcome = perform(request_for(state, step, inputs, scratch), state.store)
    finally:
        runs.remove(scratch)
    outcome["seconds"] = time.monotonic() - started
    trace = outcome.pop("traceback", "")
    if trace and outcome["status"] == "crashed":  # this log is read by who runs the pipeline: a verdict says what to do
        state.log(step["id"], "traceback", text=state.hide(trace))
    if "error" in outcome:
        outcome["error"] = {k: state.hide(v) if isinstance(v, str) else v for k, v in outcome["error"].items()}
    return outcome


def _record(message: Message, joined: Joined, outcomes: dict[str, Outcome]) -> None:
    """Write how this step ended, and those before it that nobody has: KFP took them from its cache. Only a task that
    knows its run can."""
    if not message.parameters.get("run"):
        return
    suffixes = {s["id"]: s["outputs"] for s in message.slice["plan"]["pipelines"][0]["steps"]}
    for step, outcome in outcomes.items():
        own = step == message.slice["step"]
        if own or recorded(joined.shared, message.run, step) is None:
            kept = {k: v for k, v in outcome.items() if k not in ("traceback", "signatures")}
            cached = not own and outcome.get("run") != message.run
            record(joined.shared, message.run, step, {**kept, "status": "cached"} if cached else kept)
        if own:
            for name, digest in outcome.get("outputs", {}).items():
                aside = name == "quarantine" and outcome.get("summary", {}).get("bad")
                if suffixes[step].get(name) == "json" or aside:
                    joined.share(digest)


def _hand_on(message: Message, joined: Joined, outcomes: dict[str, Outcome]) -> None:
    step = message.slice["step"]
    ended = outcomes[step]
    files = {name: joined.path(digest) for name, digest in ended["outputs"].items()}
    for name, key in message.slice["outputs"].items():
        message.output(key, files[name], pages.metadata(step, name, files[name], ended["outputs"][name]))
    own = next(s for s in message.slice["plan"]["pipelines"][0]["steps"] if s["id"] == step)
    for key, file, metadata in pages.shown(own, files, joined.temporary):
        if message.has_output(key):
            message.output(key, file, metadata)
    told = joined.temporary()
    kept = {i: {k: v for k, v in o.items() if k not in ("signatures", "traceback")} for i, o in outcomes.items()}
    told.write_text(json.dumps(kept, sort_keys=True), encoding="utf-8")
    message.output("outcome", told, {"step": step, "pid": ended["pid"], "run": message.run})
    message.close()


def _standing(shared: Store, message: Message) -> Outcome | None:
    """The verdict of an earlier attempt of this task, which a retry cannot change. KFP retries whatever the exit code says:
    as many times as it may, the verdict is told again; who then asks for the task again gets it run."""
    own = next(s for s in message.slice["plan"]["pipelines"][0]["steps"] if s["id"] == message.slice["step"])
    if not own.get("retries") or not message.parameters.get("run"):
        return None
    found = recorded(shared, message.run, own["id"])
    if found is None or found["status"] != "failed" or found["error"]["code"] == "MLC9010":
        return None
    told = found.get("told", 0)
    if told >= own["retries"]:
        return None
    record(shared, message.run, own["id"], {**found, "told": told + 1})
    return found


@contextlib.contextmanager
def _limited(state: RunState, message: Message) -> Iterator[None]:
    """End the process, with the outcome recorded, where the step takes longer than its timeout."""
    step = _own(state, message)
    seconds = step.get("timeout")
    if not seconds:
        yield
        return

    def late() -> None:
        told = f"{step['id']} took longer than its timeout of {seconds:g} s"
        error = StepError("MLC9033", "step-timeout", told, where=step.get("where")).to_json()
        outcome = {"status": "failed", "error": error, "seconds": float(seconds)}
        if message.parameters.get("run"):
            record(state.store.shared, message.run, step["id"], outcome)
        _tell(step["id"], outcome)
        leave(1)

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _log(joined: Joined, run: str) -> None:
    """The step's log lines, as the task's own."""
    path = runs.folder(joined, run) / "log.jsonl"
    if path.exists():
        sys.stdout.write(path.read_text(encoding="utf-8", errors="replace"))


def _tell(step: str, outcome: Outcome) -> None:
    shown = {k: outcome[k] for k in ("status", "seconds", "summary", "outputs") if k in outcome}
    print(json.dumps({"id": step, **shown}, default=str), flush=True)
    if outcome.get("message"):
        print(outcome["message"], file=sys.stderr)
    if outcome.get("error"):
        print("\n".join(render.error_lines(outcome["error"])), file=sys.stderr, flush=True)
