"""Which steps to draw an arrow between: those that no longer way implies."""

from __future__ import annotations

from collections.abc import Sequence

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
