"""Specs that nobody would write: whatever the bytes, there are findings and an exit code, soon, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlopsc.driver.check import check_file
from mlopsc.driver.compiling import plan_of
from mlopsc.driver.spec import SpecFile
from mlopsc.syntax.format import format_source

Run = Callable[..., "CompletedProcess[str]"]

ROOT = Path(__file__).resolve().parent.parent.parent
SPECS = [*sorted((ROOT / "tests" / "cases" / "specs").glob("*.mlops")), *sorted((ROOT / "examples").glob("*/*.mlops"))]
HEAD = 'edition 2026\npipeline p { about = "x" }\n'
DATA = 'data d { source = csv("a.csv"); columns { x : float; b : bool; y : bool } }\n'
MODEL = "model m from f { target = y; algorithm = gradient_boosting() }\ngate g on m { require roc_auc >= 0.7 }\n"
DEEP = 5_000

Found = list[tuple[int, str]]


def found_in(content: bytes | str, folder: str = "/nowhere") -> Found:
    data = content.encode() if isinstance(content, str) else content
    return [(f.place.start.line, f.name) for f in check_file(SpecFile("s.mlops", folder, "s.mlops", data)).findings]


def feature(expression: str) -> str:
    return HEAD + DATA + f"features f from d {{ x\n  a = {expression}\n}}\n" + MODEL


# --- odd files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [(1, "empty-spec")]),
        (b"# a comment\n", [(1, "empty-spec")]),
        (b"\xef\xbb\xbf" + HEAD.encode(), []),
        (HEAD.replace("\n", "\r\n").encode(), []),
        (HEAD.encode() + b"# good\nparam \xff", [(4, "bad-encoding")]),
        (HEAD.encode() + b"# \xed\xa0\x80", [(3, "bad-encoding")]),
        (HEAD.encode("utf-16"), [(1, "bad-encoding")]),
        (HEAD.encode() + b"param a\0 : int = 3", [(3, "bad-character")]),
        (b"\0" * 100, [(1, "bad-character")]),
        (HEAD.encode() + b'param a : string = "abc', [(3, "unterminated-string")]),
        (HEAD.encode() + b'param a : string = """abc\n\n', [(3, "unterminated-string")]),
        (HEAD.encode() + b"param `a : int = 3", [(3, "unterminated-string")]),
        (HEAD.encode() + "param 😀 : int = 3".encode(), [(3, "bad-character")]),
        (b"#" * (17 << 20), [(1, "file-too-large")]),
    ],
    ids=["empty", "comment", "bom", "crlf", "not utf-8", "surrogate", "utf-16", "nul", "nuls", "string", "triple", "backquote",
         "emoji", "17 MiB"],
)  # fmt: skip
def test_an_odd_file_has_one_finding_in_its_place(content: bytes, expected: Found) -> None:
    assert found_in(content) == expected


@pytest.mark.parametrize("depth", [202, DEEP])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("parentheses", lambda n: HEAD + "param a : int = " + "(" * n + "1" + ")" * n),
        ("lists", lambda n: HEAD + "param a : int = " + "[" * n + "]" * n),
        ("calls", lambda n: HEAD + "param a : int = " + "f(" * n + ")" * n),
        ("if", lambda n: HEAD + "param a : int = " + "if true then 1 else " * n + "2"),
        ("not", lambda n: HEAD + "param a : bool = " + "not " * n + "true"),
        ("minus", lambda n: HEAD + "param a : int = " + "- " * n + "1"),
        ("sections", lambda n: HEAD + "step s { " + "s { " * n + "} " * n + "}"),
        ("lines of sections", lambda n: HEAD + "step s {\n" + "s {\n" * n + "}\n" * n + "}\n"),
    ],
)
def test_nesting_without_end_is_one_finding(name: str, make: Callable[[int], str], depth: int) -> None:
    found = found_in(make(depth))
    assert [code for _, code in found if code not in ("unknown-setting", "missing-setting", "misplaced-statement")] == [
        "too-deep"
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 190 + "x" + ")" * 190,
        "abs(" * 90 + "x" + ")" * 90,
        "(b == " * 90 + "b" + ")" * 90,
        " + ".join(["x"] * 90),
        "if b then " * 60 + "1" + " else 2" * 60,
        "x in [" + ", ".join(map(str, range(20_000))) + "]",
    ],
)
def test_what_is_deep_or_long_but_within_the_bounds_is_compiled_and_laid_out(expression: str) -> None:
    text = feature(expression)
    checked = check_file(SpecFile("s.mlops", "/nowhere", "s.mlops", text.encode()))
    assert not checked.has_errors
    plan_of(checked)
    once = format_source(text)
    assert format_source(once) == once


