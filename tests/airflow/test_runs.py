"""One process a release runs every small DAG with dag.test(); what came of it is looked at by many tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import specs
from releases import ask, compiled, once
from sinks import web

from mlopsc.target import bundle

SECRETS = """
edition 2026
pipeline secretive { about = "Reads secrets." }
connection crm = postgres(host = env("CRM_HOST"), database = "crm", user = "ml", password = secret("CRM_PASSWORD"))
data clients { source = table(crm, "public.clients")
  columns { id : int } }
step last { run = python("mine:first"); after = [clients] }
"""


class Ran(NamedTuple):
    runs: dict[str, Any]
    answer: dict[str, Any]
    home: Path
    store: Path
    local: dict[str, Any]  # what `mlopsc run` gives for the same spec
    told: list[list[Any]]  # what channels were sent: path, authorization, body


@pytest.fixture(scope="session")
def ran(version: str, shared: Path) -> Ran:
    answer, local, told = once(shared, f"airflow{version}", lambda home: _run_all(version, home))
    home = shared / f"airflow{version}"
    return Ran(answer["runs"], answer, home, home / "store", local, told)


def _run_all(version: str, home: Path) -> tuple[dict[str, Any], dict[str, Any], list[list[Any]]]:
    folder, dags, store = home / "spec", home / "dags", home / "store"
    folder.mkdir()
    specs.people(folder / "people.csv")
    (folder / "mine.py").write_text(specs.MINE)
    texts = {
        "small": specs.training("small"),
        "whole": specs.training("whole", options="tasks = one"),
        # Once: making an environment takes longer than all steps in it.
        "blocks": specs.training("blocks", options="tasks = block" + ("; virtualenv = true" if version == "3" else "")),
        "expecting": specs.training("expecting", rows=1000),
        "judged": specs.training("judged", least="0.999", notify='webhook(secret("HOOK"), token = secret("BEARER"))'),
        "late": specs.training("late", notify='slack(secret("LATE_HOOK"))').replace(
            "retries", "timeout = 1h; retries", 1
        ),
        "own": specs.custom("own"),
        "own_too": specs.custom("own_too"),
        "crashing": specs.custom("crashing", "crashing"),
        "broken": specs.custom("broken", "broken"),
        "asking": specs.training("asking", approval='approval = manual(by = ["lead"])'),
    }
    _side_by_side(home, dags / "pair", folder, {name: texts.pop(name) for name in ("own", "own_too")})
    for name, text in texts.items():
        compiled(text, dags / name, folder)
    compiled(SECRETS, dags / "secretive", folder)
    local = _local(folder, home, texts["small"])
    ids = ["small", "small", "whole", "blocks", "expecting", "judged", "own", "own_too", "crashing", "broken", "secretive"]
    if version == "2":
        ids.append("asking")  # the decision stands before the sensor looks: nobody waits in this process
        _decided(folder, store, texts["asking"])
    request = {
        "dags": str(dags), "do": "test", "ids": list(dict.fromkeys(ids)),
        "conf": {"small": {"test_share": 0.3}},
        "variables": {"CRM_HOST": "127.0.0.1:1"}, "connections": {"CRM_PASSWORD": specs.OTHER, "BEARER": specs.OTHER},
        "overdue": ["late"],
    }  # fmt: skip
    places = {"MLOPSC_STORE": str(store), "MLOPSC_DATA": str(folder), "XDG_CACHE_HOME": str(home / "cache")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # uv is there
    with web() as sink:
        request["variables"] |= {"HOOK": sink.url(f"/{specs.TOKEN}")}
        answer = ask(version, home, request, PATH=path, LATE_HOOK=sink.url("/late"), **places)
    assert answer["errors"] == {}
    return answer, local, [[post.path, post.headers.get("Authorization"), post.body] for post in sink.posts]


def _side_by_side(home: Path, dags: Path, folder: Path, texts: dict[str, str]) -> None:
    """Two specs in one folder of Airflow's, compiled by two releases of mlopsc: their runtimes differ."""
    other = home / "another release"
    shutil.copytree(bundle.RUNTIME, other, ignore=shutil.ignore_patterns("__pycache__"))
    with open(other / "__init__.py", "a") as file:
        file.write('MARKER = "another release"\n')
    compiled(texts["own_too"], dags, folder, name="own_too")
    with mock.patch.object(bundle, "RUNTIME", other):
        compiled(texts["own_too"], dags, folder, name="own_too")
    compiled(texts["own"], dags, folder, name="own")


