"""The last task, which runs however the others ended: it writes the run's result and tells the channels of `notify`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlopsc_runtime.closing import close, first_record, lost
from mlopsc_runtime.keys import digest_of
from mlopsc_runtime.notify import announce
from mlopsc_runtime.render import warnings_only
from mlopsc_runtime.runner import prepare
from mlopsc_runtime.state import RunState
from mlopsc_runtime.steps import STEPS
from mlopsc_runtime.store import runs
from mlopsc_runtime.store.objects import Store
from mlopsc_runtime.work import crash

from .joined import RUNNING, recorded
from .message import Message

_PAGE = "KFP's page of the run shows how its task ended, and its log"


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
    found = {step["id"]: recorded(shared, message.run, step["id"]) for step in state.steps}
    known = {name: outcome for name, outcome in found.items() if outcome is not None}
    asked = digest_of([message.slice["plan"]["files"], state.params])
    state.record = first_record(state, message.run, asked, min((o["began"] for o in known.values()), default=None))
    shared.make_folder(runs.folder(shared, message.run))
    state.outcomes |= {name: outcome for name, outcome in known.items() if outcome["status"] != RUNNING}
    _ended(state, {i: o for i, o in known.items() if o["status"] == RUNNING}, message.parameters.get("status"))
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


def _ended(state: RunState, begun: dict[str, Any], status: Any) -> None:
    """A task that recorded no end fails the run, too. One of `begun` died at work (memory, eviction, os._exit). Where nothing
    else ended the run, one that had nothing to wait for never came to begin (its image is missing); beside a step that
    failed, KFP starts no more, and what has no record was skipped."""
    told = json.loads(status) if isinstance(status, str) else status or {}
    bad = any(o["status"] in ("failed", "waiting") for o in state.outcomes.values())
    missing = [step for step in state.steps if step["id"] in begun] or ([] if bad else lost(state))
    said = (told.get("error") or {}).get("message")
    kfp = f"; KFP says: {said}" if said else ""
    for step in missing:
        how = "its process was ended at work" if step["id"] in begun else "its task never began, or was ended at once"
        mine = begun.get(step["id"], {}).get("error")
        error = mine or {**crash(step, f"{how}{kfp}").to_json(), "help": _PAGE}
        state.outcomes[step["id"]] = {"status": "failed", "seconds": 0.0, "error": error}
    if told.get("state") not in (None, "SUCCEEDED") and not bad and not missing:
        why = said or told["state"]
        state.error = {
            "code": "MLC9010",
            "name": "step-crashed",
            "message": f"the pipeline ended without a verdict: {why}",
            "help": _PAGE,
        }
