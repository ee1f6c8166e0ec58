"""The text of a first spec."""

from __future__ import annotations

import math

from mlopsc import EDITION
from mlopsc.driver.starter.choice import Choice
from mlopsc.driver.starter.naming import quoted, unique
from mlopsc.driver.starter.table import Column, Table

EMPTY = f"""\
edition {EDITION}

# A first spec. Put your own data file and columns in, then:
#   mlopsc check SPEC --data     holds it against the file
#   mlopsc run SPEC              trains, judges and registers a model
# 'mlopsc init DATA_FILE' writes all of this from a data file.

pipeline first {{
  about = "What this is for, in a sentence."
  owner = "team@example.com"
  # schedule = cron("0 3 * * *", timezone = "Europe/Berlin")
}}

data customers {{
  source = csv("customers.csv") # beside this file
  key    = customer_id

  columns {{
    customer_id : string from "customerID" # 'from' gives the name in the file
    age         : int? in 18..120          # '?': may be missing
    plan        : category("basic", "plus")
    monthly     : float in 0..1000
    left        : bool("Yes", "No")
  }}

  expect rows >= 100
  expect null_share(age) <= 5%
}}

features inputs from customers {{
  plan |> onehot()
  monthly |> standardize()
  age |> impute(median) |> standardize() # what follows |> learns from training rows only
}}

model leaving from inputs {{
  target    = left
  split     = random(test = 20%, stratify = left)
  algorithm = gradient_boosting()
}}

gate release on leaving {{
  require roc_auc >= 0.7
  require roc_auc >= champion.roc_auc - 0.01
}}
"""


def compose(table: Table, choice: Choice, *, stem: str, path: str, gate: list[str]) -> str:
    """A spec for `table`; `path` is the data file as the spec names it, `gate` the lines of its gate (with comments)."""
    taken = [column.name for column in table.columns]
    pipeline = unique(stem, taken)
    data = unique(f"{stem}_data", [*taken, pipeline])
    inputs = unique(f"{stem}_inputs", [*taken, pipeline, data])
    model = unique(f"{stem}_model", [*taken, pipeline, data, inputs])
    release = unique("release", [*taken, pipeline, data, inputs, model])
    parts = [
        f"edition {EDITION}\n",
        f"# A first spec, written by 'mlopsc init' from {path.rpartition('/')[2]}. Read it, then make it yours.\n",
        f'pipeline {pipeline} {{\n  about = "Predicts {choice.target.name}."\n}}\n',
        _data(table, choice, data, path),
        f"features {inputs} from {data} {{\n{_lines(_selections(table, choice))}}}\n",
        _model(choice, model, inputs),
        f"gate {release} on {model} {{\n{_lines(gate)}}}\n",
    ]
    return "\n".join(parts)


def usable(table: Table, choice: Choice) -> list[Column]:
    """The columns that can be features: no key, no target, no free text, no dates."""
    kinds = ("bool", "int", "float", "category")
    return [
        c
        for c in table.columns
        if c is not choice.key and c is not choice.target and c.type in kinds and c.distinct > 0
    ]


def _lines(lines: list[str]) -> str:
    return "".join(f"  {line}".rstrip() + "\n" for line in lines)


def _data(table: Table, choice: Choice, name: str, path: str) -> str:
    options = "".join(
        f", {key} = {value if key == 'header' else quoted(value)}" for key, value in sorted(table.options.items())
    )
    lines = [f"source = {table.kind}({quoted(path)}{options})"]
    if choice.key is not None:
        lines.append(f"key = {choice.key.name}")
    lines += ["", "columns {"]
    headless = table.options.get("header") == "false"
    lines += [f"  {_column(column, choice, headless)}" for column in table.columns]
    lines += ["}", "", f"expect rows >= {_fewest(table.rows)}"]
    return f"data {name} {{\n" + _lines(lines) + "}\n"


def _column(column: Column, choice: Choice, headless: bool) -> str:
    text = f"{column.name} : {_type(column)}"
    if column.raw != column.name and not headless:
        text += f" from {quoted(column.raw)}"
    if column.missing:
        listed = ", ".join(quoted(item) for item in column.missing)
        text += f" missing {listed if len(column.missing) == 1 else f'[{listed}]'}"
    if column is not choice.key and column.lo is not None and column.hi is not None and column.type in ("int", "float"):
        lo, hi = outward(column.lo, column.hi)
        text += f" in {number(lo)}..{number(hi)}"
    return text


def _type(column: Column) -> str:
    args = ""
    if column.type == "bool" and column.pair:
        args = f"({', '.join(quoted(text) for text in column.pair)})"
    elif column.type == "category" and column.levels:
        args = f"({', '.join(quoted(text) for text in column.levels)})"
    return f"{column.type}{args}{'?' if column.nullable else ''}"


def outward(lo: float, hi: float) -> tuple[float, float]:
    """The range, rounded outward to one digit of its width (of its size, where it has none); it never crosses zero."""
    width = (hi - lo) or abs(hi) or 1.0
    exponent = math.floor(math.log10(width))
    factor = 10.0**-exponent
    rounded = math.floor(lo * factor) / factor, math.ceil(hi * factor) / factor
    if exponent < 0:
        rounded = round(rounded[0], -exponent), round(rounded[1], -exponent)
    return min(rounded[0], lo), max(rounded[1], hi)


def number(value: float) -> str:
    """A number literal: whole ones without a point, others with digits on both sides of it."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def _fewest(rows: int) -> int:
    """Half of the rows seen, rounded down to one digit: enough to notice a file that was cut off."""
    half = max(rows // 2, 1)
    power: int = 10 ** (len(str(half)) - 1)
    return half // power * power


def _selections(table: Table, choice: Choice) -> list[str]:
    columns = usable(table, choice)
    lines: list[str] = []
    for kinds, nullable, pipe in (
        (("category",), False, " |> onehot()"),
        (("category",), True, " |> onehot()"),
        (("int", "float"), False, " |> standardize()"),
        (("int", "float"), True, " |> impute(median) |> standardize()"),
        (("bool",), False, ""),
        (("bool",), True, " |> onehot()"),
    ):
        names = [c.name for c in columns if c.type in kinds and c.nullable == nullable]
        if names:
            lines.append((names[0] if len(names) == 1 else f"[{', '.join(names)}]") + pipe)
    left = [c.name for c in table.columns if c not in columns and c is not choice.key and c is not choice.target]
    if left:
        lines.append(f"# Not used yet: {', '.join(left)}.")
    return lines


def _model(choice: Choice, name: str, inputs: str) -> str:
    stratify = "" if choice.task == "regression" else f", stratify = {choice.target.name}"
    lines = [
        f"target = {choice.target.name} # {choice.why}",
        f"split = random(test = 20%{stratify})",
        "algorithm = gradient_boosting()",
    ]
    return f"model {name} from {inputs} {{\n{_lines(lines)}}}\n"
