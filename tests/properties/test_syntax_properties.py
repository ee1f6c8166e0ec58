"""Properties of reading and laying out specs, over generated specs, damaged specs and arbitrary bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopsc.diagnostics.model import Bag
from mlopsc.source import SourceMap
from mlopsc.syntax import parse, read_source
from mlopsc.syntax.ast import File, Node
from mlopsc.syntax.format import format_source

LIMITS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

# --- a generator of valid specs, with unusual spacing and comments ---------------------------------------------------

NAMES = ["age", "x", "test", "model", "gate", "data", "from", "`Monthly Charges`", "in_stock", "edition"]
VERBS = ["expect", "require", "when", "given", "dedupe"]
NUMBERS = ["1", "1_000", "0.5", "1e-3", "5%", "50ms", "1.5h", "512MiB"]
LITERALS = [*NUMBERS, '"a"', '""', '"q\\"x"', '"\\u{e9}"', '"# no comment"', "true", "false", "null", '"""a\n  b"""']
BREAKS = ["", "", "", "", "\n", "\n\n", " # inner\n", "\r\n  "]
OPERATORS = ["+", "-", "*", "/", "<", "==", "and", "or\n", "in", "not in", "\nand", "- # why\n"]
SEPARATORS = ["\n", "\n", "\n\n\n", " ; ", "  # trailing\n", "\n# own line\n", "\r\n", "\n\n  # apart\n\n", ";# both\n"]


class Maker:
    """Makes texts that are valid by construction; `room` bounds how deep they go."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.pick = self.random.choice

    def some(self, most: int, make: Callable[[], str]) -> list[str]:
        return [make() for _ in range(self.random.randint(0, most))]

    def name(self) -> str:
        return self.pick(NAMES)

    def dotted(self) -> str:
        return f"{self.name()}.{self.pick([*NAMES, 'then', 'in'])}"

    def call(self, room: int) -> str:
        if room <= 0:
            return f"{self.name()}()"
        gap = self.pick(BREAKS)
        names = ["", "", f"{self.name()} = ", "in = "]
        arguments = self.some(4, lambda: self.pick(names) + self.value(room - 1))
        return f"{self.name()}({gap}{(',' + gap).join(arguments)}{self.pick(['', ',']) * bool(arguments)}{gap})"

    def list(self, room: int) -> str:
        gap = self.pick(BREAKS)
        return f"[{(',' + gap).join(self.some(4, lambda: self.value(room - 1)))}]"

    def range(self) -> str:
        ends = [*NUMBERS, *NAMES, "-1", 'date("2026-01-01")']
        return f"{self.pick(ends)}..{self.pick(ends)}"

    def operand(self, room: int) -> str:
        make = self.pick(
            [
                self.name,
                self.dotted,
                lambda: self.pick(LITERALS),
                lambda: f"({self.expr(room - 1)})",
                lambda: self.call(room),
            ]
        )
        return make() if room > 0 else self.name()

    def expr(self, room: int) -> str:
        one, two, three = (self.operand(room - 1) for _ in range(3))
        return self.pick(
            [
                one, one, self.range(), self.list(room) if room > 0 else one, f"not {one}", f"-{one}",
                f"{one} {self.pick(OPERATORS)} {two}", f"{one} is null", f"{one} is not null", f"{one} * {two} - -{three}",
                f"if {one} then {two} else {three}", f"if {one}\n then {two}\n else {three}", f"{one} or {two} and {three}",
            ]
        )  # fmt: skip

    def value(self, room: int) -> str:
        return self.expr(room) + "".join(self.some(2, lambda: self.pick([" |> ", "\n|> "]) + self.call(room - 1)))

    def atom(self) -> str:
        makes = [
            self.name,
            self.dotted,
            self.range,
            lambda: self.call(1),
            lambda: self.list(1),
            lambda: "-" + self.pick(NUMBERS),
        ]
        return self.pick(makes)()

    def clauses(self, words: list[str]) -> str:
        return "".join(self.some(3, lambda: f" {self.pick(words)} {self.atom()}"))

    def type(self) -> str:
        return self.pick(["int", "float?", 'category("a", "b")?', "bool()", f"x({self.value(1)},)"])

    def statement(self, room: int) -> str:
        words = ["by", "for", "then", "from"]
        makes = [
            lambda: (
                f"{self.pick([self.name(), self.dotted(), 'in', 'null'])} {self.pick(['=', '  ='])} {self.value(3)}"
            ),
            lambda: f"{self.name()} : {self.type()}{self.clauses([*words, 'in'])}",
            lambda: f"{self.pick(VERBS)} {self.expr(3)}{self.clauses(words)}",
            lambda: f"{self.pick(VERBS)}({self.expr(2)})",
            self.name,
            lambda: f"{self.name()} |> {self.call(2)}",
            lambda: f"[*numeric, a] |> {self.call(1)}",
            lambda: f"{self.name()} {self.body(room - 1)}" if room > 0 else self.name(),
        ]
        return self.pick(makes)()

    def body(self, room: int) -> str:
        inner = "".join(self.some(5, lambda: self.statement(room) + self.pick(SEPARATORS)))
        return "{" + self.pick(["", " ", "\n", " # head\n"]) + inner + "}"

    def item(self) -> str:
        return self.pick(
            [
                f"{self.name()} {self.name()}{self.clauses(['on', 'from'])} {self.body(2)}",
                f"{self.name()} {self.name()} {self.body(1)}",
                f"param {self.name()} = {self.value(3)}",
                f"param {self.name()} : {self.type()} = {self.value(2)}",
                'import "shared.mlops"',
            ]
        )

    def spec(self) -> str:
        head = self.pick(["edition 2026\n", "# about\nedition 2026\n\n", "\ufeff"])
        ends = ["\n", "\n\n", "  # trailing\n", "\n# own\n", ";"]
        return head + self.item() + "\n" + "".join(self.some(4, lambda: self.item() + self.pick(ends)))


