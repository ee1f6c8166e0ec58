"""Which tasks to draw an arrow between: those that no longer way implies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from graphlib import TopologicalSorter

from mlopsc.ir.plan import Step


def needs(step: Step) -> list[str]:
    """Ids of the steps that must be done before it, each once."""
    return list(dict.fromkeys([a.rpartition("/")[0] for a in step.inputs.values()] + list(step.after)))


def arrows(wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """By task, the tasks right before it. `wanted`: what each waits for, in an order in which each comes after what it waits
    for; waiting for the arrows alone is waiting for all of it."""
    place = {task: number for number, task in enumerate(wanted)}
    names = list(wanted)
    above: list[int] = []  # by place, a bit for each task that stands before it on some way
    found = {}
    for task, waits in wanted.items():
        direct = sorted((place[need] for need in waits), reverse=True)
        covered, kept = 0, []
        for number in direct:
            if not covered >> number & 1:
                kept.append(number)
            covered |= above[number] | 1 << number
        above.append(covered)
        found[task] = [names[number] for number in reversed(kept)]
    return found


def leaves(wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks that no other waits for."""
    needed = {need for waits in wanted.values() for need in waits}
    return [task for task in wanted if task not in needed]


def ordered(wanted: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The same, in an order in which each task comes after what it waits for."""
    return {task: wanted[task] for task in TopologicalSorter(wanted).static_order()}


def outside(steps: Sequence[Step], block: Callable[[Step], str], apart: Collection[str] = ()) -> set[str]:
    """Ids of the steps that cannot stand in the group of their block, because the groups would then wait for each other in
    a circle: a model's `register` waits for the gate that waits for its `evaluate`. Airflow draws no such graph, and no
    such order could be kept by a task for each group. Steps of the kinds `apart` stand outside in any case."""
    found: set[str] = set()
    home: dict[str, str] = {}  # by step: its group, or itself
    below: dict[str, set[str]] = {}  # by group: those that wait for it directly
    for step in steps:
        group = block(step)
        before = {home[need] for need in needs(step)}
        if step.kind in apart or (group in below and _reaches(below, group, before - {group})):
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
