"""Features that other features use, computed in order: nested SELECTs, with a table in between where they would nest too
deep for DuckDB, which binds and optimises a query by recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..expr.literals import sql_name
from ..expr.sql import to_sql

if TYPE_CHECKING:
    import duckdb

DEEPEST = 16  # nested SELECTs

Expr = dict[str, Any]
Layer = dict[str, Expr]


def stages(
    con: duckdb.DuckDBPyConnection, table: str, define: Sequence[tuple[str, Expr]], wanted: Sequence[Expr]
) -> Iterator[tuple[str, list[int]]]:
    """FROM items in turn, each with the numbers of the `wanted` expressions to be computed over it. Each holds until the
    next is asked for; all have the rows of `table` in its order."""
    if not define:
        yield table, list(range(len(wanted)))
        return
    layers = _layers(define)
    blocks = [layers[at : at + DEEPEST] for at in range(0, len(layers), DEEPEST)]
    place = {name: number for number, block in enumerate(blocks) for layer in block for name in layer}
    reads = [column_names(expr) for expr in wanted]
    due = [max((place.get(name, 0) for name in names), default=0) for names in reads]
    held = {name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
    later = _needed_after(blocks, reads, due)
    for number, block in enumerate(blocks):
        now = [at for at, when in enumerate(due) if when == number]
        needed = later[number].union(*(reads[at] for at in now))
        source = _nested(table, held, block, needed)
        held = (held | {name for layer in block for name in layer}) & needed
        if number + 1 < len(blocks):
            table = f"__defined{number % 2}"
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM {source}")
            source = table
        yield source, now
    for number in range(min(len(blocks) - 1, 2)):
        con.execute(f"DROP TABLE __defined{number}")


def _layers(define: Sequence[tuple[str, Expr]]) -> list[Layer]:
    """Consecutive definitions that do not need each other, together."""
    layers: list[Layer] = [{}]
    for name, expr in define:
        if name in layers[-1] or not column_names(expr).isdisjoint(layers[-1]):
            layers.append({})
        layers[-1][name] = expr
    return layers


def _needed_after(blocks: Sequence[Sequence[Layer]], reads: Sequence[set[str]], due: Sequence[int]) -> list[set[str]]:
    """For each block the names that later blocks, or expressions computed over those, may read."""
    found: list[set[str]] = []
    needed: set[str] = set()
    for number in range(len(blocks) - 1, -1, -1):
        found.append(needed)
        own = (column_names(expr) for layer in blocks[number] for expr in layer.values())
        needed = needed.union(*own, *(reads[at] for at, when in enumerate(due) if when == number))
    return found[::-1]


def _nested(source: str, held: set[str], block: Sequence[Layer], needed: set[str]) -> str:
    """`source` with the columns of a block of layers, each over the one before; of others only those that are needed."""
    after: list[set[str]] = [needed]
    for layer in reversed(block[1:]):
        after.append(after[-1].union(*(column_names(expr) for expr in layer.values())))
    for layer, keep in zip(block, reversed(after), strict=True):
        kept = sorted((held & keep) - layer.keys())
        made = [f"{to_sql(expr)} AS {sql_name(name)}" for name, expr in layer.items() if name in keep]
        picked = [*map(sql_name, kept), *made]
        source = f"(SELECT {', '.join(picked or ['1'])} FROM {source})"
        held = (held | layer.keys()) & keep
    return source


def column_names(expr: Any) -> set[str]:
    """Names of the columns that an expression reads."""
    if isinstance(expr, dict):
        if expr.get("op") == "column":
            return {expr["name"]}
        return set().union(*(column_names(v) for v in expr.values()))
    if isinstance(expr, list | tuple):
        return set().union(*(column_names(v) for v in expr))
    return set()
