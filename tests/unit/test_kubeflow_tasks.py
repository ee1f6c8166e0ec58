"""Tasks of a Kubeflow pipeline, each in a process of its own: verdicts, retries, approvals, limits, KFP's cache."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp_launcher import Launcher
from sinks import web

SPEC = """\
edition 2026

pipeline small {{
  about   = "Small."
  {pipeline}
}}

param least : int = 20

data rows_of_it {{
  source = csv("rows.csv")
  key    = id
  columns {{
    id : int
    x  : float
    y  : bool("yes", "no")
  }}
  expect rows >= least
}}

features inputs_of_it from rows_of_it {{
  x |> standardize()
}}

model it from inputs_of_it {{
  target    = y
  split     = random(test = 30%)
  algorithm = logistic_regression()
}}

gate release on it {{
  require roc_auc >= {limit}
  {gate}
}}

step slow {{
  run = python("slow:work")
}}

target kubeflow {{ {target} }}

{more}
"""


def compiled(
    folder: Path,
    *,
    pipeline: str = "",
    limit: str = "0.5",
    gate: str = "",
    target: str = 'image = "x"',
    slow: int = 0,
    work: str = "",
    more: str = "",
) -> Path:
    """The spec in `folder`, compiled to `folder`/out."""
    text = SPEC.format(pipeline=pipeline, limit=limit, gate=gate, target=target, more=more)
    (folder / "small.mlops").write_text(text)
    (folder / "slow.py").write_text(
        f"import os, sys, time\n\ndef work():\n    time.sleep({slow})\n    {work}\n    return {{}}\n"
    )
    rows = [f"{i},{(i * 37) % 101 / 10},{'yes' if (i * 37) % 101 + i % 7 * 8 > 70 else 'no'}" for i in range(90)]
    (folder / "rows.csv").write_text("\n".join(["id,x,y", *rows]) + "\n")
    command(folder, "compile", "small.mlops", "--target", "kubeflow", "-o", "out")
    return folder / "out"


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", *words],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def launch(tmp_path: Path) -> Any:
    def make(env: dict[str, str] | None = None, **given: Any) -> Launcher:
        out = compiled(tmp_path, **given)
        return Launcher(out, tmp_path / "root", tmp_path / "store", tmp_path, env=env or {})

    return make


def steps(result: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["status"] for step in result["steps"]}


def journal(store: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted((store / "journal").glob("*.json"))]


def promoted(store: Path) -> list[str]:
    return [entry["kind"] for entry in journal(store) if entry["kind"] == "promotion"]


def test_a_pipeline_runs_and_promotes_and_its_pages_are_such_as_kfp_shows(launch: Any, tmp_path: Path) -> None:
    run = launch(target="")  # with the embedded runtime
    result = run.all()
    assert result["status"] == "succeeded", run.ended
    assert result["models"]["it"]["promoted"] is True
    assert promoted(run.store) == ["promotion"]
    told = json.loads((run.root / "evaluate-it" / "executor_output.json").read_bytes())["artifacts"]
    metrics = told["metrics"]["artifacts"][0]["metadata"]
    assert metrics["roc_auc"] == result["models"]["it"]["metrics"]["roc_auc"]
    shown = told["classification"]["artifacts"][0]["metadata"]
    assert [spec["displayName"] for spec in shown["confusionMatrix"]["annotationSpecs"]] == ["False", "True"]
    assert sum(sum(row["row"]) for row in shown["confusionMatrix"]["rows"]) == result["models"]["it"]["rows"]["test"]
    curve = shown["confidenceMetrics"]
    assert curve[-1]["recall"] == curve[-1]["falsePositiveRate"] == 1
    assert all(a["recall"] <= b["recall"] for a, b in itertools.pairwise(curve))
    assert "<td>roc_auc</td>" in (run.root / "evaluate-it" / "report").read_text()
    verified = command(tmp_path, "journal", "--verify", "--json", "--store", str(run.store))
    assert json.loads(verified)["verified"] is True


def test_a_failed_gate_fails_its_task_with_rule_and_value_and_promotes_nothing(launch: Any) -> None:
    run = launch(limit="0.9999")
    result = run.all()
    code, log = run.ended["gate-release"]
    assert code == 1
    value = result["gates"]["release"]["rules"][0]["value"]
    assert "small.mlops:" in log
    assert "error[MLC9050] gate-failed" in log
    assert "roc_auc >= 0.9999" in log
    assert f"{value:.6g}" in log
    assert "register-it" not in run.ended
    assert (result["status"], promoted(run.store)) == ("failed", [])
    assert steps(result)["register:it"] == "skipped"


def test_a_failed_expectation_does_too_and_a_param_given_by_kfp_is_what_it_is_held_to(launch: Any) -> None:
    run = launch()
    run.params["least"] = 1000.0  # KFP's numbers are floats
    result = run.all()
    code, log = run.ended["validate-rows-of-it"]
    assert code == 1
    assert "MLC8024" in log
    assert "rows >= least" in log
    assert result["params"] == {"least": 1000}
    assert (result["status"], promoted(run.store)) == ("failed", [])


def test_a_param_of_another_type_ends_a_task_with_the_code_of_a_local_run(launch: Any) -> None:
    run = launch()
    run.params["least"] = 3.5
    code, log = run.task("ingest-rows-of-it")
    assert code == 2
    assert "error[MLC9016] bad-param-value: 3.5 is no int, as param least wants" in log


def test_a_retry_after_a_verdict_tells_the_verdict_again_and_does_not_run(launch: Any) -> None:
    """As often as KFP retries; who then asks for the task again gets it run."""
    run = launch(pipeline="retries = 1", limit="0.9999")
    run.all()
    before = len(journal(run.store))
    code, log = run.task("gate-release")
    assert (code, "MLC9050" in log) == (1, True)
    assert "event" not in log, "nothing ran"
    code, log = run.task("gate-release")
    assert (code, '"event"' in log) == (1, True)
    assert len(journal(run.store)) == before, "one verdict, told once"


def test_a_retry_after_a_crash_runs_the_step(launch: Any, tmp_path: Path) -> None:
    run = launch(pipeline="retries = 1")
    run.task("ingest-rows-of-it")
    given = run.root / "ingest-rows-of-it" / "rows"
    whole = given.read_bytes()
    given.write_bytes(whole[:-9])
    assert run.task("clean-rows-of-it")[0] != 0
    given.write_bytes(whole)
    assert run.task("clean-rows-of-it")[0] == 0


def test_a_step_that_takes_longer_than_its_timeout_ends_and_says_so(launch: Any) -> None:
    run = launch(pipeline="timeout = 1s", slow=60)
    code, log = run.task("custom-slow")
    assert code == 1
    assert "MLC9033" in log
    assert [s["error"]["name"] for s in run.finish()["steps"] if s["error"]] == ["step-timeout"]


@pytest.mark.parametrize("does", ["os._exit(0)", "sys.exit(0)", "os._exit(1)", "sys.exit(3)"])
def test_a_step_that_ends_its_process_crashed_whatever_its_exit_code_says(launch: Any, does: str) -> None:
    run = launch(work=does)
    code, log = run.task("custom-slow")
    assert (code, "MLC9010" in log) == (75, True)
    assert run.finish()["status"] == "failed"


APPROVAL = 'approval = manual(by = ["ml-leads"])'


def test_an_approval_waits_for_the_recorded_decision(launch: Any, tmp_path: Path) -> None:
    run = launch(gate=APPROVAL)
    for name in list(run.tasks):
        if name != "register-it" and not name.startswith("approve"):
            assert run.task(name)[0] == 0, run.ended[name]
    waiting = threading.Thread(target=run.task, args=("approve-release",))
    waiting.start()
    place = run.store / "runs" / run.run / "steps" / "approve%3Arelease.json"
    for _ in range(600):
        if place.exists():
            break
        waiting.join(0.1)
    words = ["approve", run.run, "release", "--by", "ml-leads", "--reason", "good", "--store", str(run.store)]
    command(tmp_path, *words)
    waiting.join(60)
    assert run.ended["approve-release"][0] == 0, run.ended["approve-release"]
    assert run.task("register-it")[0] == 0
    result = run.finish()
    assert (result["status"], result["gates"]["release"]["verdict"]) == ("succeeded", "passed")


def test_an_approval_that_nobody_gives_in_time_ends_waiting_and_the_run_goes_on_after_it(
    launch: Any, tmp_path: Path
) -> None:
    run = launch(gate=APPROVAL, target='image = "x"; approval_wait = 200ms')
    result = run.all()
    assert run.ended["approve-release"][0] == 3
    assert "release waits for one of ml-leads" in run.ended["approve-release"][1]
    assert (result["status"], promoted(run.store)) == ("waiting", [])
    words = ["approve", run.run, "release", "--by", "ml-leads", "--reason", "good", "--store", str(run.store)]
    command(tmp_path, *words)
    assert run.task("approve-release")[0] == 0
    assert run.task("register-it")[0] == 0
    assert run.finish()["status"] == "succeeded"


def test_a_rejected_approval_ends_the_run_without_promotion(launch: Any, tmp_path: Path) -> None:
    run = launch(gate=APPROVAL, target='image = "x"; approval_wait = 100ms')
    run.all()
    words = ["approve", run.run, "release", "--by", "ml-leads", "--reject", "--reason", "no", "--store", str(run.store)]
    command(tmp_path, *words)
    code, log = run.task("approve-release")
    assert (code, "MLC9024" in log) == (1, True)
    assert (run.finish()["status"], promoted(run.store)) == ("rejected", [])


def test_what_kfp_took_from_its_cache_is_told_as_cached(launch: Any) -> None:
    """A second run in which KFP hands on what the first one's pure steps gave."""
    run = launch(target='image = "x"; caching = true')
    for name, task in run.tasks.items():
        pure = name.partition("-")[0] in ("clean", "validate", "split", "train", "evaluate")
        assert task["cachingOptions"] == ({"enableCache": True} if pure else {}), name
        assert ("run" in task["inputs"]["parameters"]) is not pure
    first = run.all()
    assert first["status"] == "succeeded", run.ended
    again = Launcher(run.folder, run.root, run.store, run.data, run="run-2")
    for name, task in again.tasks.items():
        if task["cachingOptions"]:
            again.ended[name] = (0, "")
        else:
            again.task(name)
    second = again.finish()
    assert second["models"] == first["models"]
    assert {k for k, v in steps(second).items() if v == "cached"} >= {"clean:rows_of_it", "train:it", "evaluate:it"}


