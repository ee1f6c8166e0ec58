"""Proven bounds of numbers: intervals [lo, hi], None where there is none.

Integers are exact. Ends of floats are rounded as the values themselves are, and rounding is monotone, so a bound that is
computed the same way as the value holds for it. A bound beyond 2**63 is dropped: such a value may overflow to null.
"""

from __future__ import annotations

import math

Bound = int | float | None
Interval = tuple[Bound, Bound]

UNBOUNDED: Interval = (None, None)
_LIMIT = 2**63


def interval(lo: Bound, hi: Bound) -> Interval:
    return _kept(lo), _kept(hi)


def _kept(x: Bound) -> Bound:
    return None if x is None or not -_LIMIT <= x < _LIMIT else x


def negate(a: Interval) -> Interval:
    return interval(None if a[1] is None else -a[1], None if a[0] is None else -a[0])


def add(a: Interval, b: Interval) -> Interval:
    lo = None if a[0] is None or b[0] is None else a[0] + b[0]
    hi = None if a[1] is None or b[1] is None else a[1] + b[1]
    return interval(lo, hi)


def subtract(a: Interval, b: Interval) -> Interval:
    return add(a, negate(b))


def multiply(a: Interval, b: Interval) -> Interval:
    if None in a or None in b:
        # Two numbers not below zero give one; other half-open cases prove nothing worth keeping.
        return (0, None) if _at_least(a, 0) and _at_least(b, 0) else UNBOUNDED
    ends = [x * y for x in a for y in b if x is not None and y is not None]
    return interval(min(ends), max(ends))


def divide(a: Interval, b: Interval) -> Interval:
    """Bounds of a / b where b cannot be zero, else none."""
    if not excludes_zero(b):
        return UNBOUNDED
    if None in a or None in b:
        return (0, None) if _at_least(a, 0) and _at_least(b, 0) else UNBOUNDED
    ends = [x / y for x in a for y in b if x is not None and y is not None]
    return interval(min(ends), max(ends))


def excludes_zero(a: Interval) -> bool:
    return (a[0] is not None and a[0] > 0) or (a[1] is not None and a[1] < 0)


def _at_least(a: Interval, floor: int) -> bool:
    return a[0] is not None and a[0] >= floor


def hull(intervals: list[Interval]) -> Interval:
    """The smallest interval around all."""
    los, his = [i[0] for i in intervals], [i[1] for i in intervals]
    return (
        None if None in los else min(x for x in los if x is not None),
        None if None in his else max(x for x in his if x is not None),
    )


def greatest(intervals: list[Interval]) -> Interval:
    """Bounds of the largest of several numbers."""
    los = [i[0] for i in intervals if i[0] is not None]
    his = [i[1] for i in intervals]
    return max(los) if los else None, None if None in his else max(x for x in his if x is not None)


def least(intervals: list[Interval]) -> Interval:
    return negate(greatest([negate(i) for i in intervals]))


def magnitude(a: Interval) -> Interval:
    """Bounds of |x|."""
    lo, hi = a
    if lo is not None and lo >= 0:
        return a
    if hi is not None and hi <= 0:
        return negate(a)
    return 0, None if lo is None or hi is None else max(-lo, hi)


def whole(a: Interval) -> Interval:
    """Bounds of x rounded to a whole number in any direction."""
    return None if a[0] is None else math.floor(a[0]), None if a[1] is None else math.ceil(a[1])


def decide(op: str, a: Interval, b: Interval) -> bool | None:
    """Whether `a op b` holds for all values (True), for none (False), or cannot be told (None)."""
    if op in (">", ">="):
        return decide("<" if op == ">" else "<=", b, a)
    if op == "!=":
        equal = decide("==", a, b)
        return None if equal is None else not equal
    below, above = _ends_below(a, b, strict=True), _ends_below(b, a, strict=True)
    if op == "==":
        same = a[0] is not None and a[0] == a[1] == b[0] == b[1]
        return True if same else (False if below or above else None)
    if op == "<":
        return True if below else (False if _ends_below(b, a, strict=False) else None)
    return True if _ends_below(a, b, strict=False) else (False if above else None)


def _ends_below(a: Interval, b: Interval, *, strict: bool) -> bool:
    if a[1] is None or b[0] is None:
        return False
    return a[1] < b[0] if strict else a[1] <= b[0]


def say(a: Interval) -> str:
    """The bounds as messages say them: "in 0..100", "at least 0"."""
    lo, hi = a
    if lo is not None and hi is not None:
        return f"always {number(lo)}" if lo == hi else f"in {number(lo)}..{number(hi)}"
    if lo is not None:
        return f"at least {number(lo)}"
    return f"at most {number(hi)}" if hi is not None else "unbounded"


def number(x: int | float) -> str:
    return str(int(x)) if isinstance(x, float) and x.is_integer() and abs(x) < 1e15 else repr(x)
