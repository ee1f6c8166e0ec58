"""Digests of source files for the cache key. Standard library only: an unchanged run imports no data library."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .paths import find_files

CHUNK = 1 << 20
# A file may change twice within one tick of the file system's clock: a stat is trusted only when this much older.
SETTLED_NS = 2_000_000_000


def content_digest(source: dict[str, Any], data_root: Path, known: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The digest of a SourceSpec's files and the record to keep for the next call; (None, {}) for what is read on every run
    and keyed by its rows: server databases and Python functions. StepError MLC8001 where a file is missing."""
    if source["kind"] in ("csv", "parquet", "json_lines"):
        return fingerprint(find_files(data_root, source["path"]), known, root=data_root)
    return None, {}


def fingerprint(
    paths: Sequence[Path], known: dict[str, Any], *, root: Path | None = None
) -> tuple[str, dict[str, Any]]:
    """SHA-256 over (name relative to `root`, content digest) of the files in the order given, and the record of them.

    `known`, an earlier record, spares reading a file whose size, inode, mtime and ctime are those of the record and whose ctime
    is well before the time at which it was hashed. Names are relative, so that the digest does not depend on the folder."""
    whole = hashlib.sha256()
    record: dict[str, Any] = {}
    for path in paths:
        entry = _entry(path, known.get(str(path)))
        record[str(path)] = entry
        name = path.relative_to(root).as_posix() if root and path.is_relative_to(root) else path.name
        whole.update(f"{len(name.encode())}:{name}:{entry['sha256']};".encode())
    return whole.hexdigest(), record


def _entry(path: Path, known: dict[str, Any] | None) -> dict[str, Any]:
    stat = path.stat()
    facts = {"size": stat.st_size, "inode": stat.st_ino, "mtime_ns": stat.st_mtime_ns, "ctime_ns": stat.st_ctime_ns}
    if (
        known
        and all(known.get(k) == v for k, v in facts.items())
        and stat.st_ctime_ns + SETTLED_NS < known["hashed_ns"]
    ):
        return known
    started = time.time_ns()
    return {**facts, "hashed_ns": started, "sha256": file_digest(path)}


def file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