def test_a_second_run_judges_against_the_champion_of_the_store(launch: Any) -> None:
    run = launch(gate="require roc_auc >= champion.roc_auc - 0.1")
    first = run.all()
    assert first["status"] == "succeeded"
    shutil.rmtree(run.root)
    again = Launcher(run.folder, run.root, run.store, run.data, run="run-2")
    second = again.all()
    assert second["status"] == "succeeded"
    assert second["models"]["it"]["version"] == first["models"]["it"]["version"], "the same model is no new version"


def test_a_later_run_that_comes_to_the_champions_model_renews_only_what_is_damaged(launch: Any) -> None:
    """What the champion was judged by lies in the shared store alone, and a task's own copies do not stand for it."""
    run = launch(gate="require accuracy >= floor", more="param floor : float = 0.1")
    assert run.all()["status"] == "succeeded", run.ended
    again = Launcher(run.folder, run.root, run.store, run.data, run="run-2")
    again.params["floor"] = 0.2
    assert again.all()["models"]["it"]["version"] == 1
    told = journal(run.store)
    assert [entry["run"] for entry in told if entry["kind"] == "verdict"] == ["run-1", "run-2"]
    assert "renewal" not in [entry["kind"] for entry in told]
    (entry,) = [entry for entry in told if entry["kind"] == "promotion"]
    for name, digest in entry["artifacts"].items():
        place = run.store / "objects" / digest[7:9] / digest[9:]
        if name.startswith("verdict"):
            place.unlink()
        if name == "model":
            place.chmod(0o600)
            place.write_bytes(b"damaged")
    last = Launcher(run.folder, run.root, run.store, run.data, run="run-3")
    last.params["floor"] = 0.3
    assert last.all()["models"]["it"]["version"] == 1
    assert b"damaged" not in (p.read_bytes() for p in (run.store / "objects").rglob("*") if p.is_file())


