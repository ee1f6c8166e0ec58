"""Parquet files and JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StepError
from ..expr.literals import sql_name, sql_text
from .cast import Received
from .csv_source import exact_path, label_of, read_rejects, refuse_broken_gzip, with_one_line_end
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
            columns = described(place.con, table)
            own = _own_names(place.con, file)
            if len(own) == len(columns):  # the engine numbers names that differ in case only
                columns = dict(zip(own, columns.values(), strict=True))
            parts.append(Part(table, columns, label_of(file, place.data_root)))
        except duckdb.Error as error:
            raise _no_parquet(file, label_of(file, place.data_root), str(error).splitlines()[0]) from None
    return Source(parts)


def _no_parquet(file: Path, label: str, told: str) -> StepError:
    """A Parquet file begins and ends with four bytes; where they are missing at the start, it is a file of another kind."""
    with file.open("rb") as handle:
        start = handle.read(4096)
    if start.startswith(b"PAR1"):
        return StepError("MLC8005", "unreadable-source", f"{label} cannot be read as Parquet: {told}")
    kind = "json_lines" if start.lstrip()[:1] == b"{" else "csv"
    text = b"\0" not in start and start.strip()
    note = f'It looks like text: {kind}("{label}") reads it.' if text else None
    return StepError("MLC8005", "unreadable-source", f"{label} is no Parquet file.", help=note)


def _own_names(con: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """A Parquet file's columns as the file spells them. Its schema is a tree in depth-first order under one root."""
    scan = f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({sql_text(exact_path(file))})"
    names, below = [], 0
    for name, children in con.execute(scan).fetchall()[1:]:
        if below == 0:
            names.append(name)
            below = children
        else:
            below += children - 1
    return names


def open_json_lines(settings: dict[str, Any], declared: list[str], place: Place) -> Source:
    """One object a line. A key that a line lacks is null there."""
    parts: list[Part] = []
    spools: list[tuple[str, str]] = []
    labels: dict[str, str] = {}
    for number, file in enumerate(find_files(place.data_root, settings["path"])):
        label = label_of(file, place.data_root)
        refuse_broken_gzip(file, label)
        lines = f"__lines{number}"
        read, keys = _keys(place, file, label, lines)
        labels[str(read)] = label
        spools.append((lines, label))
        wanted = list(dict.fromkeys([*declared, *keys]))
        pointers = ", ".join(sql_text("/" + k.replace("~", "~0").replace("/", "~1")) for k in wanted)
        table = f"(SELECT json_extract_string(line, [{pointers}]) AS f FROM {lines} WHERE good)"
        columns = {k: Received(f"f[{i}]", "VARCHAR", True) for i, k in enumerate(wanted, 1) if k in keys}
        parts.append(Part(table, columns, label))
    if not any(part.columns for part in parts):
        _refuse_keyless(_broken(place.con, spools, labels), spools[0][1])
    return Source(parts, lambda: _broken(place.con, spools, labels))


def _lines(file: Path, zipped: bool) -> str:
    """Lines as they stand: no delimiter and no quote divides them. Strict, because the reader's other mode skips characters
    where line ends are mixed."""
    scan = (
        f"read_csv({sql_text(exact_path(file))}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false, "
        f"delim = '', quote = '', escape = '', compression = '{'gzip' if zipped else 'none'}', strict_mode = true, "
        f"max_line_size = {LONGEST_LINE}, buffer_size = {2 * LONGEST_LINE}, store_rejects = true, rejects_limit = 0)"
    )
    good = "json_valid(line) AND json_type(line) = 'OBJECT'"
    return (
        f"SELECT line, CASE WHEN json_valid(line) THEN {good} ELSE FALSE END AS good FROM {scan} WHERE trim(line) <> ''"
    )


def _keys(place: Place, file: Path, label: str, view: str) -> tuple[Path, list[str]]:
    """Makes the view of the file's lines; the file that it reads and the keys of its objects. This first scan meets all
    that cannot be read."""
    import duckdb

    asked = f"SELECT DISTINCT unnest(json_keys(line)) AS k FROM {view} WHERE good ORDER BY k"
    try:
        try:
            place.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {_lines(file, file.suffix == '.gz')}")
            return file, [k for (k,) in place.con.execute(asked).fetchall()]
        except duckdb.InvalidInputException:
            made = place.scratch / f"{view}.jsonl"
            with_one_line_end(file, made, quoted_text=False)  # JSON text holds no line end of its own
            place.con.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {_lines(made, False)}")
            return made, [k for (k,) in place.con.execute(asked).fetchall()]
    except duckdb.Error as error:
        message = f"{label} cannot be read as JSON lines: {str(error).splitlines()[0]}"
        raise StepError("MLC8005", "unreadable-source", message) from None


def _refuse_keyless(broken: list[Reject], label: str) -> None:
    why = f"{broken[0].place} is {broken[0].reason}" if broken else "no line holds anything"
    message = f"{label} holds no JSON object: {why}."
    raise StepError("MLC8004", "empty-source", message, help="json_lines reads one object a line.")


def _broken(con: duckdb.DuckDBPyConnection, spools: list[tuple[str, str]], labels: dict[str, str]) -> list[Reject]:
    out = []
    for lines, label in spools:
        numbered = f"SELECT row_number() OVER () AS n, line, good FROM {lines}"
        for n, line in con.execute(f"SELECT n, line FROM ({numbered}) WHERE NOT good ORDER BY n").fetchall():
            out.append(Reject(f"{label}, record {n}", line, _reason(line)))
    return [*out, *read_rejects(con, labels, "a NUL character")]


def _reason(line: str) -> str:
    try:
        return "not a JSON object" if not isinstance(json.loads(line), dict) else "not JSON"
    except ValueError as error:
        return f"not JSON ({error})"
