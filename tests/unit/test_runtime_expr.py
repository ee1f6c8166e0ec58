"""The meaning of expressions, as language.md states it; that SQL and Python agree is a property test of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from mlopsc.runtime.expr import to_python, to_sql

Node = dict[str, Any]
KINDS = {bool: "bool", int: "int", float: "float", str: "string", type(None): "null"}


def lit(value: Any, type_: str | None = None) -> Node:
    return {"op": "literal", "value": value, "type": type_ or KINDS[type(value)]}


def call(fn: str, type_: str, *args: Any) -> Node:
    return {"op": "call", "fn": fn, "args": [a if isinstance(a, dict) else lit(a) for a in args], "type": type_}


def value(node: Node) -> Any:
    return to_python([node])({})[0]


def edges(*values: Any) -> Node:
    return {"op": "list", "items": [lit(v) for v in values], "type": KINDS[type(values[0])]}


STAMP = lit("2026-11-23T12:00:00.000000Z", "timestamp")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (call("/", "float?", 1, 2), 0.5),
        (call("/", "float?", 1, 0), None),
        (call("+", "int", 2**63 - 1, 1), None),
        (call("*", "float", 1e308, 10.0), None),
        (call("+", "int?", 1, lit(None, "int?")), None),
        (call("and", "bool?", False, lit(None, "bool?")), False),
        (call("or", "bool?", lit(None, "bool?"), True), True),
        (call("and", "bool?", True, lit(None, "bool?")), None),
        (call("if", "int", lit(None, "bool?"), 1, 2), 2),
        (call("round", "float", 2.5), 2.0),
        (call("round", "float", 3.5), 4.0),
        (call("int", "int", -3.9), -3),
        (call("ln", "float?", 0.0), None),
        (call("sqrt", "float?", -1.0), None),
        (call("exp", "float", 1000.0), None),
        (call("greatest", "int?", 1, lit(None, "int?")), None),
        (call("coalesce", "int?", lit(None, "int?"), 3), 3),
        (call("clip", "int", 9, 0, 5), 5),
        (call("bucket", "int", 10, edges(0, 10, 20)), 2),
        (call("bucket", "int", -1, edges(0, 10, 20)), 0),
        (call("in", "bool", "b", edges("a", "b")), True),
        (call("not in", "bool?", lit(None, "string?"), edges("a")), None),
        (call("day_of_week", "int", STAMP), 1),
        (call("days_between", "float", STAMP, lit("2026-11-24T18:00:00.000000Z", "timestamp")), 1.25),
        (call("+", "timestamp", STAMP, lit(3_600_000_000, "duration")), datetime(2026, 11, 23, 13)),
        (call("trim", "string", "\u00a0a\u2003"), "a"),
        (call("length", "int", "e\u0301\U0001f600"), 3),
        (call("replace", "string", "a.b", ".", "-"), "a-b"),
        (call("contains", "bool", "50%", "%"), True),
        (call("int", "int?", "1_000"), None),
        (call("int", "int?", " 9007199254740993 "), 2**53 + 1),
        (call("float", "float?", "1e400"), None),
        (call("string", "string", 0.1), "0.1"),
        (call("string", "string", True), "true"),
        (call("string", "string", STAMP), "2026-11-23T12:00:00Z"),
    ],
)  # fmt: skip
def test_a_call_has_the_value_that_the_language_states(node: Node, expected: Any) -> None:
    assert value(node) == expected
    assert type(value(node)) is type(expected)


def test_texts_enter_generated_code_only_as_literals() -> None:
    nasty = "x'); DROP TABLE t; --\n\"\\\0{__import__('os')}"
    assert value(call("+", "int", 1, 1)) == 2
    assert to_python([{"op": "column", "name": nasty, "type": "string"}])({nasty: "v"}) == ["v"]
    assert value(call("lower", "string", nasty)) == nasty.lower()
    assert to_sql(lit("it's")) == "'it''s'"
    assert "\0" not in to_sql(lit(nasty))
    assert to_sql({"op": "column", "name": 'a"b', "type": "int"}) == '"a""b"'


def test_nodes_that_need_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="param"):
        to_sql({"op": "param", "name": "p", "type": "float"})
    with pytest.raises(ValueError, match="whole table"):
        value(call("mean", "float?", 1.0))
