"""The tasks of a DAG: which steps each runs, and what of it is not as the DAG's default arguments say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlopsc.ir.plan import ApproveSettings, Pipeline, Step
from mlopsc.target import bundle
from mlopsc.target.literals import Literal, python
from mlopsc_airflow import podspec
from mlopsc_airflow.edges import arrows, leaves, needs, ordered, outside
from mlopsc_airflow.names import identifier
from mlopsc_airflow.options import Pods


@dataclass(frozen=True, slots=True)
class Task:
    """group: the task group that it stands in, or its own id where it stands in none."""

    variable: str
    task_id: str
    group: str
    grouped: bool
    steps: tuple[Step, ...]


def by_step(steps: Sequence[Step]) -> list[Task]:
    """A task for each step, in groups by block as far as groups can be drawn."""
    alone = outside(steps, _block)
    found = []
    for step in steps:
        kind, block = step.kind, _block(step)
        grouped = kind != "custom" and step.id not in alone
        own = block if kind == "custom" else f"{block}.{kind}"
        found.append(Task(f"{kind}_{block}", kind if grouped else own, block if grouped else own, grouped, (step,)))
    return found


def by_block(steps: Sequence[Step]) -> list[Task]:
    """A task for each block, and one for each step that has to wait for another block in between, or for a person."""
    alone = outside(steps, _block, apart=("approve",))
    inside: dict[str, list[Step]] = {}
    for step in steps:
        inside.setdefault(f"{_block(step)}.{step.kind}" if step.id in alone else _block(step), []).append(step)
    found = []
    for own, members in inside.items():
        first = members[0]
        variable = f"{first.kind}_{_block(first)}" if first.id in alone else f"block_{_block(first)}"
        found.append(Task(variable, own, own, False, tuple(members)))
    return found


def lines(tasks: Sequence[Task], result: str) -> list[str]:
    """The arrows between the tasks, the last to `result`."""
    home = {step.id: task.variable for task in tasks for step in task.steps}
    wanted = {
        task.variable: list(
            dict.fromkeys(home[n] for step in task.steps for n in needs(step) if home[n] != task.variable)
        )
        for task in tasks
    }
    found = [f"{_several(before)} >> {task}" for task, before in arrows(ordered(wanted)).items() if before]
    return [*found, f"{_several(leaves(wanted))} >> {result}"]


def _several(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _block(step: Step) -> str:
    return identifier(step.id.partition(":")[2])


def arguments(task: Task, training: Pipeline, values: Mapping[str, Any], pods: Pods | None) -> dict[str, Any]:
    """Keyword arguments of the task's operator."""
    ids = [step.id for step in task.steps]
    found: dict[str, Any] = {"task_id": task.task_id, "step": ids[0] if len(ids) == 1 else ids}
    name = ids[0].partition(":")[2]
    if identifier(name) != name:
        found["task_display_name"] = ids[0] if len(ids) == 1 else name
    found |= _differing(task.steps, training, values)
    if pods is not None and task.steps[0].kind != "approve":
        found |= podspec.arguments(task.steps, pods)
    where = task.steps[0].where
    told = "; ".join(f"`{step.id}` {bundle.DOES.get(step.kind, 'runs')}" for step in task.steps)
    return {**found, "doc_md": f"{where.file}:{where.line} {told}."}


def asset(training: Pipeline, what: str, name: str) -> Literal:
    """`what`: source (written by whoever brings the data), data (checked rows) or model (the champion)."""
    return Literal(f"Asset({python(f'mlopsc://{identifier(training.name)}/{what}/{identifier(name)}')})")


def _differing(steps: Sequence[Step], training: Pipeline, values: Mapping[str, Any]) -> dict[str, Any]:
    """What of a task is not as the DAG's default arguments say. Steps of one task share its retries and its time."""
    found: dict[str, Any] = {}
    settings = steps[0].settings
    if isinstance(settings, ApproveSettings):
        found["by"] = list(settings.by)
        if settings.within is not None:
            found["within"] = settings.within
    retries = max(step.retries for step in steps)
    if retries != training.retries:
        found["retries"] = retries
    times = [step.timeout for step in steps if step.timeout is not None]
    timeout = sum(times) if len(times) == len(steps) else None
    if timeout != training.timeout:
        found["execution_timeout"] = timeout and Literal(f"timedelta(seconds={python(timeout)})")
    cpu = podspec.largest(steps).cpu
    if cpu > 1 and "pool" in values:
        found["pool_slots"] = cpu
    reads = [asset(training, "source", s.id.partition(":")[2]) for s in steps if s.kind == "ingest"]
    writes = {"validate": "data", "register": "model"}
    leaves_behind = [asset(training, writes[s.kind], s.id.partition(":")[2]) for s in steps if s.kind in writes]
    return found | ({"inlets": reads} if reads else {}) | ({"outlets": leaves_behind} if leaves_behind else {})
