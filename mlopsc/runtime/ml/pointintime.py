"""Parts of row expressions that need other rows (aggregates, lookups): a single row takes their values as given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Expr = dict[str, Any]


def split_point_in_time(exprs: Sequence[Expr]) -> tuple[list[Expr], dict[str, Expr]]:
    """The expressions with every aggregate and lookup replaced by a column `__pit0`, `__pit1` …, and what these stand
    for. Equal ones share a name."""
    names: dict[str, str] = {}
    taken: dict[str, Expr] = {}

    def replace(node: Any) -> Any:
        if isinstance(node, (list, tuple)):
            return [replace(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("op") in ("aggregate", "lookup"):
            text = json.dumps(node, sort_keys=True)
            name = names.setdefault(text, f"__pit{len(names)}")
            taken[name] = node
            return {"op": "column", "name": name, "type": node["type"]}
        return {key: replace(value) for key, value in node.items()}

    return [replace(expr) for expr in exprs], taken


def columns_of(expr: Any) -> set[str]:
    """Names of the columns that a row expression reads."""
    if isinstance(expr, (list, tuple)):
        return set().union(*(columns_of(item) for item in expr)) if expr else set()
    if not isinstance(expr, dict):
        return set()
    if expr.get("op") == "column":
        return {expr["name"]}
    return set().union(*(columns_of(value) for value in expr.values()))
