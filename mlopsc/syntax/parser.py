"""Spec text to syntax tree. Total: whatever the text, there is a tree of what could be read, and findings for the rest."""

from __future__ import annotations

import gc

from mlopsc.diagnostics.model import Bag
from mlopsc.source import Source
from mlopsc.syntax.ast import Binding, Block, Edition, File, Import
from mlopsc.syntax.build import Builder, Item
from mlopsc.syntax.lexer import SEP, Lexer
from mlopsc.syntax.machine import Machine
from mlopsc.syntax.problems import Problem, Problems
from mlopsc.syntax.recover import Recovery


def parse(source: Source, bag: Bag) -> File:
    """The tree of a text. Each syntax error is one diagnostic, and its statement is not in the tree (`damaged`)."""
    problems = Problems()
    lexer = Lexer(source.text, source.base, problems)
    machine = Machine(lexer, Builder(source.text, source.base, problems))
    recovery = Recovery(machine, lexer, problems)
    collecting = gc.isenabled()
    # Nothing that is made here is garbage; looking for it takes a third of the time of a long text.
    gc.disable()
    try:
        lexer.start(1 if source.text.startswith("\ufeff") else 0, [(SEP, None)], 0)
        while not machine.run():
            recovery.go_on()
    finally:
        if collecting:
            gc.enable()
    file = _assemble(machine.values[-1], source, problems)
    file.comments = lexer.comments
    if not file.items and not file.imports and file.edition is None and not problems:
        message = "The spec is empty."
        problems.add(Problem("empty-spec", source.base, source.base, message, "`mlopsc init` writes a first one."))
    file.damaged = bool(problems)
    problems.report(source, bag)
    return file


def _assemble(items: list[Item], source: Source, problems: Problems) -> File:
    """Sort the items of a file out; `edition` and `import` are told by their word, which is not reserved."""
    edition: Edition | None = None
    imports: list[Import] = []
    rest: list[Binding | Block] = []
    for number, item in enumerate(items):
        if not isinstance(item, tuple):
            rest.append(item)
            continue
        word, literal = item
        if word.text == "edition" and isinstance(literal.value, int) and not word.quoted:
            if number:
                message = "`edition` stands before everything else."
                problems.add(
                    Problem("syntax-error", word.start, literal.end, message, "Move it to the top of the file.")
                )
            else:
                edition = Edition(word.start, literal.end, literal.value)
        elif word.text == "import" and literal.kind == "string" and not word.quoted:
            imports.append(Import(word.start, literal.end, literal))
        else:
            message, advice = _misplaced(word.text, literal.kind)
            problems.add(Problem("syntax-error", word.start, literal.end, message, advice))
    end = source.base + len(source.text)
    return File(source.base, end, edition, imports, rest, [], False)


def _misplaced(word: str, kind: str) -> tuple[str, str | None]:
    if word == "edition":
        return "An edition is a year, without quotes.", "Write `edition 2026`."
    if word == "import":
        return "What is imported is a path in double quotes.", 'Write `import "shared.mlops"`.'
    return f"`{word}` and a literal make no declaration.", "A declaration is `KIND NAME = value` or `KIND NAME { … }`."
