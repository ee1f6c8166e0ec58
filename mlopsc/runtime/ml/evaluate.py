"""The evaluate step: test rows scored once, all metrics of the task, the baseline's, and the latency of single rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..context import Context
from ..data.engine import connect
from ..errors import StepError
from . import latency, metrics, modelfile, scoring
from .outcomes import Outcomes, Value
from .tuning import score


def run(ctx: Context) -> dict[str, Any]:
    """Outputs predictions (npz), metrics and timing (json). Measured times stand in timing only."""
    settings = ctx.settings
    rows = ctx.inputs["rows"]
    model = modelfile.load(ctx.inputs["model"], ctx.modules_root)
    with np.load(ctx.inputs["split"], allow_pickle=False) as split:
        part = split["part"]
    test = np.flatnonzero(part == 1)
    if not len(test):
        raise StepError("MLC9061", "too-few-rows", "there are no test rows to evaluate on", where=settings.get("where"))
    con = connect(ctx)
    order = scoring.key_order(con, rows, list(settings["key"]), test)
    scored = scoring.score_rows(con, rows, order, model, settings["target"])
    scored.save(ctx.outputs["predictions"])
    found = summary(scored, settings["user_metrics"])
    content = {
        **found,
        "rows": {
            "train": int((part == 0).sum()),
            "test": len(test),
            "no_target": int((part == 2).sum()),
        },
        "algorithm": model.meta.get("ref") or model.meta["algorithm"],
        "params": model.meta["params"],
        "predictions_digest": scoring.predictions_digest(scored.outcomes),
        "model_digest": ctx.digests.get("model") or modelfile.digest(ctx.inputs["model"]),
    }
    text = json.dumps(content, sort_keys=True, indent=1, allow_nan=False)
    ctx.outputs["metrics"].write_text(text + "\n", encoding="utf-8")
    times = latency.measure(con, rows, test, model) if settings["latency"] else None
    ctx.outputs["timing"].write_text(json.dumps({"latency": times}, sort_keys=True) + "\n", encoding="utf-8")
    return {"metrics": content["metrics"], "rows": content["rows"]}


def summary(scored: scoring.Scored, user_metrics: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """metrics and baseline by name (null where undefined) and the reasons of undefined ones."""
    undefined: dict[str, str] = {}
    values = _all(scored.outcomes, user_metrics)
    undefined |= {name: value.reason or "" for name, value in values.items() if value.value is None}
    return {
        "metrics": {name: value.value for name, value in values.items()},
        "baseline": {name: value.value for name, value in _all(scored.baseline, user_metrics).items()},
        "undefined": undefined,
    }


def _all(outcomes: Outcomes, user_metrics: Sequence[dict[str, Any]]) -> dict[str, Value]:
    names = [*metrics.of_task(outcomes.task), *(metric["name"] for metric in user_metrics)]
    return {name: score(name, outcomes, user_metrics) for name in names}
