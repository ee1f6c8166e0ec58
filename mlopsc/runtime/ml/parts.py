"""What flows through a pipe of transforms: parts of a feature, kept small until the matrix is assembled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import TEXT_TYPES, Column, Floats, base_type, unsupported_type

PIECE = 4096  # rows


@dataclass(slots=True)
class Codes:
    """Text as codes into `levels`, -1 for null."""

    values: NDArray[Any]
    levels: list[str]


@dataclass(slots=True)
class Indicator:
    """One-hot columns, not yet laid out: row i has its 1 in column `index[i]`, none where it is negative."""

    index: NDArray[Any]
    width: int


Part = Codes | Indicator | Floats  # Floats: (rows, columns)


def part_of(column: Column) -> Part:
    if base_type(column.type) in TEXT_TYPES:
        return Codes(column.values, column.levels or [])
    return np.asarray(column.values, dtype=np.float64).reshape(-1, 1)


def width(part: Part) -> int:
    if isinstance(part, Codes):
        raise unsupported_type("string")
    return part.width if isinstance(part, Indicator) else int(part.shape[1])


def rows(part: Part) -> int:
    if isinstance(part, Codes):
        return len(part.values)
    return len(part.index) if isinstance(part, Indicator) else len(part)


def write(part: Part, out: Floats, at: int) -> int:
    """Lay `part` out in the columns of `out` (C-contiguous) from `at`, which hold zeros; the column after them."""
    size = width(part)
    if isinstance(part, Indicator):
        _scatter(part.index, out, at)
    else:
        assert not isinstance(part, Codes)
        out[:, at : at + size] = part
    return at + size


def _scatter(index: NDArray[Any], out: Floats, at: int) -> None:
    """Through a flat view, which takes half the time of numpy's pairwise indexing, and in pieces that fit the cache."""
    first = np.arange(min(len(out), PIECE)) * out.shape[1] + at
    whole = bool((index >= 0).all())
    for start in range(0, len(out), PIECE):
        piece = index[start : start + PIECE]
        places = first[: len(piece)] + piece
        out[start : start + PIECE].reshape(-1)[places if whole else places[piece >= 0]] = 1.0


def dense(parts: Sequence[Part]) -> Floats:
    """All parts side by side, float64 and C-contiguous."""
    if len(parts) == 1 and isinstance(parts[0], np.ndarray):
        return parts[0]
    out = np.zeros((rows(parts[0]) if parts else 0, sum(width(part) for part in parts)))
    at = 0
    for part in parts:
        at = write(part, out, at)
    return out
