"""Freeing what no kept version or run needs.

Records go before what they name, and a record that names something gone is no cache hit: killed anywhere, nothing breaks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .store import io, runs
from .store.locks import whole_store
from .store.objects import Found, Store

DEFAULT_AGE = 30 * 86400.0  # seconds


@dataclass(slots=True)
class _Kept:
    """What stays. `steps` are cache keys; `runs` names; `objects` digests."""

    runs: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)


def collect(store: Store, older: float = DEFAULT_AGE, dry_run: bool = False) -> dict[str, Any]:
    """Free runs that ended more than `older` seconds ago and what only they need; what was (or would be) freed.

    Kept: newer runs, unfinished ones and the last of each pipeline; every version that is to stay restorable, whole; the
    journal. UsageError while a run is at work in the store.
    """
    with whole_store(store):
        kept = _kept(store, time.time() - older)
        doomed_runs = [name for name in runs.run_ids(store) if name not in kept.runs]
        steps = [f for f in store.find(store.root / "steps") if _is_record(f) and _key(f.path) not in kept.steps]
        objects = [f for f in store.find(store.root / "objects") if _digest(f.path) not in kept.objects]
        found = {
            "version": 1,
            "dry_run": dry_run,
            "runs": doomed_runs,
            "steps": len(steps),
            "objects": len(objects),
            "bytes": sum(f.size for f in [*steps, *objects]),
        }
        # Plans that the command line keeps to skip compiling: a shortcut, made again when it is missed.
        plans = [p for p in (store.root / "plans").glob("*") if p.is_file() and p.stat().st_mtime < time.time() - older]
        if not dry_run:
            for name in doomed_runs:
                store.remove_run(name)
            store.remove(f.path for f in [*steps, *objects])
            for path in plans:
                io.unlink(path)
            store.tidy()
    return found


def _is_record(found: Found) -> bool:
    return found.path.suffix == ".json"


def _key(path: Path) -> str:
    return f"sha256:{path.parent.name}{path.stem}"


def _digest(path: Path) -> str:
    return f"sha256:{path.parent.name}{path.name}"


def _kept(store: Store, since: float) -> _Kept:
    kept = _Kept()
    registry = store.registry()
    for model in registry.models():
        for version in registry.kept(model):
            kept.objects |= set(version.artifacts.values()) | {version.digest}
            kept.runs.add(version.run)
    records = []
    for path, found in store.records(runs.folder(store, name) / "run.json" for name in runs.run_ids(store)):
        if found is None:
            kept.runs.add(path.parent.name)  # damaged: what it needs cannot be told, and it is no rubbish
        else:
            records.append(found)
    last = {found["pipeline"]: found["run"] for found in sorted(records, key=lambda found: str(found["started"]))}
    for record in records:
        if record["run"] in last.values() or record["status"] == "waiting" or _ended(record) >= since:
            kept.runs.add(record["run"])
            _keep_steps(record, kept)
    times = {f.path: f.time for f in store.find(store.root / "steps") if _is_record(f)}
    for path, step in store.records(times):
        # Steps of a run that was killed, or goes on under another plan, stand in no run's record yet.
        if step is None:
            continue
        if times[path] >= since:
            kept.steps.add(_key(path))
        if _key(path) in kept.steps:
            kept.objects |= set(step.get("outputs", {}).values())
    return kept


def _keep_steps(record: dict[str, Any], kept: _Kept) -> None:
    for step in record["steps"].values():
        if step.get("key"):
            kept.steps.add(step["key"])
        kept.objects |= set(step.get("outputs", {}).values())


def _ended(record: dict[str, Any]) -> float:
    text = record.get("ended") or record["started"]
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
