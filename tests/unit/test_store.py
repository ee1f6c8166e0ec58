"""The store: content by digest, records, journal, registry, format number, locks."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from mlopsc.runtime.errors import StepError, UsageError
from mlopsc.runtime.store import io, migrate
from mlopsc.runtime.store.journal import Journal
from mlopsc.runtime.store.locks import pipeline_lock, whole_store
from mlopsc.runtime.store.objects import Store, digest_bytes, safe_name


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def promotion(
    version: int, digest: str, champion: int | None, artifacts: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "kind": "promotion", "model": "m", "version": version, "digest": digest, "champion": champion,
        "algorithm": "a", "metrics": {}, "rows": {}, "artifacts": artifacts or {}, "run": "r", "keep": 1, "lineage": {},
    }  # fmt: skip


def test_content_is_found_under_its_digest_and_kept_once(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"content")
    digest = store.put(file)
    assert digest == digest_bytes(b"content") == store.put_bytes(b"content")
    assert store.read(digest) == b"content"
    assert len(list((store.root / "objects").glob("*/*"))) == 1
    assert file.exists()


def test_the_store_is_its_owners_alone(store: Store) -> None:
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    digest = store.put_bytes(b"x")
    assert stat.S_IMODE(store.path(digest).stat().st_mode) == 0o400


def test_changed_content_is_refused_by_name_before_it_is_used(store: Store) -> None:
    digest = store.put_bytes(b"content")
    place = store.path(digest)
    place.chmod(0o600)
    place.write_bytes(b"CONTENT")
    with pytest.raises(StepError) as caught:
        Store.open(store.root).path(digest)
    assert caught.value.name == "corrupt-object"
    assert caught.value.details["digest"] == digest
    with pytest.raises(StepError):
        store.path(digest)


def test_content_changed_behind_an_equal_size_and_time_is_not_trusted(store: Store) -> None:
    digest = store.put_bytes(b"content")
    known = store.signature(digest)
    place = store.path(digest)
    before = place.stat()
    place.chmod(0o600)
    place.write_bytes(b"CONTENT")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not Store.open(store.root).trust(digest, known)


def test_damaged_content_is_replaced_when_it_is_made_again(store: Store) -> None:
    digest = store.put_bytes(b"content")
    place = store.path(digest)
    place.chmod(0o600)
    place.write_bytes(b"torn")
    assert store.put_bytes(b"content") == digest
    assert store.read(digest) == b"content"


def test_missing_content_is_told_apart_from_changed_content(store: Store) -> None:
    with pytest.raises(StepError) as caught:
        store.path(digest_bytes(b"never stored"))
    assert caught.value.name == "missing-object"


def test_a_newer_store_is_refused_by_name(store: Store) -> None:
    for content, told in [('{"format": 99}', "format 99"), ("{}", "does not name the store's format")]:
        (store.root / "format.json").write_text(content)
        with pytest.raises(UsageError, match=told) as caught:
            Store.open(store.root)
        assert caught.value.name == "store-format"


def test_an_older_store_is_migrated_after_a_backup(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.journal().append(lambda _: {"kind": "verdict"})
    monkeypatch.setattr(migrate, "FORMAT", 2)
    monkeypatch.setattr(migrate, "MIGRATIONS", {1: lambda root: (root / "journal" / "00000001.json").write_text("new")})
    Store.open(store.root)
    assert json.loads((store.root / "format.json").read_text()) == {"format": 2}
    assert (store.root / "journal" / "00000001.json").read_text() == "new"
    assert json.loads((store.root / "backup-1" / "journal" / "00000001.json").read_text())["kind"] == "verdict"
    assert json.loads((store.root / "backup-1" / "format.json").read_text()) == {"format": 1}


def test_no_store_is_made_where_one_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no store"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("number", "name"),
    [(28, "store-full"), (30, "store-not-writable"), (13, "store-not-writable"), (5, "store-failed")],
)
def test_each_refusal_of_the_system_is_one_coded_error(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, name: str
) -> None:
    """ENOSPC, EROFS, EACCES and EIO."""

    def refuse(operation: str, path: str) -> None:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(io, "probe", refuse)
    with pytest.raises(StepError) as caught:
        store.put_bytes(b"x")
    assert caught.value.name == name


def test_a_file_system_without_links_is_refused_for_the_journal(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(old: Path, new: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(new))

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(StepError) as caught:
        store.journal().append(lambda _: {"kind": "verdict"})
    assert caught.value.name == "store-not-exclusive"
    assert store.journal().entries() == []


def test_an_entry_that_another_process_wrote_first_is_decided_on_again(store: Store) -> None:
    """Creating entry N + 1 is the compare-and-swap: the loser sees the winner's entry before it decides."""
    other = Journal(Store.open(store.root))
    seen: list[int] = []

    def decide(entries: list[dict[str, Any]]) -> dict[str, Any]:
        seen.append(len(entries))
        if len(seen) == 1:
            other.append(lambda _: {"kind": "verdict", "who": "other"})
        return {"kind": "verdict", "who": "mine"}

    store.journal().append(decide)
    assert seen == [0, 1]
    assert [e["who"] for e in Journal(store).entries()] == ["other", "mine"]
    assert store.journal().verify() == []


