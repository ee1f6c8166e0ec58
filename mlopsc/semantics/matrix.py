"""What reaches an algorithm: nulls, texts and times among the features, against what it takes."""

from __future__ import annotations

from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import FeatureInfo, ModelInfo
from mlopsc.semantics.types import TEXT, named, with_null
from mlopsc.source import Span

_TIMES = frozenset({"date", "timestamp", "duration"})


def check_matrix(
    ctx: Context, model: ModelInfo, takes_null: bool, takes_text: bool, algorithm: str, span: Span
) -> None:
    """Report every feature of the model that `algorithm` (named at `span`) cannot take as it leaves its pipe."""
    related = (Related(f"{algorithm} is chosen here", span),)
    for feature in model.features.features.values():
        if not feature.inputs or feature.out.kind == "error":
            continue
        kind = feature.out.kind
        what = named(with_null(feature.out, False))
        if kind in _TIMES:
            message = f"{feature.name} is {what}, and {algorithm} needs numbers."
            ctx.report("time-feature", feature.span, message, help=_number_of(kind), related=related)
        elif kind in TEXT and not takes_text:
            message = f"{feature.name} is {what}, and {algorithm} needs numbers."
            hint = f"Write {feature.name} |> onehot()."
            ctx.report("text-feature", feature.span, message, help=hint, edit=_at_end(feature), related=related)
        elif feature.out.nullable and not takes_null:
            message = f"{feature.name} may be null, and {algorithm} takes no nulls."
            hint = "Fill the nulls: |> impute()."
            ctx.report("nullable-feature", feature.span, message, help=hint, edit=_at_start(feature), related=related)


def _number_of(kind: str) -> str:
    if kind == "duration":
        return "A number of it is days_between(a, b)."
    return "Compute a number of it: year(t), month(t), day_of_week(t), days_between(a, b)."


def _at_start(feature: FeatureInfo) -> Edit | None:
    """impute() put first in the pipe, which suits every column of a list; features of a star have no place."""
    at = feature.pipe_at
    return None if at < 0 else Edit((at, at), " |> impute()")


def _at_end(feature: FeatureInfo) -> Edit | None:
    """onehot() put last in the pipe of a feature that stands alone."""
    at = feature.pipe[-1].span[1] if feature.pipe else feature.pipe_at
    in_list = feature.inputs[0].span == feature.span and feature.pipe_at != feature.span[1]
    return None if at < 0 or in_list else Edit((at, at), " |> onehot()")
