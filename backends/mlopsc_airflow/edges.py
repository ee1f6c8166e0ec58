"""Which steps to draw an arrow between: those that no longer way implies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mlopsc.ir.plan import Step


def needs(step: Step) -> list[str]:
    """Ids of the steps that must be done before it, each once."""
    return list(dict.fromkeys([a.rpartition("/")[0] for a in step.inputs.values()] + list(step.after)))


def arrows(steps: Sequence[Step]) -> dict[str, list[str]]:
    """By step id, the steps right before it. `steps` stand in an order in which each comes after what it needs; waiting
    for the arrows alone is waiting for all that a step needs."""
    place = {step.id: number for number, step in enumerate(steps)}
    above: list[int] = []  # by place, a bit for each step that stands before it on some way
    found = {}
    for step in steps:
        direct = sorted((place[need] for need in needs(step)), reverse=True)
        covered, kept = 0, []
        for number in direct:
            if not covered >> number & 1:
                kept.append(number)
            covered |= above[number] | 1 << number
        above.append(covered)
        found[step.id] = [steps[number].id for number in reversed(kept)]
    return found


def leaves(steps: Sequence[Step]) -> list[str]:
    """Ids of the steps that no other needs."""
    needed = {need for step in steps for need in needs(step)}
    return [step.id for step in steps if step.id not in needed]


def outside(steps: Sequence[Step], block: Callable[[Step], str]) -> set[str]:
    """Ids of the steps that cannot stand in the group of their block, because the groups would then wait for each other in
    a circle: a model's `register` waits for the gate that waits for its `evaluate`. Airflow draws no such graph."""
    found: set[str] = set()
    home: dict[str, str] = {}  # by step: its group, or itself
    below: dict[str, set[str]] = {}  # by group: those that wait for it directly
    for step in steps:
        group = block(step)
        before = {home[need] for need in needs(step)}
        if group in below and _reaches(below, group, before - {group}):
            found.add(step.id)
            group = step.id
        home[step.id] = group
        below.setdefault(group, set())
        for other in before - {group}:
            below[other].add(group)
    return found


def _reaches(below: dict[str, set[str]], start: str, wanted: set[str]) -> bool:
    seen, waiting = {start}, [start] if wanted else []
    while waiting:
        new = below[waiting.pop()] - seen
        if new & wanted:
            return True
        seen |= new
        waiting += new
    return False
