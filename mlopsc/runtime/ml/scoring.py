"""Predictions for test rows: their truth, what a model says, what the baseline says, and the digest of it all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import read_columns
from ..errors import StepError
from ..expr.literals import sql_name, sql_text
from .columns import Column, Floats, base_type, take
from .modelfile import Model, Prediction
from .outcomes import Outcomes
from .target import Classes

CHUNK = 4096  # rows


def key_order(con: Any, rows: Path, key: list[str], at: NDArray[Any]) -> NDArray[Any]:
    """The row positions `at` in key order (text by code point); in row order where there is no key."""
    if not key:
        return np.sort(at)
    order = ", ".join(f"{sql_name(column)} ASC NULLS FIRST" for column in key)
    source = f"read_parquet({sql_text(str(rows))}, file_row_number = true)"
    found = con.execute(f"SELECT file_row_number FROM {source} ORDER BY {order}, file_row_number").fetchnumpy()
    ordered = np.asarray(found["file_row_number"], dtype=np.int64)
    wanted = np.zeros(len(ordered), dtype=bool)
    wanted[at] = True
    return ordered[wanted[ordered]]


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows of a rows file (`row`, positions) with their truth, and the predictions of a model and of the baseline."""

    row: NDArray[Any]
    outcomes: Outcomes
    baseline: Outcomes

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {
            "row": self.row,
            "actual": self.outcomes.actual,
            "predicted": self.outcomes.predicted,
            "labels": np.array([str(label) for label in self.outcomes.labels], dtype=np.str_),
        }
        if self.outcomes.probability is None:
            arrays["baseline"] = self.baseline.predicted
        else:
            arrays["probability"] = self.outcomes.probability
            arrays["baseline"] = self.baseline.probability
        with path.open("wb") as out:
            np.savez(out, **arrays)


def read_scored(path: Path, task: str, labels: tuple[Any, ...], threshold: float) -> Scored:
    """What `Scored.save` wrote. `labels`: the model's classes; those that only test rows have are kept as text."""
    with np.load(path, allow_pickle=False) as found:
        texts = found["labels"].tolist()
        every = (*labels, *texts[len(labels) :])
        probability = found["probability"] if "probability" in found.files else None
        outcomes = Outcomes(task, found["actual"], found["predicted"], probability, every)
        given = found["baseline"]
        return Scored(found["row"], outcomes, _baseline(task, outcomes.actual, given, every, threshold))


def score_rows(con: Any, rows: Path, row: NDArray[Any], model: Model, target: dict[str, Any]) -> Scored:
    """Score the rows at positions `row` with `model`."""
    column = take(read_columns(con, rows, [("y", target["expr"], target["type"])])["y"], row)
    prediction = predict_stored(con, rows, row, model)
    actual, labels = actual_codes(model.classes, column)
    outcomes = outcomes_of(model, prediction, actual, labels)
    shares = model.meta["baseline"]
    if model.task == "regression":
        given: Floats = np.full(len(row), float(shares))
    elif model.task == "binary":
        given = np.full(len(row), float(shares[1]))
    else:
        given = np.tile(_widened(np.array([shares]), len(labels)), (len(row), 1))
    return Scored(row, outcomes, _baseline(model.task, actual, given, labels, model.threshold))


def predict_stored(con: Any, rows: Path, row: NDArray[Any], model: Model) -> Prediction:
    """Predictions for the rows at positions `row`; StepError where the data lacks a column that the model reads."""
    try:
        return model.predict_table(con, rows, row)
    except Exception as error:
        if type(error).__name__ != "BinderException":
            raise
        reason = str(error).splitlines()[0].removeprefix("Binder Error: ")
        raise StepError(
            "MLC9065", "column-gone", f"the stored model {model.meta['model']} cannot read the data: {reason}"
        ) from error


def outcomes_of(model: Model, prediction: Prediction, actual: NDArray[Any], labels: tuple[Any, ...]) -> Outcomes:
    probability = prediction.probability
    if probability is not None and probability.ndim == 2:
        probability = _widened(probability, len(labels))
    return Outcomes(model.task, actual, prediction.predicted, probability, labels)


def actual_codes(classes: Classes, column: Column) -> tuple[NDArray[Any], tuple[Any, ...]]:
    """Class codes (or numbers) of the rows. Labels that no training row had follow the model's own, in text order: a
    model is wrong on them. For two classes they are an error."""
    codes = classes.codes(column)
    if classes.task == "regression" or (codes >= 0).all():
        return codes, classes.labels
    unknown = np.unique(np.asarray(column.values)[codes < 0])
    if column.levels is not None:
        names: list[Any] = sorted(column.levels[int(code)] for code in unknown.tolist() if code >= 0)
    else:
        names = [int(v) if base_type(column.type) == "int" else v for v in unknown.tolist()]
    if classes.task == "binary":
        raise StepError(
            "MLC9058", "target-not-binary", f"a test row has the class {names[0]!r}, which no training row has"
        )
    widened = Classes(classes.task, (*classes.labels, *names))
    return widened.codes(column), widened.labels


def _widened(probability: Floats, classes: int) -> Floats:
    """Further classes get probability 0."""
    missing = classes - probability.shape[1]
    return np.pad(probability, ((0, 0), (0, missing))) if missing else probability


def _baseline(task: str, actual: NDArray[Any], given: Floats, labels: tuple[Any, ...], threshold: float) -> Outcomes:
    if task == "regression":
        return Outcomes(task, actual, given, None, labels)
    predicted = (given >= threshold).astype(np.int64) if given.ndim == 1 else given.argmax(axis=1)
    return Outcomes(task, actual, predicted, given, labels)


def predictions_digest(outcomes: Outcomes) -> str:
    """SHA-256 of one line a row: predicted numbers, or the probabilities of all classes in order (binary: negative,
    positive), each with nine significant digits (%.9g, no minus zero), joined by commas."""
    if outcomes.probability is None:
        table = np.asarray(outcomes.predicted, dtype=np.float64).reshape(-1, 1)
    elif outcomes.probability.ndim == 1:
        table = np.column_stack([1.0 - outcomes.probability, outcomes.probability])
    else:
        table = outcomes.probability
    line = ",".join(["%.9g"] * table.shape[1]) + "\n"
    hashed = hashlib.sha256()
    for at in range(0, len(table), CHUNK):  # one format for many rows takes half the time of one a row
        part = table[at : at + CHUNK] + 0.0
        hashed.update((line * len(part) % tuple(part.ravel().tolist())).encode())
    return "sha256:" + hashed.hexdigest()
