"""`split = …`: what each kind of split needs of the data and the task."""

from __future__ import annotations

from typing import Any

from mlopsc.semantics.constants import not_by_string
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import CallValue, ModelInfo, Ref, Type
from mlopsc.semantics.rows import check_row
from mlopsc.semantics.types import named
from mlopsc.syntax import ast

_GROUP_TYPES = ("string", "category", "int", "bool", "date")
_VALUES = {"string": str, "category": str, "int": int, "bool": bool, "date": str}


def check_split(ctx: Context, model: ModelInfo) -> None:
    value = model.decl.settings.get("split")
    if value is None:
        return
    split: CallValue = value.value
    if split.name == "random":
        _check_random(ctx, model, split)
    elif split.name == "time":
        _check_time(ctx, model, split)
    else:
        _check_group(ctx, model, split)


def _check_random(ctx: Context, model: ModelInfo, split: CallValue) -> None:
    written = split.args.get("stratify")
    if written is None:
        return
    if model.task == "regression":
        message = "stratify keeps the shares of classes, and this model's task is regression."
        ctx.report("stratify-regression", written.span, message, help="Leave stratify out.")
        return
    if isinstance(written.value, ast.Literal) and written.value.kind == "string":
        not_by_string(ctx, written.value, "stratify", "a column or an expression")
        return
    model.stratify = check_row(ctx, written.value, model.features.data)
    if model.stratify is not None and not model.stratify.columns:
        ctx.report("bad-split", written.span, "stratify needs a column: this is the same for every row.")
        model.stratify = None
    if model.stratify is not None and model.stratify.type.kind in ("float", "timestamp", "duration"):
        message = f"stratify needs a column of few values, and this is {named(Type(model.stratify.type.kind))}."
        ctx.report("bad-split", written.span, message)
        model.stratify = None


def _check_time(ctx: Context, model: ModelInfo, split: CallValue) -> None:
    data = model.features.data
    if data.time is None and data.decl.lacks("time"):
        message = f"A time split needs the event time, and {data.decl.name} names none."
        ctx.report("split-without-time", split.span, message, help=f"Write time = COLUMN in data {data.decl.name}.")
        return
    if ("test" in split.args) == ("after" in split.args):
        message = "A time split takes either test = SHARE or after = date(…)."
        ctx.report("bad-split", split.span, message)


def _check_group(ctx: Context, model: ModelInfo, split: CallValue) -> None:
    data = model.features.data
    ref: Ref = split.args["column"].value
    column = data.columns.get(ref.name)
    if column is None:
        if data.lacks(ref.name):
            word = ast.Name(ref.span[0], ref.span[1], ref.name)
            ctx.unknown("unknown-column", word, f"{data.decl.name} has no column {ref.name}.", data.written())
        return
    if column.type.kind not in _GROUP_TYPES:
        ctx.report(
            "bad-split", ref.span, f"A group is a text, an int or a bool, and {ref.name} is {named(Type(column.type.kind))}."
        )
        return
    test = split.args["test"]
    if isinstance(test.value, list):
        for item in test.value:
            if not _fits(item, column.type):
                message = f"{item!r} is not a value of {ref.name}, which is {named(Type(column.type.kind))}."
                ctx.report("bad-split", test.span, message)
                return
    elif isinstance(test.value, int | float) and not 0 < test.value < 1:
        ctx.report("out-of-bounds", test.span, "The share of the test groups lies between 0% and 100%.")


def _fits(item: Any, type: Type) -> bool:
    if type.numeric_levels:
        return str(item) in (type.levels or ())
    if type.levels is not None:
        return item in type.levels
    return isinstance(item, _VALUES[type.kind]) and (type.kind == "bool" or not isinstance(item, bool))
