"""First imports of the numeric libraries, without what they drag in and this runtime never uses.

Measured (CPU ms, libraries of `constraints.txt`): scikit-learn imports pandas wherever it is installed, 420 of its 1,200;
skops.io imports every scikit-learn module, 400 of its 530, to build an allow-list that `skopsfile` replaces by its own.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_PANDAS = ("pandas", "pyarrow")
# Algorithms that `plainfile` stores, boosters included, which have formats of their own; transforms that it does not.
PLAIN = frozenset(
    "logistic_regression linear_regression ridge lasso elastic_net naive_bayes dummy xgboost lightgbm".split()
)
STORED_BY_SKOPS = frozenset("power quantile tfidf select_best sklearn".split())


def load(name: str) -> Any:
    """The module `name`; scikit-learn's first import happens without pandas, which stays importable afterwards."""
    if "sklearn" not in sys.modules and name.partition(".")[0] in ("sklearn", "skops", "xgboost", "lightgbm"):
        hidden = [module for module in _PANDAS if module not in sys.modules]
        # None in sys.modules makes `import pandas` an ImportError, which scikit-learn takes as "not installed".
        absent: dict[str, ModuleType | None] = dict.fromkeys(hidden)
        sys.modules.update(absent)  # type: ignore[arg-type]
        try:
            importlib.import_module("sklearn.base")
        finally:
            for module in hidden:
                sys.modules.pop(module, None)
    return importlib.import_module(name)


def load_skops() -> Any:
    """skops.io with an empty list of trusted estimators: whoever loads names every type (`skopsfile.BUILT_IN`)."""
    if "skops.io" not in sys.modules:
        discovery = load("sklearn.utils")
        complete = discovery.all_estimators
        discovery.all_estimators = list
        try:
            importlib.import_module("skops.io")
        finally:
            discovery.all_estimators = complete
    return sys.modules["skops.io"]


def warm(settings: dict[str, Any]) -> None:
    """Import what a step of that kind needs, so that forked children share it. A gate without a champion predicts nothing.

    Evaluation does not know the algorithm: where training did not run before it, its child imports what is missing."""
    load("numpy")
    if settings["kind"] == "gate" and not settings["champion"]:
        return
    for module in ("sklearn.linear_model", "sklearn.preprocessing"):
        load(module)
    if settings["kind"] != "train":
        return
    algorithms = {candidate["name"] for candidate in settings["candidates"]}
    if algorithms & {"random_forest", "extra_trees", "gradient_boosting"}:
        load("sklearn.ensemble")
    transforms = {transform["name"] for feature in settings.get("features", ()) for transform in feature["pipe"]}
    if algorithms - PLAIN or transforms & STORED_BY_SKOPS:
        load_skops()
    if settings.get("tuning") is not None:
        load("optuna")
