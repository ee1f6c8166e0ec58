"""Which regular expressions `matches` takes: those that mean the same in Python and in RE2."""

from __future__ import annotations

import pytest

from mlopsc.semantics.patterns import fault


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z]{2}\\d+",
        "(a|b)*c?",
        "(?:x)+?",
        "(?P<year>\\d{4})",
        "[(?=]",
        "[]+*]",
        "\\(\\?=",
        "(?i)abc",
        "é+",
        "a{1,1000}",
        "",
    ],
)
def test_a_pattern_that_both_engines_know_is_taken(pattern: str) -> None:
    assert fault(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a",
        "*a",
        "(?=a)b",
        "(?!a)b",
        "(?<=a)b",
        "(?<!a)b",
        "(a)\\1",
        "(?P<n>a)(?P=n)",
        "(a)?(?(1)b|c)",
        "(?>a)",
        "a++",
        "a{1001}",
    ],
)
def test_a_pattern_that_the_data_engine_would_refuse_is_explained(pattern: str) -> None:
    problem = fault(pattern)
    assert problem is not None
    assert problem.endswith(".")
