"""Tables and queries of databases. Rows come through a cursor in bounded batches as text and are spooled to a table of the
engine, which spills to disk; typing is then that of any other source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LostConnection, StepError
from ..expr import rows
from ..expr.literals import sql_name, sql_text
from ..hiding import hidden, outside, without
from .cast import Received
from .files import described
from .source import Part, Place, Source

if TYPE_CHECKING:
    import duckdb
    import psycopg

BATCH = 20_000  # rows
SPOOL = "__database"


def open_database(settings: dict[str, Any], place: Place) -> Source:
    connection = settings["connection"]
    kind = connection["kind"]
    args = {name: resolve(value) for name, value in connection["args"].items()}
    if kind == "sqlite":
        return _open_sqlite(settings, args, place)
    if kind == "duckdb":
        return _open_duckdb(settings, args, place)
    if kind == "postgres":
        return _open_postgres(settings, args, place)
    message = f"This runtime reads no {kind} connection ({connection['name']}) yet."
    raise StepError("MLC8010", "unsupported-source", message, help="postgres, sqlite and duckdb are read.")


def resolve(value: Any) -> Any:
    """An argument with env("NAME") and secret("NAME") replaced by the environment's value."""
    if not isinstance(value, dict):
        return value
    name = value.get("env") or value.get("secret")
    found = os.environ.get(str(name))
    if found is None:
        raise StepError("MLC8013", "missing-environment", f"The environment variable {name} is not set.")
    return found


def _query(settings: dict[str, Any]) -> str:
    """The SELECT of the settings; a table name may have a schema: "public.customers"."""
    if settings["kind"] == "sql":
        return str(settings["query"]).strip().rstrip(";")
    return "SELECT * FROM " + ".".join(sql_name(part) for part in str(settings["table"]).split("."))


def _file(args: dict[str, Any], place: Place) -> Path:
    given = Path(str(args.get("path") or args.get("database") or args.get("file")))
    path = given if given.is_absolute() else place.data_root / given
    if not path.is_file():
        raise StepError("MLC8001", "missing-file", f"No file is found at {given}, looked up from {place.data_root}.")
    return path


def _refused(settings: dict[str, Any], error: Exception) -> StepError:
    asked = f"the table {settings['table']}" if settings["kind"] == "table" else "the query"
    name = settings["connection"]["name"]
    return StepError("MLC8014", "query-failed", f"{name} refused {asked}: {_first_line(settings, error)}")


def _first_line(settings: dict[str, Any], error: Exception) -> str:
    """The first line of a driver's message, without the connection's values from outside."""
    text = str(error).strip()
    return str(without(text.splitlines()[0], hidden(outside(settings)))) if text else "no reason given"


# --- SQLite and DuckDB files -----------------------------------------------------------------------------------------


def _open_sqlite(settings: dict[str, Any], args: dict[str, Any], place: Place) -> Source:
    import sqlite3

    path = _file(args, place)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        try:
            cursor = db.execute(_query(settings))
            names = [d[0] for d in cursor.description or ()]
            return _spool(place.con, names, iter(lambda: cursor.fetchmany(BATCH), []), settings)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                message = f"{settings['connection']['name']} is locked by another process: {error}."
                raise LostConnection("MLC8015", "lost-connection", message) from None
            raise _refused(settings, error) from None
        except sqlite3.Error as error:
            raise _refused(settings, error) from None