def _mlopsc(*words: str, codes: tuple[int, ...] = (0,)) -> Any:
    entry = "from mlopsc.cli.main import entry; entry()"
    done = subprocess.run(
        [sys.executable, "-c", entry, *words], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return json.loads(done.stdout)


def _local(folder: Path, home: Path, text: str) -> dict[str, Any]:
    spec = home / "local" / "spec.mlops"
    shutil.copytree(folder, spec.parent)
    spec.write_text(text)
    found: dict[str, Any] = _mlopsc(
        "run", str(spec), "--store", str(home / "local-store"), "--json", "--set", "test_share=30%"
    )
    return found


def _decided(folder: Path, store: Path, text: str) -> None:
    spec = folder / "decided.mlops"
    spec.write_text(text)
    run = _mlopsc("run", str(spec), "--store", str(store), "--json", codes=(3,))["run"]
    _mlopsc("approve", run, "release", "--by", "lead", "--reason", "fine", "--store", str(store), "--json")


def result(ran: Ran, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran.store / "runs" / _run_name(ran, name) / "result.json").read_text())
    return found


def _run_name(ran: Ran, name: str) -> str:
    return next(p.name for p in sorted((ran.store / "runs").iterdir()) if p.name.startswith(f"{name}."))


def test_a_whole_pipeline_gives_the_models_and_gates_of_a_local_run(ran: Ran) -> None:
    assert ran.runs["small"]["state"].endswith("success")
    found = result(ran, "small")
    assert (found["status"], found["params"]) == ("succeeded", {"test_share": 0.3})
    assert found["models"] == ran.local["models"]
    assert found["gates"] == ran.local["gates"]


def test_one_task_for_all_gives_the_same(ran: Ran) -> None:
    assert ran.runs["whole"]["tasks"] == {"run": "success"}
    found = result(ran, "whole")
    assert (found["pipeline"], found["status"]) == ("whole", "succeeded")
    assert found["run"].startswith("whole.")


def test_one_task_for_each_block_gives_the_same(ran: Ran) -> None:
    tasks = ran.runs["blocks"]["tasks"]
    assert set(tasks) == {"people", "risk", "release", "risk.register", "write_result"}
    assert set(tasks.values()) == {"success"}
    found = result(ran, "blocks")
    assert (found["status"], len(found["steps"])) == ("succeeded", 8)


def test_a_task_makes_the_environment_of_its_packages_and_keeps_it(ran: Ran, version: str) -> None:
    log = ran.answer["everything"] + ran.runs["blocks"]["log"]
    made = list(ran.home.glob("cache/mlopsc/environments/*/complete"))
    assert len(made) == (1 if version == "3" else 0)
    assert log.count("the packages are installed now") <= len(made) * 2, "once, however many tasks: in one log or two"
    for step in (ran.store / "runs" / _run_name(ran, "blocks") / "steps").glob("train*.json"):
        assert json.loads(step.read_text())["status"] in ("done", "cached")


def test_a_failing_expectation_fails_its_task_with_rule_value_and_line_and_nothing_runs_after_it(ran: Ran) -> None:
    tasks = ran.runs["expecting"]["tasks"]
    assert tasks["people.validate"] == "failed"
    assert tasks["risk.train"] == tasks["risk.register"] == "upstream_failed"
    assert ran.runs["expecting"]["state"].endswith("failed")
    assert ran.runs["expecting"]["tries"]["people.validate"] <= 1
    log = ran.answer["everything"] + ran.runs["expecting"]["log"]
    assert "rows >= 1000" in log
    assert "300" in log
    assert "spec.mlops:14" in log
    assert result(ran, "expecting")["status"] == "failed"


def test_a_failing_gate_fails_its_task_and_promotes_nothing(ran: Ran) -> None:
    tasks = ran.runs["judged"]["tasks"]
    assert (tasks["release.gate"], tasks["risk.register"], tasks["write_result"]) == (
        "failed",
        "upstream_failed",
        "success",
    )
    assert "roc_auc >= 0.999" in ran.answer["everything"] + ran.runs["judged"]["log"]
    found = result(ran, "judged")
    assert (found["gates"]["release"]["verdict"], found["models"]["risk"]["promoted"]) == ("failed", False)


