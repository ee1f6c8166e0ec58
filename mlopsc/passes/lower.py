"""A checked program to the Plan: one training pipeline, and one more for each batch deployment and each monitor."""

from __future__ import annotations

import hashlib

from mlopsc.ir.plan import (
    CustomSettings,
    FeatureTest,
    Param,
    Pipeline,
    Plan,
    Resources,
    Schedule,
    Settings,
    Step,
    Trigger,
    Where,
)
from mlopsc.passes import data as data_parts
from mlopsc.passes import models as model_parts
from mlopsc.passes.lowering import Lowering, channel, connection, setting
from mlopsc.passes.modules import closure
from mlopsc.passes.scoring import batch_pipelines, monitor_pipelines
from mlopsc.passes.wiring import OUTPUTS, artifacts
from mlopsc.semantics.program import Decl, Program, TestInfo
from mlopsc.semantics.steps import Graph, order, training_graph


def lower(program: Program, *, compiler: str, spec_name: str) -> Plan:
    """The Plan of a program without errors. Steps stand in an order in which each comes after what it needs; the result
    depends on nothing but the program."""
    assert program.pipeline is not None, "a program without errors has its pipeline"
    lowering = Lowering(program)
    builder = StepBuilder(lowering, program.pipeline)
    training = _training(lowering, builder)
    tuned = [model.decl.settings.get("tuning.timeout") for model in program.models.values()]
    return Plan(
        compiler=compiler,
        edition=program.edition,
        name=program.pipeline.name,
        spec=spec_name,
        files={
            path: "sha256:" + hashlib.sha256(content).hexdigest() for path, content in sorted(program.files.items())
        },
        modules=closure(_all_refs(program), program.read),
        profile=program.profile,
        params=tuple(_param(lowering, name) for name in program.params),
        connections=tuple(connection(d) for d in program.decls.values() if d.kind == "connection" and d.used),
        channels=tuple(channel(d) for d in program.decls.values() if d.kind == "channel" and d.used),
        pipelines=(training, *batch_pipelines(lowering, builder), *monitor_pipelines(lowering, builder)),
        tests=tuple(_test(lowering, test) for test in program.tests.values()),
        targets=program.targets,
        reproducible=all(timeout is None for timeout in tuned),
    )


def _param(lowering: Lowering, name: str) -> Param:
    kind, default = lowering.program.params[name]
    lo, hi = lowering.program.param_bounds.get(name, (None, None))
    if kind.kind == "share":
        lo, hi = 0.0 if lo is None else lo, 1.0 if hi is None else hi
    where = lowering.at(lowering.program.decls[name])
    return Param(name=name, type=kind.kind, default=default, lo=lo, hi=hi, levels=kind.levels, where=where)


def _all_refs(program: Program) -> list[str]:
    """Every `module:function` that the spec names."""
    steps = [step.settings["run"].value.args["ref"].value for step in program.steps.values()]
    sources = [ref for name in program.data for ref in source_refs(program, name)]
    return [*steps, *sources, *(ref for name in program.models for ref in algorithm_refs(program, name))]


def source_refs(program: Program, data: str) -> list[str]:
    source = program.data[data].decl.settings["source"].value
    return [source.args["ref"].value] if source.name == "python" else []


def algorithm_refs(program: Program, model: str) -> list[str]:
    return [c.ref for c in program.models[model].candidates if c.name == "python" and c.ref is not None]


def _test(lowering: Lowering, test: TestInfo) -> FeatureTest:
    info = test.features
    return FeatureTest(
        name=test.decl.name,
        features_name=info.decl.name,
        features=model_parts.features(lowering, info),
        columns=tuple(data_parts.column_spec(lowering, column) for column in info.data.columns.values()),
        given=tuple(test.given),
        expects=tuple(data_parts.data_rule(lowering, rule) for rule in test.expects),
        where=lowering.at(test.decl),
    )


# --- steps ------------------------------------------------------------------------------------------------------------


