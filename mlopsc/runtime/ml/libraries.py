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


def warm(algorithms: tuple[str, ...] = (), tuned: bool = False) -> None:
    """Import what training, evaluation and gates of these algorithms need, so that forked children share it."""
    for module in ("numpy", "sklearn.linear_model", "sklearn.preprocessing"):
        load(module)
    if set(algorithms) & {"random_forest", "extra_trees", "gradient_boosting"}:
        load("sklearn.ensemble")
    load_skops()
    if tuned:
        load("optuna")
