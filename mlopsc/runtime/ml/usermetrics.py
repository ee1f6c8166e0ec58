"""Metrics of the user's own: dataset functions over row expressions of `actual`, `predicted` and `probability`.

Row expressions are computed once for each row with the language's meaning; the dataset functions then run on arrays, so
that a bootstrap resample only draws rows again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..expr import to_python
from .columns import TEXT_TYPES, Floats, base_type
from .outcomes import Outcomes, Value

Expr = dict[str, Any]
Drawn = list[NDArray[Any]]  # the arguments' values at the drawn rows, object arrays with None for null


def _present(values: NDArray[Any]) -> Floats:
    return np.array([float(value) for value in values.tolist() if value is not None])


def _number(function: Callable[[Floats], Any], least: int = 1) -> Callable[[Drawn], Any]:
    """A function of the values that are not null; null with fewer than `least` of them."""

    def compute(drawn: Drawn) -> Any:
        values = drawn[0].astype(np.float64)
        values = values[~np.isnan(values)]
        return float(function(values)) if len(values) >= least else None

    return compute


def _share(drawn: Drawn) -> Any:
    return float(np.equal(drawn[0], True).sum() / len(drawn[0])) if len(drawn[0]) else None


def _null_share(drawn: Drawn) -> Any:
    return sum(value is None for value in drawn[0].tolist()) / len(drawn[0]) if len(drawn[0]) else None


def _distinct(drawn: Drawn) -> int:
    return len({value for value in drawn[0].tolist() if value is not None})


def _quantile(drawn: Drawn) -> Any:
    values = _present(drawn[0])
    return float(np.quantile(values, float(drawn[1][0]))) if len(values) else None


def _correlation(drawn: Drawn) -> Any:
    a, b = (one.astype(np.float64) for one in drawn)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


DATASET: dict[str, Callable[[Drawn], Any]] = {
    "null_share": _null_share,
    "unique": lambda drawn: _distinct(drawn) == sum(value is not None for value in drawn[0].tolist()),
    "distinct": _distinct,
    "share": _share,
    "min": _number(np.min),
    "max": _number(np.max),
    "mean": _number(np.mean),
    "std": _number(lambda values: np.std(values, ddof=1), 2),
    "median": _number(np.median),
    "sum": _number(np.sum),
    "quantile": _quantile,
    "correlation": _correlation,
}


class UserMetric:
    """A user's metric over given outcomes: `value(drawn)` for any draw of their rows (all, once each, without)."""

    def __init__(self, expr: Expr, outcomes: Outcomes) -> None:
        self._arguments: list[Drawn] = []
        self._functions: list[str] = []
        self._rows = len(outcomes)
        outer = self._split(expr, _Rows(outcomes))
        self._outer = to_python([outer])

    def _split(self, node: Any, rows: _Rows) -> Any:
        """The expression with each dataset function replaced by a column that holds its value."""
        if isinstance(node, (list, tuple)):
            return [self._split(item, rows) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("op") == "call" and (node["fn"] in DATASET or node["fn"] == "rows"):
            self._functions.append(node["fn"])
            self._arguments.append([rows.compute(argument) for argument in node["args"]])
            return {"op": "column", "name": f"d{len(self._functions) - 1}", "type": node["type"]}
        return {key: self._split(value, rows) for key, value in node.items()}

    def value(self, drawn: NDArray[Any] | None = None) -> Value:
        """`drawn`: row positions, repeated where a row was drawn more than once."""
        rows = self._rows if drawn is None else len(drawn)
        row: dict[str, Any] = {}
        for at, (function, arguments) in enumerate(zip(self._functions, self._arguments, strict=True)):
            if function == "rows":
                row[f"d{at}"] = rows
            else:
                chosen = arguments if drawn is None else [values[drawn] for values in arguments]
                row[f"d{at}"] = DATASET[function](chosen) if rows else None
        found = self._outer(row)[0]
        if found is None or not math.isfinite(float(found)):
            return Value(None, "it is null over these rows")
        return Value(float(found))


class _Rows:
    """Row expressions over outcomes, as the language sees them: labels of the target's own type."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes

    def compute(self, expr: Expr) -> NDArray[Any]:
        function = to_python([expr])
        columns = {"actual": self._actual(expr), "predicted": self._predicted(expr), "probability": self._probability()}
        found = np.empty(len(self.outcomes), dtype=object)
        for at, (actual, predicted, probability) in enumerate(zip(*columns.values(), strict=True)):
            found[at] = function({"actual": actual, "predicted": predicted, "probability": probability})[0]
        return found

    def _actual(self, expr: Expr) -> list[Any]:
        return self._labels(self.outcomes.actual, _type_of("actual", expr))

    def _predicted(self, expr: Expr) -> list[Any]:
        return self._labels(self.outcomes.predicted, _type_of("predicted", expr))

    def _labels(self, values: NDArray[Any], type: str) -> list[Any]:
        if self.outcomes.task == "regression":
            return values.tolist()  # type: ignore[no-any-return]
        base = base_type(type)
        if base == "bool" and self.outcomes.task == "binary":
            # A bool target's own values; of any other target, whether it is the positive class.
            if set(self.outcomes.labels) <= {True, False}:
                return [bool(self.outcomes.labels[code]) for code in values.tolist()]
            return [code == 1 for code in values.tolist()]
        labels = [str(label) if base in TEXT_TYPES else label for label in self.outcomes.labels]
        return [labels[code] for code in values.tolist()]

    def _probability(self) -> list[Any]:
        given = self.outcomes.probability
        if given is None:
            return [None] * len(self.outcomes)
        # Of several classes: the probability of the class that was predicted.
        return (given if given.ndim == 1 else given.max(axis=1)).tolist()  # type: ignore[no-any-return]


def _type_of(name: str, expr: Any) -> str:
    """The type under which `expr` reads the column `name`."""
    if isinstance(expr, (list, tuple)):
        return next((found for item in expr if (found := _type_of(name, item))), "")
    if not isinstance(expr, dict):
        return ""
    if expr.get("op") == "column" and expr["name"] == name:
        return str(expr["type"])
    return next((found for value in expr.values() if (found := _type_of(name, value))), "")
