"""The train and evaluate steps: every algorithm, the search, folds, determinism, the stored model."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_workshop import (
    BOUGHT,
    FEATURES,
    GRADE,
    PEOPLE,
    PRICE,
    Workshop,
    algorithm,
    call,
    column,
    feature,
    literal,
    people,
    target,
    transform,
    tune,
)  # fmt: skip

from mlopsc.runtime.data.engine import open_engine
from mlopsc.runtime.data.table import Column
from mlopsc.runtime.errors import StepError
from mlopsc.runtime.ml import folds, modelfile, plainfile, skopsfile
from mlopsc.runtime.ml.latency import row_dicts

QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 5}, "extra_trees": {"n_estimators": 5}, "gradient_boosting": {"max_iter": 5},
    "mlp": {"hidden_layer_sizes": [4], "max_iter": 5}, "xgboost": {"n_estimators": 5},
    "lightgbm": {"n_estimators": 5}, "svm": {"C": 2.0},
}  # fmt: skip
CLASSIFIERS = [
    "logistic_regression", "random_forest", "extra_trees", "gradient_boosting", "svm", "knn", "naive_bayes", "mlp",
    "dummy", "xgboost", "lightgbm",
]  # fmt: skip
REGRESSORS = [
    "linear_regression", "ridge", "lasso", "elastic_net", "random_forest", "extra_trees", "gradient_boosting", "svm",
    "knn", "mlp", "dummy", "xgboost", "lightgbm",
]  # fmt: skip


@pytest.mark.parametrize(
    ("to", "name"),
    [(BOUGHT, name) for name in CLASSIFIERS]
    + [(GRADE, name) for name in CLASSIFIERS]
    + [(PRICE, name) for name in REGRESSORS],
    ids=lambda one: one if isinstance(one, str) else one["task"],
)
def test_every_algorithm_trains_stores_and_predicts_the_same_by_row_and_by_table(
    tmp_path: Path, to: Any, name: str
) -> None:
    """The row-wise path equals the set-wise one to 1e-12; its features are the same code and the same bits."""
    shop = people(tmp_path, 240)
    shop.train(FEATURES, to, algorithm(name, **QUICK.get(name, {})))
    shop.evaluate()
    model = modelfile.load(shop.path("model.zip"), tmp_path)
    con = open_engine(tmp_path)
    whole = model.predict_table(con, shop.rows)
    at = np.arange(40)
    single = [model.predict_rows([row]) for row in row_dicts(con, shop.rows, at, model)]
    together = model.predict_rows(row_dicts(con, shop.rows, at, model))
    if whole.probability is None:
        numbers = np.concatenate([one.predicted for one in single])
        assert numbers == pytest.approx(whole.predicted[:40], rel=1e-12)
        assert together.predicted == pytest.approx(whole.predicted[:40], rel=1e-12)
    else:
        numbers = np.concatenate([one.probability for one in single if one.probability is not None])
        assert numbers == pytest.approx(whole.probability[:40], rel=1e-12, abs=1e-15)
        assert whole.probability.ndim == (1 if to is BOUGHT else 2)


def test_a_model_learns(tmp_path: Path) -> None:
    shop = people(tmp_path)
    told = shop.train(FEATURES, BOUGHT, algorithm("logistic_regression", max_iter=500))
    found = shop.evaluate()
    assert found["metrics"]["roc_auc"] > 0.8 > 0.6 > found["baseline"]["roc_auc"] == 0.5
    assert found["rows"] == {"train": 600, "test": 200, "no_target": 0}
    assert found["algorithm"] == told["algorithm"] == "logistic_regression"
    assert set(found["metrics"]) >= {"brier", "specificity", "calibration_error"}


def test_test_rows_teach_nothing(tmp_path: Path) -> None:
    """Changing the test rows changes no byte of the model."""
    digests = []
    for shift in ("0", "1000"):
        select = f"SELECT *, x + CASE WHEN id < 50 THEN {shift} ELSE 0 END AS moved FROM ({people_query()})"
        shop = Workshop(tmp_path / shift, select)
        shop.split(np.where(np.arange(400) < 50, 1, 0).astype(np.uint8))
        features = [feature("moved", column("moved", "float"), transform("standardize")), FEATURES[2]]
        shop.train(features, BOUGHT, algorithm("logistic_regression"))
        digests.append(modelfile.digest(shop.path("model.zip")))
    assert digests[0] == digests[1]


def people_query() -> str:
    return PEOPLE.format(rows=400)


def test_rows_without_a_target_are_left_out_and_counted(tmp_path: Path) -> None:
    shop = people(tmp_path, 200)
    shop.split(np.where(np.arange(200) < 20, 2, shop.part).astype(np.uint8))
    shop.train(FEATURES, BOUGHT, algorithm("naive_bayes"))
    assert shop.evaluate()["rows"]["no_target"] == 20


def test_the_same_inputs_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Hash seed, time zone and folder of the process leave no trace in model and predictions."""
    script = """
import sys
from pathlib import Path
sys.path[:0] = [{unit!r}, {root!r}]
from ml_workshop import *
shop = people(Path({folder!r}), 200)
words = feature("words", column("region", "category"), transform("tfidf", max_features=2))
ranks = feature("ranks", column("x", "float"), transform("quantile"))
shop.train([*FEATURES, words, ranks], BOUGHT, algorithm("random_forest", n_estimators=5))
print(shop.evaluate()["predictions_digest"], shop.evaluate()["model_digest"])
"""
    unit = str(Path(__file__).parent)
    root = str(Path(__file__).parents[2])
    told = []
    for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/New_York")):
        folder = tmp_path / seed
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", script.format(unit=unit, root=root, folder=str(folder))],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        told.append(done.stdout)
    assert told[0] == told[1]
    assert told[0].count("sha256:") == 2


