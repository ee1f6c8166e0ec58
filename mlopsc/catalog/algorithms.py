"""Algorithms by their name in a spec: the library's class for each task. What each class takes stands in
`algorithm_table`, which is generated."""

from __future__ import annotations

from typing import NamedTuple

from mlopsc.catalog.algorithm_table import CLASSES


class Algorithm(NamedTuple):
    name: str
    doc: str
    classifier: str | None  # class path; None: no classification
    regressor: str | None


class Parameter(NamedTuple):
    name: str
    default: object
    constraint: str  # alternatives, as `algorithm_table` writes them


ALGORITHMS: dict[str, Algorithm] = {
    a.name: a
    for a in (
        Algorithm(
            "logistic_regression", "Linear model of the log-odds.", "sklearn.linear_model.LogisticRegression", None
        ),
        Algorithm("linear_regression", "Least squares.", None, "sklearn.linear_model.LinearRegression"),
        Algorithm("ridge", "Least squares with an L2 penalty.", None, "sklearn.linear_model.Ridge"),
        Algorithm("lasso", "Least squares with an L1 penalty.", None, "sklearn.linear_model.Lasso"),
        Algorithm("elastic_net", "Least squares with both penalties.", None, "sklearn.linear_model.ElasticNet"),
        Algorithm(
            "random_forest",
            "Averaged trees on samples of the rows.",
            "sklearn.ensemble.RandomForestClassifier",
            "sklearn.ensemble.RandomForestRegressor",
        ),
        Algorithm(
            "extra_trees",
            "Averaged trees with random cuts.",
            "sklearn.ensemble.ExtraTreesClassifier",
            "sklearn.ensemble.ExtraTreesRegressor",
        ),
        Algorithm(
            "gradient_boosting",
            "Boosted trees on histograms; takes nulls.",
            "sklearn.ensemble.HistGradientBoostingClassifier",
            "sklearn.ensemble.HistGradientBoostingRegressor",
        ),
        Algorithm("svm", "Support vector machine.", "sklearn.svm.SVC", "sklearn.svm.SVR"),
        Algorithm(
            "knn",
            "Nearest neighbours.",
            "sklearn.neighbors.KNeighborsClassifier",
            "sklearn.neighbors.KNeighborsRegressor",
        ),
        Algorithm("naive_bayes", "Gaussian naive Bayes.", "sklearn.naive_bayes.GaussianNB", None),
        Algorithm(
            "mlp",
            "Neural network of full layers.",
            "sklearn.neural_network.MLPClassifier",
            "sklearn.neural_network.MLPRegressor",
        ),
        Algorithm(
            "dummy",
            "Predicts the training shares or mean: a floor to compare with.",
            "sklearn.dummy.DummyClassifier",
            "sklearn.dummy.DummyRegressor",
        ),
        Algorithm("xgboost", "XGBoost's boosted trees; takes nulls.", "xgboost.XGBClassifier", "xgboost.XGBRegressor"),
        Algorithm(
            "lightgbm", "LightGBM's boosted trees; takes nulls.", "lightgbm.LGBMClassifier", "lightgbm.LGBMRegressor"
        ),
    )
}
# Functions that may stand for an algorithm, besides the names above.
OTHERS = {
    "sklearn": 'Any estimator that follows scikit-learn: sklearn("package.Class", …).',
    "python": 'A function of a local module that returns an estimator: python("module:function").',
    "best_of": "Tries several and keeps the best: best_of(a(…), b(…)).",
}
# Parameters that the language sets itself, and the setting that does it.
SETTINGS_INSTEAD = {"random_state": "seed", "seed": "seed", "n_jobs": "cpu", "nthread": "cpu", "num_threads": "cpu"}


def class_of(algorithm: Algorithm, task: str) -> str | None:
    """The library's class for a task; None where the algorithm has none."""
    return algorithm.regressor if task == "regression" else algorithm.classifier


def parameters(path: str) -> dict[str, Parameter]:
    return {name: Parameter(name, default, text) for name, (default, text) in CLASSES[path][1].items()}


def takes_null(path: str) -> bool:
    return CLASSES[path][0]
