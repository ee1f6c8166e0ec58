"""Runs of toy steps with the store in a bucket: what the runner, single steps, gc and leases promise of a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import toys
from s3 import ObjectStore

from mlopsc.runtime import cli
from mlopsc.runtime.errors import LostConnection, StepError, UsageError
from mlopsc.runtime.gc import collect
from mlopsc.runtime.runner import run_plan
from mlopsc.runtime.single import finish, run_step
from mlopsc.runtime.store import io, leases
from mlopsc.runtime.store.address import cache_folder
from mlopsc.runtime.store.bucket import Bucket
from mlopsc.runtime.store.objects import Store, canonical
from mlopsc.runtime.store.remote import RemoteStore


@pytest.fixture
def where(s3: ObjectStore, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "rows.json").write_text("[1, 2, 3]")
    return {"store": s3.url(), "data_root": tmp_path, "modules_root": tmp_path, "table": toys.TOYS}


def opened(where: dict[str, Any]) -> RemoteStore:
    store = Store.open(where["store"])
    assert isinstance(store, RemoteStore)
    return store


def statuses(result: dict[str, Any]) -> set[str]:
    return {step["status"] for step in result["steps"]}


def test_a_run_gives_what_it_gives_with_a_folder_and_the_next_finds_all_of_it(
    where: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toys.training()
    found = run_plan(plan, **where)
    local = run_plan(plan, **{**where, "store": tmp_path / "folder"})
    assert found["status"] == "succeeded"
    assert (found["models"], found["gates"]) == (local["models"], local["gates"])
    assert statuses(run_plan(plan, **where)) == {"cached"}
    monkeypatch.setenv("MLOPSC_CACHE", str(tmp_path / "another machine"))
    assert statuses(run_plan(plan, **where)) == {"cached"}
    told = cli.list_runs(where["store"], found["run"])[1]
    assert told["result"] == found
    assert told["log"] == f"{where['store']}/runs/{found['run']}/log.jsonl"
    log = opened(where).bucket.get(f"runs/{found['run']}/log.jsonl").decode()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["step"] for line in lines} == {step["id"] for step in found["steps"]}
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert [r["status"] for r in cli.list_runs(where["store"])[1]["runs"]] == ["succeeded"] * 3
    assert cli.list_models(where["store"])[1]["models"]["m"]["champion"] == 1
    assert cli.journal(where["store"], verify=True)[0] == 0


_FORKS = """
import json, sys
sys.path[:0] = sys.argv[2:]
import toys
from mlopsc.runtime import fork
from mlopsc.runtime.runner import run_plan
made = []
class Children(fork.Children):
    def __init__(self, **given):
        super().__init__(**given)
        made.append(self)
