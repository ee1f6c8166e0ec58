"""What each alias of the grammar builds. A function takes the values of its alternative's symbols, in order.

Lists grow in place: the list that `one` or `empty` made is the one that a node holds in the end.
"""

from __future__ import annotations

from typing import Any

from mlopsc.syntax.ast import (
    Arg,
    Binary,
    Binding,
    Block,
    Call,
    Clause,
    Column,
    Dotted,
    Expr,
    If,
    In,
    IsNull,
    ListExpr,
    Literal,
    Name,
    Node,
    Piped,
    Range,
    Rule,
    Section,
    Selection,
    Setting,
    Star,
    Statement,
    TypeRef,
    Unary,
    Value,
)  # fmt: skip
from mlopsc.syntax.lexer import DEEPEST
from mlopsc.syntax.problems import Problem, Problems

Lead = tuple[Name, Literal]
Item = Lead | Binding | Block
# Heads a block or section that recovery invented, so that its body is read and then dropped.
DROPPED = Name(-1, -1, "")
_NUMBERS = frozenset(("int", "float", "percent", "duration", "size"))
_RANGE_CALLS = frozenset(("date", "timestamp"))


def height(root: Node, limit: int) -> int:
    """Levels of nodes from `root` down, up to `limit` + 1. Takes no stack, whatever the depth."""
    level: list[Node] = [root]
    for depth in range(limit + 1):
        below: list[Node] = []
        for node in level:
            for name in node.__slots__:
                child = getattr(node, name)
                if isinstance(child, Node):
                    below.append(child)
                elif isinstance(child, list):
                    below.extend(child)
        if not below:
            return depth + 1
        level = [*_below_args(below)]
    return limit + 1


def _below_args(nodes: list[Node]) -> list[Node]:
    """An argument is no level of its own: its value stands for it."""
    return [node.value if isinstance(node, Arg) else node for node in nodes]


def _first_part(node: Node) -> int:
    """Where a node's first part starts, with that part's own parentheses; -1 for a node that starts with itself."""
    if isinstance(node, Binary):
        return node.left.start
    if isinstance(node, In):
        return node.item.start
    if isinstance(node, IsNull):
        return node.operand.start
    if isinstance(node, Piped):
        return node.expr.start
    if isinstance(node, Range):
        return node.lo.start
    return -1


def parenthesised(node: Node, text: str, base: int) -> bool:
    """Whether the whole of an expression stands in parentheses in the text at `base`."""
    return text.startswith("(", node.start - base) and node.start != _first_part(node)


