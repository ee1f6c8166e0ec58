"""Fitted transforms of numbers that are one formula: elementwise IEEE arithmetic, so that a single row and a whole table
give the same bits. Fitted by scikit-learn where it has the estimator, applied without its per-call checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import StepError
from .columns import Floats
from .libraries import load
from .parts import Codes, Part, dense


@dataclass
class Affine:
    """(x - shift) / scale, or x * scale + shift where `multiply` (as MinMaxScaler computes it)."""

    KIND: ClassVar[str] = "affine"
    shift: list[float]
    scale: list[float]
    multiply: bool = False

    def apply(self, parts: list[Part]) -> Part:
        x = dense(parts)
        return x * self.scale + self.shift if self.multiply else (x - self.shift) / self.scale


@dataclass
class Log:
    """sign(x) * log(1 + |x|): log1p for x >= 0, and defined for every number."""

    KIND: ClassVar[str] = "log"

    def apply(self, parts: list[Part]) -> Part:
        x = dense(parts)
        return np.copysign(np.log1p(np.abs(x)), x)


@dataclass
class Bin:
    """The number of the training rows' quantile bin, from 0; values outside fall into the outer bins, null stays null."""

    KIND: ClassVar[str] = "bin"
    edges: list[list[float]]  # inner edges of each column

    def apply(self, parts: list[Part]) -> Part:
        x = dense(parts)
        found = np.empty_like(x)
        for at, edges in enumerate(self.edges):
            found[:, at] = np.searchsorted(np.array(edges), x[:, at], side="right")
        found[np.isnan(x)] = np.nan
        return found


@dataclass
class FillNumbers:
    KIND: ClassVar[str] = "fill_numbers"
    values: list[float]

    def apply(self, parts: list[Part]) -> Part:
        x = dense(parts)
        return np.where(np.isnan(x), self.values, x)


@dataclass
class FillText:
    KIND: ClassVar[str] = "fill_text"
    value: str

    def apply(self, parts: list[Part]) -> Part:
        (part,) = parts
        assert isinstance(part, Codes)
        if not (part.values < 0).any():
            return part
        levels = part.levels if self.value in part.levels else [*part.levels, self.value]
        return Codes(np.where(part.values < 0, levels.index(self.value), part.values), levels)


def fit_scaler(name: str, x: Floats) -> Affine:
    kinds = {"standardize": "StandardScaler", "minmax": "MinMaxScaler", "robust": "RobustScaler"}
    scaler = getattr(load("sklearn.preprocessing"), kinds[name])().fit(x)
    if name == "minmax":
        return Affine(scaler.min_.tolist(), scaler.scale_.tolist(), True)
    shift = scaler.mean_ if name == "standardize" else scaler.center_
    return Affine(shift.tolist(), scaler.scale_.tolist())


def fit_bins(x: Floats, n: int, feature: str) -> Bin:
    """Inner edges at the training rows' quantiles 1/n … (n-1)/n, repeated edges once."""
    edges = []
    for column in x.T:
        present = column[~np.isnan(column)]
        if not len(present):
            raise nothing_to_learn(feature, "bin")
        edges.append(np.unique(np.quantile(present, np.arange(1, n) / n)).tolist())
    return Bin(edges)


def fit_fill(parts: list[Part], base: str, args: dict[str, Any], feature: str) -> FillNumbers | FillText:
    """strategy median, mean or most_frequent, or a constant; by default the median of int and float, else the most
    frequent value (the smallest, or first in text order, of equally frequent ones)."""
    strategy = args.get("strategy") or ("median" if base in ("int", "float") else "most_frequent")
    constant = args.get("constant")
    if isinstance(parts[0], Codes):
        return FillText(str(constant) if constant is not None else _most_frequent_text(parts[0], feature))
    x = dense(parts)
    if constant is not None:
        return FillNumbers([float(constant)] * x.shape[1])
    filled = []
    for column in x.T:
        present = column[~np.isnan(column)]
        if not len(present):
            raise nothing_to_learn(feature, "impute")
        if strategy == "most_frequent":
            values, counts = np.unique(present, return_counts=True)
            filled.append(float(values[counts.argmax()]))
        else:
            filled.append(float(np.mean(present) if strategy == "mean" else np.median(present)))
    return FillNumbers(filled)


def _most_frequent_text(part: Codes, feature: str) -> str:
    present = part.values[part.values >= 0]
    if not len(present):
        raise nothing_to_learn(feature, "impute")
    counts = np.bincount(present, minlength=len(part.levels))
    best = counts.max()
    return min(level for level, count in zip(part.levels, counts.tolist(), strict=True) if count == best)


def nothing_to_learn(feature: str, transform: str) -> StepError:
    return StepError(
        "MLC9052",
        "nothing-to-learn",
        f"{transform}() of feature {feature} has no value to learn from: it is null in every training row",
        help="leave the feature out, or use impute(constant = …)",
    )


KINDS: dict[str, type[Any]] = {kind.KIND: kind for kind in (Affine, Log, Bin, FillNumbers, FillText)}


def state(stage: Any) -> dict[str, Any]:
    return {"kind": stage.KIND, **asdict(stage)}


def restore(saved: dict[str, Any]) -> Any:
    return KINDS[saved["kind"]](**{name: value for name, value in saved.items() if name != "kind"})
