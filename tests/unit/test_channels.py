"""Channels one by one, and what an orchestrator's single tasks tell: in this process, over toy steps."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import toys
from sinks import Mail, closed_port, mail, web

from mlopsc.runtime import channels, render
from mlopsc.runtime.announcement import Announcement, of_failure, of_waiting
from mlopsc.runtime.runner import run_plan
from mlopsc.runtime.single import finish, run_step

RUN = "scheduled__2026-01-31T00:00:00+00:00"
FAILURE = {
    "step": "gate:g", "code": "MLC9050", "name": "gate-failed", "message": "it does not hold", "file": "s.mlops", "line": 7,
    "rule": "auc >= 1", "value": 0.5, "threshold": 1, "help": None,
}  # fmt: skip


def failed(pipeline: str = "p") -> Announcement:
    return of_failure(pipeline, "r", "failed", [FAILURE])


def channel(kind: str, **args: Any) -> dict[str, Any]:
    return {"name": "c", "kind": kind, "args": args}


def one(kind: str, message: Announcement | None = None, **args: Any) -> str | None:
    (found,) = channels.deliver([channel(kind, **args)], message or failed())
    return found


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(channels, "_PAUSE", 0.0)


def test_a_server_that_never_answers_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next channel is told meanwhile."""
    monkeypatch.setattr(channels, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent, web() as sink:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()
        found = channels.deliver([channel("webhook", url=url), channel("webhook", url=sink.url())], failed())
        assert time.monotonic() - began < 5
    assert found[0] is not None
    assert found[0].startswith("it did not answer within")
    assert (found[1], len(sink.posts)) == (None, 1)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "its URL is none of http or https"),
        ("http://127.0.0.1:notaport/x", "its URL is not such as HTTP takes"),
        ("http://no-such-host.invalid/x", "its host is not known"),
        ("https://127.0.0.1:{port}/x", "no encrypted connection came about"),
    ],
)
def test_why_is_told_without_the_address(url: str, why: str) -> None:
    with web() as sink:
        assert one("webhook", url=url.replace("{port}", str(sink.port))) == why


def test_a_token_that_http_refuses_is_not_shown() -> None:
    with web() as sink:
        assert one("webhook", url=sink.url(), token="planted\r\nX: y") == "its URL or token is not such as HTTP takes"


def test_pagerduty_has_one_incident_a_pipeline_and_one_for_its_approvals() -> None:
    waits = of_waiting("p", "r", [{"gate": "g", "by": ["lead"], "expires": None}], "decide {run} {gate}")
    with web() as sink:
        for message in (failed(), failed("p" * 300), waits):
            assert one("pagerduty", message, routing_key="k", url=sink.url(), severity="critical") is None
    first, second, third = sink.bodies()
    assert (first["dedup_key"], third["dedup_key"]) == ("mlopsc:p", "mlopsc:p:approval")
    assert len(second["dedup_key"]) <= 255
    assert [body["payload"]["severity"] for body in (first, third)] == ["critical", "info"]
    assert third["payload"]["custom_details"]["to_do"] == ["decide r g"]


def test_a_mounted_secret_ends_in_a_newline_that_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with web() as sink:
        monkeypatch.setenv("HOOK", sink.url() + "\n")
        assert one("slack", url={"secret": "HOOK"}) is None
    assert len(sink.posts) == 1


def test_a_password_stays_at_home_where_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_LOOPBACK", ())
    with mail() as sink:
        why = one("email", to=["a@x.example"], host="127.0.0.1", port=sink.port, user="u", password="p")
    assert why == "the mail server offers no encryption, and the password is not sent without"
    assert not any(command.startswith("AUTH") for command in sink.commands)


@pytest.mark.parametrize("sender", ["me\nBcc: all@x.example", "\0"])
def test_no_header_can_be_planted_in_a_mail(sender: str) -> None:
    with mail() as sink:
        one("email", to=["a@x.example"], host="127.0.0.1", port=sink.port, sender=sender)
    assert not any("Bcc" in text for text in sink.mails)


