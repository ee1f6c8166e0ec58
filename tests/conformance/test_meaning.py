"""What expressions mean, row by row: each is held against values worked out by hand from language.md, never by the code."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from workbench import Bench

N = None
E = math.e
# Columns and their values in five rows.
COLUMNS = {
    "i": ("int?", [7, -7, 0, N, 9223372036854775807]),
    "j": ("int?", [2, 2, 0, 3, 1]),
    "x": ("float?", [2.5, -0.5, 3.5, N, 1e308]),
    "y": ("float?", [0.0, -4.0, 0.25, 1.0, 1e308]),
    "b": ("bool?", ["true", "false", N, "true", "false"]),
    "c": ("bool?", [N, "true", N, "false", "false"]),
    "s": ("string?", ["Abc", "\u00a0 über ", N, "3.7", "😀é"]),
    "r": ("string?", ["b", " ", "q", "", "é"]),
    "d": ("date?", ["2024-02-29", "2023-12-31", N, "1969-12-31", "2000-01-01"]),
    "e": ("date?", ["2024-03-01", "2024-01-01", "2024-01-01", "1970-01-01", "1999-12-31"]),
    "t": (
        "timestamp?",
        ["2024-02-29T23:30:00+02:00", "2023-12-31T23:59:59.5Z", N, "1969-12-31T00:00:00Z", "2000-01-01T12:00:00-12:00"],
    ),
    "u": (
        "timestamp?",
        [
            "2024-03-01T09:30:00Z",
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00Z",
            "1969-12-31T06:00:00Z",
            "2000-01-01T00:00:00Z",
        ],
    ),
    "g": ("category?", ["a", "b", N, "a", "c"]),
}
T, F = True, False
# Expression, type of its values, values in the five rows.
MEANINGS: list[tuple[str, str, list[Any]]] = [
    # arithmetic: null, division by zero and overflow are null; `/` is float division
    ("i + j", "int", [9, -5, 0, N, N]),
    ("i - j * 2", "int", [3, -11, 0, N, 9223372036854775805]),
    ("i / j", "float", [3.5, -3.5, N, N, 9223372036854775807.0]),
    ("x * y", "float", [0.0, 2.0, 0.875, N, N]),
    ("x / y", "float", [N, 0.125, 14.0, N, 1.0]),
    ("-x", "float", [-2.5, 0.5, -3.5, N, -1e308]),
    ("1 / 3", "float", [1 / 3] * 5),
    ("-i", "int", [-7, 7, 0, N, -9223372036854775807]),
    ("tenth + 0.2", "float", [0.1 + 0.2] * 5),
    # comparisons and three-valued logic
    ("x > y", "bool", [T, T, T, N, F]),
    ("i == 7", "bool", [T, F, F, N, F]),
    ("b and c", "bool", [N, F, N, F, F]),
    ("b or c", "bool", [T, T, N, T, F]),
    ("not b", "bool", [F, T, N, F, T]),
    ("b is null", "bool", [F, F, T, F, F]),
    ("b is not null", "bool", [T, T, F, T, T]),
    ("i in 0..7", "bool", [T, F, T, N, F]),
    ("i not in [7, 0]", "bool", [F, T, F, N, T]),
    ("g in [\"a\", \"b\"]", "bool", [T, T, N, T, F]),
    ("if b then i else j", "int", [7, 2, 0, N, 1]),
    ("if b and c then 1 else 0", "int", [0, 0, 0, 0, 0]),
    ("if x > 0 then \"up\" else if x < 0 then \"down\" else \"none\"", "string", ["up", "down", "up", "none", "up"]),
    # numbers
    ("abs(i)", "int", [7, 7, 0, N, 9223372036854775807]),
    ("abs(x)", "float", [2.5, 0.5, 3.5, N, 1e308]),
    ("sqrt(y)", "float", [0.0, N, 0.5, 1.0, 1e154]),
    ("exp(y)", "float", [1.0, E**-4, E**0.25, E, N]),
    ("ln(y)", "float", [N, N, math.log(0.25), 0.0, math.log(1e308)]),
    ("log1p(y)", "float", [0.0, N, math.log1p(0.25), math.log1p(1.0), math.log(1e308)]),
    ("round(x)", "float", [2.0, 0.0, 4.0, N, 1e308]),
    ("round(i)", "int", [7, -7, 0, N, 9223372036854775807]),
    ("floor(x)", "float", [2.0, -1.0, 3.0, N, 1e308]),
    ("ceil(x)", "float", [3.0, 0.0, 4.0, N, 1e308]),
    ("clip(x, 0, 3)", "float", [2.5, 0.0, 3.0, N, 3.0]),
    ("least(x, y)", "float", [0.0, -4.0, 0.25, N, 1e308]),
    ("greatest(i, j, 5)", "int", [7, 5, 5, N, 9223372036854775807]),
    ("coalesce(x, 1.5)", "float", [2.5, -0.5, 3.5, 1.5, 1e308]),
    ("bucket(x, [0, 2.5, 3])", "int", [2, 0, 3, N, 3]),
    # dates and instants: UTC, Monday is 1
    ("year(d)", "int", [2024, 2023, N, 1969, 2000]),
    ("month(t)", "int", [2, 12, N, 12, 1]),
    ("day(t)", "int", [29, 31, N, 31, 2]),
    ("hour(t)", "int", [21, 23, N, 0, 0]),
    ("day_of_week(d)", "int", [4, 7, N, 3, 6]),
    ("day_of_week(t)", "int", [4, 7, N, 3, 7]),
    ("days_between(d, e)", "float", [1.0, 1.0, N, 1.0, -1.0]),
    ("days_between(t, u)", "float", [0.5, 0.5 / 86400, N, 0.25, -1.0]),
    ("t + 1.5h", "timestamp", ["2024-02-29T23:00:00Z", "2024-01-01T01:29:59.5Z", N, "1969-12-31T01:30:00Z", "2000-01-02T01:30:00Z"]),
    ("u - 1w", "timestamp", ["2024-02-23T09:30:00Z", "2023-12-25T00:00:00Z", "2023-12-25T00:00:00Z", "1969-12-24T06:00:00Z", "1999-12-25T00:00:00Z"]),
    ("d < date(\"2024-01-01\")", "bool", [F, T, N, T, T]),
    ("u >= timestamp(\"2024-01-01T00:00:00Z\")", "bool", [T, T, T, F, F]),
    # text: code points, Unicode white space, literal parts
    ("lower(s)", "string", ["abc", "\u00a0 über ", N, "3.7", "😀é"]),
    ("upper(s)", "string", ["ABC", "\u00a0 ÜBER ", N, "3.7", "😀É"]),
    ("trim(s)", "string", ["Abc", "über", N, "3.7", "😀é"]),
    ("length(s)", "int", [3, 7, N, 3, 2]),
    ("contains(s, r)", "bool", [T, T, N, N, T]),
    ("contains(s, \".\")", "bool", [F, F, N, T, F]),
    ("starts_with(s, \"A\")", "bool", [T, F, N, F, F]),
    ("replace(s, \".\", \"%\")", "string", ["Abc", "\u00a0 über ", N, "3%7", "😀é"]),
    # conversions: a failed one is null, int truncates
    ("int(x)", "int", [2, 0, 3, N, N]),
    ("float(i)", "float", [7.0, -7.0, 0.0, N, 9223372036854775807.0]),
    ("float(s)", "float", [N, N, N, 3.7, N]),
    ("string(i)", "string", ["7", "-7", "0", N, "9223372036854775807"]),
    ("string(b)", "string", ["true", "false", N, "true", "false"]),
    ("string(d)", "string", ["2024-02-29", "2023-12-31", N, "1969-12-31", "2000-01-01"]),
]  # fmt: skip


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _agrees(expression: str, want: str, type_: str) -> str:
    if expression.startswith(("exp(", "ln(", "log1p(")):
        same = f"abs(({expression}) - {want}) <= 0.00000000000001 * abs({want})"
    else:
        same = f"({expression}) == {want}"
    return f"expect share({same} or (({expression}) is null and {want} is null)) == 100%"


def test_expressions_mean_what_the_language_says(bench: Bench) -> None:
    """All rules in one block: each `expect` of the report tells of one expression over the five rows."""
    columns = {name: values for name, (_, values) in COLUMNS.items()} | {"tenth": [0.1] * 5}
    declared = [f"{name} : {type_}" for name, (type_, _) in COLUMNS.items()] + ["tenth : float"]
    rules = []
    for number, (expression, type_, values) in enumerate(MEANINGS):
        columns[f"want{number}"] = values
        declared.append(f"want{number} : {type_}?")
        rules.append(_agrees(expression, f"want{number}", type_))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_text(values[row]) for values in columns.values()] for row in range(5))
    bench.write("d.csv", out.getvalue())
    lines = "\n".join(
        [
            "edition 2026",
            "pipeline p { }",
            "data d {",
            '  source = csv("d.csv")',
            "  columns {",
            *declared,
            "  }",
            *rules,
            "}",
        ]
    )
    bench.write(
        "s.mlops",
        lines + "\nfeatures f from d { x |> impute() }\nmodel m from f { target = j == 2; split = random(test = 40%); "
        "algorithm = dummy() }\ngate g on m { require accuracy >= 1% }\n",
    )
    done = bench.run("--step", "validate:d")
    wrong = done.step("validate:d")["error"]
    told = (
        wrong["details"]["rules"]
        if wrong
        else json.loads(bench.artifact("validate:d/report", done).read_text())["rules"]
    )
    assert {rule["rule"]: rule["value"] for rule in told if rule["verdict"] != "passed"} == {}
    assert len(told) == len(MEANINGS)
    assert done.code == 0, done.err
