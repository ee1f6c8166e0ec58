"""From a data file to the text of a first spec."""

from __future__ import annotations

import os

from mlopsc.driver.starter.baseline import Score, measure, threshold
from mlopsc.driver.starter.choice import Choice, choose
from mlopsc.driver.starter.columns import look, opened
from mlopsc.driver.starter.naming import snake
from mlopsc.driver.starter.text import compose, number, usable

_TOO_GOOD = 0.995  # a first model this good has most likely seen the answer


def make(path: str, spec_folder: str, wanted: str | None) -> str:
    """The spec for the data file at `path`, to stand in `spec_folder`. Raises Failure when the file cannot serve."""
    with opened(path) as (connection, table):
        look(connection, table)
        choice = choose(table, wanted)
        score = measure(connection, table, choice, usable(table, choice))
    named = os.path.relpath(os.path.abspath(path), spec_folder).replace(os.sep, "/")
    stem = snake(os.path.basename(path).split(".", 1)[0], "first")
    return compose(table, choice, stem=stem, path=named, gate=_gate(choice, score))


def _gate(choice: Choice, score: Score | None) -> list[str]:
    metric = {"binary": "roc_auc", "multiclass": "balanced_accuracy", "regression": "mae"}[choice.task]
    better = "<=" if metric == "mae" else ">="
    if score is None:
        return [
            "# There was too little data for a quick model: a model must at least beat the simplest one.",
            f"require {metric} {better} baseline.{metric}",
        ]
    lines = [
        f"# A quick model reached {score.metric} {score.mean:.4g} (a model that knows nothing: {score.naive:.4g})."
    ]
    gained = (score.naive - score.mean) / score.naive if metric == "mae" and score.naive else score.mean
    if gained >= _TOO_GOOD:
        lines.append("# That is suspiciously good: does a feature tell the answer?")
    lines.append(f"require {metric} {better} {number(threshold(score))}")
    lines.append(f"require {metric} {better} champion.{metric}{' * 1.05' if metric == 'mae' else ' - 0.01'}")
    return lines
