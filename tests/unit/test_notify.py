"""`notify`: what a local run tells its channels, when, and what becomes of a channel that cannot be told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pieces import people, spec, to_csv
from sinks import Mail, Web, closed_port, mail, web
from workbench import Bench, Done

TOKEN = "planted-token-5b1e"  # stands in the URL and in the bearer token, and must be found nowhere
APPROVAL = 'require accuracy >= 1%\n  approval = manual(by = ["lead", "ml team"], within = 2d)'
HOOK = 'channel oncall = webhook(secret("HOOK"), token = secret("TOKEN"))'


@pytest.fixture
def sink() -> Iterator[Web]:
    with web() as found:
        yield found


@pytest.fixture
def post() -> Iterator[Mail]:
    with mail() as found:
        yield found


def prepared(bench: Bench, *channels: str, **parts: str) -> None:
    names = ", ".join(line.split()[1] for line in channels)
    bench.write("d.csv", to_csv(people(60)))
    more = "\n".join([parts.pop("more", ""), *channels])
    bench.write("s.mlops", spec(pipeline=f"notify = [{names}]", more=more, **parts))


def run(bench: Bench, url: str, *words: str, **env: str) -> Done:
    return bench.run(*words, env={"HOOK": url, "TOKEN": TOKEN, "no_proxy": "127.0.0.1", **env})


def everything(bench: Bench, done: Done) -> bytes:
    files = [p.read_bytes() for p in bench.store.rglob("*") if p.is_file()]
    return b"\n".join([*files, done.out.encode(), done.err.encode()])


def log(bench: Bench, done: Done) -> list[dict[str, Any]]:
    lines = (bench.store / "runs" / done.json["run"] / "log.jsonl").read_text().splitlines()
    return [found for found in map(json.loads, lines) if found["step"].startswith("notify:")]


def test_a_failing_gate_is_told_with_rule_value_threshold_and_line(bench: Bench, sink: Web) -> None:
    prepared(bench, HOOK, gate="require accuracy >= 99.9%")
    done = run(bench, sink.url(f"/{TOKEN}"))
    assert (done.code, done.json["status"]) == (1, "failed")
    (sent,) = sink.posts
    assert sent.headers["Authorization"] == f"Bearer {TOKEN}"
    told = sent.body
    assert (told["version"], told["pipeline"], told["run"], told["status"]) == (1, "p", done.json["run"], "failed")
    (failure,) = told["failures"]
    rule = done.rules[0]
    assert (failure["step"], failure["code"], failure["file"]) == ("gate:g", "MLC9050", "s.mlops")
    assert (failure["rule"], failure["value"], failure["threshold"]) == ("accuracy >= 99.9%", rule["value"], 0.999)
    assert failure["line"] == rule["line"]
    assert f"s.mlops:{rule['line']}: gate:g: error[MLC9050]" in told["text"]
    assert told["to_do"] == [f"`mlopsc runs {done.json['run']}` shows every step, gate and the log"]
    assert told["waiting"] == []
    assert TOKEN.encode() not in everything(bench, done)
    assert [(line["step"], line["event"]) for line in log(bench, done)] == [("notify:oncall", "told")]


def test_a_failing_expectation_is_told_with_its_rule_and_value(bench: Bench, sink: Web) -> None:
    prepared(bench, HOOK, data="key = id\n  expect rows >= 100")
    done = run(bench, sink.url())
    (told,) = sink.bodies()
    (failure,) = told["failures"]
    assert (failure["step"], failure["code"]) == ("validate:d", "MLC8024")
    assert (failure["rule"], failure["value"], failure["threshold"]) == ("rows >= 100", 60, None)
    assert done.code == 1


def test_nothing_is_told_of_a_run_that_succeeds(bench: Bench, sink: Web) -> None:
    prepared(bench, HOOK)
    done = run(bench, sink.url())
    assert (done.code, sink.posts, log(bench, done)) == (0, [], [])


def test_a_wait_is_told_once_and_a_rejection_too(bench: Bench, sink: Web) -> None:
    prepared(bench, HOOK, gate=APPROVAL)
    first = run(bench, sink.url())
    again = run(bench, sink.url())
    assert (first.code, again.code, again.json["run"]) == (3, 3, first.json["run"])
    (told,) = sink.bodies()
    (gate,) = told["waiting"]
    assert (told["status"], gate["gate"], gate["by"]) == ("waiting", "g", ["lead", "ml team"])
    assert gate["until"].endswith("Z")
    assert told["to_do"][0].startswith(f"decide with `mlopsc approve {first.json['run']} g --by NAME")
    bench.command("approve", first.json["run"], "g", "--by", "lead", "--reject", "--reason", "no good")
    last = run(bench, sink.url())
    assert last.json["status"] == "rejected"
    assert [body["status"] for body in sink.bodies()] == ["waiting", "rejected"]
    assert "no good" in sink.bodies()[1]["text"]
    assert run(bench, sink.url()).json["status"] == "rejected"  # another run, which is told of, too
    assert len(sink.posts) == 3


def test_a_channel_that_cannot_be_reached_is_a_warning_and_changes_nothing(bench: Bench, sink: Web) -> None:
    """The other channel is told all the same, and the warning names the channel and not its address."""
    gone = 'channel gone = slack(secret("GONE"))'
    prepared(bench, HOOK, gone, gate="require accuracy >= 99.9%")
    done = run(bench, sink.url(), GONE=f"http://127.0.0.1:{closed_port()}/{TOKEN}")
    assert (done.code, done.json["status"], done.error["code"]) == (1, "failed", "MLC9050")
    assert len(sink.posts) == 1
    warning = next(line for line in log(bench, done) if line["event"] == "warning")
    assert (warning["step"], warning["code"], warning["name"]) == ("notify:gone", "MLC9040", "channel-failed")
    assert warning["message"].endswith("the connection was refused")
    assert "channel gone was not told" in done.err
    assert b"127.0.0.1" not in everything(bench, done)
    assert TOKEN.encode() not in everything(bench, done)


def test_an_unset_secret_and_a_refusal_are_told_in_words(bench: Bench, sink: Web) -> None:
    sink.answers = [404]
    prepared(bench, HOOK, 'channel bare = slack(secret("NOWHERE"))', gate="require accuracy >= 99.9%")
    done = run(bench, sink.url())
    messages = [line["message"] for line in log(bench, done)]
    assert [m.rpartition(": ")[2] for m in messages] == ["it answered 404", "NOWHERE is not set"]
    assert len(sink.posts) == 1  # a refusal is final


def test_a_server_in_trouble_is_asked_a_second_time(bench: Bench, sink: Web) -> None:
    sink.answers = [503]
    prepared(bench, HOOK, gate="require accuracy >= 99.9%")
    done = run(bench, sink.url())
    assert ([line["event"] for line in log(bench, done)], len(sink.posts)) == (["told"], 2)


def test_a_redirect_is_not_followed_with_the_token(bench: Bench, sink: Web) -> None:
    sink.answers = [302]
    prepared(bench, HOOK, gate="require accuracy >= 99.9%")
    done = run(bench, sink.url())
    assert [p.path for p in sink.posts] == ["/hook"]
    assert log(bench, done)[0]["message"].endswith("it answered 302")


def test_slack_mail_and_pagerduty_get_what_they_ask_for(bench: Bench, sink: Web, post: Mail) -> None:
    channels = [
        'channel talk = slack(secret("SLACK"), channel = "#ml")',
        f'channel people = email(["a@x.example", "b@x.example"], host = env("HOST"), port = {post.port}, '
        'sender = "ml@x.example", user = "ml", password = secret("PASSWORD"))',
        'channel pager = pagerduty(secret("KEY"), severity = critical, url = env("EVENTS"))',
    ]
    prepared(bench, *channels, data="key = id\n  expect share(age < 10 or pay < 0) >= 5%")
    env = {"SLACK": sink.url("/slack"), "HOST": "127.0.0.1", "PASSWORD": TOKEN, "KEY": TOKEN, "EVENTS": sink.url("/pd")}
    done = run(bench, "", **env)
    assert done.code == 1
    assert [line["event"] for line in log(bench, done)] == ["told"] * 3, log(bench, done)
    (slack,) = sink.bodies("/slack")
    assert slack["channel"] == "#ml"
    assert "expect share(age &lt; 10 or pay &lt; 0) &gt;= 5% does not hold" in slack["text"]
    (event,) = sink.bodies("/pd")
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == (TOKEN, "trigger", "mlopsc:p")
    assert (event["payload"]["severity"], event["payload"]["class"]) == ("critical", "MLC8024")
    assert event["payload"]["summary"] == f"p: run {done.json['run']} failed"
    (text,) = post.mails
    assert "Subject: p: run" in text
    assert "To: a@x.example, b@x.example" in text
    assert "does not hold" in text
    assert any(command.startswith("AUTH PLAIN") for command in post.commands)
    assert TOKEN.encode() not in everything(bench, done)


def test_a_mail_server_that_refuses_is_a_warning(bench: Bench, post: Mail) -> None:
    post.refuse = "550 nobody of that name"
    prepared(bench, f'channel people = email("a@x.example", port = {post.port})', gate="require accuracy >= 99.9%")
    done = run(bench, "")
    assert log(bench, done)[0]["message"].endswith("the mail server refused all recipients (550)")


def test_no_secret_of_a_failing_step_reaches_a_channel(bench: Bench, sink: Web) -> None:
    bench.write("mine.py", "import os\n\ndef work():\n    raise ValueError('no luck with ' + os.environ['TOKEN'])\n")
    prepared(bench, HOOK, more='step s {\n  run = python("mine:work")\n}')
    done = run(bench, sink.url())
    (told,) = sink.bodies()
    assert "no luck with ***" in told["failures"][0]["message"]
    assert TOKEN not in json.dumps(told)
    assert done.code == 1


def test_a_compiled_folder_tells_too(bench: Bench, sink: Web) -> None:
    prepared(bench, HOOK, gate="require accuracy >= 99.9%")
    assert bench.command("compile", "s.mlops", "--target", "local", "-o", "out").code == 0
    env = {k: v for k, v in os.environ.items() if not k.startswith("MLOPSC_")}
    done = subprocess.run(
        [sys.executable, "run.py", "--json"], cwd=bench.folder / "out", capture_output=True, text=True, timeout=300,
        env={**env, "HOOK": sink.url(), "TOKEN": TOKEN, "no_proxy": "127.0.0.1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert [body["run"] for body in sink.bodies()] == [json.loads(done.stdout)["run"]]
    readme = (Path(bench.folder) / "out" / "README.md").read_text()
    assert "`HOOK`" in readme
    assert "`TOKEN`" in readme
