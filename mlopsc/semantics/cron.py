"""Cron texts and time zones, checked before anything runs.

Five fields, as Airflow and Kubernetes read them: lists, ranges, steps, month and day names; day of week 0 to 7, where 0
and 7 are Sunday. Each check returns one sentence on what is wrong, or None.
"""

from __future__ import annotations

import re

from mlopsc.catalog.zones import ZONES
from mlopsc.semantics.context import nearest

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_PART = re.compile(r"(\*|[A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?(?:/([0-9]+))?\Z", re.A)


def check_cron(text: str) -> str | None:
    fields = text.split()
    if text.startswith("@"):
        return f'"{text}" is a nickname; write the five fields of a cron text, as in "0 3 * * *".'
    if len(fields) != 5:
        return f"A cron text has five fields (minute, hour, day of month, month, day of week), and this one has {len(fields)}."
    values: list[set[int]] = []
    for field, (name, lo, hi, names) in zip(fields, _FIELDS, strict=True):
        found = _field(field, lo, hi, names)
        if isinstance(found, str):
            return f"The {name} of the cron text, {field}, is not understood: {found}."
        values.append(found)
    if fields[2] != "*" and fields[4] == "*" and not any(min(values[2]) <= _LONGEST[month] for month in values[3]):
        return "No month has such a day, so this cron text never fires."
    return None


def _field(field: str, lo: int, hi: int, names: dict[str, int]) -> set[int] | str:
    """The values that a field stands for, or what is wrong with it."""
    values: set[int] = set()
    for part in field.split(","):
        match = _PART.match(part)
        if match is None:
            return "a field holds numbers, *, lists, a-b and /n"
        first, last, step = match.groups()
        if first == "*" and last is not None:
            return "* stands alone or before /n"
        start = lo if first == "*" else _number(first, names)
        end = hi if first == "*" or (step and last is None) else start if last is None else _number(last, names)
        if start is None or end is None:
            return f"{first if start is None else last} is no number" + (" or name" if names else "")
        if not lo <= start <= hi or not lo <= end <= hi:
            return f"it lies in {lo}..{hi}"
        if start > end:
            return f"{first} comes after {last}"
        if step is not None and int(step) == 0:
            return "a step is at least 1"
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _number(text: str, names: dict[str, int]) -> int | None:
    return int(text) if text.isdigit() and len(text) < 4 else names.get(text.lower())


def check_zone(text: str) -> str | None:
    if text in ZONES:
        return None
    if text.isupper() and len(text) <= 5:  # an abbreviation: which place is meant, nobody can tell
        return f'"{text}" is no time zone of the IANA database; write it as Region/City, as in "Europe/Berlin".'
    best = nearest(text, ZONES)
    return f'"{text}" is no time zone of the IANA database' + (f"; did you mean {best}?" if best else ".")
