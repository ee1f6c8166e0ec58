"""How large a single expression may grow; features that it names count as one part each. The limits are those of the
Plan's serialiser (levels) and of good sense (nodes)."""

from __future__ import annotations

from collections.abc import Iterator

from mlopsc.semantics.context import Context
from mlopsc.semantics.folding import fold
from mlopsc.semantics.program import Program, TypedExpr
from mlopsc.source import Span

MOST_LEVELS = 100
MOST_NODES = 10_000
Measure = tuple[int, int]  # levels, nodes


def check_depth(ctx: Context) -> None:
    for root, span in _expressions(ctx.program):
        levels, nodes = measure(root)
        if levels > MOST_LEVELS:
            message = f"This expression is {levels} levels deep, and {MOST_LEVELS} are allowed."
            ctx.report("too-deep", span, message, help="Split it: compute a part of it in the data's source.")
        elif nodes > MOST_NODES:
            message = f"This expression has {nodes} parts, and {MOST_NODES} are allowed."
            ctx.report("too-deep", span, message, help="Split it: compute a part of it in the data's source.")


def _expressions(program: Program) -> Iterator[tuple[TypedExpr, Span]]:
    for data in program.data.values():
        yield from ((rule.expr, rule.span) for rule in data.rules)
        yield from ((condition, condition.span) for condition in data.filters)
    for block in program.features.values():
        for feature in block.features.values():
            yield from ((expr, feature.span) for expr in feature.inputs)
    for model in program.models.values():
        for expr in (model.target, model.weights, model.stratify):
            if expr is not None:
                yield expr, expr.span
    for gate in program.gates.values():
        yield from ((rule.expr, rule.span) for rule in gate.rules)


def measure(root: TypedExpr) -> Measure:
    """(levels, nodes) of an expression; shared parts are measured once and counted as often as they stand."""
    if not root.args and not root.extra:
        return 1, 1
    return fold(root, _measure_of)


def _measure_of(node: TypedExpr, below: list[Measure]) -> Measure:
    if node.op == "list":
        return 2, 1  # literals side by side, as many as there are
    return 1 + max((levels for levels, _ in below), default=0), 1 + sum(nodes for _, nodes in below)
