"""Literal filters: the only way in which a user's value enters generated text. A template never puts quotes around one."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def python(value: Any) -> str:
    """A Python literal in ASCII. Mappings keep their order; what is no plain value is a TypeError."""
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if value == value and abs(value) != float("inf") else f'float("{value}")'
    if isinstance(value, str):
        return _python_text(value)
    if isinstance(value, (list, tuple)):
        items = ", ".join(python(item) for item in value)
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python(k)}: {python(v)}" for k, v in value.items()) + "}"
    raise TypeError(f"no Python literal for {type(value).__name__}")


def _python_text(value: str) -> str:
    text = ascii(value)
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text and "\\'" not in text else text


def python_comment(value: str) -> str:
    """Text for one comment line: no line end of any kind, nothing invisible."""
    return "".join(c if c.isprintable() else " " for c in value).strip()


def json_text(value: Any) -> str:
    """JSON in ASCII, sorted."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


def yaml(value: Any) -> str:
    """A YAML flow value on one line: JSON, with YAML's own escapes (JSON's surrogate pairs are two characters there)."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return "".join(c if c.isprintable() and c != "\ufeff" else f"\\U{ord(c):08x}" for c in text)


def shell(value: Any) -> str:
    """One word of a POSIX shell."""
    text = str(value)
    if "\0" in text:
        raise ValueError("a shell word cannot hold NUL")
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def environment(package: str) -> jinja2.Environment:
    """Templates of a back end's package with the filters py, comment, yaml, json and shell; undefined names are errors."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML is written; the filters quote for each language
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_text,
    )
    found.filters = {
        "py": lambda v: Literal(python(v)),
        "comment": lambda v: Literal(python_comment(v)),
        "yaml": lambda v: Literal(yaml(v)),
        "json": lambda v: Literal(json_text(v)),
        "shell": lambda v: Literal(shell(v)),
    }
    return found


class Literal(str):
    """Text that a filter has made safe for its place."""

    __slots__ = ()


def _only_text(value: Any) -> Any:
    """What jinja2 calls for every {{ … }}: a value that went through no filter does not get into a file."""
    if isinstance(value, (Literal, jinja2.runtime.Undefined)):
        return value
    raise TypeError(f"{value!r} reached a template without a literal filter")
