"""Model blocks: target and task, split, candidates, tuning, weights.

Two phases, because what a features block means depends on every model built from it (`[*numeric]` leaves out what a
target reads): `start_model` types the target, `finish_model` checks everything else.
"""

from __future__ import annotations

from mlopsc.catalog.algorithms import ALGORITHMS, class_of, takes_null
from mlopsc.catalog.blocks import MODEL
from mlopsc.catalog.metrics import METRICS, TASKS
from mlopsc.diagnostics.model import Bag
from mlopsc.semantics.algorithms import read_candidates
from mlopsc.semantics.constants import not_by_string
from mlopsc.semantics.context import Context
from mlopsc.semantics.leakage import check_leakage
from mlopsc.semantics.matrix import check_matrix
from mlopsc.semantics.metrics import metric_of
from mlopsc.semantics.program import CandidateInfo, Decl, FeaturesInfo, ModelInfo, Ref, Type, Value
from mlopsc.semantics.rows import check_row
from mlopsc.semantics.settings import header, read_settings
from mlopsc.semantics.splits import check_split
from mlopsc.semantics.tasks import find_task, positive_class
from mlopsc.semantics.types import named
from mlopsc.semantics.written import written as as_written
from mlopsc.syntax import ast

_NOT_A_TARGET = ("date", "timestamp", "duration", "size", "list", "range", "null")


def start_model(ctx: Context, decl: Decl) -> None:
    """Enter the model with its target and task; a model whose target is poisoned stays out."""
    assert isinstance(decl.node, ast.Block)
    features = _features(ctx, decl, decl.node)
    read_settings(ctx, decl, decl.node.body, MODEL)
    written = decl.settings.get("target")
    if features is None or written is None:
        return
    if isinstance(written.value, ast.Literal) and written.value.kind == "string":
        not_by_string(ctx, written.value, "target", "a column or an expression")
        return
    target = check_row(ctx, written.value, features.data)
    if target is None:
        return
    if target.op == "literal":
        ctx.report("wrong-target-type", written.span, "A target is a column or an expression over columns.")
        return
    if not target.columns:
        _no_column(ctx, written)
        return
    if target.type.kind in _NOT_A_TARGET:
        message = f"A target is a bool, a category, a string or a number, and this is {named(Type(target.type.kind))}."
        ctx.report("wrong-target-type", written.span, message)
        return
    task = find_task(ctx, decl, target)
    if task is None:
        return
    ctx.program.models[decl.name] = ModelInfo(
        decl, features, target, as_written(ctx, written.span), task, positive_class(ctx, decl, target, task), [], None, None
    )


def _no_column(ctx: Context, written: Value) -> None:
    node = written.value
    text = str(node.value) if isinstance(node, ast.Literal) and node.kind == "string" else ""
    hint = f"Write {text}, without quotes." if text.isidentifier() else None
    ctx.report("wrong-target-type", written.span, "The target reads no column, so it is the same for every row.", help=hint)


def _features(ctx: Context, decl: Decl, node: ast.Block) -> FeaturesInfo | None:
    found = header(ctx, node, MODEL)["from"]
    return ctx.program.features.get(found.name) if found is not None else None


def check_weights(ctx: Context, model: ModelInfo) -> None:
    written = model.decl.settings.get("weights")
    if written is None:
        return
    if isinstance(written.value, ast.Literal) and written.value.kind == "string":
        not_by_string(ctx, written.value, "weights", "a column or an expression")
        return
    model.weights = check_row(ctx, written.value, model.features.data)
    if model.weights is not None and not (model.weights.type.numeric or model.weights.type.kind == "bool"):
        ctx.report("bad-weights", written.span, f"A weight is a number, and this is {named(Type(model.weights.type.kind))}.")
        model.weights = None


def reads(model: ModelInfo) -> set[str]:
    """The columns that a model's target, weights or group read: `[*numeric]` leaves them out."""
    found = set(model.target.columns)
    if model.weights is not None:
        found |= model.weights.columns
    split = model.decl.settings.get("split")
    if split is not None and split.value.name == "group":
        found.add(split.value.args["column"].value.name)
    return found