fork.Children = Children
found = run_plan(toys.training(), store=sys.argv[1], data_root=".", modules_root=".", table=toys.TOYS)
print(json.dumps([found["status"], made[0].forks > 0, made[0].spawns]))
"""


def test_steps_are_forked_by_a_parent_with_one_thread(where: dict[str, Any], tmp_path: Path) -> None:
    """A client that ran its loop in a thread would make every step a new Python."""
    here = Path(__file__).resolve().parent.parent
    words = [sys.executable, "-c", _FORKS, where["store"], str(here / "unit"), str(here.parent)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["succeeded", True, 0]


def test_single_steps_leave_what_a_local_run_leaves(where: dict[str, Any], tmp_path: Path) -> None:
    plan = toys.training()
    for step in plan["pipelines"][0]["steps"]:
        assert run_step(plan, step["id"], run="manual__1", **where)[0] == 0
    single = finish(plan, run="manual__1", **where)
    local = run_plan(plan, **{**where, "store": tmp_path / "folder"})
    assert (single["status"], single["models"], single["gates"]) == ("succeeded", local["models"], local["gates"])
    store = opened(where)
    assert store.names(store.root / "locks" / "uses") == []
    assert len(store.bucket.get("runs/manual__1/log.jsonl").splitlines()) >= len(plan["pipelines"][0]["steps"])


def test_a_waiting_run_goes_on_once_it_is_approved(where: dict[str, Any]) -> None:
    plan = toys.training(approval={})
    waiting = run_plan(plan, **where)
    assert waiting["status"] == "waiting"
    assert cli.list_runs(where["store"], waiting["run"])[1]["waiting"][0]["gate"] == "release"
    cli.approve(where["store"], waiting["run"], "release", by="lead", reason="fine")
    with pytest.raises(UsageError, match="was approved by lead already"):
        cli.approve(where["store"], waiting["run"], "release", by="lead", reason="again")
    ended = run_plan(plan, **where)
    assert (ended["run"], ended["status"], ended["models"]["m"]["version"]) == (waiting["run"], "succeeded", 1)


# --- exclusive creation ------------------------------------------------------------------------------------------------


def test_of_many_writers_exactly_one_creates_a_record(where: dict[str, Any]) -> None:
    """Eight processes create the same records, twenty of them: each record is created once, and is one writer's."""
    bucket = opened(where).bucket
    read, write = os.pipe()
    pids = []
    for writer in range(8):
        pid = os.fork()
        if pid == 0:
            won = []
            for number in range(20):
                try:
                    bucket.create(f"race/{number}", str(writer).encode())
                    won.append(number)
                except FileExistsError:
                    pass
            os.write(write, (json.dumps([writer, won]) + "\n").encode())
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 8
    os.close(write)
    with os.fdopen(read) as pipe:
        winners = {number: writer for writer, won in map(json.loads, pipe) for number in won}
    assert sorted(winners) == list(range(20))
    assert {int(bucket.get(f"race/{n}")) == w for n, w in winners.items()} == {True}


def test_two_processes_append_to_one_journal_without_losing_an_entry(where: dict[str, Any]) -> None:
    store = opened(where)
    pids = []
    for writer in range(2):
        pid = os.fork()
        if pid == 0:
            for number in range(10):
                entry = {"kind": "test", "by": writer, "number": number}
                store.journal().append(lambda _, entry=entry: entry)  # type: ignore[misc]
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0]
    entries = store.journal().entries()
    assert sorted((e["by"], e["number"]) for e in entries) == [(w, n) for w in range(2) for n in range(10)]
    assert store.journal().verify() == []


def test_a_writer_that_lost_the_answer_knows_its_own_record(where: dict[str, Any]) -> None:
    store = opened(where)
    path = store.root / "journal" / "00000001.json"
    store.create(path, b"mine")
    store.create(path, b"mine")
    with pytest.raises(FileExistsError):
        store.create(path, b"another's")


def test_a_server_that_overwrites_whatever_it_is_asked_is_refused_before_anything_is_computed(
    where: dict[str, Any], s3: ObjectStore
) -> None:
    url = s3.url("deaf")
    with pytest.raises(StepError) as caught:
        run_plan(toys.training(), **{**where, "store": url})
    assert (caught.value.code, caught.value.name) == ("MLC9005", "store-not-exclusive")
    assert list(Bucket("deaf", url.partition("deaf/")[2]).find("")) == ["format.json"]


# --- who is at work ----------------------------------------------------------------------------------------------------


def foreign(store: RemoteStore, name: str, until: float) -> None:
    found = {"run": "theirs", "machine": "another", "pid": 1, "until": until}
    store.replace(store.root / "locks" / name, canonical(found))


def test_a_pipeline_that_runs_elsewhere_is_left_alone_until_its_lease_ends(where: dict[str, Any]) -> None:
    store = opened(where)
    foreign(store, "run-p/00000007.json", time.time() + 60)
    plan = toys.training()
    name = plan["pipelines"][0]["name"]
    foreign(store, f"run-{name}/00000007.json", time.time() + 60)
    with pytest.raises(UsageError, match="process 1 on another") as caught:
        run_plan(plan, **where)
    assert caught.value.name == "store-in-use"
    assert f"locks/run-{name}/00000007.json" in (caught.value.help or "")
    foreign(store, f"run-{name}/00000007.json", time.time() - leases.SLACK - 1)
    assert run_plan(plan, **where)["status"] == "succeeded"
    assert store.names(store.root / "locks" / f"run-{name}") == ["00000008.json"]


