"""`step` blocks, and the order of everything that the training pipeline does.

The graph holds step ids of `docs/steps.md`; lowering builds its steps in the same order.
"""

from __future__ import annotations

from collections.abc import Container

from mlopsc.catalog.blocks import STEP
from mlopsc.diagnostics.model import Related
from mlopsc.semantics.context import Context
from mlopsc.semantics.modules import find_function
from mlopsc.semantics.program import Decl, Program
from mlopsc.semantics.settings import header, read_settings
from mlopsc.syntax import ast

Graph = dict[str, list[str]]  # step -> steps that must be done before it


def check_step(ctx: Context, decl: Decl) -> None:
    assert isinstance(decl.node, ast.Block)
    header(ctx, decl.node, STEP)
    read_settings(ctx, decl, decl.node.body, STEP)
    run = decl.settings.get("run")
    if run is not None:
        ref = run.value.args["ref"]
        if find_function(ctx, ref.value, ref.span):
            ctx.program.steps[decl.name] = decl


def first_step(program: Program, kind: str, name: str) -> str:
    """The step that starts a declaration's work: what `before = [name]` holds back."""
    return {"data": "ingest", "model": "split", "gate": "gate", "step": "custom"}[kind] + f":{name}"


def last_step(program: Program, kind: str, name: str) -> str:
    """The step that ends a declaration's work: what `after = [name]` waits for. A model's work ends with its evaluation,
    before its gates; a deployment's with the registration of its model."""
    if kind == "gate" and "approval" in program.decls[name].settings:
        return f"approve:{name}"
    if kind == "deploy":
        return f"register:{program.deploys[name].model.decl.name}"
    return {"data": "validate", "model": "evaluate", "gate": "gate", "step": "custom"}[kind] + f":{name}"


def hold_back(program: Program, kind: str, name: str) -> str:
    """The step that `before = [name]` holds back."""
    if kind == "deploy":
        return f"register:{program.deploys[name].model.decl.name}"
    return first_step(program, kind, name)


def used_data(program: Program) -> list[str]:
    """The data blocks that the training pipeline reads: those of models, those that features look at, and inputs of
    steps; in order of declaration."""
    wanted: set[str] = set()
    for model in program.models.values():
        wanted.add(model.features.data.decl.name)
        wanted |= looked_at(program, model.features.decl.name)
    for step in program.steps.values():
        for word in ("inputs", "after", "before"):
            value = step.settings.get(word)
            wanted |= {ref.name for ref in value.value if ref.kind == "data"} if value is not None else set()
    for name in list(wanted):
        wanted |= tables_of_rules(program, name)
    return [name for name in program.data if name in wanted]


def looked_at(program: Program, features: str) -> set[str]:
    """Other data blocks that a features block aggregates or looks up."""
    found: set[str] = set()
    todo = [expr for feature in program.features[features].features.values() for expr in feature.inputs]
    while todo:
        node = todo.pop()
        if node.op in ("aggregate", "lookup") and node.extra is not None:
            found.add(node.extra["data"])
        todo += node.args
    return found


def tables_of_rules(program: Program, data: str) -> set[str]:
    """Data blocks that the rules of a data block compare with (`exists_in`)."""
    found: set[str] = set()
    todo = [rule.expr for rule in program.data[data].rules]
    while todo:
        node = todo.pop()
        if node.op == "column" and node.extra is not None and "data" in node.extra:
            found.add(node.extra["data"])
        todo += node.args
    return found


def training_graph(program: Program) -> Graph:
    """Every step of the training pipeline with what must come before it."""
    graph: Graph = {}
    for name in used_data(program):
        graph[f"ingest:{name}"] = []
        graph[f"clean:{name}"] = [f"ingest:{name}"]
        graph[f"validate:{name}"] = [f"clean:{name}"]
    for name in used_data(program):
        graph[f"validate:{name}"] += [
            f"clean:{other}" for other in sorted(tables_of_rules(program, name)) if other != name
        ]
    for name, model in program.models.items():
        data = model.features.data.decl.name
        others = sorted(looked_at(program, model.features.decl.name) - {data})
        graph[f"split:{name}"] = [f"validate:{data}", *(f"validate:{other}" for other in others)]
        graph[f"train:{name}"] = [f"split:{name}"]
        graph[f"evaluate:{name}"] = [f"train:{name}"]
        graph[f"register:{name}"] = [f"evaluate:{name}"]
    for name, gate in program.gates.items():
        graph[f"gate:{name}"] = [f"evaluate:{gate.model.decl.name}"]
        if "approval" in gate.decl.settings:
            graph[f"approve:{name}"] = [f"gate:{name}"]
    for name, gates in deciding_gates(program).items():
        for gate_name in gates:
            graph[f"register:{name}"].append(last_step(program, "gate", gate_name))
    for name in program.steps:
        graph[f"custom:{name}"] = []
    for name, step in program.steps.items():
        _add_custom(program, graph, name, step)
    return graph


