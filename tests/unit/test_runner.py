"""The local runner: caching, failures, retries, interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import toys

from mlopsc.runtime import cli, fork, render
from mlopsc.runtime.errors import UsageError
from mlopsc.runtime.plan import load
from mlopsc.runtime.steps import StepKind
from mlopsc.runtime.store import runs
from mlopsc.runtime.store.journal import now_text
from mlopsc.runtime.store.locks import pipeline_lock
from mlopsc.runtime.store.objects import Store

Run = toys.Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return toys.runner(tmp_path)


def test_an_unchanged_run_takes_every_step_from_the_cache(run: Run) -> None:
    first, second = run(toys.training()), run(toys.training())
    assert set(toys.statuses(first).values()) == {"done"}
    assert set(toys.statuses(second).values()) == {"cached"}
    assert first["models"] == second["models"]
    assert first["models"]["m"]["version"] == 1
    assert first["models"]["m"]["promoted"] is True
    assert first["gates"] == second["gates"]
    assert first["run"] != second["run"]


def test_an_unchanged_run_imports_no_library_and_starts_no_process(run: Run, tmp_path: Path) -> None:
    run(toys.training())
    code = f"""
        import sys
        sys.path[:0] = [{str(Path(toys.__file__).parent)!r}, {str(Path(__file__).parents[2])!r}]
        from mlopsc.runtime.runner import run_plan
        from mlopsc.runtime.steps import StepKind
        import toys
        found = run_plan(toys.training(), store={str(tmp_path / "store")!r}, data_root={str(tmp_path)!r},
                         modules_root={str(tmp_path)!r}, table=toys.TOYS)
        heavy = ("numpy", "duckdb", "pandas", "sklearn", "pydantic", "lark", "jinja2", "ctypes", "importlib.metadata",
                 "sqlite3", "mlopsc.runtime.fork", "subprocess")
        print({{s["status"] for s in found["steps"]}}, [name for name in heavy if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'cached'} []"


def test_changed_data_runs_again_and_becomes_the_next_version(run: Run, tmp_path: Path) -> None:
    run(toys.training())
    (tmp_path / "rows.json").write_text("[7, 8]")
    second = run(toys.training())
    assert second["models"]["m"]["version"] == 2
    versions = cli.list_models(tmp_path / "store")[1]["models"]["m"]
    assert versions["champion"] == 2
    assert [v["previous"] for v in versions["versions"]] == [None, 1]


def test_a_model_equal_to_the_champion_makes_no_new_version(run: Run) -> None:
    run(toys.training())
    again = run(toys.training(), force=True)
    assert set(toys.statuses(again).values()) == {"done"}
    assert again["models"]["m"]["version"] == 1


def test_moved_lines_run_nothing_again_and_the_result_names_the_new_ones(run: Run) -> None:
    run(toys.training())
    plan = toys.training()
    for step in plan["pipelines"][0]["steps"]:
        step["where"]["line"] += 5
        for rule in step["settings"].get("rules", ()):
            rule["where"]["line"] += 5
    moved = run(plan)
    assert set(toys.statuses(moved).values()) == {"cached"}
    assert moved["gates"]["release"]["rules"][0]["line"] == 14


def test_a_param_changes_only_what_reads_it(run: Run) -> None:
    run(toys.training())
    changed = run(toys.training(), params={"seed": "8"})
    assert toys.statuses(changed)["ingest:d"] == "cached"
    assert toys.statuses(changed)["train:m"] == "done"
    assert changed["params"] == {"seed": 8}


@pytest.mark.parametrize(
    ("params", "name"),
    [({"sed": "1"}, "unknown-param"), ({"seed": "30%"}, "bad-param-value"), ({"seed": "101"}, "bad-param-value")],
)
def test_a_wrong_param_is_refused_before_anything_runs(run: Run, params: dict[str, str], name: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(toys.training(), params=params)
    assert caught.value.name == name


@pytest.mark.parametrize("text", ["seed", "=8", " = 8"])
def test_a_set_that_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE") as caught:
        cli.assignments(["seed=1", text])
    assert caught.value.name == "bad-assignment"


def test_a_plan_that_this_runtime_cannot_read_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="format 2; this runtime reads format 1") as newer:
        run(toys.training() | {"format": 2})
    (tmp_path / "plan.json").write_text('{"format": 1,')
    with pytest.raises(UsageError, match="cannot be read as a plan") as torn:
        load(tmp_path / "plan.json")
    assert (newer.value.name, torn.value.name) == ("bad-plan", "bad-plan")


def test_a_pipeline_that_the_plan_lacks_is_refused_with_the_nearest_name(run: Run) -> None:
    with pytest.raises(UsageError, match="no pipeline toi; did you mean toy") as caught:
        run(toys.training(), pipeline="toi")
    assert caught.value.name == "unknown-pipeline"


def test_a_failed_gate_fails_the_run_promotes_nothing_and_stays_failed(run: Run, tmp_path: Path) -> None:
    for expected in ("done", "cached"):
        result = run(toys.training(at_least=9))
        assert result["status"] == "failed"
        assert toys.statuses(result)["train:m"] == expected
        assert toys.statuses(result)["gate:release"] == "failed"
        assert toys.statuses(result)["register:m"] == "skipped"
        assert toys.error(result, "gate:release")["line"] == 9
        assert result["gates"]["release"]["verdict"] == "failed"
        assert result["models"]["m"]["version"] is None
    entries = cli.journal(tmp_path / "store")[1]["entries"]
    assert [(e["kind"], e["verdict"]) for e in entries] == [("verdict", "failed")]


def test_damaged_content_is_computed_again_and_named(run: Run, tmp_path: Path) -> None:
    first = run(toys.training())
    store = Store.open(tmp_path / "store")
    place = store.path(first["models"]["m"]["digest"])
    place.chmod(0o600)
    place.write_bytes(b"x" * place.stat().st_size)
    events: list[dict[str, Any]] = []
    second = run(toys.training(), progress=events.append)
    assert toys.statuses(second)["train:m"] == "done"
    assert [e["digest"] for e in events if e["event"] == "corrupt"] == [first["models"]["m"]["digest"]]
    assert second["models"] == first["models"]
    assert Store.open(tmp_path / "store").journal().verify() == []


def test_damaged_evidence_of_the_champion_is_named_and_made_anew_by_a_run_that_judges_it_again(
    run: Run, tmp_path: Path
) -> None:
    """A verdict with measured times cannot be computed to the same bytes: the run's own takes its place, journaled."""
    table = toys.TOYS | {"gate": StepKind("toys:timed_gate", champion=True)}
    first = run(toys.training(), table=table)
    store = Store.open(tmp_path / "store")
    (version,) = store.registry().versions("m")
    place = store.path(version.artifacts["verdict.release"])
    place.chmod(0o600)
    place.write_text("{}")
    code, found = cli.journal(tmp_path / "store", verify=True)
    assert code == 1
    assert "m version 1, verdict.release:" in found["problems"][0]
    assert "run its pipeline again" in found["problems"][0]
    again = run(toys.training(), table=table)
    assert (toys.statuses(again)["gate:release"], again["models"]["m"]) == ("done", first["models"]["m"])
    code, found = cli.journal(tmp_path / "store", verify=True)
    assert (code, found["entries"][-1]["kind"]) == (0, "renewal")
    assert "judged anew" in render.journal_text(found)
    assert set(toys.statuses(run(toys.training(), table=table)).values()) == {"cached"}


def test_a_crash_is_retried_and_a_verdict_is_not(run: Run, tmp_path: Path) -> None:
    steps = [
        toys.step("toy:crash", {"do": "crash", "times": 2}, retries=2),
        toys.step("toy:lost", {"do": "lost", "times": 1}, retries=1),
        toys.step("toy:verdict", {"do": "verdict", "times": 1}, retries=2),
    ]
    result = run(toys.plan(steps))
    assert toys.statuses(result) == {"toy:crash": "done", "toy:lost": "done", "toy:verdict": "failed"}
    assert toys.error(result, "toy:verdict")["name"] == "toy-verdict"
    assert (tmp_path / "toy_verdict.count").read_text() == "1"


@pytest.mark.parametrize(("do", "told"), [("kill", "SIGKILL"), ("exit", "exit code 5"), ("crash", "toy crash")])
def test_a_step_that_dies_fails_by_its_cause_and_what_needs_it_is_skipped(run: Run, do: str, told: str) -> None:
    steps = [
        toys.step("toy:a", {"do": do}),
        toys.step("toy:b", inputs={"x": "toy:a/result"}),
        toys.step("toy:c", after=["toy:b"]),
        toys.step("toy:d"),
    ]
    result = run(toys.plan(steps))
    assert toys.statuses(result) == {"toy:a": "failed", "toy:b": "skipped", "toy:c": "skipped", "toy:d": "done"}
    assert told in toys.error(result, "toy:a")["message"]
    assert (toys.error(result, "toy:a")["file"], toys.error(result, "toy:a")["line"]) == ("toy.mlops", 1)


def test_a_step_that_hangs_is_ended_at_its_timeout(run: Run) -> None:
    result = run(toys.plan([toys.step("toy:a", {"do": "hang"}, timeout=0.2, retries=3)]))
    assert toys.error(result, "toy:a")["name"] == "step-timeout"


def test_a_run_ends_at_the_pipelines_timeout(run: Run) -> None:
    result = run(toys.plan([toys.step("toy:a", {"do": "hang"}), toys.step("toy:b", after=["toy:a"])], timeout=0.3))
    assert toys.statuses(result) == {"toy:a": "failed", "toy:b": "skipped"}
    assert result["error"]["name"] == "step-timeout"


def test_a_step_that_forgets_an_output_is_told(run: Run) -> None:
    assert toys.error(run(toys.plan([toys.step("toy:a", {"do": "forget"})])), "toy:a")["name"] == "missing-output"


def test_an_unknown_kind_of_step_fails_and_an_idle_one_is_skipped(run: Run) -> None:
    result = run(toys.plan([toys.step("future:a"), toys.step("deploy:d")]))
    assert toys.statuses(result) == {"future:a": "failed", "deploy:d": "skipped"}
    assert toys.error(result, "future:a")["name"] == "step-not-runnable"


def test_steps_are_chosen_by_step_and_from(run: Run) -> None:
    run(toys.training())
    only = run(toys.training(), step="train:m")
    assert [only["steps"][i]["status"] for i in (0, 1, 2, 5 - 1)] == ["cached", "cached", "skipped", "skipped"]
    rest = run(toys.training(), from_="evaluate:m")
    assert toys.statuses(rest)["train:m"] == "cached"
    assert toys.statuses(rest)["evaluate:m"] == toys.statuses(rest)["register:m"] == "done"
    with pytest.raises(UsageError, match="did you mean train:m"):
        run(toys.training(), step="train:n")


def test_every_child_starts_with_one_thread_per_library_and_the_parent_forks_with_one(
    tmp_path: Path,
) -> None:
    """In a process of its own: the test runner may have threads. Steps that use numpy, scikit-learn and DuckDB are
    imported by the parent before each fork."""
    code = f"""
        import sys
        sys.path[:0] = [{str(Path(toys.__file__).parent)!r}, {str(Path(__file__).parents[2])!r}]
        import os, toys
        from dataclasses import replace
        from mlopsc.runtime import fork, warm
        from mlopsc.runtime.runner import run_plan
        counts = []
        plain = fork.threads
        fork.threads = lambda: counts.append(plain()) or counts[-1]
        def imports(settings):
            warm.data({{"kind": "ingest"}})
            warm.model({{"kind": "train", "candidates": [{{"name": "gradient_boosting"}}], "tuning": {{}}}})
        table = toys.TOYS | {{"toy": replace(toys.TOYS["toy"], warm=imports)}}
        steps = [toys.step(f"toy:{{i}}", {{"do": "environment"}}) for i in range(3)]
        found = run_plan(toys.plan(steps), store={str(tmp_path / "own")!r}, data_root={str(tmp_path)!r},
                         modules_root={str(tmp_path)!r}, table=table)
        print(found["status"], counts, os.environ["OPENBLAS_NUM_THREADS"])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "succeeded [1, 1, 1] 1"


def test_where_forking_is_unsafe_steps_are_spawned(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "threads", lambda: 2)
    result = run(toys.plan([toys.step("toy:a", {"do": "environment"}), toys.step("toy:b", {"do": "kill"})]))
    assert toys.statuses(result) == {"toy:a": "done", "toy:b": "failed"}
    assert "SIGKILL" in toys.error(result, "toy:b")["message"]


def test_what_a_step_prints_is_in_the_log_without_secrets(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECRET", "hunter2-and-more")
    plan = toys.plan([toys.step("toy:a", {"do": "crash"})])
    plan["channels"] = [{"args": {"url": {"secret": "TOY_SECRET"}}}]
    result = run(plan)
    log = (runs.folder(Store.open(tmp_path / "store"), result["run"]) / "log.jsonl").read_text()
    assert "hello from toy:a ***" in log
    assert "RuntimeError: toy crash" in log
    assert "hunter2" not in log
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["output", "traceback", "failed"]


def test_a_killed_run_is_closed_and_the_next_goes_on_from_there(run: Run, tmp_path: Path) -> None:
    result = run(toys.training(), step="train:m")
    store = Store.open(tmp_path / "store")
    record = runs.run_record(store, result["run"])
    assert record is not None
    killed = runs.new_run_id()
    runs.write_run(store, record | {"run": killed, "status": "running", "started": now_text()})
    (store.root / "tmp" / f"{killed}.1.1").mkdir()
    second = run(toys.training())
    assert toys.statuses(second)["train:m"] == "cached"
    closed = runs.result(store, killed)
    assert closed is not None
    assert (closed["status"], closed["error"]["name"]) == ("failed", "interrupted")
    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_children_and_leaves_a_store_to_go_on_with(tmp_path: Path, number: int) -> None:
    code = f"""
        import sys
        sys.path[:0] = [{str(Path(toys.__file__).parent)!r}, {str(Path(__file__).parents[2])!r}]
        import json, os, threading, toys
        from mlopsc.runtime.runner import run_plan
        def progress(event):
            if event.get("id") == "toy:b" and event["status"] == "running":
                os.kill(os.getpid(), {int(number)})
        steps = [toys.step("toy:a"), toys.step("toy:b", {{"do": "hang"}}, inputs={{"x": "toy:a/result"}})]
        found = run_plan(toys.plan(steps), store={str(tmp_path / "store")!r}, data_root={str(tmp_path)!r},
                         modules_root={str(tmp_path)!r}, table=toys.TOYS, progress=progress)
        print(json.dumps([found, os.listdir({str(tmp_path / "store" / "tmp")!r})]))
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("no child left")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=60
    )
    first, second = done.stdout.splitlines()
    result, left = json.loads(first)
    assert toys.statuses(result) == {"toy:a": "done", "toy:b": "failed"}
    assert (result["status"], result["error"]["name"]) == ("failed", "interrupted")
    assert (left, second) == ([], "no child left")