def test_the_last_task_tells_of_a_failed_run_with_the_secrets_of_airflow(ran: Ran) -> None:
    ((_, authorization, told),) = [sent for sent in ran.told if sent[0] == f"/{specs.TOKEN}"]
    assert authorization == f"Bearer {specs.OTHER}"
    assert (told["pipeline"], told["run"], told["status"]) == ("judged", result(ran, "judged")["run"], "failed")
    (failure,) = told["failures"]
    rule = result(ran, "judged")["gates"]["release"]["rules"][0]
    assert (failure["step"], failure["rule"], failure["value"]) == ("gate:release", rule["rule"], rule["value"])
    assert (failure["file"], failure["line"]) == ("spec.mlops", rule["line"])


def test_a_run_that_airflow_ends_for_its_timeout_is_told_once_by_the_dags_callback(ran: Ran) -> None:
    (told,) = [sent[2]["text"] for sent in ran.told if sent[0] == "/late"]
    assert told.startswith("late: run late.late failed")
    assert "it was ended from outside, or never began" in told


def test_own_steps_run_in_the_workers_python(ran: Ran) -> None:
    assert set(ran.runs["own"]["tasks"].values()) == {"success"}


def test_two_releases_of_mlopsc_run_side_by_side_in_one_folder(ran: Ran) -> None:
    assert sorted(p.name for p in (ran.home / "dags" / "pair").glob("*.py")) == ["own.py", "own_too.py"]
    assert set(ran.runs["own_too"]["tasks"].values()) == {"success"}

    def marker(name: str) -> Any:
        step = json.loads((ran.store / "runs" / _run_name(ran, name) / "steps" / "custom%3Afirst.json").read_text())
        digest = step["outputs"]["result"].removeprefix("sha256:")
        return json.loads((ran.store / "objects" / digest[:2] / digest[2:]).read_text())["marker"]

    assert (marker("own"), marker("own_too")) == (None, "another release")


def test_a_crash_is_retried_and_finished_work_is_found_again(ran: Ran) -> None:
    assert set(ran.runs["crashing"]["tasks"].values()) == {"success"}
    assert ran.runs["crashing"]["tries"]["second"] >= 2
    assert result(ran, "crashing")["status"] == "succeeded"


def test_a_failing_function_is_a_verdict_and_not_retried(ran: Ran) -> None:
    tasks = ran.runs["broken"]["tasks"]
    assert (tasks["first"], tasks["second"], tasks["third"]) == ("success", "failed", "upstream_failed")
    assert ran.runs["broken"]["tries"]["second"] <= 1
    assert "no luck" in ran.answer["everything"] + ran.runs["broken"]["log"]


def test_a_sensor_finds_a_recorded_decision(ran: Ran, version: str) -> None:
    """On 2.11, where Airflow has no required actions."""
    if version == "2":
        assert ran.runs["asking"]["tasks"]["release.approve"] == "success"
        assert ran.runs["asking"]["state"].endswith("success")
    else:
        assert "asking" not in ran.runs


def test_xcoms_carry_references_and_secrets_are_nowhere(ran: Ran) -> None:
    assert ran.runs["secretive"]["tasks"]["clients.ingest"] == "failed"
    assert "sha256:" in ran.answer["stored"]
    for token in (specs.TOKEN, specs.OTHER):
        assert token not in json.dumps(ran.answer)
        for path in [*ran.store.rglob("*"), *(ran.home / "dags").rglob("*"), *(ran.home / "logs").rglob("*")]:
            assert path.is_dir() or token.encode() not in path.read_bytes(), path


def test_the_folder_holds_what_workers_need_and_no_more(ran: Ran) -> None:
    folder = ran.home / "dags" / "small" / "small"
    assert sorted(p.name for p in folder.iterdir() if p.name != "__pycache__") == [
        ".airflowignore", "README.md", "mlopsc_runtime", "plan.json", "requirements.txt", "step.py", "step_process.py",
        "task.py",
    ]  # fmt: skip
    assert shutil.which("ruff", path=str(Path(sys.executable).parent))
