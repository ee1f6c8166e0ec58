"""Runs that wait for a person: asking, deciding, expiring."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

from mlopsc.runtime import approve, cli
from mlopsc.runtime.errors import UsageError
from mlopsc.runtime.store.objects import Store

Run = toys.Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return toys.runner(tmp_path)


def test_a_waiting_run_goes_on_under_its_name_once_it_is_approved(run: Run, tmp_path: Path) -> None:
    plan = toys.training(approval={})
    first = run(plan)
    assert (first["status"], cli.EXIT[first["status"]]) == ("waiting", 3)
    assert toys.statuses(first)["approve:release"] == "waiting"
    assert first["gates"]["release"]["verdict"] == "waiting"
    assert first["models"]["m"]["promoted"] is False
    assert run(plan)["run"] == first["run"]
    cli.approve(tmp_path / "store", first["run"], "release", by="lead", reason="fine")
    last = run(plan)
    assert (last["run"], last["status"]) == (first["run"], "succeeded")
    assert last["gates"]["release"]["verdict"] == "passed"
    assert last["models"]["m"]["version"] == 1
    assert set(toys.statuses(run(plan)).values()) == {"cached"}
    assert Store.open(tmp_path / "store").journal().verify() == []


def test_a_rejection_ends_this_run_and_those_that_ask_about_the_same_model(run: Run, tmp_path: Path) -> None:
    plan = toys.training(approval={})
    first = run(plan)
    cli.approve(tmp_path / "store", first["run"], "release", by="lead", reject=True, reason="not yet")
    second, third = run(plan), run(plan)
    assert (second["run"], second["status"], third["status"]) == (first["run"], "rejected", "rejected")
    assert cli.EXIT["rejected"] == 1
    assert toys.error(third, "approve:release")["name"] == "approval-rejected"
    assert "not yet" in toys.error(third, "approve:release")["message"]
    assert third["gates"]["release"]["verdict"] == "failed"
    assert cli.list_models(tmp_path / "store")[1]["models"] == {}


def test_another_model_needs_another_approval(run: Run, tmp_path: Path) -> None:
    plan = toys.training(approval={})
    first = run(plan)
    cli.approve(tmp_path / "store", first["run"], "release", by="lead", reason="fine")
    (tmp_path / "rows.json").write_text("[9]")
    assert run(plan)["status"] == "waiting"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"by": "intern"}, "not-an-approver"),
        ({"gate": "other"}, "nothing-to-approve"),
        ({"run": "2020"}, "unknown-run"),
    ],
)
def test_a_decision_that_nobody_may_make_is_refused(run: Run, tmp_path: Path, given: dict[str, str], name: str) -> None:
    words = {"run": run(toys.training(approval={}))["run"], "gate": "release", "by": "lead"} | given
    with pytest.raises(UsageError) as caught:
        cli.approve(tmp_path / "store", words["run"], words["gate"], by=words["by"], reason="r")
    assert caught.value.name == name


def test_a_gate_is_decided_once(run: Run, tmp_path: Path) -> None:
    first = run(toys.training(approval={}))["run"]
    cli.approve(tmp_path / "store", first, "release", by="lead", reason="fine")
    with pytest.raises(UsageError, match="approved by lead already"):
        cli.approve(tmp_path / "store", first, "release", by="lead", reject=True, reason="on second thoughts")


def test_an_approval_expires_and_the_next_run_asks_again(run: Run, tmp_path: Path) -> None:
    plan = toys.training(approval={"within": 0.0})
    first = run(plan)
    assert first["status"] == "failed"
    assert toys.error(first, "approve:release")["name"] == "approval-expired"
    store = Store.open(tmp_path / "store")
    assert approve.waiting(store, first["run"]) == []
    with pytest.raises(UsageError, match="could be decided until"):
        approve.approve(store, first["run"], "release", "lead", False, "late")
