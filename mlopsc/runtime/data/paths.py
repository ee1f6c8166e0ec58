"""Finds the files of a source. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..errors import StepError

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def find_files(data_root: Path, pattern: str) -> list[Path]:
    """The files of a path or glob in path order (compared as POSIX text). A folder named without a glob is no file."""
    path = Path(pattern)
    if not _is_glob(pattern):
        found = [path if path.is_absolute() else data_root / path]
    elif path.is_absolute():
        found = list(Path(path.anchor).glob(str(PurePosixPath(*path.parts[1:]))))
    else:
        found = list(data_root.glob(pattern))
    files = sorted((f for f in found if f.is_file()), key=lambda f: f.as_posix())
    if not files:
        raise _missing(data_root, pattern)
    return files


def _is_glob(pattern: str) -> bool:
    return any(c in pattern for c in "*?[")


def _missing(data_root: Path, pattern: str) -> StepError:
    """What stands at the path instead, or what may have been meant."""
    message = f"No file is found at {pattern}, looked up from {data_root}."
    whole = data_root / pattern
    if _ADDRESS.match(pattern):
        message = f"{pattern} is an address, and sources read files."
        note = 'Download it, or return its rows from a function: python("module:function").'
    elif pattern.startswith("~"):
        note = "`~` is not expanded: write a path from the spec's folder, or an absolute one."
    elif _is_glob(pattern):
        note = "Paths are relative to the spec's folder; MLOPSC_DATA sets another one."
    elif whole.is_dir():
        message = f"{pattern} is a folder."
        ends = sorted({file.suffix for file in whole.iterdir() if file.is_file() and file.suffix})
        note = f'Name its files by a glob: "{pattern.rstrip("/")}/*{ends[0] if ends else ""}".'
    else:
        near = _near(whole)
        note = "Paths are relative to the spec's folder; MLOPSC_DATA sets another one."
        note = f"Did you mean {(PurePosixPath(pattern).parent / near).as_posix()}?" if near else note
    return StepError("MLC8001", "missing-file", message, help=note)


def _near(whole: Path) -> str | None:
    """The name that is most like the file's, in the folder where it was looked for."""
    from difflib import get_close_matches

    try:
        names = sorted(file.name for file in whole.parent.iterdir())
    except OSError:
        return None
    same = [name for name in names if name.lower() == whole.name.lower()]
    return next(iter(same or get_close_matches(whole.name, names, 1, 0.6)), None)
