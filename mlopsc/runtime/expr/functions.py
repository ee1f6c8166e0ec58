"""The meaning of every operator and row function: its SQL and its Python, side by side.

An entry's `sql` takes the rendered arguments and the kind of the result; its `python` takes the kinds of the arguments and
of the result and returns the function to call (null handling included). The reference is language.md, section 5; DuckDB's
own answers differ in places (1/0, NaN = NaN, ln(0), round half away, greatest over nulls, Sunday 0, overflow).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from . import rows
from .literals import sql_text
from .terms import Binder, Term, unified

Sql = Callable[[Binder, list[Term], str], Term]
Python = Callable[[list[str], str], Callable[..., Any]]


class Meaning(NamedTuple):
    sql: Sql
    python: Python


# --- arithmetic ------------------------------------------------------------------------------------------------------


def _arithmetic(symbol: str, fn: Callable[[Any, Any], Any]) -> Meaning:
    def sql(b: Binder, args: list[Term], kind: str) -> Term:
        moments = [a for a in args if a.kind in ("date", "timestamp")]
        if moments:
            return _time_arithmetic(b, symbol, args, kind)
        if "float" in (kind, args[0].kind, args[1].kind):
            x, y = (b.convert(a, "float") for a in args)
            made = Term(f"({x.sql} {symbol} {y.sql})", "float", loose=True)
            return made if kind != "duration" else Term(f"TRY_CAST({made.sql} AS BIGINT)", kind)
        return Term(f"TRY({args[0].sql} {symbol} {args[1].sql})", kind)

    def python(kinds: list[str], kind: str) -> Callable[..., Any]:
        if "timestamp" in kinds or "date" in kinds:
            return _python_time_arithmetic(symbol, kinds, kind)
        if "float" in (kind, *kinds):
            both = rows.float2(
                lambda a, c: fn(float(a), float(c)) if isinstance(a, int) or isinstance(c, int) else fn(a, c)
            )
            return both if kind != "duration" else _then(both, rows.strict(lambda x: rows.within(round(x))))
        return rows.int2(fn)

    return Meaning(sql, python)


def _then(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: second(first(*args))


def _time_arithmetic(b: Binder, symbol: str, args: list[Term], kind: str) -> Term:
    """timestamp ± duration, duration + timestamp, and the difference of two moments as a duration."""
    x, y = (f"epoch_us({b.convert(a, 'timestamp').sql})" if a.kind in ("date", "timestamp") else a.sql for a in args)
    moved = f"TRY({x} {symbol} {y})"
    if kind == "duration":
        return Term(moved, kind)
    inside = f"BETWEEN {rows.TIME_LO} AND {rows.TIME_HI}"
    made = b.let(Term(moved, "duration"), lambda m: f"(CASE WHEN {m} {inside} THEN make_timestamp({m}) END)")
    return Term(f"CAST({made} AS DATE)" if kind == "date" else made, kind)


def _python_time_arithmetic(symbol: str, kinds: list[str], kind: str) -> Callable[..., Any]:
    sign = 1 if symbol == "+" else -1
    left, right = (k in ("date", "timestamp") for k in kinds)

    def call(a: Any, b: Any) -> Any:
        us = (rows.micros(a) if left else a) + sign * (rows.micros(b) if right else b)
        if kind == "duration":
            return us
        made = rows.moment(us)
        return made.date() if made is not None and kind == "date" else made

    return rows.strict(call)


def _divide_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = b.convert(args[0], "float")
    y = b.tight(b.convert(args[1], "float"))
    return Term(f"({x.sql} / {y.sql})", "float", loose=True)


def _negate_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = args[0]
    return Term(f"(-{x.sql})", "float", x.loose) if x.kind == "float" else Term(f"TRY(-{x.sql})", kind)


def _abs_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = args[0]
    return Term(f"abs({x.sql})", "float", x.loose) if x.kind == "float" else Term(f"TRY(abs({x.sql}))", kind)


def _int_or_float(on_int: Callable[..., Any], on_float: Callable[..., Any]) -> Python:
    return lambda kinds, kind: rows.strict(on_float if kinds[0] == "float" else on_int)


# --- comparison and logic --------------------------------------------------------------------------------------------


def _aligned(b: Binder, args: list[Term], kind: str | None = None) -> list[Term]:
    kind = kind or unified([a.kind for a in args])
    return [b.tight(b.convert(a, kind)) for a in args]


def to_moment(t: Any) -> Any:
    return rows.moment(rows.micros(t))


def caster(source: str, target: str) -> Callable[[Any], Any] | None:
    """The Python conversion between kinds, None where values stay as they are."""
    if source == "int" and target == "float":
        return rows.strict(float)
    if source == "date" and target == "timestamp":
        return rows.strict(to_moment)
    return None


def casting(fn: Callable[..., Any], kinds: list[str], target: str) -> Callable[..., Any]:
    """`fn` on arguments converted to one kind."""
    casts = [caster(k, target) for k in kinds]
    if not any(casts):
        return fn
    return lambda *args: fn(*(a if c is None else c(a) for a, c in zip(args, casts, strict=True)))


def _comparison(symbol: str, fn: Callable[[Any, Any], Any]) -> Meaning:
    def sql(b: Binder, args: list[Term], kind: str) -> Term:
        x, y = _aligned(b, args)
        return Term(f"({x.sql} {symbol} {y.sql})", "bool")

    def compare(a: Any, b: Any) -> Any:
        return None if a is None or b is None else fn(a, b)

    return Meaning(sql, lambda kinds, kind: casting(compare, kinds, unified(kinds)))


def _logic(symbol: str, fn: Callable[..., Any]) -> Meaning:
    return Meaning(
        lambda b, args, kind: Term("(" + f" {symbol} ".join(b.convert(a, "bool").sql for a in args) + ")", "bool"),
        lambda kinds, kind: fn,
    )


def _if_sql(b: Binder, args: list[Term], kind: str) -> Term:
    condition, *branches = args
    kind = unified([kind, *(a.kind for a in branches)])
    yes, no = (b.convert(a, kind) for a in branches)
    chosen = f"(CASE WHEN {b.convert(condition, 'bool').sql} THEN {yes.sql} ELSE {no.sql} END)"
    return Term(chosen, kind, yes.loose or no.loose)


def _if_python(kinds: list[str], kind: str) -> Callable[..., Any]:
    kind = unified([kind, *kinds[1:]])
    return casting(rows.if_, ["bool", *kinds[1:]], kind)


def _coalesce_sql(b: Binder, args: list[Term], kind: str) -> Term:
    kind = unified([kind, *(a.kind for a in args)])
    return Term("coalesce(" + ", ".join(a.sql for a in _aligned(b, args, kind)) + ")", kind)


def _spread(fn: Callable[..., Any], *, no_minus_zero: bool = True) -> Python:
    """Functions of arguments of one kind."""

    def python(kinds: list[str], kind: str) -> Callable[..., Any]:
        kind = unified([kind, *kinds])
        made = casting(fn, kinds, kind)
        return _then(made, rows.strict(lambda x: x + 0.0)) if kind == "float" and no_minus_zero else made

    return python


def _extreme(b: Binder, name: str, args: list[Term], kind: str) -> Term:
    """DuckDB's greatest and least skip nulls; which zero they choose is left open by adding 0.0."""

    def bind(rest: list[Term], bound: list[str]) -> str:
        if rest:
            return b.let(rest[0], lambda x: bind(rest[1:], [*bound, x]))
        known = " AND ".join(f"{x} IS NOT NULL" for x in bound)
        chosen = f"{name}({', '.join(bound)})"
        return f"(CASE WHEN {known} THEN {chosen}{' + 0.0' if kind == 'float' else ''} END)"

    return Term(bind(args, []), kind)


