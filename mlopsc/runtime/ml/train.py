"""The train step: features fitted on training rows, the search where one is asked for, one fit, the model file.

Nothing that is measured in seconds enters model.zip or report.json: both are equal for equal inputs.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..context import Context
from ..data.engine import connect
from ..data.table import read_columns
from ..errors import StepError
from . import folds, modelfile
from .algorithms import Predictor, Setting, build, fit_predictor
from .columns import Column, Floats, take
from .featureset import FeatureSet, inputs_of
from .importance import importance
from .modelfile import Model, Prediction
from .pipes import Learning
from .pointintime import split_point_in_time
from .slices import column_of, missing_column
from .target import Classes, classes_of
from .tuning import Clock, FoldData, Search

TRAIN, TEST, NO_TARGET = 0, 1, 2
PROBE = 256  # training rows on which a stored model must predict the same bits


def run(ctx: Context) -> dict[str, Any]:
    """Outputs model (zip), report and timing (json)."""
    clock = Clock()
    work = _Training(ctx)
    clock.lap("read")
    chosen, args, trials = work.search()
    clock.lap("tune")
    model = work.fit(chosen, args)
    clock.lap("fit")
    modelfile.save(model, ctx.outputs["model"])
    work.prove(model, ctx.outputs["model"])
    clock.lap("save")
    report = work.report(chosen, args, trials, model)
    _write(ctx.outputs["report"], report)
    _write(ctx.outputs["timing"], {"train_seconds": sum(clock.seconds.values()), "stages": clock.seconds})
    return {
        "algorithm": report["algorithm"],
        "params": report["params"],
        "rows": report["rows"],
        "trials": len(trials),
        "columns": report["columns"],
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n", encoding="utf-8")


class _Training:
    """The training rows of one model, and what is done with them."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.settings = ctx.settings
        self.seed = int(self.settings["seed"])
        self.warnings: list[str] = []
        with np.load(ctx.inputs["split"], allow_pickle=False) as split:
            part = split["part"]
            self.rows = np.flatnonzero(part == TRAIN)
            self.counts = {"train": len(self.rows), "test": int((part == TEST).sum())}
            self.position = split["position"][self.rows]
        if not len(self.rows):
            raise StepError("MLC9061", "too-few-rows", "there are no training rows")
        columns = self._read()
        self.columns = {name: column for name, column in columns.items() if name.startswith("x")}
        self.classes = classes_of(self.settings["target"], columns["target"])
        self.y = self.classes.codes(columns["target"])
        self.weights = self._weights(columns)
        self.time = columns["time"].values if "time" in columns else None
        self.group: Column | None = columns.get("group")
        self.setting = Setting(self.classes.task, self.seed, ctx.cpu, ctx.modules_root)

    def _read(self) -> dict[str, Any]:
        """The training rows' columns: x0, x1 … of the features, target, and weights, time and group where used."""
        settings, con = self.settings, connect(self.ctx)
        inputs, self.reads, define = inputs_of(settings["features"])
        wanted = [(one.name, one.expr, one.type) for one in inputs]
        wanted.append(("target", settings["target"]["expr"], settings["target"]["type"]))
        if settings.get("weights"):
            wanted.append(("weights", settings["weights"], "float"))
        split = settings["split"]
        if settings.get("tuning") and split["kind"] in ("time", "group"):
            column = split[split["kind"]]
            described = column_of(con, self.ctx.inputs["rows"], column)
            if described is None:
                raise missing_column(column)
            wanted.append((split["kind"], *described))
        try:
            found = read_columns(con, self.ctx.inputs["rows"], wanted, define)
        except ValueError as error:
            raise self._beyond_the_row(error) from error
        if self.counts["train"] < len(next(iter(found.values())).values):
            return {name: take(found.pop(name), self.rows) for name in list(found)}
        return dict(found)

    def _beyond_the_row(self, error: ValueError) -> Exception:
        """A verdict where it is an aggregate or a lookup that the data engine has no SQL for; else the error itself."""
        for feature in self.settings["features"]:
            if split_point_in_time(feature["inputs"])[1]:
                name, where = feature["name"], feature.get("where")
                return StepError(
                    "MLC9068", "needs-other-rows", f"feature {name} cannot be computed: {error}", where=where
                )
        return error

    def _weights(self, columns: dict[str, Any]) -> Floats | None:
        if "weights" not in columns:
            return None
        values: Floats = columns["weights"].values
        if not np.isfinite(values).all() or (values < 0).any() or not values.sum() > 0:
            raise StepError(
                "MLC9064", "unusable-weights", "the weights of the training rows must be numbers of at least 0"
            )
        return values

    # --- search

    def search(self) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        settings = self.settings
        if not settings.get("tuning"):
            if len(settings["candidates"]) != 1:
                raise StepError("MLC9062", "no-trial-succeeded", "several candidates and no tuning to choose by")
            return 0, dict(settings["candidates"][0]["args"]), []
        search = Search(
            settings["candidates"],
            settings["tuning"],
            self.setting,
            self.classes.labels,
            self._predict,
            settings["user_metrics"],
            self._folds(int(settings["tuning"]["folds"])),
        )
        chosen, args = search.run()
        return chosen, args, search.trials

    def _folds(self, count: int) -> list[FoldData]:
        strata = None if self.classes.task == "regression" else self.y
        kind = self.settings["split"]["kind"]
        layout = folds.Layout(kind, self.position, strata, self.time, self.group, self.seed)
        found = []
        for train, held in folds.make(layout, count):
            fitted, x = FeatureSet.fit(self.settings["features"], self._at(train), self._learning(train))
            weights = None if self.weights is None else self.weights[train]
            found.append(FoldData(x, self.y[train], weights, fitted.transform(self._at(held)), self.y[held]))
        return found

    def _at(self, rows: NDArray[Any]) -> dict[str, Any]:
        return {name: take(column, rows) for name, column in self.columns.items()}

    def _learning(self, rows: NDArray[Any] | slice) -> Learning:
        return Learning(self.y[rows], self.classes.task, self.seed)

    def _predict(self, predictor: Predictor, x: Floats) -> Prediction:
        return _model(self.settings, self.classes, FeatureSet([], []), predictor, {}).predict_matrix(x)

    # --- one fit on all training rows

    def fit(self, chosen: int, args: dict[str, Any]) -> Model:
        candidate = self.settings["candidates"][chosen]
        features, x = FeatureSet.fit(self.settings["features"], self.columns, self._learning(slice(None)))
        where = candidate.get("where")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator = build(candidate, args, self.setting)
            predictor = fit_predictor(estimator, x, self.y, len(self.classes.labels), self.weights, where)
        self.warnings += sorted({_line(str(one.message)) for one in caught if "Convergence" in one.category.__name__})
        self.probe = np.array(x[:PROBE])
        about = {"algorithm": candidate["name"], "ref": candidate.get("ref"), "params": args}
        if self.classes.task == "regression":
            about["baseline"] = float(np.mean(self.y))
        else:
            counts = np.bincount(self.y, minlength=len(self.classes.labels))
            about["baseline"] = (counts / counts.sum()).tolist()
        model = _model(self.settings, self.classes, features, predictor, about)
        self.importance = importance(model, x, self.y, self.seed) if self.settings.get("explain") else None
        return model

    def prove(self, model: Model, path: Path) -> None:
        """The stored model predicts the same bits as the fitted one, or the step fails."""
        before = model.predict_matrix(self.probe)
        try:
            after = modelfile.load(path, self.ctx.modules_root).predict_matrix(self.probe)
        except StepError:
            raise
        except Exception as error:
            raise _not_storable(model, f"{type(error).__name__}: {_line(str(error))}") from error
        same = np.array_equal(before.predicted, after.predicted) and (
            before.probability is None or np.array_equal(before.probability, after.probability)  # type: ignore[arg-type]
        )
        if not same:
            raise _not_storable(model, "loaded again, it predicts other values")

    def report(self, chosen: int, args: dict[str, Any], trials: list[dict[str, Any]], model: Model) -> dict[str, Any]:
        candidate = self.settings["candidates"][chosen]
        return {
            "model": self.settings["model"],
            "algorithm": candidate["ref"] or candidate["name"] if candidate.get("ref") else candidate["name"],
            "params": args,
            "rows": self.counts,
            "classes": list(self.classes.labels),
            "columns": model.features.width,
            "column_names": model.features.names()[:1000],
            "tuning": self.settings.get("tuning"),
            "trials": trials,
            "warnings": self.warnings,
            "importance": self.importance,
        }


def _model(
    settings: dict[str, Any], classes: Classes, features: FeatureSet, predictor: Predictor, about: dict[str, Any]
) -> Model:
    meta = {
        "model": settings["model"],
        "data": settings["data"],
        "task": classes.task,
        "classes": list(classes.labels),
        "target": settings["target"],
        "threshold": float(settings["threshold"]),
        "seed": int(settings["seed"]),
        **about,
    }
    return Model(meta, features, predictor)


def _not_storable(model: Model, reason: str) -> StepError:
    name = type(model.predictor.estimator).__name__
    return StepError("MLC9059", "model-not-storable", f"{name} cannot be stored and loaded again: {reason}")


def _line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
