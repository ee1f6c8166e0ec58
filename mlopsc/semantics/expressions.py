"""Checking expressions: literals, operators, `if`, `in`, `is null`. What names and calls mean is the scope's.

A result of None is poisoned: something in the expression was reported already. The left spine of a chain of operators is
walked in a loop, so only nesting that the parser itself allows recurses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeGuard

from mlopsc.diagnostics.model import Edit
from mlopsc.semantics import bounds as b
from mlopsc.semantics import operators as ops
from mlopsc.semantics.constants import date_text
from mlopsc.semantics.context import Context
from mlopsc.semantics.facts import Facts, facts_of, narrowed
from mlopsc.semantics.program import Type, TypedExpr
from mlopsc.semantics.types import BOOL, NUMERIC, ORDERED, call, literal, named, plain, retype, unify, union
from mlopsc.syntax import ast

MICROSECONDS = 1_000_000
INT_LIMIT = 2**63


class Scope(Protocol):
    """What names, dotted names and calls mean in one place. `what` names the place in messages: "a row expression".

    A scope over rows also sets `proves = True` and has `call_in(ctx, node, scope)`: conditions that declared ranges decide
    are then reported, durations and sizes are not scaled by numbers, and branches of `if` know what their condition has
    proved. A scope with `refutes = True` reports conditions that can never hold, but not those that always do."""

    what: str

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None: ...

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None: ...

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None: ...


def check(ctx: Context, node: ast.Value, scope: Scope) -> TypedExpr | None:
    """The checked expression, or None after reporting."""
    if isinstance(node, ast.Call) and not (node.func.text in ("date", "timestamp") and not node.func.quoted):
        return scope.call(ctx, node)  # at once: nested calls are the deepest recursion
    return _CHECKS[type(node)](ctx, node, scope)


def check_condition_in(ctx: Context, node: ast.Value, scope: Scope, place: str) -> TypedExpr | None:
    """A checked expression that must be true or false."""
    found = check(ctx, node, scope)
    return None if found is None else ops.condition(ctx, found, place)


def _proves(scope: Scope) -> bool:
    return bool(getattr(scope, "proves", False))


def _says(scope: Scope) -> tuple[bool, ...]:
    """The verdicts on conditions that are reported in this place."""
    if _proves(scope):
        return (True, False)
    return (False,) if getattr(scope, "refutes", False) else ()


# --- literals ---------------------------------------------------------------------------------------------------------


def _literal(ctx: Context, node: ast.Literal, scope: Scope) -> TypedExpr | None:
    return typed_literal(ctx, node)


def typed_literal(ctx: Context, node: ast.Literal) -> TypedExpr | None:
    """A literal in the Plan's form. A percent is a float, a duration a whole number of microseconds."""
    value: Any = node.value
    if node.kind == "int" and not -INT_LIMIT <= value < INT_LIMIT:
        ctx.report(
            "number-too-large", node.span, "An int lies between -2**63 and 2**63 - 1.", help="Write it as a float."
        )
        return None
    if node.kind == "percent" and not 0 <= value <= 1:
        hint = f"Write {value:.12g} where a number is meant."
        ctx.report("out-of-bounds", node.span, f"{node.text} is no share: shares lie in 0%..100%.", help=hint)
        return None
    if node.kind == "null":
        return literal(None, Type("null", True), node.span)
    if node.kind == "duration":
        value = round(value * MICROSECONDS)
    return literal(value, Type("float" if node.kind == "percent" else node.kind), node.span)


