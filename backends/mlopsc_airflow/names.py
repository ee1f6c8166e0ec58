"""Airflow's own names for what a spec declares. Light: `check --target airflow` reads it too.

Task, group and DAG ids hold letters, digits, `_`, `-` and `.`, at most 250 in all; Airflow joins group and task by a dot.
"""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 200  # of a block's part: the dot, the longest kind and Airflow's own prefixes fit beside it
LONGEST_TAG = 100
# Of 255 bytes of a file's name: the store keeps a run in a folder NAME.RUN_ID, whose time and signs take the rest.
LONGEST_PIPELINE = 150
RESULT = "write_result"  # the task that writes result.json
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_]")


def identifier(name: str) -> str:
    """`name` with everything that an id or a Python variable cannot hold as `_`. Two names may give one identifier."""
    return _NOT_ALLOWED.sub("_", name)


def clashing(kind: str, name: str) -> str | None:
    """What must be unique for a declaration of that kind; None for kinds that get no id of their own."""
    return identifier(name) if kind in ("data", "model", "gate", "step") else None


def unlike(taken: Collection[str], name: str) -> str:
    """The name, lengthened until it is none of `taken`."""
    while name in taken:
        name += "_"
    return name
