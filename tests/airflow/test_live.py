"""Compiled DAGs in a live Airflow 3.3, driven through REST: one server for all that is looked at here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pgserver
import psycopg
import pytest
import specs
from live import Airflow
from releases import compiled, once
from sinks import Web, web

FED = "when new_data(people) then run"
DOWNSTREAM = """
from datetime import datetime
from airflow.sdk import DAG, Asset, task
with DAG("downstream", start_date=datetime(2026, 1, 1), schedule=[Asset("mlopsc://slow/model/risk")], catchup=False):
    @task
    def deployed():
        return "yes"
    deployed()
"""
DATABASE = """
edition 2026
pipeline guarded { about = "Reads a table with a password." }
connection crm = postgres(host = env("CRM_HOST"), database = "postgres", user = "postgres", password = secret("CRM_PASSWORD"))
target airflow { python = "PYTHON" }
data clients {
  source = table(crm, "public.clients")
  key = id
  columns { id : int }
  expect rows >= 2
}
step told { run = python("mine:told"); inputs = [clients] }
"""
TOLD = """
import os

def told(clients):
    print("the password is", os.environ.get("CRM_PASSWORD"), flush=True)
    return 1
"""


def _pids(text: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if text in words:
                found.append(int(entry.name))
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill_worker(text: str, seconds: float = 60) -> None:
    """End the worker whose step's command holds `text`, as the system's out-of-memory killer would."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for pid in _pids(text):
            os.kill(_parent(pid), signal.SIGKILL)
            return
        time.sleep(0.02)
    raise AssertionError(f"no process of {text}")


