"""Literal filters: the only ways in which a user's text or number enters generated SQL or Python."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

SQL_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "share": "DOUBLE",
    "size": "BIGINT",
    "bool": "BOOLEAN",
    "string": "VARCHAR",
    "category": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "duration": "BIGINT",  # microseconds
    "null": "VARCHAR",
}


def kind_of(type_: str) -> str:
    """The kind of a type as the Plan writes it: without `?`, category and string alike, units as plain numbers."""
    kind = type_.rstrip("?")
    return {"category": "string", "share": "float", "size": "int", "error": "null"}.get(kind, kind)


def sql_name(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A SQL string literal. DuckDB's parser ends a statement at NUL, so NUL is spelled chr(0)."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def sql_literal(value: Any, kind: str) -> str:
    """The SQL of a Plan literal of that kind; a float that is not finite is null, as everywhere."""
    if value is None:
        return f"CAST(NULL AS {SQL_TYPES[kind]})"
    if kind in ("int", "duration"):
        return f"CAST({int(value)} AS BIGINT)" if abs(int(value)) < 2**63 else "CAST(NULL AS BIGINT)"
    if kind == "float":
        number = float(value)
        return f"CAST('{number!r}' AS DOUBLE)" if math.isfinite(number) else "CAST(NULL AS DOUBLE)"
    if kind == "bool":
        return "TRUE" if value else "FALSE"
    if kind == "date":
        return f"CAST({sql_text(parse_date(value).isoformat())} AS DATE)"
    if kind == "timestamp":
        return f"CAST({sql_text(parse_timestamp(value).isoformat(sep=' '))} AS TIMESTAMP)"
    return sql_text(str(value))


def python_value(value: Any, kind: str) -> Any:
    """The Python value of a Plan literal: a duration is an int of microseconds, a timestamp naive UTC."""
    if value is None:
        return None
    if kind in ("int", "duration"):
        return int(value) if abs(int(value)) < 2**63 else None
    if kind == "float":
        return float(value) if math.isfinite(float(value)) else None
    if kind == "bool":
        return bool(value)
    if kind == "date":
        return parse_date(value)
    if kind == "timestamp":
        return parse_timestamp(value)
    return str(value)


def parse_date(value: Any) -> date:
    """A Plan date, "2026-01-31"; the date of a timestamp text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def parse_timestamp(value: Any) -> datetime:
    """A Plan timestamp, "2026-01-31T00:00:00.000000Z" or a plain date, as naive UTC."""
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value).removesuffix("Z"))
