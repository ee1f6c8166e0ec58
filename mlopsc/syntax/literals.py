"""Reads the text of a number or a string as written into its value.

Both functions are total: a text that is no literal gives what is wrong with it instead of a value.
"""

from __future__ import annotations

import re

Number = tuple[str, int | float]

_NUMBER = re.compile(r"([0-9]+(?:_[0-9]+)*)(\.[0-9]+(?:_[0-9]+)*)?([eE][+-]?[0-9]+)?(%|[A-Za-z]+)?")
_DAY = 86_400
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": _DAY, "w": 7 * _DAY}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
# What people write elsewhere for our units.
_MEANT = {
    "m": "min", "mins": "min", "minute": "min", "minutes": "min", "sec": "s", "secs": "s", "second": "s",
    "seconds": "s", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w",
    "weeks": "w", "millis": "ms", "kb": "KiB", "k": "KiB", "ki": "KiB", "kib": "KiB", "mb": "MiB", "mi": "MiB",
    "mib": "MiB", "gb": "GiB", "g": "GiB", "gi": "GiB", "gib": "GiB", "tb": "TiB", "t": "TiB", "ti": "TiB",
    "tib": "TiB", "b": "B", "byte": "B", "bytes": "B",
}  # fmt: skip
_LARGEST = 1 << 63
_LONGEST = 400

_ESCAPE = re.compile(r"\\(u\{[0-9A-Fa-f]{1,6}\}|.)", re.DOTALL)
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def read_number(text: str) -> Number | None:
    """(kind, value) of a number without sign, or None if it is not written as numbers are.

    Kinds: int, float, percent (a share), duration (seconds), size (bytes). An int fits 64 bits, a float is finite.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return None
    whole, fraction, exponent, unit = match.groups()
    digits = (whole + (fraction or "")).replace("_", "")
    value = float(digits + (exponent or ""))
    if value in (float("inf"),):
        return None
    if unit is None:
        if fraction is None and exponent is None:
            return ("int", int(digits)) if int(digits) <= _LARGEST else None
        return "float", value
    if unit == "%":
        return "percent", value / 100 if exponent else float(digits + "e-2")
    if unit == "ms":
        return "duration", value / 1000 if exponent else float(digits + "e-3")
    if unit in SECONDS:
        return "duration", value * SECONDS[unit]
    if unit in BYTES and value * BYTES[unit] < _LARGEST:
        return "size", round(value * BYTES[unit])
    return None


def number_help(text: str) -> tuple[str, str | None]:
    """(help, replacement or None) for a text that `read_number` refuses."""
    if text.startswith("."):
        return f"Write `0{text}`.", f"0{text}"
    if text.endswith("."):
        return f"Write `{text}0`.", f"{text}0"
    match = _NUMBER.fullmatch(text)
    if match is None:
        return "Numbers are written like `1_000`, `0.5`, `1e-3`, `5%`, `30s` or `512MiB`.", None
    number, unit = text[: match.start(4)] if match[4] else text, match[4] or ""
    if len(text) <= _LONGEST and unit.lower() in _MEANT and unit not in BYTES:
        meant = _MEANT[unit.lower()]
        return f"Write `{number}{meant}`.", number + meant
    if unit and unit not in BYTES:
        return "Durations end in ms, s, min, h, d or w, sizes in B, KiB, MiB, GiB or TiB, shares in %.", None
    return "An integer has 64 bits; write a larger number as a float, `1e20`.", None


def read_string(text: str) -> tuple[str, str | None]:
    """(value, first bad escape or None) of a string as written, with its quotes."""
    if text.startswith('"""'):
        body = _dedent(text[3:-3].replace("\r\n", "\n"))
    else:
        body = text[1:-1]
    if "\\" not in body:
        return body, None
    bad: list[str] = []

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if code in _ESCAPED:
            return _ESCAPED[code]
        number = int(code[2:-1], 16) if len(code) > 2 else -1
        if 0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
            return chr(number)
        bad.append(match[0])
        return match[0]

    value = _ESCAPE.sub(replace, body)
    return value, bad[0] if bad else None


def _dedent(body: str) -> str:
    """Removes the indentation that all lines share. A first and a last line without text are not part of the value;
    a first line that follows the quotes directly has no indentation of its own."""
    first, *lines = body.split("\n")
    if lines and not lines[-1].strip(" \t"):
        lines.pop()
    filled = [line for line in lines if line.strip(" \t")]
    shared = min((len(line) - len(line.lstrip(" \t")) for line in filled), default=0)
    lines = [line[shared:] if line.strip(" \t") else "" for line in lines]
    return "\n".join([first, *lines] if first.strip(" \t") or "\n" not in body else lines)