def _extreme_sql(name: str) -> Sql:
    def sql(b: Binder, args: list[Term], kind: str) -> Term:
        kind = unified([kind, *(a.kind for a in args)])
        return _extreme(b, name, _aligned(b, args, kind), kind)

    return sql


def _clip_sql(b: Binder, args: list[Term], kind: str) -> Term:
    kind = unified([kind, *(a.kind for a in args)])
    x, lo, hi = _aligned(b, args, kind)
    return _extreme(b, "least", [_extreme(b, "greatest", [x, lo], kind), hi], kind)


def _clip(x: Any, lo: Any, hi: Any) -> Any:
    return rows.least(rows.greatest(x, lo), hi)


# --- numbers ---------------------------------------------------------------------------------------------------------


def _domain(condition: str, call: str) -> Sql:
    """A float function that is null where `condition` on x fails."""

    def sql(b: Binder, args: list[Term], kind: str) -> Term:
        x = b.tight(b.convert(args[0], "float"))
        body = "(CASE WHEN " + condition + " THEN " + call + " END)"
        return Term(b.let(x, lambda v: body.replace("$", v)), "float")

    return sql


def _exp_sql(b: Binder, args: list[Term], kind: str) -> Term:
    return b.tight(Term(f"exp({b.tight(b.convert(args[0], 'float')).sql})", "float", loose=True))


