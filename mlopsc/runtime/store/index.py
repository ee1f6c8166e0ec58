"""An index of runs in SQLite: a shortcut for listing thousands of them. It may be deleted or damaged at any time; what it
does not know is read from the runs' own records, and a damaged one is made anew without a word."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from .objects import Store, read_record
from .runs import folder, run_ids

_SCHEMA = "create table if not exists runs (run text primary key, stamp text not null, summary text not null)"


def summaries(store: Store) -> list[dict[str, Any]]:
    """run, pipeline, status, started, seconds and models' versions of every run, newest first."""
    path = store.root / "index.sqlite"
    for attempt in range(2):
        try:
            return _newest_first(_from_index(store, path))
        except sqlite3.Error:
            if attempt == 0:
                with contextlib.suppress(OSError):
                    path.unlink()
    return _newest_first([s for s in (_summary(store, name) for name in run_ids(store)) if s is not None])


def _newest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda summary: (summary["started"], summary["run"]), reverse=True)


def _from_index(store: Store, path: Path) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as base, base:
        os.chmod(path, 0o600)
        base.execute(_SCHEMA)
        known = {run: (stamp, text) for run, stamp, text in base.execute("select run, stamp, summary from runs")}
        names = run_ids(store)
        found = []
        for name in names:
            stamp = _stamp(store, name)
            if name in known and known[name][0] == stamp:
                found.append(json.loads(known[name][1]))
                continue
            summary = _summary(store, name)
            if summary is not None:
                found.append(summary)
                base.execute("insert or replace into runs values (?, ?, ?)", (name, stamp, json.dumps(summary)))
        base.executemany("delete from runs where run = ?", [(run,) for run in known.keys() - set(names)])
    return found


def _stamp(store: Store, name: str) -> str:
    found = []
    for file in ("run.json", "result.json"):
        try:
            facts = os.stat(folder(store, name) / file)
            found.append(f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}")
        except OSError:
            found.append("-")
    return ";".join(found)


def _summary(store: Store, name: str) -> dict[str, Any] | None:
    record = read_record(folder(store, name) / "run.json")
    if record is None:
        return None
    result = read_record(folder(store, name) / "result.json") or {}
    models = result.get("models", {})
    return {
        "run": name,
        "pipeline": record["pipeline"],
        "status": record["status"],
        "started": record["started"],
        "seconds": result.get("seconds"),
        "models": {model: found.get("version") for model, found in models.items()},
        "gates": {gate: found.get("verdict") for gate, found in result.get("gates", {}).items()},
    }
