"""Small rows, splits and settings for the tests of the machine-learning steps, shaped like the Plan's JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np

from mlopsc.runtime.context import Context
from mlopsc.runtime.ml import evaluate, gate, train

WHERE = {"file": "spec.mlops", "line": 7, "column": 3}
Json = dict[str, Any]


def column(name: str, kind: str) -> Json:
    return {"op": "column", "name": name, "type": kind}


def use(name: str, kind: str) -> Json:
    """Another feature of the block."""
    return {"op": "feature", "name": name, "type": kind}


def literal(value: Any, kind: str) -> Json:
    return {"op": "literal", "value": value, "type": kind}


def call(fn: str, kind: str, *args: Any) -> Json:
    return {"op": "call", "fn": fn, "args": list(args), "type": kind}


def metric(name: str, subject: str = "model", kind: str = "float", **args: Any) -> Json:
    return {"op": "metric", "subject": subject, "name": name, "args": args, "type": kind}


def at_least(left: Json, right: Any) -> Json:
    return call(">=", "bool", left, right if isinstance(right, dict) else literal(right, "float"))


def at_most(left: Json, right: Any) -> Json:
    return call("<=", "bool", left, right if isinstance(right, dict) else literal(right, "float"))


def transform(name: str, sklearn: str | None = None, **args: Any) -> Json:
    return {"name": name, "args": args, "sklearn": sklearn}


def feature(name: str, inputs: Json | list[Json], *pipe: Json, levels: Sequence[Any] = ()) -> Json:
    exprs = inputs if isinstance(inputs, list) else [inputs]
    types = [expr["type"] for expr in exprs]
    return {
        "name": name, "inputs": exprs, "types": types, "pipe": list(pipe), "levels": list(levels), "where": WHERE
    }  # fmt: skip


def algorithm(name: str, ref: str | None = None, **args: Any) -> Json:
    return {"name": name, "ref": ref, "args": args, "where": WHERE}


def tune(lo: float | None = None, hi: float | None = None, *, log: bool = False, choices: Any = None) -> Json:
    integer = isinstance(lo, int) and isinstance(hi, int)
    return {"tune": {"lo": lo, "hi": hi, "log": log, "integer": integer, "choices": choices}}


def rule(text: str, expr: Json, kind: str = "require", **clauses: Any) -> Json:
    defaults: Json = {"by": [], "min_rows": 30, "confidence": 0.95}
    return {"kind": kind, "text": text, "expr": expr, "where": WHERE, **defaults, **clauses}


def target(name: str, kind: str, task: str, **more: Any) -> Json:
    return {
        "text": name, "expr": column(name, kind), "type": kind, "task": task, "positive": None, "levels": None, **more
    }  # fmt: skip


class Workshop:
    """One folder with rows and a split; `train`, `evaluate` and `gate` run the steps on them."""

    def __init__(self, folder: Path, select: str, *, test: float = 0.25) -> None:
        """`select`: a query that gives the rows; `i` in it counts from 0 over `range(n)` where it uses one."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rows = folder / "rows.parquet"
        con = duckdb.connect()
        numbered = f"SELECT *, row_number() OVER () - 1 AS __row FROM ({select})"
        con.execute(f"COPY ({numbered}) TO '{self.rows}' (FORMAT parquet)")
        (count,) = con.execute(f"SELECT count(*) FROM '{self.rows}'").fetchone() or (0,)
        con.close()
        hashes = [hashlib.sha256(str(i).encode()).digest() for i in range(count)]
        self.ids = np.array([int.from_bytes(h[:8], "little") for h in hashes], dtype=np.uint64)
        self.position = np.array([int.from_bytes(h[8:16], "little") for h in hashes], dtype=np.uint64)
        part = np.zeros(count, dtype=np.uint8)
        part[np.argsort(self.position)[: round(count * test)]] = 1
        self.split(part)
        self.store: Any = None
        self.settings: Json = {}

    def split(self, part: Any) -> None:
        self.part = part
        np.savez(self.folder / "split.npz", part=part, id=self.ids, position=self.position)

    def path(self, name: str) -> Path:
        return self.folder / name

    def json(self, name: str) -> Json:
        found: Json = json.loads(self.path(name).read_text())
        return found

    def context(self, settings: Json, inputs: Sequence[str], outputs: Json) -> Context:
        known = {
            "rows": "rows.parquet", "split": "split.npz", "model": "model.zip", "predictions": "predictions.npz",
            "metrics": "metrics.json", "timing": "timing.json", "train_timing": "train_timing.json",
        }  # fmt: skip
        return Context(
            "step",
            settings,
            {name: self.path(known[name]) for name in inputs},
            {name: self.path(file) for name, file in outputs.items()},
            self.folder,
            self.folder,
            "run",
            self.store,
            self.folder,
        )

    def train(self, features: list[Json], to: Json, *candidates: Json, **more: Any) -> Json:
        defaults = {
            "model": "m", "data": "d", "features_name": "f", "split": {"kind": "random", "test": 0.25}, "key": [],
            "seed": 7, "tuning": None, "threshold": 0.5, "weights": None, "user_metrics": [], "explain": False,
        }  # fmt: skip
        self.settings = {**defaults, "features": features, "target": to, "candidates": list(candidates), **more}
        outputs = {"model": "model.zip", "report": "report.json", "timing": "train_timing.json"}
        return train.run(self.context(self.settings, ["rows", "split"], outputs))

    def evaluate(self, **more: Any) -> Json:
        shared = {name: self.settings[name] for name in ("model", "data", "key", "target", "threshold")}
        settings = {**shared, "user_metrics": [], "latency": False, "where": WHERE, **more}
        outputs = {"predictions": "predictions.npz", "metrics": "metrics.json", "timing": "timing.json"}
        evaluate.run(self.context(settings, ["rows", "split", "model"], outputs))
        return self.json("metrics.json")

    def gate(self, *rules: Json, **more: Any) -> Json:
        """The verdict; StepError where it is not passed (the file is written by then)."""
        shared = {name: self.settings[name] for name in ("model", "data", "key", "target", "threshold", "seed")}
        about = {"gate": "release", "user_metrics": [], "champion": True, "approval": False, "where": WHERE}
        inputs = ["rows", "split", "model", "predictions", "metrics", "timing", "train_timing"]
        gate.run(self.context({**shared, **about, "rules": list(rules), **more}, inputs, {"verdict": "verdict.json"}))
        return self.json("verdict.json")

    def reign(self, champion: Workshop | None) -> None:
        """Let `champion`'s model be the champion that a gate of this workshop meets."""
        files = {} if champion is None else {
            "model": str(champion.path("model.zip")), "split": str(champion.path("split.npz"))
        }  # fmt: skip
        record = None if champion is None else SimpleNamespace(version=3, artifacts=files)
        registry = SimpleNamespace(champion=lambda model: record)
        self.store = SimpleNamespace(registry=lambda: registry, path=Path)


