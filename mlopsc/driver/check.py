"""From a spec's bytes to a checked program and its findings, without touching data."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from mlopsc.diagnostics.located import Located, locate
from mlopsc.diagnostics.model import Bag
from mlopsc.driver.failure import Failure
from mlopsc.driver.spec import SpecFile, read_import
from mlopsc.semantics.analyse import analyse
from mlopsc.semantics.program import Program
from mlopsc.source import SourceMap
from mlopsc.syntax import ast, parse, read_source

SET_FILE = "--set"  # what `mlopsc.semantics.profiles` calls the text of an override


class Parsed(NamedTuple):
    """`file` is None where there was no text to read; `bag` holds what was found so far."""

    spec: SpecFile
    sources: SourceMap
    bag: Bag
    file: ast.File | None


class Checked(NamedTuple):
    """`program` is None where there was no text to read. `findings` are in order of position, imports after the spec.
    `shared`: the file is no spec but holds declarations for others to import."""

    spec: SpecFile
    sources: SourceMap
    program: Program | None
    findings: tuple[Located, ...]
    shared: bool = False

    @property
    def has_errors(self) -> bool:
        return any(found.severity == "error" for found in self.findings)


def parse_file(spec: SpecFile) -> Parsed:
    sources, bag = SourceMap(), Bag()
    source = read_source(spec.content, sources, bag, shown=spec.label)
    return Parsed(spec, sources, bag, None if source is None else parse(source, bag))


def check_file(
    spec: SpecFile,
    *,
    profile: str | None = None,
    sets: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
) -> Checked:
    """Everything that can be proved about `spec`. `sets` are the `--set` overrides as (name, value text); raises Failure
    for one that names nothing or whose value is wrong: that is the command line's fault, not the spec's."""
    return check_parsed(parse_file(spec), profile=profile, sets=sets, target=target)


def check_parsed(
    parsed: Parsed,
    *,
    profile: str | None = None,
    sets: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
    shared: bool = False,
) -> Checked:
    """As `check_file`. A `shared` file has no pipeline, no profile to choose and may leave its declarations unused."""
    spec, sources, bag, file = parsed
    program: Program | None = None
    if file is not None:
        program = analyse(
            sources,
            file,
            folder=spec.folder,
            name=spec.name,
            read=lambda path: read_import(spec.folder, path),
            bag=bag,
            profile=None if shared else profile,
            overrides={} if shared else dict(sets),
            target=target,
            installed=_installed,
            shared=shared,
        )
    findings = tuple(locate(sources, found) for found in bag.sorted())
    for found in findings:
        if found.place.file == SET_FILE and found.severity == "error":
            raise Failure(f"--set: {found.message} {found.help or ''}")
    return Checked(spec, sources, program, findings, shared)


def _installed() -> list[str]:
    """Back ends beyond the known ones are looked up only where a spec names one: it costs half of a small check."""
    found: list[str] = import_module("mlopsc.target.registry").names()
    return found