def test_a_run_that_was_taken_over_from_notices(where: dict[str, Any]) -> None:
    store = opened(where)
    with leases.pipeline(store, "p", "mine"):
        (lease,) = store.leases
        assert 0 < store.renew() <= leases.RENEWAL  # type: ignore[operator]
        lease._due = time.monotonic()
        assert store.renew() == leases.RENEWAL
        foreign(store, "run-p/00000002.json", time.time() + 60)
        lease._due = time.monotonic()
        with pytest.raises(StepError, match="another has taken over"):
            store.renew()


def test_gc_and_whoever_is_at_work_keep_away_from_each_other(where: dict[str, Any]) -> None:
    store = opened(where)
    with leases.task(store, "run-1", None), pytest.raises(UsageError, match="is in use: run run-1"):
        collect(store, 0)
    with leases.pipeline(store, "p", "mine"), pytest.raises(UsageError, match="is in use: run mine"):
        collect(store, 0)
    with leases.everything(store):
        with pytest.raises(UsageError, match="gc is at work"), leases.task(store, "run-2", None):
            pass
        with pytest.raises(UsageError, match="gc is at work"):
            run_plan(toys.training(), **where)
    assert store.leases == []
    assert run_plan(toys.training(), **where)["status"] == "succeeded"


def test_gc_frees_old_runs_and_keeps_versions_that_can_be_restored(where: dict[str, Any], tmp_path: Path) -> None:
    plan = toys.training()
    next(s for s in plan["pipelines"][0]["steps"] if s["kind"] == "register")["settings"]["keep"] = 1
    first = run_plan(plan, **where)
    (tmp_path / "rows.json").write_text("[4, 5, 6]")
    run_plan(plan, **where)
    store = opened(where)
    old = store.bucket.find("objects")
    tried = collect(store, 0, dry_run=True)
    assert tried["runs"] == [first["run"]]
    assert store.bucket.find("objects").keys() == old.keys()
    freed = collect(store, 0)
    assert {**freed, "dry_run": True} == tried
    assert freed["objects"] > 0
    assert len(store.bucket.find("objects")) == len(old) - freed["objects"]
    assert {f.path for f in store.copies.find(store.root / "objects")} <= {
        f.path for f in store.find(store.root / "objects")
    }
    assert cli.journal(where["store"], verify=True)[0] == 0
    versions = cli.list_models(where["store"])[1]["models"]["m"]["versions"]
    assert [v["stored"] for v in versions] == [False, True]
    assert statuses(run_plan(plan, **where)) == {"cached"}


# --- what can go wrong -------------------------------------------------------------------------------------------------


def test_a_damaged_object_is_told_and_computed_again(where: dict[str, Any]) -> None:
    plan = toys.training()
    found = run_plan(plan, **where)
    store = opened(where)
    name = store._name(store.place(found["models"]["m"]["digest"]))
    store.bucket.put(name, b"something else")
    code, told = cli.journal(where["store"], verify=True)
    assert code == 1
    assert any("does not hold what it should" in problem for problem in told["problems"])
    again = run_plan(plan, **where)
    assert again["models"] == found["models"]
    assert "done" in statuses(again)
    assert cli.journal(where["store"], verify=True)[0] == 0


def test_a_damaged_copy_on_this_machine_is_fetched_again(where: dict[str, Any]) -> None:
    found = run_plan(toys.training(), **where)
    digest = found["models"]["m"]["digest"]
    place = opened(where).place(digest)
    place.chmod(0o600)
    place.write_bytes(b"something else")
    assert json.loads(opened(where).read(digest))["mean"] == 2
    for copy in (cache_folder(where["store"]) / "journal").glob("*.copy"):
        copy.write_bytes(copy.read_bytes()[:-5])
    assert len(cli.journal(where["store"])[1]["entries"]) == 2


