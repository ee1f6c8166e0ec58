"""The columns section of a data block: types, clauses, raw names."""

from __future__ import annotations

from typing import Any

from mlopsc.diagnostics.model import Edit, Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.expressions import any_literal, is_literal
from mlopsc.semantics.patterns import fault
from mlopsc.semantics.program import ColumnInfo, DataInfo, Type, TypedExpr
from mlopsc.semantics.types import NUMERIC, TEXT, TIMES, named
from mlopsc.syntax import ast

COLUMN_TYPES = ("int", "float", "bool", "string", "category", "date", "timestamp")
CLAUSES = ("from", "in", "missing", "matches")
_ALIASES = {
    "integer": "int",
    "bigint": "int",
    "long": "int",
    "number": "float",
    "double": "float",
    "decimal": "float",
    "real": "float",
    "numeric": "float",
    "str": "string",
    "text": "string",
    "varchar": "string",
    "boolean": "bool",
    "datetime": "timestamp",
    "time": "timestamp",
    "enum": "category",
    "categorical": "category",
}


# Findings in a column's clauses after which its range is not known.
_RANGE_LOST = frozenset(
    {"unknown-clause", "bad-clause", "literal-needed", "empty-range", "bad-date", "number-too-large"}
)


def read_columns(ctx: Context, info: DataInfo, body: list[ast.Statement]) -> None:
    """Enter the columns by name, in order. The name of one that could not be understood is poisoned; where not even that
    is known, the table is not complete."""
    columns, decl = info.columns, info.decl
    _lost(ctx, info)
    for node in (c for section in _sections(body) for c in section.body):
        if not isinstance(node, ast.Column):
            _meant(info, node)
            continue
        earlier = columns.get(node.name.text)
        if earlier is not None:
            related = (Related("first declared here", earlier.span),)
            ctx.report(
                "duplicate-name", node.name.span, f"The column {node.name.text} is declared twice.", related=related
            )
            continue
        column = _column(ctx, node)
        if column is None:
            info.poisoned.add(node.name.text)
        else:
            columns[column.name] = column
    if not columns and not info.poisoned and info.complete:
        if decl.lacks("columns"):
            message = f"data {decl.name} declares no columns."
            ctx.report("no-columns", decl.node.name.span, message, help="Write columns { name : type … }.")
        info.complete = False
    _raw_names(ctx, columns)


def _sections(body: list[ast.Statement]) -> list[ast.Section]:
    """The columns sections; where there is none, those that hold columns under another name."""
    sections = [s for s in body if isinstance(s, ast.Section)]
    named = [s for s in sections if s.name.text == "columns"]
    return named or [s for s in sections if any(isinstance(c, ast.Column) for c in s.body)]


def _lost(ctx: Context, info: DataInfo) -> None:
    """Columns whose lines could not be read: every word of theirs may be the name."""
    for gap in ctx.damage.of(info.decl.node):
        if gap.section is not None or gap.first is None or "columns" in gap.words:
            info.poisoned |= gap.words
            info.complete = info.complete and gap.first is not None


def _meant(info: DataInfo, node: ast.Statement) -> None:
    """A statement of a columns section that is no column seems to mean the name it starts with."""
    match node:
        case ast.Setting():
            info.poisoned.add(node.path[0].text)
        case ast.Rule():
            info.poisoned.add(node.verb.text)
        case ast.Section():
            info.poisoned.add(node.name.text)
        case ast.Selection(item=ast.Name(text=text)):
            info.poisoned.add(text)
        case _:
            info.complete = False


def _raw_names(ctx: Context, columns: dict[str, ColumnInfo]) -> None:
    by_raw: dict[str, ColumnInfo] = {}
    for column in columns.values():
        other = by_raw.setdefault(column.raw, column)
        if other is not column:
            message = f"{column.name} and {other.name} both read {column.raw!r}."
            ctx.report("repeated-raw-name", column.span, message, related=(Related(other.name, other.span),))


