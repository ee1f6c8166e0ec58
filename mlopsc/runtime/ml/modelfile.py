"""A model as one file: `model.zip` with model.json (everything readable) and the estimator in its library's own format.

Callers check the file's digest before `load`. The estimator's format stands in model.json and is never guessed; pickle and
joblib are never read. A load builds only the types that were recorded at training.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.table import read_columns
from ..errors import StepError
from ..expr import to_python
from ..keys import versions, without_places
from ..ownmodules import find_under
from . import boosters, skopsfile
from .algorithms import Predictor
from .columns import Floats, from_values, take
from .featureset import FeatureSet
from .pointintime import split_point_in_time
from .target import Classes

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """predicted: class codes (int64) or numbers. probability: (n,) of the positive class, (n, classes), or None."""

    predicted: NDArray[Any]
    probability: Floats | None


class Model:
    """Fitted features and estimator. `meta` is model.json without fitted state."""

    def __init__(self, meta: dict[str, Any], features: FeatureSet, predictor: Predictor) -> None:
        self.meta = meta
        self.features = features
        self.predictor = predictor
        self.task: str = meta["task"]
        self.threshold = float(meta["threshold"])
        self.classes = Classes(self.task, tuple(meta["classes"]))
        define = [expr for _, expr in features.define]
        exprs, self.point_in_time = split_point_in_time([*define, *(one.expr for one in features.inputs)])
        self.row_define = list(zip((name for name, _ in features.define), exprs, strict=False))
        self.row_exprs = exprs[len(define) :]
        self._row_function: Callable[[dict[str, Any]], list[Any]] | None = None

    def predict_matrix(self, x: Floats) -> Prediction:
        if self.task == "regression":
            return Prediction(self.predictor.numbers(x), None)
        probabilities = self.predictor.probabilities(x)
        if self.task == "binary":
            positive = np.ascontiguousarray(probabilities[:, 1])
            return Prediction((positive >= self.threshold).astype(np.int64), positive)
        return Prediction(probabilities.argmax(axis=1).astype(np.int64), probabilities)

    def predict_columns(self, columns: dict[str, Any]) -> Prediction:
        """`columns` by the names of `features.inputs`."""
        return self.predict_matrix(self.features.transform(columns))

    def predict_rows(self, rows: Sequence[dict[str, Any]]) -> Prediction:
        """Rows as dicts of column values (None for null), computed in plain Python. Point-in-time values are looked up
        under the names in `point_in_time`, computed by whoever serves them."""
        function = self.row_function()
        computed = [function(row) for row in rows]
        columns = {
            one.name: from_values(one.type, [values[at] for values in computed])
            for at, one in enumerate(self.features.inputs)
        }
        return self.predict_columns(columns)

    def row_function(self) -> Callable[[dict[str, Any]], list[Any]]:
        if self._row_function is None:
            self._row_function = to_python(self.row_exprs, self.row_define)
        return self._row_function

    def predict_table(self, con: Any, rows: Path, at: NDArray[Any] | None = None) -> Prediction:
        """Predictions for all rows of a rows file, or those at `at`; the expressions are computed by `con`."""
        columns: dict[str, Any] = read_columns(
            con, rows, [(one.name, one.expr, one.type) for one in self.features.inputs], self.features.define
        )
        if at is not None:
            columns = {name: take(column, at) for name, column in columns.items()}
        return self.predict_columns(columns)


def save(model: Model, path: Path) -> None:
    """Write the canonical archive. Raises StepError where the estimator cannot be stored."""
    path.write_bytes(to_bytes(model))


def to_bytes(model: Model) -> bytes:
    features, transformers = model.features.state()
    estimator = model.predictor.estimator
    members: dict[str, bytes] = {}
    allowed: set[str] = set()
    booster = boosters.format_of(estimator)
    if booster:
        members[boosters.FILES[booster]] = boosters.dump(estimator, booster)
    else:
        members["estimator.skops"], needed = skopsfile.dump(estimator)
        allowed |= set(needed)
    if transformers:
        members["transforms.skops"], needed = skopsfile.dump(transformers)
        allowed |= set(needed)
    meta = {
        **model.meta,
        "format": FORMAT,
        "features": without_places(features),  # a line further down in the spec makes no other model
        "present": model.predictor.present,
        "estimator": booster or "skops",
        "allowed_types": sorted(allowed),
        "packages": _packages(booster),
    }
    members["model.json"] = json.dumps(meta, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return skopsfile.archive(members)


def describe(path: Path) -> dict[str, Any]:
    """model.json: everything but the estimator, which is not read."""
    with zipfile.ZipFile(path) as source:
        meta: dict[str, Any] = json.loads(source.read("model.json"))
    if meta.get("format") != FORMAT:
        found = meta.get("format")
        raise StepError(
            "MLC9060", "model-format", f"the model file has format {found}, this runtime reads format {FORMAT}"
        )
    return meta


def load(path: Path, modules_root: Path) -> Model:
    """The model of a file whose digest the caller has checked. `modules_root`: where the spec's own modules are."""
    meta = describe(path)
    with zipfile.ZipFile(path) as source:
        find_under(modules_root)
        objects: list[Any] = []
        if "transforms.skops" in source.namelist():
            objects = skopsfile.restore(source.read("transforms.skops"), meta["allowed_types"])
        kind = meta["estimator"]
        if kind == "skops":
            estimator = skopsfile.restore(source.read("estimator.skops"), meta["allowed_types"])
        else:
            estimator = boosters.restore(source.read(boosters.FILES[kind]), kind, meta["task"])
    predictor = Predictor(estimator, len(meta["classes"]), meta["present"])
    return Model(meta, FeatureSet.restore(meta.pop("features"), objects), predictor)


def digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _packages(booster: str | None) -> dict[str, str]:
    names = ["numpy", "scikit-learn", "scipy", "skops"]
    if booster:
        names.append({"xgboost": "xgboost-cpu"}.get(booster, booster))
    return {name: version or "unknown" for name, version in versions(names).items()}
