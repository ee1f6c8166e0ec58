"""The step `ingest`: a source to typed rows, with the rows that break their columns' clauses put aside.

The source is scanned once; a second scan happens only for the text of bad rows. Both files are byte-identical for equal input.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..errors import StepError
from ..expr.literals import SQL_TYPES, kind_of, sql_name, sql_text
from .cast import Cast, Received, cast_column
from .engine import PARQUET, connect
from .opening import open_source
from .rules import Broken, column_rules
from .source import Part, Place, Reject, Source
from .zone import zone_offset

if TYPE_CHECKING:
    import duckdb

LONGEST_TOLD = 100  # characters of a bad value in a message


def run(ctx: Context) -> dict[str, Any]:
    with connect(ctx) as con:
        place = Place(con, ctx.data_root, ctx.modules_root, ctx.scratch)
        report = ingest(place, ctx.settings, ctx.outputs["rows"], ctx.outputs["quarantine"])
    ctx.outputs["report"].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    ctx.log("rows", read=report["rows_read"], good=report["rows"], bad=report["bad"])
    return {"rows": report["rows"], "bad": report["bad"]}


def ingest(
    place: Place, settings: dict[str, Any], rows: Path, quarantine: Path, limit: int | None = None
) -> dict[str, Any]:
    """Write good rows and bad rows; return the report. `limit`: only the first rows of each part of the source."""
    source = open_source(settings, place)
    if limit is not None:
        source.parts = _limited(source.parts, limit)
    columns = settled_columns(settings, source)
    rules = _stage(place.con, settings, source, columns, limit)
    rejects = source.rejects()
    con = place.con
    names = ", ".join([*(f"v{i} AS {sql_name(c['name'])}" for i, c in enumerate(columns)), "__row"])
    con.execute(f"COPY (SELECT {names} FROM __staged WHERE __bad IS NULL) TO {sql_text(str(rows))} ({PARQUET})")
    read = con.execute("SELECT count(*) FROM __staged").fetchone()
    assert read is not None
    broken = _write_quarantine(con, source, rules, rejects, quarantine)
    report = {
        "data": settings["data"],
        "rows_read": read[0] + len(rejects),
        "rows": read[0] - sum(b["rows"] for b in broken if b["column"]),
        "bad": sum(b["rows"] for b in broken),
        "broken": broken,
        "columns": _facts(con, columns),
    }
    con.execute("DROP TABLE __staged")
    return report


def settled_columns(settings: dict[str, Any], source: Source) -> list[dict[str, Any]]:
    """The declared columns, and with `extra_columns = keep` the others as nullable text; StepError where the source lacks a
    column that may not be null, or has one that is forbidden."""
    declared = list(settings["columns"])
    present = {name for part in source.parts for name in part.columns}
    for column in declared:
        if column["raw"] not in present:
            raise _missing(column, present, declared, settings["data"])
        if column["raw"] in source.duplicates:
            message = f"{source.duplicates[column['raw']]} has two columns named {column['raw']}."
            raise StepError("MLC8007", "ambiguous-column", message, where=column["where"])
        lacking = [p.label for p in source.parts if column["raw"] not in p.columns]
        if lacking and not column["nullable"]:
            message = f"{lacking[0]} has no column {column['raw']}, so {column['name']} is null there."
            note = f"Write {column['type']}? for a column that some files lack."
            raise StepError("MLC8002", "missing-column", message, where=column["where"], help=note)
    _refuse_alike(declared, settings["data"])
    raws = {c["raw"] for c in declared}
    extra = list(dict.fromkeys(n for p in source.parts for n in p.columns if n not in raws))
    if extra and settings.get("extra_columns") == "forbid":
        message = f"{settings['data']} has columns that the spec does not name: {', '.join(extra[:5])}."
        raise StepError("MLC8008", "extra-column", message, help="extra_columns = ignore reads past them.")
    if settings.get("extra_columns") == "keep":
        _refuse_clashes(declared, extra, source, settings["data"])
        return declared + [_kept(name, source) for name in extra]
    return declared


def _refuse_alike(declared: list[dict[str, Any]], data: str) -> None:
    """DuckDB, and the Parquet files that it writes, tell column names apart but for case."""
    taken: dict[str, dict[str, Any]] = {}
    for column in declared:
        other = taken.setdefault(column["name"].lower(), column)
        if other is not column:
            message = f"The columns {other['name']} and {column['name']} of {data} differ in case only."
            note = f'{column["name"]}_2 : {column["type"]} from "{column["raw"]}" gives one of them a name of its own.'
            raise StepError("MLC8017", "clashing-column", message, where=column["where"], help=note)


def _refuse_clashes(declared: list[dict[str, Any]], extra: list[str], source: Source, data: str) -> None:
    """A column that is kept keeps its name, which has to be free."""
    taken = {column["name"].lower(): column for column in declared}
    for name in extra:
        clash = taken.get(name.lower())
        if clash is not None:
            message = f"{data} would keep the column {name}, and the declared column {clash['name']} has that name."
            note = f"Declare {name} under another name, or rename {clash['name']}."
            raise StepError("MLC8017", "clashing-column", message, where=clash["where"], help=note)
        if name in source.duplicates:
            message = f"{source.duplicates[name]} has two columns named {name}."
            raise StepError("MLC8007", "ambiguous-column", message, help="Only one of them could be kept.")
        if name.lower() == "__row" or not name:
            raise StepError("MLC8017", "clashing-column", f"{data} cannot keep a column named {name!r}.")
        taken[name.lower()] = {"name": name, "where": None}


def _kept(name: str, source: Source) -> dict[str, Any]:
    """An undeclared column: in its own type where all parts agree on one, else as text."""
    types = {part.columns[name].type for part in source.parts if name in part.columns}
    own = {
        "BIGINT": "int",
        "INTEGER": "int",
        "DOUBLE": "float",
        "BOOLEAN": "bool",
        "DATE": "date",
        "TIMESTAMP": "timestamp",
    }
    kind = own.get(types.pop(), "string") if len(types) == 1 else "string"
    return {"name": name, "raw": name, "type": kind, "nullable": True, "where": None}


def _missing(column: dict[str, Any], present: set[str], declared: list[dict[str, Any]], data: str) -> StepError:
    from difflib import get_close_matches

    free = sorted(present - {c["raw"] for c in declared})
    near = [n for n in free if n.strip().lower() == column["raw"].strip().lower()]
    near = near or get_close_matches(column["raw"], free, 1, 0.6)
    note = f'Did you mean "{near[0]}"?' if near else f"The source has {', '.join(sorted(present)[:12])}."
    message = f"{data} has no column {column['raw']} in its source."
    return StepError("MLC8002", "missing-column", message, where=column["where"], help=note)


def _limited(parts: list[Part], limit: int | None) -> list[Part]:
    if limit is None:
        return parts
    return [p._replace(table=f"(SELECT * FROM {p.table} LIMIT {limit})") for p in parts]


def _stage(
    con: duckdb.DuckDBPyConnection,
    settings: dict[str, Any],
    source: Source,
    columns: list[dict[str, Any]],
    limit: int | None,
) -> list[Broken]:
    """Fill __staged: v0 v1 … typed values, __row, and __bad, the number of the first rule that the row breaks."""
    import duckdb

    zone = zone_offset(settings["source"].get("timezone"))
    rules: list[Broken] = []
    try:
        _fill(con, [_typed(part, columns, zone, rules) for part in source.parts])
    except duckdb.InvalidInputException as error:
        if source.uniform is None or "invalid state" not in str(error):
            raise _unreadable(settings["data"], error) from None
        rules.clear()
        con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        source.parts = _limited(source.uniform(), limit)
        try:
            _fill(con, [_typed(part, columns, zone, rules) for part in source.parts])
        except duckdb.InvalidInputException as again:
            raise _unreadable(settings["data"], again) from None
    except (duckdb.IOException, duckdb.DataError) as error:
        raise _unreadable(settings["data"], error) from None
    return rules


def _fill(con: duckdb.DuckDBPyConnection, selects: list[str]) -> None:
    rows = f"SELECT row_number() OVER () - 1 AS __row, * FROM ({' UNION ALL '.join(selects)})"
    con.execute(f"CREATE OR REPLACE TEMP TABLE __staged AS {rows}")


def _unreadable(data: str, error: Exception) -> StepError:
    return StepError(
        "MLC8005", "unreadable-source", f"The source of {data} cannot be read: {str(error).splitlines()[0]}"
    )


def _typed(part: Part, columns: list[dict[str, Any]], zone: str | None, rules: list[Broken]) -> str:
    """Three nested projections of a part. `rules` gains the part's rules; their numbers go on from those before."""
    received, casts, values, good = [], [], [], []
    conditions: list[str] = []
    for i, column in enumerate(columns):
        raw = part.columns.get(column["raw"], Received("CAST(NULL AS VARCHAR)", "VARCHAR", False))
        if not raw.readable:
            message = f"The column {column['raw']} of {part.label} has type {raw.type}, which is no {column['type']}."
            raise StepError("MLC8009", "unreadable-type", message, where=column["where"])
        cast: Cast = cast_column(column, raw, zone)
        c, t, v = f"c{i}", f"t{i}", f"v{i}"
        received.append(f"{cast.received} AS {c}")
        casts.append(f"{cast.cast} AS {t}".replace("\0c", c))
        typed = cast.value.replace("\0c", c).replace("\0t", t)
        values.append(f"CAST({typed} AS {SQL_TYPES[kind_of(column['type'])]}) AS {v}")
        sound, broken = column_rules(column, cast, c, v)
        good.append(sound)
        for rule in broken:
            conditions.append(f"WHEN {rule.condition} THEN {len(rules)}")
            rules.append(rule)
    first = f"CASE WHEN {' AND '.join(good)} THEN NULL ELSE CASE {' '.join(conditions)} END END"
    layers = f"SELECT *, {', '.join(casts)} FROM (SELECT {', '.join(received)} FROM {part.table})"
    layers = f"SELECT *, {', '.join(values)} FROM ({layers})"
    outcome = ", ".join(f"v{i}" for i in range(len(columns)))
    return f"SELECT {outcome}, CAST({first} AS INTEGER) AS __bad FROM ({layers})"


