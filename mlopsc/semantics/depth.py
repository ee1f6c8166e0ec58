"""How large expressions may grow: in the Plan every feature that an expression names is written out, so a few lines can
stand for a tree without end. The limits are those of the Plan's serialiser (levels) and of good sense (nodes)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlopsc.semantics.context import Context
from mlopsc.semantics.program import FeatureInfo, Program, TypedExpr
from mlopsc.semantics.unfold import fold
from mlopsc.source import Span

MOST_LEVELS = 100
MOST_NODES = 10_000
Measure = tuple[int, int]  # levels, nodes


def check_depth(ctx: Context) -> None:
    for root, span, features in _expressions(ctx.program):
        levels, nodes = measure(root, features)
        if levels > MOST_LEVELS:
            message = f"This expression is {levels} levels deep with the features that it names, and {MOST_LEVELS} are allowed."
            ctx.report("too-deep", span, message, help="Split it: compute a part of it in the data's source.")
        elif nodes > MOST_NODES:
            message = (
                f"This expression has {nodes} parts with the features that it names, and {MOST_NODES} are allowed."
            )
            ctx.report("too-deep", span, message, help="Split it: compute a part of it in the data's source.")


def _expressions(program: Program) -> Iterator[tuple[TypedExpr, Span, Mapping[str, FeatureInfo] | None]]:
    for data in program.data.values():
        yield from ((rule.expr, rule.span, None) for rule in data.rules)
        yield from ((condition, condition.span, None) for condition in data.filters)
    for block in program.features.values():
        for feature in block.features.values():
            yield from ((expr, feature.span, block.features) for expr in feature.inputs)
    for model in program.models.values():
        for expr in (model.target, model.weights, model.stratify):
            if expr is not None:
                yield expr, expr.span, None
    for gate in program.gates.values():
        yield from ((rule.expr, rule.span, None) for rule in gate.rules)


def measure(root: TypedExpr, features: Mapping[str, FeatureInfo] | None) -> Measure:
    """(levels, nodes) of an expression with its features written out; shared parts are measured once and counted as often
    as they stand."""
    if not root.args and not root.features and not root.extra:
        return 1, 1
    return fold(root, features, _measure_of)


def _measure_of(_: TypedExpr, below: list[Measure]) -> Measure:
    return 1 + max((levels for levels, _ in below), default=0), 1 + sum(nodes for _, nodes in below)
