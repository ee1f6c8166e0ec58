"""The operators: what types they take, what they give, what bounds and nulls can be proved of the result.

Every function returns None for an operand that was already reported or after reporting a fault itself, so that one cause
gives one diagnostic.
"""

from __future__ import annotations

from mlopsc.diagnostics.model import Edit
from mlopsc.semantics import bounds as b
from mlopsc.semantics.context import Context, nearest
from mlopsc.semantics.program import Type, TypedExpr
from mlopsc.semantics.types import BOOL, NUMERIC, ORDERED, TEXT, TIMES, call, literal, named, with_null
from mlopsc.source import Span

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
ARITHMETIC = {"+": b.add, "-": b.subtract, "*": b.multiply, "/": b.divide}
MEASURES = frozenset({"duration", "size"})


def limits(node: TypedExpr) -> b.Interval:
    return node.lo, node.hi


def condition(ctx: Context, node: TypedExpr, place: str) -> TypedExpr | None:
    """The node, which must be true or false; `place` names where it stands: "and", "filter"."""
    if node.type.kind == "bool":
        return node
    hint = None
    if node.type.kind in NUMERIC:
        hint = "Compare it with something: x > 0, say."
    elif node.type.kind in TEXT:
        hint = 'Compare it with something: x == "…", say.'
    ctx.report("not-a-condition", node.span, f"{place} needs true or false, and this is {named(node.type)}.", help=hint)
    return None


def logical(ctx: Context, op: str, span: Span, left: TypedExpr | None, right: TypedExpr | None) -> TypedExpr | None:
    """`and`, `or`: three-valued, so a null may come of a null."""
    if left is not None:
        left = condition(ctx, left, op)
    if right is not None:
        right = condition(ctx, right, op)
    if left is None or right is None:
        return None
    return call(op, with_null(BOOL, left.type.nullable or right.type.nullable), span, (left, right))


# --- arithmetic -------------------------------------------------------------------------------------------------------


def arithmetic(
    ctx: Context, op: str, span: Span, left: TypedExpr, right: TypedExpr, *, scaled: bool = False
) -> TypedExpr | None:
    """+ - * /. `scaled`: durations and sizes may be multiplied by a number (in gates and monitors)."""
    kinds = (left.type.kind, right.type.kind)
    nullable = left.type.nullable or right.type.nullable
    if left.type.kind in NUMERIC and right.type.kind in NUMERIC:
        found = ARITHMETIC[op](limits(left), limits(right))
        if op == "/":
            return call(op, Type("float", nullable or not b.excludes_zero(limits(right))), span, (left, right), found)
        return call(op, Type("int" if kinds == ("int", "int") else "float", nullable), span, (left, right), found)
    kind = _measured(op, kinds, scaled)
    if kind is not None:
        return call(op, Type(kind, nullable or op == "/"), span, (left, right))
    _refuse_arithmetic(ctx, op, span, left, right)
    return None


def _measured(op: str, kinds: tuple[str, str], scaled: bool) -> str | None:
    """The kind of a result with a unit or a time in it."""
    left, right = kinds
    if kinds == ("timestamp", "duration") and op in "+-":
        return "timestamp"
    if kinds == ("duration", "timestamp") and op == "+":
        return "timestamp"
    if kinds == ("timestamp", "timestamp") and op == "-":
        return "duration"
    if left == right and left in MEASURES:
        return left if op in "+-" else ("float" if op == "/" and scaled else None)
    if scaled and left in MEASURES and right in NUMERIC and op in "*/":
        return left
    return right if scaled and right in MEASURES and left in NUMERIC and op == "*" else None


