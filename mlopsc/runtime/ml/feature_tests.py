"""Unit tests of features: the expectations of `test` blocks over given rows. Standard library only.

Every expectation must hold for every given row. Columns that a row does not give are null. A feature stands for its value
left of `|>`. Floats compared by == and != count as equal within 1e-9 relative (and 1e-12 absolute), since 0.1 + 0.2 is
no surprise that a test should fail on; other comparisons are exact. A null expectation has not held.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ..expr import to_python
from ..expr.literals import python_value
from .links import linked, resolved

RELATIVE, ABSOLUTE = 1e-9, 1e-12

Expr = dict[str, Any]
Row = dict[str, Any]


def run_tests(plan: Mapping[str, Any], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """One result for each expectation and given row of the Plan's tests (all, or those named), in order:
    {"test", "features", "file", "line", "expect", "row" (from 1), "passed", "actual", "expected", "reason"}."""
    found = []
    for test in plan["tests"]:
        if names is None or test["name"] in names:
            found += _run(test)
    return found


def _run(test: Mapping[str, Any]) -> list[dict[str, Any]]:
    results = []
    for number, given in enumerate(test["given"], 1):
        row = _columns(test["columns"], given)
        expects = [expect["expr"] for expect in test["expects"]]
        columns, define = linked(test["features"], expects)
        names = {column["name"]: name for name, column in columns.items()}
        for name, expr in define:
            with contextlib.suppress(ValueError, KeyError):
                row[name] = _value(expr, row)
        for expect in test["expects"]:
            about = {
                "test": test["name"],
                "features": test["features_name"],
                "file": expect["where"]["file"],
                "line": expect["where"]["line"],
                "expect": expect["text"],
                "row": number,
            }
            results.append(about | _held(resolved(expect["expr"], columns), row, names))
    return results


def _columns(columns: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Row:
    """The given values as the data block's types read them; category levels and numbers for them as text."""
    row: Row = {}
    for column in columns:
        value = given.get(column["name"])
        kind = column["type"]
        if kind == "category" or kind == "string":
            row[column["name"]] = None if value is None else str(value)
        else:
            row[column["name"]] = python_value(value, kind)
    return row


def _held(expr: Expr, row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    """`names`: what the columns that stand for features are called in the spec."""
    try:
        held = _holds(expr, row)
        actual, expected = _sides(expr, row)
    except (ValueError, KeyError) as error:
        missing = error.args[0] if isinstance(error, KeyError) else None
        reason = str(error) if missing is None else f"it has no value for {names.get(missing, missing)!r}"
        return {"passed": False, "actual": None, "expected": None, "reason": reason}
    reason = "" if held else "the expectation is null" if held is None else "the expectation is false"
    return {"passed": held is True, "actual": _plain(actual), "expected": _plain(expected), "reason": reason}


def _value(expr: Expr, row: Row) -> Any:
    return to_python([expr])(row)[0]


def _holds(expr: Expr, row: Row) -> bool | None:
    """Three-valued, as in expressions."""
    fn = expr["fn"] if expr["op"] == "call" else None
    if fn in ("and", "or"):
        sides = [_holds(side, row) for side in expr["args"]]
        decisive = bool(fn == "or")
        if decisive in sides:
            return decisive
        return None if None in sides else not decisive
    if fn == "not":
        held = _holds(expr["args"][0], row)
        return None if held is None else not held
    if fn in ("==", "!="):
        left, right = (_value(side, row) for side in expr["args"])
        if isinstance(left, float) or isinstance(right, float):
            if left is None or right is None:
                return None
            return bool(math.isclose(left, right, rel_tol=RELATIVE, abs_tol=ABSOLUTE) == (fn == "=="))
    found = _value(expr, row)
    return None if found is None else bool(found)


def _sides(expr: Expr, row: Row) -> tuple[Any, Any]:
    """What stands left and right of the expectation's comparison; (value, true) where it is none."""
    if expr["op"] == "call" and len(expr["args"]) == 2 and expr["fn"] in ("==", "!=", "<", "<=", ">", ">="):
        left, right = expr["args"]
        return _value(left, row), _value(right, row)
    if expr["op"] == "call" and expr["fn"] in ("in", "not in", "is null", "is not null"):
        return _value(expr["args"][0], row), None
    return _value(expr, row), True


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