def test_a_changed_entry_breaks_the_chain(store: Store) -> None:
    for who in "abc":
        store.journal().append(lambda _, who=who: {"kind": "verdict", "who": who})  # type: ignore[misc]
    path = store.journal().place(2)
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"b"', '"x"'))
    assert Journal(store).verify() == ["entry 3: does not follow from the entry before it, which was changed"]
    with pytest.raises(StepError, match="does not follow") as caught:
        Journal(store).entries()
    assert caught.value.name == "broken-journal"


def test_a_missing_entry_is_found(store: Store) -> None:
    for _ in range(3):
        store.journal().append(lambda _: {"kind": "verdict"})
    store.journal().place(2).unlink()
    assert Journal(store).verify() == ["entry 2 is missing"]


def test_a_journal_whose_end_was_cut_off_is_found_by_the_runs_that_saw_it(store: Store) -> None:
    store.journal().append(lambda _: {"kind": "verdict"})
    run = store.root / "runs" / "r1"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"journal": store.journal().head}))
    store.journal().place(1).unlink()
    assert Journal(store).verify() == ["run r1 saw an entry that is gone"]


def test_a_promoted_model_that_was_changed_is_named(store: Store) -> None:
    digest = store.put_bytes(b"model")
    store.journal().append(lambda _: promotion(1, digest, None, {"model": digest}))
    assert store.journal().verify() == []
    place = store.path(digest)
    place.chmod(0o600)
    place.write_bytes(b"MODEL")
    (problem,) = store.journal().verify()
    assert problem.startswith("m version 1, model:")
    assert problem.endswith("restore it from a backup, or run its pipeline again")


def test_behind_a_broken_entry_the_versions_before_it_are_still_checked(store: Store) -> None:
    digest = store.put_bytes(b"model")
    store.journal().append(lambda _: promotion(1, digest, None, {"model": digest}))
    store.journal().append(lambda _: {"kind": "verdict"})
    store.journal().place(2).chmod(0o600)
    store.journal().place(2).write_text("torn")
    store.place(digest).unlink()
    broken, lost = Journal(Store.open(store.root)).verify()
    assert broken == "entry 2: is not a JSON object"
    assert lost.startswith("m version 1, model: the store holds no sha256:")


def test_the_newest_promotion_is_champion_and_its_rival_the_one_before(store: Store) -> None:
    store.journal().append(lambda _: promotion(1, "sha256:1", None))
    store.journal().append(lambda _: promotion(2, "sha256:2", 1))
    registry = store.registry()
    champion = registry.champion("m")
    assert champion is not None
    assert (champion.version, registry.aliases(champion)) == (2, ["champion"])
    rival, own_rival = registry.rival("m", "sha256:3"), registry.rival("m", "sha256:2")
    assert rival is not None
    assert own_rival is not None
    assert (rival.version, own_rival.version) == (2, 1)
    assert [v.version for v in registry.kept("m")] == [2]


def test_a_rolled_back_version_is_marked_and_the_earlier_one_serves(store: Store) -> None:
    store.journal().append(lambda _: promotion(1, "sha256:1", None))
    store.journal().append(lambda _: promotion(2, "sha256:2", 1))
    store.journal().append(lambda _: {"kind": "rollback", "model": "m", "from": 2, "to": 1, "reason": "bad"})
    registry = store.registry()
    champion, withdrawn = registry.champion("m"), registry.version("m", 2)
    assert champion is not None
    assert withdrawn is not None
    assert (champion.version, withdrawn.withdrawn) == (1, "bad")


def test_a_second_run_of_a_pipeline_is_refused_and_told_who_has_it(store: Store) -> None:
    with pipeline_lock(store, "p", "run-a"):
        with pytest.raises(UsageError, match="run-a") as second, pipeline_lock(store, "p", "run-b"):
            pass
        with pytest.raises(UsageError, match="in use") as freeing, whole_store(store):
            pass
        assert (second.value.name, freeing.value.name) == ("store-in-use", "store-in-use")
        with pipeline_lock(store, "another", "run-c") as locks:
            assert len(locks) == 2
    with pipeline_lock(store, "p", "run-d") as locks:
        assert len(locks) == 2


@pytest.mark.parametrize("text", ["train:m", "a/b", "..", ".hidden", "é x", "%41", "", "ö" * 300])
def test_file_names_of_any_text_are_safe_and_one_to_one(text: str) -> None:
    name = safe_name(text)
    assert "/" not in name
    assert not name.startswith(".")
    assert safe_name("A") != safe_name("%41")
    assert len(name) <= 200
    assert name != safe_name(text + "x") != safe_name(text + "y")
