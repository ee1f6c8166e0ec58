"""The tables that travel are those of the grammar, and lark's own parser agrees with ours on what a spec is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lark
import pytest
from lark.lexer import Lexer as LarkLexer

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "grammar"))

from mlopsc_grammar.build import main, make_parser, render  # noqa: E402

from mlopsc.diagnostics.model import Bag  # noqa: E402
from mlopsc.source import SourceMap  # noqa: E402
from mlopsc.syntax import parse  # noqa: E402
from mlopsc.syntax.build import Builder  # noqa: E402
from mlopsc.syntax.lexer import END, ERROR, SEP, Lexer  # noqa: E402
from mlopsc.syntax.problems import Problems  # noqa: E402
from mlopsc.syntax.tables import RULES, TERMINALS  # noqa: E402

CASES = sorted((ROOT / "tests" / "cases" / "syntax").glob("*.txt"))


class OurLexer(LarkLexer):
    """Our tokens for lark's parser."""

    def __init__(self, conf: Any) -> None:
        self.conf = conf

    def lex(self, data: str) -> Iterator[lark.Token]:
        lexer = Lexer(data, 0, Problems())
        lexer.start(0, [(SEP, None)], 0)
        while True:
            last = len(lexer.types) - (not lexer.done)
            for kind in lexer.types[:last]:
                if kind != END:
                    yield lark.Token("ERROR" if kind == ERROR else TERMINALS[kind - 1], "")
            if lexer.done:
                return
            lexer.fill()


def lark_accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


def we_accept(text: str) -> bool:
    """Whether no finding of ours is about the grammar; those of the lexer are not lark's."""
    bag = Bag()
    parse(SourceMap().add("case", text), bag)
    return not bag.items


TEXTS = [
    "a b {}", "a b { c }", "a b { c = 1 }", "a b { c : int? from 1 in 0..1 }", "a b { c d by e, f then g() }", "a b",
    "a b { c = }", "a b { c = 1 2 }", "a b { = }", "a b c { }", "a b c d { }", "a b { c {} d = 1 }", "a b {} c d {}",
    "a b { c = if d then e }", "a b { c < d < e }", "a b { f(1, 2) }", "a b { c = -1..-2 }", "a b { c = -x..2 }",
    "param a : b = c", "param a : b", "a b { c = [1, 2,] }", "a b { c = [,] }", "a b { c |> d() |> e() }", "a b { c |> d }",
    "a b { c = not d in e }", "a b { c = d is not null }", "a b { c = d is e }", "a b { c.d.e = 1 }", "a b { c. = 1 }",
    "}", "a b { { }", "a b { c = (d }", "a b { c = *d }", "a b { [*d] }", "a b { in = 1; then : int }", "a b { x in 1 }",
]  # fmt: skip


def test_tables_are_those_of_the_grammar() -> None:
    assert (ROOT / "mlopsc" / "syntax" / "tables.py").read_text("utf-8") == render()
    assert main(["--check"]) == 0


def test_every_alias_of_the_grammar_has_its_function_and_no_function_is_left_over() -> None:
    aliases = {alias for _, _, alias in RULES if alias}
    assert aliases == {name for name in vars(Builder) if not name.startswith("_")}


def test_lark_accepts_and_rejects_the_same_texts() -> None:
    parser = make_parser(OurLexer)
    verdicts = [(text, lark_accepts(parser, text)) for text in TEXTS]
    assert [(text, we_accept(text)) for text in [t for t, _ in verdicts]] == verdicts
    assert {verdict for _, verdict in verdicts} == {True, False}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_lark_accepts_what_we_accept(path: Path) -> None:
    text = path.read_text("utf-8").split("\n=== findings ===\n")[0] + "\n"
    if we_accept(text):
        assert lark_accepts(make_parser(OurLexer), text)


def test_reading_a_spec_imports_no_lark() -> None:
    code = "import sys, mlopsc.syntax; assert not {'lark', 'dataclasses', 'inspect'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
