"""The Plan as text for people: every pipeline with its steps, what each reads and writes, and its settings on one line."""

from __future__ import annotations

import json
from typing import Any

from mlopsc.ir.plan import Pipeline, Plan, Step

_LONG = 100  # characters of a setting's value; the whole stands in the Plan's JSON


def plan_text(plan: Plan) -> str:
    """Depends on the Plan alone; lines end in a newline."""
    lines = [f"plan {plan.name} (format {plan.format}, edition {plan.edition}, from {plan.spec})"]
    lines += [f"  profile {plan.profile}"] if plan.profile else []
    lines += [f"  file {path} {digest}" for path, digest in plan.files.items()]
    lines += [f"  module {path} {digest}" for path, digest in plan.modules.items()]
    lines += [f"  param {p.name} : {p.type} = {_value(p.default)}" for p in plan.params]
    lines += [f"  connection {c.name} = {c.kind}" for c in plan.connections]
    lines += [f"  channel {c.name} = {c.kind}" for c in plan.channels]
    lines += [f"  test {test.name} of {test.features_name}" for test in plan.tests]
    for pipeline in plan.pipelines:
        lines += ["", *_pipeline(pipeline)]
    return "\n".join(lines) + "\n"


def _pipeline(pipeline: Pipeline) -> list[str]:
    lines = [f"pipeline {pipeline.name} ({pipeline.kind})"]
    if pipeline.schedule is not None:
        when = pipeline.schedule.cron or f"every {pipeline.schedule.every:g} s"
        zone = f" {pipeline.schedule.timezone}" if pipeline.schedule.timezone else ""
        lines.append(f"  schedule {when}{zone}")
    lines += [f"  when {trigger.kind}({trigger.data})" for trigger in pipeline.triggers]
    for step in pipeline.steps:
        lines += _step(step)
    return lines


def _step(step: Step) -> list[str]:
    lines = [f"  step {step.id}  # {step.where.file}:{step.where.line}"]
    lines += [f"    reads {name} = {artifact}" for name, artifact in step.inputs.items()]
    lines += [f"    after {other}" for other in step.after]
    lines += [f"    writes {name}.{suffix}" for name, suffix in step.outputs.items()]
    tries = [f"retries {step.retries}, {step.retry_delay:g} s apart"] if step.retries else []
    tries += [f"timeout {step.timeout:g} s"] if step.timeout is not None else []
    lines += [f"    {', '.join(tries)}"] if tries else []
    settings = step.settings.model_dump(mode="json", exclude={"kind", "where"}, exclude_defaults=True)
    return lines + [f"    {name} = {_value(value)}" for name, value in settings.items()]


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
