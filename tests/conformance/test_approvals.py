"""Manual approvals through the command line, and through a compiled folder: who may decide, on what, until when."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pieces import people, spec, to_csv
from workbench import Bench, Done

APPROVAL = 'require accuracy >= 1%\n  approval = manual(by = ["lead", "ml team"]{within})'


def prepared(bench: Bench, within: str = "", rows: int = 60) -> None:
    bench.write("d.csv", to_csv(people(rows)))
    bench.write("s.mlops", spec(gate=APPROVAL.format(within=within)))


def decide(bench: Bench, run: str, by: str = "lead", *words: str) -> Done:
    return bench.command("approve", run, "g", "--by", by, "--reason", "looked at it", *words)


def entries(bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [e for e in bench.command("journal", "--json").json["entries"] if e["kind"] == kind]


def test_a_run_waits_and_goes_on_under_its_own_name_once_approved(bench: Bench) -> None:
    prepared(bench)
    first = bench.run()
    assert (first.code, first.json["status"], first.json["gates"]["g"]["verdict"]) == (3, "waiting", "waiting")
    assert (first.model["version"], first.model["promoted"]) == (None, False)
    assert {s["kind"]: s["status"] for s in first.json["steps"]}["approve"] == "waiting"
    assert {s["kind"]: s["status"] for s in first.json["steps"]}["register"] == "skipped"
    assert first.step("approve:g")["message"] == "gate g waits for one of lead, ml team"
    again = bench.run()
    assert (again.code, again.json["run"]) == (3, first.json["run"])
    assert len(entries(bench, "request")) == 1
    shown = bench.command("runs", first.json["run"], "--json").json
    assert [(w["gate"], w["by"]) for w in shown["waiting"]] == [("g", ["lead", "ml team"])]
    assert decide(bench, first.json["run"], "ml team").code == 0
    done = bench.run()
    assert (done.code, done.json["run"], done.json["status"]) == (0, first.json["run"], "succeeded")
    assert (done.json["gates"]["g"]["verdict"], done.model["version"], done.model["promoted"]) == ("passed", 1, True)
    assert done.model["digest"] == first.model["digest"]
    (decision,) = entries(bench, "decision")
    assert (decision["by"], decision["decision"], decision["reason"]) == ("ml team", "approved", "looked at it")
    assert decision["digest"] == done.model["digest"]
    later = bench.run()
    assert (later.code, later.model["version"]) == (0, 1)
    assert bench.command("journal", "--verify").code == 0


def test_who_may_not_decide_cannot_and_nothing_is_recorded(bench: Bench) -> None:
    prepared(bench)
    run = bench.run().json["run"]
    for words, code in [
        ((run, "g", "--by", "Lead"), "MLC9027"),
        ((run, "g", "--by", ""), "MLC9027"),
        ((run, "nope", "--by", "lead"), "MLC9026"),
        (("20200101T000000Z-0000", "g", "--by", "lead"), "MLC9020"),
    ]:
        done = bench.command("approve", *words, "--reason", "r")
        assert done.code == 2
        assert code in done.err
    assert bench.command("approve", run, "g", "--by", "lead").code == 2  # no reason
    assert entries(bench, "decision") == []
    assert bench.run().code == 3


def test_a_rejection_ends_the_run_and_stands(bench: Bench) -> None:
    prepared(bench)
    run = bench.run().json["run"]
    assert decide(bench, run, "lead", "--reject").code == 0
    assert decide(bench, run, "lead").code == 2  # decided already
    done = bench.run()
    assert (done.code, done.json["run"], done.json["status"]) == (1, run, "rejected")
    assert (done.json["gates"]["g"]["verdict"], done.error["code"]) == ("failed", "MLC9024")
    assert "looked at it" in done.error["message"]
    assert done.model["version"] is None
    assert bench.run().json["status"] == "rejected"
    assert bench.command("models", "--json").json["models"] == {}


def test_an_approval_is_of_one_model_and_of_no_other(bench: Bench) -> None:
    """Data that changes between request and decision makes another model, which asks again."""
    prepared(bench)
    first = bench.run()
    bench.write("d.csv", to_csv(people(80)))
    assert decide(bench, first.json["run"]).code == 0
    second = bench.run()
    assert (second.code, second.json["gates"]["g"]["verdict"]) == (3, "waiting")
    assert second.model["digest"] != first.model["digest"]
    assert second.model["version"] is None
    told = second.step("approve:g")["message"]
    assert "lead approved it" in told
    assert f"the data or the spec has changed since: the model is now {second.model['digest'][:19]}" in told
    assert "does not count" in bench.command("run", "s.mlops").out
    asked = entries(bench, "request")
    assert [request["digest"] for request in asked] == [first.model["digest"], second.model["digest"]]
    bench.write("d.csv", to_csv(people(60)))
    third = bench.run()
    assert (third.code, third.model["version"], third.model["digest"]) == (0, 1, first.model["digest"])


def test_a_request_that_nobody_answers_in_time_fails_and_is_made_again(bench: Bench) -> None:
    prepared(bench, within=", within = 1s")
    first = bench.run()
    time.sleep(1.1)
    late = decide(bench, first.json["run"])
    assert (late.code, "MLC9025" in late.err) == (2, True)
    expired = bench.run()
    assert (expired.code, expired.json["status"], expired.error["code"]) == (1, "failed", "MLC9025")
    anew = bench.run()
    assert (anew.code, anew.json["status"]) == (3, "waiting")
    assert anew.json["run"] != first.json["run"]


@pytest.fixture
def folder(bench: Bench) -> Path:
    """The spec compiled for local, with its data beside."""
    prepared(bench)
    assert bench.command("compile", "s.mlops", "--target", "local", "-o", "out").code == 0
    return bench.folder / "out"


def test_a_compiled_folder_approves_too(folder: Path, bench: Bench) -> None:
    store = str(bench.folder / "other")

    def run(*words: str) -> tuple[int, Any]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")}
        done = subprocess.run(
            [sys.executable, "run.py", *words, "--store", store, "--json"],
            cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    code, first = run()
    assert (code, first["status"]) == (3, "waiting")
    code, told = run("approve", first["run"], "g", "--by", "stranger", "--reason", "r")
    assert (code, "MLC9027" in told) == (2, True)
    code, answer = run("approve", first["run"], "g", "--by", "lead", "--reason", "r")
    assert (code, answer["entry"]["decision"]) == (0, "approved")
    code, done = run()
    assert (code, done["run"], done["models"]["m"]["version"]) == (0, first["run"], 1)
    code, journal = run("journal", "--verify")
    assert (code, journal["verified"]) == (0, True)
