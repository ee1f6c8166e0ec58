"""Dataset functions of data rules and user metrics as SQL aggregates. Nulls are skipped but by rows, null_share, share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .literals import sql_literal, sql_name, sql_text
from .terms import Binder, Term


@dataclass(frozen=True, slots=True)
class Environment:
    """What aggregates may need besides the rows: `now` in microseconds since 1970 UTC, and the rows files of other data
    blocks by name."""

    now: int | None = None
    others: Mapping[str, Path] = field(default_factory=dict)

    def exists_in(self, value: str, other: dict[str, Any]) -> str:
        """Whether every value that is not null stands in the other block's column (a ColumnRef named `block.column`)."""
        block, _, column = other["name"].partition(".")
        if block not in self.others:
            raise ValueError(f"the rows of {block} are not among the inputs of this step")
        known = f"SELECT {sql_name(column)} FROM read_parquet({sql_text(str(self.others[block]))})"
        known += f" WHERE {sql_name(column)} IS NOT NULL"
        return f"coalesce(bool_and({value} IN ({known})) FILTER ({value} IS NOT NULL), TRUE)"


Aggregate = Callable[[Environment, Binder, list[Term]], Term]


def _of(call: str, kind: str | None = None, *, as_float: bool = False) -> Aggregate:
    """An aggregate of one argument, written $."""

    def make(env: Environment, b: Binder, args: list[Term]) -> Term:
        x = b.tight(b.convert(args[0], "float") if as_float else args[0])
        made = kind or x.kind
        return Term(call.replace("$", x.sql), made, loose=made == "float")

    return make


def _quantile(env: Environment, b: Binder, args: list[Term]) -> Term:
    x = b.tight(b.convert(args[0], "float"))
    return Term(f"quantile_cont({x.sql}, {args[1].sql})", "float", loose=True)


def _correlation(env: Environment, b: Binder, args: list[Term]) -> Term:
    x, y = (b.tight(b.convert(a, "float")) for a in args)
    return Term(f"corr({x.sql}, {y.sql})", "float", loose=True)


def _freshness(env: Environment, b: Binder, args: list[Term]) -> Term:
    now = sql_literal(env.now, "duration")
    return Term(f"({now} - epoch_us(max({b.convert(args[0], 'timestamp').sql})))", "duration")


_TRUE = "CASE WHEN $ THEN 1 ELSE 0 END"

DATASET: dict[str, Aggregate] = {
    "rows": lambda env, b, args: Term("count(*)", "int"),
    "null_share": _of("(CAST(count(*) - count($) AS DOUBLE) / nullif(count(*), 0))", "float"),
    "share": _of(f"(CAST(sum({_TRUE}) AS DOUBLE) / nullif(count(*), 0))", "float"),
    "unique": _of("(count($) = count(DISTINCT $))", "bool"),
    "distinct": _of("count(DISTINCT $)", "int"),
    "min": _of("min($)"),
    "max": _of("max($)"),
    "mean": _of("avg($)", "float", as_float=True),
    "std": _of("stddev_samp($)", "float", as_float=True),
    "median": _of("median($)", "float", as_float=True),
    "quantile": _quantile,
    "freshness": _freshness,
    "correlation": _correlation,
}
