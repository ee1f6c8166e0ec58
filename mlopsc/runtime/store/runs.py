"""Records of runs: run.json (what was asked and how it stands), result.json (what `run --json` prints), log.jsonl."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .journal import now_text
from .objects import Store, canonical, safe_name

_OWN_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}")  # other names are an orchestrator's


def new_run_id() -> str:
    """A name that sorts by time: 20261123T073131Z-4f2a."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") + "-" + os.urandom(2).hex()


def folder(store: Store, run: str) -> Path:
    return store.root / "runs" / run


def run_record(store: Store, run: str) -> dict[str, Any] | None:
    return store.record(folder(store, run) / "run.json")


def result(store: Store, run: str) -> dict[str, Any] | None:
    return store.record(folder(store, run) / "result.json")


def write_run(store: Store, record: dict[str, Any]) -> None:
    place = folder(store, record["run"])
    if not place.exists():
        store.make_folder(place)
    store.replace(place / "run.json", canonical(record))


def write_result(store: Store, found: dict[str, Any]) -> None:
    store.replace(folder(store, found["run"]) / "result.json", canonical(found))


def outcome_file(store: Store, run: str, step: str) -> Path:
    return folder(store, run) / "steps" / f"{safe_name(step)}.json"


def write_outcome(store: Store, run: str, step: str, outcome: dict[str, Any]) -> None:
    """Leave a step's outcome for the tasks that follow it."""
    store.replace(outcome_file(store, run, step), canonical({k: v for k, v in outcome.items() if k != "traceback"}))


def run_ids(store: Store) -> list[str]:
    """All runs, newest first."""
    return [name for name in reversed(store.names(store.root / "runs")) if not name.startswith(".")]


def find(store: Store, run: str) -> str:
    """The run of that name, or of that unambiguous beginning. UsageError where there is none."""
    names = run_ids(store)
    for name in (run, safe_name(run)):  # an orchestrator's own name, too
        if name in names:
            return name
    matching = [name for name in names if name.startswith(run)] if run else []
    if len(matching) == 1:
        return matching[0]
    several = f"; it could be {', '.join(matching[:5])}" if matching else ""
    newest = f"the newest run is {names[0]}" if names else None
    raise UsageError("MLC9020", "unknown-run", f"{store.shown(store.root)} has no run {run}{several}", help=newest)


def last_record(store: Store, pipeline: str) -> dict[str, Any] | None:
    """The record of the pipeline's newest local run. Names tell seconds only: within one, the record's own time decides."""
    newest: dict[str, Any] | None = None
    for name in filter(_OWN_NAME.fullmatch, run_ids(store)):
        if newest is not None and name[:16] != newest["run"][:16]:
            break
        record = run_record(store, name)
        if (
            record is not None
            and record["pipeline"] == pipeline
            and (newest is None or record["started"] > newest["started"])
        ):
            newest = record
    return newest


def close_interrupted(store: Store, record: dict[str, Any]) -> None:
    """End the record of a run whose process is gone (its lock was free), and remove what it left half done. Its finished
    steps stay: the next run goes on from them. One that had told its result has only lacked this."""
    told = result(store, record["run"])
    error = {"code": "MLC9021", "name": "interrupted", "message": f"run {record['run']} was stopped before it ended"}
    if told is None:
        empty: dict[str, Any] = {"seconds": None, "steps": [], "models": {}, "gates": {}, "error": error}
        told = {"version": 1, "run": record["run"], "pipeline": record["pipeline"], "status": "failed", **empty}
        write_result(store, told)
    write_run(store, {**record, "status": told["status"], "ended": now_text()})
    sweep(store, record["run"])


def sweep(store: Store, run: str) -> None:
    """Remove a run's scratch folders."""
    for name in os.listdir(store.root / "tmp"):
        if name.startswith(run + "."):
            remove(store.root / "tmp" / name)


def remove(scratch: Path) -> None:
    """Remove a scratch folder; what cannot be removed now is left to gc."""
    with contextlib.suppress(OSError):
        shutil.rmtree(scratch)
