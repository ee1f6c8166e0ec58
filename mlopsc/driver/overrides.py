"""`--set NAME=VALUE` words."""

from __future__ import annotations

from mlopsc.driver.failure import Failure


def pairs(words: list[str]) -> tuple[tuple[str, str], ...]:
    """(name, value text) of each word, the last of a name winning. Raises Failure for a word without `=`."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise Failure(f"--set {word}: write NAME=VALUE, for example --set test_share=30%")
        found[name.strip()] = value.strip()
    return tuple(found.items())
