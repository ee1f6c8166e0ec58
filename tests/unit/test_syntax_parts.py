"""Literals, reading of files, positions, and layout, one behaviour a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlopsc.diagnostics.model import Bag
from mlopsc.source import SourceMap
from mlopsc.syntax import parse, read_source
from mlopsc.syntax.ast import Block, File, Rule, Setting
from mlopsc.syntax.format import format_source
from mlopsc.syntax.literals import read_number, read_string
from mlopsc.syntax.reading import LARGEST


def read(text: str) -> tuple[File, Bag]:
    bag = Bag()
    return parse(SourceMap().add("spec", text), bag), bag


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000", ("int", 1000)), ("0.5", ("float", 0.5)), ("1e-3", ("float", 0.001)), ("5%", ("percent", 0.05)),
        ("14.5%", ("percent", 0.145)), ("0.5%", ("percent", 0.005)), ("50ms", ("duration", 0.05)),
        ("1.5h", ("duration", 5400.0)), ("4w", ("duration", 2_419_200.0)), ("15min", ("duration", 900.0)),
        ("64KiB", ("size", 65_536)), ("1TiB", ("size", 1 << 40)), ("3B", ("size", 3)), ("007", ("int", 7)),
    ],
)  # fmt: skip
def test_number_has_kind_and_value(text: str, expected: tuple[str, float]) -> None:
    assert read_number(text) == expected


@pytest.mark.parametrize(
    "text", [".5", "1.", "1__0", "1_", "30sec", "5KB", "1e999", "9" * 5000, "9" * 20, "1.2.3", "0x1F"]
)
def test_text_that_is_no_number_gives_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\"b\\\n\t\u{1F600}"', 'a"b\\\n\t\U0001f600'),
        ('"""\n    a\n      b\n\n    c\n    """', "a\n  b\n\nc"),
        ('"""one line"""', "one line"),
        ('"""first\n  second"""', "first\nsecond"),
        ('"""\r\n  a\r\n  b\r\n"""', "a\nb"),
        ('""""""', ""),
    ],
)
def test_string_value(text: str, value: str) -> None:
    assert read_string(text) == (value, None)


@pytest.mark.parametrize("escape", ["\\q", "\\u{D800}", "\\u{110000}", "\\x"])
def test_bad_escape_is_named(escape: str) -> None:
    assert read_string(f'"a{escape}"')[1] is not None


def test_bom_and_crlf_change_nothing() -> None:
    plain = 'edition 2026\n\npipeline p {\n  about = """a\n  b"""\n  when x\n    then y\n}\n'
    file, bag = read("\ufeff" + plain.replace("\n", "\r\n"))
    assert not bag.items
    assert format_source("\ufeff" + plain.replace("\n", "\r\n")) == format_source(plain)
    block = file.items[0]
    assert isinstance(block, Block)
    assert isinstance(block.body[0], Setting)
    assert block.body[0].value.value == "a\nb"


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"a b {\xff}", "bad-encoding"), (b"#" * (LARGEST + 1), "file-too-large"), (b"\xef\xbb\xbf\xff", "bad-encoding")],
)
def test_bytes_that_are_no_spec_are_a_finding(data: bytes, name: str) -> None:
    bag = Bag()
    assert read_source(data, SourceMap(), bag) is None
    assert [item.name for item in bag.items] == [name]


def test_bad_byte_is_found_where_it_is() -> None:
    sources, bag = SourceMap(), Bag()
    read_source("# é\nab".encode() + b"\xff", sources, bag)
    assert sources.locate(bag.items[0].span[0])[1:] == (2, 3)


def test_missing_file_and_folder_are_findings(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mlops", tmp_path, "a\0b"):
        bag = Bag()
        assert read_source(path, SourceMap(), bag) is None
        assert [item.name for item in bag.items] == ["unreadable-file"]


@pytest.mark.parametrize("text", ["", " \n\t\n", "# only a comment\n", "\ufeff"])
def test_nothing_but_blanks_and_comments_is_an_empty_spec(text: str) -> None:
    assert [item.name for item in read(text)[1].items] == ["empty-spec"]


@pytest.mark.parametrize("opening", ["(", "[", "f(", "-", "not "])
def test_nesting_is_read_up_to_the_limit_and_refused_over_it(opening: str) -> None:
    def spec(levels: int) -> str:
        closing = {"(": ")", "[": "]", "f(": ")"}.get(opening, "")
        return "a b {\n x = " + opening * levels + "y" + closing * levels + "\n z = 1\n}\n"

    file, bag = read(spec(199))
    assert not bag.items
    assert format_source(format_source(spec(199))) == format_source(spec(199))
    file, bag = read(spec(300))
    assert [item.name for item in bag.items] == ["too-deep"]
    assert [statement.path[0].text for statement in file.items[0].body] == ["z"]


def test_spans_are_shifted_by_the_base_of_the_text() -> None:
    sources, bag = SourceMap(), Bag()
    sources.add("first", "x" * 100)
    source = sources.add("second", "a b { c = 1; d == 2 }")
    file = parse(source, bag)
    assert file.items[0].start == source.base
    assert sources.locate(bag.items[0].span[0])[::2] == (source, 16)


def test_a_rule_in_parentheses_is_marked_as_called() -> None:
    file, _ = read("g r on m {\n require (a >= 1)\n log1p(a)\n expect (a) + 1\n f(a) by b\n}")
    called = [rule.called for rule in file.items[0].body if isinstance(rule, Rule)]
    assert called == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("a   b{c=1\ndd   =  2}", "a b {\n  c  = 1\n  dd = 2\n}\n"),
        ("a b { c = 1;d=2 }", "a b { c = 1; d = 2 }\n"),
        ("a b {\n\n\n c = 1 # one\n\n\n\n # two\n d = 2\n\n}", "a b {\n  c = 1  # one\n\n  # two\n  d = 2\n}\n"),
        ("a b {\n expect x\n warn y\n}", "a b {\n  expect x\n  warn   y\n}\n"),
        ("a b {\n c : int\n}\nd e {\n f\n}", "a b {\n  c : int\n}\n\nd e {\n  f\n}\n"),
        ("a b { c = f(1, # one\n 2) }", "a b {\n  c = f(\n    1,  # one\n    2,\n  )\n}\n"),
        ("a b { c = x + # why\n 2 }", "a b {\n  # why\n  c = x + 2\n}\n"),
        ("a b {\n c = (x+ (-2))*y\n}", "a b {\n  c = (x + (-2)) * y\n}\n"),
    ],
)
def test_layout(text: str, formatted: str) -> None:
    assert format_source(text) == formatted
    assert format_source(formatted) == formatted


def test_a_call_over_100_characters_takes_a_line_for_each_argument() -> None:
    text = "a b {\n  c = f(" + ", ".join(f"argument_{n} = {n}" for n in range(8)) + ")\n}\n"
    expected = "a b {\n  c = f(\n" + "".join(f"    argument_{n} = {n},\n" for n in range(8)) + "  )\n}\n"
    assert format_source(text) == expected


def test_a_text_with_syntax_errors_is_left_as_it_is() -> None:
    assert format_source("a   b {\n c = = 1\n}") == "a   b {\n c = = 1\n}"
