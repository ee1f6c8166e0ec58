"""Row expressions: what a name means over the columns of a data block and the features of a features block.

A data column wins over anything else of its name. A plain feature (no |>) is read as a column of its name: features are
computed in order of dependency, so a later one may name an earlier one without being written out again.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.calls import row_call
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import Scope, check, check_condition_in
from mlopsc.semantics.operators import limits
from mlopsc.semantics.program import ColumnInfo, DataInfo, FeaturesInfo, TypedExpr
from mlopsc.semantics.types import NUMERIC, plain
from mlopsc.source import Span
from mlopsc.syntax import ast


class RowScope:
    """Columns of `data`, the features of `features`, and params. With `fitted`, a feature with a pipe may be named, too:
    its value left of |> is meant (tests). `itself` is the name of the feature being defined."""

    proves = True

    def __init__(
        self,
        data: DataInfo,
        features: FeaturesInfo | None = None,
        *,
        what: str = "a row expression",
        fitted: bool = False,
        itself: str | None = None,
    ) -> None:
        self.data = data
        self.features = features
        self.what = what
        self.fitted = fitted
        self.itself = itself

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        column = self.data.columns.get(node.text)
        if column is not None:
            self._say_if_shadowed(ctx, node, column)
            return column_ref(column, node.span)
        feature = self.features.features.get(node.text) if self.features is not None else None
        if feature is not None:
            if not feature.inputs and self.features is not None and node.text in self.features.poisoned:
                return None
            if not feature.plain and not self.fitted:
                message = f"{node.text} is fitted on training rows, so no row expression can use it."
                hint = f"Compute what stands left of its |> in a feature of its own, and use that: raw_{node.text} = …."
                related = (Related("it is fitted here", feature.span),)
                ctx.report("fitted-in-expression", node.span, message, help=hint, related=related)
                return None
            return feature_ref(feature.name, feature.inputs, node.span)
        return self._other_name(ctx, node)

    def _other_name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        declared = ctx.program.decls.get(node.text)
        if declared is not None and declared.kind == "param":
            declared.used = True
            known = ctx.program.params.get(node.text)
            return None if known is None else TypedExpr("param", plain(known[0]), node.span, fn=node.text)
        if not self.data.lacks(node.text) or (self.features is not None and not self.features.lacks(node.text)):
            return None
        message = f"{self.data.decl.name} has no column {node.text}."
        ctx.unknown("unknown-column", node, message, self._options())
        return None

    def _options(self) -> Iterator[str]:
        yield from self.data.written()
        if self.features is not None:
            yield from (name for name, f in self.features.features.items() if f.plain and name != self.itself)

    def _say_if_shadowed(self, ctx: Context, node: ast.Name, column: ColumnInfo) -> None:
        declared = ctx.program.decls.get(node.text)
        feature = self.features.features.get(node.text) if self.features is not None else None
        other: Span | None = None
        if declared is not None and declared.kind == "param":
            declared.used = True  # the one fault is its name
            other, what = declared.node.name.span, "param"
        elif (
            feature is not None
            and feature.inputs
            and node.text != self.itself
            and not is_selection(feature.inputs, node.text)
        ):
            other, what = feature.span, "feature"
        if other is not None:
            message = f"{node.text} is the column here, not the {what} of that name."
            ctx.report("shadowed-name", node.span, message, related=(Related(f"the {what}", other),))

    def dotted(self, ctx: Context, node: ast.Dotted) -> TypedExpr | None:
        words = ".".join(part.text for part in node.parts)
        if node.parts[0].text in ctx.program.data:
            hint = f"One row of another data block is lookup({words}, on = …), many are sum({words}, on = …)."
            ctx.report("wrong-place", node.span, f"{words} is a column of another data block.", help=hint)
        else:
            ctx.report("unknown-name", node.span, f"{words} means nothing in {self.what}.")
        return None

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        return self.call_in(ctx, node, self)

    def call_in(self, ctx: Context, node: ast.Call, scope: Scope) -> TypedExpr | None:
        """A call whose arguments are checked in `scope`: this one, or one that knows more of its columns."""
        return row_call(ctx, node, scope)


def column_ref(column: ColumnInfo, span: Span) -> TypedExpr:
    """A reference to a data column, bounded by its declared range or values."""
    lo, hi = column.lo, column.hi
    if column.allowed:
        lo, hi = min(column.allowed), max(column.allowed)
    if column.type.kind not in NUMERIC:
        lo = hi = None
    return TypedExpr("column", column.type, span, fn=column.name, lo=lo, hi=hi, columns=frozenset((column.name,)))


def feature_ref(name: str, inputs: list[TypedExpr], span: Span) -> TypedExpr | None:
    """A reference to a feature of the same block; None where the feature itself could not be understood, or has several
    values."""
    if len(inputs) != 1:
        return None
    (found,) = inputs
    lo, hi = limits(found)
    return TypedExpr(
        "column", found.type, span, fn=name, lo=lo, hi=hi, columns=found.columns, features=frozenset((name,))
    )


def is_selection(inputs: list[TypedExpr], name: str) -> bool:
    """Whether a feature is the column of its name and nothing else."""
    return len(inputs) == 1 and inputs[0].op == "column" and inputs[0].fn == name


def check_row(ctx: Context, node: ast.Value, data: DataInfo, features: FeaturesInfo | None = None) -> TypedExpr | None:
    """A row expression over data columns and the plain features of a block; None when it is poisoned."""
    return check(ctx, node, RowScope(data, features))


def check_condition(
    ctx: Context, node: ast.Value, data: DataInfo, features: FeaturesInfo | None = None, *, place: str = "This"
) -> TypedExpr | None:
    """A row expression that must be true or false."""
    return check_condition_in(ctx, node, RowScope(data, features), place)


__all__ = ["RowScope", "check_condition", "check_row", "column_ref", "feature_ref", "is_selection"]
