"""Writing an output folder: everything or nothing, and never a file that compiling did not write itself.

The folder holds MANIFEST, which names what was written and its digests. New files are written beside the folder first;
then each is renamed into place, then what an earlier compilation wrote and this one does not is removed, if nobody changed
it. The manifest is written first with both sets of names, so that a compilation that was killed is cleaned up by the next.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

MANIFEST = ".mlopsc-files.json"


class Difference(NamedTuple):
    """`what`: missing, changed or stale (written by an earlier compilation, not by this one)."""

    path: str
    what: str


def compare(folder: Path, files: Mapping[str, bytes]) -> list[Difference]:
    """How the folder differs from what would be written; empty when it does not."""
    found = []
    for path, data in sorted(files.items()):
        try:
            same = (folder / path).read_bytes() == data
        except OSError:
            found.append(Difference(path, "missing"))
            continue
        if not same:
            found.append(Difference(path, "changed"))
    found += [Difference(p, "stale") for p in sorted(_owned(folder)) if p not in files and (folder / p).exists()]
    return found


def foreign(folder: Path, files: Mapping[str, bytes]) -> str | None:
    """The first file that writing would replace although no compilation wrote it and its content is another."""
    owned = _owned(folder)
    for path in sorted(files.keys() - owned.keys()):
        place = folder / path
        if (place.is_file() or place.is_symlink()) and (place.is_symlink() or place.read_bytes() != files[path]):
            return path
    return None


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder hold `files`. OSError where that is not possible; the folder is then as it was, or complete but for
    files that the next compilation replaces. Who writes into a user's folder asks `foreign` first."""
    _check_paths(files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, data in files.items():
            target = staging / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if not folder.exists():
            _manifest(staging, files)
            staging.chmod(0o755)
            with contextlib.suppress(OSError):  # someone made it meanwhile: go on file by file
                staging.rename(folder)
                return
        _merge(staging, folder, files)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _merge(staging: Path, folder: Path, files: Mapping[str, bytes]) -> None:
    before = _owned(folder)
    for path in files:
        _check_place(folder, path)
    _manifest(folder, files, before)
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / path, folder / path)
    for path, digest in before.items():
        if path not in files:
            _remove(folder, path, digest)
    _manifest(folder, files)


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in files:
        parts = PurePosixPath(path)
        assert not parts.is_absolute() and ".." not in parts.parts and path != MANIFEST, path  # noqa: PT018 - one claim


def _check_place(folder: Path, path: str) -> None:
    """Nothing is written through a symbolic link out of the folder, nor where a folder stands."""
    place = folder / path
    if place.is_dir() and not place.is_symlink():
        raise IsADirectoryError(f"{place} is a folder; a file has to go there")
    for parent in place.relative_to(folder).parents:
        if (folder / parent).is_symlink() and parent != Path("."):
            raise NotADirectoryError(f"{folder / parent} is a symbolic link; nothing is written through it")


def _owned(folder: Path) -> dict[str, str]:
    """Files that an earlier compilation wrote, with their digests."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(found, dict):
        return {}
    safe = (p for p in found if not PurePosixPath(p).is_absolute() and ".." not in PurePosixPath(p).parts)
    return {path: str(found[path]) for path in safe}


def _manifest(folder: Path, files: Mapping[str, bytes], before: Mapping[str, str] | None = None) -> None:
    names = dict(before or {}) | {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    part = folder / (MANIFEST + ".part")
    part.write_text(json.dumps({"files": dict(sorted(names.items()))}, indent=1) + "\n", encoding="utf-8")
    os.replace(part, folder / MANIFEST)


def _remove(folder: Path, path: str, digest: str) -> None:
    place = folder / path
    try:
        if hashlib.sha256(place.read_bytes()).hexdigest() != digest:
            return  # changed by hand: it is the user's now
        place.unlink()
    except OSError:
        return
    for parent in place.parents:
        if parent == folder:
            return
        with contextlib.suppress(OSError):
            shutil.rmtree(parent / "__pycache__", ignore_errors=True)
            parent.rmdir()
