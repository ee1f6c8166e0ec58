"""Gate rules: expressions over metrics, judged over all test rows or slice by slice.

A verdict is passed, failed or "no data" (an undefined metric, too few rows); a rule that names the champion compares by a
paired bootstrap, and holds when the end of the interval that is worse for the new model satisfies it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..expr import to_python
from ..figures import PLAIN, Unit
from . import bootstrap
from .columns import Floats
from .evidence import Evidence, Measured, View

Expr = dict[str, Any]
PASSED, FAILED, NO_DATA, NO_CHAMPION = "passed", "failed", "no data", "no champion"
COMPARISONS = (">=", ">", "<=", "<", "==", "!=")
OPPOSITE = {">=": "<", ">": "<=", "<=": ">", "<": ">=", "==": "!=", "!=": "==", "in": "not in", "not in": "in"}
MICROS = 1e6  # durations are microseconds in expressions, seconds in a verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict over one set of rows; value and threshold are the two sides of the comparison that decided."""

    verdict: str
    value: float | None = None
    threshold: float | None = None
    reason: str = ""


def names_champion(expr: Any) -> bool:
    if isinstance(expr, (list, tuple)):
        return any(names_champion(item) for item in expr)
    if not isinstance(expr, dict):
        return False
    if expr.get("op") == "metric":
        return bool(expr["subject"] == "champion")
    return any(names_champion(value) for value in expr.values())


class Judge:
    """Judges expressions over one view of the rows. `confidence` is of the interval, `seed` of its resamples, `unit` that
    of numbers in reasons."""

    def __init__(self, evidence: Evidence, view: View, confidence: float, seed: int, unit: Unit = PLAIN) -> None:
        self.unit = unit
        self.evidence = evidence
        self.view = view
        self.confidence = confidence
        self.seed = seed

    def judge(self, expr: Expr) -> Outcome:
        if expr["op"] == "call":
            fn, args = expr["fn"], expr["args"]
            if fn in ("and", "or"):
                return _joined(fn, [self.judge(arg) for arg in args])
            if fn == "not":
                return self.judge(_negated(args[0]))
            if fn == "in" and args[1]["op"] == "range" and names_champion(expr):
                low = {"op": "call", "fn": ">=", "args": [args[0], args[1]["lo"]], "type": "bool"}
                high = {"op": "call", "fn": "<=", "args": [args[0], args[1]["hi"]], "type": "bool"}
                return _joined("and", [self.judge(low), self.judge(high)])
            if fn in COMPARISONS:
                return self._comparison(fn, args[0], args[1])
        return self._condition(expr)

    def _comparison(self, fn: str, left: Expr, right: Expr) -> Outcome:
        compiled = Compiled([left, right])
        missing = self._missing(compiled)
        if missing:
            return missing
        a, b = compiled.values(self._measured(compiled))
        scale = MICROS if left["type"].startswith("duration") else 1.0
        value, threshold = _scaled(a, scale), _scaled(b, scale)
        if value is None or threshold is None:
            return Outcome(NO_DATA, value, threshold, "the value is null over these rows")
        if not compiled.champion:
            holds = bool(_compare(fn, a, b))
            return Outcome(
                PASSED if holds else FAILED, value, threshold, "" if holds else self._short(fn, value, threshold)
            )
        pairs = self._resampled(compiled)
        ends = bootstrap.interval((pairs[:, 0] - pairs[:, 1]) / scale, self.confidence)
        if ends is None:
            return Outcome(NO_DATA, value, threshold, "the difference is undefined in too many resamples")
        holds = _interval_holds(fn, *ends)
        reason = (
            f"left less right is {self.unit.show(value - threshold)}, its {100 * self.confidence:.4g}% interval "
            f"{self.unit.show(ends[0])} to {self.unit.show(ends[1])} over {len(self.view)} rows"
        )
        return Outcome(PASSED if holds else FAILED, value, threshold, reason)

    def _short(self, fn: str, value: float, threshold: float) -> str:
        return f"{self.unit.show(value)} is not {fn} {self.unit.show(threshold)}"

    def _condition(self, expr: Expr) -> Outcome:
        """Any other condition: as it stands, or with a champion in so many resamples as one end of the interval asks."""
        compiled = Compiled([expr])
        missing = self._missing(compiled)
        if missing:
            return missing
        value, threshold = self._sides(expr)
        if compiled.champion:
            share = float(np.mean(self._resampled(compiled)[:, 0] == 1.0))
            holds = share >= (1.0 + self.confidence) / 2.0
            return Outcome(PASSED if holds else FAILED, value, threshold, f"it holds in {share:.4g} of the resamples")
        found = compiled.values(self._measured(compiled))[0]
        if found is None:
            return Outcome(NO_DATA, value, threshold, "the condition is null")
        return Outcome(PASSED if found else FAILED, value, threshold, "" if found else "the condition is false")

    def _sides(self, expr: Expr) -> tuple[float | None, float | None]:
        """For a report: the value left of `in`, where the condition is one."""
        if expr["op"] == "call" and expr["fn"] in ("in", "not in"):
            compiled = Compiled([expr["args"][0]])
            scale = MICROS if expr["args"][0]["type"].startswith("duration") else 1.0
            return _scaled(compiled.values(self._measured(compiled))[0], scale), None
        return None, None

    def _missing(self, compiled: Compiled) -> Outcome | None:
        """The outcome where a metric has no value."""
        if compiled.champion and self.evidence.opponent is not None and self.evidence.opponent.outcomes is None:
            return Outcome(NO_DATA, None, None, self.evidence.opponent.reason)
        for node in compiled.nodes:
            measured = self.evidence.measure(node, self.view)
            if measured.value is None:
                return Outcome(NO_DATA, None, None, f"{_name(node)} is undefined: {measured.reason}")
        return None

    def _measured(self, compiled: Compiled) -> list[Measured]:
        return [self.evidence.measure(node, self.view) for node in compiled.nodes]

    def _resampled(self, compiled: Compiled) -> Floats:
        """(resamples, expressions): the values over each resample, NaN where undefined; conditions are 0 and 1."""
        fixed = self._measured(compiled)
        prepared = [self.evidence.resampler(node, self.view) for node in compiled.nodes]
        found = np.full((bootstrap.RESAMPLES, len(compiled.exprs)), np.nan)
        for at, weights in enumerate(bootstrap.draws(len(self.view), self.seed)):
            drawn = [one if sampler is None else sampler(weights) for one, sampler in zip(fixed, prepared, strict=True)]
            if all(one.value is not None for one in drawn):
                found[at] = [math.nan if value is None else float(value) for value in compiled.values(drawn)]
        return found


