"""From a spec's bytes to a checked program and its findings, without touching data."""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.diagnostics.located import Located, locate
from mlopsc.diagnostics.model import Bag
from mlopsc.driver.spec import SpecFile, read_import
from mlopsc.semantics.analyse import analyse
from mlopsc.semantics.program import Program
from mlopsc.source import SourceMap
from mlopsc.syntax import parse, read_source


class Checked(NamedTuple):
    """`program` is None where there was no text to read. `findings` are in order of position, imports after the spec."""

    spec: SpecFile
    sources: SourceMap
    program: Program | None
    findings: tuple[Located, ...]

    @property
    def has_errors(self) -> bool:
        return any(found.severity == "error" for found in self.findings)

    @property
    def misused(self) -> bool:
        """An error is the command line's: in the name or the value of a `--set`."""
        return any(found.severity == "error" and found.place.file == "--set" for found in self.findings)


def check_file(
    spec: SpecFile,
    *,
    profile: str | None = None,
    sets: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
) -> Checked:
    """Everything that can be proved about `spec`. `sets` are the `--set` overrides as (name, value text)."""
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
    return Checked(spec, sources, program, tuple(locate(sources, found) for found in bag.sorted()))
