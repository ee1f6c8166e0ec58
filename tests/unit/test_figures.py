"""Numbers of verdicts, warnings and quarantines as a person reads them."""

from __future__ import annotations

import pytest

from mlopsc.runtime import render
from mlopsc.runtime.figures import plain, unit_of, with_clauses


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        ("latency(p99) <= 50ms", 0.03012, "30.12 ms"),
        ("latency(p99) <= champion.latency(p99) * 1.1", 0.03, "30 ms"),
        ("model_size <= 4MiB", 2**21, "2 MiB"),
        ("train_time <= 5min", 90.0, "1.5 min"),
        ("recall >= 40%", 0.45, "45%"),
        ("gap(recall, by = sex) <= 5%", 0.0421, "4.21%"),
        ("recall in 40%..60%", 0.5, "50%"),
        ("mae <= baseline.mae * 90%", 12.5, "12.5"),
        ("recall >= 40% and latency(p99) <= 50ms", 0.5, "0.5"),
        ("rmse <= 1_000_000", 1e6, "1,000,000"),
    ],
)
def test_a_value_is_shown_in_the_unit_of_its_rule(rule: str, value: float, shown: str) -> None:
    assert unit_of(rule).show(value) == shown


def test_numbers_lose_no_digit_before_the_point_and_have_no_exponent() -> None:
    assert [plain(v) for v in (0.0, 1e6, 4194304.0, 1234567.25, 0.123456789, 1e-9)] == [
        "0", "1,000,000", "4,194,304", "1,234,567", "0.123457", "1e-09",
    ]  # fmt: skip


def test_a_rule_is_told_with_the_clauses_that_differ_from_their_defaults() -> None:
    assert with_clauses("f1 >= 1", {"by": ["sex", "age"], "min_rows": 100, "confidence": 0.9}) == (
        "f1 >= 1 by sex, age min_rows 100 confidence 90%"
    )
    assert with_clauses("f1 >= 1", {"by": [], "min_rows": 30, "confidence": 0.95}) == "f1 >= 1"


def test_a_run_tells_deciding_slices_failed_warnings_and_quarantined_rows() -> None:
    rule = {
        "rule": "recall >= 40%", "by": ["sex"], "min_rows": 100, "verdict": "failed", "value": 0.35, "threshold": 0.4,
        "reason": "sex = F: 35% is not >= 40%",
    }  # fmt: skip
    warning = {"rule": "mean(a) <= 0.1", "value": 0.5, "line": 12, "file": "s.mlops"}
    aside = {"data": "d", "rows": 16, "of": 731, "path": "/store/x"}
    result = {
        "run": "r", "status": "failed", "seconds": 1.0, "models": {},
        "gates": {"g": {"verdict": "failed", "rules": [rule]}},
        "steps": [{"quarantine": aside}, {"warnings": [warning]}],
    }  # fmt: skip
    assert render.run_text(result, False).splitlines()[:4] == [
        "warning: 16 of 731 rows of d are in quarantine: /store/x",
        "s.mlops:12: warning: warn mean(a) <= 0.1 does not hold: the data gives 0.5",
        "gate g: failed",
        "  ✗ recall >= 40% by sex min_rows 100  35% against 40%  sex = F",
    ]
