"""Expressions of the Plan as SQL text for DuckDB: one scalar expression over columns of the same names."""

from __future__ import annotations

from typing import Any

from .dataset import DATASET, Environment
from .functions import FUNCTIONS
from .literals import kind_of, sql_literal, sql_name
from .terms import Binder, Term, unified


def to_sql(expr: dict[str, Any], *, environment: Environment | None = None) -> str:
    """The SQL of an expression, null wherever language.md says so. Dataset functions (mean, share, rows …) become SQL
    aggregates over the table at hand; `environment` tells freshness the time and exists_in the other block's rows.

    Raises ValueError for a run-time parameter or a point-in-time node, which the caller must have replaced."""
    render = _Renderer(environment or Environment())
    return render.binder.tight(render(expr)).sql


class _Renderer:
    def __init__(self, environment: Environment) -> None:
        self.binder = Binder()
        self.environment = environment

    def __call__(self, node: dict[str, Any]) -> Term:
        op = node["op"]
        kind = kind_of(node["type"])
        if op == "column":
            return Term(sql_name(node["name"]), kind, loose=kind == "float")
        if op == "literal":
            return Term(sql_literal(node["value"], kind), kind)
        if op == "call":
            return self.call(node, kind)
        raise ValueError(f"an expression node {op!r} ({node.get('name', '')}) cannot be rendered as SQL here")

    def call(self, node: dict[str, Any], kind: str) -> Term:
        fn, args = node["fn"], node["args"]
        if fn in ("in", "not in"):
            found = self.member(self(args[0]), args[1])
            return Term(f"(NOT {found})" if fn == "not in" else found, "bool")
        if fn == "bucket":
            return self.bucket(self(args[0]), args[1])
        if fn == "exists_in":
            return Term(self.environment.exists_in(self(args[0]).sql, args[1]), "bool")
        terms = [self(a) for a in args]
        if fn in DATASET:
            return DATASET[fn](self.environment, self.binder, terms)
        return FUNCTIONS[fn].sql(self.binder, terms, kind)

    def member(self, x: Term, group: dict[str, Any]) -> str:
        kind = unified([x.kind, kind_of(group["type"])])
        x = self.binder.tight(self.binder.convert(x, kind))
        if group["op"] == "range":
            lo, hi = (self.binder.tight(self.binder.convert(self(group[end]), kind)).sql for end in ("lo", "hi"))
            return f"({x.sql} BETWEEN {lo} AND {hi})"
        items = [self.binder.convert(self(item), kind).sql for item in group["items"]]
        if not items:
            return self.binder.let(x, lambda v: f"(CASE WHEN {v} IS NOT NULL THEN FALSE END)")
        return f"({x.sql} IN ({', '.join(items)}))"

    def bucket(self, x: Term, edges: dict[str, Any]) -> Term:
        kind = unified([x.kind, kind_of(edges["type"])])
        x = self.binder.tight(self.binder.convert(x, kind))
        values = [self.binder.convert(self(item), kind).sql for item in edges["items"]]
        counted = self.binder.let(x, lambda v: "(" + " + ".join(f"CAST({v} >= {e} AS BIGINT)" for e in values) + ")")
        return Term(counted, "int")
