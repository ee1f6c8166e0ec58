"""Back ends by name, found through the entry points of installed distributions: the built-in ones like any other.

Entry points are read from the distributions' own text files: importlib.metadata costs more than a whole `check`.
A back end's package holds `capabilities.CAPABILITIES` (light) and the object that its entry point names.
"""

from __future__ import annotations

import configparser
import importlib
import os
import sys
from functools import cache

from mlopsc.target.capability import Capabilities

GROUP = "mlopsc.backends"


class UnknownTarget(LookupError):  # noqa: N818 - what the user is told, not a fault
    """No installed back end has that name; `known` are those that have one."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no target {name}; installed are {', '.join(known) or 'none'}")
        self.name = name
        self.known = known


@cache
def entry_points() -> dict[str, str]:
    """Back end name to "module:object". The first distribution on the path wins."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = sorted(name for name in os.listdir(folder or ".") if name.endswith(".dist-info"))
        except OSError:
            continue
        for name in names:
            for target, reference in _declared(os.path.join(folder, name, "entry_points.txt")).items():
                found.setdefault(target, reference)
    return found


def _declared(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except OSError:
        return {}
    if GROUP not in text:
        return {}
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return dict(parser[GROUP]) if parser.has_section(GROUP) else {}


def names() -> list[str]:
    return sorted(entry_points())


def reference(name: str) -> str:
    """The entry point of a back end. UnknownTarget where there is none."""
    try:
        return entry_points()[name]
    except KeyError:
        raise UnknownTarget(name, names()) from None


def capabilities(name: str) -> Capabilities:
    """What a target can do, without importing its templates or pydantic."""
    package = reference(name).partition(":")[0].rpartition(".")[0]
    found = importlib.import_module(f"{package}.capabilities").CAPABILITIES
    assert isinstance(found, Capabilities)
    return found