class StepBuilder:
    """Builds the steps of one program; the pipeline's retries and timeout hold for all of them."""

    def __init__(self, lowering: Lowering, pipeline: Decl) -> None:
        self.lowering = lowering
        self.program = lowering.program
        self.pipeline = pipeline

    def step(
        self,
        identity: str,
        settings: Settings,
        where: Where,
        inputs: dict[str, str],
        needs: list[str],
        *,
        refs: list[str] | None = None,
        resources: Resources | None = None,
    ) -> Step:
        """A step of any kind. `needs`: every step that must be done before it."""
        kind = identity.partition(":")[0]
        covered = {artifact.rpartition("/")[0] for artifact in inputs.values()}
        waits = kind == "approve"  # for a person: neither a crash to retry nor late
        return Step(
            id=identity,
            kind=kind,
            settings=settings,
            inputs=inputs,
            outputs=dict(OUTPUTS[kind]),
            after=tuple(need for need in dict.fromkeys(needs) if need not in covered),
            resources=resources or Resources(),
            retries=0 if waits else setting(self.pipeline, "retries", 0),
            retry_delay=setting(self.pipeline, "retry_delay", 0.0),
            timeout=None if waits else setting(self.pipeline, "timeout"),
            modules=tuple(closure(refs or [], self.program.read)),
            where=where,
        )

    def of_data(self, kind: str, name: str, needs: list[str]) -> Step:
        info = self.program.data[name]
        settings: Settings
        if kind == "ingest":
            settings = data_parts.ingest(self.lowering, info)
        elif kind == "clean":
            settings = data_parts.clean(info)
        else:
            settings = data_parts.validate(self.lowering, info)
        refs = source_refs(self.program, name) if kind == "ingest" else []
        inputs = artifacts(self.lowering, kind, name)
        return self.step(f"{kind}:{name}", settings, self.lowering.at(info.decl), inputs, needs, refs=refs)

    def of_model(self, kind: str, name: str, needs: list[str]) -> Step:
        program, lowering = self.program, self.lowering
        model = program.models[name]
        settings: Settings
        refs: list[str] = []
        resources: Resources | None = None
        if kind == "split":
            settings = model_parts.split(model)
        elif kind == "train":
            settings = model_parts.train(lowering, model)
            refs = algorithm_refs(program, name)
            own = model.decl
            resources = Resources(cpu=setting(own, "cpu"), memory=setting(own, "memory"), gpu=setting(own, "gpu"))
        elif kind == "evaluate":
            settings = model_parts.evaluate(lowering, model)
        else:
            settings = model_parts.register(lowering, model)
        inputs = artifacts(lowering, kind, name)
        where = lowering.at(model.decl)
        return self.step(f"{kind}:{name}", settings, where, inputs, needs, refs=refs, resources=resources)

    def of_gate(self, kind: str, name: str, needs: list[str]) -> Step:
        gate = self.program.gates[name]
        make = model_parts.gate if kind == "gate" else model_parts.approve
        settings: Settings = make(self.lowering, gate)
        inputs = artifacts(self.lowering, kind, name)
        return self.step(f"{kind}:{name}", settings, self.lowering.at(gate.decl), inputs, needs)

    def of_step(self, kind: str, name: str, needs: list[str]) -> Step:
        decl = self.program.steps[name]
        ref = decl.settings["run"].value.args["ref"].value
        inputs = artifacts(self.lowering, kind, name)
        settings = CustomSettings(name=name, ref=ref, arguments=tuple(inputs))
        return self.step(f"{kind}:{name}", settings, self.lowering.at(decl), inputs, needs, refs=[ref])

    def build(self, graph: Graph) -> tuple[Step, ...]:
        """The steps of a graph, in order."""
        makers = {
            "ingest": self.of_data,
            "clean": self.of_data,
            "validate": self.of_data,
            "split": self.of_model,
            "train": self.of_model,
            "evaluate": self.of_model,
            "register": self.of_model,
            "gate": self.of_gate,
            "approve": self.of_gate,
            "custom": self.of_step,
        }
        steps, stuck = order(graph)
        assert not stuck, "a program without errors has no cycle"
        found = []
        for identity in steps:
            kind, _, name = identity.partition(":")
            found.append(makers[kind](kind, name, graph[identity]))
        return tuple(found)


def _training(lowering: Lowering, builder: StepBuilder) -> Pipeline:
    program, decl = lowering.program, builder.pipeline
    return Pipeline(
        name=decl.name,
        kind="training",
        about=setting(decl, "about", ""),
        owner=setting(decl, "owner", ""),
        tags=tuple(setting(decl, "tags", ())),
        schedule=schedule(setting(decl, "schedule")),
        triggers=tuple(Trigger(kind="new_data", data=name) for name in program.triggers),
        retries=setting(decl, "retries", 0),
        retry_delay=setting(decl, "retry_delay", 0.0),
        timeout=setting(decl, "timeout"),
        notify=tuple(setting(decl, "notify", ())),
        steps=builder.build(training_graph(program)),
    )


def schedule(value: dict[str, dict[str, str]] | None) -> Schedule | None:
    """A schedule from `cron(…)` or `every(…)` as plain values."""
    return None if value is None else Schedule.model_validate(value["args"])