_LOG1P = "(CASE WHEN 1.0::DOUBLE + $ = 1.0::DOUBLE THEN $ ELSE ln(1.0::DOUBLE + $) * ($ / ((1.0::DOUBLE + $) - 1.0::DOUBLE)) END)"


def _rounding(call: str, on_float: Callable[[float], float]) -> Meaning:
    def sql(b: Binder, args: list[Term], kind: str) -> Term:
        x = args[0]
        if x.kind != "float":
            return b.convert(x, kind)
        made = b.tight(x)
        rounded = call.replace("$", made.sql)
        return Term(f"TRY_CAST({rounded} AS BIGINT)", kind) if kind == "int" else Term(rounded, "float")

    def python(kinds: list[str], kind: str) -> Callable[..., Any]:
        if kinds[0] != "float":
            return casting(lambda x: x, kinds, kind)
        if kind == "int":
            return rows.strict(lambda x: rows.within(int(on_float(x))))
        return rows.strict(on_float)

    return Meaning(sql, python)


# --- dates and times -------------------------------------------------------------------------------------------------


def _part(call: str, fn: Callable[[Any], int]) -> Meaning:
    return Meaning(
        lambda b, args, kind: Term(f"CAST({call}({args[0].sql}) AS BIGINT)", "int"),
        lambda kinds, kind: rows.strict(fn),
    )


def _days_between_sql(b: Binder, args: list[Term], kind: str) -> Term:
    if kind == "int":
        return Term(f"CAST(({args[1].sql} - {args[0].sql}) AS BIGINT)", "int")
    x, y = (f"epoch_us({b.convert(a, 'timestamp').sql})" for a in args)
    return Term(f"(CAST({y} - {x} AS DOUBLE) / CAST(86400000000 AS DOUBLE))", "float")


def _days_between_python(kinds: list[str], kind: str) -> Callable[..., Any]:
    return rows.strict(rows.whole_days_between if kind == "int" else rows.days_between)


# --- text and conversions --------------------------------------------------------------------------------------------


def _text_call(name: str, fn: Callable[..., Any], kind: str = "string", extra: str = "") -> Meaning:
    def sql(b: Binder, args: list[Term], _: str) -> Term:
        return Term(f"{name}({', '.join(a.sql for a in args)}{extra})", kind)

    return Meaning(sql, lambda kinds, _: rows.strict(fn))


TRIM_SET = sql_text(rows.WHITE_SPACE)


def text_to_float_sql(b: Binder, text: str) -> str:
    pattern = sql_text(rows.FLOAT_TEXT)
    trimmed = Term(f"trim({text}, {TRIM_SET})", "string")
    read = b.let(trimmed, lambda s: f"(CASE WHEN regexp_full_match({s}, {pattern}) THEN TRY_CAST({s} AS DOUBLE) END)")
    return b.tight(Term(read, "float", loose=True)).sql


def text_to_int_sql(b: Binder, text: str) -> str:
    """DuckDB reads `1_000`, `0x1F` and `880.5` as integers, so only what matches is cast."""
    whole, real = sql_text(rows.INT_TEXT), sql_text(rows.FLOAT_TEXT)
    trimmed = Term(f"trim({text}, {TRIM_SET})", "string")

    def read(s: str) -> str:
        number = Term(f"TRY_CAST({s} AS DOUBLE)", "float")
        exact = b.let(
            number, lambda x: f"CASE WHEN {x} = floor({x}) AND abs({x}) <= {2**53} THEN CAST({x} AS BIGINT) END"
        )
        return (
            f"(CASE WHEN regexp_full_match({s}, {whole}) THEN TRY_CAST(split_part({s}, '.', 1) AS BIGINT) "
            f"WHEN regexp_full_match({s}, {real}) AND contains(lower({s}), 'e') THEN {exact} END)"
        )

    return b.let(trimmed, read)


def _int_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = args[0]
    if x.kind == "float":
        return Term(f"TRY_CAST(trunc({b.tight(x).sql}) AS BIGINT)", "int")
    if x.kind == "string":
        return Term(text_to_int_sql(b, x.sql), "int")
    return Term(f"CAST({x.sql} AS BIGINT)", "int")


def _float_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = args[0]
    if x.kind == "string":
        return Term(text_to_float_sql(b, x.sql), "float")
    return Term(f"CAST({x.sql} AS DOUBLE)", "float", x.loose)


