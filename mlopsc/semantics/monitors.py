"""Monitor blocks: what is watched, compared with what, and what is done then."""

from __future__ import annotations

from typing import Any

from mlopsc.catalog.blocks import MONITOR
from mlopsc.catalog.metrics import DRIFT_METHODS, METRICS, WATCHED
from mlopsc.semantics.context import Context
from mlopsc.semantics.deploy import action_rule, rule_slices
from mlopsc.semantics.judging import ModelScope, latency, metric_node, metrics_in, param_ref
from mlopsc.semantics.program import (
    ActionRuleInfo,
    DataInfo,
    Decl,
    DeployInfo,
    ModelInfo,
    MonitorInfo,
    Ref,
    Type,
    TypedExpr,
)
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.slices import SLICED
from mlopsc.semantics.types import named
from mlopsc.syntax import ast

_ACTIONS = ("alert", "retrain", "rollback")
_NUMERIC_METHODS = ("ks", "wasserstein")
_NUMBERS = ("int", "float", "bool")


class MonitorScope(ModelScope):
    """What a monitor sees: distances from the reference, counts, and the model's metrics once labels are known."""

    what = "a monitor"

    def __init__(self, model: ModelInfo, labelled: bool) -> None:
        super().__init__(model, subject="deployment", compared=False)
        self.labelled = labelled

    def name(self, ctx: Context, node: ast.Name) -> TypedExpr | None:
        found = param_ref(ctx, node)
        if found is not None:
            return found[0]
        if node.text in ("volume", "staleness", "error_rate"):
            return metric_node(WATCHED[node.text], node.span, "deployment")
        if node.text in WATCHED:
            ctx.report(
                "no-metric", node.span, f"{node.text} needs its arguments.", help=f"Write {_EXAMPLES[node.text]}."
            )
            return None
        if node.text in ("model_size", "train_time"):
            ctx.report("unknown-metric", node.span, f"{node.text} is judged by gates; a monitor does not measure it.")
            return None
        found_metric = super().name(ctx, node)
        return found_metric if found_metric is None or self._labels(ctx, node) else None

    def _labels(self, ctx: Context, node: ast.Node) -> bool:
        if not self.labelled:
            message = "A metric needs the true outcomes, and this monitor names no labels."
            ctx.report("labels-needed", node.span, message, help="Write labels = DATA in the monitor block.")
        return self.labelled

    def call(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        word = node.func.text
        if word in ("drift", "skew"):
            return self._distance(ctx, node)
        if word in ("null_share", "new_categories"):
            return self._column(ctx, node)
        if word == "latency":
            return latency(ctx, node, "deployment")
        if word == "gap":
            found = super().call(ctx, node)
            return found if found is None or self._labels(ctx, node) else None
        if word in METRICS:
            return super().call(ctx, node)
        ctx.unknown("unknown-function", node.func, f"A monitor has no function {word}.", [*_EXAMPLES, "gap"])
        return None

    def _distance(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        """drift(features | feature | prediction, method =), and skew of the same."""
        word = node.func.text
        subject: ast.Value | None = None
        method = "psi"
        named = [arg.name.text for arg in node.args if arg.name is not None]
        for arg in node.args:
            if arg.name is not None and named.count(arg.name.text) > 1:
                ctx.report("duplicate-argument", arg.span, f"{arg.name.text} is given twice.")
                return None
            if arg.name is None and subject is None:
                subject = arg.value
            elif arg.name is not None and arg.name.text == "method" and isinstance(arg.value, ast.Name):
                if arg.value.text not in DRIFT_METHODS:
                    message = f"A method of {word} is one of {', '.join(DRIFT_METHODS)}."
                    ctx.unknown("bad-drift", arg.value, message, DRIFT_METHODS)
                    return None
                method = arg.value.text
            else:
                ctx.report("bad-drift", arg.span, f"{word} takes what to look at, and method = psi, ks, ….")
                return None
        if not isinstance(subject, ast.Name):
            ctx.report("bad-drift", node.span, f"{word} looks at a feature: {_EXAMPLES[word]}.")
            return None
        kind = self._subject(ctx, subject, word)
        if kind is None or not self._suits(ctx, subject, kind, method):
            return None
        top = {"js": 1.0, "ks": 1.0}.get(method, float("inf"))
        metric = WATCHED[word]._replace(hi=top)
        return metric_node(metric, node.span, "deployment", feature=subject.text, kind=kind, method=method)

    def _subject(self, ctx: Context, node: ast.Name, word: str) -> str | None:
        """ "features" for the whole block, "feature" or "prediction"; None after reporting."""
        features = self.model.features
        if node.text in features.features:
            return "feature"
        if node.text == features.decl.name:
            return "features"
        if node.text == "prediction":
            return "prediction"
        if features.lacks(node.text):
            options = [*features.features, features.decl.name, "prediction"]
            message = f"{features.decl.name} has no feature {node.text}."
            ctx.unknown("unknown-feature", node, message, options)
        return None

    def _suits(self, ctx: Context, node: ast.Name, kind: str, method: str) -> bool:
        """Whether the method can compare such values."""
        if kind == "features" or method in ("psi", "js"):
            return True
        if kind == "prediction":
            numeric = self.model.task != "multiclass"
        else:
            types = [expr.type.kind for expr in self.model.features.features[node.text].inputs]
            numeric = all(t in _NUMBERS for t in types)
        if method in _NUMERIC_METHODS and not numeric:
            message = f"{method} compares numbers, and {node.text} is none."
            ctx.report("bad-drift", node.span, message, help="Categories are compared by psi, js and chi2.")
            return False
        return True

    def _column(self, ctx: Context, node: ast.Call) -> TypedExpr | None:
        """null_share(c) and new_categories(c): columns as received."""
        word = node.func.text
        first = node.args[0].value if len(node.args) == 1 and node.args[0].name is None else None
        if not isinstance(first, ast.Name):
            ctx.report("wrong-argument-count", node.span, f"{word} takes one column: {_EXAMPLES[word]}.")
            return None
        data = self.model.features.data
        column = data.columns.get(first.text)
        if column is None:
            if data.lacks(first.text):
                ctx.unknown("unknown-column", first, f"{data.decl.name} has no column {first.text}.", data.written())
            return None
        if word == "new_categories" and column.type.kind not in SLICED:
            message = f"new_categories looks at categories and texts, and {first.text} is {named(Type(column.type.kind))}."
            ctx.report("wrong-argument-type", first.span, message)
            return None
        return metric_node(WATCHED[word], node.span, "deployment", column=first.text)


_EXAMPLES = {
    "drift": "drift(FEATURE)",
    "skew": "skew(FEATURE)",
    "null_share": "null_share(COLUMN)",
    "new_categories": "new_categories(COLUMN)",
    "latency": "latency(p99)",
}


def check_monitor(ctx: Context, decl: Decl) -> None:
    """Enter the monitor; one on a poisoned deployment stays out."""
    assert isinstance(decl.node, ast.Block)
    found = header(ctx, decl.node, MONITOR)["on"]
    read_settings(ctx, decl, decl.node.body, MONITOR)
    deploy: DeployInfo | None = ctx.program.deploys.get(found.name) if found is not None else None
    if deploy is None:
        return
    model = deploy.model
    _check_labels(ctx, decl, model)
    _check_reference(ctx, decl, model)
    _check_segments(ctx, decl, model.features.data)
    scope = MonitorScope(model, not decl.lacks("labels"))
    rules = [_rule(ctx, s, scope, model) for s in decl.node.body if isinstance(s, ast.Rule) and s.verb.text == "when"]
    ctx.program.monitors[decl.name] = MonitorInfo(decl, deploy, [rule for rule in rules if rule is not None])


def _rule(ctx: Context, node: ast.Rule, scope: MonitorScope, model: ModelInfo) -> ActionRuleInfo | None:
    by, min_rows = rule_slices(ctx, node, model)
    rule = action_rule(ctx, node, scope, _ACTIONS, by, min_rows)
    if rule is None or not by:
        return rule
    for metric in metrics_in(rule.expr):
        if metric.fn in ("latency", "error_rate", "staleness"):
            ctx.report("bad-slice", metric.span, f"{metric.fn} is one number of the whole server, not of a slice.")
            return None
    return rule


def _check_labels(ctx: Context, decl: Decl, model: ModelInfo) -> None:
    """The labels' block has the key, and what the target reads."""
    written = decl.settings.get("labels")
    if written is None:
        return
    ref: Ref = written.value
    labels = ctx.program.data.get(ref.name)
    data = model.features.data
    if labels is None:
        return
    if not data.key and data.decl.lacks("key"):
        message = f"Labels are joined by key, and {data.decl.name} names none."
        ctx.report("bad-labels", written.span, message, help=f"Write key = COLUMN in data {data.decl.name}.")
        return
    for column in [*data.key, *sorted(model.target.columns)]:
        if labels.lacks(column):
            why = "the key" if column in data.key else "which the target reads"
            message = f"{ref.name} has no column {column}, {why} of {data.decl.name}."
            if column not in data.key:
                message = f"{ref.name} has no column {column}, {why}."
            ctx.report("bad-labels", written.span, message)
            return
        if column not in labels.columns or column not in data.columns:
            continue
        if labels.columns[column].type.kind != data.columns[column].type.kind:
            kinds = [named(Type(info.columns[column].type.kind)) for info in (labels, data)]
            message = f"{column} is {kinds[0]} in {ref.name} and {kinds[1]} in {data.decl.name}."
            ctx.report("bad-labels", written.span, message)
            return


def _check_reference(ctx: Context, decl: Decl, model: ModelInfo) -> None:
    """A data block as reference has every column that the features read."""
    written = decl.settings.get("reference")
    if written is None or not isinstance(written.value, Ref):
        return
    reference = ctx.program.data.get(written.value.name)
    if reference is None:
        return
    needed: dict[str, Any] = {}
    for feature in model.features.features.values():
        for expr in feature.inputs:
            needed |= dict.fromkeys(sorted(expr.columns))
    missing = [column for column in needed if reference.lacks(column)]
    if missing:
        message = f"{written.value.name} has no column {missing[0]}, which the features read."
        ctx.report("bad-reference", written.span, message)


def _check_segments(ctx: Context, decl: Decl, data: DataInfo) -> None:
    written = decl.settings.get("segments")
    for ref in written.value if written is not None else ():
        column = data.columns.get(ref.name)
        if column is None:
            if data.lacks(ref.name):
                word = ast.Name(ref.span[0], ref.span[1], ref.name)
                ctx.unknown("unknown-column", word, f"{data.decl.name} has no column {ref.name}.", data.written())
        elif column.type.kind not in SLICED:
            message = f"Segments are by a category, a bool or a string, and {ref.name} is {named(Type(column.type.kind))}."
            ctx.report("bad-slice", ref.span, message)