def _open_duckdb(settings: dict[str, Any], args: dict[str, Any], place: Place) -> Source:
    import duckdb

    path = _file(args, place)
    try:
        place.con.execute(f"ATTACH {sql_text(str(path))} AS __source (READ_ONLY)")
        here = place.con.execute("SELECT current_catalog()").fetchone()
        assert here is not None
        place.con.execute("USE __source")
        place.con.execute(f"CREATE TEMP TABLE {SPOOL} AS {_query(settings)}")
        place.con.execute(f"USE {sql_name(here[0])}")
        place.con.execute("DETACH __source")
    except duckdb.Error as error:
        raise _refused(settings, error) from None
    return Source([Part(SPOOL, described(place.con, SPOOL), settings["connection"]["name"])])


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _open_postgres(settings: dict[str, Any], args: dict[str, Any], place: Place) -> Source:
    try:
        import psycopg
    except ImportError:
        message = "Reading PostgreSQL needs psycopg."
        raise StepError("MLC9055", "missing-package", message, help='pip install "mlopsc[postgres]"') from None
    known = {"database": "dbname"}
    options = {known.get(k, k): v for k, v in args.items()}
    try:
        with psycopg.connect(**options, connect_timeout=15) as db:
            db.read_only = True
            db.execute("SET TIME ZONE 'UTC'")
            # A scan that joins another one would begin in the middle of the table: rows come in one order, always.
            db.execute("SET synchronize_seqscans = off")
            with db.cursor(name="mlopsc") as cursor:
                cursor.itersize = BATCH
                cursor.execute(_query(settings).encode())
                names = [d.name for d in cursor.description or ()]
                return _spool(place.con, names, iter(lambda: cursor.fetchmany(BATCH), []), settings)
    except psycopg.OperationalError as error:
        raise _lost(settings, error) from None
    except psycopg.Error as error:
        raise _refused(settings, error) from None


_FOR_NOW = ("starting up", "shutting down", "recovery", "too many", "remaining connection slots", "not yet accepting")


def _lost(settings: dict[str, Any], error: psycopg.OperationalError) -> StepError:
    """A verdict where the server answered and refused for good; else a connection that a retry may find again. The message
    may name host, user and database: only its filtered first line goes on, and no cause."""
    text = _first_line(settings, error)
    name = settings["connection"]["name"]
    asked = error.pgconn is not None and (error.pgconn.used_password or error.pgconn.needs_password)
    # libpq gives no SQLSTATE for a connection that was refused; servers say FATAL in nearly every language.
    refused = error.sqlstate is None and (asked or "FATAL" in str(error))
    if refused and not any(reason in str(error) for reason in _FOR_NOW):
        return StepError("MLC8016", "refused-login", f"{name} refused the login: {text}")
    return LostConnection("MLC8015", "lost-connection", f"{name} cannot be reached: {text}")


# --- spooling --------------------------------------------------------------------------------------------------------


def _spool(
    con: duckdb.DuckDBPyConnection,
    names: list[str],
    batches: Iterator[Sequence[tuple[Any, ...]]],
    settings: dict[str, Any],
) -> Source:
    import numpy as np

    repeated = {n: settings["connection"]["name"] for n in names if names.count(n) > 1}
    con.execute(f"CREATE OR REPLACE TEMP TABLE {SPOOL} (" + ", ".join(f"c{i} VARCHAR" for i in range(len(names))) + ")")
    for batch in batches:
        columns = {}
        for i, column in enumerate(zip(*batch, strict=True)):
            made = np.empty(len(column), dtype=object)
            made[:] = [v if v is None or type(v) is str else as_text(v) for v in column]
            columns[f"c{i}"] = made
        con.register("__batch", columns)
        con.execute(
            f"INSERT INTO {SPOOL} SELECT "
            + ", ".join(f"CAST(c{i} AS VARCHAR)" for i in range(len(names)))
            + " FROM __batch"
        )
        con.unregister("__batch")
    columns_of = {name: Received(f"c{i}", "VARCHAR", True) for i, name in enumerate(names)}
    return Source([Part(SPOOL, columns_of, settings["connection"]["name"])], duplicates=repeated)


_TEXT: dict[type, Callable[[Any], str | None]] = {
    int: str,
    float: repr,
    bool: rows.bool_text,
    date: date.isoformat,
    datetime: lambda v: v.isoformat() if v.tzinfo is None else v.astimezone(UTC).isoformat(),
    Decimal: lambda v: format(v, "f"),
    bytes: lambda v: v.decode("utf-8", "replace"),
}


def as_text(value: Any) -> str | None:
    """A driver's value as the text that a file would hold; a whole number never gains a point."""
    return _TEXT.get(type(value), str)(value)
