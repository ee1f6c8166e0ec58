"""What a features block writes down, before any of it is typed: names, expressions, pipes, and an order of dependency."""

from __future__ import annotations

from collections.abc import Iterable

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.walk import names
from mlopsc.source import Span
from mlopsc.syntax import ast

STARS = ("numeric", "category", "bool")


class Definition:
    """One feature as written. `selected`: the feature is the column of its name, or its pipe."""

    __slots__ = ("expr", "name", "pipe", "pipe_at", "selected", "span")

    def __init__(
        self, name: str, expr: ast.Expr, pipe: list[ast.Call], span: Span, pipe_at: int, selected: bool = False
    ) -> None:
        self.name = name
        self.expr = expr
        self.pipe = pipe
        self.span = span
        self.pipe_at = pipe_at
        self.selected = selected


class StarDefinition:
    __slots__ = ("kind", "pipe", "span")

    def __init__(self, kind: str, pipe: list[ast.Call], span: Span) -> None:
        self.kind = kind
        self.pipe = pipe
        self.span = span


class Definitions:
    __slots__ = ("features", "stars")

    def __init__(self, features: dict[str, Definition], stars: list[StarDefinition]) -> None:
        self.features = features
        self.stars = stars


def collect(ctx: Context, body: Iterable[ast.Statement]) -> Definitions:
    """All features of a block by name, in file order; a name given twice is reported and its first use kept."""
    found = Definitions({}, [])
    for statement in body:
        if isinstance(statement, ast.Selection):
            _selection(ctx, found, statement)
        elif isinstance(statement, ast.Setting) and len(statement.path) == 1:
            value = statement.value
            expr, pipe = (value.expr, value.pipe) if isinstance(value, ast.Piped) else (value, [])
            name = statement.path[0]
            _add(ctx, found, Definition(name.text, expr, pipe, name.span, expr.end))
    return found


def _add(ctx: Context, found: Definitions, new: Definition) -> None:
    earlier = found.features.get(new.name)
    if earlier is None:
        found.features[new.name] = new
        return
    message = f"The feature {new.name} is given twice."
    hint = f"Give the second one a name of its own: {new.name}_2 = {new.name} …." if new.selected else None
    related = (Related("first given here", earlier.span),)
    ctx.report("duplicate-name", new.span, message, help=hint, related=related)


def _selection(ctx: Context, found: Definitions, node: ast.Selection) -> None:
    items = node.item.items if isinstance(node.item, ast.ListExpr) else [node.item]
    if not items:
        ctx.report("bad-selection", node.span, "The list selects nothing.")
    for item in items:
        if isinstance(item, ast.Name):
            _add(ctx, found, Definition(item.text, item, node.pipe, item.span, node.item.end, selected=True))
        elif isinstance(item, ast.Star):
            if known_star(ctx, item):
                found.stars.append(StarDefinition(item.name.text, node.pipe, item.span))
        else:
            hint = "Give the feature a name: NAME = …."
            ctx.report("bad-selection", item.span, "A selection lists columns, and this is an expression.", help=hint)


def known_star(ctx: Context, node: ast.Star) -> bool:
    if node.name.text in STARS:
        return True
    ctx.unknown("unknown-name", node.name, f"*{node.name.text} stands for no type of column.", STARS)
    return False


def in_order(ctx: Context, found: Definitions, columns: Iterable[str]) -> tuple[list[Definition], set[str]]:
    """The definitions with every feature after those that it uses, else in file order; and the names that stand in a
    cycle, which is reported once. A name that is a column is the column."""
    taken = set(columns)
    needs = {
        d.name: []
        if d.selected
        else list(dict.fromkeys(n.text for n in names(d.expr) if n.text in found.features and n.text not in taken))
        for d in found.features.values()
    }
    ordered: list[Definition] = []
    done: set[str] = set()
    cyclic: set[str] = set()
    for start in found.features:
        path: list[str] = []
        on_path: set[str] = set()
        todo: list[tuple[str, bool]] = [(start, False)]
        while todo:
            name, leaving = todo.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                if name not in done:
                    done.add(name)
                    ordered.append(found.features[name])
            elif name in on_path:
                _cycle(ctx, found, path[path.index(name) :], cyclic)
            elif name not in done:
                path.append(name)
                on_path.add(name)
                todo.append((name, True))
                todo += [(need, False) for need in reversed(needs[name])]
    return ordered, cyclic


def _cycle(ctx: Context, found: Definitions, members: list[str], cyclic: set[str]) -> None:
    if cyclic.isdisjoint(members):
        first = found.features[members[0]]
        if len(members) == 1:
            message = f"{first.name} uses itself."
        else:
            message = (
                f"{first.name} uses itself, by way of {', '.join(members[1:4])}{', …' if len(members) > 4 else ''}."
            )
        related = tuple(Related(name, found.features[name].span) for name in members[1:4])
        ctx.report("cyclic-feature", first.span, message, related=related)
    cyclic.update(members)
