"""Expressions, types and clauses as text: on one line, or broken where the line would be too long.

Parentheses stand where they were written. Comments inside a call or list stay with their argument; `used` collects
them, and what is left over is for the caller to place.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlopsc.syntax.ast import (
    Arg,
    Binary,
    Block,
    Call,
    Clause,
    Column,
    Comment,
    Dotted,
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
    Star,
    TypeRef,
    Unary,
)  # fmt: skip
from mlopsc.syntax.build import parenthesised
from mlopsc.syntax.lexer import WORDS

WIDTH = 100
STEP = 2


class Layout:
    """Lays out the nodes of one text. Columns and indentation count characters from 0."""

    def __init__(self, text: str, base: int, comments: list[Comment]) -> None:
        self.text = text
        self.base = base
        self.comments = comments
        self.used: set[int] = set()

    def between(self, start: int, end: int) -> list[Comment]:
        """The comments in start..end - 1 that are not placed yet."""
        return [c for c in self.comments_from(start, end) if c.start not in self.used]

    def comments_from(self, start: int, end: int) -> list[Comment]:
        low, high = 0, len(self.comments)
        while low < high:
            middle = (low + high) // 2
            if self.comments[middle].start < start:
                low = middle + 1
            else:
                high = middle
        stop = low
        while stop < len(self.comments) and self.comments[stop].start < end:
            stop += 1
        return self.comments[low:stop]

    def same_line(self, start: int, end: int) -> bool:
        return "\n" not in self.text[start - self.base : end - self.base]

    def hoist(self, node: Node, end: int) -> list[Comment]:
        """The comments from a statement's start to `end` that no call or list can keep beside an item; they count as
        placed. Decided before anything is laid out, so that they break no line."""
        found = self.between(node.start, end)
        if not found:
            return []
        kept: set[int] = set()
        if not isinstance(node, Column | Block | Section):
            self._keep(node, kept)
        hoisted = [comment for comment in found if comment.start not in kept]
        self.used.update(comment.start for comment in hoisted)
        return hoisted

    def _keep(self, node: Node, kept: set[int]) -> None:
        inside = self.between(node.start, node.end)
        if not inside:
            return
        below = [part for name in node.fields[2:] for part in _nodes(getattr(node, name))]
        if isinstance(node, Call | ListExpr):
            first = node.func.end if isinstance(node, Call) else node.start
            items = node.args if isinstance(node, Call) else node.items
            bracket = self.text.index("(" if isinstance(node, Call) else "[", first - self.base) + self.base
            end = node.end
            kept.update(
                c.start
                for c in inside
                if bracket < c.start < end and not any(item.start <= c.start < item.end for item in items)
            )
        for part in below:
            if not isinstance(part, TypeRef):
                self._keep(part, kept)

    # --- one line

    def name(self, name: Name) -> str:
        """A word of expressions in a plain name's place is quoted: it could join lines."""
        return f"`{name.text}`" if name.quoted or name.text in WORDS else name.text

    def flat(self, node: Node) -> str:
        """A node on one line (but for the line ends in a string)."""
        text = self._flat(node)
        return f"({text})" if parenthesised(node, self.text, self.base) and not isinstance(node, Arg) else text

    def _flat(self, node: Node) -> str:
        if isinstance(node, Name):
            return self.name(node)
        if isinstance(node, Literal):
            return node.text
        if isinstance(node, Arg):
            value = self.flat(node.value)
            return f"{self.name(node.name)} = {value}" if node.name else value
        if isinstance(node, Call):
            return f"{self.name(node.func)}({self.joined(node.args)})"
        if isinstance(node, Binary):
            return f"{self.flat(node.left)} {node.op} {self.flat(node.right)}"
        if isinstance(node, Range):
            return f"{self.flat(node.lo)}..{self.flat(node.hi)}"
        if isinstance(node, ListExpr):
            return f"[{self.joined(node.items)}]"
        return self._flat_rare(node)

    def _flat_rare(self, node: Node) -> str:
        if isinstance(node, Dotted):
            return ".".join(map(self.name, node.parts))
        if isinstance(node, Unary):
            return ("-" if node.op == "-" else "not ") + self.flat(node.operand)
        if isinstance(node, In):
            return f"{self.flat(node.item)} {'not in' if node.negated else 'in'} {self.flat(node.container)}"
        if isinstance(node, IsNull):
            return f"{self.flat(node.operand)} is {'not null' if node.negated else 'null'}"
        if isinstance(node, If):
            return f"if {self.flat(node.condition)} then {self.flat(node.then)} else {self.flat(node.otherwise)}"
        if isinstance(node, Piped):
            return " |> ".join([self.flat(node.expr), *map(self.flat, node.pipe)])
        if isinstance(node, Star):
            return "*" + self.name(node.name)
        if isinstance(node, TypeRef):
            text = self.name(node.name) + (f"({self.joined(node.args)})" if node.args else "")
            return text + "?" * node.nullable
        assert isinstance(node, Clause), node
        return f"{self.word(node)} {self.joined(node.atoms)}"

    def word(self, clause: Clause) -> str:
        """A clause's word: `in` and `then` are plain there."""
        plain = not clause.word.quoted and clause.word.text in ("in", "then")
        return clause.word.text if plain else self.name(clause.word)

    def joined(self, nodes: Sequence[Node]) -> str:
        return ", ".join(self.flat(node) for node in nodes)

    # --- several lines

    def fit(self, node: Node, indent: int, column: int, after: int = 0) -> str:
        """A node from `column` on, in a statement indented by `indent`, with `after` characters to follow on its line.
        Broken only if a comment stands inside or the line would be too long."""
        commented = bool(self.between(node.start, node.end))
        text = self.flat(node)
        if not commented and (fits(text, column + after) or not self._breakable(node)):
            return text
        if parenthesised(node, self.text, self.base):
            return f"({self._broken(node, indent, column + 1, after + 1)})"
        return self._broken(node, indent, column, after)

    def _breakable(self, node: Node) -> bool:
        return not isinstance(node, Literal | Name | Dotted | Range | Star | TypeRef)

    def _broken(self, node: Node, indent: int, column: int, after: int) -> str:
        pad = "\n" + " " * (indent + STEP)
        if isinstance(node, Arg):
            head = f"{self.name(node.name)} = " if node.name else ""
            return head + self.fit(node.value, indent, column + len(head), after)
        if isinstance(node, Call):
            return self._bracketed(self.name(node.func) + "(", node.args, ")", node, indent)
        if isinstance(node, ListExpr):
            return self._bracketed("[", node.items, "]", node, indent)
        if isinstance(node, Piped):
            return self._broken_pipe(self.fit(node.expr, indent, column), node.pipe, indent, column, after)
        if isinstance(node, Binary) and node.op in ("and", "or"):
            left = self.fit(node.left, indent, column)
            return (
                f"{left}{pad}{node.op} {self.fit(node.right, indent + STEP, indent + STEP + len(node.op) + 1, after)}"
            )
        if isinstance(node, Binary):
            left = self.fit(node.left, indent, column, len(node.op) + 3)
            start = last_width(left, column) + len(node.op) + 2
            return f"{left} {node.op} {self.fit(node.right, indent, start, after)}"
        if isinstance(node, If):
            return self._broken_if(node, indent, column, after)
        return self._broken_rare(node, indent, column, after)

    def _broken_rare(self, node: Node, indent: int, column: int, after: int) -> str:
        if isinstance(node, Unary):
            head = "-" if node.op == "-" else "not "
            return head + self.fit(node.operand, indent, column + len(head), after)
        if isinstance(node, In):
            word = " not in " if node.negated else " in "
            item = self.fit(node.item, indent, column, len(word))
            return item + word + self.fit(node.container, indent, last_width(item, column) + len(word), after)
        if isinstance(node, IsNull):
            tail = " is not null" if node.negated else " is null"
            return self.fit(node.operand, indent, column, after + len(tail)) + tail
        if isinstance(node, Clause):
            head = self.word(node) + " "
            text = head
            for number, atom in enumerate(node.atoms):
                more = number < len(node.atoms) - 1
                text += self.fit(atom, indent, last_width(text, column), after + more) + (", " if more else "")
            return text
        return self.flat(node)

    def _broken_if(self, node: If, indent: int, column: int, after: int) -> str:
        pad = "\n" + " " * (indent + STEP)
        start = indent + STEP + 5
        condition = self.fit(node.condition, indent + STEP, column + 3)
        then = self.fit(node.then, indent + STEP, start)
        return f"if {condition}{pad}then {then}{pad}else {self.fit(node.otherwise, indent + STEP, start, after)}"

    def _broken_pipe(self, first: str, pipe: list[Call], indent: int, column: int, after: int) -> str:
        """One call keeps to the line of what it is applied to, if its own arguments can take the break."""
        pad = "\n" + " " * (indent + STEP)
        lines = [first]
        for number, call in enumerate(pipe):
            last = number == len(pipe) - 1
            lines.append("|> " + self.fit(call, indent + STEP, indent + STEP + 3, after if last else 0))
        return pad.join(lines)

    def pipe(self, first: str, pipe: list[Call], indent: int) -> str:
        """A selection: what is selected, already laid out, and its pipe."""
        text = " |> ".join([first, *map(self.flat, pipe)])
        commented = pipe and self.between(pipe[0].start, pipe[-1].end)
        return text if fits(text, indent) and not commented else self._broken_pipe(first, pipe, indent, indent, 0)

    def _bracketed(self, opening: str, items: Sequence[Node], closing: str, node: Node, indent: int) -> str:
        """One item a line, each with its comments; the last one too ends with a comma."""
        pad = " " * (indent + STEP)
        lines = [opening]
        before = node.start
        ends = [item.start for item in items[1:]] + [node.end] * bool(items)
        for part, limit in zip(items, ends, strict=True):
            lines += [pad + comment.text for comment in self._take(before, part.start)]
            text = pad + self.fit(part, indent + STEP, indent + STEP, 1) + ","
            trailing = [c for c in self.between(part.end, limit) if self.same_line(part.end, c.start)][:1]
            self.used.update(c.start for c in trailing)
            lines.append(text + "".join("  " + c.text for c in trailing))
            before = part.end
        lines += [pad + comment.text for comment in self._take(before, node.end)]
        if len(lines) == 1:
            return opening + closing
        return "\n".join([*lines, " " * indent + closing])

    def _take(self, start: int, end: int) -> list[Comment]:
        found = self.between(start, end)
        self.used.update(comment.start for comment in found)
        return found

    # --- rules

    def rule(self, rule: Rule, verb_width: int, indent: int) -> str:
        """VERB expr clauses; too long, its `then` starts a new line."""
        verb = self.name(rule.verb)
        touching = rule.called and rule.expr.start == rule.verb.end
        head = verb if touching else verb.ljust(verb_width) + " "
        flat = " ".join([head + self.flat(rule.expr), *map(self.flat, rule.clauses)])
        if fits(flat, indent) and not self.between(rule.start, rule.end):
            return flat
        text = head + self.fit(rule.expr, indent, indent + len(head))
        for clause in rule.clauses:
            flat = self.flat(clause)
            if self.word(clause) == "then" and not fits(flat, last_width(text, indent) + 1):
                pad = "\n" + " " * (indent + STEP)
                text += pad + self.fit(clause, indent + STEP, indent + STEP)
            else:
                text += " " + self.fit(clause, indent, last_width(text, indent) + 1)
        return text


def _nodes(value: object) -> list[Node]:
    return (
        [value]
        if isinstance(value, Node)
        else [x for x in value if isinstance(x, Node)]
        if isinstance(value, list)
        else []
    )


def fits(text: str, column: int) -> bool:
    """Whether no line of a text is too long when its first starts at `column`. Line ends can only be a string's own."""
    first, _, rest = text.partition("\n")
    return column + len(first) <= WIDTH and (not rest or len(rest.rpartition("\n")[2]) <= WIDTH)


def last_width(text: str, column: int) -> int:
    """The column after a text that starts at `column`."""
    head, line_end, last = text.rpartition("\n")
    return len(last) if line_end or head else column + len(last)
