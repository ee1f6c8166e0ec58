"""What a gate knows: outcomes of the model, the baseline and the champion over test rows, and measured facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .champion import Opponent
from .columns import Floats
from .outcomes import Outcomes, Value
from .scoring import Scored
from .slices import Slicer
from .usermetrics import UserMetric

Measured = Value
Resampler = Callable[[Floats], Measured]
MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class View:
    """Rows that a rule is judged over: positions among the test rows. `eligible`: only those that the champion was not
    trained on. `name` tells the slice ("": all of them); the two together name the rows."""

    name: str
    at: NDArray[Any]
    min_rows: int
    eligible: bool = False

    def __len__(self) -> int:
        return len(self.at)


@dataclass
class Evidence:
    scored: Scored
    slicer: Slicer
    user_metrics: Sequence[dict[str, Any]]
    latency: dict[str, float] | None  # seconds, of evaluate
    train_seconds: float | None
    model_size: int  # bytes
    opponent: Opponent | None
    opponent_latency: Callable[[], dict[str, float]]
    _outcomes: dict[tuple[str, str, bool], Outcomes] = field(default_factory=dict)
    _values: dict[str, Measured] = field(default_factory=dict)

    def measure(self, node: dict[str, Any], view: View) -> Measured:
        """The metric over the view's rows: durations in microseconds, sizes in bytes."""
        key = json.dumps([view.name, view.eligible, view.min_rows, node], sort_keys=True)
        if key not in self._values:
            self._values[key] = self._measure(node, view)
        return self._values[key]

    def _measure(self, node: dict[str, Any], view: View) -> Measured:
        subject, name = node["subject"], node["name"]
        if name == "latency":
            return self._latency(subject, str(node["args"].get("quantile", "p99")))
        if name == "model_size":
            size = self.model_size if subject == "model" else self.opponent.size if self.opponent else None
            return Value(size, None if size is not None else "it is not known")
        if name == "train_time":
            known = self.train_seconds if subject == "model" else None
            return Value(None, "it is not known") if known is None else Value(round(known * MICROS))
        if name == "gap":
            return self._gap(node, view)
        if not len(view):
            return Value(None, "there are no rows")
        outcomes = self.outcomes(subject, view)
        metric = self._user_metric(name)
        return UserMetric(metric, outcomes).value() if metric else metrics.compute(name, outcomes)

    def _latency(self, subject: str, quantile: str) -> Measured:
        found = self.latency if subject == "model" else self.opponent_latency()
        return Value(None, "it was not measured") if found is None else Value(round(found[quantile] * MICROS))

    def _gap(self, node: dict[str, Any], view: View) -> Measured:
        """Largest less smallest value over the slices of at least `min_rows` rows."""
        metric, by = str(node["args"]["metric"]), str(node["args"]["by"])
        inner = {"op": "metric", "subject": node["subject"], "name": metric, "args": {}, "type": "float"}
        values = []
        for part in self.parts(by, view):
            if len(part) < view.min_rows:
                continue
            found = self.measure(inner, part)
            if found.value is None:
                return Value(None, f"{metric} is undefined where {part.name}: {found.reason}")
            values.append(found.value)
        if len(values) < 2:
            return Value(None, f"fewer than two slices of {by} have {view.min_rows} rows")
        return Value(max(values) - min(values))

    def parts(self, by: str, view: View) -> list[View]:
        """The view's slices by a column."""
        prefix = f"{view.name}, " if view.name else ""
        return [
            View(prefix + one.label(), one.at[np.isin(one.at, view.at)], view.min_rows, view.eligible)
            for one in self.slicer.of(by)
        ]

    def outcomes(self, subject: str, view: View) -> Outcomes:
        key = (subject, view.name, view.eligible)
        if key not in self._outcomes:
            if subject == "champion":
                assert self.opponent is not None
                assert self.opponent.outcomes is not None
                whole = self.opponent.outcomes
            else:
                whole = self.scored.baseline if subject == "baseline" else self.scored.outcomes
            self._outcomes[key] = whole.at(view.at)
        return self._outcomes[key]

    def _user_metric(self, name: str) -> dict[str, Any] | None:
        return next((one["expr"] for one in self.user_metrics if one["name"] == name), None)

    def resampler(self, node: dict[str, Any], view: View) -> Resampler | None:
        """The metric as a function of how often each of the view's rows is drawn; None for what no draw changes."""
        name, subject = node["name"], node["subject"]
        if name in ("latency", "model_size", "train_time"):
            return None
        if name == "gap":
            return self._gap_resampler(node, view)
        outcomes = self.outcomes(subject, view)
        expr = self._user_metric(name)
        if expr is None:
            return lambda weights: metrics.compute(name, outcomes, weights)
        metric = UserMetric(expr, outcomes)
        everyone = np.arange(len(view))
        return lambda weights: metric.value(np.repeat(everyone, weights.astype(np.int64)))

    def _gap_resampler(self, node: dict[str, Any], view: View) -> Resampler:
        metric, by = str(node["args"]["metric"]), str(node["args"]["by"])
        inner = {"op": "metric", "subject": node["subject"], "name": metric, "args": {}, "type": "float"}
        parts = [part for part in self.parts(by, view) if len(part) >= view.min_rows]
        samplers = [(self.resampler(inner, part), np.searchsorted(view.at, part.at)) for part in parts]

        def gap(weights: Floats) -> Measured:
            values = []
            for sampler, at in samplers:
                assert sampler is not None
                found = sampler(weights[at])
                if found.value is None:
                    return found
                values.append(found.value)
            return Value(max(values) - min(values))

        return gap
