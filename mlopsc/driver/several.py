"""Several files in one invocation, some of which may be no specs but hold what specs import."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mlopsc.driver.check import Checked, Parsed, check_parsed, parse_file
from mlopsc.driver.spec import SpecFile

# What a spec is built from. A file of nothing else that was only found in a folder waits to be imported.
_SHARED = frozenset({"connection", "channel", "data", "features", "metric", "param", "test"})


def check_several(
    specs: Iterable[tuple[SpecFile, bool]],
    *,
    profile: str | None = None,
    sets: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
) -> list[Checked]:
    """The files in the order given; `specs` are (file, whether it was named and not just found in a folder). Left out is a
    file without a pipeline that others of them import: its findings are among theirs, and alone it may make no sense."""
    parsed = [(parse_file(spec), named) for spec, named in specs]
    imported = {path for each, _ in parsed for path in _imports(each)}
    # Specs first, then what none of the files imports: by then everything is covered that one of them brings along.
    order = sorted(range(len(parsed)), key=lambda i: (not _is_spec(parsed[i][0]), _path(parsed[i][0].spec) in imported))
    covered: set[str] = set()
    found: dict[int, Checked] = {}
    for position in order:
        each, named = parsed[position]
        spec = _is_spec(each)
        if not spec and _path(each.spec) in covered:
            continue
        shared = not spec and (_path(each.spec) in imported or not (named or _asks_for_more(each)))
        checked = check_parsed(each, profile=profile, sets=sets, target=target, shared=shared)
        found[position] = checked
        if checked.program is not None:
            covered |= {_at(each.spec, path) for path in list(checked.program.files)[1:]}
    return [found[position] for position in sorted(found)]


def _is_spec(parsed: Parsed) -> bool:
    return parsed.file is None or any(item.kind.text == "pipeline" for item in parsed.file.items)


def _asks_for_more(parsed: Parsed) -> bool:
    """Whether the file, which has no pipeline, needs one: it has other parts of a spec, or parts that were not understood."""
    file = parsed.file
    return file is None or file.damaged or not file.items or any(item.kind.text not in _SHARED for item in file.items)


def _imports(parsed: Parsed) -> list[str]:
    return [] if parsed.file is None else [_at(parsed.spec, str(node.path.value)) for node in parsed.file.imports]


def _path(spec: SpecFile) -> str:
    return _at(spec, spec.name)


def _at(spec: SpecFile, path: str) -> str:
    """Where the file is that `spec` names by `path`; as `mlopsc.driver.spec.read_import` finds it."""
    return os.path.realpath(os.path.join(spec.folder, path.replace("\0", "")))
