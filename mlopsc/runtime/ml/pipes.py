"""A feature's pipe: fitted on training rows, applied to any rows, kept as JSON and (for scikit-learn's own transformers)
as objects of the model file.

Invariant: `fit` sees training rows only, and returns their values as training must see them (target encodings out of
fold); `apply` is the same code for one row and for a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from . import levels, numbers
from .columns import NUMBER_TYPES, base_type, unsupported_type
from .libraries import load
from .parts import Codes, Part, dense, part_of, width
from .references import build


@dataclass(frozen=True, slots=True)
class Learning:
    """What transforms may learn from besides the feature itself. y: training rows' target (codes or numbers)."""

    y: NDArray[Any]
    task: str
    seed: int


@dataclass
class SklearnStage:
    """A scikit-learn transformer. `text`: it takes an object array of texts (None for null); `flat`: one text a row."""

    transformer: Any
    text: bool = False
    flat: bool = False

    def apply(self, parts: list[Part]) -> Part:
        return as_matrix(self.transformer.transform(_input(parts, self.text, self.flat)))


Stage = Any  # a dataclass of `levels` or `numbers`, or SklearnStage


def as_matrix(found: Any) -> NDArray[np.float64]:
    if hasattr(found, "toarray"):
        found = found.toarray()
    found = np.asarray(found)
    return np.ascontiguousarray(found.reshape(len(found), -1), dtype=np.float64)


def _input(parts: list[Part], text: bool, flat: bool) -> Any:
    if flat:
        (part,) = parts
        assert isinstance(part, Codes)
        names = np.array([*part.levels, ""], dtype=object)
        return names[part.values].tolist()
    if not text:
        return dense(parts)
    columns = []
    for part in parts:
        if isinstance(part, Codes):
            columns.append(np.array([*part.levels, None], dtype=object)[part.values])
        else:
            columns.extend(dense([part]).T.astype(object))
    return np.array(columns, dtype=object).T.reshape(-1, len(columns))


class Pipe:
    """The stages of one feature. `widths`: how many columns it gives."""

    def __init__(self, feature: dict[str, Any], stages: list[Stage], columns: int) -> None:
        self.name: str = feature["name"]
        self.types: list[str] = list(feature["types"])
        self.stages = stages
        self.width = columns

    @classmethod
    def fit(cls, feature: dict[str, Any], columns: Sequence[Any], learning: Learning) -> tuple[Pipe, list[Part]]:
        parts = [part_of(column) for column in columns]
        stages: list[Stage] = []
        named = (feature.get("levels") or [None])[0]
        nullable = any(one.endswith("?") for one in feature["types"])
        base = base_type(feature["types"][0])
        for transform in feature["pipe"]:
            fitting = _Fit(feature, parts, named, nullable, base, learning)
            try:
                stage, parts = fitting.run(transform)
            except ValueError as error:
                raise refused(feature, transform, error) from error
            except StepError as error:
                error.where = error.where or feature.get("where")
                raise
            stages.append(stage)
            named = named if transform["name"] == "impute" else None
            nullable = nullable and transform["name"] != "impute"
            base = base if transform["name"] == "impute" else "float"
        _require_numbers(feature, parts, bool(stages))
        return cls(feature, stages, sum(width(part) for part in parts)), parts

    def apply(self, columns: Sequence[Any]) -> list[Part]:
        parts = [part_of(column) for column in columns]
        for stage in self.stages:
            parts = apply_stage(stage, parts)
        return parts

    def names(self) -> list[str]:
        """Of the matrix's columns: NAME, NAME_1 …, or NAME=level."""
        if self.stages and isinstance(self.stages[-1], levels.OneHot):
            return self.stages[-1].names(self.name)
        joined = len(self.types) > 1 or self.width != 1
        return [f"{self.name}_{at + 1}" for at in range(self.width)] if joined else [self.name]

    def state(self, objects: list[Any]) -> list[dict[str, Any]]:
        """JSON of the stages; scikit-learn's transformers go to `objects`, named by position."""
        saved = []
        for stage in self.stages:
            if isinstance(stage, SklearnStage):
                saved.append({"kind": "sklearn", "object": len(objects), "text": stage.text, "flat": stage.flat})
                objects.append(stage.transformer)
            elif type(stage).KIND in levels.KINDS:
                saved.append(levels.state(stage))
            else:
                saved.append(numbers.state(stage))
        return saved


def _require_numbers(feature: dict[str, Any], parts: Sequence[Part], transformed: bool) -> None:
    """Text never reaches an algorithm, nor does a date or time as it is."""
    for part, kind in zip(parts, feature["types"], strict=False):
        if isinstance(part, Codes) or not (transformed or base_type(kind) in NUMBER_TYPES):
            raise unsupported_type(kind, feature["name"], feature.get("where"))


