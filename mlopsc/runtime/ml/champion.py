"""The champion as an opponent: its stored features and estimator on this run's test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..context import Context
from . import modelfile, scoring
from .modelfile import Model
from .outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Opponent:
    """`eligible`: positions among the test rows that the champion was not trained on; `outcomes` are of all test rows.
    Without outcomes, `reason` says why the two cannot be compared."""

    version: int
    eligible: NDArray[Any]
    outcomes: Outcomes | None
    model: Model | None
    size: int
    reason: str = ""


def find(ctx: Context, engine: Callable[[], Any], scored: scoring.Scored) -> Opponent | None:
    """The champion of the step's model, scored; None where there is none."""
    record = ctx.store.registry().champion(ctx.settings["model"])
    if record is None:
        return None
    path = ctx.store.path(record.artifacts["model"])  # checked by its digest
    model = modelfile.load(path, ctx.modules_root)
    eligible = np.flatnonzero(~_trained_on(ctx, record.artifacts["split"], scored.row))
    size = path.stat().st_size
    if model.task != scored.outcomes.task:
        reason = f"the champion solves another task ({model.task})"
        return Opponent(record.version, eligible, None, None, size, reason)
    prediction = scoring.predict_stored(engine(), ctx.inputs["rows"], scored.row, model)
    outcomes = _aligned(model, prediction, scored.outcomes)
    reason = "" if outcomes is not None else "the champion's classes are not this model's"
    return Opponent(record.version, eligible, outcomes, model, size, reason)


def _trained_on(ctx: Context, split_digest: str, row: NDArray[Any]) -> NDArray[Any]:
    """Which test rows the champion was trained on, by the ids of its own split."""
    with np.load(ctx.inputs["split"], allow_pickle=False) as split:
        ids = split["id"][row]
    with np.load(ctx.store.path(split_digest), allow_pickle=False) as theirs:
        trained = theirs["id"][theirs["part"] == 0]
    found: NDArray[Any] = np.isin(ids, trained)
    return found


def _aligned(model: Model, prediction: modelfile.Prediction, ours: Outcomes) -> Outcomes | None:
    """The champion's predictions in this model's class codes; None where the two mean different classes."""
    if ours.task == "regression":
        return Outcomes(ours.task, ours.actual, prediction.predicted, None)
    theirs = model.classes.labels
    if ours.task == "binary":
        if theirs[1] != ours.labels[1]:
            return None
        return Outcomes(ours.task, ours.actual, prediction.predicted, prediction.probability, ours.labels)
    if not set(theirs) <= set(ours.labels):
        return None
    assert prediction.probability is not None
    to = np.array([ours.labels.index(label) for label in theirs])
    probability = np.zeros((len(ours), len(ours.labels)))
    probability[:, to] = prediction.probability
    return Outcomes(ours.task, ours.actual, to[prediction.predicted], probability, ours.labels)