def _refuse_arithmetic(ctx: Context, op: str, span: Span, left: TypedExpr, right: TypedExpr) -> None:
    kinds = {left.type.kind, right.type.kind}
    hint: str | None = None
    name = "type-mismatch"
    if kinds & MEASURES and kinds & NUMERIC:
        name = "unit-mismatch"
        hint = "A duration goes with a timestamp or another duration." if "duration" in kinds else None
    elif "bool" in kinds and kinds <= NUMERIC | {"bool"}:
        hint = "int(…) of a bool is 1 or 0."
    elif kinds == {"date"} and op == "-":
        hint = "The days from a to b are days_between(a, b)."
    elif kinds == {"date", "duration"}:
        hint = "A duration goes with a timestamp; declare the column as one."
    elif kinds & TEXT and kinds <= NUMERIC | TEXT:
        hint = "float(…) or int(…) reads a number out of text." if kinds & NUMERIC else None
    elif "null" in kinds:
        hint = "coalesce(x, 0) stands for x where it is not null."
    ctx.report(name, span, f"{op} does not take {named(left.type)} and {named(right.type)}.", help=hint)


def minus(ctx: Context, span: Span, operand: TypedExpr) -> TypedExpr | None:
    if operand.type.kind in NUMERIC or operand.type.kind == "duration":
        found = b.negate(limits(operand)) if operand.type.kind in NUMERIC else b.UNBOUNDED
        return call("neg", operand.type, span, (operand,), found)
    ctx.report("type-mismatch", span, f"- does not take {named(operand.type)}.")
    return None


# --- comparisons ------------------------------------------------------------------------------------------------------


def compare(
    ctx: Context, op: str, span: Span, left: TypedExpr, right: TypedExpr, *, says: tuple[bool, ...] = ()
) -> TypedExpr | None:
    """== != < <= > >=. `says`: report where declared ranges prove that this always (True) or never (False) holds."""
    if "null" in (left.type.kind, right.type.kind):
        _compared_with_null(ctx, op, span, left, right)
        return None
    pair = aligned(ctx, left, right, span, op)
    if pair is None:
        return None
    left, right = pair
    if op not in ("==", "!=") and left.type.kind not in ORDERED:
        hint = "Compare it with == or in." if left.type.kind == "category" else None
        ctx.report("type-mismatch", span, f"`{op}` does not order {named(left.type)}.", help=hint)
        return None
    if says:
        verdict = b.decide(op, limits(left), limits(right))
        say_if_constant(ctx, span, verdict if verdict in says else None, left)
    return call(op, Type("bool", left.type.nullable or right.type.nullable), span, (left, right))


def say_if_constant(ctx: Context, span: Span, verdict: bool | None, left: TypedExpr) -> None:
    if verdict is False or (verdict is True and not left.type.nullable):
        how = "always" if verdict else "never"
        why = f": the left side is {b.say(limits(left))}" if limits(left) != b.UNBOUNDED else ""
        ctx.report("constant-condition", span, f"This {how} holds{why}.")


def _compared_with_null(ctx: Context, op: str, span: Span, left: TypedExpr, right: TypedExpr) -> None:
    other = right if left.type.kind == "null" else left
    if op not in ("==", "!="):
        ctx.report("compare-with-null", span, f"{op} with null is null, never true.")
        return
    words = "is null" if op == "==" else "is not null"
    hint = f"Write {other.fn if other.op == 'column' else 'x'} {words}."
    edit = Edit((other.span[1], span[1]), f" {words}") if other is left else None
    ctx.report("compare-with-null", span, f"A comparison with null is null, never true: {op}.", help=hint, edit=edit)


def aligned(ctx: Context, left: TypedExpr, right: TypedExpr, span: Span, op: str) -> tuple[TypedExpr, TypedExpr] | None:
    """Both sides in kinds that can be compared: integers beside a category of integers become text, a date literal
    beside a timestamp its midnight in UTC. None after reporting."""
    a, c = left.type.kind, right.type.kind
    if a in NUMERIC and c in NUMERIC:
        return left, right
    if a in TIMES and c in TIMES and "literal" not in (left.op, right.op):
        return left, right  # a date beside a timestamp is its midnight in UTC
    if a in TEXT and c in TEXT:
        return (left, right) if _levels_known(ctx, left, right) and _levels_known(ctx, right, left) else None
    if a == c and a not in ("list", "range"):
        return left, right
    for one, other, flipped in ((left, right, False), (right, left, True)):
        moved = _moved_literal(one, other)
        if moved is not None:
            if one.type.kind == "category" and not _levels_known(ctx, one, moved):
                return None
            return (moved, one) if flipped else (one, moved)
    _refuse_comparison(ctx, op, span, left, right)
    return None


