"""Further pipelines: batch scoring and monitors. Their own steps carry settings that only a later runtime reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlopsc.ir.plan import OpaqueSettings, Pipeline, Schedule, Step
from mlopsc.passes.expressions import lower_expr
from mlopsc.passes.lowering import Lowering, plain, setting
from mlopsc.semantics.program import ActionRuleInfo, DeployInfo, MonitorInfo
from mlopsc.semantics.steps import Graph

if TYPE_CHECKING:
    from mlopsc.passes.lower import StepBuilder


def _data_graph(names: list[str]) -> Graph:
    graph: Graph = {}
    for name in dict.fromkeys(names):
        graph |= {
            f"ingest:{name}": [],
            f"clean:{name}": [f"ingest:{name}"],
            f"validate:{name}": [f"clean:{name}"],
        }
    return graph


def _schedule(value: dict[str, Any] | None) -> Schedule | None:
    return None if value is None else Schedule.model_validate(value["args"])


def _pipeline(
    builder: StepBuilder, name: str, kind: str, about: str, when: Schedule | None, steps: list[Step]
) -> Pipeline:
    own = builder.pipeline
    return Pipeline(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        about=about,
        owner=setting(own, "owner", ""),
        tags=tuple(setting(own, "tags", ())),
        schedule=when,
        retries=setting(own, "retries", 0),
        retry_delay=setting(own, "retry_delay", 0.0),
        timeout=setting(own, "timeout"),
        notify=tuple(setting(own, "notify", ())),
        steps=tuple(steps),
    )


def batch_pipelines(lowering: Lowering, builder: StepBuilder) -> list[Pipeline]:
    """One pipeline for each deployment that serves by batch: read the rows, score them."""
    found = []
    for deploy in lowering.program.deploys.values():
        serve = plain(deploy.decl.settings["serve"].value)
        if serve["name"] == "batch":
            found.append(_batch(lowering, builder, deploy, serve["args"]))
    return found


def _batch(lowering: Lowering, builder: StepBuilder, deploy: DeployInfo, serve: dict[str, Any]) -> Pipeline:
    name, data = deploy.decl.name, serve["input"]
    steps = list(builder.build(_data_graph([data])))
    settings = OpaqueSettings(kind="score", name=name, settings=deploy_settings(lowering, deploy))
    inputs = {"rows": f"clean:{data}/rows"}
    steps.append(builder.step(f"score:{name}", settings, lowering.at(deploy.decl), inputs, [f"validate:{data}"]))
    about = f"Scores {data} with {deploy.model.decl.name}."
    return _pipeline(builder, name, "batch", about, _schedule(serve.get("schedule")), steps)


def deploy_settings(lowering: Lowering, deploy: DeployInfo) -> dict[str, Any]:
    """All of a deployment as JSON."""
    found = {path: plain(value.value) for path, value in deploy.decl.settings.items() if path != "after"}
    rules = [_action_rule(lowering, rule) for rule in deploy.rules]
    return {"model": deploy.model.decl.name, "gates": deploy.gates, **found, "rules": rules}


def monitor_pipelines(lowering: Lowering, builder: StepBuilder) -> list[Pipeline]:
    return [_monitor(lowering, builder, monitor) for monitor in lowering.program.monitors.values()]


def _monitor(lowering: Lowering, builder: StepBuilder, monitor: MonitorInfo) -> Pipeline:
    name = monitor.decl.name
    settings = {path: plain(value.value) for path, value in monitor.decl.settings.items()}
    tables = [settings[word] for word in ("labels", "reference") if settings.get(word) in lowering.program.data]
    steps = list(builder.build(_data_graph(tables)))
    settings |= {
        "deploy": deploy_settings(lowering, monitor.deploy),
        "rules": [_action_rule(lowering, rule) for rule in monitor.rules],
    }
    inputs = {f"rows.{table}": f"clean:{table}/rows" for table in dict.fromkeys(tables)}
    needs = [f"validate:{table}" for table in dict.fromkeys(tables)]
    own = OpaqueSettings(kind="monitor", name=name, settings=settings)
    steps.append(builder.step(f"monitor:{name}", own, lowering.at(monitor.decl), inputs, needs))
    about = f"Watches {monitor.deploy.decl.name}."
    return _pipeline(builder, name, "monitor", about, _schedule(settings.get("schedule")), steps)


def _action_rule(lowering: Lowering, rule: ActionRuleInfo) -> dict[str, Any]:
    return {
        "text": rule.text,
        "expr": lower_expr(rule.expr).model_dump(mode="json"),
        "by": rule.by,
        "min_rows": plain(rule.min_rows),
        "times": list(rule.times),
        "actions": [plain(action) for action in rule.actions],
        "where": lowering.where(rule.span).model_dump(mode="json"),
    }
