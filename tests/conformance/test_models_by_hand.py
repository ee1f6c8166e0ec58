"""Models, metrics and gates through the command line, against scikit-learn called by hand on the same rows."""

from __future__ import annotations

import io
import json
from typing import Any

import duckdb
import numpy as np
import pytest
from pieces import PEOPLE, people, spec, to_csv
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from workbench import Bench, Done


def table(bench: Bench, done: Done) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of the clean rows, and `part`: 0 train, 1 test."""
    path = bench.artifact("clean:d/rows", done)
    found = duckdb.sql(f"SELECT * FROM read_parquet('{path}') ORDER BY __row").fetchnumpy()
    columns = {k: np.ma.filled(v, np.nan) if v.dtype.kind == "f" else np.asarray(v) for k, v in found.items()}
    with np.load(io.BytesIO(bench.artifact("split:m/split", done).read_bytes())) as split:
        columns["part"] = split["part"]
    return columns


def expected_calibration_error(y: Any, p: Any) -> float:
    bins = np.minimum((p * 10).astype(int), 9)
    return float(sum(abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).sum() for b in set(bins)) / len(y))


def binary_metrics(y: Any, p: Any, threshold: float) -> dict[str, float]:
    """`y`: 0 and 1, `p`: probability of 1."""
    said = p >= threshold
    return {
        "roc_auc": sk.roc_auc_score(y, p),
        "average_precision": sk.average_precision_score(y, p),
        "accuracy": sk.accuracy_score(y, said),
        "balanced_accuracy": sk.balanced_accuracy_score(y, said),
        "precision": sk.precision_score(y, said),
        "recall": sk.recall_score(y, said),
        "specificity": sk.recall_score(y, said, pos_label=0),
        "f1": sk.f1_score(y, said),
        "log_loss": sk.log_loss(y, p),
        "brier": np.mean((p - y) ** 2),
        "calibration_error": expected_calibration_error(y, p),
    }


def people_matrix(rows: dict[str, Any], train: Any) -> Any:
    pay = np.where(np.isnan(rows["pay"]), np.nanmedian(rows["pay"][train]), rows["pay"])
    scaled = (rows["age"] - rows["age"][train].mean()) / rows["age"][train].std()
    return np.column_stack([scaled, *(rows["city"] == level for level in "abc"), pay])


def test_a_binary_model_its_metrics_threshold_weights_and_baseline_are_scikit_learns(bench: Bench) -> None:
    bench.write("d.csv", to_csv(people(400)))
    gate = (
        "require roc_auc >= baseline.roc_auc + 0.2\n  require accuracy > baseline.accuracy\n  warn brier <= baseline.brier\n"
        "  warn log_loss <= baseline.log_loss\n  require profit >= -100\n  warn calibration_error <= 0.0001"
    )
    metric = "metric profit = mean(if predicted and actual then 40 else if predicted then -5 else 0)"
    features = "age |> standardize()\n  city |> onehot()\n  pay |> impute(median)"
    bench.write(
        "s.mlops",
        spec(features=features, algorithm="logistic_regression(C = 0.5, max_iter = 2000, tol = 1e-9)",
             model="threshold = 30%; weights = age; seed = 3", gate=gate, more=metric),
    )  # fmt: skip
    done = bench.run()
    assert done.code == 0, done.err
    rows = table(bench, done)
    train, test = rows["part"] == 0, rows["part"] == 1
    x, y = people_matrix(rows, train), rows["y"].astype(int)
    model = LogisticRegression(C=0.5, max_iter=2000, tol=1e-9).fit(x[train], y[train], sample_weight=rows["age"][train])
    p = model.predict_proba(x[test])[:, 1]
    want = binary_metrics(y[test], p, 0.3)
    want["profit"] = float(np.mean(np.where(p >= 0.3, np.where(y[test] == 1, 40, -5), 0)))
    assert done.model["metrics"] == pytest.approx(want, rel=1e-6)
    assert done.model["rows"] == {"train": int(train.sum()), "test": int(test.sum()), "no_target": 0}
    share = y[train].mean()
    flat = np.full(test.sum(), share)
    told = {rule["rule"]: rule for rule in done.rules}
    assert told["roc_auc >= baseline.roc_auc + 0.2"]["threshold"] == pytest.approx(0.7)
    assert told["accuracy > baseline.accuracy"]["threshold"] == pytest.approx(np.mean((share >= 0.3) == y[test]))
    assert told["brier <= baseline.brier"]["threshold"] == pytest.approx(np.mean((flat - y[test]) ** 2))
    assert told["log_loss <= baseline.log_loss"]["threshold"] == pytest.approx(sk.log_loss(y[test], flat))
    assert (told["calibration_error <= 0.0001"]["verdict"], done.json["gates"]["g"]["verdict"]) == ("failed", "passed")


def test_positive_turns_the_classes_round(bench: Bench) -> None:
    rows = [{**row, "y": "gone" if row["y"] == "true" else "stays"} for row in people(300)]
    bench.write("d.csv", to_csv(rows))
    found = {}
    for positive in ("gone", "stays"):
        text = spec(columns=PEOPLE | {"y": "string"}, features="age", model=f'positive = "{positive}"')
        bench.write("s.mlops", text)
        found[positive] = bench.run().model["metrics"]
    for one, other in (("recall", "specificity"), ("accuracy", "accuracy"), ("roc_auc", "roc_auc"), ("brier", "brier")):
        assert found["gone"][one] == pytest.approx(found["stays"][other], rel=1e-4)
    assert found["gone"]["recall"] != found["stays"]["recall"]
    levels = spec(columns=PEOPLE | {"y": 'category("gone", "stays")'}, features="age")  # the level listed last
    bench.write("s.mlops", levels)
    assert bench.run().model["metrics"] == pytest.approx(found["stays"])


def test_several_classes_have_macro_means_over_classes(bench: Bench) -> None:
    bench.write("d.csv", to_csv(people(400)))
    bench.write("s.mlops", spec(target="city", features="age\n  pay |> impute(constant = 0)\n  day_number = day(day)"))
    done = bench.run()
    rows = table(bench, done)
    train, test = rows["part"] == 0, rows["part"] == 1
    pay = np.where(np.isnan(rows["pay"]), 0, rows["pay"])
    days = rows["day"].astype("datetime64[D]").astype(object)
    x = np.column_stack([rows["age"], pay, [day.day for day in days]])
    model = LogisticRegression(max_iter=1000).fit(x[train], rows["city"][train].astype(str))
    p, actual = model.predict_proba(x[test]), rows["city"][test].astype(str)
    said = model.classes_[p.argmax(axis=1)]
    hot = (actual[:, None] == model.classes_).astype(float)
    want = {
        "accuracy": sk.accuracy_score(actual, said),
        "balanced_accuracy": sk.balanced_accuracy_score(actual, said),
        "recall": sk.recall_score(actual, said, average="macro"),
        "precision": sk.precision_score(actual, said, average="macro", zero_division=0),
        "f1": sk.f1_score(actual, said, average="macro"),
        "roc_auc": sk.roc_auc_score(actual, p, multi_class="ovr", average="macro"),
        "average_precision": np.mean([sk.average_precision_score(hot[:, k], p[:, k]) for k in range(3)]),
        "log_loss": sk.log_loss(actual, p),
        "brier": np.mean([np.mean((p[:, k] - hot[:, k]) ** 2) for k in range(3)]),
        "calibration_error": np.mean([expected_calibration_error(hot[:, k], p[:, k]) for k in range(3)]),
        "specificity": np.mean([np.mean(said[actual != c] != c) for c in model.classes_]),
    }
    assert done.model["metrics"] == pytest.approx(want, rel=1e-3, abs=2e-3)


TRANSFORMS = {
    "standardize()": StandardScaler(),
    "minmax()": MinMaxScaler(),
    "robust()": RobustScaler(),
    "log()": FunctionTransformer(lambda x: np.sign(x) * np.log1p(np.abs(x))),
    "power()": PowerTransformer(),
    "quantile()": QuantileTransformer(n_quantiles=1000, subsample=None),
    "bin(4)": KBinsDiscretizer(4, encode="ordinal", strategy="quantile", quantile_method="averaged_inverted_cdf"),
    "onehot()": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_learns_from_training_rows_only_what_scikit_learns_does(transform: str, bench: Bench) -> None:
    rows = [{**row, "x": row["id"] * 37 % 11 - 3} for row in people(200)]
    bench.write("d.csv", to_csv(rows))
    features = f"x2 = x |> {transform}\n  id"
    gate = "require rmse <= 1000"
    bench.write(
        "s.mlops",
        spec(columns=PEOPLE | {"x": "int"}, data="", features=features, target="age", gate=gate,
             algorithm="linear_regression()"),
    )  # fmt: skip
    done = bench.run()
    assert done.code == 0, done.err
    found = table(bench, done)
    train, test = found["part"] == 0, found["part"] == 1
    x, y = found["x"].reshape(-1, 1).astype(float), found["age"]
    step = TRANSFORMS[transform].fit(x[train])
    matrix = np.column_stack([step.transform(x), found["id"]])
    said = make_pipeline(LinearRegression()).fit(matrix[train], y[train]).predict(matrix[test])
    want = {
        "rmse": np.sqrt(np.mean((said - y[test]) ** 2)),
        "mae": np.mean(np.abs(said - y[test])),
        "mape": np.mean(np.abs(said - y[test]) / y[test]),
        "r2": sk.r2_score(y[test], said),
        "median_error": np.median(np.abs(said - y[test])),
        "max_error": np.max(np.abs(said - y[test])),
    }
    assert done.model["metrics"] == pytest.approx(want, rel=1e-7)


def test_slices_gaps_and_their_smallest_sizes_are_as_counted_by_hand(bench: Bench) -> None:
    rows = people(600)
    for row in rows[:24]:
        row["city"] = ""
    bench.write("d.csv", to_csv(rows))
    gate = (
        "warn recall >= 99.9% by city min_rows 20\n  require gap(recall, by = city) <= 0.9\n  warn accuracy >= 1% by grown\n"
        "  require accuracy >= 1% by city min_rows 500"
    )
    columns = PEOPLE | {"city": "category?"}
    features = "age\n  grown = age > 30"
    bench.write("s.mlops", spec(columns=columns, features=features, gate=gate, split="random(test = 50%)"))
    done = bench.run()
    assert done.code == 1
    found = table(bench, done)
    test = found["part"] == 1
    with np.load(bench.artifact("evaluate:m/predictions", done)) as kept:
        order = kept["row"]
        actual, said = kept["actual"], kept["predicted"]
    city = np.array([None if c is np.ma.masked or c != c else c for c in found["city"]], dtype=object)[order]
    assert set(order) == set(np.flatnonzero(test))
    recalls, sizes = {}, {}
    for level in ("a", "b", "c", None):
        at = np.array([one == level for one in city])
        sizes[level], recalls[level] = int(at.sum()), float(np.mean(said[at][actual[at] == 1] == 1))
    by_city, gap, grown, few = done.rules
    slices = {s["slice"]: s for s in by_city["slices"]}
    assert set(slices) == {"city = a", "city = b", "city = c", "city is null"}
    assert slices["city is null"]["rows"] == sizes[None] < 20
    assert slices["city is null"]["verdict"] == "not judged"
    assert slices["city = b"]["value"] == pytest.approx(recalls["b"])
    judged = [recalls[level] for level in "abc"]
    assert gap["value"] == pytest.approx(max(judged) - min(judged))
    assert by_city["value"] == pytest.approx(min(judged))
    assert {s["slice"] for s in grown["slices"]} == {"grown = true", "grown = false"}
    assert (few["verdict"], done.json["gates"]["g"]["verdict"]) == ("no data", "no data")


def test_a_second_version_is_held_against_the_first_on_the_same_rows(bench: Bench) -> None:
    """v1 sees little, v2 more, a third again little: the rule names no champion, passes, fails; only v1 and v2 exist."""
    bench.write("d.csv", to_csv(people(800)))
    gate = "require accuracy >= 20%\n  require roc_auc >= champion.roc_auc - 0.01\n  warn roc_auc > champion.roc_auc"

    def run(features: str, *words: str) -> Done:
        bench.write("s.mlops", spec(features=features, gate=gate))
        return bench.run(*words)

    first = run("city |> onehot()")
    assert (first.code, first.model["version"], first.model["promoted"]) == (0, 1, True)
    assert [rule["verdict"] for rule in first.rules] == ["passed", "no champion", "no champion"]
    second = run("city |> onehot()\n  age")
    assert (second.code, second.model["version"], second.model["promoted"]) == (0, 2, True)
    assert [rule["verdict"] for rule in second.rules] == ["passed", "passed", "passed"]
    assert second.rules[1]["threshold"] == pytest.approx(first.model["metrics"]["roc_auc"] - 0.01)
    again = run("city |> onehot()\n  age  # a comment makes no other model", "--force")
    assert (again.code, again.model["version"], again.model["digest"]) == (0, 2, second.model["digest"])
    third = run("city |> onehot()\n  pay |> impute()")
    assert third.code == 1
    assert [rule["verdict"] for rule in third.rules] == ["passed", "failed", "failed"]
    assert third.error["name"] == "gate-failed"
    assert third.rules[1]["threshold"] == pytest.approx(second.model["metrics"]["roc_auc"] - 0.01)
    known = bench.command("models", "m", "--json").json["models"]["m"]
    assert (known["champion"], [v["version"] for v in known["versions"]]) == (2, [1, 2])
    assert bench.command("journal", "--verify", "--json").json["verified"] is True
    tried = run("city |> onehot()\n  age\n  pay |> impute()")  # no better than a hair: v2 stays where the rule fails
    rule = tried.rules[1]
    assert (rule["verdict"] == "passed") == (tried.code == 0)
    json.dumps(tried.json)
