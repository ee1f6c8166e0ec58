"""Whether the packages that a folder lists are installed as listed, told before a step begins."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UsageError
from .keys import versions

_LINE = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(.*)")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*([0-9][0-9A-Za-z.]*)")


def check(listed: Path) -> None:
    """UsageError names every package of a requirements file that is missing or of another version, with both versions."""
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError("MLC9013", "bad-plan", f"{listed} cannot be read: {error}") from None
    wanted = [match.groups() for line in lines if (match := _LINE.fullmatch(line.partition("#")[0].strip()))]
    installed = versions(re.sub(r"[-_.]+", "-", name).lower() for name, _ in wanted)
    differing = []
    for name, bounds in wanted:
        found = installed[re.sub(r"[-_.]+", "-", name).lower()]
        if found is None or not holds(found, bounds):
            differing.append(f"{name} {bounds} is needed, {found or 'none'} is installed".replace("  ", " "))
    if differing:
        raise UsageError(
            "MLC9070",
            "other-packages",
            "; ".join(differing),
            help=f"pip install -r {listed}",
        )


def holds(version: str, bounds: str) -> bool:
    """Whether a release is within bounds such as `>=1.5,<2`. What follows the numbers (rc1, .post2) does not count."""
    mine = _numbers(version)
    for sign, text in _BOUND.findall(bounds):
        other = _numbers(text)
        length = max(len(mine), len(other))
        left, right = mine + (0,) * (length - len(mine)), other + (0,) * (length - len(other))
        if not {">=": left >= right, "<=": left <= right, "==": left == right, "<": left < right, ">": left > right}[
            sign
        ]:
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    found = []
    for part in text.split("."):
        match = re.match(r"[0-9]+", part)
        if not match:
            break
        found.append(int(match[0]))
    return tuple(found)
