"""Data blocks to the settings of ingest, clean and validate."""

from __future__ import annotations

from typing import Any

from mlopsc.ir.plan import (
    CleanSettings,
    ColumnPlace,
    ColumnSpec,
    DataRule,
    IngestSettings,
    SourceSpec,
    ValidateSettings,
)
from mlopsc.passes.expressions import lower_expr
from mlopsc.passes.lowering import Lowering, connection, number, plain, relative, setting
from mlopsc.semantics.program import ColumnInfo, DataInfo, DataRuleInfo, Decl


def source_spec(lowering: Lowering, decl: Decl) -> SourceSpec:
    call = decl.settings["source"].value
    args: dict[str, Any] = {name: plain(value) for name, value in call.args.items()}
    found: dict[str, Any] = {"kind": call.name, "timezone": args.get("timezone")}
    if "path" in args:
        found["path"] = relative(decl, args["path"])
    if "connection" in args:
        found["connection"] = connection(lowering.program.decls[args["connection"]])
    if call.name == "csv":
        found |= {"delimiter": args["delimiter"], "encoding": args["encoding"], "header": args["header"]}
    elif call.name == "table":
        found["table"] = args["name"]
    elif call.name == "sql":
        found["query"] = args["query"]
    elif call.name == "python":
        found["ref"] = args["ref"]
    return SourceSpec(**found)


def column_spec(lowering: Lowering, column: ColumnInfo) -> ColumnSpec:
    return ColumnSpec(
        name=column.name,
        raw=column.raw,
        type=column.type.kind,  # type: ignore[arg-type]
        nullable=column.type.nullable,
        levels=column.type.levels,
        true_false=column.true_false,
        missing=column.missing,
        lo=column.lo,
        hi=column.hi,
        allowed=column.allowed,
        matches=column.matches,
        where=lowering.where(column.span),
    )


def data_rule(lowering: Lowering, rule: DataRuleInfo) -> DataRule:
    return DataRule(
        kind=rule.kind,  # type: ignore[arg-type]
        text=rule.text,
        expr=lower_expr(rule.expr),
        where=lowering.where(rule.span),
    )


def ingest(lowering: Lowering, info: DataInfo) -> IngestSettings:
    return IngestSettings(
        data=info.decl.name,
        source=source_spec(lowering, info.decl),
        columns=tuple(column_spec(lowering, column) for column in info.columns.values()),
        extra_columns=setting(info.decl, "extra_columns"),
    )


def clean(info: DataInfo) -> CleanSettings:
    return CleanSettings(
        data=info.decl.name,
        filters=tuple(lower_expr(condition) for condition in info.filters),
        dedupe=tuple(info.dedupe) if info.dedupe is not None else None,
    )


def validate(lowering: Lowering, info: DataInfo) -> ValidateSettings:
    return ValidateSettings(
        data=info.decl.name,
        bad_rows=number(setting(info.decl, "bad_rows")),
        key=tuple(info.key),
        columns=tuple(
            ColumnPlace(name=column.name, where=lowering.where(column.span)) for column in info.columns.values()
        ),
        rules=tuple(data_rule(lowering, rule) for rule in info.rules),
    )
