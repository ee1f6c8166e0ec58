"""Emits a DAG file and the folder that its tasks run from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlopsc.ir.plan import Param, Pipeline, Plan
from mlopsc.target import bundle, kubernetes
from mlopsc.target.capability import Capabilities
from mlopsc.target.literals import Literal, environment, python
from mlopsc.target.pins import pinned
from mlopsc.target.protocol import EmitOptions, Files, Refused
from mlopsc_airflow import options as airflow_options
from mlopsc_airflow import podspec, tasks
from mlopsc_airflow.capabilities import CAPABILITIES
from mlopsc_airflow.names import RESULT, identifier, unlike
from mlopsc_airflow.options import Pods

MODULES = "modules"
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
_GRACE = 60  # seconds
_UNITS = {"share": ", a share: 0.2 is 20%", "duration": ", in seconds", "size": ", in bytes"}


class AirflowBackend:
    """See `mlopsc.target.protocol.Backend`."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        """Refused for settings that no pod can have."""
        training = plan.pipelines[0]
        try:
            pods = airflow_options.pods(options.values, training.name)
        except kubernetes.BadValue as bad:
            raise Refused("MLC7006", "unknown-target-option", f"airflow: {bad}") from bad
        folder = identifier(training.name)
        templates = environment("mlopsc_airflow")
        templates.filters |= {"code": Literal, "keywords": _keywords}
        inside = _folder(plan, options, pods, folder)
        names = _names(plan, training, options, pods) | {
            "plan_digest": hashlib.sha256(inside["plan.json"]).hexdigest(),
            "modules": bool(options.modules),
        }

        def rendered(name: str) -> bytes:
            return templates.get_template(f"{name}.j2").render(names).encode("utf-8")

        inside |= {"README.md": rendered("pipeline.md"), "step.py": rendered("step.py")}
        if pods is not None:
            inside["Dockerfile"] = rendered("Dockerfile")
        files = {f"{folder}.py": rendered("dag.py"), "README.md": rendered("README.md")}
        return files | {f"{folder}/{path}": data for path, data in inside.items()}


def _folder(plan: Plan, options: EmitOptions, pods: Pods | None, folder: str) -> Files:
    """What tasks run, but for what is rendered."""
    listed = bundle.requirements(plan, options.values.get("store"))
    requirements = listed if pods is None else pinned(listed)
    programs = ["task.py", "step_process.py", *(["pod_task.py", "pod_step.py"] if pods else [])]
    if options.values.get("virtualenv"):
        programs.append("task_environment.py")
    hidden = ["mlopsc_runtime", MODULES, *programs, "step.py"]
    found = {name: (Path(__file__).parent / "carried" / name).read_bytes() for name in programs}
    found |= {
        "requirements.txt": "".join(f"{line}\n" for line in requirements).encode(),
        # Each line is a regular expression for Airflow 2 and a glob for Airflow 3, and means the same.
        ".airflowignore": "".join(f"{line}\n" for line in hidden).encode(),
        "plan.json": bundle.plan_file(plan),
        **bundle.runtime_files(),
        **{f"{MODULES}/{path}": data for path, data in sorted(options.modules.items())},
    }
    return found if pods is None else {**found, "pod.yaml": podspec.template(pods, folder)}


def _names(plan: Plan, training: Pipeline, options: EmitOptions, pods: Pods | None) -> dict[str, Any]:
    values = options.values
    mode = values.get("tasks") or "step"
    found = tasks.by_block(training.steps) if mode == "block" else tasks.by_step(training.steps)
    groups: dict[str, list[dict[str, Any]]] = {}
    for task in found:
        line: dict[str, Any] = {"variable": task.variable, "arguments": tasks.arguments(task, training, values, pods)}
        line |= {"named": task.steps[0].id.partition(":")[2], "grouped": task.grouped}
        line |= {"operator": "Approval" if task.steps[0].kind == "approve" else "Step"}
        groups.setdefault(task.group, []).append(line)
    result = unlike(groups, RESULT)
    channels = [c.model_dump(mode="json") for c in plan.channels if c.name in training.notify]
    approvals = mode != "one" and any(step.kind == "approve" for step in training.steps)
    one = podspec.arguments(training.steps, pods, channels) if mode == "one" and pods else {}
    told = podspec.arguments((), pods, channels) if pods else {}
    shown = [one] if mode == "one" else [told, *(task["arguments"] for group in groups.values() for task in group)]
    return {
        "plan": plan,
        "pipeline": training,
        "dag": identifier(training.name),
        "mode": mode,
        "one": one,
        "asked": (asked := {name for arguments in shown for name in arguments}),
        "imports": [
            name
            for name, used in {
                "DAG": True,
                "AirflowOptionalProviderFeatureException": approvals,
                "Asset": training.triggers or asked & {"inlets", "outlets"},
                "BaseOperator": pods is None,
                "BaseSensorOperator": approvals,
                "Param": approvals or plan.params,
                "TaskGroup": mode == "step" and any(task.grouped for task in found),
            }.items()
            if used
        ],
        "pods": pods,
        "home": airflow_options.HOME,
        "user": podspec.USER,
        "channels": told if mode != "one" else {},
        "blocks": groups,
        "arrows": tasks.lines(found, result),
        "result": result,
        # Of the form of an approval: Airflow would take it for a param of the same name.
        "reason": unlike([param.name for param in plan.params], "reason"),
        # The runner of all steps keeps the limit itself, and then closes its run: Airflow's own come after that.
        "limit": training.timeout and training.timeout + (_GRACE if mode == "one" else 0),
        "params": [(param.name, param.default, _param(param)) for param in plan.params],
        "defaults": _defaults(training, values),
        "approvals": approvals,
        "told": ", ".join(training.notify),
        "overdue": bool(training.notify and training.timeout and not approvals and pods is None),
        "triggers": [f"mlopsc://{identifier(training.name)}/source/{identifier(t.data)}" for t in training.triggers],
        "sources": [tasks.asset(training, "source", trigger.data) for trigger in training.triggers],
        "settings": _settings(values, pods),
        "doc": _doc(plan, training),
        "tags": list(dict.fromkeys(training.tags)),
        "secrets": bundle.environment_names(plan),
        "others": [p.name for p in plan.pipelines[1:]],
    }


def _settings(values: Mapping[str, Any], pods: Pods | None) -> dict[str, Any]:
    places = {"store": values.get("store"), "data": values.get("data_root")}
    if pods is not None:
        return places
    return {"python": values.get("python"), **places, **({"virtualenv": True} if values.get("virtualenv") else {})}


def _keywords(values: dict[str, Any]) -> Literal:
    """Keyword arguments of a call; the names are ours."""
    return Literal(", ".join(f"{name}={_code(value)}" for name, value in values.items()))


def _code(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, Literal) for item in value):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, Literal) else python(value)


def _param(param: Param) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_SCHEMAS.get(param.type, {"type": "string"}))
    if param.lo is not None:
        schema["minimum"] = param.lo
    if param.hi is not None:
        schema["maximum"] = param.hi
    if param.levels is not None:
        schema["enum"] = list(param.levels)
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