class Compiled:
    """Expressions over metrics as a function of the metrics' values. `nodes`: the distinct metrics, in order."""

    def __init__(self, exprs: list[Expr]) -> None:
        self.exprs = exprs
        self.nodes: list[Expr] = []
        self._names: dict[str, int] = {}
        self._function = to_python([self._replaced(expr) for expr in exprs])
        self.champion = any(node["subject"] == "champion" for node in self.nodes)

    def _replaced(self, node: Any) -> Any:
        if isinstance(node, (list, tuple)):
            return [self._replaced(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("op") == "metric":
            key = json.dumps(node, sort_keys=True)
            if key not in self._names:
                self._names[key] = len(self.nodes)
                self.nodes.append(node)
            return {"op": "column", "name": f"m{self._names[key]}", "type": _number_type(node["type"])}
        return {key: self._replaced(value) for key, value in node.items()}

    def values(self, measured: list[Measured]) -> list[Any]:
        row = {f"m{at}": one.value for at, one in enumerate(measured)}
        return self._function(row)


def _number_type(kind: str) -> str:
    """Measured durations and sizes have fractions once they are averaged: both count as float in arithmetic."""
    return "float" if kind.rstrip("?") == "size" else kind


def _negated(expr: Expr) -> Expr:
    if expr["op"] == "call":
        fn, args = expr["fn"], expr["args"]
        if fn in OPPOSITE:
            return {**expr, "fn": OPPOSITE[fn]}
        if fn in ("and", "or"):
            return {**expr, "fn": "or" if fn == "and" else "and", "args": [_negated(arg) for arg in args]}
        if fn == "not":
            return dict(args[0])
    return {"op": "call", "fn": "not", "args": [expr], "type": "bool"}


def _joined(fn: str, outcomes: list[Outcome]) -> Outcome:
    """`and` fails with its first failing side; `or` passes with its first passing one."""
    decisive, otherwise = (FAILED, PASSED) if fn == "and" else (PASSED, FAILED)
    for verdict in (decisive, NO_DATA, otherwise):
        for outcome in outcomes:
            if outcome.verdict == verdict:
                return outcome
    return outcomes[0]


def _compare(fn: str, a: Any, b: Any) -> bool:
    checks = {">=": a >= b, ">": a > b, "<=": a <= b, "<": a < b, "==": a == b, "!=": a != b}
    return bool(checks[fn])


def _interval_holds(fn: str, low: float, high: float) -> bool:
    if fn == "!=":
        return low > 0 or high < 0
    return _compare(fn, low, 0.0) and _compare(fn, high, 0.0)


def _scaled(value: Any, scale: float) -> float | None:
    return None if value is None else float(value) / scale


def _name(node: Expr) -> str:
    name = str(node["name"])
    if name == "gap":
        name = f"gap({node['args']['metric']}, by = {node['args']['by']})"
    return name if node["subject"] == "model" else f"{node['subject']}.{name}"