def deciding_gates(program: Program) -> dict[str, list[str]]:
    """The gates that decide about each model: those in `after` of its deployments, where there is one, else all on it."""
    found: dict[str, list[str]] = {name: [] for name in program.models}
    for name, gate in program.gates.items():
        found[gate.model.decl.name].append(name)
    named: dict[str, set[str]] = {}
    for deploy in program.deploys.values():
        if "after" in deploy.decl.settings:
            named.setdefault(deploy.model.decl.name, set()).update(deploy.gates)
    return {
        model: [name for name in gates if model not in named or name in named[model]] for model, gates in found.items()
    }


def _add_custom(program: Program, graph: Graph, name: str, step: Decl) -> None:
    own = f"custom:{name}"
    for word in ("inputs", "after"):
        value = step.settings.get(word)
        for ref in value.value if value is not None else ():
            if known(program, ref.kind, ref.name):
                graph[own].append(last_step(program, ref.kind, ref.name))
    value = step.settings.get("before")
    for ref in value.value if value is not None else ():
        if known(program, ref.kind, ref.name):
            graph[hold_back(program, ref.kind, ref.name)].append(own)


def known(program: Program, kind: str, name: str) -> bool:
    """Whether a declaration was understood, so that it has steps."""
    table: dict[str, Container[str]] = {
        "data": program.data,
        "model": program.models,
        "gate": program.gates,
        "deploy": program.deploys,
        "step": program.steps,
    }
    return name in table[kind]


def check_order(ctx: Context) -> None:
    """Report steps that wait for themselves, once for each cycle."""
    graph = training_graph(ctx.program)
    _, stuck = order(graph)
    reported: set[str] = set()
    for step in stuck:
        if step in reported or not step.startswith("custom:"):
            continue
        cycle = _cycle_through(graph, step, set(stuck))
        if cycle is None:
            continue
        reported |= set(cycle)
        decl = ctx.program.steps[step.partition(":")[2]]
        through = " → ".join([*reversed(cycle), cycle[-1]])
        related = [
            Related("this one is part of it", ctx.program.steps[other.partition(":")[2]].node.name.span)
            for other in cycle
            if other != step and other.startswith("custom:")
        ]
        message = f"The step {decl.name} waits for itself: {through}."
        ctx.report("cyclic-steps", decl.node.name.span, message, related=tuple(related[:3]))


def order(graph: Graph) -> tuple[list[str], list[str]]:
    """(steps in an order in which each stands after what it needs, steps of or behind a cycle). Ties keep the graph's
    order, so the result depends on nothing but the graph."""
    waiting = {step: len(set(needs)) for step, needs in graph.items()}
    then: dict[str, list[str]] = {step: [] for step in graph}
    for step, needs in graph.items():
        for need in dict.fromkeys(needs):
            then[need].append(step)
    done: list[str] = []
    ready = [step for step, count in waiting.items() if count == 0]
    for step in ready:
        done.append(step)
        for later in then[step]:
            waiting[later] -= 1
            if waiting[later] == 0:
                ready.append(later)
    finished = set(done)
    return done, [step for step in graph if step not in finished]


def _cycle_through(graph: Graph, start: str, within: set[str]) -> list[str] | None:
    """A shortest way from a step back to itself, against the arrows; None where it only stands behind a cycle."""
    came: dict[str, str] = {}
    queue = [start]
    for step in queue:
        for need in graph[step]:
            if need == start:
                way = [step]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return list(reversed(way))
            if need in within and need not in came:
                came[need] = step
                queue.append(need)
    return None
