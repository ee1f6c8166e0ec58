"""A dict as block-style YAML that no reader can misread: every string is quoted, every key that is no plain word too.

PyYAML is not among the compiler's dependencies, and this is all of YAML that a pipeline needs. Strings follow JSON's
escapes, which YAML 1.1 and 1.2 share; what is not printable is written as \\U escape (a JSON surrogate pair would be two
characters in YAML). So `no`, `1e3`, `007`, `1:30` and dates stay the texts that they are.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WORDS = frozenset("y n yes no on off true false null".split())


def dump(value: dict[str, Any]) -> str:
    """The document, mappings in their own order. TypeError for what is no plain value, ValueError for NaN and infinity."""
    lines: list[str] = []
    _write(value, "", lines)
    return "\n".join([*lines, ""])


def scalar(value: Any) -> str:
    """One value on one line: a quoted string, a number, true, false, null, {} or []."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        if text.isascii():
            return text.replace("\x7f", "\\x7f")
        return "".join(_character(c) for c in text)
    if value is None or isinstance(value, (bool, int, float)) or value in ({}, []):
        text = json.dumps(value, allow_nan=False)
        # YAML 1.1 reads 1e-05 as a text: its floats have a point.
        return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text
    raise TypeError(f"no YAML for {type(value).__name__}")


def _character(c: str) -> str:
    return c if c.isprintable() and c not in "\ufeff\x7f" and not "\ud800" <= c <= "\udfff" else f"\\U{ord(c):08x}"


@functools.cache
def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else scalar(key)


def _write(value: Any, indent: str, out: list[str]) -> None:
    """Append the lines of a mapping or list that is not empty."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                out.append(f"{indent}{_key(key)}:")
                _write(item, indent + "  ", out)
            else:
                out.append(f"{indent}{_key(key)}: {scalar(item)}")
        return
    for item in value:
        if isinstance(item, (dict, list)) and item:
            first = len(out)
            _write(item, indent + "  ", out)
            out[first] = f"{indent}- {out[first][len(indent) + 2 :]}"
        else:
            out.append(f"{indent}- {scalar(item)}")
