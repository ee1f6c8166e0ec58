"""Plans that were compiled before, found by what they were compiled from: an unchanged `run` needs no parser, no checks and
no pydantic. Light by intent: nothing of syntax, semantics, passes or ir is imported here."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import Any

from mlopsc import __version__
from mlopsc.driver.spec import SpecFile, read_import

_FORMAT = 1
_FOLDER = "plans"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def key(spec: SpecFile, profile: str | None, sets: tuple[tuple[str, str], ...]) -> str:
    """What a Plan is made from, but for the files that the spec names: those stand in the entry itself."""
    content = json.dumps(
        [_FORMAT, compiler_digest(), spec.name, profile, sorted(sets), sha256(spec.content).hexdigest()]
    )
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def compiler_digest() -> str:
    """Changes with any file of the compiler: by version, and by size and time of change of each file, which is how an
    editable install is told from itself an hour ago."""
    seen: list[tuple[str, int, int]] = []
    folders = [_PACKAGE]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    facts = entry.stat()
                    seen.append((os.path.relpath(entry.path, _PACKAGE), facts.st_size, facts.st_mtime_ns))
    return sha256(repr((__version__, sorted(seen))).encode()).hexdigest()


def find(store: str, spec: SpecFile, wanted: str) -> dict[str, Any] | None:
    """The Plan under the key `wanted`, if every file that it was made from still holds the same; None otherwise, also for
    an entry that cannot be read: it is only a cache."""
    try:
        with open(_path(store, wanted), "rb") as file:
            entry = json.load(file)
        if entry["modules_beside"] is not None and entry["modules_beside"] != modules_beside(spec.folder):
            return None
        for path, digest in entry["files"].items():
            if sha256(read_import(spec.folder, path)).hexdigest() != digest:
                return None
        plan: dict[str, Any] = entry["plan"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return plan


def keep(store: str, spec: SpecFile, wanted: str, plan: dict[str, Any]) -> None:
    """Keep a Plan for `find`. Where that fails (a full or read-only disk) the next run compiles again."""
    path = _path(store, wanted)
    scratch = f"{path}.{os.getpid()}"
    try:
        others = [path for path in plan["files"] if path != plan["spec"]]
        files = {path: sha256(read_import(spec.folder, path)).hexdigest() for path in [*others, *plan["modules"]]}
        beside = modules_beside(spec.folder) if plan["modules"] else None
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as file:
            json.dump({"files": files, "modules_beside": beside, "plan": plan}, file)
        os.replace(scratch, path)
    except OSError:
        return


def modules_beside(folder: str) -> list[str]:
    """Names of what Python could import from the spec's folder: a new one may change which modules travel along."""
    return sorted(
        name
        for name in os.listdir(folder)
        if name.endswith(".py") or os.path.isfile(os.path.join(folder, name, "__init__.py"))
    )


def _path(store: str, wanted: str) -> str:
    return os.path.join(store, _FOLDER, f"{wanted}.json")