def _write_quarantine(
    con: duckdb.DuckDBPyConnection, source: Source, rules: list[Broken], rejects: list[Reject], path: Path
) -> list[dict[str, Any]]:
    """Bad rows as received, in source order, then the rows that are no rows; returns a summary of each rule broken."""
    counted = con.execute(
        "SELECT __bad, count(*), min(__row) FROM __staged WHERE __bad IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    names = list(dict.fromkeys(name for part in source.parts for name in part.columns))
    kept = [n for n in names if n not in ("__row", "__rule")]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE __bad_rows ("
        + "".join(f"{sql_name(n)} VARCHAR, " for n in kept)
        + "__row BIGINT, __rule VARCHAR)"
    )
    if counted:
        texts = " UNION ALL ".join(_as_text(part, kept) for part in source.parts)
        cases = " ".join(
            f"WHEN {k} THEN {sql_text(rules[k].column['name'] + ': ')} || "
            f"{_told(sql_name(rules[k].column['raw']))} || {sql_text(' ' + rules[k].text)}"
            for k, _, _ in counted
        )
        con.execute(
            f"INSERT INTO __bad_rows SELECT r.*, CASE b.__bad {cases} END "
            f"FROM (SELECT *, row_number() OVER () - 1 AS __row FROM ({texts})) r "
            "JOIN (SELECT __row, __bad FROM __staged WHERE __bad IS NOT NULL) b USING (__row) ORDER BY r.__row"
        )
    for reject in rejects:
        line = f"{reject.place} cannot be read: {reject.reason}"
        text = [reject.text[:10_000]] if kept else []
        filled = ", ".join("?" for _ in text) + ", " if text else ""
        into = f"({sql_name(kept[0])}, __rule)" if text else "(__rule)"
        con.execute(f"INSERT INTO __bad_rows {into} VALUES ({filled}?)", [*text, line])
    con.execute(f"COPY (SELECT * FROM __bad_rows) TO {sql_text(str(path))} ({PARQUET})")
    summary = [_summary(con, rules[k], count, row) for k, count, row in counted]
    for reason in dict.fromkeys(r.reason for r in rejects):
        same = [r for r in rejects if r.reason == reason]
        summary.append({"column": None, "rule": reason, "rows": len(same), "example": f"{same[0].place}: {reason}"})
    return _merged(summary)


def _told(value: str) -> str:
    """SQL of a value in a message: what stands there may be a megabyte long."""
    return (
        f"CASE WHEN {value} IS NULL THEN 'an empty field' WHEN length({value}) <= {LONGEST_TOLD} THEN {value} "
        f"ELSE {value}[:{LONGEST_TOLD}] || '…' END"
    )


def _summary(con: duckdb.DuckDBPyConnection, rule: Broken, count: int, row: int) -> dict[str, Any]:
    example = con.execute("SELECT __rule FROM __bad_rows WHERE __row = ?", [row]).fetchone()
    where = rule.column["where"] or {}
    return {
        "column": rule.column["name"],
        "rule": rule.text,
        "rows": count,
        "example": example[0] if example else None,
        "line": where.get("line"),
        "where": rule.column["where"],
    }


def _merged(summary: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a rule: each part of a source has rules of its own."""
    out: dict[tuple[Any, Any], dict[str, Any]] = {}
    for entry in summary:
        known = out.setdefault((entry["column"], entry["rule"]), {**entry, "rows": 0})
        known["rows"] += entry["rows"]
    return list(out.values())


def _as_text(part: Part, names: list[str]) -> str:
    picked = (
        f"CAST({part.columns[n].sql} AS VARCHAR) AS {sql_name(n)}" if n in part.columns else f"NULL AS {sql_name(n)}"
        for n in names
    )
    return f"SELECT {', '.join(picked)} FROM {part.table}"


def _facts(con: duckdb.DuckDBPyConnection, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each column of the good rows: type, nulls, smallest and largest value as text."""
    picked = ", ".join(
        f"count(v{i}), CAST(min(v{i}) AS VARCHAR), CAST(max(v{i}) AS VARCHAR)" for i in range(len(columns))
    )
    found = con.execute(f"SELECT count(*), {picked} FROM __staged WHERE __bad IS NULL").fetchone()
    assert found is not None
    facts = {}
    for i, column in enumerate(columns):
        known, lo, hi = found[1 + 3 * i : 4 + 3 * i]
        facts[column["name"]] = {"type": column["type"], "nulls": found[0] - known}
        if column["type"] not in ("string", "category"):  # texts may be personal: reports stay free of them
            facts[column["name"]] |= {"min": lo, "max": hi}
    return facts
