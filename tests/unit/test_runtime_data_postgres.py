"""Reading PostgreSQL, against a real server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import postgres
import psycopg
import pytest

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.ingest import ingest
from mlopsc.runtime.data.source import Place
from mlopsc.runtime.errors import LostConnection, StepError

COLUMNS = [("id", "int"), ("name", "string"), ("amount", "float"), ("ok", "bool"), ("day", "date"), ("at", "timestamp")]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.running() as (made, _):
        uri = str(made.get_uri())
        with psycopg.connect(uri) as db:
            db.execute("CREATE SCHEMA shop")
            db.execute("SET TIME ZONE 'America/New_York'")
            db.execute(
                "CREATE TABLE shop.orders AS SELECT i::bigint AS id, 'n' || i AS name, (i / 8.0)::numeric(12,3) AS amount, "
                "i % 2 = 0 AS ok, DATE '2026-01-01' + (i % 5)::int AS day, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS at "
                "FROM generate_series(1, 45000) i ORDER BY i"
            )
        yield uri


def read(folder: Path, uri: str, args: dict[str, Any] | None = None, **source: Any) -> list[Any]:
    parts = psycopg.conninfo.conninfo_to_dict(uri)
    connected = {
        "host": parts["host"],
        "user": parts["user"],
        "database": parts["dbname"],
        "password": {"secret": "PG_SECRET"},
    }
    connection = {"name": "warehouse", "kind": "postgres", "args": connected | (args or {})}
    columns = [
        {"name": n, "raw": n, "type": t, "nullable": True, "where": None} for n, t in COLUMNS if n in source["names"]
    ]
    settings = {"data": "d", "columns": columns, "source": {"connection": connection, **source}}
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    with open_engine(scratch) as con:
        ingest(Place(con, folder, folder, scratch), settings, folder / "rows.parquet", folder / "bad.parquet")
    with duckdb.connect() as con:
        return con.execute(f"SELECT * EXCLUDE (__row) FROM '{folder}/rows.parquet' ORDER BY __row").fetchall()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_SECRET", "hunter22")


def test_a_table_with_a_schema_comes_whole_with_types_and_instants(server: str, tmp_path: Path) -> None:
    rows = read(tmp_path, server, kind="table", table="shop.orders", names=[n for n, _ in COLUMNS])
    assert len(rows) == 45_000
    assert rows[0] == (1, "n1", 0.125, False, dt.date(2026, 1, 2), dt.datetime(2026, 1, 1))


def test_a_query_is_read(server: str, tmp_path: Path) -> None:
    query = "SELECT id, name FROM shop.orders WHERE name LIKE 'n1%' AND id < 12 ORDER BY id DESC;"
    assert read(tmp_path, server, kind="sql", query=query, names=["id", "name"]) == [
        (11, "n11"),
        (10, "n10"),
        (1, "n1"),
    ]


def test_a_wrong_table_is_a_verdict_and_a_lost_connection_is_not(server: str, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="warehouse refused the table shop") as caught:
        read(tmp_path, server, kind="table", table="shop.nope", names=["id"])
    assert caught.value.code == "MLC8014"
    with pytest.raises(LostConnection) as lost:
        read(tmp_path, server, {"host": str(tmp_path / "hunter22")}, kind="table", table="shop.orders", names=["id"])
    assert "hunter22" not in str(lost.value)
