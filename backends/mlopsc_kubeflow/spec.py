"""A pipeline of the Plan as KFP v2 IR, as plain values: `pipeline_spec.proto` of kfp-pipeline-spec 2.17.

root            the exit handler's group, and `finish`, which runs however the group ended
comp-steps      the group: one task a step
comp-TASK       a component for each task: kfp.local names a task's folder by it, and KFP's server keeps equal ones once
executors       shared by all steps that want the same resources and secrets
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mlopsc.ir.plan import Param, Pipeline, Plan, Resources, Step
from mlopsc_kubeflow import names
from mlopsc_kubeflow.executors import Executors, Wants, references
from mlopsc_kubeflow.options import Settings
from mlopsc_kubeflow.refusal import refuse
from mlopsc_kubeflow.slices import ARGUMENT, Slices, size
from mlopsc_kubeflow.task.message import carried

GROUP = "steps"
FINISH = "finish"
RUN = "{{$.pipeline_job_uuid}}"
# Steps whose results follow from their inputs alone, unless they run a user's function.
CACHED = ("clean", "validate", "split", "train", "evaluate")
_SCHEMAS = {"rows": "Dataset", "quarantine": "Dataset", "split": "Dataset", "predictions": "Dataset", "model": "Model"}
_EXTRA = {"evaluate": {"report": "HTML", "classification": "ClassificationMetrics"}, "gate": {"report": "HTML"}}
_PARAMETERS = {"int": "NUMBER_INTEGER", "size": "NUMBER_INTEGER", "bool": "BOOLEAN"}
LISTED = 20  # levels that a param's description names
_NUMBERS = ("float", "share", "duration")


class SpecWriter:
    """Writes one pipeline. Names are given once, from the names of the spec."""

    def __init__(self, plan: Plan, pipeline: Pipeline, settings: Settings, executors: Executors) -> None:
        self.plan = plan
        self.pipeline = pipeline
        self.settings = settings
        self.executors = executors
        self.slices = Slices(plan, pipeline)
        self.tasks = names.unique((step.id for step in pipeline.steps), (FINISH, GROUP))
        self.params = param_keys(plan)
        self.cached = self._cached()
        self.components: dict[str, Any] = {}
        self._equal: dict[str, dict[str, Any]] = {}  # components by their JSON: equal ones are one object
        self._common = self.slices.of_all({key: name for name, key in self.params.items()})

    def _cached(self) -> set[str]:
        """Steps that KFP may take from its cache: those whose outcome a step that is never cached hands on."""
        if not self.settings.caching:
            return set()
        pure = {s.id for s in self.pipeline.steps if s.kind in CACHED and not s.modules}
        return pure & self._before_any(s.id for s in self.pipeline.steps if s.id not in pure)

    def _before_any(self, ids: Iterable[str]) -> set[str]:
        """Every step that stands before one of these, however far."""
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            new = [i for i in producers(self.slices.steps[waiting.pop()]) if i not in found]
            found.update(new)
            waiting += new
        return found

    def write(self) -> dict[str, Any]:
        """The pipeline spec. Refused where a step's slice is too long for one argument."""
        tasks: dict[str, Any] = {}
        for step in self.pipeline.steps:
            task, component = self.tasks[step.id], self._component(step)
            self.components[f"comp-{task}"] = self._equal.setdefault(json.dumps(component), component)
            tasks[task] = self._task(step)
        parameters = {self.params[p.name]: {"parameterType": _type(p)} for p in self.plan.params}
        inner = {"inputDefinitions": {"parameters": {"plan": {"parameterType": "STRING"}, **parameters}}}
        self.components[f"comp-{GROUP}"] = {**inner, "dag": {"tasks": tasks}}
        self.components[f"comp-{FINISH}"] = self._finish_component()
        return {
            "pipelineInfo": self._info(),
            "schemaVersion": "2.1.0",
            "sdkVersion": f"mlopsc-{self.plan.compiler}",
            "root": self._root(),
            "components": self.components,
            "deploymentSpec": {"executors": self.executors.containers()},
        }

    def _info(self) -> dict[str, Any]:
        found = {"name": names.kebab(self.pipeline.name)[:128].rstrip("-"), "displayName": self.pipeline.name}
        about = [self.pipeline.about, f"Owner: {self.pipeline.owner}" if self.pipeline.owner else ""]
        about.append(f"Tags: {', '.join(self.pipeline.tags)}" if self.pipeline.tags else "")
        text = "\n".join(line for line in about if line)
        return {**found, "description": text} if text else found

    def _root(self) -> dict[str, Any]:
        own = {name: {"componentInputParameter": name} for name in self.params.values()}
        common = {"plan": {"runtimeValue": {"constant": self._common}}}
        group = {
            "taskInfo": {"name": GROUP},
            "componentRef": {"name": f"comp-{GROUP}"},
            "inputs": {"parameters": {**common, **own}},
        }
        status = {"status": {"taskFinalStatus": {"producerTask": GROUP}}}
        finish = {
            "taskInfo": {"name": FINISH},
            "componentRef": {"name": f"comp-{FINISH}"},
            "cachingOptions": {},
            "dependentTasks": [GROUP],
            "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
            "inputs": {"parameters": {**self._parameters(self._finish_slice(), run=True), **common, **status}},
        }
        found: dict[str, Any] = {"dag": {"tasks": {GROUP: group, FINISH: finish}}}
        if self.plan.params:
            found["inputDefinitions"] = {"parameters": {self.params[p.name]: _given(p) for p in self.plan.params}}
        return found

    def _finish_slice(self) -> str:
        return self._fitting(self.slices.of_finish(), "the list of all steps", 1)

    def _finish_component(self) -> dict[str, Any]:
        status = {"status": {"parameterType": "TASK_FINAL_STATUS", "isOptional": True}}
        return {
            "executorLabel": self.executors.label(self._telling(Resources())),
            "inputDefinitions": {"parameters": {**self._parameter_types(run=True), **status}},
            "outputDefinitions": {"artifacts": {"result": _artifact("Artifact")}},
        }

    def _telling(self, resources: Resources) -> Wants:
        """Of a task that tells channels: it does its own work where their secrets are missing, too."""
        secrets, variables = (references(self.slices.channels, kind) for kind in ("secret", "env"))
        return Wants(resources, secrets, variables, optional=bool(secrets or variables))

    def _component(self, step: Step) -> dict[str, Any]:
        settings = step.settings.model_dump(mode="json")
        wants = Wants(step.resources, references(settings, "secret"), references(settings, "env"))
        if step.kind == "approve":
            wants = self._telling(step.resources)
        inputs = {key: _artifact(_schema(a.rpartition("/")[2])) for a, key in self._inputs(step).items()}
        before = {key: _artifact("Artifact") for key in self._before(step).values()}
        outputs = {key: _artifact(_schema(name)) for name, key in _outputs(step).items()}
        found: dict[str, Any] = {
            "executorLabel": self.executors.label(wants),
            "inputDefinitions": {"parameters": self._parameter_types(run=step.id not in self.cached)},
            "outputDefinitions": {"artifacts": {**outputs, **_extra(step), "outcome": _artifact("Artifact")}},
        }
        if inputs or before:
            found["inputDefinitions"]["artifacts"] = {**inputs, **before}
        return found

    def _task(self, step: Step) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for artifact, key in self._inputs(step).items():
            producer, _, output = artifact.rpartition("/")
            inputs[key] = self._from(producer, _outputs(self.slices.steps[producer])[output])
        for producer, key in self._before(step).items():
            inputs[key] = self._from(producer, "outcome")
        cached = step.id in self.cached
        found: dict[str, Any] = {
            "taskInfo": {"name": self.tasks[step.id]},
            "componentRef": {"name": f"comp-{self.tasks[step.id]}"},
            "cachingOptions": {"enableCache": True} if cached else {},
            "inputs": {"parameters": self._parameters(self._slice(step), run=not cached)},
        }
        if inputs:
            found["inputs"]["artifacts"] = inputs
            found["dependentTasks"] = [self.tasks[i] for i in producers(step)]
        if step.retries:
            delay = f"{step.retry_delay:g}s" if step.retry_delay >= 1 else "0s" if not step.retry_delay else "1s"
            limits = {"backoffFactor": 1.0, "backoffMaxDuration": "3600s"}
            found["retryPolicy"] = {"maxRetryCount": step.retries, "backoffDuration": delay, **limits}
        return found

    def _from(self, producer: str, key: str) -> dict[str, Any]:
        return {"taskOutputArtifact": {"producerTask": self.tasks[producer], "outputArtifactKey": key}}

    def _inputs(self, step: Step) -> dict[str, str]:
        """The task's key of each artifact that the step reads; numbers for a user's step, so that many have equal components."""
        if step.kind == "custom":
            return {artifact: f"in_{number}" for number, artifact in enumerate(step.inputs.values(), 1)}
        keys = names.unique((name for name in step.inputs), dashes=False)
        return {artifact: f"in_{keys[name]}" for name, artifact in step.inputs.items()}

    def _before(self, step: Step) -> dict[str, str]:
        return {producer: f"after_{n}" for n, producer in enumerate(producers(step), 1)}

    def _slice(self, step: Step) -> str:
        files: dict[str, Any] = {}
        inputs = list(self._inputs(step).values())
        if step.kind != "custom" and inputs != [f"in_{name}" for name in step.inputs]:
            files["inputs"] = inputs
        renamed = {name: key for name, key in _outputs(step).items() if key != name}
        if renamed:
            files["outputs"] = renamed
        if step.kind == "approve":
            files["wait"] = self.settings.approval_wait
        before = self._before_any([step.id]) if step.kind == "register" else set()
        artifacts = len(inputs) + len(self._before(step)) + len(step.outputs) + len(_extra(step)) + 1
        return self._fitting(self.slices.of_step(step, before, files), step.id, artifacts)

    def _fitting(self, text: str, what: str, artifacts: int) -> str:
        needed = size([self._common, text], artifacts)
        if needed > ARGUMENT:
            told = f"{what} takes {needed} bytes; a task is given at most {ARGUMENT}"
            raise refuse(
                "kubeflow-too-large", told, "Split the spec, or name fewer levels, columns and inputs in one block."
            )
        return text

    def _parameters(self, text: str, *, run: bool) -> dict[str, Any]:
        found: dict[str, Any] = {
            "plan": {"componentInputParameter": "plan"},
            "step": {"runtimeValue": {"constant": text}},
        }
        if run:
            found["run"] = {"runtimeValue": {"constant": RUN}}
        return found | {name: {"componentInputParameter": name} for name in self.params.values()}

    def _parameter_types(self, *, run: bool) -> dict[str, Any]:
        texts = ("plan", "step", "run") if run else ("plan", "step")
        found = {name: {"parameterType": "STRING"} for name in texts}
        return found | {self.params[p.name]: {"parameterType": _type(p)} for p in self.plan.params}


