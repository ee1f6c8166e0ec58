"""The step `ingest`: a source to typed rows, with the rows that break their columns' clauses put aside.

Where all rows are good, which is the common case, the source is scanned once and goes straight to its file. Else it is
staged: scanned into a table, which is told apart, and once more for the text of bad rows. Both files are byte-identical
for equal input.
"""

from __future__ import annotations

import errno
import json
import os
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
    con = place.con
    zone = zone_offset(settings["source"].get("timezone"))
    straight = _copied_straight(con, source, columns, zone, rows)
    rules = [] if straight else _stage(con, settings, source, columns, zone, limit)
    rejects = [] if straight else source.rejects()
    if not straight:
        good = f"SELECT {_named(columns)}, __row FROM __staged WHERE __bad IS NULL"
        con.execute(f"COPY ({good}) TO {sql_text(str(rows))} ({PARQUET})")
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
    con.execute(f"DROP {'VIEW' if straight else 'TABLE'} __staged")
    return report


def _named(columns: list[dict[str, Any]]) -> str:
    return ", ".join(f"v{i} AS {sql_name(c['name'])}" for i, c in enumerate(columns))


def _copied_straight(
    con: duckdb.DuckDBPyConnection, source: Source, columns: list[dict[str, Any]], zone: str | None, rows: Path
) -> bool:
    """Write all rows as good ones, and a view __staged of them; False, with nothing to be kept, at the first bad row or
    whatever else is wrong, which staging then tells."""
    import duckdb

    typed = " UNION ALL ".join(_typed(part, columns, zone, []) for part in source.parts)
    good = "CASE WHEN __bad IS NULL THEN TRUE ELSE CAST(error('bad row ' || __bad) AS BOOLEAN) END"
    query = f"SELECT {_named(columns)}, row_number() OVER () - 1 AS __row FROM ({typed}) WHERE {good}"
    try:
        con.execute(f"COPY ({query}) TO {sql_text(str(rows))} ({PARQUET})")
        straight = not source.rejects()
    except duckdb.Error:
        straight = False
    if straight:
        values = ", ".join(f"{sql_name(c['name'])} AS v{i}" for i, c in enumerate(columns))
        view = f"SELECT {values}, __row, CAST(NULL AS INTEGER) AS __bad FROM read_parquet({sql_text(str(rows))})"
        con.execute(f"CREATE OR REPLACE TEMP VIEW __staged AS {view}")
    else:
        rows.unlink(missing_ok=True)
        con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    return straight


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
        if column["name"].lower() == "__row":
            note = f'Another name takes its values: row : {column["type"]} from "{column["raw"]}".'
            message = f"{data} cannot have a column named {column['name']}: rows are numbered under that name."
            raise StepError("MLC8017", "clashing-column", message, where=column["where"], help=note)
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
    zone: str | None,
    limit: int | None,
) -> list[Broken]:
    """Fill __staged: v0 v1 … typed values, __row, and __bad, the number of the first rule that the row breaks."""
    import duckdb

    rules: list[Broken] = []
    refusal: duckdb.Error | None = None
    try:
        try:
            _fill(con, [_typed(part, columns, zone, rules) for part in source.parts])
            doubted = bool(source.rejects())
        except duckdb.InvalidInputException as error:
            if "invalid state" not in str(error):
                raise
            doubted = True
            refusal = error
        again = source.uniform() if doubted else None
        if again is not None:
            # What the reader refused may be sound: where a file mixes line ends, it takes some of them for text.
            rules.clear()
            con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
            source.parts = _limited(again, limit)
            _fill(con, [_typed(part, columns, zone, rules) for part in source.parts])
        elif refusal is not None:
            raise refusal
    except duckdb.OutOfMemoryException:
        raise  # says nothing of the source
    except duckdb.Error as error:
        if "No space left" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
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
    kept = list(dict.fromkeys(name for part in source.parts for name in part.columns))
    place = {name: f"r{i}" for i, name in enumerate(kept)}  # source names may differ in case only
    con.execute(
        "CREATE OR REPLACE TEMP TABLE __bad_rows ("
        + "".join(f"{column} VARCHAR, " for column in place.values())
        + "__row BIGINT, __rule VARCHAR)"
    )
    if counted:
        texts = " UNION ALL ".join(_as_text(part, place) for part in source.parts)
        cases = " ".join(
            f"WHEN {k} THEN {sql_text(rules[k].column['name'] + ': ')} || "
            f"{_told(place.get(rules[k].column['raw'], 'NULL'))} || {sql_text(' ' + rules[k].text)}"
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
        into = "(r0, __rule)" if text else "(__rule)"
        con.execute(f"INSERT INTO __bad_rows {into} VALUES ({filled}?)", [*text, line])
    named = "".join(f"r{i} AS {sql_name(name)}, " for i, name in enumerate(_apart(kept)))
    con.execute(f"COPY (SELECT {named}__row, __rule FROM __bad_rows) TO {sql_text(str(path))} ({PARQUET})")
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
    return {
        "column": rule.column["name"],
        "rule": rule.text,
        "rows": count,
        "example": example[0] if example else None,
    }


def _merged(summary: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a rule: each part of a source has rules of its own."""
    out: dict[tuple[Any, Any], dict[str, Any]] = {}
    for entry in summary:
        known = out.setdefault((entry["column"], entry["rule"]), {**entry, "rows": 0})
        known["rows"] += entry["rows"]
    return list(out.values())


def _as_text(part: Part, place: dict[str, str]) -> str:
    picked = (
        f"CAST({part.columns[n].sql} AS VARCHAR) AS {column}" if n in part.columns else f"NULL AS {column}"
        for n, column in place.items()
    )
    return f"SELECT {', '.join(picked)} FROM {part.table}"


def _apart(names: list[str]) -> list[str]:
    """The names, with a number behind each that an earlier one differs from in case only, or that a column of ours has."""
    taken, out = {"__row", "__rule"}, []
    for name in names:
        made, number = name or "column", 2
        while made.lower() in taken:
            made, number = f"{name}_{number}", number + 1
        taken.add(made.lower())
        out.append(made)
    return out


def _facts(con: duckdb.DuckDBPyConnection, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each column of the good rows: type, nulls, smallest and largest value as text. Texts may be personal: reports
    stay free of them."""
    facts: dict[str, Any] = {column["name"]: {"type": column["type"], "nulls": 0} for column in columns}
    asked: list[tuple[str, str]] = []
    picked: list[str] = []
    for i, column in enumerate(columns):
        if column["nullable"]:
            asked.append((column["name"], "nulls"))
            picked.append(f"count(*) - count(v{i})")
        if column["type"] not in ("string", "category"):
            asked += [(column["name"], "min"), (column["name"], "max")]
            picked += [f"CAST(min(v{i}) AS VARCHAR)", f"CAST(max(v{i}) AS VARCHAR)"]
    if picked:
        found = con.execute(f"SELECT {', '.join(picked)} FROM __staged WHERE __bad IS NULL").fetchone()
        assert found is not None
        for (name, fact), value in zip(asked, found, strict=True):
            facts[name][fact] = value
    return facts