def test_two_runs_of_a_pipeline_do_not_meet_in_a_store(run: Run, tmp_path: Path) -> None:
    run(toys.training())
    with (
        pipeline_lock(Store.open(tmp_path / "store"), "toy", "other-run"),
        pytest.raises(UsageError, match="other-run"),
    ):
        run(toys.training())


def test_a_promotion_loses_to_a_champion_that_came_in_between(run: Run, tmp_path: Path) -> None:
    """Another process promotes while this run is between its gate and its registration."""
    run(toys.training())
    (tmp_path / "rows.json").write_text("[5]")

    def meanwhile(event: dict[str, Any]) -> None:
        if event.get("id") == "gate:release" and event["status"] == "done":
            store = Store.open(tmp_path / "store")
            entry = store.journal().entries()[-1]
            promoted = next(e for e in store.journal().entries() if e["kind"] == "promotion")
            fields = {k: v for k, v in promoted.items() if k not in ("n", "time", "previous")}
            assert entry["kind"] == "verdict"
            store.journal().append(lambda _: fields | {"version": 2, "digest": "sha256:" + "0" * 64, "champion": 1})

    result = run(toys.training(), progress=meanwhile)
    assert toys.error(result, "register:m")["name"] == "champion-moved"
    champion = Store.open(tmp_path / "store").registry().champion("m")
    assert champion is not None
    assert champion.version == 2


