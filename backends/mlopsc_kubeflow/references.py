"""Whether everything that a pipeline spec refers to is there.

The protobufs know shapes only, and the SDK's loader does not look either: a name that leads nowhere is found by the
server, or by the task that waits for its input. This holds for every spec that is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]


def dangling(spec: Spec) -> list[str]:
    """What leads nowhere, in sentences; empty when all is well."""
    components = spec.get("components", {})
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    found = list(_dag("root", spec.get("root", {}), components))
    used: set[str] = set()
    for name, component in components.items():
        if "dag" in component:
            found += _dag(name, component, components)
        elif component.get("executorLabel") not in executors:
            found.append(f"{name}: there is no executor {component.get('executorLabel')}")
        else:
            used.add(component["executorLabel"])
    found += [f"executor {label} is used by no component" for label in executors if label not in used]
    return found


def _dag(name: str, component: Spec, components: Spec) -> Iterator[str]:
    tasks = component.get("dag", {}).get("tasks", {})
    for key, task in tasks.items():
        place = f"{name}, task {key}"
        reference = task.get("componentRef", {}).get("name")
        if reference not in components:
            yield f"{place}: there is no component {reference}"
            continue
        for other in task.get("dependentTasks", ()):
            if other not in tasks or other == key:
                yield f"{place}: it depends on {other}, which is no other task here"
        yield from _parameters(place, task, component, components[reference], tasks)
        yield from _artifacts(place, task, component, components[reference], tasks, components)
    yield from _cycle(name, tasks)


def _parameters(place: str, task: Spec, own: Spec, called: Spec, tasks: Spec) -> Iterator[str]:
    wanted = called.get("inputDefinitions", {}).get("parameters", {})
    given = task.get("inputs", {}).get("parameters", {})
    have = own.get("inputDefinitions", {}).get("parameters", {})
    for name, source in given.items():
        if name not in wanted:
            yield f"{place}: {task['componentRef']['name']} takes no parameter {name}"
            continue
        inner = source.get("componentInputParameter")
        if inner is not None and inner not in have:
            yield f"{place}: parameter {name} comes from {inner}, which is no input here"
        elif inner is not None and have[inner]["parameterType"] != wanted[name]["parameterType"]:
            yield f"{place}: parameter {name} is {wanted[name]['parameterType']}, and {inner} is not"
        producer = source.get("taskFinalStatus", {}).get("producerTask")
        if producer is not None and producer not in tasks:
            yield f"{place}: parameter {name} is the status of {producer}, which is no task here"
    for name, definition in wanted.items():
        if name not in given and not definition.get("isOptional"):
            yield f"{place}: parameter {name} is not given"


def _artifacts(place: str, task: Spec, own: Spec, called: Spec, tasks: Spec, components: Spec) -> Iterator[str]:
    wanted = called.get("inputDefinitions", {}).get("artifacts", {})
    given = task.get("inputs", {}).get("artifacts", {})
    for name, source in given.items():
        if name not in wanted:
            yield f"{place}: {task['componentRef']['name']} takes no artifact {name}"
            continue
        origin = source.get("taskOutputArtifact", {})
        producer, key = origin.get("producerTask"), origin.get("outputArtifactKey")
        if producer not in tasks:
            yield f"{place}: artifact {name} comes from {producer}, which is no task here"
            continue
        component = components.get(tasks[producer].get("componentRef", {}).get("name"), {})
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        if key not in outputs:
            yield f"{place}: artifact {name} comes from {producer}, which has no output {key}"
        elif outputs[key]["artifactType"] != wanted[name]["artifactType"]:
            yield f"{place}: artifact {name} is of another type than {producer}'s {key}"
        if producer not in task.get("dependentTasks", ()):
            yield f"{place}: it reads from {producer} and does not depend on it"
    for name, definition in wanted.items():
        if name not in given and not definition.get("isOptional"):
            yield f"{place}: artifact {name} is not given"


def _cycle(name: str, tasks: Spec) -> Iterator[str]:
    left = {key: set(task.get("dependentTasks", ())) & tasks.keys() for key, task in tasks.items()}
    free = [key for key, needs in left.items() if not needs]
    after: dict[str, list[str]] = {}
    for key, needs in left.items():
        for need in needs:
            after.setdefault(need, []).append(key)
    while free:
        done = free.pop()
        for key in after.get(done, ()):
            left[key].discard(done)
            if not left[key]:
                free.append(key)
    stuck = sorted(key for key, needs in left.items() if needs)
    if stuck:
        yield f"{name}: {', '.join(stuck)} wait for each other"
