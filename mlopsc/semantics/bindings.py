"""param, connection and channel: one line each."""

from __future__ import annotations

from mlopsc.diagnostics.model import Edit
from mlopsc.semantics.constants import constant
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl, Type, Value
from mlopsc.syntax import ast

PARAM_TYPES = ("int", "float", "share", "bool", "string", "category", "date", "timestamp", "duration", "size")


def check_param(ctx: Context, decl: Decl) -> None:
    """Enter a param with its type and its effective default; a poisoned one stays out."""
    node = decl.node
    if not isinstance(node, ast.Binding):
        _wants_value(ctx, decl, f"param {decl.name} : TYPE = DEFAULT")
        return
    known = _param_type(ctx, node)
    if known is None:
        return
    written = _default(ctx, node.value, known, decl.name)
    override = ctx.overrides.get((decl.name, ""))
    value = written
    if override is not None:
        chosen = _default(ctx, override[0], known, decl.name)
        value = Value(chosen.value, chosen.span, override[1]) if chosen is not None else None
    if written is not None and value is not None:
        decl.settings["value"] = value
        ctx.program.params[decl.name] = (known, value.value)


def _wants_value(ctx: Context, decl: Decl, shape: str) -> None:
    message = f"A {decl.kind} is one line with a value, not a block."
    ctx.report("misplaced-statement", decl.node.kind.span, message, help=f"Write {shape}.")


def _param_type(ctx: Context, node: ast.Binding) -> Type | None:
    written = node.type
    if written is None:
        message = f"The param {node.name.text} needs a type."
        ctx.report("bad-param", node.name.span, message, help=f"Write param {node.name.text} : TYPE = ….")
        return None
    word = written.name.text
    if word not in PARAM_TYPES:
        ctx.unknown("unknown-type", written.name, f"A param has no type {word}.", PARAM_TYPES)
        return None
    if written.nullable:
        at = (written.end - 1, written.end)
        ctx.report("bad-param", written.span, "A param is never null.", help="Leave the ? out.", edit=Edit(at, ""))
        return None
    levels = tuple(str(arg.value.value) for arg in written.args if isinstance(arg.value, ast.Literal))
    if word == "category":
        if not levels or len(levels) != len(written.args):
            ctx.report("bad-param", written.span, 'The levels of a category param are named: category("a", "b").')
            return None
        return Type("category", levels=levels)
    if written.args:
        ctx.report("bad-param", written.span, f"{word} takes no arguments in a param.")
        return None
    return Type(word)


def _default(ctx: Context, node: ast.Value, type: Type, name: str) -> Value | None:
    """The value of a param by its type."""
    kind = {"category": "string", "timestamp": "date"}.get(type.kind, type.kind)
    if isinstance(node, ast.Name) and not _is_category_word(node, type):
        ctx.report("bad-param", node.span, f"The default of {name} is a literal.")
        return None
    value = constant(ctx, _as_text(node) if _is_category_word(node, type) else node, kind, what=name)
    if value is None:
        return None
    if type.kind == "category" and value.value not in (type.levels or ()):
        ctx.report("unknown-level", node.span, f"{value.value} is not a level of {name}.")
        return None
    if type.kind == "date" and len(value.value) > 10:
        ctx.report("wrong-value", node.span, f"{name} is a date, and this is a timestamp.")
        return None
    if type.kind == "timestamp" and len(value.value) == 10:
        value.value += "T00:00:00.000000Z"
    return value


def _is_category_word(node: ast.Value, type: Type) -> bool:
    return type.kind == "category" and isinstance(node, ast.Name) and node.text in (type.levels or ())


def _as_text(node: ast.Value) -> ast.Literal:
    assert isinstance(node, ast.Name)
    return ast.Literal(node.start, node.end, "string", node.text, node.text)


def check_call_binding(ctx: Context, decl: Decl, set_name: str) -> None:
    """A connection or channel: one call of its set, kept under the setting "value"."""
    node = decl.node
    if not isinstance(node, ast.Binding):
        _wants_value(ctx, decl, f"{decl.kind} {decl.name} = …")
        return
    if node.type is not None:
        ctx.report("misplaced-statement", node.type.span, f"A {decl.kind} has no type.")
    value = constant(ctx, node.value, f"call:{set_name}", what=f"The {decl.kind} {decl.name}")
    if value is not None:
        decl.settings["value"] = value