class Builder:
    """The functions, by alias. Only those that may drop a damaged statement need the findings so far."""

    def __init__(self, text: str, base: int, problems: Problems) -> None:
        self.text = text
        self.base = base
        self.problems = problems

    # --- lists and files

    @staticmethod
    def empty() -> list[Any]:
        return []

    @staticmethod
    def skip_sep(items: list[Any], _sep: int | None) -> list[Any]:
        return items

    @staticmethod
    def one(item: Any) -> list[Any]:
        return [item]

    @staticmethod
    def more(items: list[Any], _sign: int, item: Any) -> list[Any]:
        items.append(item)
        return items

    @staticmethod
    def dot(first: Name, _sign: int, second: Name) -> list[Name]:
        return [first, second]

    @staticmethod
    def file(items: list[Item]) -> list[Item]:
        return items

    def file_unended(self, items: list[Item], item: Item) -> list[Item]:
        return self.add_item(items, item)

    def add_item_sep(self, items: list[Item], item: Item, _sep: int | None) -> list[Item]:
        return self.add_item(items, item)

    def add_item(self, items: list[Item], item: Item) -> list[Item]:
        if isinstance(item, Block):
            if item.kind is not DROPPED:
                items.append(item)
        elif isinstance(item, tuple):
            if not self.problems.within(item[0].start, item[1].end):
                items.append(item)
        elif self._sound(item):
            items.append(item)
        return items

    def add_statement(self, body: list[Statement], statement: Statement, _sep: int | None) -> list[Statement]:
        # No tree of so few characters is too deep.
        if (statement.end - statement.start <= DEEPEST and not self.problems) or self._sound(statement):
            body.append(statement)
        return body

    def add_last(self, body: list[Statement], statement: Statement) -> list[Statement]:
        return self.add_statement(body, statement, None)

    def add_section(self, body: list[Statement], section: Section) -> list[Statement]:
        if section.name is not DROPPED:
            body.append(section)
        return body

    def _sound(self, node: Node) -> bool:
        """Whether a statement has no finding in it; one that is nested too deep gets its finding here."""
        if self.problems.within(node.start, node.end):
            return False
        if (
            node.end - node.start <= DEEPEST or height(node, DEEPEST + 2) <= DEEPEST + 2
        ):  # the statement itself and a leaf
            return True
        message = f"This is nested deeper than {DEEPEST} levels."
        advice = "Give inner parts names of their own."
        self.problems.add(Problem("too-deep", node.start, node.start + 1, message, advice))
        return False

    # --- items and statements

    @staticmethod
    def lead(word: Name, literal: Literal) -> Lead:
        return word, literal

    @staticmethod
    def binding(kind: Name, name: Name, _eq: int, value: Value) -> Binding:
        return Binding(kind.start, value.end, kind, name, None, value)

    @staticmethod
    def binding_typed(kind: Name, name: Name, _colon: int, type: TypeRef, _eq: int, value: Value) -> Binding:
        return Binding(kind.start, value.end, kind, name, type, value)

    @staticmethod
    def header(kind: Name, name: Name) -> Block:
        return Block(kind.start, name.end, kind, name, [], [])

    @staticmethod
    def header_clause(block: Block, clause: Clause) -> Block:
        block.clauses.append(clause)
        return block

    def block(self, block: Block, brace: int, body: list[Statement], close: int) -> Block:
        if self.problems and self.problems.within(block.start, brace):
            block.kind = DROPPED
        block.body = body
        block.end = close + 1
        return block

    def section(self, name: Name, brace: int, body: list[Statement], close: int) -> Section:
        if self.problems and self.problems.within(name.start, brace):
            name = DROPPED
        return Section(name.start, close + 1, name, body)

    @staticmethod
    def setting(name: Name, _eq: int, value: Value) -> Setting:
        return Setting(name.start, value.end, [name], value)

    @staticmethod
    def setting_dotted(path: list[Name], _eq: int, value: Value) -> Setting:
        return Setting(path[0].start, value.end, path, value)

    @staticmethod
    def column(name: Name, _colon: int, type: TypeRef) -> Column:
        return Column(name.start, type.end, name, type, [])

    @staticmethod
    def column_clause(column: Column, clause: Clause) -> Column:
        column.clauses.append(clause)
        column.end = clause.end
        return column

    def rule(self, verb: Name, expr: Expr) -> Rule:
        return Rule(verb.start, expr.end, verb, expr, [], parenthesised(expr, self.text, self.base))

    @staticmethod
    def rule_add_clause(rule: Rule, clause: Clause) -> Rule:
        rule.clauses.append(clause)
        rule.end = clause.end
        rule.called = False
        return rule

    @staticmethod
    def selection(item: Name | ListExpr) -> Selection:
        return Selection(item.start, item.end, item, [])

    @staticmethod
    def selection_piped(item: Name | ListExpr, _sign: int, pipe: list[Call]) -> Selection:
        return Selection(item.start, pipe[-1].end, item, pipe)

    @staticmethod
    def clause(word: Name, atom: Expr) -> Clause:
        return Clause(word.start, atom.end, word, [atom])

    @staticmethod
    def clause_in(at: int, atom: Expr) -> Clause:
        return Clause(at, atom.end, Name(at, at + 2, "in"), [atom])

    @staticmethod
    def clause_then(at: int, atom: Expr) -> Clause:
        return Clause(at, atom.end, Name(at, at + 4, "then"), [atom])

    @staticmethod
    def clause_more(clause: Clause, _comma: int, atom: Expr) -> Clause:
        clause.atoms.append(atom)
        clause.end = atom.end
        return clause

    @staticmethod
    def type_name(name: Name) -> TypeRef:
        return TypeRef(name.start, name.end, name, [], False)

    @staticmethod
    def type_empty(name: Name, _open: int, close: int) -> TypeRef:
        return TypeRef(name.start, close + 1, name, [], False)

    @staticmethod
    def type_args(name: Name, _open: int, args: list[Arg], close: int) -> TypeRef:
        return TypeRef(name.start, close + 1, name, args, False)

    @staticmethod
    def type_args_comma(name: Name, _open: int, args: list[Arg], _comma: int, close: int) -> TypeRef:
        return TypeRef(name.start, close + 1, name, args, False)

    @staticmethod
    def type_nullable(type: TypeRef, mark: int) -> TypeRef:
        type.nullable = True
        type.end = mark + 1
        return type

    # --- expressions

    @staticmethod
    def piped(expr: Expr, _sign: int, pipe: list[Call]) -> Piped:
        return Piped(expr.start, pipe[-1].end, expr, pipe)

    @staticmethod
    def conditional(at: int, condition: Expr, _then: int, then: Expr, _else: int, otherwise: Expr) -> If:
        return If(at, otherwise.end, condition, then, otherwise)

    @staticmethod
    def either(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "or", left, right)

    @staticmethod
    def both(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "and", left, right)

    @staticmethod
    def inverse(at: int, operand: Expr) -> Unary:
        return Unary(at, operand.end, "not", operand)

    @staticmethod
    def compare(left: Expr, op: str, right: Expr) -> Binary:
        return Binary(left.start, right.end, op, left, right)

    @staticmethod
    def within(item: Expr, _in: int, container: Expr) -> In:
        return In(item.start, container.end, item, container, False)

    @staticmethod
    def not_within(item: Expr, _not: int, _in: int, container: Expr) -> In:
        return In(item.start, container.end, item, container, True)

    @staticmethod
    def is_null(operand: Expr, _is: int, null: Literal) -> IsNull:
        return IsNull(operand.start, null.end, operand, False)

    @staticmethod
    def is_not_null(operand: Expr, _is: int, _not: int, null: Literal) -> IsNull:
        return IsNull(operand.start, null.end, operand, True)

    @staticmethod
    def add(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "+", left, right)

    @staticmethod
    def subtract(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "-", left, right)

    @staticmethod
    def multiply(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "*", left, right)

    @staticmethod
    def divide(left: Expr, _op: int, right: Expr) -> Binary:
        return Binary(left.start, right.end, "/", left, right)

    @staticmethod
    def negative(at: int, operand: Expr) -> Unary | Literal:
        """A number takes its sign, unless it has one already or stands in parentheses."""
        if isinstance(operand, Literal) and operand.kind in _NUMBERS and operand.text[0] != "-":
            value = operand.value
            if isinstance(value, int | float) and operand.end - operand.start == len(operand.text):
                return Literal(at, operand.end, operand.kind, -value, "-" + operand.text)
        return Unary(at, operand.end, "-", operand)

    @staticmethod
    def paren(at: int, expr: Expr, close: int) -> Expr:
        """The parentheses become part of the span: what is cited or moved as a whole keeps its meaning."""
        expr.start = at
        expr.end = close + 1
        return expr

    def make_range(self, lo: Expr, _sign: int, hi: Expr) -> Range:
        for end in (lo, hi):
            if isinstance(end, Call) and end.func.text not in _RANGE_CALLS:
                message = f"A range cannot end in a call of `{end.func.text}`."
                advice = 'An end is a number, a name, `date("…")` or `timestamp("…")`.'
                self.problems.add(Problem("syntax-error", end.start, end.end, message, advice))
        return Range(lo.start, hi.end, lo, hi)

    @staticmethod
    def dotted(parts: list[Name]) -> Dotted:
        return Dotted(parts[0].start, parts[-1].end, parts)

    @staticmethod
    def call_empty(func: Name, _open: int, close: int) -> Call:
        return Call(func.start, close + 1, func, [])

    @staticmethod
    def call(func: Name, _open: int, args: list[Arg], close: int) -> Call:
        return Call(func.start, close + 1, func, args)

    @staticmethod
    def call_comma(func: Name, _open: int, args: list[Arg], _comma: int, close: int) -> Call:
        return Call(func.start, close + 1, func, args)

    @staticmethod
    def arg(value: Value) -> Arg:
        return Arg(value.start, value.end, None, value)

    @staticmethod
    def arg_named(name: Name, _eq: int, value: Value) -> Arg:
        return Arg(name.start, value.end, name, value)

    @staticmethod
    def make_list_empty(at: int, close: int) -> ListExpr:
        return ListExpr(at, close + 1, [])

    @staticmethod
    def make_list(at: int, items: list[Value | Star], close: int) -> ListExpr:
        return ListExpr(at, close + 1, items)

    @staticmethod
    def make_list_comma(at: int, items: list[Value | Star], _comma: int, close: int) -> ListExpr:
        return ListExpr(at, close + 1, items)

    @staticmethod
    def star(at: int, name: Name) -> Star:
        return Star(at, name.end, name)

    # --- words of expressions where they are plain names

    @staticmethod
    def word_literal(literal: Literal) -> Name:
        return Name(literal.start, literal.end, literal.text)


def _word(text: str) -> Any:
    return staticmethod(lambda at: Name(at, at + len(text), text))


for _text in ("and", "or", "not", "in", "is", "if", "then", "else"):
    setattr(Builder, "word_" + _text, _word(_text))
