"""The gate step: verdicts with value, threshold and reason; slices; the champion; what is never a pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_workshop import (
    BOUGHT,
    FEATURES,
    PRICE,
    WHERE,
    Workshop,
    algorithm,
    at_least,
    at_most,
    call,
    column,
    feature,
    literal,
    metric,
    people,
    rule,
    transform,
)

from mlopsc.runtime.errors import StepError
from mlopsc.runtime.ml import bootstrap

GOOD = rule("roc_auc >= 0.6", at_least(metric("roc_auc"), 0.6))
BAD = rule("roc_auc >= 0.99", at_least(metric("roc_auc"), 0.99))
BETTER = rule("roc_auc >= champion.roc_auc - 0.01", at_least(
    metric("roc_auc"), call("-", "float", metric("roc_auc", "champion"), literal(0.01, "float"))
))  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return trained(tmp_path / "new")


def trained(folder: Path, name: str = "logistic_regression", features: Any = None, **more: Any) -> Workshop:
    made = people(folder, 1000)
    made.train(features or FEATURES, BOUGHT, algorithm(name), **more)
    made.evaluate(latency=True)
    made.reign(None)
    return made


def refused(shop: Workshop, *rules: Any) -> tuple[StepError, dict[str, Any]]:
    with pytest.raises(StepError) as caught:
        shop.gate(*rules)
    return caught.value, shop.json("verdict.json")


def test_a_gate_passes_when_every_required_rule_holds(shop: Workshop) -> None:
    verdict = shop.gate(GOOD, {**BAD, "kind": "warn"})
    assert verdict["verdict"] == "passed"
    told = verdict["rules"][0]
    assert (told["rule"], told["line"], told["verdict"], told["threshold"]) == ("roc_auc >= 0.6", 7, "passed", 0.6)
    assert told["value"] == shop.json("metrics.json")["metrics"]["roc_auc"]
    assert verdict["rules"][1]["verdict"] == "failed"  # reported only


def test_a_failed_gate_writes_its_verdict_and_then_names_rule_value_threshold_and_line(shop: Workshop) -> None:
    error, verdict = refused(shop, GOOD, BAD)
    assert verdict["verdict"] == "failed"
    told = error.to_json()
    assert (told["code"], told["name"], told["line"]) == ("MLC9050", "gate-failed", WHERE["line"])
    assert "roc_auc >= 0.99" in told["message"]
    assert told["details"]["threshold"] == 0.99
    assert told["details"]["value"] == verdict["rules"][1]["value"]


def test_a_rule_may_measure_against_the_baseline(shop: Workshop) -> None:
    ahead = call("+", "float", metric("roc_auc", "baseline"), literal(0.2, "float"))
    told = shop.gate(rule("roc_auc >= baseline.roc_auc + 0.2", at_least(metric("roc_auc"), ahead)))["rules"][0]
    assert told["threshold"] == pytest.approx(0.7)


def test_measured_facts_are_in_seconds_and_bytes(shop: Workshop) -> None:
    fast = at_most(metric("latency", kind="duration", quantile="p99"), literal(10_000_000, "duration"))
    small = at_most(metric("model_size", kind="size"), literal(2**20, "size"))
    quick = at_most(metric("train_time", kind="duration"), literal(600_000_000, "duration"))
    rules = shop.gate(rule("latency(p99) <= 10s", fast), rule("model_size <= 1MiB", small), rule("t", quick))["rules"]
    assert [one["threshold"] for one in rules] == [10.0, 2**20, 600.0]
    assert rules[1]["value"] == shop.path("model.zip").stat().st_size
    assert 0 < rules[0]["value"] < 10


def test_and_or_not_in_are_judged_as_they_read(shop: Workshop) -> None:
    inside = call(
        "in",
        "bool",
        metric("roc_auc"),
        {"op": "range", "lo": literal(0.6, "float"), "hi": literal(1.0, "float"), "type": "float"},
    )
    low = at_least(metric("roc_auc"), 0.99)
    rules = [
        rule("in", inside),
        rule("or", call("or", "bool", low, GOOD["expr"])),
        rule("not", call("not", "bool", low)),
        rule("and", call("and", "bool", inside, call("not", "bool", low))),
    ]
    assert {one["verdict"] for one in shop.gate(*rules)["rules"]} == {"passed"}


def test_a_users_metric_is_usable_in_a_rule(shop: Workshop) -> None:
    hits = call("share", "float?", call("==", "bool", column("actual", "bool"), column("predicted", "bool")))
    mine = [{"name": "hits", "expr": hits}]
    told = shop.gate(rule("hits >= 0.5", at_least(metric("hits"), 0.5)), user_metrics=mine)["rules"][0]
    assert told["value"] == pytest.approx(shop.json("metrics.json")["metrics"]["accuracy"])


# --- slices


def test_every_slice_is_judged_and_the_worst_is_named(shop: Workshop) -> None:
    error, verdict = refused(shop, rule("roc_auc >= 0.99", at_least(metric("roc_auc"), 0.99), by=["region", "member"]))
    slices = verdict["rules"][0]["slices"]
    assert [one["slice"] for one in slices] == [
        "region = north", "region = south", "region = west", "member = false", "member = true",
    ]  # fmt: skip
    judged = [one for one in slices if one["verdict"] == "failed"]
    assert verdict["rules"][0]["value"] == min(one["value"] for one in judged)
    assert "region" in error.message or "member" in error.message


def test_small_slices_are_listed_and_not_judged_and_none_left_is_no_data(shop: Workshop) -> None:
    by_region = rule("recall >= 0", at_least(metric("recall"), 0.0), by=["region"], min_rows=84)
    verdict = shop.gate(GOOD, by_region)["rules"][1]
    sizes = {one["rows"]: one["verdict"] for one in verdict["slices"]}
    assert all(judged == ("passed" if rows >= 84 else "not judged") for rows, judged in sizes.items())
    error, found = refused(shop, GOOD, {**by_region, "min_rows": 10_000})
    assert found["verdict"] == "no data"
    assert (error.code, error.name) == ("MLC9067", "gate-without-data")


def test_nulls_are_a_slice_and_a_feature_may_be_sliced_by(tmp_path: Path) -> None:
    level = call(
        "if",
        "string?",
        call("is null", "bool", column("z", "float?")),
        literal(None, "string?"),
        column("region", "string"),
    )
    shop = trained(tmp_path, features=[*FEATURES, feature("level", level, transform("onehot"))])
    told = shop.gate(rule("brier <= 1", at_most(metric("brier"), 1.0), by=["level"], min_rows=10))["rules"][0]
    assert [one["slice"] for one in told["slices"]][-1] == "level is null"


def test_gap_is_the_largest_less_the_smallest_slice(shop: Workshop) -> None:
    gap = metric("gap", metric="accuracy", by="region")
    each = rule("accuracy >= 0", at_least(metric("accuracy"), 0.0), by=["region"])
    gaps, slices = shop.gate(rule("gap <= 1", at_most(gap, 1.0)), each)["rules"]
    values = [one["value"] for one in slices["slices"]]
    assert gaps["value"] == pytest.approx(max(values) - min(values))


def test_an_undefined_metric_never_passes(shop: Workshop) -> None:
    """With a threshold that nothing reaches there is no positive prediction, and no precision."""
    shop.train(FEATURES, BOUGHT, algorithm("logistic_regression"), threshold=1.0)
    shop.evaluate()
    error, verdict = refused(shop, rule("precision >= 0", at_least(metric("precision"), 0.0)))
    assert verdict["verdict"] == verdict["rules"][0]["verdict"] == "no data"
    assert "no row is predicted positive" in error.message


# --- the champion


def test_without_a_champion_the_rule_is_recorded_and_the_others_decide(shop: Workshop) -> None:
    verdict = shop.gate(GOOD, BETTER)
    assert [one["verdict"] for one in verdict["rules"]] == ["passed", "no champion"]
    assert (verdict["verdict"], verdict["champion"]) == ("passed", None)


def test_a_better_model_beats_the_champion_and_a_worse_one_does_not(shop: Workshop, tmp_path: Path) -> None:
    weak = trained(tmp_path / "weak", features=[FEATURES[3]])
    shop.reign(weak)
    verdict = shop.gate(BETTER)
    assert (verdict["verdict"], verdict["champion"]) == ("passed", 3)
    assert "interval" in verdict["rules"][0]["reason"]
    weak.reign(shop)
    assert refused(weak, BETTER)[1]["rules"][0]["verdict"] == "failed"


def test_the_worse_end_of_the_interval_decides(shop: Workshop, tmp_path: Path) -> None:
    """A margin that the sample shows is not reached where the interval of the difference falls short of it."""
    weak = trained(tmp_path / "weak", features=[FEATURES[3]])
    seen = shop.json("metrics.json")["metrics"]["roc_auc"] - weak.json("metrics.json")["metrics"]["roc_auc"]
    shop.reign(weak)
    margin = call("+", "float", metric("roc_auc", "champion"), literal(0.98 * seen, "float"))
    found = refused(shop, rule("roc_auc >= champion.roc_auc + margin", at_least(metric("roc_auc"), margin)))[1]
    assert found["rules"][0]["value"] > found["rules"][0]["threshold"]
    assert found["rules"][0]["verdict"] == "failed"


def test_a_model_equal_to_the_champion_holds_its_margin(shop: Workshop) -> None:
    shop.reign(shop)
    told = shop.gate(BETTER)["rules"][0]
    assert told["value"] - told["threshold"] == pytest.approx(0.01)


def test_a_lower_is_better_rule_is_judged_by_the_upper_end(tmp_path: Path) -> None:
    shops = []
    for name, features in (("all", FEATURES), ("one", [FEATURES[3]])):
        made = people(tmp_path / name, 600)
        made.train(features, PRICE, algorithm("ridge"))
        made.evaluate()
        shops.append(made)
    good, weak = shops
    lower = rule("rmse <= champion.rmse", at_most(metric("rmse"), metric("rmse", "champion")))
    good.reign(weak)
    assert good.gate(lower)["verdict"] == "passed"
    weak.reign(good)
    assert refused(weak, lower)[1]["verdict"] == "failed"


def test_rows_that_the_champion_was_trained_on_do_not_count(shop: Workshop, tmp_path: Path) -> None:
    """Its training rows are known by the ids of its split; too few left is no data."""
    other = people(tmp_path / "other", 1000)
    other.split(np.where(shop.part == 1, 0, 1).astype(np.uint8))
    other.train(FEATURES, BOUGHT, algorithm("logistic_regression"))
    other.evaluate()
    shop.reign(other)
    found = refused(shop, GOOD, BETTER)[1]
    assert [one["verdict"] for one in found["rules"]] == ["passed", "no data"]
    assert "0 test rows are left" in found["rules"][1]["reason"]


def test_other_rules_keep_all_test_rows_while_the_champion_sees_fewer(shop: Workshop, tmp_path: Path) -> None:
    """A champion trained on half of today's test rows is compared on the other half, slice by slice, too."""
    other = people(tmp_path / "other", 1000)
    today = np.flatnonzero(shop.part == 1)
    part = other.part.copy()
    part[today[::2]] = 0
    part[today[1::2]] = 1
    other.split(part)
    other.train([FEATURES[3]], BOUGHT, algorithm("logistic_regression"))
    shop.reign(other)
    sliced = {**BETTER, "by": ["member"], "min_rows": 10}
    everywhere = rule("accuracy >= 0", at_least(metric("accuracy"), 0.0), by=["member"], min_rows=10)
    alone, against, slices, halves = shop.gate(GOOD, BETTER, everywhere, {**sliced, "kind": "warn"})["rules"]
    assert alone["value"] == shop.json("metrics.json")["metrics"]["roc_auc"] != against["value"]
    assert f"over {len(today[1::2])} rows" in against["reason"]
    assert sum(one["rows"] for one in slices["slices"]) == len(today)
    assert sum(one["rows"] for one in halves["slices"]) == len(today[1::2])


