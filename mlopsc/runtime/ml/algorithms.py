"""The algorithms of the language as scikit-learn estimators, and what every fitted estimator is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from .columns import Floats
from .libraries import load
from .references import find_class, find_function, instantiate, named, unavailable

# Name -> (module, classifier, regressor); None where the library has none.
SKLEARN: dict[str, tuple[str, str | None, str | None]] = {
    "logistic_regression": ("linear_model", "LogisticRegression", None),
    "linear_regression": ("linear_model", None, "LinearRegression"),
    "ridge": ("linear_model", None, "Ridge"),
    "lasso": ("linear_model", None, "Lasso"),
    "elastic_net": ("linear_model", None, "ElasticNet"),
    "random_forest": ("ensemble", "RandomForestClassifier", "RandomForestRegressor"),
    "extra_trees": ("ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor"),
    "gradient_boosting": ("ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "svm": ("svm", "SVC", "SVR"),
    "knn": ("neighbors", "KNeighborsClassifier", "KNeighborsRegressor"),
    "naive_bayes": ("naive_bayes", "GaussianNB", None),
    "mlp": ("neural_network", "MLPClassifier", "MLPRegressor"),
    "dummy": ("dummy", "DummyClassifier", "DummyRegressor"),
}
BOOSTERS = {"xgboost": ("XGBClassifier", "XGBRegressor"), "lightgbm": ("LGBMClassifier", "LGBMRegressor")}
SERIAL = frozenset({"logistic_regression", "linear_regression"})  # n_jobs would copy the data for nothing


@dataclass(frozen=True, slots=True)
class Setting:
    """What an estimator is built for. `cpu` threads or processes it may use."""

    task: str
    seed: int
    cpu: int
    modules_root: Path


def build(algorithm: dict[str, Any], args: dict[str, Any], setting: Setting) -> Any:
    """An unfitted estimator for the task."""
    name, where = algorithm["name"], algorithm.get("where")
    regression = setting.task == "regression"
    if name == "python":
        function = find_function(algorithm["ref"], setting.modules_root, where)
        try:
            estimator = function(**args)
        except Exception as error:
            raise unavailable(algorithm["ref"], f"{type(error).__name__}: {error}", where) from error
        if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
            raise unavailable(algorithm["ref"], "what it returns has no fit and predict", where)
        return estimator
    if name in BOOSTERS:
        kind = getattr(_booster_module(name, where), BOOSTERS[name][regression])
        quiet = (
            {"verbosity": 0} if name == "xgboost" else {"verbosity": -1, "deterministic": True, "force_row_wise": True}
        )
        return kind(**{**quiet, "random_state": setting.seed, "n_jobs": setting.cpu, **args})
    if name == "sklearn":
        estimator = instantiate(find_class(algorithm["ref"], where), args, setting.seed, setting.cpu, where)
    else:
        module, classifier, regressor = SKLEARN[name]
        kind_name = regressor if regression else classifier
        if kind_name is None:
            raise unavailable(name, f"it has no estimator for {setting.task}", where)
        kind = getattr(load(f"sklearn.{module}"), kind_name)
        estimator = instantiate(kind, args, setting.seed, 1 if name in SERIAL else setting.cpu, where)
    return estimator


def _booster_module(name: str, where: dict[str, Any] | None) -> Any:
    try:
        return load(name)
    except ImportError as error:
        raise StepError(
            "MLC9055",
            "missing-package",
            f"{name} is not installed here",
            where=where,
            help="pip install 'mlopsc[boosting]'",
        ) from error


def fit(estimator: Any, x: Floats, y: NDArray[Any], weights: Floats | None, where: dict[str, Any] | None) -> Any:
    """The fitted estimator: calibrated (Platt 1999) where a classifier has scores but no probabilities. Library
    errors become verdicts."""
    needs_calibration = (
        y.dtype.kind == "i" and not hasattr(estimator, "predict_proba") and hasattr(estimator, "decision_function")
    )
    if needs_calibration:
        smallest = int(np.bincount(y).min())
        if smallest < 2:
            raise fit_failed(estimator, "a class has a single training row, too few for probabilities", where)
        # Folds without shuffling and one final fit: the same rows give the same probabilities.
        estimator = load("sklearn.calibration").CalibratedClassifierCV(
            estimator, method="sigmoid", cv=min(5, smallest), ensemble=False
        )
    options: dict[str, Any] = {}
    if weights is not None:
        if not named(estimator.fit, "sample_weight"):
            raise fit_failed(estimator, "it takes no weights", where)
        options["sample_weight"] = weights
    if type(estimator).__name__.startswith("HistGradientBoosting"):
        x = _without_empty_columns(x)
    try:
        return estimator.fit(x, y, **options)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise fit_failed(estimator, _first_line(error), where) from error


def _without_empty_columns(x: Floats) -> Floats:
    """0 in columns without a single value, of which scikit-learn 1.9's histogram boosting cannot make bins; no split is
    possible on a constant, so predictions do not depend on it."""
    empty = np.isnan(x).all(axis=0)
    return np.where(empty, 0.0, x) if empty.any() else x


def fit_failed(estimator: Any, reason: str, where: dict[str, Any] | None) -> StepError:
    return StepError("MLC9056", "fit-failed", f"{type(estimator).__name__} cannot be fitted: {reason}", where=where)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class Predictor:
    """A fitted estimator over `classes` classes, of which `present` (their codes, ascending) had training rows.

    The estimator itself knows codes 0 … len(present) - 1.
    """

    def __init__(self, estimator: Any, classes: int, present: list[int]) -> None:
        self.estimator = estimator
        self.classes = classes
        self.present = present

    def numbers(self, x: Floats) -> Floats:
        return np.asarray(self._asked("predict", x), dtype=np.float64).reshape(-1)

    def probabilities(self, x: Floats) -> Floats:
        """(rows, classes); classes without training rows have 0. An estimator without predict_proba gives 0 and 1."""
        found = np.zeros((len(x), self.classes))
        if hasattr(self.estimator, "predict_proba"):
            given = np.asarray(self._asked("predict_proba", x), dtype=np.float64)
            found[:, self.present] = given
        else:
            codes = np.asarray(self._asked("predict", x)).astype(np.int64)
            found[np.arange(len(x)), np.array(self.present)[codes]] = 1.0
        return found

    def _asked(self, method: str, x: Floats) -> Any:
        """Some limits show only here, such as more neighbours than training rows."""
        try:
            return getattr(self.estimator, method)(x)
        except (ValueError, TypeError, ArithmeticError) as error:
            name = type(self.estimator).__name__
            raise StepError("MLC9056", "fit-failed", f"{name} cannot predict: {_first_line(error)}") from error


def fit_predictor(
    estimator: Any, x: Floats, y: NDArray[Any], classes: int, weights: Floats | None, where: dict[str, Any] | None
) -> Predictor:
    """classes 0: regression."""
    if not classes:
        return Predictor(fit(estimator, x, y, weights, where), 0, [])
    present = np.unique(y)
    if len(present) < 2:
        raise StepError(
            "MLC9057",
            "one-class-target",
            "every training row has the same class: there is nothing to learn",
            where=where,
        )
    codes = np.searchsorted(present, y).astype(np.int64)
    return Predictor(fit(estimator, x, codes, weights, where), classes, present.tolist())
