"""Freeing: what a kept version or run needs stays, the rest goes, and nothing breaks."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import toys

from mlopsc.runtime import cli
from mlopsc.runtime.errors import UsageError
from mlopsc.runtime.runner import run_plan
from mlopsc.runtime.store import runs
from mlopsc.runtime.store.locks import pipeline_lock
from mlopsc.runtime.store.objects import Store


def trained(folder: Path, rows: str, keep: int | None = None) -> dict[str, Any]:
    (folder / "rows.json").write_text(rows)
    plan = toys.training()
    plan["pipelines"][0]["steps"][-1]["settings"]["keep"] = keep
    return run_plan(plan, store=folder / "store", data_root=folder, modules_root=folder, table=toys.TOYS)


def make_old(store: Path) -> None:
    """As if everything in the store had happened ninety days earlier."""
    age = timedelta(days=90)
    for path in (store / "runs").glob("*/run.json"):
        record = json.loads(path.read_text())
        for name in ("started", "ended"):
            moment = datetime.strptime(record[name], "%Y-%m-%dT%H:%M:%S.%fZ") - age
            record[name] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        path.write_text(json.dumps(record))
    then = time.time() - age.total_seconds()
    for path in [*(store / "steps").glob("*/*"), *(store / "objects").glob("*/*")]:
        os.utime(path, (then, then))


def test_old_runs_go_and_kept_versions_and_the_last_run_stay_whole(tmp_path: Path) -> None:
    first, second, third = (trained(tmp_path, rows, keep=1) for rows in ("[1]", "[2]", "[3]"))
    make_old(tmp_path / "store")
    code, freed = cli.gc(tmp_path / "store", "30d")
    assert (code, sorted(freed["runs"])) == (0, sorted([first["run"], second["run"]]))
    assert freed["bytes"] > 0
    store = Store.open(tmp_path / "store")
    assert store.journal().verify() == []
    stored = [v["stored"] for v in cli.list_models(tmp_path / "store")[1]["models"]["m"]["versions"]]
    assert stored == [False, False, True]
    again = trained(tmp_path, "[3]", keep=1)
    assert {s["status"] for s in again["steps"]} == {"cached"}
    assert again["models"] == third["models"]


def test_a_version_without_a_number_to_keep_is_never_freed(tmp_path: Path) -> None:
    for rows in ("[1]", "[2]"):
        trained(tmp_path, rows)
    make_old(tmp_path / "store")
    cli.gc(tmp_path / "store", "30d")
    store = Store.open(tmp_path / "store")
    for version in store.registry().versions("m"):
        for digest in version.artifacts.values():
            assert store.path(digest).exists()


def test_freed_data_that_comes_back_is_computed_again_to_the_same(tmp_path: Path) -> None:
    first = trained(tmp_path, "[1]", keep=1)
    trained(tmp_path, "[2]", keep=1)
    make_old(tmp_path / "store")
    cli.gc(tmp_path / "store", "30d")
    again = trained(tmp_path, "[1]", keep=1)
    assert again["models"]["m"]["digest"] == first["models"]["m"]["digest"]
    assert again["models"]["m"]["version"] == 3


def test_a_dry_run_changes_nothing_and_says_the_same(tmp_path: Path) -> None:
    for rows in ("[1]", "[2]"):
        trained(tmp_path, rows, keep=1)
    make_old(tmp_path / "store")
    before = sorted(p for p in (tmp_path / "store").rglob("*"))
    _, told = cli.gc(tmp_path / "store", "30d", dry_run=True)
    assert sorted(p for p in (tmp_path / "store").rglob("*") if "locks" not in p.parts) == [
        p for p in before if "locks" not in p.parts
    ]
    _, freed = cli.gc(tmp_path / "store", "30d")
    assert told | {"dry_run": False} == freed


def test_recent_runs_and_waiting_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[1]")
    plan = toys.training(approval={})
    given: dict[str, Any] = {
        "store": tmp_path / "store",
        "data_root": tmp_path,
        "modules_root": tmp_path,
        "table": toys.TOYS,
    }
    waiting = run_plan(plan, **given)
    run_plan(toys.plan([toys.step("toy:a")]), **given)
    make_old(tmp_path / "store")
    assert cli.gc(tmp_path / "store", "30d")[1]["runs"] == []
    assert runs.run_record(Store.open(tmp_path / "store"), waiting["run"]) is not None


def test_a_run_with_a_damaged_record_is_kept(tmp_path: Path) -> None:
    trained(tmp_path, "[1]")
    store = Store.open(tmp_path / "store")
    make_old(tmp_path / "store")
    for name in runs.run_ids(store):
        (runs.folder(store, name) / "run.json").write_text("{")
    assert cli.gc(tmp_path / "store", "30d")[1]["runs"] == []
    assert runs.run_ids(store)


def test_nothing_is_freed_while_a_run_is_at_work(tmp_path: Path) -> None:
    trained(tmp_path, "[1]")
    with pipeline_lock(Store.open(tmp_path / "store"), "toy", "r"), pytest.raises(UsageError, match="in use"):
        cli.gc(tmp_path / "store")


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    trained(tmp_path, "[1]")
    (tmp_path / "store" / "tmp" / "left").mkdir()
    (tmp_path / "store" / "tmp" / "left-file").write_text("x")
    cli.gc(tmp_path / "store")
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


@pytest.mark.parametrize("text", ["30", "d", "-3d", "30 days"])
def test_an_age_without_a_unit_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is no duration"):
        cli.seconds(text)
