"""A dict as YAML that no reader can misread: every string is quoted, every key that is no plain word too.

PyYAML is not among the compiler's dependencies, and this is all of YAML that a pipeline needs. Strings follow JSON's
escapes, which YAML 1.1 and 1.2 share; what is not printable is written as \\U escape (a JSON surrogate pair would be two
characters in YAML). So `no`, `1e3`, `007`, `1:30` and dates stay the texts that they are. What is short stands on one line;
a mapping that is the very same object under several keys of one mapping is written once, and named by an alias after that.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

WIDTH = 110  # characters of a mapping or list on one line, at most
LONG = 1 << 30  # the same where it holds one text, which no line end makes easier to read
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_QUOTING = re.compile(r"[\x20-\x7e]*[\"\\][\x20-\x7e]*")
_WORDS = frozenset("y n yes no on off true false null".split())


def dump(value: dict[str, Any]) -> str:
    """The document, mappings in their own order. TypeError for what is no plain value, ValueError for NaN and infinity."""
    lines: list[str] = []
    _write(value, "", lines)
    return "\n".join([*lines, ""])


def scalar(value: Any) -> str:
    """One value on one line: a quoted string, a number, true, false, null, {} or []. A text with quotes of its own, such as
    JSON, stands in single ones."""
    if isinstance(value, str):
        if _QUOTING.fullmatch(value):
            return "'" + value.replace("'", "''") + "'"
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


def _short(value: Any, room: int) -> str | None:
    """The value on one line of at most `room` characters; None where it does not fit."""
    if not isinstance(value, (dict, list)) or not value:
        text = scalar(value)
        return text if len(text) <= room else None
    parts = []
    for key in value:
        before = f"{_key(key)}: " if isinstance(value, dict) else ""
        text_ = _short(value[key] if isinstance(value, dict) else key, room - len(before) - 2)
        if text_ is None:
            return None
        parts.append(before + text_)
        room -= len(parts[-1]) + 2
    inner = ", ".join(parts)
    return f"{{{inner}}}" if isinstance(value, dict) else f"[{inner}]"


def _repeated(value: dict[str, Any]) -> set[int]:
    """Identities of the mappings that stand under several keys, all of them such as can name an anchor."""
    keys: dict[int, list[str]] = {}
    for key, item in value.items():
        if isinstance(item, dict) and item:
            keys.setdefault(id(item), []).append(key)
    return {found for found, names in keys.items() if len(names) > 1 and all(map(_PLAIN_KEY.fullmatch, names))}


def _one_text(value: Any) -> bool:
    """Whether all that there is, is one text inside mappings of one key."""
    while isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return isinstance(value, str)


def _write(value: Any, indent: str, out: list[str]) -> None:
    """Append the lines of a mapping or list that is not empty."""
    if isinstance(value, dict):
        again = _repeated(value)
        anchors: dict[int, str] = {}
        for key, item in value.items():
            if id(item) in anchors:
                out.append(f"{indent}{_key(key)}: *{anchors[id(item)]}")
            elif id(item) in again:
                anchors[id(item)] = key
                out.append(f"{indent}{_key(key)}: &{key}")
                _write(item, indent + "  ", out)
            elif isinstance(item, (dict, list)) and item:
                line = _short(item, LONG if _one_text(item) else WIDTH - len(indent) - len(key))
                if line is not None:
                    out.append(f"{indent}{_key(key)}: {line}")
                    continue
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
