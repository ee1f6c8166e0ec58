"""SQL and Python give the same bits for every function and operator, over edge values and random nested expressions."""

from __future__ import annotations

import math
import struct
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.expr import to_python, to_sql
from mlopsc.runtime.expr.functions import FUNCTIONS
from mlopsc.runtime.expr.literals import SQL_TYPES

Node = dict[str, Any]
INTS = [0, 1, -1, 3, 7, 100, 2**31, -(2**31) - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0.1, 3.7, -3.7, 0.49999999999999994, 4503599627370495.5, 4503599627370497.0,
    5e-324, -5e-324, 2.2250738585072014e-308, 1e-17, 1e15, 1e16, 9007199254740993.0, 9.223372036854775e18, 9.3e18, 709.0, 710.0,
    1e308, -1e308, math.inf, -math.inf, math.nan,
]  # fmt: skip
TEXTS = [
    "", " ", "a", "A b", "12", " 12 ", "12.0", "12.5", "1_000", "0x1F", "1e3", "1.5e1", "1e400", "-0", "+5", ".5", "5.", "nan",
    "inf", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1" * 40, "1e", "--1", "0.1", "5e-324",
    "Straße", "İstanbul", "ΣΑΣ", "ﬁ", "ᾳ", "e\u0301", "日本", "😀x", "\u00a0x\u2003", "\x1fx", "\tq\n", "it's", '"', "a\\b", "%_",
    "\u2028",
]  # fmt: skip
DATES = [date(1, 1, 1), date(1900, 2, 28), date(1970, 1, 1), date(2024, 2, 29), date(2026, 11, 23), date(9999, 12, 31)]
TIMES = [
    datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 2, 29, 23, 59, 59, 500000),
    datetime(2025, 3, 30, 2, 30), datetime(2025, 10, 26, 2, 30, 0, 1), datetime(2026, 1, 1),
    datetime(9999, 12, 31, 23, 59, 59, 999999),
]  # fmt: skip
DURATIONS = [0, 1, -1, 86_400_000_000, -3_600_000_000, 10**15, 2**62]
EDGES: dict[str, list[Any]] = {
    "int": [None, *INTS],
    "float": [None, *FLOATS],
    "bool": [None, True, False],
    "string": [None, *TEXTS],
    "date": [None, *DATES],
    "timestamp": [None, *TIMES],
}


def column(kind: str, n: int = 0) -> Node:
    return {"op": "column", "name": f"{kind} {n}", "type": kind + "?"}


def literal(value: Any, kind: str) -> Node:
    if isinstance(value, datetime):
        value = value.isoformat(timespec="microseconds") + "Z"
    elif isinstance(value, date):
        value = value.isoformat()
    return {"op": "literal", "value": value, "type": kind}


def call(fn: str, type_: str, *args: Node) -> Node:
    return {"op": "call", "fn": fn, "args": list(args), "type": type_ + "?"}


def many(values: list[Any], kind: str) -> Node:
    return {"op": "list", "items": [literal(v, kind) for v in values], "type": kind}


def between(lo: Any, hi: Any, kind: str) -> Node:
    return {"op": "range", "lo": literal(lo, kind), "hi": literal(hi, kind), "type": kind}


X, Y = column("int", 0), column("int", 1)
F, G = column("float", 0), column("float", 1)
B, C = column("bool", 0), column("bool", 1)
S, P = column("string", 0), column("string", 1)
D, E = column("date", 0), column("date", 1)
T, U = column("timestamp", 0), column("timestamp", 1)
CLOSE = {"exp", "ln", "log1p"}  # libm's, not correctly rounded: a bound in units of the last place


