"""Columns of a rows file as numpy arrays, computed by DuckDB: no Python object per row.

Rows stand in the file's order (source order), one array element each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..expr.literals import SQL_TYPES, kind_of, sql_text
from ..expr.sql import to_sql
from .define import stages

if TYPE_CHECKING:
    import duckdb
    import numpy as np

FEW = 16  # levels that are searched one by one


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
    table = f"read_parquet({sql_text(str(rows))})"
    found: dict[str, Column] = {}
    for source, numbers in stages(con, table, define, [expr for _, expr, _ in columns]):
        found |= _read(con, source, [columns[number] for number in numbers])
    return {name: found[name] for name, _, _ in columns}


def _read(
    con: duckdb.DuckDBPyConnection, source: str, columns: Sequence[tuple[str, dict[str, Any], str]]
) -> dict[str, Column]:
    """Two statements, whatever the number of columns: the texts of all text columns, then all values."""
    if not columns:
        return {}
    kinds = [kind_of(type_) for _, _, type_ in columns]
    picked = [_numeric(to_sql(e), k) for (_, e, _), k in zip(columns, kinds, strict=True)]
    texts = {i: picked[i] for i, kind in enumerate(kinds) if kind in ("string", "null")}
    levels = _levels(con, source, texts)
    for i, sql in texts.items():
        picked[i] = _coded(con, source, sql, levels[i], f"__levels{i}")
    query = f"SELECT {', '.join(f'{sql} AS c{i}' for i, sql in enumerate(picked))} FROM {source}"
    values = con.execute(query).fetchnumpy()
    for i in texts:
        if len(levels[i]) > FEW:
            con.execute(f"DROP TYPE __levels{i}")
    return {
        name: Column(type_, _filled(values[f"c{i}"], i in levels), levels.get(i))
        for i, (name, _, type_) in enumerate(columns)
    }


def _filled(values: Any, codes: bool) -> np.ndarray[Any, Any]:
    import numpy as np

    missing = -1 if codes else np.nan
    if codes:
        values = values.astype(np.int32)
    return np.ma.filled(values, missing) if np.ma.isMaskedArray(values) else values


def _levels(con: duckdb.DuckDBPyConnection, source: str, texts: dict[int, str]) -> dict[int, list[str]]:
    """The distinct texts of each expression, in order of code points."""
    if not texts:
        return {}
    found = con.execute(
        f"SELECT {', '.join(f'map_keys(histogram({sql}))' for sql in texts.values())} FROM {source}"
    ).fetchone()
    assert found is not None
    return {i: sorted(seen or ()) for i, seen in zip(texts, found, strict=True)}


def _coded(con: duckdb.DuckDBPyConnection, source: str, sql: str, levels: list[str], type_: str) -> str:
    """SQL of the text's number among its levels, null for null. DuckDB looks a function of one column up once for each
    entry of the Parquet file's dictionary, which makes a search in a short list four times as fast as a cast to an ENUM."""
    if not levels:
        return "CAST(NULL AS INTEGER)"
    if len(levels) <= FEW:
        return f"CAST(list_position([{', '.join(map(sql_text, levels))}], {sql}) - 1 AS INTEGER)"
    distinct = f"SELECT DISTINCT {sql} AS c FROM {source}"
    con.execute(f"CREATE TYPE {type_} AS ENUM (SELECT c FROM ({distinct}) WHERE c IS NOT NULL ORDER BY c)")
    return f"CAST(enum_code(CAST({sql} AS {type_})) AS INTEGER)"


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
