"""Every effective value of a checked spec, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.catalog.calls import SETS
from mlopsc.driver.check import SET_FILE
from mlopsc.semantics.program import CallValue, DataInfo, Decl, FeaturesInfo, ModelInfo, Program, Ref, Value
from mlopsc.semantics.settings import find_setting
from mlopsc.source import SourceMap, Span
from mlopsc.syntax import ast

_DURATIONS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


class Row(NamedTuple):
    """`value` is written as in a spec; `origin` is a place in a file, "default", a profile with its place, or --set."""

    path: str
    value: str
    origin: str


class Section(NamedTuple):
    title: str
    rows: list[Row]


def resolved(program: Program) -> list[Section]:
    """A section for each declaration, in order."""
    found = []
    for decl in program.decls.values():
        rows = list(_settings(program, decl))
        rows += _more(program, decl)
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


def origin(sources: SourceMap, value: Value) -> str:
    if value.origin in ("default", SET_FILE):
        return value.origin
    place = _place(sources, value.span)
    return place if value.origin == "spec" else f"{value.origin} ({place})"


def _place(sources: SourceMap, span: Span) -> str:
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
    return _literal(value, kind)


def _literal(value: Any, kind: str) -> str:
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


def _more(program: Program, decl: Decl) -> Iterator[Row]:
    """What is effective besides settings: columns, features with their stars expanded, and what follows for a model."""
    if decl.name in program.data and decl.kind == "data":
        yield from _columns(program.sources, program.data[decl.name])
    elif decl.name in program.features and decl.kind == "features":
        yield from _features(program.sources, program.features[decl.name])
    elif decl.name in program.models and decl.kind == "model":
        yield from _model(program.sources, program.models[decl.name])


def _columns(sources: SourceMap, data: DataInfo) -> Iterator[Row]:
    for column in data.columns.values():
        text = f'{column.type} from "{column.raw}"'
        if column.type.levels is not None:
            text += f" levels {', '.join(column.type.levels)}"
        if column.true_false is not None:
            text += f" true {column.true_false[0]}, false {column.true_false[1]}"
        if column.missing:
            text += f" missing {written(sources, list(column.missing), 'string')}"
        if column.lo is not None or column.hi is not None:
            text += f" in {column.lo}..{column.hi}"
        yield Row(f"columns.{column.name}", text, _place(sources, column.span))


def _features(sources: SourceMap, features: FeaturesInfo) -> Iterator[Row]:
    for feature in features.features.values():
        pipe = "".join(f" |> {stage.name}({_arguments(stage.args)})" for stage in feature.pipe)
        inputs = ", ".join(written(sources, ast.Node(*node.span), "any") for node in feature.inputs)
        yield Row(f"feature.{feature.name}", f"{inputs}{pipe}", _place(sources, feature.span))


def _arguments(args: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in args.items())


def _model(sources: SourceMap, model: ModelInfo) -> Iterator[Row]:
    if "task" not in model.decl.settings:
        yield Row("task", model.task, "follows from the target")
    if model.task == "binary" and "positive" not in model.decl.settings:
        yield Row(
            "positive", _literal(True if model.positive is None else model.positive, "any"), "follows from the target"
        )
    for number, candidate in enumerate(model.candidates, 1):
        place = _place(sources, candidate.span)
        path = f"candidate.{number}"
        yield Row(path, candidate.name, place)
        for name, value in candidate.args.items():
            yield Row(f"{path}.{name}", _candidate(value), place)


def _candidate(value: Any) -> str:
    """An argument of an algorithm: a JSON value, a param, or a search space."""
    if isinstance(value, Ref):
        return value.name
    if isinstance(value, dict) and "tune" in value:
        space = value["tune"]
        options = space.get("choices")
        where = f"[{', '.join(_literal(o, 'any') for o in options)}]" if options else f"{space['lo']}..{space['hi']}"
        return f"tune({where}{', log = true' if space.get('log') else ''})"
    return _literal(value, "any")
