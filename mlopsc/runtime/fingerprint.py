"""What source files hold, by content, without reading again what cannot have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .store.objects import digest_file, signature


def fingerprint(paths: Iterable[Path], known: dict[str, Any]) -> list[str]:
    """The digest of each file, in order. `known` (path to signature, digest and the time it was taken) is used and
    brought up to date: a file is not read again where size, inode, mtime and ctime are those on record and ctime is older
    than the record by more than a file system's coarsest tick. OSError where a file cannot be read."""
    return [_digest(Path(os.path.abspath(path)), known) for path in paths]


_TICK = 2_000_000_000  # nanoseconds: FAT's, the coarsest; ctime of a file written while it was hashed may not move


def _digest(path: Path, known: dict[str, Any]) -> str:
    name = str(path)
    now = list(signature(path))
    entry = known.get(name)
    if entry is not None and entry["signature"] == now and now[2] + _TICK < entry["taken"]:
        return str(entry["digest"])
    taken = time.time_ns()
    digest = digest_file(path)
    if list(signature(path)) == now:
        known[name] = {"signature": now, "digest": digest, "taken": taken}
    else:
        known.pop(name, None)  # it changes while it is read: nothing to remember
    return digest
