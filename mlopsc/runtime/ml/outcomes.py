"""What a model said about rows whose truth is known, and counts over them that metrics are made of.

Every count takes weights, one a row: 1 each for the rows themselves, how often each row was drawn for a bootstrap
resample (so that a resample sorts nothing again).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import Floats


class Value(NamedTuple):
    """A metric's value, or why it has none."""

    value: float | None
    reason: str | None = None


@dataclass
class Outcomes:
    """actual and predicted: class codes (int64; binary 1 is positive) or numbers. probability: (n,) of the positive class,
    (n, classes), or None for regression. labels: of the classes, in order."""

    task: str
    actual: NDArray[Any]
    predicted: NDArray[Any]
    probability: Floats | None
    labels: tuple[Any, ...] = ()
    _orders: dict[int, _Ranking] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.actual)

    def at(self, rows: NDArray[Any]) -> Outcomes:
        probability = None if self.probability is None else self.probability[rows]
        return Outcomes(self.task, self.actual[rows], self.predicted[rows], probability, self.labels)

    def classes(self) -> int:
        return max(len(self.labels), 2)

    def scores(self, code: int) -> Floats:
        """The probability of class `code`."""
        assert self.probability is not None
        if self.probability.ndim == 1:
            return self.probability if code == 1 else 1.0 - self.probability
        return self.probability[:, code]

    def ranking(self, code: int) -> _Ranking:
        if code not in self._orders:
            self._orders[code] = _Ranking.of(self.scores(code), self.actual == code)
        return self._orders[code]

    def confusion(self, weights: Floats) -> Floats:
        """(actual, predicted) weights."""
        k = self.classes()
        cells = np.bincount(self.actual * k + self.predicted, weights, k * k)
        return cells.astype(np.float64).reshape(k, k)


@dataclass
class _Ranking:
    """Rows by falling score; `ends`: the last position of each group of equal scores."""

    order: NDArray[Any]
    positive: NDArray[Any]
    ends: NDArray[Any]

    @classmethod
    def of(cls, score: Floats, positive: NDArray[Any]) -> _Ranking:
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1) if len(ranked) else np.array([], int)
        return cls(order, positive[order], ends)

    def curve(self, weights: Floats) -> tuple[Floats, Floats]:
        """Cumulated weights of positives and negatives at each distinct score, highest first."""
        ranked = weights[self.order]
        hits = np.cumsum(ranked * self.positive)[self.ends]
        return hits, np.cumsum(ranked)[self.ends] - hits


def roc_auc(ranking: _Ranking, weights: Floats) -> float | None:
    """Area under the ROC curve by trapezoids; None with one class only."""
    hits, misses = ranking.curve(weights)
    if not len(hits) or hits[-1] == 0 or misses[-1] == 0:
        return None
    heights = hits + np.concatenate(([0.0], hits[:-1]))
    return float(np.sum(np.diff(misses, prepend=0.0) * heights) / (2.0 * hits[-1] * misses[-1]))


def average_precision(ranking: _Ranking, weights: Floats) -> float | None:
    """Sum of precision times the step in recall, without interpolation; None without positives."""
    hits, misses = ranking.curve(weights)
    if not len(hits) or hits[-1] == 0:
        return None
    drawn = hits + misses
    precision = np.divide(hits, drawn, out=np.zeros_like(hits), where=drawn > 0)
    return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])


def calibration_error(score: Floats, positive: NDArray[Any], weights: Floats) -> float:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015): the mean over rows of
    |mean probability - observed share| of their bin."""
    bins = np.minimum((score * 10).astype(np.int64), 9)
    expected = np.bincount(bins, weights * score, 10)
    observed = np.bincount(bins, weights * positive, 10)
    return float(np.abs(expected - observed).sum() / weights.sum())
