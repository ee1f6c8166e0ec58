"""Pieces of SQL with what is known of them, and the conversions between kinds.

A float term may be "loose": NaN or infinite where its value is null. Arithmetic keeps such a value non-finite to the end
(+ - * and the numerator of / never turn it back into a number), so the test for it is written once per tree, not per node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .literals import SQL_TYPES

SHORT = 80  # a longer argument that is used more than once is bound by a lambda instead of being repeated


class Term(NamedTuple):
    sql: str
    kind: str
    loose: bool = False


class Binder:
    """Gives lambda parameters names that are new within one expression."""

    def __init__(self) -> None:
        self.count = 0

    def let(self, term: Term, body: Callable[[str], str]) -> str:
        """`body` of the term's SQL, which is evaluated once and written once where it is long."""
        if len(term.sql) <= SHORT:
            return body(term.sql)
        self.count += 1
        name = f"__{self.count}"
        return f"list_transform([{term.sql}], lambda {name}: {body(name)})[1]"

    def tight(self, term: Term) -> Term:
        """The term with null for NaN and infinity."""
        if not term.loose:
            return term
        return Term(self.let(term, lambda x: f"(CASE WHEN isfinite({x}) THEN {x} END)"), term.kind)

    def convert(self, term: Term, kind: str) -> Term:
        """The term as `kind`, where one kind widens to the other (int to float, date to timestamp, null to any)."""
        if term.kind == kind:
            return term
        if (term.kind == "duration" and kind == "int") or (term.kind == "int" and kind == "duration"):
            return Term(term.sql, kind)
        return Term(f"CAST({term.sql} AS {SQL_TYPES[kind]})", kind)


def unified(kinds: list[str]) -> str:
    """The kind in which values of these kinds are compared."""
    known = [k for k in kinds if k != "null"]
    if not known:
        return "null"
    if "float" in known and all(k in ("int", "float") for k in known):
        return "float"
    if "timestamp" in known and all(k in ("date", "timestamp") for k in known):
        return "timestamp"
    return known[0]
