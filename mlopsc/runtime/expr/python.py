"""Expressions of the Plan as Python: one generated function for a whole list of them, for single rows.

The generated source holds no text of the user's but through repr: columns are looked up by constants, literals and
functions are bound as arguments by generated names. Equal subexpressions are computed once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import rows
from .functions import FUNCTIONS, caster
from .literals import kind_of, python_value
from .terms import unified

Row = Mapping[str, Any]


def to_python(
    exprs: Sequence[dict[str, Any]], define: Sequence[tuple[str, dict[str, Any]]] = ()
) -> Callable[[Row], list[Any]]:
    """A function from a row (values int float bool str date datetime(naive UTC) or None) to the expressions' values, in
    order; durations are ints of microseconds. `define`: columns that the row does not hold, each after those that it
    needs. Raises ValueError for nodes that need other rows."""
    writer = _Writer()
    for name, expr in define:
        writer.defined[name] = writer.value(expr)
    names = [writer.value(e)[0] for e in exprs]
    body = ["def compute(row):", *("    " + line for line in writer.lines), f"    return [{', '.join(names)}]"]
    scope: dict[str, Any] = dict(writer.scope)
    exec(compile("\n".join(body), "<row expressions>", "exec"), scope)  # noqa: S102 - no user text but through repr
    made: Callable[[Row], list[Any]] = scope["compute"]
    return made


class _Writer:
    """Statements `tN = …` in an order in which each stands after what it needs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self.known: dict[str, tuple[str, str]] = {}
        self.defined: dict[str, tuple[str, str]] = {}

    def value(self, node: dict[str, Any]) -> tuple[str, str]:
        """The name that holds the node's value, and its kind."""
        if node["op"] == "column" and node["name"] in self.defined:
            return self.defined[node["name"]]
        key = json.dumps(node, sort_keys=True, default=str)
        if key not in self.known:
            kind = kind_of(node["type"])
            self.known[key] = (self.assign(self.source(node, kind)), self.kind(node, kind))
        return self.known[key]

    def kind(self, node: dict[str, Any], kind: str) -> str:
        return kind

    def assign(self, source: str) -> str:
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {source}")
        return name

    def bind(self, value: Any) -> str:
        name = f"k{len(self.scope)}"
        self.scope[name] = value
        return name

    def source(self, node: dict[str, Any], kind: str) -> str:
        op = node["op"]
        if op == "column":
            read = f"row[{node['name']!r}]"
            return f"{self.bind(rows.number)}({read})" if kind == "float" else read
        if op == "literal":
            return self.bind(python_value(node["value"], kind))
        if op != "call":
            raise ValueError(f"an expression node {op!r} ({node.get('name', '')}) cannot be computed row by row")
        fn, args = node["fn"], node["args"]
        if fn in ("in", "not in", "bucket"):
            return self.grouped(fn, args[0], args[1])
        if fn not in FUNCTIONS:
            raise ValueError(f"{fn} needs the whole table and cannot be computed row by row")
        values = [self.value(a) for a in args]
        made = FUNCTIONS[fn].python([k for _, k in values], kind)
        return f"{self.bind(made)}({', '.join(name for name, _ in values)})"

    def grouped(self, fn: str, x: dict[str, Any], group: dict[str, Any]) -> str:
        name, kind = self.value(x)
        target = unified([kind, kind_of(group["type"])])
        made = _membership(fn, group, target)
        cast = caster(kind, target)
        return f"{self.bind(made)}({self.bind(cast)}({name}))" if cast else f"{self.bind(made)}({name})"


def _membership(fn: str, group: dict[str, Any], kind: str) -> Callable[[Any], Any]:
    if group["op"] == "range":
        lo, hi = (_constant(group[end], kind) for end in ("lo", "hi"))
        test: Callable[[Any], Any] = lambda x: lo <= x <= hi  # noqa: E731 - one of three tests
    elif fn == "bucket":
        edges = tuple(sorted(_constant(item, kind) for item in group["items"]))
        return rows.strict(lambda x: rows.bucket(x, edges))
    else:
        items = frozenset(_constant(item, kind) for item in group["items"])
        test = items.__contains__
    return rows.strict((lambda x: not test(x)) if fn == "not in" else test)


def _constant(node: dict[str, Any], kind: str) -> Any:
    """A literal of a list or range (perhaps negated) as a value of `kind`."""
    values = to_python([node])({})
    cast = caster(kind_of(node["type"]), kind)
    return cast(values[0]) if cast else values[0]
