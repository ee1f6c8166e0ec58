"""Unit tests of features as `mlopsc test` runs them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from ml_workshop import WHERE, call, column, feature, literal, transform, use

from mlopsc.runtime.ml.feature_tests import run_tests

TENURE, TOTAL = column("tenure", "int"), column("total", "float?")
EACH = call("/", "float?", TOTAL, call("greatest", "int", TENURE, literal(1, "int")))
COLUMNS = [
    {"name": "tenure", "type": "int"}, {"name": "total", "type": "float"}, {"name": "level", "type": "category"},
    {"name": "day", "type": "date"},
]  # fmt: skip
FEATURES = [
    feature("each", EACH, transform("impute"), transform("standardize")),
    feature("is_new", call("<", "bool", TENURE, literal(3, "int"))),
    feature("shape", [TENURE, TOTAL], transform("pca", n=2)),
]


def run(given: list[dict[str, Any]], *expects: dict[str, Any]) -> list[dict[str, Any]]:
    rules = [
        {"kind": "expect", "text": "…", "expr": expr, "where": {**WHERE, "line": 20 + at}}
        for at, expr in enumerate(expects)
    ]
    test = {
        "name": "t", "features_name": "f", "features": FEATURES, "columns": COLUMNS, "given": given, "expects": rules,
        "where": WHERE,
    }  # fmt: skip
    return run_tests({"tests": [test]})


def test_a_feature_stands_for_its_value_left_of_the_pipe() -> None:
    (found,) = run([{"tenure": 4, "total": 10.0}], call("==", "bool", use("each", "float?"), literal(2.5, "float")))
    assert (found["passed"], found["actual"], found["expected"], found["line"]) == (True, 2.5, 2.5, 20)


def test_an_expectation_holds_for_every_given_row() -> None:
    found = run([{"tenure": 0, "total": 1.0}, {"tenure": 9, "total": 1.0}], use("is_new", "bool"))
    assert [(one["row"], one["passed"], one["actual"]) for one in found] == [(1, True, True), (2, False, False)]


def test_a_column_that_is_not_given_is_null_and_null_has_not_held() -> None:
    (null, held) = run(
        [{"tenure": 1}],
        call("==", "bool", use("each", "float?"), literal(1.0, "float")),
        call("is null", "bool", use("each", "float?")),
    )
    assert (null["passed"], null["actual"], null["reason"]) == (False, None, "the expectation is null")
    assert held["passed"]


def test_a_feature_may_use_features_that_stand_below_it(monkeypatch: Any) -> None:
    top = feature("top", call("*", "float?", use("below", "float?"), TENURE))
    below = feature("below", call("+", "float?", use("each", "float?"), use("each", "float?")))
    monkeypatch.setattr(f"{__name__}.FEATURES", [top, below, *FEATURES])
    (found,) = run([{"tenure": 4, "total": 10.0}], call("==", "bool", use("top", "float?"), literal(20.0, "float")))
    assert (found["passed"], found["actual"]) == (True, 20.0)


def test_floats_are_equal_within_a_billionth() -> None:
    third = call("/", "float?", literal(1, "int"), literal(3, "int"))
    near, off = literal(0.3333333333333, "float"), literal(0.33333, "float")
    found = run(
        [{"tenure": 1}], call("==", "bool", third, near), call("==", "bool", third, off), call("!=", "bool", third, off)
    )
    assert [one["passed"] for one in found] == [True, False, True]


def test_combined_expectations_compare_floats_alike() -> None:
    third = call(
        "==", "bool", call("/", "float?", literal(1, "int"), literal(3, "int")), literal(0.3333333333333, "float")
    )
    both = call("and", "bool", third, call("not", "bool", call("not", "bool", third)))
    assert run([{"tenure": 1}], both)[0]["passed"]


def test_given_values_take_the_columns_types() -> None:
    level = call("==", "bool", column("level", "category"), literal("3", "category"))
    year = call("==", "bool", call("year", "int", column("day", "date")), literal(2026, "int"))
    assert all(one["passed"] for one in run([{"tenure": 1, "level": 3, "day": "2026-02-01"}], level, year))


def test_what_needs_other_rows_is_told_and_not_passed() -> None:
    node = {
        "op": "aggregate",
        "fn": "count",
        "data": "d",
        "expr": None,
        "on": [],
        "over": None,
        "where": None,
        "type": "int",
    }
    (found,) = run([{"tenure": 1}], call("==", "bool", node, literal(0, "int")))
    assert not found["passed"]
    assert "row by row" in found["reason"]


def test_feature_tests_need_no_package() -> None:
    """`mlopsc test` works on the bare wheel."""
    code = (
        "import sys; import mlopsc.runtime.ml.feature_tests; "
        "print(sorted(set(sys.modules) & {'numpy', 'duckdb', 'sklearn', 'pandas', 'pydantic'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