PEOPLE = """
SELECT i AS id, (i * 7919 % 101) / 100.0 AS x, CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 104729 % 97) / 10.0 END AS z,
  ['north', 'south', 'west'][1 + i * 31 % 3] AS region, i % 5 = 0 AS member,
  ((i * 7919 % 101) / 100.0 + (i * 31 % 3) / 4.0 + (i * 15485863 % 89) / 200.0) > 0.8 AS bought,
  CASE WHEN (i * 7919 % 101) < 30 THEN 'low' WHEN (i * 7919 % 101) < 70 THEN 'mid' ELSE 'top' END AS grade,
  3.0 * (i * 7919 % 101) / 100.0 + (i * 31 % 3) + (i * 15485863 % 89) / 400.0 AS price,
  DATE '2024-01-01' + CAST(i // 4 AS INTEGER) AS day
FROM range({rows}) AS r(i)
"""


def people(folder: Path, rows: int = 800) -> Workshop:
    return Workshop(folder, PEOPLE.format(rows=rows))


FEATURES = [
    feature("x", column("x", "float"), transform("standardize")),
    feature("z", column("z", "float?"), transform("impute"), transform("standardize")),
    feature("region", column("region", "category"), transform("onehot")),
    feature("member", column("member", "bool")),
]
BOUGHT = target("bought", "bool", "binary")
GRADE = target("grade", "category", "multiclass", levels=["low", "mid", "top"])
PRICE = target("price", "float", "regression")