def test_explain_records_what_the_model_leans_on(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    shop.train(FEATURES, PRICE, algorithm("ridge"), explain=True)
    told = shop.json("report.json")["importance"]
    assert set(told["features"]) == {"x", "z", "region", "member"}
    assert min(told["features"]["region"], told["features"]["x"]) > 10 * abs(told["features"]["z"])
    shop.train(FEATURES, PRICE, algorithm("ridge"))
    assert shop.json("report.json")["importance"] is None


# --- the search


def test_the_search_is_repeatable_and_prefers_the_better_candidate(tmp_path: Path) -> None:
    shop = people(tmp_path, 400)
    candidates = [algorithm("dummy"), algorithm("logistic_regression", C=tune(0.01, 10.0, log=True))]
    tuning = {"trials": 5, "metric": "roc_auc", "direction": "maximize", "folds": 3, "timeout": None}
    told = shop.train(FEATURES, BOUGHT, *candidates, tuning=tuning)
    assert told["algorithm"] == "logistic_regression"
    assert 0.01 <= told["params"]["C"] <= 10.0
    first = shop.path("model.zip").read_bytes(), shop.json("report.json")
    shop.train(FEATURES, BOUGHT, *candidates, tuning=tuning)
    assert (shop.path("model.zip").read_bytes(), shop.json("report.json")) == first
    trials = shop.json("report.json")["trials"]
    assert len(trials) == 5
    assert {trial["candidate"] for trial in trials[:2]} == {0, 1}


def test_candidates_without_a_search_space_are_tried_once_each(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    tuning = {"trials": 20, "metric": "rmse", "direction": "minimize", "folds": 3, "timeout": None}
    told = shop.train(FEATURES, PRICE, algorithm("dummy"), algorithm("ridge"), tuning=tuning)
    assert (told["algorithm"], told["trials"]) == ("ridge", 2)


def test_a_users_metric_can_be_searched_for(tmp_path: Path) -> None:
    hits = call("==", "bool", column("actual", "bool"), column("predicted", "bool"))
    mine = {"name": "hits", "expr": call("share", "float?", hits)}
    shop = people(tmp_path, 300)
    tuning = {"trials": 2, "metric": "hits", "direction": "maximize", "folds": 3, "timeout": None}
    depth = tune(choices=[1, 3])
    forest = algorithm("random_forest", n_estimators=5, max_depth=depth)
    shop.train(FEATURES, BOUGHT, forest, tuning=tuning, user_metrics=[mine])
    assert all(0.5 < trial["score"] <= 1 for trial in shop.json("report.json")["trials"])


def test_a_failing_trial_is_recorded_and_all_failing_is_a_verdict(tmp_path: Path) -> None:
    shop = people(tmp_path, 200)
    tuning = {"trials": 4, "metric": "roc_auc", "direction": "maximize", "folds": 3, "timeout": None}
    neighbours = algorithm("knn", n_neighbors=tune(choices=[5, 100_000]))
    shop.train(FEATURES, BOUGHT, neighbours, tuning=tuning)
    errors = [trial["error"] for trial in shop.json("report.json")["trials"]]
    assert None in errors
    hopeless = algorithm("knn", n_neighbors=tune(50_000, 100_000))
    with pytest.raises(StepError, match="all 3 trials failed") as caught:
        shop.train(FEATURES, BOUGHT, hopeless, tuning={**tuning, "trials": 3})
    assert caught.value.name == "no-trial-succeeded"


@pytest.mark.parametrize("kind", ["time", "group"])
def test_folds_of_time_and_group_splits_train(tmp_path: Path, kind: str) -> None:
    shop = people(tmp_path, 300)
    split = {"kind": kind, "time": "day", "group": "day", "test": 0.25}
    tuning = {"trials": 2, "metric": "rmse", "direction": "minimize", "folds": 3, "timeout": None}
    told = shop.train(FEATURES, PRICE, algorithm("ridge", alpha=tune(0.1, 10.0)), split=split, tuning=tuning)
    assert told["trials"] == 2


def layout(kind: str, **more: Any) -> folds.Layout:
    given: dict[str, Any] = {
        "position": np.arange(60, dtype=np.uint64),
        "strata": None,
        "time": None,
        "group": None,
        "seed": 0,
    }
    return folds.Layout(kind, **{**given, **more})


def test_random_folds_are_stratified_and_keep_equal_rows_together() -> None:
    strata = (np.arange(60) % 6 == 0).astype(np.int64)
    position = (np.arange(60) // 2 * 7919 % 1000).astype(np.uint64)
    found = folds.make(layout("random", strata=strata, position=position), 5)
    assert sorted(np.concatenate([held for _, held in found]).tolist()) == list(range(60))
    for train, held in found:
        assert not set(train.tolist()) & set(held.tolist())
        assert not set(position[train].tolist()) & set(position[held].tolist()) or strata[held].any()
        assert strata[held].sum() == 2


def test_time_folds_never_train_on_later_rows_and_keep_ties_together() -> None:
    time = np.repeat(np.arange(20), 3).astype(float)
    for train, held in folds.make(layout("time", time=time), 4):
        assert time[train].max() < time[held].min()


def test_group_folds_keep_groups_whole() -> None:
    group = Column("int", np.arange(60) % 11 * 1.0)
    for train, held in folds.make(layout("group", group=group), 3):
        assert not set(group.values[train]) & set(group.values[held])


def test_too_few_rows_for_the_folds_is_a_verdict() -> None:
    with pytest.raises(StepError, match="too few for 3 group folds") as caught:
        folds.make(layout("group", group=Column("int", np.zeros(60))), 3)
    assert caught.value.name == "too-few-rows"


def test_a_side_without_rows_is_a_verdict(tmp_path: Path) -> None:
    shop = people(tmp_path, 60)
    shop.train(FEATURES, BOUGHT, algorithm("dummy"))
    shop.split(np.zeros(60, dtype=np.uint8))
    with pytest.raises(StepError, match="no test rows") as untested:
        shop.evaluate()
    shop.split(np.ones(60, dtype=np.uint8))
    with pytest.raises(StepError, match="no training rows") as untrained:
        shop.train(FEATURES, BOUGHT, algorithm("dummy"))
    assert (untested.value.name, untrained.value.name) == ("too-few-rows", "too-few-rows")


def test_a_metric_that_a_fold_cannot_have_fails_the_trial_by_name(tmp_path: Path) -> None:
    """Later rows alone are of one class: there is no area under a curve to speak of."""
    shop = people(tmp_path, 120)
    late = call("<", "bool", column("id", "int"), literal(30, "int"))
    split = {"kind": "time", "time": "day", "test": 0.25}
    tuning = {"trials": 1, "metric": "roc_auc", "direction": "maximize", "folds": 2, "timeout": None}
    with pytest.raises(StepError, match="all 1 trials failed") as caught:
        shop.train(FEATURES, {**BOUGHT, "expr": late}, algorithm("dummy"), split=split, tuning=tuning)
    (trial,) = caught.value.details["trials"]
    assert trial["error"]["name"] == "undefined-metric"


# --- targets, thresholds, weights


def test_the_positive_class_may_be_named(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    first = shop.train(FEATURES, BOUGHT, algorithm("logistic_regression")) and shop.evaluate()["metrics"]
    turned = (
        shop.train(FEATURES, {**BOUGHT, "positive": False}, algorithm("logistic_regression"))
        and shop.evaluate()["metrics"]
    )
    assert turned["recall"] == pytest.approx(first["specificity"])
    assert turned["roc_auc"] == pytest.approx(first["roc_auc"], abs=1e-3)


def test_a_string_target_of_two_values_is_binary(tmp_path: Path) -> None:
    label = call("if", "string", column("bought", "bool"), literal("yes", "string"), literal("no", "string"))
    to = {**target("answer", "string", "binary", positive="yes"), "expr": label}
    shop = people(tmp_path, 300)
    shop.train(FEATURES, to, algorithm("logistic_regression"))
    assert modelfile.describe(shop.path("model.zip"))["classes"] == ["no", "yes"]
    assert shop.evaluate()["metrics"]["roc_auc"] > 0.7


def test_a_binary_target_with_three_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="3 classes") as caught:
        people(tmp_path, 100).train(FEATURES, target("grade", "string", "binary", positive="top"), algorithm("dummy"))
    assert caught.value.name == "target-not-binary"


def test_the_threshold_cuts_the_probability(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), threshold=0.9)
    strict = shop.evaluate()["metrics"]["recall"]
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), threshold=0.1)
    assert strict < shop.evaluate()["metrics"]["recall"]


