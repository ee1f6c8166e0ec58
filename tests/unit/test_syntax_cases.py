"""Cases of tests/cases/syntax: a spec, what is found in it, and the tree that is left, as one text file each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlopsc.diagnostics.model import Bag
from mlopsc.source import SourceMap
from mlopsc.syntax import parse
from mlopsc.syntax.ast import Node

CASES = sorted((Path(__file__).parent.parent / "cases" / "syntax").glob("*.txt"))
FINDINGS, TREE = "\n=== findings ===\n", "\n=== tree ===\n"


def dump(value: object, indent: int = 0) -> str:
    """A node without spans and comments: its class and its attributes, statements one a line."""
    if isinstance(value, list):
        if value and type(value[0]).__name__ in (
            "Block",
            "Binding",
            "Setting",
            "Rule",
            "Column",
            "Section",
            "Selection",
        ):
            pad = "\n" + "  " * (indent + 1)
            return "[" + "".join(pad + dump(item, indent + 1) for item in value) + "]"
        return "[" + ", ".join(dump(item, indent) for item in value) + "]"
    if not isinstance(value, Node):
        return repr(value)
    kind = type(value).__name__
    if kind == "Name":
        return ("`" if value.quoted else "") + value.text
    if kind == "Literal":
        return f"{value.kind}:{value.value!r}"
    parts = [dump(getattr(value, name), indent) for name in value.fields[2:] if name not in ("comments", "damaged")]
    return f"{kind}({', '.join(parts)})"


def findings(text: str) -> tuple[list[str], object]:
    sources, bag = SourceMap(), Bag()
    file = parse(sources.add("case", text), bag)
    lines = []
    for item in bag.sorted():
        _, line, column = sources.locate(item.span[0])
        _, end_line, end_column = sources.locate(item.span[1])
        end = f"{end_column}" if end_line == line else f"{end_line}:{end_column}"
        lines.append(f"{line}:{column}-{end} {item.code} {item.name}: {item.message}")
        if item.help:
            lines.append(f"    help: {item.help}")
        if item.edit:
            lines.append(f"    edit: {item.edit.text!r}")
    return lines, file


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_has_its_findings_and_tree(path: Path, golden: Callable[[Path, str], None]) -> None:
    text = path.read_text("utf-8").split(FINDINGS)[0] + "\n"
    lines, file = findings(text)
    golden(path, text.rstrip("\n") + FINDINGS + "\n".join(lines) + TREE + dump(file) + "\n")


def test_there_are_cases() -> None:
    assert len(CASES) >= 15
