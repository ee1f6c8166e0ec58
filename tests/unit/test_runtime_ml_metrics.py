"""Metrics of models: scikit-learn's values, reasons where there is none, weights that stand for drawn rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_workshop import call, column, literal
from sklearn import metrics as reference

from mlopsc.runtime.ml import metrics
from mlopsc.runtime.ml.outcomes import Outcomes
from mlopsc.runtime.ml.usermetrics import UserMetric


def binary(rows: int = 400, seed: int = 0) -> Outcomes:
    draw = np.random.default_rng(seed)
    probability = np.round(draw.random(rows), 2)  # with ties
    actual = (draw.random(rows) < probability).astype(np.int64)
    return Outcomes("binary", actual, (probability >= 0.5).astype(np.int64), probability, (False, True))


def multiclass(rows: int = 400, seed: int = 0) -> Outcomes:
    draw = np.random.default_rng(seed)
    probability = draw.dirichlet([1.0, 1.0, 1.0], rows)
    actual = np.array([draw.choice(3, p=row) for row in probability])
    return Outcomes("multiclass", actual, probability.argmax(axis=1), probability, ("a", "b", "c"))


def regression(rows: int = 400, seed: int = 0) -> Outcomes:
    draw = np.random.default_rng(seed)
    actual = draw.normal(10.0, 3.0, rows)
    return Outcomes("regression", actual, actual + draw.normal(0.0, 1.0, rows), None)


def value(name: str, outcomes: Outcomes) -> float:
    found = metrics.compute(name, outcomes)
    assert found.value is not None, found.reason
    return found.value


@pytest.mark.parametrize("seed", range(3))
def test_binary_metrics_are_scikit_learns(seed: int) -> None:
    one = binary(seed=seed)
    expected = {
        "roc_auc": reference.roc_auc_score(one.actual, one.probability),
        "average_precision": reference.average_precision_score(one.actual, one.probability),
        "accuracy": reference.accuracy_score(one.actual, one.predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(one.actual, one.predicted),
        "precision": reference.precision_score(one.actual, one.predicted),
        "recall": reference.recall_score(one.actual, one.predicted),
        "specificity": reference.recall_score(1 - one.actual, 1 - one.predicted),
        "f1": reference.f1_score(one.actual, one.predicted),
        "log_loss": reference.log_loss(one.actual, one.probability),
        "brier": reference.brier_score_loss(one.actual, one.probability),
    }
    assert {name: value(name, one) for name in expected} == pytest.approx(expected, rel=1e-12)


def test_multiclass_metrics_are_means_over_classes() -> None:
    one = multiclass()
    assert one.probability is not None
    binarised = np.eye(3)[one.actual]
    expected = {
        "roc_auc": reference.roc_auc_score(one.actual, one.probability, multi_class="ovr", average="macro"),
        "average_precision": reference.average_precision_score(binarised, one.probability, average="macro"),
        "accuracy": reference.accuracy_score(one.actual, one.predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(one.actual, one.predicted),
        "precision": reference.precision_score(one.actual, one.predicted, average="macro"),
        "recall": reference.recall_score(one.actual, one.predicted, average="macro"),
        "f1": reference.f1_score(one.actual, one.predicted, average="macro"),
        "log_loss": reference.log_loss(one.actual, one.probability),
        "brier": float(((one.probability - binarised) ** 2).mean()),
    }
    assert {name: value(name, one) for name in expected} == pytest.approx(expected, rel=1e-12)


def test_regression_metrics_are_scikit_learns() -> None:
    one = regression()
    expected = {
        "rmse": reference.root_mean_squared_error(one.actual, one.predicted),
        "mae": reference.mean_absolute_error(one.actual, one.predicted),
        "mape": reference.mean_absolute_percentage_error(one.actual, one.predicted),
        "r2": reference.r2_score(one.actual, one.predicted),
        "median_error": reference.median_absolute_error(one.actual, one.predicted),
        "max_error": reference.max_error(one.actual, one.predicted),
    }
    assert {name: value(name, one) for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "outcomes", [binary(60), multiclass(60), regression(60)], ids=["binary", "multiclass", "numbers"]
)
def test_weights_stand_for_rows_drawn_so_often(outcomes: Outcomes) -> None:
    """The metric with weights is the metric of the rows repeated: what the bootstrap relies on."""
    draw = np.random.default_rng(1)
    counts = np.bincount(draw.integers(0, len(outcomes), len(outcomes)), minlength=len(outcomes))
    repeated = outcomes.at(np.repeat(np.arange(len(outcomes)), counts))
    for name in metrics.of_task(outcomes.task):
        weighted = metrics.compute(name, outcomes, counts.astype(float))
        assert weighted.value == pytest.approx(metrics.compute(name, repeated).value, rel=1e-9), name


def test_calibration_error_is_the_mean_distance_of_share_and_probability() -> None:
    one = Outcomes(
        "binary", np.array([1, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9]), (False, True)
    )
    assert value("calibration_error", one) == pytest.approx(0.5 * abs(0.1 - 0.5) + 0.5 * abs(0.9 - 1.0))


@pytest.mark.parametrize(
    ("name", "actual", "predicted", "reason"),
    [
        ("roc_auc", [1, 1], [1, 1], "the rows hold one class only"),
        ("average_precision", [0, 0], [0, 0], "no row is positive"),
        ("balanced_accuracy", [1, 1], [1, 1], "the rows hold one class only"),
        ("precision", [1, 0], [0, 0], "no row is predicted positive"),
        ("recall", [0, 0], [1, 0], "no row is positive"),
        ("specificity", [1, 1], [1, 1], "no row is negative"),
        ("f1", [0, 0], [0, 0], "no row is positive or predicted so"),
    ],
)
def test_a_metric_without_a_value_says_why(name: str, actual: list[int], predicted: list[int], reason: str) -> None:
    one = Outcomes("binary", np.array(actual), np.array(predicted), np.array(predicted) * 0.5, (False, True))
    assert metrics.compute(name, one) == (None, reason)


def test_regression_metrics_that_divide_by_zero_are_undefined() -> None:
    one = Outcomes("regression", np.array([0.0, 0.0]), np.array([1.0, 2.0]), None)
    assert metrics.compute("mape", one).reason == "an actual value is 0"
    assert metrics.compute("r2", one).reason == "the actual values are all the same"
    assert metrics.compute("rmse", one.at(np.array([], dtype=int))).reason == "there are no rows"


PROFIT = call(
    "mean", "float?",
    call(
        "if", "int", call("and", "bool", column("predicted", "bool"), column("actual", "bool")), literal(40, "int"),
        call("if", "int", column("predicted", "bool"), literal(-5, "int"), literal(0, "int")),
    ),
)  # fmt: skip


def test_a_users_metric_is_computed_over_the_rows() -> None:
    one = Outcomes(
        "binary", np.array([1, 0, 1, 0]), np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.1, 0.2]), (False, True)
    )
    metric = UserMetric(PROFIT, one)
    assert metric.value().value == (40 - 5) / 4
    assert metric.value(np.array([0, 0, 3])).value == 80 / 3


def test_a_users_metric_sees_labels_of_the_targets_type() -> None:
    same = call("==", "bool", column("actual", "string"), literal("yes", "string"))
    one = Outcomes("binary", np.array([1, 0]), np.array([1, 1]), np.array([0.9, 0.8]), ("no", "yes"))
    assert UserMetric(call("share", "float?", same), one).value().value == 0.5


def test_arithmetic_around_dataset_functions_has_the_languages_meaning() -> None:
    """Division by zero is null, and a null metric is undefined."""
    one = regression(5)
    zero = call("-", "int", call("rows", "int"), literal(5, "int"))
    ratio: Any = call("/", "float?", call("mean", "float?", column("actual", "float")), zero)
    assert UserMetric(ratio, one).value() == (None, "it is null over these rows")