def param_keys(plan: Plan) -> dict[str, str]:
    """KFP's name of each param, in the Plan's order."""
    return names.unique((p.name for p in plan.params), ("plan", "step", "run", "status"), dashes=False)


def producers(step: Step) -> list[str]:
    """Steps that stand directly before this one, each once."""
    return list(dict.fromkeys([*(a.rpartition("/")[0] for a in step.inputs.values()), *step.after]))


def _outputs(step: Step) -> dict[str, str]:
    """The task's key of each output: `report` of an evaluation or a gate is the page to look at."""
    own = _EXTRA.get(step.kind, {})
    return {name: f"{name}_file" if name in own or name == "outcome" else name for name in step.outputs}


def _extra(step: Step) -> dict[str, Any]:
    found = dict(_EXTRA.get(step.kind, {}))
    if step.kind == "evaluate" and getattr(step.settings, "target").task == "regression":  # noqa: B009 - any step's settings
        del found["classification"]
    return {key: _artifact(schema) for key, schema in found.items()}


def _schema(output: str) -> str:
    return "Metrics" if output == "metrics" else _SCHEMAS.get(output, "Artifact")


def _artifact(schema: str) -> dict[str, Any]:
    return {"artifactType": {"schemaTitle": f"system.{schema}", "schemaVersion": "0.0.1"}}


def _type(param: Param) -> str:
    return "NUMBER_DOUBLE" if param.type in _NUMBERS else _PARAMETERS.get(param.type, "STRING")


def _given(param: Param) -> dict[str, Any]:
    found: dict[str, Any] = {"parameterType": _type(param)}
    if param.default is not None:
        number = isinstance(param.default, (int, float)) and not isinstance(param.default, bool)
        value = float(param.default) if number else param.default
        found |= {"defaultValue": carried(value) if isinstance(value, str) else value, "isOptional": True}
    return {**found, "description": _told(param)}


def _told(param: Param) -> str:
    """The param as the spec has it, its levels among it as far as there are few; without what Argo would replace."""
    levels = [json.dumps(level, ensure_ascii=False) for level in (param.levels or ())[:LISTED]]
    levels += ["…"] * (len(param.levels or ()) > LISTED)
    kind = f"{param.type}({', '.join(levels)})" if levels else param.type
    bounds = [
        f"{side} {int(bound) if bound == int(bound) else bound}"
        for side, bound in (("from", param.lo), ("to", param.hi))
        if bound is not None
    ]
    return " ".join([f"param {param.name} : {kind}", *bounds]).replace("{{", "{ {")
