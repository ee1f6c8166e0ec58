"""xgboost and lightgbm models in their own text formats, and as plain predictors once loaded."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .columns import Floats
from .libraries import load

FILES = {"xgboost": "estimator.xgboost.json", "lightgbm": "estimator.lightgbm.txt"}


class _Loaded:
    """A booster that was loaded. No predict_proba for regression."""

    def __init__(self, booster: Any, task: str) -> None:
        self.booster = booster
        self.task = task
        if task != "regression":
            self.predict_proba = self._probabilities

    def predict(self, x: Floats) -> Any:
        return self._raw(x) if self.task == "regression" else self._probabilities(x).argmax(axis=1)

    def _probabilities(self, x: Floats) -> Any:
        return _two_columns(np.asarray(self._raw(x)))

    def _raw(self, x: Floats) -> Any:
        raise NotImplementedError


class XgboostModel(_Loaded):
    def _raw(self, x: Floats) -> Any:
        return self.booster.inplace_predict(x)


class LightgbmModel(_Loaded):
    def _raw(self, x: Floats) -> Any:
        return self.booster.predict(x, num_threads=1)


def _two_columns(found: Any) -> Any:
    """In the library's own precision, as its scikit-learn face does it: xgboost's probabilities are float32."""
    return found if found.ndim == 2 else np.vstack((1.0 - found, found)).T


def format_of(estimator: Any) -> str | None:
    if isinstance(estimator, XgboostModel):
        return "xgboost"
    if isinstance(estimator, LightgbmModel):
        return "lightgbm"
    package = type(estimator).__module__.partition(".")[0]
    return package if package in FILES and hasattr(estimator, "get_params") else None


def dump(estimator: Any, kind: str) -> bytes:
    if kind == "xgboost":
        booster = estimator.booster if isinstance(estimator, XgboostModel) else estimator.get_booster()
        booster.set_attr(scikit_learn=None)
        text = json.loads(bytes(booster.save_raw(raw_format="json")))
        return json.dumps(text, sort_keys=True, separators=(",", ":")).encode()
    booster = estimator.booster if isinstance(estimator, LightgbmModel) else estimator.booster_
    return str(booster.model_to_string()).encode()


def restore(data: bytes, kind: str, task: str) -> Any:
    if kind == "xgboost":
        xgboost = load("xgboost")
        booster = xgboost.Booster({"nthread": 1})
        booster.load_model(bytearray(data))
        return XgboostModel(booster, task)
    lightgbm = load("lightgbm")
    return LightgbmModel(lightgbm.Booster(model_str=data.decode()), task)