def test_a_model_that_was_rolled_back_is_not_promoted_again(run: Run, tmp_path: Path) -> None:
    run(toys.training())
    (tmp_path / "rows.json").write_text("[5]")
    run(toys.training())
    store = Store.open(tmp_path / "store")
    store.journal().append(lambda _: {"kind": "rollback", "model": "m", "from": 2, "to": 1, "reason": "it misprices"})
    result = run(toys.training())
    assert toys.error(result, "register:m")["name"] == "withdrawn-version"
    assert "it misprices" in toys.error(result, "register:m")["message"]


def test_what_a_run_gave_stands_in_its_record_and_in_the_list_of_runs(run: Run, tmp_path: Path) -> None:
    result = run(toys.training())
    store = Store.open(tmp_path / "store")
    assert runs.result(store, result["run"]) == result
    code, shown = cli.list_runs(tmp_path / "store", result["run"][:15])
    assert (code, shown["result"]) == (0, result)
    for damage in (lambda p: None, lambda p: p.unlink(), lambda p: p.write_bytes(b"no database" * 500)):
        damage(store.root / "index.sqlite")
        listed = cli.list_runs(tmp_path / "store")[1]["runs"]
        assert [(r["run"], r["status"], r["models"]) for r in listed] == [(result["run"], "succeeded", {"m": 1})]


