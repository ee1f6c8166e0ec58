"""A store in an object store: content and records lie in the bucket, and a folder of this machine holds copies.

What the folder holds is never taken for what the bucket holds: a copy is given out only if its digest is right, and whether
the bucket has something is asked of the bucket. Nothing is recorded there before all that it names has arrived, so a process
that ends anywhere leaves what a killed run leaves in a folder: objects that nobody names.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LostConnection, StepError, UsageError
from . import io
from .address import bucket_of, cache_folder
from .bucket import Bucket, Facts
from .migrate import FORMAT
from .objects import Found, Signature, Store, canonical, digest_bytes, digest_file

if TYPE_CHECKING:
    from .leases import Lease

_NOT_WHOLE = ("MLC9006", "MLC9007")  # said by what was read; any other error says nothing of the content
_FORMAT_FILE = canonical({"format": FORMAT})


class RemoteStore(Store):
    """`copies` is the folder, a store of its own; `leases` are what this process holds (see leases.py)."""

    bucket: Bucket

    def __init__(self, bucket: Bucket, copies: Store) -> None:
        super().__init__(copies.root)
        self.bucket = bucket
        self.copies = copies
        self.leases: list[Lease] = []
        self._whole_there: dict[str, list[Any]] = {}  # signatures in the bucket of content known to be whole there
        self._exclusive = False
        self._log = _log_name()

    @classmethod
    def at(cls, url: str, create: bool) -> RemoteStore:
        bucket = Bucket(*bucket_of(url))
        try:
            found = bucket.get("format.json")
        except FileNotFoundError:
            if not create:
                raise UsageError(
                    "MLC9001", "no-store", f"there is no store at {bucket.url()}",
                    help="run the pipeline first, or name another --store",
                ) from None  # fmt: skip
            with contextlib.suppress(FileExistsError):
                bucket.create("format.json", _FORMAT_FILE)
            found = bucket.get("format.json")
        _check_format(bucket, found)
        try:
            return cls(bucket, Store.open(cache_folder(url)))
        except StepError as error:
            error.help = f"copies of {bucket.url()} are kept there: set MLOPSC_CACHE to a folder that you may write"
            raise

    @property
    def address(self) -> str:
        return self.bucket.url()

    def shown(self, path: Path) -> str:
        return self.bucket.url(self._name(path))

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        return "" if name == "." else name

    # --- objects -----------------------------------------------------------------------------------------------------

    def has(self, digest: str) -> bool:
        return self._facts(digest) is not None

    def _facts(self, digest: str) -> list[Any] | None:
        try:
            return _signature(self.bucket.facts(self._name(self.place(digest))))
        except FileNotFoundError:
            return None

    def path(self, digest: str) -> Path:
        """This machine's copy, fetched if need be."""
        if self.copies.has(digest):
            try:
                return self.copies.path(digest)
            except StepError:
                self.copies.discard(digest)
        self.prove(digest)
        return self.copies.path(digest)

    def prove(self, digest: str) -> None:
        """Fetch it from the bucket, whatever copy there is."""
        name, copy = self._name(self.place(digest)), self.temporary()
        try:
            self.bucket.download(name, copy)
            found = digest_file(copy)
            if found != digest:
                raise StepError(
                    "MLC9006",
                    "corrupt-object",
                    f"{self.bucket.url(name)} does not hold what it should: its digest is {found}",
                    help="restore it from a backup, or run the pipeline again: what can be made again is put back",
                    details={"digest": digest, "found": found, "path": self.bucket.url(name)},
                )
            self.copies.put(copy, move=True)
        except FileNotFoundError:
            raise StepError("MLC9007", "missing-object", f"the store holds no {digest}") from None
        finally:
            with contextlib.suppress(OSError):
                os.unlink(copy)

    def trust(self, digest: str, known: Any) -> bool:
        if known and self._whole_there.get(digest) == list(known):
            return True
        now = self._facts(digest)
        if now is None:
            return False
        if list(known or ()) != now:
            try:
                self.prove(digest)
            except StepError as error:
                if error.code in _NOT_WHOLE:
                    return False
                raise
        self._whole_there[digest] = now
        return True

    def signature(self, digest: str) -> Signature | None:
        """Size and tag, as the bucket tells them."""
        return self._whole_there.get(digest)  # type: ignore[return-value]

    def put(self, file: str | os.PathLike[str], *, move: bool = False) -> str:
        digest = self.copies.put(file, move=move)
        if digest not in self._whole_there:
            place = self.place(digest)
            self._whole_there[digest] = _signature(self.bucket.upload(place, self._name(place)))
        return digest

    def discard(self, digest: str) -> None:
        self._whole_there.pop(digest, None)
        self.bucket.delete([self._name(self.place(digest))])
        self.copies.discard(digest)

    # --- records -----------------------------------------------------------------------------------------------------

    def replace(self, path: Path, data: bytes, durable: bool = True) -> None:
        self.bucket.put(self._name(path), data)

    def create(self, path: Path, data: bytes) -> None:
        """A client that lost the answer asks again, and is told that the record is there: it is its own."""
        self._prove_exclusive()
        try:
            self.bucket.create(self._name(path), data)
        except FileExistsError:
            if self.bucket.get_all([self._name(path)]) != [data]:
                raise

    def _prove_exclusive(self) -> None:
        """A server may not know the condition and write all the same. What it is asked to write here already stands there,
        so it harms nothing if it does."""
        if self._exclusive:
            return
        told = f"{self.bucket.url()} lies on a server that does not hold to If-None-Match"
        where = "keep the store where conditional writes are known: S3, MinIO, R2, or in a folder"
        try:
            self.bucket.create("format.json", _FORMAT_FILE)
        except FileExistsError:
            self._exclusive = True
            return
        except (UsageError, LostConnection):
            raise
        except StepError as error:
            if error.code == "MLC9004":  # NotImplemented, InvalidArgument: it refuses the condition itself
                raise StepError("MLC9005", "store-not-exclusive", f"{told} ({error.message})", help=where) from error
            raise
        raise StepError("MLC9005", "store-not-exclusive", told, help=where)

    def fetch(self, path: Path) -> bytes:
        return self.bucket.get(self._name(path))

    def record(self, path: Path) -> dict[str, Any] | None:
        try:
            return _object(self.fetch(path))
        except FileNotFoundError:
            return None

    def records(self, paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any] | None]]:
        several = list(paths)
        for start in range(0, len(several), 256):
            some = several[start : start + 256]
            yield from zip(some, map(_object, self.bucket.get_all(map(self._name, some))), strict=True)
            self.renew()

    def sequence(self, folder: Path, first: int) -> Iterator[tuple[Path, bytes]]:
        """One listing tells what is there, and copies of what was read before serve while their tags are the bucket's."""
        there = self.bucket.find(self._name(folder))
        wanted: dict[Path, Path] = {}
        while (facts := there.get(self._name(path := folder / f"{first + len(wanted):08d}.json"))) is not None:
            wanted[path] = self.root / "journal" / f"{path.stem}.{facts.tag}.copy"
        known = {path: _copied(copy) for path, copy in wanted.items()}
        missing = [path for path, data in known.items() if data is None]
        for path, data in zip(missing, self.bucket.get_all(map(self._name, missing)), strict=True):
            if data is not None:
                self.copies.replace(wanted[path], digest_bytes(data).encode() + data, durable=False)
            known[path] = data
        for path, data in known.items():
            if data is None:
                return
            yield path, data

    def names(self, folder: Path) -> list[str]:
        return self.bucket.names(self._name(folder))

    def find(self, folder: Path) -> list[Found]:
        found = self.bucket.find(self._name(folder))
        return [Found(self.root / name, facts.size, facts.modified) for name, facts in found.items()]

    def stamps(self, paths: Iterable[Path]) -> dict[Path, str]:
        there = {self.root / name: f"{f.size} {f.tag} {f.modified}" for name, f in self.bucket.find("runs").items()}
        return {path: there[path] for path in paths if path in there}

    def make_folder(self, path: Path) -> None:
        """A bucket has none; the one for this machine's log is made when it is written."""

    def remove(self, paths: Iterable[Path]) -> None:
        several = list(paths)
        for start in range(0, len(several), 256):
            self.bucket.delete(map(self._name, several[start : start + 256]))
            self.renew()

    def remove_run(self, name: str) -> None:
        """Its own record goes last: until then gc finds the run again."""
        record = self.root / "runs" / name / "run.json"
        others = [found.path for found in self.find(record.parent) if found.path != record]
        self.remove(others)
        self.remove([record])

    def tidy(self) -> None:
        """Drop copies on this machine of what the bucket no longer has. Nothing runs that could be reading them."""
        self.copies.tidy()
        there = {found.path for found in self.find(self.root / "objects")}
        self.copies.remove(f.path for f in self.copies.find(self.root / "objects") if f.path not in there)

    def known_files(self) -> dict[str, Any]:
        """Of this machine's files, and so kept on this machine."""
        return self.copies.known_files()

    def put_known_files(self, known: dict[str, Any]) -> None:
        self.copies.put_known_files(known)

    # --- processes at work and their logs ----------------------------------------------------------------------------

    def renew(self) -> float | None:
        return min((lease.renew() for lease in self.leases), default=None)

    def log_file(self, run: str) -> Path:
        folder = self.root / "runs" / run
        if not folder.exists():
            io.make_folder(folder)
        return folder / self._log

    def keep_log(self, run: str, ended: bool) -> None:
        """An object cannot be appended to: every process leaves a log of its own under runs/RUN/logs, and the end of the
        run puts them together by time. Nothing depends on a log: one that cannot be kept stays on this machine."""
        mine, logs = self.log_file(run), self.root / "runs" / run / "logs"
        with contextlib.suppress(StepError):
            if mine.exists():
                self.bucket.upload(mine, self._name(logs / self._log))
                mine.unlink()
                self._log = _log_name()
            if not ended:
                return
            parts = self.bucket.get_all(sorted(self.bucket.find(self._name(logs))))
            lines = [line for part in parts if part for line in part.splitlines(keepends=True)]
            self.bucket.put(self._name(logs.with_name("log.jsonl")), b"".join(sorted(lines, key=_time)))


def _log_name() -> str:
    return f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}-{os.urandom(4).hex()}.jsonl"


def _signature(facts: Facts) -> list[Any]:
    return [facts.size, facts.tag]


def _copied(copy: Path) -> bytes | None:
    """The record whose copy stands behind its own digest; None for one that is absent or damaged."""
    with contextlib.suppress(OSError):
        found = copy.read_bytes()
        length = len(digest_bytes(b""))
        if found[:length] == digest_bytes(found[length:]).encode():
            return found[length:]
    return None


def _object(data: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(data or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _time(line: Any) -> str:
    return str((_object(line) or {}).get("time", ""))


def _check_format(bucket: Bucket, data: bytes) -> None:
    number = (_object(data) or {}).get("format")
    if not isinstance(number, int) or number < 1:
        raise UsageError("MLC9008", "store-format", f"{bucket.url('format.json')} does not name the store's format")
    if number != FORMAT:
        raise UsageError(
            "MLC9008",
            "store-format",
            f"the store {bucket.url()} has format {number}; this mlopsc reads format {FORMAT} in an object store",
            help="use the mlopsc that wrote it, or a newer one",
        )
