"""What every target's folder carries: the runtime, the Plan, the packages to install."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlopsc.ir.plan import Plan, TrainSettings
from mlopsc.target.capability import object_store

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
RUNTIME_PACKAGE = "mlopsc_runtime"
# The ranges of the extras in pyproject.toml; a test holds them equal.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "run": ("duckdb>=1.5,<2", "numpy>=2", "scikit-learn>=1.9,<1.10", "optuna>=5,<6", "skops>=0.16,<0.17"),
    "postgres": ("psycopg[binary]>=3.2",),
    "s3": ("s3fs>=2026.2",),
    "boosting": ("xgboost-cpu>=3.2,<4", "lightgbm>=4.7,<5"),
}
# What a step of each kind does, as folders tell their readers.
DOES = {
    "ingest": "reads and types the rows",
    "clean": "filters, keeps the first of duplicates",
    "validate": "holds keys, bad rows and expectations against the data",
    "split": "parts training rows from test rows",
    "train": "fits features and algorithm, tuning included",
    "evaluate": "scores the test rows",
    "gate": "judges the model",
    "approve": "waits for a person",
    "register": "makes the model the champion",
    "custom": "runs a function of the spec's author",
}


def runtime_files(package: str = RUNTIME_PACKAGE) -> dict[str, bytes]:
    """The runtime's own sources under the name `package`; they import nothing of the compiler."""
    return {
        f"{package}/{path.relative_to(RUNTIME).as_posix()}": path.read_bytes()
        for path in sorted(RUNTIME.rglob("*.py"))
        if "__pycache__" not in path.parts
    }


def plan_file(plan: Plan) -> bytes:
    """plan.json: indented, in the order of the model's fields, ASCII."""
    return (json.dumps(plan.model_dump(mode="json"), indent=1, allow_nan=False) + "\n").encode("ascii")


def requirements(plan: Plan, store: str | None = None) -> list[str]:
    """The packages that the Plan's steps need, and the `store` that the target's block names, as ranges, sorted."""
    found = set(REQUIREMENTS["run"])
    if store is not None and object_store(store):
        found |= set(REQUIREMENTS["s3"])
    if any(connection.kind == "postgres" for connection in plan.connections):
        found |= set(REQUIREMENTS["postgres"])
    used = {
        a.name
        for p in plan.pipelines
        for s in p.steps
        if isinstance(s.settings, TrainSettings)
        for a in s.settings.candidates
    }
    found |= {r for r in REQUIREMENTS["boosting"] if r.partition("-")[0].partition(">")[0] in used}
    return sorted(found)


def environment_names(plan: Plan) -> list[str]:
    """Names of all environment variables that the Plan refers to."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if len(value) == 1:
                found.update(v for k, v in value.items() if k in ("secret", "env") and isinstance(v, str))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(plan.model_dump(mode="json", include={"connections", "pipelines"}))
    walk([channel.model_dump(mode="json") for channel in plan.channels if channel.name in plan.pipelines[0].notify])
    return sorted(found)