def _moved_literal(one: TypedExpr, other: TypedExpr) -> TypedExpr | None:
    """The literal `other` in the kind of `one`, where that is meant."""
    if other.op != "literal":
        return None
    if one.type.kind == "category" and one.type.numeric_levels and other.type.kind == "int":
        return literal(str(other.value), Type("string"), other.span)
    if one.type.kind == "timestamp" and other.type.kind == "date":
        return literal(f"{other.value}T00:00:00.000000Z", Type("timestamp"), other.span)
    if one.type.kind == "date" and other.type.kind == "timestamp":
        return other
    return None


def _levels_known(ctx: Context, column: TypedExpr, text: TypedExpr) -> bool:
    """Whether a text literal is among the levels of the category that it stands beside; reports where it is not."""
    levels = column.type.levels
    if column.type.kind != "category" or levels is None or text.op != "literal" or text.value in levels:
        return True
    best = nearest(str(text.value), levels)
    what = column.fn if column.op == "column" else "the category"
    shown = best if best is None or column.type.numeric_levels else f'"{best}"'
    if best is not None and shown is not None:
        hint, edit = f"Did you mean {shown}?", Edit(text.span, shown)
    else:
        known = ", ".join(levels[:12]) + (", …" if len(levels) > 12 else "")
        hint, edit = f"Its levels are: {known}.", None
    ctx.report("unknown-level", text.span, f"{text.value!r} is not a level of {what}.", help=hint, edit=edit)
    return False


def _refuse_comparison(ctx: Context, op: str, span: Span, left: TypedExpr, right: TypedExpr) -> None:
    kinds = {left.type.kind, right.type.kind}
    name, hint, edit = "type-mismatch", None, None
    if kinds & MEASURES and kinds & NUMERIC:
        name = "unit-mismatch"
        measure, other = (left, right) if left.type.kind in MEASURES else (right, left)
        if other.op == "literal":
            hint = f"Give it a unit: {b.number(other.value)}{'d' if measure.type.kind == 'duration' else 'MiB'}."
        elif measure.op == "literal":
            hint = "A plain number has no unit; compare it with a plain number."
    elif "bool" in kinds:
        hint, edit = _bool_help(op, span, left, right)
    elif kinds & {"date", "timestamp"} and "string" in kinds:
        kind, text = (left.type.kind, right) if right.type.kind == "string" else (right.type.kind, left)
        if text.op == "literal":
            fixed = f'{kind}("{text.value}")'
            hint, edit = f"Write {fixed}.", Edit(text.span, fixed)
    elif kinds & NUMERIC and "string" in kinds and right.op == "literal" and right.type.kind == "string":
        hint = "A number is written without quotes."
    elif "category" in kinds and kinds & NUMERIC and right.op == "literal":
        hint = f'Its values are text: "{right.value}".'
    what = f"{named(left.type)} and {named(right.type)} cannot be compared."
    ctx.report(name, span, what[0].upper() + what[1:], help=hint, edit=edit)


def _bool_help(op: str, span: Span, left: TypedExpr, right: TypedExpr) -> tuple[str | None, Edit | None]:
    flag, other = (left, right) if left.type.kind == "bool" else (right, left)
    if other.op != "literal" or op not in ("==", "!=") or flag.op != "column":
        return "A bool is a condition by itself: x, or not x.", None
    if other.value not in (0, 1):
        return f"{flag.fn} is a condition by itself: {flag.fn}, or not {flag.fn}.", None
    fixed = flag.fn if bool(other.value) == (op == "==") else f"not {flag.fn}"
    return f"Write {fixed}.", Edit(span, fixed) if fixed.replace("not ", "").isidentifier() else None
