"""Metrics: which task each fits, which way is better, and the values that it can take at all."""

from __future__ import annotations

from typing import NamedTuple

INF = float("inf")
BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"
TASKS = (BINARY, MULTICLASS, REGRESSION)


class Metric(NamedTuple):
    """`type` is the type of its value in an expression: float, duration (microseconds) or size (bytes); lo..hi bound it."""

    name: str
    doc: str
    tasks: tuple[str, ...]
    higher: bool  # higher is better
    lo: float = 0.0
    hi: float = 1.0
    type: str = "float"


_CLASSES = (BINARY, MULTICLASS)


def _table(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: dict[str, Metric] = _table(
    Metric("roc_auc", "Area under the ROC curve.", _CLASSES, True),
    Metric("average_precision", "Area under the precision-recall curve, as a weighted mean.", _CLASSES, True),
    Metric("accuracy", "Share of right predictions.", _CLASSES, True),
    Metric("balanced_accuracy", "Mean recall over the classes.", _CLASSES, True),
    Metric("precision", "Share of right ones among positive predictions.", _CLASSES, True),
    Metric("recall", "Share of positives that were found.", _CLASSES, True),
    Metric("specificity", "Share of negatives that were left alone.", _CLASSES, True),
    Metric("f1", "Harmonic mean of precision and recall.", _CLASSES, True),
    Metric("log_loss", "Mean negative log-likelihood.", _CLASSES, False, hi=INF),
    Metric("brier", "Mean squared error of the probability.", _CLASSES, False),
    Metric("calibration_error", "Mean distance of probability and observed share over bins.", _CLASSES, False),
    Metric("rmse", "Root of the mean squared error.", (REGRESSION,), False, hi=INF),
    Metric("mae", "Mean absolute error.", (REGRESSION,), False, hi=INF),
    Metric("mape", "Mean absolute error as a share of the actual value.", (REGRESSION,), False, hi=INF),
    Metric("r2", "Share of the variance explained.", (REGRESSION,), True, lo=-INF),
    Metric("median_error", "Median absolute error.", (REGRESSION,), False, hi=INF),
    Metric("max_error", "Largest absolute error.", (REGRESSION,), False, hi=INF),
)
# Of the model as a whole, whatever its task; not judged by slice.
MEASURES: dict[str, Metric] = _table(
    Metric("latency", "Time for one row through features and model.", TASKS, False, hi=INF, type="duration"),
    Metric("model_size", "Size of the stored model.", TASKS, False, hi=INF, type="size"),
    Metric("train_time", "Time that training took.", TASKS, False, hi=INF, type="duration"),
    Metric("gap", "Largest less smallest value of a metric over the slices of a column.", TASKS, False, hi=INF),
)
# Of a deployment, in monitors; deploy rules may use those of SERVED.
WATCHED: dict[str, Metric] = _table(
    Metric("drift", "Distance of a distribution from the reference.", TASKS, False, hi=INF),
    Metric("skew", "Distance between the values served and those in the training data.", TASKS, False, hi=INF),
    Metric("volume", "Predictions in the window.", TASKS, True, hi=INF),
    Metric("null_share", "Share of nulls in a column, as received.", TASKS, False),
    Metric("new_categories", "Values of a column that training never saw.", TASKS, False, hi=INF),
    Metric("staleness", "Age of the newest scored row.", TASKS, False, hi=INF, type="duration"),
    Metric("error_rate", "Share of requests that failed.", TASKS, False),
    Metric("latency", "Time from request to answer.", TASKS, False, hi=INF, type="duration"),
)
SERVED = ("error_rate", "latency", "volume")
QUANTILES = ("p50", "p95", "p99")
DRIFT_METHODS = ("psi", "ks", "js", "wasserstein", "chi2")
MAIN_METRIC = {BINARY: "roc_auc", MULTICLASS: "accuracy", REGRESSION: "rmse"}


def of_task(task: str) -> list[str]:
    """The names of the metrics that fit a task."""
    return [metric.name for metric in METRICS.values() if task in metric.tasks]
