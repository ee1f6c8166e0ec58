"""Mistakes that a person makes in a spec, one at a time: every name misspelt, every literal of a wrong type or unit, every
bracket, sign and required line left out. Made from the syntax tree of a valid spec, so each is known to be a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import NamedTuple

from mlopsc.catalog.blocks import BLOCKS
from mlopsc.catalog.schema import BlockSpec
from mlopsc.diagnostics.model import Bag
from mlopsc.source import Source
from mlopsc.syntax import ast, parse
from mlopsc.syntax.lexer import WORDS

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Mistake(NamedTuple):
    """`lines` of the mutated text are those on which the one finding may start."""

    what: str
    text: str
    lines: range

    def __str__(self) -> str:
        return f"{self.what} (lines {self.lines.start}..{self.lines.stop - 1})"


class Statement(NamedTuple):
    node: ast.Node
    kind: str  # of the block or binding it stands in
    spec: BlockSpec | None  # the table of its block or section
    section: bool


class Mistakes:
    """All mistakes in one text."""

    def __init__(self, text: str, seed: int = 0) -> None:
        self.text = text
        self.random = Random(seed)
        self.file = parse(Source("spec", text, 0), Bag())
        self.taken = set(WORD.findall(text)) | set(WORDS)

    def all(self) -> Iterator[Mistake]:
        yield from self.names()
        yield from self.literals()
        yield from self.signs()
        yield from self.operands()
        yield from self.repeated()
        yield from self.left_out()
        yield from self.values()

    # --- making one

    def line(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    def change(self, what: str, start: int, end: int, new: str, node: ast.Node | None = None) -> Mistake:
        """The text with `new` at start..end; the finding stands within the statement `node`, or on the line."""
        whole = node if node is not None else None
        first = self.line(whole.start if whole is not None else start)
        last = self.line(whole.end if whole is not None else end)
        text = self.text[:start] + new + self.text[end:]
        label = f"{what}: line {self.line(start)}: {self.text[start:end]!r} -> {new!r}"
        return Mistake(label, text, range(first, last + 1))

    def misspelt(self, word: str) -> str:
        """A slip of the finger that makes no other name of the text."""
        while True:
            at = self.random.randrange(len(word))
            slip = self.random.choice(["drop", "double", "swap", "other"])
            if slip == "drop" and len(word) > 2:
                new = word[:at] + word[at + 1 :]
            elif slip == "swap" and len(word) > 2 and at + 1 < len(word):
                new = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            elif slip == "double":
                new = word[: at + 1] + word[at:]
            else:
                new = word[:at] + self.random.choice("qxzkj") + word[at + 1 :]
            if new not in self.taken and WORD.fullmatch(new) and new not in NEAR_WORDS:
                return new

    # --- walking

    def statements(self) -> Iterator[Statement]:
        for item in self.file.items:
            if isinstance(item, ast.Binding):
                yield Statement(item, item.kind.text, None, False)
            else:
                yield from self._body(item.body, item.kind.text, BLOCKS[item.kind.text], False)

    def _body(self, body: list[ast.Statement], kind: str, spec: BlockSpec, section: bool) -> Iterator[Statement]:
        for statement in body:
            if isinstance(statement, ast.Section):
                inner = next(s for s in spec.sections if s.kind == statement.name.text)
                yield from self._body(statement.body, kind, inner, True)
            else:
                yield Statement(statement, kind, spec, section)

    def nodes(self, root: ast.Node) -> Iterator[ast.Node]:
        todo = [root]
        while todo:
            node = todo.pop()
            yield node
            for field in reversed(node.fields[2:]):
                child = getattr(node, field)
                todo += [x for x in reversed(child if isinstance(child, list) else [child]) if isinstance(x, ast.Node)]

    # --- misspelt names

    def names(self) -> Iterator[Mistake]:
        for block in self.file.items:
            yield self._name("kind", block.kind, None)
            for clause in block.clauses if isinstance(block, ast.Block) else ():
                yield self._name("header word", clause.word, None)
                yield from (self._name("header name", a, None) for a in clause.atoms if isinstance(a, ast.Name))
            for section in block.body if isinstance(block, ast.Block) else ():
                if isinstance(section, ast.Section):
                    yield self._name("section", section.name, None)
        for statement in self.statements():
            for name, what in self._used(statement):
                yield self._name(what, name, statement.node)

    def _name(self, what: str, name: ast.Name, node: ast.Node | None) -> Mistake:
        start = name.start + name.quoted
        return self.change(f"misspelt {what}", start, start + len(name.text), self.misspelt(name.text), node)

    def _used(self, statement: Statement) -> Iterator[tuple[ast.Name, str]]:
        """The names of a statement that mean something, as against those that it defines."""
        node = statement.node
        if isinstance(node, ast.Setting):
            if statement.kind == "target":
                return
            if statement.kind != "features":
                yield from ((part, "setting") for part in node.path)
            yield from self._in(node.value)
        elif isinstance(node, ast.Column):
            yield node.type.name, "type"
            for clause in node.clauses:
                yield clause.word, "clause"
                for atom in clause.atoms:
                    yield from self._in(atom)
        elif isinstance(node, ast.Rule):
            yield node.verb, "verb"
            yield from self._in(node.expr)
            for clause in node.clauses:
                yield clause.word, "clause"
                for atom in clause.atoms:
                    yield from self._in(atom)
        elif isinstance(node, ast.Selection):
            yield from self._in(node.item)
            for call in node.pipe:
                yield from self._in(call)
        elif isinstance(node, ast.Binding):
            if node.type is not None:
                yield node.type.name, "type"
            yield from self._in(node.value)

    def _in(self, root: ast.Node) -> Iterator[tuple[ast.Name, str]]:
        for node in self.nodes(root):
            if isinstance(node, ast.Call):
                yield node.func, "function"
            elif isinstance(node, ast.Arg):
                if node.name is not None:
                    yield node.name, "argument"
            elif isinstance(node, ast.Name) and not self._is_part(node):
                yield node, "name"

    def _is_part(self, name: ast.Name) -> bool:
        """Whether a name was met already as the name of a function or argument."""
        after = self.text[name.end :].lstrip()
        return after.startswith("(") or (after.startswith("=") and not after.startswith("=="))

    # --- literals of another type, unit or size

    def literals(self) -> Iterator[Mistake]:
        for statement in self.statements():
            if statement.kind == "target":
                continue
            for node in self.nodes(statement.node):
                if isinstance(node, ast.Range):
                    yield from self._range(node, statement)
                elif isinstance(node, ast.Literal):
                    yield from self._literal(node, statement)
                elif isinstance(node, ast.Call) and node.func.text in ("date", "timestamp"):
                    inner = node.args[0].value
                    yield self.change("no date", inner.start, inner.end, '"2026-13-01"', statement.node)

    def _range(self, node: ast.Range, statement: Statement) -> Iterator[Mistake]:
        lo, hi = (self.text[end.start : end.end] for end in (node.lo, node.hi))
        if lo != hi:
            yield self.change("range backwards", node.start, node.end, f"{hi}..{lo}", statement.node)

    def _literal(self, node: ast.Literal, statement: Statement) -> Iterator[Mistake]:
        start, end, owner = node.start, node.end, statement.node
        number = re.match(r"-?[0-9._]+", node.text)
        if node.kind == "duration" and number:
            yield self.change("missing unit", start, end, number[0], owner)
            yield self.change("wrong unit", start, end, number[0] + "MiB", owner)
            yield self.change("unknown unit", start, end, number[0] + "sek", owner)
        elif node.kind == "size" and number:
            yield self.change("missing unit", start, end, number[0], owner)
            yield self.change("wrong unit", start, end, number[0] + "h", owner)
        elif node.kind == "percent" and number:
            yield self.change("share over 1", start, end, f"{int(float(number[0])) + 1}01%", owner)
            yield self.change("wrong unit", start, end, number[0] + "d", owner)
        elif node.kind in ("int", "float"):
            yield self.change("two points", start, end, "1.2.3", owner)
            if not self._is_level(statement, node):
                yield self.change("text for a number", start, end, '"many"', owner)
        elif node.kind == "string" and node.text.startswith('"') and not node.text.startswith('"""'):
            yield self.change("open quote", end - 1, end, "", owner)
            yield self.change("bad escape", start + 1, start + 1, "\\q", owner)

    def _is_level(self, statement: Statement, node: ast.Literal) -> bool:
        return isinstance(statement.node, ast.Column) and node.start < statement.node.type.end

    # --- signs left out, doubled or mistaken

    def signs(self) -> Iterator[Mistake]:
        for statement in self.statements():
            node = statement.node
            yield from self._brackets(node)
            if isinstance(node, ast.Setting):
                at = self.text.index("=", node.path[-1].end)
                yield self.change("no =", at, at + 1, "", node)
                yield self.change("== for =", at, at + 1, "==", node)
                yield self.change(": for =", at, at + 1, ":", node)
                yield self.change("no value", at + 1, node.end, "", node)
                yield self.change("no name", node.start, at, "", node)
            elif isinstance(node, ast.Column):
                at = self.text.index(":", node.name.end)
                yield self.change("no :", at, at + 1, "", node)
                yield self.change("= for :", at, at + 1, "=", node)
                yield self.change("no type", at + 1, node.end, "", node)
                yield self.change("column's name left out", node.start, at, "", node)
            elif isinstance(node, ast.Rule):
                yield self.change("no expression", node.expr.start, node.end, "", node)
        yield from self._headers()

    def _brackets(self, statement: ast.Node) -> Iterator[Mistake]:
        for node in self.nodes(statement):
            if isinstance(node, ast.Call | ast.ListExpr) or (isinstance(node, ast.TypeRef) and node.args):
                first = self.text.index("[" if isinstance(node, ast.ListExpr) else "(", node.start)
                last = self.text.rindex("]" if isinstance(node, ast.ListExpr) else ")", first, node.end)
                yield self.change("bracket not opened", first, first + 1, "", statement)
                yield self.change("bracket not closed", last, last + 1, "", statement)
                yield self.change("bracket closed twice", last, last + 1, self.text[last] * 2, statement)
                yield from self._commas(node, statement)

    def _commas(self, node: ast.Node, statement: ast.Node) -> Iterator[Mistake]:
        items = node.items if isinstance(node, ast.ListExpr) else node.args  # type: ignore[attr-defined]
        for one, two in pairwise(items):
            at = self.text.index(",", one.end)
            if at < two.start:
                yield self.change("no comma", at, at + 1, "", statement)
                yield self.change("two commas", at, at + 1, ",,", statement)
                yield self.change("; for a comma", at, at + 1, ";", statement)

    def _headers(self) -> Iterator[Mistake]:
        for number, block in enumerate(self.file.items):
            if not isinstance(block, ast.Block):
                continue
            headed = block.clauses[-1].end if block.clauses else block.name.end
            brace = self.text.index("{", headed)
            yield self.change("block not opened", brace, brace + 1, "", block)
            yield self.change("no block name", block.name.start, block.name.end, "", None)
            if block.clauses:
                yield self.change("header left out", block.clauses[0].start, block.clauses[-1].end, "", None)
                yield self.change("no name in the header", block.clauses[0].atoms[0].start, headed, "", None)
            close = self.change("block not closed", block.end - 1, block.end, "", block)
            after = self.file.items[number + 1] if number + 1 < len(self.file.items) else None
            last = self.line(after.start) if after is not None else self.line(len(self.text))
            yield close._replace(lines=range(close.lines.start, last + 1))

    # --- operands and operators

    def operands(self) -> Iterator[Mistake]:
        for statement in self.statements():
            for node in self.nodes(statement.node):
                if isinstance(node, ast.Binary):
                    yield from self._binary(node, statement.node)
                elif isinstance(node, ast.In):
                    yield self.change("nothing after in", node.container.start, node.container.end, "", statement.node)
                elif isinstance(node, ast.If):
                    word = self.text.index("else", node.then.end)
                    yield self.change("no else", word, node.otherwise.end, "", statement.node)
                    word = self.text.index("then", node.condition.end)
                    yield self.change("no then", word, word + 4, "", statement.node)
                elif isinstance(node, ast.Clause):
                    yield self.change("clause without a value", node.atoms[0].start, node.end, "", statement.node)
                elif isinstance(node, ast.Piped | ast.Selection) and node.pipe:
                    at = self.text.rindex("|>", node.start, node.pipe[0].start)
                    yield self.change("| for |>", at, at + 2, "|", statement.node)
                    yield self.change("> for |>", at, at + 2, ">", statement.node)
                    last = node.pipe[-1]
                    yield self.change("nothing after |>", last.start, last.end, "", statement.node)
                    yield self.change("transform without ()", last.func.end, last.end, "", statement.node)

    def _binary(self, node: ast.Binary, statement: ast.Node) -> Iterator[Mistake]:
        at = self.text.index(node.op, node.left.end)
        if not self.text[node.right.end :].lstrip().startswith("-"):
            yield self.change("no right side", node.right.start, node.right.end, "", statement)
        yield self.change("no operator", at, at + len(node.op), "", statement)
        if node.op != "-":
            yield self.change("no left side", node.left.start, node.left.end, "", statement)
        wrong = {"==": "=", ">=": "=>", "<=": "=<", "!=": "<>", "and": "&&", "or": "||"}.get(node.op)
        if wrong is not None:
            yield self.change(f"{wrong} for {node.op}", at, at + len(node.op), wrong, statement)
        if node.op in ("<", "<=", ">", ">="):
            yield self.change("chained", node.right.end, node.right.end, f" {node.op} 100000", statement)

    # --- said twice

    def repeated(self) -> Iterator[Mistake]:
        for statement in self.statements():
            node = statement.node
            whole = self.text[node.start : node.end]
            twice = isinstance(node, ast.Setting | ast.Column | ast.Binding | ast.Selection) or (
                isinstance(node, ast.Rule) and node.verb.text == "dedupe"
            )
            selects_stars = isinstance(node, ast.Selection) and "*" in whole
            if twice and not selects_stars and "," not in (whole if isinstance(node, ast.Selection) else ""):
                first = self.line(node.end) + 1
                last = first + whole.count("\n")
                text = self.text[: node.end] + "\n" + whole + self.text[node.end :]
                yield Mistake(f"given twice: {whole[:40]!r}", text, range(first, last + 1))
            for call in self.nodes(node):
                if isinstance(call, ast.Call):
                    for arg in call.args:
                        if arg.name is not None:
                            whole = self.text[arg.start : arg.end]
                            yield self.change("argument twice", arg.end, arg.end, f", {whole}", node)
            if isinstance(node, ast.Rule | ast.Column):
                for clause in node.clauses:
                    whole = self.text[clause.start : clause.end]
                    yield self.change("clause twice", clause.end, clause.end, f" {whole}", node)
        for block in self.file.items:
            if isinstance(block, ast.Block) and block.kind.text not in ("target", "profile"):
                text = self.text[: block.end] + f"\ndata {block.name.text} {{}}" + self.text[block.end :]
                at = self.line(block.end) + 1
                yield Mistake(f"name twice: {block.name.text}", text, range(at, at + 1))

    # --- left out

    def left_out(self) -> Iterator[Mistake]:
        for block in self.file.items:
            if not isinstance(block, ast.Block):
                continue
            required = {s.name for s in BLOCKS[block.kind.text].settings if s.required}
            for node in block.body:
                if isinstance(node, ast.Setting) and node.path[0].text in required:
                    cut = self.change("required setting left out", node.start, node.end, "", None)
                    at = self.line(block.start)
                    yield cut._replace(lines=range(at, at + 1))
        for statement in self.statements():
            for node in self.nodes(statement.node):
                if isinstance(node, ast.Call) and len(node.args) == 1 and node.func.text not in OPTIONAL:
                    arg = node.args[0]
                    yield self.change("argument left out", arg.start, arg.end, "", statement.node)

    # --- values of a wrong kind

    def values(self) -> Iterator[Mistake]:
        for statement in self.statements():
            node = statement.node
            if not isinstance(node, ast.Setting) or statement.spec is None or len(node.path) > 1:
                continue
            setting = next((s for s in statement.spec.settings if s.name == node.path[0].text), None)
            if setting is None:
                continue
            for text, fitting in WRONG_VALUES.items():
                if not any(word in setting.kind for word in fitting):
                    yield self.change(f"{text} for a {setting.kind}", node.value.start, node.value.end, text, node)


# Words of the language that a slip may hit.
NEAR_WORDS = frozenset({"ln", "min", "max", "sum", "std", "mean", "int", "tag", "bin", "own", "rat", "f1", "r2", "any"})
OPTIONAL = frozenset({
    "impute", "onehot", "random", "rest", "retrain", "ridge", "gradient_boosting", "logistic_regression", "tfidf",
})  # fmt: skip
# Values, each with the words of setting kinds that may take it.
WRONG_VALUES = {
    '"text"': ("string", "literal", "any", "row"),
    "-7": ("literal", "number", "any", "row"),
    "null": ("any", "row"),
    "30d": ("duration", "literal", "any", "row"),
    "[]": ("any", "row", "refs", "names"),
    "true": ("bool", "literal", "any", "row"),
    "nobody": ("string_",),
    "1..2": ("range", "any"),
    "foo(1)": ("any_",),
}
