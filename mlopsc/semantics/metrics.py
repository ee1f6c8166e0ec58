"""Names of metrics: which exist for a model, and the metrics that a user defines."""

from __future__ import annotations

from mlopsc.catalog.metrics import METRICS, Metric, of_task
from mlopsc.diagnostics.model import Bag
from mlopsc.semantics.context import Context
from mlopsc.semantics.datasets import check_user_metric
from mlopsc.semantics.program import Decl
from mlopsc.syntax import ast


def check_metric_binding(ctx: Context, decl: Decl, tasks: list[str]) -> None:
    """`metric NAME = expr`: kept for every task of the spec's models that it fits. One that fits none is reported as it
    fails for the first."""
    node = decl.node
    if not isinstance(node, ast.Binding):
        message = "A metric is one line with a value, not a block."
        ctx.report("misplaced-statement", decl.node.kind.span, message, help=f"Write metric {decl.name} = ….")
        return
    if decl.name in METRICS:
        ctx.report("duplicate-name", node.name.span, f"{decl.name} is a built-in metric.")
        return
    found = {}
    real = ctx.bag
    for task in tasks:
        ctx.bag = Bag()
        typed = check_user_metric(ctx, node.value, task)
        ctx.bag, tried = real, ctx.bag
        if typed is not None and not tried.has_errors:
            found[task] = typed
    if not found and tasks:
        check_user_metric(ctx, node.value, tasks[0])
        return
    ctx.program.user_metrics[decl.name] = found
    ctx.program.metrics[decl.name] = next(iter(found.values()))


def metric_of(ctx: Context, name: ast.Name, task: str) -> Metric | None:
    """The metric of a name for a task; None after reporting. A user's metric may take any value."""
    metric = METRICS.get(name.text)
    if metric is not None:
        if task in metric.tasks:
            return metric
        options = ", ".join(of_task(task))
        message = f"{name.text} is a metric of {' and '.join(metric.tasks)}, and this model's task is {task}."
        ctx.report("metric-task", name.span, message, help=f"For {task} there are {options}.")
        return None
    decl = ctx.program.decls.get(name.text)
    if decl is not None and decl.kind == "metric":
        decl.used = True
        known = ctx.program.user_metrics.get(name.text)
        if known is None:
            return None
        if task not in known:
            message = f"The metric {name.text} does not fit a {task} model."
            ctx.report("metric-task", name.span, message)
            return None
        infinity = float("inf")
        return Metric(name.text, "", (task,), True, -infinity, infinity)
    options_list = [*of_task(task), *ctx.names("metric")]
    ctx.unknown("unknown-metric", name, f"There is no metric {name.text}.", options_list)
    return None
