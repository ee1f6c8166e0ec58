"""The suite's summary: specs x targets. Each test of a spec on a target records what it came to as a property of its report,
which also comes through from pytest's parallel workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

PROPERTY = "conformance"
Note = Callable[..., None]


class Cell(NamedTuple):
    """What the tests of one spec on one target came to. `gaps`: features that the target declares to lack."""

    tests: int
    failed: int
    tasks: int
    artifacts: int
    gaps: tuple[str, ...]

    def __str__(self) -> str:
        if self.failed:
            return f"FAIL ({self.failed} of {self.tests} tests)"
        if self.gaps:
            return f"declared gap: {', '.join(self.gaps)}"
        told = [f"{n} {what}" for n, what in ((self.tasks, "tasks"), (self.artifacts, "artifacts")) if n]
        return f"pass ({', '.join(told)})" if told else "pass"


def cells(reports: Iterable[Any]) -> dict[tuple[str, str], Cell]:
    """By (spec, target)."""
    found: dict[tuple[str, str], Cell] = {}
    for report in reports:
        for name, told in getattr(report, "user_properties", ()):
            if name != PROPERTY:
                continue
            old = found.get((told["spec"], told["target"]), Cell(0, 0, 0, 0, ()))
            found[told["spec"], told["target"]] = Cell(
                old.tests + 1,
                old.failed + (report.outcome != "passed"),
                max(old.tasks, told.get("tasks", 0)),
                max(old.artifacts, told.get("artifacts", 0)),
                tuple(sorted({*old.gaps, *told.get("gaps", ())})),
            )
    return found


def table(found: dict[tuple[str, str], Cell]) -> list[str]:
    """One line a spec, one column a target; last, how many cells came to what."""
    targets = sorted({target for _, target in found})
    rows = [["spec", *targets]]
    for spec in sorted({spec for spec, _ in found}):
        rows.append([spec, *(str(found.get((spec, target), "not run")) for target in targets)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    failed = sum(1 for cell in found.values() if cell.failed)
    gaps = sum(1 for cell in found.values() if cell.gaps and not cell.failed)
    done = sum(cell.tasks for cell in found.values() if not cell.failed)
    same = sum(cell.artifacts for cell in found.values() if not cell.failed)
    counts = f"{len(found) - failed - gaps} pass, {gaps} declared gaps, {failed} FAIL"
    lines += ["", f"{counts}; {done} tasks, each in a process of its own; {same} artifacts with equal digests"]
    return lines


def show(terminal: Any) -> None:
    """Print the table, where anything of the suite ran."""
    reports = [r for kind in ("passed", "failed", "error") for r in terminal.stats.get(kind, ())]
    found = cells(reports)
    if found:
        terminal.section("conformance: specs x targets")
        for line in table(found):
            terminal.write_line(line)