def every_function() -> list[Node]:
    """Each function in each combination of kinds that it takes."""
    out: list[Node] = []
    for fn in "+-*":
        out += [call(fn, "int", X, Y), call(fn, "float", F, G), call(fn, "float", X, F), call(fn, "float", F, X)]
    out += [call("/", "float", a, b) for a in (X, F) for b in (Y, G)]
    for fn in ("==", "!=", "<", "<=", ">", ">="):
        out += [
            call(fn, "bool", a, b) for a, b in [(X, Y), (F, G), (X, G), (F, Y), (S, P), (D, E), (T, U), (D, U), (B, C)]
        ]
    out += [call(fn, "bool", B, C) for fn in ("and", "or")] + [call("not", "bool", B)]
    for fn in ("is null", "is not null"):
        out += [call(fn, "bool", a) for a in (X, F, B, S, D, T)]
    out += [
        call("if", "float", B, X, F),
        call("if", "int", B, X, Y),
        call("if", "string", B, S, P),
        call("if", "bool", B, C, B),
    ]
    out += [call("if", "timestamp", B, D, T), call("if", "int", B, X, literal(None, "null"))]
    for fn, type_ in (("neg", "same"), ("abs", "same"), ("round", "same"), ("floor", "same"), ("ceil", "same")):
        out += [call(fn, "int" if type_ == "same" else type_, X), call(fn, "float" if type_ == "same" else type_, F)]
    out += [call(fn, "int", F) for fn in ("round", "floor", "ceil")]
    out += [call(fn, "float", a) for fn in ("sqrt", "exp", "ln", "log1p") for a in (X, F)]
    for fn in ("least", "greatest", "coalesce"):
        out += [
            call(fn, k, *a) for k, a in [("int", (X, Y)), ("float", (F, G, X)), ("string", (S, P)), ("date", (D, E))]
        ]
        out += [call(fn, "timestamp", D, T), call(fn, "float", F, literal(0, "int"))]
    out += [
        call("clip", "int", X, literal(-1, "int"), literal(7, "int")),
        call("clip", "float", F, X, G),
        call("clip", "float", X, F, G),
    ]
    out += [
        call("bucket", "int", a, e) for a in (X, F) for e in (many([-1, 0, 7], "int"), many([-0.5, 0.0, 2.5], "float"))
    ]
    out += [call(fn, "int", a) for fn in ("year", "month", "day", "day_of_week") for a in (D, T)] + [
        call("hour", "int", T)
    ]
    out += [
        call("days_between", "int", D, E),
        *(call("days_between", "float", a, b) for a, b in [(T, U), (D, U), (T, E)]),
    ]
    out += [call(fn, "string", S) for fn in ("lower", "upper", "trim")] + [call("length", "int", S)]
    out += [call(fn, "bool", S, P) for fn in ("contains", "starts_with")] + [
        call("replace", "string", S, P, literal("<>", "string"))
    ]
    out += [call(fn, fn, a) for fn in ("int", "float") for a in (X, F, B, S)] + [
        call("string", "string", a) for a in (X, F, B, S, D, T)
    ]
    for fn in ("in", "not in"):
        out += [call(fn, "bool", X, many([0, 7, 2**53 + 1], "int")), call(fn, "bool", X, many([0.0, 7.5], "float"))]
        out += [call(fn, "bool", F, many([0, 1], "int")), call(fn, "bool", F, between(-1, 3, "int"))]
        out += [
            call(fn, "bool", F, between(-0.5, 1e308, "float")),
            call(fn, "bool", S, many(["a", "it's", "", "😀x"], "string")),
        ]
        out += [
            call(fn, "bool", D, between(DATES[1], DATES[3], "date")),
            call(fn, "bool", T, between(TIMES[1], TIMES[4], "timestamp")),
        ]
        out += [call(fn, "bool", T, between(DATES[1], DATES[3], "date"))]
    for us in DURATIONS:
        span = literal(us, "duration")
        out += [call(fn, "timestamp", a, span) for fn in "+-" for a in (T, D)] + [call("+", "timestamp", span, T)]
    out += [
        call("-", "duration", T, U),
        call(">", "bool", call("-", "duration", T, D), literal(86_400_000_000, "duration")),
    ]
    return out


