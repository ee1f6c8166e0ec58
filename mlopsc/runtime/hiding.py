"""Values from outside that a spec names, secret("NAME") and env("NAME"), kept out of whatever is told or written."""

from __future__ import annotations

import json
import os
import string
from collections.abc import Mapping
from typing import Any

_PLAIN = string.ascii_letters + string.digits + "_.-~"  # what a URL does not quote


def outside(plan: Any) -> dict[str, str]:
    """Names of the environment's variables that the plan refers to, each with how: "secret" or "env"."""
    if isinstance(plan, dict):
        if len(plan) == 1:
            ((how, name),) = plan.items()
            if how in ("secret", "env") and isinstance(name, str):
                return {name: how}
        plan = list(plan.values())
    found: dict[str, str] = {}
    if isinstance(plan, (list, tuple)):
        for part in plan:
            for name, how in outside(part).items():
                found[name] = "secret" if "secret" in (how, found.get(name)) else how
    return found


def hidden(names: Mapping[str, str]) -> list[str]:
    """Values that no message, log or record may hold, longest first: of secrets, and of other variables with four or more
    characters (a port or a flag would take ordinary digits and words along); also as Python, JSON and URLs write them, and
    each line of several that has four or more characters, since messages are cut at line ends."""
    found: set[str] = set()
    for name, how in names.items():
        value = os.environ.get(name, "")
        if len(value) >= (1 if how == "secret" else 4):
            found |= {value, repr(value)[1:-1], json.dumps(value)[1:-1], _quoted(value, ""), _quoted(value, "/")}
            found |= {line for line in value.splitlines() if len(line.strip()) >= 4}
    return sorted(found, key=len, reverse=True)


def without(value: Any, hide: list[str]) -> Any:
    """JSON `value` with *** for each text of `hide`, wherever it stands."""
    if isinstance(value, str):
        for text in hide:
            value = value.replace(text, "***")
        return value
    if not hide:
        return value
    if isinstance(value, dict):
        return {k: without(v, hide) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [without(v, hide) for v in value]
    return value


def told(outcome: dict[str, Any], hide: list[str]) -> dict[str, Any]:
    """A step's outcome with what people read of it cleaned; codes, places and digests stay, however short a secret is."""
    found = {k: without(v, hide) if k in ("traceback", "message", "summary", "shown") else v for k, v in outcome.items()}
    if "error" in found:
        kept = ("code", "name", "file", "line")
        found["error"] = {k: v if k in kept else without(v, hide) for k, v in found["error"].items()}
    return found


def _quoted(value: str, safe: str) -> str:
    plain = _PLAIN + safe
    return "".join(c if c in plain else "".join(f"%{byte:02X}" for byte in c.encode()) for c in value)
