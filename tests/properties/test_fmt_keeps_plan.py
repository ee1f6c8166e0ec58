"""Formatting never changes what a spec means: its Plan stays the same, but for places and digests of files. Held over whole
specs and over the same specs laid out as badly as the language allows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mlopsc.diagnostics.model import Bag
from mlopsc.driver.check import check_file
from mlopsc.driver.compiling import plan_of
from mlopsc.driver.spec import SpecFile
from mlopsc.source import Source
from mlopsc.syntax import ast, format_source, parse
from mlopsc.syntax.scan import BRACES, CLOSING, OPENING, scan

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = [*sorted((ROOT / "examples").glob("*/*.mlops")), ROOT / "bench" / "workload.mlops"]
SPECS = [*sorted((ROOT / "tests" / "cases" / "specs").glob("*.mlops")), *SHOWN]
LAYOUTS = 4  # bad layouts of each spec
_OPEN_ENDED = re.compile(r"(?:[,+*/<>=(\[]|\.\.|\|>|\b(?:and|or|not|in|if|then|else))$")


def meaning(path: Path, text: str) -> Any:
    """The Plan as JSON without places in the text and digests of files."""
    checked = check_file(SpecFile(path.name, str(path.parent), path.name, text.encode("utf-8")))
    assert checked.findings == (), [(f.place.start, f.message) for f in checked.findings]
    return _bare(plan_of(checked).model_dump(mode="json"))


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key not in ("where", "files")}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def comments(text: str) -> list[str]:
    return sorted(comment.text for comment in parse(Source("-", text, 0), Bag()).comments)


class Spoiler:
    """Lays a spec out anew: the same tokens with other blanks, line ends and comments between them."""

    def __init__(self, text: str, seed: str) -> None:
        self.text = text
        self.random = Random(seed)
        self.file = parse(Source("-", text, 0), Bag())
        self.columns = {
            column.name.text
            for block in self.file.items
            if isinstance(block, ast.Block)
            for section in block.body
            if isinstance(section, ast.Section)
            for column in section.body
            if isinstance(column, ast.Column)
        }
        self.number = 0

    def comment(self) -> str:
        self.number += 1
        return f'#{self.random.choice(["", " ", "# "])}note {self.number} `{{"( }}'

    def spoilt(self) -> str:
        parts: list[str] = []
        nested, end = 0, 0
        for token in scan(self.text, 0):
            gap = self.text[end : token.start]
            parts.append(self.between(gap, parts[-1] if parts else "", token.kind in BRACES, nested))
            word = self.text[token.start : token.end]
            follows = self.text[token.end : token.end + 1]
            if word in self.columns and follows != "(" and self.random.random() < 0.3:
                word = f"`{word}`"
            parts.append(word)
            nested += (token.kind in OPENING) - (token.kind in CLOSING)
            end = token.end
        parts.append(self.text[end:])
        text = "".join(parts)
        return text.replace("\n", "\r\n") if self.random.random() < 0.5 else text

    def between(self, gap: str, before: str, brace: bool, nested: int) -> str:
        chance = self.random.random()
        if "#" in gap or not before:
            return gap
        if "\n" in gap:
            if not nested and chance < 0.15 and not brace and before not in ("{", ",") and not _is_open(before):
                return " ; " if before != "}" else gap
            return self.lines()
        if nested and chance < 0.1 and gap:
            return self.lines()
        if _OPEN_ENDED.search(before) and gap and chance < 0.1 and before != "=":
            return self.lines()
        return self.random.choice([" ", "  ", "\t"]) if gap else ""

    def lines(self) -> str:
        """A line end, with comments and blank lines about it."""
        text = self.random.choice(["", "", "", "  " + self.comment()]) + "\n"
        for _ in range(self.random.choice([0, 0, 0, 1, 3])):
            text += self.random.choice(["", "   ", self.comment(), "\t" + self.comment()]) + "\n"
        return text + " " * self.random.choice([0, 0, 2, 7])


def _is_open(before: str) -> bool:
    return bool(_OPEN_ENDED.search(before))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_formatting_keeps_the_plan(path: Path) -> None:
    text = path.read_text("utf-8")
    assert meaning(path, format_source(text)) == meaning(path, text)


@pytest.mark.parametrize("number", range(LAYOUTS))
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_layout_means_the_same_and_formatting_mends_it(path: Path, number: int) -> None:
    text = path.read_text("utf-8")
    spoilt = Spoiler(text, f"{path.stem} {number}").spoilt()
    assert spoilt != text
    plan = meaning(path, text)
    assert meaning(path, spoilt) == plan
    once = format_source(spoilt)
    assert once != spoilt
    assert meaning(path, once) == plan
    assert comments(once) == sorted(line.rstrip("\r") for line in comments(spoilt))
    assert format_source(once) == once
    assert "\r" not in once


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_the_specs_that_are_shown_stand_in_the_canonical_layout(path: Path) -> None:
    text = path.read_text("utf-8")
    assert format_source(text) == text


def test_what_is_left_out_of_the_comparison_is_only_where_things_stand() -> None:
    assert json.loads(json.dumps(_bare({"where": 1, "files": 2, "a": [{"where": 3, "b": 4}]}))) == {"a": [{"b": 4}]}
