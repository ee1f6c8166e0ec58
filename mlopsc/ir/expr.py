"""Expressions of the Plan: a closed tree of few node kinds; the functions are a table (`mlopsc.catalog.functions` for
their types, `mlopsc.runtime.expr.functions` for their meaning in SQL and Python).

Types are written as text: int float bool string category date timestamp duration, with `?` where a null may stand.
A literal date is "2026-01-31", a timestamp "2026-01-31T00:00:00.000000Z", a duration an integer of microseconds.
Category values are always text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Scalar = bool | int | float | str | None


class ColumnRef(Frozen):
    """A column of the table at hand."""

    op: Literal["column"] = "column"
    name: str
    type: str


class FeatureRef(Frozen):
    """A feature of the same block that has no pipe, by name: its value in the same row."""

    op: Literal["feature"] = "feature"
    name: str
    type: str


class LiteralExpr(Frozen):
    op: Literal["literal"] = "literal"
    value: Scalar
    type: str


class ParamExpr(Frozen):
    """A run-time parameter; the runtime replaces it by a literal before anything is computed."""

    op: Literal["param"] = "param"
    name: str
    type: str


class ListNode(Frozen):
    """Literals only; the right side of `in`, or the edges of bucket."""

    op: Literal["list"] = "list"
    items: tuple[Expr, ...]
    type: str  # of an item


class RangeNode(Frozen):
    """Both ends in; the right side of `in`."""

    op: Literal["range"] = "range"
    lo: Expr
    hi: Expr
    type: str


class CallNode(Frozen):
    """fn: an operator (+ - * / neg == != < <= > >= and or not if in "not in" "is null" "is not null") or a row
    function, or in data rules a dataset function (rows null_share …) whose arguments are row expressions."""

    op: Literal["call"] = "call"
    fn: str
    args: tuple[Expr, ...]
    type: str


class AggregateNode(Frozen):
    """A point-in-time aggregate over another data block: rows of `data` strictly earlier than the row's own time."""

    op: Literal["aggregate"] = "aggregate"
    fn: str
    data: str
    expr: Expr | None
    on: tuple[tuple[str, str], ...]  # (column here, column there)
    over: int | None  # microseconds
    where: Expr | None
    type: str


class LookupNode(Frozen):
    op: Literal["lookup"] = "lookup"
    data: str
    column: str
    on: tuple[tuple[str, str], ...]
    type: str


class MetricNode(Frozen):
    """A number of a model (gates) or of a deployment (monitors). `args` holds quantile, metric, by, feature, method."""

    op: Literal["metric"] = "metric"
    subject: Literal["model", "champion", "baseline", "deployment"]
    name: str
    args: dict[str, Scalar] = {}
    type: str = "float"


Expr = Annotated[
    ColumnRef
    | FeatureRef
    | LiteralExpr
    | ParamExpr
    | ListNode
    | RangeNode
    | CallNode
    | AggregateNode
    | LookupNode
    | MetricNode,
    Field(discriminator="op"),
]

for _model in (ListNode, RangeNode, CallNode, AggregateNode):
    _model.model_rebuild()