def test_a_task_that_died_stands_in_the_result_as_crashed(launch: Any) -> None:
    run = launch(work="os._exit(7)")
    result = run.all()
    assert run.ended["custom-slow"][0] == 75
    (error,) = [step["error"] for step in result["steps"] if step["error"]]
    assert (result["status"], error["code"], error["name"]) == ("failed", "MLC9010", "step-crashed")
    assert error["message"].startswith("custom:slow crashed: its process was ended at work")
    assert steps(result)["custom:slow"] == "failed"
    assert steps(result)["register:it"] == "done", "nothing held it up"


def test_a_task_that_never_began_is_no_success_whatever_kfp_says(launch: Any, tmp_path: Path) -> None:
    run = launch()
    for name in ("ingest-rows-of-it", "custom-slow"):
        assert run.task(name)[0] == 0
    run.ended |= {name: (0, "") for name in run.tasks if name not in run.ended}  # such as KFP might tell
    result = run.finish()
    told = steps(result)
    assert (result["status"], told["ingest:rows_of_it"], told["clean:rows_of_it"]) == ("failed", "done", "failed")
    assert {told[name] for name in told if name.partition(":")[0] in ("train", "evaluate", "gate", "register")} == {
        "skipped"
    }
    (error,) = [step["error"] for step in result["steps"] if step["error"]]
    assert error["message"].startswith("clean:rows_of_it crashed: its task never began")
    kept = json.loads((run.store / "runs" / run.run / "run.json").read_bytes())
    began = [json.loads(p.read_bytes())["began"] for p in (run.store / "runs" / run.run / "steps").glob("*.json")]
    assert kept["started"] == min(began) < kept["ended"]


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("", "no store is named"),
        ("gs://bucket/x", "a store cannot be at gs://"),
        ("kept/here", "'kept/here' is a relative path"),
    ],
)
def test_without_a_store_that_it_can_reach_a_task_says_so(launch: Any, store: str, told: str) -> None:
    run = launch(env={"MLOPSC_STORE": store})
    code, log = run.task("ingest-rows-of-it")
    assert (code, told in log) == (2, True)
    assert "Traceback" not in log


