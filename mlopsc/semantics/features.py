"""Features blocks: every feature's row expressions, its pipe, and its type after it."""

from __future__ import annotations

from mlopsc.catalog.blocks import FEATURES
from mlopsc.catalog.transforms import TRANSFORMS
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.aggregates import FeatureScope
from mlopsc.semantics.context import Context
from mlopsc.semantics.definitions import Definition, Definitions, StarDefinition, collect, in_order, known_star
from mlopsc.semantics.expressions import check
from mlopsc.semantics.pipes import joins, piped_type, read_pipe
from mlopsc.semantics.program import (
    ColumnInfo,
    DataInfo,
    Decl,
    FeatureInfo,
    FeaturesInfo,
    TransformInfo,
    Type,
    TypedExpr,
)
from mlopsc.semantics.rows import column_ref
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.tables import table
from mlopsc.source import Span
from mlopsc.syntax import ast

_STAR_KINDS = {"numeric": ("int", "float"), "category": ("category",), "bool": ("bool",)}
_UNKNOWN = Type("error")


def check_features(ctx: Context, decl: Decl) -> FeaturesInfo | None:
    """The features of a block, in an order of dependency; None where the data block is not known. A feature that is
    poisoned keeps its name and has no inputs."""
    node = decl.node
    if not isinstance(node, ast.Block):
        return None
    read_settings(ctx, decl, node.body, FEATURES)
    source = header(ctx, node, FEATURES).get("from")
    if source is None:
        return None
    data = table(ctx, source)
    found = collect(ctx, node.body)
    info = FeaturesInfo(decl, data, {}, [])
    ctx.program.features[decl.name] = info
    _lost(ctx, info, node)
    ordered, cyclic = in_order(ctx, found, data.columns)
    pipes: dict[int, list[TransformInfo] | None] = {}
    _Block(ctx, info, found, pipes).define(ordered, cyclic)
    if not node.body and not any(node.start <= d.span[0] < node.end for d in ctx.bag.items):
        ctx.report("bad-selection", node.name.span, f"features {decl.name} selects nothing.")
    return info


def _lost(ctx: Context, info: FeaturesInfo, node: ast.Block) -> None:
    """Names of features whose statements could not be read, or are none of a features block."""
    for gap in ctx.damage.of(node):
        info.poisoned |= gap.words
        info.complete = info.complete and gap.first is not None
    for statement in node.body:
        if isinstance(statement, ast.Rule):
            info.poisoned.add(statement.verb.text)
        elif isinstance(statement, ast.Column | ast.Section):
            info.poisoned.add(statement.name.text)