def finish_model(ctx: Context, model: ModelInfo) -> None:
    """Everything that needs the features to be complete."""
    settings = model.decl.settings
    check_split(ctx, model)
    threshold = settings.get("threshold")
    if threshold is not None and threshold.origin != "default" and model.task != "binary":
        message = f"A threshold cuts a binary probability, and this model's task is {model.task}."
        ctx.report("threshold-not-binary", threshold.span, message)
    for ref in settings["metrics"].value if "metrics" in settings else ():
        metric_of(ctx, ast.Name(ref.span[0], ref.span[1], ref.name), model.task)
    algorithm = settings.get("algorithm")
    candidates = read_candidates(ctx, model.decl, algorithm.value, model.task) if algorithm is not None else None
    if candidates is not None:
        model.candidates = candidates
        _check_tuning(ctx, model)
        _check_matrix(ctx, model)
    check_leakage(ctx, model)


def check_unfinished(ctx: Context, decl: Decl) -> None:
    """The algorithm of a model whose target is poisoned: what would be wrong with it for every task is told."""
    algorithm = decl.settings.get("algorithm")
    if algorithm is None or ctx.damage.everything:  # a param of a file that could not be read may stand in it
        return
    real, tried = ctx.bag, []
    try:
        for task in TASKS:
            ctx.bag = Bag()
            read_candidates(ctx, decl, algorithm.value, task)
            tried.append({(item.code, item.span): item for item in ctx.bag.items})
    finally:
        ctx.bag = real
    for key, item in tried[0].items():
        if all(key in others for others in tried[1:]):
            ctx.report(item.name, item.span, item.message, help=item.help, edit=item.edit, related=item.related)


def _check_matrix(ctx: Context, model: ModelInfo) -> None:
    """Hold the features against what the strictest candidate takes."""
    strictest = min(model.candidates, key=lambda c: candidate_takes_null(c, model.task))
    nulls = candidate_takes_null(strictest, model.task)
    check_matrix(ctx, model, nulls, False, strictest.ref or strictest.name, strictest.span)


def candidate_takes_null(candidate: CandidateInfo, task: str) -> bool:
    """Whether nulls may reach it. A class outside the tables is believed to take them: `check --data` and the run find out."""
    if candidate.name in ALGORITHMS:
        path = class_of(ALGORITHMS[candidate.name], task)
        return path is not None and takes_null(path)
    return known_takes_null(candidate.ref or "")


def known_takes_null(path: str) -> bool:
    try:
        return takes_null(path)
    except KeyError:
        return True


def searched(candidates: list[CandidateInfo]) -> bool:
    """Whether there is anything to search: several candidates, or a tune(…) among the arguments."""
    return len(candidates) > 1 or any(isinstance(v, dict) for c in candidates for v in c.args.values())


def _check_tuning(ctx: Context, model: ModelInfo) -> None:
    settings = model.decl.settings
    written = [v for path, v in settings.items() if path.startswith("tuning.") and v.origin != "default"]
    if written and not searched(model.candidates):
        message = "There is nothing to tune: no argument is tune(…) and there is one algorithm."
        ctx.report("nothing-to-tune", written[0].span, message)
    both = [settings.get("tuning.maximize"), settings.get("tuning.minimize")]
    if both[0] is not None and both[1] is not None:
        ctx.report("wrong-direction", both[1].span, "Tuning has one aim: maximize or minimize.")
        return
    for word, value in zip(("maximize", "minimize"), both, strict=True):
        if value is not None:
            _check_aim(ctx, model, word, value)


def _check_aim(ctx: Context, model: ModelInfo, word: str, value: Value) -> None:
    ref: Ref = value.value
    metric = metric_of(ctx, ast.Name(ref.span[0], ref.span[1], ref.name), model.task)
    if metric is not None and metric.name in METRICS and metric.higher != (word == "maximize"):
        other = "maximize" if metric.higher else "minimize"
        better = "more" if metric.higher else "less"
        message = f"Of {metric.name}, {better} is better."
        ctx.report("wrong-direction", value.span, message, help=f"Write {other} = {metric.name}.")


def tuning_aim(model: ModelInfo, main: dict[str, str]) -> tuple[str, str]:
    """(metric, "maximize" or "minimize") of the search; the task's main metric where the spec names none."""
    for word in ("maximize", "minimize"):
        value = model.decl.settings.get(f"tuning.{word}")
        if value is not None:
            return value.value.name, word
    metric = METRICS[main[model.task]]
    return metric.name, "maximize" if metric.higher else "minimize"
