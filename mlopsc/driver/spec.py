"""Finding and reading specs. Light: an unchanged run comes no further than this and the plan cache."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from mlopsc.driver.failure import Failure

STDIN = "-"
SUFFIX = ".mlops"
_MOST_BYTES = 64 * 2**20  # far above the compiler's own limit: this one only keeps an endless file from filling memory
_SKIPPED = ("build", "node_modules", "__pycache__")  # besides hidden folders


class SpecFile(NamedTuple):
    """A spec as read. `label` is what messages print; `folder` (absolute) is where its relative paths start; `name` is
    its file's name."""

    label: str
    folder: str
    name: str
    content: bytes


class Found(NamedTuple):
    """`word` is what `read` takes. `named`: it was given itself, and not only a folder that it lies in."""

    word: str
    named: bool


def find(words: list[str]) -> list[Found]:
    """The files that SPEC words stand for: a file or `-` for itself, a folder for the *.mlops in it at any depth. Each file
    once, in the order of the words and of the path. Raises Failure for a folder without any."""
    found: dict[str, Found] = {}
    for word in words:
        folder = os.path.isdir(word)
        files = _in_folder(word) if folder else [word]
        if not files:
            raise Failure(f"no *{SUFFIX} file in {word}")
        for file in files:
            key = STDIN if file == STDIN else os.path.realpath(file)
            known = found.setdefault(key, Found(file, not folder))
            if not folder and not known.named:
                found[key] = known._replace(named=True)
    return list(found.values())


def _in_folder(folder: str) -> list[str]:
    files: list[str] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        files += [os.path.normpath(os.path.join(root, name)) for name in sorted(names) if name.endswith(SUFFIX)]
    return files


def read(word: str) -> SpecFile:
    """The spec at a path, or standard input for `-`. Raises Failure when it cannot be read."""
    if word == STDIN:
        return SpecFile("<stdin>", os.getcwd(), "stdin.mlops", sys.stdin.buffer.read(_MOST_BYTES))
    if os.path.isdir(word):
        raise Failure(f"{word} is a folder; a spec file is needed here")
    try:
        with open(word, "rb") as file:
            content = file.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {word}: {reason(error)}") from error
    path = os.path.abspath(word)
    return SpecFile(word, os.path.dirname(path), os.path.basename(path), content)


def read_import(folder: str, path: str) -> bytes:
    """The bytes of a file that a spec imports; `path` is relative to `folder`. Raises OSError. Only regular files: a
    stranger's spec must not make the compiler wait on a pipe or a device."""
    full = os.path.join(folder, *path.split("/")) if not path.startswith("/") else path
    if not os.path.exists(full):
        raise FileNotFoundError(2, "there is no such file", full)
    if not os.path.isfile(full):
        raise OSError(22, "it is not a file", full)
    with open(full, "rb") as file:
        return file.read(_MOST_BYTES)


def reason(error: Exception) -> str:
    """Why a file operation failed, in the operating system's words."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def store_folder(given: str | None, spec_folder: str) -> str:
    """`--store`, else MLOPSC_STORE, else `.mlopsc` beside the spec: an object store's URL, or an absolute path."""
    chosen = given or os.environ.get("MLOPSC_STORE") or os.path.join(spec_folder, ".mlopsc")
    return chosen if "://" in chosen else os.path.abspath(chosen)
