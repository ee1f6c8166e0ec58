"""Paired bootstrap over test rows: how often each row is drawn, the same for both models of a comparison.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13 (percentile intervals); pairing as in Koehn 2004.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .columns import Floats

RESAMPLES = 1000
UNDEFINED_LIMIT = 0.05  # share of resamples in which the difference may be undefined


def draws(rows: int, seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """For each resample, how often each of `rows` rows was drawn; the same for the same seed."""
    generator = np.random.Generator(np.random.PCG64(seed))
    for _ in range(resamples):
        yield np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64)


def interval(differences: Floats, confidence: float) -> tuple[float, float] | None:
    """Both ends of the percentile interval; None where too many resamples left the difference undefined (NaN)."""
    defined = differences[np.isfinite(differences)]
    if not len(defined) or len(defined) < (1.0 - UNDEFINED_LIMIT) * len(differences):
        return None
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)
