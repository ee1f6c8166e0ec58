"""The journal: numbered entries, each complete, created exactly once, and naming the digest of the one before.

Creating entry N + 1 is at once the compare-and-swap (only one process can) and the next link of the hash chain. Kinds:
verdict, request, decision, promotion, rollback, and renewal (a version's damaged evidence, given anew by a run that judged
the same model). Every entry has `n`, `time` (UTC), `previous` and `kind`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StepError
from .objects import canonical, digest_bytes
from .registry import Registry, Version

if TYPE_CHECKING:
    from .objects import Store

Entry = dict[str, Any]


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Journal:
    """Entries are immutable, so those already read are kept and only newer ones are read again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._folder = store.root / "journal"
        self._entries: list[Entry] = []
        self._heads: list[str] = []

    def place(self, number: int) -> Path:
        return self._folder / f"{number:08d}.json"

    def entries(self) -> list[Entry]:
        """All entries, oldest first. StepError where the chain is broken."""
        for path, data in self._store.sequence(self._folder, len(self._entries) + 1):
            number = len(self._entries) + 1
            problem, entry = _check(data, number, self._heads[-1] if self._heads else None)
            if problem:
                raise StepError(
                    "MLC9009",
                    "broken-journal",
                    f"{self._store.shown(path)}: {problem}",
                    help="restore the journal from a backup",
                )
            self._entries.append(entry)
            self._heads.append(digest_bytes(data))
        return list(self._entries)

    @property
    def head(self) -> str | None:
        """Digest of the newest entry."""
        self.entries()
        return self._heads[-1] if self._heads else None

    def append(self, decide: Callable[[list[Entry]], Entry | None]) -> Entry | None:
        """Add what `decide` makes of all entries so far (None: nothing to add). Where another process was first, `decide`
        is asked again with its entry: what was decided on is what stood there."""
        while True:
            entries = self.entries()
            fields = decide(entries)
            if fields is None:
                return None
            number = len(entries) + 1
            entry = {"n": number, "time": now_text(), "previous": self.head, **fields}
            try:
                self._store.create(self.place(number), canonical(entry) + b"\n")
            except FileExistsError:
                continue
            return entry

    def verify(self) -> list[str]:
        """What is wrong with the journal, in sentences; empty when all is well. Checks every link of the chain, that no
        entry is missing (gaps, and heads that runs have seen) and the digest of what every version promoted before the first
        bad entry holds."""
        problems: list[str] = []
        names = [name.partition(".") for name in self._store.names(self._folder)]
        numbers = sorted(int(stem) for stem, _, suffix in names if suffix == "json" and stem.isdigit())
        previous: str | None = None
        heads: set[str] = set()
        entries: list[Entry] = []
        for expected, number in enumerate(numbers, 1):
            if number != expected:
                problems.append(f"entry {expected} is missing")
                break
            data = self._store.fetch(self.place(number))
            problem, entry = _check(data, number, previous)
            if problem:
                problems.append(f"entry {number}: {problem}")
            elif not problems:
                entries.append(entry)
            previous = digest_bytes(data)
            heads.add(previous)
        problems += [f"run {run} saw an entry that is gone" for run, head in self._seen() if head not in heads]
        registry = Registry(entries)
        for model in registry.models():
            for version in registry.versions(model):
                problems += self._verify_version(version, version == registry.current(model))
        return problems

    def _seen(self) -> list[tuple[str, str]]:
        runs = self._store.root / "runs"
        records = self._store.records(runs / name / "run.json" for name in self._store.names(runs))
        return [(path.parent.name, found["journal"]) for path, found in records if found and found.get("journal")]

    def _verify_version(self, version: Version, champion: bool) -> list[str]:
        """A version's content may have been freed by gc; what is still there must be whole, the champion's all of it."""
        problems = []
        for name, digest in sorted(version.artifacts.items()):
            try:
                if self._store.has(digest) or champion:
                    self._store.prove(digest)
            except StepError as error:
                mend = "run its pipeline again" if champion else "remove it if this version need not come back"
                told = f"{version.model} version {version.version}, {name}: {error.message}"
                problems.append(f"{told}; restore it from a backup, or {mend}")
        return problems


def _check(data: bytes, number: int, previous: str | None) -> tuple[str | None, Entry]:
    try:
        entry = json.loads(data)
        if not isinstance(entry, dict):
            return "is not a JSON object", {}
    except ValueError:
        return "is not a JSON object", {}
    if entry.get("n") != number:
        return f"says that it is entry {entry.get('n')}", entry
    if canonical(entry) + b"\n" != data:
        return "was rewritten", entry
    if entry.get("previous") != previous:
        return "does not follow from the entry before it, which was changed", entry
    return None, entry
