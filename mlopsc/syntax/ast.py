"""The syntax tree. Every node knows its span: `start` and `end` are positions of `mlopsc.source`.

Five statement shapes serve every block (language.md, part 3); no node knows what a block kind means.
"""

from __future__ import annotations

from typing import ClassVar

# Slots stand in the order of the constructor, which `fields` follows. Plain classes, because importing dataclasses and
# making thirty of them costs more than parsing a spec.
# ruff: noqa: RUF023


class Node:
    """`fields` names a node's attributes in constructor order, `start` and `end` first."""

    __slots__ = ("start", "end")
    fields: ClassVar[tuple[str, ...]] = ("start", "end")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def __init_subclass__(cls) -> None:
        cls.fields = (*Node.fields, *cls.__slots__)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({shown})"

    @property
    def span(self) -> tuple[int, int]:
        return (self.start, self.end)


# --- expressions -----------------------------------------------------------------------------------------------------


class Literal(Node):
    """kind: int float percent duration size bool null string. `value` holds int, float, share (0.05 for 5%), seconds
    (float), bytes (int), bool, None or str; `text` is as written."""

    __slots__ = ("kind", "value", "text")

    def __init__(self, start: int, end: int, kind: str, value: int | float | bool | str | None, text: str) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.value = value
        self.text = text


class Name(Node):
    """A name, written plainly or in backquotes; `text` is without the backquotes."""

    __slots__ = ("text", "quoted")

    def __init__(self, start: int, end: int, text: str, quoted: bool = False) -> None:
        self.start = start
        self.end = end
        self.text = text
        self.quoted = quoted


class Dotted(Node):
    """a.b or longer; at least two parts."""

    __slots__ = ("parts",)

    def __init__(self, start: int, end: int, parts: list[Name]) -> None:
        self.start = start
        self.end = end
        self.parts = parts


class Arg(Node):
    __slots__ = ("name", "value")

    def __init__(self, start: int, end: int, name: Name | None, value: Value) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.value = value


class Call(Node):
    __slots__ = ("func", "args")

    def __init__(self, start: int, end: int, func: Name, args: list[Arg]) -> None:
        self.start = start
        self.end = end
        self.func = func
        self.args = args


class ListExpr(Node):
    """[a, b, *numeric]: items are values; Star only where a features selection allows it."""

    __slots__ = ("items",)

    def __init__(self, start: int, end: int, items: list[Value | Star]) -> None:
        self.start = start
        self.end = end
        self.items = items


class Star(Node):
    """*NAME in a list of a features block."""

    __slots__ = ("name",)

    def __init__(self, start: int, end: int, name: Name) -> None:
        self.start = start
        self.end = end
        self.name = name


class Range(Node):
    """lo..hi, both ends in. Ends are signed literals, names or date/timestamp calls."""

    __slots__ = ("lo", "hi")

    def __init__(self, start: int, end: int, lo: Expr, hi: Expr) -> None:
        self.start = start
        self.end = end
        self.lo = lo
        self.hi = hi


class If(Node):
    __slots__ = ("condition", "then", "otherwise")

    def __init__(self, start: int, end: int, condition: Expr, then: Expr, otherwise: Expr) -> None:
        self.start = start
        self.end = end
        self.condition = condition
        self.then = then
        self.otherwise = otherwise


class Unary(Node):
    """op: "-" or "not". A minus before a number literal is folded into the Literal by the parser."""

    __slots__ = ("op", "operand")

    def __init__(self, start: int, end: int, op: str, operand: Expr) -> None:
        self.start = start
        self.end = end
        self.op = op
        self.operand = operand


class Binary(Node):
    """op: or and == != < <= > >= + - * /"""

    __slots__ = ("op", "left", "right")

    def __init__(self, start: int, end: int, op: str, left: Expr, right: Expr) -> None:
        self.start = start
        self.end = end
        self.op = op
        self.left = left
        self.right = right


class In(Node):
    """x in y, x not in y (negated)."""

    __slots__ = ("item", "container", "negated")

    def __init__(self, start: int, end: int, item: Expr, container: Expr, negated: bool) -> None:
        self.start = start
        self.end = end
        self.item = item
        self.container = container
        self.negated = negated


class IsNull(Node):
    __slots__ = ("operand", "negated")

    def __init__(self, start: int, end: int, operand: Expr, negated: bool) -> None:
        self.start = start
        self.end = end
        self.operand = operand
        self.negated = negated


