"""The shape of a data block, columns, key and time, read before any rule: other blocks may need it first."""

from __future__ import annotations

from mlopsc.catalog.blocks import DATA
from mlopsc.catalog.calls import STORES
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.columns import read_columns
from mlopsc.semantics.context import Context
from mlopsc.semantics.program import ColumnInfo, DataInfo, Decl, Ref, Value
from mlopsc.semantics.settings import read_settings
from mlopsc.semantics.types import TIMES, named
from mlopsc.source import Span
from mlopsc.syntax import ast


def table(ctx: Context, decl: Decl) -> DataInfo:
    """The data block's settings, columns, key and time; registered in the program the first time."""
    known = ctx.program.data.get(decl.name)
    if known is not None:
        return known
    body = decl.node.body if isinstance(decl.node, ast.Block) else []
    read_settings(ctx, decl, body, DATA)
    _check_connection(ctx, decl)
    _check_path(ctx, decl)
    info = DataInfo(decl, {}, [], None, [], [], None)
    ctx.program.data[decl.name] = info
    read_columns(ctx, info, body)
    _key(ctx, info)
    _time(ctx, info)
    return info


def _check_connection(ctx: Context, decl: Decl) -> None:
    """Tables and queries are a database's, files an object store's."""
    source = decl.settings.get("source")
    written = source.value.args.get("connection") if source is not None else None
    used = ctx.program.decls.get(written.value.name) if written is not None else None
    made = used.settings.get("value") if used is not None else None
    if source is None or written is None or made is None:
        return
    in_store, from_files = made.value.name in STORES, source.value.name not in ("table", "sql")
    if in_store == from_files:
        return
    what = "an object store" if in_store else "a database"
    needs = "reads files of an object store" if from_files else "reads a database"
    message = f"{written.value.name} is {what}, and {source.value.name}(…) {needs}."
    ctx.report("wrong-kind", written.span, message)


def _check_path(ctx: Context, decl: Decl) -> None:
    """An address is no file. Those of object stores are the target's affair."""
    source = decl.settings.get("source")
    path = source.value.args.get("path") if source is not None else None
    if source is None or path is None:
        return
    scheme, found, _ = str(path.value).partition("://")
    if found and scheme not in ("s3", "gs") and scheme.isalnum():
        message = f"{path.value} is an address, and {source.value.name}(…) reads files."
        advice = 'Download it, or return its rows from a function: python("module:function").'
        ctx.report("wrong-value", path.span, message, help=advice)


def other_data(ctx: Context, name: ast.Name) -> DataInfo | None:
    """The data block that a name means, marked as used; None after reporting."""
    decl = ctx.decl(name, "data")
    return None if decl is None else table(ctx, decl)


def named_column(ctx: Context, info: DataInfo, ref: Ref) -> ColumnInfo | None:
    """The column that a setting refers to; None after reporting."""
    column = info.columns.get(ref.name)
    if info.lacks(ref.name):
        node = ast.Name(ref.span[0], ref.span[1], ref.name)
        ctx.unknown("unknown-column", node, f"{info.decl.name} has no column {ref.name}.", info.written())
    return column


def _refs(value: Value | None) -> list[Ref]:
    if value is None:
        return []
    found = value.value if isinstance(value.value, list) else [value.value]
    return [x for x in found if isinstance(x, Ref)]


def _key(ctx: Context, info: DataInfo) -> None:
    for ref in _refs(info.decl.settings.get("key")):
        column = named_column(ctx, info, ref)
        if column is None:
            continue
        if ref.name in info.key:
            ctx.report("duplicate-name", ref.span, f"{ref.name} stands in the key twice.")
        elif _not_null(ctx, column, ref.span, "key"):
            info.key.append(ref.name)


def _not_null(ctx: Context, column: ColumnInfo, span: Span, what: str) -> bool:
    if not column.type.nullable:
        return True
    message = f"{column.name} may be null, so it cannot be the {what}."
    related = (Related("declared here", column.span),)
    ctx.report("nullable-key", span, message, help=f"Declare it as {column.type.kind}.", related=related)
    return False


def _time(ctx: Context, info: DataInfo) -> None:
    for ref in _refs(info.decl.settings.get("time")):
        column = named_column(ctx, info, ref)
        if column is None:
            continue
        if column.type.kind not in TIMES:
            message = f"{ref.name} is {named(column.type)}, and the time is a date or a timestamp."
            ctx.report("bad-time-column", ref.span, message, related=(Related("declared here", column.span),))
        elif _not_null(ctx, column, ref.span, "time"):
            info.time = ref.name


__all__ = ["named_column", "other_data", "table"]
