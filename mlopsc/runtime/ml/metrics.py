"""The metrics of each task. Binary ones are of the positive class; multiclass ones are means over classes (each against
the rest), but accuracy and log_loss, which need no mean. A metric without a value says why; it is never NaN.

Definitions are scikit-learn's where it has the metric (tests compare them). Where it would warn and return 0:
- binary precision without a positive prediction, recall without a positive row, specificity without a negative row
  are undefined; in a mean over classes, recall and specificity skip classes without such rows, and a class that is
  never predicted has precision 0;
- brier of several classes is the mean over classes, so that it stays within 0..1; mape with an actual 0 is undefined.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .columns import Floats
from .outcomes import Outcomes, Value, average_precision, calibration_error, roc_auc

Metric = Callable[[Outcomes, Floats], Value]
ONE_CLASS = "the rows hold one class only"


def _mean(values: list[float | None], reason: str) -> Value:
    present = [value for value in values if value is not None]
    return Value(float(np.mean(present))) if present else Value(None, reason)


def _ranked(curve: Callable[..., float | None], reason: str) -> Metric:
    def metric(outcomes: Outcomes, weights: Floats) -> Value:
        if outcomes.task == "binary":
            value = curve(outcomes.ranking(1), weights)
            return Value(value, None if value is not None else reason)
        return _mean([curve(outcomes.ranking(code), weights) for code in range(outcomes.classes())], reason)

    return metric


def _share(part: float, whole: float, reason: str) -> Value:
    return Value(float(part / whole)) if whole > 0 else Value(None, reason)


def _accuracy(outcomes: Outcomes, weights: Floats) -> Value:
    return Value(float(weights[outcomes.actual == outcomes.predicted].sum() / weights.sum()))


def _recalls(table: Floats) -> list[float | None]:
    return [float(table[k, k] / table[k].sum()) if table[k].sum() > 0 else None for k in range(len(table))]


def _balanced_accuracy(outcomes: Outcomes, weights: Floats) -> Value:
    recalls = _recalls(outcomes.confusion(weights))
    if sum(recall is not None for recall in recalls) < 2:
        return Value(None, ONE_CLASS)
    return _mean(recalls, ONE_CLASS)


def _precision(outcomes: Outcomes, weights: Floats) -> Value:
    table = outcomes.confusion(weights)
    if outcomes.task == "binary":
        return _share(table[1, 1], table[:, 1].sum(), "no row is predicted positive")
    used = [k for k in range(len(table)) if table[k].sum() + table[:, k].sum() > 0]
    return _mean([float(table[k, k] / max(table[:, k].sum(), 1e-300)) for k in used], "no rows")


def _recall(outcomes: Outcomes, weights: Floats) -> Value:
    table = outcomes.confusion(weights)
    if outcomes.task == "binary":
        return _share(table[1, 1], table[1].sum(), "no row is positive")
    return _mean(_recalls(table), "no rows")


def _specificity(outcomes: Outcomes, weights: Floats) -> Value:
    table = outcomes.confusion(weights)
    if outcomes.task == "binary":
        return _share(table[0, 0], table[0].sum(), "no row is negative")
    total, found = table.sum(), []
    for k in range(len(table)):
        negatives = total - table[k].sum()
        wrong = table[:, k].sum() - table[k, k]
        found.append(float((negatives - wrong) / negatives) if negatives > 0 else None)
    return _mean(found, ONE_CLASS)


def _f1(outcomes: Outcomes, weights: Floats) -> Value:
    table = outcomes.confusion(weights)
    codes = [1] if outcomes.task == "binary" else range(len(table))
    found: list[float | None] = []
    for k in codes:
        whole = table[k].sum() + table[:, k].sum()
        found.append(float(2 * table[k, k] / whole) if whole > 0 else None)
    return _mean(found, "no row is positive or predicted so")


def _log_loss(outcomes: Outcomes, weights: Floats) -> Value:
    """Natural logarithm; probabilities are clipped to eps..1-eps of float64, as scikit-learn does."""
    assert outcomes.probability is not None
    given = outcomes.probability
    if given.ndim == 1:
        of_actual = np.where(outcomes.actual == 1, given, 1.0 - given)
    else:
        of_actual = given[np.arange(len(given)), outcomes.actual]
    eps = np.finfo(np.float64).eps
    return Value(float(-(weights * np.log(np.clip(of_actual, eps, 1.0 - eps))).sum() / weights.sum()))


def _one_against_rest(score: Callable[[Floats, Floats, Floats], float]) -> Metric:
    def metric(outcomes: Outcomes, weights: Floats) -> Value:
        codes = [1] if outcomes.task == "binary" else range(outcomes.classes())
        return _mean([score(outcomes.scores(k), outcomes.actual == k, weights) for k in codes], "no rows")

    return metric


def _squares(score: Floats, positive: Floats, weights: Floats) -> float:
    return float((weights * (score - positive) ** 2).sum() / weights.sum())


def _errors(outcomes: Outcomes) -> Floats:
    errors: Floats = outcomes.predicted - outcomes.actual
    return errors


def _rmse(outcomes: Outcomes, weights: Floats) -> Value:
    return Value(float(np.sqrt((weights * _errors(outcomes) ** 2).sum() / weights.sum())))


def _mae(outcomes: Outcomes, weights: Floats) -> Value:
    return Value(float((weights * np.abs(_errors(outcomes))).sum() / weights.sum()))


def _mape(outcomes: Outcomes, weights: Floats) -> Value:
    if ((outcomes.actual == 0) & (weights > 0)).any():
        return Value(None, "an actual value is 0")
    size = np.where(outcomes.actual == 0, 1.0, np.abs(outcomes.actual))
    return Value(float((weights * np.abs(_errors(outcomes)) / size).sum() / weights.sum()))


def _r2(outcomes: Outcomes, weights: Floats) -> Value:
    mean = (weights * outcomes.actual).sum() / weights.sum()
    spread = (weights * (outcomes.actual - mean) ** 2).sum()
    drawn = outcomes.actual[weights > 0]
    if len(drawn) < 2 or (drawn == drawn[0]).all() or not spread > 0:
        return Value(None, "the actual values are all the same")
    return Value(float(1.0 - (weights * _errors(outcomes) ** 2).sum() / spread))


def _median_error(outcomes: Outcomes, weights: Floats) -> Value:
    """The median absolute error; of an even count the mean of the middle two."""
    sizes = np.abs(_errors(outcomes))
    order = np.argsort(sizes, kind="stable")
    reached = np.cumsum(weights[order])
    half = reached[-1] / 2.0
    low = sizes[order][np.searchsorted(reached, half, side="left")]
    high = sizes[order][min(np.searchsorted(reached, half, side="right"), len(sizes) - 1)]
    return Value(float((low + high) / 2.0))


def _max_error(outcomes: Outcomes, weights: Floats) -> Value:
    return Value(float(np.abs(_errors(outcomes))[weights > 0].max()))


CLASSIFICATION: dict[str, Metric] = {
    "roc_auc": _ranked(roc_auc, ONE_CLASS),
    "average_precision": _ranked(average_precision, "no row is positive"),
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _precision,
    "recall": _recall,
    "specificity": _specificity,
    "f1": _f1,
    "log_loss": _log_loss,
    "brier": _one_against_rest(_squares),
    "calibration_error": _one_against_rest(calibration_error),
}
REGRESSION: dict[str, Metric] = {
    "rmse": _rmse,
    "mae": _mae,
    "mape": _mape,
    "r2": _r2,
    "median_error": _median_error,
    "max_error": _max_error,
}


def of_task(task: str) -> dict[str, Metric]:
    return REGRESSION if task == "regression" else CLASSIFICATION


def compute(name: str, outcomes: Outcomes, weights: Floats | None = None) -> Value:
    """The metric `name` over the rows of `outcomes`, each counted as often as its weight says (once without)."""
    if weights is None:
        weights = np.ones(len(outcomes))
    if not len(outcomes) or not weights.sum() > 0:
        return Value(None, "there are no rows")
    found = of_task(outcomes.task)[name](outcomes, weights)
    if found.value is not None and not np.isfinite(found.value):
        return Value(None, "the value is not a finite number")
    return found
