"""What a data file holds, column by column: read once, with DuckDB, every field as text.

Needs the `run` extra: import this module only where a missing DuckDB is turned into the line that names it.
"""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from codecs import getincrementaldecoder
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from mlopsc.driver.failure import Failure
from mlopsc.driver.starter.naming import snake, unique
from mlopsc.driver.starter.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LEVELS = 50  # of a category
NAMED_LEVELS = 12  # written out; above it a bare `category` learns them
_MOST_ODD = 8  # different texts that may stand for "missing" in one column
_DELIMITERS = (",", ";", "\t", "|")

# Texts that stand for "no value" in a column of any type, and those that only do where all else is a number or a date.
_MISSING = {"", "?", "na", "n/a", "#n/a", "null", "nil"}
_MISSING_IN_NUMBERS = _MISSING | {"none", "nan", "-", "--", ".", "unknown", "missing"}

# true and false as written in the wild (lower case), besides what plain `bool` reads
_PAIRS = (("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))

_INT = r"^[+-]?(0|[1-9][0-9]{0,17})(\.0+)?$"
_FLOAT = r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)$"
_CODE = r"^[+-]?0[0-9]+$"  # 01234: a code, not a number
_DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$"


def kind_of(path: str) -> str:
    """The source function for a file, by its suffix. Raises Failure for one that is not known."""
    stem = path.lower().removesuffix(".gz")
    for suffixes, kind in (((".csv", ".tsv", ".txt"), "csv"), ((".parquet", ".pq"), "parquet")):
        if stem.endswith(suffixes):
            return kind
    if stem.endswith((".jsonl", ".ndjson", ".json")):
        return "json_lines"
    raise Failure(f"{path}: not a kind of file that init reads (csv, tsv, parquet, jsonl)")


@contextmanager
def opened(path: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Table]]:
    """A connection with the file as the view `t`, every field as text, nested values as JSON text."""
    table = Table(path, kind_of(path))
    connection = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    connection.execute("set threads = 1")
    try:
        with tempfile.TemporaryDirectory(prefix="mlopsc-init-") as folder:
            try:
                _view(connection, table, folder)
                table.rows = _row(connection, "select count(*) from t")[0]
            except duckdb.Error as error:
                raise Failure(f"cannot read {path}: {str(error).splitlines()[0]}") from error
            if not table.rows:
                raise Failure(f"{path} has no rows")
            yield connection, table
    finally:
        connection.close()


def _view(connection: duckdb.DuckDBPyConnection, table: Table, folder: str) -> None:
    if table.kind == "csv":
        relation = _csv(table, folder)
    elif table.kind == "parquet":
        relation = f"read_parquet({_sql(table.path)})"
    else:
        relation = f"read_json({_sql(table.path)}, format = 'newline_delimited')"
    names = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]  # noqa: S608
    texts = ", ".join(f"cast({_name(name)} as varchar) as {_name(name)}" for name in names)
    connection.execute(f"create table t as select {texts} from {relation}")  # noqa: S608


def _csv(table: Table, folder: str) -> str:
    with _open(table.path, "rb") as file:
        head = file.read(1 << 18)
    path, encoding = table.path, _encoding(head)
    if encoding != "utf-8":
        table.options["encoding"] = encoding
        path = os.path.join(folder, "utf-8.csv")
        with _open(table.path, "rb") as old, open(path, "w", encoding="utf-8", newline="") as new:
            for line in old:
                new.write(line.decode(encoding))
    first, *rest = head.decode(encoding, "replace").removeprefix("\ufeff").splitlines() or [""]
    delimiter = max(_DELIMITERS, key=lambda d: (min(first.count(d), rest[0].count(d) if rest else 0), first.count(d)))
    if delimiter != ",":
        table.options["delimiter"] = delimiter
    cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
    header = all(cells) and not any(re.match(_FLOAT, cell) for cell in cells)
    if not header:
        table.options["header"] = "false"
    return (
        f"read_csv({_sql(path)}, all_varchar = true, header = {str(header).lower()}, delim = {_sql(delimiter)}, "
        "quote = '\"', escape = '\"', nullstr = '', comment = '', skip = 0)"
    )


def _open(path: str, mode: str) -> Any:
    try:
        return gzip.open(path, mode) if path.lower().endswith(".gz") else open(path, mode)
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror or error}") from error


