"""Every effective value of a checked spec, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.catalog.calls import SETS
from mlopsc.driver.resolved.parts import more
from mlopsc.driver.resolved.rows import Row, origin, written
from mlopsc.semantics.program import CallValue, Decl, Program, Value
from mlopsc.semantics.settings import find_setting
from mlopsc.source import SourceMap


class Section(NamedTuple):
    title: str
    rows: list[Row]


def resolved(program: Program) -> list[Section]:
    """A section for each declaration, in order."""
    found = []
    for decl in program.decls.values():
        rows = list(_settings(program, decl))
        rows += more(program, decl)
        found.append(Section(f"{decl.kind} {decl.name}", rows))
    return found


def _settings(program: Program, decl: Decl) -> Iterator[Row]:
    spec = BLOCKS.get(decl.kind)
    for path, value in decl.settings.items():
        setting = find_setting(spec, path) if spec is not None else None
        kind = setting.kind if setting is not None else _kind_of_binding(program, decl)
        yield from _rows(program.sources, path, value, kind)


def _kind_of_binding(program: Program, decl: Decl) -> str:
    known = program.params.get(decl.name)
    return known[0].kind if known is not None else f"call:{decl.kind}s"


def _rows(sources: SourceMap, path: str, value: Value, kind: str) -> Iterator[Row]:
    """The value itself and, for a call of the vocabulary, each of its arguments with an origin of its own."""
    if not isinstance(value.value, CallValue):
        yield Row(path, written(sources, value.value, kind), origin(sources, value))
        return
    call = value.value
    if call.name in ("secret", "env"):
        yield Row(path, written(sources, call, kind), origin(sources, value))
        return
    yield Row(path, call.name, origin(sources, value))
    table = SETS.get(kind.partition(":")[2].rstrip("!"), {})
    kinds = {a.name: a.kind for a in table[call.name].arguments} if call.name in table else {}
    for name, argument in call.args.items():
        yield from _rows(sources, f"{path}.{name}", argument, kinds.get(name, "any"))
    for number, argument in enumerate(call.rest, 1):
        yield from _rows(sources, f"{path}.{number}", argument, "any")
