"""Numbers of verdicts as people read them: in the unit that their rule was written in, and never as 1e+06.

Values come in seconds, bytes and plain shares (cli.md, the fields `value` and `threshold`).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_SIZES = {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_TIMES = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LITERAL = re.compile(r"(?<![\w.])[0-9][0-9_]*(?:\.[0-9]+)?(%|[KMGT]iB|ms|min|[shdw])(?!\w)")
_SHARE = re.compile(r"(?:[<>=!]=?|\bin) *[0-9][0-9_.]*%(?:\.\.[0-9][0-9_.]*%)? *$|^ *[0-9][0-9_.]*% *[<>=!]")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


class Unit(NamedTuple):
    """`factor`: what one of it is, in the unit that values come in."""

    sign: str
    factor: float

    def show(self, value: float, digits: int = 6) -> str:
        return plain(value / self.factor, digits) + self.sign


PLAIN = Unit("", 1.0)


def unit_of(rule: str) -> Unit:
    """Of the first literal with a unit in the rule's text; without one, by the metric that it names. A share counts where
    it is a whole side (`mae <= baseline.mae * 90%` is in the unit of mae), and `and` joins rules of different units."""
    bare = _TEXT.sub('""', rule)
    if re.search(r"\b(?:and|or)\b", bare):
        return PLAIN
    found = _LITERAL.search(bare)
    if found is None:
        if re.match(r"(?:\w+\.)?latency\b", bare):
            return Unit(" ms", 0.001)
        return Unit(" MiB", 2.0**20) if re.match(r"(?:\w+\.)?model_size\b", bare) else PLAIN
    sign = found[1]
    if sign == "%":
        return Unit("%", 0.01) if _SHARE.search(bare) else PLAIN
    return Unit(f" {sign}", {**_SIZES, **_TIMES}[sign])


def plain(value: float, digits: int = 6) -> str:
    """Six significant digits and more where the whole part has more; an exponent only for what is very small or huge."""
    if value and not 1e-5 <= abs(value) < 1e15:
        return f"{value:.{digits}g}"
    if float(value).is_integer() or abs(value) >= 10.0 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def with_clauses(rule: str, clauses: dict[str, Any]) -> str:
    """A gate rule's text with its clauses. `clauses`: by, min_rows and confidence of the Plan's rule; defaults are left
    out."""
    told = f"{rule} by {', '.join(clauses['by'])}" if clauses.get("by") else rule
    for name, default in (("min_rows", 30), ("confidence", 0.95)):
        value = clauses.get(name)
        if isinstance(value, (int, float)) and value != default:
            told += f" {name} {value}" if name == "min_rows" else f" {name} {plain(100 * value)}%"
    return told
