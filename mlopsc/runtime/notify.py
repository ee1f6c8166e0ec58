"""Tells a pipeline's channels that a run failed, was rejected, or waits for a person; of a run that succeeded, nothing.

Each of these is told once a run (a wait once a gate), however often its last task is started again: whoever creates
`runs/RUN/told/WHAT.json` tells. What becomes of a message never changes the run: a channel that cannot be told is a
warning in the run's log.
"""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

from . import approve as approvals
from .announcement import Announcement, failures_of, of_failure, of_waiting
from .errors import StepError
from .hiding import without
from .state import RunState
from .store import runs
from .store.journal import now_text
from .store.objects import Store, canonical, safe_name

CODE = {"code": "MLC9040", "name": "channel-failed"}
ENDED = ("failed", "rejected")
DECIDE = 'decide with `mlopsc approve {run} {gate} --by NAME --reason "…"` (and --reject to say no)'


def announce(state: RunState, status: str, *, store: Store | None = None, decide: str | None = None) -> None:
    """Tell of a run that ended with `status`, or of a task that began to wait ("waiting"). `store`: where the run's record
    is, where that is not the state's own; `decide`: how a person decides (see `announcement`), on a target that has a way
    of its own."""
    wanted = state.pipeline.get("notify", ())
    channels = [c for c in state.plan.get("channels", ()) if wanted and c["name"] in wanted]
    if not channels or signal.SIGINT in state.noticed:  # who stops a run by hand knows
        return
    place = store or state.store
    with contextlib.suppress(StepError):  # a store that failed has been told of in the run's own error
        place.make_folder(runs.folder(place, state.run) / "told")
    try:
        message = _message(state, status, place, decide or DECIDE)
    except StepError as error:
        told = state.hide(f"no channel was told that run {state.run} {_how(status)}: {error.message}")
        state.progress({"event": "warning", **CODE, "message": told})
        return
    if message is not None:
        _tell(state, channels, message)
        state.store.keep_log(state.run, ended=status != "waiting")


def _message(state: RunState, status: str, place: Store, decide: str) -> Announcement | None:
    """What is to be told now; None where it was told before."""
    folder = runs.folder(place, state.run) / "told"
    name = state.pipeline["name"]
    if status in ENDED:
        if not _first(place, folder / f"{status}.json"):
            return None
        failures = failures_of(state.steps, state.outcomes, state.error)
        return of_failure(name, state.run, status, [_clean(failure, state.hidden) for failure in failures])
    if status != "waiting":
        return None
    asked = [r for r in approvals.waiting(state.store, state.run) if _is_here(state, r["gate"])]
    gates = [r for r in asked if _first(place, folder / f"{safe_name('waiting.' + r['gate'])}.json")]
    return of_waiting(name, state.run, gates, decide) if gates else None


def _clean(failure: dict[str, Any], hide: list[str]) -> dict[str, Any]:
    """Without the values of secrets; names that are ours stay, however short a secret is."""
    own = ("step", "code", "name", "file", "line")
    return {name: value if name in own else without(value, hide) for name, value in failure.items()}


def _is_here(state: RunState, gate: str) -> bool:
    """Whether the gate's task has been seen to wait: of tasks that run at once, each tells its own."""
    return state.outcomes.get(f"approve:{gate}", {}).get("status") == "waiting"


def _first(store: Store, marker: Path) -> bool:
    """Whether nobody has told this of the run before. Where the store fails, it is told again rather than never."""
    if store.record(marker) is not None:
        return False
    try:
        store.create(marker, canonical({"time": now_text()}))
    except FileExistsError:
        return False
    except (StepError, OSError):
        return True
    return True


def _tell(state: RunState, channels: list[dict[str, Any]], message: Announcement) -> None:
    from .channels import deliver

    for channel, why in zip(channels, deliver(channels, message), strict=True):
        name, step = channel["name"], f"notify:{channel['name']}"
        with contextlib.suppress(StepError, OSError):
            if why is None:
                state.log(step, "told", status=message.status)
                continue
            told = state.hide(f"channel {name} was not told that run {state.run} {_how(message.status)}: {why}")
            state.progress({"event": "warning", **CODE, "message": told})
            state.log(step, "warning", **CODE, message=told)


def _how(status: str) -> str:
    return {"failed": "failed", "rejected": "was rejected", "waiting": "waits for a decision"}[status]