def test_a_mail_server_that_is_not_there_is_told_in_words() -> None:
    assert one("email", to=["a@x.example"], host="127.0.0.1", port=closed_port()) == "the connection was refused"


def test_only_the_first_few_of_many_failures_are_told_as_text_and_none_at_any_length() -> None:
    many = [{**FAILURE, "step": f"gate:g{i}"} for i in range(8)]
    text = of_failure("p", "r", "failed", many).text
    assert ("gate:g4" in text, "gate:g5" in text, "and 3 more" in text) == (True, False, True)


def test_mail_goes_to_all_and_says_what_to_do() -> None:
    with mail() as sink:
        assert one("email", to="a@x.example", host="127.0.0.1", port=sink.port, user="ml@x.example") is None
    found: Mail = sink
    assert "From: ml@x.example" in found.mails[0]
    assert "To do: `mlopsc runs r` shows every step, gate and the log" in found.mails[0]
    assert "rule auc >= 1: value 0.5, threshold 1" in found.mails[0]


# --- the tasks of an orchestrator ------------------------------------------------------------------------------------


def told_plan(url: str, plan: dict[str, Any]) -> dict[str, Any]:
    plan["pipelines"][0]["notify"] = ["c"]
    return {**plan, "channels": [channel("webhook", url=url)]}


@pytest.fixture
def where(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "rows.json").write_text("[1, 2, 3]")
    return {"store": tmp_path / "store", "data_root": tmp_path, "modules_root": tmp_path, "table": toys.TOYS}


def test_a_sensor_that_looks_every_minute_tells_once_and_so_does_a_last_task_started_again(
    where: dict[str, Any],
) -> None:
    with web() as sink:
        plan = told_plan(sink.url(), toys.training(approval={}))
        for step in ("ingest:d", "train:m", "evaluate:m", "gate:release"):
            assert run_step(plan, step, run=RUN, **where)[0] == 0
        for _ in range(3):
            assert run_step(plan, "approve:release", run=RUN, decide="answer it there", **where)[0] == 3
        assert [finish(plan, run=RUN, **where)["status"] for _ in range(2)] == ["waiting"] * 2
    (told,) = sink.bodies()
    assert ([gate["gate"] for gate in told["waiting"]], told["to_do"]) == (["release"], ["answer it there"])


def test_a_task_that_was_ended_from_outside_is_told_by_the_last_one(where: dict[str, Any]) -> None:
    with web() as sink:
        plan = told_plan(sink.url(), toys.training())
        run_step(plan, "ingest:d", run=RUN, **where)
        assert finish(plan, run=RUN, **where)["status"] == "failed"
    (told,) = sink.bodies()
    assert "train:m crashed: it was ended from outside, or never began" in told["text"]


def test_a_channel_that_is_down_changes_no_exit_code_and_is_a_line_on_standard_error(
    where: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plan = told_plan(f"http://127.0.0.1:{closed_port()}/planted", toys.training(at_least=9))
    found = run_plan(plan, **where, progress=render.text_progress(sys.stderr))
    assert found["status"] == "failed"
    err = capsys.readouterr().err
    told = f"channel c was not told that run {found['run']} failed: the connection was refused"
    assert f"warning[MLC9040] channel-failed: {told}" in err
    assert "planted" not in err
    kept = (tmp_path / "store" / "runs" / found["run"] / "log.jsonl").read_text()
    assert told in kept
    assert "planted" not in kept


def test_a_secret_of_one_letter_spoils_no_code(where: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTER", "e")
    with web() as sink:
        plan = told_plan(sink.url(), toys.training(at_least=9))
        plan["channels"][0]["args"]["token"] = {"secret": "LETTER"}
        run_plan(plan, **where)
    (told,) = sink.bodies()
    assert (told["status"], told["failures"][0]["step"], told["failures"][0]["code"]) == (
        "failed", "gate:release", "MLC9050",
    )  # fmt: skip