def _string_sql(b: Binder, args: list[Term], kind: str) -> Term:
    x = b.tight(args[0])
    if x.kind == "timestamp":
        return Term(f"(replace(CAST({x.sql} AS VARCHAR), ' ', 'T') || 'Z')", "string")
    return Term(f"CAST({x.sql} AS VARCHAR)", "string")


_TO_INT: dict[str, Callable[[Any], Any]] = {"float": rows.float_to_int, "string": rows.text_to_int}
_TO_FLOAT: dict[str, Callable[[Any], Any]] = {"string": rows.text_to_float}
_TO_STRING: dict[str, Callable[[Any], Any]] = {
    "float": repr,
    "bool": rows.bool_text,
    "timestamp": rows.timestamp_text,
    "date": lambda d: d.isoformat(),
}


FUNCTIONS: dict[str, Meaning] = {
    "+": _arithmetic("+", operator.add),
    "-": _arithmetic("-", operator.sub),
    "*": _arithmetic("*", operator.mul),
    "/": Meaning(_divide_sql, lambda kinds, kind: rows.divide),
    "neg": Meaning(_negate_sql, _int_or_float(lambda x: rows.within(-x), operator.neg)),
    "==": _comparison("=", operator.eq),
    "!=": _comparison("<>", operator.ne),
    "<": _comparison("<", operator.lt),
    "<=": _comparison("<=", operator.le),
    ">": _comparison(">", operator.gt),
    ">=": _comparison(">=", operator.ge),
    "and": _logic("AND", rows.and_),
    "or": _logic("OR", rows.or_),
    "not": Meaning(
        lambda b, args, kind: Term(f"(NOT {b.convert(args[0], 'bool').sql})", "bool"), lambda ks, k: rows.not_
    ),
    "if": Meaning(_if_sql, _if_python),
    "is null": Meaning(
        lambda b, args, kind: Term(f"({b.tight(args[0]).sql} IS NULL)", "bool"), lambda ks, k: lambda x: x is None
    ),
    "is not null": Meaning(
        lambda b, args, kind: Term(f"({b.tight(args[0]).sql} IS NOT NULL)", "bool"),
        lambda ks, k: lambda x: x is not None,
    ),
    "abs": Meaning(_abs_sql, _int_or_float(lambda x: rows.within(abs(x)), abs)),
    "sqrt": Meaning(_domain("$ >= 0", "sqrt($)"), lambda ks, k: rows.strict(rows.sqrt)),
    "exp": Meaning(_exp_sql, lambda ks, k: rows.strict(rows.exp)),
    "ln": Meaning(_domain("$ > 0", "ln($)"), lambda ks, k: rows.strict(rows.ln)),
    "log1p": Meaning(_domain("$ > -1", _LOG1P), lambda ks, k: rows.strict(lambda x: rows.log1p(float(x)))),
    "round": _rounding("round_even($, 0)", rows.round_float),
    "floor": _rounding("floor($)", rows.floor_float),
    "ceil": _rounding("ceil($)", rows.ceil_float),
    "clip": Meaning(_clip_sql, _spread(_clip)),
    "least": Meaning(_extreme_sql("least"), _spread(rows.least)),
    "greatest": Meaning(_extreme_sql("greatest"), _spread(rows.greatest)),
    "coalesce": Meaning(_coalesce_sql, _spread(rows.coalesce, no_minus_zero=False)),
    "year": _part("year", lambda t: t.year),
    "month": _part("month", lambda t: t.month),
    "day": _part("day", lambda t: t.day),
    "hour": _part("hour", lambda t: t.hour),
    "day_of_week": _part("isodow", lambda t: t.isoweekday()),
    "days_between": Meaning(_days_between_sql, _days_between_python),
    "lower": _text_call("lower", rows.lower),
    "upper": _text_call("upper", rows.upper),
    "trim": _text_call("trim", rows.trim, extra=f", {TRIM_SET}"),
    "length": _text_call("length", len, "int"),
    "contains": _text_call("contains", lambda s, part: part in s, "bool"),
    "starts_with": _text_call("starts_with", lambda s, part: s.startswith(part), "bool"),
    "replace": _text_call("replace", rows.replace),
    "int": Meaning(_int_sql, lambda kinds, kind: rows.strict(_TO_INT.get(kinds[0], int))),
    "float": Meaning(_float_sql, lambda kinds, kind: rows.strict(_TO_FLOAT.get(kinds[0], float))),
    "string": Meaning(_string_sql, lambda kinds, kind: rows.strict(_TO_STRING.get(kinds[0], str))),
}