class _Block:
    """One block being checked. A pipe that several columns share is read once (`pipes`, by the identity of its list)."""

    def __init__(
        self, ctx: Context, info: FeaturesInfo, found: Definitions, pipes: dict[int, list[TransformInfo] | None]
    ) -> None:
        self.ctx = ctx
        self.info = info
        self.found = found
        self.pipes = pipes

    def define(self, ordered: list[Definition], cyclic: set[str]) -> None:
        # Names are known before anything is typed, so that a cycle or a poisoned feature is never "unknown".
        for definition in ordered:
            self.info.features[definition.name] = self._empty(definition)
        for definition in ordered:
            pipe = self._pipe(definition.pipe)
            feature = self._feature(definition, pipe) if definition.name not in cyclic else None
            if feature is not None:
                self.info.features[definition.name] = feature
            else:
                self.info.poisoned.add(definition.name)
        for star in self.found.stars:
            self._star(star)
        self._numbered()

    def _empty(self, definition: Definition) -> FeatureInfo:
        pipe = [TransformInfo(c.func.text, {}, c.span) for c in definition.pipe]
        return FeatureInfo(definition.name, [], pipe, _UNKNOWN, definition.span, definition.pipe_at)

    def _pipe(self, calls: list[ast.Call]) -> list[TransformInfo] | None:
        if id(calls) not in self.pipes:
            self.pipes[id(calls)] = read_pipe(self.ctx, calls)
        return self.pipes[id(calls)]

    def _feature(self, definition: Definition, pipe: list[TransformInfo] | None) -> FeatureInfo | None:
        inputs = self._inputs(definition)
        if inputs is None or pipe is None:
            return None
        feature = FeatureInfo(definition.name, inputs, pipe, _UNKNOWN, definition.span, definition.pipe_at)
        joined = isinstance(definition.expr, ast.ListExpr)
        if not self._shaped(definition, pipe, joined):
            return None
        if joined and any(isinstance(item, ast.Star) for item in _items(definition.expr)):
            return feature  # its inputs and type are known once the models are
        out = piped_type(self.ctx, pipe, [x.type for x in inputs], definition.name)
        if out is None:
            return None
        feature.out = out
        return feature

    def _inputs(self, definition: Definition) -> list[TypedExpr] | None:
        if definition.selected:
            column = self._column(definition)
            return None if column is None else [column_ref(column, definition.span)]
        scope = FeatureScope(self.info.data, self.info, what="a row expression", itself=definition.name)
        if not isinstance(definition.expr, ast.ListExpr):
            found = self._value(definition.expr, scope)
            return None if found is None else [found]
        items = [i for i in definition.expr.items if not isinstance(i, ast.Star)]
        stars = [i for i in definition.expr.items if isinstance(i, ast.Star)]
        values = [self._value(item, scope) for item in items]
        known = [v for v in values if v is not None]
        stars_known = [known_star(self.ctx, star) for star in stars]
        if len(known) < len(values) or not all(stars_known):
            return None
        if not definition.expr.items:
            self.ctx.report("bad-selection", definition.expr.span, "The list selects nothing.")
            return None
        return known

    def _value(self, node: ast.Value, scope: FeatureScope) -> TypedExpr | None:
        found = check(self.ctx, node, scope)
        if found is not None and found.type.kind == "null":
            self.ctx.report("type-mismatch", node.span, "A feature that is always null says nothing.")
            return None
        return found

    def _column(self, definition: Definition) -> ColumnInfo | None:
        data = self.info.data
        column = data.columns.get(definition.name)
        if column is None and definition.name not in data.poisoned:
            self._poison(definition.name)
        if data.lacks(definition.name):
            name = ast.Name(definition.span[0], definition.span[1], definition.name)
            message = f"{data.decl.name} has no column {definition.name}."
            self.ctx.unknown("unknown-column", name, message, data.written())
        return column

    def _poison(self, name: str) -> None:
        """A selection of no known column: the column that it seems to mean may be named elsewhere as its feature."""
        meant = self.ctx.nearest(name, self.info.data.columns)
        if meant is not None:
            self.info.poisoned.add(meant)
        else:
            self.info.complete = False

    def _shaped(self, definition: Definition, pipe: list[TransformInfo], joined: bool) -> bool:
        """Whether transforms that join columns have a name, and a list under one name is joined."""
        join = joins(pipe)
        if join is not None and definition.selected:
            return self._unnamed(join)
        if joined and join is None and not any(t.name == "sklearn" for t in pipe):
            message = f"{definition.name} names a list, and nothing in its pipe joins columns."
            hint = "Write [a, b] |> … without a name: each column keeps its own."
            self.ctx.report("bad-selection", definition.span, message, help=hint)
            return False
        return True

    def _unnamed(self, join: TransformInfo) -> bool:
        message = f"{join.name} joins columns, so its features need a name."
        hint = f"Write NAME = [a, b] |> {join.name}(…): the features are NAME_1, NAME_2 and so on."
        self.ctx.report("unnamed-join", join.span, message, help=hint)
        return False

    def _star(self, star: StarDefinition) -> None:
        pipe = self._pipe(star.pipe)
        if pipe is None:
            return
        join = joins(pipe)
        if join is None or self._unnamed(join):
            self.info.stars.append((star.kind, pipe, star.span))

    def _numbered(self) -> None:
        """No other feature may have a name that a joining transform numbers: shape_1."""
        for feature in self.info.features.values():
            join = joins(feature.pipe) if len(feature.inputs) else None
            for i in range(1, min(int(join.args["n"]), 1000) + 1 if join is not None else 1):
                other = self.info.features.get(f"{feature.name}_{i}")
                if other is not None:
                    message = f"{other.name} is also the name of a column of {feature.name}."
                    related = (Related("joined here", feature.span),)
                    self.ctx.report("duplicate-name", other.span, message, related=related)


