"""What a spec may say but no runtime computes yet: refused where a target is chosen, and only there."""

from __future__ import annotations

from mlopsc.semantics.context import Context
from mlopsc.semantics.program import TypedExpr

_WORDS = {"aggregate": "looks at earlier rows", "lookup": "looks up another data block"}


def check_runnable(ctx: Context, target: str) -> None:
    """Report every feature of a model that needs the rows of another data block, or earlier ones of its own."""
    blocks = {model.features.decl.name: model.features for model in ctx.program.models.values()}
    for block in blocks.values():
        for feature in block.features.values():
            found = next((op for expr in feature.inputs if (op := _outside(expr)) is not None), None)
            if found is not None:
                message = f"The feature {feature.name} {_WORDS[found]}, which no step of target {target} computes yet."
                ctx.report("not-runnable", feature.span, message)


def _outside(root: TypedExpr) -> str | None:
    """The first aggregate or lookup of an expression. What a feature is built from is reported at that feature."""
    todo = [root]
    while todo:
        node = todo.pop()
        if node.op in _WORDS:
            return node.op
        todo += node.args
    return None
