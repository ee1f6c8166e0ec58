"""The canonical layout of specs, and files replaced in one step."""

from __future__ import annotations

import os
from typing import NamedTuple

from mlopsc.diagnostics.located import Located, locate
from mlopsc.diagnostics.model import Bag
from mlopsc.driver.failure import Failure
from mlopsc.driver.spec import SpecFile, reason
from mlopsc.source import SourceMap
from mlopsc.syntax import parse, read_source
from mlopsc.syntax.format import format_file


class LaidOut(NamedTuple):
    """`new` is None where the text has syntax errors, which `findings` tell; line ends and byte order mark are gone."""

    old: str
    new: str | None
    findings: tuple[Located, ...]


def lay_out(spec: SpecFile) -> LaidOut:
    sources, bag = SourceMap(), Bag()
    source = read_source(spec.content, sources, bag, shown=spec.label)
    file = None if source is None else parse(source, bag)
    findings = tuple(locate(sources, found) for found in bag.sorted())
    if source is None or file is None or file.damaged:
        return LaidOut("" if source is None else source.text, None, findings)
    return LaidOut(spec.content.decode("utf-8"), format_file(file, source), findings)


def laid_out(text: str, name: str) -> str:
    """`text`, which has no syntax errors, in the canonical layout."""
    found = lay_out(SpecFile(name, "", name, text.encode("utf-8")))
    assert found.new is not None, found.findings
    return found.new


def replace(path: str, text: str) -> None:
    """Make the file at `path` (or what the link there points to) hold `text`, at once or not at all, with its old
    permissions. Raises Failure."""
    real = os.path.realpath(path)
    scratch = f"{real}.{os.getpid()}.tmp"
    try:
        mode = os.stat(real).st_mode & 0o7777
        with open(scratch, "x", encoding="utf-8", newline="") as file:
            os.chmod(scratch, mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, real)
    except OSError as error:
        if os.path.exists(scratch):
            os.unlink(scratch)
        raise Failure(f"cannot write {path}: {reason(error)}") from error
