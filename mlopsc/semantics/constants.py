"""Values of settings and arguments, evaluated by the kinds of `mlopsc.catalog.schema`.

Each reader takes the node and what follows the kind's colon, and returns a Value, or None after reporting. Nothing here
reads a column or an expression: those kinds keep their node or a Ref for the checks that know the data at hand.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from mlopsc.catalog.calls import SETS
from mlopsc.catalog.schema import MISSING, Argument, CallSpec
from mlopsc.diagnostics.model import Bag, Edit, Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.cron import check_cron, check_zone
from mlopsc.semantics.program import CallValue, Ref, Type, Value
from mlopsc.syntax import ast

# The words of messages: kind -> (what is needed, an example of it).
_WORDS = {
    "string": ("a text", '"text"'),
    "int": ("a whole number", "3"),
    "float": ("a number", "0.5"),
    "number": ("a number", "0.5"),
    "bool": ("true or false", "true"),
    "share": ("a share", "20%"),
    "duration": ("a duration", "30s"),
    "size": ("a size", "512MiB"),
}
# What a literal of one kind may stand for, besides its own (a share also as 0.05, an int where a float is meant).
_ACCEPTS = {
    "string": ("string",),
    "int": ("int",),
    "float": ("float", "int"),
    "number": ("float", "int"),
    "bool": ("bool",),
    "share": ("percent", "float", "int"),
    "duration": ("duration",),
    "size": ("size",),
}
_PARAM_ACCEPTS = {
    "int": ("int",),
    "float": ("int", "float", "share"),
    "number": ("int", "float", "share"),
    "share": ("share", "float"),
    "bool": ("bool",),
    "string": ("string", "category"),
    "duration": ("duration",),
    "size": ("size",),
}
_CREDENTIALS = re.compile(
    r"://[^/@\s]*:[^/@\s]+@|hooks\.slack\.com/services/|[?&](token|key|secret|password|sig)=", re.I
)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z", re.A)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


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
    if isinstance(node, ast.Name) and not base.startswith(("column", "ref", "choice", "name")):
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            declared.used = True
            return _param(ctx, node, base, kind.endswith("!"), what, lo, hi)
    if isinstance(node, ast.Call) and node.func.text in ("secret", "env") and base != "call":
        return _outside(ctx, node, base == "secret" or kind.endswith("$"), what)
    value = _READERS.get(base, _literal)(ctx, node, base if base in _WORDS else detail, what)
    if value is None or (lo is None and hi is None):
        return value
    return value if _bounded(ctx, value, base, what, lo, hi) else None


def _either(
    ctx: Context, node: ast.Value | ast.Star, kinds: list[str], what: str, lo: float | None, hi: float | None
) -> Value | None:
    real = ctx.bag
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
    if known[0].kind not in _PARAM_ACCEPTS.get(base, ()):
        ctx.report("wrong-value", node.span, f"{what} needs {_WORDS[base][0]}, and {node.text} is {known[0]}.")
        return None
    if not _bounded(ctx, Value(known[1], node.span), base, f"{what} (here the param {node.text})", lo, hi):
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
    if not _VARIABLE.match(name):
        ctx.report("wrong-value", first.value.span, f"{word} takes the name of a variable: letters, digits and _.")
        return None
    return Value(CallValue(word, {"name": Value(name, first.value.span)}, node.span), node.span)


def _literal(ctx: Context, node: ast.Expr, kind: str, what: str) -> Value | None:
    """A literal of one of the kinds of _WORDS."""
    need, example = _WORDS[kind]
    if isinstance(node, ast.Literal) and node.kind in _ACCEPTS[kind]:
        return _share(ctx, node, what) if kind == "share" else Value(_number(node, kind), node.span)
    if isinstance(node, ast.Literal) and node.kind in ("int", "float") and kind in ("duration", "size"):
        unit = "s" if kind == "duration" else "MiB"
        message = f"{what} needs {need}, and {node.text} has no unit."
        ctx.report("missing-unit", node.span, message, help=f"Write {node.text}{unit}.")
        return None
    if kind == "string" and isinstance(node, ast.Name):
        text = '"' + node.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        ctx.report("wrong-value", node.span, f"{what} needs a text.", help=f"Write {text}.", edit=Edit(node.span, text))
        return None
    ctx.report("wrong-value", node.span, f"{what} needs {need}{_found(node)}.", help=f"For example {example}.")
    return None


def _number(node: ast.Literal, kind: str) -> Any:
    return float(node.value) if kind == "float" and isinstance(node.value, int) else node.value


def _share(ctx: Context, node: ast.Literal, what: str) -> Value | None:
    number = float(node.value)  # type: ignore[arg-type]
    if not 0 <= number <= 1:
        hint = f"Write {node.text}%." if node.kind != "percent" and 1 < number <= 100 else None
        ctx.report("out-of-bounds", node.span, f"{what} is a share, so it lies in 0%..100%.", help=hint)
        return None
    return Value(number, node.span)


def _found(node: ast.Value | ast.Star) -> str:
    if isinstance(node, ast.Literal):
        words = {
            "percent": "a share",
            "null": "null",
            "string": "a text",
            "bool": "true or false",
            "int": "a whole number",
        }
        return f", not {words.get(node.kind, 'a ' + node.kind)}"
    if isinstance(node, ast.Name | ast.Dotted):
        return ", not a name"
    if isinstance(node, ast.Range):
        return ", not a range"
    return ", not a list" if isinstance(node, ast.ListExpr) else ""


def _bounded(ctx: Context, value: Value, base: str, what: str, lo: float | None, hi: float | None) -> bool:
    ends = value.value if isinstance(value.value, list | tuple) else [value.value]
    for number in ends:
        if not isinstance(number, int | float) or isinstance(number, bool):
            continue
        if lo is not None and number < lo:
            ctx.report("out-of-bounds", value.span, f"{what} is at least {shown(lo, base)}.")
            return False
        if hi is not None and number > hi:
            ctx.report("out-of-bounds", value.span, f"{what} is at most {shown(hi, base)}.")
            return False
    return True


def shown(value: object, kind: str) -> str:
    """A default or a bound as it is written in a spec."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if kind.startswith("share"):
            return f"{value * 100:.10g}%"
        if kind.startswith("duration"):
            return f"{value:g}s"
        return f"{value:.10g}" if isinstance(value, float) else str(value)
    return f'"{value}"' if kind.startswith(("string", "zone")) else str(value)


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
        ctx.unknown("unknown-name", node, f"No {' or '.join(kinds)} is named {node.text}.", names)
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
        ctx.report("wrong-value", node.span, f"{what} needs {need}{_found(node)}.")


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


