"""Imports: the declarations of a spec and of the files that it names, in one namespace.

Files are visited in a loop, each once however many name it. A file's own pipeline stays behind when it is imported;
everything else comes along. Paths are relative to the file that they stand in and are kept relative to the spec's folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import NamedTuple

from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import Decl
from mlopsc.source import Source, SourceMap
from mlopsc.syntax import ast, parse, read_source

MAX_FILES = 1_000
Read = Callable[[str], bytes]


class Unit(NamedTuple):
    """A parsed file; `path` is relative to the spec's folder."""

    path: str
    source: Source
    file: ast.File


def load(ctx: Context, sources: SourceMap, file: ast.File, name: str, read: Read) -> list[Unit]:
    """The spec and everything that it imports, the spec first; unreadable files, cycles and floods are reported."""
    units = [Unit(name, sources.sources[0], file)]
    ctx.program.files[name] = sources.sources[0].text.encode("utf-8", "surrogatepass")
    seen = {name}
    edges: dict[str, list[tuple[str, ast.Import]]] = {}
    for unit in units:
        edges[unit.path] = []
        for node in unit.file.imports:
            path = _path(ctx, node, unit)
            if path is None:
                continue
            edges[unit.path].append((path, node))
            if path in seen:
                continue
            seen.add(path)
            if len(units) >= MAX_FILES:
                ctx.report("bad-import", node.path.span, f"More than {MAX_FILES} files are imported.")
                return units
            found = _open(ctx, sources, node, path, read)
            if found is not None:
                units.append(found)
    _report_cycles(ctx, edges)
    return units


def _path(ctx: Context, node: ast.Import, unit: Unit) -> str | None:
    text = str(node.path.value)
    if not text or "\0" in text or "\\" in text:
        ctx.report("bad-import", node.path.span, "An import names a file, with / between folders.")
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(unit.path), text))


def _open(ctx: Context, sources: SourceMap, node: ast.Import, path: str, read: Read) -> Unit | None:
    try:
        content = read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be read"
        ctx.report("bad-import", node.path.span, f"{path} cannot be imported: {reason}.")
        return None
    ctx.program.files[path] = content
    shown = posixpath.join(posixpath.dirname(sources.sources[0].path.replace("\\", "/")), path)
    source = read_source(content, sources, ctx.bag, shown=posixpath.normpath(shown))
    return Unit(path, source, parse(source, ctx.bag)) if source is not None else None


def _report_cycles(ctx: Context, edges: dict[str, list[tuple[str, ast.Import]]]) -> None:
    """Report every import that leads back to a file on the way to it (depth first, without recursion)."""
    done: set[str] = set()
    for start in edges:
        on_path: set[str] = set()
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            path, index = stack.pop()
            if index == 0:
                if path in done:
                    continue
                on_path.add(path)
            if index < len(edges.get(path, ())):
                stack.append((path, index + 1))
                target, node = edges[path][index]
                if target in on_path:
                    ctx.report("import-cycle", node.path.span, f"{target} is being imported already: this is a cycle.")
                elif target not in done:
                    stack.append((target, 0))
            else:
                on_path.discard(path)
                done.add(path)


def declare(ctx: Context, units: list[Unit], kinds: dict[str, object]) -> None:
    """Enter every declaration into the one namespace of the program; blocks of unknown kinds, clashes and a second
    pipeline are reported. A profile or target is known by its kind and name, so it may be called as a declaration is."""
    for position, unit in enumerate(units):
        for item in unit.file.items:
            kind = item.kind.text
            if kind not in kinds:
                ctx.unknown("unknown-block", item.kind, f"There is no block of kind {kind}.", kinds)
                ctx.damage.lose(kind, item.name.text, kinds)
            elif kind == "pipeline" and position > 0:
                continue
            else:
                _enter(ctx, Decl(kind, item.name.text, item, unit.path))


def namespaced(kind: str, name: str) -> str:
    """The key of a declaration: targets and profiles live beside the one namespace."""
    return f"{kind} {name}" if kind in ("target", "profile") else name


def _enter(ctx: Context, decl: Decl) -> None:
    decls = ctx.program.decls
    pipeline = ctx.program.pipeline
    if decl.kind == "pipeline" and pipeline is not None:
        earlier = (Related("the first pipeline is here", pipeline.node.name.span),)
        message = "A spec has exactly one pipeline."
        ctx.report("several-pipelines", decl.node.name.span, message, related=earlier)
        return
    key = namespaced(decl.kind, decl.name)
    if key in decls:
        _clash(ctx, decls[key], decl)
        return
    decls[key] = decl
    if decl.kind == "pipeline":
        ctx.program.pipeline = decl


def _clash(ctx: Context, first: Decl, second: Decl) -> None:
    """Two declarations of one name: reported at the later one, and where only one stands in the spec itself, at that."""
    spec = next(iter(ctx.program.files))
    here, there = (first, second) if first.file == spec and second.file != spec else (second, first)
    related = (Related("the other one is here", there.node.name.span),)
    brought = f", which {there.file} brings" if there.file != here.file else " already"
    ctx.report(
        "duplicate-name", here.node.name.span, f"{here.name} is the name of a {there.kind}{brought}.", related=related
    )
