"""The clauses of a column as SQL conditions that are true where a row breaks them, each with its text."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..expr.literals import kind_of, sql_literal, sql_text
from .cast import Cast


class Broken(NamedTuple):
    """A rule that a value may break: `condition` on columns c and v, `text` reads after the value: "is not in 0..100"."""

    column: dict[str, Any]
    condition: str
    text: str


def column_rules(column: dict[str, Any], cast: Cast, c: str, v: str) -> tuple[str, list[Broken]]:
    """One condition that holds where the column's value is good, and the rules in the order in which they are told."""
    kind = kind_of(column["type"])
    nan = None if cast.nan is None else cast.nan.replace("\0c", c)
    readable = f"({v} IS NOT NULL OR {c} IS NULL" + (f" OR {nan})" if nan else ")")
    rules = [Broken(column, f"NOT coalesce({readable}, FALSE)", f"is no {type_text(column)}")]
    good = [readable if column["nullable"] else f"{v} IS NOT NULL"]
    if not column["nullable"]:
        rules.append(Broken(column, f"{v} IS NULL", "is null"))
    for condition, text in _clauses(column, kind, v):
        good.append(f"coalesce({condition}, TRUE)" if column["nullable"] else condition)
        rules.append(Broken(column, f"NOT ({condition})", text))
    return " AND ".join(good), rules


def type_text(column: dict[str, Any]) -> str:
    if column.get("true_false"):
        return "bool({})".format(", ".join(f'"{t}"' for t in column["true_false"]))
    return str(column["type"])


def _clauses(column: dict[str, Any], kind: str, v: str) -> list[tuple[str, str]]:
    out = []
    if column.get("levels"):
        levels = column["levels"]
        shown = ", ".join(f'"{level}"' for level in levels[:6]) + (", …" if len(levels) > 6 else "")
        out.append((f"{v} IN ({', '.join(sql_text(level) for level in levels)})", f"is not one of {shown}"))
    lo, hi = column.get("lo"), column.get("hi")
    if lo is not None and hi is not None:
        out.append((f"{v} BETWEEN {_bound(lo, kind)} AND {_bound(hi, kind)}", f"is not in {lo}..{hi}"))
    if column.get("allowed") is not None:
        allowed = column["allowed"]
        shown = ", ".join(str(a) for a in allowed[:6]) + (", …" if len(allowed) > 6 else "")
        out.append((f"{v} IN ({', '.join(_bound(a, kind) for a in allowed)})", f"is not in [{shown}]"))
    if column.get("matches") is not None:
        pattern = sql_text(column["matches"])
        out.append((f"regexp_full_match(CAST({v} AS VARCHAR), {pattern})", f'does not match "{column["matches"]}"'))
    return out


def _bound(value: Any, kind: str) -> str:
    """A bound in the column's kind; a fractional bound of an int column stays a float."""
    if kind == "int" and isinstance(value, float):
        return sql_literal(value, "float")
    return sql_literal(value, kind)