def test_a_champion_whose_columns_are_gone_is_an_error(shop: Workshop, tmp_path: Path) -> None:
    old = Workshop(tmp_path / "old", "SELECT i AS gone, i % 3 = 0 AS bought FROM range(1000) AS r(i)")
    old.train([feature("gone", column("gone", "int"))], BOUGHT, algorithm("logistic_regression"))
    shop.reign(old)
    with pytest.raises(StepError, match="gone") as caught:
        shop.gate(BETTER)
    assert caught.value.name == "column-gone"


def test_a_champion_of_another_task_is_no_data(shop: Workshop, tmp_path: Path) -> None:
    other = people(tmp_path / "other", 1000)
    other.train(FEATURES, PRICE, algorithm("ridge"))
    shop.reign(other)
    assert refused(shop, GOOD, BETTER)[1]["rules"][1]["verdict"] == "no data"


def test_gap_and_users_metrics_are_resampled_too(shop: Workshop, tmp_path: Path) -> None:
    weak = trained(tmp_path / "weak", features=[FEATURES[3]])
    shop.reign(weak)
    hits = call("share", "float?", call("==", "bool", column("actual", "bool"), column("predicted", "bool")))
    ahead = at_least(metric("hits"), metric("hits", "champion"))
    gap = metric("gap", metric="accuracy", by="member")
    wide = at_most(gap, call("+", "float", {**gap, "subject": "champion"}, literal(1.0, "float")))
    told = shop.gate(rule("hits", ahead), rule("gap", wide), user_metrics=[{"name": "hits", "expr": hits}])
    assert told["verdict"] == "passed"


def test_confidence_widens_the_interval_and_draws_repeat() -> None:
    differences = np.random.default_rng(0).normal(size=1000)
    narrow, wide = bootstrap.interval(differences, 0.5), bootstrap.interval(differences, 0.99)
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < 0 < narrow[1] < wide[1]
    assert bootstrap.interval(np.where(differences > 1, np.nan, differences), 0.95) is None
    first = [weights.tolist() for weights in bootstrap.draws(20, seed=5, resamples=3)]
    assert first == [weights.tolist() for weights in bootstrap.draws(20, seed=5, resamples=3)]
    assert all(sum(weights) == 20 for weights in first)
