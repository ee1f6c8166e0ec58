"""The syntax tree. Every node knows its span: `start` and `end` are positions of `mlopsc.source`.

Five statement shapes serve every block (language.md, part 3); no node knows what a block kind means.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Node:
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        return (self.start, self.end)


# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Literal(Node):
    """kind: int float percent duration size bool null string. `value` holds int, float, share (0.05 for 5%), seconds
    (float), bytes (int), bool, None or str; `text` is as written."""

    kind: str
    value: int | float | bool | str | None
    text: str


@dataclass(slots=True, eq=False)
class Name(Node):
    """A name, written plainly or in backquotes; `text` is without the backquotes."""

    text: str
    quoted: bool = False


@dataclass(slots=True, eq=False)
class Dotted(Node):
    """a.b or longer; at least two parts."""

    parts: list[Name]


@dataclass(slots=True, eq=False)
class Arg(Node):
    name: Name | None
    value: Value


@dataclass(slots=True, eq=False)
class Call(Node):
    func: Name
    args: list[Arg]


@dataclass(slots=True, eq=False)
class ListExpr(Node):
    """[a, b, *numeric]: items are values; Star only where a features selection allows it."""

    items: list[Value | Star]


@dataclass(slots=True, eq=False)
class Star(Node):
    """*NAME in a list of a features block."""

    name: Name


@dataclass(slots=True, eq=False)
class Range(Node):
    """lo..hi, both ends in. Ends are signed literals, names or date/timestamp calls."""

    lo: Expr
    hi: Expr


@dataclass(slots=True, eq=False)
class If(Node):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(slots=True, eq=False)
class Unary(Node):
    """op: "-" or "not". A minus before a number literal is folded into the Literal by the parser."""

    op: str
    operand: Expr


@dataclass(slots=True, eq=False)
class Binary(Node):
    """op: or and == != < <= > >= + - * /"""

    op: str
    left: Expr
    right: Expr


@dataclass(slots=True, eq=False)
class In(Node):
    """x in y, x not in y (negated)."""

    item: Expr
    container: Expr
    negated: bool


@dataclass(slots=True, eq=False)
class IsNull(Node):
    operand: Expr
    negated: bool


@dataclass(slots=True, eq=False)
class Piped(Node):
    """expr |> call |> call"""

    expr: Expr
    pipe: list[Call]


Expr = Literal | Name | Dotted | Call | ListExpr | Range | If | Unary | Binary | In | IsNull
Value = Expr | Piped

# --- statements ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class TypeRef(Node):
    """float?   category("a", "b")"""

    name: Name
    args: list[Arg]
    nullable: bool


@dataclass(slots=True, eq=False)
class Clause(Node):
    """A word and its atoms: `from "Age"`, `in 0..120`, `by a, b`, `then alert(x), rollback`."""

    word: Name
    atoms: list[Expr]


@dataclass(slots=True, eq=False)
class Setting(Node):
    """dotted = value"""

    path: list[Name]
    value: Value


@dataclass(slots=True, eq=False)
class Column(Node):
    name: Name
    type: TypeRef
    clauses: list[Clause]


@dataclass(slots=True, eq=False)
class Rule(Node):
    """VERB expr clauses. `called` is true where the text reads as a bare call, `log1p(age)`: verb directly followed by
    one parenthesised expression and nothing else, so that an unknown verb can be explained."""

    verb: Name
    expr: Expr
    clauses: list[Clause]
    called: bool = False


@dataclass(slots=True, eq=False)
class Selection(Node):
    """NAME or [list], with an optional pipe."""

    item: Name | ListExpr
    pipe: list[Call]


@dataclass(slots=True, eq=False)
class Section(Node):
    name: Name
    body: list[Statement]


Statement = Setting | Column | Rule | Selection | Section

# --- file ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Edition(Node):
    year: int


@dataclass(slots=True, eq=False)
class Import(Node):
    path: Literal


@dataclass(slots=True, eq=False)
class Binding(Node):
    """KIND NAME [: type] = value"""

    kind: Name
    name: Name
    type: TypeRef | None
    value: Value


@dataclass(slots=True, eq=False)
class Block(Node):
    kind: Name
    name: Name
    clauses: list[Clause]
    body: list[Statement]


@dataclass(slots=True, eq=False)
class Comment(Node):
    """A comment with its `#`; `own_line` when nothing but blanks stands before it."""

    text: str
    own_line: bool


@dataclass(slots=True, eq=False)
class File(Node):
    edition: Edition | None
    imports: list[Import]
    items: list[Binding | Block]  # in file order
    comments: list[Comment]
    damaged: bool  # a syntax error was reported: whatever was recovered is here