def test_weights_are_used_in_fitting_and_refused_where_unusable(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"))
    plain = shop.evaluate()["metrics"]["recall"]
    heavy = call("if", "float", column("bought", "bool"), literal(20.0, "float"), literal(1.0, "float"))
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), weights=heavy)
    assert shop.evaluate()["metrics"]["recall"] > plain
    with pytest.raises(StepError, match="numbers of at least 0") as caught:
        shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), weights=column("z", "float?"))
    assert caught.value.name == "unusable-weights"
    with pytest.raises(StepError, match="takes no weights"):
        shop.train(FEATURES, BOUGHT, algorithm("knn"), weights=heavy)


def test_one_class_in_training_rows_is_a_verdict(tmp_path: Path) -> None:
    never = {**BOUGHT, "expr": call("<", "bool", column("x", "float"), literal(-1.0, "float"))}
    with pytest.raises(StepError, match="same class") as caught:
        people(tmp_path, 100).train(FEATURES, never, algorithm("logistic_regression"))
    assert caught.value.name == "one-class-target"


def test_a_class_that_only_test_rows_have_counts_against_the_model(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    grades = np.array([(i * 7919 % 101) for i in range(300)])
    shop.split(np.where(grades >= 70, 1, shop.part).astype(np.uint8))
    shop.train(FEATURES, target("grade", "category", "multiclass"), algorithm("naive_bayes"))
    assert modelfile.describe(shop.path("model.zip"))["classes"] == ["low", "mid"]
    assert shop.evaluate()["metrics"]["accuracy"] < 0.6


def test_a_feature_over_other_rows_that_cannot_be_computed_is_refused_by_name(tmp_path: Path) -> None:
    """Never left out, never null: the feature is named where the engine has no SQL for it."""
    node = {"op": "aggregate", "fn": "nothing", "data": "d", "expr": None, "on": [], "over": None, "where": None}
    node = {**node, "type": "int"}
    with pytest.raises(StepError, match="feature spend") as caught:
        people(tmp_path, 50).train([feature("spend", node)], BOUGHT, algorithm("dummy"))
    assert caught.value.name == "needs-other-rows"


# --- model files and user code


def test_a_users_estimator_is_stored_by_its_importable_class(tmp_path: Path) -> None:
    (tmp_path / "mine_ok.py").write_text(
        "from sklearn.base import BaseEstimator, ClassifierMixin\n"
        "import numpy as np\n"
        "class Above(ClassifierMixin, BaseEstimator):\n"
        "    def __init__(self, cut=0.0): self.cut = cut\n"
        "    def fit(self, X, y): self.classes_ = np.unique(y); self.mean_ = X.mean(axis=0); return self\n"
        "    def predict(self, X): return (X[:, 0] > self.cut).astype(int)\n"
        "def make(cut=0.5): return Above(cut)\n"
    )
    shop = people(tmp_path, 200)
    shop.train(FEATURES, BOUGHT, algorithm("python", "mine_ok:make", cut=0.1))
    assert shop.evaluate()["metrics"]["roc_auc"] > 0.6
    assert modelfile.describe(shop.path("model.zip"))["allowed_types"] == ["mine_ok.Above"]


def test_an_estimator_that_cannot_be_stored_safely_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine_bad.py").write_text(
        "class Odd:\n"
        "    def fit(self, X, y): self.f = lambda v: v; return self\n"
        "    def predict(self, X): return [0] * len(X)\n"
        "def make(): return Odd()\n"
    )
    with pytest.raises(StepError) as caught:
        people(tmp_path, 100).train(FEATURES, BOUGHT, algorithm("python", "mine_bad:make"))
    assert caught.value.name == "model-not-storable"


