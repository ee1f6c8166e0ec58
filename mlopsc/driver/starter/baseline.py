"""A quick model on a sample, only to know where a first gate can stand safely."""

from __future__ import annotations

import math
from typing import NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

from mlopsc.driver.starter.choice import Choice
from mlopsc.driver.starter.table import Column, Table

SAMPLE = 8000  # rows
FOLDS = 3
FEWEST = 30  # rows with a target, under which no score means anything


class Score(NamedTuple):
    """`metric` on held-out folds: mean, spread (standard deviation) and what a model that knows nothing gets."""

    metric: str
    mean: float
    spread: float
    naive: float


def measure(
    connection: duckdb.DuckDBPyConnection, table: Table, choice: Choice, features: list[Column]
) -> Score | None:
    """None where there are too few rows of some class, or no feature."""
    if not features:
        return None
    step = max(table.rows // SAMPLE, 1)
    names = ", ".join(_quoted(column.raw) for column in [*features, choice.target])
    rows = connection.execute(
        f"select {names} from (select *, row_number() over () as r from t) where r % {step} = 0"  # noqa: S608
    ).fetchall()
    rows = [row for row in rows if row[-1] is not None and row[-1] not in choice.target.missing]
    if len(rows) < FEWEST:
        return None
    matrix = np.column_stack([_numbers(column, [row[i] for row in rows]) for i, column in enumerate(features)])
    return _score(choice, matrix, [str(row[-1]).strip() for row in rows])


def _numbers(column: Column, texts: list[str | None]) -> NDArray[np.float64]:
    """A column as numbers: values of numbers, positions of levels in text order for the rest; NaN for null."""
    if column.type in ("int", "float"):
        return np.array([_number(text, column) for text in texts])
    known = {text: i for i, text in enumerate(sorted({t for t in texts if t is not None and t not in column.missing}))}
    return np.array([known.get(text, math.nan) if text is not None else math.nan for text in texts])


def _number(text: str | None, column: Column) -> float:
    if text is None or text in column.missing:
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan


def _score(choice: Choice, matrix: NDArray[np.float64], targets: list[str]) -> Score | None:
    if choice.task == "regression":
        y = np.array([float(text) for text in targets])
        regressor = HistGradientBoostingRegressor(max_iter=60, early_stopping=False, random_state=0)
        found = -cross_val_score(
            regressor, matrix, y, cv=KFold(FOLDS, shuffle=True, random_state=0), scoring="neg_mean_absolute_error"
        )
        return Score("mae", float(found.mean()), float(found.std()), float(np.abs(y - y.mean()).mean()))
    classes, codes = np.unique(targets, return_inverse=True)
    if len(classes) < 2 or np.bincount(codes).min() < 2 * FOLDS:
        return None
    classifier = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=0)
    metric, scoring = ("roc_auc", "roc_auc") if len(classes) == 2 else ("balanced_accuracy", "balanced_accuracy")
    found = cross_val_score(
        classifier, matrix, codes, cv=StratifiedKFold(FOLDS, shuffle=True, random_state=0), scoring=scoring
    )
    return Score(metric, float(found.mean()), float(found.std()), 0.5 if len(classes) == 2 else 1 / len(classes))


def threshold(score: Score) -> float:
    """Where a gate can stand: worse than the quick model by three of its spreads and a fifth of what it gained over knowing
    nothing, rounded to the loose side."""
    slack = 3 * score.spread + 0.2 * abs(score.mean - score.naive)
    if score.metric == "mae":
        digits = 1 - math.floor(math.log10(score.mean + slack)) if score.mean + slack > 0 else 2
        factor = 10.0**digits
        return math.ceil((score.mean + slack) * factor) / factor
    return max(math.floor((score.mean - slack) * 100) / 100, 0.0)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