@pytest.mark.parametrize("expression", ["x" + " + x" * 150_000, "b" + " and b" * 20_000, "- " * 150 + "x"])
def test_what_is_beyond_the_bounds_is_refused_once(expression: str) -> None:
    assert [name for _, name in found_in(feature(expression))] == ["too-deep"]


# --- any bytes --------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r'"[^"\n]*"|\w+|\.\.|\|>|[<>=!]=|\S|\n| +')
TOKENS = [TOKEN.findall(path.read_text("utf-8")) for path in SPECS]
POOL = [token for tokens in TOKENS for token in tokens if token.strip()]
JUNK = '(){}[]=:;,.|>"#`\\é\x00\n '


def spoilt(seed: int) -> str:
    """A spec with some of its tokens lost, doubled, moved, or taken from another one."""
    random = Random(seed)
    tokens = list(random.choice(TOKENS))
    for _ in range(random.choice([1, 1, 2, 3, 8])):
        at, kind = random.randrange(len(tokens) or 1), random.randrange(7)
        if kind == 0:
            del tokens[at : at + random.choice([1, 2, 5])]
        elif kind == 1:
            tokens[at : at + 1] = [random.choice(POOL)]
        elif kind == 2:
            tokens.insert(at, random.choice(POOL))
        elif kind == 3:
            tokens[at:at] = tokens[at : at + random.randrange(1, 30)]
        elif kind == 4:
            other = random.choice(TOKENS)
            start = random.randrange(len(other))
            tokens[at:at] = other[start : start + random.randrange(1, 40)]
        elif kind == 5:
            tokens.insert(at, "".join(random.choice(JUNK) for _ in range(random.randrange(1, 4))))
        else:
            tokens[at:at] = [tokens.pop(random.randrange(len(tokens) or 1))]
    return "".join(tokens)


@pytest.mark.parametrize("chunk", range(10))
def test_a_spoilt_spec_is_read_to_its_end(chunk: int) -> None:
    """Checked, laid out where it can be, and compiled where it is clean: nothing raises."""
    for seed in range(chunk * 40, chunk * 40 + 40):
        text = spoilt(seed)
        checked = check_file(SpecFile("s.mlops", str(SPECS[0].parent), "s.mlops", text.encode("utf-8", "replace")))
        lines = text.count("\n") + 1
        assert all(1 <= f.place.start.line <= lines + 1 for f in checked.findings), seed
        once = format_source(text)
        assert format_source(once) == once, seed
        if not checked.has_errors:
            plan_of(checked)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=400), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_a_spec_with_findings(content: bytes) -> None:
    assert found_in(content) or content.startswith(b"edition")


@pytest.mark.parametrize("text", ["param r:}", "data d { x:}\n}", "param r:\n}", "a b:{}}", "model m:}{", "gate:}"])
def test_recovery_always_ends(text: str) -> None:
    assert found_in(text)


# --- long specs -------------------------------------------------------------------------------------------------------


def lines(count: int, make: Callable[[int], str]) -> str:
    return "".join(make(i) for i in range(count))