def _encoding(head: bytes) -> str:
    """UTF-8 where the start of the file reads as such (a character cut at the end does not count), else cp1252."""
    try:
        getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def look(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Fill `table.columns` from the view `t`."""
    described = connection.execute("describe t").fetchall()
    for number, (raw, *_) in enumerate(described, 1):
        name = unique(snake(raw, f"column_{number}"), [column.name for column in table.columns])
        table.columns.append(_column(connection, raw, name, table.rows))


def _column(connection: duckdb.DuckDBPyConnection, raw: str, name: str, rows: int) -> Column:
    column = Column(raw, name)
    c = _name(raw)
    nulls, column.distinct = _row(connection, f"select count(*) - count({c}), count(distinct {c}) from t")  # noqa: S608
    texts = [
        row[0]
        for row in connection.execute(
            f"select {c} from t where {c} is not null group by 1 order by count(*) desc, 1 limit {MOST_LEVELS + _MOST_ODD}"  # noqa: S608
        ).fetchall()
    ]
    column.nullable = nulls > 0 or not texts
    column.unique = column.distinct == rows
    if _bool(column, texts) or not texts:
        return column
    for kind, pattern in (("int", _INT), ("float", _FLOAT), ("date", _DATE), ("timestamp", _TIMESTAMP)):
        if _all_match(connection, column, c, pattern):
            column.type = kind
            if kind in ("int", "float"):
                column.lo, column.hi = _range(connection, column, c)
            return column
    _words(column, texts, rows - nulls)
    return column


def _bool(column: Column, texts: list[str]) -> bool:
    """Decide for bool: two texts of a known pair, or 0 and 1; texts for "missing" may stand beside them."""
    missing = tuple(text for text in texts if text.strip().lower() in _MISSING)
    values = [text for text in texts if text not in missing]
    lowered = {text.strip().lower() for text in values}
    if lowered == {"true", "false"} or lowered == {"0", "1"}:
        column.type = "bool"
    elif len(values) == 2 and any(lowered == set(pair) for pair in _PAIRS):
        column.type = "bool"
        true = next(pair[0] for pair in _PAIRS if lowered == set(pair))
        first, second = sorted(values, key=lambda text: text.strip().lower() != true)
        column.pair = (first, second)
    else:
        return False
    column.missing = missing
    column.nullable = column.nullable or bool(missing)
    return True


def _all_match(connection: duckdb.DuckDBPyConnection, column: Column, c: str, pattern: str) -> bool:
    """Every value matches, but for a few texts for "missing", which are noted. Codes such as 01234 are no numbers."""
    number = pattern in (_INT, _FLOAT)
    odd = [
        row[0]
        for row in connection.execute(
            f"select distinct {c} from t where {c} is not null and (not regexp_full_match(trim({c}), ?)"  # noqa: S608
            f"{f' or regexp_full_match(trim({c}), {_sql(_CODE)})' if number else ''}) limit {_MOST_ODD + 1}",
            [pattern],
        ).fetchall()
    ]
    if len(odd) > _MOST_ODD or len(odd) >= column.distinct:
        return False
    if any(text.strip().lower() not in _MISSING_IN_NUMBERS for text in odd):
        return False
    column.missing = tuple(sorted(text for text in odd if not (number and text.strip().lower() == "nan")))
    column.nullable = column.nullable or bool(odd)
    return True


def _range(connection: duckdb.DuckDBPyConnection, column: Column, c: str) -> tuple[float | None, float | None]:
    lo, hi = _row(
        connection,
        f"select min(x), max(x) from (select try_cast(trim({c}) as double) as x from t) where isfinite(x)",  # noqa: S608
    )
    return lo, hi


def _words(column: Column, texts: list[str], values: int) -> None:
    """Category when levels are few and repeat, else string; texts for "missing" become null."""
    missing = tuple(sorted(text for text in texts if text.strip().lower() in _MISSING))
    levels = sorted(set(texts) - set(missing))
    count = column.distinct - len(missing)
    column.missing = missing
    column.nullable = column.nullable or bool(missing)
    if levels and count <= MOST_LEVELS and count * 10 <= max(values, 20):
        column.type = "category"
        column.levels = tuple(levels) if count <= NAMED_LEVELS else None


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = connection.execute(query).fetchone()
    assert found is not None
    return found


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
