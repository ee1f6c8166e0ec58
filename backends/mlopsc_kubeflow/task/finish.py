"""The last task, which runs however the others ended: it writes the run's result and tells the channels of `notify`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlopsc_runtime.closing import close, first_record
from mlopsc_runtime.keys import digest_of
from mlopsc_runtime.notify import announce
from mlopsc_runtime.render import warnings_only
from mlopsc_runtime.runner import prepare
from mlopsc_runtime.state import RunState
from mlopsc_runtime.steps import STEPS
from mlopsc_runtime.store import runs
from mlopsc_runtime.store.objects import Store

from .joined import recorded
from .message import Message


def finish(message: Message, store: str, modules: Path) -> int:
    """Write STORE/runs/RUN/result.json from what the tasks recorded, and hand it on as an artifact. 0: what the run came
    to is told by its tasks, not by this one."""
    shared = Store.open(store)
    state = prepare(
        message.slice["plan"],
        store=shared,
        data_root=".",
        modules_root=modules,
        params=message.params,
        table=STEPS,
        pipeline=None,
    )
    state.record = first_record(state, message.run, digest_of([message.slice["plan"]["files"], state.params]))
    shared.make_folder(runs.folder(shared, message.run))
    for step in state.steps:
        outcome = recorded(shared, message.run, step["id"])
        if outcome is not None:
            state.outcomes[step["id"]] = outcome
    _ended(state, message.parameters.get("status"))
    state.started -= sum(o.get("seconds", 0.0) for o in state.outcomes.values())
    result = close(state)
    state.progress = warnings_only(sys.stderr)
    announce(state, result["status"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        file.write_text(json.dumps(result, sort_keys=True), encoding="utf-8")
        message.output("result", file, {"run": message.run, "status": result["status"]})
    message.close()
    print(json.dumps(result))
    if result["status"] != "succeeded":
        print(f"run {message.run} {result['status']}", file=sys.stderr)
    return 0


def _ended(state: RunState, status: Any) -> None:
    """A task that never came to record anything (its image is missing, its pod was evicted) fails the run, too."""
    told = json.loads(status) if isinstance(status, str) else status or {}
    known = any(o["status"] in ("failed", "waiting") for o in state.outcomes.values())
    if told.get("state") not in (None, "SUCCEEDED") and not known:
        why = (told.get("error") or {}).get("message") or told["state"]
        state.error = {
            "code": "MLC9010",
            "name": "step-crashed",
            "message": f"the pipeline ended without a verdict: {why}",
            "help": "KFP's page of the run shows which task failed",
        }
