"""Calls of row functions: arguments against the table, and the rules that give a result its type, nulls and bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mlopsc.catalog.functions import AGGREGATES, DATASET_FUNCTIONS, ELSEWHERE, ROW_FUNCTIONS, Function, Parameter
from mlopsc.catalog.transforms import TRANSFORMS
from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics import bounds as b
from mlopsc.semantics import operators as ops
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import Scope, check, typed_literal
from mlopsc.semantics.program import Type, TypedExpr
from mlopsc.semantics.types import NUMERIC, TEXT, TIMES, call, named, retype, unify
from mlopsc.syntax import ast

KINDS: dict[str, frozenset[str]] = {
    "number": NUMERIC,
    "text": TEXT,
    "time": TIMES,
    "moment": frozenset({"timestamp"}),
    "plain": NUMERIC | TEXT | {"bool"},
    "comparable": NUMERIC | TEXT | TIMES,
    "any": NUMERIC | TEXT | TIMES | {"bool"},
}
NEEDS = {
    "number": "a number",
    "text": "a text",
    "time": "a date or a timestamp",
    "moment": "a timestamp",
    "plain": "a number, a bool or a text",
    "comparable": "a number, a text, a date or a timestamp",
    "any": "a value",
}
_INT = (-(2.0**63), 2.0**63)


def row_call(ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
    """A call of a row function, its arguments checked in `scope`."""
    function = ROW_FUNCTIONS.get(node.func.text)
    if function is None:
        _unknown(ctx, node, scope)
        return None
    bound = bind(ctx, node, function)
    if bound is None:
        return None
    known: list[TypedExpr] = []
    for parameter, value in bound:
        if parameter.kind == "edges":
            found = _edges(ctx, value, function)
        else:
            found = check(ctx, value, scope)
            found = None if found is None else fits(ctx, parameter, found, function)
        if found is not None:
            known.append(found)
    return _result(ctx, node, function, known) if len(known) == len(bound) else None


def _unknown(ctx: Context, node: ast.Call, scope: Scope) -> None:
    name = node.func.text
    if name in DATASET_FUNCTIONS or name in AGGREGATES or name == "lookup":
        instead = {"min": "least(a, b)", "max": "greatest(a, b)"}.get(name)
        hint = f"The {'smallest' if name == 'min' else 'largest'} of several values is {instead}." if instead else None
        if name in DATASET_FUNCTIONS and hint is None:
            hint = "It looks at all rows: use it in expect or warn of a data block."
        message = f"{name} looks at more than one row, so it cannot stand in {scope.what}."
        ctx.report("wrong-place", node.func.span, message, help=hint)
    elif name in TRANSFORMS:
        message = f"{name} is fitted on training rows, so it stands right of |>."
        ctx.report("unknown-function", node.func.span, message, help=f"Write x |> {name}(…).")
    elif name in ("pow", "power") or name in ELSEWHERE:
        _elsewhere(ctx, node)
    else:
        ctx.unknown("unknown-function", node.func, f"There is no function {name}.", ROW_FUNCTIONS)


def _elsewhere(ctx: Context, node: ast.Call) -> None:
    """A function that has another name here, or none."""
    name = node.func.text
    edit: Edit | None = None
    meant = ELSEWHERE.get(name)
    if meant is None:
        first = node.args[0].value if node.args else None
        shown = first.text if isinstance(first, ast.Name) else "x"
        hint = f"Write {shown} * {shown}."
    elif meant in ROW_FUNCTIONS:
        hint, edit = f"Write {meant}(…).", Edit(node.func.span, meant)
    else:
        hint = f"It is {meant}, over all rows: it stands in expect or warn of a data block."
    ctx.report("unknown-function", node.func.span, f"There is no function {name}.", help=hint, edit=edit)


def bind(ctx: Context, node: ast.Call, function: Function) -> list[tuple[Parameter, ast.Value]] | None:
    """Arguments with their parameters, in the order of the table; None after reporting."""
    given: dict[str, ast.Arg] = {}
    rest: list[ast.Value] = []
    by_name = {p.name: p for p in function.parameters}
    for i, arg in enumerate(node.args):
        if arg.name is None and i >= len(function.parameters):
            rest.append(arg.value)
            continue
        name = arg.name.text if arg.name is not None else function.parameters[i].name
        if arg.name is not None and name not in by_name:
            ctx.unknown("unknown-argument", arg.name, f"{function.name} has no argument {name}.", by_name)
            return None
        if name in given:
            earlier = (Related("first given here", given[name].span),)
            ctx.report("duplicate-argument", arg.span, f"{name} is given twice.", related=earlier)
            return None
        given[name] = arg
    missing = [p.name for p in function.parameters if p.name not in given and not p.optional]
    if missing or (rest and not function.variadic):
        ctx.report(
            "wrong-argument-count",
            node.span,
            f"{function.name} takes {_count(function)}, and here are {len(node.args)}.",
            help=f"It is {signature(function)}: {function.doc}",
        )
        return None
    bound = [(p, given[p.name].value) for p in function.parameters if p.name in given]
    return bound + [(function.parameters[-1], value) for value in rest]


def _count(function: Function) -> str:
    n = sum(not p.optional for p in function.parameters)
    words = f"{n} argument" + ("" if n == 1 else "s")
    return ("at least " if function.variadic else "") + (words if n else "no argument")


def signature(function: Function) -> str:
    names = [f"[{p.name}]" if p.kind == "edges" else p.name for p in function.parameters]
    return f"{function.name}({', '.join(names)}{', …' if function.variadic else ''})"


def fits(ctx: Context, parameter: Parameter, found: TypedExpr, function: Function) -> TypedExpr | None:
    """The argument, if its type is one that the parameter takes."""
    kind = found.type.kind
    if kind in KINDS[parameter.kind] or (kind == "null" and function.nulls == "all"):
        return found
    message = f"{function.name} needs {NEEDS[parameter.kind]}, and this is {named(found.type)}."
    hint = None
    if kind == "bool" and parameter.kind == "number":
        hint = "int(…) of a bool is 1 or 0."
    elif kind in TEXT and parameter.kind == "number":
        hint = "float(…) or int(…) reads a number out of text."
    elif kind == "date" and parameter.kind == "moment":
        hint = "A date has no hour; declare the column as a timestamp."
    ctx.report("wrong-argument-type", found.span, message, help=hint)
    return None


def _edges(ctx: Context, node: ast.Value, function: Function) -> TypedExpr | None:
    """A list of rising number literals."""
    if not isinstance(node, ast.ListExpr) or not node.items:
        ctx.report(
            "literal-needed", node.span, f"{function.name} needs a list of numbers.", help="For example [10, 20]."
        )
        return None
    items: list[TypedExpr] = []
    for item in node.items:
        found = typed_literal(ctx, item) if isinstance(item, ast.Literal) else None
        if found is None or found.type.kind not in NUMERIC:
            ctx.report("literal-needed", item.span, "An edge is a number literal.")
            return None
        if items and not items[-1].value < found.value:
            ctx.report("empty-range", found.span, f"Edges rise, and this is not above {b.number(items[-1].value)}.")
            return None
        items.append(found)
    kind = "int" if all(x.type.kind == "int" for x in items) else "float"
    return TypedExpr("list", Type(kind), node.span, args=tuple(items))


# --- results ----------------------------------------------------------------------------------------------------------


def _result(ctx: Context, node: ast.Call, function: Function, args: list[TypedExpr]) -> TypedExpr | None:
    pair = _result_type(ctx, node, function, args)
    if pair is None:
        return None
    made, args = pair
    found = _BOUNDS[function.name](args) if function.name in _BOUNDS else (function.lo, function.hi)
    if made.kind not in NUMERIC:
        found = b.UNBOUNDED
    if function.name == "clip" and b.decide(">", ops.limits(args[1]), ops.limits(args[2])):
        ctx.report("empty-range", node.span, "clip has its lower end above its upper one.")
        return None
    return call(function.name, made, node.span, args, found)


def _result_type(
    ctx: Context, node: ast.Call, function: Function, args: list[TypedExpr]
) -> tuple[Type, list[TypedExpr]] | None:
    if function.nulls == "all":
        nullable = all(a.type.nullable for a in args)
    else:
        nullable = any(a.type.nullable for a in args)
        proof = _PROOFS.get(function.nulls)
        nullable = nullable or (proof is not None and not proof(args[0]))
    if function.result == "unified":
        made = unify(a.type for a in args)
        if made is None:
            kinds = sorted({named(Type(a.type.kind)) for a in args})
            message = f"The arguments of {function.name} are {' and '.join(kinds)}."
            ctx.report("wrong-argument-type", node.span, message, help="Give them one type.")
            return None
        args = [retype(a, made) for a in args]
        return Type(made.kind, nullable, made.levels, made.numeric_levels), args
    if function.result == "same":
        return Type(args[0].type.kind, nullable), args
    if function.result == "days":
        pair = ops.aligned(ctx, args[0], args[1], node.span, "days_between")
        if pair is None:
            return None
        whole = all(x.type.kind == "date" for x in pair)
        return Type("int" if whole else "float", nullable), list(pair)
    return Type(function.result, nullable), args


def _int_known(x: TypedExpr) -> bool:
    """Whether int(x) always succeeds: numbers within range, bools, categories whose levels are integers."""
    if x.type.kind == "float":
        return x.lo is not None and x.hi is not None and _INT[0] <= x.lo and x.hi < _INT[1]
    return x.type.kind in ("int", "bool") or (x.type.kind == "category" and x.type.numeric_levels)


_PROOFS: dict[str, Callable[[TypedExpr], bool]] = {
    "ln": lambda x: x.lo is not None and x.lo > 0,
    "log1p": lambda x: x.lo is not None and x.lo > -1,
    "sqrt": lambda x: x.lo is not None and x.lo >= 0,
    "int": _int_known,
    "float": lambda x: x.type.kind in ("int", "float", "bool") or x.type.numeric_levels,
}


def _rising(function: Callable[[Any], float], floor: float) -> Callable[[list[TypedExpr]], b.Interval]:
    """Bounds of a rising function, one float step wider than computed: libraries differ in the last bit."""

    def found(args: list[TypedExpr]) -> b.Interval:
        def at(x: b.Bound, to: float) -> b.Bound:
            if x is None or not floor < x < 700:
                return None
            return math.nextafter(function(x), to) if x != 0 else function(x)

        lo, hi = ops.limits(args[0])
        return at(lo, -math.inf), at(hi, math.inf)

    return found


def _root(args: list[TypedExpr]) -> b.Interval:
    """Square roots are correctly rounded everywhere, so the ends are exact."""
    lo, hi = ops.limits(args[0])
    return math.sqrt(lo) if lo is not None and lo > 0 else 0, math.sqrt(hi) if hi is not None and hi >= 0 else None


def _clip(args: list[TypedExpr]) -> b.Interval:
    x, lo, hi = (ops.limits(a) for a in args)
    return b.least([b.greatest([x, lo]), hi])


def _cast(args: list[TypedExpr]) -> b.Interval:
    x = args[0]
    if x.type.kind == "bool":
        return 0, 1
    if x.type.numeric_levels and x.type.levels:
        numbers = [int(level) for level in x.type.levels]
        return min(numbers), max(numbers)
    return ops.limits(x) if x.type.kind in NUMERIC else b.UNBOUNDED


def _truncated(args: list[TypedExpr]) -> b.Interval:
    lo, hi = _cast(args)
    return None if lo is None else math.trunc(lo), None if hi is None else math.trunc(hi)


_BOUNDS: dict[str, Callable[[list[TypedExpr]], b.Interval]] = {
    "abs": lambda a: b.magnitude(ops.limits(a[0])),
    "sqrt": _root,
    "ln": _rising(math.log, 0),
    "log1p": _rising(math.log1p, -1),
    "round": lambda a: b.whole(ops.limits(a[0])),
    "floor": lambda a: b.whole(ops.limits(a[0])),
    "ceil": lambda a: b.whole(ops.limits(a[0])),
    "clip": _clip,
    "least": lambda a: b.least([ops.limits(x) for x in a]),
    "greatest": lambda a: b.greatest([ops.limits(x) for x in a]),
    "coalesce": lambda a: b.hull([ops.limits(x) for x in a if x.type.kind != "null"]),
    "bucket": lambda a: (0, len(a[1].args)),
    "int": _truncated,
    "float": _cast,
}
