"""A file of any kind, broken anywhere: it is read or refused by code, and what was compressed is never taken for a whole."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.ingest import ingest
from mlopsc.runtime.data.source import Place
from mlopsc.runtime.errors import StepError

ROWS = 400
COLUMNS = {"id": "int", "s": "string", "f": "float", "t": "date"}
KINDS = {"parquet": "parquet", "csv": "csv", "csv.gz": "csv", "jsonl": "json_lines", "db": "table"}
REFUSED = {"unreadable-source", "query-failed", "missing-column", "empty-source", "unreadable-type", "ambiguous-column"}


def write(folder: Path) -> None:
    rows = [(i, f"name{i % 50}", i / 7, "2026-01-01") for i in range(ROWS)]
    duckdb.sql(
        f"COPY (SELECT i::INT AS id, 'name' || (i % 50) AS s, i / 7.0 AS f, DATE '2026-01-01' + (i % 90)::INT AS t "
        f"FROM range({ROWS}) r(i)) TO '{folder}/whole.parquet' (FORMAT parquet, COMPRESSION zstd)"
    )
    text = "id,s,f,t\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "whole.csv").write_text(text)
    (folder / "whole.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    (folder / "whole.jsonl").write_text("".join(json.dumps(dict(zip(COLUMNS, r, strict=True))) + "\n" for r in rows))
    with sqlite3.connect(folder / "whole.db") as db:
        db.execute("CREATE TABLE t (id, s, f, t)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)


def broken(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content))
    return draw.choice(
        [
            content[:at],
            content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :],
            content[:at] + bytes(50) + content[at + 50 :],
            content[:at] + draw.randbytes(30) + content[at:],
        ]
    )


def read(folder: Path, suffix: str) -> dict[str, Any]:
    column = {"nullable": True, "missing": (), "where": None}
    columns = [{"name": n, "raw": n, "type": t, **column} for n, t in COLUMNS.items()]
    connection = {"name": "w", "kind": "sqlite", "args": {"path": f"broken.{suffix}"}}
    source = {
        "kind": KINDS[suffix], "path": f"broken.{suffix}", "delimiter": ",", "encoding": "utf-8", "header": True,
        "timezone": None, "connection": connection, "table": "t",
    }  # fmt: skip
    with open_engine(folder / "scratch") as con:
        place = Place(con, folder, folder, folder / "scratch")
        return ingest(place, {"data": "d", "source": source, "columns": columns}, folder / "rows", folder / "bad")


@pytest.mark.parametrize("suffix", KINDS)
def test_a_broken_file_is_read_or_refused_by_code(suffix: str, tmp_path: Path) -> None:
    """Forty ways to break each kind of file."""
    (tmp_path / "scratch").mkdir()
    write(tmp_path)
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    draw = random.Random(suffix)
    for _ in range(40):
        (tmp_path / f"broken.{suffix}").write_bytes(broken(content, draw))
        try:
            report = read(tmp_path, suffix)
        except StepError as error:
            assert error.name in REFUSED  # noqa: PT017 - most are refused, some are read
        else:
            assert suffix != "csv.gz" or report["rows"] == ROWS
            assert report["rows"] + report["bad"] == report["rows_read"]