LONG: dict[str, Callable[[int], str]] = {
    "models": lambda n: HEAD + DATA + "features f from d { x }\n" + lines(
        n // 4, lambda i: f"model m{i} from f {{ target = y; algorithm = dummy() }}\ngate g{i} on m{i} {{ require f1 > 0.1 }}\n"
    ),
    "features, each built on the one before": lambda n: HEAD + DATA + "features f from d {\n  a0 = x + 1\n" + lines(
        n, lambda i: f"  a{i + 1} = a{i} + 1\n"
    ) + "}\n" + MODEL,
    "columns": lambda n: HEAD + "data d {\n  source = csv(\"a\")\n  columns {\n    y : bool\n" + lines(
        5 * n, lambda i: f"    c{i} : float\n"
    ) + "  }\n}\nfeatures f from d { [*numeric] }\n" + MODEL,
    "a list": lambda n: feature("x in [" + lines(10 * n, lambda i: f"{i}, ") + "]"),
    "gates": lambda n: HEAD + DATA + "features f from d { x }\n" + MODEL + lines(
        n, lambda i: f"gate h{i} on m {{ require roc_auc >= 0.7 }}\n"
    ),
    "a chain of steps": lambda n: HEAD + lines(
        n // 10, lambda i: f'step s{i} {{ run = python("mod:f"){f"; after = [s{i - 1}]" * (i > 0)} }}\n'
    ),
    "unknown names": lambda n: HEAD + DATA + "features f from d { x\n" + lines(
        n, lambda i: f"  a{i} = zz{i} + 1\n"
    ) + "}\n" + MODEL,
    "syntax errors": lambda n: HEAD + DATA + "features f from d { x\n" + lines(n, lambda i: f"  a{i} = = x\n") + "}\n" + MODEL,
    "silencers": lambda n: HEAD + lines(n, lambda i: f"param q{i} : int = 3 # mlopsc: allow unused-param\n"),
    "unknown levels": lambda n: HEAD + "data d { source = csv(\"a\"); columns { y : bool; k : category(" + lines(
        n, lambda i: f'"l{i}", '
    ) + ") } }\nfeatures f from d { k |> onehot()\n" + lines(n // 2, lambda i: f'  b{i} = k == "m{i}"\n') + "}\n" + MODEL,
}  # fmt: skip


def calls(text: str, folder: str) -> int:
    """How many functions a check calls, Python's own among them."""
    made = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        check_file(SpecFile("s.mlops", folder, "s.mlops", text.encode()))
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("name", LONG)
def test_work_grows_with_the_length_of_a_spec_and_no_faster(name: str, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("def f(): pass\n")
    make = LONG[name]
    small, large = calls(make(600), str(tmp_path)), calls(make(2_400), str(tmp_path))
    assert large < 6 * small


@pytest.mark.parametrize("name", LONG)
def test_a_spec_of_a_megabyte_or_so_is_checked(name: str, tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("def f(): pass\n")
    found = found_in(LONG[name](10_000), str(tmp_path))
    wrong = {"unknown names": "unknown-column", "syntax errors": "syntax-error", "unknown levels": "unknown-level"}
    assert {code for _, code in found} == ({wrong[name]} if name in wrong else set())


# --- through the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("check",), ("fmt", "--check"), ("show",), ("graph",), ("compile", "--target", "local")]
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", HEAD.encode() + b"param a : int = " + b"(" * DEEP])
def test_every_command_tells_what_is_wrong_without_a_traceback(
    mlopsc: Run, tmp_path: Path, command: tuple[str, ...], content: bytes
) -> None:
    (tmp_path / "s.mlops").write_bytes(content)
    done = mlopsc(*command, "s.mlops")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stdout + done.stderr
    assert "MLC00" in done.stdout + done.stderr


def test_a_folder_without_specs_a_missing_file_and_a_closed_file_are_wrong_usage(mlopsc: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for word in ("folder", "none.mlops"):
        done = mlopsc("check", word)
        assert "Traceback" not in done.stderr
        assert done.returncode in (1, 2)
        assert word in done.stdout + done.stderr
    closed = tmp_path / "closed.mlops"
    closed.write_text(HEAD)
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        closed.unlink()
        closed.symlink_to(closed)  # root reads everything: a link to itself is closed to it, too
    done = mlopsc("check", "closed.mlops", "--format", "json")
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)
    if done.stdout:
        assert [d["name"] for d in json.loads(done.stdout)["diagnostics"]] == ["unreadable-file"]
