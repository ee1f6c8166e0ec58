"""What a task does by itself, without an Airflow: places, environments, the ends of pods, the form of an approval."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

CARRIED = Path(__file__).parents[2] / "backends" / "mlopsc_airflow" / "carried"


class FailForGoodError(Exception):
    pass


class RetriedError(Exception):
    pass


class OverError(BaseException):
    pass


def loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"test_{name}", CARRIED / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def pod_task(tmp_path: Path) -> Any:
    """pod_task.py, whose PodTask also is a Task, in a folder with a plan of one step that reads a file."""
    source = {"kind": "csv", "path": "people.csv", "connection": None}
    step = {"id": "ingest:people", "kind": "ingest", "settings": {"source": source}}
    (tmp_path / "dag").mkdir()
    (tmp_path / "dag" / "plan.json").write_text(json.dumps({"pipelines": [{"steps": [step]}], "params": []}))
    module = loaded("pod_task")
    module.task.sdk = lambda: SimpleNamespace(
        AirflowFailException=FailForGoodError, AirflowException=RetriedError, AirflowTaskTimeout=OverError
    )
    return module


def context() -> dict[str, Any]:
    return {"dag": SimpleNamespace(dag_id="d"), "run_id": "r", "task": SimpleNamespace(outlets=["asset"], body=None)}


def worker(module: Any, tmp_path: Path, **settings: Any) -> Any:
    return module.task.Task(tmp_path / "dag", {"store": None, "data": None, "python": None, **settings}, context())


def test_a_place_that_nobody_named_is_an_error_with_a_code(
    pod_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    monkeypatch.delenv("MLOPSC_DATA", raising=False)
    task = worker(pod_task, tmp_path)
    with pytest.raises(FailForGoodError, match=r"MLC9001 no-store.*set MLOPSC_STORE.* or store "):
        task._place("store", "MLOPSC_STORE")
    with pytest.raises(FailForGoodError, match=r"MLC9074 no-data-folder.*set MLOPSC_DATA.* or data_root "):
        task._place("data", "MLOPSC_DATA")
    task.plan["pipelines"][0]["steps"][0]["settings"]["source"]["path"] = None
    assert task._place("data", "MLOPSC_DATA") == str(tmp_path / "dag"), "no step reads a file"


def test_an_address_is_handed_on_untouched_and_a_relative_folder_starts_at_the_dag(
    pod_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLOPSC_STORE", raising=False)
    task = worker(pod_task, tmp_path, store="s3://bucket/a b//c")
    assert task._place("store", "MLOPSC_STORE") == "s3://bucket/a b//c"
    task.settings["store"] = "lake"
    assert task._place("store", "MLOPSC_STORE") == str(tmp_path / "lake")
    pod = pod_task.PodTask(tmp_path / "dag", {"store": "/mnt/store", "data": None}, context(), None)
    assert pod._place("store", "MLOPSC_STORE") == "/mnt/store"
    monkeypatch.setenv("MLOPSC_STORE", "gs://other")
    assert task._place("store", "MLOPSC_STORE") == pod._place("store", "MLOPSC_STORE") == "gs://other"


def ended(code: int, message: str) -> Any:
    terminated = SimpleNamespace(exit_code=code, message=message)
    status = SimpleNamespace(name="base", state=SimpleNamespace(terminated=terminated))
    return SimpleNamespace(status=SimpleNamespace(container_statuses=[status]))


def test_the_end_of_a_pod_is_a_verdict_a_wait_or_for_the_provider_to_judge(pod_task: Any, tmp_path: Path) -> None:
    pod = pod_task.PodTask(tmp_path / "dag", {"store": "/s", "data": "/d"}, context(), None)
    for code in (1, 2):
        with pytest.raises(FailForGoodError, match="rows >= 5"):
            pod.ended(ended(code, json.dumps({"answer": {}, "told": "rows >= 5"})))
    answer = {"message": "waits for lead", "shown": ["model risk, sha256:1", "passed: a `b` {{ c }}\n\n# d"]}
    with pytest.raises(pod_task.task.Waiting, match="waits for lead"):
        pod.ended(ended(3, json.dumps({"answer": answer, "told": ""})))
    for end in (ended(75, "x"), ended(0, ""), ended(137, ""), ended(1, "Traceback"), None, SimpleNamespace(status=None)):
        pod.ended(end)


def test_what_is_decided_on_is_shown_as_text(pod_task: Any, tmp_path: Path) -> None:
    task = worker(pod_task, tmp_path)
    task._ask({"shown": ["model risk, sha256:1", "passed: a `b` {{ c }}\n\n# d"]})
    head, _, lines = task.context["task"].body.partition("\n\n")
    assert "d.r" in head
    assert lines.splitlines() == ["    model risk, sha256:1", "    passed: a `b` {{ c }} # d"]


def test_the_asset_of_a_model_is_updated_by_a_new_champion_only(pod_task: Any, tmp_path: Path) -> None:
    for run, left in (("d.r:1", ["asset"]), ("d.r%3A1", ["asset"]), ("d.other", [])):
        task = worker(pod_task, tmp_path)
        task.run = "d.r:1"
        task._changed({"summary": {"version": 1, "promoted_by": run}})
        assert task.context["task"].outlets == left


def test_what_a_run_is_configured_with_reaches_the_runtime_even_under_an_unknown_name(
    pod_task: Any, tmp_path: Path
) -> None:
    """The runtime refuses the name; a form's own params, which are no part of the run's configuration, stay here."""
    task = worker(pod_task, tmp_path)
    task.plan["params"] = [{"name": "tier", "type": "category"}]
    task.context["params"] = {"tier": "paid", "teir": "free", "reason": ""}
    task.context["dag_run"] = SimpleNamespace(conf={"tier": "paid", "teir": "free"})
    assert task._params() == {"tier": "paid", "teir": "free"}
    task.context["dag_run"].conf = None
    assert task._params() == {"tier": "paid"}


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "requirements.txt").write_text("")
    module = loaded("task_environment")
    with pytest.raises(module.Failed, match=r"error\[MLC9073\] environment-not-made") as raised:
        module.python_with(tmp_path / "requirements.txt", str(tmp_path / "no-python"), lambda: None)
    assert raised.value.final, "no retry helps"
    assert not list(tmp_path.glob("mlopsc/environments/*/complete"))


def _folder(command: list[str]) -> str:
    if "venv" in command:
        Path(command[-1]).mkdir()
    return ""


def test_an_environment_is_made_once_for_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    listed = tmp_path / "requirements.txt"
    listed.write_text("")
    module = loaded("task_environment")
    made = []
    monkeypatch.setattr(module, "_failure", lambda command, _: made.append(command) or _folder(command))
    first = module.python_with(listed, sys.executable, lambda: None)
    assert module.python_with(listed, sys.executable, lambda: None) == first
    commands = len(made)
    listed.write_text("numpy\n")
    assert module.python_with(listed, sys.executable, lambda: None) != first
    assert len(made) == 2 * commands