def _strings(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    return _plural("string$" if detail == "$" else "string")(ctx, node, "", what)


def _any_literal(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Literal) and node.kind != "null":
        return Value(node.value, node.span)
    if isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
        return _date(ctx, node, detail, what)
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


def date_text(text: str, kind: str) -> str | None:
    """ "2026-01-31" or "2026-01-31T00:00:00.000000Z" for a text of ISO 8601; None where it is none."""
    try:
        if kind == "date":
            return datetime.date.fromisoformat(text).isoformat() if len(text) == 10 else None
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _date(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
        first = node.args[0].value if len(node.args) == 1 else None
        if isinstance(first, ast.Literal) and first.kind == "string":
            text = date_text(str(first.value), node.func.text)
            if text is not None:
                return Value(text, node.span)
        example = 'date("2026-01-31")' if node.func.text == "date" else 'timestamp("2026-01-31T00:00:00Z")'
        ctx.report(
            "wrong-value", node.span, f"{node.func.text} takes one text in ISO 8601.", help=f"For example {example}."
        )
        return None
    ctx.report("wrong-value", node.span, f"{what} needs a date{_found(node)}.", help='For example date("2026-01-31").')
    return None


# --- checked texts ----------------------------------------------------------------------------------------------------


def _text(check: Callable[[str], str | None]) -> Callable[[Context, ast.Expr, str, str], Value | None]:
    def read(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
        value = _literal(ctx, node, "string", what)
        problem = check(value.value) if value is not None else None
        if problem:
            ctx.report("wrong-value", node.span, problem)
            return None
        return value

    return read


def _module_text(text: str) -> str | None:
    return (
        None if _MODULE.match(text) else "A function is named by its module and its name, as package.module:function."
    )


def _string(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    value = _literal(ctx, node, "string", what)
    if value is not None and _CREDENTIALS.search(value.value):
        ctx.report(
            "literal-secret",
            node.span,
            f"{what} holds a password or token.",
            help='Read it at run time: secret("NAME").',
        )
        return None
    return value


def _secret(ctx: Context, node: ast.Expr, detail: str, what: str) -> Value | None:
    if isinstance(node, ast.Literal) and node.kind == "string":
        ctx.report(
            "literal-secret", node.span, f"{what} is a secret, and a spec holds none.", help='Write secret("NAME").'
        )
    else:
        ctx.report("wrong-value", node.span, f'{what} needs secret("NAME").')
    return None


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
    for position, arg in enumerate(node.args):
        name = _argument_name(arg, position, spec)
        if name is None:
            rest.append(arg.value)
        elif arg.name is not None and name not in known:
            whole = False
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
    args = _read_arguments(ctx, node, spec, given)
    return CallValue(spec.name, args, node.span) if whole and args is not None else None


def _argument_name(arg: ast.Arg, position: int, spec: CallSpec) -> str | None:
    if arg.name is not None:
        return arg.name.text
    return spec.arguments[position].name if position < len(spec.arguments) else None


def _read_arguments(ctx: Context, node: ast.Call, spec: CallSpec, given: dict[str, ast.Arg]) -> dict[str, Value] | None:
    args: dict[str, Value] = {}
    whole = True
    for argument in spec.arguments:
        if argument.name in given:
            what = f"{argument.name} of {spec.name}"
            value = constant(ctx, given[argument.name].value, argument.kind, what=what, lo=argument.lo, hi=argument.hi)
            whole = whole and value is not None
            if value is not None:
                args[argument.name] = value
        elif argument.required:
            whole = False
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
    return kind.endswith("!") and type.kind in _PARAM_ACCEPTS.get(kind.rstrip("!"), ())


_READERS: dict[str, Callable[[Context, ast.Expr, str, str], Value | None]] = {
    "string": _string,
    "strings": _strings,
    "secret": _secret,
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
    "date": _date,
    "cron": _text(check_cron),
    "zone": _text(check_zone),
    "module": _text(_module_text),
}
