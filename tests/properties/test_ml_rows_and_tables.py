"""Features of a single row are the bits of the same row in a table, whatever the values: one code computes both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlopsc.runtime.ml import pipes
from mlopsc.runtime.ml.columns import from_values
from mlopsc.runtime.ml.featureset import FeatureSet
from mlopsc.runtime.ml.pipes import Learning

WIDE = [0.0, -0.0, 5e-324, -1e300, 1e-300, 0.1, 2.0**53 + 1]
FLOATS = st.one_of(st.sampled_from(WIDE), st.floats(-1e6, 1e6))
TEXTS = st.one_of(st.sampled_from(["", "a", "b", "É", "a b", "東京"]), st.text(max_size=4))


def pipe(name: str, **args: Any) -> dict[str, Any]:
    return {"name": name, "args": args, "sklearn": None}


NUMBERS = [
    [], [pipe("impute")], [pipe("standardize")], [pipe("impute"), pipe("minmax")], [pipe("robust"), pipe("log")],
    [pipe("bin", n=3)], [pipe("quantile")], [pipe("impute", constant=1), pipe("bin", n=2), pipe("onehot")],
]  # fmt: skip
LEVELS = [
    [pipe("onehot")], [pipe("onehot", min_share=0.2)], [pipe("ordinal")], [pipe("target_encode")], [pipe("hash", n=3)],
    [pipe("impute"), pipe("ordinal"), pipe("standardize")], [pipe("onehot"), pipe("pca", n=1)],
]  # fmt: skip


def agree(kind: str, stages: list[dict[str, Any]], training: list[Any], rows: list[Any]) -> None:
    one = {"name": "f", "inputs": [{"op": "column", "name": "c", "type": kind}], "types": [kind], "pipe": stages}
    y = np.arange(len(training)) % 2
    features, _ = FeatureSet.fit([one], {"x0": from_values(kind, training)}, Learning(y, "binary", 0))
    table = features.transform({"x0": from_values(kind, rows)})
    single = np.vstack([features.transform({"x0": from_values(kind, [row])}) for row in rows])
    if stages and stages[-1]["name"] == "pca":  # a matrix product: BLAS may add up in another order
        assert np.allclose(single, table, rtol=1e-12, atol=1e-12, equal_nan=True)
    else:
        assert single.tobytes() == table.tobytes()
    objects: list[Any] = []
    saved = features.pipes[0].state(objects)
    again = FeatureSet([one], [pipes.restore(one, saved, features.width, objects)])
    assert again.transform({"x0": from_values(kind, rows)}).tobytes() == table.tobytes()


@pytest.mark.parametrize("stages", NUMBERS, ids=lambda stages: "-".join(one["name"] for one in stages) or "bare")
@settings(max_examples=25, deadline=None)
@given(
    training=st.lists(FLOATS.filter(math.isfinite), min_size=12, max_size=20),
    rows=st.lists(st.none() | FLOATS, min_size=1, max_size=9),
)
def test_numbers_agree(stages: list[dict[str, Any]], training: list[float], rows: list[float | None]) -> None:
    agree("float?", stages, training, rows)


@pytest.mark.parametrize("stages", LEVELS, ids=lambda stages: "-".join(one["name"] for one in stages))
@settings(max_examples=25, deadline=None)
@given(
    training=st.lists(TEXTS | st.none(), min_size=12, max_size=20).filter(
        lambda rows: any(row is not None for row in rows)
    ),
    rows=st.lists(TEXTS | st.none(), min_size=1, max_size=9),
)
def test_levels_agree(stages: list[dict[str, Any]], training: list[str | None], rows: list[str | None]) -> None:
    agree("string?", stages, training, rows)
