"""Arguments that a library refuses together, though each alone is fine.

Sources: scikit-learn 1.9, `LogisticRegression` (solver, penalty, l1_ratio, dual; liblinear does two classes only),
`RandomForest*`/`ExtraTrees*` (oob_score, max_samples need bootstrap), `HistGradientBoostingRegressor` (quantile),
`Ridge` (positive), `DummyClassifier`/`DummyRegressor` (constant, quantile).
"""

from __future__ import annotations

from typing import Any

from mlopsc.semantics.context import Context
from mlopsc.syntax import ast

_L2_ONLY = ("lbfgs", "newton-cg", "newton-cholesky", "sag")


def check_together(ctx: Context, node: ast.Call, word: str, args: dict[str, Any], task: str) -> bool:
    """Whether the library takes these arguments together; reports where it does not. Searched and param values count as
    unknown."""
    known = {name: value for name, value in args.items() if _fixed(value)}
    problem = _PROBLEMS[word](known, task) if word in _PROBLEMS else None
    if problem is None:
        return True
    name, message = problem
    at = next((arg.span for arg in node.args if arg.name is not None and arg.name.text == name), node.func.span)
    ctx.report("bad-parameter", at, message)
    return False


def _fixed(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list)


def _logistic(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    solver = known.get("solver", "lbfgs")
    penalty = known.get("penalty", "l2")
    ratio = known.get("l1_ratio", 0)
    if solver in _L2_ONLY and (penalty in ("l1", "elasticnet") or ratio):
        name = "penalty" if penalty != "l2" else "l1_ratio"
        return name, f"The solver {solver} takes an L2 penalty only; saga takes L1, too."
    if solver == "liblinear" and penalty == "elasticnet":
        return "penalty", "The solver liblinear takes an L1 or an L2 penalty, not both; saga does."
    if solver == "liblinear" and isinstance(ratio, int | float) and 0 < ratio < 1:
        return "l1_ratio", "The solver liblinear takes an l1_ratio of 0 or 1 only; saga takes any."
    if solver == "liblinear" and task == "multiclass":
        return "solver", "The solver liblinear does two classes only; lbfgs does more."
    if solver == "liblinear" and penalty is None:
        return "penalty", "The solver liblinear needs a penalty."
    if known.get("dual") is True and (solver != "liblinear" or penalty != "l2" or ratio):
        return "dual", "dual goes with the solver liblinear and an L2 penalty only."
    return None


def _forest(known: dict[str, Any], task: str, *, default: bool) -> tuple[str, str] | None:
    if known.get("bootstrap", default):
        return None
    if known.get("oob_score"):
        return "oob_score", "oob_score needs bootstrap = true."
    if known.get("max_samples") is not None:
        return "max_samples", "max_samples needs bootstrap = true."
    return None


def _boosting(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    if known.get("loss") == "quantile" and known.get("quantile") is None:
        return "loss", "The loss quantile needs the argument quantile."
    return None


def _ridge(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    solver = known.get("solver", "auto")
    if known.get("positive") is True and solver not in ("auto", "lbfgs"):
        return "solver", "positive = true goes with the solver lbfgs only."
    if solver == "lbfgs" and known.get("positive") is not True:
        return "solver", "The solver lbfgs needs positive = true."
    return None


def _dummy(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    if known.get("strategy") == "constant" and known.get("constant") is None:
        return "strategy", "The strategy constant needs the argument constant."
    if known.get("strategy") == "quantile" and known.get("quantile") is None:
        return "strategy", "The strategy quantile needs the argument quantile."
    return None


def _random_forest(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    return _forest(known, task, default=True)


def _extra_trees(known: dict[str, Any], task: str) -> tuple[str, str] | None:
    return _forest(known, task, default=False)


_PROBLEMS = {
    "logistic_regression": _logistic,
    "random_forest": _random_forest,
    "extra_trees": _extra_trees,
    "gradient_boosting": _boosting,
    "ridge": _ridge,
    "dummy": _dummy,
}
