"""What a source gives: one or more parts, each a table that DuckDB can scan, in the order of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    uniform: Callable[[], list[Part]] | None = None  # the same parts where the reader found line ends mixed


@dataclass(slots=True)
class Place:
    """Where sources are read: relative paths from `data_root`, modules from `modules_root`; `scratch` is for spools."""

    con: duckdb.DuckDBPyConnection
    data_root: Path
    modules_root: Path
    scratch: Path