def test_a_run_whose_record_is_damaged_or_whose_process_died_is_listed_as_such(run: Run, tmp_path: Path) -> None:
    first, second = run(toys.training())["run"], run(toys.training())["run"]
    store = Store.open(tmp_path / "store")
    (runs.folder(store, first) / "run.json").write_text("{")
    record = runs.folder(store, second) / "run.json"
    record.write_text(record.read_text().replace('"succeeded"', '"running"'))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (store.root / "locks" / "run-toy").write_text(f"{second} {gone.pid}")
    listed = {r["run"]: (r["status"], bool(r["started"])) for r in cli.list_runs(tmp_path / "store")[1]["runs"]}
    assert listed == {first: ("damaged", True), second: ("interrupted", True)}


def test_the_text_of_a_run_names_gates_rules_models_and_errors(run: Run) -> None:
    text = render.run_text(run(toys.training(at_least=9)), colour=False)
    assert "gate release: failed" in text
    assert "✗ mean >= 9  2 against 9" in text
    assert "toy.mlops:9: error[MLC9050] gate-failed" in text
    assert "model m: no version, mean" in text


def test_a_read_only_disk_met_in_the_middle_is_one_error_and_a_failed_run(run: Run, tmp_path: Path) -> None:
    """The store's folder for records refuses to be written: the run ends, and says why."""
    from mlopsc.runtime.store import io

    def refuse(operation: str, path: str) -> None:
        if "/steps/" in path:
            raise OSError(30, "Read-only file system", path)

    io.probe = refuse
    try:
        result = run(toys.training())
    finally:
        io.probe = None
    assert (result["status"], result["error"]["name"]) == ("failed", "store-not-writable")
    assert run(toys.training())["status"] == "succeeded"


def test_a_childs_processor_share_is_respected(run: Run) -> None:
    """Two steps of two processors each never run together where there are two."""
    alone: list[int] = []
    running: set[str] = set()

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            (running.add if event["status"] == "running" else running.discard)(event["id"])
            alone.append(len(running))

    steps = [toys.step(f"toy:{i}", resources={"cpu": 2, "memory": None, "gpu": 0}) for i in range(3)]
    run(toys.plan(steps), jobs=2, progress=watch)
    assert max(alone) == 1
