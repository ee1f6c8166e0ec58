"""The functions that expressions may call: row functions, dataset functions and point-in-time aggregates.

`result` and `nulls` name rules of `mlopsc.semantics.calls`, which knows how to compute a type and its bounds; the meaning
in SQL and Python stands in `mlopsc.runtime.expr.functions`, under the same names.

Kinds of parameters:
  number   int or float                    text     string or category
  time     date or timestamp               moment   timestamp
  any      any column type                 literal  a literal text
  edges    a list of rising number literals
  share    a literal 0..1                  row      any row expression
  condition a row condition                column   any row expression, usually a column
  other    a column of another data block, written other.c
"""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    name: str
    kind: str
    optional: bool = False


class Function(NamedTuple):
    """`result`: a type kind, "same" (of the first argument) or "unified" (of all arguments); `nulls`: "any" (null when an
    argument is), "all" (null only when every argument is), "never", "always" (may be null whatever the arguments), or the
    name of a proof in `mlopsc.semantics.calls`. `lo`, `hi`: bounds that always hold."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    result: str
    nulls: str = "any"
    variadic: bool = False  # the last parameter may repeat
    lo: float | None = None
    hi: float | None = None


def _parameters(text: str) -> tuple[Parameter, ...]:
    """Parameters of "x number, y text": a name and a kind each; a kind ending in ? may be left out."""
    out = []
    for part in filter(None, text.split(", ")):
        name, kind = part.split()
        out.append(Parameter(name, kind.rstrip("?"), kind.endswith("?")))
    return tuple(out)


def _table(*functions: Function) -> dict[str, Function]:
    return {f.name: f for f in functions}


def _f(
    name: str,
    parameters: str,
    result: str,
    doc: str,
    *,
    nulls: str = "any",
    variadic: bool = False,
    lo: float | None = None,
    hi: float | None = None,
) -> Function:
    return Function(name, doc, _parameters(parameters), result, nulls, variadic, lo, hi)


ROW_FUNCTIONS: dict[str, Function] = _table(
    _f("abs", "x number", "same", "The value without its sign.", lo=0),
    _f("sqrt", "x number", "float", "The square root; null below zero.", nulls="sqrt", lo=0),
    _f("exp", "x number", "float", "e to the power of x; null where that overflows.", lo=0),
    _f("ln", "x number", "float", "The natural logarithm; null at zero and below.", nulls="ln"),
    _f("log1p", "x number", "float", "The natural logarithm of 1 + x; null at -1 and below.", nulls="log1p"),
    _f("round", "x number", "same", "The nearest whole number, half to even, in the type of x."),
    _f("floor", "x number", "same", "The largest whole number not above x, in the type of x."),
    _f("ceil", "x number", "same", "The smallest whole number not below x, in the type of x."),
    _f("clip", "x number, lo number, hi number", "unified", "x, but at least lo and at most hi."),
    _f(
        "least", "x comparable, y comparable", "unified", "The smallest argument; null when one is null.", variadic=True
    ),
    _f(
        "greatest",
        "x comparable, y comparable",
        "unified",
        "The largest argument; null when one is null.",
        variadic=True,
    ),
    _f("coalesce", "x any, y any", "unified", "The first argument that is not null.", nulls="all", variadic=True),
    _f("bucket", "x number, edges edges", "int", "How many of the edges are not above x: 0 below the first.", lo=0),
    _f("year", "t time", "int", "The year, in UTC.", lo=1, hi=9999),
    _f("month", "t time", "int", "The month, 1 to 12, in UTC.", lo=1, hi=12),
    _f("day", "t time", "int", "The day of the month, 1 to 31, in UTC.", lo=1, hi=31),
    _f("hour", "t moment", "int", "The hour, 0 to 23, in UTC.", lo=0, hi=23),
    _f("day_of_week", "t time", "int", "The day of the week, Monday 1 to Sunday 7, in UTC.", lo=1, hi=7),
    _f("days_between", "a time, b time", "days", "b - a in days: whole for dates, with fractions for timestamps."),
    _f("lower", "s text", "string", "In lower case."),
    _f("upper", "s text", "string", "In upper case."),
    _f("trim", "s text", "string", "Without white space at both ends."),
    _f("length", "s text", "int", "The number of code points.", lo=0),
    _f("contains", "s text, part text", "bool", "Whether the part stands in s, literally."),
    _f("starts_with", "s text, part text", "bool", "Whether s starts with the part, literally."),
    _f("replace", "s text, old text, new text", "string", "s with every old replaced by new, literally."),
    _f("int", "x plain", "int", "As a whole number: truncated; null where it cannot be read.", nulls="int"),
    _f("float", "x plain", "float", "As a float; null where it cannot be read.", nulls="float"),
    _f("string", "x any", "string", "As text."),
)

DATASET_FUNCTIONS: dict[str, Function] = _table(
    _f("rows", "", "int", "The number of rows; also written without parentheses.", nulls="never", lo=0),
    _f("null_share", "c row", "float", "The share of rows in which c is null.", nulls="never", lo=0, hi=1),
    _f("unique", "c row", "bool", "Whether no value of c repeats; nulls are skipped.", nulls="never"),
    _f("distinct", "c row", "int", "The number of different values of c; nulls are skipped.", nulls="never", lo=0),
    _f(
        "share",
        "condition condition",
        "float",
        "The share of all rows for which the condition holds.",
        nulls="never",
        lo=0,
        hi=1,
    ),
    _f("min", "c comparable", "same", "The smallest value.", nulls="always"),
    _f("max", "c comparable", "same", "The largest value.", nulls="always"),
    _f("mean", "c number", "float", "The arithmetic mean.", nulls="always"),
    _f("std", "c number", "float", "The sample standard deviation.", nulls="always", lo=0),
    _f("median", "c number", "float", "The median.", nulls="always"),
    _f("quantile", "c number, q share", "float", "The q quantile, linearly interpolated.", nulls="always"),
    _f(
        "freshness",
        "c time",
        "duration",
        "The time from the largest value of c to now; a rule with it is judged anew on every run.",
        nulls="always",
    ),
    _f(
        "correlation",
        "a number, b number",
        "float",
        "Pearson's correlation over rows where both are known.",
        nulls="always",
        lo=-1,
        hi=1,
    ),
    _f(
        "exists_in",
        "c row, column other",
        "bool",
        "Whether every value of c stands in the column of the other data block.",
        nulls="never",
    ),
)

# `over` a duration, `on` a column or a list, `where` a condition on the other block's rows: bound by name only.
AGGREGATES: dict[str, Function] = _table(
    _f("sum", "x number", "same", "The sum over earlier rows; 0 with none.", nulls="never"),
    _f("mean", "x number", "float", "The mean over earlier rows.", nulls="always"),
    _f("min", "x comparable", "same", "The smallest value of earlier rows.", nulls="always"),
    _f("max", "x comparable", "same", "The largest value of earlier rows.", nulls="always"),
    _f("count", "x any", "int", "The number of earlier rows, or of those in which x is not null.", nulls="never", lo=0),
    _f("count_distinct", "x any", "int", "The number of different values in earlier rows.", nulls="never", lo=0),
    _f("last", "x any", "same", "The value in the latest earlier row.", nulls="always"),
)

AGGREGATE_CLAUSES = ("on", "over", "where")
LOOKUP_DOC = (
    "lookup(other.c, on = key): c in the one row of another data block with that key; null where there is none."
)

# What people write elsewhere for our functions.
ELSEWHERE = {
    "avg": "mean", "average": "mean", "stddev": "std", "stdev": "std", "len": "length", "strlen": "length",
    "ifnull": "coalesce", "nvl": "coalesce", "isnull": "coalesce", "log": "ln", "strip": "trim", "ceiling": "ceil",
    "weekday": "day_of_week", "dayofweek": "day_of_week", "datediff": "days_between", "nunique": "distinct",
    "percentile": "quantile", "corr": "correlation", "size": "rows",
}  # fmt: skip
