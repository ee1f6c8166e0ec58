"""What is effective besides settings: columns, features with their stars expanded, what follows for a model and what its
libraries add, rules with what they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlopsc.catalog.algorithms import ALGORITHMS, class_of, parameters
from mlopsc.catalog.metrics import MAIN_METRIC
from mlopsc.driver.resolved.rows import Row, literal, place, written
from mlopsc.semantics.judging import metrics_in, subjects
from mlopsc.semantics.models import searched, tuning_aim
from mlopsc.semantics.program import (
    ActionRuleInfo,
    CandidateInfo,
    DataInfo,
    Decl,
    FeaturesInfo,
    GateInfo,
    ModelInfo,
    Program,
    Ref,
)
from mlopsc.source import SourceMap
from mlopsc.syntax import ast

# Whose defaults hold for what a spec leaves out, by the first word of a class.
_LIBRARIES = {"sklearn": "scikit-learn", "xgboost": "XGBoost", "lightgbm": "LightGBM"}


def more(program: Program, decl: Decl) -> Iterator[Row]:
    """The rows of one declaration that are no settings of it."""
    sources, name = program.sources, decl.name
    if decl.kind == "data" and name in program.data:
        yield from _columns(sources, program.data[name])
        yield from _data_rules(sources, program.data[name])
    elif decl.kind == "features" and name in program.features:
        yield from _features(sources, program.features[name])
    elif decl.kind == "model" and name in program.models:
        yield from _model(sources, program.models[name])
    elif decl.kind == "gate" and name in program.gates:
        yield from _gate(sources, program.gates[name])
    elif decl.kind == "deploy" and name in program.deploys:
        yield from _actions(sources, program.deploys[name].rules)
    elif decl.kind == "monitor" and name in program.monitors:
        yield from _actions(sources, program.monitors[name].rules)
    elif decl.kind in ("target", "profile") and isinstance(decl.node, ast.Block):
        for node in decl.node.body:
            if isinstance(node, ast.Setting):
                path = ".".join(part.text for part in node.path)
                yield Row(path, written(sources, node.value, "any"), place(sources, node.span))
    elif decl.kind == "metric" and isinstance(decl.node, ast.Binding):
        yield Row("value", written(sources, decl.node.value, "any"), place(sources, decl.node.value.span))


def _columns(sources: SourceMap, data: DataInfo) -> Iterator[Row]:
    for column in data.columns.values():
        text = f'{column.type} from "{column.raw}"'
        if column.type.levels is not None:
            text += f" levels {', '.join(column.type.levels)}"
        if column.true_false is not None:
            text += f" true {column.true_false[0]}, false {column.true_false[1]}"
        if column.missing:
            text += f" missing {written(sources, list(column.missing), 'string')}"
        if column.lo is not None or column.hi is not None:
            text += f" in {column.lo}..{column.hi}"
        if column.allowed is not None:
            text += f" in {written(sources, list(column.allowed), 'any')}"
        if column.matches is not None:
            text += f" matches {literal(column.matches, 'string')}"
        yield Row(f"columns.{column.name}", text, place(sources, column.span))


def _data_rules(sources: SourceMap, data: DataInfo) -> Iterator[Row]:
    for number, condition in enumerate(data.filters, 1):
        yield Row(
            f"filter.{number}", written(sources, ast.Node(*condition.span), "any"), place(sources, condition.span)
        )
    numbers = _Numbers()
    for rule in data.rules:
        yield Row(numbers.path(rule.kind), rule.text, place(sources, rule.span))


def _features(sources: SourceMap, features: FeaturesInfo) -> Iterator[Row]:
    for feature in features.features.values():
        pipe = "".join(f" |> {stage.name}({_arguments(stage.args)})" for stage in feature.pipe)
        inputs = ", ".join(written(sources, ast.Node(*node.span), "any") for node in feature.inputs)
        yield Row(f"feature.{feature.name}", f"{inputs}{pipe}", place(sources, feature.span))


def _arguments(args: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in args.items())


def _model(sources: SourceMap, model: ModelInfo) -> Iterator[Row]:
    settings = model.decl.settings
    if "task" not in settings:
        yield Row("task", model.task, "follows from the target")
    if model.task == "binary" and "positive" not in settings:
        positive = True if model.positive is None else model.positive
        yield Row("positive", literal(positive, "any"), "follows from the target")
    if searched(model.candidates) and not settings.keys() & {"tuning.maximize", "tuning.minimize"}:
        metric, direction = tuning_aim(model, MAIN_METRIC)
        yield Row(f"tuning.{direction}", metric, "follows from the task")
    for number, candidate in enumerate(model.candidates, 1):
        yield from _candidate(sources, f"candidate.{number}", candidate, model.task)


def _candidate(sources: SourceMap, path: str, candidate: CandidateInfo, task: str) -> Iterator[Row]:
    """What the spec gives, then what the library's class does with the rest."""
    there = place(sources, candidate.span)
    yield Row(path, candidate.name if candidate.ref is None else f'{candidate.name}("{candidate.ref}")', there)
    for name, value in candidate.args.items():
        yield Row(f"{path}.{name}", _argument(value), there)
    algorithm = ALGORITHMS.get(candidate.name)
    owner = class_of(algorithm, task) if algorithm is not None else None
    if owner is not None:
        default = f"{_LIBRARIES[owner.partition('.')[0]]}'s default"
        for name, parameter in parameters(owner).items():
            if name not in candidate.args:
                yield Row(f"{path}.{name}", literal(parameter.default, "any"), default)


def _argument(value: Any) -> str:
    """An argument of an algorithm: a JSON value, a param, or a search space."""
    if isinstance(value, Ref):
        return value.name
    if isinstance(value, dict) and "tune" in value:
        space = value["tune"]
        options = space.get("choices")
        where = f"[{', '.join(literal(o, 'any') for o in options)}]" if options else f"{space['lo']}..{space['hi']}"
        return f"tune({where}{', log = true' if space.get('log') else ''})"
    return literal(value, "any")


def _gate(sources: SourceMap, gate: GateInfo) -> Iterator[Row]:
    """Every rule, with the clauses that bear on it and were left out."""
    assert isinstance(gate.decl.node, ast.Block)
    rules = {s.span: s for s in gate.decl.node.body if isinstance(s, ast.Rule)}
    numbers = _Numbers()
    for rule in gate.rules:
        path, there = numbers.path(rule.kind), place(sources, rule.span)
        given = {clause.word.text: there for clause in rules[rule.span].clauses}
        yield Row(path, rule.text, there)
        if rule.by:
            yield Row(f"{path}.by", ", ".join(rule.by), there)
        if rule.by or any(metric.fn == "gap" for metric in metrics_in(rule.expr)):
            yield Row(f"{path}.min_rows", written(sources, rule.min_rows, "int"), given.get("min_rows", "default"))
        if "champion" in subjects(rule.expr):
            share = written(sources, rule.confidence, "share")
            yield Row(f"{path}.confidence", share, given.get("confidence", "default"))


def _actions(sources: SourceMap, rules: list[ActionRuleInfo]) -> Iterator[Row]:
    for number, rule in enumerate(rules, 1):
        path, there = f"when.{number}", place(sources, rule.span)
        yield Row(path, rule.text, there)
        if rule.times != (1, 1):
            yield Row(f"{path}.for", f"{rule.times[0]} of {rule.times[1]}", there)


class _Numbers:
    """Paths of rules: each verb counts from 1."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def path(self, verb: str) -> str:
        self._last[verb] = self._last.get(verb, 0) + 1
        return f"{verb}.{self._last[verb]}"