def is_literal(node: ast.Value | ast.Star) -> TypeGuard[ast.Literal | ast.Call]:
    """Whether the node is a literal, or a date or timestamp call, which counts as one."""
    return isinstance(node, ast.Literal) or (isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"))


def any_literal(ctx: Context, node: ast.Literal | ast.Call) -> TypedExpr | None:
    return typed_literal(ctx, node) if isinstance(node, ast.Literal) else date_literal(ctx, node)


def date_literal(ctx: Context, node: ast.Call) -> TypedExpr | None:
    """date("2026-01-31") or timestamp("2026-01-31T00:00:00Z")."""
    kind = node.func.text
    first = node.args[0].value if len(node.args) == 1 and node.args[0].name is None else None
    if not isinstance(first, ast.Literal) or first.kind != "string":
        example = "2026-01-31" if kind == "date" else "2026-01-31T00:00:00Z"
        ctx.report("bad-date", node.span, f"{kind} takes one literal text.", help=f'For example {kind}("{example}").')
        return None
    text = date_text(str(first.value), kind)
    if text is None:
        ctx.report("bad-date", first.span, f"{first.text} is no {kind} of ISO 8601.")
        return None
    return literal(text, Type(kind), node.span)


# --- names and calls --------------------------------------------------------------------------------------------------


def _name(ctx: Context, node: ast.Name, scope: Scope) -> TypedExpr | None:
    return scope.name(ctx, node)


def _dotted(ctx: Context, node: ast.Dotted, scope: Scope) -> TypedExpr | None:
    return scope.dotted(ctx, node)


def _date_call(ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
    return date_literal(ctx, node)


# --- operators --------------------------------------------------------------------------------------------------------


def _binary(ctx: Context, node: ast.Binary, scope: Scope) -> TypedExpr | None:
    spine = [node]
    while isinstance(spine[-1].left, ast.Binary):
        spine.append(spine[-1].left)
    left = check(ctx, spine[-1].left, scope)
    if left is None and isinstance(spine[-1].left, ast.ListExpr):
        return None  # a slip for `|>`, most likely: what follows is no expression then
    proves = _proves(scope)
    for at in reversed(spine):
        inner = narrowed(scope, facts_of(left, at.op == "and")) if at.op in ("and", "or") and proves else scope
        right = check(ctx, at.right, inner)
        if at.op in ("and", "or"):
            left = ops.logical(ctx, at.op, at.span, left, right)
        elif left is None or right is None:
            left = None
        elif at.op in ops.COMPARISONS:
            left = ops.compare(ctx, at.op, at.span, left, right, says=_says(scope))
        else:
            left = ops.arithmetic(ctx, at.op, at.span, left, right, scaled=not proves)
    return left


def _unary(ctx: Context, node: ast.Unary, scope: Scope) -> TypedExpr | None:
    operand = check(ctx, node.operand, scope)
    if operand is None:
        return None
    if node.op == "-":
        return ops.minus(ctx, node.span, operand)
    found = ops.condition(ctx, operand, "not")
    return None if found is None else call("not", found.type, node.span, (found,))


def _if(ctx: Context, node: ast.If, scope: Scope) -> TypedExpr | None:
    test = check_condition_in(ctx, node.condition, scope, "if")
    yes, no = Facts(), Facts()
    if _proves(scope):
        yes, no = facts_of(test, True), facts_of(test, False)
    then = check(ctx, node.then, narrowed(scope, yes))
    otherwise = check(ctx, node.otherwise, narrowed(scope, no))
    if test is None or then is None or otherwise is None:
        return None
    made = unify((then.type, otherwise.type))
    if made is None:
        message = f"The branches of if are {named(then.type)} and {named(otherwise.type)}."
        ctx.report("branch-mismatch", node.span, message, help="Give both branches one type.")
        return None
    found = b.hull([ops.limits(x) for x in (then, otherwise) if x.type.kind != "null"] or [b.UNBOUNDED])
    return call("if", made, node.span, (test, retype(then, made), retype(otherwise, made)), found)


def _is_null(ctx: Context, node: ast.IsNull, scope: Scope) -> TypedExpr | None:
    operand = check(ctx, node.operand, scope)
    if operand is None:
        return None
    if not operand.type.nullable and _proves(scope):
        how = "always" if node.negated else "never"
        ctx.report("constant-condition", node.span, f"This {how} holds: the value is never null.")
    return call("is not null" if node.negated else "is null", BOOL, node.span, (operand,))


# --- membership -------------------------------------------------------------------------------------------------------


def _in(ctx: Context, node: ast.In, scope: Scope) -> TypedExpr | None:
    item = check(ctx, node.item, scope)
    if isinstance(node.container, ast.Range):
        found = _in_range(ctx, node, node.container, item, scope)
    elif isinstance(node.container, ast.ListExpr):
        found = _in_list(ctx, node, node.container, item, scope)
    else:
        text = isinstance(node.container, ast.Literal) and node.container.kind == "string"
        hint = "Whether a text holds another is contains(s, part)." if text else "Write in [a, b] or in 0..10."
        ctx.report("bad-membership", node.container.span, "in needs a list or a range on its right.", help=hint)
        return None
    return found


def _in_range(
    ctx: Context, node: ast.In, container: ast.Range, item: TypedExpr | None, scope: Scope
) -> TypedExpr | None:
    lo, hi = check(ctx, container.lo, scope), check(ctx, container.hi, scope)
    if item is None or lo is None or hi is None:
        return None
    pairs = [ops.aligned(ctx, item, end, container.span, "in") for end in (lo, hi)]
    if pairs[0] is None or pairs[1] is None:
        return None
    if item.type.kind not in ORDERED:
        ctx.report(
            "bad-membership", container.span, f"A range does not hold {named(item.type)}.", help="Write in [a, b]."
        )
        return None
    if lo.type.kind != hi.type.kind or lo.type.kind != item.type.kind:
        kinds = {lo.type.kind, hi.type.kind, item.type.kind}
        if not kinds <= NUMERIC:
            hint = "Give both ends as timestamps." if item.type.kind == "timestamp" else None
            ctx.report("bad-membership", container.span, f"{named(item.type)} is not in such a range.", help=hint)
            return None
    if is_empty_range(lo, hi):
        ctx.report("empty-range", container.span, "The range starts above its end, so nothing is in it.")
        return None
    if _says(scope):
        _say_if_decided(ctx, node, item, lo, hi, _says(scope))
    kind = item.type.kind if item.type.kind not in NUMERIC else unified_kind(lo, hi)
    ends = TypedExpr(
        "range",
        Type(kind),
        container.span,
        args=(pairs[0][1], pairs[1][1]),
        columns=union((lo.columns, hi.columns)),
        features=union((lo.features, hi.features)),
    )
    nullable = item.type.nullable or lo.type.nullable or hi.type.nullable
    return call("not in" if node.negated else "in", Type("bool", nullable), node.span, (item, ends))


def unified_kind(lo: TypedExpr, hi: TypedExpr) -> str:
    return "int" if lo.type.kind == hi.type.kind == "int" else "float"


def is_empty_range(lo: TypedExpr, hi: TypedExpr) -> bool:
    """Whether two literal ends leave nothing between them; dates and timestamps are texts that sort as they do."""
    return lo.op == hi.op == "literal" and lo.type.kind != "null" and lo.value > hi.value


def _say_if_decided(
    ctx: Context, node: ast.In, item: TypedExpr, lo: TypedExpr, hi: TypedExpr, says: tuple[bool, ...]
) -> None:
    above = b.decide(">=", ops.limits(item), ops.limits(lo))
    below = b.decide("<=", ops.limits(item), ops.limits(hi))
    inside = False if above is False or below is False else (True if above and below else None)
    if inside is not None and (inside != node.negated) in says:
        ops.say_if_constant(ctx, node.span, inside != node.negated, item)


def _in_list(
    ctx: Context, node: ast.In, container: ast.ListExpr, item: TypedExpr | None, scope: Scope
) -> TypedExpr | None:
    if not container.items:
        ctx.report("empty-range", container.span, "The list is empty, so nothing is in it.")
        return None
    found = [_list_item(ctx, x, item) for x in container.items]
    items = [x for x in found if x is not None]
    if item is None or len(items) < len(found):
        return None
    made = unify(x.type for x in items)
    if made is None:
        ctx.report("bad-membership", container.span, "The items of the list are of different types.")
        return None
    right = TypedExpr("list", Type(made.kind), container.span, args=tuple(items))
    return call("not in" if node.negated else "in", Type("bool", item.type.nullable), node.span, (item, right))


def _list_item(ctx: Context, node: ast.Value | ast.Star, item: TypedExpr | None) -> TypedExpr | None:
    """A literal of a list, in the kind of what is looked for."""
    if not is_literal(node):
        quoted = f'"{node.text}"' if isinstance(node, ast.Name) and '"' not in node.text else None
        edit = Edit(node.span, quoted) if quoted is not None else None
        hint = f"Write {quoted}." if quoted is not None else None
        ctx.report("literal-needed", node.span, "A list after in holds literals only.", help=hint, edit=edit)
        return None
    found = any_literal(ctx, node)
    if found is None or item is None:
        return None
    if found.type.kind == "null":
        ctx.report("compare-with-null", node.span, "Nothing equals null.", help="Write x is null.")
        return None
    if item.type.kind == "null":
        ctx.report("compare-with-null", item.span, "null is in no list.")
        return None
    pair = ops.aligned(ctx, item, found, node.span, "in")
    return None if pair is None else pair[1]


def _list(ctx: Context, node: ast.ListExpr, scope: Scope) -> TypedExpr | None:
    ctx.report("wrong-place", node.span, f"A list stands only after in, not in {scope.what}.")
    return None


def _range(ctx: Context, node: ast.Range, scope: Scope) -> TypedExpr | None:
    ctx.report("wrong-place", node.span, f"A range stands only after in, not in {scope.what}.")
    return None


def _piped(ctx: Context, node: ast.Piped, scope: Scope) -> TypedExpr | None:
    hint = "Fitted transforms stand in a features block."
    ctx.report("wrong-place", node.span, f"|> cannot stand in {scope.what}.", help=hint)
    return None


def _star(ctx: Context, node: ast.Star, scope: Scope) -> TypedExpr | None:
    ctx.report("wrong-place", node.span, f"*{node.name.text} stands only in a selection of a features block.")
    return None


_CHECKS: dict[type[ast.Node], Callable[[Context, Any, Scope], TypedExpr | None]] = {
    ast.Literal: _literal,
    ast.Name: _name,
    ast.Dotted: _dotted,
    ast.Call: _date_call,
    ast.Binary: _binary,
    ast.Unary: _unary,
    ast.If: _if,
    ast.IsNull: _is_null,
    ast.In: _in,
    ast.ListExpr: _list,
    ast.Range: _range,
    ast.Piped: _piped,
    ast.Star: _star,
}

__all__ = [
    "Scope",
    "check",
    "check_condition_in",
    "any_literal",
    "date_literal",
    "is_literal",
    "plain",
    "typed_literal",
]
