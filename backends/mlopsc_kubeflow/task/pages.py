"""What KFP's page of a run shows: metadata of artifacts, confusion matrix, ROC curve, a report to read."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_POINTS = 200  # of a ROC curve, at most
Extra = tuple[str, Path, dict[str, Any]]


def metadata(step: str, output: str, file: Path, digest: str) -> dict[str, Any]:
    """Digest and origin of every artifact; of metrics, the numbers."""
    found: dict[str, Any] = {"artifact": f"{step}/{output}", "digest": digest}
    if output == "metrics":
        found |= {k: v for k, v in json.loads(file.read_bytes())["metrics"].items() if _finite(v)}
    if output == "model":
        found["framework"] = "mlopsc"
    return found


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shown(step: dict[str, Any], files: dict[str, Path], temporary: Callable[[], Path]) -> Iterator[Extra]:
    """(output key, file, metadata) of what is there to be looked at only."""
    if step["kind"] == "evaluate":
        content = json.loads(files["metrics"].read_bytes())
        yield "report", _page(temporary(), *_metrics(step["settings"]["model"], content)), {}
        if step["settings"]["target"]["task"] != "regression":
            yield "classification", _empty(temporary()), _classification(files["predictions"])
    elif step["kind"] == "gate":
        verdict = json.loads(files["verdict"].read_bytes())
        yield "report", _page(temporary(), *_rules(step["settings"]["gate"], verdict)), {}


def _empty(file: Path) -> Path:
    file.touch()
    return file


def _metrics(model: str, content: dict[str, Any]) -> tuple[str, list[list[Any]]]:
    base = content.get("baseline", {})
    rows = [[name, value, base.get(name)] for name, value in content["metrics"].items()]
    counts = ", ".join(f"{count} {part}" for part, count in content["rows"].items())
    return f"{model}: {content['algorithm']}, rows {counts}", [["metric", "model", "baseline"], *rows]


def _rules(gate: str, verdict: dict[str, Any]) -> tuple[str, list[list[Any]]]:
    rows = [[r["rule"], r["verdict"], r.get("value"), r.get("threshold"), r.get("reason")] for r in verdict["rules"]]
    return f"{gate}: {verdict['verdict']}", [["rule", "verdict", "value", "threshold", "reason"], *rows]


def _page(file: Path, title: str, rows: list[list[Any]]) -> Path:
    cells = [
        [html.escape("" if c is None else f"{c:.6g}" if isinstance(c, float) else str(c)) for c in r] for r in rows
    ]
    head = "".join(f"<th>{c}</th>" for c in cells[0])
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>\n" for row in cells[1:])
    style = "body{font-family:sans-serif}td,th{padding:.2em 1em;text-align:left}"
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
        f"<h1>{html.escape(title)}</h1><table><tr>{head}</tr>\n{body}</table>\n",
        encoding="utf-8",
    )
    return file


def _classification(predictions: Path) -> dict[str, Any]:
    """Metadata of a system.ClassificationMetrics artifact, in the shape that the SDK's log_* methods give it."""
    import numpy as np

    with np.load(predictions, allow_pickle=False) as found:
        actual, predicted, labels = found["actual"], found["predicted"], found["labels"].tolist()
        probability = found["probability"]
    cells = np.zeros((max(len(labels), 2),) * 2, dtype=int)
    np.add.at(cells, (actual, predicted), 1)
    names = labels if len(labels) >= 2 else ["0", "1"]
    rows = [{"row": [int(cell) for cell in row]} for row in cells]
    told: dict[str, Any] = {"confusionMatrix": {"annotationSpecs": [{"displayName": n} for n in names], "rows": rows}}
    if probability.ndim == 1 and 0 < int(actual.sum()) < len(actual):
        told["confidenceMetrics"] = _roc(np, actual == 1, probability)
    return told


def _roc(np: Any, positive: Any, score: Any) -> list[dict[str, float]]:
    """Recall and false positive rate at falling thresholds, thinned to at most _POINTS."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits, misses = np.cumsum(positive[order])[ends], np.cumsum(~positive[order])[ends]
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(len(ends), _POINTS)).astype(int))
    return [
        {
            "confidenceThreshold": float(score[order][ends[i]]),
            "recall": float(hits[i] / hits[-1]),
            "falsePositiveRate": float(misses[i] / misses[-1]),
        }
        for i in chosen
    ]
