"""The target of a model: values of the target expression as classes or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from .columns import TEXT_TYPES, Column, base_type


@dataclass(frozen=True, slots=True)
class Classes:
    """Labels in order: binary [negative, positive]; multiclass as listed, else in text (or number) order of the training
    rows. Labels are JSON values of the target's type: bool, int or str. Empty for regression."""

    task: str
    labels: tuple[Any, ...]

    def codes(self, column: Column) -> NDArray[Any]:
        """Class codes (int64) of a classifier's rows, -1 for a label that is none of them; numbers for regression."""
        if self.task == "regression":
            return np.asarray(column.values, dtype=np.float64)
        known = {label: code for code, label in enumerate(self.labels)}
        if base_type(column.type) in TEXT_TYPES:
            table = np.array([*(known.get(level, -1) for level in column.levels or []), -1], dtype=np.int64)
            coded: NDArray[Any] = table[column.values]
            return coded
        values = np.asarray(column.values, dtype=np.float64)
        found = np.full(len(values), -1, dtype=np.int64)
        for label, code in known.items():
            found[values == float(label)] = code
        return found


def classes_of(target: dict[str, Any], training: Column) -> Classes:
    """`training`: the target's column at the training rows."""
    task = target["task"]
    if task == "regression":
        return Classes(task, ())
    labels = _labels(target, training)
    if task == "multiclass":
        return Classes(task, tuple(labels))
    positive = target.get("positive")
    if positive is None:
        positive = labels[-1] if labels else True
    if base_type(target["type"]) == "category":
        positive = str(positive)
    others = [label for label in labels if label != positive]
    if len(others) > 1:
        raise StepError(
            "MLC9058",
            "target-not-binary",
            f"the target {target['text']} has {len(others) + 1} classes in the training rows where two are expected",
            help="name the levels of the target column, or filter the other rows out",
        )
    return Classes(task, (others[0] if others else None, positive))


def _labels(target: dict[str, Any], training: Column) -> list[Any]:
    base = base_type(target["type"])
    if target.get("levels"):
        return list(target["levels"])
    if base == "bool":
        return [False, True]
    seen = np.unique(training.values)
    if base in TEXT_TYPES:
        return sorted((training.levels or [])[code] for code in seen.tolist() if code >= 0)
    values = seen[~np.isnan(seen)].tolist()
    return [int(value) for value in values] if base == "int" else values
