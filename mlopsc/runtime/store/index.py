"""An index of runs in SQLite: a shortcut for listing thousands of them. It may be deleted or damaged at any time; what it
does not know is read from the runs' own records, and a damaged one is made anew without a word."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from .locks import died
from .objects import Store
from .runs import folder, result, run_ids, run_record

_FILES = ("run.json", "result.json")
_SCHEMA = "create table if not exists runs (run text primary key, stamp text not null, summary text not null)"


def summaries(store: Store) -> list[dict[str, Any]]:
    """run, pipeline, status, started, seconds and models' versions of every run, newest first. The status of a run whose
    process is gone is "interrupted", that of one whose record cannot be read "damaged"."""
    return [summary | {"status": "interrupted"} if _died(store, summary) else summary for summary in _summaries(store)]


def _died(store: Store, summary: dict[str, Any]) -> bool:
    return summary["status"] == "running" and died(store, summary["pipeline"], summary["run"])


def _summaries(store: Store) -> list[dict[str, Any]]:
    path = store.root / "index.sqlite"
    for attempt in range(2):
        try:
            return _newest_first(_from_index(store, path))
        except sqlite3.Error:
            if attempt == 0:
                with contextlib.suppress(OSError):
                    path.unlink()
    return _newest_first([_summary(store, name) for name in run_ids(store)])


def _newest_first(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda summary: (summary["started"], summary["run"]), reverse=True)


def _from_index(store: Store, path: Path) -> list[dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as base, base:
        os.chmod(path, 0o600)
        base.execute(_SCHEMA)
        known = {run: (stamp, text) for run, stamp, text in base.execute("select run, stamp, summary from runs")}
        names = run_ids(store)
        stamps = store.stamps(folder(store, name) / file for name in names for file in _FILES)
        found = []
        for name in names:
            stamp = ";".join(stamps.get(folder(store, name) / file, "-") for file in _FILES)
            if name in known and known[name][0] == stamp:
                found.append(json.loads(known[name][1]))
                continue
            found.append(_summary(store, name))
            base.execute("insert or replace into runs values (?, ?, ?)", (name, stamp, json.dumps(found[-1])))
        base.executemany("delete from runs where run = ?", [(run,) for run in known.keys() - set(names)])
    return found


def _summary(store: Store, name: str) -> dict[str, Any]:
    told = result(store, name) or {}
    record = run_record(store, name)
    if record is None:
        record = {"pipeline": told.get("pipeline", "?"), "status": "damaged", "started": _started(name)}
    models = told.get("models", {})
    return {
        "run": name,
        "pipeline": record["pipeline"],
        "status": record["status"],
        "started": record["started"],
        "seconds": told.get("seconds"),
        "models": {model: found.get("version") for model, found in models.items()},
        "gates": {gate: found.get("verdict") for gate, found in told.get("gates", {}).items()},
    }


def _started(name: str) -> str:
    """When a run of our own naming began, from its name (20261123T073131Z-4f2a); empty for another's name."""
    with contextlib.suppress(ValueError):
        return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%SZ").strftime("%Y-%m-%dT%H:%M:%SZ")
    return ""
