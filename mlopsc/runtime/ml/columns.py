"""Columns as arrays, and their way from single rows: the same shapes whichever engine computed the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import Column as Column
from ..errors import StepError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TEXT_TYPES = ("string", "category")
NUMBER_TYPES = ("int", "float", "bool")


def base_type(text: str) -> str:
    return text.rstrip("?")


def take(column: Column, rows: NDArray[Any]) -> Column:
    """The column at `rows` (positions or a mask); levels keep their codes."""
    return Column(column.type, np.asarray(column.values)[rows], column.levels)


def from_values(type: str, values: Sequence[Any]) -> Column:
    """A column of Python values as `to_python` gives them: None, bool, int, float or str."""
    base = base_type(type)
    if base in TEXT_TYPES:
        levels: dict[str, int] = {}
        codes = [-1 if value is None else levels.setdefault(str(value), len(levels)) for value in values]
        return Column(type, np.array(codes, dtype=np.int64), list(levels))
    if base not in NUMBER_TYPES:
        raise unsupported_type(type)
    nan = float("nan")
    return Column(type, np.array([nan if value is None else float(value) for value in values], dtype=np.float64))


def texts(column: Column) -> list[str | None]:
    assert column.levels is not None
    levels = column.levels
    return [None if code < 0 else levels[code] for code in np.asarray(column.values).tolist()]


def unsupported_type(type: str, feature: str = "", where: dict[str, Any] | None = None) -> StepError:
    of = f"feature {feature} is" if feature else "a feature is"
    return StepError(
        "MLC9051",
        "not-a-number",
        f"{of} of type {type}, which is not a number when it reaches the algorithm",
        where=where,
        help="make it a number: onehot(), ordinal(), hash(n), year(), days_between(…)",
    )
