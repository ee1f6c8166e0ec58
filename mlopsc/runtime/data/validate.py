"""The step `validate`: bad rows, keys and the rules `expect` and `warn`. The report is written before anything is raised."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..errors import StepError
from ..expr.dataset import DATASET, Environment
from ..expr.literals import kind_of, sql_name, sql_text
from ..expr.sql import to_sql
from .csv_source import NOT_UTF8, OTHER_ENCODING
from .engine import connect

if TYPE_CHECKING:
    import duckdb


def run(ctx: Context) -> dict[str, Any]:
    ingest = json.loads(ctx.inputs["ingest"].read_text(encoding="utf-8"))
    others = {name.removeprefix("rows."): path for name, path in ctx.inputs.items() if name.startswith("rows.")}
    with connect(ctx) as con:
        report, failures = validate(con, ctx.settings, ctx.inputs["rows"], ingest, others)
    ctx.outputs["report"].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for rule in report["rules"]:
        ctx.log("rule", rule=rule["rule"], verdict=rule["verdict"], value=rule["value"])
    if failures:
        failures[0].details |= {"rules": report["rules"]}
        raise failures[0]
    return {"rows": report["rows"], "warnings": sum(r["verdict"] == "warned" for r in report["rules"])}


def validate(
    con: duckdb.DuckDBPyConnection,
    settings: dict[str, Any],
    rows: Path,
    ingest: dict[str, Any],
    others: dict[str, Path],
) -> tuple[dict[str, Any], list[StepError]]:
    """The report and the verdicts that stop the run, the first of which is told."""
    table = f"read_parquet({sql_text(str(rows))})"
    counted = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert counted is not None
    failures = list(filter(None, [_bad_rows(settings, ingest), _no_rows(settings, counted[0], ingest)]))
    report: dict[str, Any] = {"data": settings["data"], "rows": counted[0], "bad": ingest["bad"], "rules": []}
    if counted[0]:
        failures += _key(con, settings, table)
        environment = Environment(now=time.time_ns() // 1000, others=others)
        for rule in settings["rules"]:
            entry = judge(con, rule, table, environment)
            report["rules"].append(entry)
            if entry["verdict"] == "failed":
                failures.append(_expectation(rule, entry))
    return report, failures


def _bad_rows(settings: dict[str, Any], ingest: dict[str, Any]) -> StepError | None:
    bad, read = ingest["bad"], ingest["rows_read"]
    if not read or bad / read <= settings["bad_rows"]:
        return None
    worst = ingest["broken"][0]
    allowed = f"bad_rows allows {100 * settings['bad_rows']:.4g}%"
    message = f"{bad:,} of {read:,} rows of {settings['data']} are bad, and {allowed}"
    message += f"; the first: {worst['example']}." if worst["example"] else "."
    more = {"broken": ingest["broken"]}
    places = {column["name"]: column["where"] for column in settings.get("columns", ())}
    found = next((places[b["column"]] for b in ingest["broken"] if b["column"] in places), None)
    note = OTHER_ENCODING if worst["rule"] == NOT_UTF8 else None
    return StepError("MLC8020", "too-many-bad-rows", message, where=found, help=note, details=more)


def _no_rows(settings: dict[str, Any], rows: int, ingest: dict[str, Any]) -> StepError | None:
    if rows:
        return None
    read = ingest["rows_read"]
    why = "its source has none" if not read else f"none of {read:,} is left after bad rows, filter and dedupe"
    return StepError("MLC8021", "no-rows", f"{settings['data']} has no rows: {why}.")


def _key(con: duckdb.DuckDBPyConnection, settings: dict[str, Any], table: str) -> list[StepError]:
    if not settings["key"]:
        return []
    names = ", ".join(sql_name(k) for k in settings["key"])
    empty = " OR ".join(f"{sql_name(k)} IS NULL" for k in settings["key"])
    shown = ", ".join(settings["key"])
    nulls = con.execute(f"SELECT count(*) FROM {table} WHERE {empty}").fetchone()
    if nulls and nulls[0]:
        message = f"The key {shown} of {settings['data']} is null in {nulls[0]:,} rows."
        return [StepError("MLC8023", "null-key", message)]
    repeated = con.execute(
        f"SELECT concat_ws(', ', {', '.join(f'CAST({sql_name(k)} AS VARCHAR)' for k in settings['key'])}), count(*) AS n, "
        f"min(__row), count(*) OVER () FROM {table} GROUP BY {names} HAVING count(*) > 1 ORDER BY min(__row) LIMIT 1"
    ).fetchone()
    if not repeated:
        return []
    value, times, _, keys = repeated
    message = f"The key {shown} of {settings['data']} repeats: {value} stands in {times:,} rows ({keys:,} such keys)."
    return [StepError("MLC8022", "duplicate-key", message, help=f"dedupe {shown} keeps the first row of each.")]


def judge(con: duckdb.DuckDBPyConnection, rule: dict[str, Any], table: str, environment: Environment) -> dict[str, Any]:
    """One rule over a table: its verdict (passed, failed, warned) and the values of the dataset functions in it. A null
    outcome, e.g. the mean of no values, does not pass."""
    parts = dataset_calls(rule["expr"])
    picked = [to_sql(rule["expr"], environment=environment), *(to_sql(p, environment=environment) for p in parts)]
    found = con.execute(f"SELECT {', '.join(picked)} FROM {table}").fetchone()
    assert found is not None
    holds, *values = found
    shown = [_plain(v, p) for v, p in zip(values, parts, strict=True)]
    verdict = "passed" if holds else "failed" if rule["kind"] == "expect" else "warned"
    where = rule.get("where") or {}
    return {
        "rule": rule["text"],
        "kind": rule["kind"],
        "verdict": verdict,
        "value": shown[0] if len(shown) == 1 else shown,
        "line": where.get("line"),
    }


def dataset_calls(expr: Any) -> list[dict[str, Any]]:
    """The dataset functions of a rule, left to right."""
    if isinstance(expr, dict):
        if expr.get("op") == "call" and (expr["fn"] in DATASET or expr["fn"] == "exists_in"):
            return [expr]
        expr = list(expr.values())
    if isinstance(expr, list | tuple):
        return [call for part in expr for call in dataset_calls(part)]
    return []


def _plain(value: Any, call: dict[str, Any]) -> Any:
    """A JSON value; durations in seconds."""
    if isinstance(value, int | float) and kind_of(call["type"]) == "duration":
        return value / 1e6
    return value if value is None or isinstance(value, bool | int | float | str) else value.isoformat()


def _expectation(rule: dict[str, Any], entry: dict[str, Any]) -> StepError:
    value = entry["value"]
    told = f"{value:.6g}" if isinstance(value, float) else str(value)
    seen = "it has no value" if value is None else f"the data gives {told}"
    message = f"expect {rule['text']} does not hold: {seen}."
    details = {"rule": rule["text"], "value": value}
    return StepError("MLC8024", "failed-expectation", message, where=rule.get("where"), details=details)
