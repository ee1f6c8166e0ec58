"""What stands right of |>: transforms against their table, and the types that flow through them."""

from __future__ import annotations

import re
from typing import Any

from mlopsc.catalog.functions import ROW_FUNCTIONS
from mlopsc.catalog.transforms import TRANSFORMS, Transform
from mlopsc.diagnostics.model import Edit
from mlopsc.semantics.classes import say_unchecked
from mlopsc.semantics.constants import bind
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import TransformInfo, Type
from mlopsc.semantics.types import NUMERIC, TEXT, TIMES, named
from mlopsc.syntax import ast

_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+\Z", re.A)


def read_pipe(ctx: Context, calls: list[ast.Call]) -> list[TransformInfo] | None:
    """The transforms with their arguments as JSON values; None after reporting."""
    found = [_transform(ctx, call) for call in calls]
    known = [t for t in found if t is not None]
    return known if len(known) == len(found) else None


def _transform(ctx: Context, node: ast.Call) -> TransformInfo | None:
    name = node.func.text
    transform = TRANSFORMS.get(name)
    if transform is None:
        message = f"There is no transform {name}."
        if name in ROW_FUNCTIONS:
            hint = f"{name} is computed row by row: write {name}(x) left of |>."
            ctx.report("unknown-transform", node.func.span, message, help=hint)
        else:
            ctx.unknown("unknown-transform", node.func, message, TRANSFORMS)
        return None
    if name == "sklearn":
        return _sklearn(ctx, node)
    bound = bind(ctx, node, transform.spec)
    if bound is None:
        return None
    args = {key: value.value for key, value in bound.args.items()}
    if name == "impute" and len(args) > 1:
        message = "impute takes a strategy or a constant, not both."
        ctx.report("bad-transform-argument", node.span, message)
        return None
    return TransformInfo(name, args, node.span)


def _sklearn(ctx: Context, node: ast.Call) -> TransformInfo | None:
    """sklearn("package.Class", name = value …): the class's own arguments, as JSON values."""
    first = node.args[0] if node.args and (node.args[0].name is None or node.args[0].name.text == "class") else None
    text = first.value if first is not None else None
    if not isinstance(text, ast.Literal) or text.kind != "string" or not _CLASS.match(str(text.value)):
        hint = 'For example sklearn("sklearn.preprocessing.KBinsDiscretizer", n_bins = 5).'
        span = node.span if first is None else first.span
        ctx.report("bad-transform-argument", span, "sklearn takes the name of a class first.", help=hint)
        return None
    args: dict[str, Any] = {}
    for arg in node.args[1:]:
        if arg.name is None:
            ctx.report("bad-transform-argument", arg.span, "Arguments of the class are written name = value.")
            return None
        if arg.name.text in args:
            ctx.report("duplicate-argument", arg.span, f"{arg.name.text} is given twice.")
            return None
        found = json_value(ctx, arg.value)
        if found is None:
            return None
        args[arg.name.text] = found[0]
    say_unchecked(ctx, node.func.span, str(text.value))
    return TransformInfo("sklearn", args, node.span, sklearn=str(text.value))


def json_value(ctx: Context, node: ast.Value | ast.Star) -> tuple[Any] | None:
    """A literal or a list of literals, in a tuple of one (the value itself may be None)."""
    if isinstance(node, ast.Literal) and node.kind in ("int", "float", "percent", "bool", "null", "string"):
        return (node.value,)
    if isinstance(node, ast.ListExpr):
        items = [json_value(ctx, item) for item in node.items]
        known = [item[0] for item in items if item is not None]
        return (known,) if len(known) == len(items) else None
    ctx.report("literal-needed", node.span, "Only literals and lists of literals stand here.")
    return None


def joins(pipe: list[TransformInfo]) -> TransformInfo | None:
    """The first transform that makes one block of several columns."""
    return next((t for t in pipe if TRANSFORMS[t.name].joins), None)


# --- types ------------------------------------------------------------------------------------------------------------


def piped_type(ctx: Context, pipe: list[TransformInfo], types: list[Type], feature: str) -> Type | None:
    """The type after the pipe of inputs of these types; None after reporting. `feature` is named in messages."""
    widths: int | None = len(types)
    for info in pipe:
        transform = TRANSFORMS[info.name]
        for made in types:
            if not _takes(ctx, info, transform, made, feature):
                return None
        if transform.joins and not _enough(ctx, info, widths):
            return None
        types = [_given(transform, made) for made in types]
        if transform.widens:
            widths = None
        elif transform.joins:
            widths, types = info.args.get("n"), types[:1]
    return types[0] if len(types) == 1 else Type("float", any(t.nullable for t in types))


def _given(transform: Transform, type: Type) -> Type:
    nullable = type.nullable and transform.nulls == "keeps"
    if transform.gives == "same":
        return Type(type.kind, nullable, type.levels, type.numeric_levels)
    return Type(transform.gives, nullable)


def _takes(ctx: Context, info: TransformInfo, transform: Transform, type: Type, feature: str) -> bool:
    if type.kind not in transform.takes:
        message = f"{info.name} does not take {named(Type(type.kind))}, which {feature} is here."
        ctx.report("wrong-transform-type", info.span, message, help=_instead(info.name, type.kind))
        return False
    if info.name == "impute" and not _imputes(ctx, info, type, feature):
        return False
    if transform.nulls == "refuses" and type.nullable:
        at = info.span[0]
        message = f"{info.name} takes no nulls, and {feature} may be null."
        hint = "Fill them first: |> impute()."
        ctx.report("null-in-transform", info.span, message, help=hint, edit=Edit((at, at), "impute() |> "))
        return False
    return True


def _instead(name: str, kind: str) -> str | None:
    if kind in TEXT:
        return "onehot() makes numbers of levels."
    if kind in TIMES:
        return "Compute a number of it first: year(t), month(t), days_between(a, b)."
    if kind == "float" and name in ("onehot", "ordinal", "target_encode", "hash"):
        return "bin(n) makes levels of a float."
    return None


def _imputes(ctx: Context, info: TransformInfo, type: Type, feature: str) -> bool:
    if info.args.get("strategy") in ("median", "mean") and type.kind not in NUMERIC:
        message = f"{feature} is {named(Type(type.kind))}, which has no {info.args['strategy']}."
        ctx.report("wrong-transform-type", info.span, message, help="Write impute(most_frequent).")
        return False
    if "constant" not in info.args:
        return True
    value = info.args["constant"]
    if type.kind in NUMERIC:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = isinstance(value, bool) if type.kind == "bool" else isinstance(value, str)
        fits = fits or (type.numeric_levels and isinstance(value, int) and not isinstance(value, bool))
    if not fits:
        message = f"{feature} is {named(Type(type.kind))}, and the constant is not."
        ctx.report("bad-transform-argument", info.span, message)
    return fits


def _enough(ctx: Context, info: TransformInfo, columns: int | None) -> bool:
    n = info.args.get("n")
    if columns is None or not isinstance(n, int) or n <= columns:
        return True
    what = "1 column enters" if columns == 1 else f"{columns} columns enter"
    ctx.report("bad-transform-argument", info.span, f"{info.name} cannot give {n} columns where {what}.")
    return False