specs = st.integers(0, 1 << 40).map(lambda seed: Maker(seed).spec())


def read(text: str) -> tuple[File, Bag]:
    bag = Bag()
    return parse(SourceMap().add("generated", text), bag), bag


def shape(value: object) -> object:
    """A tree without positions, comments, and how a name is quoted."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, Node):
        skip = ("start", "end", "comments", "quoted")
        return type(value).__name__, [shape(getattr(value, name)) for name in value.fields if name not in skip]
    return value


# --- valid specs -----------------------------------------------------------------------------------------------------


@LIMITS
@given(specs)
def test_formatting_keeps_tree_and_comments_and_is_idempotent(text: str) -> None:
    file, bag = read(text)
    assert not bag.items, (text, bag.items)
    once = format_source(text)
    again, bag = read(once)
    assert not bag.items, (once, bag.items)
    assert shape(again) == shape(file)
    assert sorted(c.text for c in again.comments) == sorted(c.text for c in file.comments)
    assert format_source(once) == once
    assert "\n\n\n" not in once
    assert "\t" not in once
    assert not re.search(r" $", once, re.MULTILINE)


@LIMITS
@given(specs)
def test_every_span_lies_in_that_of_its_parent(text: str) -> None:
    file, _ = read(text)
    stack: list[Node] = [file]
    while stack:
        node = stack.pop()
        for name in node.fields[2:]:
            child = getattr(node, name)
            for part in child if isinstance(child, list) else [child]:
                if isinstance(part, Node):
                    assert node.start <= part.start <= part.end <= node.end, (node, part)
                    stack.append(part)


# --- damaged specs ---------------------------------------------------------------------------------------------------

WHOLE = """edition 2026

pipeline churn {
  about = "x"
  retries = 2
}

data customers {
  source = csv("a.csv")
  key    = customer_id
  columns {
    age : int? in 0..120
    contract : category("a", "b") from "Contract"
  }
  expect rows >= 1_000
}

model churn_model from inputs {
  algorithm = best_of(
    logistic_regression(C = 1),
    dummy(),
  )
  tuning { trials = 30; folds = 5 }
}