def test_a_server_that_is_away_for_a_moment_makes_a_step_that_may_be_tried_again(
    where: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = toys.training()
    run_step(plan, "ingest:d", run="r", **where)

    def away(operation: str, path: str) -> None:
        if operation == "s3-put" and "/objects/" in path:
            raise ConnectionResetError("gone")

    monkeypatch.setattr(io, "probe", away)
    code, told = run_step(plan, "train:m", run="r", **where)
    assert (code, told["error"]["name"]) == (75, "store-unreachable")
    monkeypatch.setattr(io, "probe", None)
    assert run_step(plan, "train:m", run="r", **where)[0] == 0


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("s3://absent/x", "MLC9001", "there is no bucket absent"),
        ("s3://closed/x", "MLC9002", "s3://closed/x/format.json: access was refused (AccessDenied)"),
        ("gs://store/x", "MLC9001", "a store cannot be at gs://"),
        ("s3://", "MLC9001", "not s3://BUCKET/PREFIX"),
        ("s3://key:word@store/x", "MLC9001", "not s3://BUCKET/PREFIX"),
        ("s3://store/a/../b", "MLC9001", "not s3://BUCKET/PREFIX"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused_in_a_sentence(
    url: str, code: str, told: str, where: dict[str, Any]
) -> None:
    with pytest.raises(StepError) as caught:
        run_plan(toys.training(), **{**where, "store": url})
    assert (caught.value.code, told in caught.value.message) == (code, True), caught.value.message
    assert caught.value.help
    assert "word" not in caught.value.message + caught.value.help


def test_a_server_that_is_not_there_is_told_as_such(where: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(LostConnection, match="does not answer") as caught:
        Store.open(where["store"])
    assert caught.value.code == "MLC9071"


def test_missing_credentials_are_told_as_such(
    where: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a thread of its own: a client keeps the keys that it was made with."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    errors: list[StepError] = []

    def attempt() -> None:
        try:
            Store.open(where["store"])
        except StepError as error:
            errors.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(60)
    assert [(e.code, "AWS_ACCESS_KEY_ID" in (e.help or "")) for e in errors] == [("MLC9002", True)]


def test_a_newer_store_is_refused_by_name(where: dict[str, Any]) -> None:
    opened(where).bucket.put("format.json", b'{"format":99}')
    with pytest.raises(UsageError, match="has format 99"):
        Store.open(where["store"])


def test_a_store_that_was_never_made_is_not_made_by_reading(where: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="there is no store at s3://"):
        cli.list_models(where["store"])


def test_a_large_object_travels_in_parts_and_comes_back_whole(
    where: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(where)
    monkeypatch.setattr("mlopsc.runtime.store.bucket._SMALL", 1000)
    (tmp_path / "large").write_bytes(os.urandom(3_000_000))
    digest = store.put(tmp_path / "large")
    monkeypatch.setenv("MLOPSC_CACHE", str(tmp_path / "another machine"))
    assert opened(where).path(digest).read_bytes() == (tmp_path / "large").read_bytes()


def test_what_cannot_be_read_now_is_not_taken_for_damaged(
    where: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server that refuses to hand content out must not make the next run throw it away."""
    plan = toys.training()
    found = run_plan(plan, **where)
    store = opened(where)
    name = store._name(store.place(found["models"]["m"]["digest"]))

    def refusing(operation: str, path: str) -> None:
        if operation == "s3-get" and path.endswith(name):
            raise PermissionError("no")

    monkeypatch.setenv("MLOPSC_CACHE", str(tmp_path / "another machine"))
    monkeypatch.setattr(io, "probe", refusing)
    other = opened(where)
    with pytest.raises(StepError, match="access was refused"):
        other.trust(found["models"]["m"]["digest"], None)
    monkeypatch.setattr(io, "probe", None)
    assert store.has(found["models"]["m"]["digest"])
