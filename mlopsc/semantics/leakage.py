"""The target among the features: itself, a copy of it, or anything computed row by row from what it reads.

Only this block's own columns are looked at: a point-in-time aggregate may read the target of earlier rows.
"""

from __future__ import annotations

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import FeatureInfo, ModelInfo, TypedExpr

_HINT_TARGET = "Leave it out; a point-in-time aggregate may use the target of earlier rows."
# What the target is computed from may be known when a prediction is asked for, as the time of a pickup is.
_HINT_PART = "Leave it out, or, where it is known when a prediction is made, end the line in `# mlopsc: allow target-leakage`."


def check_leakage(ctx: Context, model: ModelInfo) -> None:
    """Report every feature that reads a column of the target, a column with the same raw name, or the target of a row of
    the same data by `lookup`."""
    leaking = _copies(model)
    for feature in model.features.features.values():
        found = _leak(feature, model, leaking)
        if found is None:
            continue
        target = f"the target of {model.decl.name}"
        if feature.inputs[0].op == "column" and found == feature.inputs[0].fn == feature.name:
            what = (
                f"{feature.name} is {target}" if model.target_text == found else f"{feature.name} is read by {target}"
            )
        elif found in model.target.columns:
            what = f"{feature.name} reads {found}, which is {'' if model.target_text == found else 'read by '}{target}"
        else:
            what = f"{feature.name} reads {found}, a copy of what {target} reads"
        hint = _HINT_TARGET if found == model.target_text else _HINT_PART
        related = (Related("the target", model.target.span),)
        ctx.report("target-leakage", feature.span, f"{what}, so it cannot be a feature.", help=hint, related=related)


def _copies(model: ModelInfo) -> set[str]:
    """The columns that the target reads, and those that read the same raw columns."""
    columns = model.features.data.columns
    raw = {columns[name].raw for name in model.target.columns if name in columns}
    return set(model.target.columns) | {c.name for c in columns.values() if c.raw in raw}


def _leak(feature: FeatureInfo, model: ModelInfo, leaking: set[str]) -> str | None:
    """A column through which the target stands in the feature, the first by name."""
    read: set[str] = set()
    for node in feature.inputs:
        read |= node.columns & leaking
        read |= _looked_up(node, model.features.data.decl.name) & leaking
    return min(read) if read else None


def _looked_up(root: TypedExpr, data: str) -> set[str]:
    """Columns of the block itself that an expression looks up by key: the row's own value, or a later row's."""
    found: set[str] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if node.op == "lookup" and node.extra is not None and node.extra["data"] == data:
            found.add(node.extra["column"])
        todo += node.args
    return found