monitor watch on api {
  when drift(x) > 0.2 for 2 of 3 then alert(oncall), retrain(cooldown = 7d)
}
"""
JUNK = [
    "x = = 3", "x =", "x == 3", "x : 30", "x = (1", "x = [1, 2,", "x = f(1,", "x = )", "x = 1)", ")", "]", "{", "}",
    "require a = 3", "expect a <", "expect 0 < a < 3", "clip(x, 0, 1)", "x = a && b", "x = 'abc'", 'x = "abc', "x = 30 d",
    "x = 30sec", "x = .5", "@@@ foo", "x = $a", "x = if a then b", "x = f(g(1, 2)", "x = [1, (2]", "foo bar baz =",
    "foo bar {", "x = { a: 1 }", "x = {", "when x > 2 then", "x y by", "x = a b", "x = a ** 2", "x = 3 // c", "3 = x",
    '"str"', "x |>", "x, y = 3", "`abc = 3", "x = \0", "x = not", "model m from f {", "x = a.b(3)", "a : int = 3",
    "x = -", "param a b", "x = 1..", "x = a is b", "- 3", "x = [*]", "f(", "f(a, b", "x = f(a b)", "= 3", ": int", ". x",
]  # fmt: skip
BLOCKS = {
    "  about": "churn", "  retries": "churn", "  source": "customers", "  key": "customers", "    contract": "customers",
    "  expect": "customers", "  algorithm": "churn_model", "  tuning": "churn_model", "  when": "watch",
}  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_one_bad_statement_gives_one_finding_and_keeps_the_other_blocks(junk: str) -> None:
    for line, owner in BLOCKS.items():
        at = WHOLE.index("\n" + line) + 1
        indent = " " * (len(line) - len(line.lstrip()))
        file, bag = read(WHOLE[:at] + indent + junk + "\n" + WHOLE[at:])
        assert len(bag.items) == 1, (line, bag.items)
        assert file.damaged
        kept = {item.name.text for item in file.items}
        assert kept >= {"churn", "customers", "churn_model", "watch"} - {owner}, (line, kept)


@pytest.mark.parametrize(
    "junk", ["foo", "foo bar", "foo = 1", "= 1", "x == 3", ")", "}", '"text"', "foo 3", "param a b", "foo bar = "]
)
def test_one_bad_declaration_gives_one_finding_and_keeps_all_blocks(junk: str) -> None:
    for line in ("pipeline", "data", "model", "monitor"):
        at = WHOLE.index("\n" + line) + 1
        file, bag = read(WHOLE[:at] + junk + "\n" + WHOLE[at:])
        assert len(bag.items) == 1, (line, bag.items)
        assert [item.name.text for item in file.items] == ["churn", "customers", "churn_model", "watch"]


@LIMITS
@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.text(max_size=6))
def test_any_edit_of_a_spec_is_read_and_spans_stay_inside(at: int, cut: int, put: str) -> None:
    text = WHOLE[:at] + put + WHOLE[at + cut :]
    file, bag = read(text)
    assert file.damaged == bool(bag.items)
    assert all(0 <= d.span[0] <= d.span[1] <= len(text) for d in bag.items)
    if file.damaged:
        assert format_source(text) == text
    else:
        assert format_source(format_source(text)) == format_source(text)


# --- anything --------------------------------------------------------------------------------------------------------


@LIMITS
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_bytes_never_raise(data: bytes) -> None:
    sources, bag = SourceMap(), Bag()
    source = read_source(data, sources, bag)
    if source is None:
        assert bag.has_errors
    else:
        parse(source, bag)
        for item in bag.items:
            sources.locate(item.span[0])


@LIMITS
@given(st.text(alphabet="(){}[]=:;,.|> \n\"'`#ab1%-+*", max_size=300))
def test_punctuation_soup_never_raises(text: str) -> None:
    file, bag = read(text)
    assert file.damaged == bool(bag.items)


HOSTILE = {
    "open parens": "p x {\n a = " + "(" * 20_000,
    "lines of parens": "p x {\n" + "a = (\n" * 3_000,
    "open braces": "a b {" * 4_000,
    "closing braces": "}" * 20_000,
    "minus": "p x {\n a = " + "-" * 20_000 + "1\n}",
    "else if": "p x {\n a = " + "if a then b else " * 2_000 + "c\n}",
    "sum": "p x {\n a = " + "a + " * 5_000 + "a\n}",
    "settings outside": "a = 1\n" * 3_000,
    "unclosed calls": "p x {\n" + "a = f(1,\n" * 2_000 + "}",
    "dicts": "p x {\n" + "a = {\n" * 3_000 + "}",
    "quotes": '"' * 20_000,
    "triple quotes": '"""\n\\"""\n' * 2_000,
    "brackets after each other": "p x {\n" + "a = [1\n" * 3_000 + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_soon(name: str) -> None:
    """No finding is dear: the bound is far above what a linear pass takes, and far below a quadratic one."""
    started = time.process_time()
    file, bag = read(HOSTILE[name])
    assert time.process_time() - started < 8
    assert file.damaged
    assert bag.has_errors