def pairs() -> list[dict[str, Any]]:
    """Rows in which both columns of each kind take every pair of edge values."""
    return [
        {f"{k} {n}": EDGES[k][(i // len(EDGES[k]) if n else i) % len(EDGES[k])] for k in EDGES for n in (0, 1)}
        for i in range(max(len(v) for v in EDGES.values()) ** 2)
    ]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    made = open_engine(Path(tmp_path_factory.mktemp("engine")))
    fields = ", ".join(f'"{k} {n}" {SQL_TYPES[k]}' for k in EDGES for n in (0, 1))
    made.execute(f"CREATE TABLE edges (__n BIGINT, {fields})")
    made.execute(f"CREATE TABLE drawn (__n BIGINT, {fields})")
    fill(made, "edges", pairs())
    return made


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    con.execute(f"DELETE FROM {table}")
    marks = ", ".join("?" for _ in range(len(rows[0]) + 1))
    values = [[n, *(row[f"{k} {i}"] for k in EDGES for i in (0, 1))] for n, row in enumerate(rows)]
    con.executemany(f"INSERT INTO {table} VALUES ({marks})", values)


def by_sql(con: duckdb.DuckDBPyConnection, table: str, exprs: list[Node]) -> list[tuple[Any, ...]]:
    picked = ", ".join(f"{to_sql(e)} AS e{i}" for i, e in enumerate(exprs))
    return con.execute(f"SELECT {picked} FROM {table} ORDER BY __n").fetchall()


def same(a: Any, b: Any, ulps: int = 0) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        if struct.pack("<d", a) == struct.pack("<d", b):
            return True
        return ulps > 0 and abs(a - b) <= ulps * math.ulp(max(abs(a), abs(b)))
    return type(a) is type(b) and a == b


def uses_libm(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("fn") in CLOSE or any(uses_libm(v) for v in node.values())
    return isinstance(node, list) and any(uses_libm(v) for v in node)


def test_the_cases_cover_every_function_of_the_table() -> None:
    assert {e["fn"] for e in every_function()} == {*FUNCTIONS, "in", "not in", "bucket"}


def test_every_function_agrees_on_all_pairs_of_edge_values(con: duckdb.DuckDBPyConnection) -> None:
    exprs, rows = every_function(), pairs()
    compute = to_python(exprs)
    found = by_sql(con, "edges", exprs)
    wrong = []
    for row, sql in zip(rows, found, strict=True):
        for expr, a, b in zip(exprs, sql, compute(row), strict=True):
            if not same(a, b, 2 if uses_libm(expr) else 0):
                wrong.append((expr["fn"], [row.get(x.get("name", "")) for x in expr["args"]], a, b))
    assert wrong[:5] == []


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.sampled_from(INTS) | st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50),
    "float": st.sampled_from(FLOATS) | st.floats(),
    "bool": st.booleans(),
    "string": st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "date": st.sampled_from(DATES) | st.dates(),
    "timestamp": st.sampled_from(TIMES) | st.datetimes(),
}


def rows_drawn() -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({f"{k} {n}": st.none() | VALUES[k] for k in EDGES for n in (0, 1)})
    return st.lists(row, min_size=1, max_size=8)


@cache
def trees(kind: str, depth: int) -> st.SearchStrategy[Node]:
    """Expressions of a kind: a column, a literal, or a call on smaller ones."""
    leaf = st.sampled_from([column(kind, 0), column(kind, 1)])
    if kind not in ("float",):
        leaf |= VALUES[kind].map(lambda v: literal(v, kind))
    else:
        leaf |= st.floats(allow_nan=False, allow_infinity=False).map(lambda v: literal(v, kind))
    if depth == 0:
        return leaf

    def sub(*kinds: str) -> list[st.SearchStrategy[Node]]:
        return [trees(k, depth - 1) for k in kinds]

    def made(fn: str, *kinds: str) -> st.SearchStrategy[Node]:
        return st.tuples(*sub(*kinds)).map(lambda args: call(fn, kind, *args))

    number = "int" if kind == "int" else "float"
    options: dict[str, list[st.SearchStrategy[Node]]] = {
        "int": [
            *(made(fn, "int", "int") for fn in ("+", "-", "*", "least", "greatest", "coalesce")),
            *(made(fn, "int") for fn in ("neg", "abs")), made("if", "bool", "int", "int"), made("length", "string"),
            made("int", "float"), made("int", "string"), made("year", "timestamp"), made("day_of_week", "date"),
            made("days_between", "date", "date"), made("clip", "int", "int", "int"),
        ],
        "float": [
            *(made(fn, "float", "float") for fn in ("+", "-", "*", "/", "least", "greatest", "coalesce")),
            *(made(fn, "float", "int") for fn in ("+", "/")),
            *(made(fn, "float") for fn in ("neg", "abs", "sqrt", "round", "floor", "ceil")),
            made("if", "bool", "float", "int"), made("float", "string"), made("days_between", "timestamp", "timestamp"),
            made("clip", "float", "float", "float"),
        ],
        "bool": [
            made("and", "bool", "bool"), made("or", "bool", "bool"), made("not", "bool"), made("is null", number),
            *(made(fn, k, k) for fn in ("==", "<", ">=") for k in ("int", "float", "string", "date", "timestamp")),
            made("<=", "int", "float"), made("contains", "string", "string"), made("if", "bool", "bool", "bool"),
        ],
        "string": [
            *(made(fn, "string") for fn in ("lower", "upper", "trim")), made("replace", "string", "string", "string"),
            *(made("string", k) for k in ("int", "float", "bool", "date", "timestamp")), made("coalesce", "string", "string"),
        ],
        "date": [made("coalesce", "date", "date"), made("greatest", "date", "date"), made("if", "bool", "date", "date")],
        "timestamp": [
            made("coalesce", "timestamp", "timestamp"), made("if", "bool", "timestamp", "date"),
            st.tuples(trees("timestamp", depth - 1), st.sampled_from(DURATIONS)).map(
                lambda p: call("+", "timestamp", p[0], literal(p[1], "duration"))
            ),
        ],
    }  # fmt: skip
    return leaf | st.one_of(options[kind])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    exprs=st.lists(st.sampled_from(list(EDGES)).flatmap(lambda k: trees(k, 3)), min_size=4, max_size=8),
    rows=rows_drawn(),
)
def test_random_nested_expressions_agree_bit_for_bit(
    con: duckdb.DuckDBPyConnection, exprs: list[Node], rows: list[dict[str, Any]]
) -> None:
    fill(con, "drawn", rows)
    compute = to_python(exprs)
    for row, sql in zip(rows, by_sql(con, "drawn", exprs), strict=True):
        for expr, a, b in zip(exprs, sql, compute(row), strict=True):
            assert same(a, b), (expr, row, a, b, to_sql(expr))


def test_case_mapping_agrees_for_every_code_point(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT i, lower(chr(CAST(i AS INTEGER))), upper(chr(CAST(i AS INTEGER))) FROM range(1, 1114112) t(i)"
    found = con.execute(f"{query} WHERE i NOT BETWEEN 55296 AND 57343").fetchall()
    compute = to_python([call("lower", "string", S), call("upper", "string", S)])
    wrong = [hex(i) for i, low, up in found if compute({"string 0": chr(i)}) != [low, up]]
    assert wrong == []


def test_a_sum_of_two_hundred_columns_stays_small_and_agrees(con: duckdb.DuckDBPyConnection) -> None:
    chain = F
    for i in range(200):
        chain = call("+", "float", chain, literal(float(i), "float"))
    assert len(to_sql(chain)) < 20_000
    rows = pairs()[:50]
    fill(con, "drawn", rows)
    compute = to_python([chain])
    assert all(same(sql[0], compute(row)[0]) for row, sql in zip(rows, by_sql(con, "drawn", [chain]), strict=True))
