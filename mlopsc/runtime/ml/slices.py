"""Slices of test rows: the values of a category, bool or string, column of the data or feature of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import read_columns
from ..errors import StepError
from .columns import TEXT_TYPES, base_type, take

SQL_KINDS = {
    "BIGINT": "int",
    "DOUBLE": "float",
    "BOOLEAN": "bool",
    "VARCHAR": "string",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """`at`: positions among the test rows. `value`: the level as text, None for nulls."""

    column: str
    value: str | None
    at: NDArray[Any]

    def label(self) -> str:
        return f"{self.column} is null" if self.value is None else f"{self.column} = {self.value}"


def column_of(con: Any, rows: Path, name: str) -> tuple[dict[str, Any], str] | None:
    """Expression and type of a column of a rows file; None where it has no such column."""
    for column, kind, *_ in con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(rows)]).fetchall():
        if column == name:
            found = SQL_KINDS.get(str(kind), "string") + "?"
            return {"op": "column", "name": name, "type": found}, found
    return None


def missing_column(name: str, where: dict[str, Any] | None = None) -> StepError:
    return StepError("MLC9065", "column-gone", f"the data has no column {name}", where=where)


class Slicer:
    """Slices by name, each column read once. `engine` connects when first called; `row`: positions of the test rows in
    the rows file."""

    def __init__(
        self, engine: Callable[[], Any], rows: Path, row: NDArray[Any], features: Sequence[dict[str, Any]]
    ) -> None:
        self._engine, self._rows, self._row = engine, rows, row
        self._features = {feature["name"]: feature for feature in features if len(feature["inputs"]) == 1}
        self._known: dict[str, list[Slice]] = {}

    def of(self, name: str) -> list[Slice]:
        """All slices of the test rows, nulls last."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> list[Slice]:
        con = self._engine()
        found = column_of(con, self._rows, name)
        if found is None and name in self._features:
            feature = self._features[name]
            found = feature["inputs"][0], feature["types"][0]
        if found is None:
            raise missing_column(name)
        expr, kind = found
        column = take(read_columns(con, self._rows, [("s", expr, kind)])["s"], self._row)
        if base_type(kind) in TEXT_TYPES:
            levels = column.levels or []
            codes = column.values
            values: list[str | None] = [levels[code] for code in np.unique(codes[codes >= 0]).tolist()]
            parts = [np.flatnonzero(codes == code) for code in np.unique(codes[codes >= 0])]
            null = np.flatnonzero(codes < 0)
        else:
            present = np.unique(column.values[~np.isnan(column.values)])
            is_bool = base_type(kind) == "bool"
            values = [("true" if v else "false") if is_bool else f"{v:.15g}" for v in present.tolist()]
            parts = [np.flatnonzero(column.values == v) for v in present]
            null = np.flatnonzero(np.isnan(column.values))
        if len(null):
            values.append(None)
            parts.append(null)
        return [Slice(name, value, part) for value, part in zip(values, parts, strict=True)]
