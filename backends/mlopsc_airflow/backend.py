"""Emits a DAG file and the folder that its tasks run from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlopsc.ir.plan import ApproveSettings, Param, Pipeline, Plan, Step
from mlopsc.target import bundle
from mlopsc.target.capability import Capabilities
from mlopsc.target.literals import Literal, environment, python
from mlopsc.target.protocol import EmitOptions, Files
from mlopsc_airflow.capabilities import CAPABILITIES
from mlopsc_airflow.edges import arrows, leaves, outside
from mlopsc_airflow.names import RESULT, identifier

MODULES = "modules"
_SAYS = {
    "ingest": "reads and types the rows",
    "clean": "filters, keeps the first of duplicates",
    "validate": "holds keys, bad rows and expectations against the data",
    "split": "parts training rows from test rows",
    "train": "fits features and algorithm, tuning included",
    "evaluate": "scores the test rows",
    "gate": "judges the model",
    "approve": "waits for a person",
    "register": "makes the model the champion",
    "custom": "runs a function of the spec's author",
}
# JSON Schema of a param, by its type in the spec.
_SCHEMAS: dict[str, dict[str, str]] = {
    "int": {"type": "integer"},
    "size": {"type": "integer"},
    "float": {"type": "number"},
    "share": {"type": "number"},
    "duration": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_UNITS = {"share": ", a share: 0.2 is 20%", "duration": ", in seconds", "size": ", in bytes"}


class AirflowBackend:
    """See `mlopsc.target.protocol.Backend`."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        training = plan.pipelines[0]
        folder = identifier(training.name)
        templates = environment("mlopsc_airflow")
        templates.filters |= {"code": Literal, "keywords": _keywords}
        names = _names(plan, training, options, folder)

        def rendered(name: str) -> bytes:
            return templates.get_template(f"{name}.j2").render(names).encode("utf-8")

        files = {f"{folder}.py": rendered("dag.py"), "README.md": rendered("README.md")}
        inside = {
            "README.md": rendered("pipeline.md"),
            "task.py": Path(__file__).with_name("task.py").read_bytes(),
            "step.py": rendered("step.py"),
            "requirements.txt": "".join(
                f"{line}\n" for line in bundle.requirements(plan, options.values.get("store"))
            ).encode(),
            # Each line is a regular expression for Airflow 2 and a glob for Airflow 3, and means the same.
            ".airflowignore": b"mlopsc_runtime\nmodules\ntask.py\nstep.py\n",
            "plan.json": bundle.plan_file(plan),
            **bundle.runtime_files(),
            **{f"{MODULES}/{path}": data for path, data in sorted(options.modules.items())},
        }
        return files | {f"{folder}/{path}": data for path, data in inside.items()}


def _names(plan: Plan, training: Pipeline, options: EmitOptions, folder: str) -> dict[str, Any]:
    values = options.values
    tasks = _tasks(plan, training)
    result = RESULT
    while result in tasks:
        result += "_"
    return {
        "plan": plan,
        "pipeline": training,
        "dag": folder,
        "one": values.get("tasks") == "one",
        "blocks": tasks,
        "arrows": _arrows(training, result),
        "result": result,
        "params": [(param.name, param.default, _param(param)) for param in plan.params],
        "defaults": _defaults(training, values),
        "approvals": (approvals := any(step.kind == "approve" for step in training.steps)),
        "told": ", ".join(training.notify),
        "overdue": bool(training.notify and training.timeout and not approvals),
        "triggers": [f"mlopsc://{folder}/source/{identifier(trigger.data)}" for trigger in training.triggers],
        "sources": [_asset(training, "source", trigger.data) for trigger in training.triggers],
        "settings": {"python": values.get("python"), "store": values.get("store"), "data": values.get("data_root")},
        "doc": _doc(plan, training),
        "tags": list(dict.fromkeys(training.tags)),
        "requirements": bundle.requirements(plan, options.values.get("store")),
        "secrets": bundle.environment_names(plan),
        "others": [p.name for p in plan.pipelines[1:]],
    }