def test_a_file_that_is_not_in_the_pod_is_told_with_the_setting_that_names_its_folder(
    launch: Any, tmp_path: Path
) -> None:
    run = launch(env={"MLOPSC_DATA": ""})
    code, log = run.task("ingest-rows-of-it")
    assert code == 1
    assert "MLC8001" in log
    assert "data_root" in log
    assert "MLOPSC_DATA" in log
    assert "Traceback" not in log


NOTIFY = {"pipeline": "notify = [c]", "more": 'channel c = webhook(secret("HOOK"), token = secret("TOKEN"))'}
PLANTED = "planted-token-77aa"


def test_the_exit_handler_tells_of_a_failed_run_with_the_secrets_mounted_for_it_alone(launch: Any) -> None:
    with web() as sink:
        run = launch({"HOOK": sink.url(f"/{PLANTED}"), "TOKEN": PLANTED}, limit="0.9999", **NOTIFY)
        result = run.all()
        run.finish()  # started again, it tells nothing
    (post,) = sink.posts
    assert (result["status"], post.headers["Authorization"]) == ("failed", f"Bearer {PLANTED}")
    (failure,) = post.body["failures"]
    value = result["gates"]["release"]["rules"][0]["value"]
    assert (post.body["run"], failure["step"], failure["value"]) == (run.run, "gate:release", value)
    assert PLANTED not in "".join(log for _, log in run.ended.values())
    assert not [p for p in run.store.rglob("*") if p.is_file() and PLANTED.encode() in p.read_bytes()]
    text = (run.folder / "pipeline.yaml").read_text()
    platform = list(yaml.safe_load_all(text))[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    ((label, config),) = platform.items()
    (mounted,) = config["secretAsEnv"]
    assert [key["envVar"] for key in mounted["keyToEnv"]] == ["HOOK", "TOKEN"]
    assert mounted["optional"] is True, "without the secret, result.json is written all the same"
    using = [name for name, c in run.spec["components"].items() if c.get("executorLabel") == label]
    assert using == ["comp-finish"]


def test_a_task_that_waits_for_an_approval_tells_so_once(launch: Any) -> None:
    with web() as sink:
        target = 'image = "x"; approval_wait = 500ms'
        run = launch({"HOOK": sink.url(), "TOKEN": PLANTED}, gate=APPROVAL, target=target, **NOTIFY)
        assert run.all()["status"] == "waiting"
    (told,) = sink.bodies()
    assert (told["status"], [gate["gate"] for gate in told["waiting"]]) == ("waiting", ["release"])
    assert told["to_do"][0].startswith("decide with `mlopsc approve run-1 release --by NAME")
    components = run.spec["components"]
    assert components["comp-approve-release"]["executorLabel"] == components["comp-finish"]["executorLabel"]


def test_a_channel_that_is_down_is_a_line_in_the_last_tasks_log(launch: Any) -> None:
    run = launch(limit="0.9999", **NOTIFY)
    assert run.all()["status"] == "failed"
    code, log = run.ended["finish"]
    assert code == 0
    assert "warning[MLC9040] channel-failed: channel c was not told that run run-1 failed: HOOK is not set" in log
