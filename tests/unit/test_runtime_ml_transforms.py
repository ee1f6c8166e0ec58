"""Fitted transforms: what they learn from training rows, and what they do with rows that they never saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_workshop import column, feature, transform
from sklearn import preprocessing

from mlopsc.runtime.data.table import Column
from mlopsc.runtime.errors import StepError
from mlopsc.runtime.ml.columns import from_values
from mlopsc.runtime.ml.featureset import FeatureSet
from mlopsc.runtime.ml.pipes import Learning

NAN = float("nan")


def fitted(kind: str, values: list[Any], *pipe: Any, y: Any = None, **more: Any) -> tuple[FeatureSet, Any]:
    one = feature("f", column("c", kind), *pipe, **more)
    target = np.zeros(len(values)) if y is None else np.array(y)
    task = "binary" if y is not None else "regression"
    return FeatureSet.fit([one], {"x0": from_values(kind, values)}, Learning(target, task, 0))


def applied(features: FeatureSet, kind: str, values: list[Any]) -> Any:
    return features.transform({"x0": from_values(kind, values)}).tolist()


def test_onehot_gives_a_column_to_each_training_level_in_text_order() -> None:
    features, x = fitted("string", ["b", "a", "b", "c"], transform("onehot"))
    assert features.names() == ["f=a", "f=b", "f=c"]
    assert x.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_onehot_of_an_unseen_level_is_all_zeros_and_a_null_a_level_of_its_own() -> None:
    features, _ = fitted("string?", ["b", "a", None], transform("onehot"))
    assert features.names() == ["f=a", "f=b", "f=(null)"]
    assert applied(features, "string?", ["zebra", None, "a"]) == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]


def test_onehot_has_a_null_column_by_the_type_even_without_a_null_in_training() -> None:
    features, _ = fitted("string?", ["b", "a"], transform("onehot"))
    assert features.width == 3


def test_onehot_uses_named_levels_in_their_order_whether_seen_or_not() -> None:
    features, x = fitted("category", ["low", "high"], transform("onehot"), levels=[["low", "mid", "high"]])
    assert features.names() == ["f=low", "f=mid", "f=high"]
    assert x.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_onehot_levels_rarer_than_min_share_share_a_column() -> None:
    values = ["a"] * 50 + ["b"] * 48 + ["c", "d"]
    features, x = fitted("string", values, transform("onehot", min_share=0.02))
    assert features.names() == ["f=a", "f=b", "f=(rare)"]
    assert x.sum(axis=0).tolist() == [50, 48, 2]
    assert applied(features, "string", ["d", "unseen"]) == [[0, 0, 1], [0, 0, 0]]


def test_onehot_takes_int_and_bool_by_size() -> None:
    features, x = fitted("int", [10, 9, 10], transform("onehot"))
    assert features.names() == ["f=9", "f=10"]
    assert x.tolist() == [[0, 1], [1, 0], [0, 1]]
    features, x = fitted("bool", [True, False], transform("onehot"))
    assert x.tolist() == [[0, 1], [1, 0]]


def test_ordinal_numbers_levels_and_tells_unseen_from_null() -> None:
    features, x = fitted("string", ["b", "a", "c"], transform("ordinal"))
    assert x.tolist() == [[1], [0], [2]]
    assert applied(features, "string", ["zebra", None, "c"]) == [[-1], [-2], [2]]


def test_ordinal_of_named_levels_keeps_their_order() -> None:
    _, x = fitted("category", ["low", "high", "mid"], transform("ordinal"), levels=[["low", "mid", "high"]])
    assert x.ravel().tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("args", "expected"),
    [({}, 2.0), ({"strategy": "mean"}, 4.0), ({"strategy": "most_frequent"}, 1.0), ({"constant": 9}, 9.0)],
)
def test_impute_fills_with_what_training_rows_show(args: dict[str, Any], expected: float) -> None:
    features, x = fitted("float?", [1.0, 1.0, 3.0, 11.0, None], transform("impute", **args))
    assert x.ravel().tolist() == [1, 1, 3, 11, expected]
    assert applied(features, "float?", [None, 5.0]) == [[expected], [5.0]]


def test_impute_of_text_takes_the_most_frequent_and_keeps_text() -> None:
    features, x = fitted("string?", ["a", "b", "b", None], transform("impute"), transform("onehot"))
    assert features.names() == ["f=a", "f=b"]
    assert x.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]
    assert applied(features, "string?", [None]) == [[0, 1]]


def test_impute_of_only_nulls_is_refused_by_name() -> None:
    with pytest.raises(StepError, match="feature f") as caught:
        fitted("float?", [None, None], transform("impute"))
    assert (caught.value.code, caught.value.name) == ("MLC9052", "nothing-to-learn")


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("standardize", preprocessing.StandardScaler()),
        ("minmax", preprocessing.MinMaxScaler()),
        ("robust", preprocessing.RobustScaler()),
        ("power", preprocessing.PowerTransformer()),
        ("quantile", preprocessing.QuantileTransformer(n_quantiles=50)),
    ],
)
def test_scalers_give_scikit_learns_bits_and_keep_nulls(name: str, reference: Any) -> None:
    values = np.random.default_rng(0).lognormal(size=50)
    features, x = fitted("float?", values.tolist(), transform(name))
    assert np.array_equal(x, reference.fit(values.reshape(-1, 1)).transform(values.reshape(-1, 1)))
    assert np.isnan(applied(features, "float?", [None])[0][0])


def test_log_keeps_the_sign_and_takes_every_number() -> None:
    _, x = fitted("float", [0.0, np.e - 1, 1 - np.e], transform("log"))
    assert x.ravel() == pytest.approx([0.0, 1.0, -1.0])


def test_bin_numbers_quantile_bins_of_training_rows() -> None:
    features, x = fitted("float", [float(v) for v in range(8)], transform("bin", n=4))
    assert x.ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert applied(features, "float?", [-100.0, 100.0]) == [[0], [3]]
    assert np.isnan(applied(features, "float?", [None])[0][0])


def test_a_target_encoding_of_training_rows_is_out_of_fold() -> None:
    """A level that one row has tells that row nothing of its own target."""
    values = [f"only-{i}" for i in range(40)]
    y = [i % 2 for i in range(40)]
    features, x = fitted("string", values, transform("target_encode"), y=y)
    assert np.ptp(x) < 0.2  # what the other folds say of a level that they do not have: their mean
    encoded = np.array(applied(features, "string", values)).ravel()
    assert np.corrcoef(encoded, y)[0, 1] > 0.9
    assert applied(features, "string", ["never seen"]) == [[0.5]]


def test_hash_spreads_levels_without_learning_and_leaves_nulls_zero() -> None:
    features, _ = fitted("string", ["a"], transform("hash", n=4))
    found = np.array(applied(features, "string", ["zebra", None]))
    assert np.abs(found[0]).sum() == 1
    assert not found[1].any()


def test_hash_tells_large_integers_apart() -> None:
    _, x = fitted("int", [1234567, 1234568, 1234569, 1234570], transform("hash", n=64))
    assert len({tuple(row) for row in x.tolist()}) > 1


def test_tfidf_learns_terms_of_training_rows() -> None:
    features, x = fitted("string?", ["red fox", "red dog", None], transform("tfidf", max_features=2))
    assert x.shape == (3, 2)
    assert not x[2].any()
    assert applied(features, "string?", ["cat"]) == [[0.0, 0.0]]


def test_a_transform_that_joins_columns_numbers_what_it_gives() -> None:
    draw = np.random.default_rng(0)
    columns = {name: Column("float", draw.random(30)) for name in ("x0", "x1", "x2")}
    inputs = [column(name, "float") for name in "abc"]
    shape = feature("shape", inputs, transform("standardize"), transform("pca", n=2))
    best = feature("best", inputs, transform("select_best", n=1))
    features, x = FeatureSet.fit([shape, best], columns, Learning(columns["x1"].values, "regression", 0))
    assert features.names() == ["shape_1", "shape_2", "best_1"]
    assert np.array_equal(x[:, 2], columns["x1"].values)


def test_a_scikit_learn_transformer_is_fitted_and_applied() -> None:
    spline = transform("sklearn", "sklearn.preprocessing.SplineTransformer", n_knots=3, degree=2)
    features, x = fitted("float", [float(v) for v in range(10)], spline)
    assert features.width == x.shape[1] == 4
    encoder = transform("sklearn", "sklearn.preprocessing.OneHotEncoder", handle_unknown="ignore")
    features, x = fitted("string", ["a", "b"], encoder)
    assert applied(features, "string", ["b", "c"]) == [[0, 1], [0, 0]]


@pytest.mark.parametrize("kind", ["string", "category", "date", "timestamp"])
def test_what_is_not_a_number_does_not_reach_the_algorithm(kind: str) -> None:
    values = Column(kind, np.array([0]), ["a"]) if kind in ("string", "category") else Column(kind, np.array([0.0]))
    with pytest.raises(StepError, match="feature f") as caught:
        FeatureSet.fit([feature("f", column("c", kind))], {"x0": values}, Learning(np.zeros(1), "regression", 0))
    assert caught.value.name == "not-a-number"


def test_a_transform_that_the_library_refuses_names_feature_and_reason() -> None:
    with pytest.raises(StepError, match=r"pca\(\) of feature f") as caught:
        fitted("float", [1.0, 2.0, 3.0], transform("pca", n=5))
    assert caught.value.name == "transform-refused"
    assert caught.value.where is not None


def test_bare_numbers_pass_as_they_are_with_nan_for_null() -> None:
    _, x = fitted("int?", [1, None])
    assert x[0, 0] == 1
    assert np.isnan(x[1, 0])
    assert fitted("bool", [True, False])[1].ravel().tolist() == [1, 0]


def test_equal_expressions_are_computed_once() -> None:
    one = feature("a", column("c", "float"))
    two = feature("b", column("c", "float"), transform("standardize"))
    features, x = FeatureSet.fit(
        [one, two], {"x0": Column("float", np.array([1.0, 3.0]))}, Learning(np.zeros(2), "regression", 0)
    )
    assert [one.name for one in features.inputs] == ["x0"]
    assert x.tolist() == [[1.0, -1.0], [3.0, 1.0]]
