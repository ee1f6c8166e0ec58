"""Effective values as rows of text: a path, the value as a spec would write it, and where it came from."""

from __future__ import annotations

from typing import Any, NamedTuple

from mlopsc.driver.check import SET_FILE
from mlopsc.semantics.program import CallValue, Ref, Value
from mlopsc.source import SourceMap, Span
from mlopsc.syntax import ast

_DURATIONS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


class Row(NamedTuple):
    """`value` is written as in a spec; `origin` is a place in a file, "default", a profile with its place, or --set."""

    path: str
    value: str
    origin: str


def origin(sources: SourceMap, value: Value) -> str:
    if value.origin in ("default", SET_FILE):
        return value.origin
    where = place(sources, value.span)
    return where if value.origin == "spec" else f"{value.origin} ({where})"


def place(sources: SourceMap, span: Span) -> str:
    source, line, _ = sources.locate(span[0])
    return f"{source.path}:{line}"


def written(sources: SourceMap, value: Any, kind: str) -> str:
    """A value as a spec would write it."""
    if isinstance(value, ast.Node):
        source = sources.source(value.start)
        return " ".join(source.text[value.start - source.base : value.end - source.base].split())
    if isinstance(value, Ref):
        return value.name
    if isinstance(value, CallValue):
        inner = [f"{name} = {written(sources, item.value, 'any')}" for name, item in value.args.items()]
        return f"{value.name}({', '.join(inner)})"
    if isinstance(value, tuple) and len(value) == 2:
        return f"{written(sources, value[0], kind)}..{written(sources, value[1], kind)}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(sources, item, kind) for item in value)}]"
    return literal(value, kind)


def literal(value: Any, kind: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        bare = kind.startswith(("choice", "name", "column", "ref"))
        return value if bare else '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, int | float):
        if kind.startswith("share"):
            return f"{value * 100:.10g}%"
        if kind.startswith("duration"):
            return _unit(value, _DURATIONS, "s")
        if kind.startswith("size"):
            return _unit(value, _SIZES, "")
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    return str(value)


def _unit(value: float, units: tuple[tuple[int, str], ...], smallest: str) -> str:
    for size, name in units:
        if value and value % size == 0:
            return f"{int(value // size)}{name}"
    return f"{value:.10g}{smallest}"
