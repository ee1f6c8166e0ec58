"""Pieces of specs and data that the tests of this folder share."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from typing import Any

PEOPLE = {
    "id": "int",
    "age": "int in 0..120",
    "city": 'category("a", "b", "c")',
    "pay": "float?",
    "day": "date",
    "y": "bool",
}


def people(rows: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows for PEOPLE: older people are mostly `y`; every ninth pay is null; days ascend, three rows each."""
    draw = random.Random(seed)
    found = []
    for i in range(rows):
        age = draw.randint(18, 80)
        pay = None if i % 9 == 4 else round(draw.uniform(0, 100) + age, 2)
        y = "true" if age + draw.gauss(0, 12) > 49 else "false"
        day = f"2026-{1 + i // 84:02d}-{1 + i // 3 % 28:02d}"
        found.append({"id": i, "age": age, "city": draw.choice("aabbbc"), "pay": pay, "day": day, "y": y})
    return found


def to_csv(rows: Iterable[dict[str, Any]], header: Sequence[str] | None = None) -> str:
    rows = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, header or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def spec(
    *,
    source: str = 'csv("d.csv")',
    data: str = "key = id",
    columns: dict[str, str] | None = None,
    features: str = "age\n  city |> onehot()\n  pay |> impute()",
    target: str = "y",
    split: str = "random(test = 25%)",
    algorithm: str = "logistic_regression(max_iter = 1000)",
    model: str = "",
    gate: str = "require accuracy >= 1%",
    more: str = "",
    pipeline: str = "",
) -> str:
    declared = "\n".join(f"    {name} : {type_}" for name, type_ in (columns or PEOPLE).items())
    return f"""edition 2026
pipeline p {{ {pipeline} }}
data d {{
  source = {source}
  {data}
  columns {{
{declared}
  }}
}}
features f from d {{
  {features}
}}
model m from f {{
  target    = {target}
  split     = {split}
  algorithm = {algorithm}
  {model}
}}
gate g on m {{
  {gate}
}}
{more}
"""
