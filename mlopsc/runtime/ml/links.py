"""Features that other features of their block use: computed once each, in order, as columns of reserved names.

The Plan keeps a use as it is written, {"op": "feature", "name": …}: written out, a chain in which each feature uses the one
before twice would double with every link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Expr = dict[str, Any]
Definitions = list[tuple[str, Expr]]


def linked(features: Sequence[Mapping[str, Any]], further: Sequence[Expr] = ()) -> tuple[dict[str, Expr], Definitions]:
    """(the column that stands for each feature in use, by the feature's name; what these columns hold, each after those
    that it needs). `further`: expressions beside the features' own that may use them."""
    own = {feature["name"]: feature for feature in features}
    uses = {name: list(dict.fromkeys(used_in(feature["inputs"]))) for name, feature in own.items()}
    todo = [name for names in (*uses.values(), list(used_in(further))) for name in names]
    order: dict[str, None] = {}
    while todo:
        name = todo[-1]
        missing = [other for other in uses[name] if other not in order]
        if missing and name not in order:
            todo += missing
        else:
            order.setdefault(todo.pop())
    columns = {
        name: {"op": "column", "name": f"__f{number}", "type": own[name]["types"][0]}
        for number, name in enumerate(order)
    }
    return columns, [(columns[name]["name"], resolved(own[name]["inputs"][0], columns)) for name in order]


def resolved(expr: Any, columns: Mapping[str, Expr]) -> Any:
    """`expr` over columns only."""
    if isinstance(expr, (list, tuple)):
        return [resolved(item, columns) for item in expr]
    if not isinstance(expr, dict):
        return expr
    if expr.get("op") == "feature":
        return columns[expr["name"]]
    return {key: resolved(value, columns) for key, value in expr.items()}


def used_in(expr: Any) -> Iterator[str]:
    """Names of the features that expressions use."""
    if isinstance(expr, (list, tuple)):
        for item in expr:
            yield from used_in(item)
    elif isinstance(expr, Mapping):
        if expr.get("op") == "feature":
            yield expr["name"]
        else:
            for value in expr.values():
                yield from used_in(value)
