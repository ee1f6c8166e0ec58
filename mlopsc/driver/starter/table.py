"""What is known of a data file: its columns with their types, levels and ranges."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Column:
    """`type` is one of the language's, category without named levels has `levels` None. Ranges are of the data."""

    raw: str
    name: str
    type: str = "string"
    nullable: bool = False
    missing: tuple[str, ...] = ()
    levels: tuple[str, ...] | None = None
    pair: tuple[str, str] | None = None
    lo: float | None = None
    hi: float | None = None
    distinct: int = 0
    unique: bool = False


@dataclass(slots=True)
class Table:
    """A looked-at file. `kind` is a source of the language, `options` its further arguments as spec text."""

    path: str
    kind: str
    options: dict[str, str] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    rows: int = 0
