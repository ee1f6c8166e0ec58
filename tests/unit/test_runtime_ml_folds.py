"""Tuning folds: of the split's own kind, whole groups, earlier rows for later ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_workshop import BOUGHT, FEATURES, PRICE, algorithm, call, column, literal, people, tune

from mlopsc.runtime.data.table import Column
from mlopsc.runtime.errors import StepError
from mlopsc.runtime.ml import folds


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
