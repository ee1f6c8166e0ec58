"""How a spec fits a target beyond features: its options, the names that the target gives to what the spec declares, and
whether its steps find the files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from mlopsc.diagnostics.model import Bag, Related
from mlopsc.semantics.program import CallValue, Decl, Program, Ref
from mlopsc.source import Span
from mlopsc.target.capability import Capabilities, Option, is_store

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,250}")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "folder": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "duration": (int, float),
}


def check_fit(program: Program, found: Capabilities, bag: Bag) -> None:
    """Report options of the target's block that it has not or whose value is wrong, names that the target cannot tell
    apart, and files that its workers cannot reach."""
    _options(program, found, bag)
    _names(program, found, bag)
    _tags(program, found, bag)
    if found.worker and (not found.worker_with or program.targets.get(found.name, {}).get(found.worker_with)):
        _places(program, found, bag)


def _places(program: Program, found: Capabilities, bag: Bag) -> None:
    """Folders that only the target's block can name: its steps run where neither the spec nor its folder is."""
    options = program.targets.get(found.name, {})
    if "data_root" not in options:
        for path, span in _relative_files(program):
            bag.report(
                "unreachable-file",
                span,
                f"A {found.worker} cannot reach {path!r}, because target {found.name} names no data_root.",
                help=f'Write data_root = "/folder/in/the/{found.worker}", or set MLOPSC_DATA there.',
            )
    if "store" not in options and program.pipeline is not None:
        spans = sorted(program.target_spans.get(found.name, {}).values())
        bag.report(
            "unnamed-store",
            spans[0] if spans else program.pipeline.node.name.span,
            f"A {found.worker} cannot reach the store, because target {found.name} names none.",
            help="Write store = … for a place that outlives the run, or set MLOPSC_STORE there.",
        )


def _relative_files(program: Program) -> Iterator[tuple[str, Span]]:
    """Paths of sources, relative to the spec's folder, and where they are written."""
    for decl in program.decls.values():
        source = decl.settings.get("source") if decl.kind == "data" else None
        if source is None:
            continue
        path = source.value.args.get("path")
        connection = source.value.args.get("connection")
        if connection is not None and isinstance(connection.value, Ref):
            named = program.decls.get(connection.value.name)
            given = named.settings["value"].value if named is not None and "value" in named.settings else None
            path = given.args.get("path") if isinstance(given, CallValue) else None
        text = path.value if path is not None else None
        if isinstance(text, str) and "://" not in text and not posixpath.isabs(text):
            yield text, source.span


def _tags(program: Program, found: Capabilities, bag: Bag) -> None:
    tags = program.pipeline.settings.get("tags") if program.pipeline is not None else None
    if tags is not None and found.longest_tag is not None and any(len(t) > found.longest_tag for t in tags.value):
        bag.report(
            "beyond-target", tags.span, f"Target {found.name} takes tags of {found.longest_tag} characters at most."
        )


def _options(program: Program, found: Capabilities, bag: Bag) -> None:
    known = {option.name: option for option in found.options}
    given = program.targets.get(found.name, {})
    fitting = {name: value for name, value in given.items() if name in known and _wrong(known[name], value) is None}
    for name, wanted in found.check(fitting) if found.check is not None else ():
        span = program.target_spans[found.name][name]
        bag.report("unknown-target-option", span, f"The option {name} of target {found.name} is {wanted}.")
    for name, value in given.items():
        span = program.target_spans[found.name][name]
        option = known.get(name)
        if option is None:
            listed = ", ".join(known) or "none"
            bag.report(
                "unknown-target-option",
                span,
                f"Target {found.name} has no option {name}.",
                help=f"There are: {listed}.",
            )
        elif option.kind == "duration" and program.target_kinds[found.name].get(name) in ("int", "float"):
            bare = f"The option {name} of target {found.name} is a duration, and {value} has no unit."
            bag.report("unknown-target-option", span, bare, help=f"Write {value}s.")
        elif (told := _wrong(option, value)) is not None:
            bag.report("unknown-target-option", span, f"The option {name} of target {found.name} is {told}.")


def _wrong(option: Option, value: Any) -> str | None:
    """What the option's value has to be, where `value` is not that."""
    kind, _, choices = option.kind.partition(":")
    if kind == "choice":
        names = choices.split("|")
        return None if value in names else f"one of {', '.join(names)}"
    if kind == "name":
        return None if isinstance(value, str) and _NAME.fullmatch(value) else "letters, digits, `_`, `-` and `.`"
    if kind == "store":
        right = isinstance(value, str) and value != "" and is_store(value)
        return None if right else "a folder or s3://BUCKET/PREFIX"
    if kind == "folder":
        return None if isinstance(value, str) and value != "" and "://" not in value else "a folder"
    if value == "":
        return "a text that is not empty; leave it out instead"
    if kind == "list":
        right = isinstance(value, list) and all(_is(item, choices) for item in value)
        return None if right else f"a list of {choices}s"
    return None if _is(value, kind) else f"a {kind}"


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "bool" or not isinstance(value, bool))


def _names(program: Program, found: Capabilities, bag: Bag) -> None:
    pipeline = program.pipeline
    if pipeline is not None and found.longest_pipeline is not None and len(pipeline.name) > found.longest_pipeline:
        told = f"Target {found.name} takes a pipeline's name of {found.longest_pipeline} characters at most."
        bag.report("beyond-target", pipeline.node.name.span, told, help="Say more in `about`, which takes any text.")
    if found.identifier is None:
        return
    seen: dict[str, Decl] = {}
    for decl in sorted(program.decls.values(), key=lambda d: d.node.name.span):
        mine = found.identifier(decl.kind, decl.name)
        if mine is None:
            continue
        span = decl.node.name.span
        other = seen.setdefault(mine, decl)
        if other is not decl:
            message = f"Target {found.name} would name both {other.name} and {decl.name} {mine}."
            bag.report(
                "name-clash", span, message, help="Rename one of them.",
                related=(Related("the other one", other.node.name.span),),
            )  # fmt: skip
        elif len(mine) > found.longest:
            bag.report("name-clash", span, f"Target {found.name} takes names of {found.longest} characters at most.")
