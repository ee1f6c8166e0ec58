"""The search for an algorithm and its parameters: Optuna's TPE over folds whose matrices are computed once.

Sequential and seeded, so that the same rows give the same trials. A trial that fails is recorded and the search goes on.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError
from . import metrics
from .algorithms import Setting, build, fit_predictor
from .columns import Floats
from .libraries import load
from .modelfile import Prediction
from .outcomes import Outcomes, Value
from .usermetrics import UserMetric

Args = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoldData:
    """One fold: matrices of training and held-out rows, their targets (class codes or numbers), training weights."""

    x: Floats
    y: NDArray[Any]
    weights: Floats | None
    held_x: Floats
    held_y: NDArray[Any]


@dataclass
class Search:
    """What is searched and how it is scored."""

    candidates: Sequence[dict[str, Any]]
    tuning: dict[str, Any]
    setting: Setting
    labels: tuple[Any, ...]
    predict: Callable[[Any, Floats], Prediction]
    user_metrics: Sequence[dict[str, Any]]
    folds: list[FoldData]
    trials: list[dict[str, Any]] = field(default_factory=list)
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self) -> tuple[int, Args]:
        """The best candidate's index and arguments. Equal scores: the earlier trial."""
        if any(space(candidate["args"]) for candidate in self.candidates):
            self._sample()
        else:
            for at, candidate in enumerate(self.candidates):
                self._try(at, dict(candidate["args"]))
        done = [trial for trial in self.trials if trial["score"] is not None]
        if not done:
            raise StepError(
                "MLC9062",
                "no-trial-succeeded",
                f"all {len(self.trials)} trials failed; the first: {self.trials[0]['error']['message']}",
                where=self.candidates[0].get("where"),
                details={"trials": self.trials},
            )
        sign = 1.0 if self.tuning["direction"] == "maximize" else -1.0
        best = max(done, key=lambda trial: (sign * trial["score"], -trial["number"]))
        return best["candidate"], best["args"]

    def _sample(self) -> None:
        optuna = load("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=self.setting.seed)
        study = optuna.create_study(direction=self.tuning["direction"], sampler=sampler)
        if len(self.candidates) > 1:
            for at in range(len(self.candidates)):
                study.enqueue_trial({"candidate": at})  # each is seen once before any is given up

        def objective(trial: Any) -> float:
            many = len(self.candidates) > 1
            at = trial.suggest_categorical("candidate", list(range(len(self.candidates)))) if many else 0
            args = dict(self.candidates[at]["args"])
            for name, tune in space(args).items():
                args[name] = suggest(trial, f"{at}.{name}", tune)
            score = self._try(at, args)["score"]
            if score is None:
                raise optuna.TrialPruned
            return float(score)

        study.optimize(objective, n_trials=int(self.tuning["trials"]), timeout=self.tuning.get("timeout"))

    def _try(self, at: int, args: Args) -> dict[str, Any]:
        """One trial: the mean score over folds, or the reason why there is none. Equal trials are computed once."""
        key = json.dumps([at, args], sort_keys=True, default=str)
        found = self._known.get(key)
        if found is None:
            try:
                found = {"score": self._score(at, args), "error": None}
            except StepError as error:
                found = {"score": None, "error": error.to_json()}
            self._known[key] = found
        candidate = self.candidates[at]
        trial = {"number": len(self.trials), "candidate": at, "algorithm": candidate["name"], "args": args, **found}
        self.trials.append(trial)
        return trial

    def _score(self, at: int, args: Args) -> float:
        candidate = self.candidates[at]
        where = candidate.get("where")
        scores = []
        for fold in self.folds:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                estimator = build(candidate, args, self.setting)
                predictor = fit_predictor(estimator, fold.x, fold.y, len(self.labels), fold.weights, where)
            prediction = self.predict(predictor, fold.held_x)
            outcomes = Outcomes(
                self.setting.task, fold.held_y, prediction.predicted, prediction.probability, self.labels
            )
            value = score(self.tuning["metric"], outcomes, self.user_metrics)
            if value.value is None:
                raise StepError("MLC9063", "undefined-metric", f"{self.tuning['metric']} is undefined: {value.reason}")
            scores.append(value.value)
        return float(np.mean(scores))


def score(name: str, outcomes: Outcomes, user_metrics: Sequence[dict[str, Any]]) -> Value:
    for metric in user_metrics:
        if metric["name"] == name:
            return UserMetric(metric["expr"], outcomes).value()
    return metrics.compute(name, outcomes)


def space(args: Args) -> dict[str, dict[str, Any]]:
    """The arguments that are searched."""
    return {name: value["tune"] for name, value in args.items() if isinstance(value, dict) and set(value) == {"tune"}}


def suggest(trial: Any, name: str, tune: dict[str, Any]) -> Any:
    if tune.get("choices") is not None:
        return trial.suggest_categorical(name, list(tune["choices"]))
    if tune.get("integer"):
        return trial.suggest_int(name, int(tune["lo"]), int(tune["hi"]), log=bool(tune.get("log")))
    return trial.suggest_float(name, float(tune["lo"]), float(tune["hi"]), log=bool(tune.get("log")))


class Clock:
    """Measured seconds of named stretches, for timing.json only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._since
        self._since = now
