"""Model and gate blocks to the settings of split, train, evaluate, gate, approve and register."""

from __future__ import annotations

from typing import Any

from mlopsc.catalog.metrics import MAIN_METRIC
from mlopsc.ir.plan import (
    Algorithm,
    ApproveSettings,
    EvaluateSettings,
    Feature,
    GateRule,
    GateSettings,
    RegisterSettings,
    SplitSettings,
    SplitSpec,
    Target,
    TrainSettings,
    Transform,
    Tune,
    TuneArg,
    Tuning,
    UserMetric,
)
from mlopsc.passes.expressions import lower_expr
from mlopsc.passes.lowering import Lowering, number, plain, setting
from mlopsc.semantics.judging import metrics_in, subjects
from mlopsc.semantics.models import searched, tuning_aim
from mlopsc.semantics.program import (
    CandidateInfo,
    FeatureInfo,
    FeaturesInfo,
    GateInfo,
    ModelInfo,
    Program,
    Ref,
)


def features(lowering: Lowering, info: FeaturesInfo) -> tuple[Feature, ...]:
    return tuple(_feature(lowering, feature) for feature in info.features.values())


def _feature(lowering: Lowering, feature: FeatureInfo) -> Feature:
    return Feature(
        name=feature.name,
        inputs=tuple(lower_expr(expr) for expr in feature.inputs),
        types=tuple(str(expr.type) for expr in feature.inputs),
        pipe=tuple(Transform(name=t.name, args=plain_args(t.args), sklearn=t.sklearn) for t in feature.pipe),
        levels=tuple(expr.type.levels for expr in feature.inputs),
        where=lowering.where(feature.span),
    )


def plain_args(args: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in args.items()}


def target(model: ModelInfo) -> Target:
    own = model.target.type
    return Target(
        text=model.target_text,
        expr=lower_expr(model.target),
        type=str(own),
        task=model.task,  # type: ignore[arg-type]
        positive=model.positive,
        levels=own.levels,
    )


def split_spec(model: ModelInfo) -> SplitSpec:
    call = model.decl.settings["split"].value
    args = {name: plain(value) for name, value in call.args.items() if name != "stratify"}
    found: dict[str, Any] = {"kind": call.name}
    test = args.get("test")
    if call.name == "time":
        found |= {"time": model.features.data.time, "after": args.get("after")}
    if call.name == "group":
        found["group"] = args["column"]
        if isinstance(test, list):
            found["groups"] = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in test)
            test = None
    found["test"] = number(test)
    if model.stratify is not None:
        found["stratify"] = lower_expr(model.stratify)
    return SplitSpec(**found)


def split(model: ModelInfo) -> SplitSettings:
    data = model.features.data
    return SplitSettings(
        model=model.decl.name,
        data=data.decl.name,
        key=tuple(data.key),
        target=target(model),
        split=split_spec(model),
        seed=number(setting(model.decl, "seed")),
    )


def _algorithm(lowering: Lowering, candidate: CandidateInfo) -> Algorithm:
    args: dict[str, Any] = {}
    for name, value in candidate.args.items():
        if isinstance(value, dict):
            tune = dict(value["tune"])
            if "choices" in tune:
                tune["choices"] = tuple(tune["choices"])
            args[name] = TuneArg(tune=Tune(**tune))
        else:
            args[name] = number(value) if isinstance(value, Ref) else value
    return Algorithm(name=candidate.name, ref=candidate.ref, args=args, where=lowering.where(candidate.span))


def _tuning(model: ModelInfo) -> Tuning | None:
    if not searched(model.candidates):
        return None
    metric, direction = tuning_aim(model, MAIN_METRIC)
    return Tuning(
        trials=number(setting(model.decl, "tuning.trials")),
        metric=metric,
        direction=direction,  # type: ignore[arg-type]
        folds=number(setting(model.decl, "tuning.folds")),
        timeout=setting(model.decl, "tuning.timeout"),
    )


def user_metrics(program: Program, task: str) -> tuple[UserMetric, ...]:
    return tuple(
        UserMetric(name=name, expr=lower_expr(by_task[task]))
        for name, by_task in program.user_metrics.items()
        if task in by_task
    )


def train(lowering: Lowering, model: ModelInfo) -> TrainSettings:
    data = model.features.data
    tuning = _tuning(model)
    aimed = tuple(
        m for m in user_metrics(lowering.program, model.task) if tuning is not None and m.name == tuning.metric
    )
    return TrainSettings(
        model=model.decl.name,
        data=data.decl.name,
        features_name=model.features.decl.name,
        features=features(lowering, model.features),
        target=target(model),
        split=split_spec(model),
        key=tuple(data.key),
        seed=number(setting(model.decl, "seed")),
        candidates=tuple(_algorithm(lowering, candidate) for candidate in model.candidates),
        tuning=tuning,
        threshold=number(setting(model.decl, "threshold")),
        weights=lower_expr(model.weights) if model.weights is not None else None,
        user_metrics=aimed,
        explain=setting(model.decl, "explain"),
    )


def evaluate(lowering: Lowering, model: ModelInfo) -> EvaluateSettings:
    gates = lowering.gates[model.decl.name]
    asked = any(metric.fn == "latency" for gate in gates for rule in gate.rules for metric in metrics_in(rule.expr))
    data = model.features.data
    return EvaluateSettings(
        model=model.decl.name,
        data=data.decl.name,
        key=tuple(data.key),
        target=target(model),
        threshold=number(setting(model.decl, "threshold")),
        user_metrics=user_metrics(lowering.program, model.task),
        latency=asked,
        where=lowering.at(model.decl),
    )


def gate(lowering: Lowering, info: GateInfo) -> GateSettings:
    model = info.model
    data = model.features.data
    rules = tuple(
        GateRule(
            kind=rule.kind,  # type: ignore[arg-type]
            text=rule.text,
            expr=lower_expr(rule.expr),
            by=tuple(rule.by),
            min_rows=number(rule.min_rows),
            confidence=number(rule.confidence),
            where=lowering.where(rule.span),
        )
        for rule in info.rules
    )
    return GateSettings(
        gate=info.decl.name,
        model=model.decl.name,
        data=data.decl.name,
        key=tuple(data.key),
        target=target(model),
        threshold=number(setting(model.decl, "threshold")),
        seed=number(setting(model.decl, "seed")),
        rules=rules,
        user_metrics=user_metrics(lowering.program, model.task),
        champion=any("champion" in subjects(rule.expr) for rule in info.rules),
        approval="approval" in info.decl.settings,
        where=lowering.at(info.decl),
    )


def approve(lowering: Lowering, info: GateInfo) -> ApproveSettings:
    args = info.decl.settings["approval"].value.args
    return ApproveSettings(
        gate=info.decl.name,
        model=info.model.decl.name,
        by=tuple(plain(args["by"])),
        within=plain(args["within"]) if "within" in args else None,
        where=lowering.at(info.decl),
    )


def register(lowering: Lowering, model: ModelInfo) -> RegisterSettings:
    keeps = [setting(deploy.decl, "keep") for deploy in lowering.deploys[model.decl.name]]
    return RegisterSettings(
        model=model.decl.name,
        gates=tuple(lowering.deciding[model.decl.name]),
        keep=max(keeps) if keeps else None,
        where=lowering.at(model.decl),
    )
