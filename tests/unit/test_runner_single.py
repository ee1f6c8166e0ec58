"""Single steps, as an orchestrator's tasks run them: the same artifacts, records and result as a local run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import toys

from mlopsc.runtime import cli
from mlopsc.runtime.errors import UsageError
from mlopsc.runtime.runner import run_plan
from mlopsc.runtime.single import finish, run_step


@pytest.fixture
def where(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "rows.json").write_text("[1, 2, 3]")
    return {"store": tmp_path / "store", "data_root": tmp_path, "modules_root": tmp_path, "table": toys.TOYS}


RUN = "scheduled__2026-01-31T00:00:00+00:00"


def test_steps_one_by_one_give_what_a_local_run_gives(where: dict[str, Any], tmp_path: Path) -> None:
    plan = toys.training()
    for step in plan["pipelines"][0]["steps"]:
        code, outcome = run_step(plan, step["id"], run=RUN, **where)
        assert (code, outcome["status"]) == (0, "done")
    single = finish(plan, run=RUN, **where)
    local = run_plan(plan, **(where | {"store": tmp_path / "another"}))
    assert single["status"] == "succeeded"
    assert (single["models"], single["gates"]) == (local["models"], local["gates"])
    assert [s["status"] for s in single["steps"]] == [s["status"] for s in local["steps"]]
    again = run_plan(plan, **where)
    assert {s["status"] for s in again["steps"]} == {"cached"}
    names = {r["run"] for r in cli.list_runs(tmp_path / "store")[1]["runs"]}
    assert len(names) == 2


def test_a_task_that_is_tried_again_takes_its_own_result(where: dict[str, Any]) -> None:
    plan = toys.training()
    assert run_step(plan, "ingest:d", run=RUN, **where)[1]["status"] == "done"
    assert run_step(plan, "ingest:d", run=RUN, **where)[1]["status"] == "cached"


def test_exit_codes_tell_verdicts_from_crashes_and_waiting(where: dict[str, Any]) -> None:
    steps = [toys.step("toy:v", {"do": "verdict"}), toys.step("toy:c", {"do": "crash", "times": 1})]
    plan = toys.plan(steps)
    assert run_step(plan, "toy:v", run=RUN, **where)[0] == 1
    assert run_step(plan, "toy:c", run=RUN, **where)[0] == 75
    assert run_step(plan, "toy:c", run=RUN, **where)[0] == 0
    result = finish(plan, run=RUN, **where)
    assert (result["status"], [s["status"] for s in result["steps"]]) == ("failed", ["failed", "done"])


def test_a_failed_gate_ends_its_task_and_what_follows_cannot_start(where: dict[str, Any]) -> None:
    plan = toys.training(at_least=9)
    for step in ("ingest:d", "train:m", "evaluate:m"):
        run_step(plan, step, run=RUN, **where)
    code, outcome = run_step(plan, "gate:release", run=RUN, **where)
    assert (code, outcome["error"]["name"]) == (1, "gate-failed")
    with pytest.raises(UsageError, match="needs gate:release, which failed") as caught:
        run_step(plan, "register:m", run=RUN, **where)
    assert caught.value.name == "step-not-ready"
    result = finish(plan, run=RUN, **where)
    assert (result["gates"]["release"]["verdict"], result["models"]["m"]["version"]) == ("failed", None)


def test_an_approval_is_asked_again_until_it_is_given(where: dict[str, Any], tmp_path: Path) -> None:
    plan = toys.training(approval={})
    for step in ("ingest:d", "train:m", "evaluate:m", "gate:release"):
        run_step(plan, step, run="r1", **where)
    for _ in range(2):
        code, outcome = run_step(plan, "approve:release", run="r1", **where)
        assert (code, outcome["status"]) == (3, "waiting")
    assert finish(plan, run="r1", **where)["status"] == "waiting"
    cli.approve(tmp_path / "store", "r1", "release", by="lead", reason="fine")
    assert run_step(plan, "approve:release", run="r1", **where)[0] == 0
    assert run_step(plan, "register:m", run="r1", **where)[0] == 0
    assert finish(plan, run="r1", **where)["models"]["m"]["promoted"] is True


def test_a_run_is_of_one_plan_and_its_params(where: dict[str, Any]) -> None:
    run_step(toys.training(), "ingest:d", run=RUN, **where)
    with pytest.raises(UsageError, match="another plan") as caught:
        run_step(toys.training(), "train:m", run=RUN, params={"seed": "8"}, **where)
    assert caught.value.name == "another-run"


def test_a_step_and_the_last_task_refuse_a_param_as_a_local_run_does(where: dict[str, Any], tmp_path: Path) -> None:
    plan = toys.training()
    tier = {"name": "tier", "type": "category", "default": "free", "levels": ["free", "paid"], "where": toys.where(2)}
    plan["params"] = [tier]
    for params, code in (({"tier": "nonsense"}, "MLC9016"), ({"tier": None}, "MLC9016"), ({"teir": "paid"}, "MLC9015")):
        for act in (
            lambda: run_step(plan, "ingest:d", run=RUN, params=params, **where),  # noqa: B023 - called at once
            lambda: finish(plan, run=RUN, params=params, **where),  # noqa: B023
            lambda: run_plan(plan, params=params, **where),  # noqa: B023
        ):
            with pytest.raises(UsageError) as refused:
                act()
            assert refused.value.code == code
    assert not (tmp_path / "store" / "runs").exists() or not list((tmp_path / "store" / "runs").iterdir())
