"""What a diagnostic is, and the bag that collects them.

Every check reports through `Bag` under a readable name of the table in `codes.py`; nothing is raised for a finding.
"""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.diagnostics.codes import CODES
from mlopsc.source import Span


class Edit(NamedTuple):
    """A change that a machine can apply: the text at `span` becomes `text`."""

    span: Span
    text: str


class Related(NamedTuple):
    """The other place of a conflict."""

    message: str
    span: Span


class Diagnostic(NamedTuple):
    code: str
    name: str
    severity: str  # "error" | "warning"
    message: str  # one sentence
    span: Span
    help: str | None = None  # at most one
    edit: Edit | None = None
    related: tuple[Related, ...] = ()


class Bag:
    """Collects diagnostics. One cause gives one diagnostic: a second one at the same span and code is dropped."""

    def __init__(self) -> None:
        self.items: list[Diagnostic] = []
        self._seen: set[tuple[str, Span]] = set()

    def report(
        self,
        name: str,
        span: Span,
        message: str,
        *,
        help: str | None = None,
        edit: Edit | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Add the finding `name` (a key of CODES, which fixes its code and severity)."""
        code, severity = CODES[name]
        if (code, span) in self._seen:
            return
        self._seen.add((code, span))
        self.items.append(Diagnostic(code, name, severity, message, span, help, edit, related))

    def sorted(self) -> list[Diagnostic]:
        return sorted(self.items, key=lambda d: (d.span, d.code))

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.items)
