"""What a channel is told of a run: names, codes, places and the value that an error itself shows; no other data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .figures import plain

VERSION = 1
_MOST = 5  # failures told one by one
_LONGEST = 1000  # characters of one error's sentence
_RECORD = "`mlopsc runs RUN`"  # the help of a crash; what every message ends with says it with the run's name


class Announcement(NamedTuple):
    """`failures` as `failures_of` gives them; `waiting`: {"gate", "by", "until"}; `to_do`: a sentence for each."""

    pipeline: str
    run: str
    status: str
    failures: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    to_do: list[str]

    @property
    def title(self) -> str:
        words = {"failed": "failed", "rejected": "was rejected", "waiting": "waits for a decision"}
        return f"{self.pipeline}: run {self.run} {words[self.status]}"

    @property
    def text(self) -> str:
        """Lines for people."""
        lines = [self.title]
        for failure in self.failures[:_MOST]:
            lines += _failure_lines(failure)
        if len(self.failures) > _MOST:
            lines.append(f"and {len(self.failures) - _MOST} more")
        for gate in self.waiting:
            until = f" until {gate['until']}" if gate["until"] else ""
            lines.append(f"gate {gate['gate']} asks {', '.join(gate['by'])}{until}")
        return "\n".join([*lines, *(f"To do: {sentence}" for sentence in self.to_do)])

    def to_json(self) -> dict[str, Any]:
        """The object that a webhook is sent; docs/notify.md describes it."""
        return {"version": VERSION, **self._asdict(), "text": self.text}


def failures_of(
    steps: Sequence[Mapping[str, Any]], outcomes: Mapping[str, Mapping[str, Any]], error: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Every failed step's error, in the Plan's order, and what ended the run as a whole. What an error does not have is
    null."""
    found = [
        (s["id"], outcomes[s["id"]]["error"]) for s in steps if outcomes.get(s["id"], {}).get("status") == "failed"
    ]
    if error is not None and all(error["message"] != own["message"] for _, own in found):
        found.append((None, error))
    return [_failure(step, own) for step, own in found]


def _failure(step: str | None, error: Mapping[str, Any]) -> dict[str, Any]:
    details = error.get("details") or {}
    return {
        "step": step,
        "code": error["code"],
        "name": error["name"],
        "message": _short(error["message"]),
        "file": error.get("file"),
        "line": error.get("line"),
        "rule": details.get("rule"),
        "value": details.get("value"),
        "threshold": details.get("threshold"),
        "help": _short(error["help"]) if error.get("help") else None,
    }


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _failure_lines(failure: Mapping[str, Any]) -> list[str]:
    place = f"{failure['file']}:{failure['line']}: " if failure["file"] else ""
    step = f"{failure['step']}: " if failure["step"] else ""
    lines = [f"{place}{step}error[{failure['code']}] {failure['name']}: {failure['message']}"]
    if failure["rule"] is not None and failure["value"] is not None:
        against = f", threshold {_number(failure['threshold'])}" if failure["threshold"] is not None else ""
        lines.append(f"  rule {failure['rule']}: value {_number(failure['value'])}{against}")
    return lines


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_number, value))
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return plain(value) if number else str(value)


def of_failure(pipeline: str, run: str, status: str, failures: list[dict[str, Any]]) -> Announcement:
    helps = [f["help"] for f in failures[:_MOST] if f["help"] and _RECORD not in f["help"]]
    to_do = [*dict.fromkeys(helps), f"`mlopsc runs {shlex.quote(run)}` shows every step, gate and the log"]
    return Announcement(pipeline, run, status, failures, [], to_do)


def of_waiting(pipeline: str, run: str, asked: Sequence[Mapping[str, Any]], decide: str) -> Announcement:
    """`decide`: how a person decides, with {run} and {gate} in their places."""
    gates = [{"gate": r["gate"], "by": list(r["by"]), "until": r["expires"]} for r in asked]
    words = [decide.format(run=shlex.quote(run), gate=shlex.quote(g["gate"])) for g in gates]
    to_do = list(dict.fromkeys(words))
    return Announcement(pipeline, run, "waiting", [], gates, to_do)