class Piped(Node):
    """expr |> call |> call"""

    __slots__ = ("expr", "pipe")

    def __init__(self, start: int, end: int, expr: Expr, pipe: list[Call]) -> None:
        self.start = start
        self.end = end
        self.expr = expr
        self.pipe = pipe


Expr = Literal | Name | Dotted | Call | ListExpr | Range | If | Unary | Binary | In | IsNull
Value = Expr | Piped

# --- statements ------------------------------------------------------------------------------------------------------


class TypeRef(Node):
    """float?   category("a", "b")"""

    __slots__ = ("name", "args", "nullable")

    def __init__(self, start: int, end: int, name: Name, args: list[Arg], nullable: bool) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.args = args
        self.nullable = nullable


class Clause(Node):
    """A word and its atoms: `from "Age"`, `in 0..120`, `by a, b`, `then alert(x), rollback`."""

    __slots__ = ("word", "atoms")

    def __init__(self, start: int, end: int, word: Name, atoms: list[Expr]) -> None:
        self.start = start
        self.end = end
        self.word = word
        self.atoms = atoms


class Setting(Node):
    """dotted = value"""

    __slots__ = ("path", "value")

    def __init__(self, start: int, end: int, path: list[Name], value: Value) -> None:
        self.start = start
        self.end = end
        self.path = path
        self.value = value


class Column(Node):
    __slots__ = ("name", "type", "clauses")

    def __init__(self, start: int, end: int, name: Name, type: TypeRef, clauses: list[Clause]) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.type = type
        self.clauses = clauses


class Rule(Node):
    """VERB expr clauses. `called` is true where the text reads as a bare call, `log1p(age)`: verb directly followed by
    one parenthesised expression and nothing else, so that an unknown verb can be explained."""

    __slots__ = ("verb", "expr", "clauses", "called")

    def __init__(
        self, start: int, end: int, verb: Name, expr: Expr, clauses: list[Clause], called: bool = False
    ) -> None:
        self.start = start
        self.end = end
        self.verb = verb
        self.expr = expr
        self.clauses = clauses
        self.called = called


class Selection(Node):
    """NAME or [list], with an optional pipe."""

    __slots__ = ("item", "pipe")

    def __init__(self, start: int, end: int, item: Name | ListExpr, pipe: list[Call]) -> None:
        self.start = start
        self.end = end
        self.item = item
        self.pipe = pipe


class Section(Node):
    __slots__ = ("name", "body")

    def __init__(self, start: int, end: int, name: Name, body: list[Statement]) -> None:
        self.start = start
        self.end = end
        self.name = name
        self.body = body


Statement = Setting | Column | Rule | Selection | Section

# --- file ------------------------------------------------------------------------------------------------------------


class Edition(Node):
    __slots__ = ("year",)

    def __init__(self, start: int, end: int, year: int) -> None:
        self.start = start
        self.end = end
        self.year = year


class Import(Node):
    __slots__ = ("path",)

    def __init__(self, start: int, end: int, path: Literal) -> None:
        self.start = start
        self.end = end
        self.path = path


class Binding(Node):
    """KIND NAME [: type] = value"""

    __slots__ = ("kind", "name", "type", "value")

    def __init__(self, start: int, end: int, kind: Name, name: Name, type: TypeRef | None, value: Value) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.name = name
        self.type = type
        self.value = value


class Block(Node):
    __slots__ = ("kind", "name", "clauses", "body")

    def __init__(
        self, start: int, end: int, kind: Name, name: Name, clauses: list[Clause], body: list[Statement]
    ) -> None:
        self.start = start
        self.end = end
        self.kind = kind
        self.name = name
        self.clauses = clauses
        self.body = body


class Comment(Node):
    """A comment with its `#`; `own_line` when nothing but blanks stands before it."""

    __slots__ = ("text", "own_line")

    def __init__(self, start: int, end: int, text: str, own_line: bool) -> None:
        self.start = start
        self.end = end
        self.text = text
        self.own_line = own_line


class File(Node):
    __slots__ = ("edition", "imports", "items", "comments", "damaged")

    def __init__(
        self,
        start: int,
        end: int,
        edition: Edition | None,
        imports: list[Import],
        items: list[Binding | Block],
        comments: list[Comment],
        damaged: bool,
    ) -> None:
        self.start = start
        self.end = end
        self.edition = edition
        self.imports = imports
        self.items = items  # in file order
        self.comments = comments
        self.damaged = damaged  # a syntax error was reported: whatever was recovered is here
