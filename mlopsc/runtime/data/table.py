"""Columns of a rows file as numpy arrays, computed by DuckDB: no Python object per row.

Rows stand in the file's order (source order), one array element each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..expr.literals import SQL_TYPES, kind_of, sql_name, sql_text
from ..expr.sql import to_sql

if TYPE_CHECKING:
    import duckdb
    import numpy as np

MICROS_PER_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of n rows. `levels` is None: `values` is float64 with NaN for null (int, float; bool as 0 and 1; date in
    days and timestamp and duration in microseconds since 1970). Else (text): int32 codes into `levels`, which are the
    distinct texts in order of code points, and -1 for null."""

    type: str
    values: np.ndarray[Any, Any]
    levels: list[str] | None = None


def read_columns(
    con: duckdb.DuckDBPyConnection,
    rows: Path,
    columns: Sequence[tuple[str, dict[str, Any], str]],
    define: Sequence[tuple[str, dict[str, Any]]] = (),
) -> dict[str, Column]:
    """Compute the named expressions (name, expression, type) over a rows file.

    `define` holds row-wise features (name, expression) that later ones and `columns` may refer to by name; a column of
    the file wins over a definition of its name only before that definition."""
    import numpy as np

    source = defined(f"read_parquet({sql_text(str(rows))})", define)
    kinds = [kind_of(type_) for _, _, type_ in columns]
    picked = [f"{_numeric(to_sql(e), k)} AS c{i}" for i, ((_, e, _), k) in enumerate(zip(columns, kinds, strict=True))]
    if not picked:
        return {}
    texts = [i for i, k in enumerate(kinds) if k in ("string", "null")]
    levels: dict[int, list[str]] = {}
    if texts:
        con.execute(f"CREATE OR REPLACE TEMP TABLE __columns AS SELECT {', '.join(picked)} FROM {source}")
        levels = {i: _make_enum(con, i) for i in texts}
        picked = [_coded(i, levels) for i in range(len(columns))]
        source = "__columns"
    found = con.execute(f"SELECT {', '.join(picked)} FROM {source}").fetchnumpy()
    if texts:
        con.execute("DROP TABLE __columns")
        for i in texts:
            con.execute(f"DROP TYPE IF EXISTS __levels{i}")
    out = {}
    for i, (name, _, type_) in enumerate(columns):
        values = found[f"c{i}"]
        filled = np.ma.filled(values, np.nan) if np.ma.isMaskedArray(values) else values
        out[name] = Column(type_, filled, levels.get(i))
    return out


def defined(source: str, define: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """`source` with further columns: one nested SELECT for each group of definitions that do not need each other."""
    group: dict[str, str] = {}
    for name, expr in define:
        if name in group or any(c in group for c in column_names(expr)):
            source = _nested(source, group)
            group = {}
        group[name] = to_sql(expr)
    return _nested(source, group) if group else source


def _nested(source: str, group: dict[str, str]) -> str:
    made = ", ".join(f"{sql} AS {sql_name(name)}" for name, sql in group.items())
    hidden = ", ".join(sql_text(name) for name in group)
    return f"(SELECT COLUMNS(__c -> __c NOT IN ({hidden})), {made} FROM {source})"


def column_names(expr: Any) -> set[str]:
    """Names of the columns that an expression reads."""
    if isinstance(expr, dict):
        if expr.get("op") == "column":
            return {expr["name"]}
        return set().union(*(column_names(v) for v in expr.values()))
    if isinstance(expr, list | tuple):
        return set().union(*(column_names(v) for v in expr))
    return set()


def _numeric(sql: str, kind: str) -> str:
    if kind in ("string", "null"):
        return f"CAST({sql} AS VARCHAR)"
    if kind == "date":
        return f"CAST(CAST({sql} AS DATE) - DATE '1970-01-01' AS DOUBLE)"
    if kind == "timestamp":
        return f"CAST(epoch_us(CAST({sql} AS TIMESTAMP)) AS DOUBLE)"
    if kind == "bool":
        return f"CAST(CAST({sql} AS BOOLEAN) AS DOUBLE)"
    return f"CAST(CAST({sql} AS {SQL_TYPES[kind]}) AS DOUBLE)"


def _make_enum(con: duckdb.DuckDBPyConnection, i: int) -> list[str]:
    """Make the ENUM of column i's texts in order and return them."""
    distinct = f"SELECT DISTINCT c{i} FROM __columns WHERE c{i} IS NOT NULL ORDER BY c{i}"
    levels = [level for (level,) in con.execute(distinct).fetchall()]
    con.execute(f"DROP TYPE IF EXISTS __levels{i}")
    if levels:
        con.execute(f"CREATE TYPE __levels{i} AS ENUM ({distinct})")
    return levels


def _coded(i: int, levels: dict[int, list[str]]) -> str:
    if i not in levels:
        return f"c{i}"
    if not levels[i]:
        return f"CAST(-1 AS INTEGER) AS c{i}"
    return f"coalesce(CAST(enum_code(CAST(c{i} AS __levels{i})) AS INTEGER), -1) AS c{i}"