def _arrows(training: Pipeline, result: str) -> list[str]:
    found = [f"{_several(sources)} >> {_variable(step)}" for step, sources in arrows(training.steps).items() if sources]
    return [*found, f"{_several(leaves(training.steps))} >> {result}"]


def _asset(training: Pipeline, what: str, name: str) -> Literal:
    """`what`: source (written by whoever brings the data), data (checked rows) or model (the champion)."""
    return Literal(f"Asset({python(f'mlopsc://{identifier(training.name)}/{what}/{identifier(name)}')})")


def _tasks(plan: Plan, training: Pipeline) -> dict[str, list[dict[str, Any]]]:
    """Tasks by group, in the order of their first step: a block's, or one task in no group, which goes by its own id."""
    found: dict[str, list[dict[str, Any]]] = {}
    alone = outside(training.steps, lambda step: identifier(step.id.partition(":")[2]))
    for step in training.steps:
        kind, _, name = step.id.partition(":")
        group, task_id, grouped = identifier(name), kind, kind != "custom" and step.id not in alone
        if not grouped:
            group = task_id = identifier(name) if kind == "custom" else f"{identifier(name)}.{kind}"
        arguments: dict[str, Any] = {"task_id": task_id, "step": step.id}
        if identifier(name) != name:
            arguments["task_display_name"] = step.id
        arguments |= _differing(plan, training, step)
        arguments["doc_md"] = f"{step.where.file}:{step.where.line} `{step.id}` {_SAYS.get(kind, 'runs')}."
        task = {"variable": _variable(step.id), "arguments": arguments, "grouped": grouped}
        found.setdefault(group, []).append(task | {"operator": "Approval" if kind == "approve" else "Step"})
    return found


def _variable(step: str) -> str:
    kind, _, name = step.partition(":")
    return f"{kind}_{identifier(name)}"


def _several(steps: list[str]) -> str:
    names = [_variable(step) for step in steps]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _keywords(values: dict[str, Any]) -> Literal:
    """Keyword arguments of a call; the names are ours."""
    return Literal(", ".join(f"{name}={_code(value)}" for name, value in values.items()))


def _code(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, Literal) for item in value):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, Literal) else python(value)


def _differing(plan: Plan, training: Pipeline, step: Step) -> dict[str, Any]:
    """What of a task is not as the DAG's default arguments say."""
    found: dict[str, Any] = {}
    name = step.id.partition(":")[2]
    if isinstance(step.settings, ApproveSettings):
        found["by"] = list(step.settings.by)
        if step.settings.within is not None:
            found["within"] = step.settings.within
    if step.retries != training.retries:
        found["retries"] = step.retries
    if step.timeout != training.timeout:
        found["execution_timeout"] = step.timeout and Literal(f"timedelta(seconds={python(step.timeout)})")
    if step.resources.cpu > 1 and "pool" in plan.targets.get(CAPABILITIES.name, {}):
        found["pool_slots"] = step.resources.cpu
    if step.kind == "ingest":
        found["inlets"] = [_asset(training, "source", name)]
    if step.kind in ("validate", "register"):
        found["outlets"] = [_asset(training, "data" if step.kind == "validate" else "model", name)]
    return found


def _param(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_SCHEMAS.get(param.type, {"type": "string"}))
    if param.lo is not None:
        schema["minimum"] = param.lo
    if param.hi is not None:
        schema["maximum"] = param.hi
    return {**schema, "description": f"{param.where.file}:{param.where.line}{_UNITS.get(param.type, '')}"}


def _defaults(training: Pipeline, values: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"retries": training.retries}
    if training.owner:
        found = {"owner": training.owner, **found}
    for name in ("pool", "queue"):
        if values.get(name):
            found[name] = values[name]
    return found


def _doc(plan: Plan, training: Pipeline) -> str:
    """Markdown; its end keeps Airflow from taking a text that ends in .md for a file's name."""
    return f"{training.about}\n\nCompiled from `{plan.spec}`: compile it again instead of editing this.\n"


BACKEND = AirflowBackend()
