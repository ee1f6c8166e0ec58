"""Values of settings and arguments, evaluated by the kinds of `mlopsc.catalog.schema`.

Each reader takes the node and what follows the kind's colon, and returns a Value, or None after reporting. Nothing here
reads a column or an expression: those kinds keep their node or a Ref for the checks that know the data at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mlopsc.catalog.calls import SETS
from mlopsc.catalog.schema import MISSING, Argument, CallSpec, shown
from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.cron import check_cron, check_zone
from mlopsc.semantics.program import CallValue, Ref, Type, Value
from mlopsc.semantics.scalars import (
    PARAM_ACCEPTS,
    VARIABLE,
    WORDS,
    checked_text,
    date_text,
    in_bounds,
    instead,
    module_problem,
    read_date,
    read_literal,
    read_secret,
    read_string,
)
from mlopsc.semantics.walk import names
from mlopsc.syntax import ast

__all__ = ["accepts_param", "bind", "constant", "date_text", "default_call", "shown", "signature"]


def constant(
    ctx: Context,
    node: ast.Value | ast.Star,
    kind: str,
    *,
    what: str = "This",
    lo: float | None = None,
    hi: float | None = None,
) -> Value | None:
    """The value of a node by its kind, within lo..hi; None after reporting why there is none. `what` names the setting or
    argument in messages."""
    if kind in ("row", "any"):
        return Value(node, node.span)
    if " or " in kind:
        return _either(ctx, node, kind.split(" or "), what, lo, hi)
    if isinstance(node, ast.Piped | ast.Star):
        ctx.report("wrong-value", node.span, f"{what} takes a plain value here.")
        return None
    base, _, detail = kind.rstrip("!$").partition(":")
    if isinstance(node, ast.Name) and node.text in ctx.damage.lost:
        return None
    if isinstance(node, ast.Name) and not base.startswith(("column", "ref", "choice", "name")):
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            declared.used = True
            return _param(ctx, node, base, kind.endswith("!"), what, lo, hi)
        if declared is None and kind.endswith("!"):
            ctx.unknown(
                "unknown-name",
                node,
                f"{what} is a literal or a param, and no param is named {node.text}.",
                ctx.names("param"),
                kinds=("param",),
            )
            return None
    if isinstance(node, ast.Call) and node.func.text in ("secret", "env") and base != "call":
        return _outside(ctx, node, base == "secret" or kind.endswith("$"), what)
    value = _READERS.get(base, read_literal)(ctx, node, base if base in WORDS else detail, what)
    if value is None or (lo is None and hi is None):
        return value
    return value if in_bounds(ctx, value, base, what, lo, hi) else None


def _either(
    ctx: Context, node: ast.Value | ast.Star, kinds: list[str], what: str, lo: float | None, hi: float | None
) -> Value | None:
    real = ctx.bag
    declared = ctx.program.decls.get(node.text) if isinstance(node, ast.Name) else None
    if declared is not None and declared.kind == "param":
        kinds = [kind for kind in kinds if kind.endswith("!")][:1] or kinds
    for kind in kinds[:-1]:
        ctx.bag = Bag()
        value = constant(ctx, node, kind, what=what, lo=lo, hi=hi)
        shape_fits = isinstance(node, ast.Literal) and kind.startswith(("share", "number", "int"))
        ctx.bag = real
        if value is not None or shape_fits:
            return value if value is not None else constant(ctx, node, kind, what=what, lo=lo, hi=hi)
    return constant(ctx, node, kinds[-1], what=what, lo=lo, hi=hi)


def _param(
    ctx: Context, node: ast.Name, base: str, allowed: bool, what: str, lo: float | None, hi: float | None
) -> Value | None:
    if not allowed:
        ctx.report(
            "fixed-value",
            node.span,
            f"{what} is fixed when the spec is compiled, so the param {node.text} cannot stand here.",
            help="Write the value, and override it in a profile.",
        )
        return None
    known = ctx.program.params.get(node.text)
    if known is None:
        return None
    if known[0].kind not in PARAM_ACCEPTS.get(base, ()):
        ctx.report("wrong-value", node.span, f"{what} needs {WORDS[base][0]}, and {node.text} is {known[0]}.")
        return None
    if not in_bounds(ctx, Value(known[1], node.span), base, f"{what} (here the param {node.text})", lo, hi):
        return None
    old_lo, old_hi = ctx.program.param_bounds.get(node.text, (None, None))
    ctx.program.param_bounds[node.text] = (_tighter(max, old_lo, lo), _tighter(min, old_hi, hi))
    return Value(Ref("param", node.text, node.span), node.span)


def _tighter(choose: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else choose(a, b)


def _outside(ctx: Context, node: ast.Call, allowed: bool, what: str) -> Value | None:
    """secret("NAME") or env("NAME")"""
    word = node.func.text
    if not allowed:
        ctx.report(
            "wrong-value", node.span, f"{what} is fixed when the spec is compiled, so {word}(…) cannot stand here."
        )
        return None
    first = node.args[0] if len(node.args) == 1 else None
    if (
        first is None
        or first.name is not None
        or not isinstance(first.value, ast.Literal)
        or first.value.kind != "string"
    ):
        ctx.report("wrong-value", node.span, f'{word} takes one text: {word}("NAME").')
        return None
    name = str(first.value.value)
    if not VARIABLE.match(name):
        ctx.report("wrong-value", first.value.span, f"{word} takes the name of a variable: letters, digits and _.")
        return None
    return Value(CallValue(word, {"name": Value(name, first.value.span)}, node.span), node.span)


# --- words and references ---------------------------------------------------------------------------------------------


def _choice(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    options = detail.split("|")
    if isinstance(node, ast.Name):
        if node.text in options:
            return Value(node.text, node.span)
        ctx.unknown("wrong-value", node, f"{what} is one of {', '.join(options)}.", options)
        return None
    message = f"{what} is one of {', '.join(options)}, as a bare word."
    if isinstance(node, ast.Literal) and node.value in options:
        ctx.report(
            "wrong-value", node.span, message, edit=Edit(node.span, str(node.value)), help=f"Write {node.value}."
        )
    else:
        ctx.report("wrong-value", node.span, message)
    return None


def _name(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Name):
        return Value(Ref("name", node.text, node.span), node.span)
    _not_by_string(ctx, node, what, "a name")
    return None


def _column(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Name):
        return Value(Ref("column", node.text, node.span), node.span)
    _not_by_string(ctx, node, what, "a column")
    return None


def _ref(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    kinds = detail.split("|")
    if not isinstance(node, ast.Name):
        _not_by_string(ctx, node, what, "the name of a " + " or ".join(kinds))
        return None
    found = ctx.program.decls.get(node.text)
    kind = found.kind if found is not None and found.kind in kinds else kinds[0]
    if found is None and len(kinds) > 1:
        names = [name for k in kinds for name in ctx.names(k)]
        message = f"No {' or '.join(kinds)} is named {node.text}."
        ctx.unknown("unknown-name", node, message, names, kinds=tuple(kinds))
        return None
    declared = ctx.decl(node, kind)
    return Value(Ref(kind, declared.name, node.span), node.span) if declared is not None else None


def _not_by_string(ctx: Context, node: ast.Expr, what: str, need: str) -> None:
    if isinstance(node, ast.Literal) and node.kind == "string":
        text = str(node.value)
        bare = text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) else f"`{text}`"
        edit = Edit(node.span, bare) if "`" not in text and "\n" not in text else None
        ctx.report("wrong-value", node.span, f"{what} needs {need}, without quotes.", help=f"Write {bare}.", edit=edit)
    else:
        ctx.report("wrong-value", node.span, f"{what} needs {need}{instead(node)}.")


# --- lists, ranges, dates ---------------------------------------------------------------------------------------------


def _plural(one: str) -> Callable[[Context, ast.Expr, str, str], Value | None]:
    def read(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
        kind = f"{one}:{detail}" if detail else one
        items = node.items if isinstance(node, ast.ListExpr) else [node]
        values = [constant(ctx, item, kind, what=what) for item in items]
        if not values and isinstance(node, ast.ListExpr) and one in ("string", "column", "share"):
            ctx.report("wrong-value", node.span, f"{what} needs at least one item.")
            return None
        if any(value is None for value in values):
            return None
        return Value([value.value for value in values if value is not None], node.span)

    return read


def _any_literal(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Literal) and node.kind != "null":
        return Value(node.value, node.span)
    if isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
        return read_date(ctx, node, detail, what)
    need = "a literal" if not isinstance(node, ast.Literal) else "a value; no setting is null"
    ctx.report("wrong-value", node.span, f"{what} needs {need}.")
    return None


def _range(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    """(lo, hi) of whole numbers, at least 1; one number stands for both."""
    ends = [node.lo, node.hi] if isinstance(node, ast.Range) else [node]
    found = [constant(ctx, end, "int", what=what, lo=1, hi=100_000) for end in ends]
    if found[0] is None or found[-1] is None:
        return None
    if found[0].value > found[-1].value:
        ctx.report("out-of-bounds", node.span, f"{what} starts above its end.")
        return None
    return Value((found[0].value, found[-1].value), node.span)


# --- calls ------------------------------------------------------------------------------------------------------------


def _call(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    options = SETS[detail]
    listed = ", ".join(f"{name}(…)" if spec.arguments else f"{name}()" for name, spec in options.items())
    if isinstance(node, ast.Name) and node.text in options:
        if any(argument.required for argument in options[node.text].arguments):
            ctx.report("wrong-value", node.span, f"{node.text} needs its arguments: {signature(options[node.text])}.")
            return None
        edit = Edit(node.span, node.text + "()")
        ctx.report("wrong-value", node.span, f"{node.text} is a function.", help=f"Write {node.text}().", edit=edit)
        return None
    if not isinstance(node, ast.Call):
        ctx.report("wrong-value", node.span, f"{what} needs one of {listed}.")
        return None
    spec = options.get(node.func.text)
    if spec is None:
        ctx.unknown(
            "unknown-function", node.func, f"{what} has no {node.func.text}(…): it is one of {listed}.", options
        )
        return None
    bound = bind(ctx, node, spec)
    return Value(bound, node.span) if bound is not None else None


def signature(spec: CallSpec) -> str:
    return f"{spec.name}({', '.join(a.name if a.required else a.name + ' =' for a in spec.arguments)})"


def bind(ctx: Context, node: ast.Call, spec: CallSpec) -> CallValue | None:
    """The call with its arguments by name and defaults filled in; None where an argument could not be understood."""
    known = {argument.name: argument for argument in spec.arguments}
    given: dict[str, ast.Arg] = {}
    rest: list[ast.Value] = []
    whole = True
    known_names = True
    for position, arg in enumerate(node.args):
        name = _argument_name(arg, position, spec)
        if name is None:
            rest.append(arg.value)
        elif arg.name is not None and name not in known:
            whole = known_names = False
            ctx.unknown("unknown-argument", arg.name, f"{spec.name} has no argument {name}.", known)
        elif name in given:
            whole = False
            earlier = (Related("first given here", given[name].span),)
            ctx.report("duplicate-argument", arg.span, f"{name} is given twice.", related=earlier)
        else:
            given[name] = arg
    if rest and not spec.variadic:
        ctx.report("unknown-argument", rest[0].span, f"{spec.name} takes {len(known)} values: {signature(spec)}.")
        whole = False
    args = _read_arguments(ctx, node, spec, given, known_names)
    return CallValue(spec.name, args, node.span) if whole and args is not None else None


def _argument_name(arg: ast.Arg, position: int, spec: CallSpec) -> str | None:
    if arg.name is not None:
        return arg.name.text
    return spec.arguments[position].name if position < len(spec.arguments) else None


def note_hole(ctx: Context, node: ast.Node, kind: str, met: int) -> None:
    """Note that a value was not understood: a name may be missing there, unless one stands in it that is declared, or
    unknown and so perhaps a slip. `met`: how many unknown names were met before the value."""
    found = [name.text in ctx.program.decls for name in names(node)]
    if not found or (len(ctx.strange) == met and not any(found)):
        ctx.holes.add(kind)


def _read_arguments(
    ctx: Context, node: ast.Call, spec: CallSpec, given: dict[str, ast.Arg], known_names: bool
) -> dict[str, Value] | None:
    """The values; a missing one is not reported where another name was given, which may be a slip for it."""
    args: dict[str, Value] = {}
    whole = True
    for argument in spec.arguments:
        if argument.name in given:
            what = f"The {argument.name} of {spec.name}"
            met = len(ctx.strange)
            value = constant(ctx, given[argument.name].value, argument.kind, what=what, lo=argument.lo, hi=argument.hi)
            whole = whole and value is not None
            if value is not None:
                args[argument.name] = value
            else:
                note_hole(ctx, given[argument.name].value, argument.kind, met)
        elif argument.required:
            whole = False
            ctx.holes.add(argument.kind)
            if not known_names:
                continue
            ctx.report("missing-argument", node.span, f"{spec.name} needs {argument.name}: {signature(spec)}.")
        elif argument.default is not MISSING:
            args[argument.name] = Value(argument.default, node.span, "default")
    return args if whole else None


def default_call(set_name: str, name: str, span: tuple[int, int]) -> CallValue:
    """A call of a function of a set with nothing but defaults."""
    arguments: tuple[Argument, ...] = SETS[set_name][name].arguments
    args = {a.name: Value(a.default, span, "default") for a in arguments if a.default is not MISSING}
    return CallValue(name, args, span)


def accepts_param(kind: str, type: Type) -> bool:
    """Whether a run-time param of this type may stand where a setting of this kind is meant."""
    return kind.endswith("!") and type.kind in PARAM_ACCEPTS.get(kind.rstrip("!"), ())


_READERS: dict[str, Callable[[Context, ast.Expr, str, str], Value | None]] = {
    "string": read_string,
    "strings": _plural("string"),
    "secret": read_secret,
    "choice": _choice,
    "name": _name,
    "names": _plural("name"),
    "column": _column,
    "columns": _plural("column"),
    "ref": _ref,
    "refs": _plural("ref"),
    "call": _call,
    "calls": _plural("call"),
    "literal": _any_literal,
    "literals": _plural("literal"),
    "shares": _plural("share"),
    "range": _range,
    "date": read_date,
    "cron": checked_text(check_cron),
    "zone": checked_text(check_zone),
    "module": checked_text(module_problem),
}