def _column(ctx: Context, node: ast.Column) -> ColumnInfo | None:
    found = read_type(ctx, node.type)
    if found is None:
        return None
    made, true_false = found
    column = ColumnInfo(node.name.text, node.name.text, made, node.name.span, true_false=true_false)
    seen: dict[str, ast.Clause] = {}
    known = len(ctx.bag.items)
    for clause in node.clauses:
        word = clause.word.text
        if word in seen:
            related = (Related("first given here", seen[word].word.span),)
            ctx.report("duplicate-clause", clause.word.span, f"{word} is given twice.", related=related)
        elif word not in CLAUSES:
            ctx.unknown("unknown-clause", clause.word, f"A column has no clause {word}.", CLAUSES)
        elif len(clause.atoms) != 1:
            ctx.report("bad-clause", clause.span, f"{word} takes one value or a list.")
        else:
            _CLAUSES[word](ctx, column, clause, clause.atoms[0])
        seen.setdefault(word, clause)
    if column.missing and not made.nullable:
        end = node.type.end
        message = f"{column.name} reads some texts as null, but its type has no nulls, so such rows are quarantined."
        edit = Edit((end, end), "?")
        ctx.report("missing-not-nullable", seen["missing"].span, message, help=f"Write {made.kind}?.", edit=edit)
    # Without the range that it lacks, expressions over it would seem to fail.
    return None if any(item.name in _RANGE_LOST for item in ctx.bag.items[known:]) else column


# --- types ------------------------------------------------------------------------------------------------------------


def read_type(ctx: Context, node: ast.TypeRef) -> tuple[Type, tuple[str, str] | None] | None:
    """A column's type, with the two texts of bool("Yes", "No"); None after reporting."""
    kind = node.name.text
    if kind not in COLUMN_TYPES:
        alias = _ALIASES.get(kind.lower())
        message = f"There is no column type {kind}."
        if alias is not None:
            ctx.report(
                "unknown-type", node.name.span, message, help=f"Write {alias}.", edit=Edit(node.name.span, alias)
            )
        else:
            ctx.unknown("unknown-type", node.name, message, COLUMN_TYPES)
        return None
    if not node.args:
        return Type(kind, node.nullable), None
    if kind not in ("bool", "category"):
        ctx.report("bad-levels", node.span, f"{kind} takes nothing in parentheses.")
        return None
    texts = _level_texts(ctx, node)
    if texts is None:
        return None
    levels, numeric = texts
    if kind == "category":
        return Type("category", node.nullable, levels, numeric), None
    if len(levels) != 2:
        ctx.report(
            "bad-levels",
            node.span,
            "bool takes two texts, the first of them true.",
            help='For example bool("Yes", "No").',
        )
        return None
    return Type("bool", node.nullable), (levels[0], levels[1])


def _level_texts(ctx: Context, node: ast.TypeRef) -> tuple[tuple[str, ...], bool] | None:
    """The levels as text, all different; whether they were written as integers."""
    seen: dict[str, ast.Arg] = {}
    kinds: set[str] = set()
    for arg in node.args:
        value = arg.value
        if arg.name is not None or not isinstance(value, ast.Literal) or value.kind not in ("string", "int"):
            hint = f'Write "{value.text}".' if isinstance(value, ast.Name) and '"' not in value.text else None
            ctx.report("bad-levels", arg.span, "A level is a text or an integer.", help=hint)
            return None
        kinds.add(value.kind)
        text = str(value.value)
        if text in seen:
            related = (Related("first given here", seen[text].span),)
            ctx.report("bad-levels", arg.span, f"The level {text!r} is given twice.", related=related)
            return None
        seen[text] = arg
    if len(kinds) > 1:
        ctx.report("bad-levels", node.span, "Levels are all texts or all integers.")
        return None
    return tuple(seen), kinds == {"int"}


# --- clauses ----------------------------------------------------------------------------------------------------------


def _from(ctx: Context, column: ColumnInfo, clause: ast.Clause, atom: ast.Expr) -> None:
    if isinstance(atom, ast.Literal) and atom.kind == "string":
        column.raw = str(atom.value)
        return
    edit = Edit(atom.span, f'"{atom.text}"') if isinstance(atom, ast.Name) and '"' not in atom.text else None
    hint = f"Write {edit.text}." if edit is not None else None
    ctx.report("bad-clause", atom.span, "from takes the name in the source as a text.", help=hint, edit=edit)