def _items(node: ast.Expr) -> list[ast.Value | ast.Star]:
    return node.items if isinstance(node, ast.ListExpr) else []


# --- stars ------------------------------------------------------------------------------------------------------------


def expand_stars(ctx: Context, info: FeaturesInfo, excluded: set[str]) -> None:
    """Put a feature for every column that a star stands for. `excluded`: key, time, and what models read as target, weights
    or group. Called once, when the models are known."""
    named = {name for name, f in info.features.items() if _selects(f)}
    excluded = excluded | named | set(info.data.key) | ({info.data.time} if info.data.time else set())
    for kind, pipe, span in info.stars:
        columns = _stars_columns(info.data, kind, excluded)
        if not columns and info.data.complete and not info.data.poisoned:
            _empty_star(ctx, info, kind, span)
        for column in columns:
            if column.name in info.features:
                continue
            ref = column_ref(column, span)
            out = piped_type(ctx, pipe, [column.type], column.name)
            if out is not None:
                info.features[column.name] = FeatureInfo(column.name, [ref], pipe, out, span)
    for name, items in _joined_stars(info):
        _join_stars(ctx, info, info.features[name], items, excluded)
    info.stars = []


def _selects(feature: FeatureInfo) -> bool:
    """Whether the feature is a selection of the column of its name; a poisoned one may be."""
    return not feature.inputs or (
        len(feature.inputs) == 1 and feature.inputs[0].op == "column" and feature.inputs[0].fn == feature.name
    )


def _stars_columns(data: DataInfo, kind: str, excluded: set[str]) -> list[ColumnInfo]:
    return [c for c in data.columns.values() if c.type.kind in _STAR_KINDS[kind] and c.name not in excluded]


def _empty_star(ctx: Context, info: FeaturesInfo, kind: str, span: Span) -> None:
    message = f"*{kind} stands for no column of {info.data.decl.name} that is not named otherwise."
    ctx.report("empty-star", span, message)


def _joined_stars(info: FeaturesInfo) -> list[tuple[str, list[ast.Star]]]:
    """Named joins whose list holds stars: their inputs wait for the models."""
    node = info.decl.node
    found = []
    for statement in node.body if isinstance(node, ast.Block) else []:
        if isinstance(statement, ast.Setting) and isinstance(statement.value, ast.Piped):
            stars = [i for i in _items(statement.value.expr) if isinstance(i, ast.Star)]
            feature = info.features.get(statement.path[0].text)
            if stars and feature is not None and feature.out is _UNKNOWN and feature.span == statement.path[0].span:
                found.append((feature.name, stars))
    return found


def _join_stars(
    ctx: Context, info: FeaturesInfo, feature: FeatureInfo, stars: list[ast.Star], excluded: set[str]
) -> None:
    if any(t.name not in TRANSFORMS for t in feature.pipe):
        return
    for star in stars:
        if star.name.text not in _STAR_KINDS:
            return
        columns = _stars_columns(info.data, star.name.text, excluded)
        if not columns and info.data.complete and not info.data.poisoned:
            _empty_star(ctx, info, star.name.text, star.span)
        feature.inputs += [column_ref(c, star.span) for c in columns]
    if feature.inputs:
        out = piped_type(ctx, feature.pipe, [x.type for x in feature.inputs], feature.name)
        feature.out = out if out is not None else _UNKNOWN