def restore(feature: dict[str, Any], saved: list[dict[str, Any]], columns: int, objects: Sequence[Any]) -> Pipe:
    stages: list[Stage] = []
    for stage in saved:
        if stage["kind"] == "sklearn":
            stages.append(SklearnStage(objects[stage["object"]], stage["text"], stage["flat"]))
        else:
            stages.append((levels if stage["kind"] in levels.KINDS else numbers).restore(stage))
    return Pipe(feature, stages, columns)


def apply_stage(stage: Stage, parts: list[Part]) -> list[Part]:
    if not isinstance(stage, SklearnStage) and stage.KIND in levels.KINDS:
        return [stage.apply(part) for part in _single_columns(parts)]
    return [stage.apply(parts)]


def _single_columns(parts: list[Part]) -> list[Part]:
    """Level transforms look at one column at a time; a numeric block must be one column wide."""
    if len(parts) != 1 or (isinstance(parts[0], np.ndarray) and parts[0].shape[1] != 1):
        raise ValueError("it takes a single column")
    return parts


@dataclass
class _Fit:
    """Fits one transform of a pipe: `run` gives the stage and the training rows' values after it."""

    feature: dict[str, Any]
    parts: list[Part]
    named: Sequence[str] | None
    nullable: bool
    base: str
    learning: Learning

    def run(self, transform: dict[str, Any]) -> tuple[Stage, list[Part]]:
        name, args = transform["name"], transform["args"]
        if name == "target_encode":
            (part,) = _single_columns(self.parts)
            learning = self.learning
            stage, values = levels.TargetEncode.fit(part, self.named, learning.y, learning.task, learning.seed)
            return stage, [values]
        if name == "sklearn":
            return self._sklearn(transform["sklearn"], args)
        stage = self._stage(name, args)
        return stage, apply_stage(stage, self.parts)

    def _stage(self, name: str, args: dict[str, Any]) -> Stage:
        if name == "onehot":
            (part,) = _single_columns(self.parts)
            return levels.OneHot.fit(part, self.named, self.nullable, float(args.get("min_share") or 0.0))
        if name == "ordinal":
            (part,) = _single_columns(self.parts)
            return levels.Ordinal.fit(part, self.named)
        if name == "hash":
            return levels.Hash(int(args["n"]))
        if name == "impute":
            return numbers.fit_fill(self.parts, self.base, args, self.feature["name"])
        if name in ("standardize", "minmax", "robust"):
            return numbers.fit_scaler(name, dense(self.parts))
        if name == "log":
            return numbers.Log()
        if name == "bin":
            return numbers.fit_bins(dense(self.parts), int(args["n"]), self.feature["name"])
        return self._named(name, args)

    def _named(self, name: str, args: dict[str, Any]) -> Stage:
        """scikit-learn's transformers under the language's names."""
        if name == "tfidf":
            limit = args.get("max_features")
            text = load("sklearn.feature_extraction.text").TfidfVectorizer(max_features=int(limit) if limit else None)
            return SklearnStage(text.fit(_input(self.parts, True, True)), True, True)
        x = dense(self.parts)
        if name == "power":
            return SklearnStage(load("sklearn.preprocessing").PowerTransformer().fit(x))
        if name == "quantile":
            ranks = load("sklearn.preprocessing").QuantileTransformer(
                n_quantiles=min(1000, len(x)), random_state=self.learning.seed
            )
            return SklearnStage(ranks.fit(x))
        if name == "pca":
            pca = load("sklearn.decomposition").PCA(n_components=int(args["n"]), random_state=self.learning.seed)
            return SklearnStage(pca.fit(x))
        if name == "select_best":
            selection = load("sklearn.feature_selection")
            score = selection.f_regression if self.learning.task == "regression" else selection.f_classif
            best = selection.SelectKBest(score, k=min(int(args["n"]), x.shape[1]))
            return SklearnStage(best.fit(x, self.learning.y))
        raise ValueError(f"there is no transform {name}")

    def _sklearn(self, ref: str, args: dict[str, Any]) -> tuple[Stage, list[Part]]:
        arguments = {key: value for key, value in args.items() if key != "class"}
        transformer = build(ref, arguments, self.learning.seed, where=self.feature.get("where"))
        text = any(isinstance(part, Codes) for part in self.parts)
        flat = text and len(self.parts) == 1 and ref.startswith("sklearn.feature_extraction.text.")
        stage = SklearnStage(transformer, text, flat)
        values = as_matrix(transformer.fit_transform(_input(self.parts, text, flat), self.learning.y))
        return stage, [values]


def refused(feature: dict[str, Any], transform: dict[str, Any], error: Exception) -> StepError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return StepError(
        "MLC9053",
        "transform-refused",
        f"{transform['name']}() of feature {feature['name']} cannot be fitted: {reason}",
        where=feature.get("where"),
    )