def _missing(ctx: Context, column: ColumnInfo, clause: ast.Clause, atom: ast.Expr) -> None:
    """Texts read as null; a number stands for itself as written."""
    items = atom.items if isinstance(atom, ast.ListExpr) else [atom]
    texts = []
    for item in items:
        if not isinstance(item, ast.Literal) or item.kind not in ("string", "int", "float"):
            ctx.report("bad-clause", item.span, "missing takes texts.", help='For example missing ["NA", "-"].')
            return
        texts.append(str(item.value) if item.kind == "string" else item.text.replace("_", ""))
    column.missing = tuple(texts)


def _matches(ctx: Context, column: ColumnInfo, clause: ast.Clause, atom: ast.Expr) -> None:
    if column.type.kind not in TEXT:
        ctx.report("bad-clause", clause.span, f"matches is for texts, and {column.name} is {named(column.type)}.")
    elif not isinstance(atom, ast.Literal) or atom.kind != "string":
        ctx.report("bad-clause", atom.span, "matches takes a regular expression as a text.")
    else:
        problem = fault(str(atom.value))
        if problem is None:
            column.matches = str(atom.value)
        else:
            ctx.report("bad-pattern", atom.span, problem)


def _in(ctx: Context, column: ColumnInfo, clause: ast.Clause, atom: ast.Expr) -> None:
    if isinstance(atom, ast.Range):
        _in_range(ctx, column, atom)
    elif isinstance(atom, ast.ListExpr):
        _in_list(ctx, column, atom)
    else:
        ctx.report("bad-clause", atom.span, "in takes a range or a list.", help="For example in 0..100.")


def _in_range(ctx: Context, column: ColumnInfo, node: ast.Range) -> None:
    kind = column.type.kind
    if kind not in NUMERIC | TIMES:
        hint = 'Name its levels: category("a", "b").' if kind == "category" else None
        ctx.report("bad-clause", node.span, f"A range does not hold {named(Type(kind))}.", help=hint)
        return
    ends = [_constant(ctx, column, end) for end in (node.lo, node.hi)]
    lo, hi = ends
    if lo is None or hi is None:
        return
    if lo.value > hi.value:
        ctx.report("empty-range", node.span, "The range starts above its end, so nothing is in it.")
        return
    column.lo, column.hi = lo.value, hi.value


def _in_list(ctx: Context, column: ColumnInfo, node: ast.ListExpr) -> None:
    if column.type.kind == "bool":
        ctx.report("bad-clause", node.span, "A bool is true or false; a list says nothing more.")
        return
    if not node.items:
        ctx.report("empty-range", node.span, "The list is empty, so nothing is in it.")
        return
    found = [_constant(ctx, column, item) for item in node.items]
    values = [x.value for x in found if x is not None]
    if len(values) < len(found):
        return
    if column.type.kind == "category" and column.type.levels is not None:
        strange = next((i for i, v in enumerate(values) if str(v) not in column.type.levels), None)
        if strange is not None:
            message = f"{values[strange]!r} is not a level of {column.name}."
            ctx.report("unknown-level", node.items[strange].span, message)
            return
    column.allowed = tuple(str(v) if column.type.kind == "category" else v for v in values)


def _constant(ctx: Context, column: ColumnInfo, node: ast.Value | ast.Star) -> TypedExpr | None:
    """A literal of the column's own type; None after reporting."""
    if not is_literal(node):
        ctx.report("literal-needed", node.span, "Only literals stand here.")
        return None
    found = any_literal(ctx, node)
    if found is None or _fits(column.type, found.type.kind):
        return found
    kind = column.type.kind
    hint = f'Write {kind}("…").' if kind in TIMES else None
    what = "null" if found.type.kind == "null" else named(found.type)
    ctx.report("bad-clause", node.span, f"{column.name} is {named(Type(kind))}, and this is {what}.", help=hint)
    return None


def _fits(type: Type, kind: str) -> bool:
    if type.kind in NUMERIC:
        return kind in NUMERIC
    if type.kind == "category":
        return kind == "string" or (kind == "int" and (type.numeric_levels or type.levels is None))
    return kind == type.kind


_CLAUSES: dict[str, Any] = {"from": _from, "in": _in, "missing": _missing, "matches": _matches}
