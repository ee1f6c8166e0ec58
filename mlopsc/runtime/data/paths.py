"""Finds the files of a source. Standard library only."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import StepError


def find_files(data_root: Path, pattern: str) -> list[Path]:
    """The files of a path or glob in path order (compared as POSIX text). A folder named without a glob is no file."""
    path = Path(pattern)
    if not any(c in pattern for c in "*?["):
        found = [path if path.is_absolute() else data_root / path]
    elif path.is_absolute():
        found = list(Path(path.anchor).glob(str(PurePosixPath(*path.parts[1:]))))
    else:
        found = list(data_root.glob(pattern))
    files = sorted((f for f in found if f.is_file()), key=lambda f: f.as_posix())
    if not files:
        raise StepError(
            "MLC8001",
            "missing-file",
            f"No file is found at {pattern}, looked up from {data_root}.",
            help="Paths are relative to the spec's folder; MLOPSC_DATA sets another one.",
        )
    return files
