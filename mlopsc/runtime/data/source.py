"""What a source gives: one or more parts, each a table that DuckDB can scan, in the order of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StepError
from .cast import Received

if TYPE_CHECKING:
    import duckdb


class Part(NamedTuple):
    """`table`: a FROM item that gives the same rows in the same order each time it is scanned. `columns`: the source's own
    name -> how to read it. `label`: what to call the part in a message (a path)."""

    table: str
    columns: dict[str, Received]
    label: str


class Reject(NamedTuple):
    """A row that could not be split into fields."""

    place: str  # "data/a.csv, line 7"
    text: str  # the row as it stands
    reason: str


@dataclass(slots=True)
class Source:
    """`rejects` is asked after the first scan of all parts."""

    parts: list[Part]
    rejects: Callable[[], list[Reject]] = list
    duplicates: Mapping[str, str] = field(default_factory=dict)  # name that a part holds twice -> label
    relaxed: list[Part] = field(default_factory=list)  # the same parts for a reader that forgives more


@dataclass(slots=True)
class Place:
    """Where sources are read: relative paths from `data_root`, modules from `modules_root`; `scratch` is for spools."""

    con: duckdb.DuckDBPyConnection
    data_root: Path
    modules_root: Path
    scratch: Path


def problem(code: str, name: str, message: str, **more: Any) -> StepError:
    return StepError(code, name, message, **more)


def find_files(place_root: Path, pattern: str) -> list[Path]:
    """The files of a path or glob in path order (compared as POSIX text). A folder named without a glob is no file."""
    path = Path(pattern)
    if not any(c in pattern for c in "*?["):
        found = [path if path.is_absolute() else place_root / path]
    elif path.is_absolute():
        found = list(Path(path.anchor).glob(str(PurePosixPath(*path.parts[1:]))))
    else:
        found = list(place_root.glob(pattern))
    files = sorted((f for f in found if f.is_file()), key=lambda f: f.as_posix())
    if not files:
        raise StepError(
            "MLC8001",
            "missing-file",
            f"No file is found at {pattern}, looked up from {place_root}.",
            help="Paths are relative to the spec's folder; MLOPSC_DATA sets another one.",
        )
    return files
