"""Which column is the key, which the target, and what kind of task that makes."""

from __future__ import annotations

import re
from typing import NamedTuple

from mlopsc.diagnostics.suggest import nearest
from mlopsc.driver.failure import Failure
from mlopsc.driver.starter.table import Column, Table

MOST_CLASSES = 10  # different whole numbers that still are labels, not amounts

_KEY = re.compile(r"^(id|key|uuid|guid|pk|.*_(id|key|uuid|guid|no|number)|instant|index|row|.*id)$")
# The usual names of a label, the surest first.
_TARGET = (
    re.compile(r"^(target|label|y|class|outcome|response)$"),
    re.compile(r"(^|_)(churn|churned|target|label|fraud|default|survived|converted|outcome|class)($|_)"),
)


class Choice(NamedTuple):
    """`task` is binary, multiclass or regression; `positive` the class that counts, None for true or the last level."""

    key: Column | None
    target: Column
    task: str
    why: str  # how the target was found


def choose(table: Table, wanted: str | None) -> Choice:
    """Raises Failure where `wanted` is not a column, or no column can be a target."""
    key = next((c for c in table.columns if _can_be_key(c) and _KEY.match(c.name)), None)
    target, why = _target(table, key, wanted)
    if target is key:
        key = None
    return Choice(key, target, _task(target), why)


def _can_be_key(column: Column) -> bool:
    return column.unique and not column.nullable and column.type in ("int", "string")


def _target(table: Table, key: Column | None, wanted: str | None) -> tuple[Column, str]:
    if wanted is not None:
        return _asked_for(table, wanted), "as asked for"
    fit = [c for c in table.columns if c is not key and _can_be_target(c)]
    if not fit:
        raise Failure(f"no column of {table.path} can be a target: name one with --target-column")
    for pattern in _TARGET:
        for column in fit:
            if pattern.search(column.name):
                return column, "by its name"
    return fit[-1], "the last column that can be one; --target-column chooses another"


def _asked_for(table: Table, wanted: str) -> Column:
    for column in table.columns:
        if wanted in (column.raw, column.name):
            if not _can_be_target(column):
                raise Failure(
                    f"column {wanted} cannot be a target: it is a {column.type} with {column.distinct} different values"
                )
            return column
    best = nearest(wanted, [column.raw for column in table.columns])
    raise Failure(f"{table.path} has no column {wanted}" + (f"; did you mean {best}?" if best else ""))


def _can_be_target(column: Column) -> bool:
    if column.distinct - len(column.missing) < 2:
        return False
    return column.type in ("bool", "int", "float") or (column.type == "category" and column.levels is not None)


def _task(target: Column) -> str:
    """Also turns a target of few different whole numbers into the category that it is."""
    if target.type == "int" and target.lo is not None and target.hi is not None:
        span = target.hi - target.lo + 1
        if span <= MOST_CLASSES and target.distinct == span:
            target.type, target.levels = "category", tuple(str(int(target.lo) + i) for i in range(int(span)))
    if target.type in ("int", "float"):
        return "regression"
    return "binary" if target.type == "bool" or len(target.levels or ()) == 2 else "multiclass"
