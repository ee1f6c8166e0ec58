"""From a spec's bytes to a checked program and its findings, without touching data."""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.diagnostics.located import Located, locate
from mlopsc.diagnostics.model import Bag
from mlopsc.driver.failure import Failure
from mlopsc.driver.spec import SpecFile, read_import
from mlopsc.semantics.analyse import analyse
from mlopsc.semantics.program import Program
from mlopsc.source import SourceMap
from mlopsc.syntax import parse, read_source

SET_FILE = "--set"  # what `mlopsc.semantics.profiles` calls the text of an override


class Checked(NamedTuple):
    """`program` is None where there was no text to read. `findings` are in order of position, imports after the spec."""

    spec: SpecFile
    sources: SourceMap
    program: Program | None
    findings: tuple[Located, ...]

    @property
    def has_errors(self) -> bool:
        return any(found.severity == "error" for found in self.findings)


def check_file(
    spec: SpecFile,
    *,
    profile: str | None = None,
    sets: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
) -> Checked:
    """Everything that can be proved about `spec`. `sets` are the `--set` overrides as (name, value text); raises Failure
    for one that names nothing or whose value is wrong: that is the command line's fault, not the spec's."""
    sources, bag = SourceMap(), Bag()
    program: Program | None = None
    source = read_source(spec.content, sources, bag, shown=spec.label)
    if source is not None:
        program = analyse(
            sources,
            parse(source, bag),
            folder=spec.folder,
            name=spec.name,
            read=lambda path: read_import(spec.folder, path),
            bag=bag,
            profile=profile,
            overrides=dict(sets),
            target=target,
        )
    findings = tuple(locate(sources, found) for found in bag.sorted())
    for found in findings:
        if found.place.file == SET_FILE and found.severity == "error":
            raise Failure(f"--set: {found.message} {found.help or ''}")
    return Checked(spec, sources, program, findings)
