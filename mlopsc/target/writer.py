"""Writing an output folder: everything or nothing, and never a file that compiling did not write itself.

The folder holds a manifest, which names what was written and its digests. New files are written beside the folder first;
then each is renamed into place, then what an earlier compilation wrote and this one does not is removed, if nobody changed
it. The manifest is written first with both sets of names, so that a compilation that was killed is cleaned up by the next.

Where several specs are compiled into one folder, each has a manifest of its own, and none touches another's files.
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

MANIFEST = ".mlopsc-files"  # then -SCOPE, if there is one, and .json


class Owner(NamedTuple):
    """Whose files they are. scope: a word that tells the specs of one folder apart; empty where the folder is one spec's.
    spec: the name of the spec's file. shared: paths that every scope writes, and the one that writes last has it."""

    scope: str = ""
    spec: str = ""
    shared: tuple[str, ...] = ()

    @property
    def manifest(self) -> str:
        return f"{MANIFEST}{'-' if self.scope else ''}{self.scope}.json"


ALONE = Owner()


class Foreign(NamedTuple):
    """A file that writing would replace. `spec`: from which it was compiled; None where no compilation wrote it."""

    path: str
    spec: str | None


class Difference(NamedTuple):
    """`what`: missing, changed or stale (written by an earlier compilation, not by this one)."""

    path: str
    what: str


def compare(folder: Path, files: Mapping[str, bytes], owner: Owner = ALONE) -> list[Difference]:
    """How the folder differs from what would be written; empty when it does not. A shared file may be another scope's."""
    found = []
    theirs = _others(folder, owner)
    for path, data in sorted(files.items()):
        try:
            now = (folder / path).read_bytes()
        except OSError:
            found.append(Difference(path, "missing"))
            continue
        another = path in owner.shared and _digest(now) in {digests.get(path) for _, digests in theirs}
        if now != data and not another:
            found.append(Difference(path, "changed"))
    for path in sorted(_owned(folder, owner).keys() - files.keys()):
        if (folder / path).exists() and not any(path in digests for _, digests in theirs):
            found.append(Difference(path, "stale"))
    return found


def foreign(folder: Path, files: Mapping[str, bytes], owner: Owner = ALONE) -> Foreign | None:
    """The first file that is not this spec's own: one that another spec was compiled to, or one with another content that
    no compilation wrote."""
    own = _read(folder / owner.manifest)
    if own.spec and own.spec != owner.spec:
        both = own.files.keys() & files.keys() - set(owner.shared)
        return Foreign(min(both, default=owner.manifest), own.spec)
    theirs = {path: spec for spec, digests in _others(folder, owner) for path in digests}
    for path in sorted(files.keys() - own.files.keys()):
        place = folder / path
        if path in theirs and path not in owner.shared:
            return Foreign(path, theirs[path])
        here = place.is_file() or place.is_symlink()
        if here and path not in theirs and (place.is_symlink() or place.read_bytes() != files[path]):
            return Foreign(path, None)
    return None


def namesakes(folder: Path, owner: Owner) -> list[str]:
    """Scopes that a spec of the same file name was compiled to: this one under another name, or one of another folder."""
    places = sorted(folder.glob(f"{MANIFEST}-*.json")) if owner.scope else []
    found = [p.name.removeprefix(f"{MANIFEST}-").removesuffix(".json") for p in places if _read(p).spec == owner.spec]
    return [scope for scope in found if scope != owner.scope]


def write(folder: Path, files: Mapping[str, bytes], owner: Owner = ALONE) -> None:
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
            _manifest(staging, owner, files)
            staging.chmod(0o755)
            with contextlib.suppress(OSError):  # someone made it meanwhile: go on file by file
                staging.rename(folder)
                return
        _merge(staging, folder, files, owner)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _merge(staging: Path, folder: Path, files: Mapping[str, bytes], owner: Owner) -> None:
    before = _owned(folder, owner)
    theirs = {path for _, digests in _others(folder, owner) for path in digests}
    for path in files:
        _check_place(folder, path)
    _manifest(folder, owner, files, before)
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging / path, folder / path)
    for path, digest in before.items():
        if path not in files and path not in theirs:
            _remove(folder, path, digest)
    _manifest(folder, owner, files)


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in files:
        parts = PurePosixPath(path)
        assert not parts.is_absolute() and ".." not in parts.parts and not path.startswith(MANIFEST), path  # noqa: PT018 - one claim


def _check_place(folder: Path, path: str) -> None:
    """Nothing is written through a symbolic link out of the folder, nor where a folder stands."""
    place = folder / path
    if place.is_dir() and not place.is_symlink():
        raise IsADirectoryError(f"{place} is a folder; a file has to go there")
    for parent in place.relative_to(folder).parents:
        if (folder / parent).is_symlink() and parent != Path("."):
            raise NotADirectoryError(f"{folder / parent} is a symbolic link; nothing is written through it")


class _Manifest(NamedTuple):
    """files: digests by path, of an earlier compilation of `spec`."""

    spec: str
    files: dict[str, str]


def _read(place: Path) -> _Manifest:
    """Empty where there is none that can be read."""
    try:
        found = json.loads(place.read_bytes())
        files, spec = found["files"], found.get("spec", "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Manifest("", {})
    if not isinstance(files, dict):
        return _Manifest("", {})
    safe = (p for p in files if not PurePosixPath(p).is_absolute() and ".." not in PurePosixPath(p).parts)
    return _Manifest(str(spec), {path: str(files[path]) for path in safe})


def _owned(folder: Path, owner: Owner) -> dict[str, str]:
    """Files that an earlier compilation of this owner wrote, with their digests."""
    return _read(folder / owner.manifest).files


def _others(folder: Path, owner: Owner) -> list[_Manifest]:
    """What is in the folder for other scopes."""
    places = sorted(folder.glob(f"{MANIFEST}*.json"))
    return [_read(place) for place in places if place.name != owner.manifest]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _manifest(folder: Path, owner: Owner, files: Mapping[str, bytes], before: Mapping[str, str] | None = None) -> None:
    names = dict(before or {}) | {path: _digest(data) for path, data in files.items()}
    told = {"spec": owner.spec} if owner.spec else {}
    part = folder / f"{owner.manifest}.part"
    part.write_text(json.dumps({**told, "files": dict(sorted(names.items()))}, indent=1) + "\n", encoding="utf-8")
    os.replace(part, folder / owner.manifest)


def _remove(folder: Path, path: str, digest: str) -> None:
    place = folder / path
    try:
        if _digest(place.read_bytes()) != digest:
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
