"""Local time to UTC in SQL, from Python's own zone data: DuckDB's would need a module, and be another edition of it.

An hour that happens twice is taken as its first occurrence, and an hour that is skipped as counted on from before the change
(PEP 495, fold 0)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import StepError

FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
STEP = timedelta(days=7)


def zone_offset(name: str | None) -> str | None:
    """SQL of the offset from UTC in microseconds at $, local microseconds since 1970; None for UTC itself. Before 1900 and after
    2100 the offset is that of the border."""
    if name is None or name.upper() in ("UTC", "ETC/UTC", "Z"):
        return None
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise StepError("MLC8012", "unknown-timezone", f"No time zone is named {name}.") from None
    changes = _transitions(zone)
    cases = "".join(f" WHEN $ < {until} THEN {offset}" for until, offset in changes[:-1])
    return f"(CASE{cases} ELSE {changes[-1][1]} END)" if cases else f"CAST({changes[-1][1]} AS BIGINT)"


def _transitions(zone: ZoneInfo) -> list[tuple[int, int]]:
    """(end in local microseconds, offset in microseconds) of each stretch with one offset; the last end means nothing."""
    found: list[tuple[int, int]] = []
    at, offset = FIRST, _offset(zone, FIRST)
    while at < LAST:
        then = at + STEP
        later = _offset(zone, then)
        if later != offset:
            moment = _change(zone, at, then, offset)
            # In a gap and in a fold alike the offset before holds up to the larger of both local readings.
            found.append((_micros(moment) + max(offset, later), offset))
            offset = later
        at = then
    return [*found, (0, offset)]


def _change(zone: ZoneInfo, lo: datetime, hi: datetime, offset: int) -> datetime:
    while hi - lo > timedelta(seconds=1):
        middle = lo + timedelta(seconds=int((hi - lo).total_seconds()) // 2)
        if _offset(zone, middle) == offset:
            lo = middle
        else:
            hi = middle
    return hi


def _offset(zone: ZoneInfo, at: datetime) -> int:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found // timedelta(microseconds=1)


def _micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
