"""The step `clean`: filters, then dedupe, in source order."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..expr.literals import sql_name, sql_text
from ..expr.sql import to_sql
from .engine import PARQUET, connect

if TYPE_CHECKING:
    import duckdb


def run(ctx: Context) -> dict[str, Any]:
    settings = ctx.settings
    if not settings["filters"] and not settings["dedupe"]:
        pass_on(ctx.inputs["rows"], ctx.outputs["rows"])
        report: dict[str, Any] = {"data": settings["data"], "filtered": 0, "deduped": 0}
    else:
        with connect(ctx) as con:
            report = clean(con, settings, ctx.inputs["rows"], ctx.outputs["rows"])
    ctx.outputs["report"].write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def pass_on(source: Path, target: Path) -> None:
    """The same bytes under another name: artifacts are immutable, so a link will do."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def clean(con: duckdb.DuckDBPyConnection, settings: dict[str, Any], source: Path, target: Path) -> dict[str, Any]:
    """A filter whose condition is null drops the row. Dedupe treats nulls as equal and keeps the first row."""
    rows = f"read_parquet({sql_text(str(source))})"
    conditions = " AND ".join(to_sql(f) for f in settings["filters"]) or "TRUE"
    kept = f"SELECT * FROM {rows} WHERE {conditions}"
    if settings["dedupe"]:
        same = ", ".join(sql_name(c) for c in settings["dedupe"])
        # Only the numbers of first rows are held in memory, and a hash join on them may spill.
        first = f"SELECT min(__row) AS __row FROM {rows} WHERE {conditions} GROUP BY {same}"
        kept = f"SELECT * FROM {rows} WHERE __row IN ({first}) ORDER BY __row"
    con.execute(f"COPY ({kept}) TO {sql_text(str(target))} ({PARQUET})")
    counts = con.execute(
        f"SELECT (SELECT count(*) FROM {rows}), (SELECT count(*) FROM {rows} WHERE {conditions}), "
        f"(SELECT count(*) FROM read_parquet({sql_text(str(target))}))"
    ).fetchone()
    assert counts is not None
    read, passed, left = counts
    return {"data": settings["data"], "rows": left, "filtered": read - passed, "deduped": passed - left}
