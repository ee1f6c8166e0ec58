"""What a task makes of the end of a step's process: the step's own answer decides, whatever it printed or exited with."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from releases import compiled
from test_task import FailForGoodError, OverError, RetriedError, loaded

SPEC = f"""
edition 2026
pipeline odd {{ about = "Own steps."; LIMIT }}
target airflow {{ python = "{sys.executable}"; }}
param reason : int = 3
step first {{ run = python("mine:first") }}
step second {{ run = python("mine:second"); inputs = [first] }}
"""
MINE = """
import os, subprocess, sys, time

def first():
    exec(os.environ["ODD"])
    return 1

def second(first):
    return 2
"""


class Odd:
    """A compiled pipeline whose step `first` does what the environment says."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.patch = home, monkeypatch
        self.module = loaded("task")
        self.module._lookup = lambda name, connections: None
        self.module.sdk = lambda: SimpleNamespace(
            AirflowFailException=FailForGoodError,
            AirflowException=RetriedError,
            AirflowTaskTimeout=OverError,
            BaseSensorOperator=int,
        )
        monkeypatch.setenv("MLOPSC_STORE", str(home / "store"))

    def task(self, does: str = "", run: str = "r", params: dict[str, Any] | None = None) -> Any:
        self.patch.setenv("ODD", does)
        task = SimpleNamespace(outlets=["asset"], body=None, execution_timeout=timedelta(seconds=2))
        context = {"dag": SimpleNamespace(dag_id="odd"), "run_id": run, "task": task, "params": params or {"reason": 3}}
        settings = {"store": None, "data": str(self.home), "python": sys.executable}
        return self.module.Task(self.home / "dags" / "odd", settings, context)

    def result(self, run: str = "r") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "store" / "runs" / f"odd.{run}" / "result.json").read_text())
        return found


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Odd:
    return _odd(tmp_path, monkeypatch, "")


def _odd(home: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> Odd:
    (home / "mine.py").write_text(MINE)
    compiled(SPEC.replace("LIMIT", limit), home / "dags", home)
    return Odd(home, monkeypatch)


@pytest.mark.parametrize(
    ("does", "how"),
    [
        ("sys.exit(0)", r"SystemExit\(0\)"),
        ("sys.exit(3)", r"SystemExit\(3\)"),
        ("os._exit(0)", "exit code 0, with no answer"),
        ("os._exit(1)", "exit code 1, with no answer"),
        ("os.kill(os.getpid(), 9)", "signal SIGKILL"),
    ],
)
def test_a_step_that_ends_without_an_answer_crashed_and_the_run_says_so(odd: Odd, does: str, how: str) -> None:
    with pytest.raises(
        RetriedError, match=rf"spec.mlops:\d+: error\[MLC9010\] step-crashed: custom:first crashed: .*{how}"
    ):
        odd.task(does).step("custom:first")
    odd.task().step(None)
    first, second = odd.result()["steps"]
    assert (first["status"], first["error"]["code"], second["status"]) == ("failed", "MLC9010", "skipped")


def test_what_a_step_prints_is_no_answer(odd: Odd, capfd: pytest.CaptureFixture[str]) -> None:
    does = "print('{\"id\": 5, \"version\": 1, \"summary\": 3}'); print('end', end='', flush=True)"
    found = odd.task(does).step("custom:first")
    assert (found["id"], found["status"]) == ("custom:first", "done")
    assert found["outputs"]["result"].startswith("sha256:")
    assert '{"id": 5, "version": 1, "summary": 3}' in capfd.readouterr().out


def test_a_process_that_a_step_leaves_holds_nobody_up_and_is_ended(odd: Odd) -> None:
    does = "p = subprocess.Popen(['sh', '-c', 'sleep 30; touch slept']); open('pid', 'w').write(str(p.pid))"
    odd.patch.chdir(odd.home)
    assert odd.task(does).step("custom:first")["status"] == "done"
    assert not (odd.home / "slept").exists(), "the task ended first"
    pid = int((odd.home / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes():
            break
        time.sleep(0.05)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("it was left behind")


def test_a_step_over_its_limit_is_told_with_seconds_and_line_and_stands_in_the_result(odd: Odd) -> None:
    task = odd.task("time.sleep(60)")
    task._step("custom:first")["timeout"] = 2.0
    told = r"spec.mlops:\d+: error\[MLC9033\] step-timeout: custom:first took longer than its timeout of 2 s"
    with pytest.raises(FailForGoodError, match=told):
        task.step("custom:first")
    odd.task().step(None)
    assert odd.result()["steps"][0]["error"]["code"] == "MLC9033"


def test_the_runner_of_all_steps_keeps_the_limit_and_the_runs_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = _odd(tmp_path, monkeypatch, "timeout = 4s")
    with pytest.raises(FailForGoodError, match="MLC9033") as raised:
        odd.task("print('noise\\n' * 50); time.sleep(60)").step("*")
    assert "noise" not in str(raised.value)
    assert odd.result()["steps"][0]["error"]["code"] == "MLC9033"
    assert odd.task().step("*")["run"] == "odd.r"
    assert odd.result()["status"] == "succeeded"
    assert [path.name for path in (tmp_path / "store" / "runs").iterdir()] == ["odd.r"]
    odd.task().step(None)
    assert odd.result()["status"] == "succeeded", "the callback of a run whose time is over finds the same steps"


def test_a_result_that_could_not_be_written_fails_its_task(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    (odd.home / "file").write_text("")
    monkeypatch.setenv("MLOPSC_STORE", str(odd.home / "file" / "store"))
    with pytest.raises(FailForGoodError, match=r"^error\[MLC90"):
        odd.task().step(None)


def test_a_secret_of_several_lines_is_hidden_line_by_line(odd: Odd, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "-----BEGIN-----\nplantedaaaa\nplantedbbbb\n"
    task = odd.task("print(os.environ['KEY']); print(repr(os.environ['KEY'])); raise ValueError(os.environ['KEY'])")
    odd.patch.setenv("KEY", secret)
    task._secrets["KEY"] = secret
    with pytest.raises(FailForGoodError, match="MLC9031") as raised:
        task.step("custom:first")
    assert "planted" not in capfd.readouterr().out + str(raised.value)


def test_an_interpreter_that_is_not_there_is_told_once(odd: Odd, monkeypatch: pytest.MonkeyPatch) -> None:
    task = odd.task()
    task.settings["python"] = "/nonexistent/python"
    with pytest.raises(FailForGoodError, match=r"error\[MLC9075\] no-interpreter: .*/nonexistent/python"):
        task.step("custom:first")
    (odd.home / "python").symlink_to(sys.executable)
    monkeypatch.setenv("HOME", str(odd.home))
    task.settings["python"] = "~/python"
    assert task._python() == str(odd.home / "python")


def test_an_approval_takes_any_reason_from_a_field_that_no_param_has(odd: Odd) -> None:
    called: list[Any] = []
    task = odd.task()
    task._call = lambda *words, needed: called.append(words) or {}
    task.step = lambda name: {"id": name}
    event = {
        "responded_by_user": {"name": "-lead"},
        "chosen_options": ["Approve"],
        "params_input": {"reason_": "-1 is fine"},
    }
    task.answered("approve:release", ["-lead"], event)
    assert called == [("approve", "release", "--by=-lead", "--reason=-1 is fine")]
    assert task._params() == {"reason": 3}
