"""From what a source holds to what the columns section promises, as SQL: language.md, "Reading".

Each column passes three projections, so that nothing is computed twice: `c` as received with its `missing` texts as null,
`t` DuckDB's own cast of it, `v` the value. DuckDB's casts also read `1_000`, `0x1F`, `880.5` as an integer and `2026/1/5`, so
a cast counts only where the text is the canonical one; any other text takes the slow, strict way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..expr import rows
from ..expr.functions import TRIM_SET, text_to_float_sql, text_to_int_sql
from ..expr.literals import sql_literal, sql_text
from ..expr.terms import Binder, Term

INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
TIMESTAMPS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
READABLE = (
    INTEGERS | TIMESTAMPS | {"VARCHAR", "DOUBLE", "FLOAT", "BOOLEAN", "DATE", '"NULL"', "NULL", "UUID", "JSON", "TIME"}
)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = _DAY + r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?)?"
_OFFSET = r"(?:[Zz]|[+-](?:0[0-9]|1[0-9]|2[0-3])(?::?[0-5][0-9])?)"
_ZONED = f"({_MOMENT}) ?({_OFFSET})?"
C, T = "\0c", "\0t"  # stand for the column as received and for DuckDB's cast of it
_NAN = "('nan', '+nan', '-nan')"


class Received(NamedTuple):
    """A column as the source gives it: its SQL, its DuckDB type ("ENUM(…)" as VARCHAR), and whether the source tells
    null from empty text."""

    sql: str
    type: str
    native: bool

    @property
    def readable(self) -> bool:
        return self.type in READABLE or self.type.startswith("DECIMAL")


class Cast(NamedTuple):
    """`received` in terms of the source, `cast` of c, `value` of c and t, `nan`: where a value that is not null may become null
    without breaking its type. c and t are written NUL c and NUL t: no literal holds a NUL (see `sql_text`)."""

    received: str
    cast: str
    value: str
    nan: str | None


def cast_column(column: dict[str, Any], received: Received, zone: str | None) -> Cast:
    """`zone`: SQL of the local offset of $ (microseconds since 1970, local) in microseconds; None for UTC."""
    source = _textual(column["type"], received)
    sql = _without_missing(column, source)
    if source.type == "VARCHAR":
        cast, value = _from_text(column, zone)
        nan = f"lower(trim(\0c, {TRIM_SET})) IN {_NAN}" if column["type"] in ("int", "float") else None
        return Cast(sql, cast, value, nan)
    return Cast(sql, *_from_native(column["type"], source.type, zone))


def _textual(kind: str, received: Received) -> Received:
    """The column as text, unless a direct conversion from its own type exists."""
    sql, type_ = received.sql, received.type
    if type_ in ("NULL", '"NULL"', "UUID", "JSON", "TIME"):
        return Received(f"CAST({sql} AS VARCHAR)", "VARCHAR", True)
    numeric = type_ in INTEGERS or type_ in ("DOUBLE", "FLOAT") or type_.startswith("DECIMAL")
    direct = {
        "int": numeric,
        "float": numeric,
        "bool": type_ == "BOOLEAN",
        "date": type_ == "DATE" or type_ in TIMESTAMPS,
        "timestamp": type_ == "DATE" or type_ in TIMESTAMPS,
    }
    if direct.get(kind, False):
        return received
    if type_ == "VARCHAR":
        if received.native and kind not in ("string", "category"):
            return Received(f"nullif({sql}, '')", "VARCHAR", True)
        return received
    if type_ in ("DOUBLE", "FLOAT") or type_.startswith("DECIMAL"):
        real = f"CAST({sql} AS DOUBLE)"
        whole = f"CAST(TRY_CAST({real} AS BIGINT) AS VARCHAR)"
        plain = (
            f"CASE WHEN {real} = floor({real}) AND abs({real}) <= {2**53} THEN {whole} ELSE CAST({real} AS VARCHAR) END"
        )
        text = f"CAST({real} AS VARCHAR)" if kind == "string" else plain
        return Received(f"(CASE WHEN NOT isnan({real}) THEN {text} END)", "VARCHAR", True)
    if type_ in TIMESTAMPS:
        return Received(f"(replace(CAST({_utc(sql, type_)} AS VARCHAR), ' ', 'T') || 'Z')", "VARCHAR", True)
    return Received(f"CAST({sql} AS VARCHAR)", "VARCHAR", True)


def _utc(sql: str, type_: str) -> str:
    return f"make_timestamp(epoch_us({sql}))" if type_ == "TIMESTAMP WITH TIME ZONE" else f"CAST({sql} AS TIMESTAMP)"


def _without_missing(column: dict[str, Any], source: Received) -> str:
    """Texts in `missing` as null: compared as they are and, where values are trimmed, also without white space; with a
    number as a number."""
    missing = column.get("missing") or ()
    if not missing:
        return source.sql
    texts = ", ".join(sql_text(m) for m in missing)
    if source.type == "VARCHAR":
        test = f"{source.sql} IN ({texts})"
        if column["type"] not in ("string", "category"):
            test += f" OR trim({source.sql}, {TRIM_SET}) IN ({texts})"
    elif source.type in TIMESTAMPS or source.type in ("DATE", "BOOLEAN"):
        test = f"CAST({source.sql} AS VARCHAR) IN ({texts})"
    else:
        numbers = [sql_literal(x, "float") for m in missing if (x := rows.text_to_float(m)) is not None]
        test = f"CAST({source.sql} AS DOUBLE) IN ({', '.join(numbers)})" if numbers else "FALSE"
    return f"CASE WHEN {test} THEN NULL ELSE {source.sql} END"


def _from_text(column: dict[str, Any], zone: str | None) -> tuple[str, str]:
    kind = column["type"]
    trimmed = f"trim(\0c, {TRIM_SET})"
    if kind == "int":
        slow = text_to_int_sql(Binder(), C)
        return (
            "TRY_CAST(\0c AS BIGINT)",
            f"CASE WHEN CAST(\0t AS VARCHAR) = \0c THEN \0t WHEN \0c IS NOT NULL THEN {slow} END",
        )
    if kind == "float":
        slow = text_to_float_sql(Binder(), C)
        fast = "isfinite(\0t) AND NOT contains(\0c, '_')"
        return "TRY_CAST(\0c AS DOUBLE)", f"CASE WHEN {fast} THEN \0t WHEN \0c IS NOT NULL THEN {slow} END"
    if kind == "bool":
        return "NULL", _bool_text(column.get("true_false"), trimmed)
    if kind == "date":
        slow = f"CASE WHEN regexp_full_match({trimmed}, {sql_text(_DAY)}) THEN TRY_CAST({trimmed} AS DATE) END"
        fast = "CAST(\0t AS VARCHAR) = \0c AND length(\0c) = 10"
        return "TRY_CAST(\0c AS DATE)", f"CASE WHEN {fast} THEN \0t WHEN \0c IS NOT NULL THEN {_dated(slow)} END"
    if kind == "timestamp":
        return "NULL", _timestamp_text(trimmed, zone)
    levels = column.get("levels")
    if kind == "category" and levels and all(str(rows.text_to_int(v)) == v for v in levels):
        names = ", ".join(sql_text(v) for v in levels)
        return "NULL", f"CASE WHEN \0c IN ({names}) OR \0c IS NULL THEN \0c ELSE {_plain_int()} END"
    return "NULL", "\0c"


def _plain_int() -> str:
    """Levels that are integers take `01` and `1.0`, as the column of a table with nulls is often written."""
    return f"coalesce(CAST({text_to_int_sql(Binder(), C)} AS VARCHAR), \0c)"


def _bool_text(true_false: tuple[str, str] | None, trimmed: str) -> str:
    if true_false:
        yes, no = (sql_text(t.strip(rows.WHITE_SPACE)) for t in true_false)
        fast = f"WHEN \0c = {yes} THEN TRUE WHEN \0c = {no} THEN FALSE"
        slow = f"CASE {trimmed} WHEN {yes} THEN TRUE WHEN {no} THEN FALSE END"
    else:
        fast = "WHEN \0c IN ('true', '1', 'True') THEN TRUE WHEN \0c IN ('false', '0', 'False') THEN FALSE"
        slow = f"CASE lower({trimmed}) WHEN 'true' THEN TRUE WHEN '1' THEN TRUE WHEN 'false' THEN FALSE WHEN '0' THEN FALSE END"
    return f"CASE {fast} WHEN \0c IS NOT NULL THEN {slow} END"


def _dated(sql: str) -> str:
    """Years 1 to 9999 only: what Python and ISO 8601 can write."""
    return f"(CASE WHEN {sql} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {sql} END)"


def _timestamp_text(trimmed: str, zone: str | None) -> str:
    b = Binder()
    pattern = sql_text(_ZONED)
    day_or_moment = f"TRY_CAST(regexp_extract({trimmed}, {pattern}, 1) AS TIMESTAMP)"
    offset = f"regexp_extract({trimmed}, {pattern}, 2)"
    sign = f"CASE WHEN {offset}[1] = '-' THEN 1 ELSE -1 END"  # local = UTC + offset
    digits = f"replace({offset}[2:], ':', '')"
    minutes = f"(CAST({digits}[1:2] AS BIGINT) * 60 + coalesce(TRY_CAST({digits}[3:4] AS BIGINT), 0))"
    local = f"epoch_us({day_or_moment})"
    shifted = f"{local} + ({sign}) * {minutes} * 60000000"
    unzoned = _from_local(b, local, zone)
    moment = f"CASE WHEN {offset} = '' THEN {unzoned} WHEN {offset}[1] IN ('Z', 'z') THEN {local} ELSE {shifted} END"
    made = _bounded(b, moment)
    fast = f"regexp_full_match(\0c, {sql_text(_MOMENT)})"
    quick = _bounded(b, _from_local(b, "epoch_us(TRY_CAST(\0c AS TIMESTAMP))", zone))
    return f"CASE WHEN {fast} THEN {quick} WHEN regexp_full_match({trimmed}, {pattern}) THEN {made} END"


def _from_local(b: Binder, us: str, zone: str | None) -> str:
    return us if zone is None else b.let(Term(us, "int"), lambda x: f"({x} - {zone.replace('$', x)})")


def _bounded(b: Binder, us: str) -> str:
    inside = f"BETWEEN {rows.TIME_LO} AND {rows.TIME_HI}"
    return b.let(Term(us, "int"), lambda x: f"(CASE WHEN {x} {inside} THEN make_timestamp({x}) END)")


def _from_native(kind: str, type_: str, zone: str | None) -> tuple[str, str, str | None]:
    """Cast, value and NaN test of a column that already has a fitting type."""
    real = type_ in ("DOUBLE", "FLOAT")
    nan = "isnan(\0c)" if real else None
    if kind == "int":
        if type_ in INTEGERS:
            return "TRY_CAST(\0c AS BIGINT)", "\0t", None
        whole = "\0c = floor(\0c)"
        return "TRY_CAST(\0c AS BIGINT)", f"CASE WHEN {whole} THEN \0t END", nan
    if kind == "float":
        return "CAST(\0c AS DOUBLE)", "CASE WHEN isfinite(\0t) THEN \0t END" if real else "\0t", nan
    if kind == "date":
        if type_ == "DATE":
            return "\0c", _dated("\0t"), None
        utc = _utc("\0c", type_)
        return utc, _dated("CASE WHEN \0t = date_trunc('day', \0t) THEN CAST(\0t AS DATE) END"), None
    if kind == "timestamp":
        us = "epoch_us(\0t)" if type_ == "TIMESTAMP WITH TIME ZONE" else _from_local(Binder(), "epoch_us(\0t)", zone)
        return _utc("\0c", type_), _bounded(Binder(), us), None
    return "\0c", "\0t", None
