"""Tuning folds of the split's own kind, over training rows only: equal rows and groups stay together, later rows never
train for earlier ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from .columns import Column

Fold = tuple[NDArray[Any], NDArray[Any]]  # positions of training and validation rows, ascending


@dataclass(frozen=True, slots=True)
class Layout:
    """What folds are made from, for training rows. kind: random, time or group. position: the split's seeded hash.
    strata: class codes to stratify by, or None. time: numbers that grow with time; group: the group column."""

    kind: str
    position: NDArray[Any]
    strata: NDArray[Any] | None
    time: NDArray[Any] | None
    group: Column | None
    seed: int


def make(layout: Layout, folds: int) -> list[Fold]:
    """`folds` pairs; StepError where the rows are too few for them."""
    kinds = {"random": _random, "time": _expanding, "group": _groups}
    found = list(kinds[layout.kind](layout, folds))
    if not found or any(not len(train) or not len(held) for train, held in found):
        raise StepError(
            "MLC9061",
            "too-few-rows",
            f"the training rows are too few for {folds} {layout.kind} folds",
            help="lower tuning.folds, or read more rows",
        )
    return found


def _by_part(part: NDArray[Any], folds: int) -> Iterator[Fold]:
    for fold in range(folds):
        yield np.flatnonzero(part != fold), np.flatnonzero(part == fold)


def _random(layout: Layout, folds: int) -> Iterator[Fold]:
    """Rows dealt out in the order of their hash, within each class; rows of one hash go together."""
    strata = np.zeros(len(layout.position), dtype=np.int64) if layout.strata is None else layout.strata
    part = np.empty(len(layout.position), dtype=np.int64)
    dealt = 0  # the deal goes on from class to class, so that folds are even in size, too
    for code in np.unique(strata):
        members = np.flatnonzero(strata == code)
        distinct, rank = np.unique(layout.position[members], return_inverse=True)
        part[members] = (rank + dealt) % folds
        dealt += len(distinct)
    return _by_part(part, folds)


def _expanding(layout: Layout, folds: int) -> Iterator[Fold]:
    """folds + 1 blocks in time order, equal times together: block i is held out, those before it train."""
    assert layout.time is not None
    times, rank = np.unique(layout.time, return_inverse=True)
    ends = np.cumsum(np.bincount(rank, minlength=len(times)))
    block_of_time = np.minimum((ends - 1) * (folds + 1) // len(layout.time), folds)
    block = block_of_time[rank]
    for fold in range(1, folds + 1):
        yield np.flatnonzero(block < fold), np.flatnonzero(block == fold)


def _groups(layout: Layout, folds: int) -> Iterator[Fold]:
    """Whole groups, largest first, each to the fold with the fewest rows so far; a seeded hash settles ties."""
    assert layout.group is not None
    values, rank = np.unique(layout.group.values, return_inverse=True)
    sizes = np.bincount(rank, minlength=len(values))
    levels = layout.group.levels
    names = [str(levels[int(v)] if levels is not None and v >= 0 else v) for v in values.tolist()]
    keys = [hashlib.sha256(f"{layout.seed}\0{name}".encode()).hexdigest() for name in names]
    part = np.empty(len(values), dtype=np.int64)
    load = [0] * folds
    for at in sorted(range(len(values)), key=lambda at: (-sizes[at], keys[at])):
        part[at] = load.index(min(load))
        load[part[at]] += int(sizes[at])
    return _by_part(part[rank], folds)
