"""What a model leans on: how much worse its main metric gets when a feature's values are shuffled among rows.

Permutation importance (Breiman 2001, section 10); all columns of a feature move together, so that a category counts as one.
On training rows: it tells what the model uses, not what would help on new ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import metrics
from .columns import Floats
from .modelfile import Model
from .outcomes import Outcomes

MAIN = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
ROWS, SHUFFLES = 2000, 3


def importance(model: Model, x: Floats, y: NDArray[Any], seed: int) -> dict[str, Any]:
    """{"metric", "features": {name: mean loss of the metric, larger is more}} over a seeded sample of the rows."""
    generator = np.random.Generator(np.random.PCG64(seed))
    sample = np.sort(generator.permutation(len(x))[:ROWS])
    x, y = np.array(x[sample]), y[sample]
    name = MAIN[model.task]
    sign = -1.0 if model.task == "regression" else 1.0
    best = _score(model, name, x, y)
    found: dict[str, float | None] = {}
    at = 0
    for pipe in model.features.pipes:
        block = slice(at, at + pipe.width)
        kept = x[:, block].copy()
        losses = []
        for _ in range(SHUFFLES):
            x[:, block] = kept[generator.permutation(len(x))]
            shuffled = _score(model, name, x, y)
            if best is not None and shuffled is not None:
                losses.append(sign * (best - shuffled))
        x[:, block] = kept
        found[pipe.name] = float(np.mean(losses)) if losses else None
        at += pipe.width
    return {"metric": name, "features": found}


def _score(model: Model, name: str, x: Floats, y: NDArray[Any]) -> float | None:
    prediction = model.predict_matrix(x)
    outcomes = Outcomes(model.task, y, prediction.predicted, prediction.probability, model.classes.labels)
    return metrics.compute(name, outcomes).value
