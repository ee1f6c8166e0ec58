"""Parquet files and JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StepError
from ..expr.literals import sql_name, sql_text
from .cast import Received
from .csv_source import exact_path, label_of
from .paths import find_files
from .source import Part, Place, Reject, Source

if TYPE_CHECKING:
    import duckdb

LONGEST_LINE = 64 << 20  # bytes


def described(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Received]:
    """The columns of a FROM item with their DuckDB types; an ENUM counts as text."""
    found = con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    out = {}
    for name, type_, *_ in found:
        if type_.startswith("ENUM"):
            out[name] = Received(f"CAST({sql_name(name)} AS VARCHAR)", "VARCHAR", True)
        else:
            out[name] = Received(sql_name(name), type_, True)
    return out


def open_parquet(settings: dict[str, Any], place: Place) -> Source:
    """Each file by its own schema: types may move between the files of a glob."""
    import duckdb

    parts = []
    for file in find_files(place.data_root, settings["path"]):
        table = f"read_parquet({sql_text(exact_path(file))}, hive_partitioning = false)"
        try:
            parts.append(Part(table, described(place.con, table), label_of(file, place.data_root)))
        except duckdb.Error as error:
            label = label_of(file, place.data_root)
            first = str(error).splitlines()[0]
            raise StepError("MLC8005", "unreadable-source", f"{label} cannot be read as Parquet: {first}") from None
    return Source(parts)


def open_json_lines(settings: dict[str, Any], declared: list[str], place: Place) -> Source:
    """One object a line. A key that a line lacks is null there; which keys there are is asked only of files that lack a
    declared one in their first line."""
    parts, spools = [], []
    for number, file in enumerate(find_files(place.data_root, settings["path"])):
        label = label_of(file, place.data_root)
        lines = f"__lines{number}"
        place.con.execute(f"CREATE OR REPLACE TEMP VIEW {lines} AS {_lines(file)}")
        keys = _keys(place.con, lines)
        spools.append((lines, label))
        wanted = list(dict.fromkeys([*declared, *keys]))
        pointers = ", ".join(sql_text("/" + k.replace("~", "~0").replace("/", "~1")) for k in wanted)
        table = f"(SELECT json_extract_string(line, [{pointers}]) AS f FROM {lines} WHERE good)"
        columns = {k: Received(f"f[{i}]", "VARCHAR", True) for i, k in enumerate(wanted, 1) if k in keys}
        parts.append(Part(table, columns, label))
    return Source(parts, lambda: _broken(place.con, spools))


def _lines(file: Path) -> str:
    zipped = "gzip" if file.suffix == ".gz" else "none"
    # No delimiter and no quote stands in a line: U+0001 is not allowed in JSON text.
    scan = (
        f"read_csv({sql_text(exact_path(file))}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, "
        f"delim = chr(1), quote = '', escape = '', compression = '{zipped}', max_line_size = {LONGEST_LINE}, "
        f"buffer_size = {2 * LONGEST_LINE})"
    ).replace("chr(1)", "'\x01'")
    good = "json_valid(line) AND json_type(line) = 'OBJECT'"
    return (
        f"SELECT line, CASE WHEN json_valid(line) THEN {good} ELSE FALSE END AS good FROM {scan} WHERE trim(line) <> ''"
    )


def _keys(con: duckdb.DuckDBPyConnection, lines: str) -> list[str]:
    found = con.execute(f"SELECT DISTINCT unnest(json_keys(line)) AS k FROM {lines} WHERE good ORDER BY k").fetchall()
    return [k for (k,) in found]


def _broken(con: duckdb.DuckDBPyConnection, spools: list[tuple[str, str]]) -> list[Reject]:
    out = []
    for lines, label in spools:
        numbered = f"SELECT row_number() OVER () AS n, line, good FROM {lines}"
        for n, line in con.execute(f"SELECT n, line FROM ({numbered}) WHERE NOT good ORDER BY n").fetchall():
            out.append(Reject(f"{label}, record {n}", line, _reason(line)))
    return out


def _reason(line: str) -> str:
    try:
        return "not a JSON object" if not isinstance(json.loads(line), dict) else "not JSON"
    except ValueError as error:
        return f"not JSON ({error})"