def _gone(text: str, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not _pids(text):
            return True
        time.sleep(0.05)
    return False


def _result(store: Path, dag: str, run: str) -> dict[str, Any]:
    for path in store.glob("runs/*/result.json"):
        found: dict[str, Any] = json.loads(path.read_text())
        if found["run"].replace("%3A", ":").replace("%2B", "+") == f"{dag}.{run}":
            return found
    return {}


def _approval(airflow: Airflow, store: Path, sink: Web) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    airflow.call("POST", "/variables", {"key": "HOOK", "value": sink.url()})
    run = airflow.trigger("asking", {"test_share": 0.3})
    airflow.reached("asking", run, "release.approve", "awaiting_input")
    facts["waiting"] = airflow.states("asking", run)
    form = f"/dags/asking/dagRuns/{run}/taskInstances/release.approve/-1/hitlDetails"
    facts["form"] = airflow.call("GET", form)["body"]
    airflow.answer("asking", run, "release.approve", "Approve", "stranger", "let me in")
    airflow.until(lambda: _tries(airflow, run) >= 1, 60, "the stranger was refused")
    facts["after_stranger"] = airflow.states("asking", run)
    airflow.reached("asking", run, "release.approve", "awaiting_input")
    facts["form_again"] = airflow.call("GET", form)["body"]
    airflow.answer("asking", run, "release.approve", "Approve", "lead", "looks good")
    facts["state"], facts["states"] = airflow.ended("asking", run), airflow.states("asking", run)
    facts["result"] = _result(store, "asking", run)
    run = airflow.trigger("asking", {"test_share": 0.4})
    airflow.reached("asking", run, "release.approve", "awaiting_input")
    airflow.answer("asking", run, "release.approve", "Reject", "lead", "not now")
    facts["rejected"] = {"state": airflow.ended("asking", run), "states": airflow.states("asking", run)}
    facts["rejected"]["result"] = _result(store, "asking", run)
    facts["told"] = sink.bodies()
    return facts


def _tries(airflow: Airflow, run: str) -> int:
    """How often somebody was refused, as the task's log has it."""
    log = f"/dags/asking/dagRuns/{run}/taskInstances/release.approve/logs/1"
    found = airflow.call("GET", log, codes=(200, 404))
    return json.dumps(found).count("stranger may not decide")


def _killed(airflow: Airflow, store: Path) -> dict[str, Any]:
    run = airflow.trigger("slow")
    step = f"{store.parent}/dags/slow/slow/step.py step train:risk"
    _kill_worker(step)
    gone = _gone(step)
    facts = {"gone": gone, "state": airflow.ended("slow", run, 150), "states": airflow.states("slow", run)}
    tasks = airflow.call("GET", f"/dags/slow/dagRuns/{run}/taskInstances")["task_instances"]
    facts["tries"] = {t["task_id"]: t["try_number"] for t in tasks}
    facts["result"] = _result(store, "slow", run)
    return facts


def _assets(airflow: Airflow) -> dict[str, Any]:
    def runs(dag: str) -> Any:
        found = airflow.call("GET", f"/dags/{dag}/dagRuns")["dag_runs"]
        return [r for r in found if r["state"] in ("success", "failed")]

    def events() -> Any:
        found = airflow.call("GET", "/assets/events?source_dag_id=slow&limit=100")["asset_events"]
        return [e["uri"] for e in found if "/model/" in str(e.get("uri"))]

    facts: dict[str, Any] = {"downstream": airflow.until(lambda: runs("downstream"), 60, "downstream ran")[0]}
    airflow.ended("slow", airflow.trigger("slow"), 150)  # the other DAGs made their own champions in this store
    before = events()
    facts["same"] = airflow.ended("slow", airflow.trigger("slow"), 150)
    facts["events"] = [before, events()]
    airflow.call("PATCH", "/dags/fed", {"is_paused": False})
    assets = airflow.call("GET", "/assets?limit=100")["assets"]
    (source,) = [a["id"] for a in assets if a["uri"] == "mlopsc://fed/source/people"]
    airflow.call("POST", "/assets/events", {"asset_id": source, "extra": {}})
    facts["fed"] = airflow.until(lambda: runs("fed"), 90, "fed ran")[0]
    return facts


def _guarded(airflow: Airflow, home: Path, database: str) -> dict[str, Any]:
    airflow.call("POST", "/variables", {"key": "CRM_PASSWORD", "value": specs.TOKEN})
    run = airflow.trigger("guarded")
    facts: dict[str, Any] = {"state": airflow.ended("guarded", run), "states": airflow.states("guarded", run)}
    log = airflow.call("GET", f"/dags/guarded/dagRuns/{run}/taskInstances/told/logs/1")
    facts["log"] = json.dumps(log)
    facts["leaks"] = [
        str(path) for folder in ("dags", "store", "logs") for path in (home / folder).rglob("*")
        if path.is_file() and specs.TOKEN.encode() in path.read_bytes()
    ]  # fmt: skip
    with psycopg.connect(database) as connection:
        for table in ("xcom", "rendered_task_instance_fields", "serialized_dag", "dag_code", "task_instance", "log"):
            rows = str(connection.execute(f"select * from {table}").fetchall())  # type: ignore[call-overload]
            if specs.TOKEN in rows:
                facts["leaks"].append(table)
    return facts


def _live(home: Path) -> dict[str, Any]:
    folder, store = home / "spec", home / "store"
    folder.mkdir()
    specs.people(folder / "people.csv")
    (folder / "mine.py").write_text(specs.MINE + TOLD)
    slow = specs.training("slow").replace("trials = 2", "trials = 3")
    texts = {
        "asking": specs.training(
            "asking", approval='approval = manual(by = ["lead"])', notify='webhook(secret("HOOK"))'
        ),
        "slow": slow,
        "fed": slow.replace("pipeline slow", "pipeline fed").replace("retry_delay = 1s", f"retry_delay = 1s; {FED}"),
        "guarded": DATABASE.replace("PYTHON", sys.executable),
    }
    for name, text in texts.items():
        compiled(text, home / "dags" / name, folder)
    (home / "dags" / "downstream.py").write_text(DOWNSTREAM)
    sockets = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path has to be short
    server = pgserver.get_server(sockets, cleanup_mode="stop")
    try:
        server.psql("create database airflow; ")
        server.psql("create table public.clients (id int); insert into public.clients values (1), (2);")
        database = server.get_uri("airflow")
        env = {"MLOPSC_STORE": str(store), "MLOPSC_DATA": str(folder), "CRM_HOST": str(sockets)}
        users = {"lead": "lead-password", "stranger": "stranger-password"}
        url = database.replace("postgresql://", "postgresql+psycopg2://")
        with web() as sink, Airflow(home, url, users, **env) as airflow:
            airflow.until(lambda: airflow.call("GET", "/dags")["total_entries"] == 5, 90, "all DAGs are seen")
            airflow.call("PATCH", "/dags/downstream", {"is_paused": False})
            facts = {"killed": _killed(airflow, store), "approval": _approval(airflow, store, sink)}
            facts["assets"] = _assets(airflow)
            facts["guarded"] = _guarded(airflow, home, database)
            structure = "/ui/structure/structure_data?dag_id="
            facts["graphs"] = {dag: airflow.call("GET", structure + dag)["nodes"] for dag in texts}
            facts["errors"] = airflow.call("GET", "/importErrors")["total_entries"]
            return facts
    finally:
        server.cleanup()
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = once(shared, "live", _live)
    return found


def _local(shared: Path, name: str, share: str) -> dict[str, Any]:
    def make(home: Path) -> Any:
        spec = home / "spec.mlops"
        shutil.copy(shared / "live" / "spec" / "people.csv", home)
        spec.write_text(specs.training(name))
        entry = "from mlopsc.cli.main import entry; entry()"
        words = [
            sys.executable,
            "-c",
            entry,
            "run",
            str(spec),
            "--store",
            str(home / "store"),
            "--json",
            "--set",
            share,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    found: dict[str, Any] = once(shared, f"local-{name}", make)
    return found


def test_a_run_waits_for_its_approval_and_then_ends_well(facts: dict[str, Any]) -> None:
    found = facts["approval"]
    assert found["waiting"]["risk.register"] is None
    assert found["after_stranger"]["risk.register"] is None, "who is none of `by` decides nothing"
    assert found["state"] == "success"
    assert set(found["states"].values()) == {"success"}


def test_its_result_has_the_models_of_a_local_run(facts: dict[str, Any], shared: Path) -> None:
    found, local = facts["approval"]["result"], _local(shared, "same", "test_share=0.3")
    mine, theirs = found["models"]["risk"], local["models"]["risk"]
    assert (found["status"], mine["promoted"]) == ("succeeded", True)
    assert {k: v for k, v in mine.items() if k != "version"} == {k: v for k, v in theirs.items() if k != "version"}
    assert found["gates"]["release"]["verdict"] == "passed"


def test_a_rejection_ends_the_run_without_promotion(facts: dict[str, Any]) -> None:
    found = facts["approval"]["rejected"]
    assert (found["state"], found["states"]["release.approve"]) == ("failed", "failed")
    assert (found["states"]["risk.register"], found["states"]["write_result"]) == ("upstream_failed", "success")
    assert (found["result"]["status"], found["result"]["models"]["risk"]["promoted"]) == ("rejected", False)


def test_a_wait_is_told_when_it_begins_and_a_rejection_when_the_run_ends(facts: dict[str, Any]) -> None:
    """By tasks in a worker, with a URL that stands in an Airflow variable; one message each, of an approved run no other."""
    told = facts["approval"]["told"]
    assert [body["status"] for body in told] == ["waiting", "waiting", "rejected"]
    assert [gate["gate"] for gate in told[0]["waiting"]] == ["release"]
    assert told[0]["to_do"] == ["answer it among Airflow's required actions"]
    assert "not now" in told[2]["failures"][0]["message"]


def test_a_killed_worker_takes_its_step_along_and_the_retry_succeeds(facts: dict[str, Any]) -> None:
    found = facts["killed"]
    assert found["gone"]
    assert (found["state"], set(found["states"].values())) == ("success", {"success"})
    assert found["tries"]["risk.train"] == 2
    assert found["result"]["status"] == "succeeded"


def test_a_model_triggers_dags_downstream_and_new_data_a_run(facts: dict[str, Any]) -> None:
    assert (facts["assets"]["downstream"]["run_type"], facts["assets"]["downstream"]["state"]) == (
        "asset_triggered",
        "success",
    )
    assert (facts["assets"]["fed"]["run_type"], facts["assets"]["fed"]["state"]) == ("asset_triggered", "success")


def test_the_form_of_an_approval_shows_what_is_decided_on(facts: dict[str, Any]) -> None:
    digest = facts["approval"]["result"]["models"]["risk"]["digest"]
    for body in (facts["approval"]["form"], facts["approval"]["form_again"]):
        assert f"    model risk, {digest}\n" in body
        assert "    passed: roc_auc >= 0.55 (line " in body
        assert "value 0." in body


def test_a_run_that_finds_the_champion_again_updates_no_asset(facts: dict[str, Any]) -> None:
    before, after = facts["assets"]["events"]
    assert facts["assets"]["same"] == "success"
    assert before == after
    assert set(before) == {"mlopsc://slow/model/risk"}


def test_a_secret_of_an_airflow_variable_is_used_and_seen_nowhere(facts: dict[str, Any]) -> None:
    found = facts["guarded"]
    assert found["state"] == "success"
    assert found["leaks"] == []
    assert "the password is" in found["log"]
    assert facts["errors"] == 0


def test_the_graph_view_has_a_group_for_each_block(facts: dict[str, Any]) -> None:
    nodes = {node["id"]: [child["id"] for child in node.get("children") or ()] for node in facts["graphs"]["slow"]}
    assert {"people", "risk", "release", "risk.register", "write_result"} <= nodes.keys()
    assert {"risk.split", "risk.train", "risk.evaluate"} <= set(nodes["risk"])
    assert "told" in {node["id"] for node in facts["graphs"]["guarded"]}
