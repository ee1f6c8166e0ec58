"""Regular expressions of `matches`: the data engine's are RE2's, so what only Python knows is refused.

Source of the syntax: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re

_LOOK = {"(?=": "look-ahead", "(?!": "look-ahead", "(?<=": "look-behind", "(?<!": "look-behind"}
_ONLY_PYTHON = {"(?(": "a conditional group", "(?P=": "a back-reference", "(?>": "an atomic group", "(?#": "a comment"}
_MAX_REPEAT = 1000  # RE2's own limit


def fault(pattern: str) -> str | None:
    """What is wrong with a pattern, as a sentence; None if both engines take it."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"This is no regular expression: {error}."
    at, in_class = 0, False
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            following = pattern[at + 1 : at + 2]
            if following in "123456789" and not in_class:
                return "A back-reference cannot be checked by the data engine."
            if following == "Z":
                return "\\Z is not known to the data engine; the pattern matches the whole value anyway."
            at += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            at += 1 + (pattern[at + 1 : at + 2] == "^")
            at += pattern[at : at + 1] == "]"  # a bracket that stands first is itself
            continue
        elif char == "(":
            problem = _group(pattern[at : at + 4])
            if problem is not None:
                return problem
        elif char in "*+?}" and pattern[at + 1 : at + 2] == "+":
            return "A possessive repeat cannot be checked by the data engine."
        elif char == "{":
            counts = re.match(r"\{(\d*)(?:,(\d*))?\}", pattern[at:])
            if counts and any(int(n) > _MAX_REPEAT for n in counts.groups() if n):
                return f"A repeat may ask for at most {_MAX_REPEAT}."
        at += 1
    return None


def _group(start: str) -> str | None:
    for opening, what in {**_LOOK, **_ONLY_PYTHON}.items():
        if start.startswith(opening):
            return f"{what[0].upper() + what[1:]} cannot be checked by the data engine."
    return None