@pytest.mark.parametrize(
    ("one", "reason", "name"),
    [
        (algorithm("sklearn", "sklearn.linear_model.Nothing"), "cannot be used", "reference-unusable"),
        (algorithm("sklearn", "sklearn.linear_model.Perceptron", depth=3), "no argument depth", "reference-unusable"),
        (algorithm("python", "nowhere:make"), "cannot be used", "reference-unusable"),
        (algorithm("logistic_regression", C=-1.0), "cannot be fitted", "fit-failed"),
        (algorithm("knn", n_neighbors=50_000), "cannot predict", "fit-failed"),
    ],
)
def test_what_cannot_be_built_or_fitted_is_a_verdict(tmp_path: Path, one: Any, reason: str, name: str) -> None:
    with pytest.raises(StepError, match=reason) as caught:
        people(tmp_path, 100).train(FEATURES, BOUGHT, one)
    assert caught.value.name == name


def test_scores_become_probabilities_where_a_classifier_has_none(tmp_path: Path) -> None:
    shop = people(tmp_path, 300)
    shop.train(FEATURES, BOUGHT, algorithm("sklearn", "sklearn.linear_model.RidgeClassifier"))
    assert shop.evaluate()["metrics"]["log_loss"] < shop.json("metrics.json")["baseline"]["log_loss"]


