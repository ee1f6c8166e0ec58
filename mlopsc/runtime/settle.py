"""What a child's end means: an outcome to record, a crash to retry, or a failure to tell."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from .errors import StepError
from .hiding import told
from .state import Outcome, Running, RunState, Step
from .store.io import failure
from .store.objects import Store, read_record
from .work import DISK_FULL, crash

HUNG = ("MLC9033", "step-timeout")
_CHEAP = 1.0  # seconds that a step may have to be repeated for after a power failure
_OUTPUT_KEPT = 1 << 20  # bytes of a step's standard output and error that the log keeps


def settle(state: RunState, ended: Running, status: int) -> None:
    """Record what a child gave before anything else starts, or put its step back for another attempt."""
    step = ended.step
    outcome = _outcome(ended, status)
    outcome["seconds"] = time.monotonic() - ended.started
    _keep_output(state, ended, outcome)
    if _empty(ended.scratch):
        state.folders.append(ended.scratch)
    if outcome["status"] == "crashed":
        if ended.attempt <= step.get("retries", 0):
            state.not_before[step["id"]] = time.monotonic() + step.get("retry_delay", 0.0)
            state.pending[step["id"]] = step
            error = outcome["error"]
            state.log(step["id"], "retry", attempt=ended.attempt, error=error)
            state.progress({"event": "retry", "id": step["id"], "attempt": ended.attempt, "error": error})
            return
        outcome["status"] = "failed"
    if ended.key is not None and record(state.store, step, ended.key, state.run, outcome):
        outcome["key"] = ended.key
    state.end(step, outcome, ended.inputs)


def _empty(scratch: Path) -> bool:
    """Remove what a step left; whether the folder is empty now, but for its empty `work`."""
    try:
        for entry in [*os.scandir(scratch), *os.scandir(scratch / "work")]:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            elif entry.name != "work" or Path(entry.path).parent != scratch:
                shutil.rmtree(entry.path)
    except OSError:
        return False
    return True


def record(store: Store, step: Step, key: str, run: str, outcome: Outcome) -> bool:
    """Keep an outcome for later runs where it is one that they may take: outputs that are complete. A gate that did not
    pass has given a verdict, which is kept with its error."""
    judged = step["kind"] == "gate" and outcome["status"] == "failed" and "outputs" in outcome
    if outcome["status"] != "done" and not judged:
        return False
    for digest, known in outcome["signatures"].items():
        store.trust(digest, known)
    kept: dict[str, Any] = {
        name: outcome[name] for name in ("outputs", "signatures", "summary", "error") if name in outcome
    }
    found = {"step": step["id"], "run": run, "seconds": outcome["seconds"], **kept}
    store.put_step(key, found, durable=outcome["seconds"] >= _CHEAP)
    return True


def _outcome(ended: Running, status: int) -> dict[str, Any]:
    """What the child said, or what its end says."""
    step = ended.step
    if ended.timed_out:
        seconds = ended.deadline - ended.started
        told = f"{step['id']} took longer than its timeout of {seconds:g} s"
        return {"status": "failed", "error": StepError(*HUNG, told, where=step.get("where")).to_json()}
    found = read_record(ended.scratch / "outcome.json")
    if found is not None and os.WIFEXITED(status):
        return found
    if os.WIFSIGNALED(status):
        return {"status": "crashed", "error": crash(step, _signal(os.WTERMSIG(status))).to_json()}
    code = os.waitstatus_to_exitcode(status)
    if code == DISK_FULL:
        return {"status": "failed", "error": failure(OSError(errno.ENOSPC, ""), ended.scratch.parent).to_json()}
    return {"status": "crashed", "error": crash(step, f"its process ended with exit code {code}").to_json()}


def _signal(number: int) -> str:
    name = signal.Signals(number).name
    why = " (often the system's answer to too little memory)" if name == "SIGKILL" else ""
    return f"its process was ended by signal {name}{why}"


def _keep_output(state: RunState, ended: Running, outcome: Outcome) -> None:
    """Put what the step printed, and its traceback, into the log. No secret's value gets there or into an error."""
    try:
        with open(ended.scratch / "output.txt", encoding="utf-8", errors="replace") as handle:
            text = handle.read(_OUTPUT_KEPT)
    except OSError:
        text = ""
    for event, found in (("output", text), ("traceback", outcome.pop("traceback", ""))):
        if found:
            state.log(ended.step["id"], event, text=state.hide(found))
    if "error" in outcome:
        outcome["error"] = told(outcome, state.hidden)["error"]
