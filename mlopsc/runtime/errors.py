"""Failures of a step, in two kinds: verdicts, which no retry can change, and everything else, which a retry may."""

from __future__ import annotations

from typing import Any


class StepError(Exception):
    """A verdict: the data, the model or the spec is at fault. Never retried.

    `code` is a stable MLC90xx/80xx code with its readable `name`; `where` a place {"file", "line", "column"} of the spec.
    """

    def __init__(
        self,
        code: str,
        name: str,
        message: str,
        *,
        where: dict[str, Any] | None = None,
        help: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.where = where
        self.help = help
        self.details = details or {}

    def to_json(self) -> dict[str, Any]:
        """The `error` object of a step in `run --json`."""
        found: dict[str, Any] = {"code": self.code, "name": self.name, "message": self.message}
        if self.where:
            found |= {"file": self.where["file"], "line": self.where["line"]}
        if self.help:
            found["help"] = self.help
        if self.details:
            found["details"] = self.details
        return found


class StepWaiting(Exception):  # noqa: N818 - not an error: a step that waits for a person's decision
    """Raised by an approve step with no decision recorded yet; the run stops here with status "waiting". `shown`: lines of
    what is decided on."""

    def __init__(self, message: str, shown: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.shown = shown or []


class UsageError(StepError):
    """What was asked cannot be done as asked: a wrong name or value, a store in use, a decision nobody waits for. The
    command line ends with exit code 2."""


class LostConnection(StepError):  # noqa: N818 - the field's own word
    """A connection broke or timed out: not a verdict, so a retry may help. Told like any StepError when none is left."""
