"""The store's format number: an older store is migrated after a backup, a newer one is refused by name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError
from . import io

FORMAT = 1
# From format N to N + 1: changes records in place; runs after the backup, and again from the start if it was killed.
MIGRATIONS: dict[int, Callable[[Path], None]] = {}
RECORDS = ("format.json", "journal", "runs", "steps")


def read_format(root: Path) -> int:
    """The store's format. UsageError where the file does not say."""
    try:
        number = json.loads((root / "format.json").read_bytes())["format"]
    except (ValueError, KeyError, TypeError):
        number = None
    if not isinstance(number, int) or number < 1:
        raise UsageError("MLC9008", "store-format", f"{root / 'format.json'} does not name the store's format")
    return number


def migrate(root: Path) -> None:
    """Bring the store to FORMAT. Records (not objects, which never change) are copied to backup-N first."""
    number = read_format(root)
    if number > FORMAT:
        raise UsageError(
            "MLC9008",
            "store-format",
            f"the store {root} has format {number}; this mlopsc reads formats up to {FORMAT}",
            help="use the mlopsc that wrote it, or a newer one",
        )
    while number < FORMAT:
        _back_up(root, root / f"backup-{number}")
        MIGRATIONS[number](root)
        number += 1
        copy = root / f"format-{os.getpid()}.tmp"
        copy.unlink(missing_ok=True)
        io.write(copy, json.dumps({"format": number}).encode())
        io.rename(copy, root / "format.json")
        io.sync(root)


def _back_up(root: Path, backup: Path) -> None:
    if backup.exists():
        return
    part = root / (backup.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    io.make_folder(part)
    for name in RECORDS:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, part / name)
        elif source.exists():
            shutil.copy2(source, part / name)
    io.rename(part, backup)
    io.sync(root)
