"""Row functions on single Python values: what serving computes.

Every function takes null (None) and gives null for it, unless its docstring says otherwise; floats are finite on the way
in and out; ints stay within 64 bits; timestamps are naive UTC; durations are ints of microseconds. The SQL of the same
meaning stands in `functions.py`; a property test holds both equal bit for bit.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

INF = math.inf
INT_LO, INT_HI = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1)
MICROS_PER_DAY = 86_400_000_000
TIME_LO, TIME_HI = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999 in microseconds
# The property White_Space of Unicode; str.strip() would take the separators U+001C to U+001F, too.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
FLOAT_TEXT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
INT_TEXT = r"[+-]?[0-9]+(\.0*)?"
_FLOAT_TEXT = re.compile(FLOAT_TEXT, re.ASCII)
_INT_TEXT = re.compile(INT_TEXT, re.ASCII)
# Where DuckDB's mapping of one code point to one differs from the single characters of str.upper and str.lower.
_UPPER = dict(zip("ßᾀᾁᾂᾃᾄᾅᾆᾇᾐᾑᾒᾓᾔᾕᾖᾗᾠᾡᾢᾣᾤᾥᾦᾧᾳῃῳ", "ẞᾈᾉᾊᾋᾌᾍᾎᾏᾘᾙᾚᾛᾜᾝᾞᾟᾨᾩᾪᾫᾬᾭᾮᾯᾼῌῼ", strict=True))
_LOWER = {"İ": "i"}

Fn = Callable[..., Any]


def finite(x: float) -> float | None:
    return x if -INF < x < INF else None


def within(x: int) -> int | None:
    return x if INT_LO <= x <= INT_HI else None


def number(x: Any) -> float | None:
    """A float column as received: ints become floats, NaN and infinity null."""
    return None if x is None else finite(float(x))


def strict(fn: Fn) -> Fn:
    """`fn` with nulls propagated."""

    def call(*args: Any) -> Any:
        for a in args:
            if a is None:
                return None
        return fn(*args)

    return call


def float2(fn: Fn) -> Fn:
    """A binary float operator with nulls propagated and overflow to null."""

    def call(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        r = fn(a, b)
        return r if -INF < r < INF else None

    return call


def int2(fn: Fn) -> Fn:
    """A binary int operator with nulls propagated and overflow to null."""

    def call(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        r = fn(a, b)
        return r if INT_LO <= r <= INT_HI else None

    return call


def divide(a: Any, b: Any) -> Any:
    if a is None or b is None or b == 0:
        return None
    return finite(float(a) / float(b))


def and_(a: Any, b: Any) -> Any:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def or_(a: Any, b: Any) -> Any:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def not_(a: Any) -> Any:
    return None if a is None else not a


def if_(c: Any, a: Any, b: Any) -> Any:
    return a if c else b


def coalesce(*args: Any) -> Any:
    for a in args:
        if a is not None:
            return a
    return None


def sqrt(x: float) -> float | None:
    return math.sqrt(x) if x >= 0 else None


def exp(x: float) -> float | None:
    try:
        return math.exp(x)
    except OverflowError:
        return None


def ln(x: float) -> float | None:
    return math.log(x) if x > 0 else None


def log1p(x: float) -> float | None:
    """Kahan's formula, since the SQL side has no log1p: ln(u) * x / (u - 1) with u = 1 + x."""
    if x <= -1:
        return None
    u = 1.0 + x
    return x if u == 1.0 else finite(math.log(u) * (x / (u - 1.0)))


def round_float(x: float) -> float:
    return math.copysign(float(round(x)), x)


def floor_float(x: float) -> float:
    return float(math.floor(x)) if x else x  # keeps -0.0


def ceil_float(x: float) -> float:
    return math.copysign(float(math.ceil(x)), x)


def greatest(*args: Any) -> Any:
    """The first of the largest arguments; null when one is null."""
    best = args[0]
    for a in args:
        if a is None:
            return None
        if best is not None and a > best:
            best = a
    return best


def least(*args: Any) -> Any:
    best = args[0]
    for a in args:
        if a is None:
            return None
        if best is not None and a < best:
            best = a
    return best


def bucket(x: Any, edges: tuple[Any, ...]) -> int:
    return bisect_right(edges, x)


def micros(t: date | datetime) -> int:
    """Microseconds since 1970 of a date or a naive UTC timestamp."""
    if not isinstance(t, datetime):
        return (t.toordinal() - 719_163) * MICROS_PER_DAY
    return (t - EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime | None:
    """The timestamp at `us` microseconds since 1970; null outside of the years 1 to 9999."""
    return EPOCH + timedelta(microseconds=us) if TIME_LO <= us <= TIME_HI else None


def days_between(a: Any, b: Any) -> float:
    return float(micros(b) - micros(a)) / 86_400_000_000.0


def whole_days_between(a: date, b: date) -> int:
    return b.toordinal() - a.toordinal()


def lower(s: str) -> str:
    """Code point by code point, so that the length stays and the SQL side agrees."""
    if s.isascii():
        return s.lower()
    return "".join(_LOWER.get(c) or (low if len(low := c.lower()) == 1 else c) for c in s)


def upper(s: str) -> str:
    if s.isascii():
        return s.upper()
    return "".join(_UPPER.get(c) or (up if len(up := c.upper()) == 1 else c) for c in s)


def trim(s: str) -> str:
    return s.strip(WHITE_SPACE)


def replace(s: str, old: str, new: str) -> str:
    """An empty `old` replaces nothing."""
    return s.replace(old, new) if old else s


def text_to_float(s: str) -> float | None:
    s = s.strip(WHITE_SPACE)
    return finite(float(s)) if _FLOAT_TEXT.fullmatch(s) else None


def text_to_int(s: str) -> int | None:
    """Plain digits exactly, also with a fraction of zeros; a number with an exponent where it is whole and below 2^53."""
    s = s.strip(WHITE_SPACE)
    if _INT_TEXT.fullmatch(s):
        digits = s.split(".")[0]
        return within(int(digits)) if len(digits.lstrip("+-0")) <= 19 else None
    if "e" not in s and "E" not in s:
        return None
    x = text_to_float(s)
    return int(x) if x is not None and x == math.floor(x) and abs(x) <= 2**53 else None


def float_to_int(x: float) -> int | None:
    return within(math.trunc(x))


def bool_text(x: bool) -> str:
    return "true" if x else "false"


def timestamp_text(t: datetime) -> str:
    """ISO 8601 in UTC, with only as many digits of a second as it has: 2026-01-31T00:00:00.5Z."""
    whole = t.isoformat()
    return (whole.rstrip("0") if t.microsecond else whole) + "Z"