def test_a_load_builds_only_the_recorded_types(tmp_path: Path) -> None:
    shop = people(tmp_path, 120)
    shop.train(FEATURES, BOUGHT, algorithm("random_forest", n_estimators=2))
    with zipfile.ZipFile(shop.path("model.zip")) as found:
        data = found.read("estimator.skops")
        allowed = json.loads(found.read("model.json"))["allowed_types"]
    assert "sklearn.tree._tree.Tree" in allowed
    assert skopsfile.restore(data, allowed).n_estimators == 2
    with pytest.raises(Exception, match="Untrusted types"):
        skopsfile.restore(data, [one for one in allowed if one != "sklearn.tree._tree.Tree"])


def test_a_model_file_is_canonical(tmp_path: Path) -> None:
    shop = people(tmp_path, 120)
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"))
    with zipfile.ZipFile(shop.path("model.zip")) as outer:
        assert outer.namelist() == sorted(outer.namelist()) == ["estimator.skops", "model.json"]
        assert {one.date_time for one in outer.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        with zipfile.ZipFile(io.BytesIO(outer.read("estimator.skops"))) as inner:
            assert {one.date_time for one in inner.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert inner.namelist() == sorted(inner.namelist())
            assert [name for name in inner.namelist() if name.endswith(".npy")] == [f"{i}.npy" for i in range(1, 5)]


PLAIN_KINDS = [
    "linear_model.LogisticRegression",
    "linear_model.LinearRegression",
    "linear_model.Ridge",
    "linear_model.Lasso",
    "linear_model.ElasticNet",
    "naive_bayes.GaussianNB",
    "dummy.DummyClassifier",
    "decomposition.PCA",
]
OTHER_KINDS = ["tree.DecisionTreeClassifier", "neural_network.MLPClassifier", "svm.SVC"]


@pytest.mark.parametrize("name", [*PLAIN_KINDS, *OTHER_KINDS])
def test_a_plain_estimator_is_stored_byte_for_byte_as_skops_stores_it(name: str, monkeypatch: Any) -> None:
    """So that skops reads it, digests do not tell which of the two wrote it, and the reader knows no more than skops."""
    module, _, kind = name.rpartition(".")
    x = np.random.default_rng(0).random((60, 3))
    y = (x[:, 0] > 0.5).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = getattr(importlib.import_module(f"sklearn.{module}"), kind)().fit(x, y)
    stored, types = skopsfile.dump(estimator)
    read = plainfile.restore(stored, types)
    assert (read is not None) == (plainfile.dump(estimator) is not None) == (name in PLAIN_KINDS)
    monkeypatch.setattr(plainfile, "dump", lambda value: None)
    assert skopsfile.dump(estimator) == (stored, types)
    if read is not None:
        assert plainfile.restore(stored, []) is None
        monkeypatch.setattr(plainfile, "restore", lambda data, allowed: None)
        by_skops = skopsfile.restore(stored, types)
        assert type(read) is type(by_skops)
        assert {k: (type(v), str(v)) for k, v in vars(read).items()} == {
            k: (type(v), str(v)) for k, v in vars(by_skops).items()
        }
        with pytest.raises(Exception, match="Untrusted types"):
            skopsfile.restore(stored, [])


def test_a_linear_model_is_trained_and_evaluated_without_importing_skops_io(tmp_path: Path) -> None:
    """It would import all of scikit-learn's trees, clusters and ensembles."""
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(Path(__file__).parent)!r});"
        "import ml_workshop as t;"
        f"shop = t.people(Path({str(tmp_path)!r}), 120);"
        "shop.train(t.FEATURES, t.BOUGHT, t.algorithm('logistic_regression')); shop.evaluate();"
        "print([m for m in ('skops.io', 'sklearn.cluster', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_model_format_is_refused_by_number(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    path.write_bytes(skopsfile.archive({"model.json": b'{"format": 99}'}))
    with pytest.raises(StepError, match="format 99") as caught:
        modelfile.load(path, tmp_path)
    assert caught.value.name == "model-format"


# --- predictions


def test_the_predictions_digest_is_of_nine_digits_in_key_order(tmp_path: Path) -> None:
    shop = people(tmp_path, 200)
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), key=["region", "id"])
    told = shop.evaluate()["predictions_digest"]
    with np.load(shop.path("predictions.npz")) as found:
        row, probability = found["row"], found["probability"]
    keys = [(["north", "south", "west"][i * 31 % 3], i) for i in row.tolist()]
    assert keys == sorted(keys)
    text = "".join(f"{1 - p:.9g},{p:.9g}\n" for p in probability.tolist())
    assert told == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_latency_is_measured_only_where_asked_for_and_stays_out_of_metrics(tmp_path: Path) -> None:
    shop = people(tmp_path, 200)
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"))
    shop.evaluate()
    quiet = shop.path("metrics.json").read_bytes()
    assert shop.json("timing.json") == {"latency": None}
    shop.evaluate(latency=True)
    assert shop.path("metrics.json").read_bytes() == quiet
    told = shop.json("timing.json")["latency"]
    assert 0 < told["p50"] <= told["p95"] <= told["p99"]
