"""Names of a spec from the names that data files have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import combining, normalize

# The words that an expression keeps for itself (language.md, part 1).
RESERVED = frozenset("and or not in is if then else true false null".split())

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake(text: str, fallback: str) -> str:
    """`customerID` -> customer_id, `Monthly Charges` -> monthly_charges; `fallback` where no letter or digit is left."""
    plain = "".join(c for c in normalize("NFKD", text) if not combining(c))
    words = re.findall(r"[A-Za-z0-9]+", _HUMP.sub(" ", plain))
    name = "_".join(words).lower()
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"c_{name}"
    return f"{name}_" if name in RESERVED else name


def unique(name: str, taken: Iterable[str]) -> str:
    """`name`, or the first of name_2, name_3 … that is not taken."""
    used = set(taken)
    if name not in used:
        return name
    number = 2
    while f"{name}_{number}" in used:
        number += 1
    return f"{name}_{number}"


def quoted(text: str) -> str:
    """`text` as a string literal of the language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return '"' + "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in escaped) + '"'
