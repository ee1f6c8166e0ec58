"""The store: a folder (or, see remote.py, a bucket) of immutable, content-addressed objects and of records about them.

    format.json              {"format": 1}
    objects/ab/cdef…         content by SHA-256
    steps/ab/cdef….json      what a step gave, by its cache key
    runs/RUN/                run.json, result.json, log.jsonl, steps/ID.json
    journal/00000001.json    the truth about verdicts, decisions and versions (see journal.py)
    locks/  tmp/             locks of running processes; files not finished yet
    files.json, index.sqlite shortcuts; either may be deleted at any time

Nothing is changed in place: a file appears complete under its name or not at all. A digest is "sha256:" and 64 hex digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from copy import copy as shallow
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StepError, UsageError
from . import io
from .address import is_url
from .migrate import FORMAT, migrate

if TYPE_CHECKING:
    from .bucket import Bucket
    from .journal import Journal
    from .registry import Registry, Version

FOLDERS = ("objects", "steps", "runs", "journal", "locks", "tmp")
LONGEST_NAME = 200  # bytes; a file system takes 255, and what names a file after a step adds to it
Signature = tuple[int, int, int, int]
_PIECE = 1 << 16  # bytes

_counter = itertools.count()
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def canonical(value: Any) -> bytes:
    """One text for one JSON value: sorted names, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def digest_bytes(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """Digest of a file's content, read in bounded pieces."""
    with open(path, "rb", buffering=0) as handle:
        if os.fstat(handle.fileno()).st_size < _PIECE:  # its buffer of 256 KiB costs more than a small file's digest
            return digest_bytes(handle.readall())
        return "sha256:" + hashlib.file_digest(handle, "sha256").hexdigest()


def signature(path: Path) -> Signature:
    """What changes when a file does, without reading it: size, times in nanoseconds, inode."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def safe_name(text: str) -> str:
    """A file name for any text, one to one: everything but letters, digits, `.`, `_` and `-` becomes %XX. Of a name longer
    than LONGEST_NAME the end is the text's hash, after `%-`, which stands in no other name."""
    raw = text.encode("utf-8", "surrogatepass")
    name = re.sub(rb"[^A-Za-z0-9._-]", lambda m: b"%%%02X" % m[0][0], raw).decode()
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    if len(name) <= LONGEST_NAME:
        return name
    mark = f"%-{hashlib.sha256(raw).hexdigest()[:32]}"
    return name[: LONGEST_NAME - len(mark)] + mark


class Found(NamedTuple):
    """A file of the store. `time` is seconds since 1970."""

    path: Path
    size: int
    time: float


class Store:
    """Content by digest, and the way to journal, registry and records. Safe to share with a forked child.

    A record is named by its path under `root`. Who reads or changes one asks the store: in an object store `root` is only
    this machine's folder for copies and unfinished files.
    """

    bucket: Bucket | None = None  # of an object store

    def __init__(self, root: Path) -> None:
        self.root = root
        self._trusted: dict[str, Signature] = {}
        self._journal: Journal | None = None
        self._pinned: dict[str, Version | None] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str], create: bool = True) -> Store:
        """The store in folder `path`, or at s3://BUCKET/PREFIX. UsageError where there is none (and `create` is false), or
        where its format is newer than this runtime."""
        if is_url(path):
            from .remote import RemoteStore

            return RemoteStore.at(str(path), create)
        root = Path(os.path.abspath(str(path).removeprefix("file://")))
        try:
            if not (root / "format.json").exists():
                if not create:
                    raise UsageError(
                        "MLC9001",
                        "no-store",
                        f"there is no store at {path}",
                        help="run the pipeline first, or name another --store",
                    )
                _create(root)
            migrate(root)
        except OSError as error:
            raise io.failure(error, root) from error
        return cls(root)

    @property
    def address(self) -> str:
        """What `open` takes, in any process of this machine."""
        return str(self.root)

    def shown(self, path: Path) -> str:
        """A file of the store as people and other programs find it."""
        return str(path)

    # --- objects -----------------------------------------------------------------------------------------------------

    def place(self, digest: str) -> Path:
        """Where the content of `digest` stands, or would stand."""
        if not _DIGEST.fullmatch(digest):
            raise StepError("MLC9006", "corrupt-object", f"{digest!r} is not a digest")
        return self.root / "objects" / digest[7:9] / digest[9:]

    def has(self, digest: str) -> bool:
        return self.place(digest).exists()

    def path(self, digest: str) -> Path:
        """The file with that content, checked by its digest before it is given out."""
        place = self.place(digest)
        try:
            now = signature(place)
            if self._trusted.get(digest) == now:
                return place
            found = digest_file(place)
        except FileNotFoundError:
            raise StepError("MLC9007", "missing-object", f"the store holds no {digest}") from None
        except OSError as error:
            raise io.failure(error, place) from error
        if found != digest:
            raise StepError(
                "MLC9006",
                "corrupt-object",
                f"{place} does not hold what it should: its digest is {found}",
                help="restore it from a backup, or run the pipeline again: what can be made again is put back",
                details={"digest": digest, "found": found, "path": str(place)},
            )
        self._trusted[digest] = now
        return place

    def prove(self, digest: str) -> None:
        """StepError unless the store itself, and no copy of it, holds the content whole."""
        self.path(digest)

    def read(self, digest: str) -> bytes:
        return self.path(digest).read_bytes()

    def read_json(self, digest: str) -> Any:
        return json.loads(self.read(digest))

    def trust(self, digest: str, known: Any) -> bool:
        """Whether the content is whole, without reading it where its signature is still `known`."""
        try:
            now = signature(self.place(digest))
        except OSError:
            return False
        if list(known or ()) == list(now):
            self._trusted[digest] = now
            return True
        try:
            self.path(digest)
        except StepError:
            return False
        return True

    def signature(self, digest: str) -> Signature | None:
        """What to remember for `trust`."""
        return self._trusted.get(digest)

    def put(self, file: str | os.PathLike[str], *, move: bool = False) -> str:
        """Keep a file's content; its digest. With `move` the file itself is taken (it must lie in the store's tmp)."""
        source = Path(file)
        if not move:
            copy = self.temporary()
            io.write(copy, source.read_bytes())
            return self.put(copy, move=True)
        digest = digest_file(source)
        place = self.place(digest)
        if self._whole(digest):
            io.unlink(source)
            return digest
        os.chmod(source, 0o400)
        io.sync(source)
        if not place.parent.exists():
            io.make_folder(place.parent)
            io.sync(place.parent.parent)
        io.rename(source, place)
        io.sync(place.parent)
        self._trusted[digest] = signature(place)
        return digest

    def put_bytes(self, data: bytes) -> str:
        copy = self.temporary()
        io.write(copy, data)
        return self.put(copy, move=True)

    def _whole(self, digest: str) -> bool:
        try:
            self.path(digest)
        except StepError:
            return False
        return True

    def discard(self, digest: str) -> None:
        """Forget content that turned out to be corrupt, so that it can be made again."""
        self._trusted.pop(digest, None)
        io.unlink(self.place(digest))

    # --- records -----------------------------------------------------------------------------------------------------

    def temporary(self) -> Path:
        """A name in tmp that no other process uses."""
        return self.root / "tmp" / f"{os.getpid()}-{next(_counter)}-{os.urandom(4).hex()}"

    def make_scratch(self, path: Path) -> None:
        """A folder in tmp for the files of one child, and in it `work`, which the step may fill."""
        io.make_folder(path)
        io.make_folder(path / "work")

    def replace(self, path: Path, data: bytes, durable: bool = True) -> None:
        """Write a record whole: it has its old or its new content, never a part. One that is not `durable` may be lost, or
        be unreadable, after a power failure (not after a kill)."""
        copy = self.temporary()
        try:
            io.write(copy, data, durable)
            io.rename(copy, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(copy)
            raise
        if durable:
            io.sync(path.parent)

    def create(self, path: Path, data: bytes) -> None:
        """Write a record whole, if there is none: FileExistsError where another process was first."""
        copy = self.temporary()
        io.write(copy, data)
        try:
            io.link(copy, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(copy)
        io.sync(path.parent)

    def fetch(self, path: Path) -> bytes:
        """A record's bytes. FileNotFoundError where there is none."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise io.failure(error, path) from error

    def record(self, path: Path) -> dict[str, Any] | None:
        """A record; None where it is absent or no JSON object."""
        return read_record(path)

    def records(self, paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any] | None]]:
        return ((path, self.record(path)) for path in paths)

    def sequence(self, folder: Path, first: int) -> Iterator[tuple[Path, bytes]]:
        """The records 00000001.json, 00000002.json … of a folder, from `first` to the first that is missing."""
        for number in itertools.count(first):
            path = folder / f"{number:08d}.json"
            try:
                yield path, self.fetch(path)
            except FileNotFoundError:
                return

    def names(self, folder: Path) -> list[str]:
        """What lies directly in a folder of the store."""
        return sorted(os.listdir(folder))

    def find(self, folder: Path) -> list[Found]:
        """All files below a folder of the store, by path."""
        found = [(path, path.stat()) for path in sorted(folder.glob("**/*")) if path.is_file()]
        return [Found(path, facts.st_size, facts.st_mtime) for path, facts in found]

    def stamps(self, paths: Iterable[Path]) -> dict[Path, str]:
        """A text for each file that is there, which changes when the file does."""
        found = {}
        for path in paths:
            with contextlib.suppress(OSError):
                facts = os.stat(path)
                found[path] = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"
        return found

    def make_folder(self, path: Path) -> None:
        io.make_folder(path)

    def remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            io.unlink(path)

    def remove_run(self, name: str) -> None:
        """Remove a run's records and log, all at once as others see it."""
        gone = self.root / "tmp" / f"gone-{name}-{os.urandom(4).hex()}"
        io.rename(self.root / "runs" / name, gone)
        shutil.rmtree(gone, ignore_errors=True)

    def tidy(self) -> None:
        """Remove whatever lies in tmp while nothing runs: it was left by something that was killed."""
        for path in (self.root / "tmp").iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                io.unlink(path)

    def renew(self) -> float | None:
        """Tell others that this process is still at work; seconds until it has to be told again. None: it need not be,
        as the system knows."""
        return None

    def log_file(self, run: str) -> Path:
        """Where this process and its children write a run's log."""
        return self.root / "runs" / run / "log.jsonl"

    def keep_log(self, run: str, ended: bool) -> None:
        """Put what this process wrote into the run's log where others can read it; the log is complete when it `ended`."""

    def step_path(self, key: str) -> Path:
        return self.root / "steps" / key[7:9] / f"{key[9:]}.json"

    def step(self, key: str) -> dict[str, Any] | None:
        """The record of a step by its cache key; None where there is none or it cannot be read."""
        return self.record(self.step_path(key))

    def put_step(self, key: str, record: dict[str, Any], durable: bool = True) -> None:
        path = self.step_path(key)
        if not path.parent.exists():
            self.make_folder(path.parent)
        self.replace(path, canonical(record), durable)

    def known_files(self) -> dict[str, Any]:
        """What fingerprints of source files were taken, for the stat shortcut. Belongs to `data.fingerprint`."""
        return read_record(self.root / "files.json") or {}

    def put_known_files(self, known: dict[str, Any]) -> None:
        self.replace(self.root / "files.json", canonical(known), durable=False)

    # --- journal and registry ----------------------------------------------------------------------------------------

    def journal(self) -> Journal:
        """Every decision, oldest first."""
        from .journal import Journal

        if self._journal is None:
            self._journal = Journal(self)
        return self._journal

    def registry(self) -> Registry:
        """Versions and aliases as the journal tells them now (champions that were pinned stay as pinned)."""
        from .registry import Registry

        return Registry(self.journal().entries(), self._pinned)

    def pinned(self, champions: dict[str, Version | None]) -> Store:
        """This store, seen with the given champions: a gate judges against the one that its cache key names."""
        seen = shallow(self)
        seen._pinned = champions
        return seen


def read_record(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None where the file is absent or is not one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _create(root: Path) -> None:
    missing = [p for p in (root, *root.parents) if not p.exists()]
    for folder in reversed(missing):
        io.make_folder(folder)
    if not root.is_dir():
        raise UsageError("MLC9001", "no-store", f"{root} is not a folder")
    for name in FOLDERS:
        io.make_folder(root / name)
    copy = root / "tmp" / f"format-{os.getpid()}-{os.urandom(4).hex()}"
    io.write(copy, canonical({"format": FORMAT}))
    io.rename(copy, root / "format.json")
    io.sync(root)
